//! The engine answers as its rules say: every call, and all that callers can see in between.
//!
//! The reference model is the rules once more, in maps and loops that count everything anew. Cases
//! mix all operations with installs, closed days, jumps of the clock, snapshots, and restarts in
//! order or after a crash. What this finds and a hand-written test does not: two features that are
//! right alone and wrong together.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/evidence.rs"]
mod evidence;
#[path = "stage/on_disk.rs"]
mod on_disk;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use cupo::testing::machine::{Counts, check_seed};
use cupo::testing::strategy::{Case, cases};
use cupo::testing::{Subject, check};
use cupo::{Engine, ManualClock};
use evidence::{Evidence, first_seed, share};
use on_disk::OnDisk;

fn in_memory(case: &Case, clock: &ManualClock) -> Engine {
    case.builder(clock).open().unwrap()
}

/// Runs `cases` on both cores, in bundles of 100 with a seed each.
fn on_both_cores(cases: u64, bundle: impl Fn(u64) -> Counts + Sync) -> Counts {
    let next = AtomicU64::new(0);
    let total = std::sync::Mutex::new(Counts::default());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n * 100 >= cases {
                        break;
                    }
                    let counts = bundle(first_seed() + n);
                    *total.lock().unwrap() += counts;
                }
            });
        }
    });
    total.into_inner().unwrap()
}

fn tell(evidence: Evidence, counts: Counts) {
    let Counts { cases, commands, changes, refusals, reopened, compared } = counts;
    assert!(changes * 4 > commands && refusals * 20 > commands, "they do little: {counts:?}");
    evidence.passed(&format!(
        "{cases} cases, {commands} commands, {changes} changes, {refusals} refusals, \
         {reopened} restarts, {compared} states compared"
    ));
}

#[test]
fn in_memory_every_answer_is_the_rules() {
    let evidence = Evidence::of("T1 the model and the engine in memory");
    let cases = share(2_000, 500_000);
    let bundle = |seed| check_seed(100, seed, &self::cases(200), in_memory);
    tell(evidence, on_both_cores(cases, bundle));
}

#[test]
fn on_disk_with_restarts_every_answer_is_the_rules() {
    let evidence = Evidence::of("T1 the model and the engine on disk, with restarts");
    let cases = share(1_000, 500_000);
    let strategy = || proptest::strategy::Strategy::prop_map(self::cases(200), with_archive);
    let bundle = |seed| check_seed(100, 1_000_000 + seed, &strategy(), OnDisk::new);
    tell(evidence, on_both_cores(cases, bundle));
}

fn with_archive(mut case: Case) -> Case {
    case.settings.archive = true;
    case
}

#[test]
fn a_planted_difference_is_found_and_made_short() {
    /// Cancels without the cut-off and the cool-off.
    struct Hasty(Engine);
    impl Subject for Hasty {
        fn engine(&self) -> &Engine {
            &self.0
        }
        fn call(&mut self, call: &cupo::testing::model::Call) -> cupo::testing::model::Outcome {
            use cupo::testing::model::Call;
            let call = match call.clone() {
                Call::Cancel(id) => Call::CancelByStaff(id, cupo::ActorId(0)),
                other => other,
            };
            call.on(&self.0)
        }
    }
    let found = std::panic::catch_unwind(|| {
        check(300, &cases(60), |case, clock| Hasty(in_memory(case, clock)))
    });
    let text = found.unwrap_err().downcast_ref::<String>().unwrap().clone();
    // The install, a booking, its cancellation, and at most a few to get there.
    let calls = text.lines().filter(|line| line.starts_with("20")).count();
    assert!(text.contains("Cancel") && (3..=6).contains(&calls), "{calls} calls: {text}");
}
