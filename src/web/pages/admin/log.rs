//! Who did what? The audit, page by page.
//!
//! Never changed from here.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;

use crate::desk::Deed;
use crate::web::App;
use crate::web::pages::frame::{Frame, page};
use crate::web::problem::Problem;

use super::words::Words;
use super::{Admin, Fields};

const PAGE: usize = 50;

#[derive(Template)]
#[template(path = "admin/audit.html")]
struct Log {
    frame: Frame,
    w: &'static Words,
    here: &'static str,
    deeds: Vec<Deed>,
    next: Option<u64>,
}

pub(super) fn routes() -> Router<App> {
    Router::new().route("/admin/audit", get(show))
}

async fn show(State(app): State<App>, admin: Admin, fields: Fields) -> Response {
    admin.show(made(&app, &admin, &fields))
}

fn made(app: &App, admin: &Admin, fields: &Fields) -> Result<Response, Problem> {
    let deeds = app.audit.list(fields.get("cursor").parse().ok(), PAGE)?;
    let last = deeds.last().filter(|last| deeds.len() == PAGE && last.number > 1);
    let next = last.map(|last| last.number);
    Ok(page(&Log { frame: admin.frame.clone(), w: admin.w, here: "audit", deeds, next }))
}
