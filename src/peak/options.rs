//! What may be chosen about a run? The options of `cupo peak`.
//!
//! Never holds what follows from them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use cupo::Durability;

/// The directory of a run that names none.
pub(crate) const DEFAULT_DIR: &str = "./cupo-data/peak";

/// Stages an opening day: 57 offices, 30 days of places that become bookable at one instant,
/// citizens on the web and operators on the phone who race for them, and an audit of the result.
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
  cupo peak --scenario examples/scenarios/opening-day.toml")]
pub(crate) struct Options {
    /// How many citizens come, on the web and by phone
    #[arg(long, default_value_t = 1_000_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) citizens: u64,
    /// Close the doors after so many seconds; 0 waits until every citizen is done
    #[arg(long, default_value_t = 0)]
    pub(crate) seconds: u64,
    /// Threads that citizens come in on
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: u16,
    /// The same seed gives the same citizens with the same wishes
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// A TOML file of shares and pauses; see examples/scenarios/opening-day.toml
    #[arg(long, value_name = "FILE")]
    pub(crate) scenario: Option<PathBuf>,
    /// Print one JSON object on standard output; all else goes to standard error
    #[arg(long)]
    pub(crate) json: bool,
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
