//! How does the simulated file system answer the calls of the store?
//!
//! Never more than the trait asks: what goes wrong was said before.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::file_system::simulated::state::{Inode, State};
use crate::file_system::simulated::{Call, SimFile, SimFileSystem};
use crate::file_system::{FileHandle, FileSystem};
use crate::sync::Mutex;

impl FileSystem for SimFileSystem {
    type File = SimFile;

    fn open(&self, path: &Path, create: bool) -> io::Result<SimFile> {
        let mut state = self.0.lock();
        let inode = match state.names.get(path).copied() {
            Some(inode) => {
                state.read()?;
                inode
            }
            None if create => {
                state.call(Call::Create)?;
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
        drop(state);
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
        state.call(Call::Rename)?;
        let inode = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_path_buf(), inode);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.call(Call::Remove)?;
        state.names.remove(path).map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.call(Call::SyncDirectory)?;
        let here = |path: &Path| path.parent() == Some(directory);
        let now: Vec<_> = state.names.iter().map(|(path, inode)| (path.clone(), *inode)).collect();
        state.durable_names.retain(|path, _| !here(path));
        state.durable_names.extend(now.into_iter().filter(|(path, _)| here(path)));
        Ok(())
    }
}

impl SimFile {
    fn with<T>(&self, answer: impl FnOnce(&mut Inode) -> T) -> io::Result<T> {
        let mut state = self.state.lock();
        let inode = state.inodes.get_mut(self.inode).ok_or(io::ErrorKind::NotFound)?;
        Ok(answer(inode))
    }

    fn state(&self) -> &Arc<Mutex<State>> {
        &self.state
    }
}

impl FileHandle for SimFile {
    fn len(&self) -> io::Result<u64> {
        self.state().lock().read()?;
        self.with(|inode| inode.now.len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let short = self.state().lock().read()? && buffer.len() > 1;
        let half = buffer.len() / 2;
        let buffer = if short { buffer.get_mut(..half).unwrap_or_default() } else { buffer };
        let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.with(|inode| inode.now.read(offset, buffer))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state().lock();
        let short = state.call(Call::Write)? && bytes.len() > 1;
        let bytes = if short { bytes.get(..bytes.len() / 2).unwrap_or(bytes) } else { bytes };
        let left = state.capacity.map(|capacity| capacity.saturating_sub(state.used()));
        let inode = state.inodes.get_mut(self.inode).ok_or(io::ErrorKind::NotFound)?;
        let from = usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
        let more = (from + bytes.len()).saturating_sub(inode.now.len()) as u64;
        if more > 0 && left.is_some_and(|left| more > left) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        inode.write(from, bytes);
        Ok(bytes.len())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.state().lock().call(Call::SetLen)?;
        let length = usize::try_from(length).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.with(|inode| inode.set_len(length))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.state().lock().sync(self.inode)
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn drop_cache(&self) {
        // As `posix_fadvise`: advice is not answered.
        let _ = self.with(Inode::drop_cache);
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        if self.holds_lock {
            let _ = self.with(|inode| inode.locked = false);
        }
    }
}
