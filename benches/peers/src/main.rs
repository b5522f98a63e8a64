//! What was asked for? The options, the progress, where the report goes.
//!
//! Never measures anything itself.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chrono::Utc;
use clap::Parser;
use cupo_peers::machine::{self, Machine};
use cupo_peers::peer::Outcome;
use cupo_peers::rounds::{self, Plan};
use cupo_peers::table::Report;
use cupo_peers::{page, peers, picture, servers};

/// The same scenario against the engine and what one would use instead, side by side in one run.
#[derive(Parser, Debug)]
#[command(
    name = "cargo peers",
    max_term_width = 100,
    after_help = "\
PostgreSQL and Redis are Debian packages, installed when missing if you are root, started in a
directory of the run and ended with it. A peer that cannot be started is listed as not run.

Exit status: 0 if every peer that ran passed the check, 1 if one did not, 2 if nothing could be run."
)]
struct Options {
    /// Everything once, small, in less than a minute; figures of a quick run mean little.
    #[arg(long)]
    quick: bool,
    /// Only peers whose name contains this (and cupo).
    #[arg(long)]
    only: Option<String>,
    /// Rounds, in turns.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: Option<u8>,
    /// Seconds of a scene in a round.
    #[arg(long)]
    seconds: Option<f64>,
    /// The report as JSON on standard output.
    #[arg(long)]
    json: bool,
    /// Writes the report to this file (Markdown), with its picture beside it (.svg).
    #[arg(long)]
    write: Option<PathBuf>,
    /// Where all of them keep their files; other accounts must be able to reach it.
    #[arg(long, default_value = "/var/tmp")]
    dir: PathBuf,
    /// Installs nothing.
    #[arg(long)]
    no_install: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(code) => code,
        Err(fault) => {
            eprintln!("cargo peers: {fault}");
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark asks the clock of the machine")]
fn run(options: &Options) -> Outcome<ExitCode> {
    let start = Instant::now();
    let say = |text: &str| eprintln!("{:>4} s  {text}", start.elapsed().as_secs());
    if !options.no_install {
        servers::allow_install();
    }
    let dir = servers::directory(&options.dir)?;
    let machine = Machine::look(dir.path())?;
    for line in machine.lines() {
        say(&line);
    }
    say(&format!("load average {} as it begins", machine.load));
    let plan = plan(options);
    let mut kinds = peers::all();
    if let Some(only) = &options.only {
        kinds.retain(|kind| kind.name == peers::OURS || kind.name.contains(only.as_str()));
    }
    let entries = rounds::run(&kinds, &plan, dir.path(), &say);
    let report = Report {
        entries,
        machine,
        versions: servers::versions(),
        date: Utc::now().format("%Y-%m-%d").to_string(),
        command: command(),
        rounds: plan.rounds,
        seconds: plan.time.as_secs_f64(),
        quick: options.quick,
        load_after: machine::load(),
        nice: machine::nice(),
        minutes: start.elapsed().as_secs_f64() / 60.0,
    };
    tell(options, &report)?;
    let failed = report.entries.iter().filter_map(|entry| entry.fault.as_ref());
    let failed = failed.filter(|fault| fault.starts_with("FAILED")).count();
    Ok(ExitCode::from(u8::from(failed > 0)))
}

fn tell(options: &Options, report: &Report) -> Outcome<()> {
    let mut out = io::stdout().lock();
    if options.json {
        serde_json::to_writer_pretty(&mut out, &report.json())?;
        writeln!(out)?;
    } else {
        writeln!(out, "\n{}", report.text())?;
    }
    if let Some(path) = &options.write {
        let image = path.with_file_name(image_name(path));
        std::fs::write(&image, picture::draw(report))?;
        std::fs::write(path, page::write(report, &image_name(path)))?;
        eprintln!("written: {} and {}", path.display(), image.display());
    }
    Ok(())
}

fn image_name(page: &Path) -> String {
    let stem = page.file_stem().map(|stem| stem.to_string_lossy().to_lowercase());
    format!("{}.svg", stem.unwrap_or_else(|| "peers".to_owned()))
}

fn plan(options: &Options) -> Plan {
    let quick = options.quick;
    let seconds = options.seconds.unwrap_or(if quick { 0.2 } else { 2.0 });
    Plan {
        quick,
        rounds: options.rounds.map_or(if quick { 1 } else { 3 }, usize::from),
        time: Duration::from_secs_f64(seconds.clamp(0.01, 600.0)),
        sweep: Duration::from_millis(if quick { 0 } else { 500 }),
        trial: Duration::from_millis(if quick { 100 } else { 500 }),
    }
}

/// As it was typed, but for where the program lies.
fn command() -> String {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    format!("cargo peers {}", arguments.join(" ")).trim().to_owned()
}
