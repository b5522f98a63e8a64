//! How close to the disk is an answer? One commit in flight, and the slowest of many.
//!
//! Beside both, the least that a durable answer can cost: a write of 4 KiB and an fdatasync in a
//! file that is there already, in the same directory.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use cupo::{ClaimId, Commit, Engine, Receipt};

use super::Stage;
use super::figure::{Aim, Figure};
use crate::fair::{Fair, IN_FLIGHT, LIVE, spread};
use crate::speed::{Counter, Runs, beside, next_thread, now, rate, short};

/// Bytes of the file that is synced again and again: as many as of a log file.
const BYTES: u64 = 64 << 20;
/// Operations started before the clock is looked at again.
const BURST: usize = 64;
/// How long a thread sleeps that has nothing due.
const NAP: Duration = Duration::from_micros(50);
const MICROS: usize = 1_000_000;

struct Bare {
    file: File,
    at: u64,
}

impl Bare {
    fn open(dir: &Path) -> Self {
        let path = dir.join("bare");
        let file = File::options().read(true).write(true).create_new(true).open(path).unwrap();
        let zeros = vec![0; 1 << 20];
        for at in (0..BYTES).step_by(zeros.len()) {
            file.write_all_at(&zeros, at).unwrap();
        }
        file.sync_all().unwrap();
        Self { file, at: 0 }
    }

    fn sync(&mut self) -> Duration {
        let start = now();
        self.file.write_all_at(&[1; 4_096], self.at).unwrap();
        self.file.sync_data().unwrap();
        self.at = (self.at + 4_096) % BYTES;
        start.elapsed()
    }

    fn syncs(&mut self, count: usize) -> Vec<Duration> {
        (0..count).map(|_| self.sync()).collect()
    }
}

/// A synced engine that has cut its log for the first time, after its second snapshot: from then
/// on log files are used again, as in a server that runs for long, and seldom filled with zeros.
pub fn settled(stage: &Stage<'_>, dir: &Path) -> Fair {
    let fair = Fair::open(Engine::builder().directory(dir), LIVE);
    let wanted = stage.effort.pick(2, 2, 0);
    let is_snapshot = |entry: &fs::DirEntry| entry.file_name().as_bytes().starts_with(b"snapshot");
    let snapshots = || fs::read_dir(dir).unwrap().flatten().filter(is_snapshot).count();
    let work = |thread, counter: &Counter<'_>| fair.synced_mix(thread, IN_FLIGHT, counter);
    beside(2, work, |_| {
        while snapshots() < wanted {
            thread::sleep(stage.effort.warm());
        }
    });
    fair
}

pub fn one_in_flight(stage: &mut Stage<'_>) {
    stage.progress.say("one thread, one commit in flight, beside a bare fdatasync");
    let turns = stage.effort.pick(200, 50, 3);
    let fair = Fair::open(Engine::builder().directory(stage.dir.join("one")), LIVE);
    let mut bare = Bare::open(stage.dir);
    let mut runs: [Runs; 2] = Default::default();
    for _ in 0..stage.effort.rounds() * 2 {
        let syncs: Duration = bare.syncs(turns as usize * 3).iter().sum();
        let (start, thread) = (now(), next_thread());
        for turn in 0..turns {
            let party = thread << 48 | turn;
            let id = fair.engine.hold(&fair.ask(party, spread(party))).wait().unwrap().id();
            fair.engine.confirm(id).wait().unwrap();
            fair.engine.cancel(id).wait().unwrap();
        }
        let operations = (turns * 3) as f64;
        let all = [start.elapsed(), syncs].map(|time| operations / time.as_secs_f64());
        runs.iter_mut().zip(all).for_each(|(runs, figure)| runs.add(figure));
    }
    let [engine, bare] = runs;
    let how = "hold, confirm and cancel, each waited for, in turns with as many bare syncs: write \
               of 4 KiB and fdatasync in a file of zeros in the same directory";
    let each = |what, runs| Figure::new(what, Aim::Nothing, "/s", runs, "");
    let ratio = bare.over(&engine);
    stage.figures.extend([
        Figure::new(
            "one commit in flight, 1 thread: times a bare fdatasync",
            Aim::AtMost(1.2),
            "x",
            ratio,
            how,
        ),
        each("one commit in flight, 1 thread", engine),
        each("bare write of 4 KiB and fdatasync", bare),
    ]);
}

/// How many took so many microseconds.
struct Latencies(Vec<u32>);

impl Latencies {
    fn add(&mut self, latency: Duration) {
        let micros = (latency.as_micros() as usize).min(MICROS - 1);
        self.0[micros] += 1;
    }

    /// In microseconds, of all that were added up.
    fn percentile(all: &[Self], share: f64) -> f64 {
        let count: u64 = all.iter().flat_map(|one| &one.0).map(|n| u64::from(*n)).sum();
        let mut left = (count as f64 * (1.0 - share)) as u64;
        for micros in (0..MICROS).rev() {
            let here: u64 = all.iter().map(|one| u64::from(one.0[micros])).sum();
            if here > left {
                return micros as f64;
            }
            left -= here;
        }
        0.0
    }
}

/// One thread of an open loop: operations are due at their times, whatever the answers take.
struct Caller<'a> {
    fair: &'a Fair,
    thread: u64,
    begun: u64,
    held: Option<ClaimId>,
    waiting: VecDeque<(Duration, Commit<'a, Receipt>)>,
}

impl<'a> Caller<'a> {
    fn new(fair: &'a Fair) -> Self {
        let waiting = VecDeque::with_capacity(1 << 16);
        Self { fair, thread: next_thread(), begun: 0, held: None, waiting }
    }

    /// Hold, confirm, cancel, in turns.
    fn begin(&mut self, due: Duration) {
        let engine = &self.fair.engine;
        let commit = match (self.begun % 3, self.held) {
            (1, Some(id)) => engine.confirm(id),
            (2, Some(id)) => engine.cancel(id),
            _ => {
                let party = self.thread << 48 | self.begun;
                engine.hold(&self.fair.ask(party, spread(party)))
            }
        };
        self.held = Some(commit.dirty().unwrap().id());
        self.begun += 1;
        self.waiting.push_back((due, commit));
    }

    fn run(&mut self, gap: Duration, (warm, end): (Duration, Duration)) -> Latencies {
        let mut seen = Latencies(vec![0; MICROS]);
        let start = now();
        loop {
            let elapsed = start.elapsed();
            let mut burst = 0;
            while burst < BURST {
                let due = gap.mul_f64(self.begun as f64);
                if due > elapsed.min(end) {
                    break;
                }
                self.begin(due);
                burst += 1;
            }
            let kept = self.waiting.iter().take_while(|(_, commit)| commit.is_durable()).count();
            let at = start.elapsed();
            let kept = self.waiting.drain(..kept);
            kept.filter(|(due, _)| *due > warm)
                .for_each(|(due, _)| seen.add(at.saturating_sub(due)));
            if elapsed > end && self.waiting.is_empty() {
                return seen;
            }
            if burst < BURST {
                self.rest();
            }
        }
    }

    /// Nothing is due: whoever waits is said to wait, so that the log is written.
    fn rest(&mut self) {
        if let Some((_, oldest)) = self.waiting.front_mut() {
            let polled = std::pin::Pin::new(oldest).poll(&mut Context::from_waker(Waker::noop()));
            drop(polled);
        }
        thread::sleep(NAP);
    }
}

pub fn tail(stage: &mut Stage<'_>) {
    stage.progress.say("the slowest of a thousand durable answers at half of the peak load");
    let effort = stage.effort;
    let fair = settled(stage, &stage.dir.join("tail"));
    let mut bare = Bare::open(&stage.dir.join("tail"));
    let span = (effort.warm(), effort.span());
    let peak = || rate(2, span, |thread, counter| fair.synced_mix(thread, IN_FLIGHT, counter));
    let peak = stage.peak.unwrap_or_else(peak);
    let gap = Duration::from_secs_f64(2.0 / (peak / 2.0));
    let syncs = effort.pick(1_000, 300, 20);
    let (warm, end) = (effort.span() / 4, effort.span() * 2);
    let (mut acknowledged, mut synced, mut half) =
        (Runs::default(), Runs::default(), Runs::default());
    for _ in 0..effort.rounds() {
        let mut times = bare.syncs(syncs);
        let all: Vec<Latencies> = thread::scope(|scope| {
            let fair = &fair;
            let run = move || Caller::new(fair).run(gap, (warm, end));
            let threads = [scope.spawn(run), scope.spawn(run)];
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        times.extend(bare.syncs(syncs));
        times.sort_unstable();
        synced.add(times[times.len() * 99 / 100].as_secs_f64() * 1e3);
        acknowledged.add(Latencies::percentile(&all, 0.999) * 1e-3);
        half.add(Latencies::percentile(&all, 0.5) * 1e-3);
    }
    let how = format!(
        "open loop of 2 threads, {} M operations/s (half of the synced peak), from when an \
         operation was due to its durable answer, after the second snapshot; in turns with bare \
         syncs",
        short(peak / 2.0 * 1e-6)
    );
    let each = |what, runs| Figure::new(what, Aim::Nothing, "ms", runs, "");
    stage.figures.extend([
        Figure::new(
            "p99.9 of durable answers at half load: times p99 of a bare one",
            Aim::AtMost(3.0),
            "x",
            acknowledged.over(&synced),
            &how,
        ),
        each("p99.9 of durable answers at half load", acknowledged),
        each("median of durable answers at half load", half),
        each("p99 of a bare fdatasync", synced),
    ]);
}
