//! Is any place given twice? A recount of everything, now and then.
//!
//! The engine stands still while it is counted, so it is counted the less often the longer that
//! takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Engine, SystemClock};

/// The shortest time between two recounts.
const EVERY: Duration = Duration::from_mins(1);
/// A recount may take one part in so many of the time.
const SHARE: u32 = 1_000;

/// The last recount.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Recounted {
    /// Recounts so far.
    pub(crate) runs: u64,
    /// What did not add up in the last one: 0, or places are given twice.
    pub(crate) problems: u64,
    /// Claims counted.
    pub(crate) claims: u64,
    /// Places they keep.
    pub(crate) places: u64,
    /// Microseconds the last one took.
    pub(crate) took_us: u64,
}

/// The recounts of a service.
#[derive(Debug)]
pub(crate) struct Check {
    clock: SystemClock,
    /// When the next one is due, since the clock was made.
    due: Mutex<Duration>,
    running: AtomicBool,
    last: Mutex<Recounted>,
}

impl Check {
    pub(crate) fn new() -> Self {
        Self {
            clock: SystemClock::new(),
            due: Mutex::new(EVERY),
            running: AtomicBool::new(false),
            last: Mutex::default(),
        }
    }

    /// The last recount.
    pub(crate) fn last(&self) -> Recounted {
        self.last.lock().clone()
    }

    /// Recounts in a thread of its own, if it is time.
    pub(crate) fn tick(self: &Arc<Self>, engine: &Arc<Engine>) {
        // Relaxed: only the one who sets it starts a thread.
        if self.clock.elapsed() < *self.due.lock() || self.running.swap(true, Ordering::Relaxed) {
            return;
        }
        let (check, engine) = (self.clone(), engine.clone());
        let thread = std::thread::Builder::new().name("cupo-check".to_owned());
        let started = thread.spawn(move || {
            check.run(&engine);
            check.running.store(false, Ordering::Relaxed);
        });
        if started.is_err() {
            self.running.store(false, Ordering::Relaxed);
        }
    }

    /// Recounts now.
    pub(crate) fn run(&self, engine: &Engine) {
        let began = self.clock.elapsed();
        let audit = engine.audit();
        let took = self.clock.elapsed().saturating_sub(began);
        *self.due.lock() = began + EVERY.max(took * SHARE);
        for problem in &audit.problems {
            tracing::error!(%problem, "the recount does not add up");
        }
        let mut last = self.last.lock();
        *last = Recounted {
            runs: last.runs + 1,
            problems: audit.problems.len() as u64,
            claims: audit.claims,
            places: audit.places,
            took_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        };
    }
}
