//! A real disk fills up: the engine reads on, refuses changes, loses nothing, and heals when there
//! is room again. On a file system of a few MiB, in a mount namespace of its own.

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
#[path = "stage/town.rs"]
mod town;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cupo::{Builder, ClaimId, ClaimState, Engine, Error};
use evidence::{Evidence, not_run, share};
use town::{CATALOG, Town};

/// The size at first, and by how much it grows, in KiB.
const STEP: u64 = 3_072;

#[test]
fn a_full_disk_is_told_and_heals() {
    let evidence = Evidence::of("T9 full disk, a real file system of a few MiB");
    let room = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let apart = || {
        let mut command = Command::new("unshare");
        command.args(["-m", "--propagation", "private"]).stdin(Stdio::null());
        command
    };
    let mount = format!("size={STEP}k");
    let tried = apart()
        .args(["mount", "-t", "tmpfs", "-o", &mount, "none"])
        .arg(room.path())
        .stderr(Stdio::null())
        .status();
    if !tried.is_ok_and(|status| status.success()) {
        not_run("T9 full disk", "no mount namespace here (root is needed)");
        return;
    }
    let output = apart()
        .arg(std::env::current_exe().unwrap())
        .args(["inside", "--exact", "--nocapture"])
        .env("CUPO_INSIDE", room.path())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{out}\n{err}");
    let counted = out.lines().find_map(|line| line.split_once("counted: ")).unwrap().1;
    evidence.passed(counted);
}

fn size(disk: &Path, kib: u64, how: &str) {
    let options = format!("{how}size={kib}k");
    let status = Command::new("mount")
        .args(["-t", "tmpfs", "-o", &options, "none"])
        .arg(disk)
        .status()
        .unwrap();
    assert!(status.success());
}

fn builder(data: &Path) -> Builder {
    Engine::builder().directory(data).segment_bytes(256 << 10).snapshot_every(u64::MAX)
}

/// What the test above runs in the namespace.
#[test]
fn inside() {
    let Some(disk) = std::env::var_os("CUPO_INSIDE").map(PathBuf::from) else { return };
    let mut kib = STEP;
    size(&disk, kib, "");
    let data = disk.join("data");
    let mut town = Town::with(CATALOG, builder(&data));
    let (mut kept, mut refused, mut heals) = (Vec::new(), 0, 0);
    let rounds = share(3, 60);
    for round in 0..rounds {
        let before = kept.len();
        refused += fill(&town, round, &mut kept, || {
            kib += STEP;
            size(&disk, kib, "remount,");
        });
        assert!(kept.len() > before);
        heals += 1;
        intact(&town, &kept);
    }
    // Full again, and closed so.
    // Nobody waits: an answer would come only with room.
    let slot = town.slot("north", "2026-12-02", 12, 0);
    for n in 1.. {
        let held = town.engine.hold(&town.ask(n << 64, n << 64, slot));
        match held.dirty() {
            Ok(held) => drop(town.engine.release(held.id())),
            Err(Error::StorageFull) => break,
            Err(_) => town.advance(11),
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    refused += 1;
    let clock = town.clock.clone();
    let _ = town.engine.close();
    stuff(&disk);
    let error = builder(&data).clock(clock.clone()).open().unwrap_err();
    let told = error.to_string();
    assert!(told.contains("No space left") && told.contains("data"), "{told}");
    size(&disk, kib + STEP, "remount,");
    let engine = builder(&data).clock(clock.clone()).open().unwrap();
    town = Town { engine, clock };
    intact(&town, &kept);
    println!(
        "counted: {} promises kept, {refused} refused as full, {heals} heals, 1 reopen refused",
        kept.len()
    );
}

/// Writers go on until the disk is full; then `mend`, and if that helps, until one is served.
fn fill(
    town: &Town,
    round: u64,
    kept: &mut Vec<(ClaimId, ClaimState)>,
    mend: impl FnOnce(),
) -> u64 {
    let (stop, full, done) = (AtomicBool::new(false), AtomicU64::new(0), Mutex::new(Vec::new()));
    let enough = |what: &dyn Fn() -> bool| {
        for _ in 0..4_000 {
            if what() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    };
    std::thread::scope(|scope| {
        for thread in 0..2_u16 {
            let (stop, full, done) = (&stop, &full, &done);
            scope.spawn(move || {
                let slot = town.slot("north", "2026-12-02", 9 + thread, 0);
                let mut n = u128::from(round * 2 + u64::from(thread)) << 32;
                while !stop.load(Ordering::Relaxed) {
                    n += 1;
                    let held = town.engine.hold(&town.ask(n, n, slot)).wait();
                    let ended = held.and_then(|held| {
                        done.lock().unwrap().push((held.id(), ClaimState::Held));
                        town.engine.release(held.id()).wait()
                    });
                    match ended {
                        Ok(ended) => {
                            done.lock().unwrap().push((ended.id(), ended.claim.state));
                        }
                        Err(Error::StorageFull) => {
                            full.fetch_add(1, Ordering::Relaxed);
                            std::thread::sleep(Duration::from_millis(1));
                        }
                        // A hold that could not be released for want of room keeps its place.
                        Err(Error::Rejected(_)) => town.advance(11),
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
        // Both writers may be waiting for what they were granted before it was known: others ask.
        let slot = town.slot("north", "2026-12-02", 11, 0);
        let filled = enough(&|| {
            let probe = town.engine.hold(&town.ask(1, 1, slot));
            let refused = matches!(probe.dirty(), Err(Error::StorageFull));
            full.fetch_add(u64::from(refused), Ordering::Relaxed) > 20
        });
        // Reading goes on.
        let known = done.lock().unwrap().first().copied();
        let read = known.is_none_or(|(id, _)| town.engine.claim(id).dirty().is_ok());
        let before = done.lock().unwrap().len();
        mend();
        let served = enough(&|| done.lock().unwrap().len() > before + 10);
        stop.store(true, Ordering::Relaxed);
        assert!(filled && read && served, "full {filled}, read {read}, healed {served}");
    });
    kept.extend(done.into_inner().unwrap());
    full.into_inner()
}

/// The last byte of the disk is taken.
fn stuff(disk: &Path) {
    let mut file = std::fs::File::create(disk.join("filler")).unwrap();
    while file.write_all(&[1; 4_096]).is_ok() {}
}

fn intact(town: &Town, kept: &[(ClaimId, ClaimState)]) {
    for (id, state) in kept {
        let now = town.engine.claim(*id).wait().unwrap().state;
        let later =
            *state == ClaimState::Held && matches!(now, ClaimState::Released | ClaimState::Expired);
        assert!(now == *state || later, "{id} was {} and is {}", state.name(), now.name());
    }
    town.sound();
}
