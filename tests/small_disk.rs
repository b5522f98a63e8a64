//! A disk that is really full makes the engine read-only, and it heals when there is room.
//!
//! A small tmpfs, then a small ext4, each in a mount namespace of its own. A child process works on
//! it (see `stage/life.rs`) while something else takes all the room that is left, down to a random
//! rest, so that the end comes now in the next log file, now in a snapshot or in the archive. Then
//! the room is given back and it must go on by itself; or it is killed while the disk is full,
//! started again while it is full, and killed again. Nothing acknowledged may be lost, and a full
//! disk is never taken for a broken one.

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

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use evidence::{Evidence, first_seed, not_run, share};
use life::Life;
use outside::Told;
use stand::{Stand, start};

const TMPFS: &str = "mount -t tmpfs -o size=24m tmpfs \"$CUPO_DISK\" || exit 77";
const EXT4: &str = "truncate -s 24M \"$CUPO_DISK.image\" || exit 77
mkfs.ext4 -q \"$CUPO_DISK.image\" || exit 77
mount -o loop \"$CUPO_DISK.image\" \"$CUPO_DISK\" || exit 77";

/// Runs `inside` on a small disk of its own; says so where the system refuses.
fn on_a_small_disk(kind: &str, mount: &str) {
    let room = tempfile::tempdir().unwrap();
    let disk = room.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let script = format!(
        "mount --make-rprivate / || exit 77\n{mount}\n\
         \"$0\" --exact inside --ignored --nocapture\nhow=$?\numount \"$CUPO_DISK\"\nexit $how"
    );
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", &script]).arg(std::env::current_exe().unwrap());
    command.env("CUPO_DISK", &disk).env("CUPO_DISK_KIND", kind);
    let ended = command.status();
    match ended.map(|status| status.code()) {
        Ok(Some(0)) => {}
        // What `unshare` and the script say when the system does not let them.
        Ok(Some(1 | 77)) | Err(_) => {
            not_run("T12 a full disk", &format!("{kind} cannot be mounted here"));
        }
        other => panic!("{kind}: {other:?}"),
    }
}

#[test]
fn a_full_tmpfs_is_told_and_heals() {
    on_a_small_disk("tmpfs", TMPFS);
}

#[test]
fn a_full_ext4_is_told_and_heals() {
    on_a_small_disk("ext4", EXT4);
}

/// Takes all the room but `rest` bytes.
fn fill(filler: &Path, rest: u64) {
    let mut file = File::create(filler).unwrap();
    let block = vec![7_u8; 64 << 10];
    let mut size = block.len();
    while size >= 512 {
        if file.write_all(&block[..size]).is_err() {
            size /= 2;
        }
    }
    let length = file.metadata().unwrap().len();
    file.set_len(length.saturating_sub(rest)).unwrap();
    // Best effort: this is what is to be full.
    let _ = file.sync_all();
}

fn sleep(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

fn answers(life: &Life) -> u64 {
    let done = |thread: usize| {
        let text = std::fs::read_to_string(life.acks.join(thread.to_string()));
        text.map_or(0, |text| text.matches("\ndone ").count() as u64)
    };
    (0..life.threads).map(done).sum()
}

struct Counts {
    full: u64,
    healed: u64,
    killed_full: u64,
    refused_full: u64,
    cycles: u64,
}

#[test]
#[ignore = "runs on the small disk that the tests beside it mount"]
fn inside() {
    let Some(disk) = std::env::var_os("CUPO_DISK").map(PathBuf::from) else { return };
    let kind = std::env::var("CUPO_DISK_KIND").unwrap();
    let evidence =
        Evidence::of(if kind == "tmpfs" { "T12 a full tmpfs" } else { "T12 a full ext4" });
    let mut counts = Counts { full: 0, healed: 0, killed_full: 0, refused_full: 0, cycles: 0 };
    let (mut done, mut checked) = (0, 0);
    let cycles = share(8, 400);
    for part in 0..cycles.div_ceil(8) {
        let directory = disk.join("engine");
        let mut stand = Stand::on(&directory, first_seed() * 1_000 + part);
        for cycle in 0..8 {
            one(&mut stand, &disk.join("filler"), cycle % 2 == 0, &mut counts);
        }
        done += stand.outside.done;
        checked += stand.outside.checked;
        std::fs::remove_dir_all(&directory).unwrap();
    }
    assert!(counts.full > 0 && counts.healed > 0, "the disk never was full");
    let Counts { full, healed, killed_full, refused_full, cycles } = counts;
    evidence.passed(&format!(
        "{cycles} times full, {full} refusals as full, {healed} times healed at work, \
         {killed_full} kills and {refused_full} refused starts while full, {done} changes \
         acknowledged, {checked} states compared"
    ));
}

fn one(stand: &mut Stand, filler: &Path, heals: bool, counts: &mut Counts) {
    counts.cycles += 1;
    // Slow enough that the log alone does not take the disk: a log that has taken all of it has no
    // room left for the snapshot that would cut it.
    let life = Life { pause_us: 2_000, ..stand.life() };
    let mut child = start(&life);
    if heals {
        assert!((0..1_000).any(|_| {
            sleep(10);
            answers(&life) > 50
        }));
    }
    sleep(60 + stand.dice.below(150));
    fill(filler, stand.dice.below(300 << 10));
    sleep(100 + stand.dice.below(300));
    if heals {
        std::fs::remove_file(filler).unwrap();
        let before = answers(&life);
        let healed = (0..1_000).any(|_| {
            sleep(10);
            answers(&life) > before
        });
        if !healed {
            let _ = child.kill();
            let told = stand.ended(&life);
            panic!("there is room again, and no answer within 10 s: {told:?}");
        }
        counts.healed += 1;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let told = stand.ended(&life);
    count(&told, counts);
    if !heals {
        counts.killed_full += 1;
        let again = Life { pause_us: 2_000, ..stand.life() };
        let mut child = start(&again);
        sleep(100 + stand.dice.below(100));
        child.kill().unwrap();
        child.wait().unwrap();
        let told = stand.ended(&again);
        count(&told, counts);
        std::fs::remove_file(filler).unwrap();
    }
    stand.look();
}

/// A full disk is full, not broken.
fn count(told: &Told, counts: &mut Counts) {
    assert_eq!((told.lost, told.dead), (0, 0), "{told:?}");
    counts.full += told.full;
    if let Some(refused) = &told.refused {
        let full = refused.contains("No space left") || refused.contains("disk is full");
        assert!(full, "{refused}");
        counts.refused_full += 1;
    }
}
