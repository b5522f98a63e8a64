//! Where is this claim, and which has this party? One shard of the ledger.
//!
//! Never allocates between a decision and its record: [`Shard::reserve`] comes first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as TableEntry;

use crate::claim::{ClaimState, Services};
use crate::id::{ActorId, ClaimId, PartyId, Seq, ServiceId};
use crate::ledger::entry::{Cold, Entry, NONE, Stage};
use crate::ledger::{HashKey, hash};
use crate::limits::CLAIMS_PER_SHARD_MAX;
use crate::planted::planted;
use crate::time::Time;

/// Entries of one chunk: chunks never move, so growth copies nothing.
pub(super) const CHUNK: usize = 64;

/// Something of this shard to look at when its time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    at: u64,
    index: u32,
    generation: u32,
}

/// One shard: claims, the index from party to newest claim, deadlines, ended claims in order.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(super) number: usize,
    pub(super) key: HashKey,
    pub(super) hot: Vec<Box<[Entry]>>,
    pub(super) cold: Vec<Option<Box<[Cold]>>>,
    pub(super) index: HashTable<u32>,
    pub(super) deadlines: BinaryHeap<Reverse<Due>>,
    pub(super) free_head: u32,
    pub(super) free_count: u32,
    /// Ended claims, oldest first, chained by their `link`.
    pub(super) ended_head: u32,
    pub(super) ended_tail: u32,
    /// Sequence number of the last record applied here.
    pub(crate) seq: Seq,
    /// Ring lines that this shard may still publish without asking the journal.
    pub(crate) stash: u32,
    /// Counts since the engine was opened, and of what is there now.
    pub(crate) tally: Tally,
}

/// What a shard counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) held: u64,
    pub(crate) booked: u64,
    pub(crate) cooling: u64,
    pub(crate) ended: u64,
    pub(crate) granted: u64,
    pub(crate) refused: u64,
    pub(crate) expired: u64,
}

impl Shard {
    pub(crate) fn new(number: usize, key: HashKey) -> Self {
        Self {
            number,
            key,
            hot: Vec::new(),
            cold: Vec::new(),
            index: HashTable::new(),
            deadlines: BinaryHeap::new(),
            free_head: NONE,
            free_count: 0,
            ended_head: NONE,
            ended_tail: NONE,
            seq: Seq(0),
            stash: 0,
            tally: Tally::default(),
        }
    }

    pub(crate) fn number(&self) -> usize {
        self.number
    }

    pub(crate) fn entry(&self, index: u32) -> Option<&Entry> {
        entry_of(&self.hot, index)
    }

    pub(super) fn entry_mut(&mut self, index: u32) -> Option<&mut Entry> {
        self.hot.get_mut(index as usize / CHUNK)?.get_mut(index as usize % CHUNK)
    }

    /// The claim's entry, unless the id is stale or was never given out.
    pub(crate) fn get(&self, claim: ClaimId) -> Option<&Entry> {
        let entry = self.entry(claim.index())?;
        let known = entry.generation() == claim.generation() && entry.stage().state().is_some();
        known.then_some(entry)
    }

    pub(crate) fn id_of(&self, index: u32, entry: &Entry) -> ClaimId {
        ClaimId::new(self.number, index, entry.generation())
    }

    /// The party's claims in memory, newest first.
    pub(crate) fn of_party(
        &self,
        hash: u64,
        party: PartyId,
    ) -> impl Iterator<Item = (ClaimId, &Entry)> {
        let mut at = self.head(hash, party);
        std::iter::from_fn(move || {
            let index = at?;
            let entry = self.entry(index)?;
            at = (entry.next != NONE).then_some(entry.next);
            Some((self.id_of(index, entry), entry))
        })
    }

    /// Whether the party has claims in memory.
    pub(crate) fn knows(&self, hash: u64, party: PartyId) -> bool {
        self.head(hash, party).is_some()
    }

    pub(super) fn head(&self, hash: u64, party: PartyId) -> Option<u32> {
        let is_it = |index: &u32| self.entry(*index).is_some_and(|entry| entry.party == party);
        self.index.find(hash, is_it).copied()
    }

    /// Makes room for `claims` more, so that nothing after it allocates. False when the shard is
    /// as large as an id can say.
    pub(crate) fn reserve(&mut self, claims: u32) -> bool {
        while self.free_count < claims {
            if !self.grow() {
                return false;
            }
        }
        let Self { index, hot, key, .. } = self;
        index.reserve(claims as usize, hash_of(hot, *key));
        if self.deadlines.len() as u64 > 2 * (self.tally.held + self.tally.cooling) + 64 {
            self.forget_stale_deadlines();
        }
        self.deadlines.reserve(claims as usize + 1);
        true
    }

    /// Room for a cold line of this entry, before the decision.
    pub(crate) fn reserve_cold(&mut self, index: u32) {
        if let Some(chunk) = self.cold.get_mut(index as usize / CHUNK) {
            chunk.get_or_insert_with(|| vec![Cold::default(); CHUNK].into_boxed_slice());
        }
    }

    fn grow(&mut self) -> bool {
        if !may_grow(self.hot.len()) {
            return false;
        }
        let first = self.hot.len() * CHUNK;
        self.hot.push(vec![Entry::EMPTY; CHUNK].into_boxed_slice());
        self.cold.push(None);
        for index in (first..first + CHUNK).rev() {
            self.put_free(u32::try_from(index).unwrap_or(NONE));
        }
        true
    }

    /// Makes sure that the entry exists (replay names entries itself).
    pub(super) fn grow_to(&mut self, index: u32) -> bool {
        while self.hot.len() * CHUNK <= index as usize {
            if !self.grow() {
                return false;
            }
        }
        true
    }

    fn put_free(&mut self, index: u32) {
        let head = self.free_head;
        if let Some(entry) = self.entry_mut(index) {
            entry.next = head;
            self.free_head = index;
            self.free_count += 1;
        }
    }

    /// The ids that the next `nth` grants will get, given that [`Shard::reserve`] went well.
    pub(crate) fn next_free(&self, nth: usize) -> Option<ClaimId> {
        let mut index = self.free_head;
        for _ in 0..nth {
            index = self.entry(index)?.next;
        }
        let entry = self.entry(index)?;
        Some(self.id_of(index, entry))
    }

    pub(super) fn take_free(&mut self, index: u32) {
        if self.free_head == index
            && let Some(entry) = self.entry(index)
        {
            self.free_head = entry.next;
            self.free_count -= 1;
        }
    }

    /// After replay, which takes entries by name: finds the free ones again.
    pub(crate) fn rebuild_free(&mut self) {
        (self.free_head, self.free_count) = (NONE, 0);
        for index in (0..self.capacity()).rev() {
            if self.entry(index).is_some_and(|entry| entry.stage() == Stage::Free) {
                self.put_free(index);
            }
        }
    }

    /// How many entries there are, free ones included.
    pub(crate) fn capacity(&self) -> u32 {
        u32::try_from(self.hot.len() * CHUNK).unwrap_or(NONE)
    }

    pub(super) fn link_to_party(&mut self, index: u32) {
        let Self { index: table, hot, key, .. } = self;
        let Some(party) = entry_of(hot, index).map(|entry| entry.party) else { return };
        let is_it = |at: &u32| entry_of(hot, *at).is_some_and(|entry| entry.party == party);
        let next = match table.entry(hash(*key, party), is_it, hash_of(hot, *key)) {
            TableEntry::Occupied(mut head) => std::mem::replace(head.get_mut(), index),
            TableEntry::Vacant(place) => {
                place.insert(index);
                NONE
            }
        };
        if let Some(entry) = self.entry_mut(index) {
            entry.next = next;
        }
    }

    fn unlink_from_party(&mut self, index: u32) {
        let Self { index: table, hot, key, .. } = self;
        let Some(Entry { party, next, .. }) = entry_of(hot, index).copied() else { return };
        let is_it = |at: &u32| entry_of(hot, *at).is_some_and(|entry| entry.party == party);
        let Ok(mut head) = table.find_entry(hash(*key, party), is_it) else {
            return;
        };
        let mut at = *head.get();
        if at == index {
            match next {
                NONE => drop(head.remove()),
                next => *head.get_mut() = next,
            }
            return;
        }
        while let Some(entry) = self.entry_mut(at) {
            if entry.next == index {
                entry.next = next;
                return;
            }
            at = entry.next;
        }
    }

    /// Takes a claim out of memory; its id is stale from now on.
    pub(super) fn forget(&mut self, index: u32) {
        self.unlink_from_party(index);
        let Some(entry) = self.entry_mut(index) else {
            return;
        };
        if !planted("same_id_again") {
            entry.retire_generation();
        }
        let (generation, stage) = (entry.generation(), entry.stage());
        *entry = Entry::EMPTY;
        entry.set_generation(generation);
        entry.set_stage(stage);
        if stage == Stage::Free {
            self.put_free(index);
        }
    }

    pub(super) fn push_ended(&mut self, index: u32) {
        let tail = self.ended_tail;
        if let Some(entry) = self.entry_mut(index) {
            entry.link = NONE;
        }
        match self.entry_mut(tail) {
            Some(last) => last.link = index,
            None => self.ended_head = index,
        }
        self.ended_tail = index;
        self.tally.ended += 1;
    }

    /// The oldest ended claim, if it ended before `before`.
    pub(crate) fn oldest_ended(&self, before: Time) -> Option<(ClaimId, &Entry)> {
        let entry = self.entry(self.ended_head)?;
        (entry.time() < before).then(|| (self.id_of(self.ended_head, entry), entry))
    }

    /// The ended claim after `claim` in order of their ends, if it ended before `before`.
    pub(crate) fn ended_after(&self, claim: ClaimId, before: Time) -> Option<ClaimId> {
        let index = self.entry(claim.index())?.link;
        let entry = self.entry(index)?;
        (entry.time() < before).then(|| self.id_of(index, entry))
    }

    /// Forgets the oldest ended claim.
    pub(crate) fn evict_oldest(&mut self) {
        let index = self.ended_head;
        let Some(next) = self.entry(index).map(|entry| entry.link) else {
            return;
        };
        self.ended_head = next;
        if next == NONE {
            self.ended_tail = NONE;
        }
        self.tally.ended -= 1;
        self.forget(index);
    }

    /// Replay meets a grant on an entry whose ended claim had been forgotten: forgets it and all
    /// that ended before it, as the first run did.
    pub(super) fn evict_through(&mut self, index: u32) {
        while let Some(entry) = self.entry(index)
            && entry.stage().state().is_some()
            && self.ended_head != NONE
        {
            self.evict_oldest();
        }
    }

    pub(super) fn push_deadline(&mut self, at: Time, index: u32, generation: u32) {
        self.deadlines.push(Reverse(Due { at: at.0, index, generation }));
    }

    fn is_due_entry(&self, due: &Due) -> bool {
        self.entry(due.index).is_some_and(|entry| {
            entry.generation() == due.generation
                && entry.time().0 == due.at
                && matches!(entry.stage(), Stage::Claim(ClaimState::Held) | Stage::Cooling)
        })
    }

    fn forget_stale_deadlines(&mut self) {
        let mut deadlines = std::mem::take(&mut self.deadlines);
        deadlines.retain(|Reverse(due)| self.is_due_entry(due));
        self.deadlines = deadlines;
    }

    /// A claim whose deadline or return time has come, stale ones dropped on the way.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<ClaimId> {
        while let Some(Reverse(due)) = self.deadlines.peek().copied() {
            if due.at > now.0 {
                return None;
            }
            self.deadlines.pop();
            if self.is_due_entry(&due) {
                return Some(ClaimId::new(self.number, due.index, due.generation));
            }
        }
        None
    }

    /// Puts back what [`Shard::pop_due`] gave and could not be carried out now.
    pub(crate) fn put_back_due(&mut self, claim: ClaimId) {
        if let Some(at) = self.get(claim).map(Entry::time) {
            self.push_deadline(at, claim.index(), claim.generation());
        }
    }

    pub(crate) fn next_due(&self) -> u64 {
        self.deadlines.peek().map_or(u64::MAX, |Reverse(due)| due.at)
    }

    pub(crate) fn cold(&self, index: u32) -> Cold {
        if !self.entry(index).is_some_and(Entry::has_cold) {
            return Cold::default();
        }
        let chunk = self.cold.get(index as usize / CHUNK).and_then(Option::as_ref);
        chunk.and_then(|chunk| chunk.get(index as usize % CHUNK)).copied().unwrap_or_default()
    }

    pub(super) fn change_cold(&mut self, index: u32, change: impl FnOnce(&mut Cold)) {
        let mut line = self.cold(index);
        change(&mut line);
        self.reserve_cold(index);
        let chunk = self.cold.get_mut(index as usize / CHUNK).and_then(Option::as_mut);
        if let Some(slot) = chunk.and_then(|chunk| chunk.get_mut(index as usize % CHUNK)) {
            *slot = line;
        }
        if let Some(entry) = self.entry_mut(index) {
            entry.set_cold();
        }
    }

    /// All services of a claim.
    pub(crate) fn services(&self, index: u32) -> Services {
        let first = self.entry(index).map_or(ServiceId(0), Entry::service);
        self.cold(index).services(first)
    }

    pub(crate) fn actor(&self, index: u32) -> ActorId {
        self.cold(index).actor
    }
}

/// Whether an id can name the entries of one chunk more.
pub(super) const fn may_grow(chunks: usize) -> bool {
    (chunks + 1) * CHUNK <= CLAIMS_PER_SHARD_MAX as usize
}

fn entry_of(hot: &[Box<[Entry]>], index: u32) -> Option<&Entry> {
    hot.get(index as usize / CHUNK)?.get(index as usize % CHUNK)
}

/// The hash that an entry is found by, for the index to grow with.
pub(super) fn hash_of(hot: &[Box<[Entry]>], key: HashKey) -> impl Fn(&u32) -> u64 {
    move |index| entry_of(hot, *index).map_or(0, |entry| hash(key, entry.party))
}
