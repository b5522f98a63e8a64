//! Every call to the disk may fail, in any way: what the store then says is true, and is all.
//!
//! A failed write or sync is the last call of a store: it is broken and tries nothing again. A
//! full disk or quota while the next file is prepared is told, and heals. An interrupted or short
//! write goes on. A read that fails in a recovery refuses the start. What broke stores before: a
//! retried sync that "succeeds", a file passed over because it could not be read.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/evidence.rs"]
mod evidence;
#[path = "stage/log.rs"]
mod log;

use cupo::log_store::{Appended, LogStore};
use cupo::{Crash, Durability, Fault, SimFileSystem, StorageError};
use evidence::{Evidence, first_seed, share};
use log::{Script, check, open};

const FAULTS: [Fault; 6] =
    [Fault::Eio, Fault::Enospc, Fault::Edquot, Fault::Erofs, Fault::Eintr, Fault::ShortWrite];

/// How one run under a fault ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// Nobody was told: all frames are stored.
    Silent,
    /// Said that the disk is full, stored nothing by it, and went on when there was room.
    Healed,
    /// A snapshot, or a cut of the log, failed and the store went on.
    Went,
    /// Broken: nothing was done after it.
    Broken,
    /// Opening or claiming failed.
    Refused,
}

/// Runs the script under one fault; answers with the frames acknowledged and the end.
fn run(script: &Script, fs: &SimFileSystem) -> (u64, End) {
    let opened = open(fs, script.durability).and_then(|store| Ok((store.claim()?.epoch, store)));
    let Ok((epoch, store)) = opened else { return (0, End::Refused) };
    let (mut last, mut end) = (0, End::Silent);
    while last < script.frames {
        match store.append(epoch, last + 1, &script.frame(last + 1)) {
            Appended::Stored => last += 1,
            Appended::Full => {
                assert_eq!(end, End::Silent, "one fault, told once");
                end = End::Healed;
                continue;
            }
            Appended::Broken(error) => {
                broken_is_the_end(script, fs, &store, epoch, last, &error);
                return (last, End::Broken);
            }
            other => panic!("{other:?}"),
        }
        if last.is_multiple_of(3) && store.settle(false).is_err() {
            let error = store.settle(false).unwrap_err();
            broken_is_the_end(script, fs, &store, epoch, last, &error);
            return (last, End::Broken);
        }
        if last.is_multiple_of(5) {
            // Snapshots stand beside the log: a failed one may be tried again later.
            let state = script.state(last);
            let put = store.put_snapshot(last, &mut |out| out.write_all(&state));
            if put.and_then(|_| store.truncate(last - 2, 2)).is_err() {
                end = End::Went;
            }
        }
    }
    (last, end)
}

fn broken_is_the_end(
    script: &Script,
    fs: &SimFileSystem,
    store: &log::Store,
    epoch: u64,
    last: u64,
    error: &StorageError,
) {
    let calls = fs.calls();
    for position in [last + 1, last + 1, last + 2] {
        let again = store.append(epoch, position, &script.frame(position));
        let Appended::Broken(again) = again else { panic!("{again:?}") };
        assert_eq!(again.to_string(), error.to_string());
    }
    assert!(store.settle(true).is_err());
    assert_eq!(fs.calls(), calls, "nothing is tried again after {error}");
}

#[test]
fn every_fault_is_told_and_loses_nothing() {
    let evidence = Evidence::of("T8 every call of the store fails in every way");
    let (want, first) = (share(5_000, 100_000), first_seed());
    let (mut runs, mut calls, mut seed) = (0, 0, first);
    let mut ends = [0_u64; 5];
    while calls < want {
        let durability = [Durability::Synced, Durability::SyncedTwice];
        let durability = durability[usize::from(seed.is_multiple_of(2))];
        let script = Script { durability, frames: 14, ..Script::of(seed) };
        let whole = SimFileSystem::new();
        assert_eq!(run(&script, &whole), (script.frames, End::Silent));
        for call in 1..=whole.calls() {
            for fault in FAULTS {
                let fs = SimFileSystem::new();
                fs.fail_call(call, fault);
                let (last, end) = run(&script, &fs);
                let what = format!("{script:?}, call {call}, {fault:?}: {last}, {end:?}");
                as_promised(fault, &end, &what);
                assert!(
                    last == script.frames || matches!(end, End::Broken | End::Refused),
                    "{what}"
                );
                let ways = [Crash::LoseUnsynced, Crash::KeepAll, Crash::Random(call)];
                let way = ways[(call + fault as u64) as usize % 3];
                check(&script, &fs.crash(way), last, &format!("{what}, {way:?}"));
                ends[end as usize] += 1;
                runs += 1;
            }
        }
        calls += whole.calls();
        seed += 1;
    }
    let [silent, healed, went, broken, refused] = ends;
    evidence.passed(&format!(
        "{calls} calls, {runs} runs (seeds {first}..={}): {silent} went on unseen, {healed} full \
         and healed, {went} without a snapshot or a cut, {broken} broken, {refused} not opened",
        seed - 1
    ));
    assert!(ends.iter().all(|count| *count > 0), "every end is seen: {ends:?}");
}

/// What each kind of fault may come to; which of them depends on the call.
fn as_promised(fault: Fault, end: &End, what: &str) {
    let allowed: &[End] = match fault {
        Fault::ShortWrite => &[End::Silent],
        // Full, if a file was being prepared.
        Fault::Enospc | Fault::Edquot => &[End::Healed, End::Went, End::Broken, End::Refused],
        Fault::Eio | Fault::Erofs => &[End::Went, End::Broken, End::Refused],
        // A write goes on; a sync, or a change of a directory, is as any failure.
        Fault::Eintr => &[End::Silent, End::Went, End::Broken, End::Refused],
    };
    // The removal of what is of no more use may fail unseen.
    assert!(allowed.contains(end), "{what}");
}

#[test]
fn every_read_of_a_recovery_that_fails_refuses_the_start() {
    let evidence = Evidence::of("T8 every read of a recovery fails");
    let (first, scripts) = (first_seed(), share(20, 1_000));
    let (mut reads, mut refused) = (0, 0);
    for seed in first..first + scripts {
        let script = Script { close: false, ..Script::of(seed) };
        let fs = SimFileSystem::new();
        let safe = script.run(&fs);
        for way in [Crash::KeepAll, Crash::LoseUnsynced] {
            let whole = fs.crash(way);
            let last = check(&script, &whole.crash(Crash::KeepAll), safe, "whole");
            for read in 1.. {
                let image = whole.crash(Crash::KeepAll);
                image.fail_read(read, Fault::Eio);
                let claimed = open(&image, script.durability).and_then(|store| store.claim());
                if image.reads() < read {
                    assert_eq!(claimed.unwrap().last, last);
                    break;
                }
                reads += 1;
                let what = format!("{script:?}, read {read}");
                assert!(matches!(claimed, Err(StorageError::Io { .. })), "{what}: {claimed:?}");
                refused += 1;
                check(&script, &image.crash(Crash::LoseUnsynced), last, &what);
            }
        }
    }
    evidence.passed(&format!("{reads} reads, {refused} refused, {scripts} scripts from {first}"));
    assert_eq!(reads, refused);
}

#[test]
fn a_full_disk_is_told_and_heals() {
    let script = Script { frame_max: 9_000, frames: 99, ..Script::of(3) };
    let fs = SimFileSystem::new();
    let store = open(&fs, Durability::Synced).unwrap();
    let claimed = store.claim().unwrap();
    fs.set_capacity(Some(70 << 10));
    let mut last = 0;
    let append = |position| store.append(claimed.epoch, position, &script.frame(position));
    while let Appended::Stored = append(last + 1) {
        last += 1;
    }
    assert!(matches!(append(last + 1), Appended::Full), "full, not broken");
    fs.set_capacity(None);
    assert!(matches!(append(last + 1), Appended::Stored), "it heals");
    drop(store);
    check(&script, &fs.crash(Crash::LoseUnsynced), last + 1, "after the full disk");
}

/// Two faults. The next file could not be begun, and the chain of checksums had been begun anew for
/// it: a shorter frame that still fit into the present file was acknowledged and then taken for
/// torn. Or the next file had its name, its directory could not be synced for want of space, and
/// the shorter frame went into the file that the next one supersedes.
#[test]
fn a_shorter_frame_after_a_full_disk_is_not_lost() {
    let mut shorter = 0;
    for call in 1..40 {
        let fs = SimFileSystem::new();
        let store = open(&fs, Durability::Synced).unwrap();
        let epoch = store.claim().unwrap().epoch;
        let mut last = 0;
        fs.fail_call(fs.calls() + call, Fault::Enospc);
        // Four blocks of fifteen each: the frame that finds no room leaves some for a shorter one.
        while let Appended::Stored = store.append(epoch, last + 1, &[7; 13_000]) {
            last += 1;
            if last > 9 {
                break;
            }
        }
        if last <= 9 && matches!(store.append(epoch, last + 1, b"short"), Appended::Stored) {
            last += 1;
            shorter += 1;
        }
        drop(store);
        for way in [Crash::LoseUnsynced, Crash::KeepAll] {
            let claimed = open(&fs.crash(way), Durability::Synced).unwrap().claim();
            assert!(claimed.unwrap().last >= last, "call {call}, {way:?}");
        }
    }
    assert!(shorter >= 2, "{shorter}");
}
