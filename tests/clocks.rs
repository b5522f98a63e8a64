//! Whatever the clock does, the engine's time never goes back, nothing is given out twice, and a
//! replay comes to the same state.
//!
//! Traces of calls with a jump of up to a day before most of them, forwards and backwards, in ten
//! zones, over both changes of the clock of each; the model checks every answer. Then the log is
//! opened again, in order and after a crash: the state has the same hash. What this finds and a
//! standing clock does not: a deadline compared with the wall clock, a day that begins twice, an
//! expiry that a restart takes back.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
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

use chrono::{DateTime, TimeDelta, Utc};
use cupo::testing::Subject;
use cupo::testing::machine::{Counts, report, run};
use cupo::testing::model::Settings;
use cupo::testing::strategy::{Case, Command, catalog_from_bytes, commands_from_bytes};
use evidence::{Evidence, first_seed, share};
use on_disk::OnDisk;

/// Ten zones, and an instant a few hours before each change of the clock.
const CHANGES: [(&str, &str, &str); 10] = [
    ("Europe/Madrid", "2027-03-27T18:00:00Z", "2026-10-24T18:00:00Z"),
    ("America/New_York", "2027-03-13T20:00:00Z", "2026-10-31T20:00:00Z"),
    ("America/Los_Angeles", "2027-03-13T20:00:00Z", "2026-10-31T20:00:00Z"),
    ("America/Chicago", "2027-03-13T20:00:00Z", "2026-10-31T20:00:00Z"),
    ("America/Havana", "2027-03-13T20:00:00Z", "2026-10-31T20:00:00Z"),
    ("America/Santiago", "2026-09-05T20:00:00Z", "2027-04-03T20:00:00Z"),
    ("Africa/Cairo", "2027-04-29T12:00:00Z", "2026-10-29T12:00:00Z"),
    ("Asia/Beirut", "2027-03-27T12:00:00Z", "2026-10-24T12:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T06:00:00Z", "2027-04-03T06:00:00Z"),
    ("Pacific/Auckland", "2026-09-26T06:00:00Z", "2027-04-03T06:00:00Z"),
];

/// xorshift64 (Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| (self.roll() >> 32) as u8)
    }
}

/// A trace around one of the twenty changes: by turns a call and a jump.
fn trace(seed: u64) -> Case {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (zone, spring, autumn) = CHANGES[seed as usize / 2 % CHANGES.len()];
    let start: DateTime<Utc> =
        if seed.is_multiple_of(2) { spring } else { autumn }.parse().unwrap();
    let start = start + TimeDelta::seconds((dice.roll() % 7_200).cast_signed());
    let mut commands = Vec::new();
    for _ in 0..20 {
        commands.extend(commands_from_bytes(&dice.bytes::<10>()));
        let most = [90, 900, 7_200, 86_400][(dice.roll() % 4) as usize];
        let by = (dice.roll() % most).cast_signed();
        let seconds = if dice.roll().is_multiple_of(3) { -by } else { by };
        commands.push(Command::Clock { seconds, tick: !dice.roll().is_multiple_of(4) });
    }
    let catalogs = (0..3).map(|_| {
        let mut catalog = catalog_from_bytes(start, &dice.bytes::<14>());
        for office in &mut catalog.offices {
            zone.clone_into(&mut office.zone);
        }
        // Open through the night of the change, on odd traces.
        if seed / 20 % 2 == 1 {
            for calendar in &mut catalog.calendars {
                let all = vec!["00:00-24:00".to_owned()];
                calendar.hours.sat.clone_from(&all);
                calendar.hours.sun = all;
                calendar.unit = cupo::Span::from_seconds(3_600);
            }
        }
        catalog
    });
    let catalogs = catalogs.collect();
    let settings = Settings { archive: true, ..Settings::default() };
    Case { start, settings, catalogs, commands }
}

/// Runs a trace; at its end, opens what is on the disk twice more.
struct Replayed(OnDisk);

impl Subject for Replayed {
    fn engine(&self) -> &cupo::Engine {
        self.0.engine()
    }
    fn reopen(&mut self, crash: bool) -> bool {
        let before = self.engine().now();
        let hash = |subject: &OnDisk| {
            subject.engine().tick();
            subject.engine().state_hash()
        };
        self.0.clock.set(before);
        let first = hash(&self.0);
        self.0.reopen(crash);
        assert_eq!(hash(&self.0), first, "the replay comes to another state");
        true
    }
}

#[test]
fn jumps_of_a_day_over_both_changes_in_ten_zones() {
    let evidence = Evidence::of("T17 jumps of up to a day over both clock changes in 10 zones");
    let traces = share(2_000, 1_000_000);
    let next = AtomicU64::new(0);
    let total = std::sync::Mutex::new(Counts::default());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= traces {
                        break;
                    }
                    let mut case = trace(first_seed() + n);
                    case.commands.push(Command::Reopen { crash: false });
                    case.commands.push(Command::Reopen { crash: true });
                    let make =
                        |case: &Case, clock: &cupo::ManualClock| Replayed(OnDisk::new(case, clock));
                    match run(&case, make) {
                        Ok(counts) => *total.lock().unwrap() += counts,
                        Err(error) => panic!("trace {n}: {error:?}\n{}", report(&case, make)),
                    }
                }
            });
        }
    });
    let Counts { cases, commands, changes, refusals, reopened, .. } = total.into_inner().unwrap();
    assert!(reopened >= 2 * cases && changes * 20 > commands, "{changes} of {commands}");
    evidence.passed(&format!(
        "{cases} traces, {commands} commands, {changes} changes, {refusals} refusals, \
         {reopened} replays with equal hash"
    ));
}
