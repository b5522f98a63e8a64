//! What the engine says when the ground gives way: a failing disk, a full one, a newer format, a
//! clock that jumps, memory that runs out. Nothing acknowledged is lost, and nothing is claimed
//! that is not known.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    clippy::needless_pass_by_value,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/town.rs"]
mod town;

use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cupo::MemoryStore;
use cupo::log_store::{Appended, Claimed, LogStore, Position, SnapshotName};

use cupo::{
    Ask, Builder, Catalog, Channel, ClaimState, Crash, DirectoryOptions, DirectoryStore, Engine,
    Error, Fault, ManualClock, Openings, PartyId, Rejection, RequestId, SimFileSystem,
    StorageError,
};
use town::{CATALOG, Town, instant, small};

fn on(fs: &SimFileSystem) -> Builder {
    let options = DirectoryOptions {
        segment_bytes: 256 << 10,
        background: false,
        ..DirectoryOptions::default()
    };
    Engine::builder().store(DirectoryStore::open(fs.clone(), "data", options).unwrap())
}

const WED: &str = "2026-12-02";

#[test]
fn after_a_failed_sync_the_outcome_is_indeterminate_and_nothing_is_acknowledged() {
    let fs = SimFileSystem::new();
    let town = Town::with(CATALOG, on(&fs));
    let safe = town.book(1, town.slot("south", WED, 9, 0));
    // The write, then the sync of the next frame.
    for fault in [Fault::Eio, Fault::Erofs] {
        fs.fail_call(fs.calls() + 2, fault);
        let slot = town.slot("south", WED, 10, 0);
        let unknown = town.engine.book(&town.ask(2, 2, slot)).wait().unwrap_err();
        let refused = town.engine.book(&town.ask(3, 3, slot)).wait().unwrap_err();
        if fault == Fault::Eio {
            assert!(matches!(unknown, Error::Indeterminate(_)), "{unknown}");
        }
        assert!(matches!(refused, Error::Storage(StorageError::Poisoned(_))), "{refused}");
    }
    // After the power cut the failed sync has lost its frame; what was acknowledged is there.
    let after = fs.crash(Crash::LoseUnsynced);
    let again = on(&after).clock(town.clock.clone()).open().unwrap();
    assert_eq!(again.claim(safe).wait().unwrap().state, ClaimState::Booked);
    assert!(again.audit().is_clean());
}

#[test]
fn a_full_disk_makes_it_read_only_until_there_is_room() {
    let fs = SimFileSystem::new();
    let town = Town::with(CATALOG, on(&fs));
    let slot = town.slot("south", WED, 9, 0);
    fs.set_capacity(Some(1));
    let mut full = false;
    for n in 1..400_u128 {
        match town.engine.hold(&town.ask(n, n, slot)).wait() {
            Ok(receipt) => drop(town.engine.release(receipt.id()).wait()),
            Err(Error::StorageFull) => {
                full = true;
                break;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(full, "the log never ran out of room");
    assert!(town.engine.day(slot.day).is_some(), "reads go on");
    fs.set_capacity(None);
    std::thread::sleep(Duration::from_millis(200));
    // The first change makes the next file: the store prepares it when it is needed.
    let slot = town.slot("south", WED, 10, 0);
    let healed = (1..50).any(|n| {
        std::thread::sleep(Duration::from_millis(20));
        town.engine.hold(&town.ask(1_000 + n, 1, slot)).wait().is_ok()
    });
    assert!(healed, "it heals by itself");
}

/// Past days left memory one after another, and the disk filled up in between: the engine still had
/// the days that its log had retired, so the next tick retired them again, and a log in which a day
/// ends twice does not open. Now what was done is in force when the rest fails.
#[test]
fn days_that_were_changed_before_the_disk_failed_are_not_changed_again() {
    let past = |town: &Town| {
        town.clock.advance(Duration::from_hours(20 * 24));
        town.engine.tick();
    };
    let finer = CATALOG.replace("\"15m\"", "\"30m\"");
    let install = |catalog: &str| {
        let catalog = Catalog::from_toml(catalog).unwrap();
        move |town: &Town| drop(town.engine.install(&catalog))
    };
    let third = CATALOG.replace("\"south\"", "\"third\"");
    for repeated in [true, false] {
        fails_at_every_call("past days", repeated, true, past);
        let fewer_hours = CATALOG.replace("-13:00", "-12:00");
        fails_at_every_call("fewer hours", repeated, true, install(&fewer_hours));
        fails_at_every_call("another unit", repeated, false, install(&finer));
        fails_at_every_call("another office", repeated, true, install(&third));
    }
}

/// With a fault at each call in turn: what is there afterwards opens, after a power cut and after a
/// close, to the same state if the change was made again when there was room.
fn fails_at_every_call(what: &str, repeated: bool, booked: bool, change: impl Fn(&Town)) {
    for fault in [Fault::Enospc, Fault::Eio, Fault::ShortWrite] {
        let mut call = 0;
        loop {
            call += 1;
            let what = format!("{what}, repeated: {repeated}, {fault:?} at {call}");
            let fs = SimFileSystem::new();
            let town = Town::with(CATALOG, on(&fs).seeded(1));
            for (party, day) in [(1, WED), (2, "2026-12-03")].iter().filter(|_| booked) {
                town.book(*party, town.slot("south", day, 9, 0));
                town.book(10 + party, town.slot("north", day, 9, 0));
            }
            let first = fs.calls();
            fs.fail_call(first + call, fault);
            change(&town);
            let hit = fs.calls() >= first + call;
            town.engine.tick();
            if repeated {
                change(&town);
            }
            town.engine.tick();
            let (hash, well) = (town.engine.state_hash(), town.engine.status().is_ok());
            let cut = fs.crash(Crash::KeepAll);
            let closed = town.engine.close().is_ok();
            for (disk, same) in [(&cut, well && repeated), (&fs, well && closed && repeated)] {
                let builder = on(disk).clock(town.clock.clone()).allow_clock_jump(true).seeded(1);
                let again = builder.open().unwrap_or_else(|error| panic!("{what}: {error}"));
                assert!(!same || again.state_hash() == hash, "{what}: another state");
                let audit = again.audit();
                assert!(audit.is_clean(), "{what}: {:#?}", audit.problems);
            }
            if !hit {
                break;
            }
        }
        println!("{what}, repeated: {repeated}, {fault:?}: {call} calls");
        assert!(call > 5, "{what}: {call} calls");
    }
}

#[test]
fn memory_beyond_the_ceiling_is_busy_and_loses_nothing() {
    let town = Town::with(CATALOG, Engine::builder().memory_max(1));
    town.engine.tick();
    town.advance(1);
    let refused = town.engine.hold(&town.ask(1, 1, town.slot("south", WED, 9, 0))).wait();
    assert!(matches!(refused, Err(Error::Busy)), "{refused:?}");
    town.sound();
}

#[test]
fn a_clock_weeks_ahead_needs_a_flag() {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::on(dir.path());
    town.engine.close().unwrap();
    let later = || ManualClock::at(instant("2026-12-20T08:00:00Z"));
    let refused = small(dir.path()).clock(later()).open().unwrap_err();
    assert!(matches!(refused, Error::Storage(StorageError::ClockJump { days: 18..20 })));
    assert!(small(dir.path()).clock(later()).allow_clock_jump(true).open().is_ok());
}

#[test]
fn a_directory_from_a_newer_version_is_left_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::on(dir.path());
    town.engine.close().unwrap();
    let path = dir.path().join("manifest");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4] = 9;
    let crc = u64::from(crc32c::crc32c(&bytes[..40]));
    bytes[40..48].copy_from_slice(&crc.to_le_bytes());
    std::fs::write(&path, &bytes).unwrap();
    let refused = small(dir.path()).clock(town.clock.clone()).open().unwrap_err();
    assert!(matches!(refused, Error::Storage(StorageError::TooNew { found: 9, .. })), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_day_beyond_the_horizon_says_when_it_is_released() {
    let town = Town::in_memory();
    // 14 days ahead of December 1st is the last day released at midnight; the next one waits.
    let slot = town.slot("north", "2026-12-16", 9, 0);
    let at = instant("2026-12-02T00:00:00Z");
    assert_eq!(town.hold(1, slot).unwrap_err(), Rejection::NotYetReleased { day: slot.day, at });
    town.advance(16 * 60);
    assert!(town.hold(1, slot).is_ok());
}

/// A store whose disk hangs while told to.
#[derive(Clone, Debug, Default)]
struct Hanging {
    appends: Arc<AtomicBool>,
    snapshots: Arc<AtomicBool>,
    /// Somebody waits for a snapshot.
    caught: Arc<AtomicBool>,
}

impl LogStore for Hanging {
    fn claim(&self) -> Result<Claimed, StorageError> {
        MemoryStore.claim()
    }
    fn append(&self, epoch: u64, position: Position, frame: &[u8]) -> Appended {
        while self.appends.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
        MemoryStore.append(epoch, position, frame)
    }
    fn read(
        &self,
        from: Position,
        upto: Position,
        visit: &mut dyn FnMut(Position, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        MemoryStore.read(from, upto, visit)
    }
    fn first(&self) -> Position {
        MemoryStore.first()
    }
    fn put_snapshot(
        &self,
        position: Position,
        fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<SnapshotName, StorageError> {
        while self.snapshots.load(Ordering::Relaxed) {
            self.caught.store(true, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(1));
        }
        MemoryStore.put_snapshot(position, fill)
    }
    fn snapshots(&self) -> Result<Vec<SnapshotName>, StorageError> {
        MemoryStore.snapshots()
    }
    fn get_snapshot(
        &self,
        name: SnapshotName,
        read: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> Result<(), StorageError> {
        MemoryStore.get_snapshot(name, read)
    }
    fn truncate(&self, upto: Position, keep: usize) -> Result<(), StorageError> {
        MemoryStore.truncate(upto, keep)
    }
    fn archive(&self, name: &str, lines: &[u8]) -> Result<(), StorageError> {
        MemoryStore.archive(name, lines)
    }
}

#[test]
fn a_full_ring_is_busy_where_the_builder_chose_that_and_heals() {
    let store = Hanging::default();
    let hangs = store.appends.clone();
    let builder = Engine::builder().store(store).refuse_when_busy(true);
    let town = Town::with(CATALOG, builder.snapshot_on_close(false));
    let slot = town.slot("north", WED, 9, 0);
    hangs.store(true, Ordering::Relaxed);
    let mut last = 0;
    let refused = (1..200_000_u128).find_map(|n| {
        last = n;
        let held = town.engine.hold(&town.ask(n, n, slot));
        match held.dirty() {
            Ok(receipt) => {
                assert!(!held.is_durable(), "nothing is written");
                let released = town.engine.release(receipt.id());
                released.dirty().err().cloned()
            }
            Err(error) => Some(error.clone()),
        }
    });
    assert!(matches!(refused, Some(Error::Busy)), "{refused:?} after {last}");
    town.sound();
    hangs.store(false, Ordering::Relaxed);
    let later = town.slot("north", WED, 10, 0);
    let heals = (0..500).any(|n| {
        std::thread::sleep(Duration::from_millis(2));
        town.engine.hold(&town.ask(300_000 + n, 1, later)).wait().is_ok()
    });
    assert!(heals);
}

/// The ticker took the snapshot itself: meanwhile the engine's clock stood still, no hold ended.
#[test]
fn deadlines_are_met_while_a_snapshot_is_taken() {
    let store = Hanging::default();
    let builder = Engine::builder().store(store.clone()).snapshot_every(1);
    let engine = builder.snapshot_on_close(false).open().unwrap();
    let catalog = CATALOG.replace("ttl = \"10m\"", "ttl = \"1s\"");
    engine.install(&Catalog::from_toml(&catalog).unwrap()).unwrap();
    let paper = engine.service("paper").unwrap();
    let place = engine.openings(&Openings::new(paper).channel(Channel::DESK).limit(1))[0];
    let soon = |done: &dyn Fn() -> bool| {
        (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            done()
        })
    };
    let hold = |party| {
        let ask = Ask::new(PartyId(party), RequestId(1), paper, place.slot);
        engine.hold(&ask.channel(Channel::DESK)).wait().unwrap().id()
    };
    store.snapshots.store(true, Ordering::Relaxed);
    hold(1);
    assert!(soon(&|| store.caught.load(Ordering::Relaxed)), "no snapshot was taken");
    let held = hold(2);
    let ended = || engine.claim(held).wait().unwrap().state == ClaimState::Expired;
    assert!(soon(&ended), "the hold is still there after five seconds");
    assert!(store.snapshots.swap(false, Ordering::Relaxed));
}
