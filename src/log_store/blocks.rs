//! How are frames read and bytes written? What all who touch log files share.
//!
//! Never knows who owns the log.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::ops::ControlFlow;

use crate::error::StorageError;
use crate::file_system::{FileHandle, FileSystem};
use crate::limits::BLOCK_BYTES;
use crate::log_store::Position;
use crate::log_store::recovery::{Found, damaged};
use crate::log_store::segment::{BLOCK_HEADER, Kind, read_block};
use crate::planted::planted;

/// Bytes between two syncs of what is not the log: its own sync waits behind whatever the disk has
/// been given.
pub(super) const SYNC_EVERY: u64 = 1 << 20;

/// Visits frames in order, each from the newest file that has it.
pub(super) fn read_files<F: FileSystem>(
    fs: &F,
    files: &[Found],
    from: Position,
    upto: Position,
    visit: &mut dyn FnMut(Position, &[u8]) -> ControlFlow<()>,
) -> Result<(), StorageError> {
    let mut want = from;
    let mut buffer = Vec::new();
    for (n, found) in files.iter().enumerate() {
        let limit = files.get(n + 1).map_or(found.next, |next| next.header.first.min(found.next));
        if want < found.header.first || want >= limit {
            continue;
        }
        let io = |error| StorageError::io("read", &found.path, error);
        let file = fs.open(&found.path, false).map_err(io)?;
        let at = found.index.partition_point(|(position, _)| *position <= want);
        let start = at.checked_sub(1).and_then(|at| found.index.get(at));
        let mut offset = start.map_or(BLOCK_BYTES as u64, |(_, offset)| *offset);
        while want < limit && want <= upto {
            let block = read_block(&file, offset, found.header.salt, None, &mut buffer);
            let Some((block, _)) = block.map_err(io)? else {
                return Err(damaged(&found.path, offset, want, "a block is damaged"));
            };
            if block.position > want {
                return Err(damaged(&found.path, offset, want, "a block is in another's place"));
            }
            offset += block.size();
            if block.kind != Kind::Frame || block.position < want {
                continue;
            }
            let end = BLOCK_HEADER + block.length as usize;
            let frame = buffer.get(BLOCK_HEADER..end).unwrap_or(&[]);
            if visit(want, frame).is_break() {
                return Ok(());
            }
            want += 1;
        }
    }
    if want <= upto {
        let path = files.last().map(|found| found.path.clone()).unwrap_or_default();
        return Err(damaged(&path, 0, want, "a frame is missing"));
    }
    Ok(())
}

/// Fills the buffer, going on after a short or interrupted read; answers with how many bytes there
/// were, fewer only at the end of the file.
pub(super) fn read_all(
    file: &impl FileHandle,
    offset: u64,
    buffer: &mut [u8],
) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(offset + done as u64, rest) {
            Ok(0) => break,
            Ok(more) => done += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Writes all of it, going on after a short or interrupted write.
pub(super) fn write_all(file: &impl FileHandle, offset: u64, bytes: &[u8]) -> io::Result<()> {
    let mut done = 0;
    while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
        match file.write_at(offset + done as u64, rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(more) => done += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Adds whole lines at the end of a text. A line that a crash cut short is ended first, or the
/// next one would be glued to it and be lost with it.
pub(super) fn add_lines(file: &impl FileHandle, lines: &[u8]) -> io::Result<()> {
    let length = file.len()?;
    let mut last = *b"\n";
    read_all(file, length.saturating_sub(1), &mut last)?;
    let end: &[u8] = if last == *b"\n" { b"" } else { b"\n" };
    write_all(file, length, &[end, lines].concat())
}

pub(super) fn block_bytes(frame: usize) -> u64 {
    ((BLOCK_HEADER + frame) as u64).next_multiple_of(BLOCK_BYTES as u64)
}

pub(super) fn is_full(error: &StorageError) -> bool {
    let StorageError::Io { source, .. } = error else {
        return false;
    };
    matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// A number no earlier use of the file had: from the system's randomness, or, in a simulation,
/// from its seed and the file's number, which rises with every use.
pub(super) fn fresh_salt(seed: Option<u64>, number: u64) -> u64 {
    let system = || RandomState::new().build_hasher().finish();
    // The finaliser of splitmix64 (Steele, Lea, Flood 2014).
    let mix = |seed: u64| {
        let a = seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let b = (a ^ (a >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let c = (b ^ (b >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        c ^ (c >> 31)
    };
    if planted("no_salt") { 1 } else { seed.map_or_else(system, mix) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::file_system::SimFileSystem;

    /// A kill had cut a line of the archive; the first line of the next life went with it.
    #[test]
    fn a_line_that_was_cut_takes_no_other_with_it() {
        let fs = SimFileSystem::new();
        let file = fs.open(Path::new("lines"), true).unwrap();
        for lines in [&b"one\n"[..], b"two\nthr", b"three\n", b"four\n"] {
            add_lines(&file, lines).unwrap();
        }
        let text = fs.with_bytes(Path::new("lines"), |bytes| bytes.clone()).unwrap();
        assert_eq!(text, b"one\ntwo\nthr\nthree\nfour\n");
    }
}
