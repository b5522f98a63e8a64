//! Who is calling, what may they do, and how much? Everything between a connection and a route.
//!
//! Never decides about places.

mod body;
mod caller;
mod gate;
mod headers;
mod keys;
mod network;
mod origin;
mod rates;

use axum::Router;

use super::App;

pub(crate) use caller::{AdminCaller, Caller, StaffCaller, cookie};
pub(crate) use gate::Gate;
pub(crate) use keys::{DEMO, KeyEntry, Keys, Role, Session};
pub(crate) use network::Network;

/// Puts all guards around the routes: limits, headers, problems in the caller's language.
pub(crate) fn around(routes: Router, app: &App) -> Router {
    Router::new().fallback_service(Gate::new(routes, app))
}
