//! One life of an engine in a process of its own: it opens a directory, says what it finds, works
//! with several threads until it is killed or its time is up, and writes every try and every
//! answer outside (`stage/outside.rs`). The test that starts it executes itself.
#![allow(dead_code, reason = "each test file uses its part")]

use std::ffi::OsStr;
use std::fmt::{Display, Write as _};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use cupo::{
    ActorId, Ask, Builder, Catalog, Channel, ClaimState, Clock, Commit, DayId, Engine, Error,
    PartyId, Receipt, RequestId, ServiceId, SlotId, SystemClock,
};

use crate::outside::{PARTIES, Seen, WINDOW_MS, Wish};

const CATALOG: &str = r#"
[[offices]]
key = "one"
zone = "Etc/UTC"
[[services]]
key = "paper"
units = 1
name = { es = "Papel", en = "Paper" }
[[calendars]]
key = "left"
office = "one"
services = ["paper"]
unit = "1h"
capacity = 2
horizon = "3d"
hours = { mon = ["08:00-18:00"], tue = ["08:00-18:00"], wed = ["08:00-18:00"], thu = ["08:00-18:00"], fri = ["08:00-18:00"], sat = ["08:00-18:00"], sun = ["08:00-18:00"] }
[[calendars]]
key = "right"
office = "one"
services = ["paper"]
unit = "1h"
capacity = 2
horizon = "3d"
hours = { mon = ["08:00-18:00"], tue = ["08:00-18:00"], wed = ["08:00-18:00"], thu = ["08:00-18:00"], fri = ["08:00-18:00"], sat = ["08:00-18:00"], sun = ["08:00-18:00"] }
[holds]
ttl = "2s"
ttl_max = "4s"
extended_max = "60s"
per_party = 4
"#;

/// The system's clock, moved by so many milliseconds; it may be moved further while it runs.
#[derive(Clone, Debug)]
pub struct Shifted(SystemClock, Arc<AtomicI64>);

impl Shifted {
    pub fn new(by: i64) -> Self {
        Self(SystemClock::new(), Arc::new(AtomicI64::new(by)))
    }
}

impl Clock for Shifted {
    fn now(&self) -> DateTime<Utc> {
        self.0.now() + chrono::Duration::milliseconds(self.1.load(Ordering::Relaxed))
    }
}

fn millis(at: DateTime<Utc>) -> u64 {
    u64::try_from(at.timestamp_millis()).unwrap()
}

/// What a life is to do.
#[derive(Clone, Debug)]
pub struct Life {
    pub directory: PathBuf,
    /// Where it writes what it was told.
    pub acks: PathBuf,
    pub seed: u64,
    pub threads: usize,
    /// How long it works; then it closes, or just ends.
    pub work_ms: u64,
    pub closes: bool,
    /// Whether it takes snapshots, at odd moments.
    pub snapshots: bool,
    /// A thread sleeps so long after every batch of eight changes.
    pub pause_us: u64,
    /// How far its clock is off, and how far it jumps half way.
    pub shift_ms: i64,
    pub jump_ms: i64,
}

impl Life {
    pub fn new(directory: &Path, acks: PathBuf, seed: u64) -> Self {
        Self {
            directory: directory.to_path_buf(),
            acks,
            seed,
            threads: 3,
            work_ms: 60_000,
            closes: true,
            snapshots: true,
            pause_us: 0,
            shift_ms: 0,
            jump_ms: 0,
        }
    }

    /// What starts it.
    pub fn command(&self) -> Command {
        self.command_under(&[])
    }

    /// What starts it under another program, such as `strace`.
    pub fn command_under(&self, outer: &[&str]) -> Command {
        let me = std::env::current_exe().unwrap();
        let mut command = Command::new(outer.first().map_or(me.as_os_str(), OsStr::new));
        if let Some(rest) = outer.get(1..) {
            command.args(rest).arg(&me);
        }
        command.args(["--exact", "life::child", "--ignored", "--nocapture", "--test-threads=1"]);
        self.give(&mut command);
        command
    }

    fn give(&self, command: &mut Command) {
        let Self { directory, acks, seed, threads, work_ms, closes, .. } = self;
        let Self { snapshots, pause_us, shift_ms, jump_ms, .. } = self;
        let (directory, acks) = (directory.display(), acks.display());
        let how = format!("{threads}|{work_ms}|{closes}|{snapshots}");
        let rest = format!("{how}|{pause_us}|{shift_ms}|{jump_ms}");
        command.env("CUPO_LIFE", format!("{directory}|{acks}|{seed}|{rest}"));
    }

    fn given() -> Option<Self> {
        let text = std::env::var("CUPO_LIFE").ok()?;
        let words: Vec<&str> = text.split('|').collect();
        let number = |at: usize| words[at].parse::<i64>().unwrap();
        Some(Self {
            directory: words[0].into(),
            acks: words[1].into(),
            seed: words[2].parse().unwrap(),
            threads: words[3].parse().unwrap(),
            work_ms: words[4].parse().unwrap(),
            closes: words[5] == "true",
            snapshots: words[6] == "true",
            pause_us: words[7].parse().unwrap(),
            shift_ms: number(8),
            jump_ms: number(9),
        })
    }

    /// Small files and a short memory, so that every part of the storage has work.
    pub fn builder(&self) -> Builder {
        let window = Duration::from_millis(WINDOW_MS);
        Engine::builder()
            .directory(&self.directory)
            .segment_bytes(64 << 10)
            .shards(4)
            .keep_days(1)
            .idempotency_window(window)
            .snapshot_every(1 << 20)
            .allow_clock_jump(true)
    }
}

/// A seeded draw.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % bound
    }
}

#[test]
#[ignore = "the program that the tests beside it start, and kill"]
pub fn child() {
    if let Some(life) = Life::given() {
        live(&life);
        // No more of the test harness: the output is the parent's.
        std::process::exit(0);
    }
}

/// One file of lines. A line is there once `write` returned, whatever happens to this process.
struct Pen(File);

impl Pen {
    fn new(acks: &Path, name: &str) -> Self {
        Self(OpenOptions::new().create(true).append(true).open(acks.join(name)).unwrap())
    }

    fn line(&mut self, line: impl Display) {
        self.0.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

fn live(life: &Life) {
    let mut pen = Pen::new(&life.acks, "main");
    let clock = Shifted::new(life.shift_ms);
    pen.line(format_args!("open {}", millis(clock.now())));
    let engine = match life.builder().clock(clock.clone()).open() {
        Ok(engine) => engine,
        Err(error) => return pen.line(format_args!("refused {error}")),
    };
    pen.line("opened");
    if engine.service("paper").is_none()
        && let Err(error) = engine.install(&Catalog::from_toml(CATALOG).unwrap())
    {
        return pen.line(format_args!("refused {error}"));
    }
    let mut known = Vec::new();
    for party in 0..PARTIES {
        let found = newest(&engine, party);
        let now = millis(engine.now());
        let text = found.as_ref().map_or("none".into(), Seen::to_string);
        pen.line(format_args!("found {party} {now} {text}"));
        known.push((party, found));
    }
    pen.line(format_args!("work {}", millis(engine.now())));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..life.threads {
            let of_thread = |party: &u64| *party as usize % life.threads == thread;
            let mine = known.iter().filter(|(party, _)| of_thread(party)).cloned().collect();
            let (engine, over) = (&engine, &over);
            scope.spawn(move || Worker::new(life, engine, thread, mine).work(over));
        }
        rest(life, &engine, &clock, &mut pen);
        over.store(true, Ordering::Relaxed);
    });
    if !life.closes {
        std::process::exit(0);
    }
    pen.line("closing");
    match engine.close() {
        Ok(()) => pen.line("closed"),
        Err(error) => pen.line(format_args!("refused {error}")),
    }
}

/// The main thread: snapshots at odd moments, a look at the memory, a jump of the clock.
fn rest(life: &Life, engine: &Engine, clock: &Shifted, pen: &mut Pen) {
    let mut dice = Dice(life.seed ^ 0x5eed);
    let clock_of_work = SystemClock::new();
    let mut looked = 0;
    let mut jumped = life.jump_ms == 0;
    loop {
        let passed = u64::try_from(clock_of_work.elapsed().as_millis()).unwrap();
        if passed >= life.work_ms {
            return;
        }
        if !jumped && passed > life.work_ms / 2 {
            jumped = true;
            clock.1.fetch_add(life.jump_ms, Ordering::Relaxed);
        }
        if passed / 250 > looked {
            looked = passed / 250;
            let bytes = engine.stats().memory_bytes;
            pen.line(format_args!("memory {} {bytes}", millis(clock.0.now())));
        }
        std::thread::sleep(Duration::from_millis(5 + dice.below(40).min(life.work_ms - passed)));
        // A snapshot that fails has changed nothing; a failed log is told to the workers.
        if life.snapshots {
            let _ = engine.snapshot();
        }
    }
}

/// A party's newest claim.
pub fn newest(engine: &Engine, party: u64) -> Option<Seen> {
    let claims = engine.claims_of(PartyId(u128::from(party))).wait().unwrap();
    claims.first().map(Seen::of)
}

struct Worker<'a> {
    engine: &'a Engine,
    pen: Pen,
    dice: Dice,
    service: ServiceId,
    known: Vec<(u64, Option<Seen>)>,
    pause: Duration,
    dead: bool,
}

impl<'a> Worker<'a> {
    fn new(
        life: &Life,
        engine: &'a Engine,
        thread: usize,
        known: Vec<(u64, Option<Seen>)>,
    ) -> Self {
        let pen = Pen::new(&life.acks, &thread.to_string());
        let dice = Dice(life.seed.wrapping_mul(1_000_003).wrapping_add(thread as u64));
        let service = engine.service("paper").unwrap();
        let pause = Duration::from_micros(life.pause_us);
        Self { engine, pen, dice, service, known, pause, dead: false }
    }

    fn work(mut self, over: &AtomicBool) {
        let mut days = Vec::new();
        for batch in 0_u64.. {
            if over.load(Ordering::Relaxed) || self.dead {
                return;
            }
            if batch.is_multiple_of(64) {
                let today = self.engine.now().date_naive();
                days = self.engine.days();
                days.retain(|day| day.date() > today);
            }
            self.batch(&days);
            if !self.pause.is_zero() {
                std::thread::sleep(self.pause);
            }
        }
    }

    /// Eight parties change something; their answers come with the same syncs.
    fn batch(&mut self, days: &[DayId]) {
        let now = millis(self.engine.now());
        let first = self.dice.below(self.known.len() as u64) as usize;
        let count = self.known.len();
        let mut wishes = Vec::new();
        let mut lines = String::new();
        for at in (first..first + 8).map(|at| at % count) {
            let (party, claim) = &self.known[at];
            let wish = wish(&mut self.dice, claim.as_ref(), days, now);
            writeln!(lines, "try {party} {now} {wish}").unwrap();
            wishes.push((at, wish));
        }
        self.pen.0.write_all(lines.as_bytes()).unwrap();
        let engine = self.engine;
        let commits: Vec<_> =
            wishes.iter().map(|(at, wish)| self.ask(engine, *at, *wish)).collect();
        for ((at, wish), commit) in wishes.into_iter().zip(commits) {
            self.answer(at, wish, commit.wait());
        }
    }

    fn ask(&self, engine: &'a Engine, at: usize, wish: Wish) -> Commit<'a, Receipt> {
        let (party, claim) = &self.known[at];
        let id = claim.as_ref().and_then(|claim| claim.claim);
        let seen = || id.expect("a wish about a claim");
        match wish {
            Wish::Hold { request, .. } | Wish::Book { request, .. } => {
                self.make(engine, *party, request)
            }
            Wish::Again => self.make(engine, *party, claim.as_ref().unwrap().request),
            Wish::Confirm => engine.confirm(seen()),
            Wish::Release => engine.release(seen()),
            Wish::Cancel => engine.cancel_by_staff(seen(), ActorId(7)),
            Wish::Extend { ttl_s } => engine.extend(seen(), Duration::from_secs(ttl_s)),
            Wish::Move { request, slot } => match claim.as_ref().unwrap().state {
                ClaimState::Held => engine.swap(seen(), slot, RequestId(request)),
                _ => engine.reschedule(seen(), slot, RequestId(request)),
            },
        }
    }

    /// The request number says all of the request, so that any life can repeat it.
    fn make(&self, engine: &'a Engine, party: u64, request: u128) -> Commit<'a, Receipt> {
        let (slot, ttl_s) = (slot_of(request), ttl_of(request));
        let ask = Ask::new(PartyId(u128::from(party)), RequestId(request), self.service, slot)
            .channel(Channel::DESK);
        match ttl_s {
            0 => engine.book(&ask),
            ttl_s => engine.hold(&ask.ttl(Duration::from_secs(ttl_s))),
        }
    }

    fn answer(&mut self, at: usize, wish: Wish, answer: Result<Receipt, Error>) {
        let now = millis(self.engine.now());
        let party = self.known[at].0;
        match answer {
            Ok(receipt) => {
                let seen = Seen::of(&receipt.claim);
                self.pen.line(format_args!("done {party} {now} {seen}"));
                let odd = receipt.replayed != (wish == Wish::Again);
                if odd && wish != Wish::Confirm {
                    self.pen.line(format_args!("odd {party} {now} {wish}"));
                }
                self.known[at].1 = Some(seen);
            }
            Err(Error::Rejected(reason)) => {
                self.pen.line(format_args!("no {party} {now} {}", reason.code()));
                // It may have expired meanwhile: what it is now, the engine says.
                self.known[at].1 = newest_of(self.engine, party, self.known[at].1.take());
            }
            Err(Error::StorageFull | Error::Busy) => {
                self.pen.line(format_args!("full {party} {now}"));
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(Error::Indeterminate(_)) => {
                self.pen.line(format_args!("lost {party} {now}"));
                self.dead = true;
            }
            Err(Error::Storage(_)) => {
                self.pen.line(format_args!("dead {party} {now}"));
                self.dead = true;
            }
            Err(error) => self.pen.line(format_args!("odd {party} {now} {error}")),
        }
    }
}

/// As `newest`, or what was known where the engine has just failed.
fn newest_of(engine: &Engine, party: u64, known: Option<Seen>) -> Option<Seen> {
    let claims = engine.claims_of(PartyId(u128::from(party))).wait();
    claims.map_or(known, |claims| claims.first().map(Seen::of))
}

fn wish(dice: &mut Dice, claim: Option<&Seen>, days: &[DayId], now: u64) -> Wish {
    let day = days[dice.below(days.len() as u64) as usize];
    let slot = day.slot(8 + dice.below(10) as u16);
    let round = u128::from(now) << 32 | u128::from(dice.below(1 << 32));
    let fresh = |ttl_s| request(round, slot, ttl_s);
    let live = claim.filter(|claim| claim.is_live() && !claim.is_past(now));
    match (live.map(|claim| claim.state), dice.below(8)) {
        (None, 0..=2) => Wish::Book { request: fresh(0), slot },
        (None, part) => {
            let ttl_s = 1 + part % 3;
            Wish::Hold { request: fresh(ttl_s), slot, ttl_s }
        }
        (Some(_), 0) => Wish::Again,
        (Some(_), 1 | 2) => Wish::Move { request: fresh(0), slot },
        (Some(ClaimState::Held), 3) => Wish::Release,
        (Some(ClaimState::Held), 4) => Wish::Extend { ttl_s: 1 + dice.below(3) },
        (Some(ClaimState::Held), _) => Wish::Confirm,
        (Some(_), _) => Wish::Cancel,
    }
}

fn request(round: u128, slot: SlotId, ttl_s: u64) -> u128 {
    let midnight = slot.day.date().and_hms_opt(0, 0, 0).unwrap().and_utc();
    let date = u128::try_from(midnight.timestamp() / 86_400).unwrap();
    let calendar = u128::from(slot.day.calendar().0);
    round << 48 | date << 24 | calendar << 16 | u128::from(slot.index) << 8 | u128::from(ttl_s)
}

fn slot_of(request: u128) -> SlotId {
    let byte = |at: u32| u16::from((request >> at) as u8);
    let date = i64::try_from(request >> 24 & 0xff_ffff).unwrap();
    let date = DateTime::from_timestamp(date * 86_400, 0).unwrap().date_naive();
    DayId::new(cupo::CalendarId(byte(16)), date).unwrap().slot(byte(8))
}

fn ttl_of(request: u128) -> u64 {
    u64::try_from(request & 0xff).unwrap()
}
