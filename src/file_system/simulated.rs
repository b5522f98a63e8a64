//! What if the power goes, or the disk fails? A file system in memory that does so on command.
//!
//! Never loses what was synced, and never keeps what it was told to lose.

mod calls;
mod pages;
mod state;

use std::path::Path;
use std::sync::Arc;

use crate::file_system::simulated::pages::Pages;
use crate::file_system::simulated::state::State;
use crate::sync::Mutex;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// What becomes of the unsynced pieces when the power goes.
///
/// A piece is a change of one name in a directory, of the length of one file, or of one sector of
/// 512 bytes. They are numbered from 0: names first, then file by file the length and the sectors
/// in order. [`SimFileSystem::unsynced`] counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// None of them are there.
    LoseUnsynced,
    /// All of them are there.
    KeepAll,
    /// All but this one are there.
    Drop(u64),
    /// So many of the first are there and no others: a write torn at that sector.
    Head(u64),
    /// So many of the first are missing and no others: a write that reached the disk from behind.
    Tail(u64),
    /// Piece `n` of the first 64 is there if bit `n` is set; others are not.
    Subset(u64),
    /// Each is there or not as the seed says.
    Random(u64),
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An input/output error. A failed sync loses what it was to write, as on Linux: the next sync
    /// succeeds, the cache shows the bytes until it is dropped, and the disk never had them.
    Eio,
    /// No space is left.
    Enospc,
    /// The quota is used up.
    Edquot,
    /// The file system became read-only.
    Erofs,
    /// Interrupted.
    Eintr,
    /// Half of the bytes are written; of a read, half are read. Other calls do not notice.
    ShortWrite,
}

/// A call that writes, syncs or changes a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// A file is made.
    Create,
    /// Bytes are written.
    Write,
    /// A file gets another length.
    SetLen,
    /// A file is synced.
    Sync,
    /// A file gets another name.
    Rename,
    /// A name is removed.
    Remove,
    /// A directory is synced.
    SyncDirectory,
}

/// A file system in memory: clones are handles to the same one.
///
/// It keeps what programs see apart from what the disk has; [`crash`](Self::crash) shows what a
/// power cut would leave, and pages are shared, so that a million such images are cheap.
///
/// ```
/// use std::path::Path;
/// use cupo::{Crash, FileHandle, FileSystem, SimFileSystem};
///
/// # fn main() -> std::io::Result<()> {
/// let fs = SimFileSystem::new();
/// let file = fs.open(Path::new("d/f"), true)?;
/// file.write_at(0, &[1; 1_024])?;
/// assert_eq!(fs.crash(Crash::LoseUnsynced).bytes("d/f"), None); // not even the name
///
/// fs.sync_directory(Path::new("d"))?;
/// assert_eq!(fs.unsynced(), 3); // the length and two sectors
/// let torn = fs.crash(Crash::Head(2)).bytes("d/f").unwrap();
/// assert_eq!((torn[511], torn[512], torn.len()), (1, 0, 1_024));
///
/// file.sync_all()?;
/// assert_eq!(fs.unsynced(), 0);
/// assert_eq!(fs.crash(Crash::LoseUnsynced).bytes("d/f"), Some(vec![1; 1_024]));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct SimFileSystem(Arc<Mutex<State>>);

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

    /// Makes call number `call` (the first is 1) fail; calls are those that write, sync or change
    /// a directory.
    ///
    /// ```
    /// # use std::path::Path;
    /// # use cupo::{Fault, FileHandle, FileSystem, SimFileSystem};
    /// # fn main() -> std::io::Result<()> {
    /// let fs = SimFileSystem::new();
    /// let file = fs.open(Path::new("d/f"), true)?; // call 1: it is made
    /// fs.sync_directory(Path::new("d"))?; // call 2
    /// file.write_at(0, b"old")?;
    /// file.sync_data()?;
    ///
    /// file.write_at(0, b"new")?;
    /// fs.fail_call(fs.calls() + 1, Fault::Eio);
    /// assert!(file.sync_data().is_err());
    /// assert!(file.sync_data().is_ok(), "the second sync lies, as that of Linux does");
    /// assert_eq!(fs.bytes("d/f").unwrap(), b"new");
    /// file.drop_cache();
    /// assert_eq!(fs.bytes("d/f").unwrap(), b"old");
    /// # Ok(()) }
    /// ```
    pub fn fail_call(&self, call: u64, fault: Fault) {
        self.0.lock().fault = Some((call, fault));
    }

    /// How many such calls were made.
    pub fn calls(&self) -> u64 {
        self.0.lock().count()
    }

    /// The calls made, in order.
    pub fn calls_made(&self) -> Vec<Call> {
        self.0.lock().calls.clone()
    }

    /// Makes read number `read` (the first is 1) fail; reads are the calls that open a file that is
    /// there, list a directory, ask for a length or for bytes.
    pub fn fail_read(&self, read: u64, fault: Fault) {
        self.0.lock().read_fault = Some((read, fault));
    }

    /// How many reads were made.
    pub fn reads(&self) -> u64 {
        self.0.lock().reads
    }

    /// Cuts the power at call number `call`: it and all later calls, reads too, do nothing but
    /// fail. What was unsynced stays so, for [`crash`](Self::crash) to decide.
    ///
    /// ```
    /// # use std::path::Path;
    /// # use cupo::{FileSystem, SimFileSystem};
    /// let fs = SimFileSystem::new();
    /// fs.cut_power(2);
    /// assert!(fs.open(Path::new("d/f"), true).is_ok());
    /// assert!(fs.sync_directory(Path::new("d")).is_err());
    /// assert!(fs.list(Path::new("d")).is_err());
    /// assert_eq!(fs.unsynced(), 1);
    /// ```
    pub fn cut_power(&self, call: u64) {
        self.0.lock().off = Some(call);
    }

    /// The most bytes that all files may have; `None` for no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.0.lock().capacity = bytes;
    }

    /// How many pieces a power cut could lose now; [`Crash`] says what a piece is.
    pub fn unsynced(&self) -> u64 {
        let mut count = 0;
        self.0.lock().after(&mut || {
            count += 1;
            true
        });
        count
    }

    /// A file system as the power cut leaves it. This one stays as it is, so that one history can
    /// be cut in many ways.
    #[must_use]
    pub fn crash(&self, crash: Crash) -> Self {
        let mut random = match crash {
            Crash::Random(seed) => seed,
            _ => 0,
        };
        let mut next = 0;
        let mut keep = || {
            let piece = next;
            next += 1;
            match crash {
                Crash::LoseUnsynced => false,
                Crash::KeepAll => true,
                Crash::Drop(one) => piece != one,
                Crash::Head(count) => piece < count,
                Crash::Tail(count) => piece >= count,
                Crash::Subset(mask) => piece < 64 && mask & 1 << piece != 0,
                Crash::Random(_) => mixed(&mut random) & 1 == 0,
            }
        };
        let after = self.0.lock().after(&mut keep);
        Self(Arc::new(Mutex::new(after)))
    }

    /// The bytes of a file as programs see them: `None` if there is no such file.
    pub fn bytes(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        Some(self.0.lock().named(path.as_ref())?.now.to_vec())
    }

    /// Damages a file: puts bytes into it, on the disk too, and lengthens it if need be. Says
    /// whether there is such a file.
    pub fn damage(&self, path: impl AsRef<Path>, offset: usize, bytes: &[u8]) -> bool {
        let change = |pages: &mut Pages| pages.write(offset, bytes);
        self.0.lock().named(path.as_ref()).map(|inode| inode.damage(change)).is_some()
    }

    /// Damages a file: gives it another length, on the disk too. Says whether there is such a file.
    pub fn damage_len(&self, path: impl AsRef<Path>, length: usize) -> bool {
        let change = |pages: &mut Pages| pages.resize(length);
        self.0.lock().named(path.as_ref()).map(|inode| inode.damage(change)).is_some()
    }

    /// Damages a file in any way, on the disk too: `None` if there is no such file. It copies the
    /// whole file; [`damage`](Self::damage) does not.
    pub fn with_bytes<T>(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>) -> T) -> Option<T> {
        let mut state = self.0.lock();
        let inode = state.named(path)?;
        let mut bytes = inode.now.to_vec();
        let result = change(&mut bytes);
        inode.damage(|pages| *pages = Pages::of(&bytes));
        Some(result)
    }
}

/// splitmix64 (Steele, Lea, Flood 2014).
fn mixed(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut word = *state;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
