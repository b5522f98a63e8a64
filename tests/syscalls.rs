//! A system call that fails is told and loses nothing, in the real program on the real system.
//!
//! `strace` makes the n-th call of one kind fail in a child process that works on a directory (see
//! `stage/life.rs`): the sync of a frame, a write, the sync of a new file or of the directory, a
//! rename, a removal, a read during recovery; or it kills the process right there. Afterwards
//! everything acknowledged is there. After a failed sync of the log there is no second one: the
//! system would say that all is well, and the page be gone. Not run where `strace` is missing or
//! may not trace.

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

use std::process::{Command, Stdio};

use evidence::{Evidence, first_seed, not_run, share};
use life::Life;
use outside::{Came, Told};
use stand::{Stand, quiet};

/// Kinds of calls and their faults. Only the engine makes them: the ledger outside uses `write`.
const FAULTS: [(&str, &str); 17] = [
    ("fdatasync", "error=EIO"),
    ("fdatasync", "error=ENOSPC"),
    ("fdatasync", "error=EINTR"),
    ("fdatasync", "signal=KILL"),
    ("pwrite64", "error=EIO"),
    ("pwrite64", "error=ENOSPC"),
    ("pwrite64", "error=EROFS"),
    ("pwrite64", "error=EINTR"),
    ("pwrite64", "signal=KILL"),
    ("fsync", "error=EIO"),
    ("fsync", "error=EINTR"),
    ("fsync", "signal=KILL"),
    ("/^rename", "error=EIO"),
    ("/^rename", "signal=KILL"),
    ("/^unlink", "error=EIO"),
    ("/^unlink", "signal=KILL"),
    ("pread64", "error=EIO"),
];

fn may_trace() -> bool {
    let mut probe = Command::new("strace");
    probe.args(["-f", "-qq", "-o", "/dev/null", "true"]).stderr(Stdio::null());
    let may = probe.status().is_ok_and(|status| status.success());
    if !may {
        not_run("T8 strace", "strace is missing or may not trace here");
    }
    may
}

/// One life with a fault; answers with what it was told and the calls of that kind.
fn faulty(stand: &mut Stand, life: &Life, call: &str, fault: &str, when: u64) -> (Told, String) {
    let trace = stand.room.path().join("trace");
    let (traced, inject) = (format!("trace={call}"), format!("inject={call}:{fault}:when={when}"));
    // No `--seccomp-bpf`: with it, strace 6 does not deliver the signal.
    let under = ["strace", "-f", "-qq", "-y", "-e", "signal=none", "-o"];
    let under = [&under[..], &[trace.to_str().unwrap(), "-e", &traced, "-e", &inject]].concat();
    quiet(&mut life.command_under(&under)).wait().unwrap();
    let told = stand.ended(life);
    let calls = std::fs::read_to_string(&trace).unwrap_or_default();
    (told, calls)
}

fn is_log(line: &str) -> bool {
    line.contains("/log-")
}

/// After a failed write or sync of a log file there is no other of that kind, and no answer.
fn told_once(told: &Told, calls: &str, what: &str) -> bool {
    let mut lines = calls.lines().skip_while(|line| !line.contains("(INJECTED)"));
    let Some(injected) = lines.next() else { return false };
    let sync = injected.contains("fdatasync(");
    let write = injected.contains("pwrite64(") && !injected.contains("EINTR");
    if is_log(injected) && (sync || write) {
        let again: Vec<_> = lines.filter(|line| is_log(line)).collect();
        assert!(again.is_empty(), "{what}: tried again: {again:?}");
        assert_ne!(told.came, Came::Closed, "{what}: {told:?}");
        let known = told.lost + told.dead > 0 || told.refused.is_some();
        assert!(known, "{what}: nobody was told: {told:?}");
    }
    true
}

#[test]
fn a_call_that_fails_is_told_and_loses_nothing() {
    if !may_trace() {
        return;
    }
    let evidence = Evidence::of("T8 the program with failing system calls (strace)");
    let rounds = share(2, 60);
    let mut hit = [0_u64; FAULTS.len()];
    let (mut killed, mut refused, mut lost) = (0, 0, 0);
    let mut stand = Stand::new(first_seed());
    for round in 0..rounds {
        for (n, (call, fault)) in FAULTS.iter().enumerate() {
            let life = Life { work_ms: 120, ..stand.life() };
            let often = if call.starts_with('/') { 6 } else { 25 };
            let when = 1 + stand.dice.below(often);
            let what = format!("{call} {fault} when={when}, round {round}");
            let (told, calls) = faulty(&mut stand, &life, call, fault, when);
            if fault.starts_with("signal") {
                let died = told.came != Came::Closed;
                hit[n] += u64::from(died);
                killed += u64::from(died);
            } else {
                hit[n] += u64::from(told_once(&told, &calls, &what));
            }
            refused += u64::from(told.came == Came::Opening);
            lost += told.lost;
            stand.look();
        }
    }
    let never: Vec<_> = FAULTS.iter().zip(hit).filter(|(_, hit)| *hit == 0).collect();
    assert!(never.len() < FAULTS.len() / 2, "too many faults never came: {never:?}");
    evidence.passed(&format!(
        "{} runs, {} faults hit, {killed} of them kills at a call, {refused} starts refused or \
         cut, {lost} answers indeterminate, {} changes acknowledged, {} states compared",
        stand.lives,
        hit.iter().sum::<u64>(),
        stand.outside.done,
        stand.outside.checked
    ));
}

/// A write that says "forty bytes" and has written none: no system does so, and a disk may. What
/// was acknowledged on top of it is refused at the next start, never passed over.
#[test]
fn a_write_that_lied_stops_the_next_start() {
    if !may_trace() {
        return;
    }
    let evidence = Evidence::of("T8 a write that lied (strace)");
    let (mut refused, mut harmless) = (0, 0);
    for lie in 0..share(6, 200) {
        let mut stand = Stand::new(first_seed() * 1_000 + lie);
        let life = Life { work_ms: 250, closes: false, snapshots: false, ..stand.life() };
        let when = 1 + stand.dice.below(20);
        faulty(&mut stand, &life, "pwrite64", "retval=40", when);
        match life.builder().open() {
            Err(error) => {
                assert!(error.to_string().contains("damage"), "{error}");
                refused += 1;
            }
            Ok(engine) => {
                drop(engine);
                stand.look();
                harmless += 1;
            }
        }
    }
    assert!(refused > 0);
    evidence.passed(&format!("{refused} starts refused, {harmless} lies of no consequence"));
}
