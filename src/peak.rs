//! What does an opening day do to the engine? The run, its figures and its audit.
//!
//! Uses only what an embedding server can use. Never mends what it finds.

pub(crate) mod acks;
pub(crate) mod audit;
pub(crate) mod citizens;
pub(crate) mod map;
pub(crate) mod measure;
pub(crate) mod options;
pub(crate) mod pages;
pub(crate) mod place;
pub(crate) mod progress;
pub(crate) mod recount;
pub(crate) mod report;
pub(crate) mod rng;
pub(crate) mod scenario;
pub(crate) mod stage;
pub(crate) mod wheel;
pub(crate) mod worker;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use crossbeam_utils::CachePadded;
use cupo::{Engine, SystemClock};
use parking_lot::Mutex;

use crate::cli::Problem;
use crate::peak::acks::Witness;
use crate::peak::audit::Findings;
use crate::peak::measure::{Live, Tally, grouped, real, whole};
use crate::peak::options::Options;
use crate::peak::progress::{Screen, Seen};
use crate::peak::report::Outcome;
use crate::peak::scenario::Scenario;
use crate::peak::stage::Stage;
use crate::peak::worker::{Doors, Worker};

/// Runs the day and says how it went.
pub(crate) fn run(options: &Options) -> Result<ExitCode, Problem> {
    let screen = Screen::new(options.json);
    let scenario = Scenario::load(options.scenario.as_deref())?;
    let witness = Witness::open(options.acks.as_deref())?;
    let engine = open(options, &screen)?;
    let stage = Stage::set(&engine, &scenario)?;
    announce(options, &scenario, &stage, &screen);
    let (tally, seen) = open_doors(&engine, options, &scenario, &stage, &screen, witness)?;
    let outcome = Outcome { options, stage: &stage, tally: &tally, seen: &seen };
    screen.line(report::table(&outcome).trim_end_matches('\n'));
    screen.line("\nAudit");
    let findings = if options.in_memory {
        audit::of_claims(&engine, &tally)?
    } else {
        audit::of_journal(engine, &options.dir, options, &tally)?
    };
    finish(&outcome, &findings, &screen)
}

fn open(options: &Options, screen: &Screen) -> Result<Engine, Problem> {
    screen.line("cupo peak: an opening day");
    if options.in_memory {
        return Ok(Engine::in_memory()?);
    }
    if let Some(said) = place::prepare(options)? {
        screen.line(&format!("  {said}"));
    }
    // The audit reads the whole journal, so no snapshot may cut it.
    Ok(Engine::builder()
        .directory(&options.dir)
        .durability(options.durability.level())
        .snapshot_every(u64::MAX)
        .snapshot_on_close(false)
        .open()?)
}

fn announce(options: &Options, scenario: &Scenario, stage: &Stage, screen: &Screen) {
    screen.line(&format!(
        "  {} offices, {} services, {} working days; {} places in {} slots become bookable at once",
        stage.offices.len(),
        stage.services.len(),
        stage.days,
        grouped(stage.places),
        grouped(stage.slots),
    ));
    let calls = calls(options, scenario);
    screen.line(&format!(
        "  {} citizens on the web, {} by phone through {} operators; {} threads, seed {}",
        grouped(options.citizens - calls),
        grouped(calls),
        scenario.operators,
        options.threads,
        options.seed,
    ));
    screen.line(&if options.in_memory {
        "  in memory: nothing is kept".to_owned()
    } else {
        let level = options.durability.name();
        format!("  durable ({level}) in {}", options.dir.display())
    });
    screen.line(&format!("  opens at {}\n", stage.opens.format("%Y-%m-%d %H:%M:%S%.3f UTC")));
}

fn calls(options: &Options, scenario: &Scenario) -> u64 {
    whole(real(options.citizens) * scenario.phone).min(options.citizens)
}

/// Lets everyone in, and waits until the last hold has ended.
fn open_doors(
    engine: &Engine,
    options: &Options,
    scenario: &Scenario,
    stage: &Stage,
    screen: &Screen,
    witness: Witness,
) -> Result<(Tally, Seen), Problem> {
    let web = options.citizens - calls(options, scenario);
    let until = stage.opens.signed_duration_since(engine.now()).num_milliseconds();
    let doors = Doors {
        engine,
        stage,
        scenario,
        seed: options.seed,
        web,
        citizens: options.citizens,
        next_web: AtomicU64::new(0),
        next_call: AtomicU64::new(web),
        clock: SystemClock::new(),
        // A little later than the opening itself, so that nobody is refused for a tick.
        opens_ms: u64::try_from(until).unwrap_or(0) + 10,
        closed: AtomicBool::new(false),
        failed: Mutex::new(None),
        witness,
    };
    let live: Vec<CachePadded<Live>> =
        (0..options.threads).map(|_| CachePadded::default()).collect();
    let (tally, mut seen) = std::thread::scope(|scope| {
        let step = usize::from(options.threads);
        let threads: Vec<_> = (0..options.threads)
            .zip(&live)
            .map(|(thread, live)| {
                let operators = (thread..scenario.operators).step_by(step);
                let worker = Worker::new(&doors, live, thread);
                scope.spawn(move || worker.run(operators))
            })
            .collect();
        let done = || threads.iter().all(std::thread::ScopedJoinHandle::is_finished);
        let seen = progress::watch(&doors, &live, screen, options.seconds, &done);
        let mut tally = Tally::new();
        let mut broken = false;
        for thread in threads {
            match thread.join() {
                Ok(own) => tally.add(own),
                Err(_) => broken = true,
            }
        }
        if broken {
            tally.wrong.push("a thread of the run panicked; its message is above".to_owned());
        }
        (tally, seen)
    });
    if let Some(error) = doors.failed.lock().take() {
        return Err(error.into());
    }
    let opening = Duration::from_millis(doors.opens_ms);
    seen.seconds = tally.ended.saturating_sub(opening).as_secs_f64();
    let_holds_end(engine, scenario, &mut seen);
    Ok((tally, seen))
}

/// Holds that nobody confirmed come to their deadline; the audit sees them end.
fn let_holds_end(engine: &Engine, scenario: &Scenario, seen: &mut Seen) {
    let clock = SystemClock::new();
    let patience = Duration::from_secs(scenario.hold_seconds + 2);
    loop {
        seen.stats = engine.stats();
        if seen.stats.held == 0 || clock.elapsed() > patience {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn finish(outcome: &Outcome<'_>, found: &Findings, screen: &Screen) -> Result<ExitCode, Problem> {
    screen.line(report::verdict(outcome, found).trim_end());
    let dir = outcome.options.dir.display();
    if !outcome.options.in_memory {
        screen.line(&format!(
            "\nNext: `cupo verify {dir}` checks every frame, `cupo log {dir}` shows every record."
        ));
    }
    if outcome.options.json {
        let mut out = io::stdout().lock();
        writeln!(out, "{}", report::json(outcome, found))?;
    }
    if found.is_clean() && outcome.tally.wrong.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    screen.line("\nSOMETHING IS WRONG: the lines marked EVIDENCE above say what.");
    Ok(ExitCode::from(1))
}
