//! How full is it, and how busy? Counts for the desk and the administration.
//!
//! Never about one person: sums by office, day and second.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::web::App;
use crate::web::guard::StaffCaller;
use crate::web::metrics::{Minute, Recounted, Second};
use crate::web::problem::Problem;
use crate::{Channel, DayView, Engine, OfficeId};

use super::events::blocking;
use super::extract::{Json, Query};

/// Which offices and days.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Range {
    /// Keys of offices, separated by commas; all by default.
    offices: Option<String>,
    /// The first date at the office.
    from: Option<NaiveDate>,
    /// The last date at the office.
    to: Option<NaiveDate>,
}

/// Counts of one office on one date, over all its calendars.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Fill {
    /// The key of the office.
    pub(crate) office: String,
    /// The date at the office.
    pub(crate) date: NaiveDate,
    /// Places.
    pub(crate) capacity: u64,
    /// Places booked.
    pub(crate) booked: u64,
    /// Places held, or cooling off after a cancellation.
    pub(crate) held: u64,
    /// Places left.
    pub(crate) free: u64,
    /// Places given out beyond the capacity.
    pub(crate) deficit: u64,
    /// Places that each channel could still take.
    pub(crate) free_by_channel: BTreeMap<String, u64>,
    /// Whether all of its calendars are closed.
    pub(crate) closed: bool,
}

/// Counts by office and date.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FillList {
    /// By office, then date.
    fill: Vec<Fill>,
}

/// How busy the service is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LoadReport {
    /// Each of the last 300 seconds, oldest first.
    seconds: Vec<Second>,
    /// The last minute.
    minute: Minute,
    /// Refusals since the start by cause.
    refusals: BTreeMap<String, u64>,
    /// Records not yet durable.
    queue: u64,
    /// Holds at present.
    held: u64,
    /// Bookings at present.
    booked: u64,
    /// The last recount of all places: any problem is a place given twice.
    check: Recounted,
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(fill)).routes(routes!(load))
}

/// Capacity, booked, held and free places by office and date.
#[utoipa::path(get, path = "/v1/stats/fill", tag = "statistics", params(Range), responses(
    (status = 200, description = "By office and date", body = FillList),
    (status = 401, description = "`unauthorized`"),
    (status = 403, description = "`forbidden`"),
    (status = 404, description = "`not-found`: no such office"),
    (status = 400, description = "`malformed`"),
))]
async fn fill(
    State(app): State<App>,
    _staff: StaffCaller,
    Query(range): Query<Range>,
) -> Result<Json<FillList>, Problem> {
    let Range { offices, from, to } = range;
    let offices = offices.map(|keys| offices_of(&app.engine, &keys)).transpose()?;
    let fill = blocking(move || fill_of(&app.engine, offices.as_deref(), from, to)).await?;
    Ok(Json(FillList { fill }))
}

fn offices_of(engine: &Engine, keys: &str) -> Result<Vec<OfficeId>, Problem> {
    let office = |key: &str| {
        let what = format!("there is no office {key:?}");
        engine.office(key).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "not-found", what))
    };
    keys.split(',').map(str::trim).filter(|key| !key.is_empty()).map(office).collect()
}

/// The counts of some offices (all by default) on some dates, by office and date.
pub(crate) fn fill_of(
    engine: &Engine,
    offices: Option<&[OfficeId]>,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
) -> Vec<Fill> {
    let mut sums: BTreeMap<(String, NaiveDate), Fill> = BTreeMap::new();
    for day in engine.days() {
        let date = day.date();
        let asked = |office: &OfficeId| offices.is_none_or(|offices| offices.contains(office));
        let in_range = from.is_none_or(|from| date >= from) && to.is_none_or(|to| date <= to);
        let office = engine.office_of(day.calendar()).filter(asked).filter(|_| in_range);
        let key = office.and_then(|office| engine.office_key(office));
        // A day without opening hours is nobody's business.
        let view = engine.day(day).filter(|view| !view.slots.is_empty());
        let (Some(key), Some(view)) = (key, view) else {
            continue;
        };
        let new = || Fill { office: key.clone(), date, closed: true, ..Fill::default() };
        let sum = sums.entry((key.clone(), date)).or_insert_with(new);
        add(sum, &view);
    }
    sums.into_values().collect()
}

fn add(sum: &mut Fill, view: &DayView) {
    sum.closed &= view.closed;
    for slot in &view.slots {
        sum.capacity += u64::from(slot.capacity);
        sum.booked += u64::from(slot.booked);
        sum.held += u64::from(slot.held);
        sum.free += if view.closed { 0 } else { u64::from(slot.free) };
        sum.deficit += u64::from(slot.deficit);
        for (channel, free) in Channel::ALL.iter().zip(slot.free_by_channel) {
            let free = if view.closed { 0 } else { u64::from(free) };
            *sum.free_by_channel.entry(channel.name().to_owned()).or_default() += free;
        }
    }
}

/// Requests, holds, bookings, refusals and times of the last five minutes.
#[utoipa::path(get, path = "/v1/stats/load", tag = "statistics", responses(
    (status = 200, description = "The last five minutes", body = LoadReport),
    (status = 401, description = "`unauthorized`"),
    (status = 403, description = "`forbidden`"),
))]
async fn load(State(app): State<App>, _staff: StaffCaller) -> Json<LoadReport> {
    let stats = app.engine.stats();
    let refusals = app.metrics.refusals().into_iter();
    Json(LoadReport {
        seconds: app.metrics.load.seconds(),
        minute: app.metrics.load.minute(),
        refusals: refusals.map(|(cause, count)| (cause.to_owned(), count)).collect(),
        queue: stats.last.0.saturating_sub(stats.durable.0),
        held: stats.held,
        booked: stats.booked,
        check: app.metrics.check.last(),
    })
}
