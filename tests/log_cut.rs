//! A log that is cut below a snapshot never has a gap, wherever the cutting stops.
//!
//! The store forgot all files to be cut before it had removed the first: when that failed, the
//! next cut removed later ones, and the start was refused for a gap that looked like a lost file.
//! The removals were also made durable all at once at the end, so the loss of power could keep an
//! older one undone and a newer one done.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

use cupo::log_store::{Appended, LogStore};
use cupo::{Crash, DirectoryOptions, DirectoryStore, Fault, SimFileSystem};

const FRAMES: u64 = 24;

fn open(fs: &SimFileSystem) -> DirectoryStore<SimFileSystem> {
    let options = DirectoryOptions {
        segment_bytes: 64 << 10,
        background: false,
        ..DirectoryOptions::default()
    };
    DirectoryStore::open(fs.clone(), "log", options).unwrap()
}

/// Five files of frames and two snapshots, about to be cut.
fn whole(fs: &SimFileSystem) -> DirectoryStore<SimFileSystem> {
    let store = open(fs);
    let epoch = store.claim().unwrap().epoch;
    for position in 1..=FRAMES {
        assert!(matches!(store.append(epoch, position, &[7; 12_000]), Appended::Stored));
    }
    for position in [FRAMES - 2, FRAMES - 1] {
        store.put_snapshot(position, &mut |out| out.write_all(b"state")).unwrap();
    }
    store
}

#[test]
fn a_cut_that_fails_or_loses_power_leaves_no_gap() {
    let fs = SimFileSystem::new();
    let store = whole(&fs);
    let before = fs.calls();
    store.truncate(FRAMES - 2, 2).unwrap();
    assert!(store.first() > 12, "several files are cut: {}", store.first());
    let calls = fs.calls() - before;
    assert!(calls >= 6, "{calls}");
    for call in 1..=calls {
        let fs = SimFileSystem::new();
        let store = whole(&fs);
        fs.fail_call(fs.calls() + call, Fault::Eio);
        assert!(store.truncate(FRAMES - 2, 2).is_err(), "call {call}");
        for seed in 0..40 {
            let claimed = open(&fs.crash(Crash::Random(seed))).claim();
            assert_eq!(claimed.unwrap().last, FRAMES, "call {call}, power lost, seed {seed}");
        }
        // The program lives and cuts again, or has failed for good.
        let again = store.truncate(FRAMES - 2, 2);
        let next = store.append(1, FRAMES + 1, b"more");
        let broken = matches!(next, Appended::Broken(_));
        assert!(again.is_ok() != broken, "call {call}: {again:?}, then {next:?}");
        drop(store);
        let again = open(&fs.crash(Crash::KeepAll));
        assert!(again.claim().unwrap().last >= FRAMES, "call {call}, cut again");
    }
}
