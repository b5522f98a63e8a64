//! What is on the disk after the power went? Any choice of what was not yet synced.
//!
//! Never loses what was synced, and takes each choice the same way every time.

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
    fn after(&self, keep: &mut impl FnMut() -> bool) -> Self {
        let mut durable = self.durable.clone();
        if !self.lost && !Arc::ptr_eq(&self.now, &self.durable) {
            self.keep_pieces(&mut durable, keep);
        }
        Self { now: durable.clone(), durable, ..Self::default() }
    }

    fn keep_pieces(&self, durable: &mut Arc<Vec<u8>>, keep: &mut impl FnMut() -> bool) {
        if self.now.len() != self.durable.len() && keep() {
            Arc::make_mut(durable).resize(self.now.len(), 0);
        }
        for (n, new) in self.now.chunks(SECTOR).enumerate() {
            let start = n * SECTOR;
            let end = start + new.len();
            let old = self.durable.get(start..end.min(self.durable.len())).unwrap_or(&[]);
            let (same, more) = new.split_at_checked(old.len()).unwrap_or((new, &[]));
            if same == old && more.iter().all(|byte| *byte == 0) {
                continue;
            }
            if !keep() {
                continue;
            }
            // A sector past the end of a file whose new length is lost is lost with it.
            let end = end.min(durable.len());
            if start < end
                && let Some(space) = Arc::make_mut(durable).get_mut(start..end)
                && let Some(new) = new.get(..end - start)
            {
                space.copy_from_slice(new);
            }
        }
    }
}
