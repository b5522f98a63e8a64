//! What are the rules, as one document?
//!
//! Never half installed: the whole document or nothing.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Catalog;
use crate::web::App;
use crate::web::admin::{Edited, edit, version_of, wrong};
use crate::web::api::extract::Json;
use crate::web::guard::AdminCaller;
use crate::web::problem::Problem;

use super::{EditQuery, Editor, Refusals, Text, catalog_of, tagged, told};

const TOML: &str = "application/toml";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, put))
}

/// The catalog in force, as JSON, or as TOML with `Accept: application/toml`.
#[utoipa::path(get, path = "/v1/admin/catalog", tag = "admin", operation_id = "get_catalog",
    responses(
        (status = 200, description = "The catalog", headers(("ETag" = String)), content(
            (Object = "application/json"), (String = "application/toml"))),
        Refusals))]
async fn get(
    State(app): State<App>,
    _: AdminCaller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let catalog = catalog_of(&app)?;
    let version = version_of(&catalog);
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if accept.is_some_and(|accept| accept.contains(TOML)) {
        return Ok(tagged(&version, ([(header::CONTENT_TYPE, TOML)], catalog.to_toml())));
    }
    Ok(tagged(&version, Json(&*catalog).into_response()))
}

/// Puts a catalog in force, from JSON or, with that content type, from TOML.
#[utoipa::path(put, path = "/v1/admin/catalog", tag = "admin", operation_id = "put_catalog",
    params(EditQuery, ("If-Match" = String, Header, description = "The version it replaces")),
    request_body(description = "A whole catalog", content(
        (Object = "application/json"), (String = "application/toml"))),
    responses((status = 200, description = "What it did, or would do", body = Edited), Refusals))]
async fn put(
    State(app): State<App>,
    editor: Editor,
    Text(text): Text,
) -> Result<Response, Problem> {
    let wish = editor.wish("put-catalog", "catalog")?;
    let kind = editor.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let toml = kind.is_some_and(|kind| kind.contains("toml"));
    let read = if toml { Catalog::from_toml(&text) } else { Catalog::from_json(&text) };
    let next = read.map_err(|error| wrong(&error))?;
    let edited = edit(&app, wish, move |catalog| {
        *catalog = next;
        Ok(())
    });
    Ok(told(StatusCode::OK, edited.await?))
}
