//! How does a citizen get from "I need a passport" to a booked place?
//!
//! One question a page. Details are asked before the place is held, so that the clock runs short.
//! Forms are answered by a redirect; a GET changes nothing; nothing personal is in an address.

mod booked;
mod check;
pub(super) mod details;
pub(super) mod fields;
mod manage;
mod message;
mod office;
mod phrases;
mod refused;
mod service;
pub(super) mod show;
mod start;
pub(super) mod taking;
pub(super) mod visit;
mod when;

use axum::Router;
use axum::routing::{get, post};

use crate::web::App;

pub(super) use phrases::Words;
pub(crate) use visit::Draft;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(start::show))
        .route("/offices", get(start::offices))
        .route("/book/service", get(service::ask).post(service::answer))
        .route("/book/office", get(office::ask).post(office::answer))
        .route("/book/details", get(details::ask).post(details::answer))
        .route("/book/when", get(when::ask).post(when::answer))
        .route("/book/taken", get(refused::taken))
        .route("/book/limit", get(refused::limit))
        .route("/book/resume", post(refused::resume))
        .route("/book/check", get(check::ask).post(check::answer))
        .route("/book/extend", post(check::extend))
        .route("/book/expired", get(refused::expired))
        .route("/book/lost", get(refused::lost))
        .route("/booked", get(booked::show))
        .route("/booked/appointment.ics", get(booked::calendar))
        .route("/manage", get(manage::ask).post(manage::answer))
        .route("/manage/appointment", get(manage::show))
        .route("/manage/move", post(manage::change))
        .route("/manage/cancel", get(manage::ask_cancel).post(manage::cancel))
        .route("/leave", post(manage::leave))
        .method_not_allowed_fallback(message::missing)
        .fallback(message::missing)
}
