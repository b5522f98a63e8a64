//! How many requests may a caller make? Budgets of addresses, networks and keys.
//!
//! Never refuses a lost race, and never grows for ever: who has been quiet is forgotten.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::web::Settings;

use super::Session;
use super::network::{neighbourhood, number};

/// What a network has, in budgets of one caller.
const CALLERS_IN_A_NETWORK: u32 = 5;
/// A budget beyond this is none.
const PER_SECOND_MOST: u32 = 100_000_000;
/// How many seconds' worth may come at once.
const BURST_SECONDS: u32 = 10;

/// What everybody has left.
pub(crate) struct Rates {
    callers: DefaultKeyedRateLimiter<u128>,
    networks: DefaultKeyedRateLimiter<u128>,
    keys: DefaultKeyedRateLimiter<Arc<str>>,
    lines: DefaultDirectRateLimiter,
    clock: DefaultClock,
}

impl Rates {
    pub(crate) fn new(settings: &Settings) -> Self {
        let caller = settings.requests_per_second;
        Self {
            callers: RateLimiter::keyed(quota(caller)),
            networks: RateLimiter::keyed(quota(caller.saturating_mul(CALLERS_IN_A_NETWORK))),
            keys: RateLimiter::keyed(quota(settings.key_requests_per_second)),
            lines: RateLimiter::direct(Quota::per_second(NonZeroU32::MIN)),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request; when it may be tried again if there have been too many.
    pub(super) fn pass(
        &self,
        address: Option<IpAddr>,
        session: Option<&Session>,
    ) -> Result<(), Duration> {
        if let Some(session) = session {
            return self.check(&self.keys, &session.key);
        }
        let Some(address) = address else { return Ok(()) };
        // The network first: whoever owns many addresses of it leaves no more traces then.
        self.check(&self.networks, &neighbourhood(address))?;
        self.check(&self.callers, &number(address))
    }

    fn check<K>(&self, limiter: &DefaultKeyedRateLimiter<K>, who: &K) -> Result<(), Duration>
    where
        K: Clone + Eq + std::hash::Hash,
    {
        limiter.check_key(who).map_err(|until| until.wait_time_from(self.clock.now()))
    }

    /// Whether a refusal is worth a line in the log: one a second, however many are sent away.
    pub(super) fn may_tell(&self) -> bool {
        self.lines.check().is_ok()
    }

    /// Forgets who has its whole budget again. Run it now and then.
    pub(crate) fn tidy(&self) {
        self.callers.retain_recent();
        self.networks.retain_recent();
        self.callers.shrink_to_fit();
        self.networks.shrink_to_fit();
    }
}

fn quota(per_second: u32) -> Quota {
    // Above that the pause between two requests would be less than what is measured.
    let rate = NonZeroU32::new(per_second.min(PER_SECOND_MOST)).unwrap_or(NonZeroU32::MIN);
    let burst = rate.saturating_mul(NonZeroU32::MIN.saturating_add(BURST_SECONDS - 1));
    Quota::per_second(rate).allow_burst(burst)
}

impl std::fmt::Debug for Rates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (callers, networks) = (self.callers.len(), self.networks.len());
        f.debug_struct("Rates")
            .field("callers", &callers)
            .field("networks", &networks)
            .finish_non_exhaustive()
    }
}
