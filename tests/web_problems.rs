//! Whatever is sent, nobody gets a server's error, and every refusal is a problem that explains
//! itself, in Spanish and in English; and the document of the API tells the truth about it.

#![cfg(feature = "web")]
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    dead_code,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/http.rs"]
mod http;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ::http::{Method, Request};
use axum::body::Body;
use http::{Answer, PARTNER, Town};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

const METHODS: [&str; 4] = ["get", "put", "post", "delete"];

/// Calls of the document: method, path, example of a body.
fn calls(town: &Town) -> Vec<(Method, String, Value)> {
    let document = town.get("/v1/openapi.json", &[]).ok(200);
    let mut calls = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS {
            let operation = &item[method];
            if operation.is_object() {
                let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
                let name = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next());
                let shape = name.map(|name| &document["components"]["schemas"][name]);
                let members = shape.map_or(&Value::Null, |shape| &shape["properties"]);
                let method = method.to_uppercase().parse().unwrap();
                calls.push((method, path.clone(), members.clone()));
            }
        }
    }
    calls
}

const REAL: [&str; 21] = [
    "boston",
    "boston~2027-01-05",
    "boston~2027-01-05~36",
    "0040000010000001",
    "passport",
    "00000000000000000000000000000001",
    "123456782",
    "2027-01-05",
    "web",
    "desk",
    "held",
    "Ana Ruiz",
    "6175550134",
    "1990-01-31",
    "arrived",
    "day",
    "slot",
    "1",
    "0",
    "-1",
    "99999",
];

/// Texts that are ids now and then.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => proptest::sample::select(&REAL[..]).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => "[a-z0-9~%+&=/?#-]{0,40}",
    ]
}

/// Any JSON, shallow.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_u8..5).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        texts().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(texts(), inner, 0..4)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// A body: bytes, JSON, or JSON with members of the call's own names.
fn bodies(members: Vec<String>) -> BoxedStrategy<Vec<u8>> {
    let of_members = if members.is_empty() {
        values().boxed()
    } else {
        let member = proptest::sample::select(members);
        proptest::collection::btree_map(member, values(), 0..6)
            .prop_map(|members| members.into_iter().collect())
            .boxed()
    };
    prop_oneof![
        1 => proptest::collection::vec(any::<u8>(), 0..64),
        1 => values().prop_map(|value| value.to_string().into_bytes()),
        4 => of_members.prop_map(|value: Value| value.to_string().into_bytes()),
    ]
    .boxed()
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat()
}

const QUERY: [&str; 17] = [
    "service",
    "offices",
    "from",
    "to",
    "group",
    "limit",
    "cursor",
    "after",
    "q",
    "near",
    "persons",
    "office",
    "day",
    "dry_run",
    "channel",
    "arrangement",
    "lang",
];

/// A request for one of the calls, with anything in its places.
fn requests(
    calls: Vec<(Method, String, Value)>,
) -> impl Strategy<Value = (String, String, Vec<u8>, u8)> {
    let call = proptest::sample::select(calls);
    call.prop_flat_map(|(method, path, members)| {
        let names = members.as_object().map(|members| members.keys().cloned().collect());

        let pairs = (proptest::sample::select(&QUERY[..]), texts());
        let pairs = proptest::collection::vec(pairs, 0..4);
        (pairs, texts(), bodies(names.unwrap_or_default()), any::<u8>()).prop_map(
            move |(pairs, named, body, dice)| {
                let parts = path.split('/').map(|part| match part.strip_prefix('{') {
                    Some(_) => escaped(&named),
                    None => part.to_owned(),
                });
                let path = parts.collect::<Vec<_>>().join("/");
                let query: Vec<_> = pairs
                    .iter()
                    .map(|(name, value)| match dice % 16 {
                        0 => format!("{name}={}", value.escape_default()),
                        _ => format!("{name}={}", escaped(value)),
                    })
                    .collect();
                let target = format!("{path}?{}", query.join("&"));
                (method.to_string(), target, body, dice)
            },
        )
    })
}

#[test]
fn nothing_that_is_sent_makes_a_server_error_and_every_refusal_is_a_problem() {
    let town = Town::new();
    let mut runner =
        TestRunner::new(Config { cases: 4_000, failure_persistence: None, ..Config::default() });
    let keys = ["", "Bearer demo-partner", "Bearer demo-desk", "Bearer demo-admin", "Bearer x"];
    let mut seen = [0_u32; 6];
    let count = std::cell::RefCell::new(&mut seen);
    let all = requests(calls(&town));
    let outcome = runner.run(&all, |(method, target, body, dice)| {
        let request = Request::builder().method(method.as_str()).uri(target.as_str());
        let request = request
            .header("authorization", keys[usize::from(dice) % keys.len()])
            .header("content-type", if dice % 32 == 1 { "text/plain" } else { "application/json" })
            .header("idempotency-key", format!("key-{dice}"))
            .header("if-match", ["\"0\"", "*", "x"][usize::from(dice) % 3])
            .header("booking-secret", "0123456789012345678901");
        // What is no address at all never reaches the service.
        let Ok(request) = request.body(Body::from(body)) else { return Ok(()) };
        let answer = town.request(request);
        let status = answer.status.as_u16();
        count.borrow_mut()[usize::from(status / 100)] += 1;
        prop_assert!(status < 500, "{answer:?}");
        if status >= 400 && target.starts_with("/fhir") {
            let kind = answer.header("content-type");
            let own = kind.starts_with("application/fhir+json");
            prop_assert!(own || kind == "application/problem+json", "{answer:?}");
        } else if status >= 400 {
            let kind = answer.header("content-type");
            prop_assert_eq!(kind, "application/problem+json", "{:?}", answer);
            let problem: Value = serde_json::from_str(&answer.text).unwrap();
            prop_assert!(problem["title"].is_string() && problem["trace_id"].is_string());
        }
        Ok(())
    });
    outcome.unwrap();
    println!("answers by class of status: {seen:?}");
    assert!(seen[2] > 100 && seen[4] > 1_000, "too one-sided: {seen:?}");
}

#[test]
fn every_call_of_the_document_is_there_and_nothing_else_is() {
    let town = Town::new();
    let calls = calls(&town);
    assert!(calls.len() > 15);
    for (method, path, _) in &calls {
        let path = path.replace("{day}", "boston~2027-01-05").replace(['{', '}'], "");
        let answer = town.send(method.clone(), &path, &[PARTNER], "");
        assert_ne!(answer.status, 405, "{method} {path}");
        let kind = answer.header("content-type");
        assert!(kind != "text/plain" && !kind.is_empty() || answer.text.is_empty(), "{answer:?}");
    }
    town.get("/v1/nothing", &[]).problem(404, "not-found");
    town.get("/v1", &[]).problem(404, "not-found");
    // Found by chance: an empty id is no route, and was answered with a page for people.
    town.get("/fhir/Slot/", &[]).problem(404, "not-found");
    town.get("/v1/holds/", &[("accept", "text/html")]).problem(404, "not-found");
    town.delete("/v1/offices", &[]).problem(405, "method-not-allowed");
}

/// Routes as the sources register them.
#[test]
fn every_route_of_the_api_is_in_the_document() {
    let town = Town::new();
    let known: BTreeSet<String> = calls(&town).into_iter().map(|(_, path, _)| path).collect();
    let mut found = BTreeSet::new();
    let mut left = vec![Path::new("src/web").to_path_buf()];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for (at, _) in text.match_indices("\"/v1/") {
                // A route or the path of a documented call, not a link in an answer.
                let before = text[..at].trim_end();
                if before.ends_with("route(") || before.ends_with("path =") {
                    let rest = &text[at + 1..];
                    found.insert(rest[..rest.find('"').unwrap()].to_owned());
                }
            }
        }
    }
    found.remove("/v1/openapi.json");
    assert!(found.len() > 12, "{found:?}");
    let missing: Vec<_> = found.difference(&known).collect();
    assert!(missing.is_empty(), "routes that the document does not name: {missing:?}");
}

#[test]
fn the_document_is_whole() {
    let town = Town::new();
    let answer = town.get("/v1/openapi.json", &[]);
    let text = answer.text.clone();
    let document = answer.ok(200);
    assert_eq!(document["openapi"], "3.1.0");
    town.get("/v1/openapi.json", &[("if-none-match", answer.header("etag"))]).ok(304);
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (at, _) in text.match_indices("#/components/schemas/") {
        let rest = &text[at + "#/components/schemas/".len()..];
        let name = &rest[..rest.find('"').unwrap()];
        assert!(schemas.contains_key(name), "{name} is referred to and not there");
    }
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{method} {path}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{name}: id twice");
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
            assert!(operation["tags"][0].is_string(), "{name}");
            let fhir = path.starts_with("/fhir");
            let kind = if fhir { "application/fhir+json" } else { "application/problem+json" };
            let problem = &operation["responses"]["default"]["content"][kind];
            assert!(problem.is_object(), "{name}");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["schema"].is_object(), "{name}: {parameter}");
            }
        }
    }
}

/// Two shapes of one name become one in the document, without a word: a recount stood there for
/// the answer of a check.
#[test]
fn no_two_shapes_share_a_name() {
    let mut left = vec![std::path::PathBuf::from("src/web")];
    let mut names = BTreeSet::new();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            for shape in text.split("ToSchema)]").skip(1) {
                let mut words = shape.split([' ', '\n', '<', '{', ';', '(']);
                words.find(|word| ["struct", "enum"].contains(word)).unwrap();
                let name = words.next().unwrap().to_owned();
                assert!(names.insert(name.clone()), "{name} in {} is the second", path.display());
            }
        }
    }
    assert!(names.len() > 30);
}

#[test]
fn the_viewer_needs_nothing_but_itself() {
    let town = Town::new();
    let page = town.get("/docs", &[]);
    page.ok(200);
    let text = &page.text;
    for (method, path, _) in calls(&town) {
        assert!(text.contains(&format!("<b>{method}</b> {path}")), "{method} {path}");
    }
    assert!(text.contains("curl '") && text.contains("demo") || text.contains("KEY"));
    for forbidden in ["<script", "style=", "onclick", "src=\"http", "href=\"http"] {
        assert!(!text.contains(forbidden), "{forbidden}");
    }
    for anchor in text.match_indices("href=\"#").map(|(at, _)| &text[at + 7..]) {
        let anchor = &anchor[..anchor.find('"').unwrap()];
        assert!(text.contains(&format!("id=\"{anchor}\"")), "#{anchor} leads nowhere");
    }
}

#[test]
fn bodies_of_the_document_are_accepted_as_they_stand() {
    let town = Town::new();
    let page = town.get("/docs", &[]).text;
    let lines: Vec<_> = page.split("<pre").filter(|part| part.contains("curl ")).collect();
    let holds = lines.iter().find(|line| line.contains("/v1/holds&#39;")).unwrap();
    let body = holds.split("-d &#39;").nth(1).unwrap().split("&#39;").next().unwrap();
    let body = body.replace("&quot;", "\"").replace("&#34;", "\"");
    let body: Value = serde_json::from_str(&body).unwrap();
    town.post("/v1/holds", "a", &[], &body).ok(201);
}

/// Names of problems in the sources, each of which has to be explained.
fn names_in_sources() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut left = vec![Path::new("src/web").to_path_buf()];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for start in ["Problem::new(", "Self::new(", "Self::conflict(", ".named("] {
                for (at, _) in text.match_indices(start) {
                    let end = text[at..].find(')').map_or(text.len(), |end| at + end);
                    let call = &text[at..end];
                    let of_problem = text.contains("for Problem") && call.contains("StatusCode");
                    let status = of_problem || start != "Self::new(";
                    let name = call.split('"').nth(1).unwrap_or_default();
                    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
                    if status && plain && !name.is_empty() {
                        names.insert(name.to_owned());
                    }
                }
            }
        }
    }
    names
}

#[test]
fn every_problem_is_explained_in_both_languages() {
    let town = Town::new();
    let names = names_in_sources();
    assert!(names.len() > 20, "{names:?}");
    let list = town.get("/problems", &[]);
    for name in names {
        let path = format!("/problems/{name}");
        assert!(list.text.contains(&format!("href=\"{path}\"")), "{name} is not listed");
        let page = |tag: &str| {
            let page = town.get(&path, &[("accept-language", tag), ("accept", "text/html")]);
            assert_eq!(page.status, 200, "{name}");
            let title = page.text.split("<h1>").nth(1).unwrap().split("</h1>").next().unwrap();
            title.to_owned()
        };
        assert_ne!(page("es"), page("en"), "{name}");
    }
    town.get("/problems/none-such", &[]).problem(404, "not-found");
    town.get("/problems/labels", &[]).problem(404, "not-found");
}

fn title(answer: &Answer) -> String {
    answer.problem(404, "not-found")["title"].as_str().unwrap().to_owned()
}

#[test]
fn a_problem_speaks_the_language_of_its_reader_and_carries_its_case() {
    let town = Town::new();
    let es = town.get("/v1/nothing", &[]);
    let en = town.get("/v1/nothing", &[("accept-language", "en-US,en;q=0.9")]);
    assert_eq!((es.header("content-language"), en.header("content-language")), ("es", "en"));
    assert_ne!(title(&es), title(&en));
    assert_ne!(es.header("trace-id"), en.header("trace-id"));
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let traced = town.get("/v1/offices", &[("traceparent", parent)]);
    assert_eq!(traced.header("trace-id"), "0af7651916cd43dd8448eb211c80319c");
    let page = town.get("/problems/none-such", &[("accept", "text/html,*/*")]);
    assert_eq!(page.status, 404);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.text.contains(page.header("trace-id")));
}

#[test]
fn bodies_of_another_kind_are_refused() {
    let town = Town::new();
    let body = json!({"slots": ["boston~2027-01-05~36"], "services": ["passport"]}).to_string();
    let send = |kind: &[(&str, &str)]| {
        town.send(Method::POST, "/v1/availability/check", kind, body.clone())
    };
    send(&[]).problem(415, "media-type");
    send(&[("content-type", "text/plain")]).problem(415, "media-type");
    send(&[("content-type", "application/json; charset=utf-8")]).ok(200);
    let large = " ".repeat(1 << 20);
    let json = [("content-type", "application/json")];
    town.send(Method::POST, "/v1/availability/check", &json, large).problem(413, "too-large");
}
