//! Who comes back when? Waiting citizens by the millisecond.
//!
//! Never reads a clock: it is told the time.

use std::mem;

use crate::peak::citizens::Citizen;
use crate::peak::scenario::PAUSE_MS_MAX;

/// One bucket a millisecond; longer than any pause.
const BUCKETS: u64 = (PAUSE_MS_MAX + 1_200).next_power_of_two();

#[derive(Debug)]
pub(crate) struct Wheel {
    buckets: Vec<Vec<Citizen>>,
    /// The first millisecond not yet emptied.
    at_ms: u64,
    now: Vec<Citizen>,
    waiting: usize,
}

impl Wheel {
    pub(crate) fn new(now_ms: u64) -> Self {
        let buckets = (0..BUCKETS).map(|_| Vec::new()).collect();
        Self { buckets, at_ms: now_ms, now: Vec::new(), waiting: 0 }
    }

    /// Comes back at `at_ms`; what is past or too far ahead is brought within reach. When the step
    /// is due is for the citizen to know.
    pub(crate) fn put(&mut self, who: Citizen, at_ms: u64) {
        let at_ms = at_ms.clamp(self.at_ms, self.at_ms + BUCKETS - 1);
        let bucket = usize::try_from(at_ms % BUCKETS).unwrap_or(0);
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            bucket.push(who);
            self.waiting += 1;
        }
    }

    /// Someone whose time has come.
    pub(crate) fn due(&mut self, now_ms: u64) -> Option<Citizen> {
        while self.now.is_empty() && self.at_ms <= now_ms {
            let bucket = usize::try_from(self.at_ms % BUCKETS).unwrap_or(0);
            if let Some(bucket) = self.buckets.get_mut(bucket) {
                mem::swap(bucket, &mut self.now);
            }
            self.at_ms += 1;
        }
        let who = self.now.pop()?;
        self.waiting -= 1;
        Some(who)
    }

    /// The millisecond of those who are next.
    pub(crate) fn at_ms(&self) -> u64 {
        self.at_ms.saturating_sub(u64::from(!self.now.is_empty()))
    }

    /// How many are due.
    pub(crate) const fn overdue(&self) -> usize {
        self.now.len()
    }

    pub(crate) const fn len(&self) -> usize {
        self.waiting
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.waiting == 0
    }
}
