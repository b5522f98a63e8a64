//! Which of many have room? One bit each, for readers without a lock.
//!
//! Never decides: what is full costs a reader nothing, and of the rest the counters are asked.

use std::ops::Range;

use crate::sync::{Arc, AtomicU64, Ordering};

/// So many bits, all zero at first. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Bits(Arc<[AtomicU64]>);

impl Bits {
    pub(crate) fn new(count: usize) -> Self {
        Self((0..count.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    pub(crate) fn set(&self, at: usize, on: bool) {
        let bit = 1 << (at % 64);
        if let Some(word) = self.0.get(at / 64) {
            // Relaxed: a hint.
            let is_on = word.load(Ordering::Relaxed) & bit != 0;
            if on && !is_on {
                word.fetch_or(bit, Ordering::Relaxed);
            } else if is_on && !on {
                word.fetch_and(!bit, Ordering::Relaxed);
            }
        }
    }

    /// How many bits from here on are zero, as far as this look goes: to the end of a word.
    pub(crate) fn zeros(&self, at: usize) -> usize {
        // Relaxed: as in `set`.
        let word = self.0.get(at / 64).map_or(0, |word| word.load(Ordering::Relaxed));
        ((word >> (at % 64)).trailing_zeros() as usize).min(64 - at % 64)
    }

    pub(crate) fn any(&self) -> bool {
        // Relaxed: as in `set`.
        self.0.iter().any(|word| word.load(Ordering::Relaxed) != 0)
    }

    /// Where a bit is set, ascending.
    pub(crate) fn ones(&self, range: Range<usize>) -> Ones<'_> {
        Ones { bits: self, rest: range, word: 0, next: 0 }
    }

    /// How many bits are set.
    pub(crate) fn count(&self, range: Range<usize>) -> u32 {
        let (mut at, mut count) = (range.start, 0);
        while let Some((word, next)) = self.word(at, range.end) {
            count += word.count_ones();
            at = next;
        }
        count
    }

    /// The bits from `at` on that share a word, moved down by its place in the word, and where
    /// the next word begins; bits from `end` on are zero.
    fn word(&self, at: usize, end: usize) -> Option<(u64, usize)> {
        let next = (at / 64 + 1) * 64;
        // Relaxed: as in `set`.
        let word = self.0.get(at / 64).filter(|_| at < end)?.load(Ordering::Relaxed);
        let above = next.saturating_sub(end).min(63);
        Some(((word << above >> above) >> (at % 64), next))
    }

    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.0)
    }
}

/// See [`Bits::ones`].
#[derive(Debug)]
pub(crate) struct Ones<'a> {
    bits: &'a Bits,
    rest: Range<usize>,
    /// What is left of the present word, of which this is the first bit.
    word: u64,
    next: usize,
}

impl Iterator for Ones<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        while self.word == 0 {
            self.next = self.rest.start;
            (self.word, self.rest.start) = self.bits.word(self.rest.start, self.rest.end)?;
        }
        let one = self.next + self.word.trailing_zeros() as usize;
        self.word &= self.word - 1;
        Some(one)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A list of flags says the same.
        #[test]
        fn bits_are_flags(
            flags in prop::collection::vec(any::<bool>(), 1..300),
            (start, end) in (0_usize..310, 0_usize..310),
        ) {
            let bits = Bits::new(flags.len());
            flags.iter().enumerate().for_each(|(at, flag)| bits.set(at, !flag));
            flags.iter().enumerate().for_each(|(at, flag)| bits.set(at, *flag));
            let is_set = |at: &usize| flags.get(*at).copied().unwrap_or(false);
            let wanted: Vec<usize> = (start..end).filter(is_set).collect();
            prop_assert_eq!(bits.ones(start..end).collect::<Vec<_>>(), wanted.clone());
            prop_assert_eq!(bits.count(start..end) as usize, wanted.len());
            prop_assert_eq!(bits.any(), flags.contains(&true));
            for at in 0..310 {
                let word_ends = (at / 64 + 1) * 64;
                let next = (at..word_ends).find(is_set).unwrap_or(word_ends);
                prop_assert_eq!(bits.zeros(at), next - at);
            }
        }
    }
}
