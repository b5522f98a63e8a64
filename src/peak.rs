//! What does an opening day do to the engine? The run, its figures, pictures and audit.
//!
//! Uses only what an embedding server can use. Never mends what it finds.

pub(crate) mod acks;
pub(crate) mod arrivals;
pub(crate) mod audit;
pub(crate) mod citizens;
pub(crate) mod closure;
pub(crate) mod compare;
pub(crate) mod disk;
pub(crate) mod fairness;
pub(crate) mod map;
pub(crate) mod measure;
pub(crate) mod noise;
pub(crate) mod numbers;
pub(crate) mod options;
pub(crate) mod pages;
pub(crate) mod picture;
pub(crate) mod place;
pub(crate) mod progress;
pub(crate) mod recount;
pub(crate) mod report;
pub(crate) mod rng;
pub(crate) mod run;
pub(crate) mod scenario;
pub(crate) mod screen;
pub(crate) mod settings;
pub(crate) mod slices;
pub(crate) mod stage;
pub(crate) mod wheel;
pub(crate) mod worker;

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use cupo::{DirectoryOptions, DirectoryStore, Engine};

use crate::cli::Problem;
use crate::peak::acks::Witness;
use crate::peak::audit::Findings;
use crate::peak::disk::{Disk, Spell};
use crate::peak::measure::{grouped, real, whole};
use crate::peak::options::Options;
use crate::peak::report::Outcome;
use crate::peak::run::Run;
use crate::peak::scenario::Scenario;
use crate::peak::screen::Screen;
use crate::peak::stage::Stage;

/// More arrivals than this are not drawn before the run.
const DRAWN_MAX: u64 = 100_000_000;

/// Runs the day and says how it went; or compares two that ran.
pub(crate) fn run(options: &Options) -> Result<ExitCode, Problem> {
    if let Some([before, after]) = options.compare.as_deref() {
        return compare::run(before, after);
    }
    let screen = Screen::new(options.json_to_stdout());
    if !(1e-3..=1e6).contains(&options.faster) {
        return Err(Problem::new("--faster: expected 0.001 to 1000000"));
    }
    let scenario = Scenario::load(options.scenario.as_deref(), options.faster)?;
    let citizens = options.citizens.unwrap_or(scenario.citizens);
    if scenario.arrivals.is_some() && citizens > DRAWN_MAX {
        let most = grouped(DRAWN_MAX);
        return Err(Problem::new(format!(
            "a scenario with arrivals takes at most {most} citizens"
        )));
    }
    let witness = Witness::open(options.acks.as_deref())?;
    let disk = Disk::new(spells(&scenario), options.seed);
    let engine = open(options, &scenario, citizens, &disk, &screen)?;
    let stage = Stage::set(&engine, &scenario)?;
    let strange = |office: &String| !stage.offices.iter().any(|other| other.key == *office);
    if let Some(shutting) = scenario.closures.iter().find(|shutting| strange(&shutting.office)) {
        return Err(Problem::new(format!("closures: there is no office {}", shutting.office)));
    }
    let run = Run { engine: &engine, options, scenario: &scenario, stage: &stage, citizens, disk };
    announce(&run, &screen);
    let (tally, seen) = run.go(&screen, witness)?;
    let calls = run.calls();
    let outcome = Outcome {
        options,
        scenario: &scenario,
        citizens,
        calls,
        stage: &stage,
        tally: &tally,
        seen: &seen,
    };
    screen.line(report::table(&outcome).trim_end_matches('\n'));
    screen.line("\nAudit");
    let findings = if options.in_memory {
        audit::of_claims(&engine, &tally)?
    } else {
        audit::of_journal(engine, &options.dir, options, &tally)?
    };
    finish(&outcome, &findings, &screen)
}

/// When the disk is not well, in milliseconds of the run.
fn spells(scenario: &Scenario) -> Vec<Spell> {
    let spell = |trouble: &scenario::Trouble| Spell {
        from_ms: scenario.run_ms(trouble.from.unwrap_or_default()),
        to_ms: trouble.to.map_or(u64::MAX, |to| scenario.run_ms(to)),
        sync_ms: trouble.sync_ms,
        full: trouble.full,
    };
    scenario.disk.iter().map(spell).collect()
}

fn open(
    options: &Options,
    scenario: &Scenario,
    citizens: u64,
    disk: &Disk,
    screen: &Screen,
) -> Result<Engine, Problem> {
    screen.line(&format!("cupo peak: {}", scenario.name));
    screen.line(&format!("  {}", scenario.about));
    if options.in_memory {
        return Ok(Engine::in_memory()?);
    }
    if let Some(said) = place::prepare(options, citizens)? {
        screen.line(&format!("  {said}"));
    }
    let directory = DirectoryOptions {
        durability: options.durability.level(),
        segment_bytes: scenario.segment_kib << 10,
        ..DirectoryOptions::default()
    };
    let store = DirectoryStore::open(disk.clone(), &options.dir, directory)?;
    // The audit reads the whole journal, so no snapshot may cut it.
    Ok(Engine::builder().store(store).snapshot_every(u64::MAX).snapshot_on_close(false).open()?)
}

fn announce(run: &Run<'_>, screen: &Screen) {
    let (options, stage, scenario) = (run.options, run.stage, run.scenario);
    screen.line(&format!(
        "  {} offices, {} services, {} working days; {} places in {} slots become bookable at once",
        stage.offices.len(),
        stage.services.len(),
        stage.days,
        grouped(stage.places),
        grouped(stage.slots),
    ));
    screen.line(&format!(
        "  {} citizens on the web, {} by phone through {} operators; {} threads, seed {}",
        grouped(run.citizens - run.calls()),
        grouped(run.calls()),
        scenario.operators,
        options.threads,
        options.seed,
    ));
    screen.line(&match &scenario.arrivals {
        None => "  all are at the door; latency counts from the call".to_owned(),
        Some(_) => format!(
            "  they come when they come; latency counts from when a call was due; {} s of the \
             scenario in one of the run",
            scenario.compression
        ),
    });
    screen.line(&if options.in_memory {
        "  in memory: nothing is kept".to_owned()
    } else {
        let level = options.durability.name();
        format!("  durable ({level}) in {}", options.dir.display())
    });
    screen.line(&format!("  opens at {}\n", stage.opens.format("%Y-%m-%d %H:%M:%S%.3f UTC")));
}

fn finish(outcome: &Outcome<'_>, found: &Findings, screen: &Screen) -> Result<ExitCode, Problem> {
    screen.line(report::verdict(outcome, found).trim_end());
    let options = outcome.options;
    let numbers = numbers::gather(outcome, found);
    if let Some(path) = &options.report {
        write(path, &picture::page(&numbers))?;
        screen.line(&format!("\nThe report is in {}.", path.display()));
    }
    if let Some(path) = &options.json {
        let text = format!("{}\n", report::json(outcome, found, &numbers));
        if options.json_to_stdout() {
            io::stdout().lock().write_all(text.as_bytes())?;
        } else {
            write(path, &text)?;
        }
    }
    let dir = options.dir.display();
    if !options.in_memory {
        screen.line(&format!(
            "\nNext: `cupo verify {dir}` checks every frame, `cupo log {dir}` shows every record."
        ));
    }
    if found.is_clean() && outcome.tally.wrong.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    screen.line("\nSOMETHING IS WRONG: the lines marked EVIDENCE above say what.");
    Ok(ExitCode::from(1))
}

fn write(path: &Path, text: &str) -> Result<(), Problem> {
    fs::write(path, text)
        .map_err(|error| Problem::new(format!("writing {}: {error}", path.display())))
}

/// So many of them call.
fn share(citizens: u64, phone: f64) -> u64 {
    whole(real(citizens) * phone).min(citizens)
}
