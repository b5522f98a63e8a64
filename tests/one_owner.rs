//! A directory has one owner at a time, and a process that was only stopped is still the owner.
//!
//! A second engine is refused, in the same process and in another, and the first does not notice.
//! After SIGKILL or a close the directory is free at once. What broke this before: a process
//! started by another thread holds copies of all open files until it executes, the lock file
//! among them, so that a reopen right after a close was refused.

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

use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cupo::{Engine, Error, StorageError};
use evidence::{Evidence, first_seed, share};
use life::Life;
use outside::Came;
use stand::{Stand, signal, start};

fn sleep(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

/// Bytes of answers written so far.
fn answers(life: &Life) -> u64 {
    let length = |thread: usize| {
        std::fs::metadata(life.acks.join(thread.to_string())).map_or(0, |file| file.len())
    };
    (0..life.threads).map(length).sum()
}

fn goes_on(life: &Life, before: u64) {
    let more = (0..3_000).any(|_| {
        sleep(10);
        answers(life) > before
    });
    assert!(more, "no answer within 30 seconds");
}

fn at_work(life: &Life) -> Child {
    let child = start(life);
    goes_on(life, 10_000);
    child
}

fn is_in_use(opened: Result<Engine, Error>) -> bool {
    matches!(opened, Err(Error::Storage(StorageError::InUse { .. })))
}

#[test]
fn a_second_owner_is_refused_and_a_kill_frees_the_directory_at_once() {
    let mut stand = Stand::new(first_seed());
    for _ in 0..3 {
        let life = stand.life();
        let mut child = at_work(&life);
        assert!(is_in_use(life.builder().open()));
        let second = stand.room.path().join("second");
        std::fs::create_dir_all(&second).unwrap();
        let other = Life { acks: second, ..life.clone() };
        assert!(start(&other).wait().unwrap().success());
        let refused = std::fs::read_to_string(other.acks.join("main")).unwrap();
        assert!(refused.contains("engine is in use by another engine"), "{refused}");
        std::fs::remove_dir_all(&other.acks).unwrap();
        // The first does not notice.
        let before = answers(&life);
        goes_on(&life, before);
        child.kill().unwrap();
        child.wait().unwrap();
        let told = stand.ended(&life);
        assert_eq!((told.came, told.dead + told.lost), (Came::Working, 0), "{told:?}");
        stand.look();
    }
}

#[test]
fn a_stopped_process_keeps_its_promises_and_its_directory() {
    let evidence = Evidence::of("T12 SIGSTOP in the middle of work");
    let mut stand = Stand::new(first_seed() + 1);
    let stops = share(3, 100);
    for stop in 0..stops {
        let life = stand.life();
        let mut child = at_work(&life);
        sleep(stand.dice.below(50));
        signal(&child, "STOP");
        sleep(30);
        let before = answers(&life);
        assert!(is_in_use(life.builder().open()), "a stopped owner is an owner");
        // Longer than most holds last: their deadlines pass while it stands still.
        sleep(if stop % 3 == 0 { 2_500 } else { 300 });
        assert_eq!(answers(&life), before, "it stood still");
        signal(&child, "CONT");
        sleep(100);
        goes_on(&life, before);
        child.kill().unwrap();
        child.wait().unwrap();
        let told = stand.ended(&life);
        assert_eq!(told.lost + told.dead, 0, "{told:?}");
        stand.look();
    }
    evidence.passed(&format!(
        "{stops} stops, {} changes acknowledged, {} states compared",
        stand.outside.done, stand.outside.checked
    ));
}

#[test]
fn a_close_frees_the_directory_whatever_else_is_started() {
    let room = tempfile::tempdir().unwrap();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                Command::new("true").status().unwrap();
            }
        });
        let life = Life::new(&room.path().join("engine"), room.path().into(), 0);
        let opened: Vec<_> = (0..60).map(|_| life.builder().open().map(Engine::close)).collect();
        over.store(true, Ordering::Relaxed);
        for result in opened {
            result.unwrap().unwrap();
        }
    });
}
