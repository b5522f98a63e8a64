//! Which days are there? An immutable map that readers use without a lock; an edit makes another.
//!
//! Never guards a count: the counts live in the days, which maps share.

use crate::id::{CalendarId, DayId};
use crate::inventory::bits::Bits;
use crate::inventory::day::Day;
use crate::inventory::plan::Plan;
use crate::record::DayFrame;
use crate::sync::Arc;

/// Days a calendar can have in memory at a time: more than 400 ahead and 600 behind.
const WINDOW: u16 = 1_024;

/// Which days of one calendar may have a free place, by [`bit_of`] their date.
pub(crate) fn bits_of_days() -> Bits {
    Bits::new(usize::from(WINDOW))
}

/// The bit of a date number.
pub(crate) fn bit_of(number: u16) -> usize {
    usize::from(number % WINDOW)
}

/// A day with the frame and plan that readers go by.
#[derive(Clone, Debug)]
pub(crate) struct DayEntry {
    pub(crate) day: Arc<Day>,
    pub(crate) frame: DayFrame,
    pub(crate) plan: Arc<Plan>,
}

#[derive(Clone, Debug)]
pub(crate) struct CalendarDays {
    pub(crate) bits: Bits,
    /// Number of the first date.
    first: u16,
    days: Vec<Option<DayEntry>>,
}

/// All days, by calendar and date.
#[derive(Clone, Debug, Default)]
pub(crate) struct DayMap {
    calendars: Vec<Option<Arc<CalendarDays>>>,
}

impl DayMap {
    pub(crate) fn calendar(&self, calendar: CalendarId) -> Option<&CalendarDays> {
        self.calendars.get(usize::from(calendar.0))?.as_deref()
    }

    pub(crate) fn get(&self, day: DayId) -> Option<&DayEntry> {
        self.calendar(day.calendar())?.get(day.number())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &DayEntry> {
        self.calendars.iter().flatten().flat_map(|calendar| calendar.days.iter().flatten())
    }

    /// The bits of a calendar, made when it has none yet.
    pub(crate) fn bits(&self, calendar: CalendarId) -> Bits {
        self.calendar(calendar).map_or_else(bits_of_days, |calendar| calendar.bits.clone())
    }

    /// Puts a day in, or puts another frame and plan to it.
    pub(crate) fn put(&mut self, entry: DayEntry, bits: &Bits) {
        let (calendar, number) = (usize::from(entry.day.id.calendar().0), entry.day.id.number());
        if self.calendars.len() <= calendar {
            self.calendars.resize(calendar + 1, None);
        }
        let Some(slot) = self.calendars.get_mut(calendar) else {
            return;
        };
        let days = slot.get_or_insert_with(|| {
            Arc::new(CalendarDays { bits: bits.clone(), first: number, days: Vec::new() })
        });
        let days = Arc::make_mut(days);
        let more = days.first.saturating_sub(number);
        days.days.splice(0..0, (0..more).map(|_| None));
        days.first -= more;
        let at = usize::from(number - days.first);
        if days.days.len() <= at {
            days.days.resize(at + 1, None);
        }
        if let Some(slot) = days.days.get_mut(at) {
            *slot = Some(entry);
        }
    }

    pub(crate) fn remove(&mut self, day: DayId) {
        let Some(Some(slot)) = self.calendars.get_mut(usize::from(day.calendar().0)) else {
            return;
        };
        let days = Arc::make_mut(slot);
        let at = day.number().checked_sub(days.first).map(usize::from);
        if let Some(entry) = at.and_then(|at| days.days.get_mut(at)) {
            *entry = None;
        }
        let empty = days.days.iter().take_while(|entry| entry.is_none()).count();
        days.days.drain(..empty);
        days.first = days.first.saturating_add(u16::try_from(empty).unwrap_or(0));
    }
}

impl CalendarDays {
    pub(crate) fn get(&self, number: u16) -> Option<&DayEntry> {
        let at = usize::from(number.checked_sub(self.first)?);
        self.days.get(at)?.as_ref()
    }

    /// The days from one date number to another that may have a free place, ascending.
    pub(crate) fn open_days(&self, from: u16, to: u16) -> impl Iterator<Item = &DayEntry> {
        let first = usize::from(self.first);
        let end = (first + self.days.len()).min(usize::from(to) + 1);
        let mut next = first.max(usize::from(from));
        std::iter::from_fn(move || {
            while next < end {
                let full = self.bits.zeros(next % usize::from(WINDOW));
                next += full.max(1);
                if full == 0
                    && let Some(entry) = self.days.get(next - 1 - first)?
                {
                    return Some(entry);
                }
            }
            None
        })
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
