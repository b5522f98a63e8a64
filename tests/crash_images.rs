//! Whatever the moment of a crash, everything acknowledged is there and nothing by halves.
//!
//! Histories of appends, settles, snapshots and cuts of the log run on a simulated disk. The power
//! goes at every call of theirs that writes, syncs or changes a directory. What was not synced is
//! then on the disk in many ways: nothing of it, all, all but each piece, torn after each piece,
//! every subset where there are few pieces, and as seeds say. Each image is recovered; the recovery
//! is cut at every call of its own, and recovered. What broke stores before: a directory not synced
//! after a rename, a tail taken for acknowledged, a retried sync.

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

use std::sync::atomic::{AtomicU64, Ordering};

use cupo::log_store::LogStore;
use cupo::{Crash, Durability, SimFileSystem};
use evidence::{Evidence, first_seed, share};
use log::{Script, check, open};

/// Pieces up to which every subset is tried.
fn subset_pieces() -> usize {
    share(6, 12).clamp(6, 12) as usize
}

/// The ways in which unsynced pieces are on the disk or not.
fn ways(pieces: usize, seed: u64) -> Vec<Crash> {
    let mut ways = vec![Crash::LoseUnsynced];
    if pieces == 0 {
        return ways;
    }
    ways.push(Crash::KeepAll);
    if pieces <= subset_pieces() {
        ways.extend((1..(1 << pieces) - 1).map(Crash::Subset));
        return ways;
    }
    for n in 0..pieces {
        ways.extend([Crash::Drop(n), Crash::Upto(n), Crash::From(n)]);
    }
    ways.extend((0..8).map(|n| Crash::Random(seed.wrapping_mul(2_654_435_761) + n * 77)));
    ways
}

/// Cuts a script at one call, in every way; cuts each `step`-th recovery at every call.
fn cut(script: &Script, call: u64, step: usize, images: &AtomicU64) {
    let fs = SimFileSystem::new();
    fs.cut_power_at(call);
    let acknowledged = script.run(&fs);
    for (n, way) in ways(fs.unsynced(), script.seed ^ call).into_iter().enumerate() {
        let what = format!("{script:?}, call {call}, {way:?}");
        let image = fs.crash(way);
        let whole = image.crash(Crash::KeepAll);
        let last = check(script, &whole, acknowledged, &what);
        let mut done = 1;
        if n % step == call as usize % step {
            done += cut_recovery(script, &image, last, &what);
        }
        // Relaxed: only counted.
        images.fetch_add(done, Ordering::Relaxed);
    }
}

/// A recovery that dies at any call of its own loses nothing that it found on the disk.
fn cut_recovery(script: &Script, image: &SimFileSystem, last: u64, what: &str) -> u64 {
    let mut images = 0;
    for call in 1.. {
        let fs = image.crash(Crash::KeepAll);
        fs.cut_power_at(call);
        let claimed = open(&fs, script.durability).and_then(|store| store.claim());
        if claimed.is_ok() {
            return images;
        }
        let pieces = fs.unsynced();
        let torn = [
            Crash::LoseUnsynced,
            Crash::KeepAll,
            Crash::Upto(pieces / 2),
            Crash::Drop(call as usize % pieces.max(1)),
            Crash::Random(call ^ script.seed),
        ];
        for way in &torn[..if pieces == 0 { 1 } else { torn.len() }] {
            let what = format!("{what}, then recovery call {call}, {way:?}");
            check(script, &fs.crash(*way), last, &what);
            images += 1;
        }
    }
    images
}

#[test]
fn every_crash_keeps_what_was_acknowledged() {
    let evidence = Evidence::of("T6 power cut at every call of the store, and of its recovery");
    let want = share(100_000, 10_000_000);
    let images = AtomicU64::new(0);
    let (calls, scripts) = (AtomicU64::new(0), AtomicU64::new(0));
    let next = AtomicU64::new(first_seed());
    let work = || {
        while images.load(Ordering::Relaxed) < want {
            let script = Script::of(next.fetch_add(1, Ordering::Relaxed));
            let whole = SimFileSystem::new();
            script.run(&whole);
            for call in 1..=whole.calls() + 1 {
                cut(&script, call, 17, &images);
            }
            calls.fetch_add(whole.calls(), Ordering::Relaxed);
            scripts.fetch_add(1, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let (images, calls) = (images.into_inner(), calls.into_inner());
    let (first, last) = (first_seed(), next.into_inner() - 1);
    evidence.passed(&format!(
        "{images} images of {} scripts (seeds {first}..={last}), {calls} calls cut",
        scripts.into_inner()
    ));
    assert!(images >= want);
}

#[test]
fn an_image_has_every_piece_or_not_as_it_is_told() {
    use cupo::{FileHandle, FileSystem};
    let fs = SimFileSystem::new();
    let file = fs.open("a".as_ref(), true).unwrap();
    file.write_at(0, &[1; 2_048]).unwrap();
    file.sync_all().unwrap();
    fs.sync_directory("".as_ref()).unwrap();
    assert_eq!(fs.unsynced(), 0);
    file.write_at(512, &[2; 1_024]).unwrap();
    file.write_at(2_048, &[3; 512]).unwrap();
    fs.rename("a".as_ref(), "b".as_ref()).unwrap();
    // The rename, the length, three sectors.
    assert_eq!(fs.unsynced(), 5);
    let bytes = |crash| {
        let image = fs.crash(crash);
        ["a", "b"].map(|name| {
            let file = image.open(name.as_ref(), false).ok()?;
            let mut bytes = vec![0; file.len().unwrap() as usize];
            file.read_at(0, &mut bytes).unwrap();
            Some(bytes.chunks(512).map(|sector| sector[0]).collect::<Vec<_>>())
        })
    };
    assert_eq!(bytes(Crash::LoseUnsynced), [Some(vec![1, 1, 1, 1]), None]);
    assert_eq!(bytes(Crash::KeepAll), [None, Some(vec![1, 2, 2, 1, 3])]);
    assert_eq!(bytes(Crash::Drop(0)), [Some(vec![1, 2, 2, 1, 3]), None]);
    assert_eq!(bytes(Crash::Drop(1)), [None, Some(vec![1, 2, 2, 1])]);
    assert_eq!(bytes(Crash::Upto(3)), [None, Some(vec![1, 2, 1, 1, 0])]);
    assert_eq!(bytes(Crash::From(3)), [Some(vec![1, 1, 2, 1]), None]);
    assert_eq!(bytes(Crash::Subset(0b1_0010)), [Some(vec![1, 1, 1, 1, 3]), None]);
}

#[test]
fn what_was_cut_off_and_written_anew_comes_back_unless_it_was_synced() {
    use cupo::{Fault, FileHandle, FileSystem};
    let fs = SimFileSystem::new();
    let file = fs.open("a".as_ref(), true).unwrap();
    file.write_at(0, &[1; 1_700]).unwrap();
    file.sync_all().unwrap();
    fs.sync_directory("".as_ref()).unwrap();
    let bytes = |fs: &SimFileSystem| fs.with_bytes("a".as_ref(), |bytes| bytes.clone()).unwrap();
    file.set_len(600).unwrap();
    file.write_at(1_000, &[2; 100]).unwrap();
    // The length, and two sectors: one has zeros where it was cut.
    assert_eq!((file.len().unwrap(), fs.unsynced()), (1_100, 3));
    assert_eq!(bytes(&fs.crash(Crash::LoseUnsynced)), [1; 1_700]);
    let cut = [vec![1; 600], vec![0; 400], vec![2; 100]].concat();
    assert_eq!(bytes(&fs.crash(Crash::KeepAll)), cut);
    let length_lost = [cut.clone(), vec![1; 600]].concat();
    assert_eq!(bytes(&fs.crash(Crash::Drop(0))), length_lost);
    let torn = [vec![1; 600], vec![0; 400], vec![2; 24], vec![1; 76]].concat();
    assert_eq!(bytes(&fs.crash(Crash::Upto(2))), torn);
    // The sync fails: what the disk has is seen again once the cache is dropped.
    fs.fail_call(fs.calls() + 1, Fault::Eio);
    assert!(file.sync_all().is_err());
    assert_eq!(bytes(&fs.crash(Crash::KeepAll)), [1; 1_700]);
    file.drop_cache();
    assert_eq!((bytes(&fs), fs.unsynced()), (vec![1; 1_700], 0));
}

#[test]
fn buffered_survives_the_process_and_its_syncs_survive_the_power() {
    let script = Script { durability: Durability::Buffered, ..Script::of(1) };
    let fs = SimFileSystem::new();
    let store = open(&fs, Durability::Buffered).unwrap();
    let claimed = store.claim().unwrap();
    script.append(&store, claimed.epoch, 1..=3);
    check(&script, &fs.crash(Crash::KeepAll), 3, "the process died");
    assert_eq!(check(&script, &fs.crash(Crash::LoseUnsynced), 0, "the power went"), 0);
    store.settle(false).unwrap();
    check(&script, &fs.crash(Crash::LoseUnsynced), 3, "settled, then the power went");
}
