//! What if nothing is to be kept? A store for engines in memory.
//!
//! Never fails and never remembers a frame.

use std::io::{self, Read, Write};
use std::ops::ControlFlow;

use crate::error::StorageError;
use crate::log_store::{Appended, Claimed, LogStore, Position, SnapshotName};

/// A log store that accepts everything and keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryStore;

impl MemoryStore {
    /// An empty store.
    pub const fn new() -> Self {
        Self
    }
}

impl LogStore for MemoryStore {
    fn claim(&self) -> Result<Claimed, StorageError> {
        Ok(Claimed { epoch: 1, last: 0, clean: true })
    }

    fn append(&self, _epoch: u64, _position: Position, _frame: &[u8]) -> Appended {
        Appended::Stored
    }

    fn read(
        &self,
        _from: Position,
        _upto: Position,
        _visit: &mut dyn FnMut(Position, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        Ok(())
    }

    fn first(&self) -> Position {
        Position::MAX
    }

    fn put_snapshot(
        &self,
        position: Position,
        fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<SnapshotName, StorageError> {
        fill(&mut io::sink()).map_err(|error| StorageError::io("write", "memory", error))?;
        Ok(SnapshotName { position, hash: 0 })
    }

    fn snapshots(&self) -> Result<Vec<SnapshotName>, StorageError> {
        Ok(Vec::new())
    }

    fn get_snapshot(
        &self,
        _name: SnapshotName,
        _read: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> Result<(), StorageError> {
        Ok(())
    }

    fn truncate(&self, _upto: Position, _keep: usize) -> Result<(), StorageError> {
        Ok(())
    }

    fn archive(&self, _name: &str, _lines: &[u8]) -> Result<(), StorageError> {
        Ok(())
    }
}
