//! Which dates of a calendar differ from its week? Holidays, special hours, special capacities.
//!
//! Never touches bookings: whom a change would leave without a place is told first.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::NaiveDate;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::web::App;
use crate::web::admin::{Edited, edit, not_found, version_of};
use crate::web::api::extract::Json;
use crate::web::guard::AdminCaller;
use crate::web::problem::Problem;
use crate::{Calendar, Catalog, DayId, Engine, Exception};

use super::{EditQuery, Editor, Refusals, catalog_of, tagged, told};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, put, delete))
}

fn date_of(text: &str) -> Result<NaiveDate, Problem> {
    text.parse().map_err(|_| Problem::invalid("date: like 2027-01-12"))
}

fn none() -> Problem {
    not_found("there is no such calendar, or no exception that begins on that date")
}

fn calendar_in<'a>(catalog: &'a mut Catalog, key: &str) -> Option<&'a mut Calendar> {
    catalog.calendars.iter_mut().find(|calendar| calendar.key == key)
}

/// Days whose capacity the exception decides from now on, whatever was set by hand.
fn days_of(engine: &Engine, calendar: &str, first: NaiveDate, last: NaiveDate) -> Vec<DayId> {
    let Some(calendar) = engine.calendar(calendar) else {
        return Vec::new();
    };
    let inside = |day: &DayId| day.calendar() == calendar && (first..=last).contains(&day.date());
    engine.days().into_iter().filter(inside).collect()
}

/// The exception of a calendar that begins on a date.
#[utoipa::path(get, path = "/v1/admin/calendars/{key}/exceptions/{date}", tag = "admin",
    operation_id = "get_exception",
    params(("key" = String, Path, description = "The calendar"),
        ("date" = String, Path, description = "Its first date")),
    responses((status = 200, description = "As in the catalog", body = Object), Refusals))]
async fn get(
    State(app): State<App>,
    _: AdminCaller,
    Path((key, date)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (catalog, date) = (catalog_of(&app)?, date_of(&date)?);
    let calendar = catalog.calendars.iter().find(|calendar| calendar.key == key);
    let found = calendar.and_then(|found| found.exceptions.iter().find(|e| e.date == date));
    Ok(tagged(&version_of(&catalog), Json(found.ok_or_else(none)?)))
}

/// Makes or replaces the exception of a calendar that begins on a date.
#[utoipa::path(put, path = "/v1/admin/calendars/{key}/exceptions/{date}", tag = "admin",
    operation_id = "put_exception",
    params(("key" = String, Path, description = "The calendar"),
        ("date" = String, Path, description = "Its first date"), EditQuery,
        ("If-Match" = String, Header, description = "The catalog's version")),
    request_body(content = Object,
        description = "`closed`, or `hours` and `capacity`; `to` and `reason` if wanted"),
    responses((status = 200, description = "Replaced, or what would happen", body = Edited),
        (status = 201, description = "Made", body = Edited), Refusals))]
async fn put(
    State(app): State<App>,
    Path((key, date)): Path<(String, String)>,
    editor: Editor,
    Json(mut body): Json<Value>,
) -> Result<Response, Problem> {
    let mut wish = editor.wish("put-exception", &format!("{key}~{date}"))?;
    let date = date_of(&date)?;
    let fields = body.as_object_mut().ok_or_else(|| Problem::invalid("an object"))?;
    fields.entry("date").or_insert_with(|| Value::from(date.to_string()));
    let exception: Exception =
        serde_json::from_value(body).map_err(|error| Problem::invalid(error.to_string()))?;
    if exception.date != date {
        return Err(Problem::invalid("date: the same as in the address, or left out"));
    }
    let catalog = catalog_of(&app)?;
    let calendar = catalog.calendars.iter().find(|calendar| calendar.key == key);
    let is_new = calendar.ok_or_else(none)?.exceptions.iter().all(|other| other.date != date);
    wish.afresh = days_of(&app.engine, &key, date, exception.to.unwrap_or(date));
    let edited = edit(&app, wish, move |catalog| {
        let list = &mut calendar_in(catalog, &key).ok_or_else(none)?.exceptions;
        list.retain(|other| other.date != date);
        list.push(exception);
        list.sort_by_key(|exception| exception.date);
        Ok(())
    });
    let edited = edited.await?;
    let made = is_new && !edited.dry_run;
    Ok(told(if made { StatusCode::CREATED } else { StatusCode::OK }, edited))
}

/// Takes the exception that begins on a date out of a calendar.
#[utoipa::path(delete, path = "/v1/admin/calendars/{key}/exceptions/{date}", tag = "admin",
    operation_id = "delete_exception",
    params(("key" = String, Path, description = "The calendar"),
        ("date" = String, Path, description = "Its first date"), EditQuery,
        ("If-Match" = String, Header, description = "The catalog's version")),
    responses((status = 200, description = "Gone, or what would happen", body = Edited), Refusals))]
async fn delete(
    State(app): State<App>,
    Path((key, date)): Path<(String, String)>,
    editor: Editor,
) -> Result<Response, Problem> {
    let mut wish = editor.wish("delete-exception", &format!("{key}~{date}"))?;
    let date = date_of(&date)?;
    let catalog = catalog_of(&app)?;
    let calendar = catalog.calendars.iter().find(|calendar| calendar.key == key);
    let found = calendar.and_then(|found| found.exceptions.iter().find(|e| e.date == date));
    let last = found.ok_or_else(none)?.to.unwrap_or(date);
    wish.afresh = days_of(&app.engine, &key, date, last);
    let edited = edit(&app, wish, move |catalog| {
        let list = &mut calendar_in(catalog, &key).ok_or_else(none)?.exceptions;
        list.retain(|other| other.date != date);
        Ok(())
    });
    Ok(told(StatusCode::OK, edited.await?))
}
