//! Style sheet, scripts and pictures: compiled in, cached by their content.
//!
//! Never fetched from anywhere else.

use axum::Router;
use axum::http::header;
use axum::routing::get;

use crate::web::App;

const STYLE: &str = include_str!("../assets/style.css");

pub(super) fn routes() -> Router<App> {
    let kind = [(header::CONTENT_TYPE, "text/css; charset=utf-8")];
    Router::new().route("/assets/style.css", get(move || async move { (kind, STYLE) }))
}
