//! What does an office's week look like? Time by day: places, who comes for what.
//!
//! Never shows who: the desk's roster does.

use std::collections::BTreeMap;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use chrono::{Datelike, Days, NaiveDate, NaiveTime};

use crate::web::App;
use crate::web::admin::{Load, not_found};
use crate::web::civil::{date_in_words, time_in_words, wall};
use crate::web::pages::frame::{Frame, page};
use crate::web::problem::Problem;
use crate::web::wire;
use crate::{CalendarId, ClaimState, DayId, DayView};

use super::chart::percent;
use super::words::Words;
use super::{Admin, Fields, office_name, service_name, short_date};

const WEEK: usize = 7;

#[derive(Template)]
#[template(path = "admin/office.html")]
struct Week {
    frame: Frame,
    w: &'static Words,
    here: &'static str,
    key: String,
    name: String,
    zone: String,
    title: String,
    before: NaiveDate,
    after: NaiveDate,
    grids: Vec<Grid>,
}

/// A calendar's week.
struct Grid {
    calendar: String,
    services: String,
    heads: Vec<Head>,
    rows: Vec<Row>,
    /// By service: claims of each day.
    visits: Vec<(String, Vec<u32>)>,
}

/// A day.
struct Head {
    short: String,
    long: String,
    date: NaiveDate,
    there: bool,
    closed: bool,
    load: Load,
    full: String,
}

/// A time of day.
struct Row {
    time: String,
    cells: Vec<Option<Cell>>,
}

#[derive(Clone, Copy, Default)]
struct Cell {
    used: u16,
    held: u16,
    capacity: u16,
    free: u16,
    deficit: u16,
}

pub(super) fn routes() -> Router<App> {
    Router::new().route("/admin/offices/{key}", get(week))
}

async fn week(
    State(app): State<App>,
    admin: Admin,
    Path(key): Path<String>,
    fields: Fields,
) -> Response {
    admin.show(made(&app, &admin, &key, &fields).await)
}

async fn made(app: &App, admin: &Admin, key: &str, fields: &Fields) -> Result<Response, Problem> {
    let engine = &app.engine;
    let none = || not_found("there is no such office");
    let catalog = engine.catalog().ok_or_else(none)?;
    let office = catalog.offices.iter().find(|office| office.key == key).ok_or_else(none)?;
    let calendars = engine.calendars_of(engine.office(key).ok_or_else(none)?);
    let today = calendars.first().map_or_else(
        || engine.now().date_naive(),
        |calendar| wall(engine, *calendar, engine.now()).date_naive(),
    );
    let wished = if fields.is_set("week") { fields.date("week")? } else { today };
    let monday = wished - Days::new(wished.weekday().num_days_from_monday().into());
    let mut grids = Vec::with_capacity(calendars.len());
    for calendar in calendars {
        grids.push(grid(app, admin, calendar, monday).await?);
    }
    let language = admin.language();
    Ok(page(&Week {
        frame: admin.frame.clone(),
        w: admin.w,
        here: "dashboard",
        key: key.to_owned(),
        name: office_name(app, key),
        zone: office.zone.clone(),
        title: date_in_words(monday, language),
        before: monday - Days::new(7),
        after: monday + Days::new(7),
        grids,
    }))
}

async fn grid(
    app: &App,
    admin: &Admin,
    calendar: CalendarId,
    monday: NaiveDate,
) -> Result<Grid, Problem> {
    let (engine, language) = (&app.engine, admin.language());
    let key = wire::calendar_key(engine, calendar);
    let catalog = engine.catalog();
    let rule = catalog.iter().flat_map(|catalog| &catalog.calendars).find(|rule| rule.key == key);
    let services = rule.map_or(&[][..], |rule| &rule.services);
    let names = services.iter().map(|service| service_name(app, service, language));
    let services = names.collect::<Vec<_>>().join(", ");
    let mut heads = Vec::with_capacity(WEEK);
    let mut rows: BTreeMap<NaiveTime, [Option<Cell>; WEEK]> = BTreeMap::new();
    let mut visits: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (at, date) in monday.iter_days().take(WEEK).enumerate() {
        let view = DayId::new(calendar, date).and_then(|day| engine.day(day));
        if let Some(view) = &view {
            add_slots(app, view, at, &mut rows);
            for claim in engine.roster(view.day, None, usize::MAX).await? {
                let counted = claim.state != ClaimState::Held;
                for service in claim.services.as_slice().iter().filter(|_| counted) {
                    let name = engine.service_key(*service).unwrap_or_default();
                    let row = visits.entry(name).or_insert_with(|| vec![0; WEEK]);
                    if let Some(count) = row.get_mut(at) {
                        *count += 1;
                    }
                }
            }
        }
        heads.push(head(admin, date, view.as_ref()));
    }
    let row = |(time, cells): (NaiveTime, [Option<Cell>; WEEK])| Row {
        time: time_in_words(&time, language),
        cells: cells.to_vec(),
    };
    let named = |(key, counts): (String, Vec<u32>)| (service_name(app, &key, language), counts);
    Ok(Grid {
        calendar: key,
        services,
        heads,
        rows: rows.into_iter().map(row).collect(),
        visits: visits.into_iter().map(named).collect(),
    })
}

fn add_slots(
    app: &App,
    view: &DayView,
    at: usize,
    rows: &mut BTreeMap<NaiveTime, [Option<Cell>; WEEK]>,
) {
    for slot in &view.slots {
        let time = wall(&app.engine, view.day.calendar(), slot.starts_at).time();
        let Some(cell) = rows.entry(time).or_default().get_mut(at) else {
            continue;
        };
        // Where the clock is turned back, two slots show the same time.
        let cell = cell.get_or_insert_default();
        cell.used += slot.booked + slot.held;
        cell.held += slot.held;
        cell.capacity += slot.capacity;
        cell.free += slot.free;
        cell.deficit += slot.deficit;
    }
}

fn head(admin: &Admin, date: NaiveDate, view: Option<&DayView>) -> Head {
    let load = view.map(Load::of).unwrap_or_default();
    Head {
        short: short_date(date, admin.language()),
        long: date_in_words(date, admin.language()),
        date,
        there: view.is_some(),
        closed: load.is_closed(),
        full: percent(load.percent().map(u64::from)),
        load,
    }
}
