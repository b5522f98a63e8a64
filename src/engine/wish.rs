//! What move is asked for, and may the claim leave its place for it?
//!
//! Never looks at the new place: that is `moves`.

use crate::claim::{ClaimState, Place};
use crate::engine::Scene;
use crate::engine::life::{after_cutoff, over};
use crate::id::{ClaimId, RequestId, SlotId};
use crate::rejection::Rejection;

/// Where to.
#[derive(Clone, Copy)]
pub(super) enum Target {
    Slot(SlotId),
    Hold(ClaimId),
}

/// Who asks for a move, and how.
#[derive(Clone, Copy)]
pub(super) struct Wish {
    pub(super) claim: ClaimId,
    pub(super) target: Target,
    pub(super) request: RequestId,
    pub(super) staff: bool,
    /// Only holds, or only bookings.
    pub(super) of: ClaimState,
    /// Only at this version.
    pub(super) version: Option<u16>,
}

impl Wish {
    pub(super) const fn of_booking(claim: ClaimId, target: Target, request: RequestId) -> Self {
        let of = ClaimState::Booked;
        Self { claim, target, request, staff: false, of, version: None }
    }
}

/// Whether the claim may move: true if this very move was made before.
pub(super) fn allowed(wish: &Wish, scene: &Scene<'_>, target: Place) -> Result<bool, Rejection> {
    let cold = scene.shard.cold(scene.id.index());
    if cold.version > 0 && cold.last_request == wish.request.0 {
        let there = match wish.target {
            Target::Slot(slot) => scene.place.slot() == slot,
            Target::Hold(_) => scene.place.slot() == target.slot(),
        };
        let reused = Rejection::RequestReused { claim: scene.id };
        return if there { Ok(true) } else { Err(reused) };
    }
    if wish.version.is_some_and(|version| version != cold.version) {
        return Err(Rejection::VersionChanged { present: cold.version });
    }
    let displaced = scene.state == ClaimState::Displaced && wish.of == ClaimState::Booked;
    if scene.state != wish.of && !displaced {
        return Err(match (wish.of, scene.state) {
            (ClaimState::Booked, ClaimState::CheckedIn | ClaimState::Held) => {
                Rejection::WrongState { state: scene.state }
            }
            (_, state) => over(scene, state),
        });
    }
    if cold.version == u16::MAX {
        return Err(Rejection::OutOfRange { what: "moves of one claim: up to 65,535" });
    }
    if wish.of == ClaimState::Booked
        && !wish.staff
        && !displaced
        && let Some(until) = after_cutoff(scene, true)
    {
        return Err(Rejection::TooLate { until: until.utc() });
    }
    Ok(false)
}
