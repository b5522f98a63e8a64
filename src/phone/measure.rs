//! How do calls fare? Calls, how they end, where callers give up, how long a decision takes.
//!
//! Counts only: never who called.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::desk::WrapUp;

use super::dialogue::{Outcome, State};

/// Upper bounds of the time from the first hold to the booking, in seconds.
pub(super) const BOUNDS: [u64; 7] = [15, 30, 60, 120, 240, 480, u64::MAX];
/// Whoever is answered within so many seconds was answered in time.
const IN_TIME: u64 = 20;
/// Whoever gives up within so many seconds did not wait.
const AT_ONCE: u64 = 5;

/// Counts since the start.
#[derive(Debug, Default)]
pub struct Measures {
    calls: AtomicU64,
    live: AtomicU64,
    outcomes: [AtomicU64; Outcome::ALL.len()],
    left_at: [AtomicU64; State::ALL.len()],
    decided: [AtomicU64; BOUNDS.len()],
    decided_ms: AtomicU64,
    slow: AtomicU64,
    queued: [AtomicU64; 4],
    waited_ms: AtomicU64,
    wrapped_up: [AtomicU64; WrapUp::ALL.len()],
}

/// The counts at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Calls that began.
    pub calls: u64,
    /// Calls at present.
    pub live: u64,
    /// Calls that ended, by what came of them.
    pub outcomes: Vec<(&'static str, u64)>,
    /// Calls that ended with nothing, by the question that was open.
    pub left_at: Vec<(&'static str, u64)>,
    /// Bookings by the time since their first hold: upper bound in seconds, and how many.
    pub decided: Vec<(u64, u64)>,
    /// The sum of those times, in milliseconds.
    pub decided_ms: u64,
    /// Requests that the desk did not answer in time.
    pub slow: u64,
    /// Calls that the PBX reported from its queue: answered within 20 s, answered later, given up,
    /// given up within 5 s.
    pub queued: [u64; 4],
    /// The sum of their waits, in milliseconds.
    pub waited_ms: u64,
    /// Calls that operators ended, by how.
    pub wrapped_up: Vec<(&'static str, u64)>,
}

impl Measured {
    /// Of the calls that ended, those that needed no operator, in per mille; `None` without any.
    pub fn contained_per_mille(&self) -> Option<u64> {
        let of = |wanted: fn(Outcome) -> bool| -> u64 {
            let each = Outcome::ALL.into_iter().zip(&self.outcomes);
            each.filter(|(outcome, _)| wanted(*outcome)).map(|(_, (_, count))| count).sum()
        };
        let all = of(|_| true);
        (all > 0).then(|| of(Outcome::is_contained) * 1_000 / all)
    }

    /// Of the calls in the queue, those answered within 20 s, in per mille; who gave up at once is
    /// not counted. `None` without any.
    pub fn service_per_mille(&self) -> Option<u64> {
        let [soon, late, lost, _] = self.queued;
        (soon * 1_000).checked_div(soon + late + lost)
    }

    /// The mean wait in the queue, in milliseconds; `None` without any.
    pub fn wait_mean_ms(&self) -> Option<u64> {
        self.waited_ms.checked_div(self.queued.iter().sum())
    }

    /// The mean time from the first hold to the booking, in milliseconds; `None` without any.
    pub fn decided_mean_ms(&self) -> Option<u64> {
        self.decided_ms.checked_div(self.decided.iter().map(|(_, count)| count).sum())
    }
}

impl Measures {
    pub(super) fn began(&self) {
        add(&self.calls);
        add(&self.live);
    }

    pub(super) fn ended(&self, outcome: Outcome, left: State) {
        self.live.fetch_sub(1, Ordering::Relaxed);
        at(&self.outcomes, Outcome::ALL.iter().position(|other| *other == outcome));
        if outcome == Outcome::Nothing {
            at(&self.left_at, State::ALL.iter().position(|other| *other == left));
        }
    }

    pub(super) fn decided(&self, after: Duration) {
        at(&self.decided, BOUNDS.iter().position(|bound| after.as_secs() < *bound));
        let ms = u64::try_from(after.as_millis()).unwrap_or(0);
        self.decided_ms.fetch_add(ms, Ordering::Relaxed);
    }

    pub(super) fn slow(&self) {
        add(&self.slow);
    }

    /// What a PBX tells of a call in its queue.
    pub fn queued(&self, waited: Duration, answered: bool) {
        let kind = match (answered, waited.as_secs()) {
            (true, ..=IN_TIME) => 0,
            (true, _) => 1,
            (false, AT_ONCE..) => 2,
            (false, _) => 3,
        };
        at(&self.queued, Some(kind));
        let ms = u64::try_from(waited.as_millis()).unwrap_or(0);
        self.waited_ms.fetch_add(ms, Ordering::Relaxed);
    }

    pub(super) fn wrapped_up(&self, code: WrapUp) {
        at(&self.wrapped_up, WrapUp::ALL.iter().position(|other| *other == code));
    }

    /// The counts as they stand.
    pub fn read(&self) -> Measured {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let named = |names: Vec<&'static str>, counts: &[AtomicU64]| {
            names.into_iter().zip(counts.iter().map(load)).collect()
        };
        Measured {
            calls: load(&self.calls),
            live: load(&self.live),
            outcomes: named(Outcome::ALL.map(Outcome::name).to_vec(), &self.outcomes),
            left_at: named(State::ALL.map(State::name).to_vec(), &self.left_at),
            decided: BOUNDS.into_iter().zip(self.decided.iter().map(load)).collect(),
            decided_ms: load(&self.decided_ms),
            slow: load(&self.slow),
            queued: self.queued.each_ref().map(load),
            waited_ms: load(&self.waited_ms),
            wrapped_up: named(WrapUp::ALL.map(WrapUp::name).to_vec(), &self.wrapped_up),
        }
    }
}

fn add(count: &AtomicU64) {
    // Relaxed: a count orders nothing.
    count.fetch_add(1, Ordering::Relaxed);
}

fn at(counts: &[AtomicU64], place: Option<usize>) {
    if let Some(count) = place.and_then(|place| counts.get(place)) {
        add(count);
    }
}
