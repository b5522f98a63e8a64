//! What does a bad block mean? The decision table, and the scan that applies it.
//!
//! Never changes a file.

use std::path::{Path, PathBuf};

use crate::error::StorageError;
use crate::file_system::{FileHandle, FileSystem};
use crate::limits::BLOCK_BYTES;
use crate::log_store::Position;
use crate::log_store::blocks::read_all;
use crate::log_store::manifest::Said;
use crate::log_store::segment::{
    BLOCK_HEADER, BadHeader, Block, FORMAT, FileHeader, Kind, read_block,
};
use crate::planted::planted;

/// What is known at one place of the log where a block is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the columns of the table")]
struct Sight {
    /// A newer file begins at or before the expected frame.
    superseded: bool,
    /// The block is whole, of this use of the file, and follows the one before.
    valid: bool,
    /// The expected frame was synced: some block, or a snapshot, says so.
    proven: bool,
    /// This is the newest file.
    newest: bool,
}

/// What to do there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    /// Take the block and go on.
    Accept,
    /// Go on in the next file.
    Follow,
    /// The log ends here; what follows was never acknowledged.
    End,
    /// Acknowledged data is damaged.
    Refuse,
}

struct Row {
    superseded: Option<bool>,
    valid: Option<bool>,
    proven: Option<bool>,
    newest: Option<bool>,
    decision: Decision,
}

/// Every combination of what can be seen matches exactly one row; a test walks them all.
const TABLE: [Row; 5] = [
    // The rest of this file was copied to the next one by a recovery.
    row(Some(true), None, None, None, Decision::Follow),
    row(Some(false), Some(true), None, None, Decision::Accept),
    // Rot, a lost sector, a misdirected write in what was acknowledged.
    row(Some(false), Some(false), Some(true), None, Decision::Refuse),
    // Torn, or simply not written yet.
    row(Some(false), Some(false), Some(false), Some(true), Decision::End),
    // A newer file exists, so this one had been filled and synced.
    row(Some(false), Some(false), Some(false), Some(false), Decision::Refuse),
];

const fn row(
    superseded: Option<bool>,
    valid: Option<bool>,
    proven: Option<bool>,
    newest: Option<bool>,
    decision: Decision,
) -> Row {
    Row { superseded, valid, proven, newest, decision }
}

impl Row {
    fn matches(&self, sight: Sight) -> bool {
        let fits = |want: Option<bool>, is: bool| want.is_none_or(|want| want == is);
        fits(self.superseded, sight.superseded)
            && fits(self.valid, sight.valid)
            && fits(self.proven, sight.proven)
            && fits(self.newest, sight.newest)
    }
}

fn decide(sight: Sight) -> Decision {
    TABLE.iter().find(|row| row.matches(sight)).map_or(Decision::Refuse, |row| row.decision)
}

/// One log file as found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) header: FileHeader,
    /// Where each so-manieth frame begins.
    pub(super) index: Vec<(Position, u64)>,
    /// The frame after the last one taken from this file.
    pub(super) next: Position,
    /// Where its last block ends.
    pub(super) end: u64,
}

/// What a scan of all files found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) files: Vec<Found>,
    pub(super) last: Position,
    /// Everything up to here was synced.
    pub(super) proven: Position,
    pub(super) clean: bool,
    /// Blocks read.
    pub(super) blocks: u64,
    /// A tail that was begun and never acknowledged: file, offset.
    pub(super) torn: Option<(PathBuf, u64)>,
}

/// Bytes looked through at a time.
const CHUNK: usize = 16 * BLOCK_BYTES;

/// Frames between two entries of a file's index.
pub(super) const INDEX_STEP: u64 = 32;

/// Reads every block of every file, and applies the table to them in order.
pub(super) fn scan<F: FileSystem>(
    fs: &F,
    directory: &Path,
    snapshot: Position,
    said: Said,
) -> Result<Scan, StorageError> {
    let files = headers(fs, directory)?;
    if files.last().map_or(0, |(_, header)| header.number) < said.number {
        let path = directory.join(name_of(said.number));
        return Err(damaged(&path, 0, said.synced, "the newest log file is missing"));
    }
    let said = if planted("nothing_is_proven") { 0 } else { said.synced };
    let mut scan = Scan { proven: snapshot.max(said), last: 0, ..Scan::default() };
    let mut blocks = Vec::new();
    for (path, header) in &files {
        let io = |error| StorageError::io("read", path, error);
        let whole = whole_blocks(fs, path, header).map_err(io)?;
        // What a file's predecessors held was synced before the file was begun.
        scan.proven = scan.proven.max(header.first - 1);
        if !planted("nothing_is_proven") {
            let synced = whole.iter().map(|(_, block, _)| block.synced_upto);
            scan.proven = scan.proven.max(synced.max().unwrap_or(0));
        }
        blocks.push(whole);
    }
    let Some((path, first)) = files.first() else {
        return Ok(scan);
    };
    if first.first > snapshot + 1 {
        let what = "the frames between the newest snapshot and this file are missing";
        return Err(damaged(path, 0, snapshot + 1, what));
    }
    scan.last = first.first - 1;
    for (n, ((path, header), whole)) in files.iter().zip(&blocks).enumerate() {
        let next = files.get(n + 1).map(|(_, header)| header.first);
        if header.first > scan.last + 1 {
            let what = "frames before this file are missing";
            return Err(damaged(path, 0, scan.last + 1, what));
        }
        scan.last = header.first - 1;
        scan_file(fs, (path, header, whole), next, &mut scan)?;
    }
    if scan.last < scan.proven {
        let (path, _) = files.last().cloned().unwrap_or_default();
        let what = "the log ends before what is known to have been synced";
        return Err(damaged(&path, 0, scan.last + 1, what));
    }
    Ok(scan)
}

fn scan_file<F: FileSystem>(
    fs: &F,
    (path, header, whole): (&Path, &FileHeader, &[Whole]),
    next_file: Option<Position>,
    scan: &mut Scan,
) -> Result<(), StorageError> {
    let io = |error| StorageError::io("read", path, error);
    let file = fs.open(path, false).map_err(io)?;
    let mut found = Found {
        path: path.to_path_buf(),
        header: *header,
        index: Vec::new(),
        next: header.first,
        end: BLOCK_BYTES as u64,
    };
    let mut buffer = Vec::new();
    let mut previous = 0;
    scan.clean = false;
    loop {
        let seen = whole.binary_search_by_key(&found.end, |(offset, ..)| *offset).ok();
        let seen = seen.and_then(|seen| whole.get(seen)).map(|(_, block, crc)| (*block, *crc));
        let block = match seen.filter(|(block, _)| block.previous == previous) {
            Some(seen) => Some(seen),
            // Looked at once more: a running engine may have written it meanwhile.
            None => read_block(&file, found.end, header.salt, Some(previous), &mut buffer)
                .map_err(io)?,
        };
        let block = block.filter(|(block, _)| match block.kind {
            Kind::Frame => block.position == found.next,
            Kind::Marker | Kind::Closing => block.position == found.next - 1,
        });
        let sight = Sight {
            superseded: next_file.is_some_and(|first| first <= found.next),
            valid: block.is_some(),
            proven: found.next <= scan.proven,
            newest: next_file.is_none(),
        };
        match (decide(sight), block) {
            (Decision::Accept, Some((block, crc))) => {
                if block.kind == Kind::Frame {
                    if (found.next - header.first).is_multiple_of(INDEX_STEP) {
                        found.index.push((found.next, found.end));
                    }
                    found.next += 1;
                }
                scan.clean = block.kind == Kind::Closing;
                previous = crc;
                found.end += block.size();
                scan.blocks += 1;
            }
            (Decision::End, _) => {
                let begun = fs_has_salt(&file, found.end, header.salt, &mut buffer).map_err(io)?;
                scan.torn = begun.then(|| (found.path.clone(), found.end));
                break;
            }
            (Decision::Follow, _) => break,
            (Decision::Refuse | Decision::Accept, _) => {
                let what = "a block that was acknowledged is damaged";
                return Err(damaged(path, found.end, found.next, what));
            }
        }
    }
    scan.last = found.next - 1;
    scan.files.push(found);
    Ok(())
}

fn fs_has_salt(
    file: &impl FileHandle,
    offset: u64,
    salt: u64,
    buffer: &mut Vec<u8>,
) -> std::io::Result<bool> {
    buffer.resize(BLOCK_HEADER, 0);
    let read = read_all(file, offset, buffer)?;
    Ok(read == BLOCK_HEADER && has_salt(buffer, salt))
}

fn has_salt(block: &[u8], salt: u64) -> bool {
    let word = block.get(8..16).and_then(|bytes| bytes.first_chunk::<8>());
    word.is_some_and(|word| u64::from_le_bytes(*word) == salt)
}

/// The name of the log file with this number.
pub(super) fn name_of(number: u64) -> String {
    format!("log-{number:016x}")
}

/// The log files in order of their numbers, with sound headers and full length.
pub(super) fn headers<F: FileSystem>(
    fs: &F,
    directory: &Path,
) -> Result<Vec<(PathBuf, FileHeader)>, StorageError> {
    let io = |error| StorageError::io("list", directory, error);
    let mut names = fs.list(directory).map_err(io)?;
    names.retain(|name| name.starts_with("log-"));
    names.sort_unstable();
    let mut files = Vec::new();
    for name in names {
        let path = directory.join(&name);
        let io = |error| StorageError::io("read", &path, error);
        let file = fs.open(&path, false).map_err(io)?;
        file.drop_cache();
        let mut bytes = vec![0; BLOCK_BYTES];
        read_all(&file, 0, &mut bytes).map_err(io)?;
        let header = match FileHeader::from_bytes(&bytes) {
            Ok(header) => header,
            Err(BadHeader::TooNew(found)) => {
                return Err(StorageError::TooNew { path, found, known: FORMAT });
            }
            Err(BadHeader::Damaged) => {
                return Err(damaged(&path, 0, 0, "the header of the file is damaged"));
            }
        };
        // The next file is named after the newest number: it must never replace a file.
        if name != name_of(header.number) {
            return Err(damaged(&path, 0, header.first, "the file has the name of another"));
        }
        if file.len().map_err(io)? < header.length {
            return Err(damaged(&path, header.length, header.first, "the file is too short"));
        }
        files.push((path, header));
    }
    Ok(files)
}

/// A block that is whole by itself: where it is, what it says, its checksum.
type Whole = (u64, Block, u32);

/// Every whole block of a file, in order. Looked for at every block boundary, so that damage in
/// the middle hides nothing behind it.
fn whole_blocks<F: FileSystem>(
    fs: &F,
    path: &Path,
    header: &FileHeader,
) -> std::io::Result<Vec<Whole>> {
    let file = fs.open(path, false)?;
    let (mut whole, mut buffer) = (Vec::new(), Vec::new());
    let mut offset = BLOCK_BYTES as u64;
    while offset < header.length {
        if let Some((block, crc)) = read_block(&file, offset, header.salt, None, &mut buffer)? {
            whole.push((offset, block, crc));
            offset += block.size();
        } else {
            offset = next_with_salt(&file, offset + BLOCK_BYTES as u64, header, &mut buffer)?;
        }
    }
    Ok(whole)
}

/// The first place from `offset` on where a block of this use of the file may begin; however long
/// a gap is, something may stand behind it.
fn next_with_salt(
    file: &impl FileHandle,
    mut offset: u64,
    header: &FileHeader,
    buffer: &mut Vec<u8>,
) -> std::io::Result<u64> {
    while offset < header.length {
        buffer.resize(CHUNK, 0);
        let count = read_all(file, offset, buffer)?;
        let blocks = (offset..header.length).step_by(BLOCK_BYTES);
        let mut blocks = blocks.zip(buffer.chunks(BLOCK_BYTES).take(count.div_ceil(BLOCK_BYTES)));
        if let Some((at, _)) = blocks.find(|(_, block)| has_salt(block, header.salt)) {
            return Ok(at);
        }
        offset += CHUNK as u64;
    }
    Ok(offset)
}

pub(super) fn damaged(
    path: &Path,
    offset: u64,
    position: Position,
    what: &'static str,
) -> StorageError {
    StorageError::Damaged { path: path.to_path_buf(), offset, position, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_of_damage_matches_exactly_one_row() {
        for bits in 0..16_u8 {
            let bit = |n: u8| bits & (1 << n) != 0;
            let sight = Sight { superseded: bit(0), valid: bit(1), proven: bit(2), newest: bit(3) };
            let rows = TABLE.iter().filter(|row| row.matches(sight)).count();
            assert_eq!(rows, 1, "{sight:?}");
        }
    }
}
