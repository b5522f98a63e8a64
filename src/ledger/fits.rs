//! Could this have happened here? What recovery asks of a record, and of a snapshot, before it
//! believes them.
//!
//! Never asked of the living engine: it decides by the rules, which are stricter.

use crate::claim::{ClaimState, Place};
use crate::id::ClaimId;
use crate::ledger::entry::{Cold, Entry, NONE, Stage};
use crate::ledger::shard::{CHUNK, Shard};
use crate::record::Effect;

impl Shard {
    /// Whether an effect on a claim can follow what is known of this shard. `freed` is the second
    /// half of a move.
    pub(crate) fn fits(&self, effect: &Effect, freed: Option<&Effect>) -> bool {
        match effect {
            Effect::Granted { claim, place, .. } => self.can_grant(*claim, place),
            Effect::Confirmed { claim, place, .. } | Effect::Extended { claim, place, .. } => {
                self.stands(*claim, place) == Some(Stage::Claim(ClaimState::Held))
            }
            Effect::Ended { claim, place, how, held, returns_at, .. } => {
                let Some(Stage::Claim(state)) = self.stands(*claim, place) else {
                    return false;
                };
                ends(state, *how)
                    && *held == (state == ClaimState::Held)
                    && (returns_at.is_none() || state == ClaimState::Booked)
            }
            Effect::Returned { claim, place } => self.stands(*claim, place) == Some(Stage::Cooling),
            Effect::Taken { claim, place, version, held, adopted, .. } => {
                let Some(Effect::Freed { place: old, .. }) = freed else {
                    return false;
                };
                let Some(Stage::Claim(state)) = self.stands(*claim, old) else {
                    return false;
                };
                let moves = match state {
                    ClaimState::Held => *held,
                    ClaimState::Booked | ClaimState::Displaced => !held,
                    _ => false,
                };
                let adopts = adopted.is_none_or(|hold| {
                    hold.shard() == self.number
                        && hold != *claim
                        && self.stands(hold, place) == Some(Stage::Claim(ClaimState::Held))
                });
                let follows = self.cold(claim.index()).version.checked_add(1) == Some(*version);
                moves && adopts && follows && is_real(place)
            }
            Effect::Freed { .. } => true,
            Effect::Marked { claim, place, state, .. } => {
                let Some(Stage::Claim(from)) = self.stands(*claim, place) else {
                    return false;
                };
                marks(from, *state)
            }
            Effect::Assigned { claim, place, .. } => self.is_active(*claim, place),
            Effect::Archived { claim, place } => {
                self.stands(*claim, place).is_some_and(Stage::leaves_with_its_day)
            }
            _ => false,
        }
    }

    /// Where a claim stands, if it has these places.
    fn stands(&self, claim: ClaimId, place: &Place) -> Option<Stage> {
        let entry = self.get(claim).filter(|entry| entry.place() == *place)?;
        Some(entry.stage()).filter(|stage| keeps_places(*stage))
    }

    fn is_active(&self, claim: ClaimId, place: &Place) -> bool {
        match self.stands(claim, place) {
            Some(Stage::Claim(state)) => state.is_active(),
            _ => false,
        }
    }

    fn can_grant(&self, claim: ClaimId, place: &Place) -> bool {
        // A shard grows by one chunk when it must; so no record makes it grow by more.
        let near = u64::from(claim.index()) < u64::from(self.capacity()) + CHUNK as u64;
        let mut entry = self.entry(claim.index()).copied().unwrap_or(Entry::EMPTY);
        // An ended claim that was forgotten since, which is not journalled.
        if matches!(entry.stage(), Stage::Claim(state) if !state.is_on_roster()) {
            entry.retire_generation();
        }
        let is_next = entry.stage() == Stage::Free && entry.generation() == claim.generation();
        near && is_next && is_real(place)
    }

    /// Whether the lines of a snapshot are a shard: chains that end, each claim in its party's
    /// chain and each ended one in the order of ends, once.
    pub(crate) fn is_sound(lines: &[(Entry, Cold)], ended: (u32, u32)) -> bool {
        let claims = lines.iter().filter(|(entry, _)| entry.stage().state().is_some());
        let mut pointed_at = vec![false; lines.len()];
        for (entry, _) in claims.clone().filter(|(entry, _)| entry.next != NONE) {
            let next = lines.get(entry.next as usize).map(|(next, _)| next);
            let same = next
                .is_some_and(|next| next.stage().state().is_some() && next.party == entry.party);
            match pointed_at.get_mut(entry.next as usize) {
                Some(seen) if same && !*seen => *seen = true,
                _ => return false,
            }
        }
        // Whoever is in a circle is reached from no beginning.
        let mut reached = 0;
        let begins = lines
            .iter()
            .zip(&pointed_at)
            .filter(|((entry, _), inner)| entry.stage().state().is_some() && !**inner);
        for (first, _) in begins {
            let mut at = Some(first);
            while let Some((entry, _)) = at {
                reached += 1;
                at = lines.get(entry.next as usize).filter(|_| entry.next != NONE);
            }
        }
        reached == claims.count() && ends_in_order(lines, ended)
    }
}

/// Whether the chain from `head` to `tail` has every ended claim.
fn ends_in_order(lines: &[(Entry, Cold)], (head, tail): (u32, u32)) -> bool {
    let is_ended = |entry: &Entry| entry.stage().state().is_some() && !keeps_places(entry.stage());
    let all = lines.iter().filter(|(entry, _)| is_ended(entry)).count();
    let (mut at, mut last, mut count) = (head, NONE, 0);
    while count < all
        && let Some((entry, _)) = lines.get(at as usize).filter(|(entry, _)| is_ended(entry))
    {
        (last, at) = (at, entry.link);
        count += 1;
    }
    count == all && at == NONE && last == tail
}

fn keeps_places(stage: Stage) -> bool {
    match stage {
        Stage::Cooling => true,
        Stage::Claim(state) => state.is_on_roster(),
        Stage::Free | Stage::Spent => false,
    }
}

fn is_real(place: &Place) -> bool {
    place.run > 0 && place.persons > 0
}

/// Whether a claim that stands so can end so.
fn ends(from: ClaimState, how: ClaimState) -> bool {
    use ClaimState::{Booked, Cancelled, CheckedIn, Displaced, Expired, Held, Released, Revoked};
    match from {
        Held => matches!(how, Released | Expired | Revoked),
        Booked | CheckedIn | Displaced => how == Cancelled,
        _ => false,
    }
}

/// Whether a claim that stands so can stay where it is and stand otherwise.
fn marks(from: ClaimState, to: ClaimState) -> bool {
    use ClaimState::{Booked, CheckedIn, Displaced, NoShow, Served};
    matches!(
        (from, to),
        (Booked, CheckedIn | NoShow | Displaced) | (CheckedIn, Served) | (Displaced, Booked)
    )
}

#[cfg(test)]
mod tests;
