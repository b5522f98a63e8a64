//! When do people come, and what goes wrong when? The parts of a scenario that have a time.
//!
//! Never knows a clock: moments count from the beginning of the scenario, or are times of a day.

use serde::Deserialize;

use crate::peak::measure::real;

/// Seconds, written `h:mm:ss`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Moment(pub(crate) u64);

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no time: write h:mm:ss, such as \"8:30:00\"");
        let mut parts = text.split(':').map(str::parse::<u64>);
        let mut part = || parts.next().and_then(Result::ok).ok_or_else(wrong);
        let (hours, minutes, seconds) = (part()?, part()?, part()?);
        if hours > 1_000 || minutes > 59 || seconds > 59 || parts.next().is_some() {
            return Err(wrong());
        }
        Ok(Self(hours * 3_600 + minutes * 60 + seconds))
    }
}

/// How arrivals are spread over time.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arrivals {
    /// Points of a curve, `[time, weight]`; between them it is straight.
    pub(crate) curve: Vec<(Moment, f64)>,
    /// The times are those of each office's own clock.
    #[serde(default)]
    pub(crate) local_time: bool,
    /// When the places become bookable; without it, before anyone comes.
    pub(crate) opens: Option<Moment>,
}

impl Arrivals {
    pub(crate) fn begins(&self) -> Moment {
        self.curve.first().map_or(Moment::default(), |(at, _)| *at)
    }

    /// Seconds from the first point to the last.
    pub(crate) fn seconds(&self) -> u64 {
        self.curve.last().map_or(0, |(at, _)| at.0.saturating_sub(self.begins().0))
    }

    pub(crate) fn opens_after(&self) -> Moment {
        Moment(self.opens.map_or(0, |opens| opens.0.saturating_sub(self.begins().0)))
    }

    /// Areas under the curve from its beginning to each point.
    fn areas(&self) -> Vec<f64> {
        let mut sum = 0.0;
        let pairs = self.curve.iter().zip(self.curve.iter().skip(1));
        let steps = pairs.map(|((from, low), (to, high))| {
            sum += real(to.0.saturating_sub(from.0)) * f64::midpoint(*low, *high);
            sum
        });
        std::iter::once(0.0).chain(steps).collect()
    }

    pub(crate) fn weight(&self) -> f64 {
        self.areas().last().copied().unwrap_or(0.0)
    }

    /// What turns a share of all arrivals into the second, from the beginning, at which that share
    /// has come.
    pub(crate) fn inverse(&self) -> impl Fn(f64) -> f64 {
        let areas = self.areas();
        let begins = real(self.begins().0);
        let total = areas.last().copied().unwrap_or(0.0);
        move |share| {
            let wanted = share * total;
            let part = areas.partition_point(|area| *area <= wanted).clamp(1, areas.len() - 1) - 1;
            let (Some((from, low)), Some((to, high))) =
                (self.curve.get(part), self.curve.get(part + 1))
            else {
                return 0.0;
            };
            let left = (wanted - areas.get(part).copied().unwrap_or(0.0)).max(0.0);
            let width = real(to.0) - real(from.0);
            let slope = if width > 0.0 { (high - low) / width } else { 0.0 };
            // Solves low * x + slope * x^2 / 2 = left, in the form that is stable for slope 0.
            let root = (low * low + 2.0 * slope * left).max(0.0).sqrt();
            let x = if low + root > 0.0 { 2.0 * left / (low + root) } else { 0.0 };
            real(from.0) - begins + x.clamp(0.0, width)
        }
    }
}

/// A time in which the disk is not well.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trouble {
    /// From the beginning of the scenario; without it, all the time.
    pub(crate) from: Option<Moment>,
    pub(crate) to: Option<Moment>,
    /// So many milliseconds of the run, from and to, are added to every sync.
    #[serde(default)]
    pub(crate) sync_ms: [u64; 2],
    /// Files cannot grow.
    #[serde(default)]
    pub(crate) full: bool,
}

/// An office that closes, so that its bookings must move.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shutting {
    /// From the beginning of the scenario.
    pub(crate) at: Moment,
    /// The office's key in the catalog.
    pub(crate) office: String,
    /// How many of its days, the next ones first.
    #[serde(default = "all")]
    pub(crate) days: usize,
    /// Within this time those who lose their place ask for another.
    #[serde(default)]
    pub(crate) within: Moment,
}

const fn all() -> usize {
    usize::MAX
}

#[cfg(test)]
mod tests {
    use super::{Arrivals, Moment};

    #[test]
    fn arrivals_follow_the_curve() {
        let at = |seconds| Moment(seconds);
        let curve = vec![(at(10), 0.0), (at(20), 2.0), (at(30), 2.0), (at(30), 0.0), (at(40), 0.0)];
        let arrivals = Arrivals { curve, local_time: false, opens: Some(at(20)) };
        assert_eq!((arrivals.seconds(), arrivals.opens_after()), (30, Moment(10)));
        let second = arrivals.inverse();
        // A third comes in the first ten seconds, which rise from nothing.
        for (share, expected) in [(0.0, 0.0), (1.0 / 12.0, 5.0), (1.0 / 3.0, 10.0), (1.0, 20.0)] {
            let found = second(share);
            assert!((found - expected).abs() < 1e-6, "{share}: {found}");
        }
    }
}
