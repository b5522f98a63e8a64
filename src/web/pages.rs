//! What do people see? Pages that work without a script.
//!
//! Never decides anything, and never shows what its reader may not see.

mod admin;
mod assets;
mod citizen;
mod desk;
mod frame;
mod staff;

use axum::{Router, middleware};

use super::App;

pub(crate) use citizen::Draft;
pub(crate) use desk::Call;
pub(crate) use frame::{Frame, language_of, page};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .merge(assets::routes())
        .merge(citizen::routes())
        .merge(admin::routes())
        .merge(desk::routes())
        .merge(staff::routes())
        .layer(middleware::from_fn(frame::remember_language))
}
