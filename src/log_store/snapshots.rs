//! How is a snapshot kept? Whole or not at all, under the hash of its bytes.
//!
//! Never looks inside one.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::error::StorageError;
use crate::file_system::{FileHandle, FileSystem};
use crate::log_store::blocks::{SYNC_EVERY, read_all, write_all};
use crate::log_store::recovery::damaged;
use crate::log_store::{POSITION_MAX, Position, SnapshotName};
use crate::planted::planted;

/// Bytes written at a time.
const CHUNK: usize = 64 << 10;

fn path_of(directory: &Path, name: SnapshotName) -> PathBuf {
    directory.join(format!("snapshot-{:016x}-{:08x}", name.position, name.hash))
}

/// The snapshots, newest first.
pub(super) fn list<F: FileSystem>(
    fs: &F,
    directory: &Path,
) -> Result<Vec<SnapshotName>, StorageError> {
    let io = |error| StorageError::io("list", directory, error);
    let mut names: Vec<SnapshotName> = fs
        .list(directory)
        .map_err(io)?
        .iter()
        .filter_map(|name| {
            let (position, hash) = name.strip_prefix("snapshot-")?.split_once('-')?;
            let position = Position::from_str_radix(position, 16).ok()?;
            let position = Some(position).filter(|position| *position <= POSITION_MAX)?;
            Some(SnapshotName { position, hash: u32::from_str_radix(hash, 16).ok()? })
        })
        .collect();
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names)
}

/// The position of the newest one; 0 if there is none.
pub(super) fn newest<F: FileSystem>(fs: &F, directory: &Path) -> Result<Position, StorageError> {
    Ok(list(fs, directory)?.first().map_or(0, |name| name.position))
}

struct Out<'a, H: FileHandle> {
    file: &'a H,
    offset: u64,
    synced: u64,
    hash: u32,
}

impl<H: FileHandle> Write for Out<'_, H> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write_all(self.file, self.offset, bytes)?;
        self.hash = crc32c::crc32c_append(self.hash, bytes);
        self.offset += bytes.len() as u64;
        if self.offset - self.synced >= SYNC_EVERY {
            self.file.sync_data()?;
            self.synced = self.offset;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct In<'a, H: FileHandle> {
    file: &'a H,
    offset: u64,
    hash: u32,
}

impl<H: FileHandle> Read for In<'_, H> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = read_all(self.file, self.offset, buffer)?;
        let read = buffer.get(..count).unwrap_or(&[]);
        self.hash = crc32c::crc32c_append(self.hash, read);
        self.offset += count as u64;
        Ok(count)
    }
}

/// Writes a snapshot, reads it back past the cache, and gives it its name.
pub(super) fn put<F: FileSystem>(
    fs: &F,
    directory: &Path,
    position: Position,
    fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    before_name: impl FnOnce() -> Result<(), StorageError>,
) -> Result<SnapshotName, StorageError> {
    let tmp = directory.join("tmp-snapshot");
    let put = write(fs, directory, &tmp, position, fill, before_name);
    if put.is_err() {
        // On a full disk it would take the room that is missing; `tidy` removes it otherwise.
        let _ = fs.remove(&tmp);
    }
    put
}

fn write<F: FileSystem>(
    fs: &F,
    directory: &Path,
    tmp: &Path,
    position: Position,
    fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    before_name: impl FnOnce() -> Result<(), StorageError>,
) -> Result<SnapshotName, StorageError> {
    let io = |error| StorageError::io("write", tmp, error);
    let file = fs.open(tmp, true).map_err(io)?;
    file.set_len(0).map_err(io)?;
    let mut out = Out { file: &file, offset: 0, synced: 0, hash: 0 };
    let mut buffered = io::BufWriter::with_capacity(CHUNK, &mut out);
    fill(&mut buffered).and_then(|()| buffered.flush()).map_err(io)?;
    drop(buffered);
    let hash = out.hash;
    if !planted("snapshot_without_sync") {
        file.sync_all().map_err(io)?;
    }
    file.drop_cache();
    let mut input = In { file: &file, offset: 0, hash: 0 };
    io::copy(&mut input, &mut io::sink()).map_err(io)?;
    if input.hash != hash {
        return Err(damaged(tmp, 0, position, "the snapshot reads back differently"));
    }
    before_name()?;
    let name = SnapshotName { position, hash };
    fs.rename(tmp, &path_of(directory, name)).map_err(io)?;
    fs.sync_directory(directory).map_err(io)?;
    Ok(name)
}

/// Reads a snapshot and checks its hash.
pub(super) fn get<F: FileSystem>(
    fs: &F,
    directory: &Path,
    name: SnapshotName,
    read: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
) -> Result<(), StorageError> {
    let path = path_of(directory, name);
    let io = |error| StorageError::io("read", &path, error);
    let file = fs.open(&path, false).map_err(io)?;
    file.drop_cache();
    let mut input = In { file: &file, offset: 0, hash: 0 };
    read(&mut input).map_err(io)?;
    io::copy(&mut input, &mut io::sink()).map_err(io)?;
    if input.hash == name.hash || planted("trust_every_snapshot") {
        Ok(())
    } else {
        Err(damaged(&path, 0, name.position, "the snapshot does not have its hash"))
    }
}

pub(super) fn remove<F: FileSystem>(
    fs: &F,
    directory: &Path,
    name: SnapshotName,
) -> Result<(), StorageError> {
    let path = path_of(directory, name);
    fs.remove(&path).map_err(|error| StorageError::io("remove", &path, error))
}
