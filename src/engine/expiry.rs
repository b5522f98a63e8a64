//! Whose time is up? Deadlines and returns, met by an operation or by the ticker.
//!
//! Never touches a shard without a due deadline: an idle shard costs one load a tick.

use std::time::Duration;

use crate::claim::ClaimState;
use crate::engine::{Engine, Hall};
use crate::id::{ActorId, ClaimId};
use crate::inventory::{Day, DayState};
use crate::ledger::{Shard, Stage};
use crate::planted::planted;
use crate::record::Effect;
use crate::sync::{Ordering, thread};
use crate::time::Time;

/// How often the ticker advances the engine's time and looks for deadlines.
const TICK: Duration = Duration::from_millis(10);
/// How often the slow work is looked at.
const HOUSEKEEPING: Duration = Duration::from_secs(1);
/// Deadlines handled under one hold of a shard's lock.
const BATCH: usize = 64;

impl Engine {
    /// What the engine's threads do by themselves: advance time, end what is due, roll the horizon,
    /// archive and snapshot. With a clock that does not run, or a seeded engine, call it after
    /// moving the clock.
    pub fn tick(&self) {
        self.hall.refresh_now();
        self.hall.expire_due();
        self.hall.housekeeping();
        self.hall.journal.idle();
    }
}

impl Hall {
    /// The ticker's life.
    pub(super) fn run_ticker(&self) {
        // Relaxed: the flag is looked at again at the next tick.
        while !self.closing.load(Ordering::Relaxed) {
            self.refresh_now();
            self.expire_due();
            thread::park_timeout(TICK);
        }
    }

    /// The life of the housekeeper: slow work, for which no deadline waits.
    pub(super) fn run_housekeeper(&self) {
        // Relaxed: as the ticker.
        while !self.closing.load(Ordering::Relaxed) {
            self.housekeeping();
            thread::park_timeout(HOUSEKEEPING);
        }
    }

    /// Ends every hold whose deadline has passed, and returns the places that have cooled off.
    pub(super) fn expire_due(&self) {
        for shard in 0..self.ledger.shards() {
            let now = self.now();
            if self.ledger.next_due(shard) > now.0 || self.status().is_err() {
                continue;
            }
            while self.expire_batch(shard, now) {}
        }
    }

    /// Handles some due claims of a shard; true if there are more.
    fn expire_batch(&self, number: usize, now: Time) -> bool {
        let Some(mut shard) = self.ledger.lock(number) else {
            return false;
        };
        let world = self.world.load();
        let mut more = false;
        for handled in 0..=BATCH {
            let Some(id) = shard.pop_due(now) else { break };
            let place = shard.get(id).map(crate::ledger::Entry::place);
            let day = place.and_then(|place| world.days.get(place.day));
            let (Some(place), Some(day)) = (place, day) else {
                continue;
            };
            // The next tick goes on when the ring is full: this thread never waits with a lock.
            if handled == BATCH || !self.permit(&mut shard, 1) {
                shard.put_back_due(id);
                more = handled == BATCH;
                break;
            }
            let cooling = shard.get(id).is_some_and(|entry| entry.stage() == Stage::Cooling);
            let mut state = day.day.state().lock();
            let effect =
                if cooling { Effect::Returned { claim: id, place } } else { expired(&shard, id) };
            let now = self.now();
            self.carry_out(&mut shard, (&day.day, &mut state), now, &effect);
        }
        self.ledger.note_due(&shard);
        more
    }

    /// Ends a claim that an operation met past its deadline; says how many lines it took.
    pub(super) fn expire_if_due(
        &self,
        shard: &mut Shard,
        day: (&Day, &mut DayState),
        id: ClaimId,
        now: Time,
    ) -> u32 {
        let due = shard.get(id).is_some_and(|entry| {
            let late = if planted("confirm_at_the_deadline") {
                entry.time() < now
            } else {
                entry.time() <= now
            };
            entry.stage() == Stage::Claim(ClaimState::Held) && late
        });
        if due {
            let effect = expired(shard, id);
            self.carry_out(shard, day, now, &effect);
        }
        u32::from(due)
    }
}

fn expired(shard: &Shard, id: ClaimId) -> Effect {
    let place = shard
        .get(id)
        .map_or_else(|| crate::ledger::Entry::EMPTY.place(), crate::ledger::Entry::place);
    let (how, held, returns_at) = (ClaimState::Expired, true, None);
    Effect::Ended { claim: id, place, how, held, returns_at, actor: ActorId(0) }
}
