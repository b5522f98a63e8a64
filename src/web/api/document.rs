//! What does the API look like? Its OpenAPI document and a viewer that needs no network.
//!
//! Never written by hand: the document comes from the code.

use axum::Router;
use axum::routing::get;
use utoipa::openapi::OpenApi;

use crate::web::App;

pub(crate) fn routes(document: OpenApi) -> Router<App> {
    Router::new().route("/v1/openapi.json", get(move || async move { axum::Json(document) }))
}
