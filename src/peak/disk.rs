//! How is the disk? The real one, watched, and slow or full when the scenario says so.
//!
//! Never loses or bends a byte: it only delays syncs and refuses to let files grow.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cupo::{FileHandle, FileSystem, RealFileSystem, SystemClock};
use parking_lot::Mutex;

use crate::peak::measure::Latency;
use crate::peak::rng::Rng;

/// A time of the run, from its beginning, in which something is wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spell {
    pub(crate) from_ms: u64,
    pub(crate) to_ms: u64,
    pub(crate) sync_ms: [u64; 2],
    pub(crate) full: bool,
}

/// What the disk did since it was last asked.
#[derive(Clone, Debug)]
pub(crate) struct Pulse {
    pub(crate) syncs: Latency,
    /// Without what the scenario adds.
    pub(crate) own: Latency,
    pub(crate) bytes: u64,
    /// Writes refused for want of room.
    pub(crate) refused: u64,
}

impl Pulse {
    fn new() -> Self {
        Self { syncs: Latency::new(), own: Latency::new(), bytes: 0, refused: 0 }
    }
}

#[derive(Debug)]
struct State {
    clock: SystemClock,
    /// When the run begins, on that clock; until then all is well.
    begins_ms: AtomicU64,
    spells: Vec<Spell>,
    rng: Mutex<Rng>,
    pulse: Mutex<Pulse>,
}

/// The disk of a run. Clones are the same disk.
#[derive(Clone, Debug)]
pub(crate) struct Disk(Arc<State>);

#[derive(Debug)]
pub(crate) struct DiskFile {
    file: File,
    disk: Disk,
}

impl Disk {
    pub(crate) fn new(spells: Vec<Spell>, seed: u64) -> Self {
        Self(Arc::new(State {
            clock: SystemClock::new(),
            begins_ms: AtomicU64::new(u64::MAX),
            spells,
            rng: Mutex::new(Rng::of(seed, u64::MAX)),
            pulse: Mutex::new(Pulse::new()),
        }))
    }

    /// The run begins so many milliseconds from now. Relaxed: a moment earlier or later is the
    /// same to a disk.
    pub(crate) fn begin_in(&self, ms: u64) {
        self.0.begins_ms.store(self.now_ms() + ms, Ordering::Relaxed);
    }

    /// From here on nothing is wrong with it.
    pub(crate) fn heal(&self) {
        self.0.begins_ms.store(u64::MAX, Ordering::Relaxed);
    }

    /// What it did since this was called last.
    pub(crate) fn pulse(&self) -> Pulse {
        std::mem::replace(&mut *self.0.pulse.lock(), Pulse::new())
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.0.clock.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn spell(&self) -> impl Iterator<Item = &Spell> {
        let since = self.now_ms().checked_sub(self.0.begins_ms.load(Ordering::Relaxed));
        let now = move |spell: &&Spell| {
            since.is_some_and(|at| (spell.from_ms..spell.to_ms).contains(&at))
        };
        self.0.spells.iter().filter(now)
    }

    fn is_full(&self) -> bool {
        self.spell().any(|spell| spell.full)
    }

    fn no_room(&self) -> io::Error {
        self.0.pulse.lock().refused += 1;
        io::ErrorKind::StorageFull.into()
    }

    fn sync(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let began = self.0.clock.elapsed();
        sync()?;
        let own = self.0.clock.elapsed().saturating_sub(began);
        let more: u64 = self.spell().map(|spell| self.0.rng.lock().between(spell.sync_ms)).sum();
        if more > 0 {
            std::thread::sleep(Duration::from_millis(more));
        }
        let mut pulse = self.0.pulse.lock();
        pulse.own.record(own);
        pulse.syncs.record(self.0.clock.elapsed().saturating_sub(began));
        Ok(())
    }
}

impl FileSystem for Disk {
    type File = DiskFile;

    fn open(&self, path: &Path, create: bool) -> io::Result<DiskFile> {
        if create && self.is_full() && !path.exists() {
            return Err(self.no_room());
        }
        Ok(DiskFile { file: RealFileSystem.open(path, create)?, disk: self.clone() })
    }

    fn lock(&self, path: &Path) -> io::Result<DiskFile> {
        Ok(DiskFile { file: RealFileSystem.lock(path)?, disk: self.clone() })
    }

    fn unlock(&self, lock: &DiskFile) {
        RealFileSystem.unlock(&lock.file);
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        RealFileSystem.list(directory)
    }

    fn create_directory(&self, directory: &Path) -> io::Result<()> {
        RealFileSystem.create_directory(directory)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealFileSystem.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealFileSystem.remove(path)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        RealFileSystem.sync_directory(directory)
    }
}

impl FileHandle for DiskFile {
    fn len(&self) -> io::Result<u64> {
        FileHandle::len(&self.file)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        FileHandle::read_at(&self.file, offset, buffer)
    }

    /// A full disk still takes what goes where bytes are already.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        if self.disk.is_full() && offset + bytes.len() as u64 > FileHandle::len(&self.file)? {
            return Err(self.disk.no_room());
        }
        let written = FileHandle::write_at(&self.file, offset, bytes)?;
        self.disk.0.pulse.lock().bytes += written as u64;
        Ok(written)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        FileHandle::set_len(&self.file, length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.sync(|| FileHandle::sync_data(&self.file))
    }

    fn sync_all(&self) -> io::Result<()> {
        FileHandle::sync_all(&self.file)
    }

    fn drop_cache(&self) {
        self.file.drop_cache();
    }
}
