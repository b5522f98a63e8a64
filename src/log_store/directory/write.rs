//! How is a frame written? One write and one sync, in a file that was made ready before.
//!
//! Never retries a failed write or sync: the first one is the last.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::error::StorageError;
use crate::file_system::{FileHandle, FileSystem};
use crate::limits::BLOCK_BYTES;
use crate::log_store::blocks::{block_bytes, fresh_salt, is_full, read_files, write_all};
use crate::log_store::directory::{DirectoryStore, Log};
use crate::log_store::recovery::{Found, INDEX_STEP, name_of};
use crate::log_store::segment::{Block, FileHeader, Kind};
use crate::log_store::{Appended, Durability, Position};
use crate::planted::planted;

impl<F: FileSystem + Clone> DirectoryStore<F> {
    /// A file for so many bytes of blocks, not begun yet.
    pub(super) fn file_for(&self, need: u64) -> Result<PathBuf, StorageError> {
        let length = self.options.segment_bytes.max(need + 4 * BLOCK_BYTES as u64);
        self.spares.take(length).map_err(self.io("prepare a log file in"))
    }

    /// Begins the next file, with frames that recovery could not prove to have been synced.
    pub(super) fn begin_file(
        &self,
        log: &mut Log<F>,
        path: &Path,
        number: u64,
        first: Position,
        frames: &[Vec<u8>],
    ) -> Result<(), StorageError> {
        let io = |error| StorageError::io("begin", path, error);
        let file = self.fs.open(path, false).map_err(io)?;
        let length = file.len().map_err(io)?;
        let salt = fresh_salt(self.options.seed, number);
        let header = FileHeader { salt, number, epoch: log.epoch, first, length };
        let mut bytes = header.to_bytes();
        let mut index = Vec::new();
        log.previous = 0;
        for (position, frame) in (first..).zip(frames) {
            if (position - first).is_multiple_of(INDEX_STEP) {
                index.push((position, bytes.len() as u64));
            }
            let block = log.block(Kind::Frame, salt, position, frame.len());
            log.previous = block.write(frame, &mut bytes);
        }
        write_all(&file, 0, &bytes).map_err(io)?;
        file.sync_all().map_err(io)?;
        let name = self.directory.join(name_of(number));
        self.fs.rename(path, &name).map_err(io)?;
        if !planted("skip_the_directory_sync") {
            self.fs.sync_directory(&self.directory).map_err(self.io("sync"))?;
        }
        log.offset = bytes.len() as u64;
        let next = first + frames.len() as u64;
        let end = log.offset;
        self.files.lock().push(Found { path: name, header, index, next, end });
        log.current = Some((file, header));
        self.spares.ask();
        Ok(())
    }

    pub(super) fn append_frame(
        &self,
        log: &mut Log<F>,
        position: Position,
        frame: &[u8],
    ) -> Result<Appended, StorageError> {
        // Two markers must always fit behind a frame: the one that proves it, the one of a close.
        let need = block_bytes(frame.len()) + 2 * BLOCK_BYTES as u64;
        let fits = |log: &Log<F>| {
            log.current.as_ref().is_some_and(|(_, header)| log.offset + need <= header.length)
        };
        if !fits(log) {
            self.seal_file(log)?;
            let number = log.current.as_ref().map_or(0, |(_, header)| header.number) + 1;
            let path = match self.file_for(need) {
                Err(error) if is_full(&error) && planted("lose_a_frame_when_full") => {
                    log.last = position;
                    return Ok(Appended::Stored);
                }
                // Only here: what fails on a file in use is not known to be undone.
                Err(error) if is_full(&error) => return Ok(Appended::Full),
                other => other?,
            };
            self.begin_file(log, &path, number, position, &[])?;
            self.note(log)?;
        }
        let Some((file, header)) = log.current.take() else {
            return Ok(Appended::Full);
        };
        let mut buffer = std::mem::take(&mut log.buffer);
        buffer.clear();
        let block = log.block(Kind::Frame, header.salt, position, frame.len());
        log.previous = block.write(frame, &mut buffer);
        let io = self.io("write to");
        let result = write_all(&file, log.offset, &buffer).map_err(io).and_then(|()| {
            match self.options.durability {
                Durability::Buffered => Ok(()),
                _ if planted("acknowledge_before_sync") => Ok(()),
                _ if planted("retry_a_failed_sync") => {
                    file.sync_data().or_else(|_| file.sync_data()).map_err(self.io("sync"))
                }
                _ => file.sync_data().map_err(self.io("sync")),
            }
        });
        let start = log.offset;
        log.offset += buffer.len() as u64;
        log.buffer = buffer;
        log.current = Some((file, header));
        result?;
        log.last = position;
        log.settled = false;
        if self.options.durability != Durability::Buffered {
            log.synced = position;
        }
        if self.options.durability == Durability::SyncedTwice {
            self.mark(log, Kind::Marker)?;
        }
        let mut files = self.files.lock();
        if let Some(found) = files.last_mut() {
            if (position - found.header.first).is_multiple_of(INDEX_STEP) {
                found.index.push((position, start));
            }
            (found.next, found.end) = (position + 1, log.offset);
        }
        Ok(Appended::Stored)
    }

    /// Before the next file begins, everything in this one is on disk.
    pub(super) fn seal_file(&self, log: &mut Log<F>) -> Result<(), StorageError> {
        if let Some((file, _)) = &log.current
            && log.synced < log.last
        {
            file.sync_data().map_err(self.io("sync"))?;
            log.synced = log.last;
        }
        Ok(())
    }

    /// Writes and syncs a marker that says how far the log is synced.
    pub(super) fn mark(&self, log: &mut Log<F>, kind: Kind) -> Result<(), StorageError> {
        self.seal_file(log)?;
        let Some((_, header)) = &log.current else {
            return Ok(());
        };
        if log.offset + BLOCK_BYTES as u64 > header.length {
            // No room for it: the header of the next file will say the same.
            return Ok(());
        }
        let block = log.block(kind, header.salt, log.last, 0);
        let mut bytes = Vec::with_capacity(BLOCK_BYTES);
        log.previous = block.write(&[], &mut bytes);
        let Some((file, _)) = &log.current else {
            return Ok(());
        };
        write_all(file, log.offset, &bytes).map_err(self.io("write to"))?;
        file.sync_data().map_err(self.io("sync"))?;
        log.offset += bytes.len() as u64;
        log.settled = true;
        Ok(())
    }

    /// Frames that are there but not proven to have been synced.
    pub(super) fn unproven(
        &self,
        from: Position,
        upto: Position,
        files: &[Found],
    ) -> Result<Vec<Vec<u8>>, StorageError> {
        let mut frames = Vec::new();
        if from <= upto {
            read_files(&self.fs, files, from, upto, &mut |_, frame| {
                frames.push(frame.to_vec());
                ControlFlow::Continue(())
            })?;
        }
        Ok(frames)
    }

    /// As a failed sync of a file, a failed sync of the directory is the last call of this store.
    pub(super) fn sync_directory(&self) -> Result<(), StorageError> {
        let mut log = self.log.lock();
        if let Some(error) = &log.broken {
            return Err(error.clone());
        }
        let synced = self.fs.sync_directory(&self.directory).map_err(self.io("sync"));
        log.broken = synced.as_ref().err().cloned();
        synced
    }

    /// The oldest file, if the one after it begins at `upto + 1` or before.
    pub(super) fn take_oldest(&self, upto: Position) -> Option<Found> {
        let mut files = self.files.lock();
        let next = files.get(1).map(|next| next.header.first);
        let upto = if planted("cut_the_log_too_far") { Position::MAX - 1 } else { upto };
        next.is_some_and(|first| first <= upto + 1).then(|| files.remove(0))
    }

    /// Notes beside the log how far it has come.
    pub(super) fn note(&self, log: &mut Log<F>) -> Result<(), StorageError> {
        let number = log.current.as_ref().map_or(0, |(_, header)| header.number);
        let synced = log.synced;
        match &mut log.manifest {
            Some(manifest) => manifest.note(number, synced).map_err(self.io("note in")),
            None => Ok(()),
        }
    }
}

impl<F: FileSystem> Log<F> {
    fn block(&self, kind: Kind, salt: u64, position: Position, length: usize) -> Block {
        Block {
            kind,
            salt,
            position,
            length: u32::try_from(length).unwrap_or(u32::MAX),
            synced_upto: self.synced,
            previous: self.previous,
        }
    }
}
