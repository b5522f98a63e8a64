//! What was asked for on the command line? The commands, and how their failures are told.
//!
//! Never does the work itself.

mod backup;
mod erlang;
mod log;
mod records;
mod salvage;
#[cfg(feature = "web")]
mod serve;
mod verify;

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::peak;

/// A durable slot allocation engine: stage an opening day, and look into what it leaves.
#[derive(Parser, Debug)]
#[command(
    name = "cupo",
    version,
    max_term_width = 100,
    after_help = "\
Exit status: 0 if all is well, 1 if something is wrong with the data or a check failed, 2 if the
command could not be carried out.

Examples:
  cupo peak                                the opening day, into ./cupo-data/peak
  cupo verify ./cupo-data/peak             every frame and snapshot, and a recount
  cupo log ./cupo-data/peak --from 1000    records as JSON lines
  cupo backup ./cupo-data/peak ./copy      a copy, also while an engine runs there
  cupo salvage ./damaged ./rescued         what can be read of a damaged directory
  cupo erlang                              how many operators so many calls need"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one")]
enum Command {
    Peak(peak::options::Options),
    #[cfg(feature = "web")]
    Serve(serve::Options),
    Verify(verify::Options),
    Log(log::Options),
    Backup(backup::Options),
    Salvage(salvage::Options),
    Erlang(erlang::Options),
}

/// Carries out the command.
pub(crate) fn run() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Peak(options) => peak::run(&options),
        #[cfg(feature = "web")]
        Command::Serve(options) => serve::run(&options),
        Command::Verify(options) => verify::run(&options),
        Command::Log(options) => log::run(&options),
        Command::Backup(options) => backup::run(&options),
        Command::Salvage(options) => salvage::run(&options),
        Command::Erlang(options) => erlang::run(&options),
    };
    done.unwrap_or_else(|problem| {
        // Nobody is left to tell when standard error is gone.
        let _ = writeln!(io::stderr().lock(), "cupo: {problem}");
        ExitCode::from(2)
    })
}

/// Why a command could not be carried out, and what to do about it.
#[derive(Debug)]
pub(crate) struct Problem {
    what: String,
    next: Option<String>,
}

impl Problem {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), next: None }
    }

    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        self.next.as_ref().map_or(Ok(()), |next| write!(f, "\n  next: {next}"))
    }
}

impl From<cupo::StorageError> for Problem {
    fn from(error: cupo::StorageError) -> Self {
        Self::from(cupo::Error::from(error))
    }
}

impl From<cupo::Error> for Problem {
    fn from(error: cupo::Error) -> Self {
        use cupo::{Error, StorageError};
        let problem = Self::new(error.to_string());
        match error {
            Error::Storage(StorageError::InUse { .. }) => {
                problem.next("stop the engine that runs there, or work on a `cupo backup` of it")
            }
            Error::Storage(StorageError::Damaged { .. }) => problem.next(
                "`cupo verify DIR` says all that is wrong, `cupo salvage DIR TO` saves the rest",
            ),
            Error::Storage(StorageError::TooNew { .. }) => {
                problem.next("use the version of cupo that wrote it, or a newer one")
            }
            Error::StorageFull => problem.next("make room on the disk, or name another with --dir"),
            _ => problem,
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::new(error.to_string())
    }
}

/// A directory that an engine has made: it holds a manifest.
fn need_engine_directory(dir: &Path) -> Result<(), Problem> {
    if dir.join("manifest").is_file() {
        return Ok(());
    }
    let what = format!("{} is not a directory of an engine", dir.display());
    Err(Problem::new(what)
        .next("name the one that the engine was opened on; `cupo peak` makes one"))
}

/// A directory to write into: not there yet, or empty.
fn need_room(dir: &Path) -> Result<(), Problem> {
    let taken = match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    };
    if !taken {
        return Ok(());
    }
    let what = format!("{} is not an empty directory", dir.display());
    Err(Problem::new(what).next("name one that is not there yet: nothing is ever overwritten"))
}
