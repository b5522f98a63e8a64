//! How does a run go? Everyone is let in, watched, and waited for.
//!
//! Never counts anything itself.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::time::Duration;

use crossbeam_utils::CachePadded;
use cupo::{Engine, SystemClock};
use parking_lot::Mutex;

use crate::cli::Problem;
use crate::peak::acks::Witness;
use crate::peak::arrivals::Schedule;
use crate::peak::closure;
use crate::peak::disk::Disk;
use crate::peak::measure::{Latency, Live, Tally, real, whole};
use crate::peak::options::Options;
use crate::peak::progress::{self, Seen};
use crate::peak::scenario::Scenario;
use crate::peak::screen::Screen;
use crate::peak::stage::Stage;
use crate::peak::worker::{Doors, Worker};

/// Slices of time that a run of known length is cut into.
const SLICES: f64 = 54.0;
/// The slices of a run that lasts as long as it lasts, to begin with.
const SLICE_US: u64 = 50_000;

pub(crate) struct Run<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) options: &'a Options,
    pub(crate) scenario: &'a Scenario,
    pub(crate) stage: &'a Stage,
    pub(crate) citizens: u64,
    pub(crate) disk: Disk,
}

impl Run<'_> {
    pub(crate) fn calls(&self) -> u64 {
        super::share(self.citizens, self.scenario.phone)
    }

    /// Lets everyone in, and waits until the last hold has ended.
    pub(crate) fn go(&self, screen: &Screen, witness: Witness) -> Result<(Tally, Seen), Problem> {
        let load = super::settings::load();
        let doors = self.doors(witness);
        let live: Vec<CachePadded<Live>> =
            (0..self.options.threads).map(|_| CachePadded::default()).collect();
        let (tally, mut seen) = self.serve(&doors, &live, screen);
        if let Some(error) = doors.failed.lock().take() {
            return Err(error.into());
        }
        let ended = u64::try_from(tally.ended.as_micros()).unwrap_or(0);
        seen.seconds = Duration::from_micros(doors.since_us(ended)).as_secs_f64();
        seen.load = load;
        seen.began = (self.stage.opens
            - chrono::TimeDelta::milliseconds(
                i64::try_from(self.scenario.opens_after_ms()).unwrap_or(0),
            ))
        .format("%Y-%m-%d %H:%M UTC")
        .to_string();
        self.disk.heal();
        self.let_holds_end(&mut seen);
        Ok((tally, seen))
    }

    fn doors(&self, witness: Witness) -> Doors<'_> {
        let web = self.citizens - self.calls();
        let schedule = self.scenario.arrivals.as_ref().map(|arrivals| {
            let counts = (web, self.calls());
            Schedule::draw(arrivals, self.scenario, self.stage, counts, self.options.seed)
        });
        let slice_us = schedule.as_ref().map_or(SLICE_US, |schedule| {
            let run_s = self.scenario.run_seconds(schedule.seconds);
            whole(run_s * 1e6 / SLICES).max(20_000)
        });
        let until = self.stage.opens.signed_duration_since(self.engine.now()).num_milliseconds();
        // A little later than the opening itself, so that nobody is refused for a tick.
        let opens_ms = u64::try_from(until).unwrap_or(0) + 10;
        let begins_ms = opens_ms.saturating_sub(self.scenario.opens_after_ms());
        self.disk.begin_in(begins_ms);
        Doors {
            engine: self.engine,
            stage: self.stage,
            scenario: self.scenario,
            seed: self.options.seed,
            web,
            citizens: self.citizens,
            schedule,
            next_web: AtomicU64::new(0),
            next_call: AtomicU64::new(web),
            clock: SystemClock::new(),
            begins_us: begins_ms * 1_000,
            opens_ms,
            slice_us,
            closed: AtomicBool::new(false),
            failed: Mutex::new(None),
            witness,
            displaced: Mutex::new(Vec::new()),
            displaced_waiting: AtomicUsize::new(0),
            closures_left: AtomicUsize::new(self.scenario.closures.len()),
        }
    }

    fn serve(
        &self,
        doors: &Doors<'_>,
        live: &[CachePadded<Live>],
        screen: &Screen,
    ) -> (Tally, Seen) {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let step = usize::from(self.options.threads);
            let threads: Vec<_> = (0..self.options.threads)
                .zip(live)
                .map(|(thread, live)| {
                    let operators = (thread..self.scenario.operators).step_by(step);
                    let worker = Worker::new(doors, live, thread);
                    scope.spawn(move || worker.run(operators))
                })
                .collect();
            let shutting = self.scenario.closures.iter();
            let shut: Vec<_> =
                shutting.map(|plan| scope.spawn(|| closure::shut(doors, plan))).collect();
            let idle = scope.spawn(|| hiccups(&stop));
            let done = || threads.iter().all(std::thread::ScopedJoinHandle::is_finished);
            let seconds_max = real(self.options.seconds);
            let mut seen = progress::watch(doors, live, &self.disk, screen, seconds_max, &done);
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            let mut tally = Tally::new(doors.slice_us);
            let mut broken = false;
            for thread in threads {
                match thread.join() {
                    Ok(own) => tally.add(own),
                    Err(_) => broken = true,
                }
            }
            if broken {
                let what = "a thread of the run panicked; its message is above";
                tally.wrong.push(what.to_owned());
            }
            tally.closures = !shut.is_empty();
            seen.shut = shut.into_iter().filter_map(|shut| shut.join().ok()).collect();
            seen.hiccups = idle.join().unwrap_or_else(|_| Latency::new());
            (tally, seen)
        })
    }

    /// Holds that nobody confirmed come to their deadline; the audit sees them end.
    fn let_holds_end(&self, seen: &mut Seen) {
        let clock = SystemClock::new();
        let patience = Duration::from_secs(self.scenario.hold_seconds + 2);
        loop {
            seen.stats = self.engine.stats();
            if seen.stats.held == 0 || clock.elapsed() > patience {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// How late a thread wakes that has nothing to do: what the machine adds to any latency.
fn hiccups(stop: &AtomicBool) -> Latency {
    const NAP: Duration = Duration::from_millis(1);
    let mut late = Latency::new();
    let clock = SystemClock::new();
    let mut slept = clock.elapsed();
    // Relaxed: a nap more makes no difference.
    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
        std::thread::sleep(NAP);
        let now = clock.elapsed();
        late.record(now.saturating_sub(slept + NAP));
        slept = now;
    }
    late
}
