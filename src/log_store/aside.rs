//! What is kept for people to look at? Torn tails, and the lines of the archive.
//!
//! Never read back by the store.

use std::path::Path;

use crate::error::StorageError;
use crate::file_system::{FileHandle, FileSystem};
use crate::log_store::blocks::{add_lines, is_full, read_all, write_all};

/// The most of a torn tail that is kept.
const KEEP: u64 = 1 << 20;

/// Saves what had been begun and never acknowledged. A full disk does not hinder a recovery: then
/// nothing is saved.
pub(super) fn torn_tail<F: FileSystem>(
    fs: &F,
    directory: &Path,
    path: &Path,
    offset: u64,
) -> Result<(), StorageError> {
    let io = |error| StorageError::io("set aside the tail of", path, error);
    let file = fs.open(path, false).map_err(io)?;
    let rest = file.len().map_err(io)?.saturating_sub(offset).min(KEEP);
    let mut bytes = vec![0; usize::try_from(rest).unwrap_or(0)];
    let read = read_all(&file, offset, &mut bytes).map_err(io)?;
    bytes.truncate(read);
    // The rest of the file is zeros: nothing to look at.
    bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let aside = directory.join(format!("torn-{name}-{offset}"));
    let saved = fs
        .open(&aside, true)
        .and_then(|file| write_all(&file, 0, &bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs.sync_directory(directory))
        .map_err(io);
    match saved {
        Err(error) if is_full(&error) => {
            // Nobody needs half of it; if it cannot be removed, it does no harm.
            let _ = fs.remove(&aside);
            Ok(())
        }
        other => other,
    }
}

/// Adds lines to the archive, durably.
pub(super) fn archive<F: FileSystem>(
    fs: &F,
    directory: &Path,
    name: &str,
    lines: &[u8],
) -> Result<(), StorageError> {
    let path = directory.join(format!("{name}.jsonl"));
    let io = |error| StorageError::io("archive to", &path, error);
    fs.create_directory(directory).map_err(io)?;
    let file = fs.open(&path, true).map_err(io)?;
    let added = add_lines(&file, lines).and_then(|()| file.sync_all());
    added.and_then(|()| fs.sync_directory(directory)).map_err(io)
}
