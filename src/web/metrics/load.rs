//! How much is going on? Counts by second, for five minutes.
//!
//! Never on the way of a request: requests are counted elsewhere, and the differences taken here
//! once a second.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Effect, Engine, Event, SystemClock};

use super::count::{BUCKETS, Counts, quantile};

/// Seconds that are kept.
const SECONDS: usize = 300;
/// Seconds that the quantiles of the last minute rest on.
const MINUTE: usize = 60;

/// One second of the service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Second {
    /// Its end, RFC 3339.
    pub(crate) at: String,
    /// Requests answered.
    pub(crate) requests: u64,
    /// Places held.
    pub(crate) holds: u64,
    /// Places booked, held before or not.
    pub(crate) confirms: u64,
    /// Requests refused, for whatever cause.
    pub(crate) refused: u64,
    /// Requests for a place that somebody else had taken just before.
    pub(crate) lost_races: u64,
    /// Half of the requests took at most so many microseconds.
    pub(crate) p50_us: u64,
    /// 99 of 100 requests took at most so many microseconds.
    pub(crate) p99_us: u64,
    /// Records not yet durable.
    pub(crate) queue: u64,
}

/// What the last minute was like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Minute {
    /// Requests answered.
    pub(crate) requests: u64,
    /// Half of them took at most so many microseconds.
    pub(crate) p50_us: u64,
    /// 99 of 100 took at most so many microseconds.
    pub(crate) p99_us: u64,
}

/// The recent past.
#[derive(Debug)]
pub(crate) struct Load {
    counts: Arc<Counts>,
    holds: AtomicU64,
    confirms: AtomicU64,
    clock: SystemClock,
    past: Mutex<Past>,
}

#[derive(Debug)]
struct Past {
    /// Whole seconds since the clock was made.
    ticks: u64,
    seconds: VecDeque<Second>,
    minute: VecDeque<[u64; BUCKETS]>,
    times: [u64; BUCKETS],
    totals: [u64; 4],
    overloads: u64,
    shed: bool,
}

impl Past {
    const fn new() -> Self {
        Self {
            ticks: 0,
            seconds: VecDeque::new(),
            minute: VecDeque::new(),
            times: [0; BUCKETS],
            totals: [0; 4],
            overloads: 0,
            shed: false,
        }
    }
}

impl Load {
    pub(crate) fn new(counts: Arc<Counts>) -> Self {
        Self {
            counts,
            holds: AtomicU64::new(0),
            confirms: AtomicU64::new(0),
            clock: SystemClock::new(),
            past: Mutex::new(Past::new()),
        }
    }

    /// Counts what happened in the engine.
    pub(crate) fn count(&self, events: &[Event]) {
        let (mut holds, mut confirms) = (0, 0);
        for event in events {
            match event.effect {
                Effect::Granted { booked: false, .. } => holds += 1,
                Effect::Granted { .. } | Effect::Confirmed { .. } => confirms += 1,
                _ => {}
            }
        }
        // Relaxed, here and below: counters order nothing.
        self.holds.fetch_add(holds, Ordering::Relaxed);
        self.confirms.fetch_add(confirms, Ordering::Relaxed);
    }

    /// Holds and bookings since the start.
    pub(crate) fn granted(&self) -> (u64, u64) {
        (self.holds.load(Ordering::Relaxed), self.confirms.load(Ordering::Relaxed))
    }

    /// Ends a second if one is over; answers with it as JSON.
    pub(crate) fn tick(&self, engine: &Engine) -> Option<String> {
        let ticks = self.clock.elapsed().as_secs();
        let mut past = self.past.lock();
        if ticks <= past.ticks {
            return None;
        }
        past.ticks = ticks;
        let second = self.second(engine, &mut past);
        let text = serde_json::to_string(&second).ok();
        past.seconds.push_back(second);
        if past.seconds.len() > SECONDS {
            past.seconds.pop_front();
        }
        text
    }

    fn second(&self, engine: &Engine, past: &mut Past) -> Second {
        let times = self.counts.times();
        let passed = std::array::from_fn(|n| {
            let at = |times: &[u64; BUCKETS]| times.get(n).copied().unwrap_or(0);
            at(&times).saturating_sub(at(&past.times))
        });
        past.times = times;
        past.minute.push_back(passed);
        if past.minute.len() > MINUTE {
            past.minute.pop_front();
        }
        let (holds, confirms) = self.granted();
        let refused = self.counts.refused();
        let lost = self.counts.refused_as("slot-taken");
        let totals = [holds, confirms, refused, lost];
        let [old_holds, old_confirms, old_refused, old_lost] = past.totals;
        past.totals = totals;
        let overloads = self.counts.refused_as("overloaded");
        (past.shed, past.overloads) = (overloads > past.overloads, overloads);
        Second {
            at: engine.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            requests: passed.iter().sum(),
            holds: holds - old_holds,
            confirms: confirms - old_confirms,
            refused: refused - old_refused,
            lost_races: lost - old_lost,
            p50_us: quantile(&passed, 50),
            p99_us: quantile(&passed, 99),
            queue: engine.last().0.saturating_sub(engine.durable().0),
        }
    }

    /// Whether somebody was turned away for overload within the last second.
    pub(crate) fn is_shedding(&self) -> bool {
        self.past.lock().shed
    }

    /// The last seconds, oldest first.
    pub(crate) fn seconds(&self) -> Vec<Second> {
        self.past.lock().seconds.iter().cloned().collect()
    }

    /// The last minute.
    pub(crate) fn minute(&self) -> Minute {
        let past = self.past.lock();
        let mut sum = [0; BUCKETS];
        for second in &past.minute {
            sum.iter_mut().zip(second).for_each(|(sum, count)| *sum += count);
        }
        Minute {
            requests: sum.iter().sum(),
            p50_us: quantile(&sum, 50),
            p99_us: quantile(&sum, 99),
        }
    }
}
