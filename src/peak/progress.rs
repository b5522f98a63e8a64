//! How far are we? One line while the threads run, and when each office sold out.
//!
//! Never slows the threads down: it reads counters and asks for openings like anyone else.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use crossbeam_utils::CachePadded;
use cupo::Stats;

use crate::peak::measure::{Live, grouped, rate, real, whole};
use crate::peak::stage::free_on_web;
use crate::peak::worker::Doors;

const TICK: Duration = Duration::from_millis(200);
/// Looks within a tick whether all is over.
const NAPS: u32 = 20;
const TICKS_PER_SECOND: usize = 5;
/// Ticks between two lines where nothing can be redrawn.
const TICKS_PER_LINE: u64 = 25;

/// Where people look: standard output, or standard error when the other is for a program.
#[derive(Debug)]
pub(crate) struct Screen {
    to_stderr: bool,
    /// Lines can be redrawn.
    redraws: bool,
}

impl Screen {
    pub(crate) fn new(to_stderr: bool) -> Self {
        let redraws =
            if to_stderr { io::stderr().is_terminal() } else { io::stdout().is_terminal() };
        Self { to_stderr, redraws }
    }

    fn write(&self, text: &str) {
        // A screen that is gone is no reason to stop the run or its audit.
        let _ = if self.to_stderr {
            io::stderr().lock().write_all(text.as_bytes())
        } else {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        };
    }

    pub(crate) fn line(&self, text: &str) {
        self.write(&format!("{text}\n"));
    }

    /// A line that the next one replaces.
    fn passing(&self, text: &str) {
        if self.redraws {
            self.write(&format!("\r\x1b[2K{text}"));
        } else {
            self.line(text);
        }
    }

    /// Ends a passing line.
    fn settle(&self) {
        if self.redraws {
            self.write("\n");
        }
    }
}

/// What was seen while it ran.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Per office: the seconds until the web had sold out, if it came to that.
    pub(crate) sold_out_s: Vec<Option<f64>>,
    /// The same for all offices taken together.
    pub(crate) all_sold_out_s: Option<f64>,
    pub(crate) held_max: u64,
    pub(crate) seconds: f64,
    /// Answers in the busiest second.
    pub(crate) busiest: u64,
    pub(crate) stats: Stats,
}

/// Watches until `done`; returns what was seen.
pub(crate) fn watch(
    doors: &Doors<'_>,
    live: &[CachePadded<Live>],
    screen: &Screen,
    seconds_max: u64,
    done: &dyn Fn() -> bool,
) -> Seen {
    let mut seen = Seen { sold_out_s: vec![None; doors.stage.offices.len()], ..Seen::default() };
    let opening = Duration::from_millis(doors.opens_ms);
    let mut last = (0, 0.0);
    let mut second = VecDeque::new();
    for tick in 1_u64.. {
        let over = done();
        seen.seconds = doors.clock.elapsed().saturating_sub(opening).as_secs_f64();
        let answered = Live::sum(live, |live| &live.answered);
        second.push_back((doors.clock.elapsed(), answered));
        if let Some((began, before)) = second.front().filter(|_| seen.seconds > 0.0) {
            note_sold_out(doors, &mut seen);
            let took = doors.clock.elapsed().saturating_sub(*began).as_secs_f64();
            if second.len() > TICKS_PER_SECOND {
                seen.busiest = seen.busiest.max(whole(rate(answered - before, took)));
                second.pop_front();
            }
        }
        seen.stats = doors.engine.stats();
        seen.held_max = seen.held_max.max(seen.stats.held);
        if over || screen.redraws || tick % TICKS_PER_LINE == 0 {
            let speed = rate(answered - last.0, seen.seconds - last.1);
            last = (answered, seen.seconds);
            screen.passing(&line(doors, live, &seen, speed));
        }
        if over {
            break;
        }
        if seconds_max > 0 && seen.seconds >= real(seconds_max) {
            doors.close();
        }
        for _ in 0..NAPS {
            if !done() {
                std::thread::sleep(TICK / NAPS);
            }
        }
    }
    screen.settle();
    seen
}

fn line(doors: &Doors<'_>, live: &[CachePadded<Live>], seen: &Seen, speed: f64) -> String {
    if seen.seconds <= 0.0 {
        return "  waiting for the opening".to_owned();
    }
    let finished = Live::sum(live, |live| &live.finished);
    format!(
        "  {:>3}%  sold {:>9}  refused {:>9}  {:>9}/s  holds {:>7} open, {:>7} expired  {:>5.1} s",
        finished * 100 / doors.citizens.max(1),
        grouped(Live::sum(live, |live| &live.sold)),
        grouped(Live::sum(live, |live| &live.refused)),
        grouped(whole(speed)),
        grouped(seen.stats.held),
        grouped(seen.stats.expired),
        seen.seconds,
    )
}

/// Sold out: not one place in a hundred is left. Abandoned holds keep coming back, so none at all
/// would be a matter of luck.
fn note_sold_out(doors: &Doors<'_>, seen: &mut Seen) {
    let (mut free_all, mut places_all) = (0, 0);
    for (office, at) in doors.stage.offices.iter().zip(&mut seen.sold_out_s) {
        let days = office.days.iter().filter_map(|day| doors.engine.day(*day));
        let free: u64 = days.map(|day| free_on_web(&day, doors.stage.from)).sum();
        if free * 100 <= office.web_places {
            at.get_or_insert(seen.seconds);
        }
        free_all += free;
        places_all += office.web_places;
    }
    if free_all * 100 <= places_all {
        seen.all_sold_out_s.get_or_insert(seen.seconds);
    }
}
