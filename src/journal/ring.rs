//! How do lines get from many threads to one? A ring of lines, each published by its last word.
//!
//! Never overwrites a line that was not read: the permits of the journal see to that.

use crate::limits::RING_LINES;
use crate::record::Line;
use crate::sync::{AtomicU64, Ordering};
use crate::time::Time;

/// Low bits of the last word that carry a line's number; the rest is its time.
const NUMBER_BITS: u32 = 20;

// A slot's next line differs from its last in the bits above the ring's length.
const _: () = assert!(RING_LINES < 1 << NUMBER_BITS && Time::MAX.0 < 1 << (64 - NUMBER_BITS));

/// The last word of a line: when, and which.
pub(super) const fn stamp(seq: u64, now: Time) -> u64 {
    (now.0 << NUMBER_BITS) | number(seq)
}

/// The part of a sequence number that a line carries.
pub(super) const fn number(seq: u64) -> u64 {
    seq & ((1 << NUMBER_BITS) - 1)
}

/// When the line with this stamp happened.
pub(super) const fn time_of(stamp: u64) -> Time {
    Time(stamp >> NUMBER_BITS)
}

#[derive(Debug)]
#[repr(align(64))]
struct Slot([AtomicU64; 8]);

/// The ring: its length is a power of two up to [`RING_LINES`].
#[derive(Debug)]
pub(super) struct Ring(Box<[Slot]>);

impl Ring {
    /// An empty ring for lines from `next` on: no slot bears the number of a line to come.
    pub(super) fn new(next: u64, lines: usize) -> Self {
        let stale = number(next.wrapping_sub(1));
        let slot = |_| {
            let slot = Slot(std::array::from_fn(|_| AtomicU64::new(0)));
            let [.., last] = &slot.0;
            last.store(stale, Ordering::Relaxed);
            slot
        };
        Self((0..lines).map(slot).collect())
    }

    pub(super) fn lines(&self) -> usize {
        self.0.len()
    }

    #[expect(clippy::cast_possible_truncation, reason = "the low bits are what counts")]
    fn slot(&self, seq: u64) -> Option<&Slot> {
        self.0.get(seq as usize & (self.0.len() - 1))
    }

    /// Writes a line; its last word, which makes it visible, carries time and number.
    pub(super) fn write(&self, seq: u64, now: Time, line: &Line) {
        let Some(Slot(words)) = self.slot(seq) else {
            return;
        };
        for (word, value) in words.iter().zip(line).take(7) {
            // Relaxed: published by the Release below.
            word.store(*value, Ordering::Relaxed);
        }
        let [.., last] = words;
        // Release: pairs with the Acquire in `read`.
        last.store(stamp(seq, now), Ordering::Release);
    }

    /// The line with this number, if it has been written.
    pub(super) fn read(&self, seq: u64) -> Option<Line> {
        let Slot(words) = self.slot(seq)?;
        let [.., last] = words;
        // Acquire: pairs with the Release in `write`.
        let stamp = last.load(Ordering::Acquire);
        if number(stamp) != number(seq) {
            return None;
        }
        // Relaxed: the Acquire above makes them visible, and nobody writes here before the
        // flusher has given the permits back.
        let mut line: Line = std::array::from_fn(|_| 0);
        for (value, word) in line.iter_mut().zip(words).take(7) {
            *value = word.load(Ordering::Relaxed);
        }
        let [.., last] = &mut line;
        *last = stamp;
        Some(line)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_there_once_it_was_written() {
        for next in [0, 1, 7, (1 << NUMBER_BITS) - 2, 1 << NUMBER_BITS, u64::MAX >> 2] {
            let ring = Ring::new(next, 8);
            let line = |seq: u64| std::array::from_fn(|word| seq << 3 | word as u64);
            for round in [next, next + 8, next + 16] {
                for seq in round..round + 8 {
                    assert_eq!(ring.read(seq), None, "{seq} after {next}");
                    ring.write(seq, Time(seq & 0xffff), &line(seq));
                }
                for seq in round..round + 8 {
                    let mut expected: Line = line(seq);
                    expected[7] = stamp(seq, Time(seq & 0xffff));
                    assert_eq!(ring.read(seq), Some(expected));
                }
            }
        }
    }

    #[test]
    fn a_stamp_has_the_whole_time_and_the_end_of_the_number() {
        for (seq, time) in
            [(0, Time(0)), (1, Time::MAX), (1 << NUMBER_BITS, Time(5)), (u64::MAX, Time(9))]
        {
            let stamp = stamp(seq, time);
            assert_eq!((time_of(stamp), number(stamp)), (time, seq % (1 << NUMBER_BITS)));
            assert_eq!(number(seq), seq % (1 << NUMBER_BITS));
        }
    }
}
