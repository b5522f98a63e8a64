//! The work that no design of this kind avoids: per operation two uncontended locks, one hash
//! probe, one cold claim line, one record in a ring. It keeps no rule at all.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::fair::spread;

const SHARDS: usize = 256;
const DAYS: usize = 1_710;
const RING: usize = 65_536;

#[repr(align(64))]
struct Line([AtomicU64; 8]);

#[repr(align(64))]
#[derive(Clone, Copy)]
struct Claim([u64; 8]);

#[repr(align(128))]
struct Shard(Mutex<(hashbrown::HashTable<u32>, Vec<Claim>)>);

pub struct Floor {
    shards: Vec<Shard>,
    days: Vec<(Mutex<u64>, AtomicU64)>,
    ring: Vec<Line>,
    next: AtomicU64,
}

impl Floor {
    pub fn new(live: usize) -> Self {
        let claims = live / SHARDS;
        let shard = |n: usize| {
            let claims: Vec<_> =
                (0..claims).map(|c| Claim([spread((n * claims + c) as u64); 8])).collect();
            let mut table = hashbrown::HashTable::with_capacity(claims.len() * 2);
            for (at, claim) in claims.iter().enumerate() {
                table.insert_unique(claim.0[0], at as u32, |at| claims[*at as usize].0[0]);
            }
            Shard(Mutex::new((table, claims)))
        };
        Self {
            shards: (0..SHARDS).map(shard).collect(),
            days: (0..DAYS).map(|_| (Mutex::new(0), AtomicU64::new(0))).collect(),
            ring: (0..RING).map(|_| Line(std::array::from_fn(|_| AtomicU64::new(0)))).collect(),
            next: AtomicU64::new(0),
        }
    }

    /// Three operations a turn.
    pub fn cycle(&self, thread: u64, turns: Range<u64>) {
        for operation in turns.start * 3..turns.end * 3 {
            let hash = spread(thread << 48 | operation);
            let mut shard = self.shards[hash as usize % SHARDS].0.lock();
            let (table, claims) = &mut *shard;
            let found = table.find(hash, |at| claims[*at as usize].0[0] == hash);
            let at = found.map_or((hash >> 20) as usize % claims.len(), |at| *at as usize);
            let (lock, used) = &self.days[(hash >> 40) as usize % DAYS];
            let mut day = lock.lock();
            claims[at].0[7] = claims[at].0[7].wrapping_add(hash);
            let seq = self.next.fetch_add(1, Ordering::Relaxed);
            for (word, value) in self.ring[seq as usize % RING].0.iter().zip(claims[at].0) {
                word.store(value, Ordering::Relaxed);
            }
            *day = seq;
            used.store(seq, Ordering::Release);
        }
    }
}
