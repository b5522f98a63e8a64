//! In which unit is time told? Seconds, minutes or hours of the scenario.
//!
//! Never mixes two in one picture.

use crate::peak::picture::svg::short;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unit {
    pub(super) name: &'static str,
    pub(super) seconds: f64,
}

impl Unit {
    /// The one in which the longest time is a handy number.
    pub(super) fn of(longest: f64) -> Self {
        match longest {
            long if long > 3.0 * 3_600.0 => Self { name: "hours", seconds: 3_600.0 },
            long if long > 300.0 => Self { name: "minutes", seconds: 60.0 },
            _ => Self { name: "seconds", seconds: 1.0 },
        }
    }

    pub(super) fn count(self, seconds: f64) -> f64 {
        seconds / self.seconds
    }

    pub(super) fn tell(self, seconds: f64) -> String {
        let count = self.count(seconds);
        let digits = if count >= 10.0 { 0 } else { 2 };
        short(crate::peak::numbers::rounded(count, digits))
    }
}
