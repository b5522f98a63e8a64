//! What does a reader get? The table of targets, the curves, and below them what was written by
//! hand.
//!
//! Never a figure that was not measured, and never a change to what people wrote.

use serde_json::Value;

use super::curve::Curve;
use crate::speed::machine_line;

/// What is below it is kept.
const MARKER: &str = "<!-- Below: written by hand, kept by `growth --write`. -->";

/// What a run says of itself.
pub struct Run {
    pub command: String,
    pub date: String,
    pub machine: Value,
    pub load_before: String,
    pub load_after: String,
    pub minutes: f64,
}

pub fn write(targets: Option<&Value>, curves: &[Curve], run: &Run, before: &str) -> String {
    let mut text = String::from("# Speed\n\n");
    if let Some(targets) = targets {
        let command = targets["command"].as_str().unwrap_or_default();
        text += &format!("Written by `{command} && {}` on {}", run.command, run.date);
    } else {
        text += &format!("Written by `{}` on {}", run.command, run.date);
    }
    let minutes = targets.and_then(|targets| targets["minutes"].as_f64()).unwrap_or(0.0);
    text += &format!(", in {:.0} minutes.\n\n", minutes + run.minutes);
    text += &format!("- {}\n", machine_line(&run.machine));
    let load = |name: &str| targets.and_then(|targets| targets[name].as_str());
    text += &format!(
        "- load average of a minute: {} as it began, {} at its end (the run itself included)\n",
        load("load_before").unwrap_or(&run.load_before),
        run.load_after
    );
    if let Some(targets) = targets {
        text += &table(targets);
    }
    text += "\n## How cost grows\n\n![Operations a second over live claims, days, threads and \
             commits in flight](growth.svg)\n\n\
             M/s are million operations a second (hold, confirm, cancel, for parties never seen \
             before) of all threads together, ns the time from one operation to the next; medians, \
             and the lowest and highest run. Each round walks up all steps of a table, so what \
             changes in the machine meanwhile bends no curve.\n";
    for curve in curves {
        text += &format!("\n{}", curve.table());
    }
    let kept = before.split_once(MARKER).map_or("\n", |(_, kept)| kept);
    text + "\n" + MARKER + kept
}

fn table(targets: &Value) -> String {
    let mut text = String::from(
        "\n## Targets\n\nEach figure is the median of some runs, in turns with what it is compared \
         with. Rows without an aim are there to compare with.\n\n\
         | what | aim | measured | runs | | how |\n|---|---|---|---|---|---|\n",
    );
    for figure in targets["figures"].as_array().into_iter().flatten() {
        let cell = |name: &str| figure[name].as_str().unwrap_or_default();
        let mut line = String::from("|");
        for name in ["what", "aim", "measured", "spread", "verdict", "how"] {
            line += &format!(" {} |", cell(name));
        }
        text += &(line.replace("|  |", "| |").replace("|  |", "| |") + "\n");
    }
    text
}
