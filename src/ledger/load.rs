//! How does a shard go into a snapshot and come back, and how large is it?
//!
//! Never decides.

use crate::claim::ClaimState;
use crate::id::Seq;
use crate::ledger::entry::{Cold, Entry, Stage};
use crate::ledger::hash;
use crate::ledger::shard::{CHUNK, Due, Shard, hash_of};

impl Shard {
    /// Bytes of everything in this shard.
    pub(crate) fn memory(&self) -> usize {
        let cold = self.cold.iter().flatten().count() * CHUNK * size_of::<Cold>();
        self.hot.len() * CHUNK * size_of::<Entry>()
            + cold
            + self.index.capacity() * 8 / 7 * (size_of::<u32>() + 1)
            + self.deadlines.capacity() * size_of::<Due>()
    }

    /// Head and tail of the ended chain, for snapshots.
    pub(crate) fn ended_ends(&self) -> (u32, u32) {
        (self.ended_head, self.ended_tail)
    }

    /// Copies every entry, and the colder half lines of those that have one, in the same order.
    pub(crate) fn copy_to(&self, entries: &mut Vec<Entry>, colds: &mut Vec<Cold>) {
        entries.clear();
        colds.clear();
        for (chunk, cold) in self.hot.iter().zip(&self.cold) {
            entries.extend_from_slice(chunk);
            let lines = cold.iter().flatten();
            let lines = chunk.iter().zip(lines).filter(|(entry, _)| entry.has_cold());
            colds.extend(lines.map(|(_, line)| *line));
        }
    }

    /// Takes over the entries of a snapshot; `lines` in order of their index. False if they are
    /// no shard.
    pub(crate) fn load(&mut self, lines: &[(Entry, Cold)], ended: (u32, u32), seq: Seq) -> bool {
        if !Self::is_sound(lines, ended) {
            return false;
        }
        (self.ended_head, self.ended_tail) = ended;
        self.seq = seq;
        let mut pointed_at = vec![false; lines.len()];
        for (entry, _) in lines {
            if entry.stage().state().is_some()
                && let Some(flag) = pointed_at.get_mut(entry.next as usize)
            {
                *flag = true;
            }
        }
        for (index, ((entry, cold), inner)) in (0_u32..).zip(lines.iter().zip(pointed_at)) {
            if !self.grow_to(index) {
                return false;
            }
            if let Some(slot) = self.entry_mut(index) {
                *slot = *entry;
            }
            if entry.has_cold() {
                self.change_cold(index, |line| *line = *cold);
            }
            self.count_loaded(index, entry);
            if entry.stage().state().is_some() && !inner {
                let (found, key) = (hash(self.key, entry.party), self.key);
                if self.head(found, entry.party).is_some() {
                    return false;
                }
                self.index.insert_unique(found, index, hash_of(&self.hot, key));
            }
        }
        self.rebuild_free();
        true
    }

    fn count_loaded(&mut self, index: u32, entry: &Entry) {
        match entry.stage() {
            Stage::Claim(ClaimState::Held) => self.tally.held += 1,
            Stage::Cooling => self.tally.cooling += 1,
            Stage::Claim(state) if state.is_on_roster() => self.tally.booked += 1,
            Stage::Claim(_) => self.tally.ended += 1,
            Stage::Free | Stage::Spent => {}
        }
        if matches!(entry.stage(), Stage::Claim(ClaimState::Held) | Stage::Cooling) {
            self.push_deadline(entry.time(), index, entry.generation());
        }
    }
}
