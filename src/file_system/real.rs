//! How does the operating system do it? The real file system.
//!
//! Never retries and never caches.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::file_system::{FileHandle, FileSystem};
use crate::planted::planted;

/// The machine's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealFileSystem;

impl FileSystem for RealFileSystem {
    type File = File;

    fn open(&self, path: &Path, create: bool) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(create).truncate(false).open(path)
    }

    fn lock(&self, path: &Path) -> io::Result<File> {
        let file = self.open(path, true)?;
        if planted("open_to_all") {
            return Ok(file);
        }
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn unlock(&self, lock: &File) {
        // If it fails, the lock ends with the file.
        let _ = lock.unlock();
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(directory)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        Ok(names)
    }

    fn create_directory(&self, directory: &Path) -> io::Result<()> {
        let missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        let made = directory.ancestors().take_while(missing).count().max(1);
        fs::create_dir_all(directory)?;
        for made in directory.ancestors().take(made) {
            let Some(parent) = made.parent() else { break };
            let here = parent.as_os_str().is_empty();
            match self.sync_directory(if here { Path::new(".") } else { parent }) {
                // What stands there already need not be ours to read.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                other => other?,
            }
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        FileHandle::sync_all(&File::open(directory)?)
    }
}

impl FileHandle for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        FileExt::write_at(self, bytes, offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        Self::set_len(self, length)
    }

    fn sync_data(&self) -> io::Result<()> {
        // The standard library would try again after EINTR; a sync is never tried again.
        #[cfg(target_os = "linux")]
        return Ok(rustix::fs::fdatasync(self)?);
        #[cfg(not(target_os = "linux"))]
        Self::sync_data(self)
    }

    fn sync_all(&self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        return Ok(rustix::fs::fsync(self)?);
        #[cfg(not(target_os = "linux"))]
        Self::sync_all(self)
    }

    fn drop_cache(&self) {
        #[cfg(target_os = "linux")]
        {
            // Best effort: what is read next is checked either way.
            let _ = rustix::fs::fadvise(self, 0, None, rustix::fs::Advice::DontNeed);
        }
    }
}
