//! How do people behave, when do they come, and what goes wrong? What a scenario file may say.
//!
//! Never says who does it: that follows from the seed.

mod checks;
mod shape;

use std::path::Path;

use serde::Deserialize;

use crate::cli::Problem;
use crate::peak::measure::{real, whole};
pub(crate) use crate::peak::scenario::shape::{Arrivals, Moment, Shutting, Trouble};

/// The longest pause, in milliseconds of the run, that the wheel of waiting citizens has room for.
pub(crate) const PAUSE_MS_MAX: u64 = 60_000;

/// The files of `examples/scenarios`, by name: the program knows them wherever it is.
pub(crate) const SHIPPED: [(&str, &str); 8] = [
    ("opening-day", include_str!("../../examples/scenarios/opening-day.toml")),
    ("opening-minute", include_str!("../../examples/scenarios/opening-minute.toml")),
    ("quiet-day", include_str!("../../examples/scenarios/quiet-day.toml")),
    ("call-centre-monday", include_str!("../../examples/scenarios/call-centre-monday.toml")),
    ("bots", include_str!("../../examples/scenarios/bots.toml")),
    ("closure", include_str!("../../examples/scenarios/closure.toml")),
    ("slow-disk", include_str!("../../examples/scenarios/slow-disk.toml")),
    ("full-disk", include_str!("../../examples/scenarios/full-disk.toml")),
];

/// Shares are from 0 to 1. Pauses are those of the scenario; `squeeze` makes them those of the run.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Scenario {
    /// What the report is called.
    pub(crate) name: String,
    /// What it stages, in a sentence or two.
    pub(crate) about: String,
    /// How many come, unless the command line says.
    pub(crate) citizens: u64,
    /// Seconds of the scenario in one second of the run.
    pub(crate) compression: f64,
    /// When they come; without it all are at the door at the opening.
    pub(crate) arrivals: Option<Arrivals>,
    /// What is wrong with the disk, and when.
    pub(crate) disk: Vec<Trouble>,
    /// Offices that close.
    pub(crate) closures: Vec<Shutting>,
    /// Size of one log file: a disk that is full is felt when the next one is due.
    pub(crate) segment_kib: u64,
    /// Citizens that come by telephone, through an operator.
    pub(crate) phone: f64,
    /// Operators, each with one call at a time.
    pub(crate) operators: u16,
    /// Visitors on the web that are programs and hoard holds.
    pub(crate) bots: f64,
    /// How many holds a bot goes for.
    pub(crate) bot_holds: u8,
    /// Bots that confirm what they hold, to sell it.
    pub(crate) bot_books: f64,
    /// Visitors who try before the opening.
    pub(crate) early: f64,
    /// Citizens who hold a place and never confirm.
    pub(crate) abandon: f64,
    /// Citizens who book in one step, without a hold first.
    pub(crate) one_step: f64,
    /// Citizens whose request is sent twice with the same request id.
    pub(crate) retry: f64,
    /// Citizens who cancel later.
    pub(crate) cancel: f64,
    /// Citizens who move later.
    #[serde(rename = "move")]
    pub(crate) moves: f64,
    /// Citizens who ask for a place although the page says that there is none.
    pub(crate) insist: f64,
    /// How many refusals and empty pages a citizen bears, from and to.
    pub(crate) patience: [u64; 2],
    /// Weights of groups of 1, 2, 3, ... persons.
    pub(crate) persons: Vec<u64>,
    /// How long a hold lasts.
    pub(crate) hold_seconds: u64,
    /// The pause between hold and confirmation on the web.
    pub(crate) think_ms: [u64; 2],
    /// The same on the telephone.
    pub(crate) talk_ms: [u64; 2],
    /// The pause before a cancellation or a move.
    pub(crate) later_ms: [u64; 2],
    /// The pause before another look.
    pub(crate) again_ms: [u64; 2],
    /// How old a page of openings may be.
    pub(crate) page_ms: u64,
    /// Openings on a page.
    pub(crate) page_openings: usize,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            name: "opening day".to_owned(),
            about: "Everyone is at the door when the places open, and is let in as fast as they \
                    are served: how much does the engine take?"
                .to_owned(),
            citizens: 1_000_000,
            compression: 1.0,
            arrivals: None,
            disk: Vec::new(),
            closures: Vec::new(),
            segment_kib: 64 << 10,
            phone: 0.035,
            operators: 400,
            bots: 0.05,
            bot_holds: 8,
            bot_books: 0.0,
            early: 0.01,
            abandon: 0.12,
            one_step: 0.1,
            retry: 0.05,
            cancel: 0.04,
            moves: 0.05,
            insist: 0.3,
            patience: [4, 20],
            persons: vec![72, 17, 7, 4],
            hold_seconds: 2,
            think_ms: [10, 500],
            talk_ms: [5, 40],
            later_ms: [50, 1_000],
            again_ms: [20, 400],
            page_ms: 50,
            page_openings: 64,
        }
    }
}

impl Scenario {
    /// The one in the file or of that name, or the usual one; so many times faster.
    pub(crate) fn load(file: Option<&Path>, faster: f64) -> Result<Self, Problem> {
        let path = file.unwrap_or_else(|| Path::new(SHIPPED[0].0));
        let named = SHIPPED.iter().find(|(name, _)| path.as_os_str() == *name);
        let text = match named {
            Some((_, text)) if !path.is_file() => (*text).to_owned(),
            _ => std::fs::read_to_string(path).map_err(|error| {
                let names = SHIPPED.map(|(name, _)| name).join(", ");
                Problem::new(format!("reading {}: {error}", path.display()))
                    .next(format!("name a file, or one of: {names}"))
            })?,
        };
        Self::read(&text, faster).map_err(|what| {
            Problem::new(format!("{}: {what}", path.display()))
                .next("examples/scenarios/opening-day.toml has every key, with its meaning")
        })
    }

    /// What the text says, or the line and the reason why not.
    pub(crate) fn read(text: &str, faster: f64) -> Result<Self, String> {
        let mut scenario: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        scenario.compression *= faster;
        scenario.check().map_err(|(key, what)| match line_of(text, key) {
            Some(line) => format!("line {line}: {key}: {what}"),
            None => format!("{key}: {what}"),
        })?;
        Ok(scenario.squeeze())
    }

    /// Pauses of the scenario become pauses of the run.
    fn squeeze(mut self) -> Self {
        let times = self.compression;
        let short = |pause: u64| whole(real(pause) / times);
        for pause in [&mut self.think_ms, &mut self.talk_ms, &mut self.later_ms, &mut self.again_ms]
        {
            *pause = pause.map(short);
        }
        self.page_ms = short(self.page_ms);
        // The engine counts the life of a hold in whole seconds.
        self.hold_seconds = short(self.hold_seconds).max(1);
        self
    }

    /// Seconds of the run in which so much of the scenario passes.
    pub(crate) fn run_seconds(&self, scenario: f64) -> f64 {
        scenario / self.compression
    }

    /// Milliseconds of the run until that moment.
    pub(crate) fn run_ms(&self, at: Moment) -> u64 {
        whole(1_000.0 * self.run_seconds(real(at.0)))
    }

    /// How long after the first arrivals the places become bookable, in milliseconds of the run.
    pub(crate) fn opens_after_ms(&self) -> u64 {
        self.arrivals.as_ref().map_or(0, |arrivals| self.run_ms(arrivals.opens_after()))
    }
}

/// The first line that gives the key a value, from 1 on.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let gives = |line: &str| {
        let line = line.trim_start().trim_start_matches('[');
        line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(['=', ']']))
    };
    text.lines().position(gives).map(|line| line + 1)
}

#[cfg(test)]
mod tests {
    use super::{SHIPPED, Scenario};

    #[test]
    fn the_example_is_the_default() {
        assert_eq!(Scenario::read(SHIPPED[0].1, 1.0).unwrap(), Scenario::default());
    }

    #[test]
    fn every_scenario_that_is_shipped_is_sound() {
        for (name, text) in SHIPPED {
            let scenario =
                Scenario::read(text, 1.0).unwrap_or_else(|what| panic!("{name}: {what}"));
            assert_eq!(scenario.name.replace(' ', "-"), name);
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, line, reason) in [
            ("bot = 0.1", "line 1", "unknown field"),
            ("early = 0.1\nbots = 1.5", "line 2", "a share from 0 to 1"),
            ("[arrivals]\ncurve = [[\"0:99:00\", 1.0]]", "line 2", "h:mm:ss"),
            ("[arrivals]\ncurve = [[\"0:01:00\", 1.0]]", "line 2", "two points"),
            ("[arrivals]\ncurve = [[\"0:00:00\", 0.0], [\"1:00:00\", 0.0]]", "line 2", "weight"),
            ("compression = 0.0", "line 1", "compression"),
            ("[[disk]]\nsync_ms = [9, 2]", "line 2", "ascending"),
            ("[[closures]]\noffice = \"x\"\nat = \"0:10:00\"", "", "arrivals"),
        ] {
            let told = Scenario::read(text, 1.0).unwrap_err();
            assert!(told.contains(line) && told.contains(reason), "{text}: {told}");
        }
    }
}
