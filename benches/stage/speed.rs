//! What the programs about speed share: rates over a span, medians with their spread, what they
//! ran on. A rate is counted between two moments at which every thread is at work already, so
//! starting and ending them is in no figure.
#![allow(dead_code, reason = "each benchmark uses its part")]

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;
use cupo::{Commit, Receipt};
use serde_json::{Value, json};

use crate::fair::Fair;
use crate::irreducible::Floor;

/// Turns between two looks at whether to stop.
const TURNS: u64 = 8;

/// Every thread of every run uses parties that no other used.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A number for a thread, that its parties begin with.
pub fn next_thread() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// How much is done: for a figure, for a look, or only to see that it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    Full,
    Quick,
    Trial,
}

impl Effort {
    /// `--quick`; `cargo bench -- --test` only wants to know whether it runs.
    pub fn of(arguments: &[String]) -> Self {
        let has = |name: &str| arguments.iter().any(|argument| argument == name);
        match (has("--test"), has("--quick")) {
            (true, _) => Self::Trial,
            (false, true) => Self::Quick,
            (false, false) => Self::Full,
        }
    }

    pub fn pick<T>(self, full: T, quick: T, trial: T) -> T {
        match self {
            Self::Full => full,
            Self::Quick => quick,
            Self::Trial => trial,
        }
    }

    pub fn rounds(self) -> usize {
        self.pick(5, 3, 1)
    }

    /// How long a rate is counted.
    pub fn span(self) -> Duration {
        Duration::from_millis(self.pick(2_000, 500, 50))
    }

    /// How long threads run before: ended claims are remembered for a second.
    pub fn warm(self) -> Duration {
        Duration::from_millis(self.pick(1_200, 1_100, 20))
    }
}

/// The value after a name.
pub fn value(arguments: &[String], name: &str) -> Option<String> {
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1).cloned()
}

/// As it is typed, without what cargo adds.
pub fn command(bench: &str, arguments: &[String]) -> String {
    let own = arguments.iter().filter(|argument| *argument != "--bench");
    let own: Vec<&str> = own.map(String::as_str).collect();
    format!("cargo bench --bench {bench} -- {}", own.join(" ")).trim_end_matches(" -- ").to_owned()
}

/// The second half of the comment on top of a program.
pub fn help(source: &str) -> String {
    let text = source.lines().skip_while(|line| !line.contains("usage:"));
    let text = text.take_while(|line| line.starts_with("//!"));
    text.map(|line| line.trim_start_matches("//!").trim_start_matches(' ').to_owned() + "\n")
        .collect()
}

/// A directory on the disk that the build is on, removed in the end: the usual one for such things
/// may be in memory.
pub fn directory(arguments: &[String]) -> tempfile::TempDir {
    let usual = || PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let above = value(arguments, "--dir").map_or_else(usual, PathBuf::from);
    fs::create_dir_all(&above).unwrap();
    tempfile::Builder::new().prefix("speed-").tempdir_in(above).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures")]
pub fn now() -> Instant {
    Instant::now()
}

/// Says on standard error how far it is.
pub struct Progress(Instant);

impl Progress {
    pub fn new() -> Self {
        Self(now())
    }

    pub fn say(&self, text: &str) {
        eprintln!("{:>4} s  {text}", self.0.elapsed().as_secs());
    }

    pub fn minutes(&self) -> f64 {
        self.0.elapsed().as_secs_f64() / 60.0
    }
}

/// What one thread has done, and whether it is to go on.
pub struct Counter<'a> {
    done: &'a AtomicU64,
    stop: &'a AtomicBool,
}

impl Counter<'_> {
    pub fn add(&self, operations: u64) {
        // Relaxed: a count, of this thread alone.
        self.done.store(self.done.load(Ordering::Relaxed) + operations, Ordering::Relaxed);
    }

    pub fn go_on(&self) -> bool {
        // Relaxed: it is seen soon enough.
        !self.stop.load(Ordering::Relaxed)
    }
}

/// What all threads have done up to now.
pub struct Meter(Vec<CachePadded<AtomicU64>>);

impl Meter {
    pub fn total(&self) -> u64 {
        self.0.iter().map(|done| done.load(Ordering::Relaxed)).sum()
    }

    /// Operations a second while something lasts.
    pub fn rate(&self, lasts: impl FnOnce()) -> f64 {
        let (before, start) = (self.total(), now());
        lasts();
        (self.total() - before) as f64 / start.elapsed().as_secs_f64()
    }
}

/// Looks at the meter while threads work.
pub fn beside<T>(
    threads: usize,
    work: impl Fn(u64, &Counter<'_>) + Sync,
    look: impl FnOnce(&Meter) -> T,
) -> T {
    let meter = Meter((0..threads).map(|_| CachePadded::default()).collect());
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for done in &meter.0 {
            let counter = Counter { done, stop: &stop };
            let (number, work) = (next_thread(), &work);
            scope.spawn(move || work(number, &counter));
        }
        let seen = look(&meter);
        stop.store(true, Ordering::Relaxed);
        seen
    })
}

/// Operations a second of so many threads over a span, after they have run for a while.
pub fn rate(
    threads: usize,
    (warm, span): (Duration, Duration),
    work: impl Fn(u64, &Counter<'_>) + Sync,
) -> f64 {
    beside(threads, work, |meter| {
        thread::sleep(warm);
        meter.rate(|| thread::sleep(span))
    })
}

/// Answers on their way to the disk, so many at most; the oldest is waited for.
struct Window<'a> {
    commits: VecDeque<Commit<'a, Receipt>>,
    most: usize,
}

impl<'a> Window<'a> {
    /// How many were waited for.
    fn push(&mut self, commit: Commit<'a, Receipt>) -> u64 {
        self.commits.push_back(commit);
        let mut kept = 0;
        while self.commits.len() >= self.most {
            self.commits.pop_front().unwrap().wait().unwrap();
            kept += 1;
        }
        kept
    }
}

impl Fair {
    /// Hold, confirm and cancel until told to stop; answers are not waited for.
    pub fn mix(&self, thread: u64, counter: &Counter<'_>) {
        for block in 0.. {
            if !counter.go_on() {
                return;
            }
            for turn in block * TURNS..(block + 1) * TURNS {
                self.turn(thread << 48 | turn);
            }
            counter.add(TURNS * 3);
        }
    }

    /// The same, where an operation counts once it is durable.
    pub fn synced_mix(&self, thread: u64, in_flight: usize, counter: &Counter<'_>) {
        let commits = VecDeque::with_capacity(in_flight + 1);
        let mut window = Window { commits, most: in_flight };
        for turn in 0.. {
            if !counter.go_on() {
                break;
            }
            let party = thread << 48 | turn;
            let held = self.engine.hold(&self.ask(party, crate::fair::spread(party)));
            let id = held.dirty().unwrap().id();
            let mut kept = window.push(held);
            kept += window.push(self.engine.confirm(id));
            kept += window.push(self.engine.cancel(id));
            counter.add(kept);
        }
        for commit in window.commits {
            commit.wait().unwrap();
        }
    }
}

impl Floor {
    /// As many operations as there are in `Fair::mix`, until told to stop.
    pub fn mix(&self, thread: u64, counter: &Counter<'_>) {
        for block in 0.. {
            if !counter.go_on() {
                return;
            }
            self.cycle(thread, block * TURNS..(block + 1) * TURNS);
            counter.add(TURNS * 3);
        }
    }
}

/// The figures of some runs.
#[derive(Clone, Debug, Default)]
pub struct Runs(pub Vec<f64>);

impl Runs {
    pub fn add(&mut self, figure: f64) {
        self.0.push(figure);
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    pub fn median(&self) -> f64 {
        let sorted = self.sorted();
        let (low, high) = ((sorted.len() - 1) / 2, sorted.len() / 2);
        f64::midpoint(sorted[low], sorted[high])
    }

    pub fn low(&self) -> f64 {
        self.sorted()[0]
    }

    pub fn high(&self) -> f64 {
        self.sorted()[self.0.len() - 1]
    }

    pub fn map(&self, change: impl Fn(f64) -> f64) -> Self {
        Self(self.0.iter().map(|figure| change(*figure)).collect())
    }

    /// Run by run, what the one is of the other.
    pub fn over(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(one, other)| one / other).collect())
    }
}

/// A number with three digits that count.
pub fn short(value: f64) -> String {
    let size = value.abs();
    if size >= 100.0 {
        return grouped(value);
    }
    let decimals = if size > 0.0 { (2.0 - size.log10().floor()).clamp(1.0, 6.0) } else { 0.0 };
    format!("{value:.*}", decimals as usize)
}

/// A whole number with commas.
pub fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < -0.5 { "-" } else { "" });
    for (place, digit) in (1..=digits.len()).rev().zip(digits.chars()) {
        text.push(digit);
        if place > 1 && place % 3 == 1 {
            text.push(',');
        }
    }
    text
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The load average of the last minute.
pub fn load() -> String {
    read("/proc/loadavg").split(' ').next().unwrap_or("unknown").to_owned()
}

/// What it ran on; never the name of the machine.
pub fn machine(dir: &Path) -> Value {
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name"));
    let kernel = read("/proc/sys/kernel/osrelease");
    let memory = read("/proc/meminfo");
    let kib = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = kib.and_then(|kib| kib.trim().trim_end_matches(" kB").parse::<u64>().ok());
    json!({
        "processor": model.unwrap_or("unknown").trim_matches(['\t', ':', ' ']),
        "cores": thread::available_parallelism().map_or(1, usize::from),
        "memory_gib": kib.unwrap_or(0).div_ceil(1 << 20),
        "kernel": kernel.split('-').next().unwrap_or_default().trim(),
        "file_system": file_system(dir),
        "compiler": compiler(),
    })
}

/// The compiler's version, if it is still there.
fn compiler() -> String {
    let told = std::process::Command::new("rustc").arg("--version").output();
    let told = told.map(|told| String::from_utf8_lossy(&told.stdout).into_owned());
    let version = told.unwrap_or_default();
    version.split(' ').nth(1).unwrap_or("unknown").trim().to_owned()
}

/// The kind of file system under a directory: that of the longest mount point above it.
fn file_system(dir: &Path) -> String {
    let mounts = read("/proc/mounts");
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let above = fields.filter_map(|fields| {
        let (point, kind) = (*fields.get(1)?, *fields.get(2)?);
        dir.starts_with(point).then(|| (point.len(), kind.to_owned()))
    });
    above.max_by_key(|(length, _)| *length).map_or_else(|| "unknown".into(), |(_, kind)| kind)
}

/// The machine in one line.
pub fn machine_line(machine: &Value) -> String {
    let text = |name: &str| machine[name].as_str().unwrap_or("unknown").to_owned();
    format!(
        "{}, {} cores, {} GiB, Linux {}, {}, Rust {}",
        text("processor"),
        machine["cores"],
        machine["memory_gib"],
        text("kernel"),
        text("file_system"),
        text("compiler")
    )
}

/// Resident memory of this process in bytes.
pub fn resident() -> u64 {
    let status = read("/proc/self/status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) * 1_024
}
