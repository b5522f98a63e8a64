//! How does a browser, or a program over HTTP, book a place?
//!
//! Translates HTTP and pages to the public API and back. Owns wire types, wording and sessions,
//! never a rule of allocation: those are the engine's. People are the desk's.

mod admin;
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
mod refused;
mod serve;
mod settings;
mod voice;
mod webhooks;
mod wire;
mod words;

pub use app::App;
pub use serve::{ServeError, Served, serve, stop_on_signals};
pub use settings::{KeySetting, Settings, SettingsError};

/// The keys of demonstrations, weakest first: known to everybody.
pub const DEMO_KEYS: [&str; 3] = {
    let [(partner, _), (desk, _), (admin, _)] = guard::DEMO;
    [partner, desk, admin]
};

/// All routes: pages, API, documentation, metrics, health.
pub fn router(app: &App) -> axum::Router {
    guard::around(routes(app), app)
}

/// The routes without the guards around them.
fn routes(app: &App) -> axum::Router {
    let (api, document) = api::routes().split_for_parts();
    let routes = axum::Router::new()
        .merge(api)
        .merge(api::document::routes(document))
        .merge(metrics::routes())
        .merge(problem::routes())
        .merge(voice::routes())
        .merge(pages::routes());
    metrics::around(routes, app).with_state(app.clone())
}
