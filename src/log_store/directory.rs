//! How does a directory keep a log? Preallocated files, one write and one sync a frame.
//!
//! Never retries a failed write or sync: the first one is the last.

use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::error::StorageError;
use crate::file_system::{FileHandle, FileSystem};
use crate::limits::{BLOCK_BYTES, RING_LINES};
use crate::log_store::blocks::{
    add_lines, block_bytes, fresh_salt, is_full, read_files, write_all,
};
use crate::log_store::manifest;
use crate::log_store::recovery::{Found, INDEX_STEP, damaged, name_of, scan};
use crate::log_store::segment::{Block, FileHeader, Kind};
use crate::log_store::spare::Spares;
use crate::log_store::{
    Appended, Claimed, DirectoryOptions, Durability, LogStore, Position, SnapshotName, snapshots,
};
use crate::planted::planted;
use crate::sync::thread::JoinHandle;
use crate::sync::{Arc, Mutex};

/// A log in a directory, owned by whoever holds the lock in it.
#[derive(Debug)]
pub struct DirectoryStore<F: FileSystem> {
    fs: F,
    directory: PathBuf,
    options: DirectoryOptions,
    lock: F::File,
    log: Mutex<Log<F>>,
    /// Files with their frames, for readers, who must not wait for a sync.
    files: Mutex<Vec<Found>>,
    spares: Arc<Spares<F>>,
    preparer: Mutex<Option<JoinHandle<()>>>,
}

/// The file being written.
#[derive(Debug)]
struct Log<F: FileSystem> {
    current: Option<(F::File, FileHeader)>,
    epoch: u64,
    offset: u64,
    last: Position,
    synced: Position,
    previous: u32,
    /// The last block is a marker that says all of it.
    settled: bool,
    broken: Option<StorageError>,
    buffer: Vec<u8>,
}

/// A file with its name, not yet gone over to.
struct Made<F: FileSystem> {
    file: F::File,
    /// The checksum of its last block.
    previous: u32,
    found: Found,
}

impl<F: FileSystem + Clone> DirectoryStore<F> {
    /// Locks a directory, made if missing. The log is taken over by [`LogStore::claim`].
    ///
    /// # Errors
    /// [`StorageError::InUse`], [`StorageError::TooNew`], or the system's refusal.
    pub fn open(
        fs: F,
        directory: impl AsRef<Path>,
        options: DirectoryOptions,
    ) -> Result<Self, StorageError> {
        let directory = directory.as_ref().to_path_buf();
        let io = |error| StorageError::io("create", &directory, error);
        fs.create_directory(&directory).map_err(io)?;
        let lock = fs.lock(&directory.join("lock")).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => StorageError::InUse { path: directory.clone() },
            _ => StorageError::io("lock", &directory, error),
        })?;
        let segment_bytes =
            options.segment_bytes.max(64 << 10).next_multiple_of(BLOCK_BYTES as u64);
        let options = DirectoryOptions { segment_bytes, ..options };
        let spares = Arc::new(Spares::new(fs.clone(), directory.clone(), segment_bytes));
        let preparer = if options.background { Some(Spares::start(&spares)?) } else { None };
        Ok(Self {
            fs,
            directory,
            options,
            lock,
            log: Mutex::new(Log {
                current: None,
                epoch: 0,
                offset: 0,
                last: 0,
                synced: 0,
                previous: 0,
                settled: true,
                broken: None,
                buffer: Vec::new(),
            }),
            files: Mutex::new(Vec::new()),
            spares,
            preparer: Mutex::new(preparer),
        })
    }

    fn io(&self, doing: &'static str) -> impl Fn(io::Error) -> StorageError {
        let directory = self.directory.clone();
        move |error| StorageError::io(doing, &directory, error)
    }

    /// Makes the next file, with frames that recovery could not prove to have been synced, and
    /// gives it its name. If that fails the present file can be gone on with.
    fn make_file(
        &self,
        log: &Log<F>,
        number: u64,
        first: Position,
        frames: &[Vec<u8>],
    ) -> Result<Made<F>, StorageError> {
        let need: u64 = frames.iter().map(|frame| block_bytes(frame.len())).sum();
        let length = self.options.segment_bytes.max(need + 4 * BLOCK_BYTES as u64);
        let path = self.spares.take(length).map_err(self.io("prepare a log file in"))?;
        let io = |error| StorageError::io("begin", &path, error);
        let file = self.fs.open(&path, false).map_err(io)?;
        let length = file.len().map_err(io)?;
        let salt = fresh_salt(self.options.seed, number);
        let header = FileHeader { salt, number, epoch: log.epoch, first, length };
        let mut bytes = header.to_bytes();
        let (mut index, mut previous) = (Vec::new(), 0);
        for (position, frame) in (first..).zip(frames) {
            if (position - first).is_multiple_of(INDEX_STEP) {
                index.push((position, bytes.len() as u64));
            }
            let block = log.block(Kind::Frame, salt, position, frame.len());
            previous = Block { previous, ..block }.write(frame, &mut bytes);
        }
        write_all(&file, 0, &bytes).map_err(io)?;
        file.sync_all().map_err(io)?;
        let name = self.directory.join(name_of(number));
        self.fs.rename(&path, &name).map_err(io)?;
        let (path, next, end) = (name, first + frames.len() as u64, bytes.len() as u64);
        Ok(Made { file, previous, found: Found { path, header, index, next, end } })
    }

    /// Goes over to the next file. From its rename on there is no way back to the one before.
    fn enter_file(&self, log: &mut Log<F>, made: Made<F>) -> Result<(), StorageError> {
        if !planted("skip_the_directory_sync") {
            self.fs.sync_directory(&self.directory).map_err(self.io("sync"))?;
        }
        (log.offset, log.previous) = (made.found.end, made.previous);
        log.current = Some((made.file, made.found.header));
        self.files.lock().push(made.found);
        self.spares.ask();
        Ok(())
    }

    fn append_frame(
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
            match self.make_file(log, number, position, &[]) {
                Err(error) if is_full(&error) && planted("lose_a_frame_when_full") => {
                    log.last = position;
                    return Ok(Appended::Stored);
                }
                Err(error) if is_full(&error) => return Ok(Appended::Full),
                made => self.enter_file(log, made?)?,
            }
            if !fits(log) {
                let what = "a frame larger than a log file";
                return Err(damaged(&self.directory, 0, position, what));
            }
        }
        let Some((file, header)) = log.current.take() else { return Ok(Appended::Full) };
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
    fn seal_file(&self, log: &mut Log<F>) -> Result<(), StorageError> {
        if let Some((file, _)) = &log.current
            && log.synced < log.last
        {
            file.sync_data().map_err(self.io("sync"))?;
            log.synced = log.last;
        }
        Ok(())
    }

    /// Writes and syncs a marker that says how far the log is synced.
    fn mark(&self, log: &mut Log<F>, kind: Kind) -> Result<(), StorageError> {
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
    fn unproven(
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
    fn sync_directory(&self) -> Result<(), StorageError> {
        let mut log = self.log.lock();
        if let Some(error) = &log.broken {
            return Err(error.clone());
        }
        let synced = self.fs.sync_directory(&self.directory).map_err(self.io("sync"));
        log.broken = synced.as_ref().err().cloned();
        synced
    }

    /// The oldest file, if the one after it begins at `upto + 1` or before.
    fn take_oldest(&self, upto: Position) -> Option<Found> {
        let mut files = self.files.lock();
        let next = files.get(1).map(|next| next.header.first);
        let upto = if planted("cut_the_log_too_far") { Position::MAX - 1 } else { upto };
        next.is_some_and(|first| first <= upto + 1).then(|| files.remove(0))
    }

    /// Saves what had been begun and never acknowledged, for people to look at.
    fn set_aside(&self, path: &Path, offset: u64) -> Result<(), StorageError> {
        const KEEP: usize = 1 << 20;
        let io = |error| StorageError::io("set aside the tail of", path, error);
        let file = self.fs.open(path, false).map_err(io)?;
        let mut bytes = vec![0; KEEP];
        let read = file.read_at(offset, &mut bytes).map_err(io)?;
        bytes.truncate(read);
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let aside = self.fs.open(&self.directory.join(format!("torn-{name}-{offset}")), true);
        let aside = aside.map_err(io)?;
        write_all(&aside, 0, &bytes).and_then(|()| aside.sync_all()).map_err(io)
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

impl<F: FileSystem + Clone> LogStore for DirectoryStore<F> {
    fn claim(&self) -> Result<Claimed, StorageError> {
        let mut log = self.log.lock();
        let snapshot = snapshots::newest(&self.fs, &self.directory)?;
        let scan = scan(&self.fs, &self.directory, snapshot)?;
        let epoch = manifest::raise(&self.fs, &self.directory)?;
        if let Some((path, offset)) = &scan.torn {
            self.set_aside(path, *offset)?;
        }
        (log.epoch, log.last) = (epoch, scan.last.max(snapshot));
        log.synced = scan.proven.min(log.last);
        let number = scan.files.last().map_or(0, |found| found.header.number) + 1;
        let frames = if planted("drop_what_is_not_proven") {
            Vec::new()
        } else {
            self.unproven(log.synced + 1, log.last, &scan.files)?
        };
        self.spares.tidy().map_err(self.io("tidy"))?;
        *self.files.lock() = scan.files;
        let first = log.synced + 1;
        let made = self.make_file(&log, number, first, &frames)?;
        self.enter_file(&mut log, made)?;
        log.synced = log.last;
        log.settled = frames.is_empty();
        Ok(Claimed { epoch, last: log.last, clean: scan.clean })
    }

    fn append(&self, epoch: u64, position: Position, frame: &[u8]) -> Appended {
        let mut log = self.log.lock();
        if let Some(error) = &log.broken {
            return Appended::Broken(error.clone());
        }
        if epoch != log.epoch && !planted("ignore_the_fence") {
            return Appended::Fenced;
        }
        if position != log.last + 1 {
            let what = "an append at another position than the next";
            return Appended::Broken(damaged(&self.directory, 0, position, what));
        }
        match self.append_frame(&mut log, position, frame) {
            Ok(appended) => appended,
            Err(error) => {
                if !planted("go_on_after_a_failure") {
                    log.broken = Some(error.clone());
                }
                Appended::Broken(error)
            }
        }
    }

    fn read(
        &self,
        from: Position,
        upto: Position,
        visit: &mut dyn FnMut(Position, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        let files = self.files.lock().clone();
        read_files(&self.fs, &files, from, upto, visit)
    }

    fn first(&self) -> Position {
        self.files.lock().first().map_or(1, |found| found.header.first)
    }

    fn settle(&self, closing: bool) -> Result<(), StorageError> {
        let mut log = self.log.lock();
        if let Some(error) = &log.broken {
            return Err(error.clone());
        }
        if log.settled && !closing {
            return Ok(());
        }
        let kind = if closing { Kind::Closing } else { Kind::Marker };
        let result = self.mark(&mut log, kind);
        if let Err(error) = &result {
            log.broken = Some(error.clone());
        }
        result
    }

    fn has_room(&self) -> bool {
        if self.spares.is_ready() {
            return true;
        }
        let log = self.log.lock();
        let reserve = (RING_LINES as u64 * 64 * 2).min(self.options.segment_bytes / 2);
        let current = log.current.as_ref();
        let room = current.is_some_and(|(_, header)| log.offset + reserve <= header.length);
        drop(log);
        // Without a thread of its own the next file is made here, as soon as there is room.
        let more = || self.spares.make_ready().is_ok();
        room || if self.options.background { !self.spares.has_failed() } else { more() }
    }

    fn put_snapshot(
        &self,
        position: Position,
        fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<SnapshotName, StorageError> {
        snapshots::put(&self.fs, &self.directory, position, fill)
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

    fn truncate(&self, upto: Position, keep: usize) -> Result<(), StorageError> {
        for name in self.snapshots()?.into_iter().skip(keep) {
            snapshots::remove(&self.fs, &self.directory, name)?;
        }
        // The oldest first, each for good before the next: a gap would look like a lost file.
        while let Some(found) = self.take_oldest(upto) {
            if let Err(error) = self.spares.recycle(&found.path) {
                self.files.lock().insert(0, found);
                return Err(self.io("recycle a file of")(error));
            }
            self.sync_directory()?;
        }
        self.sync_directory()
    }

    fn archive(&self, name: &str, lines: &[u8]) -> Result<(), StorageError> {
        let directory = self.directory.join("archive");
        let path = directory.join(format!("{name}.jsonl"));
        let io = |error| StorageError::io("archive to", &path, error);
        self.fs.create_directory(&directory).map_err(io)?;
        let file = self.fs.open(&path, true).map_err(io)?;
        add_lines(&file, lines).and_then(|()| file.sync_all()).map_err(io)?;
        self.fs.sync_directory(&directory).map_err(io)
    }
}

impl<F: FileSystem> Drop for DirectoryStore<F> {
    fn drop(&mut self) {
        self.spares.stop();
        if let Some(preparer) = self.preparer.lock().take() {
            // What it prepared is found again at the next open.
            let _ = preparer.join();
        }
        self.fs.unlock(&self.lock);
    }
}
