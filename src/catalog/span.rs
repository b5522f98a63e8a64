//! How long? Durations as people write them: `90s`, `15m`, `2h`, `30d`, `1h30m`.
//!
//! Never months or years: they have no fixed length.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A duration in whole seconds, written as `1h30m`.
///
/// ```
/// let span: cupo::Span = "1h30m".parse().unwrap();
/// assert_eq!((span.seconds(), span.to_string()), (5_400, "1h30m".into()));
/// assert!("1 month".parse::<cupo::Span>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u64);

const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

impl Span {
    /// So many seconds.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// In seconds.
    pub const fn seconds(self) -> u64 {
        self.0
    }

    /// In milliseconds.
    pub const fn millis(self) -> u64 {
        self.0.saturating_mul(1_000)
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\", expected a duration like 90s, 15m, 2h, 30d or 1h30m");
        let mut seconds: u64 = 0;
        let mut digits = String::new();
        for letter in text.chars() {
            if letter.is_ascii_digit() {
                digits.push(letter);
                continue;
            }
            let (_, unit) = UNITS.iter().find(|(name, _)| *name == letter).ok_or_else(wrong)?;
            let count: u64 = digits.parse().map_err(|_| wrong())?;
            let more = count.checked_mul(*unit).ok_or_else(wrong)?;
            seconds = seconds.checked_add(more).ok_or_else(wrong)?;
            digits.clear();
        }
        if text.is_empty() || !digits.is_empty() { Err(wrong()) } else { Ok(Self(seconds)) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut left = self.0;
        for (name, unit) in UNITS {
            if left >= unit {
                write!(f, "{}{name}", left / unit)?;
                left %= unit;
            }
        }
        Ok(())
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
