//! Which calls does a program make? The HTTP API, version 1.
//!
//! Never speaks to people: problems carry a sentence for them, pages do the rest.

mod access;
mod admin;
mod asked;
mod availability;
mod bookings;
mod calendar;
mod catalogue;
pub(crate) mod document;
mod events;
mod extract;
mod fhir;
mod holds;
mod rosters;
mod statistics;
mod tags;
mod told;
mod webhooks;

use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::App;

pub(crate) use access::{actor, noted};

/// The head of the document.
#[derive(Debug, OpenApi)]
#[openapi(info(
    title = "cupo",
    description = "Places at appointments: find, hold, book, move, cancel."
))]
struct Head;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Head::openapi())
        .merge(catalogue::routes())
        .merge(availability::routes())
        .merge(holds::routes())
        .merge(bookings::routes())
        .merge(rosters::routes())
        .merge(calendar::routes())
        .merge(admin::routes())
        .merge(events::routes())
        .merge(statistics::routes())
        .merge(webhooks::routes())
        .merge(fhir::routes())
}
