//! Faults that the proof found in the directory store, one story each.
//!
//! Each is the smallest history that went wrong, or would have.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use cupo::log_store::{Appended, Claimed, LogStore};
use cupo::{
    Crash, DirectoryOptions, DirectoryStore, Durability, Fault, FileSystem, SimFileSystem,
    StorageError,
};

const DIR: &str = "log";
type Store = DirectoryStore<SimFileSystem>;

fn start(fs: &SimFileSystem, options: DirectoryOptions) -> Result<(Store, Claimed), StorageError> {
    let options = DirectoryOptions { background: false, ..options };
    let store = DirectoryStore::open(fs.clone(), DIR, options)?;
    let claimed = store.claim()?;
    Ok((store, claimed))
}

fn small() -> DirectoryOptions {
    DirectoryOptions { segment_bytes: 64 << 10, ..DirectoryOptions::default() }
}

fn last(fs: &SimFileSystem) -> Result<u64, StorageError> {
    start(fs, small()).map(|(_, claimed)| claimed.last)
}

fn put(store: &Store, claimed: &Claimed, position: u64, bytes: usize) {
    let appended = store.append(claimed.epoch, position, &vec![position as u8; bytes]);
    assert!(matches!(appended, Appended::Stored), "{appended:?}");
}

fn log(number: u64) -> PathBuf {
    Path::new(DIR).join(format!("log-{number:016x}"))
}

/// Nothing in the other files said that there had been a newer one: with it, all it held was gone
/// without a word. The manifest says so now; and without a manifest the epochs began again.
#[test]
fn no_file_can_be_missing_unseen() {
    let fs = SimFileSystem::new();
    let (store, claimed) = start(&fs, small()).unwrap();
    for position in 1..=9 {
        put(&store, &claimed, position, 15_000);
    }
    drop(store);
    let names = fs.list(Path::new(DIR)).unwrap();
    let mut refused = 0;
    for name in names.iter().filter(|name| name.starts_with("log-") || *name == "manifest") {
        let copy = fs.crash(Crash::KeepAll);
        copy.remove(&Path::new(DIR).join(name)).unwrap();
        let error = last(&copy).unwrap_err();
        assert!(matches!(error, StorageError::Damaged { .. }), "{name}: {error}");
        refused += 1;
    }
    assert!(refused >= 4, "{names:?}");
}

/// Once the log is settled, not even a tail of zeros can pass for a log that ended before it.
#[test]
fn a_settled_log_cannot_lose_its_tail() {
    for closing in [false, true] {
        let fs = SimFileSystem::new();
        let (store, claimed) = start(&fs, small()).unwrap();
        (1..=3).for_each(|position| put(&store, &claimed, position, 300));
        store.settle(closing).unwrap();
        drop(store);
        for block in 1..=3 {
            let copy = fs.crash(Crash::LoseUnsynced);
            copy.with_bytes(&log(1), |bytes| bytes[block * 4_096..].fill(0));
            let error = last(&copy).unwrap_err();
            assert!(matches!(error, StorageError::Damaged { .. }), "{error}");
        }
    }
}

/// Damage wider than any frame, with whole blocks behind it: the search for proof gave up after
/// 4 MiB of it, and the log was taken for one that ended there.
#[test]
fn damage_however_wide_hides_nothing_behind_it() {
    let fs = SimFileSystem::new();
    let options = DirectoryOptions { segment_bytes: 16 << 20, ..small() };
    let (store, claimed) = start(&fs, options).unwrap();
    (1..=8).for_each(|position| put(&store, &claimed, position, 1 << 20));
    drop(store);
    fs.with_bytes(&log(1), |bytes| bytes[2 << 20..7 << 20].fill(0));
    let error = last(&fs).unwrap_err();
    assert!(matches!(error, StorageError::Damaged { position: 2, .. }), "{error}");
}

/// A frame is written, its sync fails, the owner dies and the machine stays on. The cache still
/// shows the frame, the disk never had it; a recovery that read the cache would count it as there,
/// and a later loss of power would take it away.
#[test]
fn what_only_the_cache_has_is_not_believed() {
    let fs = SimFileSystem::new();
    let (store, claimed) = start(&fs, small()).unwrap();
    put(&store, &claimed, 1, 5_000);
    fs.fail_call(fs.calls() + 2, Fault::Eio);
    for _ in 0..2 {
        let appended = store.append(claimed.epoch, 2, &[2; 5_000]);
        assert!(matches!(appended, Appended::Broken(_)), "once broken, broken: {appended:?}");
    }
    drop(store);
    assert_eq!(last(&fs).unwrap(), 1, "the second frame is not on the disk");
    assert_eq!(last(&fs.crash(Crash::LoseUnsynced)).unwrap(), 1);
}

/// A snapshot is durable at once; the buffered frames that it covers were not. A loss of power left
/// a snapshot ahead of its log, and the start was refused.
#[test]
fn a_snapshot_never_knows_more_than_the_log() {
    let fs = SimFileSystem::new();
    let options = DirectoryOptions { durability: Durability::Buffered, ..small() };
    let (store, claimed) = start(&fs, options).unwrap();
    (1..=2).for_each(|position| put(&store, &claimed, position, 300));
    store.put_snapshot(2, &mut |out| out.write_all(b"two")).unwrap();
    assert_eq!(last(&fs.crash(Crash::LoseUnsynced)).unwrap(), 2);
}

/// A recovery wrote the torn tail aside before it made its log file: on a full disk it was refused,
/// though the room of the old spare file was there.
#[test]
fn a_torn_tail_does_not_take_the_last_room() {
    let fs = SimFileSystem::new();
    let (store, claimed) = start(&fs, small()).unwrap();
    put(&store, &claimed, 1, 9_000);
    fs.cut_power_at(fs.calls() + 2);
    let appended = store.append(claimed.epoch, 2, &[2; 9_000]);
    assert!(matches!(appended, Appended::Broken(_)));
    let torn = fs.crash(Crash::Upto(3));
    let size = |name: &String| torn.with_bytes(&Path::new(DIR).join(name), |bytes| bytes.len());
    let used: usize = torn.list(Path::new(DIR)).unwrap().iter().filter_map(size).sum();
    torn.set_capacity(Some(used as u64 + (64 << 10)));
    assert_eq!(last(&torn).unwrap(), 1);
}

/// A snapshot that could not be written stayed where it was, and kept the disk full.
#[test]
fn a_snapshot_that_fails_gives_its_room_back() {
    let fs = SimFileSystem::new();
    let (store, _) = start(&fs, small()).unwrap();
    fs.set_capacity(Some(3 << 20));
    let bytes = vec![1; 8 << 20];
    let refused = store.put_snapshot(0, &mut |out| out.write_all(&bytes)).unwrap_err();
    let StorageError::Io { source, .. } = refused else { panic!("{refused}") };
    assert_eq!(source.kind(), ErrorKind::StorageFull);
    assert!(fs.with_bytes(&Path::new(DIR).join("tmp-snapshot"), |_| ()).is_none());
}

/// Old log files wait for their next use; on a full disk a snapshot needs their room more.
#[test]
fn files_kept_for_later_leave_their_room_to_a_snapshot() {
    let fs = SimFileSystem::new();
    let (store, claimed) = start(&fs, small()).unwrap();
    (1..=40).for_each(|position| put(&store, &claimed, position, 15_000));
    store.put_snapshot(40, &mut |out| out.write_all(b"forty")).unwrap();
    store.truncate(40, 1).unwrap();
    let names = fs.list(Path::new(DIR)).unwrap();
    assert!(names.iter().filter(|name| name.starts_with("spare-")).count() > 8, "{names:?}");
    let size = |name: &String| fs.with_bytes(&Path::new(DIR).join(name), |bytes| bytes.len());
    fs.set_capacity(Some(names.iter().filter_map(size).sum::<usize>() as u64));
    let bytes = vec![1; 300 << 10];
    let snapshot = || store.put_snapshot(40, &mut |out| out.write_all(&bytes));
    snapshot().unwrap_err();
    snapshot().unwrap();
    put(&store, &claimed, 41, 15_000);
}

/// Before anyone has claimed the log, epoch 0 owned it, and an append began file 1 anew, over the
/// one that was there.
#[test]
fn nobody_owns_the_log_before_it_is_claimed() {
    let fs = SimFileSystem::new();
    let (store, claimed) = start(&fs, small()).unwrap();
    put(&store, &claimed, 1, 300);
    drop(store);
    let options = DirectoryOptions { background: false, ..small() };
    let store = DirectoryStore::open(fs.clone(), DIR, options).unwrap();
    let appended = store.append(0, 1, b"one");
    assert!(matches!(appended, Appended::Fenced), "{appended:?}");
    drop(store);
    assert_eq!(last(&fs).unwrap(), 1);
}

/// Files of 64 KiB are allowed, and frames of 1 MiB; a frame larger than a file broke the log for
/// good.
#[test]
fn a_frame_larger_than_a_log_file_gets_a_file_of_its_own() {
    let fs = SimFileSystem::new();
    let (store, claimed) = start(&fs, small()).unwrap();
    put(&store, &claimed, 1, 300);
    put(&store, &claimed, 2, 1 << 20);
    put(&store, &claimed, 3, 300);
    drop(store);
    assert_eq!(last(&fs.crash(Crash::LoseUnsynced)).unwrap(), 3);
}

/// An old log file got the name of a spare one, and was ready for its next use at once: what was
/// then written to it could be found under its old name after a loss of power, and the start was
/// refused. Its new name is durable first, or it is not used.
#[test]
fn an_old_file_is_used_again_only_under_its_new_name() {
    let fs = SimFileSystem::new();
    let (store, claimed) = start(&fs, small()).unwrap();
    (1..=9).for_each(|position| put(&store, &claimed, position, 15_000));
    store.put_snapshot(9, &mut |out| out.write_all(b"nine")).unwrap();
    // The first old file is renamed; then the directory cannot be synced.
    fs.fail_call(fs.calls() + 2, Fault::Eio);
    store.truncate(9, 2).unwrap_err();
    for position in 10..=14 {
        let appended = store.append(claimed.epoch, position, &[1; 15_000]);
        assert!(matches!(appended, Appended::Broken(_)), "{appended:?}");
    }
    drop(store);
    for way in [Crash::LoseUnsynced, Crash::KeepAll] {
        assert_eq!(last(&fs.crash(way)).unwrap(), 9, "{way:?}");
    }
}

/// Whoever claimed the log later owns it; what an earlier owner still sends is not written.
#[test]
fn an_earlier_owner_writes_nothing() {
    let fs = SimFileSystem::new();
    let (store, earlier) = start(&fs, small()).unwrap();
    put(&store, &earlier, 1, 100);
    let later = store.claim().unwrap();
    assert!(later.epoch > earlier.epoch && later.last == 1);
    assert!(matches!(store.append(earlier.epoch, 2, b"late"), Appended::Fenced));
    put(&store, &later, 2, 100);
}

/// A file is used again under another salt, so that a block of its earlier use, wherever it turns
/// up, is never taken for one of this.
#[test]
fn every_use_of_a_file_has_a_salt_of_its_own() {
    let fs = SimFileSystem::new();
    let (store, claimed) = start(&fs, small()).unwrap();
    let mut salts = BTreeSet::new();
    let mut number = 1;
    for position in 1..=60 {
        put(&store, &claimed, position, 12_000);
        let salt = |bytes: &mut Vec<u8>| u64::from_le_bytes(bytes[8..16].try_into().unwrap());
        if let Some(salt) = fs.with_bytes(&log(number), salt) {
            assert!(salts.insert(salt), "file {number} has the salt of another");
            number += 1;
        }
        if position % 10 == 0 {
            store.put_snapshot(position, &mut |out| out.write_all(b"state")).unwrap();
            store.truncate(position - 1, 2).unwrap();
        }
    }
    assert!(store.first() > 40 && number > 10, "files were used again");
}
