//! When a call to the disk fails the owner is told, nothing acknowledged is lost, and what failed
//! is never tried again.
//!
//! Every call that writes, syncs or changes a directory fails in each of six ways, and every read
//! in three, in scripts that do all that a store does. What broke stores before: a failed sync
//! retried until it lied, a bad read taken for the end of the log, a page read back from the cache
//! that the disk never had.

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

#[path = "stage/disk.rs"]
mod disk;
#[path = "stage/evidence.rs"]
mod evidence;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use cupo::log_store::{Appended, LogStore};
use cupo::{Call, Crash, Durability, Fault, FileSystem, SimFileSystem, StorageError};
use disk::{DIR, Reached, Script, Step};
use evidence::{Evidence, first_seed, share};

const FAULTS: [Fault; 6] =
    [Fault::Eio, Fault::Enospc, Fault::Edquot, Fault::Erofs, Fault::Eintr, Fault::ShortWrite];

fn scripts() -> impl Iterator<Item = (u64, Script)> {
    let first = first_seed();
    (first..first + share(24, 400)).map(|seed| (seed, Script::seeded(seed, 24, 2)))
}

/// After the fault: reopened on the machine that stayed on, and after the power went.
fn nothing_is_lost(script: &Script, fs: &SimFileSystem, at: &Reached, what: &dyn Fn() -> String) {
    for way in [Crash::LoseUnsynced, Crash::KeepAll, Crash::Random(3)] {
        script.check(&fs.crash(way), at, what);
    }
    let last = script.check(fs, at, &|| format!("{}, reopened", what()));
    let floor = Reached { durable: last, written: last, ..at.clone() };
    // What the recovery believed is on the disk: the cache did not deceive it. (It has written one
    // frame more, which is not one of the script's.)
    let after = fs.crash(Crash::LoseUnsynced);
    let (store, claimed) =
        script.open(&after).unwrap_or_else(|error| panic!("{}: {error}", what()));
    assert!(claimed.last >= floor.durable, "{}: the cache was believed", what());
    script.same(&store, last).unwrap_or_else(|error| panic!("{}: {error}", what()));
}

#[test]
fn every_fault_is_told_and_loses_nothing() {
    let evidence = Evidence::of("T8 every call of the store fails in every way");
    let (mut calls, mut runs, mut told, mut full) = (0, 0, 0, 0);
    let mut kinds = BTreeMap::new();
    for (seed, script) in scripts() {
        let whole = SimFileSystem::new();
        assert!(script.run(&whole).error.is_none());
        for (n, call) in (1..).zip(whole.calls_made()) {
            calls += 1;
            *kinds.entry(format!("{call:?}")).or_insert(0) += 1;
            for fault in FAULTS {
                let fs = SimFileSystem::new();
                fs.fail_call(n, fault);
                let at = script.run(&fs);
                let what = || format!("seed {seed}, call {n} {call:?}, {fault:?}: {at:?}");
                let goes_on = match (fault, call) {
                    // The write goes on with the rest; other calls do not write by half.
                    (Fault::ShortWrite, _) | (Fault::Eintr, Call::Write) => true,
                    // While a file is made ready, before it is used: it heals.
                    (Fault::Enospc | Fault::Edquot, _) => at.error.is_none(),
                    _ => false,
                };
                assert_eq!(at.error.is_none(), goes_on, "{}", what());
                if goes_on {
                    assert_eq!(at.written as usize, script.frames.len(), "{}", what());
                }
                let no_space = matches!(fault, Fault::Enospc | Fault::Edquot);
                assert!(at.full == 0 || no_space, "{}", what());
                nothing_is_lost(&script, &fs, &at, &what);
                runs += 1;
                told += u64::from(!goes_on);
                full += at.full;
            }
        }
    }
    assert!(full > 0, "no script ever filled the disk");
    assert_eq!(kinds.len(), 7, "every kind of call: {kinds:?}");
    evidence.passed(&format!("{calls} calls, {runs} runs, {told} told, {full} full and healed"));
}

#[test]
fn every_read_that_fails_is_told_and_nothing_is_skipped() {
    let evidence = Evidence::of("T8 every read of the store fails in every way");
    let (mut runs, mut told) = (0, 0);
    for (seed, script) in scripts() {
        let whole = SimFileSystem::new();
        assert!(script.run(&whole).error.is_none());
        for read in 1..=whole.reads() {
            for fault in [Fault::Eio, Fault::Eintr, Fault::ShortWrite] {
                let fs = SimFileSystem::new();
                fs.fail_read(read, fault);
                let at = script.run(&fs);
                let what = || format!("seed {seed}, read {read}, {fault:?}: {at:?}");
                match fault {
                    Fault::Eio => assert!(at.error.is_some(), "{}", what()),
                    Fault::ShortWrite => assert!(at.error.is_none(), "{}", what()),
                    // Of an opening or a listing it is told, of bytes the rest is read.
                    _ => {}
                }
                nothing_is_lost(&script, &fs, &at, &what);
                runs += 1;
                told += u64::from(at.error.is_some());
            }
        }
    }
    evidence.passed(&format!("{runs} runs, {told} told"));
}

#[test]
fn a_full_disk_is_told_and_heals() {
    let script = Script::new(Durability::Synced, vec![Step::Frame(9_000); 24]);
    let fs = SimFileSystem::new();
    let (store, claimed) = script.open(&fs).unwrap();
    fs.set_capacity(Some(90 << 10));
    let mut last = 0;
    let append =
        |position| store.append(claimed.epoch, position, &script.frames[position as usize - 1]);
    while let Appended::Stored = append(last + 1) {
        last += 1;
    }
    assert!(last > 2);
    for _ in 0..3 {
        assert!(matches!(append(last + 1), Appended::Full), "full, not broken");
        assert!(!store.has_room());
    }
    fs.set_capacity(None);
    assert!(store.has_room());
    assert!(matches!(append(last + 1), Appended::Stored), "it heals");
    drop(store);
    let at = Reached { written: last + 1, durable: last + 1, ..Reached::default() };
    script.check(&fs.crash(Crash::LoseUnsynced), &at, &|| "after the full disk".into());
}

/// A frame is written, its sync fails, the owner dies and the machine stays on. The cache still
/// shows the frame, the disk never had it; a recovery that read the cache would count it as there,
/// and a later loss of power would take it away.
#[test]
fn what_only_the_cache_has_is_not_believed() {
    let script = Script::new(Durability::Synced, vec![Step::Frame(5_000); 4]);
    let fs = SimFileSystem::new();
    let (store, claimed) = script.open(&fs).unwrap();
    let append =
        |position| store.append(claimed.epoch, position, &script.frames[position as usize - 1]);
    assert!(matches!(append(1), Appended::Stored));
    fs.fail_call(fs.calls() + 2, Fault::Eio);
    assert!(matches!(append(2), Appended::Broken(_)));
    assert!(matches!(append(2), Appended::Broken(_)), "once broken, broken");
    drop(store);
    let (store, claimed) = script.open(&fs).unwrap();
    assert_eq!(claimed.last, 1, "the second frame is not on the disk");
    drop(store);
    let (_, claimed) = script.open(&fs.crash(Crash::LoseUnsynced)).unwrap();
    assert_eq!(claimed.last, 1);
}

/// A file that cannot be synced into its place must not be believed to be merely late: the failure
/// once came as "full", and was tried again.
#[test]
fn no_space_on_a_file_in_use_is_a_failure_and_not_a_full_disk() {
    let script = Script::new(Durability::Synced, vec![Step::Frame(20_000); 12]);
    let whole = SimFileSystem::new();
    script.run(&whole);
    let (mut full, mut broken) = (0, 0);
    // The first call after the claim, to the last: the rolls are among them.
    for (n, call) in (1..).zip(whole.calls_made()).skip(20) {
        let fs = SimFileSystem::new();
        fs.fail_call(n, Fault::Enospc);
        let at = script.run(&fs);
        let in_use = matches!(call, Call::Rename | Call::Remove);
        assert!(!in_use || at.error.is_some(), "call {n} {call:?}");
        full += at.full;
        broken += u64::from(at.error.is_some());
    }
    assert!(full > 0 && broken > full, "{full} full, {broken} broken");
}

/// A recovery set the torn tail aside before it gave up the old spare files: on a full disk it was
/// refused, though there was room.
#[test]
fn a_full_disk_does_not_hinder_a_recovery_from_setting_a_tail_aside() {
    let script = Script::new(Durability::Synced, vec![Step::Frame(9_000); 4]);
    let fs = SimFileSystem::new();
    let (store, claimed) = script.open(&fs).unwrap();
    assert!(matches!(store.append(claimed.epoch, 1, &script.frames[0]), Appended::Stored));
    fs.cut_power(fs.calls() + 2);
    assert!(matches!(store.append(claimed.epoch, 2, &script.frames[1]), Appended::Broken(_)));
    let torn = fs.crash(Crash::Head(3));
    // Room for the next log file and not a byte more.
    let names = torn.list(Path::new(DIR)).unwrap();
    let used: usize =
        names.iter().map(|name| torn.bytes(Path::new(DIR).join(name)).unwrap().len()).sum();
    torn.set_capacity(Some(used as u64 + (64 << 10)));
    let (_, claimed) = script.open(&torn).unwrap();
    assert_eq!(claimed.last, 1);
    let names = torn.list(Path::new(DIR)).unwrap();
    assert!(names.iter().all(|name| !name.starts_with("spare-")));
}

/// A snapshot that could not be written stayed where it was, and kept the disk full.
#[test]
fn a_snapshot_that_fails_gives_its_room_back() {
    let script = Script::new(Durability::Synced, vec![Step::Frame(200)]);
    let fs = SimFileSystem::new();
    let (store, _) = script.open(&fs).unwrap();
    let bytes = vec![1; 8 << 20];
    fs.set_capacity(Some(3 << 20));
    let refused = store.put_snapshot(0, &mut |out| out.write_all(&bytes)).unwrap_err();
    let StorageError::Io { source, .. } = refused else { panic!("{refused}") };
    assert_eq!(source.kind(), ErrorKind::StorageFull);
    assert!(fs.bytes(Path::new(DIR).join("tmp-snapshot")).is_none());
}

/// A snapshot is durable at once; were the buffered frames that it covers not, the loss of power
/// would leave a snapshot ahead of its log, and the start would be refused.
#[test]
fn a_snapshot_never_knows_more_than_the_log() {
    let script = Script::new(Durability::Buffered, vec![Step::Frame(200); 3]);
    let fs = SimFileSystem::new();
    let (store, claimed) = script.open(&fs).unwrap();
    for position in 1..=2 {
        let appended = store.append(claimed.epoch, position, &script.frames[position as usize - 1]);
        assert!(matches!(appended, Appended::Stored));
    }
    store.put_snapshot(2, &mut |out| out.write_all(&disk::snapshot_text(2))).unwrap();
    let at = Reached { written: 2, durable: 2, snapshot: 2, ..Reached::default() };
    script.check(&fs.crash(Crash::LoseUnsynced), &at, &|| "a buffered log".into());
}

/// A line that a crash or a full disk cut short was once joined to the next one.
#[test]
fn a_torn_line_of_the_archive_stays_by_itself() {
    let script = Script::new(Durability::Synced, vec![]);
    let fs = SimFileSystem::new();
    let (store, _) = script.open(&fs).unwrap();
    store.archive("day", b"{\"a\":1}\n").unwrap();
    let path = Path::new(DIR).join("archive/day.jsonl");
    let whole = fs.bytes(&path).unwrap().len();
    fs.damage_len(&path, whole - 3);
    store.archive("day", b"{\"b\":2}\n").unwrap();
    assert_eq!(fs.bytes(&path).unwrap(), b"{\"a\":\n{\"b\":2}\n");
}

/// Before anyone has claimed the log, epoch 0 once owned it, and an append began file 1 anew, over
/// the one that was there.
#[test]
fn nobody_owns_the_log_before_it_is_claimed() {
    let script = Script::new(Durability::Synced, vec![Step::Frame(200); 2]);
    let fs = SimFileSystem::new();
    assert_eq!(script.run(&fs).written, 2);
    let options = cupo::DirectoryOptions { background: false, ..Default::default() };
    let store = cupo::DirectoryStore::open(fs.clone(), DIR, options).unwrap();
    let appended = store.append(0, 1, &script.frames[0]);
    assert!(matches!(appended, Appended::Fenced), "{appended:?}");
    drop(store);
    assert_eq!(script.open(&fs).unwrap().1.last, 2);
}

/// Frames of up to 1 MiB are allowed, files of 64 KiB too; a frame larger than a file once broke
/// the log for good.
#[test]
fn a_frame_larger_than_a_log_file_gets_a_file_of_its_own() {
    let script = Script::new(Durability::Synced, vec![Step::Frame(200), Step::Frame(1 << 20)]);
    let fs = SimFileSystem::new();
    let at = script.run(&fs);
    assert!(at.error.is_none(), "{at:?}");
    script.check(&fs.crash(Crash::LoseUnsynced), &at, &|| "a large frame".into());
}
