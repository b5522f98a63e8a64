//! What is in the pictures? Every number that the report draws, as it stands in the JSON too.
//!
//! Never drawn or printed here, and never measured: only gathered.

mod gather;

use serde::{Deserialize, Serialize};

pub(crate) use crate::peak::numbers::gather::gather;

/// All of them. Times are seconds of the scenario from its beginning, unless a name says else.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Numbers {
    pub(crate) scenario: String,
    pub(crate) about: String,
    pub(crate) date: String,
    pub(crate) seed: u64,
    pub(crate) citizens: u64,
    /// Arrivals do not wait for answers.
    pub(crate) open_loop: bool,
    /// Seconds of the scenario in one of the run.
    pub(crate) compression: f64,
    pub(crate) run_seconds: f64,
    /// What was chosen, and on which machine.
    pub(crate) settings: Vec<Setting>,
    pub(crate) checks: Vec<Check>,
    pub(crate) totals: Totals,
    pub(crate) slice_seconds: f64,
    pub(crate) slices: Vec<Part>,
    pub(crate) latency: Vec<Curve>,
    pub(crate) heat: Heat,
    pub(crate) fates: Vec<Group>,
    pub(crate) beats: Vec<Beat>,
    pub(crate) marks: Vec<Mark>,
    pub(crate) measures: Vec<Measure>,
    /// How late an idle thread woke, p50, p99 and p99.9, in milliseconds of the run.
    pub(crate) hiccup_ms: [f64; 3],
    /// How much longer than its median sync the disk took by itself, for half, 99 % and 99.9 % of
    /// the time that it was syncing.
    pub(crate) disk_stall_ms: [f64; 3],
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Setting {
    pub(crate) name: String,
    pub(crate) value: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) good: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Totals {
    pub(crate) answers: u64,
    pub(crate) booked: u64,
    pub(crate) refused: u64,
    pub(crate) gave_up: u64,
    pub(crate) places: u64,
    pub(crate) places_used: u64,
    pub(crate) sold_out_seconds: Option<f64>,
    pub(crate) displaced: u64,
    pub(crate) rebooked: u64,
    pub(crate) stranded: u64,
    /// How long closing all days took, in seconds of the run.
    pub(crate) closing_seconds: f64,
}

/// One slice of time. Rates are per second of the run, latencies milliseconds of the run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) at: f64,
    pub(crate) offered: f64,
    pub(crate) served: f64,
    pub(crate) sold: f64,
    /// By cause, the most frequent first, in the same order in every part.
    pub(crate) refused: Vec<Cause>,
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    pub(crate) p999_ms: Option<f64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Cause {
    pub(crate) name: String,
    pub(crate) rate: f64,
}

/// Shares of all calls, and how many milliseconds of the run they took at most.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) count: u64,
    pub(crate) max_ms: f64,
    pub(crate) points: Vec<[f64; 2]>,
}

/// How full each office is each day at the end: percent, none where there is nothing to have.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Heat {
    pub(crate) days: Vec<String>,
    pub(crate) offices: Vec<HeatRow>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HeatRow {
    pub(crate) office: String,
    pub(crate) percent: Vec<Option<u8>>,
}

/// What became of one group of visitors.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) came: u64,
    pub(crate) holds: u64,
    pub(crate) booked: u64,
    pub(crate) persons: u64,
    pub(crate) let_go: u64,
    pub(crate) gave_up: u64,
    pub(crate) tries: [u64; 4],
    /// From the arrival to the booking: p10, p50, p90, p99.
    pub(crate) until_booked: Option<[f64; 4]>,
    pub(crate) until_gave_up: Option<[f64; 4]>,
}

/// The disk and the queue at a moment.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Beat {
    pub(crate) at: f64,
    pub(crate) queue: u64,
    /// Callers who wait for an operator.
    pub(crate) callers: u64,
    pub(crate) held: u64,
    /// Since the moment before.
    pub(crate) syncs: u64,
    pub(crate) sync_p50_ms: f64,
    pub(crate) sync_max_ms: f64,
    pub(crate) bytes: u64,
    pub(crate) no_room: u64,
}

/// Something that happened, or a time in which something was so.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) what: String,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

/// A figure to compare runs by, and by how much it may differ between two runs of the same thing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measure {
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) value: f64,
    pub(crate) noise: f64,
}

/// To so many digits after the point.
pub(crate) fn rounded(figure: f64, digits: i32) -> f64 {
    let scale = 10.0_f64.powi(digits);
    (figure * scale).round() / scale
}
