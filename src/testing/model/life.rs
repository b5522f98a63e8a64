//! What happens to a claim that stays where it is?

use std::time::Duration;

use super::{Answer, Life, Model};
use crate::{ActorId, Claim, ClaimId, ClaimState, Rejection, Time};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

impl Model {
    /// The claim as an operation on it meets it: past its deadline, a hold ends there and then.
    pub(super) fn meet(&mut self, id: ClaimId) -> Result<Life, Rejection> {
        let life = self.life(id)?;
        if life.is_held() && life.time <= self.now {
            self.end(id, ClaimState::Expired)?;
        }
        self.life(id).cloned()
    }

    pub(super) fn confirm(&mut self, id: ClaimId) -> Answer {
        let life = self.meet(id)?;
        match life.claim.state {
            ClaimState::Held => {
                if life.replaces {
                    // It was not counted beside the claim that it replaces; now it would be.
                    let Claim { party, services, slot, .. } = life.claim;
                    self.party_limit(party, services.as_slice(), slot, &[id], &[])?;
                }
                self.change(id, |life| life.claim.state = ClaimState::Booked)
            }
            ClaimState::Booked => self.receipt(id, true),
            _ => Err(over(&life)),
        }
    }

    pub(super) fn extend(&mut self, id: ClaimId, ttl: Duration) -> Answer {
        let life = self.meet(id)?;
        if !life.is_held() {
            return Err(over(&life));
        }
        let holds = self.catalog.as_ref().map(|catalog| catalog.holds.clone()).unwrap_or_default();
        let ttl_s = ttl.as_secs();
        if ttl_s == 0 || ttl_s > holds.ttl_max.seconds() {
            let what = "ttl: 1 second to what the catalog allows";
            return Err(Rejection::OutOfRange { what });
        }
        let left_ms = holds.extended_max.millis().saturating_sub(life.extended_min * 60_000);
        let (deadline, until) = (self.now.plus(ttl_s * 1_000), life.time.plus(left_ms));
        if deadline > until {
            return Err(Rejection::TooLate { until: until.utc() });
        }
        self.change(id, |life| {
            life.extended_min += deadline.0.saturating_sub(life.time.0).div_ceil(60_000);
            life.time = deadline;
        })
    }

    pub(super) fn release(&mut self, id: ClaimId) -> Answer {
        let life = self.meet(id)?;
        match life.claim.state {
            ClaimState::Held => self.end(id, ClaimState::Released),
            ClaimState::Released => self.receipt(id, true),
            _ => Err(over(&life)),
        }
    }

    pub(super) fn cancel(&mut self, id: ClaimId) -> Answer {
        let life = self.meet(id)?;
        match life.claim.state {
            ClaimState::Booked => {
                self.before_cutoff(&life, false)?;
                let holds = self.catalog.as_ref().map(|catalog| catalog.holds.clone());
                let cool_off_ms = holds.map_or(0, |holds| holds.cool_off.millis());
                let returns = self.now.plus(cool_off_ms);
                if cool_off_ms > 0 && returns < self.starts_at(&life) {
                    return self.change(id, |life| {
                        life.claim.state = ClaimState::Cancelled;
                        life.cooling = true;
                        life.time = returns;
                    });
                }
                self.end(id, ClaimState::Cancelled)
            }
            ClaimState::Displaced => self.end(id, ClaimState::Cancelled),
            ClaimState::Cancelled => self.receipt(id, true),
            state @ ClaimState::CheckedIn => Err(Rejection::WrongState { state }),
            _ => Err(over(&life)),
        }
    }

    pub(super) fn cancel_by_staff(&mut self, id: ClaimId) -> Answer {
        let life = self.meet(id)?;
        match life.claim.state {
            ClaimState::Booked | ClaimState::CheckedIn | ClaimState::Displaced => {
                self.end(id, ClaimState::Cancelled)
            }
            ClaimState::Cancelled => self.receipt(id, true),
            _ => Err(over(&life)),
        }
    }

    /// Checked in, served, not come.
    pub(super) fn mark(&mut self, id: ClaimId, from: ClaimState, to: ClaimState) -> Answer {
        let life = self.meet(id)?;
        match life.claim.state {
            state if state == to => return self.receipt(id, true),
            state if state == from => {}
            state @ (ClaimState::Booked | ClaimState::CheckedIn) => {
                return Err(Rejection::WrongState { state });
            }
            _ => return Err(over(&life)),
        }
        let starts = self.starts_at(&life);
        let early = if to == ClaimState::NoShow { 0 } else { DAY_MS };
        let earliest = Time(starts.0.saturating_sub(early));
        if self.now < earliest {
            return Err(Rejection::TooEarly { from: earliest.utc() });
        }
        self.change(id, |life| life.claim.state = to)
    }

    pub(super) fn assign(&mut self, id: ClaimId, actor: ActorId) -> Answer {
        let life = self.meet(id)?;
        if !life.claim.state.is_active() {
            return Err(over(&life));
        }
        if life.claim.actor == actor {
            return self.receipt(id, true);
        }
        self.change(id, |life| life.claim.actor = actor)
    }

    /// A party may cancel or move its booking until the longest cut-off of its services.
    pub(super) fn before_cutoff(&self, life: &Life, moving: bool) -> Result<(), Rejection> {
        let services = life.claim.services.as_slice().iter().filter_map(|id| self.service(*id));
        let cutoffs = services.map(|service| {
            if moving { service.reschedule_cutoff.millis() } else { service.cancel_cutoff.millis() }
        });
        let cutoff = cutoffs.max().unwrap_or(0);
        let until = Time(self.starts_at(life).0.saturating_sub(cutoff));
        if self.now > until {
            return Err(Rejection::TooLate { until: until.utc() });
        }
        Ok(())
    }

    pub(super) fn starts_at(&self, life: &Life) -> Time {
        let slot = life.claim.slot;
        self.days.get(&slot.day).map_or(Time::MAX, |day| day.starts_at(slot.index))
    }
}

/// Why the claim can no longer be changed so.
pub(super) fn over(life: &Life) -> Rejection {
    match life.claim.state {
        ClaimState::Expired => Rejection::HoldExpired { at: life.time.utc() },
        ClaimState::Booked | ClaimState::CheckedIn => {
            Rejection::AlreadyConfirmed { claim: life.claim.id }
        }
        state @ (ClaimState::Held | ClaimState::Displaced) => Rejection::WrongState { state },
        how => Rejection::AlreadyEnded { how },
    }
}
