//! What is on the disk after the power went? Any choice of what was not yet synced.
//!
//! Never loses what was synced, and takes each choice the same way every time.

use std::ops::Range;
use std::sync::Arc;

use super::{Inode, SimFileSystem, State};
use crate::sync::Mutex;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// What becomes of unsynced writes when the power goes. Pieces are what a disk writes whole or not
/// at all: each change of a directory, then for each file its length and its sectors, in order.
/// [`SimFileSystem::unsynced`] tells how many there are; the first is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// None of them are there.
    LoseUnsynced,
    /// All of them are there.
    KeepAll,
    /// Each piece is there or not as the seed says.
    Random(u64),
    /// All pieces but this one are there.
    Drop(usize),
    /// Only so many pieces from the first are there: a write torn.
    Upto(usize),
    /// Only this piece and those after it are there: a write torn at its other end.
    From(usize),
    /// Piece n is there if bit n is set; none from 64 on.
    Subset(u64),
}

impl Crash {
    /// Answers for one piece after the other.
    fn choice(self) -> impl FnMut() -> bool {
        let mut piece = 0;
        let mut random = match self {
            Self::Random(seed) => seed | 1,
            _ => 1,
        };
        move || {
            let n = piece;
            piece += 1;
            match self {
                Self::LoseUnsynced => false,
                Self::KeepAll => true,
                Self::Random(_) => {
                    // xorshift64 (Marsaglia 2003).
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    random & 1 == 0
                }
                Self::Drop(dropped) => n != dropped,
                Self::Upto(end) => n < end,
                Self::From(start) => n >= start,
                Self::Subset(mask) => n < 64 && mask & (1 << n) != 0,
            }
        }
    }
}

impl SimFileSystem {
    /// A file system as the power cut leaves it. This one stays as it is, so that one history can
    /// be cut in many ways; bytes that both have are shared until written.
    #[must_use]
    pub fn crash(&self, crash: Crash) -> Self {
        let state = self.0.lock();
        Self(Arc::new(Mutex::new(state.after(&mut crash.choice()))))
    }

    /// How many pieces are not synced: sectors, lengths and changes of directories.
    pub fn unsynced(&self) -> usize {
        let mut pieces = 0;
        let state = self.0.lock();
        state.after(&mut || {
            pieces += 1;
            false
        });
        pieces
    }
}

impl State {
    fn after(&self, keep: &mut impl FnMut() -> bool) -> Self {
        let mut names = self.durable_names.clone();
        for (path, inode) in &self.names {
            if self.durable_names.get(path) != Some(inode) && keep() {
                names.retain(|_, other| other != inode);
                names.insert(path.clone(), *inode);
            }
        }
        for (path, inode) in &self.durable_names {
            // A file of another name now was renamed, above: whole or not at all.
            let renamed = self.names.values().any(|other| other == inode);
            if !self.names.contains_key(path) && !renamed && keep() {
                names.remove(path);
            }
        }
        let inodes = self.inodes.iter().map(|inode| inode.after(keep)).collect();
        let capacity = self.capacity;
        Self { inodes, durable_names: names.clone(), names, capacity, ..Self::default() }
    }
}

impl Inode {
    /// Remembers what the disk has of these bytes, before they are changed.
    pub(super) fn keep_older(&mut self, bytes: Range<usize>) {
        let Self { now, length, older, .. } = self;
        let end = bytes.end.min(*length);
        if bytes.start < end {
            for n in bytes.start / SECTOR..end.div_ceil(SECTOR) {
                let sector = n * SECTOR..((n + 1) * SECTOR).min(*length);
                let found = || now.get(sector).unwrap_or(&[]).to_vec();
                older.entry(n).or_insert_with(found);
            }
        }
    }

    /// What programs see is on the disk.
    pub(super) fn synced(&mut self) {
        self.length = self.now.len();
        self.older.clear();
    }

    /// What the disk has.
    pub(super) fn durable(&self) -> Arc<Vec<u8>> {
        let mut durable = self.now.clone();
        if durable.len() != self.length {
            Arc::make_mut(&mut durable).resize(self.length, 0);
        }
        for (n, old) in &self.older {
            put(&mut durable, n * SECTOR, old);
        }
        durable
    }

    fn after(&self, keep: &mut impl FnMut() -> bool) -> Self {
        let mut disk = self.durable();
        if !self.lost {
            self.keep_pieces(&mut disk, keep);
        }
        Self { length: disk.len(), now: disk, ..Self::default() }
    }

    fn keep_pieces(&self, disk: &mut Arc<Vec<u8>>, keep: &mut impl FnMut() -> bool) {
        if self.now.len() != self.length && keep() {
            Arc::make_mut(disk).resize(self.now.len(), 0);
        }
        let first_new = self.length / SECTOR;
        let written = self.older.keys().copied().take_while(|n| *n < first_new);
        for n in written.chain(first_new..self.now.len().div_ceil(SECTOR)) {
            let (start, end) = (n * SECTOR, ((n + 1) * SECTOR).min(self.now.len()));
            let new = self.now.get(start..end).unwrap_or(&[]);
            let old = disk.get(start..end.min(self.length)).unwrap_or(&[]);
            let (same, more) = new.split_at_checked(old.len()).unwrap_or((new, &[]));
            if same == old && more.iter().all(|byte| *byte == 0) {
                continue;
            }
            // A sector past the end of a file whose new length is lost is lost with it.
            if keep() {
                put(disk, start, new);
            }
        }
    }
}

/// Writes as much of the bytes as there is room for.
fn put(disk: &mut Arc<Vec<u8>>, start: usize, bytes: &[u8]) {
    let end = (start + bytes.len()).min(disk.len());
    if start < end
        && let Some(space) = Arc::make_mut(disk).get_mut(start..end)
        && let Some(bytes) = bytes.get(..end - start)
    {
        space.copy_from_slice(bytes);
    }
}
