//! What time is it? Instants in milliseconds, and the clocks that tell them.
//!
//! The only file that asks the operating system for the time. Never knows time zones.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Utc};

/// An instant: milliseconds since 1970-01-01T00:00Z. The core stores these; the API speaks
/// [`DateTime<Utc>`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

impl Time {
    /// The latest instant the engine can store (44 bits of milliseconds, the year 2527).
    pub const MAX: Self = Self((1 << 44) - 1);

    /// This instant and `millis` more, never beyond [`Time::MAX`].
    #[must_use]
    pub const fn plus(self, millis: u64) -> Self {
        let sum = self.0.saturating_add(millis);
        if sum > Self::MAX.0 { Self::MAX } else { Self(sum) }
    }

    /// The same instant for callers.
    pub fn utc(self) -> DateTime<Utc> {
        i64::try_from(self.0).ok().and_then(DateTime::from_timestamp_millis).unwrap_or_default()
    }
}

impl From<DateTime<Utc>> for Time {
    /// Instants before 1970 become 1970; later than the year 2527, 2527.
    fn from(instant: DateTime<Utc>) -> Self {
        Self::default().plus(u64::try_from(instant.timestamp_millis()).unwrap_or(0))
    }
}

/// Where an engine's time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The time now. It may jump; the engine never goes back.
    fn now(&self) -> DateTime<Utc>;

    /// Whether time passes by itself. If so the engine reads the clock from a ticker thread, else
    /// at every operation.
    fn runs(&self) -> bool {
        true
    }
}

/// The machine's clock: wall time at its creation, monotonic from there on.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    wall: SystemTime,
    start: Instant,
}

impl SystemClock {
    /// Reads the wall clock, once.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
    pub fn new() -> Self {
        Self { wall: SystemTime::now(), start: Instant::now() }
    }

    /// Time passed since this clock was made, for measuring.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from(self.wall + self.start.elapsed())
    }
}

/// A clock that moves only when told to, for tests. Clones share their time.
///
/// ```
/// use cupo::{Clock, ManualClock};
/// let clock = ManualClock::at("2026-12-01T09:00:00Z".parse().unwrap());
/// clock.advance(std::time::Duration::from_secs(60));
/// assert_eq!(clock.now().to_rfc3339(), "2026-12-01T09:01:00+00:00");
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// A clock that stands at `instant`.
    pub fn at(instant: DateTime<Utc>) -> Self {
        let clock = Self::default();
        clock.set(instant);
        clock
    }

    /// Moves to `instant`, forwards or backwards.
    pub fn set(&self, instant: DateTime<Utc>) {
        // Relaxed: a clock orders nothing but itself.
        self.0.store(Time::from(instant).0, Ordering::Relaxed);
    }

    /// Moves forwards.
    pub fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        // Relaxed: as in `set`.
        self.0.store(Time(self.0.load(Ordering::Relaxed)).plus(millis).0, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        Time(self.0.load(Ordering::Relaxed)).utc()
    }

    fn runs(&self) -> bool {
        false
    }
}
