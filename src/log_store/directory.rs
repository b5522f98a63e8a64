//! How does a directory keep a log? Preallocated files, one write and one sync a frame.
//!
//! Never retries a failed write or sync: the first one is the last.

mod write;

use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::error::StorageError;
use crate::file_system::FileSystem;
use crate::limits::{BLOCK_BYTES, RING_LINES};
use crate::log_store::blocks::{block_bytes, read_files};
use crate::log_store::manifest::{self, Manifest};
use crate::log_store::recovery::{Found, damaged, scan};
use crate::log_store::segment::{FileHeader, Kind};
use crate::log_store::spare::Spares;
use crate::log_store::{
    Appended, Claimed, DirectoryOptions, LogStore, Position, SnapshotName, aside, snapshots,
};
use crate::planted::planted;
use crate::sync::{Arc, Mutex, thread::JoinHandle};

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
    manifest: Option<Manifest<F::File>>,
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
                manifest: None,
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
}

impl<F: FileSystem + Clone> LogStore for DirectoryStore<F> {
    fn claim(&self) -> Result<Claimed, StorageError> {
        let mut log = self.log.lock();
        let said = manifest::read(&self.fs, &self.directory)?;
        let snapshot = snapshots::newest(&self.fs, &self.directory)?;
        let scan = scan(&self.fs, &self.directory, snapshot, said.unwrap_or_default())?;
        let manifest = manifest::raise(&self.fs, &self.directory, said)?;
        (log.epoch, log.last) = (manifest.epoch(), scan.last.max(snapshot));
        log.manifest = Some(manifest);
        log.synced = scan.proven.min(log.last);
        let number = scan.files.last().map_or(0, |found| found.header.number) + 1;
        let frames = if planted("drop_what_is_not_proven") {
            Vec::new()
        } else {
            self.unproven(log.synced + 1, log.last, &scan.files)?
        };
        self.spares.tidy().map_err(self.io("tidy"))?;
        // The file first: on a full disk the room is for it.
        let path = self.file_for(frames.iter().map(|frame| block_bytes(frame.len())).sum())?;
        if let Some((path, offset)) = &scan.torn {
            aside::torn_tail(&self.fs, &self.directory, path, *offset)?;
        }
        *self.files.lock() = scan.files;
        let first = log.synced + 1;
        self.begin_file(&mut log, &path, number, first, &frames)?;
        log.synced = log.last;
        log.settled = frames.is_empty();
        self.note(&mut log)?;
        Ok(Claimed { epoch: log.epoch, last: log.last, clean: scan.clean })
    }

    fn append(&self, epoch: u64, position: Position, frame: &[u8]) -> Appended {
        let mut log = self.log.lock();
        if let Some(error) = &log.broken {
            return Appended::Broken(error.clone());
        }
        // Epochs begin at 1: before a claim nobody owns the log.
        if (epoch != log.epoch && !planted("ignore_the_fence")) || log.epoch == 0 {
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
        let result = self.mark(&mut log, kind).and_then(|()| self.note(&mut log));
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
        let room =
            log.current.as_ref().is_some_and(|(_, header)| log.offset + reserve <= header.length);
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
        let put = snapshots::put(&self.fs, &self.directory, position, fill, || {
            // No snapshot knows more than the log does: a buffered one is synced first.
            let mut log = self.log.lock();
            let sealed = log.broken.clone().map_or_else(|| self.seal_file(&mut log), Err);
            log.broken = sealed.as_ref().err().cloned();
            sealed
        });
        if put.is_err() {
            // On a full disk it is the next one's.
            self.spares.give_room();
        }
        put
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
            let spare = match self.spares.retire(&found.path) {
                Ok(spare) => spare,
                Err(error) => {
                    self.files.lock().insert(0, found);
                    return Err(self.io("recycle a file of")(error));
                }
            };
            self.sync_directory()?;
            if let Some(spare) = spare {
                self.spares.take_in(spare);
            }
        }
        self.sync_directory()
    }

    fn archive(&self, name: &str, lines: &[u8]) -> Result<(), StorageError> {
        aside::archive(&self.fs, &self.directory.join("archive"), name, lines)
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
