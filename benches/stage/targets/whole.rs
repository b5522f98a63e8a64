//! Does a year of everybody fit, and how soon is it back? 36.5 million live bookings.
//!
//! The engine is in a process of its own, which is killed or told to close; what it says of itself
//! comes line by line.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;

use cupo::Engine;

use super::Stage;
use super::figure::{Aim, Figure};
use super::recovery::forget;
use crate::fair::{Fair, catalog};
use crate::speed::{Runs, grouped, now, resident};

/// 100,000 a day for a year.
pub const ALL: u64 = 36_500_000;
const GIB: f64 = (1_u64 << 30) as f64;

/// The process that owns the directory.
pub fn own(dir: &Path, bookings: u64) {
    let start = now();
    let engine = Engine::builder().directory(dir).open().unwrap();
    say("opened", start.elapsed().as_secs_f64());
    let stats = engine.stats();
    say("booked", stats.booked as f64);
    let engine = if stats.booked < bookings { fill(engine, bookings) } else { engine };
    say("bytes", engine.stats().memory_bytes as f64);
    say("resident", resident() as f64);
    let mut told = String::new();
    std::io::stdin().read_line(&mut told).unwrap();
    let start = now();
    engine.close().unwrap();
    say("closed", start.elapsed().as_secs_f64());
}

fn fill(engine: Engine, bookings: u64) -> Engine {
    // 57 offices for a year, 96 slots a day: 18 bookings in each of 20 places.
    engine.install(&catalog(57, 20, 365)).unwrap();
    let fair = Fair::on(engine, 365);
    let slots = fair.days.len() as u64 * 96;
    thread::scope(|scope| {
        for thread in 0..2 {
            let fair = &fair;
            scope.spawn(move || {
                let mut last = None;
                for number in (thread..bookings).step_by(2) {
                    // Every slot once, then again: the stride shares no factor with their count.
                    let at = number % slots * 1_000_003 % slots;
                    let slot = fair.days[(at / 96) as usize].slot((at % 96) as u16);
                    let commit = fair.engine.book(&fair.ask_for(number, slot));
                    assert!(commit.dirty().is_ok());
                    last = Some(commit);
                }
                assert!(last.is_none_or(|commit| commit.wait().is_ok()));
            });
        }
    });
    fair.engine
}

fn say(what: &str, value: f64) {
    println!("{what} {value}");
    std::io::stdout().flush().unwrap();
}

/// That process, seen from here.
struct Owner {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Owner {
    fn start(dir: &Path, bookings: u64) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("--as-owner").arg(dir).arg(bookings.to_string());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn told(&mut self, what: &str) -> f64 {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        let value =
            line.strip_prefix(what).unwrap_or_else(|| panic!("{what} expected, not {line}"));
        value.trim().parse().unwrap()
    }

    /// Seconds until it was open, with as many bookings as there have to be.
    fn opened(&mut self, bookings: u64) -> f64 {
        let seconds = self.told("opened");
        assert_eq!(self.told("booked"), bookings as f64, "a booking was lost");
        seconds
    }

    fn size(&mut self) -> [f64; 2] {
        ["bytes", "resident"].map(|what| self.told(what))
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn close(mut self) -> f64 {
        self.child.stdin.take().unwrap().write_all(b"close\n").unwrap();
        let seconds = self.told("closed");
        assert!(self.child.wait().unwrap().success());
        seconds
    }
}

#[derive(Default)]
struct Seen {
    bytes: Runs,
    resident: Runs,
    filled_resident: Runs,
    killed: Runs,
    killed_cold: Runs,
    closed: Runs,
    closed_cold: Runs,
    closing: Runs,
}

impl Seen {
    fn look(stage: &Stage<'_>, bookings: u64) -> Self {
        let (mut seen, dir) = (Self::default(), stage.dir.join("whole"));
        let say = |text: &str| stage.progress.say(&format!("  {text}"));
        let mut owner = Owner::start(&dir, bookings);
        owner.opened(0);
        let [_, resident] = owner.size();
        seen.filled_resident.add(resident);
        say("filled; killed and opened");
        owner.kill();
        let rounds = stage.effort.pick(3, 1, 1);
        for round in 0..=rounds {
            let cold = round == rounds;
            if cold {
                forget(&dir);
            }
            let mut owner = Owner::start(&dir, bookings);
            let runs = if cold { &mut seen.killed_cold } else { &mut seen.killed };
            runs.add(owner.opened(bookings));
            if cold {
                say("closed and opened");
                owner.size();
                seen.closing.add(owner.close());
            } else {
                owner.kill();
            }
        }
        for round in 0..=rounds {
            let cold = round == rounds;
            if cold {
                forget(&dir);
            }
            let mut owner = Owner::start(&dir, bookings);
            let runs = if cold { &mut seen.closed_cold } else { &mut seen.closed };
            runs.add(owner.opened(bookings));
            let [bytes, resident] = owner.size();
            seen.bytes.add(bytes);
            seen.resident.add(resident);
            if cold {
                owner.kill();
            } else {
                owner.close();
            }
        }
        seen
    }
}

pub fn measure(stage: &mut Stage<'_>) {
    // Less than all of it is held against as much less of what is aimed at.
    let parts = if stage.whole { 1 } else { stage.effort.pick(10, 100, 10_000) };
    let (bookings, part) = (ALL / parts, 1.0 / parts as f64);
    let told = grouped(bookings as f64);
    stage.progress.say(&format!("{told} live bookings in a process of its own"));
    let seen = Seen::look(stage, bookings);
    let share = match parts {
        1 => String::new(),
        parts => format!("; 1/{parts} of the bookings and of the aim (all: `--whole`)"),
    };
    let stage_of = format!("57 offices, 365 days, 96 slots a day, every default{share}");
    let warm = "from the page cache";
    let killed = "SIGKILL once the last booking was durable, nothing lost; from the page cache";
    let forgot = "pages dropped before";
    let most = |aim: f64| Aim::AtMost(aim * part);
    let figure = |what: &str, aim, unit, runs, how: &str| {
        Figure::new(&format!("{told} bookings: {what}"), aim, unit, runs, how)
    };
    let gib = |runs: &Runs| runs.map(|bytes| bytes / GIB);
    let none = Aim::Nothing;
    stage.figures.extend([
        figure("claims, indexes, days, rosters", most(4.5), "GiB", gib(&seen.bytes), &stage_of),
        figure("resident after opening", most(4.5), "GiB", gib(&seen.resident), "the process"),
        figure("resident after booking", none, "GiB", gib(&seen.filled_resident), "the process"),
        figure("open after a clean close", most(20.0), "s", seen.closed, warm),
        figure("open after a kill", most(60.0), "s", seen.killed, killed),
        figure("open after a clean close, cold", none, "s", seen.closed_cold, forgot),
        figure("open after a kill, cold", none, "s", seen.killed_cold, forgot),
        figure("clean close, with its snapshot", none, "s", seen.closing, ""),
    ]);
}
