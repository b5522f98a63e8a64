//! What does a problem mean, and what can one do? A page for each, in Spanish and English.
//!
//! Never tells what happened to anybody: the same page for all.

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::web::App;
use crate::web::pages::{Frame, page};
use crate::web::problem::Problem;
use crate::web::words::{self, Explained};

#[derive(Template)]
#[template(path = "problems/problem.html")]
struct ProblemPage<'a> {
    frame: Frame,
    name: &'a str,
    explained: &'a Explained,
    labels: &'a Explained,
    trace: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "problems/list.html")]
struct List {
    frame: Frame,
    labels: &'static Explained,
    problems: Vec<(&'static str, &'static Explained)>,
}

/// The pages that the types of problems point to.
pub(crate) fn routes() -> Router<App> {
    Router::new().route("/problems", get(list)).route("/problems/{name}", get(one))
}

/// The page of a problem; `trace` of the one at hand.
pub(super) fn explained(frame: Frame, name: &str, trace: Option<&str>) -> Response {
    let explained = words::problem(name, frame.language);
    let labels = words::problem_labels(frame.language);
    page(&ProblemPage { frame, name, explained, labels, trace })
}

async fn list(frame: Frame) -> Response {
    let labels = words::problem_labels(frame.language);
    let problems = words::problems(frame.language).collect();
    page(&List { frame, labels, problems })
}

async fn one(frame: Frame, Path(name): Path<String>) -> Response {
    if words::problems(frame.language).all(|(known, _)| known != name) {
        return Problem::not_found().into_response();
    }
    explained(frame, &name, None)
}
