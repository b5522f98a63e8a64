//! What is in a directory? A reader that takes no lock and changes nothing.
//!
//! Never repairs; a torn tail is passed over, damage is told.

use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::error::StorageError;
use crate::file_system::{FileSystem, RealFileSystem};
use crate::log_store::blocks::read_files;
use crate::log_store::recovery::{Scan, scan};
use crate::log_store::{Appended, Claimed, LogStore, Position, SnapshotName, manifest, snapshots};

/// A read-only view of a log directory, beside its owner or without one.
#[derive(Debug)]
pub struct DirectoryReader<F: FileSystem = RealFileSystem> {
    fs: F,
    directory: PathBuf,
    scan: Scan,
}

impl DirectoryReader {
    /// Reads and checks every block of the log.
    ///
    /// # Errors
    /// Damage, a newer format, or the system's refusal.
    pub fn open(directory: &Path) -> Result<Self, StorageError> {
        Self::open_in(RealFileSystem, directory)
    }
}

impl<F: FileSystem> DirectoryReader<F> {
    /// As [`DirectoryReader::open`], in another file system.
    ///
    /// # Errors
    /// As [`DirectoryReader::open`].
    pub fn open_in(fs: F, directory: &Path) -> Result<Self, StorageError> {
        let said = manifest::read(&fs, directory)?.unwrap_or_default();
        let snapshot = snapshots::newest(&fs, directory)?;
        let scan = scan(&fs, directory, snapshot, said)?;
        Ok(Self { fs, directory: directory.to_path_buf(), scan })
    }

    /// The last frame.
    pub fn last(&self) -> Position {
        self.scan.last
    }

    /// The last frame that is proven to have been synced.
    pub fn proven(&self) -> Position {
        self.scan.proven
    }

    /// How many blocks were read and found whole.
    pub fn blocks(&self) -> u64 {
        self.scan.blocks
    }

    /// Whether the log was closed in order.
    pub fn is_clean(&self) -> bool {
        self.scan.clean
    }

    /// The files of the log.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.scan.files.iter().map(|found| found.path.as_path())
    }
}

fn refused() -> StorageError {
    StorageError::Poisoned("this view of the log is read-only".into())
}

impl<F: FileSystem> LogStore for DirectoryReader<F> {
    fn claim(&self) -> Result<Claimed, StorageError> {
        Err(refused())
    }

    fn append(&self, _epoch: u64, _position: Position, _frame: &[u8]) -> Appended {
        Appended::Fenced
    }

    fn read(
        &self,
        from: Position,
        upto: Position,
        visit: &mut dyn FnMut(Position, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        read_files(&self.fs, &self.scan.files, from, upto, visit)
    }

    fn first(&self) -> Position {
        self.scan.files.first().map_or(1, |found| found.header.first)
    }

    fn put_snapshot(
        &self,
        _position: Position,
        _fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<SnapshotName, StorageError> {
        Err(refused())
    }

    fn snapshots(&self) -> Result<Vec<SnapshotName>, StorageError> {
        snapshots::list(&self.fs, &self.directory)
    }

    fn get_snapshot(
        &self,
        name: SnapshotName,
        read: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> Result<(), StorageError> {
        snapshots::get(&self.fs, &self.directory, name, read)
    }

    fn truncate(&self, _upto: Position, _keep: usize) -> Result<(), StorageError> {
        Err(refused())
    }

    fn archive(&self, _name: &str, _lines: &[u8]) -> Result<(), StorageError> {
        Err(refused())
    }
}
