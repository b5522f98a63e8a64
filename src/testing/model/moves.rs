//! May a claim go elsewhere? The new place is taken and the old one freed in one step.

use super::grant::{in_time, lead_ms};
use super::life::over;
use super::{Answer, Call, Life, Model};
use crate::{Claim, ClaimId, ClaimState, Place, Rejection, RequestId, SlotId};

/// A move as it was asked for.
struct Move {
    claim: ClaimId,
    request: RequestId,
    to: Target,
    /// Only holds, or only bookings.
    of: ClaimState,
    version: Option<u16>,
    staff: bool,
}

enum Target {
    Slot(SlotId),
    Hold(ClaimId),
}

fn read(call: &Call) -> Option<Move> {
    let of = ClaimState::Booked;
    let to = |claim: &ClaimId, to, request: &RequestId| {
        let (claim, request) = (*claim, *request);
        Move { claim, request, to, of, version: None, staff: false }
    };
    Some(match call {
        Call::Swap(claim, slot, request) => {
            Move { of: ClaimState::Held, ..to(claim, Target::Slot(*slot), request) }
        }
        Call::Reschedule(claim, slot, request) => to(claim, Target::Slot(*slot), request),
        Call::RescheduleAt(claim, version, slot, request) => {
            Move { version: Some(*version), ..to(claim, Target::Slot(*slot), request) }
        }
        Call::RescheduleByStaff(claim, slot, request) => {
            Move { staff: true, ..to(claim, Target::Slot(*slot), request) }
        }
        Call::RescheduleToHold(claim, hold, request) => to(claim, Target::Hold(*hold), request),
        _ => return None,
    })
}

impl Model {
    pub(super) fn relocate(&mut self, call: &Call) -> Answer {
        let Some(wish) = read(call) else { return Ok(super::Outcome::Done) };
        let life = self.life(wish.claim)?.clone();
        let target = match wish.to {
            Target::Slot(slot) => Place { day: slot.day, start: slot.index, ..life.place() },
            Target::Hold(hold) => {
                let hold = self.life(hold)?;
                if hold.claim.party != life.claim.party {
                    return Err(Rejection::OtherParty { claim: hold.claim.id });
                }
                hold.place()
            }
        };
        // Only an ended claim has outlived its day.
        if self.days.contains_key(&life.claim.slot.day) && !self.days.contains_key(&target.day) {
            return Err(Rejection::UnknownDay { day: target.day });
        }
        let life = self.meet(wish.claim)?;
        if made_before(&wish, &life, target)? {
            return self.receipt(wish.claim, true);
        }
        self.may_leave(&wish, &life)?;
        match wish.to {
            Target::Slot(_) => self.may_go(&life, &target)?,
            Target::Hold(hold) => {
                self.may_take_over(&life, hold)?;
                self.end(hold, ClaimState::Released)?;
            }
        }
        self.change(wish.claim, |life| {
            let claim = &mut life.claim;
            claim.slot = target.slot();
            (claim.run, claim.persons) = (target.run, target.persons);
            (claim.arrangement, claim.channel) = (target.arrangement, target.channel);
            claim.version += 1;
            if claim.state == ClaimState::Displaced {
                claim.state = ClaimState::Booked;
            }
            life.moved_by = Some(wish.request);
        })
    }

    fn may_leave(&self, wish: &Move, life: &Life) -> Result<(), Rejection> {
        let Claim { state, version, .. } = life.claim;
        if wish.version.is_some_and(|wanted| wanted != version) {
            return Err(Rejection::VersionChanged { present: version });
        }
        let displaced = state == ClaimState::Displaced && wish.of == ClaimState::Booked;
        if displaced {
            return Ok(());
        }
        if state != wish.of {
            return Err(match (wish.of, state) {
                (ClaimState::Booked, ClaimState::CheckedIn | ClaimState::Held) => {
                    Rejection::WrongState { state }
                }
                _ => over(life),
            });
        }
        if wish.of == ClaimState::Booked && !wish.staff {
            self.before_cutoff(life, true)?;
        }
        Ok(())
    }

    /// To a slot: the same checks as for a new claim, without the one that moves.
    fn may_go(&self, life: &Life, target: &Place) -> Result<(), Rejection> {
        let unknown = Rejection::UnknownDay { day: target.day };
        let calendar = self.calendar(target.day.calendar()).ok_or(unknown)?;
        let Claim { id, party, services, .. } = life.claim;
        for service in services.as_slice() {
            if !self.serves(calendar, *service) {
                return Err(Rejection::ServiceNotServed { service: *service });
            }
        }
        // A hold that replaces a claim is counted when that is moved into it, or it is confirmed.
        if !life.replaces || !life.is_held() {
            self.party_limit(party, services.as_slice(), target.slot(), &[id], &[])?;
        }
        let day = self.days.get(&target.day).ok_or(unknown)?;
        if self.now < day.released {
            let at = day.released.utc();
            return Err(Rejection::NotYetReleased { day: target.day, at });
        }
        in_time(self.now, day.starts_at(target.start), lead_ms(calendar, target.channel))?;
        self.room(target, Some(id), &[])
    }

    /// Into a hold: its places are kept already; it must be for the same services.
    fn may_take_over(&self, life: &Life, hold: ClaimId) -> Result<(), Rejection> {
        let hold = self.life(hold)?;
        match hold.claim.state {
            ClaimState::Held if hold.time <= self.now => {
                return Err(Rejection::HoldExpired { at: hold.time.utc() });
            }
            ClaimState::Held => {}
            _ => return Err(over(hold)),
        }
        let Claim { id, party, services, .. } = life.claim;
        if hold.claim.services != services {
            let what = "services of the hold: those of the booking";
            return Err(Rejection::OutOfRange { what });
        }
        self.party_limit(party, services.as_slice(), hold.claim.slot, &[id, hold.claim.id], &[])
    }
}

/// A retry of the last move, or its request id with another target.
fn made_before(wish: &Move, life: &Life, target: Place) -> Result<bool, Rejection> {
    if life.moved_by != Some(wish.request) {
        return Ok(false);
    }
    if life.claim.slot != target.slot() {
        return Err(Rejection::RequestReused { claim: life.claim.id });
    }
    Ok(true)
}
