//! A process may be killed at any moment, also while it recovers: whatever it promised is there
//! afterwards. Many real processes, one after the other on the same directory, each killed at a
//! moment that the seed decides; and processes that are stopped, or meet at one directory.

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

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use crowd::Dice;
use cupo::{Error, StorageError, verify};
use evidence::{Evidence, first_seed, share};
use witness::{Witness, builder, live, paths};

const AGE: u64 = 60_000;

#[test]
fn child() {
    live();
}

fn room() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9), "it died of something else");
}

fn promises(room: &Path) -> u64 {
    Witness::read(&paths(room).1).promises
}

fn wait_for(room: &Path, more_than: u64) {
    for _ in 0..1_000 {
        if promises(room) > more_than {
            return;
        }
        pause(10);
    }
    panic!("no promise within ten seconds");
}

/// Opens what is left, checks it against the witness, and closes it or drops it as it is.
fn inspect(room: &Path, life: u64) {
    let (data, acks) = paths(room);
    let witness = Witness::read(&acks);
    assert!(witness.failures.is_empty(), "{:?}", witness.failures);
    let engine = builder(&data, life).snapshot_on_close(life % 2 == 0).open().unwrap();
    witness.check(&engine, life);
    engine.close().unwrap();
}

#[test]
fn killed_at_any_moment_it_keeps_every_promise() {
    let evidence = Evidence::of("T10 kill -9 of a process with its own witness");
    let (kills, mut dice) = (share(40, 1_000), Dice(first_seed()));
    let (mut killed, mut rooms, mut promised, mut early) = (0, 0, 0, 0);
    while killed < kills {
        let room = room();
        let lives = (10 + dice.roll() % 16).min(kills - killed);
        for life in 0..lives {
            let child = witness::child(room.path(), life, AGE).spawn().unwrap();
            let most = [80, 200, 300][dice.below(3)];
            pause(dice.roll() % most);
            kill(child);
            killed += 1;
            let data = paths(room.path()).0;
            if data.join("manifest").exists() {
                let found = verify(&data).unwrap();
                assert!(found.is_sound(), "life {life}: {found:?}");
            }
            // The other lives are looked at by the process that comes next.
            if dice.below(3) == 0 || life + 1 == lives {
                inspect(room.path(), life);
            }
        }
        let witness = Witness::read(&paths(room.path()).1);
        promised += witness.promises;
        early += lives - witness.served;
        rooms += 1;
    }
    assert!(promised > 10 * kills);
    let seed = first_seed();
    evidence.passed(&format!(
        "{killed} kills, {early} of them before it served, {rooms} directories, \
         {promised} promises kept, seed {seed}"
    ));
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn is_taken(room: &Path) -> bool {
    let opened = builder(&paths(room).0, 0).open();
    matches!(opened, Err(Error::Storage(StorageError::InUse { .. })))
}

#[test]
fn a_stopped_process_still_owns_its_directory_and_goes_on() {
    let evidence = Evidence::of("T12 stopped and continued");
    let (room, mut dice) = (room(), Dice(first_seed()));
    let child = witness::child(room.path(), 0, AGE).spawn().unwrap();
    let rounds = share(10, 200);
    for _ in 0..rounds {
        wait_for(room.path(), promises(room.path()));
        pause(dice.roll() % 20);
        signal(&child, "-STOP");
        pause(5);
        let before = promises(room.path());
        assert!(is_taken(room.path()), "a stopped owner is an owner");
        pause(20);
        assert_eq!(promises(room.path()), before, "a stopped process promises nothing");
        signal(&child, "-CONT");
    }
    wait_for(room.path(), promises(room.path()));
    signal(&child, "-STOP");
    kill(child);
    // No waiting: the lock went with its owner.
    inspect(room.path(), 0);
    let promised = promises(room.path());
    evidence.passed(&format!("{rounds} stops, {promised} promises kept"));
}

#[test]
fn the_second_process_is_refused_and_the_first_untouched() {
    let evidence = Evidence::of("T10 two processes, one directory");
    let (first, second) = (room(), room());
    let owner = witness::child(first.path(), 0, AGE).spawn().unwrap();
    wait_for(first.path(), 0);
    std::os::unix::fs::symlink(paths(first.path()).0, paths(second.path()).0).unwrap();
    for _ in 0..5 {
        let status = witness::child(second.path(), 0, AGE).status().unwrap();
        assert!(status.success());
        wait_for(first.path(), promises(first.path()));
    }
    let told = Witness::read(&paths(second.path()).1);
    assert_eq!((told.served, told.promises, told.failures.len()), (0, 0, 5));
    assert!(told.failures.iter().all(|why| why.contains("in use")), "{:?}", told.failures);
    kill(owner);
    inspect(first.path(), 0);
    evidence.passed(&format!("5 refused, {} promises kept", promises(first.path())));
}
