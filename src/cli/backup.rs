//! How is a copy made without stopping? A backup of an engine's directory.
//!
//! Never writes into the directory that it copies.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::cli::Problem;

/// Copies an engine's directory, also while the engine runs.
#[derive(Args, Debug)]
#[command(after_help = "\
The copy holds everything that was durable when the command began. It opens like any other
directory; try `cupo verify TO`.

Example:
  cupo backup ./cupo-data/peak /backups/peak-today")]
pub(crate) struct Options {
    /// The directory of the engine
    dir: PathBuf,
    /// Where the copy goes: a directory that is not there yet, or is empty
    to: PathBuf,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode, Problem> {
    let report = cupo::backup(&options.dir, &options.to)?;
    writeln!(
        io::stdout().lock(),
        "copied {} files, {} MiB, up to frame {}; check it with: cupo verify {}",
        report.files,
        report.bytes >> 20,
        report.last,
        options.to.display()
    )?;
    Ok(ExitCode::SUCCESS)
}
