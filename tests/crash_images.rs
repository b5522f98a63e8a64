//! Whatever the moment of a crash, everything acknowledged is there and nothing by halves.
//!
//! Scripts of appends, settles, snapshots, cuts and reopens run on a simulated disk whose power
//! goes at every call that writes, syncs or changes a directory. Of what was not synced then, all
//! is lost, all is kept, each piece is missing, the batch is torn at each piece from the front and
//! from behind, and every subset is kept. The recovery is cut at each of its own calls too. What
//! broke stores before: a directory not synced after a rename, a tail taken for acknowledged, a
//! removal that overtook an earlier one.

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

use std::sync::atomic::{AtomicU64, Ordering};

use cupo::{Crash, Durability, SimFileSystem};
use disk::{Reached, Script, Step};
use evidence::{Evidence, first_seed, share};

/// Pieces of which every subset is tried; of more, as many random ones as pieces.
fn subsets_of() -> u64 {
    share(6, 12)
}

fn ways(pieces: u64, seed: u64) -> Vec<Crash> {
    let mut ways = vec![Crash::LoseUnsynced, Crash::KeepAll];
    if pieces <= subsets_of() {
        ways.extend((1..(1 << pieces) - 1).map(Crash::Subset));
    } else {
        ways.extend((0..pieces).map(Crash::Drop));
        ways.extend((1..pieces).flat_map(|n| [Crash::Head(n), Crash::Tail(n)]));
        ways.extend((0..pieces).map(|n| Crash::Random(seed << 8 | n)));
    }
    if pieces == 0 {
        ways.truncate(1);
    }
    ways
}

/// Cuts a script at every call, in every way; answers with how many images were recovered.
fn every_cut(script: &Script, seed: u64) -> u64 {
    let whole = SimFileSystem::new();
    let done = script.run(&whole);
    assert!(done.error.is_none(), "{done:?}");
    let mut images = 0;
    for call in 1..=whole.calls() {
        let fs = SimFileSystem::new();
        fs.cut_power(call);
        let at = script.run(&fs);
        for way in ways(fs.unsynced(), seed << 16 | call) {
            let what = || format!("seed {seed}, call {call}, {way:?}, {:?}", script.durability);
            script.check(&fs.crash(way), &at, &what);
            images += 1;
            if matches!(way, Crash::LoseUnsynced | Crash::KeepAll | Crash::Random(_)) {
                let one_of = if matches!(way, Crash::Random(_)) { 8 } else { 1 };
                images += cut_again(script, &fs.crash(way), &at, one_of, &what);
            }
        }
    }
    images
}

/// Cuts the recovery of an image too, at one in `one_of` of its calls.
fn cut_again(
    script: &Script,
    image: &SimFileSystem,
    at: &Reached,
    one_of: u64,
    what: &dyn Fn() -> String,
) -> u64 {
    let recovered = image.crash(Crash::KeepAll);
    drop(script.open(&recovered));
    let mut images = 0;
    for call in (1..=recovered.calls()).filter(|call| call % one_of == 0) {
        let fs = image.crash(Crash::KeepAll);
        fs.cut_power(call);
        assert!(script.open(&fs).is_err());
        for way in [Crash::LoseUnsynced, Crash::KeepAll, Crash::Random(call)] {
            let what = || format!("{}, then call {call} of the recovery, {way:?}", what());
            script.check(&fs.crash(way), at, &what);
            images += 1;
        }
    }
    images
}

fn scripts() -> Vec<Script> {
    use Step::{Archive, Close, Cut, Die, Frame, Settle, Snapshot};
    let rolls = vec![
        Frame(15_000),
        Frame(14_000),
        Snapshot,
        Frame(20_000),
        Frame(18_000),
        Snapshot,
        Frame(19_000),
        Cut,
        Frame(21_000),
        Frame(17_000),
        Snapshot,
        Cut,
        Frame(25_000),
        Settle,
        Frame(16_000),
    ];
    let small = vec![
        Frame(64),
        Frame(300),
        Frame(3_000),
        Settle,
        Frame(5_000),
        Snapshot,
        Archive,
        Frame(700),
        Die,
        Frame(200),
        Close,
        Frame(1_900),
    ];
    let kinds = [Durability::Synced, Durability::SyncedTwice, Durability::Buffered];
    kinds
        .into_iter()
        .flat_map(|kind| [small.clone(), rolls.clone()].map(|steps| Script::new(kind, steps)))
        .collect()
}

#[test]
fn every_crash_keeps_what_was_acknowledged() {
    let evidence = Evidence::of("T6 crash at every storage call, all that a store does");
    let images = AtomicU64::new(0);
    let scripts = scripts();
    let next = AtomicU64::new(0);
    let work = || {
        while let Some(script) = scripts.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
            images.fetch_add(every_cut(script, 0), Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| (0..share(1, 2).min(2)).for_each(|_| drop(scope.spawn(work))));
    evidence.passed(&format!("{} images, {} scripts", images.into_inner(), scripts.len()));
}

#[test]
fn every_crash_of_a_seeded_script_keeps_what_was_acknowledged() {
    let evidence = Evidence::of("T6 crash at every storage call, seeded scripts");
    let (images, scripts) = (AtomicU64::new(0), AtomicU64::new(0));
    let enough = share(50_000, 10_000_000);
    let next = AtomicU64::new(first_seed());
    let work = || {
        while images.load(Ordering::Relaxed) < enough {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let script = Script::seeded(seed, share(12, 24) as usize, 3);
            images.fetch_add(every_cut(&script, seed), Ordering::Relaxed);
            scripts.fetch_add(1, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| (0..share(1, 2).min(2)).for_each(|_| drop(scope.spawn(work))));
    let (images, scripts) = (images.into_inner(), scripts.into_inner());
    let first = first_seed();
    let last = first + scripts - 1;
    evidence.passed(&format!("{images} images, {scripts} scripts, seeds {first}..={last}"));
}
