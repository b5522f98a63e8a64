//! Does everything add up? A recount of the days from the claims, and the hash of the state.
//!
//! Never repairs anything.

use std::collections::BTreeMap;

use crate::claim::ClaimState;
use crate::engine::Engine;
use crate::id::PartyId;
use crate::id::{ClaimId, DayId};
use crate::inventory::{DayMap, lanes};
use crate::ledger::{Entry, Ledger, Shard, Stage, hash};
use crate::sync::MutexGuard;
use crate::time::Time;

/// The outcome of [`Engine::audit`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Claims that keep places.
    pub claims: u64,
    /// Places they keep.
    pub places: u64,
    /// Places beyond a capacity: after cuts and overrides.
    pub deficit: u64,
    /// Everything that does not add up; empty in a sound engine.
    pub problems: Vec<String>,
}

impl Audit {
    /// Whether everything adds up.
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }
}

type Expected = BTreeMap<DayId, (BTreeMap<usize, ([u32; 4], u32)>, BTreeMap<u32, ClaimId>)>;

impl Engine {
    /// Recounts every day's counters and roster from the claims. Locks everything while it runs:
    /// for tests, drills and after an incident.
    pub fn audit(&self) -> Audit {
        recount(&self.hall.ledger, &self.hall.world.load().days)
    }

    /// A hash of the live state: claims that are not ended and holds that are not overdue, the
    /// days and their plans. Equal states have equal hashes, whatever their history.
    pub fn state_hash(&self) -> u64 {
        let hall = &self.hall;
        state_hash(&hall.ledger, &hall.world.load().days, hall.now())
    }
}

fn all_shards(ledger: &Ledger) -> Vec<MutexGuard<'_, Shard>> {
    // All shards at once, ascending: everyone else holds one at a time.
    (0..ledger.shards()).filter_map(|number| ledger.lock(number)).collect()
}

/// Recounts days from claims.
pub(super) fn recount(ledger: &Ledger, days: &DayMap) -> Audit {
    let mut audit = Audit::default();
    let shards = all_shards(ledger);
    let mut expected = Expected::new();
    for shard in &shards {
        for index in 0..shard.capacity() {
            let Some(entry) = shard.entry(index) else {
                continue;
            };
            expect(&mut expected, &mut audit, shard.id_of(index, entry), entry);
        }
    }
    for entry in days.iter() {
        let day = &entry.day;
        let state = day.state().lock();
        let (slots, roster) = expected.remove(&day.id).unwrap_or_default();
        for index in 0..day.slots() {
            let (used, held) = slots.get(&index).copied().unwrap_or_default();
            let (found, found_held) = (lanes(day.used(index)), u32::from(day.held(index)));
            if (found, found_held) != (used, held) {
                audit.problems.push(format!(
                        "{}: counted {found:?} used, {found_held} held; the claims say {used:?}, {held}",
                        day.id.slot(u16::try_from(index).unwrap_or(u16::MAX))
                    ));
            }
            let capacity = state.plan.slot(index).map_or(0, |slot| u32::from(slot.capacity));
            let total: u32 = found.iter().sum();
            audit.deficit += u64::from(total.saturating_sub(capacity));
        }
        let found: BTreeMap<u32, ClaimId> = state.roster().collect();
        if found != roster {
            audit.problems.push(format!(
                "{}: the roster has {} claims, the ledger {}",
                day.id,
                found.len(),
                roster.len()
            ));
        }
    }
    for day in expected.keys() {
        audit.problems.push(format!("{day}: claims on a day that is not there"));
    }
    audit
}

/// The hash of the live state at a time.
pub(super) fn state_hash(ledger: &Ledger, days: &DayMap, now: Time) -> u64 {
    let shards = all_shards(ledger);
    let mut sum: u64 = 0;
    for shard in &shards {
        for index in 0..shard.capacity() {
            let Some(entry) = shard.entry(index).filter(|entry| is_live(entry, now)) else {
                continue;
            };
            let words = [
                shard.id_of(index, entry).to_u64(),
                u64::from(entry.fingerprint),
                u64::from(entry.service().0),
                entry.time().0,
                entry.place().start.into(),
                u64::from(entry.day().raw()),
                entry.stage().state().map_or(0, |state| state as u64),
                u64::from(shard.cold(index).version),
            ];
            // A sum does not depend on the order in which the claims are met.
            sum = sum.wrapping_add(digest(&words, entry.party));
        }
    }
    for entry in days.iter() {
        let state = entry.day.state().lock();
        let words = [
            u64::from(entry.day.id.raw()),
            u64::from(entry.day.is_closed()),
            state.frame.begins.0,
            state.frame.released.0,
            u64::from(state.frame.plan),
        ];
        sum = sum.wrapping_add(digest(&words, PartyId(0)));
    }
    sum
}

fn is_live(entry: &Entry, now: Time) -> bool {
    match entry.stage() {
        Stage::Claim(ClaimState::Held) | Stage::Cooling => entry.time() > now,
        Stage::Claim(state) => state.is_on_roster(),
        Stage::Free | Stage::Spent => false,
    }
}

fn digest(words: &[u64], party: PartyId) -> u64 {
    const KEY: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xd1b5_4a32_d192_ed03];
    words.iter().fold(hash(KEY, party), |state, word| {
        hash(KEY, PartyId(u128::from(state) << 64 | u128::from(*word)))
    })
}

fn expect(expected: &mut Expected, audit: &mut Audit, id: ClaimId, entry: &Entry) {
    let cooling = entry.stage() == Stage::Cooling;
    let on_roster = matches!(entry.stage(), Stage::Claim(state) if state.is_on_roster());
    if !cooling && !on_roster {
        return;
    }
    let place = entry.place();
    let (slots, roster) = expected.entry(place.day).or_default();
    let unbooked = cooling || entry.stage() == Stage::Claim(ClaimState::Held);
    audit.claims += 1;
    for index in place.slots() {
        let (lanes, held) = slots.entry(index).or_default();
        if let Some(lane) = lanes.get_mut(place.channel.index()) {
            *lane += u32::from(place.width());
        }
        *held += if unbooked { u32::from(place.width()) } else { 0 };
        audit.places += u64::from(place.width());
    }
    if on_roster && let Some(other) = roster.insert(place.roster, id) {
        audit.problems.push(format!("{id} and {other} have one place on the roster"));
    }
}
