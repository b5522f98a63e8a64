//! How is the service doing? Metrics, liveness and readiness.
//!
//! Counts are read when somebody looks: nothing is paid on the way of a request but a counter.

use axum::Router;
use axum::routing::get;

use super::App;

/// Counters of requests.
#[derive(Debug)]
pub(crate) struct Metrics {}

impl Metrics {
    pub(crate) const fn new() -> Self {
        Self {}
    }
}

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/healthz", get(|| async { "ok\n" }))
}
