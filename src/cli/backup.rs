//! How is a copy made without stopping? A backup of an engine's directory.
//!
//! Never writes into the directory that it copies.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::cli::{Problem, need_engine_directory, need_room};
use crate::peak::measure::grouped;

/// Copies an engine's directory, also while the engine runs.
#[derive(Args, Debug)]
#[command(after_help = "\
The copy holds everything that was durable when the command began. It opens like any other
directory.

Example:
  cupo backup ./cupo-data/peak ./peak-today && cupo verify ./peak-today")]
pub(crate) struct Options {
    /// The directory of the engine
    dir: PathBuf,
    /// Where the copy goes: a directory that is not there yet, or is empty
    to: PathBuf,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode, Problem> {
    need_engine_directory(&options.dir)?;
    need_room(&options.to)?;
    let report = cupo::backup(&options.dir, &options.to)?;
    let to = options.to.display();
    writeln!(
        io::stdout().lock(),
        "{} files, {} bytes, up to frame {}, are in {to}\nnext: `cupo verify {to}`",
        report.files,
        grouped(report.bytes),
        report.last,
    )?;
    Ok(ExitCode::SUCCESS)
}
