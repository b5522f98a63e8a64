//! What if the power goes, or the disk fails? A file system in memory that does so on command.
//!
//! Never loses what was synced, and never keeps what a seed says is lost.

mod image;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::file_system::{FileHandle, FileSystem};
use crate::sync::Mutex;

pub use image::Crash;

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An input/output error. A failed sync loses what it was to write, as on Linux: the next sync
    /// succeeds; the bytes are seen until the cache is dropped, and gone after a crash.
    Eio,
    /// No space is left.
    Enospc,
    /// The quota is used up.
    Edquot,
    /// The file system became read-only.
    Erofs,
    /// Interrupted.
    Eintr,
    /// Half of the bytes are written.
    ShortWrite,
}

/// A file system in memory: clones are handles to the same one.
///
/// ```
/// use std::path::Path;
/// use cupo::{Crash, Fault, FileHandle, FileSystem, SimFileSystem};
///
/// # fn main() -> std::io::Result<()> {
/// let fs = SimFileSystem::new();
/// let path = Path::new("d/f");
/// let file = fs.open(path, true)?;
/// fs.sync_directory(Path::new("d"))?;
/// file.write_at(0, &[1; 1_024])?;
/// assert_eq!(fs.unsynced(), 3); // the length and two sectors
///
/// // The write is torn between its sectors.
/// let bytes = fs.crash(Crash::Upto(2)).with_bytes(path, |bytes| bytes.clone()).unwrap();
/// assert_eq!((bytes[511], bytes[512], bytes.len()), (1, 0, 1_024));
///
/// // The sync fails, and the next one lies, as that of Linux does: the disk has nothing.
/// fs.fail_call(fs.calls() + 1, Fault::Eio);
/// assert!(file.sync_all().is_err());
/// assert!(file.sync_all().is_ok());
/// assert_eq!(file.len()?, 1_024);
/// file.drop_cache();
/// assert_eq!(file.len()?, 0);
/// # Ok(()) }
/// ```
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
    reads: u64,
    read_fault: Option<(u64, Fault)>,
    /// From this call on nothing is done.
    power_cut: Option<u64>,
    capacity: Option<u64>,
}

#[derive(Clone, Debug, Default)]
struct Inode {
    /// As programs see it; shared with crash images until written.
    now: Arc<Vec<u8>>,
    /// Its length on the disk.
    length: usize,
    /// What the disk has in the place of sectors that were written and not synced.
    older: BTreeMap<usize, Vec<u8>>,
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

    /// The power is gone at call number `call`: it and all later calls fail and change nothing.
    /// What was written before is on the disk or not, as [`SimFileSystem::crash`] is told.
    pub fn cut_power_at(&self, call: u64) {
        self.0.lock().power_cut = Some(call);
    }

    /// Makes read number `read` (the first is 1) fail; reads are those of bytes and lengths, the
    /// listings of directories, and the openings of files that are there.
    pub fn fail_read(&self, read: u64, fault: Fault) {
        self.0.lock().read_fault = Some((read, fault));
    }

    /// How many such reads were made.
    pub fn reads(&self) -> u64 {
        self.0.lock().reads
    }

    /// The bytes of a file, to damage them: `None` if there is no such file. Only the sharing with
    /// other images is undone first, so that damage and repair in place cost no copy.
    pub fn with_bytes<T>(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>) -> T) -> Option<T> {
        let mut state = self.0.lock();
        let inode = *state.names.get(path)?;
        let inode = state.inodes.get_mut(inode)?;
        let result = change(Arc::make_mut(&mut inode.now));
        inode.synced();
        Some(result)
    }
}

impl Fault {
    fn error(self) -> io::Result<Option<Self>> {
        Err(match self {
            Self::Eio => io::Error::from_raw_os_error(5),
            Self::Enospc => io::ErrorKind::StorageFull.into(),
            Self::Edquot => io::ErrorKind::QuotaExceeded.into(),
            Self::Erofs => io::ErrorKind::ReadOnlyFilesystem.into(),
            Self::Eintr => io::ErrorKind::Interrupted.into(),
            Self::ShortWrite => return Ok(Some(self)),
        })
    }
}

impl State {
    /// Bytes that may still be written; a file that was removed counts until the disk knows.
    fn room(&self) -> Option<u64> {
        let capacity = self.capacity?;
        let named: BTreeSet<usize> =
            self.names.values().chain(self.durable_names.values()).copied().collect();
        let files = named.iter().filter_map(|inode| self.inodes.get(*inode));
        Some(capacity.saturating_sub(files.map(|file| file.now.len() as u64).sum()))
    }

    /// Counts a call and says whether it is the one to fail.
    fn call(&mut self) -> io::Result<Option<Fault>> {
        self.calls += 1;
        if self.power_is_gone() {
            return Fault::Eio.error();
        }
        match self.fault {
            Some((call, fault)) if call == self.calls => fault.error(),
            _ => Ok(None),
        }
    }

    fn power_is_gone(&self) -> bool {
        self.power_cut.is_some_and(|call| call <= self.calls)
    }

    fn read(&mut self) -> io::Result<()> {
        self.reads += 1;
        match self.read_fault {
            Some((read, fault)) if read == self.reads => fault.error().map(|_| ()),
            _ => Ok(()),
        }
    }
}

impl FileSystem for SimFileSystem {
    type File = SimFile;

    fn open(&self, path: &Path, create: bool) -> io::Result<SimFile> {
        let mut state = self.0.lock();
        let known = state.names.get(path).copied();
        let inode = match known {
            Some(inode) => {
                state.read()?;
                inode
            }
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
        let mut state = self.0.lock();
        state.read()?;
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
        let mut state = self.state.lock();
        state.read()?;
        Ok(state.inodes.get(self.inode).map_or(0, |inode| inode.now.len() as u64))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state.lock();
        state.read()?;
        let bytes = state.inodes.get(self.inode).map_or(&[][..], |inode| &inode.now);
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let rest = bytes.get(from..).unwrap_or(&[]);
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state.lock();
        let short = state.call()? == Some(Fault::ShortWrite) && bytes.len() > 1;
        let bytes = if short { bytes.get(..bytes.len() / 2).unwrap_or(bytes) } else { bytes };
        let room = state.room();
        let inode = state.inodes.get_mut(self.inode).ok_or(io::ErrorKind::NotFound)?;
        let from = usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
        let end = from + bytes.len();
        let more = end.saturating_sub(inode.now.len()) as u64;
        if more > 0 && room.is_some_and(|room| more > room) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        inode.keep_older(from..end);
        let now = Arc::make_mut(&mut inode.now);
        if now.len() < end {
            now.resize(end, 0);
        }
        if let Some(space) = now.get_mut(from..end) {
            space.copy_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.state.lock();
        state.call()?;
        if let Some(inode) = state.inodes.get_mut(self.inode) {
            let length = usize::try_from(length).unwrap_or(0);
            inode.keep_older(length..inode.now.len());
            Arc::make_mut(&mut inode.now).resize(length, 0);
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        let called = state.call();
        let power_is_gone = state.power_is_gone();
        let Some(inode) = state.inodes.get_mut(self.inode) else {
            return Ok(());
        };
        // The pages are marked clean: programs still see them, the disk never gets them.
        inode.lost |= called.is_err() && !power_is_gone;
        called?;
        if !inode.lost {
            inode.synced();
        }
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn drop_cache(&self) {
        if let Some(inode) = self.state.lock().inodes.get_mut(self.inode)
            && inode.lost
        {
            inode.now = inode.durable();
            inode.synced();
            inode.lost = false;
        }
    }
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
