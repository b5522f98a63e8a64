//! What can be saved of a damaged directory? A copy of all that can be read.
//!
//! Never writes into the damaged directory.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::cli::Problem;

/// Copies what can be read of a damaged directory, and says what was lost.
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
    let _ = options;
    Err(Problem::new("not here yet"))
}
