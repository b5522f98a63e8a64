//! What stands in a log file? A header, and blocks of 4 KiB that each hold one frame or a marker.
//!
//! Never decides what a bad block means: that is the recovery table.

use std::io;

use crate::file_system::FileHandle;
use crate::limits::BLOCK_BYTES;
use crate::log_store::blocks::read_all;
use crate::log_store::{POSITION_MAX, Position};
use crate::planted::planted;

/// Bytes of a block's own header.
pub(super) const BLOCK_HEADER: usize = 64;
/// The newest format of files this version writes and reads.
pub(crate) const FORMAT: u32 = 1;
const FILE_MAGIC: u32 = u32::from_le_bytes(*b"cupS");
const BLOCK_MAGIC: u32 = u32::from_le_bytes(*b"cupB");
/// The longest frame that a block can say.
const FRAME_BYTES_MAX: usize = 2 << 20;

/// What the first block of a log file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FileHeader {
    /// Drawn for each use of the file, so that blocks of an earlier use are never taken for new.
    pub(super) salt: u64,
    pub(super) number: u64,
    pub(super) epoch: u64,
    /// The first frame here; it and all after it replace any of the same number in older files.
    pub(super) first: Position,
    /// The length of the file.
    pub(super) length: u64,
}

/// Why a file header cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadHeader {
    TooNew(u32),
    Damaged,
}

impl FileHeader {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let magic = u64::from(FILE_MAGIC) | u64::from(FORMAT) << 32;
        let Self { salt, number, epoch, first, length } = self;
        let mut bytes = words(&[magic, salt, number, epoch, first, length]);
        let crc = crc32c::crc32c(&bytes);
        bytes.extend(u64::from(crc).to_le_bytes());
        bytes.resize(BLOCK_BYTES, 0);
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, BadHeader> {
        let (body, rest) = bytes.split_at_checked(48).ok_or(BadHeader::Damaged)?;
        let [magic, salt, number, epoch, first, length] = unwords(body);
        let [crc] = unwords(rest.get(..8).ok_or(BadHeader::Damaged)?);
        if u64::from(crc32c::crc32c(body)) != crc
            || magic & u64::from(u32::MAX) != u64::from(FILE_MAGIC)
        {
            return Err(BadHeader::Damaged);
        }
        let format = u32::try_from(magic >> 32).unwrap_or(u32::MAX);
        if format > FORMAT {
            return Err(BadHeader::TooNew(format));
        }
        // Numbers that no log can reach are damage that met its checksum.
        if first == 0 || first > POSITION_MAX || number > POSITION_MAX {
            return Err(BadHeader::Damaged);
        }
        Ok(Self { salt, number, epoch, first, length })
    }
}

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Frame = 0,
    /// Only says how far the log is synced.
    Marker = 1,
    /// The same, written on close.
    Closing = 2,
}

/// The header of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) kind: Kind,
    pub(super) salt: u64,
    /// Of the frame; of a marker, the last frame before it.
    pub(super) position: Position,
    /// Bytes of the frame.
    pub(super) length: u32,
    /// Everything up to this frame was synced when the block was written.
    pub(super) synced_upto: Position,
    /// The checksum of the block before it in this file.
    pub(super) previous: u32,
}

impl Block {
    /// Appends the whole block, padded, to `out`; answers with its checksum.
    pub(super) fn write(&self, frame: &[u8], out: &mut Vec<u8>) -> u32 {
        let start = out.len();
        let head = words(&[
            u64::from(BLOCK_MAGIC) | (self.kind as u64) << 32,
            self.salt,
            self.position,
            u64::from(self.length) | u64::from(self.previous) << 32,
            self.synced_upto,
            0,
            0,
        ]);
        let crc = crc32c::crc32c_append(crc32c::crc32c(&head), frame);
        out.extend_from_slice(&head);
        out.extend_from_slice(&u64::from(crc).to_le_bytes());
        out.extend_from_slice(frame);
        let padded = (out.len() - start).next_multiple_of(BLOCK_BYTES);
        out.resize(start + padded, 0);
        crc
    }

    /// Reads the header only; it is not proven until the checksum is.
    pub(super) fn peek(bytes: &[u8]) -> Option<(Self, u32)> {
        let [magic, salt, position, counts, synced_upto, zero, also, crc] =
            unwords(bytes.get(..BLOCK_HEADER)?);
        let kind = match magic >> 32 {
            0 => Kind::Frame,
            1 => Kind::Marker,
            2 => Kind::Closing,
            _ => return None,
        };
        let length = u32::try_from(counts & u64::from(u32::MAX)).ok()?;
        let sound = magic & u64::from(u32::MAX) == u64::from(BLOCK_MAGIC)
            && (zero, also) == (0, 0)
            && length as usize <= FRAME_BYTES_MAX;
        let previous = u32::try_from(counts >> 32).ok()?;
        let block = Self { kind, salt, position, length, synced_upto, previous };
        sound.then_some((block, u32::try_from(crc).ok()?))
    }

    /// Bytes in the file, padding included.
    pub(super) fn size(&self) -> u64 {
        (BLOCK_HEADER as u64 + u64::from(self.length)).next_multiple_of(BLOCK_BYTES as u64)
    }
}

/// Reads the block at `offset` into `buffer` (its frame starts after [`BLOCK_HEADER`] bytes) if it
/// is whole, of this use of the file, and follows the block with that checksum.
pub(super) fn read_block(
    file: &impl FileHandle,
    offset: u64,
    salt: u64,
    previous: Option<u32>,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<(Block, u32)>> {
    buffer.resize(BLOCK_BYTES, 0);
    if read_all(file, offset, buffer)? < BLOCK_BYTES {
        return Ok(None);
    }
    let Some((block, crc)) = Block::peek(buffer) else {
        return Ok(None);
    };
    if block.salt != salt || previous.is_some_and(|previous| previous != block.previous) {
        return Ok(None);
    }
    let size = usize::try_from(block.size()).unwrap_or(usize::MAX);
    buffer.resize(size, 0);
    if let Some(rest) = buffer.get_mut(BLOCK_BYTES..)
        && read_all(file, offset + BLOCK_BYTES as u64, rest)? < rest.len()
    {
        return Ok(None);
    }
    let end = BLOCK_HEADER + block.length as usize;
    let (head, rest) = buffer.split_at(BLOCK_HEADER);
    let frame = rest.get(..end - BLOCK_HEADER).unwrap_or(&[]);
    let found = crc32c::crc32c(head.get(..BLOCK_HEADER - 8).unwrap_or(&[]));
    let padding_clear = is_clear(rest.get(frame.len()..).unwrap_or(&[]));
    let whole = (crc32c::crc32c_append(found, frame) == crc || planted("trust_every_block"))
        && padding_clear;
    Ok(whole.then_some((block, crc)))
}

/// Whether all bytes are zero. Looks at all of them: that is many at a time.
pub(super) fn is_clear(bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |sum, byte| sum | byte) == 0
}

pub(super) fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

pub(super) fn unwords<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}
