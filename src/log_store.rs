//! Where do frames go? The seam between the journal and whatever keeps it: a directory here, a
//! replicated log elsewhere.
//!
//! Never looks inside a frame and never decides when a frame is written.

mod aside;
mod blocks;
mod care;
mod directory;
mod manifest;
mod memory;
mod options;
mod reader;
mod recovery;
mod segment;
mod snapshots;
mod spare;

use std::fmt;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;

use crate::error::StorageError;

pub use care::{BackupReport, SalvageReport, backup, salvage};
pub use directory::DirectoryStore;
pub use memory::MemoryStore;
pub use options::{DirectoryOptions, Durability};
pub use reader::DirectoryReader;

/// The number of a frame in the log. The first is 1; 0 stands for "none yet".
pub type Position = u64;

/// No log is longer, so that a position can be added to.
const POSITION_MAX: Position = 1 << 62;

/// What a new owner learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Rises with every claim of the log; fences every earlier owner.
    pub epoch: u64,
    /// The position of the last frame in the log, 0 when there is none.
    pub last: Position,
    /// Whether the owner before closed the log in order.
    pub clean: bool,
}

/// The answer to one append.
#[derive(Clone, Debug)]
#[must_use]
pub enum Appended {
    /// The frame is durable as the store was asked to make it.
    Stored,
    /// A later owner has claimed the log; nothing was written.
    Fenced,
    /// Nobody knows. The identical frame is to be offered again until it is known.
    Unknown,
    /// No room; nothing was written.
    Full,
    /// A write or sync failed. Never retried; the log is dead until reopened.
    Broken(StorageError),
}

/// A snapshot: the position its log starts at, and the hash of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SnapshotName {
    /// Replay begins with the frame after this position.
    pub position: Position,
    /// CRC32C of all its bytes.
    pub hash: u32,
}

/// A log of frames with one owner at a time, and the snapshots that let it be cut.
///
/// One append is in flight at a time. Frames are opaque bytes; positions are dense.
pub trait LogStore: Send + Sync + fmt::Debug + 'static {
    /// Takes the log over: fences every earlier owner.
    ///
    /// # Errors
    /// Damage to acknowledged frames, a directory in use, a newer format, or the system's refusal.
    fn claim(&self) -> Result<Claimed, StorageError>;

    /// Writes `frame` at `position`, the one after the last, under `epoch`.
    fn append(&self, epoch: u64, position: Position, frame: &[u8]) -> Appended;

    /// Visits frames `from..=upto` in order until told to stop.
    ///
    /// # Errors
    /// A damaged or missing frame, or the system's refusal.
    fn read(
        &self,
        from: Position,
        upto: Position,
        visit: &mut dyn FnMut(Position, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StorageError>;

    /// The first position still there.
    fn first(&self) -> Position;

    /// Called once the log has been idle for a while, and on close: makes what was acknowledged
    /// provable (the directory writes a marker frame). `closing` marks the log as closed in order.
    ///
    /// # Errors
    /// As a failed append.
    fn settle(&self, closing: bool) -> Result<(), StorageError> {
        let _ = closing;
        Ok(())
    }

    /// Whether the store can promise room for a full ring. While it cannot, the engine is
    /// read-only.
    fn has_room(&self) -> bool {
        true
    }

    /// Stores a snapshot whole or not at all; durable, and read back, before it returns.
    ///
    /// # Errors
    /// The system's refusal, or a copy that reads back differently.
    fn put_snapshot(
        &self,
        position: Position,
        fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<SnapshotName, StorageError>;

    /// The snapshots, newest first.
    ///
    /// # Errors
    /// The system's refusal.
    fn snapshots(&self) -> Result<Vec<SnapshotName>, StorageError>;

    /// Reads a snapshot.
    ///
    /// # Errors
    /// The system's refusal, or bytes that do not have the name's hash.
    fn get_snapshot(
        &self,
        name: SnapshotName,
        read: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> Result<(), StorageError>;

    /// Keeps the newest `keep` snapshots and forgets frames up to and including `upto`.
    ///
    /// # Errors
    /// The system's refusal.
    fn truncate(&self, upto: Position, keep: usize) -> Result<(), StorageError>;

    /// Adds lines to the archive file of that name, durably. What the archive holds is never read
    /// back by the engine.
    ///
    /// # Errors
    /// The system's refusal.
    fn archive(&self, name: &str, lines: &[u8]) -> Result<(), StorageError>;
}
