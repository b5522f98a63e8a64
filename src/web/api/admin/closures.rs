//! How is an office closed for some days? A list of whom it hits first, then the closure.
//!
//! Never closes what the caller has not seen: the list's hash must still be true.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::web::App;
use crate::web::admin::{
    Affected, Closed, ClosedDay, Fate, Which, close, closures, impact, not_found, reopen,
};
use crate::web::api::extract::{Json, Named, Query};
use crate::web::guard::AdminCaller;
use crate::web::problem::Problem;
use crate::web::wire;

use super::Refusals;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, post)).routes(routes!(delete))
}

/// Whether to close, or only to look.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CloseQuery {
    /// Only list whom it would hit.
    #[serde(default)]
    #[param(default = false)]
    dry_run: bool,
}

/// What is to be closed, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Closing {
    /// One calendar.
    calendar: Option<String>,
    /// Or all calendars of an office.
    office: Option<String>,
    from: NaiveDate,
    /// The last date; `from` by default.
    to: Option<NaiveDate>,
    /// 1 to 240 bytes, for staff; nothing personal.
    reason: String,
    /// What the dry run answered; needed to close.
    impact: Option<String>,
    /// What becomes of bookings.
    #[serde(default)]
    bookings: Fate,
}

/// Whom it would hit.
#[derive(Debug, Serialize, ToSchema)]
struct Listed {
    /// To be sent with the closure.
    impact: String,
    days: Vec<String>,
    /// Days that are not open for booking yet, which a closure does not touch: put an exception.
    ahead: Vec<String>,
    held: usize,
    booked: usize,
    affected: Vec<Affected>,
}

/// Bookings that have their places again.
#[derive(Debug, Serialize, ToSchema)]
struct Reopened {
    restored: Vec<Affected>,
}

/// All closed days.
#[derive(Debug, Serialize, ToSchema)]
struct Closures {
    closures: Vec<ClosedDay>,
}

/// All closed days from today on.
#[utoipa::path(get, path = "/v1/admin/closures", tag = "admin", operation_id = "get_closures",
    responses((status = 200, description = "By date", body = Closures), Refusals))]
async fn get(State(app): State<App>, _: AdminCaller) -> Result<Json<Closures>, Problem> {
    Ok(Json(Closures { closures: closures(&app).await? }))
}

/// Lists whom a closure would hit (`dry_run`), or closes what such a list showed.
#[utoipa::path(post, path = "/v1/admin/closures", tag = "admin", operation_id = "post_closure",
    params(CloseQuery), request_body = Closing,
    responses((status = 200, description = "With `dry_run` the list, else what was done",
        content((Listed = "application/json"), (Closed = "application/json"))), Refusals))]
async fn post(
    State(app): State<App>,
    caller: AdminCaller,
    Query(query): Query<CloseQuery>,
    Json(body): Json<Closing>,
) -> Result<Response, Problem> {
    let Closing { calendar, office, from, to, reason, impact: seen, bookings } = body;
    if !(1..=240).contains(&reason.trim().len()) || reason.chars().any(char::is_control) {
        return Err(Problem::invalid("reason: 1 to 240 bytes"));
    }
    let which = Which { calendar, office, from, to: to.unwrap_or(from) };
    if !query.dry_run {
        let seen = seen.ok_or_else(|| Problem::invalid("impact: what dry_run=true answers"))?;
        let (by, how) = (&caller.session.name, (reason.trim(), bookings));
        return Ok(Json(close(&app, by, &which, how, &seen).await?).into_response());
    }
    let found = impact(&app, &which).await?;
    let engine = &app.engine;
    let affected: Vec<Affected> = found.claims.iter().map(|c| Affected::new(engine, c)).collect();
    let held = affected.iter().filter(|claim| claim.state == "held").count();
    let days = found.days.iter().map(|day| wire::day_to_text(engine, *day)).collect();
    let booked = affected.len() - held;
    let (impact, ahead) = (found.hash, found.ahead);
    Ok(Json(Listed { impact, days, ahead, held, booked, affected }).into_response())
}

/// Opens a closed day again; bookings that still wait there have their places back.
#[utoipa::path(delete, path = "/v1/admin/closures/{day}", tag = "admin",
    operation_id = "delete_closure",
    params(("day" = String, Path, description = "Such as `boston~2027-01-12`")),
    responses((status = 200, description = "Who has a place again", body = Reopened), Refusals))]
async fn delete(
    State(app): State<App>,
    caller: AdminCaller,
    Named(day): Named,
) -> Result<Json<Reopened>, Problem> {
    let day = wire::day_from_text(&app.engine, &day);
    let day = day.ok_or_else(|| not_found("days are named like boston~2027-01-12"))?;
    Ok(Json(Reopened { restored: reopen(&app, &caller.session.name, day).await? }))
}
