//! May a claim go elsewhere? Swaps of holds, reschedules of bookings.
//!
//! Takes the new place and frees the old one in one step; if it fails, the old one is untouched.

mod both;
#[cfg(all(test, loom))]
mod schedules;

use crate::claim::{ClaimState, Place, Receipt};
use crate::engine::life::over;
use crate::engine::request::{party_limit, shortage};
use crate::engine::wish::{Target, Wish, allowed};
use crate::engine::{Engine, HalfDone, Hall, Verdict, World, scene, view};
use crate::error::Error;
use crate::id::{ClaimId, RequestId, Seq, SlotId};
use crate::inventory::starts_at;
use crate::journal::Commit;
use crate::ledger::Shard;
use crate::planted::{panic_point, planted};
use crate::record::Effect;
use crate::rejection::Rejection;
use crate::time::Time;

use both::Both;

/// Lines of a move: an expiry met on the way, taken, freed.
const LINES: u32 = 3;

impl Engine {
    /// Moves a hold to another slot; its deadline stays. Idempotent by request id.
    ///
    /// # Errors
    /// As [`Engine::hold`] and [`Engine::confirm`]; the old place is untouched then.
    pub fn swap(&self, hold: ClaimId, to: SlotId, request: RequestId) -> Commit<'_, Receipt> {
        self.hall.relocate(Wish {
            claim: hold,
            target: Target::Slot(to),
            request,
            staff: false,
            of: ClaimState::Held,
            version: None,
        })
    }

    /// Moves a booking to another slot: same id, version one higher. Idempotent by request id.
    /// A displaced booking moves without cut-off and is booked again.
    ///
    /// # Errors
    /// As [`Engine::hold`]; [`Rejection::TooLate`] after the service's cut-off. The old place is
    /// untouched then.
    #[doc(alias = "move")]
    pub fn reschedule(
        &self,
        booking: ClaimId,
        to: SlotId,
        request: RequestId,
    ) -> Commit<'_, Receipt> {
        self.hall.relocate(Wish::of_booking(booking, Target::Slot(to), request))
    }

    /// As [`Engine::reschedule`], and only if nothing was moved since `version`.
    ///
    /// # Errors
    /// As [`Engine::reschedule`], and [`Rejection::VersionChanged`].
    pub fn reschedule_at(
        &self,
        booking: ClaimId,
        version: u16,
        to: SlotId,
        request: RequestId,
    ) -> Commit<'_, Receipt> {
        let wish = Wish::of_booking(booking, Target::Slot(to), request);
        self.hall.relocate(Wish { version: Some(version), ..wish })
    }

    /// Moves a booking into the places of a hold of the same party for the same services, which
    /// ends with that. Persons and channel become those of the hold.
    ///
    /// # Errors
    /// As [`Engine::reschedule`]; [`Rejection::OtherParty`], [`Rejection::HoldExpired`],
    /// [`Rejection::SlotClosed`] while the hold's day is being closed, [`Rejection::OutOfRange`]
    /// for other services.
    pub fn reschedule_to_hold(
        &self,
        booking: ClaimId,
        hold: ClaimId,
        request: RequestId,
    ) -> Commit<'_, Receipt> {
        self.hall.relocate(Wish::of_booking(booking, Target::Hold(hold), request))
    }

    /// As [`Engine::reschedule`] by staff: no cut-off.
    ///
    /// # Errors
    /// As [`Engine::reschedule`].
    pub fn reschedule_by_staff(
        &self,
        booking: ClaimId,
        to: SlotId,
        request: RequestId,
    ) -> Commit<'_, Receipt> {
        let wish = Wish::of_booking(booking, Target::Slot(to), request);
        self.hall.relocate(Wish { staff: true, ..wish })
    }

    /// As [`Engine::reschedule_by_staff`], and only if nothing was moved since `version`.
    ///
    /// # Errors
    /// As [`Engine::reschedule_at`].
    pub fn reschedule_by_staff_at(
        &self,
        booking: ClaimId,
        version: u16,
        to: SlotId,
        request: RequestId,
    ) -> Commit<'_, Receipt> {
        let wish = Wish::of_booking(booking, Target::Slot(to), request);
        self.hall.relocate(Wish { staff: true, version: Some(version), ..wish })
    }
}

impl Hall {
    fn relocate(&self, wish: Wish) -> Commit<'_, Receipt> {
        loop {
            if let Err(error) = self.status() {
                return self.refuse(error);
            }
            if let Target::Hold(hold) = wish.target
                && hold.shard() != wish.claim.shard()
            {
                return self.of_another_shard(wish.claim, hold);
            }
            let world = self.world.load();
            let unknown = Error::from(Rejection::UnknownClaim { claim: wish.claim });
            let Some(mut shard) = self.ledger.lock_of(wish.claim) else {
                return self.refuse(unknown);
            };
            let Some(old_place) = shard.get(wish.claim).map(crate::ledger::Entry::place) else {
                return Commit::new(&self.journal, shard.seq, Err(unknown));
            };
            let target = match target(&wish, &shard, old_place) {
                Ok(place) => place,
                Err(rejection) => {
                    return Commit::new(&self.journal, shard.seq, Err(rejection.into()));
                }
            };
            let gone = Rejection::UnknownDay { day: target.day };
            let days = (world.days.get(old_place.day), world.days.get(target.day));
            let (old, new) = match days {
                (Some(old), Some(new)) => (old, new),
                (Some(_), None) => {
                    return Commit::new(&self.journal, shard.seq, Err(gone.into()));
                }
                (None, _) => {
                    return self.settled(&shard, &world, wish.claim, &|scene| match allowed(
                        &wish, scene, target,
                    ) {
                        Ok(true) => Verdict::Replay,
                        Ok(false) => Verdict::Refuse(gone),
                        Err(rejection) => Verdict::Refuse(rejection),
                    });
                }
            };
            if !self.permit(&mut shard, LINES) {
                drop(shard);
                match self.wait_for_permit(wish.claim.shard(), LINES) {
                    Ok(()) => continue,
                    Err(error) => return self.refuse(error),
                }
            }
            let mut both = Both::lock(old, new);
            let (used, seq, answer) = self.try_move(&wish, &mut shard, &world, &mut both, target);
            drop(both);
            self.give_back(&mut shard, LINES - used);
            self.ledger.note_due(&shard);
            let answer = answer.and_then(|replayed| {
                let claim = view(&shard, &world, wish.claim).ok_or(unknown)?;
                Ok(Receipt { claim, replayed })
            });
            return Commit::new(&self.journal, seq, answer);
        }
    }

    /// The refusal of a hold that lies in another shard, so with another party. Looks at one shard
    /// after the other: two at a time have no order.
    fn of_another_shard(&self, claim: ClaimId, hold: ClaimId) -> Commit<'_, Receipt> {
        let mut rests_on = Seq(0);
        let mut unknown = |id: &ClaimId| {
            let shard = self.ledger.lock_of(*id);
            rests_on = rests_on.max(shard.as_ref().map_or(Seq(0), |shard| shard.seq));
            shard.is_none_or(|shard| shard.get(*id).is_none())
        };
        let rejection = match [claim, hold].into_iter().find(|id| unknown(id)) {
            Some(claim) => Rejection::UnknownClaim { claim },
            None => Rejection::OtherParty { claim: hold },
        };
        Commit::new(&self.journal, rests_on, Err(rejection.into()))
    }

    fn try_move(
        &self,
        wish: &Wish,
        shard: &mut Shard,
        world: &World,
        both: &mut Both<'_>,
        target: Place,
    ) -> (u32, Seq, Result<bool, Error>) {
        let now = self.now();
        let old = both.old;
        let used = self.expire_if_due(shard, (&old.day, both.old_state()), wish.claim, now);
        let starts = starts_at(&both.old_state().frame, target_start(shard, wish.claim));
        let Some(view) = scene(shard, world, wish.claim, starts, now) else {
            let unknown = Rejection::UnknownClaim { claim: wish.claim };
            return (used, shard.seq, Err(unknown.into()));
        };
        match allowed(wish, &view, target) {
            Ok(true) => return (used, shard.seq, Ok(true)),
            Ok(false) => {}
            Err(rejection) => return (used, shard.seq, Err(rejection.into())),
        }
        let before = view.place;
        let held = view.state == ClaimState::Held;
        let version = shard.cold(wish.claim.index()).version + 1;
        let place = match self.new_place(wish, shard, world, both, (before, target), now) {
            Ok(place) => place,
            Err((seq, error)) => return (used, seq, Err(error)),
        };
        let adopted = match wish.target {
            Target::Hold(hold) => Some(hold),
            Target::Slot(_) => None,
        };
        let (claim, request) = (wish.claim, wish.request);
        let taken = Effect::Taken { claim, place, version, held, adopted, request };
        let freed = Effect::Freed { claim, place: before, held };
        shard.reserve_cold(claim.index());
        let guard = HalfDone(&self.half_done);
        panic_point("panic_before_the_move");
        let seq = if planted("a_move_in_two_groups") {
            self.journal.publish(now, &mut [taken.to_line()]);
            self.journal.publish(now, &mut [freed.to_line()])
        } else {
            self.journal.publish(now, &mut [taken.to_line(), freed.to_line()])
        };
        panic_point("panic_after_the_move");
        let new = both.new;
        if !both.same() {
            // Freed first: who is refused at the new slot by its counter alone may already ask
            // for the old one, and a claim never fills both. Who sees room waits for the locks.
            if planted("both_ends_at_once") {
                new.day.apply(both.new_state(), seq, &taken);
                crate::sync::thread::yield_now();
                old.day.apply(both.old_state(), seq, &freed);
            } else {
                if !planted("keep_both_places") {
                    old.day.apply(both.old_state(), seq, &freed);
                }
                new.day.apply(both.new_state(), seq, &taken);
            }
        } else if adopted.is_none() {
            new.day.shift(&mut both.first, seq, claim, (&before, &place), held);
        } else {
            new.day.apply(both.new_state(), seq, &taken);
            old.day.apply(both.old_state(), seq, &freed);
        }
        panic_point("panic_within_the_move");
        shard.apply(seq, now, &taken);
        drop(guard);
        (used + 2, seq, Ok(false))
    }

    /// Checks the new place under both locks, and gives it a roster entry.
    fn new_place(
        &self,
        wish: &Wish,
        shard: &Shard,
        world: &World,
        both: &mut Both<'_>,
        (before, target): (Place, Place),
        now: Time,
    ) -> Result<Place, (Seq, Error)> {
        let new = both.new;
        let here = |rejection: Rejection| (shard.seq, Error::from(rejection));
        if let Target::Hold(hold) = wish.target {
            self.may_take_over(wish.claim, hold, shard, world, now).map_err(here)?;
            // The hold is about to be revoked: nothing moves into a day that is being closed.
            if new.day.is_closed() {
                let rests_on = new.day.seq().max(shard.seq);
                return Err((rests_on, Rejection::SlotClosed { slot: target.slot() }.into()));
            }
            return Ok(target);
        }
        let rules = world.rules.as_deref();
        let calendar = rules.and_then(|rules| rules.calendar(target.day.calendar()));
        let unknown = here(Rejection::UnknownDay { day: target.day });
        let (Some(rules), Some(calendar)) = (rules, calendar) else {
            return Err(unknown);
        };
        let services = shard.services(wish.claim.index());
        if let Some(service) = services.as_slice().iter().find(|s| !calendar.serves(**s)) {
            return Err(here(Rejection::ServiceNotServed { service: *service }));
        }
        let entry = shard.get(wish.claim).ok_or(unknown.clone())?;
        // A hold that replaces a claim is counted when that is moved into it, or it is confirmed.
        if !(entry.replaces() && wish.of == ClaimState::Held) {
            let own = entry.party;
            let others = shard.of_party(self.ledger.locate(own).0, own);
            let others = others.filter(|(id, _)| *id != wish.claim);
            party_limit(services.as_slice(), target, others, rules, shard, &[]).map_err(here)?;
        }
        let same = both.same();
        let state = both.new_state();
        let (frame, plan) = (state.frame, state.plan.clone());
        if state.retired {
            return Err(unknown);
        }
        if frame.released > now {
            let at = frame.released.utc();
            return Err(here(Rejection::NotYetReleased { day: target.day, at }));
        }
        let lead = calendar.lead_ms.get(target.channel.index()).copied().unwrap_or(0);
        let starts = starts_at(&frame, target.start);
        if now.plus(lead) > starts {
            let until = Time(starts.0.saturating_sub(lead)).utc();
            return Err(here(Rejection::TooLate { until }));
        }
        let freed = same.then_some(&before);
        let day = &new.day;
        // It says too that the claim may move at all, which rests on the shard.
        day.check(&plan, &frame, now, &target, &[], freed)
            .map_err(|short| (day.seq().max(shard.seq), shortage(target.slot(), short).into()))?;
        day.reserve(state, 1, true);
        let roster = state.roster.next(0).ok_or((day.seq(), Error::Busy))?;
        Ok(Place { roster, ..target })
    }

    /// Whether a booking may take over the places of a hold: one that runs, for the same services,
    /// and within the party's limits where it is.
    fn may_take_over(
        &self,
        claim: ClaimId,
        hold: ClaimId,
        shard: &Shard,
        world: &World,
        now: Time,
    ) -> Result<(), Rejection> {
        let unknown = Rejection::UnknownClaim { claim: hold };
        let scene = scene(shard, world, hold, Time::MAX, now).ok_or(unknown)?;
        if scene.state != ClaimState::Held {
            return Err(over(&scene, scene.state));
        }
        if scene.entry.time() <= now {
            return Err(Rejection::HoldExpired { at: scene.entry.time().utc() });
        }
        let services = shard.services(claim.index());
        if shard.services(hold.index()) != services {
            let what = "services of the hold: those of the booking";
            return Err(Rejection::OutOfRange { what });
        }
        let Some(rules) = world.rules.as_deref() else {
            return Ok(());
        };
        let party = scene.entry.party;
        let others = shard.of_party(self.ledger.locate(party).0, party);
        let others = others.filter(|(id, _)| *id != claim && *id != hold);
        party_limit(services.as_slice(), scene.place, others, rules, shard, &[])
    }
}

/// The places wished for; the roster entry of a slot comes later.
fn target(wish: &Wish, shard: &Shard, old: Place) -> Result<Place, Rejection> {
    match wish.target {
        Target::Slot(slot) => Ok(Place { day: slot.day, start: slot.index, ..old }),
        Target::Hold(hold) => {
            let own = shard.get(wish.claim).map(|entry| entry.party);
            let entry = shard.get(hold).ok_or(Rejection::UnknownClaim { claim: hold })?;
            if Some(entry.party) != own {
                return Err(Rejection::OtherParty { claim: hold });
            }
            Ok(entry.place())
        }
    }
}

fn target_start(shard: &Shard, claim: ClaimId) -> u16 {
    shard.get(claim).map_or(0, |entry| entry.place().start)
}
