//! How full is it? Places by office and date.
//!
//! Counts are advisory: the grant decides.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::web::civil::wall;
use crate::{DayView, Engine};

/// Places of a day, or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) capacity: u32,
    pub(crate) booked: u32,
    pub(crate) held: u32,
    pub(crate) free: u32,
    pub(crate) deficit: u32,
    pub(crate) used_by_channel: [u32; 4],
    /// Days that are closed.
    pub(crate) closed: u32,
    pub(crate) days: u32,
}

/// Places by office and date.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fill {
    pub(crate) dates: Vec<NaiveDate>,
    /// By office key: a load for each date.
    pub(crate) offices: BTreeMap<String, Vec<Load>>,
    pub(crate) total: Load,
}

impl Load {
    /// What a day has.
    pub(crate) fn of(view: &DayView) -> Self {
        let mut load = Self { days: 1, closed: view.closed.into(), ..Self::default() };
        for slot in &view.slots {
            load.capacity += u32::from(slot.capacity);
            load.booked += u32::from(slot.booked);
            load.held += u32::from(slot.held);
            load.free += u32::from(slot.free);
            load.deficit += u32::from(slot.deficit);
            for (sum, used) in load.used_by_channel.iter_mut().zip(slot.used_by_channel) {
                *sum += u32::from(used);
            }
        }
        load
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.capacity += other.capacity;
        self.booked += other.booked;
        self.held += other.held;
        self.free += other.free;
        self.deficit += other.deficit;
        self.closed += other.closed;
        self.days += other.days;
        for (sum, used) in self.used_by_channel.iter_mut().zip(other.used_by_channel) {
            *sum += used;
        }
    }

    /// Places given out.
    pub(crate) fn used(&self) -> u32 {
        self.booked + self.held
    }

    /// Percent of the capacity that is given out; nothing where there is none.
    pub(crate) fn percent(&self) -> Option<u32> {
        (self.used() * 100).checked_div(self.capacity)
    }

    /// Whether all of it is closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.days > 0 && self.closed == self.days
    }
}

/// The days in memory within the dates, at most `limit` dates, those without any opening left out.
pub(crate) fn fill(engine: &Engine, from: NaiveDate, limit: usize) -> Fill {
    let mut cells: BTreeMap<(String, NaiveDate), Load> = BTreeMap::new();
    for day in engine.days() {
        let date = day.date();
        if date < from || date < wall(engine, day.calendar(), engine.now()).date_naive() {
            continue;
        }
        let office = engine.office_of(day.calendar()).and_then(|office| engine.office_key(office));
        let (Some(office), Some(view)) = (office, engine.day(day)) else {
            continue;
        };
        let load = Load::of(&view);
        if load.capacity > 0 || load.used() > 0 {
            cells.entry((office, date)).or_default().add(&load);
        }
    }
    let dates: BTreeSet<NaiveDate> = cells.keys().map(|(_, date)| *date).collect();
    let dates: Vec<NaiveDate> = dates.into_iter().take(limit).collect();
    let mut fill = Fill { dates, ..Fill::default() };
    for ((office, date), load) in cells {
        let Ok(at) = fill.dates.binary_search(&date) else {
            continue;
        };
        let width = fill.dates.len();
        let row = fill.offices.entry(office).or_insert_with(|| vec![Load::default(); width]);
        if let Some(cell) = row.get_mut(at) {
            cell.add(&load);
        }
        fill.total.add(&load);
    }
    fill
}
