//! How does a browser, or a program over HTTP, book a place?
//!
//! Translates HTTP and pages to the public API and back. Owns wire types, wording and sessions,
//! never a rule of allocation: those are the engine's. People are the desk's.

mod api;
mod app;
mod civil;
mod events;
mod fhir;
mod guard;
mod ics;
mod metrics;
mod pages;
mod problem;
mod serve;
mod settings;
mod webhooks;
mod wire;
mod words;

pub use app::App;
pub use serve::{ServeError, Served, serve};
pub use settings::{KeySetting, Settings, SettingsError};

/// All routes: pages, API, documentation, metrics, health.
pub fn router(app: &App) -> axum::Router {
    let (api, document) = api::routes().split_for_parts();
    let routes = axum::Router::new()
        .merge(api)
        .merge(api::document::routes(document))
        .merge(metrics::routes())
        .merge(pages::routes());
    metrics::around(guard::around(routes, app), app).with_state(app.clone())
}
