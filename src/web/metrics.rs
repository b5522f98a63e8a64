//! How is the service doing? Metrics, liveness and readiness.
//!
//! Counts are read when somebody looks: nothing is paid on the way of a request but a few counters.

mod check;
mod count;
mod load;
mod phone;
mod scrape;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::App;
use super::guard::{Caller, Role};
use super::problem::Problem;
use count::Counts;

pub(crate) use check::{Check, Recounted};
pub(crate) use load::{Load, Minute, Second};

/// Counters of requests, and what is computed from them.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) counts: Arc<Counts>,
    pub(crate) load: Arc<Load>,
    pub(crate) check: Arc<Check>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let counts = Arc::new(Counts::new());
        let load = Arc::new(Load::new(counts.clone()));
        Self { counts, load, check: Arc::new(Check::new()) }
    }

    /// Refusals by cause since the start.
    pub(crate) fn refusals(&self) -> std::collections::BTreeMap<&'static str, u64> {
        self.counts.refusals()
    }
}

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

/// Counts every request; goes around everything else.
pub(crate) fn around(routes: Router<App>, app: &App) -> Router<App> {
    routes.layer(count::Counting(app.metrics.counts.clone()))
}

/// Ready for more: the log is replayed, the disk takes changes, nobody is turned away.
async fn ready(State(app): State<App>) -> Response {
    let why = match app.engine.status() {
        Err(error) => error.to_string(),
        Ok(()) if app.stop.is_cancelled() => "stopping".to_owned(),
        Ok(()) if app.metrics.load.is_shedding() => "overloaded".to_owned(),
        Ok(()) => return "ready\n".into_response(),
    };
    (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response()
}

/// For a scraper on this machine, or with an administrator's key.
async fn metrics(State(app): State<App>, caller: Caller, request: Request) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let near = peer.is_some_and(|peer| peer.0.ip().is_loopback());
    if !(near && is_direct(request.headers()) || caller.is(Role::Admin)) {
        let what = "from this machine, or with an administrator's key";
        return Problem::new(StatusCode::FORBIDDEN, "forbidden", what).into_response();
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match scrape::text(&app) {
        Ok(text) => ([(header::CONTENT_TYPE, kind)], text).into_response(),
        Err(error) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failure", error.to_string())
            .into_response(),
    }
}

/// Whether no proxy has passed the request on.
fn is_direct(headers: &HeaderMap) -> bool {
    let passed_on = [header::FORWARDED.as_str(), header::VIA.as_str(), "x-forwarded-for"];
    passed_on.iter().all(|name| !headers.contains_key(*name))
}
