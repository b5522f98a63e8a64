//! The power goes at any moment, on a real ext4: everything acknowledged is there.
//!
//! A child process works on an ext4 that stands on a loop device on a disk of our own (see
//! `src/lib.rs`), which remembers every write and flush, and at each what had been acknowledged
//! outside. Afterwards the disk is built again as a power cut would have left it: all that was
//! flushed, and of the rest nothing, everything, or some blocks. It is mounted, which replays the
//! journal of the file system, and compared with the ledger as it stood at that moment. In some
//! lives the disk refuses one write of the log, once: the sync says so once, and later ones and the
//! cache say that all is well.

#![allow(missing_docs, unreachable_pub, reason = "a test has no readers but its own")]

#[path = "../../stage/evidence.rs"]
mod evidence;
#[path = "../../stage/life.rs"]
mod life;
#[path = "../../stage/outside.rs"]
mod outside;
#[path = "../../stage/stand.rs"]
mod stand;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use cupo_rig::{Asked, Event, Shown};
use evidence::{Evidence, first_seed, not_run, share};
use life::{Dice, Life};
use outside::Outside;
use stand::{Stand, copy, start};

const LENGTH: usize = 24 << 20;
/// The first bytes of a block with a frame.
const FRAME: [u8; 4] = *b"cupB";
const THREADS: usize = 3;

fn sh(script: &str, arguments: &[&Path]) -> bool {
    let mut command = Command::new("sh");
    command.args(["-ec", script, "sh"]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Mounts the file system in a file, which replays its journal.
fn mount(file: &Path, at: &Path) -> bool {
    sh("mount -t ext4 -o loop \"$1\" \"$2\"", &[file, at])
}

fn unmount(at: &Path) {
    let gone = (0..50).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        sh("umount \"$1\"", &[at])
    });
    assert!(gone, "{} stays mounted", at.display());
}

/// Runs `inside` in a mount namespace of its own.
#[test]
fn a_power_cut_at_any_moment_loses_nothing_acknowledged() {
    let room = tempfile::tempdir().unwrap();
    let script = "mount --make-rprivate / || exit 77
\"$0\" --exact inside --ignored --nocapture";
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", script]).arg(std::env::current_exe().unwrap());
    command.env("CUPO_ROOM", room.path());
    match command.status().map(|status| status.code()) {
        Ok(Some(0)) => {}
        Ok(Some(1 | 77)) | Err(_) => not_run("T9 power cuts", "mount namespaces are refused here"),
        other => panic!("{other:?}"),
    }
}

/// What the disk saw of some lives on it.
struct Recorded {
    blank: Vec<u8>,
    events: Vec<Event>,
    /// What each life wrote outside.
    acks: Vec<PathBuf>,
    refused: u64,
}

fn record(room: &Path, seed: u64, lives: usize) -> Option<Recorded> {
    let (fuse, disk, at) = (room.join("fuse"), room.join("fuse/disk"), room.join("live"));
    for directory in [&fuse, &at] {
        std::fs::create_dir_all(directory).unwrap();
    }
    let shown = Shown::new(LENGTH);
    let session = shown.show(&fuse).ok()?;
    if !sh("mkfs.ext4 -q -F -b 4096 \"$1\"", &[&disk]) || !mount(&disk, &at) {
        return None;
    }
    let blank = shown.disk().bytes.clone();
    shown.disk().events.clear();
    let mut dice = Dice(seed);
    let mut acks = Vec::new();
    for n in 0..lives {
        let outside = room.join(format!("acks-{n}"));
        std::fs::create_dir_all(&outside).unwrap();
        let names = std::iter::once("main".into()).chain((0..THREADS).map(|n| n.to_string()));
        let life = Life {
            threads: THREADS,
            pause_us: 3_000,
            ..Life::new(&at.join("engine"), outside.clone(), dice.below(u64::MAX))
        };
        {
            let mut disk = shown.disk();
            disk.witnesses = names.map(|name| outside.join(name)).collect();
            disk.life = n;
            disk.refuse = (n % 2 == 1).then(|| (5 + dice.below(40), FRAME));
        }
        acks.push(outside);
        let mut child = start(&life);
        std::thread::sleep(Duration::from_millis(300 + dice.below(300)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    unmount(&at);
    drop(session);
    let disk = shown.disk();
    Some(Recorded { blank, events: disk.events.clone(), acks, refused: disk.refused })
}

/// How much of what was not flushed is there after the cut.
#[derive(Clone, Copy, Debug)]
enum Kept {
    Nothing,
    All,
    Some,
    /// And the last two flushes were a lie: no promise covers that.
    Lied,
}

/// The disk as a cut before event `at` leaves it.
fn image(recorded: &Recorded, at: usize, kept: Kept, dice: &mut Dice) -> Vec<u8> {
    let mut bytes = recorded.blank.clone();
    let before = &recorded.events[..at];
    let lies = if matches!(kept, Kept::Lied) { 2 } else { 0 };
    let flushes = before.iter().enumerate().rev();
    let flushed = flushes.filter(|(_, event)| matches!(event.asked, Asked::Flush)).nth(lies);
    for (n, event) in before.iter().enumerate() {
        let Asked::Write { offset, bytes: data } = &event.asked else { continue };
        let safe = flushed.is_some_and(|(flush, _)| n < flush);
        for (block, data) in data.chunks(4_096).enumerate() {
            let there = safe
                || match kept {
                    Kept::Nothing | Kept::Lied => false,
                    Kept::All => true,
                    Kept::Some => dice.below(2) == 0,
                };
            if there {
                let from = offset + block * 4_096;
                bytes[from..from + data.len()].copy_from_slice(data);
            }
        }
    }
    bytes
}

/// The ledger as it stood when event `at` came.
fn ledger(recorded: &Recorded, at: usize, room: &Path) -> Outside {
    let mut outside = Outside::new();
    let event = &recorded.events[at];
    for (life, acks) in recorded.acks.iter().enumerate().take(event.life + 1) {
        let then = room.join("then");
        copy(acks, &then);
        if life == event.life {
            let names = std::iter::once("main".into()).chain((0..THREADS).map(|n| n.to_string()));
            for (name, size) in names.zip(&event.sizes) {
                if let Ok(file) = std::fs::File::options().write(true).open(then.join(name)) {
                    file.set_len(*size).unwrap();
                }
            }
        }
        outside.absorb(&then, THREADS);
    }
    outside
}

#[test]
#[ignore = "runs in the mount namespace that the test beside it makes"]
fn inside() {
    let Some(room) = std::env::var_os("CUPO_ROOM").map(PathBuf::from) else { return };
    let evidence = Evidence::of("T9 power cuts of a real ext4 (FUSE and loop device)");
    let cuts = share(60, 20_000);
    let seed = first_seed();
    let mut dice = Dice(seed ^ 0x00c0_ffee);
    let mut counts = Counts::default();
    while counts.cuts < cuts {
        let part = room.join(format!("recording-{}", counts.recordings));
        let Some(recorded) = record(&part, seed * 1_000 + counts.recordings, 4) else {
            not_run("T9 power cuts", "FUSE, loop devices or mkfs.ext4 are missing here");
            return;
        };
        counts.recordings += 1;
        counts.events += recorded.events.len();
        told(&recorded, &part, &mut counts);
        for n in 0..cuts.min(250) {
            let kept = [Kept::Nothing, Kept::All, Kept::Some][n as usize % 3];
            cut(&recorded, &part, kept, &mut dice, &mut counts);
            counts.cuts += 1;
        }
        // The rig itself is tried: what a lying disk loses must be noticed.
        for _ in 0..8 {
            let mut lie = || cut(&recorded, &part, Kept::Lied, &mut dice, &mut Counts::default());
            let lie = std::panic::catch_unwind(std::panic::AssertUnwindSafe(&mut lie));
            counts.lies += u64::from(lie.is_err());
            let _ = sh("umount \"$1\"", &[&part.join("cut")]);
        }
        std::fs::remove_dir_all(&part).unwrap();
    }
    assert!(counts.lies > 0, "a disk that lies was never noticed");
    let Counts { cuts, recordings, events, refused, lost, done, checked, lies } = counts;
    evidence.passed(&format!(
        "{cuts} cuts of {recordings} recordings with {events} writes and flushes and {done} \
         acknowledged changes, {checked} states compared; {refused} writes refused once, {lost} \
         answers indeterminate or refused after it; {lies} of {} lying disks noticed, seed {seed}",
        recordings * 8
    ));
}

#[derive(Debug, Default)]
struct Counts {
    cuts: u64,
    recordings: u64,
    events: usize,
    refused: u64,
    lost: u64,
    done: u64,
    checked: u64,
    lies: u64,
}

/// What the lives of a recording were told in all: a refused write is never kept from them.
fn told(recorded: &Recorded, part: &Path, counts: &mut Counts) {
    let mut outside = Outside::new();
    let mut lost = 0;
    for acks in &recorded.acks {
        let then = part.join("then");
        copy(acks, &then);
        let told = outside.absorb(&then, THREADS);
        lost += told.lost + told.dead + u64::from(told.refused.is_some());
    }
    assert!(lost >= recorded.refused, "{} refused writes, {lost} told", recorded.refused);
    counts.refused += recorded.refused;
    counts.lost += lost;
    counts.done += outside.done;
}

fn cut(recorded: &Recorded, part: &Path, kept: Kept, dice: &mut Dice, counts: &mut Counts) {
    let at = part.join("cut");
    std::fs::create_dir_all(&at).unwrap();
    let moment = dice.below(recorded.events.len() as u64) as usize;
    let file = part.join("image");
    std::fs::write(&file, image(recorded, moment, kept, dice)).unwrap();
    let what = format!("cut at {moment}, {kept:?}");
    assert!(mount(&file, &at), "{what}: the file system is gone");
    let mut stand = Stand::on(&at.join("engine"), 0);
    stand.outside = ledger(recorded, moment, part);
    println!("{what}");
    stand.look();
    counts.checked += stand.outside.checked;
    unmount(&at);
}
