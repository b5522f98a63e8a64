//! When? The earliest places first, then a calendar of links and the times of one day.
//!
//! Never keeps what it shows: places were free when looked at, and the grant decides.

mod month;

use std::collections::BTreeMap;

use askama::Template;
use axum::response::Response;
use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, Timelike, Utc, Weekday};

use crate::desk::Language;
use crate::web::civil::{date_in_words, time_in_words, wall, weekday};
use crate::web::{App, wire};
use crate::{ClaimState, OfficeId, Opening, Openings, ServiceId};

use super::super::frame::{Frame, fill, page};
use super::Words;
use super::fields::Fields;
use super::show::{Spot, capital, short_name_of, spot, spot_of, without_year};
use super::taking::{runs, take};
use super::visit::{Draft, Step, Visit, go};
use month::Month;

/// As many times of a day as are read, over all offices.
const TIMES_MAX: usize = 1_000;
/// Offices of a day that are listed at once; the rest is folded.
const OFFICES_SHOWN: usize = 10;
/// Days apart that one look at what is still free covers.
const LIVE_DAYS: i64 = 14;

#[derive(Template)]
#[template(path = "citizen/when.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    step: String,
    back: &'static str,
    moving: Option<Spot>,
    held: Option<Spot>,
    /// The address that tells which of the times are still free.
    live: Option<String>,
    earliest: Vec<Spot>,
    several: bool,
    /// The one office whose times are shown.
    scope: Option<String>,
    scope_key: Option<String>,
    all_offices: String,
    month: Option<Month>,
    day: Option<Day>,
    filtered: bool,
    weekdays: Vec<WeekdayBox>,
}

#[derive(Debug)]
struct Day {
    title: String,
    groups: Vec<Part>,
    offices: Vec<OfficeDay>,
    /// The rest of them, folded.
    more: Vec<OfficeDay>,
    more_title: String,
    before: Option<(String, String)>,
    after: Option<(String, String)>,
}

/// Morning, afternoon or evening.
#[derive(Debug)]
struct Part {
    title: String,
    times: Vec<TimeButton>,
}

#[derive(Debug)]
struct TimeButton {
    slot: String,
    text: String,
    label: String,
}

#[derive(Debug)]
struct OfficeDay {
    link: String,
    name: String,
    words: String,
}

#[derive(Debug)]
struct WeekdayBox {
    number: u8,
    name: String,
    checked: bool,
}

/// What the address asks for: an office, a day or month, days of the week.
struct View<'a> {
    app: &'a App,
    w: &'static Words,
    language: Language,
    query: Openings,
    office: Option<OfficeId>,
    weekdays: Vec<Weekday>,
}

/// The query for what the draft is about; `None` as long as it has no service.
pub(super) fn openings(draft: &Draft) -> Option<Openings> {
    let (first, more) = draft.services.split_first()?;
    let query = Openings::new(*first).persons(draft.persons);
    let query = more.iter().fold(query, |query, service| query.also(*service));
    Some(match draft.offices.as_deref() {
        None | Some([]) => query,
        Some(offices) => query.offices(offices),
    })
}

pub(super) async fn ask(visit: Visit) -> Response {
    if let Some(to) = visit.missing(Step::When) {
        return go(to);
    }
    let Some(all) = openings(&visit.draft) else {
        return go(Step::Service.path());
    };
    let app = visit.app.clone();
    if app.engine.openings(&all.clone().limit(1)).is_empty() {
        return super::refused::none(visit, &all);
    }
    let language = visit.frame.language;
    let chosen = visit.draft.offices.clone().unwrap_or_default();
    let asked = app.engine.office(visit.query.one("office"));
    let asked = asked.filter(|office| chosen.is_empty() || chosen.contains(office));
    let office = asked.or(match chosen.as_slice() {
        [one] => Some(*one),
        _ => None,
    });
    let weekdays: Vec<Weekday> = visit.query.all("wd").filter_map(weekday_of).collect();
    let all = if weekdays.is_empty() { all } else { all.weekdays(&weekdays) };
    let first = app.engine.openings(&all.clone().limit(3));
    let query = match office {
        Some(office) => all.offices(&[office]),
        None => all,
    };
    let view = View { app: &app, w: visit.w, language, query, office, weekdays };
    let place = |opening: &Opening| spot(&app, opening.slot, opening.starts_at, language);
    let scope_key = office.and_then(|office| app.engine.office_key(office));
    let date = view.date(&visit.query);
    let month = date.map(|date| view.month(month_of(&visit.query).unwrap_or(date), date));
    let moving = claimed(&visit, visit.draft.moving).await;
    let day = date.map(|date| view.day(date));
    page(&Page {
        live: live(&visit, &first, view.office, date),
        step: if moving.is_some() { String::new() } else { Step::When.words(visit.w) },
        back: if moving.is_some() { "/manage/appointment" } else { Step::Details.path() },
        held: claimed(&visit, visit.draft.hold).await,
        moving,
        earliest: first.iter().map(place).collect(),
        several: chosen.len() != 1,
        scope: office.map(|office| short_name_of(&app, office)),
        scope_key,
        all_offices: view.link(None, None, date),
        day,
        month,
        filtered: !view.weekdays.is_empty(),
        weekdays: view.boxes(),
        w: visit.w,
        frame: visit.frame,
    })
}

pub(super) async fn answer(visit: Visit, fields: Fields) -> Response {
    if let Some(to) = visit.missing(Step::When) {
        return go(to);
    }
    match wire::slot_from_text(&visit.app.engine, fields.one("slot")) {
        Some(slot) => take(visit, slot).await,
        None => go(Step::When.path()),
    }
}

/// The place of a claim that still stands.
async fn claimed(visit: &Visit, claim: Option<crate::ClaimId>) -> Option<Spot> {
    let claim = visit.app.engine.claim(claim?).await.ok()?;
    let held = claim.state == ClaimState::Held;
    let stands = if held { runs(&visit.app, &claim) } else { claim.state.is_active() };
    stands.then(|| spot_of(&visit.app, &claim, visit.frame.language))?
}

/// The address that tells which of the shown times are free: those of the earliest places and of
/// one day, unless they lie too far apart.
fn live(
    visit: &Visit,
    earliest: &[Opening],
    office: Option<OfficeId>,
    day: Option<NaiveDate>,
) -> Option<String> {
    let engine = &visit.app.engine;
    let key = |id: &ServiceId| engine.service_key(*id);
    let services: Option<Vec<String>> = visit.draft.services.iter().map(key).collect();
    let dates = earliest.iter().map(|opening| opening.slot.day.date());
    let (from, to) = (dates.clone().chain(day).min()?, dates.chain(day).max()?);
    let shown = earliest.iter().filter_map(|opening| engine.office_of(opening.slot.day.calendar()));
    let mut offices: Vec<OfficeId> = shown.chain(office).collect();
    offices.sort_unstable();
    offices.dedup();
    let offices: Vec<String> = offices.iter().filter_map(|id| engine.office_key(*id)).collect();
    let near = (to - from).num_days() <= LIVE_DAYS;
    let (services, offices) = (services?.join(","), offices.join(","));
    let persons = visit.draft.persons;
    near.then(|| {
        format!(
            "/v1/availability?service={services}&offices={offices}&from={from}&to={to}\
             &group=slot&persons={persons}"
        )
    })
}

fn weekday_of(text: &str) -> Option<Weekday> {
    Weekday::try_from(text.parse::<u8>().ok()?).ok()
}

/// The first day of the month asked for.
fn month_of(query: &Fields) -> Option<NaiveDate> {
    format!("{}-01", query.one("month")).parse().ok()
}

impl View<'_> {
    fn find(&self, query: Openings) -> Option<Opening> {
        self.app.engine.openings(&query.limit(1)).first().copied()
    }

    fn local(&self, opening: &Opening) -> DateTime<FixedOffset> {
        let at: DateTime<Utc> = opening.starts_at;
        wall(&self.app.engine, opening.slot.day.calendar(), at)
    }

    /// The day to show: the one asked for, else the first free one, of the month asked for.
    fn date(&self, query: &Fields) -> Option<NaiveDate> {
        let asked: Option<NaiveDate> = query.one("day").parse().ok();
        let free = |date| self.find(self.query.clone().from(date).to(date)).map(|_| date);
        let in_month = || {
            let first = month_of(query)?;
            Some(self.find(self.query.clone().from(first))?.slot.day.date())
        };
        let first = || Some(self.find(self.query.clone())?.slot.day.date());
        asked.and_then(free).or_else(in_month).or_else(first)
    }

    /// The address of this page for an office, and a month or a day.
    fn link(
        &self,
        office: Option<OfficeId>,
        month: Option<NaiveDate>,
        day: Option<NaiveDate>,
    ) -> String {
        let key = office.and_then(|office| self.app.engine.office_key(office));
        let mut parts: Vec<String> = key.iter().map(|key| format!("office={key}")).collect();
        parts.extend(month.map(|month| format!("month={}", month.format("%Y-%m"))));
        parts.extend(day.map(|day| format!("day={day}")));
        let number = |day: &Weekday| format!("wd={}", day.num_days_from_monday());
        parts.extend(self.weekdays.iter().map(number));
        let place = if day.is_some() { "times" } else { "another" };
        format!("/book/when?{}#{place}", parts.join("&"))
    }

    fn day(&self, date: NaiveDate) -> Day {
        let query = self.query.clone().from(date).to(date).limit(TIMES_MAX);
        let found = self.app.engine.openings(&query);
        let mut offices =
            if self.office.is_some() { Vec::new() } else { self.offices(date, &found) };
        let more = offices.split_off(offices.len().min(OFFICES_SHOWN));
        let count = more.len();
        let after = date.succ_opt().and_then(|next| self.find(self.query.clone().from(next)));
        let step = |date: NaiveDate| {
            let text = capital(&without_year(&date_in_words(date, self.language)));
            (self.link(self.office, None, Some(date)), text)
        };
        Day {
            title: capital(&without_year(&date_in_words(date, self.language))),
            groups: self.office.map(|_| self.parts(&found)).unwrap_or_default(),
            offices,
            more,
            more_title: fill(&self.w.more_offices, "n", count),
            before: self.free_before(date).map(step),
            after: after.map(|opening| step(opening.slot.day.date())),
        }
    }

    /// The last free day before a date; looks back as far as a month.
    fn free_before(&self, date: NaiveDate) -> Option<NaiveDate> {
        let days = std::iter::successors(date.pred_opt(), NaiveDate::pred_opt).take(31);
        let free = |day: &NaiveDate| self.find(self.query.clone().from(*day).to(*day)).is_some();
        days.into_iter().find(free)
    }

    /// The times of one office: morning, afternoon, evening.
    fn parts(&self, found: &[Opening]) -> Vec<Part> {
        let mut times: BTreeMap<u32, BTreeMap<DateTime<Utc>, TimeButton>> = BTreeMap::new();
        for opening in found {
            let local = self.local(opening);
            let spot = spot(self.app, opening.slot, opening.starts_at, self.language);
            let part = match local.hour() {
                0..12 => 0,
                12..18 => 1,
                _ => 2,
            };
            let label = format!("{}, {}, {}", spot.time, spot.date, spot.office);
            let button = TimeButton { slot: spot.slot, text: spot.time, label };
            times.entry(part).or_default().entry(opening.starts_at).or_insert(button);
        }
        let titles = [&self.w.morning, &self.w.afternoon, &self.w.evening];
        let part = |(number, times): (u32, BTreeMap<_, TimeButton>)| Part {
            title: titles.get(number as usize).map(|title| (*title).clone()).unwrap_or_default(),
            times: times.into_values().collect(),
        };
        times.into_iter().map(part).collect()
    }

    /// The offices with free times on a day, the earliest first.
    fn offices(&self, date: NaiveDate, found: &[Opening]) -> Vec<OfficeDay> {
        let mut order: Vec<(OfficeId, usize, String)> = Vec::new();
        for opening in found {
            let Some(office) = self.app.engine.office_of(opening.slot.day.calendar()) else {
                continue;
            };
            match order.iter_mut().find(|(known, ..)| *known == office) {
                Some((_, count, _)) => *count += 1,
                None => order.push((office, 1, time_in_words(&self.local(opening), self.language))),
            }
        }
        let row = |(office, count, time): (OfficeId, usize, String)| OfficeDay {
            link: self.link(Some(office), None, Some(date)),
            name: short_name_of(self.app, office),
            words: match count {
                1 => fill(&self.w.one_time, "time", time),
                _ => fill(&fill(&self.w.many_times, "n", count), "time", time),
            },
        };
        order.into_iter().map(row).collect()
    }

    fn boxes(&self) -> Vec<WeekdayBox> {
        let one = |number: u8| {
            let day = Weekday::try_from(number).ok()?;
            let name = capital(weekday(day, self.language));
            Some(WeekdayBox { number, name, checked: self.weekdays.contains(&day) })
        };
        (0..7).filter_map(one).collect()
    }

    fn month(&self, month: NaiveDate, chosen: NaiveDate) -> Month {
        let first = month.with_day(1).unwrap_or(month);
        Month::new(self, first, chosen)
    }
}
