//! How does a person read the document? One page of all calls, with lines to copy.
//!
//! Never loads or runs anything: plain HTML from the document itself.

use askama::Template;
use serde_json::Value;

use crate::web::pages::Frame;

use super::METHODS;
use super::example::{Schemas, kind, reference};

/// Words with `code` in between, as HTML; lines of one paragraph are joined.
#[derive(Clone, Debug, Default)]
pub(super) struct Prose(String);

impl Prose {
    fn of(holder: &Value, member: &str) -> Self {
        let text = holder.get(member).and_then(Value::as_str).unwrap_or_default();
        let text = text.split("\n\n").map(|part| part.replace('\n', " ")).collect::<Vec<_>>();
        let mut html = String::new();
        for (at, part) in text.join("\n\n").split('`').enumerate() {
            html.push_str(["", "<code>"].get(at % 2).copied().unwrap_or_default());
            for letter in part.chars() {
                match letter {
                    '<' => html.push_str("&lt;"),
                    '>' => html.push_str("&gt;"),
                    '&' => html.push_str("&amp;"),
                    letter => html.push(letter),
                }
            }
            html.push_str(["", "</code>"].get(at % 2).copied().unwrap_or_default());
        }
        Self(html)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Escaped already.
    pub(super) fn html(&self) -> &str {
        &self.0
    }
}

/// The page.
#[derive(Template)]
#[template(path = "docs/docs.html")]
pub(super) struct Docs<'a> {
    pub(super) frame: Frame,
    pub(super) base: String,
    pub(super) calls: &'a Calls,
}

/// All calls and schemas of the document.
#[derive(Debug)]
pub(super) struct Calls {
    pub(super) description: Prose,
    pub(super) groups: Vec<Group>,
    pub(super) schemas: Vec<Shape>,
}

/// The calls with one tag.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) calls: Vec<Call>,
}

#[derive(Debug)]
pub(super) struct Call {
    /// For links within the page.
    pub(super) anchor: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) summary: Prose,
    pub(super) description: Prose,
    pub(super) access: &'static str,
    pub(super) parameters: Vec<Member>,
    pub(super) body: Option<Kind>,
    pub(super) answers: Vec<Reply>,
    /// After the address: `curl` arguments.
    pub(super) options: String,
    /// Path and query of the example.
    pub(super) target: String,
}

/// A parameter, or a member of an object.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) place: String,
    pub(super) kind: Kind,
    pub(super) required: bool,
    pub(super) description: Prose,
}

/// A type, with the schema it refers to.
#[derive(Clone, Debug, Default)]
pub(super) struct Kind {
    pub(super) text: String,
    pub(super) schema: Option<String>,
}

#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: String,
    pub(super) description: Prose,
    pub(super) kind: Kind,
}

/// A schema.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) name: String,
    pub(super) description: Prose,
    pub(super) members: Vec<Member>,
    pub(super) example: String,
}

impl Calls {
    pub(super) fn new(document: &Value) -> Self {
        let schemas = Schemas::of(document);
        let mut groups: Vec<Group> = Vec::new();
        let paths = document.get("paths").and_then(Value::as_object);
        for (path, item) in paths.into_iter().flatten() {
            for method in METHODS {
                let Some(operation) = item.get(method) else { continue };
                let tag = operation.pointer("/tags/0").and_then(Value::as_str).unwrap_or("other");
                let call = Call::new(method, path, operation, schemas);
                match groups.iter_mut().find(|group| group.name == tag) {
                    Some(group) => group.calls.push(call),
                    None => groups.push(Group { name: tag.to_owned(), calls: vec![call] }),
                }
            }
        }
        groups.sort_by_key(|group| (rank(&group.name), group.name.clone()));
        let description = Prose::of(document.get("info").unwrap_or(&Value::Null), "description");
        let schemas = schemas.iter().map(|(name, schema)| Shape::new(name, schema, schemas));
        Self { description, groups, schemas: schemas.collect() }
    }
}

/// The order in which a newcomer meets them.
fn rank(group: &str) -> usize {
    const ORDER: [&str; 5] = ["catalogue", "availability", "holds", "bookings", "days"];
    ORDER.iter().position(|name| *name == group).unwrap_or(ORDER.len())
}

impl Call {
    fn new(method: &str, path: &str, operation: &Value, schemas: Schemas<'_>) -> Self {
        let parameters: Vec<&Value> =
            operation.get("parameters").and_then(Value::as_array).into_iter().flatten().collect();
        let body = operation.get("requestBody").and_then(|body| content(body));
        let replies = operation.get("responses").and_then(Value::as_object);
        let replies = replies.into_iter().flatten().map(|(status, reply)| Reply {
            status: status.clone(),
            description: Prose::of(reply, "description"),
            kind: content(reply).map(Kind::new).unwrap_or_default(),
        });
        let member = |parameter: &&Value| Member {
            name: parameter.get("name").map(text).unwrap_or_default(),
            place: parameter.get("in").map(text).unwrap_or_default(),
            kind: parameter.get("schema").map(Kind::new).unwrap_or_default(),
            required: parameter.get("required") == Some(&Value::Bool(true)),
            description: Prose::of(parameter, "description"),
        };
        let open = operation.pointer("/security/0") == Some(&serde_json::json!({}));
        let anchor = path.trim_matches('/').replace(['/', '{', '}'], "-");
        Self {
            anchor: format!("{method}-{anchor}"),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: Prose::of(operation, "summary"),
            description: Prose::of(operation, "description"),
            access: if open { "for all" } else { "with a key" },
            parameters: parameters.iter().map(member).collect(),
            body: body.map(Kind::new),
            answers: replies.collect(),
            options: options(method, &parameters, body, !open, schemas),
            target: target(path, &parameters, schemas),
        }
    }

    /// The call as a line for a shell.
    pub(super) fn curl(&self, base: &str) -> String {
        format!("curl '{base}{}'{}", self.target, self.options)
    }
}

impl Kind {
    fn new(schema: &Value) -> Self {
        if let Some(name) = reference(schema) {
            return Self { text: name.to_owned(), schema: Some(name.to_owned()) };
        }
        for alternatives in ["oneOf", "anyOf", "allOf"] {
            let alternatives = schema.get(alternatives).and_then(Value::as_array);
            let named = alternatives.into_iter().flatten().find(|one| reference(one).is_some());
            if let Some(named) = named {
                return Self::new(named);
            }
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            let values: Vec<_> = values.iter().map(text).collect();
            return Self { text: values.join(" | "), schema: None };
        }
        if let ("array", Some(items)) = (kind(schema), schema.get("items")) {
            let of = Self::new(items);
            return Self { text: format!("[{}]", of.text), schema: of.schema };
        }
        let format = schema.get("format").and_then(Value::as_str);
        Self { text: format.unwrap_or(kind(schema)).to_owned(), schema: None }
    }
}

impl Shape {
    fn new(name: &str, schema: &Value, schemas: Schemas<'_>) -> Self {
        let parts = schema.get("allOf").and_then(Value::as_array);
        let parts = parts.into_iter().flatten().chain([schema]);
        let members = parts.flat_map(|part| {
            let required = part.get("required").and_then(Value::as_array);
            let members = part.get("properties").and_then(Value::as_object);
            members.into_iter().flatten().map(move |(name, member)| Member {
                name: name.clone(),
                place: String::new(),
                kind: Kind::new(member),
                required: required.is_some_and(|all| all.iter().any(|one| one == name)),
                description: meaning(member),
            })
        });
        let example = schemas.example(schema);
        Self {
            name: name.to_owned(),
            description: Prose::of(schema, "description"),
            members: members.collect(),
            example: serde_json::to_string_pretty(&example).unwrap_or_default(),
        }
    }
}

/// What a member means: said by itself, or by one of its alternatives.
fn meaning(member: &Value) -> Prose {
    let alternatives = member.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let mut all = [member].into_iter().chain(alternatives).map(|one| Prose::of(one, "description"));
    all.find(|prose| !prose.is_empty()).unwrap_or_default()
}

/// The schema of a body or answer.
fn content(holder: &Value) -> Option<&Value> {
    holder.get("content")?.as_object()?.values().next()?.get("schema")
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The value of a parameter in an example.
fn sample(parameter: &Value, schemas: Schemas<'_>) -> String {
    let schema = parameter.get("schema").unwrap_or(&Value::Null);
    let given = parameter.get("example").cloned();
    let value = text(&given.unwrap_or_else(|| schemas.example(schema)));
    let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
    match name {
        "Idempotency-Key" => "a-new-key-1".to_owned(),
        "Booking-Secret" => "SECRET".to_owned(),
        "If-Match" => "\"0\"".to_owned(),
        "day" if value == "text" => "boston~2027-01-12".to_owned(),
        "id" | "ref" if value == "text" => "0040000010000001".to_owned(),
        _ => value,
    }
}

fn target(path: &str, parameters: &[&Value], schemas: Schemas<'_>) -> String {
    let mut target = path.to_owned();
    let mut query = Vec::new();
    for parameter in parameters {
        let name = parameter.get("name").map(text).unwrap_or_default();
        let required = parameter.get("required") == Some(&Value::Bool(true));
        match parameter.get("in").and_then(Value::as_str) {
            Some("path") => {
                target = target.replace(&format!("{{{name}}}"), &sample(parameter, schemas));
            }
            Some("query") if required => {
                query.push(format!("{name}={}", sample(parameter, schemas)));
            }
            _ => {}
        }
    }
    if query.is_empty() { target } else { format!("{target}?{}", query.join("&")) }
}

fn options(
    method: &str,
    parameters: &[&Value],
    body: Option<&Value>,
    key: bool,
    schemas: Schemas<'_>,
) -> String {
    let mut options = String::new();
    if !(method == "get" || (method == "post" && body.is_some())) {
        options.push_str(" -X ");
        options.push_str(&method.to_uppercase());
    }
    if key {
        options.push_str(" -H 'Authorization: Bearer KEY'");
    }
    for parameter in parameters {
        let name = parameter.get("name").map(text).unwrap_or_default();
        let required = parameter.get("required") == Some(&Value::Bool(true));
        let header = parameter.get("in").and_then(Value::as_str) == Some("header");
        if header && (required || name == "Booking-Secret") {
            let sample = sample(parameter, schemas);
            options.extend([" -H '", &name, ": ", &sample, "'"]);
        }
    }
    if let Some(body) = body {
        let example = schemas.example(body).to_string();
        options.push_str(" -H 'Content-Type: application/json' -d '");
        options.push_str(&example.replace('\'', "'\\''"));
        options.push('\'');
    }
    options
}
