//! When is there a place? `Slot` and `Schedule`.
//!
//! A slot stands for all places of a start; it is free while one of them is.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::web::civil::wall;
use crate::{Calendar, CalendarId, DayId, DayView, Engine, SlotId, SlotView};

use super::{Bound, Page, schedule_id, slot_id};

/// A search for slots of one schedule.
#[derive(Debug)]
pub(crate) struct Slots {
    pub(crate) calendar: CalendarId,
    pub(crate) start: Vec<Bound>,
    /// Any of these; all if there is none.
    pub(crate) status: Vec<String>,
    pub(crate) count: usize,
    pub(crate) after: Option<SlotId>,
}

/// An instant with the office's offset.
pub(super) fn instant(engine: &Engine, calendar: CalendarId, at: DateTime<Utc>) -> String {
    wall(engine, calendar, at).to_rfc3339_opts(SecondsFormat::Secs, false)
}

/// The calendar as the catalog has it, with its office.
pub(super) fn calendar(engine: &Engine, id: CalendarId) -> Option<Calendar> {
    let key = engine.calendar_key(id)?;
    engine.catalog()?.calendars.iter().find(|calendar| calendar.key == key).cloned()
}

/// The office of a calendar, as a reference by its key.
pub(super) fn location(engine: &Engine, base: &str, calendar: &Calendar) -> Value {
    let catalog = engine.catalog().unwrap_or_default();
    let office = catalog.offices.iter().find(|office| office.key == calendar.office);
    let display = office.and_then(|office| office.name.clone());
    json!({
        "type": "Location",
        "identifier": { "system": format!("{base}/offices"), "value": calendar.office },
        "display": display.unwrap_or_else(|| calendar.office.clone()),
    })
}

/// A calendar as a `Schedule`.
pub(crate) fn schedule(engine: &Engine, base: &str, id: CalendarId) -> Option<Value> {
    let calendar = calendar(engine, id)?;
    let services: Vec<Value> =
        calendar.services.iter().map(|key| service(engine, base, key)).collect();
    Some(json!({
        "resourceType": "Schedule",
        "id": schedule_id(engine, id),
        "identifier": [{ "system": format!("{base}/calendars"), "value": calendar.key }],
        "active": true,
        "serviceType": services,
        "actor": [location(engine, base, &calendar)],
    }))
}

/// A service as a concept.
pub(super) fn service(engine: &Engine, base: &str, key: &str) -> Value {
    let catalog = engine.catalog().unwrap_or_default();
    let service = catalog.services.iter().find(|service| service.key == key);
    let english = service.map(|service| service.name.en.clone()).filter(|name| !name.is_empty());
    let text = english.unwrap_or_else(|| key.to_owned());
    json!({
        "coding": [{ "system": format!("{base}/services"), "code": key, "display": text }],
        "text": text,
    })
}

fn status(engine: &Engine, day: &DayView, slot: &SlotView) -> &'static str {
    if day.closed || day.released > engine.now() {
        "busy-unavailable"
    } else if slot.free > 0 {
        "free"
    } else if slot.held > 0 {
        "busy-tentative"
    } else {
        "busy"
    }
}

fn resource(engine: &Engine, unit: TimeDelta, day: &DayView, slot: &SlotView) -> Value {
    let calendar = day.day.calendar();
    json!({
        "resourceType": "Slot",
        "id": slot_id(engine, slot.slot),
        "meta": { "versionId": day.seq.to_string() },
        "schedule": { "reference": format!("Schedule/{}", schedule_id(engine, calendar)) },
        "status": status(engine, day, slot),
        "start": instant(engine, calendar, slot.starts_at),
        "end": instant(engine, calendar, slot.starts_at + unit),
        "overbooked": slot.deficit > 0,
    })
}

/// How long a slot of a calendar is.
pub(super) fn unit(calendar: &Calendar) -> TimeDelta {
    TimeDelta::seconds(i64::try_from(calendar.unit.seconds()).unwrap_or(0))
}

/// A slot.
pub(crate) fn slot(engine: &Engine, id: SlotId) -> Option<Value> {
    let (day, calendar) = (engine.day(id.day)?, calendar(engine, id.day.calendar())?);
    let slot = day.slots.iter().find(|slot| slot.slot == id)?;
    Some(resource(engine, unit(&calendar), &day, slot))
}

impl Slots {
    /// A page of slots in order of time. Cost grows with the days passed over.
    pub(crate) fn page(&self, engine: &Engine) -> Page {
        let mut page = Page::default();
        let Some(unit) = calendar(engine, self.calendar).map(|calendar| unit(&calendar)) else {
            return page;
        };
        let later = |day: &DayId| self.after.is_none_or(|after| *day >= after.day);
        let own = engine.days().into_iter().filter(|day| day.calendar() == self.calendar);
        let asked = |day: &DayId| self.start.iter().all(|bound| bound.touches(*day));
        let days = own.filter(later).filter(asked).filter_map(|day| engine.day(day));
        let mut last = None;
        for day in days {
            for slot in &day.slots {
                let fits = |bound: &Bound| bound.fits(day.day, slot.starts_at);
                let known = self.status.is_empty()
                    || self.status.iter().any(|asked| asked == status(engine, &day, slot));
                let seen = self.after.is_some_and(|after| slot.slot <= after);
                if seen || !known || !self.start.iter().all(fits) {
                    continue;
                }
                if page.resources.len() == self.count {
                    page.next = last;
                    return page;
                }
                page.resources.push(resource(engine, unit, &day, slot));
                last = Some(slot_id(engine, slot.slot));
            }
        }
        page
    }
}
