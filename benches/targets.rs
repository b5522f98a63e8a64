//! Is the engine as fast as it is meant to be? Every target, what was measured, met or missed.
//!
//! Each figure is the median of some runs, taken in turns with what it is compared with, and says
//! how far they were apart. Targets are of the figure as measured: what is a target of two cores
//! and a disk of their kind means little elsewhere, but ratios do. `cargo bench --bench engine` has
//! the same stage under criterion, `cargo bench --bench growth` how costs grow.
//!
//! usage: cargo bench --bench targets -- [--quick] [--whole] [--only NAME] [--json FILE]
//!        [--dir DIR] [--help]
//!
//!   --quick       short runs, less of everything; its figures mean little
//!   --whole       all 36.5 million bookings rather than a tenth (8 GiB of memory, 16 GiB of disk)
//!   --only NAME   one of: mix, one, tail, reads, recovery, snapshot, whole
//!   --json FILE   writes the figures there too, for the page of `growth`
//!   --dir DIR     where logs are kept; below the build directory by default

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    reason = "a benchmark measures, and has no readers but its own"
)]

#[path = "stage/fair.rs"]
mod fair;
#[path = "stage/irreducible.rs"]
mod irreducible;
#[path = "stage/speed.rs"]
mod speed;

#[path = "stage/targets"]
mod groups {
    pub mod disk;
    pub mod figure;
    pub mod mix;
    pub mod reads;
    pub mod recovery;
    pub mod snapshot;
    pub mod whole;

    use std::path::Path;

    use crate::speed::{Effort, Progress};
    use figure::Figure;

    /// What every group of figures is given, and adds to.
    pub struct Stage<'a> {
        pub effort: Effort,
        pub whole: bool,
        pub dir: &'a Path,
        pub progress: &'a Progress,
        pub figures: Vec<Figure>,
        /// Synced operations a second, once they are known.
        pub peak: Option<f64>,
    }

    pub type Group = fn(&mut Stage<'_>);

    pub const ALL: [(&str, Group); 7] = [
        ("mix", mix::measure),
        ("one", disk::one_in_flight),
        ("tail", disk::tail),
        ("reads", reads::measure),
        ("recovery", recovery::measure),
        ("snapshot", snapshot::measure),
        ("whole", whole::measure),
    ];
}

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use groups::Stage;
use groups::figure::Figure;
use serde_json::{Value, json};
use speed::{Effort, Progress, directory, load, machine, machine_line, value};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, dir, bookings] = &arguments[..]
        && first == "--as-owner"
    {
        groups::whole::own(Path::new(dir), bookings.parse().unwrap());
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|argument| argument == "--help") {
        print!("{}", speed::help(include_str!("targets.rs")));
        return ExitCode::SUCCESS;
    }
    let only = value(&arguments, "--only");
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    if !groups::ALL.iter().any(|(name, _)| wanted(name)) {
        eprintln!("targets: nothing is called {} (try --help)", only.unwrap_or_default());
        return ExitCode::from(2);
    }
    let (dir, progress, before) = (directory(&arguments), Progress::new(), load());
    let mut stage = Stage {
        effort: Effort::of(&arguments),
        whole: arguments.iter().any(|argument| argument == "--whole"),
        dir: dir.path(),
        progress: &progress,
        figures: Vec::new(),
        peak: None,
    };
    for (_, measure) in groups::ALL.iter().filter(|(name, _)| wanted(name)) {
        measure(&mut stage);
    }
    let figures: Vec<Value> = stage.figures.iter().map(Figure::json).collect();
    let report = json!({
        "date": chrono::Utc::now().format("%Y-%m-%d").to_string(),
        "command": speed::command("targets", &arguments),
        "machine": machine(dir.path()),
        "load_before": before,
        "load_after": load(),
        "minutes": progress.minutes(),
        "effort": format!("{:?}", stage.effort).to_lowercase(),
        "figures": figures,
    });
    println!("{}", machine_line(&report["machine"]));
    println!("load average {before} before, {} after\n", load());
    for figure in &stage.figures {
        println!("{}", figure.lines());
    }
    if let Some(file) = value(&arguments, "--json") {
        fs::write(file, serde_json::to_string_pretty(&report).unwrap()).unwrap();
    }
    ExitCode::SUCCESS
}
