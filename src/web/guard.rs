//! Who is calling, what may they do, and how much? Everything between a connection and a route.
//!
//! Never decides about places.

mod caller;
mod keys;

use axum::Router;

use super::App;

pub(crate) use caller::{AdminCaller, Caller, StaffCaller};
pub(crate) use keys::{KeyEntry, Keys, Role, Session};

/// Puts all guards around the routes: limits, headers, problems in the caller's language.
pub(crate) fn around(routes: Router<App>, _app: &App) -> Router<App> {
    routes
}
