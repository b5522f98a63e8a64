//! What bends the curve? How the cost of an operation grows with claims, days, threads and commits
//! in flight.
//!
//! Measured: hold, confirm and cancel for parties never seen before, on the stage of the other
//! benchmarks, one quantity changed at a time. Beside the live claims, the irreducible work over as
//! many lines: where both bend together it is the cache. All steps of a curve are in memory at
//! once, 9 GiB without `--quick`. Not measured: other mixes, reads (but for the earliest place,
//! over the days).
//!
//! usage: cargo bench --bench growth -- [--quick] [--only NAME] [--targets FILE] [--write FILE]
//!        [--dir DIR] [--help]
//!
//!   --quick         up to a million claims, short runs; its figures mean little
//!   --only NAME     one of: claims, days, threads, flight
//!   --targets FILE  what `targets --json FILE` wrote, for the page
//!   --write FILE    writes the page there, with its picture growth.svg beside it
//!   --dir DIR       where logs are kept; below the build directory by default

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::format_push_string,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    reason = "a benchmark measures, and has no readers but its own"
)]

#[path = "stage/growth/chart.rs"]
mod chart;
#[path = "stage/growth/curve.rs"]
mod curve;
#[path = "stage/fair.rs"]
mod fair;
#[path = "stage/irreducible.rs"]
mod irreducible;
#[path = "stage/growth/page.rs"]
mod page;
#[path = "stage/speed.rs"]
mod speed;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use cupo::{Engine, Openings};
use curve::{Curve, Series};
use fair::{Fair, IN_FLIGHT, LIVE, catalog};
use irreducible::Floor;
use page::Run;
use serde_json::Value;
use speed::{Effort, Progress, Runs, directory, grouped, load, machine, now, rate, value};

const MILLION: f64 = 1e-6;

struct Stage<'a> {
    effort: Effort,
    dir: &'a Path,
    progress: &'a Progress,
}

type Measure = fn(&Stage<'_>) -> Curve;

const ALL: [(&str, Measure); 4] =
    [("claims", claims), ("days", days), ("threads", threads), ("flight", flight)];

impl Stage<'_> {
    /// Threads run for a while before the span that counts.
    fn spans(&self) -> (Duration, Duration) {
        let millis = self.effort.pick((1_000, 1_000), (300, 300), (10, 20));
        (Duration::from_millis(millis.0), Duration::from_millis(millis.1))
    }

    fn rounds(&self) -> usize {
        self.effort.pick(3, 2, 1)
    }

    fn in_memory(&self, fair: &Fair, threads: usize) -> f64 {
        rate(threads, self.spans(), |thread, counter| fair.mix(thread, counter)) * MILLION
    }

    fn synced(&self, fair: &Fair, threads: usize, in_flight: usize) -> f64 {
        rate(threads, self.spans(), |t, c| fair.synced_mix(t, in_flight, c)) * MILLION
    }

    /// Walks up the steps so many times: what changes in the machine meanwhile bends no curve.
    fn walk<T, const N: usize>(
        &self,
        what: &str,
        steps: &[(u64, T)],
        figure: impl Fn(&T, usize) -> f64,
    ) -> Vec<(u64, Vec<Runs>)> {
        let mut walked: Vec<_> =
            steps.iter().map(|(step, _)| (*step, vec![Runs::default(); N])).collect();
        for round in 1..=self.rounds() {
            for ((step, runs), (_, at)) in walked.iter_mut().zip(steps) {
                let step = grouped(*step as f64);
                self.progress.say(&format!("round {round} of {}: {what}: {step}", self.rounds()));
                runs.iter_mut().enumerate().for_each(|(one, runs)| runs.add(figure(at, one)));
            }
        }
        walked
    }
}

fn claims(stage: &Stage<'_>) -> Curve {
    let steps: &[u64] = match stage.effort {
        Effort::Full => &[10_000, 40_000, 160_000, 640_000, 2_500_000, 10_000_000, 36_500_000],
        Effort::Quick => &[10_000, 100_000, 1_000_000],
        Effort::Trial => &[1_000, 2_000],
    };
    let stage_of = |live: &u64| {
        stage.progress.say(&format!("live claims: {} are booked", grouped(*live as f64)));
        let fair = Fair::open(Engine::builder(), 0);
        fair.fill(0..*live);
        (*live, (fair, Floor::new(*live as usize)))
    };
    let steps: Vec<_> = steps.iter().map(stage_of).collect();
    let (warm, span) = stage.spans();
    let walked = stage.walk::<_, 2>("live claims", &steps, |(fair, floor), at| match at {
        0 => stage.in_memory(fair, 2),
        _ => rate(2, (warm / 4, span), |thread, counter| floor.mix(thread, counter)) * MILLION,
    });
    Curve {
        title: "Live claims",
        axis: "live claims",
        how: "2 threads, in memory, 1,710 days; claims that ended within a second are remembered \
              beside the live ones. The irreducible work (two locks, one hash probe, one cold \
              line, one record) has as many lines as there are live claims",
        series: vec![Series::rate("in memory"), Series::rate("irreducible work")],
        log: true,
        steps: walked,
    }
}

fn days(stage: &Stage<'_>) -> Curve {
    // Days, and the calendars and their horizon that make at least as many.
    let all: [(u64, usize, u16); 6] = [
        (1, 1, 2),
        (10, 1, 10),
        (100, 10, 10),
        (1_000, 34, 30),
        (10_000, 100, 100),
        (100_000, 274, 365),
    ];
    let steps = &all[..stage.effort.pick(6, 5, 2)];
    let stage_of = |(days, calendars, horizon): &(u64, usize, u16)| {
        let mut fair = Fair::of(Engine::builder(), &catalog(*calendars, 400, *horizon));
        fair.days.truncate(*days as usize);
        fair.fill(0..stage.effort.pick(10_000, 10_000, 100));
        (*days, fair)
    };
    let steps: Vec<_> = steps.iter().map(stage_of).collect();
    let walked = stage.walk::<_, 3>("days", &steps, |fair, at| match at {
        0 => stage.in_memory(fair, 1),
        1 => stage.in_memory(fair, 2),
        _ => {
            let query = Openings::new(fair.service).limit(1);
            let calls = stage.effort.pick(10_000_u32, 1_000, 10);
            let start = now();
            (0..calls).for_each(|_| drop(fair.engine.openings(&query)));
            start.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
        }
    });
    Curve {
        title: "Days",
        axis: "days (calendars x days ahead)",
        how: "In memory, 10,000 live claims; 1 and 10 days of one calendar, 100 of 10, 1,000 of 34, \
              10,000 of 100, 100,000 of 274. The earliest place is looked for over all calendars",
        series: vec![
            Series::rate("1 thread"),
            Series::rate("2 threads"),
            Series { name: "earliest place", unit: "us", drawn: false },
        ],
        log: false,
        steps: walked,
    }
}

fn threads(stage: &Stage<'_>) -> Curve {
    let memory = Fair::open(Engine::builder(), LIVE);
    let disk = Fair::open(Engine::builder().directory(stage.dir.join("threads")), LIVE);
    let steps: &[u64] = stage.effort.pick(&[1, 2, 3, 4, 6, 8], &[1, 2, 4, 8], &[1, 3]);
    let steps: Vec<_> = steps.iter().map(|threads| (*threads, *threads as usize)).collect();
    let walked = stage.walk::<_, 2>("threads", &steps, |threads, at| match at {
        0 => stage.in_memory(&memory, *threads),
        _ => stage.synced(&disk, *threads, IN_FLIGHT),
    });
    Curve {
        title: "Threads",
        axis: "threads that call",
        how: "200,000 live claims, 1,710 days; synced with 1,024 commits in flight a thread. The \
              engine's own threads (flusher, ticker, and for logs a preparer) come on top",
        series: vec![Series::rate("in memory"), Series::rate("synced")],
        log: false,
        steps: walked,
    }
}

fn flight(stage: &Stage<'_>) -> Curve {
    let fair = Fair::open(Engine::builder().directory(stage.dir.join("flight")), LIVE);
    let steps: &[u64] = match stage.effort {
        Effort::Full => &[1, 4, 16, 64, 256, 1_000, 4_000, 10_000],
        Effort::Quick => &[1, 10, 100, 1_000, 10_000],
        Effort::Trial => &[1, 100],
    };
    let steps: Vec<_> = steps.iter().map(|most| (*most, *most as usize)).collect();
    let walked = stage
        .walk::<_, 2>("commits in flight", &steps, |most, at| stage.synced(&fair, at + 1, *most));
    Curve {
        title: "Commits in flight",
        axis: "commits in flight, each thread",
        how: "Synced, 200,000 live claims, 1,710 days; each thread waits for its oldest commit when \
              so many are on their way",
        series: vec![Series::rate("1 thread"), Series::rate("2 threads")],
        log: true,
        steps: walked,
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help") {
        print!("{}", speed::help(include_str!("growth.rs")));
        return ExitCode::SUCCESS;
    }
    let only = value(&arguments, "--only");
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    if !ALL.iter().any(|(name, _)| wanted(name)) {
        eprintln!("growth: nothing is called {} (try --help)", only.unwrap_or_default());
        return ExitCode::from(2);
    }
    let targets: Option<Value> = value(&arguments, "--targets")
        .map(|file| serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap());
    let (dir, progress, load_before) = (directory(&arguments), Progress::new(), load());
    let stage = Stage { effort: Effort::of(&arguments), dir: dir.path(), progress: &progress };
    let measured = ALL.iter().filter(|(name, _)| wanted(name));
    let curves: Vec<Curve> = measured.map(|(_, measure)| measure(&stage)).collect();
    let run = Run {
        command: speed::command("growth", &arguments),
        date: chrono::Utc::now().format("%Y-%m-%d").to_string(),
        machine: machine(dir.path()),
        load_before,
        load_after: load(),
        minutes: progress.minutes(),
    };
    for curve in &curves {
        println!("{}", curve.table());
    }
    if let Some(file) = value(&arguments, "--write").map(PathBuf::from) {
        let before = fs::read_to_string(&file).unwrap_or_default();
        let foot = format!("{}; {}", run.command, run.date);
        let picture = chart::draw(&curves, &foot);
        fs::write(file.with_file_name("growth.svg"), picture).unwrap();
        fs::write(&file, page::write(targets.as_ref(), &curves, &run, &before)).unwrap();
    }
    ExitCode::SUCCESS
}
