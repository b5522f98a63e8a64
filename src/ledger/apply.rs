//! How does a record change a shard? The same code for the living engine and for replay.
//!
//! Never decides: by the time an effect comes here it has happened.

use crate::claim::{ClaimState, Place};
use crate::id::{ClaimId, Seq};
use crate::ledger::entry::{Cold, Entry, Stage, fingerprint};
use crate::ledger::shard::Shard;
use crate::record::Effect;
use crate::time::Time;

impl Shard {
    /// Applies an effect with the sequence number and time of its record.
    pub(crate) fn apply(&mut self, seq: Seq, at: Time, effect: &Effect) {
        self.seq = seq;
        match effect {
            Effect::Granted { claim, .. } => self.grant(*claim, at, effect),
            Effect::Confirmed { claim, .. } => self.confirm(claim.index()),
            Effect::Extended { claim, ttl_s, .. } => {
                let deadline = at.plus(u64::from(*ttl_s) * 1_000);
                self.change(claim.index(), |entry| entry.extend(deadline));
                self.push_deadline(deadline, claim.index(), claim.generation());
            }
            Effect::Ended { claim, how, returns_at, .. } => {
                self.end(*claim, *how, at, *returns_at);
            }
            Effect::Returned { claim, .. } => {
                self.tally.cooling = self.tally.cooling.saturating_sub(1);
                self.close(claim.index(), ClaimState::Cancelled, at);
            }
            Effect::Taken { claim, place, version, adopted, request, .. } => {
                if let Some(hold) = adopted {
                    self.end(*hold, ClaimState::Released, at, None);
                }
                self.move_to(claim.index(), place, *version, request.0);
            }
            Effect::Marked { claim, state, .. } => {
                self.change(claim.index(), |entry| entry.set_stage(Stage::Claim(*state)));
            }
            Effect::Assigned { claim, actor, .. } => {
                self.change_cold(claim.index(), |cold| cold.actor = *actor);
            }
            Effect::Archived { claim, .. } => {
                let held = self
                    .entry(claim.index())
                    .is_some_and(|entry| entry.stage() == Stage::Claim(ClaimState::Held));
                let count = if held { &mut self.tally.held } else { &mut self.tally.booked };
                *count = count.saturating_sub(1);
                self.forget(claim.index());
            }
            _ => {}
        }
    }

    fn change(&mut self, index: u32, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entry_mut(index) {
            change(entry);
        }
    }

    fn grant(&mut self, claim: ClaimId, at: Time, effect: &Effect) {
        let Effect::Granted { place, service, party, request, booked, ttl_s, part, .. } = effect
        else {
            return;
        };
        let index = claim.index();
        if !self.grow_to(index) {
            return;
        }
        self.evict_through(index);
        self.take_free(index);
        let (state, time) = if *booked {
            self.tally.booked += 1;
            (ClaimState::Booked, at)
        } else {
            self.tally.held += 1;
            (ClaimState::Held, at.plus(u64::from(*ttl_s) * 1_000))
        };
        self.tally.granted += 1;
        let mut entry = Entry { party: *party, request: *request, ..Entry::EMPTY };
        entry.fingerprint = fingerprint(place, *service, part, *booked);
        entry.set_generation(claim.generation());
        entry.set_stage(Stage::Claim(state));
        entry.set_place(place);
        entry.set_time(time);
        entry.set_service(*service);
        if part.replaces {
            entry.set_replaces();
        }
        self.change(index, |slot| *slot = entry);
        let cold = Cold::of(part);
        if cold != Cold::default() {
            self.change_cold(index, |line| *line = cold);
        }
        self.link_to_party(index);
        if !booked {
            self.push_deadline(time, index, claim.generation());
        }
    }

    fn confirm(&mut self, index: u32) {
        self.tally.held = self.tally.held.saturating_sub(1);
        self.tally.booked += 1;
        self.change(index, |entry| entry.set_stage(Stage::Claim(ClaimState::Booked)));
    }

    fn end(&mut self, claim: ClaimId, how: ClaimState, at: Time, returns_at: Option<Time>) {
        let index = claim.index();
        match self.entry(index).map(Entry::stage) {
            Some(Stage::Claim(ClaimState::Held)) => {
                self.tally.held = self.tally.held.saturating_sub(1);
            }
            _ => self.tally.booked = self.tally.booked.saturating_sub(1),
        }
        if how == ClaimState::Expired {
            self.tally.expired += 1;
        }
        if let Some(returns_at) = returns_at {
            self.tally.cooling += 1;
            self.change(index, |entry| {
                entry.set_stage(Stage::Cooling);
                entry.set_time(returns_at);
            });
            self.push_deadline(returns_at, index, claim.generation());
        } else {
            self.close(index, how, at);
        }
    }

    fn close(&mut self, index: u32, how: ClaimState, at: Time) {
        self.change(index, |entry| {
            entry.set_stage(Stage::Claim(how));
            entry.set_time(at);
        });
        self.push_ended(index);
    }

    fn move_to(&mut self, index: u32, place: &Place, version: u16, request: u128) {
        self.change(index, |entry| {
            entry.set_place(place);
            if entry.stage() == Stage::Claim(ClaimState::Displaced) {
                entry.set_stage(Stage::Claim(ClaimState::Booked));
            }
        });
        self.change_cold(index, |cold| {
            cold.version = version;
            cold.last_request = request;
        });
    }
}
