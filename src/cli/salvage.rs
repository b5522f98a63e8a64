//! What can be saved of a damaged directory? A copy of all that can be read, and what was lost.
//!
//! Never writes into the damaged directory.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::cli::{Problem, need_engine_directory, need_room};

/// Saves what can be read of a damaged directory onto a new one, and says what was lost.
#[derive(Args, Debug)]
#[command(after_help = "\
Takes the newest usable snapshot and every frame after it up to the first gap. Stop the engine
first. What was acknowledged and lies beyond the gap is lost, and is counted.

Exit status: 0 if nothing acknowledged was lost, 1 if something was.

Example:
  cupo salvage ./damaged ./rescued && cupo verify ./rescued")]
pub(crate) struct Options {
    /// The damaged directory
    dir: PathBuf,
    /// Where the copy goes: a directory that is not there yet, or is empty
    to: PathBuf,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode, Problem> {
    need_engine_directory(&options.dir)?;
    need_room(&options.to)?;
    let report = cupo::salvage(&options.dir, &options.to)?;
    let lost = report.synced.saturating_sub(report.last);
    let to = options.to.display();
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = match report.snapshot {
        Some(name) => writeln!(text, "saved: a snapshot at frame {}", name.position),
        None => writeln!(text, "saved: no snapshot was needed, or none could be used"),
    };
    let _ = writeln!(text, "saved: {} frames, up to frame {}", report.frames, report.last);
    let _ = match lost {
        0 => writeln!(text, "lost: nothing that is known to have been acknowledged"),
        _ => writeln!(
            text,
            "LOST: {lost} acknowledged frames, {} to {}",
            report.last + 1,
            report.synced
        ),
    };
    if report.stranded > 0 {
        let _ = writeln!(text, "left: {} whole frames beyond the gap", report.stranded);
    }
    for path in &report.damaged {
        let _ = writeln!(text, "damaged: {}", path.display());
    }
    let _ = writeln!(text, "next: `cupo verify {to}`");
    io::stdout().lock().write_all(text.as_bytes())?;
    let whole = lost == 0 && report.stranded == 0;
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
