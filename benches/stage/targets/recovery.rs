//! How fast does an engine come back? Records a second, with and without the page cache.

use std::fs::{self, File};
use std::path::Path;

use cupo::{Builder, Engine};
use rustix::fs::{Advice, fadvise};

use super::Stage;
use super::figure::{Aim, Figure};
use crate::fair::Fair;
use crate::speed::{Runs, grouped, now};

/// Asks the system to forget what it has in memory of the files of a directory: what is on the
/// disk already, it does.
pub fn forget(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let file = File::open(path).unwrap();
            file.sync_all().unwrap();
            fadvise(&file, 0, None, Advice::DontNeed).unwrap();
        }
    }
}

/// Bytes that this process had to fetch from a disk.
fn fetched() -> u64 {
    let told = fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = told.lines().find_map(|line| line.strip_prefix("read_bytes:"));
    line.and_then(|line| line.trim().parse().ok()).unwrap_or(0)
}

pub fn measure(stage: &mut Stage<'_>) {
    let bookings = stage.effort.pick(4_000_000, 500_000, 5_000);
    stage.progress.say(&format!("recovery of {} bookings", grouped(bookings as f64)));
    let dir = stage.dir.join("recovery");
    let open = || -> Builder { Engine::builder().directory(&dir).snapshot_on_close(false) };
    let filled = Fair::open(open(), bookings);
    let records = filled.engine.stats().last.0 as f64;
    drop(filled);
    let mut runs: [Runs; 2] = Default::default();
    let mut fetched_mib = Runs::default();
    for _ in 0..stage.effort.rounds() {
        for (cold, runs) in [false, true].into_iter().zip(&mut runs) {
            if cold {
                forget(&dir);
            }
            let (before, start) = (fetched(), now());
            let engine = open().open().unwrap();
            runs.add(records / start.elapsed().as_secs_f64() * 1e-6);
            if cold {
                fetched_mib.add((fetched() - before) as f64 / f64::from(1 << 20));
            }
            assert_eq!(engine.stats().booked, bookings);
        }
    }
    let [warm, cold] = runs;
    let how = format!(
        "opening of a log of {} records without a snapshot, closed in order before",
        grouped(records)
    );
    let aim = Aim::AtLeast(10.0);
    let forgot = format!(
        "{how}; pages dropped before (`posix_fadvise`), {} MiB fetched from the disk",
        grouped(fetched_mib.median())
    );
    stage.figures.extend([
        Figure::new("recovery from the page cache", aim, "M records/s", warm, &how),
        Figure::new("recovery, cold", aim, "M records/s", cold, &forgot),
    ]);
}
