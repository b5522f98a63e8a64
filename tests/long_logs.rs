//! A log of thousands of frames comes back as it was.
//!
//! The claims of a long log are applied by a thread of their own, beside the days: whatever the
//! histories of other tests show of short logs must be true of long ones.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/town.rs"]
mod town;

use std::path::Path;

use cupo::{ClaimId, ManualClock, RequestId, SlotId};
use town::{Town, copy, instant};

/// More than twice the frames from which a thread is worth it.
const FRAMES: u64 = 1_200;
const DATES: [&str; 4] = ["2026-12-02", "2026-12-03", "2026-12-04", "2026-12-07"];

/// The slot that the `n`th caller tries first.
fn slot(town: &Town, n: u64) -> SlotId {
    let calendar = if n.is_multiple_of(3) { "south" } else { "north" };
    let date = DATES[usize::try_from(n).unwrap() % DATES.len()];
    let quarter = u16::try_from(n % 16).unwrap();
    town.slot(calendar, date, 9 + quarter / 4, quarter % 4 * 15)
}

/// Every kind of change, one durable after the other, so that each has a frame of its own.
fn live(town: &Town, from: u64, to: u64) {
    let engine = &town.engine;
    let mut booked: Vec<ClaimId> = Vec::new();
    let mut n = from;
    while engine.last().0 < to {
        n += 1;
        if let Ok(hold) = town.hold(u128::from(n), slot(town, n)) {
            match n % 4 {
                0 => drop(engine.release(hold.id()).wait().unwrap()),
                1 => drop(engine.swap(hold.id(), slot(town, n + 7), RequestId(n.into())).wait()),
                _ => booked.push(engine.confirm(hold.id()).wait().unwrap().id()),
            }
        }
        if n.is_multiple_of(5) && booked.len() > 20 {
            let claim = booked.remove(usize::try_from(n).unwrap() % booked.len());
            let moved = engine.reschedule(claim, slot(town, n + 5), RequestId((n << 32).into()));
            if moved.wait().is_err() || n.is_multiple_of(2) {
                engine.cancel(claim).wait().unwrap();
            }
        }
        if n.is_multiple_of(97) {
            let day = town.day("north", DATES[1]);
            engine.close_day(day, "a burst pipe").unwrap();
            engine.reopen_day(day).unwrap();
        }
        if n.is_multiple_of(31) {
            town.advance(1);
        }
    }
    town.sound();
}

/// What a power cut leaves, opened again.
fn after_a_cut(directory: &Path, clock: &ManualClock) -> Town {
    let left = directory.with_extension("left");
    if left.exists() {
        std::fs::remove_dir_all(&left).unwrap();
    }
    copy(directory, &left);
    Town::reopen(&left, clock)
}

#[test]
fn a_long_log_comes_back_as_it_was() {
    let room = tempfile::tempdir().unwrap();
    let directory = room.path().join("log");
    let town = Town::on(&directory);
    live(&town, 0, FRAMES);
    let again = after_a_cut(&directory, &town.clock);
    assert_eq!(again.engine.state_hash(), town.engine.state_hash());
    assert_eq!(again.engine.last(), town.engine.last());
    again.sound();
    // The numbers that are given out next are those that would have been.
    let free = town.slot("south", "2026-12-08", 9, 0);
    assert_eq!(again.book(1 << 40, free), town.book(1 << 40, free));
}

#[test]
fn a_long_log_after_a_snapshot_comes_back_as_it_was() {
    let room = tempfile::tempdir().unwrap();
    let directory = room.path().join("log");
    let town = Town::on(&directory);
    live(&town, 0, 300);
    town.engine.snapshot().unwrap();
    live(&town, 1_000_000, 300 + FRAMES);
    let again = after_a_cut(&directory, &town.clock);
    assert_eq!(again.engine.state_hash(), town.engine.state_hash());
    assert!(cupo::Clock::now(&town.clock) > instant(town::MORNING));
    again.sound();
}
