//! Who got the places, and how long did they try? Counts by who someone is.
//!
//! Never judges: a bot that books is counted like anyone else.

use std::time::Duration;

use crate::peak::citizens::{Citizen, Kind};
use crate::peak::measure::Latency;

/// Citizens on the web, callers, bots under one party, bots under many.
pub(crate) const GROUPS: [&str; 4] =
    ["citizens, web", "citizens, phone", "bots, one party", "bots, many parties"];

/// One group's fate.
#[derive(Clone, Debug)]
pub(crate) struct Fate {
    pub(crate) came: u64,
    /// Asked at least once (others met only empty pages).
    pub(crate) holds: u64,
    /// Holds and places, counted in bookings and in persons.
    pub(crate) booked: u64,
    pub(crate) persons: u64,
    /// Bookings by the number of tries: 1, 2, 3 to 5, more.
    pub(crate) tries: [u64; 4],
    /// Held a place and let it go.
    pub(crate) let_go: u64,
    pub(crate) gave_up: u64,
    /// From the arrival to the booking, in time of the run.
    pub(crate) until_booked: Latency,
    pub(crate) until_gave_up: Latency,
}

/// All groups' fates.
#[derive(Clone, Debug)]
pub(crate) struct Fairness(pub(crate) [Fate; GROUPS.len()]);

impl Fairness {
    pub(crate) fn new() -> Self {
        Self(GROUPS.map(|_| Fate {
            came: 0,
            holds: 0,
            booked: 0,
            persons: 0,
            tries: [0; 4],
            let_go: 0,
            gave_up: 0,
            until_booked: Latency::new(),
            until_gave_up: Latency::new(),
        }))
    }

    fn of(&mut self, who: &Citizen) -> Option<&mut Fate> {
        self.0.get_mut(match who.kind {
            Kind::Web => 0,
            Kind::Phone(_) => 1,
            Kind::Hoarder => 2,
            Kind::Swarm => 3,
        })
    }

    pub(crate) fn came(&mut self, who: &Citizen) {
        self.of(who).into_iter().for_each(|fate| fate.came += 1);
    }

    pub(crate) fn held(&mut self, who: &Citizen) {
        self.of(who).into_iter().for_each(|fate| fate.holds += 1);
    }

    pub(crate) fn booked(&mut self, who: &Citizen, now_us: u64) {
        let Some(fate) = self.of(who) else { return };
        fate.booked += 1;
        fate.persons += u64::from(who.persons);
        fate.until_booked.record(since(who, now_us));
        let bucket = match who.tries {
            0 | 1 => 0,
            2 => 1,
            3..=5 => 2,
            _ => 3,
        };
        fate.tries.get_mut(bucket).into_iter().for_each(|tries| *tries += 1);
    }

    /// Leaves without a booking.
    pub(crate) fn left(&mut self, who: &Citizen, now_us: u64) {
        let Some(fate) = self.of(who) else { return };
        if who.claim.is_some() {
            fate.let_go += 1;
        } else {
            fate.gave_up += 1;
            fate.until_gave_up.record(since(who, now_us));
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            own.came += other.came;
            own.holds += other.holds;
            own.booked += other.booked;
            own.persons += other.persons;
            own.let_go += other.let_go;
            own.gave_up += other.gave_up;
            own.until_booked.add(&other.until_booked);
            own.until_gave_up.add(&other.until_gave_up);
            own.tries.iter_mut().zip(other.tries).for_each(|(own, other)| *own += other);
        }
    }
}

fn since(who: &Citizen, now_us: u64) -> Duration {
    Duration::from_micros(now_us.saturating_sub(who.came_us))
}
