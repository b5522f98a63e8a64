//! What does the API look like? Its OpenAPI document and a viewer that needs no network.
//!
//! Never written by hand: the document comes from the code.

mod example;
mod viewer;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::routing::get;
use serde_json::{Map, Value, json};
use utoipa::PartialSchema;
use utoipa::openapi::OpenApi;

use crate::web::App;
use crate::web::pages::{Frame, page};
use crate::web::problem;

use super::tags::{Tag, tagged};

pub(crate) fn routes(document: OpenApi) -> Router<App> {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    complete(&mut document);
    let calls = Arc::new(viewer::Calls::new(&document));
    let text: Arc<[u8]> = serde_json::to_vec(&document).unwrap_or_default().into();
    let openapi = move |headers: HeaderMap| async move {
        let kind = [(header::CONTENT_TYPE, "application/json")];
        let tag = Tag::new("openapi").with(&text);
        tagged(&headers, &tag, "public, max-age=60", || (kind, text.to_vec()))
    };
    let docs = move |State(app): State<App>, frame: Frame| async move {
        page(&viewer::Docs { frame, base: app.settings.base(), calls: &calls })
    };
    Router::new().route("/v1/openapi.json", get(openapi)).route("/docs", get(docs))
}

/// Says once what holds for all calls: how to show a key, and what a problem looks like.
fn complete(document: &mut Value) {
    for operation in operations(document) {
        let administration = operation.0.starts_with("/v1/admin");
        complete_operation(operation.1, administration);
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

/// Every operation with its path.
fn operations(document: &mut Value) -> Vec<(String, &mut Map<String, Value>)> {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let items = paths.into_iter().flat_map(|paths| paths.iter_mut());
    let mut all = Vec::new();
    for (path, item) in items {
        let Some(item) = item.as_object_mut() else { continue };
        let methods = item.iter_mut().filter(|(name, _)| METHODS.contains(&name.as_str()));
        let operations = methods.filter_map(|(_, operation)| operation.as_object_mut());
        all.extend(operations.map(|operation| (path.clone(), operation)));
    }
    all
}

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

fn complete_operation(operation: &mut Map<String, Value>, administration: bool) {
    let security = if administration { json!([{"key": []}]) } else { json!([{}, {"key": []}]) };
    operation.entry("security").or_insert(security);
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    let Some(responses) = responses.as_object_mut() else { return };
    let any = json!({"description": "Any other problem"});
    responses.entry("default").or_insert(any);
    for (status, response) in responses {
        let refused = status == "default" || status.starts_with(['4', '5']);
        let Some(response) = response.as_object_mut().filter(|_| refused) else { continue };
        let schema = json!({"schema": {"$ref": "#/components/schemas/Problem"}});
        response.entry("content").or_insert_with(|| json!({ problem::KIND: schema }));
    }
}
