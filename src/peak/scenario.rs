//! How do people behave on an opening day? The shares that a scenario file may change.
//!
//! Never says who does it: that follows from the seed.

use std::path::Path;

use serde::Deserialize;

use crate::cli::Problem;

/// The longest pause that the wheel of waiting citizens has room for.
pub(crate) const PAUSE_MS_MAX: u64 = 8_000;

/// Shares are from 0 to 1, pauses are in milliseconds of an opening day that runs fast.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Scenario {
    /// Citizens that come by telephone, through an operator.
    pub(crate) phone: f64,
    /// Operators, each with one call at a time.
    pub(crate) operators: u16,
    /// Visitors on the web that are programs and hoard holds.
    pub(crate) bots: f64,
    /// How many holds a bot goes for.
    pub(crate) bot_holds: u8,
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
            phone: 0.035,
            operators: 400,
            bots: 0.05,
            bot_holds: 8,
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
    /// The one in the file, or the usual one.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, Problem> {
        let Some(path) = file else {
            return Ok(Self::default());
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| Problem::new(format!("reading {}: {error}", path.display())))?;
        let scenario: Self = toml::from_str(&text).map_err(|error| {
            Problem::new(format!("{}: {error}", path.display()))
                .next("examples/scenarios/opening-day.toml has every key, with its meaning")
        })?;
        scenario.check().map_err(|what| Problem::new(format!("{}: {what}", path.display())))?;
        Ok(scenario)
    }

    fn check(&self) -> Result<(), String> {
        let shares = [
            ("phone", self.phone),
            ("bots", self.bots),
            ("early", self.early),
            ("abandon", self.abandon),
            ("one_step", self.one_step),
            ("retry", self.retry),
            ("cancel", self.cancel),
            ("move", self.moves),
            ("insist", self.insist),
        ];
        if let Some((name, _)) = shares.iter().find(|(_, share)| !(0.0..=1.0).contains(share)) {
            return Err(format!("{name}: expected a share from 0 to 1"));
        }
        let pauses = [
            ("think_ms", self.think_ms),
            ("talk_ms", self.talk_ms),
            ("later_ms", self.later_ms),
            ("again_ms", self.again_ms),
        ];
        let bad = |[first, last]: [u64; 2]| first > last || last > PAUSE_MS_MAX;
        if let Some((name, _)) = pauses.iter().find(|(_, pause)| bad(*pause)) {
            return Err(format!("{name}: expected [from, to], ascending, up to {PAUSE_MS_MAX} ms"));
        }
        let [first, last] = self.patience;
        if first == 0 || first > last || last > 50 {
            return Err("patience: expected [from, to], ascending, from 1 to 50".into());
        }
        let people: u64 = self.persons.iter().copied().map(|weight| weight.min(1 << 32)).sum();
        if people == 0 || self.persons.len() > 8 {
            return Err("persons: expected 1 to 8 weights, not all zero".into());
        }
        if !(1..=600).contains(&self.hold_seconds) {
            return Err("hold_seconds: expected 1 to 600".into());
        }
        if !(1..=1_000).contains(&self.page_openings) {
            return Err("page_openings: expected 1 to 1000".into());
        }
        if !(1..=10_000).contains(&self.operators) {
            return Err("operators: expected 1 to 10000".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Scenario;

    #[test]
    fn the_example_is_the_default() {
        let text = include_str!("../../examples/scenarios/opening-day.toml");
        let example: Scenario = toml::from_str(text).unwrap();
        assert_eq!(example, Scenario::default());
        assert_eq!(example.check(), Ok(()));
    }

    #[test]
    fn unknown_keys_and_wild_shares_are_refused() {
        assert!(toml::from_str::<Scenario>("bot = 0.1").is_err());
        let wild: Scenario = toml::from_str("bots = 1.5").unwrap();
        assert!(wild.check().unwrap_err().starts_with("bots"));
    }
}
