//! Whose directory is this? Its format, and the number that rises with every open.
//!
//! Never holds anything that the log could say.

use std::path::Path;

use crate::error::StorageError;
use crate::file_system::{FileHandle, FileSystem};
use crate::log_store::blocks::write_all;
use crate::log_store::recovery::damaged;
use crate::log_store::segment::{FORMAT, unwords, words};
use crate::planted::planted;

const MAGIC: u32 = u32::from_le_bytes(*b"cupM");
const BYTES: usize = 24;

/// The number of the last open; 0 in a new directory.
pub(super) fn read<F: FileSystem>(fs: &F, directory: &Path) -> Result<u64, StorageError> {
    let path = directory.join("manifest");
    let io = |error| StorageError::io("read", &path, error);
    let names = fs.list(directory).map_err(io)?;
    if !names.iter().any(|name| name == "manifest") {
        return Ok(0);
    }
    let file = fs.open(&path, false).map_err(io)?;
    let mut bytes = [0; BYTES];
    file.read_at(0, &mut bytes).map_err(io)?;
    let [magic, incarnation, crc] = unwords(&bytes);
    let sum = bytes.get(..16).map_or(0, crc32c::crc32c);
    if u64::from(sum) != crc
        || incarnation == u64::MAX
        || magic & u64::from(u32::MAX) != u64::from(MAGIC)
    {
        return Err(damaged(&path, 0, 0, "the manifest is damaged"));
    }
    let found = u32::try_from(magic >> 32).unwrap_or(u32::MAX);
    if found > FORMAT {
        return Err(StorageError::TooNew { path, found, known: FORMAT });
    }
    Ok(incarnation)
}

/// Raises the number, durably, and answers with it.
pub(super) fn raise<F: FileSystem>(fs: &F, directory: &Path) -> Result<u64, StorageError> {
    let before = read(fs, directory)?;
    let incarnation = if planted("same_epoch_again") { before.max(1) } else { before + 1 };
    let (tmp, path) = (directory.join("tmp-manifest"), directory.join("manifest"));
    let io = |error| StorageError::io("write", &path, error);
    let mut bytes = words(&[u64::from(MAGIC) | u64::from(FORMAT) << 32, incarnation]);
    bytes.extend(u64::from(crc32c::crc32c(&bytes)).to_le_bytes());
    let file = fs.open(&tmp, true).map_err(io)?;
    write_all(&file, 0, &bytes).map_err(io)?;
    file.sync_all().map_err(io)?;
    fs.rename(&tmp, &path).map_err(io)?;
    fs.sync_directory(directory).map_err(io)?;
    Ok(incarnation)
}
