//! What happens to a claim that stays where it is? Confirm, extend, release, cancel, attend.
//!
//! Never takes a place: that is `grant` and `moves`.

use std::time::Duration;

use crate::claim::{ClaimState, Receipt};
use crate::engine::{Engine, Hall, Scene, Verdict};
use crate::id::{ActorId, ClaimId};
use crate::journal::Commit;
use crate::ledger::hash;
use crate::planted::planted;
use crate::record::Effect;
use crate::rejection::Rejection;
use crate::time::Time;

impl Engine {
    /// Makes a hold a booking. Confirming what is confirmed already answers with the booking,
    /// marked as a replay.
    ///
    /// # Errors
    /// [`Rejection::HoldExpired`] at or after the deadline, [`Rejection::AlreadyEnded`] when it
    /// ended otherwise, [`Rejection::PartyLimit`] for a hold that replaces a booking still there.
    pub fn confirm(&self, claim: ClaimId) -> Commit<'_, Receipt> {
        self.hall.change(claim, |scene| match scene.state {
            ClaimState::Held => self.hall.confirmed(scene),
            ClaimState::Booked => Verdict::Replay,
            other => Verdict::Refuse(over(scene, other)),
        })
    }

    /// Gives a hold a deadline `ttl` from now: at most what the catalog allows in one go, and as
    /// long as all its extensions stay within what the catalog allows in all.
    ///
    /// # Errors
    /// [`Rejection::HoldExpired`], [`Rejection::AlreadyConfirmed`], [`Rejection::OutOfRange`].
    pub fn extend(&self, claim: ClaimId, ttl: Duration) -> Commit<'_, Receipt> {
        self.hall.change(claim, |scene| {
            if scene.state != ClaimState::Held {
                return Verdict::Refuse(over(scene, scene.state));
            }
            let rules = scene.world.rules.as_deref().map(|rules| &rules.holds);
            let (max, all) = rules.map_or((0, 0), |holds| (holds.ttl_max_s, holds.extended_max_s));
            let ttl_s = u32::try_from(ttl.as_secs()).unwrap_or(u32::MAX);
            if ttl_s == 0 || ttl_s > max {
                let what = "ttl: 1 second to what the catalog allows";
                return Verdict::Refuse(Rejection::OutOfRange { what });
            }
            let deadline = scene.now.plus(u64::from(ttl_s) * 1_000);
            let before = u64::from(scene.entry.extended_min()) * 60_000;
            let until = scene.entry.time().plus((u64::from(all) * 1_000).saturating_sub(before));
            if deadline > until {
                return Verdict::Refuse(Rejection::TooLate { until: until.utc() });
            }
            let actor = scene.shard.actor(scene.id.index());
            Verdict::Do(Effect::Extended { claim: scene.id, place: scene.place, ttl_s, actor })
        })
    }

    /// Gives a hold back at once.
    ///
    /// # Errors
    /// [`Rejection::AlreadyConfirmed`], [`Rejection::AlreadyEnded`].
    pub fn release(&self, claim: ClaimId) -> Commit<'_, Receipt> {
        self.hall.change(claim, |scene| match scene.state {
            ClaimState::Held => ended(scene, ClaimState::Released, None, ActorId(0)),
            ClaimState::Released => Verdict::Replay,
            other => Verdict::Refuse(over(scene, other)),
        })
    }

    /// Gives a booking back for its party, up to the service's cut-off. Where the catalog has a
    /// cool-off, the places come back only after it, with a random part, so that nobody can hand
    /// a place to a buyer.
    ///
    /// # Errors
    /// [`Rejection::TooLate`] after the cut-off, [`Rejection::AlreadyEnded`],
    /// [`Rejection::WrongState`] for a hold or once the party has arrived.
    pub fn cancel(&self, claim: ClaimId) -> Commit<'_, Receipt> {
        self.hall.change(claim, |scene| match scene.state {
            ClaimState::Booked => {
                if let Some(until) = after_cutoff(scene, false) {
                    Verdict::Refuse(Rejection::TooLate { until: until.utc() })
                } else {
                    let returns_at = self.hall.cool_off(scene);
                    ended(scene, ClaimState::Cancelled, returns_at, ActorId(0))
                }
            }
            ClaimState::Displaced => ended(scene, ClaimState::Cancelled, None, ActorId(0)),
            ClaimState::Cancelled => Verdict::Replay,
            state @ ClaimState::CheckedIn => Verdict::Refuse(Rejection::WrongState { state }),
            other => Verdict::Refuse(over(scene, other)),
        })
    }

    /// Gives a booking back by staff: no cut-off, no cool-off.
    ///
    /// # Errors
    /// [`Rejection::AlreadyEnded`].
    pub fn cancel_by_staff(&self, claim: ClaimId, actor: ActorId) -> Commit<'_, Receipt> {
        self.hall.change(claim, |scene| match scene.state {
            ClaimState::Booked | ClaimState::CheckedIn | ClaimState::Displaced => {
                ended(scene, ClaimState::Cancelled, None, actor)
            }
            ClaimState::Cancelled => Verdict::Replay,
            other => Verdict::Refuse(over(scene, other)),
        })
    }

    /// The party has arrived.
    ///
    /// # Errors
    /// [`Rejection::WrongState`], [`Rejection::TooEarly`] before the day of the appointment.
    pub fn check_in(&self, claim: ClaimId) -> Commit<'_, Receipt> {
        self.mark(claim, ClaimState::Booked, ClaimState::CheckedIn)
    }

    /// The party has been served.
    ///
    /// # Errors
    /// [`Rejection::WrongState`] unless it is checked in.
    pub fn serve(&self, claim: ClaimId) -> Commit<'_, Receipt> {
        self.mark(claim, ClaimState::CheckedIn, ClaimState::Served)
    }

    /// The party did not come.
    ///
    /// # Errors
    /// [`Rejection::WrongState`] unless it is booked, [`Rejection::TooEarly`] before the start.
    pub fn no_show(&self, claim: ClaimId) -> Commit<'_, Receipt> {
        self.mark(claim, ClaimState::Booked, ClaimState::NoShow)
    }

    /// Passes a claim into other hands: the actor changes, the party never does.
    ///
    /// # Errors
    /// [`Rejection::AlreadyEnded`].
    pub fn assign(&self, claim: ClaimId, actor: ActorId) -> Commit<'_, Receipt> {
        self.hall.change(claim, |scene| {
            if !scene.state.is_active() {
                return Verdict::Refuse(over(scene, scene.state));
            }
            if scene.shard.actor(scene.id.index()) == actor {
                return Verdict::Replay;
            }
            Verdict::Do(Effect::Assigned { claim: scene.id, place: scene.place, actor })
        })
    }

    fn mark(&self, claim: ClaimId, from: ClaimState, to: ClaimState) -> Commit<'_, Receipt> {
        const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
        self.hall.change(claim, |scene| {
            if scene.state == to {
                return Verdict::Replay;
            }
            if scene.state != from {
                return Verdict::Refuse(match scene.state {
                    state @ (ClaimState::Booked | ClaimState::CheckedIn) => {
                        Rejection::WrongState { state }
                    }
                    state => over(scene, state),
                });
            }
            let earliest = match to {
                ClaimState::NoShow => scene.starts_at,
                _ => Time(scene.starts_at.0.saturating_sub(DAY_MS)),
            };
            if scene.now < earliest {
                return Verdict::Refuse(Rejection::TooEarly { from: earliest.utc() });
            }
            let actor = scene.shard.actor(scene.id.index());
            Verdict::Do(Effect::Marked { claim: scene.id, place: scene.place, state: to, actor })
        })
    }
}

impl Hall {
    fn confirmed(&self, scene: &Scene<'_>) -> Verdict {
        // A hold that replaces another claim was not counted beside it; now it would be.
        if scene.entry.replaces()
            && let Some(rules) = scene.world.rules.as_deref()
        {
            let party = scene.entry.party;
            let others = scene.shard.of_party(self.ledger.locate(party).0, party);
            let others = others.filter(|(id, _)| *id != scene.id);
            let services = scene.shard.services(scene.id.index());
            let limit = super::request::party_limit(
                services.as_slice(),
                scene.place,
                others,
                rules,
                scene.shard,
                &[],
            );
            if let Err(rejection) = limit {
                return Verdict::Refuse(rejection);
            }
        }
        let actor = scene.shard.actor(scene.id.index());
        Verdict::Do(Effect::Confirmed { claim: scene.id, place: scene.place, actor })
    }

    /// When the places of a cancelled booking come back: base plus a part drawn from the
    /// directory's secret, so that it can be replayed but not foreseen.
    fn cool_off(&self, scene: &Scene<'_>) -> Option<Time> {
        let holds = &scene.world.rules.as_deref()?.holds;
        if holds.cool_off_ms == 0 && holds.cool_off_jitter_ms == 0 {
            return None;
        }
        let seed =
            crate::id::PartyId(u128::from(scene.id.to_u64()) << 64 | u128::from(scene.now.0));
        let jitter = hash(self.ledger.key(), seed) % (holds.cool_off_jitter_ms + 1);
        let at = scene.now.plus(holds.cool_off_ms + jitter);
        (at < scene.starts_at && !planted("no_cool_off")).then_some(at)
    }
}

/// The effect that ends a claim.
fn ended(scene: &Scene<'_>, how: ClaimState, returns_at: Option<Time>, actor: ActorId) -> Verdict {
    let held = scene.state == ClaimState::Held;
    let (claim, place) = (scene.id, scene.place);
    Verdict::Do(Effect::Ended { claim, place, how, held, returns_at, actor })
}

/// The last instant for the party to cancel or move, if it has passed.
pub(super) fn after_cutoff(scene: &Scene<'_>, moving: bool) -> Option<Time> {
    let rules = scene.world.rules.as_deref()?;
    let cutoffs = scene
        .shard
        .services(scene.id.index())
        .as_slice()
        .iter()
        .filter_map(|service| {
            let rule = rules.service(*service)?;
            Some(if moving { rule.reschedule_cutoff_ms } else { rule.cancel_cutoff_ms })
        })
        .max();
    let until = Time(scene.starts_at.0.saturating_sub(cutoffs.unwrap_or(0)));
    (scene.now > until && !planted("no_cut_off")).then_some(until)
}

/// Why a claim in that state can no longer be changed so.
pub(super) fn over(scene: &Scene<'_>, state: ClaimState) -> Rejection {
    match state {
        ClaimState::Expired => Rejection::HoldExpired { at: scene.entry.time().utc() },
        ClaimState::Booked | ClaimState::CheckedIn => {
            Rejection::AlreadyConfirmed { claim: scene.id }
        }
        ClaimState::Held | ClaimState::Displaced => Rejection::WrongState { state },
        how => Rejection::AlreadyEnded { how },
    }
}
