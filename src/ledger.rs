//! Who has what? Claims by party, in lock shards.
//!
//! Never looks at a day, never writes a record, never asks the time: it is told what happened.

mod apply;
mod entry;
mod fits;
mod load;
mod shard;

use crossbeam_utils::CachePadded;

use crate::id::{ClaimId, PartyId};
use crate::sync::{AtomicU64, Mutex, MutexGuard, Ordering};

pub(crate) use entry::{Cold, Entry, Stage, fingerprint};
pub(crate) use shard::Shard;

/// The secret of the directory's hash: fixed at its birth, so that a claim's shard never changes.
pub(crate) type HashKey = [u64; 2];

/// All claims.
#[derive(Debug)]
pub(crate) struct Ledger {
    shards: Box<[CachePadded<Mutex<Shard>>]>,
    /// Per shard the earliest deadline in it, so that an idle shard costs its ticker one load.
    next_due: Box<[AtomicU64]>,
    key: HashKey,
}

impl Ledger {
    /// `shards` is a power of two up to [`SHARDS_MAX`](crate::limits::SHARDS_MAX).
    pub(crate) fn new(shards: usize, key: HashKey) -> Self {
        Self {
            shards: (0..shards).map(|n| CachePadded::new(Mutex::new(Shard::new(n, key)))).collect(),
            next_due: (0..shards).map(|_| AtomicU64::new(u64::MAX)).collect(),
            key,
        }
    }

    pub(crate) fn key(&self) -> HashKey {
        self.key
    }

    pub(crate) fn shards(&self) -> usize {
        self.shards.len()
    }

    /// The keyed hash of a party, and the number of its shard.
    pub(crate) fn locate(&self, party: PartyId) -> (u64, usize) {
        let hash = hash(self.key, party);
        let mask = self.shards.len() - 1;
        // The index inside a shard uses the lowest and the highest bits.
        (hash, (hash >> 32) as usize & mask)
    }

    /// Locks one shard; `None` for a number that no claim id of this ledger has.
    pub(crate) fn lock(&self, shard: usize) -> Option<MutexGuard<'_, Shard>> {
        self.shards.get(shard).map(|shard| shard.lock())
    }

    /// Locks the shard a claim id names.
    pub(crate) fn lock_of(&self, claim: ClaimId) -> Option<MutexGuard<'_, Shard>> {
        self.lock(claim.shard())
    }

    /// The earliest deadline in a shard, in milliseconds; may be too early, never too late.
    pub(crate) fn next_due(&self, shard: usize) -> u64 {
        // Relaxed: the ticker looks again soon; the shard's lock orders the deadlines themselves.
        self.next_due.get(shard).map_or(u64::MAX, |due| due.load(Ordering::Relaxed))
    }

    /// Says what a shard's earliest deadline is now; the caller still holds the shard.
    pub(crate) fn note_due(&self, shard: &Shard) {
        if let Some(due) = self.next_due.get(shard.number()) {
            let earliest = shard.next_due();
            // Relaxed: as in `next_due`; only writers under the shard's lock store here.
            if due.load(Ordering::Relaxed) != earliest {
                due.store(earliest, Ordering::Relaxed);
            }
        }
    }
}

/// Folded multiplication of the two keyed halves (the `mum` step of wyhash, Wang Yi 2019), twice:
/// the key keeps callers from choosing parties that collide.
pub(crate) fn hash(key: HashKey, party: PartyId) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let [k0, k1] = key;
    #[expect(clippy::cast_possible_truncation, reason = "the halves")]
    let (low, high) = (party.0 as u64, (party.0 >> 64) as u64);
    fold(fold(low ^ k0, high ^ k1) ^ low.rotate_left(32) ^ k1, ODD)
}

#[expect(clippy::cast_possible_truncation, reason = "the halves of the product are folded")]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
