//! On what, with what? The settings of a run and the machine it ran on, in words.
//!
//! Never guesses: what the system does not say is left out.

use std::fs;

use crate::peak::measure::grouped;
use crate::peak::numbers::Setting;
use crate::peak::report::Outcome;
use crate::peak::worker::WINDOW;

/// The settings, in the order of the report.
pub(crate) fn told(of: &Outcome<'_>) -> Vec<Setting> {
    let (options, scenario) = (of.options, of.scenario);
    let mut list = Vec::new();
    let mut say = |name: &str, value: String| list.push(Setting { name: name.into(), value });
    say("date", of.seen.began.clone());
    say("program", format!("cupo {}, cupo peak", env!("CARGO_PKG_VERSION")));
    if let Some(machine) = machine() {
        say("machine", machine);
    }
    if !of.seen.load.is_empty() {
        say("load of the machine before the run", of.seen.load.clone());
    }
    say("seed", options.seed.to_string());
    say("citizens", format!("{}, {} of them by phone", grouped(of.citizens), grouped(of.calls)));
    say("operators", scenario.operators.to_string());
    say("arrivals", arrivals(of));
    say("time", compression(scenario.compression));
    let (hold, page) = (scenario.hold_seconds, scenario.page_ms);
    say("a hold lasts", format!("{hold} s of the run"));
    say("age of a page of openings", format!("up to {page} ms of the run"));
    say("threads of the run", options.threads.to_string());
    say(
        "calls in flight",
        format!("up to {WINDOW} a thread; who is due beyond that waits, counted"),
    );
    say(
        "durability",
        if options.in_memory { "none: in memory" } else { options.durability.name() }.into(),
    );
    if !options.in_memory {
        say("log files", format!("{} KiB", grouped(scenario.segment_kib)));
    }
    say(
        "offered",
        format!(
            "{} offices, {} services, {} working days, {} places",
            of.stage.offices.len(),
            of.stage.services.len(),
            of.stage.days,
            grouped(of.stage.places)
        ),
    );
    list
}

fn arrivals(of: &Outcome<'_>) -> String {
    match &of.scenario.arrivals {
        None => "all at the door at once, let in as fast as they are served (closed loop)".into(),
        Some(arrivals) if arrivals.local_time => {
            "open loop: at times drawn before the run, by the clock of each office".into()
        }
        Some(_) => "open loop: at times drawn before the run".into(),
    }
}

fn compression(times: f64) -> String {
    if (times - 1.0).abs() < f64::EPSILON {
        "as it is: one second of the scenario in one of the run".into()
    } else {
        format!("{times} seconds of the scenario in one second of the run")
    }
}

/// Processor, cores, memory and kernel.
fn machine() -> Option<String> {
    let value = |file: &str, key: &str| {
        let text = fs::read_to_string(file).ok()?;
        let line = text.lines().find(|line| line.starts_with(key))?.to_owned();
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let model = value("/proc/cpuinfo", "model name")?;
    let memory = value("/proc/meminfo", "MemTotal")?;
    let gib = memory.split(' ').next()?.parse::<u64>().ok()? / (1 << 20);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    Some(format!("{model}, {cores} cores, {gib} GiB, Linux {}", kernel.trim()))
}

/// The load averages now; empty where the system tells none.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut words = text.split(' ');
    words.next().map_or_else(String::new, |one| {
        if one.is_empty() { String::new() } else { format!("{one} (mean of the last minute)") }
    })
}
