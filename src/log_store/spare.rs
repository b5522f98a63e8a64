//! Is the next log file ready? Files full of zeros, or of old frames, waiting for their use.
//!
//! Never writes to a log file in use.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::StorageError;
use crate::file_system::{FileHandle, FileSystem};
use crate::log_store::blocks::{SYNC_EVERY, write_all};
use crate::sync::thread::{self, JoinHandle};
use crate::sync::{Arc, AtomicBool, Condvar, Mutex, Ordering};

/// Bytes of zeros written at a time: the kernel copies them without a pause, and whoever else
/// wants the core waits.
const ZEROS: usize = 64 << 10;
/// How long to wait after the disk was full.
const RETRY: Duration = Duration::from_millis(200);
/// Old files kept for another use: as many as a snapshot leaves behind by default. A new one is
/// written twice, first with zeros.
const KEEP: usize = 16;
/// How many of them stay when something else finds no room.
const KEEP_FULL: usize = 2;

/// The files ready for use.
#[derive(Debug)]
pub(super) struct Spares<F: FileSystem> {
    fs: F,
    directory: PathBuf,
    bytes: u64,
    ready: Mutex<Ready>,
    wake: Condvar,
    /// A file is ready; read by the flusher at every turn.
    has: AtomicBool,
    /// The last try to make one failed.
    failed: AtomicBool,
}

#[derive(Debug, Default)]
struct Ready {
    list: Vec<PathBuf>,
    next: u64,
    stop: bool,
    wanted: bool,
}

impl<F: FileSystem> Spares<F> {
    pub(super) fn new(fs: F, directory: PathBuf, bytes: u64) -> Self {
        let (ready, wake) = (Mutex::default(), Condvar::new());
        Self {
            fs,
            directory,
            bytes,
            ready,
            wake,
            has: AtomicBool::new(false),
            failed: AtomicBool::new(false),
        }
    }

    /// Starts the thread that prepares files ahead.
    pub(super) fn start(spares: &Arc<Self>) -> Result<JoinHandle<()>, StorageError> {
        let spares = spares.clone();
        let builder = thread::Builder::new().name("cupo-preparer".into());
        let failed = |error| StorageError::io("start a thread for", "cupo-preparer", error);
        builder.spawn(move || spares.run()).map_err(failed)
    }

    fn run(&self) {
        let mut ready = self.ready.lock();
        while !ready.stop {
            if !ready.wanted || !ready.list.is_empty() {
                self.wake.wait(&mut ready);
                continue;
            }
            let path = self.fresh_name(&mut ready);
            drop(ready);
            let made = self.prepare(&path, self.bytes);
            ready = self.ready.lock();
            // Relaxed: a hint, as `has`.
            self.failed.store(made.is_err(), Ordering::Relaxed);
            if made.is_ok() {
                ready.list.push(path);
                self.show(&ready);
            } else {
                // Most likely a full disk: it is tried again until there is room.
                let _ = self.fs.remove(&path);
                self.wake.wait_for(&mut ready, RETRY);
            }
        }
    }

    fn fresh_name(&self, ready: &mut Ready) -> PathBuf {
        ready.next += 1;
        self.directory.join(format!("spare-{:08x}", ready.next))
    }

    fn show(&self, ready: &Ready) {
        // Relaxed: a hint; `take` looks under the lock.
        self.has.store(!ready.list.is_empty(), Ordering::Relaxed);
    }

    pub(super) fn is_ready(&self) -> bool {
        // Relaxed: as in `show`.
        self.has.load(Ordering::Relaxed)
    }

    /// Whether the thread tried to make a file and could not: a late file is no full disk.
    pub(super) fn has_failed(&self) -> bool {
        // Relaxed: as in `show`.
        self.failed.load(Ordering::Relaxed)
    }

    /// Says that a file will be wanted.
    pub(super) fn ask(&self) {
        self.ready.lock().wanted = true;
        self.wake.notify_all();
    }

    pub(super) fn stop(&self) {
        self.ready.lock().stop = true;
        self.wake.notify_all();
    }

    /// Forgets files that an earlier run had made ready: nobody knows how far it came.
    pub(super) fn tidy(&self) -> io::Result<()> {
        let mut ready = self.ready.lock();
        ready.list.clear();
        self.show(&ready);
        for name in self.fs.list(&self.directory)? {
            if name.starts_with("spare-") || name.starts_with("tmp-") {
                self.fs.remove(&self.directory.join(name))?;
            }
        }
        Ok(())
    }

    /// Makes a file ready now.
    pub(super) fn make_ready(&self) -> io::Result<()> {
        let path = self.take(self.bytes)?;
        let mut ready = self.ready.lock();
        ready.list.push(path);
        self.show(&ready);
        Ok(())
    }

    /// A file of at least `bytes`: one that is ready, or one made now.
    pub(super) fn take(&self, bytes: u64) -> io::Result<PathBuf> {
        let mut ready = self.ready.lock();
        if bytes <= self.bytes
            && let Some(path) = ready.list.pop()
        {
            self.show(&ready);
            return Ok(path);
        }
        let path = self.fresh_name(&mut ready);
        drop(ready);
        match self.prepare(&path, bytes) {
            Ok(()) => Ok(path),
            Err(error) => {
                // The file is of no use; if it cannot be removed, `tidy` will.
                let _ = self.fs.remove(&path);
                Err(error)
            }
        }
    }

    /// Zeros to the end, so that later syncs need not write about the file's length.
    fn prepare(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let file = self.fs.open(path, true)?;
        let zeros = vec![0; usize::try_from(bytes).map_or(ZEROS, |bytes| bytes.min(ZEROS))];
        let mut offset = 0;
        while offset < bytes {
            let count = usize::try_from((bytes - offset).min(ZEROS as u64)).unwrap_or(ZEROS);
            write_all(&file, offset, zeros.get(..count).unwrap_or(&zeros))?;
            offset += count as u64;
            if offset < bytes && offset.is_multiple_of(SYNC_EVERY) {
                file.sync_data()?;
            }
        }
        file.sync_all()?;
        self.fs.sync_directory(&self.directory)
    }

    /// Gives an old log file the name of a spare one, or removes it.
    pub(super) fn retire(&self, path: &Path) -> io::Result<Option<PathBuf>> {
        let length = self.fs.open(path, false)?.len()?;
        let mut ready = self.ready.lock();
        if ready.list.len() >= KEEP || length != self.bytes {
            return self.fs.remove(path).map(|()| None);
        }
        let name = self.fresh_name(&mut ready);
        drop(ready);
        self.fs.rename(path, &name)?;
        Ok(Some(name))
    }

    /// Leaves the room of most ready files to others.
    pub(super) fn give_room(&self) {
        let mut ready = self.ready.lock();
        let keep = ready.list.len().min(KEEP_FULL);
        let others = ready.list.split_off(keep);
        drop(ready);
        for path in others {
            // What cannot be removed now, `tidy` will.
            let _ = self.fs.remove(&path);
        }
        // Only then is the room free. If it fails, the log will meet the fault too, and say so.
        let _ = self.fs.sync_directory(&self.directory);
    }

    /// Takes in a file whose new name is durable: what is written to it must not be found under
    /// its old one.
    pub(super) fn take_in(&self, spare: PathBuf) {
        let mut ready = self.ready.lock();
        ready.list.push(spare);
        self.show(&ready);
    }
}
