//! A log on a simulated disk, and what must still be there whatever happened to it.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::Read;
use std::ops::ControlFlow;

use cupo::log_store::{Appended, Claimed, LogStore, SnapshotName};
use cupo::{DirectoryOptions, DirectoryStore, Durability, SimFileSystem, StorageError};

pub const DIR: &str = "log";
pub type Store = DirectoryStore<SimFileSystem>;

/// One thing that the owner of a log does.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Appends a frame of so many bytes.
    Frame(usize),
    Settle,
    Snapshot,
    /// Cuts the log below the older of two snapshots.
    Cut,
    /// Dies and comes back, while the machine stays on.
    Die,
    /// Closes in order and comes back.
    Close,
    Archive,
}

/// What an owner does, and the frames that this writes.
#[derive(Debug)]
pub struct Script {
    pub durability: Durability,
    pub segment_bytes: u64,
    /// Of the salts.
    pub seed: u64,
    pub steps: Vec<Step>,
    pub frames: Vec<Vec<u8>>,
}

/// How far a script came.
#[derive(Clone, Debug, Default)]
pub struct Reached {
    /// Frames the store said it has.
    pub written: u64,
    /// Frames that must survive the loss of power.
    pub durable: u64,
    /// The newest snapshot it said it has.
    pub snapshot: u64,
    /// Times it was full, and went on when there was room.
    pub full: u64,
    /// What ended it early.
    pub error: Option<StorageError>,
}

/// A sequence of numbers that follows from its seed: splitmix64 (Steele, Lea, Flood 2014).
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let a = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let b = (a ^ (a >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (b ^ (b >> 31)) % bound
    }
}

fn frame(position: u64, length: usize) -> Vec<u8> {
    (0..length as u64).map(|n| (n * 31 + position * 7 + n / 251) as u8 | 1).collect()
}

impl Script {
    pub fn new(durability: Durability, steps: Vec<Step>) -> Self {
        let lengths = steps.iter().filter_map(|step| match step {
            Step::Frame(length) => Some(*length),
            _ => None,
        });
        let frames = (1..).zip(lengths).map(|(position, length)| frame(position, length)).collect();
        Self { durability, segment_bytes: 64 << 10, seed: 7, steps, frames }
    }

    /// A script that follows from a seed, with frames of up to `blocks` blocks.
    pub fn seeded(seed: u64, steps: usize, blocks: u64) -> Self {
        let mut dice = Dice(seed);
        let kinds = [Durability::Synced, Durability::SyncedTwice, Durability::Buffered];
        let durability = kinds[dice.below(4) as usize % 3];
        let mut step = |_| {
            let most = 64 * dice.below(blocks).max(1);
            let lines = dice.below(most);
            match dice.below(16) {
                0..8 => Step::Frame(64 * (1 + lines) as usize),
                8 | 9 => Step::Frame(15 << 10),
                10 => Step::Settle,
                11 => Step::Snapshot,
                12 => Step::Cut,
                13 => Step::Die,
                14 => Step::Close,
                _ => Step::Archive,
            }
        };
        Self::new(durability, (0..steps).map(&mut step).collect())
    }

    pub fn open(&self, fs: &SimFileSystem) -> Result<(Store, Claimed), StorageError> {
        let options = DirectoryOptions {
            durability: self.durability,
            segment_bytes: self.segment_bytes,
            background: false,
            seed: Some(self.seed),
        };
        let store = DirectoryStore::open(fs.clone(), DIR, options)?;
        let claimed = store.claim()?;
        Ok((store, claimed))
    }

    /// Does all of it, or as much as the disk allows.
    pub fn run(&self, fs: &SimFileSystem) -> Reached {
        let mut at = Reached::default();
        at.error = self.walk(fs, &mut at).err();
        at
    }

    fn walk(&self, fs: &SimFileSystem, at: &mut Reached) -> Result<(), StorageError> {
        let (mut store, mut claimed) = self.open(fs)?;
        for step in &self.steps {
            match step {
                Step::Frame(_) => self.append(&store, claimed.epoch, at, fs)?,
                Step::Settle => {
                    latched(&store, store.settle(false), claimed.epoch, at.written, fs)?;
                    at.durable = at.written;
                }
                Step::Snapshot => {
                    let text = snapshot_text(at.written);
                    store.put_snapshot(at.written, &mut |out| out.write_all(&text))?;
                    (at.snapshot, at.durable) = (at.written, at.written);
                }
                Step::Cut => {
                    let kept = store.snapshots()?;
                    if let Some(older) = kept.get(1) {
                        store.truncate(older.position, 2)?;
                    }
                }
                Step::Die | Step::Close => {
                    if matches!(step, Step::Close) {
                        latched(&store, store.settle(true), claimed.epoch, at.written, fs)?;
                        at.durable = at.written;
                    }
                    drop(store);
                    let before = claimed.epoch;
                    (store, claimed) = self.open(fs)?;
                    assert!(claimed.epoch > before, "the epoch rises");
                    assert_eq!(claimed.last, at.written, "the process died, the machine did not");
                    at.durable = at.written;
                }
                Step::Archive => store.archive("2026-12", b"{\"line\":1}\n")?,
            }
        }
        Ok(())
    }

    fn append(
        &self,
        store: &Store,
        epoch: u64,
        at: &mut Reached,
        fs: &SimFileSystem,
    ) -> Result<(), StorageError> {
        let next = at.written + 1;
        let bytes = &self.frames[at.written as usize];
        let mut appended = store.append(epoch, next, bytes);
        if matches!(appended, Appended::Full) {
            at.full += 1;
            appended = store.append(epoch, next, bytes);
        }
        let appended = match appended {
            Appended::Stored => Ok(()),
            Appended::Broken(error) => Err(error),
            other => panic!("{other:?}"),
        };
        latched(store, appended, epoch, at.written, fs)?;
        at.written = next;
        if self.durability != Durability::Buffered {
            at.durable = next;
        }
        Ok(())
    }

    /// Recovers, and checks that the log is a prefix of what was written that holds all that is
    /// durable, that snapshots are whole, and that the log goes on. Answers with the last frame.
    pub fn check(&self, fs: &SimFileSystem, at: &Reached, what: &dyn Fn() -> String) -> u64 {
        let fail = |error: StorageError| -> ! { panic!("{}: {error}", what()) };
        let (store, claimed) = self.open(fs).unwrap_or_else(|error| fail(error));
        let last = claimed.last;
        let bounds = at.durable..=at.written + 1;
        assert!(bounds.contains(&last), "{}: {last} is not in {bounds:?}", what());
        self.same(&store, last).unwrap_or_else(|error| fail(error));
        let snapshots = store.snapshots().unwrap_or_else(|error| fail(error));
        let newest = snapshots.first().map_or(0, |name| name.position);
        assert!(newest >= at.snapshot && newest <= last, "{}: snapshot {newest}", what());
        assert!(store.first() <= newest + 1, "{}: the log begins too late", what());
        for name in snapshots {
            whole_snapshot(&store, name).unwrap_or_else(|error| fail(error));
        }
        let more = frame(last + 1, 300);
        let stored = store.append(claimed.epoch, last + 1, &more);
        assert!(matches!(stored, Appended::Stored), "{}: {stored:?}", what());
        drop(store);
        let (store, claimed) = self.open(fs).unwrap_or_else(|error| fail(error));
        assert_eq!(claimed.last, last + 1, "{}: it went on", what());
        store
            .read(last + 1, last + 1, &mut |_, bytes| {
                assert_eq!(bytes, more);
                ControlFlow::Continue(())
            })
            .unwrap_or_else(|error| fail(error));
        last
    }

    /// Whether every frame that is still there is the one that was written.
    pub fn same(&self, store: &Store, last: u64) -> Result<(), StorageError> {
        let mut next = store.first();
        store.read(next, last, &mut |position, bytes| {
            let wrote = &self.frames[next as usize - 1];
            assert!(position == next && bytes == wrote, "frame {next} is another");
            next += 1;
            ControlFlow::Continue(())
        })?;
        assert_eq!(next, last + 1, "a frame is missing");
        Ok(())
    }
}

/// Once a write or sync of the log has failed, nothing more is tried: the first error is the last.
fn latched(
    store: &Store,
    result: Result<(), StorageError>,
    epoch: u64,
    last: u64,
    fs: &SimFileSystem,
) -> Result<(), StorageError> {
    if result.is_err() {
        let calls = fs.calls();
        let again = store.append(epoch, last + 1, b"again");
        assert!(matches!(again, Appended::Broken(_)), "broken stays broken: {again:?}");
        assert!(store.settle(false).is_err() && store.settle(true).is_err());
        assert_eq!(fs.calls(), calls, "a failed write or sync is never retried");
    }
    result
}

pub fn snapshot_text(position: u64) -> Vec<u8> {
    frame(position + 1_000, 700 + position as usize * 13)
}

/// Whether a snapshot holds what was put into it.
pub fn whole_snapshot(store: &Store, name: SnapshotName) -> Result<(), StorageError> {
    let mut text = Vec::new();
    store.get_snapshot(name, &mut |input: &mut dyn Read| input.read_to_end(&mut text).map(drop))?;
    assert!(text == snapshot_text(name.position), "snapshot {} is another", name.position);
    Ok(())
}
