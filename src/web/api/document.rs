//! What does the API look like? Its `OpenAPI` document and a viewer that needs no network.
//!
//! Never written by hand: the document comes from the code.

mod example;
mod viewer;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::get;
use serde_json::{Map, Value, json};
use utoipa::PartialSchema;
use utoipa::openapi::OpenApi;

use crate::web::App;
use crate::web::pages::{Frame, page};
use crate::web::problem;

use super::tags::{Tag, tagged_text};

pub(crate) fn routes(document: OpenApi) -> Router<App> {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    complete(&mut document);
    let calls = Arc::new(viewer::Calls::new(&document));
    let text = Bytes::from(serde_json::to_vec(&document).unwrap_or_default());
    let tag = Arc::new(Tag::new("openapi").with(&text));
    let openapi = move |headers: HeaderMap| async move {
        tagged_text(&headers, &tag, "public, max-age=60", text)
    };
    let docs = move |State(app): State<App>, frame: Frame| async move {
        page(&viewer::Docs { frame, base: app.settings.base(), calls: &calls })
    };
    Router::new().route("/v1/openapi.json", get(openapi)).route("/docs", get(docs))
}

/// Says once what holds for all calls: how to show a key, and what a problem looks like.
fn complete(document: &mut Value) {
    for (method, path, operation) in operations(document) {
        complete_operation(&method, &path, operation);
    }
    let problem = serde_json::to_value(problem::Body::schema()).unwrap_or_default();
    if let Some(document) = document.as_object_mut() {
        let components = document.entry("components").or_insert_with(|| json!({}));
        if let Some(components) = components.as_object_mut() {
            let schemas = components.entry("schemas").or_insert_with(|| json!({}));
            if let Some(schemas) = schemas.as_object_mut() {
                schemas.insert("Problem".to_owned(), problem);
            }
            let key = json!({"key": {"type": "http", "scheme": "bearer",
                "description": "The key of a program, of staff or of an administrator"}});
            components.insert("securitySchemes".to_owned(), key);
        }
    }
}

/// Every operation with its method and path.
fn operations(document: &mut Value) -> Vec<(String, String, &mut Map<String, Value>)> {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let items = paths.into_iter().flat_map(|paths| paths.iter_mut());
    let mut all = Vec::new();
    for (path, item) in items {
        let Some(item) = item.as_object_mut() else { continue };
        let methods = item.iter_mut().filter(|(name, _)| METHODS.contains(&name.as_str()));
        for (method, operation) in methods {
            if let Some(operation) = operation.as_object_mut() {
                all.push((method.clone(), path.clone(), operation));
            }
        }
    }
    all
}

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

fn complete_operation(method: &str, path: &str, operation: &mut Map<String, Value>) {
    // Functions of two modules may have one name; ids may not.
    let words = path.split(['/', '{', '}', '.']).filter(|word| !["", "v1"].contains(word));
    let id = [method].into_iter().chain(words).collect::<Vec<_>>().join("_");
    operation.insert("operationId".to_owned(), id.into());
    let administration = path.starts_with("/v1/admin");
    let security = if administration { json!([{"key": []}]) } else { json!([{}, {"key": []}]) };
    operation.entry("security").or_insert(security);
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    let Some(responses) = responses.as_object_mut() else { return };
    // FHIR has its own form of problems.
    let content = if path.starts_with("/fhir") {
        json!({"application/fhir+json": {"schema": {"type": "object"}}})
    } else {
        json!({problem::KIND: {"schema": {"$ref": "#/components/schemas/Problem"}}})
    };
    responses.entry("default").or_insert_with(|| json!({"description": "Any other problem"}));
    for (status, response) in responses {
        let refused = status == "default" || status.starts_with(['4', '5']);
        let Some(response) = response.as_object_mut().filter(|_| refused) else { continue };
        response.entry("content").or_insert_with(|| content.clone());
    }
}
