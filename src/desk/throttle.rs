//! May they try again so soon? Counts of tries by caller, network and code.
//!
//! Never remembers who tried, only keyed hashes and when; never grows for ever.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::{Clock, SystemClock, Time};

use super::DeskError;

/// What is being tried, each with its own pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gate {
    /// Looking for a booking, by whoever tries: 10, then one a minute.
    Lookup,
    /// Looking for a booking, by its code or number: 5, then one in ten minutes.
    Guess,
    /// Looking for a new place by telephone, by the number: 10, then one a minute.
    Attempt,
    /// Signing in as staff: 10, then one a minute.
    SignIn,
}

/// Counts at a gate, at most. Two names share a count once in so many; more of them would be room
/// for whoever tries under ever new names.
const COUNTS: u64 = 1 << 20;

/// So many tries at a gate between two looks for counts that are as good as new.
const TIDY_EVERY: u32 = 4_096;

/// Counts of tries.
pub struct Throttle {
    lookup: Counts,
    guess: Counts,
    attempt: Counts,
    sign_in: Counts,
    clock: Ticks,
    /// Its key is new in every process, so that nobody can choose names that meet.
    hasher: RandomState,
}

impl Default for Throttle {
    fn default() -> Self {
        Self::on(SystemClock::new())
    }
}

impl Throttle {
    /// On another clock than the machine's, for tests.
    pub fn on(clock: impl Clock) -> Self {
        let clock = Ticks(Arc::new(clock));
        let counts = |burst, pace| Counts::new(burst, Duration::from_secs(pace), &clock);
        Self {
            lookup: counts(const { NonZeroU32::new(10).unwrap() }, 60),
            guess: counts(const { NonZeroU32::new(5).unwrap() }, 600),
            attempt: counts(const { NonZeroU32::new(10).unwrap() }, 60),
            sign_in: counts(const { NonZeroU32::new(10).unwrap() }, 60),
            hasher: RandomState::new(),
            clock,
        }
    }

    /// Counts a try of `who` at a gate.
    ///
    /// # Errors
    /// [`DeskError::Throttled`] with when to come back.
    pub fn pass(&self, gate: Gate, who: &str) -> Result<(), DeskError> {
        let counts = match gate {
            Gate::Lookup => &self.lookup,
            Gate::Guess => &self.guess,
            Gate::Attempt => &self.attempt,
            Gate::SignIn => &self.sign_in,
        };
        counts.tidy();
        let count = self.hasher.hash_one(who) % COUNTS;
        counts.limiter.check_key(&count).map_err(|not_until| DeskError::Throttled {
            after: not_until.wait_time_from(self.clock.now()),
        })
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").finish_non_exhaustive()
    }
}

/// The counts of one gate.
struct Counts {
    limiter: RateLimiter<u64, DashMapStateStore<u64>, Ticks, NoOpMiddleware<Nanos>>,
    tries: AtomicU32,
}

impl Counts {
    fn new(burst: NonZeroU32, pace: Duration, clock: &Ticks) -> Self {
        let quota = Quota::with_period(pace).expect("a pace is more than nothing");
        let store = DashMapStateStore::default();
        let limiter = RateLimiter::new(quota.allow_burst(burst), store, clock.clone());
        Self { limiter, tries: AtomicU32::new(0) }
    }

    /// Now and then forgets who may do all of it again.
    fn tidy(&self) {
        // Relaxed: orders nothing; that two tidy at once does no harm.
        if self.tries.fetch_add(1, Ordering::Relaxed) % TIDY_EVERY == TIDY_EVERY - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
    }
}

/// The crate's clock in the words of the limiter.
#[derive(Clone)]
struct Ticks(Arc<dyn Clock>);

impl GovernorClock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Duration::from_millis(Time::from(self.0.now()).0).into()
    }
}

impl fmt::Debug for Ticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticks")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ManualClock;

    fn clock() -> ManualClock {
        ManualClock::at("2026-12-01T09:00:00Z".parse().unwrap())
    }

    /// How many tries pass before the first that does not, and how long that one has to wait.
    fn burst(throttle: &Throttle, gate: Gate, who: &str) -> (u32, Duration) {
        let mut passed = 0;
        loop {
            match throttle.pass(gate, who) {
                Ok(()) => passed += 1,
                Err(DeskError::Throttled { after }) => return (passed, after),
                Err(other) => panic!("{other}"),
            }
        }
    }

    #[test]
    fn each_gate_has_its_pace_and_says_exactly_when_to_come_back() {
        for (gate, many, pace) in
            [(Gate::Lookup, 10, 60), (Gate::Guess, 5, 600), (Gate::SignIn, 10, 60)]
        {
            let clock = clock();
            let throttle = Throttle::on(clock.clone());
            let pace = Duration::from_secs(pace);
            assert_eq!(burst(&throttle, gate, "a"), (many, pace));
            clock.advance(pace.saturating_sub(Duration::from_millis(1)));
            assert_eq!(burst(&throttle, gate, "a"), (0, Duration::from_millis(1)));
            clock.advance(Duration::from_millis(1));
            assert_eq!(burst(&throttle, gate, "a"), (1, pace));
        }
    }

    #[test]
    fn one_who_tries_too_often_stops_nobody_else() {
        let throttle = Throttle::on(clock());
        burst(&throttle, Gate::Lookup, "a");
        assert_eq!(burst(&throttle, Gate::Lookup, "b").0, 10);
        assert_eq!(burst(&throttle, Gate::SignIn, "a").0, 10);
    }

    #[test]
    fn counts_that_are_as_good_as_new_are_forgotten() {
        let clock = clock();
        let throttle = Throttle::on(clock.clone());
        for n in 0..20_000 {
            let _ = throttle.pass(Gate::Lookup, &n.to_string());
        }
        assert!(throttle.lookup.limiter.len() > 10_000);
        clock.advance(Duration::from_hours(1));
        for _ in 0..TIDY_EVERY {
            let _ = throttle.pass(Gate::Lookup, "a");
        }
        assert!(throttle.lookup.limiter.len() <= 1, "{}", throttle.lookup.limiter.len());
    }

    #[test]
    fn the_throttle_shows_nobody() {
        let throttle = Throttle::on(clock());
        let _ = throttle.pass(Gate::Lookup, "10.0.0.1");
        assert_eq!(format!("{throttle:?}"), "Throttle { .. }");
    }
}
