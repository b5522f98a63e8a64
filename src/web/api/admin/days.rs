//! How many places has this day? Capacities set by hand, beside the catalog.
//!
//! Never takes a booked place away.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::DayId;
use crate::web::App;
use crate::web::admin::{
    Affected, DayCapacity, Edited, as_catalog_says, day_capacity, not_found, set_capacity,
};
use crate::web::api::extract::{Json, Named, Query};
use crate::web::guard::AdminCaller;
use crate::web::problem::Problem;
use crate::web::wire;

use super::{Refusals, told};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, put, delete))
}

/// Whether a cut may leave claims beyond the capacity.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CutQuery {
    /// Let claims stay beyond the capacity.
    #[serde(default)]
    #[param(default = false)]
    accept_deficit: bool,
}

/// Another capacity for slots of a day.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the member is called so")]
struct Capacity {
    /// Places at each slot; 0 closes them.
    capacity: u16,
    /// The first slot's number; the day's first by default.
    first: Option<u16>,
    /// The number after the last slot's; the day's end by default.
    end: Option<u16>,
}

/// A day after a change of its capacities.
#[derive(Debug, Serialize, ToSchema)]
struct Changed {
    day: DayCapacity,
    /// Claims left beyond the capacity.
    affected: Vec<Affected>,
}

fn day_of(app: &App, text: &str) -> Result<DayId, Problem> {
    wire::day_from_text(&app.engine, text)
        .ok_or_else(|| not_found("days are named like boston~2027-01-12"))
}

/// A day with its capacities and counts.
#[utoipa::path(get, path = "/v1/admin/days/{day}/capacity", tag = "admin",
    operation_id = "get_capacity",
    params(("day" = String, Path, description = "Such as `boston~2027-01-12`")),
    responses((status = 200, description = "The day", body = DayCapacity), Refusals))]
async fn get(
    State(app): State<App>,
    _: AdminCaller,
    Named(day): Named,
) -> Result<Json<DayCapacity>, Problem> {
    Ok(Json(day_capacity(&app, day_of(&app, &day)?).await?))
}

/// Gives slots of a day another capacity. It lasts until it is taken back.
#[utoipa::path(put, path = "/v1/admin/days/{day}/capacity", tag = "admin",
    operation_id = "put_capacity",
    params(("day" = String, Path, description = "Such as `boston~2027-01-12`"), CutQuery),
    request_body = Capacity,
    responses((status = 200, description = "The day now", body = Changed), Refusals))]
async fn put(
    State(app): State<App>,
    caller: AdminCaller,
    Named(day): Named,
    Query(query): Query<CutQuery>,
    Json(body): Json<Capacity>,
) -> Result<Json<Changed>, Problem> {
    let day = day_of(&app, &day)?;
    let slots = body.first.unwrap_or(0)..body.end.unwrap_or(u16::MAX);
    let by = &caller.session.name;
    let accept = query.accept_deficit;
    let affected = set_capacity(&app, by, (day, Some(slots)), body.capacity, accept).await?;
    Ok(Json(Changed { day: day_capacity(&app, day).await?, affected }))
}

/// Gives a day the capacities of the catalog again.
#[utoipa::path(delete, path = "/v1/admin/days/{day}/capacity", tag = "admin",
    operation_id = "delete_capacity",
    params(("day" = String, Path, description = "Such as `boston~2027-01-12`"), CutQuery),
    responses((status = 200, description = "What it did", body = Edited), Refusals))]
async fn delete(
    State(app): State<App>,
    caller: AdminCaller,
    Named(day): Named,
    Query(query): Query<CutQuery>,
) -> Result<Response, Problem> {
    let day = day_of(&app, &day)?;
    let edited = as_catalog_says(&app, &caller.session.name, day, query.accept_deficit).await?;
    Ok(told(StatusCode::OK, edited))
}
