//! Could this have happened here? What recovery asks of a record, and of a snapshot, before it
//! believes them.
//!
//! Never asked of the living engine: it decides by the rules, which are stricter.

use chrono::NaiveTime;

use crate::claim::Place;
use crate::id::DayId;
use crate::inventory::day::{Day, DayState};
use crate::inventory::plan::{Shape, lanes};
use crate::limits::SLOTS_PER_DAY_MAX;
use crate::record::{DayFrame, Effect, PlanRange};
use crate::time::Time;

impl Day {
    /// Whether an effect on a claim can follow what is known of this day.
    pub(crate) fn fits(&self, state: &DayState, effect: &Effect) -> bool {
        let leaves = |claim, place: &Place| state.roster.at(place.roster) == Some(claim);
        match effect {
            // Places on the roster are given out in one order, in life and in replay.
            Effect::Granted { place, .. } | Effect::Taken { place, adopted: None, .. } => {
                !self.is_closed()
                    && state.roster.next(0) == Some(place.roster)
                    && self.fits_lanes(place)
            }
            Effect::Taken { place, held, adopted: Some(hold), .. } => {
                leaves(*hold, place) && self.keeps(place, !held)
            }
            Effect::Confirmed { claim, place, .. } => {
                leaves(*claim, place) && self.keeps(place, true)
            }
            Effect::Ended { claim, place, held, .. } | Effect::Freed { claim, place, held } => {
                leaves(*claim, place) && self.keeps(place, *held)
            }
            Effect::Returned { place, .. } => self.keeps(place, true),
            Effect::Extended { claim, place, .. }
            | Effect::Marked { claim, place, .. }
            | Effect::Assigned { claim, place, .. }
            | Effect::Archived { claim, place } => {
                leaves(*claim, place) && self.keeps(place, false)
            }
            _ => true,
        }
    }

    /// Whether so many places are in use at every slot; if `unbooked`, by holds or returns.
    fn keeps(&self, place: &Place, unbooked: bool) -> bool {
        place.slots().all(|index| {
            let used = lanes(self.used(index));
            let used = used.get(place.channel.index()).copied().unwrap_or(0);
            used >= u32::from(place.width()) && (!unbooked || self.held(index) >= place.width())
        })
    }

    /// Whether nothing was ever taken here, or all of it has gone.
    pub(crate) fn is_unused(&self, state: &DayState) -> bool {
        self.may_retire(state) && (0..self.slots()).all(|index| self.used(index) == 0)
    }

    /// Whether nobody is left on the roster and nothing is held.
    pub(crate) fn may_retire(&self, state: &DayState) -> bool {
        state.roster.count() == 0 && !self.has_unbooked()
    }

    /// Whether places are held, or cooling off.
    pub(crate) fn has_unbooked(&self) -> bool {
        (0..self.slots()).any(|index| self.held(index) > 0)
    }
}

impl DayFrame {
    /// Whether a day can look like this: it begins on its date somewhere on Earth.
    pub(crate) fn is_real(&self, day: DayId) -> bool {
        const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
        let midnight = Time::from(day.date().and_time(NaiveTime::MIN).and_utc());
        self.slots <= SLOTS_PER_DAY_MAX && self.begins.0.abs_diff(midnight.0) <= DAY_MS
    }
}

impl Shape {
    /// Whether a plan can have this shape: ranges that are some slots of a day, ascending and
    /// apart.
    pub(crate) fn is_real(&self) -> bool {
        let within = |range: &PlanRange| range.start < range.end && range.end <= SLOTS_PER_DAY_MAX;
        self.ranges.iter().all(within) && self.ranges.is_sorted_by(|a, b| a.end <= b.start)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
