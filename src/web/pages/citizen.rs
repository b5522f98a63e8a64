//! How does a citizen get from "I need a passport" to a booked place?
//!
//! One question a page. Details are asked before the place is held, so that the clock runs short.

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::get;

use crate::web::App;

use super::frame::{Frame, page};

/// What a citizen has said so far; kept at the server under a cookie's token.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {}

#[derive(Template)]
#[template(path = "citizen/start.html")]
struct Start {
    frame: Frame,
}

pub(super) fn routes() -> Router<App> {
    Router::new().route("/", get(start))
}

async fn start(frame: Frame) -> Response {
    page(&Start { frame })
}
