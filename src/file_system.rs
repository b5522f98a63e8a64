//! How does a directory store touch the disk? The few calls it needs, real or simulated.
//!
//! Never retries, never caches, never interprets a byte.

mod real;
mod simulated;

use std::fmt;
use std::io;
use std::path::Path;

pub use real::RealFileSystem;
pub use simulated::{Crash, Fault, SimFile, SimFileSystem};

/// The calls that the directory store makes, and no others.
pub trait FileSystem: Send + Sync + fmt::Debug + 'static {
    /// An open file.
    type File: FileHandle;

    /// Opens a file for reading and writing; makes it if `create`.
    ///
    /// # Errors
    /// The system's.
    fn open(&self, path: &Path, create: bool) -> io::Result<Self::File>;
    /// Opens a file and locks it against every other opener; `WouldBlock` if it is locked.
    ///
    /// # Errors
    /// The system's.
    fn lock(&self, path: &Path) -> io::Result<Self::File>;
    /// Gives a lock up, before its file is closed: a process started at that moment has a copy of
    /// the open file for a while, and the lock would last as long.
    fn unlock(&self, _lock: &Self::File) {}
    /// The names in a directory.
    ///
    /// # Errors
    /// The system's.
    fn list(&self, directory: &Path) -> io::Result<Vec<String>>;
    /// Makes a directory and its parents, durably.
    ///
    /// # Errors
    /// The system's.
    fn create_directory(&self, directory: &Path) -> io::Result<()>;
    /// Renames a file, replacing any of the new name.
    ///
    /// # Errors
    /// The system's.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// The system's.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes renames, creations and removals in a directory durable.
    ///
    /// # Errors
    /// The system's.
    fn sync_directory(&self, directory: &Path) -> io::Result<()>;
}

/// An open file. Positions are explicit: there is no cursor.
pub trait FileHandle: Send + Sync + fmt::Debug + 'static {
    /// Its length in bytes.
    ///
    /// # Errors
    /// The system's.
    fn len(&self) -> io::Result<u64>;
    /// Whether it has no bytes.
    ///
    /// # Errors
    /// The system's.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Reads some of `buffer.len()` bytes, none only at the end of the file; the caller goes on
    /// with the rest.
    ///
    /// # Errors
    /// The system's.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
    /// Writes some of `bytes`, as the system does; the caller goes on with the rest.
    ///
    /// # Errors
    /// The system's.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize>;
    /// Cuts or extends the file.
    ///
    /// # Errors
    /// The system's.
    fn set_len(&self, length: u64) -> io::Result<()>;
    /// Makes the bytes durable (`fdatasync`).
    ///
    /// # Errors
    /// The system's.
    fn sync_data(&self) -> io::Result<()>;
    /// Makes bytes and length durable (`fsync`).
    ///
    /// # Errors
    /// The system's.
    fn sync_all(&self) -> io::Result<()>;
    /// Asks for cached pages to be dropped, so that the next read comes from the disk.
    fn drop_cache(&self);
}
