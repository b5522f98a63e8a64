//! A panic in the middle of a change ends the engine, never a promise.
//!
//! Locks do not poison here, so a thread that dies between its decision and the end of its change
//! would leave a day and a shard that disagree, and the next caller would build on them. A panic is
//! planted at each such place (`tests/planted` chooses one): from then on nothing is acknowledged,
//! and what comes back from the log is whole.
#![cfg(planted)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/town.rs"]
mod town;

use std::panic::{AssertUnwindSafe, catch_unwind};

use cupo::{
    Builder, ClaimId, Crash, DirectoryOptions, DirectoryStore, Engine, Error, RequestId,
    SimFileSystem, StorageError,
};
use town::{CATALOG, Town};

const WED: &str = "2026-12-02";

fn on(fs: &SimFileSystem) -> Builder {
    let options = DirectoryOptions {
        segment_bytes: 64 << 10,
        background: false,
        ..DirectoryOptions::default()
    };
    let store = DirectoryStore::open(fs.clone(), "data", options).unwrap();
    Engine::builder().store(store).seeded(1)
}

/// Holds, confirms and moves until a planted panic ends it.
fn live(town: &Town, held: &mut Option<ClaimId>) {
    let here = town.slot("south", WED, 9, 0);
    let there = town.slot("north", WED, 10, 0);
    let hold = town.engine.hold(&town.ask(1, 1, here)).wait().unwrap().id();
    *held = Some(hold);
    let booking = town.engine.swap(hold, there, RequestId(2)).wait().unwrap().id();
    town.engine.confirm(booking).wait().unwrap();
}

#[test]
fn a_panic_in_the_middle_of_a_change_stops_the_engine_and_the_log_is_whole() {
    let fs = SimFileSystem::new();
    let town = Town::with(CATALOG, on(&fs));
    let mut held = None;
    let lived = catch_unwind(AssertUnwindSafe(|| live(&town, &mut held)));
    assert!(lived.is_err(), "no panic was planted");
    let after = town.engine.book(&town.ask(2, 2, town.slot("north", WED, 11, 0))).wait();
    assert!(matches!(after, Err(Error::Storage(StorageError::Poisoned(_)))), "{after:?}");
    let clock = town.clock.clone();
    drop(town);
    for way in [Crash::LoseUnsynced, Crash::KeepAll] {
        let again = on(&fs.crash(way)).clock(clock.clone()).open().unwrap();
        assert!(again.audit().is_clean(), "{:#?}", again.audit().problems);
        if let Some(held) = held {
            assert!(again.claim(held).wait().unwrap().state.is_active(), "acknowledged");
        }
        let next = town::date(WED);
        assert!(again.days().iter().any(|day| day.date() == next));
    }
}
