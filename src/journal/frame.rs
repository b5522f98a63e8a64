//! What does one write look like? A header of 64 bytes and the lines of whole groups.
//!
//! Never knows where frames are kept: salt, padding and sectors are the store's.

use crate::id::Seq;
use crate::limits::{FRAME_LINES_MAX, LINE_BYTES};
use crate::log_store::Position;
use crate::record::Line;
use crate::time::Time;

const MAGIC: u32 = u32::from_le_bytes(*b"cupF");
const VERSION: u32 = 1;
/// Bytes of a frame's header.
pub(super) const HEADER_BYTES: usize = 64;

/// The header of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) epoch: u64,
    pub(super) position: Position,
    pub(super) first: Seq,
    pub(super) lines: u32,
    /// The latest time of its lines.
    pub(super) time: Time,
    /// The checksum of the frame before.
    pub(super) previous: u32,
}

/// A frame being filled; the buffer is used again for the next.
#[derive(Debug, Default)]
pub(super) struct Frame {
    bytes: Vec<u8>,
}

impl Frame {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.resize(HEADER_BYTES, 0);
    }

    pub(super) fn push(&mut self, line: &Line) {
        let mut bytes = [0; LINE_BYTES];
        for (to, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(line) {
            *to = word.to_le_bytes();
        }
        self.bytes.extend_from_slice(&bytes);
    }

    pub(super) fn truncate(&mut self, lines: usize) {
        self.bytes.truncate(HEADER_BYTES + lines * LINE_BYTES);
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Seals the frame; answers with its checksum.
    pub(super) fn seal(&mut self, header: &Header) -> u32 {
        let words = [
            u64::from(MAGIC) | u64::from(VERSION) << 32,
            header.epoch,
            header.position,
            header.first.0,
            u64::from(header.lines) | u64::from(header.previous) << 32,
            header.time.0,
            0,
            0,
        ];
        let space = self.bytes.as_chunks_mut::<8>().0;
        for (to, word) in space.iter_mut().zip(words) {
            *to = word.to_le_bytes();
        }
        let crc = crc32c::crc32c(&self.bytes);
        if let Some(last) = self.bytes.as_chunks_mut::<8>().0.get_mut(7) {
            *last = u64::from(crc).to_le_bytes();
        }
        crc
    }
}

/// Reads a frame; `None` if anything about it is wrong.
pub(super) fn open(bytes: &[u8]) -> Option<(Header, u32, &[[u8; LINE_BYTES]])> {
    let (head, body) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let mut words = [0_u64; 8];
    for (word, bytes) in words.iter_mut().zip(head.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    let [magic, epoch, position, first, counts, time, zero, crc] = words;
    let (lines, rest) = body.as_chunks::<LINE_BYTES>();
    let count = counts & u64::from(u32::MAX);
    let sound = magic == u64::from(MAGIC) | u64::from(VERSION) << 32
        && rest.is_empty()
        && zero == 0
        && count == lines.len() as u64
        && (1..=FRAME_LINES_MAX as u64).contains(&count);
    if !sound {
        return None;
    }
    let (before_crc, _) = head.split_at(HEADER_BYTES - 8);
    let found = crc32c::crc32c(before_crc);
    let found = crc32c::crc32c_append(found, &[0; 8]);
    let found = crc32c::crc32c_append(found, body);
    if u64::from(found) != crc {
        return None;
    }
    let header = Header {
        epoch,
        position,
        first: Seq(first),
        lines: u32::try_from(count).ok()?,
        time: Time(time),
        previous: u32::try_from(counts >> 32).ok()?,
    };
    Some((header, found, lines))
}

/// A line from its bytes.
pub(super) fn line(bytes: &[u8; LINE_BYTES]) -> Line {
    let mut line = [0; 8];
    for (word, bytes) in line.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_reads_back_and_no_flipped_bit_does() {
        let mut frame = Frame::default();
        frame.clear();
        let lines: Vec<Line> = (0..3_u64).map(|n| [n; 8]).collect();
        for line in &lines {
            frame.push(line);
        }
        let header =
            Header { epoch: 3, position: 9, first: Seq(40), lines: 3, ..Header::default() };
        let crc = frame.seal(&header);
        let mut bytes = frame.bytes().to_vec();
        let (read, read_crc, read_lines) = open(&bytes).unwrap();
        assert_eq!((read, read_crc), (header, crc));
        assert_eq!(read_lines.iter().map(line).collect::<Vec<_>>(), lines);
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&bytes).is_none(), "bit {bit} went unseen");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }

    /// Each has a sound checksum, and is none.
    #[test]
    fn a_frame_says_its_length_and_nothing_beyond_it() {
        let of = |count: usize, header: &Header| {
            let mut frame = Frame::default();
            frame.clear();
            (0..count).for_each(|_| frame.push(&[7; 8]));
            frame.seal(header);
            frame
        };
        let lines = |lines| Header { lines, ..Header::default() };
        let max = FRAME_LINES_MAX;
        let most = u32::try_from(max).unwrap();
        for (count, says, sound) in [
            (1, 1, true),
            (max, most, true),
            (0, 0, false),
            (max + 1, most + 1, false),
            (2, 1, false),
            (1, 2, false),
        ] {
            let frame = of(count, &lines(says));
            assert_eq!(open(frame.bytes()).is_some(), sound, "{count} lines, {says} said");
        }
        let sealed = |at: usize, word: u64| {
            let mut bytes = of(1, &lines(1)).bytes().to_vec();
            bytes[at * 8..][..8].copy_from_slice(&word.to_le_bytes());
            bytes[56..64].fill(0);
            let crc = u64::from(crc32c::crc32c(&bytes));
            bytes[56..64].copy_from_slice(&crc.to_le_bytes());
            bytes
        };
        let magic = u64::from(MAGIC);
        assert!(open(&sealed(0, magic | 1 << 32)).is_some(), "as it is");
        for (at, word) in [(0, magic | 2 << 32), (0, magic), (0, 1 << 32), (6, 1)] {
            assert!(open(&sealed(at, word)).is_none(), "word {at} is {word:x}");
        }
        let mut longer = of(1, &lines(1));
        longer.bytes.extend([0; 8]);
        longer.seal(&lines(1));
        assert!(open(longer.bytes()).is_none(), "bytes beyond the last line");
        let mut shorter = of(3, &lines(3));
        shorter.truncate(2);
        shorter.seal(&lines(2));
        assert_eq!(open(shorter.bytes()).unwrap().2.len(), 2);
    }
}
