//! How many places shall a calendar have? One day by hand, or every week by the catalog.
//!
//! Whom a change hits is listed before it is made. Never changes anything before that list was
//! seen.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use chrono::{NaiveDate, NaiveTime, TimeDelta};

use crate::web::App;
use crate::web::admin::{
    Affected, DayCapacity, Difference, Expected, Wish, affected, as_catalog_says, blocking,
    day_capacity, edit, not_found, set_capacity, version_of,
};
use crate::web::civil::{date_in_words, wall};
use crate::web::pages::frame::{Frame, page};
use crate::web::problem::Problem;
use crate::{Calendar, Catalog, DayId, Share, Week};

use super::words::Words;
use super::{Admin, Fields, escape, see};

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

#[derive(Template)]
#[template(path = "admin/capacity.html")]
struct Editor {
    frame: Frame,
    w: &'static Words,
    here: &'static str,
    office: String,
    calendar: String,
    version: String,
    unit: u64,
    desks: u16,
    hours: Vec<(&'static str, &'static str, String)>,
    web: String,
    phone: String,
    date: String,
    day: Option<DayCapacity>,
    date_words: String,
    done: bool,
}

/// What a change would do.
#[derive(Template)]
#[template(path = "admin/capacity_check.html")]
struct Check {
    frame: Frame,
    w: &'static Words,
    here: &'static str,
    calendar: String,
    /// Where the form goes.
    action: String,
    /// What it carries.
    hidden: Vec<(String, String)>,
    title: String,
    per_hour: String,
    places: Option<u64>,
    differences: Vec<Difference>,
    days: Option<usize>,
    affected: Vec<Affected>,
}

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/calendars/{key}", get(editor))
        .route("/admin/calendars/{key}/day/check", get(check_day))
        .route("/admin/calendars/{key}/day", post(set_day))
        .route("/admin/calendars/{key}/day/reset", post(reset_day))
        .route("/admin/calendars/{key}/week/check", get(check_week))
        .route("/admin/calendars/{key}/week", post(set_week))
}

fn calendar_of(app: &App, key: &str) -> Result<(Calendar, String), Problem> {
    let none = || not_found("there is no such calendar");
    let catalog = app.engine.catalog().ok_or_else(none)?;
    let found = catalog.calendars.iter().find(|calendar| calendar.key == key);
    Ok((found.cloned().ok_or_else(none)?, version_of(&catalog)))
}

fn day_of(app: &App, key: &str, date: NaiveDate) -> Result<DayId, Problem> {
    let calendar =
        app.engine.calendar(key).ok_or_else(|| not_found("there is no such calendar"))?;
    let day = DayId::new(calendar, date).filter(|day| app.engine.day(*day).is_some());
    day.ok_or_else(|| not_found("that date is not open for booking"))
}

async fn editor(
    State(app): State<App>,
    admin: Admin,
    Path(key): Path<String>,
    fields: Fields,
) -> Response {
    admin.show(show_editor(&app, &admin, key, &fields).await)
}

async fn show_editor(
    app: &App,
    admin: &Admin,
    key: String,
    fields: &Fields,
) -> Result<Response, Problem> {
    let (calendar, version) = calendar_of(app, &key)?;
    let date = fields.date("date").ok();
    let day = match date.and_then(|date| day_of(app, &key, date).ok()) {
        Some(day) => Some(day_capacity(app, day).await?),
        None => None,
    };
    let share = |name: &str, of: fn(&crate::ChannelLimits) -> Option<&Share>| {
        let share = calendar.channels.get(name).and_then(of);
        share.map(ToString::to_string).unwrap_or_default()
    };
    let w = admin.w;
    let names = [&w.mon, &w.tue, &w.wed, &w.thu, &w.fri, &w.sat, &w.sun];
    let texts = hours_of(&calendar.hours).map(|hours| hours.join(", "));
    let hours = WEEKDAYS.into_iter().zip(names).zip(texts);
    Ok(page(&Editor {
        frame: admin.frame.clone(),
        w,
        here: "dashboard",
        office: calendar.office.clone(),
        version,
        unit: calendar.unit.seconds() / 60,
        desks: calendar.capacity,
        hours: hours.map(|((key, name), text)| (key, name.as_str(), text)).collect(),
        web: share("web", |limits| limits.max.as_ref()),
        phone: share("phone", |limits| limits.protected.as_ref()),
        date: date.map(|date| date.to_string()).unwrap_or_default(),
        date_words: date.map(|date| date_in_words(date, admin.language())).unwrap_or_default(),
        day,
        calendar: key,
        done: fields.is_set("done"),
    }))
}

fn hours_of(week: &Week) -> [Vec<String>; 7] {
    let Week { mon, tue, wed, thu, fri, sat, sun } = week.clone();
    [mon, tue, wed, thu, fri, sat, sun]
}

/// Slots of a day by the clock on the wall.
fn slots_of(
    app: &App,
    day: DayId,
    unit_min: u64,
    (from, to): (Option<NaiveTime>, Option<NaiveTime>),
) -> Result<std::ops::Range<u16>, Problem> {
    let view = app.engine.day(day).ok_or_else(|| not_found("there is no such day"))?;
    let unit = i64::try_from(unit_min.max(1)).unwrap_or(15);
    let count = u16::try_from(25 * 60 / unit).unwrap_or(u16::MAX);
    let shows = |index: &u16| {
        let at = view.begins + TimeDelta::minutes(unit * i64::from(*index));
        let wall = wall(&app.engine, day.calendar(), at);
        (wall.date_naive() == day.date()).then(|| wall.time())
    };
    let inside = |index: &u16| {
        shows(index).is_some_and(|time| {
            from.is_none_or(|from| time >= from) && to.is_none_or(|to| time < to)
        })
    };
    let mut inside = (0..count).filter(inside);
    let first = inside.next().ok_or_else(|| Problem::invalid("from: before to"))?;
    let last = inside.next_back().unwrap_or(first);
    Ok(first..last + 1)
}

async fn check_day(
    State(app): State<App>,
    admin: Admin,
    Path(key): Path<String>,
    fields: Fields,
) -> Response {
    admin.show(show_check_day(&app, &admin, key, &fields).await)
}

async fn show_check_day(
    app: &App,
    admin: &Admin,
    key: String,
    fields: &Fields,
) -> Result<Response, Problem> {
    let (calendar, _) = calendar_of(app, &key)?;
    let date = fields.date("date")?;
    let day = day_of(app, &key, date)?;
    let (from, to, desks) = (fields.time("from")?, fields.time("to")?, fields.number("desks")?);
    let unit = calendar.unit.seconds() / 60;
    let slots = slots_of(app, day, unit, (from, to))?;
    let span = slots.clone();
    let ids = blocking(app, move |app| Ok(app.engine.plan_capacity(day, span, desks)?)).await?;
    let view = app.engine.day(day);
    let open = view.iter().flat_map(|view| &view.slots);
    let open = open.filter(|slot| slots.contains(&slot.slot.index)).count() as u64;
    let names = ["date", "from", "to", "desks"];
    let hidden = names.map(|name| (name.to_owned(), fields.get(name).to_owned())).to_vec();
    Ok(page(&Check {
        frame: admin.frame.clone(),
        w: admin.w,
        here: "dashboard",
        action: format!("/admin/calendars/{}/day", escape(&key)),
        calendar: key,
        hidden,
        title: date_in_words(date, admin.language()),
        per_hour: per_hour(desks, unit),
        places: Some(open * u64::from(desks)),
        differences: Vec::new(),
        days: None,
        affected: affected(&app.engine, &ids).await?,
    }))
}

fn per_hour(desks: u16, unit_min: u64) -> String {
    let tenths = u64::from(desks) * 600 / unit_min.max(1);
    if tenths.is_multiple_of(10) {
        (tenths / 10).to_string()
    } else {
        format!("{}.{}", tenths / 10, tenths % 10)
    }
}

async fn set_day(
    State(app): State<App>,
    admin: Admin,
    Path(key): Path<String>,
    fields: Fields,
) -> Response {
    let made = async {
        let (calendar, _) = calendar_of(&app, &key)?;
        let day = day_of(&app, &key, fields.date("date")?)?;
        let times = (fields.time("from")?, fields.time("to")?);
        let slots = slots_of(&app, day, calendar.unit.seconds() / 60, times)?;
        let (by, desks) = (&admin.session.name, fields.number("desks")?);
        set_capacity(&app, by, (day, Some(slots)), desks, fields.is_set("accept")).await?;
        Ok(see(&format!("/admin/calendars/{}?date={}&done=1", escape(&key), day.date())))
    };
    admin.show(made.await)
}

async fn reset_day(
    State(app): State<App>,
    admin: Admin,
    Path(key): Path<String>,
    fields: Fields,
) -> Response {
    let made = async {
        let day = day_of(&app, &key, fields.date("date")?)?;
        as_catalog_says(&app, &admin.session.name, day, fields.is_set("accept")).await?;
        Ok(see(&format!("/admin/calendars/{}?date={}&done=1", escape(&key), day.date())))
    };
    admin.show(made.await)
}

/// What the form for every week says, put into a calendar.
struct Weekly {
    desks: u16,
    hours: [Vec<String>; 7],
    web: Option<Share>,
    phone: Option<Share>,
}

impl Weekly {
    fn read(fields: &Fields) -> Result<Self, Problem> {
        let hours = |name: &str| {
            let parts = fields.get(name).split(',').map(str::trim);
            parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        Ok(Self {
            desks: fields.number("desks")?,
            hours: WEEKDAYS.map(hours),
            web: share(fields.get("web"))?,
            phone: share(fields.get("phone"))?,
        })
    }

    fn put(self, catalog: &mut Catalog, key: &str) -> Result<(), Problem> {
        let found = catalog.calendars.iter_mut().find(|calendar| calendar.key == key);
        let calendar = found.ok_or_else(|| not_found("there is no such calendar"))?;
        calendar.capacity = self.desks;
        let [mon, tue, wed, thu, fri, sat, sun] = self.hours;
        calendar.hours = Week { mon, tue, wed, thu, fri, sat, sun };
        if self.web.is_some() || calendar.channels.contains_key("web") {
            calendar.channels.entry("web".to_owned()).or_default().max = self.web;
        }
        if self.phone.is_some() || calendar.channels.contains_key("phone") {
            calendar.channels.entry("phone".to_owned()).or_default().protected = self.phone;
        }
        Ok(())
    }
}

/// `40%`, `40 %` or a number of places.
fn share(text: &str) -> Result<Option<Share>, Problem> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if text.is_empty() {
        return Ok(None);
    }
    if text.ends_with('%') {
        return Ok(Some(Share::Percent(text)));
    }
    let places = text.parse().map(Share::Places);
    places.map(Some).map_err(|_| Problem::invalid("a share like 40%, or a number of places"))
}

fn weekly_wish(admin: &Admin, key: &str, version: &str, dry_run: bool, accept: bool) -> Wish {
    Wish {
        by: admin.session.name.clone(),
        what: "put-calendar",
        to: key.to_owned(),
        expected: Expected::one(version),
        dry_run,
        accept_deficit: accept,
        afresh: Vec::new(),
    }
}

async fn check_week(
    State(app): State<App>,
    admin: Admin,
    Path(key): Path<String>,
    fields: Fields,
) -> Response {
    admin.show(show_check_week(&app, &admin, key, &fields).await)
}

async fn show_check_week(
    app: &App,
    admin: &Admin,
    key: String,
    fields: &Fields,
) -> Result<Response, Problem> {
    let (calendar, _) = calendar_of(app, &key)?;
    let weekly = Weekly::read(fields)?;
    let desks = weekly.desks;
    let wish = weekly_wish(admin, &key, fields.get("version"), true, true);
    let name = key.clone();
    let planned = edit(app, wish, move |catalog| weekly.put(catalog, &name)).await?;
    let names = WEEKDAYS.into_iter().chain(["desks", "web", "phone", "version"]);
    let hidden = names.map(|name| (name.to_owned(), fields.get(name).to_owned())).collect();
    Ok(page(&Check {
        frame: admin.frame.clone(),
        w: admin.w,
        here: "dashboard",
        action: format!("/admin/calendars/{}/week", escape(&key)),
        calendar: key,
        hidden,
        title: admin.w.every_week.clone(),
        per_hour: per_hour(desks, calendar.unit.seconds() / 60),
        places: None,
        differences: planned.differences,
        days: Some(planned.days_replanned),
        affected: planned.affected,
    }))
}

async fn set_week(
    State(app): State<App>,
    admin: Admin,
    Path(key): Path<String>,
    fields: Fields,
) -> Response {
    let made = async {
        let weekly = Weekly::read(&fields)?;
        let accept = fields.is_set("accept");
        let wish = weekly_wish(&admin, &key, fields.get("version"), false, accept);
        let name = key.clone();
        edit(&app, wish, move |catalog| weekly.put(catalog, &name)).await?;
        Ok(see(&format!("/admin/calendars/{}?done=1", escape(&key))))
    };
    admin.show(made.await)
}
