//! The operating system refuses a call in the middle of a real process (`strace` injects it): that
//! process promises nothing from then on, and the directory opens again with all it had promised.

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

#[path = "stage/crowd.rs"]
mod crowd;
#[path = "stage/evidence.rs"]
mod evidence;
#[path = "stage/town.rs"]
mod town;
#[path = "stage/witness.rs"]
mod witness;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use cupo::verify;
use evidence::{Evidence, first_seed, not_run, share};
use witness::{Witness, builder, live, paths};

/// Calls of the system, and what becomes of the n-th in each thread.
const FAULTS: [(&str, &str); 7] = [
    ("fdatasync", "error=EIO"),
    ("pwrite64", "error=EIO"),
    ("pwrite64", "error=ENOSPC"),
    ("fsync", "error=EIO"),
    ("/^rename", "error=EIO"),
    ("/^unlink", "error=EIO"),
    ("fdatasync", "delay_enter=30000"),
];

#[test]
fn child() {
    live();
}

fn strace() -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-o", "/dev/null"]).stderr(Stdio::null());
    command
}

/// Why it cannot be done here.
fn obstacle() -> Option<String> {
    match strace().args(["-e", "inject=fdatasync:error=EIO:when=1", "true"]).status() {
        Ok(status) if status.success() => None,
        Ok(status) => Some(format!("strace may not trace here ({status})")),
        Err(error) => Some(format!("strace: {error}")),
    }
}

/// One life under one fault, and a look at what it leaves; says how the fault showed, if it did.
fn suffer(call: &str, fault: &str, when: u64) -> (Option<String>, u64) {
    let room = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut command = strace();
    command.args(["-e", &format!("trace={call}")]);
    command.args(["-e", &format!("inject={call}:{fault}:when={when}")]);
    command.arg(std::env::current_exe().unwrap());
    witness::tell(&mut command, room.path(), 0, 120);
    let status = command.status().unwrap();
    let told = format!("{call} {fault} at {when}");
    assert!(status.success(), "{told}: {status}");
    let (data, acks) = paths(room.path());
    let witness = Witness::read(&acks);
    let engine = builder(&data, 0).open().unwrap_or_else(|error| panic!("{told}: {error}"));
    witness.check(&engine, 0);
    engine.close().unwrap();
    assert!(verify(&data).unwrap().is_sound(), "{told}");
    (witness.failures.first().cloned(), witness.promises)
}

#[test]
fn after_a_refused_call_nothing_is_promised_and_nothing_promised_is_lost() {
    if let Some(why) = obstacle() {
        not_run("T8 strace, faults of a real process", &why);
        return;
    }
    let evidence = Evidence::of("T8 strace, faults of a real process");
    let (runs, seed) = (share(28, 3_000), first_seed());
    let (mut failed, mut promised) = (BTreeMap::<&str, u64>::new(), 0);
    for run in 0..runs {
        let (call, fault) = FAULTS[run as usize % FAULTS.len()];
        let round = run / FAULTS.len() as u64;
        // The first calls one by one, then further in.
        let when = if round < 2 { round + 1 } else { 1 + (round * 7 + seed * 5) % 60 };
        let (failure, promises) = suffer(call, fault, when);
        promised += promises;
        if let Some(why) = failure {
            assert!(fault.starts_with("error"), "{call} {fault} at {when}: {why}");
            *failed.entry(call).or_default() += 1;
        }
    }
    assert!(failed.contains_key("fdatasync") && failed.contains_key("pwrite64"), "{failed:?}");
    evidence.passed(&format!(
        "{runs} runs, ended by the fault: {failed:?}, {promised} promises kept, seed {seed}"
    ));
}
