//! What if the power goes, or the disk fails? A file system in memory that does so on command.
//!
//! Never loses what was synced, and never keeps what a seed says is lost.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::file_system::{FileHandle, FileSystem};
use crate::sync::Mutex;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// What becomes of unsynced writes when the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// None of them are there.
    LoseUnsynced,
    /// All of them are there.
    KeepAll,
    /// Each sector, and each change of a directory, is there or not as the seed says.
    Random(u64),
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An input/output error. A failed sync loses what it was to write, as on Linux: the next sync
    /// succeeds and the bytes are gone after a crash.
    Eio,
    /// No space is left.
    Enospc,
    /// The file system became read-only.
    Erofs,
    /// Interrupted.
    Eintr,
    /// Half of the bytes are written.
    ShortWrite,
}

/// A file system in memory: clones are handles to the same one.
#[derive(Clone, Debug, Default)]
pub struct SimFileSystem(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    inodes: Vec<Inode>,
    /// Names as programs see them, and as the disk has them.
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    calls: u64,
    fault: Option<(u64, Fault)>,
    capacity: Option<u64>,
}

#[derive(Clone, Debug, Default)]
struct Inode {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// A sync failed: what it was to write never reaches the disk.
    lost: bool,
    locked: bool,
}

/// An open file of a [`SimFileSystem`].
#[derive(Debug)]
pub struct SimFile {
    state: Arc<Mutex<State>>,
    inode: usize,
    holds_lock: bool,
}

impl SimFileSystem {
    /// An empty file system.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes call number `call` (the first is 1) fail; calls count those that write, sync or
    /// change a directory.
    pub fn fail_call(&self, call: u64, fault: Fault) {
        self.0.lock().fault = Some((call, fault));
    }

    /// How many such calls were made.
    pub fn calls(&self) -> u64 {
        self.0.lock().calls
    }

    /// The most bytes that all files may have; `None` for no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.0.lock().capacity = bytes;
    }

    /// A file system as the power cut leaves it. This one stays as it is, so that one history can
    /// be cut in many ways.
    #[must_use]
    pub fn crash(&self, crash: Crash) -> Self {
        let state = self.0.lock();
        let mut random = match crash {
            Crash::Random(seed) => seed | 1,
            _ => 1,
        };
        let mut keep = || match crash {
            Crash::LoseUnsynced => false,
            Crash::KeepAll => true,
            Crash::Random(_) => {
                // xorshift64 (Marsaglia 2003).
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random & 1 == 0
            }
        };
        let mut names = state.durable_names.clone();
        for (path, inode) in &state.names {
            if names.get(path) != Some(inode) && keep() {
                names.retain(|_, other| other != inode);
                names.insert(path.clone(), *inode);
            }
        }
        for path in state.durable_names.keys() {
            if !state.names.contains_key(path) && keep() {
                names.remove(path);
            }
        }
        let inodes = state.inodes.iter().map(|inode| inode.after(&mut keep)).collect();
        let after = State { inodes, durable_names: names.clone(), names, ..State::default() };
        Self(Arc::new(Mutex::new(State { capacity: state.capacity, ..after })))
    }

    /// The bytes of a file, to damage them: `None` if there is no such file.
    pub fn with_bytes<T>(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>) -> T) -> Option<T> {
        let mut state = self.0.lock();
        let inode = *state.names.get(path)?;
        let inode = state.inodes.get_mut(inode)?;
        let result = change(&mut inode.now);
        inode.durable = inode.now.clone();
        Some(result)
    }
}

impl Inode {
    fn after(&self, keep: &mut impl FnMut() -> bool) -> Self {
        let mut durable = self.durable.clone();
        if self.lost {
            return Self { now: durable.clone(), durable, ..Self::default() };
        }
        if self.now.len() != durable.len() && keep() {
            durable.resize(self.now.len(), 0);
        }
        let sectors = durable.len().div_ceil(SECTOR);
        for sector in 0..sectors {
            let span = sector * SECTOR..((sector + 1) * SECTOR).min(durable.len());
            let (Some(old), Some(new)) = (durable.get(span.clone()), self.now.get(span.clone()))
            else {
                continue;
            };
            if old != new && keep() {
                let new = new.to_vec();
                durable.splice(span, new);
            }
        }
        Self { now: durable.clone(), durable, ..Self::default() }
    }
}

impl State {
    /// Counts a call and says whether it is the one to fail.
    fn call(&mut self) -> io::Result<Option<Fault>> {
        self.calls += 1;
        match self.fault {
            Some((call, fault)) if call == self.calls => match fault {
                Fault::Eio => Err(io::Error::from_raw_os_error(5)),
                Fault::Enospc => Err(io::ErrorKind::StorageFull.into()),
                Fault::Erofs => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
                Fault::Eintr => Err(io::ErrorKind::Interrupted.into()),
                Fault::ShortWrite => Ok(Some(fault)),
            },
            _ => Ok(None),
        }
    }
}

impl FileSystem for SimFileSystem {
    type File = SimFile;

    fn open(&self, path: &Path, create: bool) -> io::Result<SimFile> {
        let mut state = self.0.lock();
        let known = state.names.get(path).copied();
        let inode = match known {
            Some(inode) => inode,
            None if create => {
                state.call()?;
                state.inodes.push(Inode::default());
                let inode = state.inodes.len() - 1;
                state.names.insert(path.to_path_buf(), inode);
                inode
            }
            None => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(SimFile { state: self.0.clone(), inode, holds_lock: false })
    }

    fn lock(&self, path: &Path) -> io::Result<SimFile> {
        let mut file = self.open(path, true)?;
        let mut state = self.0.lock();
        let inode = state.inodes.get_mut(file.inode).ok_or(io::ErrorKind::NotFound)?;
        if std::mem::replace(&mut inode.locked, true) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        file.holds_lock = true;
        Ok(file)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let state = self.0.lock();
        let inside = state.names.keys().filter(|path| path.parent() == Some(directory));
        let name =
            |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
        Ok(inside.filter_map(name).collect())
    }

    fn create_directory(&self, _directory: &Path) -> io::Result<()> {
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.call()?;
        let inode = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_path_buf(), inode);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.call()?;
        state.names.remove(path).map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.call()?;
        let here = |path: &Path| path.parent() == Some(directory);
        let now: Vec<_> = state.names.iter().map(|(path, inode)| (path.clone(), *inode)).collect();
        state.durable_names.retain(|path, _| !here(path));
        state.durable_names.extend(now.into_iter().filter(|(path, _)| here(path)));
        Ok(())
    }
}

impl FileHandle for SimFile {
    fn len(&self) -> io::Result<u64> {
        let state = self.state.lock();
        Ok(state.inodes.get(self.inode).map_or(0, |inode| inode.now.len() as u64))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let state = self.state.lock();
        let bytes = state.inodes.get(self.inode).map_or(&[][..], |inode| &inode.now);
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let rest = bytes.get(from..).unwrap_or(&[]);
        let count = rest.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(rest) {
            *to = *from;
        }
        Ok(count)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state.lock();
        let short = state.call()? == Some(Fault::ShortWrite) && bytes.len() > 1;
        let bytes = if short { bytes.get(..bytes.len() / 2).unwrap_or(bytes) } else { bytes };
        let total: u64 = state.inodes.iter().map(|inode| inode.now.len() as u64).sum();
        let capacity = state.capacity;
        let inode = state.inodes.get_mut(self.inode).ok_or(io::ErrorKind::NotFound)?;
        let from = usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
        let end = from + bytes.len();
        let more = end.saturating_sub(inode.now.len()) as u64;
        if more > 0 && capacity.is_some_and(|capacity| total + more > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if inode.now.len() < end {
            inode.now.resize(end, 0);
        }
        if let Some(space) = inode.now.get_mut(from..end) {
            space.copy_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.state.lock();
        state.call()?;
        if let Some(inode) = state.inodes.get_mut(self.inode) {
            inode.now.resize(usize::try_from(length).unwrap_or(0), 0);
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        let called = state.call();
        let Some(inode) = state.inodes.get_mut(self.inode) else {
            return Ok(());
        };
        match called {
            // The pages are marked clean: programs still see them, the disk never gets them.
            Err(error) => {
                inode.lost = true;
                Err(error)
            }
            Ok(_) => {
                if !inode.lost {
                    inode.durable = inode.now.clone();
                }
                Ok(())
            }
        }
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn drop_cache(&self) {}
}

impl Drop for SimFile {
    fn drop(&mut self) {
        if self.holds_lock
            && let Some(inode) = self.state.lock().inodes.get_mut(self.inode)
        {
            inode.locked = false;
        }
    }
}
