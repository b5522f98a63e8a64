//! Where is the next free place? The earliest k over any calendars, read off the counters.
//!
//! Never locks and never promises: the grant decides.

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

/// The earliest `limit` places over all searches, in order of time. `accept` filters by the
/// office's local date and time.
pub(crate) fn earliest(
    map: &DayMap,
    searches: impl Iterator<Item = Search>,
    now: Time,
    limit: usize,
    accept: &dyn Fn(&DayEntry, u16) -> bool,
) -> Vec<Found> {
    let mut best: Vec<Found> = Vec::with_capacity(limit + 1);
    for search in searches {
        let Some(calendar) = map.calendar(search.calendar) else {
            continue;
        };
        for entry in calendar.open_days(search.from, search.to) {
            let worst = (best.len() >= limit).then(|| best.last().map(|found| found.starts_at));
            if worst.flatten().is_some_and(|worst| entry.frame.begins >= worst) {
                break;
            }
            search_day(entry, &search, now, limit, accept, &mut best);
        }
    }
    best
}

fn search_day(
    entry: &DayEntry,
    search: &Search,
    now: Time,
    limit: usize,
    accept: &dyn Fn(&DayEntry, u16) -> bool,
    best: &mut Vec<Found>,
) {
    let DayEntry { day, frame, plan } = entry;
    if frame.released > now || day.is_closed() {
        return;
    }
    let unit_ms = u64::from(frame.unit_min) * 60_000;
    let late = search.not_before.0.saturating_sub(frame.begins.0).div_ceil(unit_ms.max(1));
    let first = plan.first_open().max(usize::try_from(late).unwrap_or(usize::MAX));
    for index in first..plan.end() {
        let Ok(start) = u16::try_from(index) else {
            return;
        };
        let starts = starts_at(frame, start);
        if best.len() >= limit && best.last().is_some_and(|worst| starts >= worst.starts_at) {
            return;
        }
        let place = Place { day: day.id, start, ..search.place };
        if day.check(plan, frame, now, &place, &[], None).is_err() || !accept(entry, start) {
            continue;
        }
        let places = place.slots().map(|at| day.free_for(plan, frame, now, at, place.channel));
        let free = places.min().unwrap_or(0) / place.width().max(1);
        let found = Found { starts_at: starts, slot: place.slot(), free };
        let at = best.partition_point(|other| *other < found);
        best.insert(at, found);
        best.truncate(limit);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
