//! One number names a whole history; at every call to the disk it can be cut, and comes back.
//!
//! The engine runs over a simulated disk with a seeded scheduler of clients who keep several
//! commits in flight. The same seed gives the same bytes. Then the power goes at every storage
//! call of the run, in several ways, and again at every call of the recovery: what comes back is a
//! prefix of history that holds everything acknowledged, claim by claim. What this finds and a
//! test of the store alone does not: an answer given before its record, a snapshot that promises
//! more than the log has, a multi-step change that is not taken up again.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/evidence.rs"]
mod evidence;
#[path = "stage/simulation.rs"]
mod simulation;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use cupo::{Crash, Engine, Fault, FileSystem, Seq, SimFileSystem};
use evidence::{Evidence, first_seed, share};
use simulation::{DIR, Dice, Ledger, Run, events, go_on, open, run, run_days};

const STEPS: usize = 220;

/// Every file with its bytes.
fn bytes_of(fs: &SimFileSystem) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for directory in [DIR.to_owned(), format!("{DIR}/archive")] {
        for name in fs.list(Path::new(&directory)).unwrap() {
            let path = format!("{directory}/{name}");
            if let Some(bytes) = fs.with_bytes(Path::new(&path), |bytes| bytes.clone()) {
                files.push((path, bytes));
            }
        }
    }
    files.sort();
    files
}

/// Runs `work` for `count` seeds on both cores.
fn for_seeds(count: u64, work: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count {
                        break;
                    }
                    work(first_seed() + n);
                }
            });
        }
    });
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_state() {
    let evidence = Evidence::of("T18 the same seed twice: same bytes, same state");
    let seeds = share(100, 10_000);
    let records = AtomicU64::new(0);
    for_seeds(seeds, |seed| {
        let (one, two) = (SimFileSystem::new(), SimFileSystem::new());
        let (first, second) = (run(&one, seed, STEPS), run(&two, seed, STEPS));
        assert!(first.failed.is_none(), "seed {seed}: {:?}", first.failed);
        assert_eq!(first.hash, second.hash, "seed {seed}");
        assert!(bytes_of(&one) == bytes_of(&two), "seed {seed}: another log");
        let last = first.events.last().map_or(0, |event| event.seq.0);
        records.fetch_add(last, Ordering::Relaxed);
        let again = open(&one.crash(Crash::LoseUnsynced), seed, &first.clock).unwrap();
        assert_eq!(again.state_hash(), first.hash, "seed {seed}: after a clean close");
    });
    let records = records.into_inner();
    assert!(records / seeds > 100, "hardly anything happened: {records} records");
    evidence.passed(&format!("{seeds} seeds from {}, {records} records", first_seed()));
}

/// What comes back is a prefix of history with everything that was durable, and it lives on.
fn check(fs: &SimFileSystem, seed: u64, cut: &Run, what: &str) {
    let engine = open(fs, seed, &cut.clock).unwrap_or_else(|error| panic!("{what}: {error}"));
    let found = events(&engine, Seq(1));
    let begins = found.first().map_or(Seq(1), |event| event.seq);
    let (before, there): (Vec<_>, Vec<_>) = cut.events.iter().partition(|e| e.seq < begins);
    assert!(
        there.len() <= found.len(),
        "{what}: {} events, {} came back",
        there.len(),
        found.len()
    );
    for (was, is) in there.iter().zip(&found) {
        assert_eq!(*was, is, "{what}: another history");
    }
    assert!(engine.last() >= cut.acknowledged, "{what}: {:?} is lost", cut.acknowledged);
    let audit = engine.audit();
    assert!(audit.is_clean(), "{what}: {:#?}", audit.problems);
    Ledger::of(before.into_iter().chain(&found)).agrees_with(&engine, what);
    lives_on(engine, fs, seed, cut, what);
}

fn lives_on(engine: Engine, fs: &SimFileSystem, seed: u64, cut: &Run, what: &str) {
    engine.tick();
    let mut more = Run { clock: cut.clock.clone(), ..Run::default() };
    go_on(&engine, seed + 1_000_000, 12, &mut more).unwrap_or_else(|e| panic!("{what}: {e}"));
    let audit = engine.audit();
    assert!(audit.is_clean(), "{what}, going on: {:#?}", audit.problems);
    let hash = engine.state_hash();
    engine.close().unwrap_or_else(|error| panic!("{what}: {error}"));
    let again = open(fs, seed, &cut.clock).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(again.state_hash(), hash, "{what}: after another close");
}

#[test]
fn a_crash_at_every_storage_call_brings_back_a_prefix_with_all_that_was_acknowledged() {
    let evidence = Evidence::of("T6 engine: a crash at every storage call, and again in recovery");
    let (seeds, ways) = (share(2, 150), 4);
    let (images, calls) = (AtomicU64::new(0), AtomicU64::new(0));
    for_seeds(seeds, |seed| {
        let fs = SimFileSystem::new();
        run(&fs, seed, STEPS);
        let all = fs.calls();
        calls.fetch_add(all, Ordering::Relaxed);
        let mut dice = Dice(seed ^ 0x5eed);
        for call in 1..=all {
            let fs = SimFileSystem::new();
            fs.fail_call(call, Fault::Eio);
            let cut = run(&fs, seed, STEPS);
            for way in 0..ways {
                let way = match way {
                    0 => Crash::LoseUnsynced,
                    1 => Crash::KeepAll,
                    _ => Crash::Random(dice.next()),
                };
                let what = format!("seed {seed}, call {call}, {way:?}");
                let image = fs.crash(way);
                check(&image.crash(Crash::KeepAll), seed, &cut, &what);
                // The recovery is cut too, at a call of its own.
                let again = 1 + dice.next() % 24;
                image.fail_call(again, Fault::Eio);
                drop(open(&image, seed, &cut.clock));
                let what = format!("{what}, again at {again}");
                check(&image.crash(way), seed, &cut, &what);
                images.fetch_add(2, Ordering::Relaxed);
            }
        }
    });
    let (images, calls) = (images.into_inner(), calls.into_inner());
    assert!(images > 1_000, "{images}");
    let first = first_seed();
    evidence.passed(&format!("{images} images of {calls} calls, {seeds} seeds from {first}"));
}

#[test]
fn a_fault_at_every_storage_call_is_told_and_loses_nothing() {
    let evidence = Evidence::of("T8 engine: a fault at every storage call");
    let seeds = share(2, 60);
    let (runs, survived, full) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    for_seeds(seeds, |seed| {
        let fs = SimFileSystem::new();
        run_days(&fs, seed, STEPS);
        for call in 1..=fs.calls() {
            for fault in [Fault::Eio, Fault::Enospc, Fault::Erofs, Fault::Eintr, Fault::ShortWrite]
            {
                let fs = SimFileSystem::new();
                fs.fail_call(call, fault);
                let cut = run_days(&fs, seed, STEPS);
                let what = format!("seed {seed}, call {call}, {fault:?}");
                if cut.failed.is_none() {
                    survived.fetch_add(1, Ordering::Relaxed);
                }
                full.fetch_add(cut.full, Ordering::Relaxed);
                if let Some(unclosed) = &cut.unclosed {
                    check(unclosed, seed, &cut, &format!("{what}, before the close"));
                }
                check(&fs.crash(Crash::LoseUnsynced), seed, &cut, &what);
                runs.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let [runs, survived, full] = [runs, survived, full].map(AtomicU64::into_inner);
    assert!(survived > 0 && survived < runs, "{survived} of {runs} went on");
    assert!(full > 0, "the disk was never full");
    evidence.passed(&format!("{runs} runs, {survived} went on, {full} times full, {seeds} seeds"));
}
