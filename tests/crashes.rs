//! Whatever the moment of a crash, everything acknowledged is there and nothing by halves.
//!
//! One history of appends runs on a simulated disk. It is then cut at every call that writes,
//! syncs or changes a directory, in each of several ways, and recovered; the recovery itself is
//! cut at every call too. What broke stores before: a directory not synced after a rename, a tail
//! taken for acknowledged, a retried sync.

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

use std::ops::ControlFlow;
use std::path::Path;

use cupo::log_store::{Appended, LogStore};
use cupo::{Crash, DirectoryOptions, DirectoryStore, Durability, Fault, SimFileSystem};

const DIR: &str = "log";
const FRAMES: u64 = 24;

fn open(fs: &SimFileSystem) -> Result<DirectoryStore<SimFileSystem>, cupo::StorageError> {
    let durability = Durability::Synced;
    let options =
        DirectoryOptions { durability, segment_bytes: 64 << 10, background: false, seed: None };
    DirectoryStore::open(fs.clone(), DIR, options)
}

/// The frame of a position: of different lengths, some over one block.
fn frame(position: u64) -> Vec<u8> {
    (0..200 + position * 397 % 9_000).map(|n| (n * 31 + position * 7) as u8 | 1).collect()
}

/// Appends until something fails; answers with the last frame acknowledged.
fn history(fs: &SimFileSystem, upto: u64) -> u64 {
    let Ok(store) = open(fs) else { return 0 };
    let Ok(claimed) = store.claim() else { return 0 };
    let mut last = claimed.last;
    while last < upto {
        match store.append(claimed.epoch, last + 1, &frame(last + 1)) {
            Appended::Stored => last += 1,
            Appended::Full => return last,
            _ => {
                let again = store.append(claimed.epoch, last + 1, &frame(last + 1));
                assert!(matches!(again, Appended::Broken(_)), "broken stays broken: {again:?}");
                return last;
            }
        }
        if last.is_multiple_of(7) && store.settle(false).is_err() {
            return last;
        }
    }
    if store.settle(true).is_err() {
        return last;
    }
    last
}

/// Recovers and checks that the log is a prefix of the history that holds `acknowledged`.
fn check(fs: &SimFileSystem, acknowledged: u64, what: &str) -> u64 {
    let store = open(fs).unwrap_or_else(|error| panic!("{what}: {error}"));
    let claimed = store.claim().unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(claimed.last >= acknowledged, "{what}: {} < {acknowledged}", claimed.last);
    let mut next = 1;
    store
        .read(1, claimed.last, &mut |position, bytes| {
            assert_eq!((position, bytes), (next, &frame(next)[..]), "{what}");
            next += 1;
            ControlFlow::Continue(())
        })
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(next, claimed.last + 1, "{what}");
    claimed.last
}

fn ways() -> impl Iterator<Item = Crash> {
    [Crash::LoseUnsynced, Crash::KeepAll].into_iter().chain((1..8).map(|n| Crash::Random(n * 77)))
}

#[test]
fn every_crash_keeps_what_was_acknowledged() {
    let whole = SimFileSystem::new();
    assert_eq!(history(&whole, FRAMES), FRAMES);
    let mut images = 0;
    for call in 1..=whole.calls() {
        let fs = SimFileSystem::new();
        // From this call on nothing reaches the disk: the program dies there.
        fs.fail_call(call, Fault::Eio);
        let acknowledged = history(&fs, FRAMES);
        for way in ways() {
            let cut = fs.crash(way);
            let what = format!("call {call}, {way:?}");
            let last = check(&cut.crash(Crash::KeepAll), acknowledged, &what);
            images += 1;
            // The recovery dies too, at some call of its own, and is recovered.
            let again = cut.crash(Crash::KeepAll);
            again.fail_call(1 + call % 12, Fault::Eio);
            history(&again, 0);
            check(&again.crash(way), acknowledged.min(last), &format!("{what}, again"));
            images += 1;
        }
    }
    println!("{images} crash images");
}

#[test]
fn every_fault_is_told_and_loses_nothing() {
    let whole = SimFileSystem::new();
    history(&whole, FRAMES);
    let mut runs = 0;
    for call in 1..=whole.calls() {
        for fault in [Fault::Eio, Fault::Enospc, Fault::Erofs, Fault::Eintr, Fault::ShortWrite] {
            let fs = SimFileSystem::new();
            fs.fail_call(call, fault);
            let acknowledged = history(&fs, FRAMES);
            check(&fs.crash(Crash::LoseUnsynced), acknowledged, &format!("{call} {fault:?}"));
            runs += 1;
        }
    }
    println!("{runs} runs with a fault");
}

#[test]
fn every_flipped_bit_of_acknowledged_data_is_refused() {
    let fs = SimFileSystem::new();
    assert_eq!(history(&fs, 6), 6);
    let path = Path::new(DIR).join(format!("log-{:016x}", 1));
    let length = fs.with_bytes(&path, |bytes| bytes.len()).unwrap();
    // The blocks of the log: a header, frames, markers; the rest of the file is zeros.
    let used = fs.with_bytes(&path, |bytes| bytes.iter().rposition(|byte| *byte != 0)).unwrap();
    let used = used.unwrap().next_multiple_of(4_096).min(length);
    let (mut refused, mut accepted) = (0, 0);
    for bit in 0..used * 8 {
        // Every bit of the headers, and one in 61 of the rest: a prime, so that all columns come.
        if bit / 8 % 4_096 >= 64 && bit % 61 != 0 {
            continue;
        }
        let copy = fs.crash(Crash::KeepAll);
        copy.with_bytes(&path, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
        match open(&copy).unwrap().claim() {
            Err(_) => refused += 1,
            // A flip in the closing marker itself: everything before it stands.
            Ok(claimed) => {
                assert_eq!(claimed.last, 6, "bit {bit}");
                accepted += 1;
            }
        }
    }
    println!("{refused} refused, {accepted} in the last marker");
    assert!(refused > 1_000);
}

#[test]
fn twice_synced_even_the_last_frame_is_proven() {
    let fs = SimFileSystem::new();
    let durability = Durability::SyncedTwice;
    let options =
        DirectoryOptions { durability, segment_bytes: 64 << 10, background: false, seed: None };
    let store = DirectoryStore::open(fs.clone(), DIR, options).unwrap();
    let claimed = store.claim().unwrap();
    assert!(matches!(store.append(claimed.epoch, 1, &frame(1)), Appended::Stored));
    // The process dies here, with no marker but the one of the second sync.
    let path = Path::new(DIR).join(format!("log-{:016x}", 1));
    for byte in 4_096..4_096 + 64 + frame(1).len() {
        let copy = fs.crash(Crash::LoseUnsynced);
        copy.with_bytes(&path, |bytes| bytes[byte] ^= 0x10);
        assert!(open(&copy).unwrap().claim().is_err(), "byte {byte} was taken for a torn tail");
    }
    // Synced once, the same damage looks like a torn tail: the stated exception.
    let once = SimFileSystem::new();
    let store = open(&once).unwrap();
    let claimed = store.claim().unwrap();
    assert!(matches!(store.append(claimed.epoch, 1, &frame(1)), Appended::Stored));
    let copy = once.crash(Crash::LoseUnsynced);
    copy.with_bytes(&path, |bytes| bytes[4_096 + 100] ^= 0x10);
    assert_eq!(open(&copy).unwrap().claim().unwrap().last, 0);
}

#[test]
fn buffered_survives_the_process_and_its_syncs_survive_the_power() {
    let fs = SimFileSystem::new();
    let durability = Durability::Buffered;
    let options =
        DirectoryOptions { durability, segment_bytes: 64 << 10, background: false, seed: None };
    let store = DirectoryStore::open(fs.clone(), DIR, options).unwrap();
    let claimed = store.claim().unwrap();
    for position in 1..=3 {
        assert!(matches!(
            store.append(claimed.epoch, position, &frame(position)),
            Appended::Stored
        ));
    }
    check(&fs.crash(Crash::KeepAll), 3, "the process died");
    assert_eq!(check(&fs.crash(Crash::LoseUnsynced), 0, "the power went"), 0);
    store.settle(false).unwrap();
    check(&fs.crash(Crash::LoseUnsynced), 3, "settled, then the power went");
}

#[test]
fn a_full_disk_is_told_and_heals() {
    let fs = SimFileSystem::new();
    let store = open(&fs).unwrap();
    let claimed = store.claim().unwrap();
    fs.set_capacity(Some(70 << 10));
    let mut last = 0;
    let append = |position| store.append(claimed.epoch, position, &frame(position));
    while let Appended::Stored = append(last + 1) {
        last += 1;
    }
    assert!(matches!(append(last + 1), Appended::Full), "full, not broken");
    fs.set_capacity(None);
    assert!(matches!(append(last + 1), Appended::Stored), "it heals");
    drop(store);
    check(&fs.crash(Crash::LoseUnsynced), last + 1, "after the full disk");
}
