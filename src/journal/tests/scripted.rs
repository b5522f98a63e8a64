//! What if the store says no? A log in memory that answers as it was told to.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::StorageError;
use crate::log_store::{Appended, Claimed, LogStore, Position, SnapshotName};

/// A log whose answers come from a script; it stores what the script does not mention.
#[derive(Debug, Default)]
pub(crate) struct Scripted {
    pub(crate) answers: Mutex<VecDeque<Appended>>,
    pub(crate) frames: Mutex<Vec<Vec<u8>>>,
    /// Everything that was offered, with its epoch and position.
    pub(crate) offered: Mutex<Vec<(u64, Position, Vec<u8>)>>,
    /// What each call of `settle` said.
    pub(crate) settled: Mutex<Vec<bool>>,
    pub(crate) settle_fails: AtomicBool,
    pub(crate) has_no_room: AtomicBool,
    /// Frames that were cut off.
    pub(crate) cut: AtomicU64,
    /// Reading stops after this frame, without a word.
    pub(crate) ends_at: Mutex<Option<Position>>,
    /// How many frames were read.
    pub(crate) read: AtomicU64,
}

pub(crate) fn broken() -> StorageError {
    StorageError::Poisoned("the platter is bent".into())
}

impl LogStore for Scripted {
    fn claim(&self) -> Result<Claimed, StorageError> {
        Ok(Claimed { epoch: 1, last: self.frames.lock().unwrap().len() as u64, clean: true })
    }

    fn append(&self, epoch: u64, position: Position, frame: &[u8]) -> Appended {
        self.offered.lock().unwrap().push((epoch, position, frame.to_vec()));
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Appended::Stored);
        if matches!(answer, Appended::Stored) {
            let mut frames = self.frames.lock().unwrap();
            frames.push(frame.to_vec());
            assert_eq!(position, frames.len() as u64, "the position after the last");
        }
        answer
    }

    fn read(
        &self,
        from: Position,
        upto: Position,
        visit: &mut dyn FnMut(Position, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        let frames = self.frames.lock().unwrap().clone();
        let upto = self.ends_at.lock().unwrap().map_or(upto, |last| last.min(upto));
        for position in from..=upto {
            let what = "no such frame";
            let missing = StorageError::Damaged { path: "log".into(), offset: 0, position, what };
            if position <= self.cut.load(Ordering::Relaxed) {
                return Err(missing);
            }
            let at = usize::try_from(position - 1).unwrap();
            self.read.fetch_add(1, Ordering::Relaxed);
            if visit(position, frames.get(at).ok_or(missing)?).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn first(&self) -> Position {
        self.cut.load(Ordering::Relaxed) + 1
    }

    fn settle(&self, closing: bool) -> Result<(), StorageError> {
        self.settled.lock().unwrap().push(closing);
        if self.settle_fails.load(Ordering::Relaxed) { Err(broken()) } else { Ok(()) }
    }

    fn has_room(&self) -> bool {
        !self.has_no_room.load(Ordering::Relaxed)
    }

    fn put_snapshot(
        &self,
        position: Position,
        _fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<SnapshotName, StorageError> {
        Ok(SnapshotName { position, hash: 0 })
    }

    fn snapshots(&self) -> Result<Vec<SnapshotName>, StorageError> {
        Ok(vec![SnapshotName { position: self.cut.load(Ordering::Relaxed) + 7, hash: 0 }])
    }

    fn get_snapshot(
        &self,
        _name: SnapshotName,
        _read: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> Result<(), StorageError> {
        Ok(())
    }

    fn truncate(&self, upto: Position, _keep: usize) -> Result<(), StorageError> {
        self.cut.store(upto, Ordering::Relaxed);
        Ok(())
    }

    fn archive(&self, _name: &str, _lines: &[u8]) -> Result<(), StorageError> {
        Ok(())
    }
}
