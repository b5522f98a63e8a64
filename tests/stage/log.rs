//! What does a log go through, given one number? Scripts of the directory store for tests.
//!
//! Frames follow from the script and their position, so that any log found can be checked.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::Read;
use std::ops::{ControlFlow, RangeInclusive};

use cupo::log_store::{Appended, LogStore, SnapshotName};
use cupo::{
    DirectoryOptions, DirectoryReader, DirectoryStore, Durability, SimFileSystem, StorageError,
};

pub const DIR: &str = "log";
pub type Store = DirectoryStore<SimFileSystem>;

pub fn open(fs: &SimFileSystem, durability: Durability) -> Result<Store, StorageError> {
    open_with(fs, durability, 64 << 10)
}

pub fn open_with(
    fs: &SimFileSystem,
    durability: Durability,
    segment_bytes: u64,
) -> Result<Store, StorageError> {
    let options = DirectoryOptions { durability, segment_bytes, background: false, seed: Some(9) };
    DirectoryStore::open(fs.clone(), DIR, options)
}

/// A history of one store.
#[derive(Clone, Copy, Debug)]
pub struct Script {
    pub seed: u64,
    pub durability: Durability,
    pub frames: u64,
    /// No frame is longer.
    pub frame_max: u64,
    /// Settle after each so-manieth frame; never if 0.
    pub settle: u64,
    /// A snapshot, and a cut of the log below it, after each so-manieth frame; never if 0.
    pub snapshot: u64,
    /// Close and open again after this frame; never if 0.
    pub reopen: u64,
    pub close: bool,
}

fn mix(seed: u64) -> u64 {
    let a = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let b = (a ^ (a >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    b ^ (b >> 31)
}

impl Script {
    pub fn of(seed: u64) -> Self {
        let of = |what: u64, choices: &[u64]| {
            choices[(mix(seed * 8 + what) % choices.len() as u64) as usize]
        };
        let durability = [Durability::Synced, Durability::SyncedTwice, Durability::Buffered];
        Self {
            seed,
            durability: durability[(seed % 3) as usize],
            frames: of(1, &[6, 12, 20]),
            frame_max: of(2, &[300, 4_500, 9_000, 16_000]),
            settle: of(3, &[0, 3, 7]),
            snapshot: of(4, &[0, 5, 5, 9]),
            reopen: of(5, &[0, 4, 8]),
            close: of(6, &[0, 1]) == 1,
        }
    }

    /// The frame of a position: of different lengths.
    pub fn frame(&self, position: u64) -> Vec<u8> {
        let length = 1 + mix(self.seed ^ position << 32) % self.frame_max;
        (0..length).map(|n| (n * 31 + position * 7 + self.seed) as u8 | 1).collect()
    }

    pub fn state(&self, position: u64) -> Vec<u8> {
        self.frame(position ^ 1 << 20)
    }

    /// Runs until something fails; answers with the last frame that must survive a power cut.
    pub fn run(&self, fs: &SimFileSystem) -> u64 {
        let mut safe = 0;
        let _ = self.steps(fs, &mut safe);
        safe
    }

    fn steps(&self, fs: &SimFileSystem, safe: &mut u64) -> Result<(), StorageError> {
        let mut store = open(fs, self.durability)?;
        let mut claimed = store.claim()?;
        let every = |step: u64, position: u64| step > 0 && position.is_multiple_of(step);
        for position in 1..=self.frames {
            match store.append(claimed.epoch, position, &self.frame(position)) {
                Appended::Stored if self.durability == Durability::Buffered => {}
                Appended::Stored => *safe = position,
                Appended::Broken(error) => {
                    self.broken_stays_broken(&store, claimed.epoch, position);
                    return Err(error);
                }
                other => panic!("{self:?}: {other:?}"),
            }
            if every(self.settle, position) {
                store.settle(false)?;
                *safe = position;
            }
            if every(self.snapshot, position) {
                store.settle(false)?;
                *safe = position;
                let state = self.state(position);
                store.put_snapshot(position, &mut |out| out.write_all(&state))?;
                store.truncate(position - 2, 2)?;
            }
            if position == self.reopen {
                if position.is_multiple_of(8) {
                    store.settle(true)?;
                }
                drop(store);
                store = open(fs, self.durability)?;
                claimed = store.claim()?;
                // What a recovery found it has made safe.
                *safe = position;
                assert_eq!(claimed.last, position, "{self:?}");
            }
        }
        if self.close {
            store.settle(true)?;
            *safe = self.frames;
        }
        Ok(())
    }

    fn broken_stays_broken(&self, store: &Store, epoch: u64, position: u64) {
        let again = store.append(epoch, position, &self.frame(position));
        assert!(matches!(again, Appended::Broken(_)), "broken stays broken: {again:?}");
        assert!(store.settle(false).is_err(), "broken stays broken");
    }

    /// Appends these frames, which are to be stored.
    pub fn append(&self, store: &Store, epoch: u64, positions: RangeInclusive<u64>) {
        for position in positions {
            let appended = store.append(epoch, position, &self.frame(position));
            assert!(matches!(appended, Appended::Stored), "{self:?}: {appended:?}");
        }
    }

    /// Whether the log and the snapshots are this history, from the newest snapshot on.
    pub fn verify(&self, store: &impl LogStore, last: u64) -> Result<(), StorageError> {
        let snapshots = store.snapshots()?;
        for name in &snapshots {
            self.verify_snapshot(store, *name)?;
        }
        let upto = snapshots.first().map_or(0, |name| name.position);
        assert!(store.first() <= upto + 1, "a gap: {} after {upto}", store.first());
        let mut next = store.first();
        store.read(next, last, &mut |position, bytes| {
            assert_eq!(position, next, "{self:?}");
            assert!(bytes == self.frame(next), "{self:?}: another frame at {next}");
            next += 1;
            ControlFlow::Continue(())
        })?;
        assert!(next == last + 1 || next > last, "{self:?}: {next} after {last}");
        Ok(())
    }

    fn verify_snapshot(
        &self,
        store: &impl LogStore,
        name: SnapshotName,
    ) -> Result<(), StorageError> {
        let mut bytes = Vec::new();
        store.get_snapshot(name, &mut |input: &mut dyn Read| {
            bytes.clear();
            input.read_to_end(&mut bytes).map(|_| ())
        })?;
        assert!(bytes == self.state(name.position), "{self:?}: another snapshot, {name:?}");
        Ok(())
    }
}

/// Recovers; the log is a prefix of the history with all that is `acknowledged`, goes on, and says
/// the same when opened again. Answers with the last frame found.
pub fn check(script: &Script, fs: &SimFileSystem, acknowledged: u64, what: &str) -> u64 {
    let fail = |error: StorageError| -> ! { panic!("{what}: {error}") };
    let store = open(fs, script.durability).unwrap_or_else(|error| fail(error));
    let claimed = store.claim().unwrap_or_else(|error| fail(error));
    let last = claimed.last;
    assert!(last >= acknowledged, "{what}: {last} < {acknowledged}");
    assert!(last <= script.frames, "{what}: {last} was never written");
    script.verify(&store, last).unwrap_or_else(|error| fail(error));
    script.append(&store, claimed.epoch, last + 1..=last + 1);
    drop(store);
    let reader = DirectoryReader::open_in(fs.clone(), DIR.as_ref());
    let reader = reader.unwrap_or_else(|error| fail(error));
    assert_eq!(reader.last(), last + 1, "{what}, read again");
    script.verify(&reader, last + 1).unwrap_or_else(|error| fail(error));
    // A whole recovery costs more, and says the same.
    if last % 4 == script.seed % 4 {
        let store = open(fs, script.durability).unwrap_or_else(|error| fail(error));
        let again = store.claim().unwrap_or_else(|error| fail(error));
        assert_eq!((again.last, again.epoch), (last + 1, claimed.epoch + 1), "{what}, again");
    }
    last
}
