//! What do all threads share? The engine, who comes when, and whether it is over.
//!
//! Never makes a call.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use cupo::{Engine, Error, SystemClock};
use parking_lot::Mutex;

use crate::peak::acks::Witness;
use crate::peak::arrivals::{Line, Schedule};
use crate::peak::citizens::Citizen;
use crate::peak::scenario::Scenario;
use crate::peak::stage::Stage;

#[derive(Debug)]
pub(crate) struct Doors<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) stage: &'a Stage,
    pub(crate) scenario: &'a Scenario,
    pub(crate) seed: u64,
    /// Numbers below are web visitors; from there to `citizens` they call.
    pub(crate) web: u64,
    pub(crate) citizens: u64,
    /// Who comes when; none if all are at the door at the opening.
    pub(crate) schedule: Option<Schedule>,
    pub(crate) next_web: AtomicU64,
    pub(crate) next_call: AtomicU64,
    pub(crate) clock: SystemClock,
    /// The first arrivals, on that clock.
    pub(crate) begins_us: u64,
    pub(crate) opens_ms: u64,
    pub(crate) slice_us: u64,
    pub(crate) closed: AtomicBool,
    pub(crate) failed: Mutex<Option<Error>>,
    pub(crate) witness: Witness,
    /// People whose office has closed, and how many more may come.
    pub(crate) displaced: Mutex<Vec<Citizen>>,
    pub(crate) displaced_waiting: AtomicUsize,
    pub(crate) closures_left: AtomicUsize,
}

impl Doors<'_> {
    pub(crate) fn now_us(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Microseconds since the first arrivals.
    pub(crate) fn since_us(&self, at_us: u64) -> u64 {
        at_us.saturating_sub(self.begins_us)
    }

    // Relaxed: a flag that is looked at again and again; nothing is read on the strength of it.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn are_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    pub(crate) fn fail(&self, error: Error) {
        self.failed.lock().get_or_insert(error);
        self.close();
    }

    // Relaxed: numbers are only handed out once each.
    pub(crate) fn take(counter: &AtomicU64, end: u64) -> Option<u64> {
        Some(counter.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < end)
    }

    pub(crate) fn citizen(&self, number: u64, operator: Option<u16>, offices: &[u64]) -> Citizen {
        Citizen::new(self.seed, number, operator, offices, self.stage, self.scenario)
    }

    /// When the next one is due whom a thread can let in that has an operator free, or none.
    pub(crate) fn next_us(&self, operator: bool) -> u64 {
        let next = self.schedule.as_ref().map(|schedule| schedule.next_us(operator));
        next.map_or(u64::MAX, |next| next.saturating_add(self.begins_us))
    }

    /// Nobody new will come. Relaxed: at worst one more turn.
    pub(crate) fn is_over(&self) -> bool {
        let displaced = self.displaced_waiting.load(Ordering::Relaxed)
            + self.closures_left.load(Ordering::Relaxed);
        let all_in = match &self.schedule {
            Some(schedule) => schedule.is_over(),
            None => self.next_web.load(Ordering::Relaxed) >= self.web,
        };
        all_in && displaced == 0
    }

    /// Due and not let in yet: on the web, and callers who wait for an operator.
    pub(crate) fn outside(&self) -> (u64, u64) {
        let now = self.since_us(self.now_us());
        let waiting = |line: &Line| line.waiting(now);
        let schedule = self.schedule.as_ref();
        schedule.map_or((0, 0), |schedule| (waiting(&schedule.web), waiting(&schedule.calls)))
    }

    pub(crate) fn has_displaced(&self) -> bool {
        self.displaced_waiting.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn take_displaced(&self, count: usize) -> Vec<Citizen> {
        let mut waiting = self.displaced.lock();
        let keep = waiting.len().saturating_sub(count);
        let some = waiting.split_off(keep);
        self.displaced_waiting.store(waiting.len(), Ordering::Relaxed);
        some
    }

    pub(crate) fn send_displaced(&self, people: Vec<Citizen>) {
        let mut waiting = self.displaced.lock();
        waiting.extend(people);
        self.displaced_waiting.store(waiting.len(), Ordering::Relaxed);
    }
}
