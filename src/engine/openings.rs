//! What is free? The earliest places, and the days that have any.
//!
//! Never locks and never promises: the grant decides.

use chrono::Datelike;

use crate::catalog::{CalendarRule, Rules};
use crate::claim::{Arrangement, Place};
use crate::engine::{Engine, OpenDay, Opening, Openings, World};
use crate::id::{CalendarId, DayId};
use crate::inventory::{Accept, DayEntry, Found, Search, earliest, open_days, starts_at};
use crate::time::Time;

impl Engine {
    /// The earliest free places that fit the query, in order of time. Takes no lock. Cost grows
    /// with the calendars looked at and the slots passed over; sold-out days cost one bit each.
    pub fn openings(&self, query: &Openings) -> Vec<Opening> {
        let world = self.hall.world.load();
        let Some(rules) = world.rules.as_deref() else {
            return Vec::new();
        };
        let now = self.hall.now();
        let accept = |entry: &DayEntry, start: u16| fits(query, rules, entry, start);
        let Some(searches) = searches(query, rules, now) else {
            return Vec::new();
        };
        let found = earliest(&world.days, searches, now, query.limit, &accept);
        found.into_iter().map(opening).collect()
    }

    /// The dates on which something is free that fits the query, ascending; all calendars of a
    /// date together, and without regard to the query's limit. Takes no lock. Cost grows with
    /// the slots of the days that have free places: about a nanosecond each.
    ///
    /// ```
    /// # fn page(engine: &cupo::Engine, passport: cupo::ServiceId, boston: cupo::OfficeId) {
    /// for day in engine.open_days(&cupo::Openings::new(passport).offices(&[boston])) {
    ///     println!("{}: {} starts, the first at {}", day.date, day.starts, day.first.starts_at);
    /// }
    /// # }
    /// ```
    pub fn open_days(&self, query: &Openings) -> Vec<OpenDay> {
        let world: &World = &self.hall.world.load();
        let Some(rules) = world.rules.as_deref() else {
            return Vec::new();
        };
        let now = self.hall.now();
        let accept = |entry: &DayEntry, start: u16| fits(query, rules, entry, start);
        let accept: Option<&Accept<'_>> = if takes_all(query) { None } else { Some(&accept) };
        let Some(searches) = searches(query, rules, now) else {
            return Vec::new();
        };
        let mut found = open_days(&world.days, searches, now, accept);
        let number = |found: &Found| found.slot.day.number();
        found.sort_by_key(|day| (number(&day.first), day.first));
        let dates = found.chunk_by(|one, other| number(&one.first) == number(&other.first));
        let told = dates.filter_map(|days| {
            let first = days.first()?.first;
            let starts = days.iter().map(|day| day.starts).sum();
            Some(OpenDay { date: first.slot.day.date(), starts, first: opening(first) })
        });
        told.collect()
    }
}

fn opening(found: Found) -> Opening {
    Opening { slot: found.slot, starts_at: found.starts_at.utc(), free: found.free }
}

/// What the query looks for in each calendar that serves it; `None` if no calendar can have it.
fn searches(query: &Openings, rules: &Rules, now: Time) -> Option<impl Iterator<Item = Search>> {
    let wanted = wanted(query, rules)?;
    let serving = rules.calendars().filter(|(_, rule)| serves(query, rule));
    Some(serving.map(move |(calendar, rule)| {
        let lead = rule.lead_ms.get(query.channel.index()).copied().unwrap_or(0);
        Search { calendar, not_before: now.plus(lead), ..wanted }
    }))
}

/// Whether the time of day does not matter.
fn takes_all(query: &Openings) -> bool {
    query.between.is_none() && query.weekdays & 0x7f == 0x7f
}

/// Whether a calendar is one of those asked for, and serves all that is asked for.
fn serves(query: &Openings, rule: &CalendarRule) -> bool {
    query.offices.as_ref().is_none_or(|offices| offices.contains(&rule.office))
        && query.services.as_slice().iter().all(|service| rule.serves(*service))
}

/// What is looked for, the same in each calendar.
fn wanted(query: &Openings, rules: &Rules) -> Option<Search> {
    let mut units: u16 = 0;
    for service in query.services.as_slice() {
        let rule = rules.service(*service).filter(|rule| query.persons <= rule.persons_max)?;
        units = units.saturating_add(rule.units);
    }
    let run = match query.arrangement {
        Arrangement::Together => units,
        Arrangement::InTurn => units.saturating_mul(query.persons),
    };
    let calendar = CalendarId(0);
    let number = |date| DayId::new(calendar, date).map(DayId::number);
    Some(Search {
        calendar,
        from: query.from.map_or(Some(0), number)?,
        to: query.to.map_or(Some(u16::MAX), number)?,
        not_before: Time(0),
        place: Place {
            day: DayId::of(calendar, 0),
            start: 0,
            run: u8::try_from(run).ok()?,
            persons: u8::try_from(query.persons).ok().filter(|persons| *persons > 0)?,
            arrangement: query.arrangement,
            channel: query.channel,
            roster: 0,
        },
    })
}

fn fits(query: &Openings, rules: &Rules, entry: &DayEntry, start: u16) -> bool {
    if takes_all(query) {
        return true;
    }
    let starts = starts_at(&entry.frame, start);
    let Some((date, time)) = rules.local(entry.day.id.calendar(), starts) else {
        return false;
    };
    query.weekdays & (1 << date.weekday().num_days_from_monday()) != 0
        && query.between.is_none_or(|(first, end)| time >= first && time < end)
}
