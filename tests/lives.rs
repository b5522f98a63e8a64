//! A process that is killed at any moment loses nothing that it acknowledged.
//!
//! A child process works on a directory with several threads and writes down, outside, what it
//! tries and what it is told. It is killed with SIGKILL at random moments: while it starts, while
//! it recovers from the kill before, at work, while it closes. The next life begins where that
//! one ended, and compares every party with the ledger outside. Log files are as small as they
//! may be and snapshots follow each other, so that files are begun, cut and used again all the
//! time. What broke such stores before: a log cut at a file's edge, a snapshot half in place, a
//! recovery that was itself interrupted.

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

#[path = "stage/evidence.rs"]
mod evidence;
#[path = "stage/life.rs"]
mod life;
#[path = "stage/outside.rs"]
mod outside;
#[path = "stage/stand.rs"]
mod stand;

use evidence::{Evidence, first_seed, share};
use life::Life;
use outside::Came;
use stand::{Stand, start};

/// Lives that end at random moments, a look inside every so often.
fn kill(seed: u64, kills: u64) -> Stand {
    let mut stand = Stand::new(seed);
    for n in 0..kills {
        let mut life = stand.life();
        life.threads = 1 + stand.dice.below(4) as usize;
        // Some close by themselves and are killed on the way.
        life.work_ms = if n % 4 == 3 { 20 + stand.dice.below(60) } else { 60_000 };
        let longest = if n % 3 == 0 { 40 } else { 250 };
        let after = stand.dice.below(longest);
        stand.killed(&life, after);
        if n % 8 == 7 {
            stand.look();
        }
    }
    stand.look();
    stand
}

#[test]
fn a_kill_at_any_moment_loses_nothing_acknowledged() {
    let evidence = Evidence::of("T10 kill -9 of a process at random moments");
    let kills = share(50, 10_000);
    let seed = first_seed();
    let stands: Vec<Stand> = std::thread::scope(|scope| {
        let halves =
            [0, 1].map(|half| scope.spawn(move || kill(seed * 2 + half, kills.div_ceil(2))));
        halves.into_iter().map(|half| half.join().unwrap()).collect()
    });
    let sum = |of: fn(&Stand) -> u64| stands.iter().map(of).sum::<u64>();
    let came: Vec<String> = stands.iter().map(Stand::came).collect();
    let working = sum(|stand| stand.ends[Came::Working as usize]);
    assert!(working > kills / 10, "{came:?}");
    evidence.passed(&format!(
        "{} kills ({}), {} changes acknowledged, {} states compared with the ledger outside, {} \
         recounts, seed {seed}",
        sum(|stand| stand.lives),
        came.join("; "),
        sum(|stand| stand.outside.done),
        sum(|stand| stand.outside.checked),
        sum(|stand| stand.looks),
    ));
}

#[test]
fn a_life_that_closes_in_order_is_found_whole() {
    let mut stand = Stand::new(first_seed());
    for _ in 0..2 {
        let life = Life { work_ms: 150, ..stand.life() };
        assert!(start(&life).wait().unwrap().success());
        let told = stand.ended(&life);
        assert_eq!((told.came, told.refused.clone()), (Came::Closed, None));
        assert!(told.done > 0 && told.out == 0, "{told:?}");
        stand.look();
    }
}

/// The ledger itself is tried: put back a directory as it was some changes ago, and it must say so.
#[test]
fn the_ledger_notices_what_is_lost() {
    let mut stand = Stand::new(first_seed());
    let life = Life { work_ms: 100, ..stand.life() };
    assert!(start(&life).wait().unwrap().success());
    stand.ended(&life);
    let (directory, old) = (stand.directory.clone(), stand.room.path().join("old"));
    stand::copy(&directory, &old);
    let life = Life { work_ms: 100, ..stand.life() };
    assert!(start(&life).wait().unwrap().success());
    assert!(stand.ended(&life).done > 100);
    std::fs::remove_dir_all(&directory).unwrap();
    std::fs::rename(&old, &directory).unwrap();
    let lost = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| stand.look()));
    let lost = *lost.unwrap_err().downcast::<String>().unwrap();
    assert!(lost.contains("promised was"), "{lost}");
}
