//! What is in the cache and what is on the disk? And what a power cut makes of the difference.
//!
//! Never decides which pieces are lost: it asks.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use crate::file_system::simulated::pages::{PAGE, Pages};
use crate::file_system::simulated::{Call, Fault, SECTOR};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) inodes: Vec<Inode>,
    /// Names as programs see them, and as the disk has them.
    pub(super) names: BTreeMap<PathBuf, usize>,
    pub(super) durable_names: BTreeMap<PathBuf, usize>,
    pub(super) calls: Vec<Call>,
    pub(super) reads: u64,
    pub(super) fault: Option<(u64, Fault)>,
    pub(super) read_fault: Option<(u64, Fault)>,
    /// From this call on there is no power.
    pub(super) off: Option<u64>,
    pub(super) capacity: Option<u64>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    /// As programs see it, and as the disk has it.
    pub(super) now: Pages,
    pub(super) durable: Pages,
    /// Pages written since the last sync.
    dirty: BTreeSet<usize>,
    /// Pages whose sync failed: in the cache and clean, but not on the disk.
    lost: BTreeSet<usize>,
    pub(super) locked: bool,
}

impl Inode {
    fn at_rest(pages: Pages) -> Self {
        Self { now: pages.clone(), durable: pages, ..Self::default() }
    }

    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        let from = offset.min(self.now.len());
        self.dirty.extend(from / PAGE..(offset + bytes.len()).div_ceil(PAGE));
        self.now.write(offset, bytes);
    }

    pub(super) fn set_len(&mut self, length: usize) {
        let (from, upto) = (length.min(self.now.len()), length.max(self.now.len()));
        self.dirty.extend(from / PAGE..upto.div_ceil(PAGE));
        self.now.resize(length);
    }

    pub(super) fn sync(&mut self) {
        self.durable.resize(self.now.len());
        for page in std::mem::take(&mut self.dirty) {
            self.durable.take(page, &self.now);
            self.lost.remove(&page);
        }
    }

    /// The pages are marked clean all the same: programs still see them, the disk does not get
    /// them unless they are written again.
    pub(super) fn fail_sync(&mut self) {
        self.lost.append(&mut self.dirty);
    }

    pub(super) fn drop_cache(&mut self) {
        for page in std::mem::take(&mut self.lost) {
            if self.dirty.contains(&page) {
                self.lost.insert(page);
            } else {
                self.now.take(page, &self.durable);
            }
        }
    }

    /// Damages the disk and the cache alike.
    pub(super) fn damage(&mut self, change: impl Fn(&mut Pages)) {
        change(&mut self.now);
        change(&mut self.durable);
    }

    fn after(&self, keep: &mut dyn FnMut() -> bool) -> Self {
        let mut after = self.durable.clone();
        if self.now.len() != after.len() && keep() {
            after.resize(self.now.len());
        }
        for page in &self.dirty {
            for sector in 0..PAGE / SECTOR {
                let new = self.now.sector(*page, sector);
                let inside = page * PAGE + sector * SECTOR < self.now.len();
                if inside && new != self.durable.sector(*page, sector) && keep() {
                    after.put_sector(*page, sector, new);
                }
            }
        }
        Self::at_rest(after)
    }
}

impl State {
    /// What the power cut leaves. Asks of each piece, in a fixed order, whether it is kept: changes
    /// of directories first, then of each file the length and the sectors.
    pub(super) fn after(&self, keep: &mut dyn FnMut() -> bool) -> Self {
        let mut names = self.durable_names.clone();
        for (path, inode) in &self.names {
            if names.get(path) != Some(inode) && keep() {
                // A rename is one change: the new name comes as the old one goes.
                names.retain(|_, other| other != inode);
                names.insert(path.clone(), *inode);
            }
        }
        for (path, inode) in &self.durable_names {
            let moved = self.names.values().any(|other| other == inode);
            if !self.names.contains_key(path) && !moved && keep() {
                names.remove(path);
            }
        }
        let named: BTreeSet<usize> = names.values().copied().collect();
        let inode = |(n, inode): (usize, &Inode)| {
            let after = inode.after(keep);
            if named.contains(&n) { after } else { Inode::default() }
        };
        let inodes = self.inodes.iter().enumerate().map(inode).collect();
        let capacity = self.capacity;
        Self { inodes, durable_names: names.clone(), names, capacity, ..Self::default() }
    }

    pub(super) fn named(&mut self, path: &Path) -> Option<&mut Inode> {
        let inode = *self.names.get(path)?;
        self.inodes.get_mut(inode)
    }

    /// The bytes of all files that have a name.
    pub(super) fn used(&self) -> u64 {
        let length = |inode: &usize| self.inodes.get(*inode).map_or(0, |inode| inode.now.len());
        self.names.values().map(|inode| length(inode) as u64).sum()
    }

    /// How many calls were made.
    pub(super) fn count(&self) -> u64 {
        self.calls.len() as u64
    }

    fn has_power(&self) -> io::Result<()> {
        if self.off.is_some_and(|off| off <= self.count()) { Err(eio()) } else { Ok(()) }
    }

    /// Counts a call and says whether it is the one to fail, and whether by half.
    pub(super) fn call(&mut self, call: Call) -> io::Result<bool> {
        self.calls.push(call);
        self.has_power()?;
        let count = self.count();
        self.fault
            .filter(|(call, _)| *call == count)
            .map_or(Ok(false), |(_, fault)| fault.error().map_or(Ok(true), Err))
    }

    /// The same for a call that only reads.
    pub(super) fn read(&mut self) -> io::Result<bool> {
        self.reads += 1;
        self.has_power()?;
        self.read_fault
            .filter(|(read, _)| *read == self.reads)
            .map_or(Ok(false), |(_, fault)| fault.error().map_or(Ok(true), Err))
    }

    /// A sync that fails loses what it was to write; one without power decides nothing.
    pub(super) fn sync(&mut self, inode: usize) -> io::Result<()> {
        let called = self.call(Call::Sync);
        let on = self.has_power().is_ok();
        let Some(inode) = self.inodes.get_mut(inode) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        match called {
            Ok(_) => inode.sync(),
            Err(_) if on => inode.fail_sync(),
            Err(_) => {}
        }
        called.map(drop)
    }
}

fn eio() -> io::Error {
    io::Error::from_raw_os_error(5)
}

impl Fault {
    fn error(self) -> Option<io::Error> {
        Some(match self {
            Self::Eio => eio(),
            Self::Enospc => io::ErrorKind::StorageFull.into(),
            Self::Edquot => io::ErrorKind::QuotaExceeded.into(),
            Self::Erofs => io::ErrorKind::ReadOnlyFilesystem.into(),
            Self::Eintr => io::ErrorKind::Interrupted.into(),
            Self::ShortWrite => return None,
        })
    }
}
