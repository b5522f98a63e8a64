//! Did it get better? Two runs side by side, and which differences are more than noise.
//!
//! Never runs anything.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use serde::Deserialize;

use crate::cli::Problem;
use crate::peak::noise::RULE;
use crate::peak::numbers::{Measure, Numbers};

/// What a JSON file of a run has for this.
#[derive(Deserialize)]
struct File {
    picture: Numbers,
}

/// Settings that two runs may differ in without being different things.
const OWN: [&str; 2] = ["date", "load of the machine before the run"];

pub(crate) fn run(before: &Path, after: &Path) -> Result<ExitCode, Problem> {
    let text = table(&read(before)?, &read(after)?);
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> Result<Numbers, Problem> {
    let wrong = |what: String| {
        Problem::new(format!("{}: {what}", path.display()))
            .next("name two files that `cupo peak --json FILE` has written")
    };
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let file: File = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    Ok(file.picture)
}

fn table(before: &Numbers, after: &Numbers) -> String {
    let mut text = format!(
        "before  {}, seed {}, {}\nafter   {}, seed {}, {}\n",
        before.scenario, before.seed, before.date, after.scenario, after.seed, after.date
    );
    let other = settings(before, after);
    // Writing to a string cannot fail.
    for line in &other {
        let _ = writeln!(text, "other   {line}");
    }
    let _ = writeln!(
        text,
        "\n  {:<22}{:>14}{:>14}{:>10}{:>16}",
        "", "before", "after", "change", "noise, both"
    );
    let mut beyond = Vec::new();
    for one in &before.measures {
        let Some(two) = after.measures.iter().find(|two| two.name == one.name) else {
            continue;
        };
        let noise = one.noise + two.noise;
        let differs = (two.value - one.value).abs() > noise;
        if differs {
            beyond.push(one.name.as_str());
        }
        let _ = writeln!(
            text,
            "  {:<22}{:>14}{:>14}{:>10}{:>16}{}",
            format!("{} {}", one.name, one.unit).trim_end(),
            figure(one, one.value),
            figure(two, two.value),
            change(one.value, two.value),
            format!("+-{}", figure(one, noise)),
            if differs { "  beyond noise" } else { "" },
        );
    }
    for check in before.checks.iter().chain(&after.checks).filter(|check| !check.good) {
        let _ = writeln!(text, "\n  NOT WELL: {}: {}", check.name, check.value);
    }
    let _ = match beyond.len() {
        0 => writeln!(text, "\nNo difference beyond noise."),
        _ => writeln!(text, "\nBeyond noise: {}.", beyond.join(", ")),
    };
    if !other.is_empty() {
        let _ = writeln!(text, "The runs differ in more than their time: see `other` above.");
    }
    let _ = writeln!(text, "\n{}", wrapped(RULE));
    text
}

/// What was chosen differently.
fn settings(before: &Numbers, after: &Numbers) -> Vec<String> {
    let value = |of: &Numbers, name: &str| {
        let own = of.settings.iter().find(|setting| setting.name == name);
        own.map_or("", |own| own.value.as_str()).to_owned()
    };
    let mut list = Vec::new();
    if before.scenario != after.scenario {
        list.push(format!("scenario: {}, then {}", before.scenario, after.scenario));
    }
    for setting in before.settings.iter().filter(|own| !OWN.contains(&own.name.as_str())) {
        let then = value(after, &setting.name);
        if then != setting.value {
            list.push(format!("{}: {}, then {then}", setting.name, setting.value));
        }
    }
    list
}

fn figure(of: &Measure, value: f64) -> String {
    if of.unit.is_empty() { format!("{value:.0}") } else { format!("{value:.3}") }
}

fn change(before: f64, after: f64) -> String {
    if before > 0.0 { format!("{:+.1}%", 100.0 * (after / before - 1.0)) } else { "-".to_owned() }
}

/// In lines of at most 96 letters.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        if width + word.len() + 1 > 96 {
            lines.push('\n');
            width = 0;
        } else if width > 0 {
            lines.push(' ');
            width += 1;
        }
        lines.push_str(word);
        width += word.len();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::table;
    use crate::peak::numbers::{Measure, Numbers, Setting};

    fn run(p99: f64) -> Numbers {
        let measure = |name: &str, value| Measure {
            name: name.into(),
            unit: "ms".into(),
            value,
            noise: 0.25,
        };
        let settings = vec![Setting { name: "seed".into(), value: "7".into() }];
        let measures = vec![measure("latency p50", 1.0), measure("latency p99", p99)];
        Numbers { settings, measures, ..Numbers::default() }
    }

    #[test]
    fn a_difference_within_both_noises_is_none() {
        assert!(table(&run(2.0), &run(2.4)).contains("No difference beyond noise."));
        let told = table(&run(2.0), &run(2.6));
        assert!(told.contains("Beyond noise: latency p99."), "{told}");
        assert!(told.contains("+30.0%"), "{told}");
    }

    #[test]
    fn runs_of_different_things_are_named_so() {
        let mut other = run(2.0);
        other.settings[0].value = "8".into();
        assert!(table(&run(2.0), &other).contains("other   seed: 7, then 8"));
    }
}
