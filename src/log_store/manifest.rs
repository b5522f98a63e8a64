//! Whose directory is this, and how far had it come? What is known beside the log, so that a lost
//! file or a tail of zeros is told from a log that ends there.
//!
//! Never ahead of the log: it says only what was synced before.

use std::path::Path;

use crate::error::StorageError;
use crate::file_system::{FileHandle, FileSystem};
use crate::limits::BLOCK_BYTES;
use crate::log_store::blocks::{read_all, write_all};
use crate::log_store::recovery::damaged;
use crate::log_store::segment::{FORMAT, is_clear, unwords, words};
use crate::log_store::{POSITION_MAX, Position};
use crate::planted::planted;

const MAGIC: u32 = u32::from_le_bytes(*b"cupM");
/// Two blocks, written in turn: the one before is whole whatever becomes of the last write.
const SLOTS: u64 = 2;
/// How often a reader beside the owner looks again before it calls a slot damaged.
const LOOKS: u32 = 3;

/// What it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Rises with every write.
    turn: u64,
    /// The number of the last open; 0 in a new directory.
    pub(super) incarnation: u64,
    /// A log file of this number has been there.
    pub(super) number: u64,
    /// Everything up to here was synced.
    pub(super) synced: Position,
}

impl Said {
    fn to_bytes(self) -> Vec<u8> {
        let head = u64::from(MAGIC) | u64::from(FORMAT) << 32;
        let mut bytes = words(&[head, self.turn, self.incarnation, self.number, self.synced]);
        bytes.extend(u64::from(crc32c::crc32c(&bytes)).to_le_bytes());
        bytes.resize(BLOCK_BYTES, 0);
        bytes
    }

    /// The slot, or the format that wrote it if that is newer; `None` if it is damaged.
    fn from_bytes(bytes: &[u8]) -> Option<Result<Self, u32>> {
        let [head, turn, incarnation, number, synced, crc] = unwords(bytes);
        let clear = is_clear(bytes.get(48..)?);
        let sum = u64::from(crc32c::crc32c(bytes.get(..40)?));
        // Numbers that nothing can reach are damage that met its checksum.
        let far = turn.max(incarnation).max(number).max(synced) > POSITION_MAX;
        if sum != crc || head & u64::from(u32::MAX) != u64::from(MAGIC) || !clear || far {
            return None;
        }
        let format = u32::try_from(head >> 32).ok()?;
        let said = Self { turn, incarnation, number, synced };
        Some(if format > FORMAT { Err(format) } else { Ok(said) })
    }
}

/// The manifest of the owner.
#[derive(Debug)]
pub(super) struct Manifest<H: FileHandle> {
    file: H,
    said: Said,
}

/// What the manifest says; `None` in a new directory.
pub(super) fn read<F: FileSystem>(fs: &F, directory: &Path) -> Result<Option<Said>, StorageError> {
    let path = directory.join("manifest");
    let io = |error| StorageError::io("read", &path, error);
    let names = fs.list(directory).map_err(io)?;
    if !names.iter().any(|name| name == "manifest") {
        if names.iter().any(|name| name.starts_with("log-") || name.starts_with("snapshot-")) {
            return Err(damaged(&path, 0, 0, "the manifest is missing"));
        }
        return Ok(None);
    }
    let file = fs.open(&path, false).map_err(io)?;
    file.drop_cache();
    let mut newest = Said::default();
    for slot in 0..SLOTS {
        let said = read_slot(&file, &path, slot)?;
        if said.turn % SLOTS != slot {
            return Err(damaged(&path, slot * BLOCK_BYTES as u64, 0, "the manifest is misplaced"));
        }
        newest = if said.turn > newest.turn { said } else { newest };
    }
    Ok(Some(newest))
}

fn read_slot(file: &impl FileHandle, path: &Path, slot: u64) -> Result<Said, StorageError> {
    let offset = slot * BLOCK_BYTES as u64;
    let mut bytes = vec![0; BLOCK_BYTES];
    for _ in 0..LOOKS {
        let read = read_all(file, offset, &mut bytes);
        let read = read.map_err(|error| StorageError::io("read", path, error))?;
        if read < BLOCK_BYTES {
            return Err(damaged(path, offset, 0, "the manifest is too short"));
        }
        match Said::from_bytes(&bytes) {
            Some(Ok(said)) => return Ok(said),
            Some(Err(found)) => {
                return Err(StorageError::TooNew { path: path.into(), found, known: FORMAT });
            }
            None => {}
        }
    }
    Err(damaged(path, offset, 0, "the manifest is damaged"))
}

/// Raises the number of the open, durably.
pub(super) fn raise<F: FileSystem>(
    fs: &F,
    directory: &Path,
    said: Option<Said>,
) -> Result<Manifest<F::File>, StorageError> {
    let path = directory.join("manifest");
    let io = |error| StorageError::io("write", &path, error);
    if let Some(said) = said {
        let file = fs.open(&path, false).map_err(io)?;
        let mut manifest = Manifest { file, said };
        let more = u64::from(!planted("same_epoch_again"));
        let next = Said { incarnation: said.incarnation + more, ..said };
        manifest.say(next).map_err(io)?;
        return Ok(manifest);
    }
    let tmp = directory.join("tmp-manifest");
    let first = Said::default();
    let said = Said { turn: 1, incarnation: 1, ..first };
    let file = fs.open(&tmp, true).map_err(io)?;
    let bytes = [first.to_bytes(), said.to_bytes()].concat();
    write_all(&file, 0, &bytes).and_then(|()| file.sync_all()).map_err(io)?;
    fs.rename(&tmp, &path).map_err(io)?;
    fs.sync_directory(directory).map_err(io)?;
    Ok(Manifest { file, said })
}

impl<H: FileHandle> Manifest<H> {
    pub(super) fn epoch(&self) -> u64 {
        self.said.incarnation
    }

    /// Notes, durably, that a log file of that number is there, and all up to `synced`.
    pub(super) fn note(&mut self, number: u64, synced: Position) -> std::io::Result<()> {
        self.say(Said { number, synced, ..self.said })
    }

    fn say(&mut self, said: Said) -> std::io::Result<()> {
        let said = Said { turn: self.said.turn + 1, ..said };
        let offset = said.turn % SLOTS * BLOCK_BYTES as u64;
        write_all(&self.file, offset, &said.to_bytes())?;
        self.file.sync_data()?;
        self.said = said;
        Ok(())
    }
}
