//! Was this asked before? A retry answers with what the first try made, as it stands now.
//!
//! Never remembers a refusal: a refused request is decided anew.

use crate::claim::{Place, Receipt};
use crate::engine::request::{Many, detail_of};
use crate::engine::{Ask, World, view};
use crate::id::ClaimId;
use crate::ledger::{Shard, fingerprint};
use crate::planted::planted;
use crate::rejection::Rejection;

/// Answers a request that was carried out before: true if so.
pub(super) fn replay<const N: usize>(
    asks: &[Ask],
    booked: bool,
    hash: u64,
    world: &World,
    shard: &Shard,
    tell: &mut dyn FnMut(Receipt),
) -> Result<bool, Rejection> {
    let Some(Ask { party, request, .. }) = asks.first() else {
        return Ok(true);
    };
    let mut found: Many<ClaimId, N> = [const { None }; N];
    let mut count = 0;
    for (id, entry) in shard.of_party(hash, *party).filter(|(_, e)| e.request == *request) {
        let reused = Rejection::RequestReused { claim: id };
        let part = asks.iter().zip(0..).position(|(ask, part)| {
            fingerprint_of(ask, part, booked) == entry.fingerprint || planted("any_content")
        });
        let slot = part.and_then(|part| found.get_mut(part)).ok_or(reused)?;
        *slot = Some(id);
        count += 1;
    }
    if count == 0 || planted("forget_request_ids") {
        return Ok(false);
    }
    if let Some(Some(claim)) = found.iter().find(|id| id.is_some())
        && count != asks.len()
    {
        return Err(Rejection::RequestReused { claim: *claim });
    }
    for id in found.iter().flatten() {
        if let Some(claim) = view(shard, world, *id) {
            tell(Receipt { claim, replayed: true });
        }
    }
    Ok(true)
}

/// What the entry of such an ask would carry: only what was asked for, so that a changed rule
/// never makes another request of a retry.
fn fingerprint_of(ask: &Ask, part: u8, booked: bool) -> u32 {
    let place = Place {
        day: ask.slot.day,
        start: ask.slot.index,
        run: 0,
        persons: u8::try_from(ask.persons).unwrap_or(0),
        arrangement: ask.arrangement,
        channel: ask.channel,
        roster: 0,
    };
    fingerprint(&place, ask.services.first(), &detail_of(ask, part), booked)
}
