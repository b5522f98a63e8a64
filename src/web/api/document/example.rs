//! What would such a value look like? An example made from a schema of the document.
//!
//! Never follows a schema for ever: what nests too deep is left out.

use serde_json::{Map, Value, json};

/// How deep an example nests at most.
const DEPTH_MAX: usize = 8;

/// Schemas by name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schemas<'a>(Option<&'a Map<String, Value>>);

impl<'a> Schemas<'a> {
    pub(super) fn of(document: &'a Value) -> Self {
        Self(document.pointer("/components/schemas").and_then(Value::as_object))
    }

    pub(super) fn iter(self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.0.into_iter().flatten()
    }

    /// An example; of objects the members that must be there, and those that say what they are
    /// like.
    pub(super) fn example(self, schema: &Value) -> Value {
        self.example_at(schema, 0)
    }

    fn example_at(self, schema: &Value, depth: usize) -> Value {
        if depth > DEPTH_MAX {
            return Value::Null;
        }
        let given = ["example", "default", "const"].into_iter().find_map(|name| schema.get(name));
        let listed = ["examples", "enum"].into_iter().find_map(|name| schema.get(name)?.get(0));
        if let Some(example) = given.or(listed) {
            return example.clone();
        }
        if let Some(named) = reference(schema).and_then(|name| self.0?.get(name)) {
            return self.example_at(named, depth + 1);
        }
        if let Some(one) = ["oneOf", "anyOf"].into_iter().find_map(|name| first(schema.get(name)?))
        {
            return self.example_at(one, depth + 1);
        }
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            let parts = parts.iter().filter_map(|part| match self.example_at(part, depth + 1) {
                Value::Object(members) => Some(members),
                _ => None,
            });
            return Value::Object(parts.flatten().collect());
        }
        match kind(schema) {
            "object" => self.object(schema, depth),
            "array" => {
                let items = schema.get("items").map(|items| self.example_at(items, depth + 1));
                Value::Array(items.into_iter().collect())
            }
            "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
            "boolean" => json!(false),
            "string" => json!(text(schema)),
            _ => Value::Null,
        }
    }

    fn object(self, schema: &Value, depth: usize) -> Value {
        let required = schema.get("required").and_then(Value::as_array);
        let is_required =
            |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
        let members = schema.get("properties").and_then(Value::as_object);
        let members = members.into_iter().flatten().filter(|(name, _)| is_required(name));
        let examples =
            members.map(|(name, schema)| (name.clone(), self.example_at(schema, depth + 1)));
        Value::Object(examples.collect())
    }
}

/// The first alternative that is not nothing.
fn first(alternatives: &Value) -> Option<&Value> {
    alternatives.as_array()?.iter().find(|one| kind(one) != "null")
}

/// The name of a schema that is referred to.
pub(super) fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.rsplit('/').next()
}

/// The type, of several the first that is not nothing.
pub(super) fn kind(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => {
            let kinds = kinds.iter().filter_map(Value::as_str);
            kinds.into_iter().find(|kind| *kind != "null").unwrap_or("null")
        }
        _ if schema.get("properties").is_some() => "object",
        _ => "",
    }
}

fn text(schema: &Value) -> &'static str {
    match schema.get("format").and_then(Value::as_str) {
        Some("date") => "2027-01-12",
        Some("date-time") => "2027-01-12T14:00:00Z",
        Some("uri") => "https://example.org/",
        _ => "text",
    }
}
