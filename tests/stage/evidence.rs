//! How much work a test does, and the line of evidence it leaves.
//!
//! Ordinarily a test does its CI share. With `CUPO_LONG=1` it does the release share (`0.1`: a
//! tenth of it), and adds one line to the file that `CUPO_EVIDENCE` names: only what was counted
//! is written. `tests/long` runs them so.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::print_stdout, reason = "what was counted is to be seen")]

use std::fs::OpenOptions;
use std::io::Write;

use cupo::SystemClock;

/// The CI share of the work, or the part of the release share that `CUPO_LONG` asks for. With
/// `CUPO_FEW` a twentieth of the CI share, for one who runs the test a thousand times.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "shares are small"
)]
pub fn share(ci: u64, long: u64) -> u64 {
    let few = std::env::var_os("CUPO_FEW").is_some();
    let ci = if few { ci.div_ceil(20) } else { ci };
    let part = std::env::var("CUPO_LONG").ok().map(|text| text.parse::<f64>().unwrap());
    part.map_or(ci, |part| ci.max((long as f64 * part) as u64))
}

/// The first seed: `CUPO_SEED`, or a fixed one, so that every run can be replayed.
pub fn first_seed() -> u64 {
    std::env::var("CUPO_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Says plainly that a test cannot be run here, and keeps that in a long run.
pub fn not_run(what: &str, why: &str) {
    println!("{what}: not run, {why}");
    let Some(path) = std::env::var_os("CUPO_EVIDENCE") else { return };
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    writeln!(file, "| {what} | {why} | | not run |").unwrap();
}

/// A test at work.
pub struct Evidence {
    what: &'static str,
    clock: SystemClock,
}

impl Evidence {
    /// `what` names the row of the plan and the test, such as "T6 crash at every storage call".
    pub fn of(what: &'static str) -> Self {
        Self { what, clock: SystemClock::new() }
    }

    /// Prints what was counted (such as "12,000 images, seeds 1..=40"), and keeps it in a long run.
    pub fn passed(self, counted: &str) {
        let seconds = self.clock.elapsed().as_secs_f64();
        println!("{}: {counted}, {seconds:.1} s", self.what);
        let Some(path) = std::env::var_os("CUPO_EVIDENCE") else { return };
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        writeln!(file, "| {} | {counted} | {seconds:.0} s | passed |", self.what).unwrap();
    }
}
