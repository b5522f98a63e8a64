//! What may be chosen about a run? The options of `cupo peak`.
//!
//! Never holds what follows from them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use cupo::Durability;

/// The directory of a run that names none.
pub(crate) const DEFAULT_DIR: &str = "./cupo-data/peak";
/// Stands for standard output where a file is asked for.
const STDOUT: &str = "-";

/// Stages an opening day, or another scenario: 57 offices, 30 days of places, citizens on the web
/// and operators on the phone who race for them, pictures of how it went, and an audit.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
The run goes through the library's public calls, each answer waits until it is durable, and the
audit recounts every place from the journal alone. Exit status: 0 if nothing is wrong, 1 if a
place was given twice, an acknowledged booking is missing, or recovery differs.

Examples:
  cupo peak
  cupo peak --citizens 100000 --seed 7 --json > peak.json
  cupo peak --seconds 60 --citizens 20000000 --durability synced-twice
  cupo peak --in-memory --threads 1
  cupo peak --scenario opening-minute --report peak.html
  cupo peak --scenario examples/scenarios/slow-disk.toml --json before.json
  cupo peak --compare before.json after.json

Scenarios that the program knows by name: opening-day, opening-minute, quiet-day,
call-centre-monday, bots, closure, slow-disk, full-disk.")]
pub(crate) struct Options {
    /// How many citizens come, on the web and by phone [default: what the scenario says; 1000000]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) citizens: Option<u64>,
    /// Close the doors after so many seconds; 0 waits until every citizen is done
    #[arg(long, default_value_t = 0)]
    pub(crate) seconds: u64,
    /// Threads that citizens come in on
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: u16,
    /// The same seed gives the same citizens with the same wishes
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// A TOML file, or the name of a scenario that the program knows (below); every key is
    /// explained in examples/scenarios/opening-day.toml
    #[arg(long, value_name = "FILE|NAME")]
    pub(crate) scenario: Option<PathBuf>,
    /// Write one JSON object with every number to the file; without a file, to standard output,
    /// and all else to standard error
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = STDOUT)]
    pub(crate) json: Option<PathBuf>,
    /// Write one HTML page with pictures of the run; it needs no network and no scripts
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Compare two runs by their JSON files, before and after, instead of running
    #[arg(long, num_args = 2, value_names = ["A.json", "B.json"], exclusive = true)]
    pub(crate) compare: Option<Vec<PathBuf>>,
    /// Let time of the scenario pass so many times faster than the file says
    #[arg(long, default_value_t = 1.0, value_name = "TIMES")]
    pub(crate) faster: f64,
    /// Where the data goes; an earlier run there is replaced, anything else is refused
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DIR)]
    pub(crate) dir: PathBuf,
    /// Move an earlier run in the directory aside instead of replacing it
    #[arg(long)]
    pub(crate) keep: bool,
    /// Without a journal on disk
    #[arg(long, conflicts_with_all = ["dir", "keep", "durability"])]
    pub(crate) in_memory: bool,
    /// When an answer counts as durable
    #[arg(long, value_enum, default_value_t = Durable::Synced)]
    pub(crate) durability: Durable,
    /// Append every acknowledged booking, move and cancellation to this file, as an outside witness
    #[arg(long, value_name = "FILE")]
    pub(crate) acks: Option<PathBuf>,
}

impl Options {
    pub(crate) fn json_to_stdout(&self) -> bool {
        self.json.as_deref().is_some_and(|path| path.as_os_str() == STDOUT)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Durable {
    /// After one fdatasync
    Synced,
    /// After two: survives a torn last frame as well
    SyncedTwice,
    /// After the write: survives the process, not the power
    Buffered,
}

impl Durable {
    pub(crate) const fn level(self) -> Durability {
        match self {
            Self::Synced => Durability::Synced,
            Self::SyncedTwice => Durability::SyncedTwice,
            Self::Buffered => Durability::Buffered,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::SyncedTwice => "synced-twice",
            Self::Buffered => "buffered",
        }
    }
}
