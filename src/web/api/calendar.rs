//! How does a booking get into the caller's calendar program?
//!
//! Never without the same proof as the booking itself.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::web::problem::Problem;
use crate::web::{App, ics};

use super::access::{AccessHeaders, Shown};
use super::extract::Named;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(calendar))
}

/// A booking for calendar programs. Read again after a change, it changes the same entry; of a
/// booking that has ended, it takes the entry away.
#[utoipa::path(get, path = "/v1/bookings/{ref}/calendar.ics", tag = "bookings",
    params(("ref" = String, Path, description = "Id or booking code"), AccessHeaders),
    responses(
        (status = 200, description = "The entry", content_type = "text/calendar", body = String),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`not-found`: unknown, or secret or birth date are wrong"),
        (status = 429, description = "`throttled`"),
    ))]
async fn calendar(
    State(app): State<App>,
    shown: Shown,
    Named(reference): Named,
) -> Result<Response, Problem> {
    let reached = shown.reach(&app, &reference).await?;
    let claim = reached.claim(&app).await?;
    let text = ics::of_claim(&app, &claim, shown.caller().language);
    let headers = [
        (header::CONTENT_TYPE, "text/calendar; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}.ics\"", claim.id)),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, text).into_response())
}
