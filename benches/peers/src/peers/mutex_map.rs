//! The obvious Rust: two hash maps behind one mutex.
//!
//! Never writes anything down.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::load;
use crate::peer::{Ask, Client, Grant, Kind, Live, Load, Outcome, Peer, Promise, now};
use crate::stage::{HOLD_SECONDS, Stage};

const LOADS: &[Load] = &[load(2, 64), load(1, 64), load(4, 64)];

pub(super) const KINDS: [Kind; 1] = [Kind {
    name: "Mutex<HashMap>",
    promise: Promise::Memory,
    settings: "std; counts by slot and claims by user behind one mutex, taken per operation",
    loads: LOADS,
    fast: true,
    open,
}];

#[derive(Clone, Copy)]
struct Claim {
    slot: u32,
    /// The end of the hold; none once it is booked.
    deadline: Option<u64>,
}

#[derive(Default)]
struct Maps {
    used: HashMap<u32, u32>,
    claims: HashMap<u64, Claim>,
}

impl Maps {
    fn hold(&mut self, ask: &Ask, deadline: u64) -> bool {
        let used = self.used.entry(ask.slot).or_default();
        if *used >= Stage::places(ask.slot) {
            return false;
        }
        *used += 1;
        self.claims.insert(ask.user, Claim { slot: ask.slot, deadline: Some(deadline) });
        true
    }

    fn confirm(&mut self, user: u64, now: u64) -> bool {
        let Some(claim) = self.claims.get_mut(&user) else { return false };
        let in_time = claim.deadline.is_some_and(|deadline| now < deadline);
        if in_time {
            claim.deadline = None;
        }
        in_time
    }

    fn cancel(&mut self, user: u64) -> bool {
        let Some(claim) = self.claims.remove(&user) else { return false };
        if let Some(used) = self.used.get_mut(&claim.slot) {
            *used -= 1;
        }
        true
    }
}

struct MutexMap(Mutex<Maps>);

#[expect(clippy::unnecessary_wraps, reason = "the signature of every peer")]
fn open(stage: &Stage, _: &Path) -> Outcome<Box<dyn Peer>> {
    let mut maps = Maps::default();
    for user in 0..stage.live {
        let ask = Ask { user: user.into(), slot: stage.live_slot(user) };
        maps.hold(&ask, u64::MAX);
        maps.confirm(ask.user, 0);
    }
    Ok(Box::new(MutexMap(Mutex::new(maps))))
}

impl MutexMap {
    fn lock(&self) -> MutexGuard<'_, Maps> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Peer for MutexMap {
    fn client(&self) -> Outcome<Box<dyn Client + '_>> {
        Ok(Box::new(self))
    }

    fn census(&self) -> Outcome<Vec<Live>> {
        let maps = self.lock();
        let live =
            |(user, claim): (&u64, &Claim)| Live { user: *user, slot: claim.slot, place: None };
        Ok(maps.claims.iter().map(live).collect())
    }
}

impl Client for &MutexMap {
    fn hold(&mut self, asks: &[Ask], granted: &mut Vec<Grant>) -> Outcome<()> {
        let deadline = now() + HOLD_SECONDS;
        for ask in asks {
            if self.lock().hold(ask, deadline) {
                granted.push(Grant { user: ask.user, slot: ask.slot, handle: ask.user });
            }
        }
        Ok(())
    }

    fn confirm(&mut self, grants: &[Grant]) -> Outcome<usize> {
        let now = now();
        Ok(grants.iter().filter(|grant| self.lock().confirm(grant.user, now)).count())
    }

    fn cancel(&mut self, grants: &[Grant]) -> Outcome<usize> {
        Ok(grants.iter().filter(|grant| self.lock().cancel(grant.user)).count())
    }
}
