//! How far are we? What the screen shows while the threads run, and what is noted for the report.
//!
//! Never slows the threads down: it reads counters and asks for openings like anyone else.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crossbeam_utils::CachePadded;
use cupo::Stats;

use crate::peak::closure::Shut;
use crate::peak::disk::Disk;
use crate::peak::measure::{Latency, Live, grouped, rate, real, whole};
use crate::peak::numbers::{Beat, rounded};
use crate::peak::screen::{Screen, View};
use crate::peak::stage::free_on_web;
use crate::peak::worker::Doors;

const TICK: Duration = Duration::from_millis(200);
/// Looks within a tick whether all is over.
const NAPS: u32 = 20;
const TICKS_PER_SECOND: usize = 5;

/// What was seen while it ran.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Per office: the seconds until the web had sold out, if it came to that.
    pub(crate) sold_out_s: Vec<Option<f64>>,
    /// The same for all offices taken together.
    pub(crate) all_sold_out_s: Option<f64>,
    pub(crate) held_max: u64,
    /// From the first arrivals to the last answer.
    pub(crate) seconds: f64,
    /// Answers in the busiest second.
    pub(crate) busiest: u64,
    pub(crate) stats: Stats,
    pub(crate) beats: Vec<Beat>,
    pub(crate) syncs: Latency,
    /// Without what the scenario adds.
    pub(crate) own_syncs: Latency,
    pub(crate) hiccups: Latency,
    pub(crate) shut: Vec<Shut>,
    /// When it began, and how busy the machine was before.
    pub(crate) began: String,
    pub(crate) load: String,
}

/// What happened since the last look.
#[derive(Debug)]
struct Lately {
    answered: VecDeque<(Duration, u64)>,
    latency: VecDeque<Latency>,
    causes: BTreeMap<&'static str, u64>,
}

/// Watches until `done`; returns what was seen.
pub(crate) fn watch(
    doors: &Doors<'_>,
    live: &[CachePadded<Live>],
    disk: &Disk,
    screen: &Screen,
    seconds_max: f64,
    done: &dyn Fn() -> bool,
) -> Seen {
    let mut seen = Seen::of(doors.stage.offices.len());
    let mut lately =
        Lately { answered: VecDeque::new(), latency: VecDeque::new(), causes: BTreeMap::new() };
    let mut panel = screen.panel();
    disk.pulse();
    loop {
        let over = done();
        let now = doors.clock.elapsed();
        seen.seconds = Duration::from_micros(doors.since_us(doors.now_us())).as_secs_f64();
        lately.look(live);
        let answered = Live::sum(live, |live| &live.answered);
        lately.answered.push_back((now, answered));
        if seen.seconds > 0.0 {
            note_sold_out(doors, &mut seen);
        }
        seen.busiest = seen.busiest.max(lately.speed());
        seen.stats = doors.engine.stats();
        seen.held_max = seen.held_max.max(seen.stats.held);
        let beat = beat(doors, live, disk, &mut seen);
        let view = view(doors, live, &seen, &lately, &beat);
        seen.beats.push(beat);
        panel.show(&view, now, over);
        if over {
            return seen;
        }
        lately.forget();
        if seconds_max > 0.0 && seen.seconds >= seconds_max {
            doors.close();
        }
        for _ in 0..NAPS {
            if !done() {
                std::thread::sleep(TICK / NAPS);
            }
        }
    }
}

impl Seen {
    fn of(offices: usize) -> Self {
        Self {
            sold_out_s: vec![None; offices],
            all_sold_out_s: None,
            held_max: 0,
            seconds: 0.0,
            busiest: 0,
            stats: Stats::default(),
            beats: Vec::new(),
            syncs: Latency::new(),
            own_syncs: Latency::new(),
            hiccups: Latency::new(),
            shut: Vec::new(),
            began: String::new(),
            load: String::new(),
        }
    }
}

impl Lately {
    fn look(&mut self, live: &[CachePadded<Live>]) {
        let mut latency = Latency::new();
        for live in live {
            let fresh = std::mem::take(&mut *live.fresh.lock());
            fresh.latency.iter().for_each(|own| latency.add(own));
            for (cause, count) in fresh.causes {
                *self.causes.entry(cause).or_default() += count;
            }
        }
        self.latency.push_back(latency);
    }

    /// What is older than a second.
    fn forget(&mut self) {
        if self.answered.len() > TICKS_PER_SECOND {
            self.answered.pop_front();
        }
        if self.latency.len() > TICKS_PER_SECOND {
            self.latency.pop_front();
        }
    }

    /// Answers in the last second; none before a second has passed.
    fn speed(&self) -> u64 {
        let (Some((began, before)), Some((now, count))) =
            (self.answered.front(), self.answered.back())
        else {
            return 0;
        };
        let seconds = now.saturating_sub(*began).as_secs_f64();
        if self.answered.len() > TICKS_PER_SECOND {
            whole(rate(count - before, seconds))
        } else {
            0
        }
    }
}

fn beat(doors: &Doors<'_>, live: &[CachePadded<Live>], disk: &Disk, seen: &mut Seen) -> Beat {
    let pulse = disk.pulse();
    seen.syncs.add(&pulse.syncs);
    seen.own_syncs.add(&pulse.own);
    let (web, callers) = doors.outside();
    Beat {
        at: rounded(seen.seconds * doors.scenario.compression, 3),
        queue: Live::sum(live, |live| &live.queue) + web,
        callers,
        held: seen.stats.held,
        syncs: pulse.syncs.count(),
        sync_p50_ms: pulse.syncs.quantile_us(0.5) / 1e3,
        sync_max_ms: pulse.syncs.max_us() / 1e3,
        bytes: pulse.bytes,
        no_room: pulse.refused,
    }
}

fn view(
    doors: &Doors<'_>,
    live: &[CachePadded<Live>],
    seen: &Seen,
    lately: &Lately,
    beat: &Beat,
) -> View {
    if seen.seconds <= 0.0 {
        return View { clock: "waiting for the first".to_owned(), ..View::default() };
    }
    let finished = Live::sum(live, |live| &live.finished).min(doors.citizens);
    let sold = Live::sum(live, |live| &live.sold);
    let mut latency = Latency::new();
    lately.latency.iter().for_each(|own| latency.add(own));
    let mut causes: Vec<_> = lately.causes.iter().map(|(name, count)| (*count, *name)).collect();
    causes.sort_unstable_by(|one, other| other.cmp(one));
    let causes = causes.iter().take(4).map(|(count, name)| format!("{name} {}", grouped(*count)));
    let per_second = real(1_000 / u64::try_from(TICK.as_millis()).unwrap_or(1_000));
    View {
        done: finished * 1_000 / doors.citizens.max(1),
        clock: format!("{:>3}% {:>5.1} s", finished * 100 / doors.citizens.max(1), seen.seconds),
        sold: format!(
            "sold {}  held {}  expired {}",
            grouped(sold),
            grouped(seen.stats.held),
            grouped(seen.stats.expired)
        ),
        refused: format!(
            "refused {}  {}",
            grouped(Live::sum(live, |live| &live.refused)),
            causes.collect::<Vec<_>>().join("  ")
        ),
        latency: format!(
            "{}/s  p50 {:.2} ms  p99 {:.2} ms  queue {}, callers waiting {}",
            grouped(lately.speed()),
            latency.quantile_us(0.5) / 1e3,
            latency.quantile_us(0.99) / 1e3,
            grouped(beat.queue),
            grouped(beat.callers)
        ),
        disk: if beat.no_room > 0 {
            "disk FULL".to_owned()
        } else {
            format!(
                "disk {}/s, {:.1} ms, {:.1} MB/s",
                grouped(whole(real(beat.syncs) * per_second)),
                beat.sync_p50_ms,
                real(beat.bytes) * per_second / 1e6
            )
        },
    }
}

/// Sold out: not one place in a hundred is left. Abandoned holds keep coming back, so none at all
/// would be a matter of luck.
fn note_sold_out(doors: &Doors<'_>, seen: &mut Seen) {
    let opened = real(doors.scenario.opens_after_ms()) / 1e3;
    let (mut free_all, mut places_all) = (0, 0);
    for (office, at) in doors.stage.offices.iter().zip(&mut seen.sold_out_s) {
        let days = office.days.iter().filter_map(|day| doors.engine.day(*day));
        let free: u64 = days.map(|day| free_on_web(&day, doors.stage.from)).sum();
        // Before the opening there is nothing to have; that is not sold out.
        if seen.seconds > opened && free * 100 <= office.web_places {
            at.get_or_insert(seen.seconds - opened);
        }
        free_all += free;
        places_all += office.web_places;
    }
    if seen.seconds > opened && free_all * 100 <= places_all {
        seen.all_sold_out_s.get_or_insert(seen.seconds - opened);
    }
}
