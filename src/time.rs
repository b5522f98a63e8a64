//! What time is it? Instants in milliseconds, and the clocks that tell them.
//!
//! The only file that asks the operating system for the time. Never knows time zones.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};

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
    #[expect(clippy::cast_possible_truncation, reason = "seconds and nanoseconds of a day")]
    pub fn utc(self) -> DateTime<Utc> {
        let (days, millis) = (self.0 / DAY_MS, self.0 % DAY_MS);
        let (seconds, nanos) = ((millis / 1_000) as u32, (millis % 1_000) as u32 * 1_000_000);
        let time = NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos);
        date_of(days).and_time(time.unwrap_or_default()).and_utc()
    }
}

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// Days until the year 2100.
const DATES_KEPT: usize = 47_482;

/// The dates of the days since 1970: calendar arithmetic costs more than the rest of a read.
static DATES: LazyLock<Box<[NaiveDate]>> =
    LazyLock::new(|| NaiveDate::default().iter_days().take(DATES_KEPT).collect());

/// The date so many days after 1970-01-01.
pub(crate) fn date_of(days: u64) -> NaiveDate {
    let kept = usize::try_from(days).ok().and_then(|days| DATES.get(days));
    let later = || NaiveDate::default().checked_add_days(Days::new(days)).unwrap_or_default();
    kept.copied().unwrap_or_else(later)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Callers are told dates from a table; every one of them is the calendar's.
    #[test]
    fn instants_are_told_as_the_calendar_tells_them() {
        let last = Time::MAX.0;
        let around = |day: u64| [day * DAY_MS, day * DAY_MS + 1, (day + 1) * DAY_MS - 1];
        let days = (0..60_000).chain(203_600..last / DAY_MS);
        for millis in days.flat_map(around).chain([last]) {
            let told = DateTime::from_timestamp_millis(i64::try_from(millis).unwrap());
            assert_eq!(Time(millis).utc(), told.unwrap());
        }
        assert_eq!(date_of(10_957), NaiveDate::from_ymd_opt(2000, 1, 1).unwrap());
        assert_eq!(date_of(u64::MAX), NaiveDate::default(), "beyond every calendar");
    }
}
