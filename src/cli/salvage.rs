//! What can be saved of a damaged directory? A copy of all that can be read.
//!
//! Never writes into the damaged directory.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::cli::Problem;

/// Copies what can be read of a damaged directory, and says what was lost.
#[derive(Args, Debug)]
#[command(after_help = "\
The copy begins with the newest usable snapshot and goes up to the first gap in the log. It opens
like any other directory.

Exit status: 0 if nothing acknowledged was lost, 1 otherwise.

Example:
  cupo salvage ./cupo-data/peak ./saved")]
pub(crate) struct Options {
    /// The directory of the engine
    dir: PathBuf,
    /// Where the copy goes: a directory that is not there yet, or is empty
    to: PathBuf,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode, Problem> {
    let report = cupo::salvage(&options.dir, &options.to)?;
    let mut out = io::stdout().lock();
    let start = report.snapshot.map_or(0, |name| name.position);
    writeln!(
        out,
        "saved     frames {} to {}, after the snapshot at {start}",
        start + 1,
        report.last
    )?;
    let lost = report.synced.saturating_sub(report.last);
    writeln!(
        out,
        "lost      {lost} acknowledged frames (up to {})",
        report.synced
    )?;
    writeln!(
        out,
        "stranded  {} whole frames beyond the first gap",
        report.stranded
    )?;
    for path in &report.damaged {
        writeln!(out, "damaged   {}", path.display())?;
    }
    writeln!(
        out,
        "check the copy with: cupo verify {}",
        options.to.display()
    )?;
    Ok(if lost == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
