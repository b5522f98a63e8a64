//! Is everything there, and does it add up? Every frame, every snapshot, and a recount.
//!
//! Only reads.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::cli::Problem;

/// Checks every frame and snapshot of a directory and recounts its places.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit status: 0 if all is well, 1 if something is damaged or does not add up.

Example:
  cupo verify ./cupo-data/peak")]
pub(crate) struct Options {
    /// The directory of the engine
    dir: PathBuf,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode, Problem> {
    let found = cupo::verify(&options.dir)?;
    let mut out = io::stdout().lock();
    let (first, last) = found.frames;
    writeln!(
        out,
        "log         {} blocks whole, frames {first} to {last}",
        found.blocks
    )?;
    writeln!(out, "synced      proven up to frame {}", found.synced)?;
    writeln!(
        out,
        "closed      {}",
        if found.clean {
            "in order"
        } else {
            "no, or still running"
        }
    )?;
    writeln!(out, "records     up to {}", found.last)?;
    writeln!(
        out,
        "snapshots   {} lead to the same state",
        found.snapshots.len()
    )?;
    for (name, why) in &found.bad_snapshots {
        writeln!(
            out,
            "            the one at frame {} is bad: {why}",
            name.position
        )?;
    }
    writeln!(out, "days        {}", found.days)?;
    writeln!(
        out,
        "claims      {} keep {} places",
        found.audit.claims, found.audit.places
    )?;
    writeln!(out, "deficit     {}", found.audit.deficit)?;
    writeln!(out, "state hash  {:016x}", found.state_hash)?;
    for problem in &found.audit.problems {
        writeln!(out, "problem     {problem}")?;
    }
    let sound = found.is_sound();
    writeln!(out, "{}", if sound { "sound" } else { "NOT SOUND" })?;
    Ok(if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
