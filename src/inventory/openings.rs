//! Where is the next free place? The earliest k over any calendars, read off the counters.
//!
//! Never locks and never promises: the grant decides.

use std::ops::Range;

use crate::claim::Place;
use crate::id::{CalendarId, SlotId};
use crate::inventory::day::starts_at;
use crate::inventory::map::{DayEntry, DayMap};
use crate::time::Time;

/// What is looked for in one calendar.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search {
    pub(crate) calendar: CalendarId,
    /// Date numbers, both included.
    pub(crate) from: u16,
    pub(crate) to: u16,
    /// Nothing that starts before.
    pub(crate) not_before: Time,
    /// Run, persons, arrangement and channel; its day and start are not read.
    pub(crate) place: Place,
}

/// A place that was free when looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    pub(crate) starts_at: Time,
    pub(crate) slot: SlotId,
    pub(crate) free: u16,
}

/// Whether a start of a day is wanted, by the office's local date and time.
pub(crate) type Accept<'a> = dyn Fn(&DayEntry, u16) -> bool + 'a;

/// The earliest `limit` places over all searches, in order of time.
pub(crate) fn earliest(
    map: &DayMap,
    searches: impl Iterator<Item = Search>,
    now: Time,
    limit: usize,
    accept: &Accept<'_>,
) -> Vec<Found> {
    let mut best: Vec<Found> = Vec::with_capacity(limit + 1);
    for search in searches {
        let Some(calendar) = map.calendar(search.calendar) else {
            continue;
        };
        for entry in calendar.open_days(search.from, search.to) {
            let end = useful_before(&best, limit);
            if entry.frame.begins >= end {
                break;
            }
            let range = starts(entry, &search, now);
            let soonest = u16::try_from(range.start).map(|start| starts_at(&entry.frame, start));
            if !range.is_empty() && soonest.is_ok_and(|soonest| soonest < end) {
                search_day(entry, range, &search, now, limit, accept, &mut best);
            }
        }
    }
    best
}

/// Only what starts before this is better than what was found.
fn useful_before(best: &[Found], limit: usize) -> Time {
    if best.len() < limit {
        return Time::MAX;
    }
    best.last().map_or(Time(0), |worst| worst.starts_at)
}

fn search_day(
    entry: &DayEntry,
    range: Range<usize>,
    search: &Search,
    now: Time,
    limit: usize,
    accept: &Accept<'_>,
    best: &mut Vec<Found>,
) {
    for start in open_in(entry, range) {
        if starts_at(&entry.frame, start) >= useful_before(best, limit) {
            return;
        }
        if let Some(found) = look(entry, search, now, start).filter(|_| accept(entry, start)) {
            let at = best.partition_point(|other| *other < found);
            best.insert(at, found);
            best.truncate(limit);
        }
    }
}

/// A day with free places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FoundDay {
    /// How many starts have room.
    pub(crate) starts: u32,
    pub(crate) first: Found,
}

/// The days with free places of all searches, ascending in each of them. `accept` as for
/// [`earliest`]; without it every start is accepted.
pub(crate) fn open_days(
    map: &DayMap,
    searches: impl Iterator<Item = Search>,
    now: Time,
    accept: Option<&Accept<'_>>,
) -> Vec<FoundDay> {
    let mut found = Vec::new();
    for search in searches {
        let calendar = map.calendar(search.calendar);
        let days = calendar.into_iter().flat_map(|days| days.open_days(search.from, search.to));
        found.extend(days.filter_map(|entry| count_day(entry, &search, now, accept)));
    }
    found
}

fn count_day(
    entry: &DayEntry,
    search: &Search,
    now: Time,
    accept: Option<&Accept<'_>>,
) -> Option<FoundDay> {
    let range = starts(entry, search, now);
    let Search { place, .. } = search;
    // One place of a slot: an open slot has it.
    let is_plain = accept.is_none() && place.run == 1 && place.width() == 1;
    if is_plain && entry.plan.is_open_to(place.channel) {
        let first = open_in(entry, range.clone()).find_map(|at| look(entry, search, now, at))?;
        return Some(FoundDay { starts: entry.day.open().count(range), first });
    }
    let mut found = open_in(entry, range).filter_map(|start| {
        let accepted = accept.is_none_or(|accept| accept(entry, start));
        look(entry, search, now, start).filter(|_| accepted)
    });
    let first = found.next()?;
    let more = u32::try_from(found.count()).unwrap_or(u32::MAX);
    Some(FoundDay { starts: more.saturating_add(1), first })
}

/// The starts with a free place: none if the day is closed.
fn open_in(entry: &DayEntry, range: Range<usize>) -> impl Iterator<Item = u16> {
    let range = if entry.day.is_closed() { 0..0 } else { range };
    entry.day.open().ones(range).filter_map(|index| u16::try_from(index).ok())
}

/// The starts of a day that may be given out: none while it is not released. Told by its frame
/// and plan, so that a day that is of no use is not touched.
fn starts(entry: &DayEntry, search: &Search, now: Time) -> Range<usize> {
    let DayEntry { frame, plan, .. } = entry;
    if frame.released > now {
        return 0..0;
    }
    let unit_ms = u64::from(frame.unit_min) * 60_000;
    let late = search.not_before.0.saturating_sub(frame.begins.0).div_ceil(unit_ms.max(1));
    let first = plan.first_open().max(usize::try_from(late).unwrap_or(usize::MAX));
    first..plan.end()
}

/// The place at a start, if it is free.
fn look(entry: &DayEntry, search: &Search, now: Time, start: u16) -> Option<Found> {
    let DayEntry { day, frame, plan } = entry;
    let place = Place { day: day.id, start, ..search.place };
    day.check(plan, frame, now, &place, &[], None).ok()?;
    let places = place.slots().map(|at| day.free_for(plan, frame, now, at, place.channel));
    let free = places.min().unwrap_or(0) / place.width().max(1);
    Some(Found { starts_at: starts_at(frame, start), slot: place.slot(), free })
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
