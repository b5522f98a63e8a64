//! Which of many have room? One bit each, for readers without a lock.
//!
//! Never decides: what is full costs a reader nothing, and of the rest the counters are asked.

use std::ops::Range;

use crate::sync::{AtomicU64, Ordering};

/// So many bits, all zero at first.
#[derive(Debug)]
pub(crate) struct Bits(Box<[AtomicU64]>);

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

    pub(crate) fn get(&self, at: usize) -> bool {
        // Relaxed: as in `set`.
        self.0.get(at / 64).is_some_and(|word| word.load(Ordering::Relaxed) >> (at % 64) & 1 != 0)
    }

    /// Where a bit is set, ascending.
    pub(crate) fn ones(&self, range: Range<usize>) -> impl Iterator<Item = usize> {
        self.words(range).flat_map(|(first, mut word)| {
            std::iter::from_fn(move || {
                let at = first + word.trailing_zeros() as usize;
                let is_left = word != 0;
                word &= word.wrapping_sub(1);
                is_left.then_some(at)
            })
        })
    }

    /// How many bits are set.
    pub(crate) fn count(&self, range: Range<usize>) -> u32 {
        self.words(range).map(|(_, word)| word.count_ones()).sum()
    }

    /// The words of a range with the number of their first bit; bits outside of it are zero.
    fn words(&self, range: Range<usize>) -> impl Iterator<Item = (usize, u64)> {
        let Range { start, end } = range;
        let words = self.0.get(start / 64..).unwrap_or(&[]);
        (start / 64 * 64..end).step_by(64).zip(words).map(move |(first, word)| {
            let below = u64::MAX << start.saturating_sub(first).min(63);
            let above = u64::MAX >> (64 - (end - first).min(64));
            // Relaxed: as in `set`.
            (first, word.load(Ordering::Relaxed) & below & above)
        })
    }

    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.0)
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
            prop_assert!((0..310).all(|at| bits.get(at) == is_set(&at)));
        }
    }
}
