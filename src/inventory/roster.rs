//! Which claims are on a day? A list with reusable places, so that no entry ever moves.
//!
//! Never looks at a claim: it keeps ids.

use crate::id::ClaimId;
use crate::limits::ROSTER_MAX;
use crate::planted::planted;

/// A place that is free holds this bit and the number of the next free one.
const FREE: u64 = 1 << 63;
const NO_FREE: u32 = u32::MAX;

/// A day's claims.
#[derive(Debug)]
pub(crate) struct Roster {
    entries: Vec<u64>,
    free: u32,
    count: u32,
}

impl Default for Roster {
    fn default() -> Self {
        Self { entries: Vec::new(), free: NO_FREE, count: 0 }
    }
}

impl Roster {
    /// The roster places that the next `nth` claims will get; `None` when the roster is full.
    pub(crate) fn next(&self, nth: u32) -> Option<u32> {
        let mut at = self.free;
        for passed in 0..=nth {
            if at == NO_FREE {
                let fresh = u32::try_from(self.entries.len()).ok()? + (nth - passed);
                return (fresh <= ROSTER_MAX).then_some(fresh);
            }
            if passed < nth {
                at = self.free_after(at);
            }
        }
        Some(at)
    }

    fn free_after(&self, at: u32) -> u32 {
        let entry = self.entries.get(at as usize).copied().unwrap_or(u64::MAX);
        u32::try_from(entry & !FREE).unwrap_or(NO_FREE)
    }

    pub(super) fn enter(&mut self, at: u32, claim: ClaimId) {
        if self.free == at {
            self.free = self.free_after(at);
        }
        // Replay may meet places out of their first order; the gap is free until its record comes.
        while self.entries.len() <= at as usize {
            self.entries.push(FREE | u64::from(NO_FREE));
        }
        if let Some(slot) = self.entries.get_mut(at as usize) {
            self.count += u32::from(*slot & FREE != 0);
            *slot = claim.to_u64();
        }
    }

    pub(super) fn leave(&mut self, at: u32) {
        let free = self.free;
        if let Some(slot) = self.entries.get_mut(at as usize)
            && *slot & FREE == 0
        {
            *slot = FREE | u64::from(free);
            self.free = if planted("roster_forgets_its_free_places") { NO_FREE } else { at };
            self.count -= 1;
        }
    }

    /// The claims on the roster, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, ClaimId)> {
        (0..)
            .zip(&self.entries)
            .filter(|(_, entry)| **entry & FREE == 0)
            .map(|(place, entry)| (place, ClaimId::from_u64(*entry)))
    }

    pub(crate) fn raw(&self) -> (&[u64], u32) {
        (&self.entries, self.free)
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Makes room, a quarter more at a time: a roster may be long.
    pub(super) fn reserve(&mut self, claims: usize) {
        if self.entries.capacity() - self.entries.len() < claims {
            let more = (self.entries.len() / 4).max(16).max(claims);
            self.entries.reserve_exact(more);
        }
    }

    /// The claim at a place; `None` where it is free.
    pub(super) fn at(&self, at: u32) -> Option<ClaimId> {
        let entry = self.entries.get(at as usize).filter(|entry| **entry & FREE == 0)?;
        Some(ClaimId::from_u64(*entry))
    }

    /// Whether entries and the first free place of a snapshot are a roster: each free place is in
    /// the list of them, once.
    pub(crate) fn is_sound(entries: &[u64], free: u32) -> bool {
        let is_free = |entry: &&u64| **entry & FREE != 0;
        let all = entries.iter().filter(is_free).count();
        let (mut at, mut count) = (free, 0);
        while count < all
            && let Some(entry) = entries.get(at as usize).filter(is_free)
        {
            at = u32::try_from(entry & !FREE).unwrap_or(NO_FREE);
            count += 1;
        }
        count == all && at == NO_FREE && entries.len() as u64 <= u64::from(ROSTER_MAX) + 1
    }

    /// From a snapshot.
    pub(super) fn load(entries: Vec<u64>, free: u32) -> Self {
        let taken = entries.iter().filter(|entry| **entry & FREE == 0).count();
        Self { entries, free, count: u32::try_from(taken).unwrap_or(u32::MAX) }
    }

    pub(super) fn memory(&self) -> usize {
        self.entries.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests;
