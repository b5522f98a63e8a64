//! What was measured, what was aimed at, and is it met? One figure of the table.

use serde_json::{Value, json};

use crate::speed::{Runs, short};

#[derive(Clone, Copy, Debug)]
pub enum Aim {
    AtLeast(f64),
    AtMost(f64),
    /// Only to compare with.
    Nothing,
}

#[derive(Clone, Debug)]
pub struct Figure {
    pub what: String,
    pub aim: Aim,
    pub unit: &'static str,
    pub runs: Runs,
    pub how: String,
}

impl Figure {
    pub fn new(what: &str, aim: Aim, unit: &'static str, runs: Runs, how: &str) -> Self {
        Self { what: what.to_owned(), aim, unit, runs, how: how.to_owned() }
    }

    /// As it was measured, not as it is rounded.
    fn verdict(&self) -> &'static str {
        let measured = self.runs.median();
        let met = match self.aim {
            Aim::AtLeast(aim) => measured >= aim,
            Aim::AtMost(aim) => measured <= aim,
            Aim::Nothing => return "",
        };
        if met { "met" } else { "missed" }
    }

    fn aim(&self) -> String {
        match self.aim {
            Aim::AtLeast(aim) => format!("{} {} or more", short(aim), self.unit),
            Aim::AtMost(aim) => format!("{} {} or less", short(aim), self.unit),
            Aim::Nothing => String::new(),
        }
    }

    fn measured(&self) -> String {
        format!("{} {}", short(self.runs.median()), self.unit)
    }

    fn spread(&self) -> String {
        match self.runs.0.len() {
            1 => "one run".to_owned(),
            runs => {
                format!("{} to {}, {runs} runs", short(self.runs.low()), short(self.runs.high()))
            }
        }
    }

    pub fn json(&self) -> Value {
        json!({
            "what": self.what,
            "aim": self.aim(),
            "measured": self.measured(),
            "spread": self.spread(),
            "verdict": self.verdict(),
            "how": self.how,
            "unit": self.unit,
            "median": self.runs.median(),
            "runs": self.runs.0,
        })
    }

    /// For people.
    pub fn lines(&self) -> String {
        let (aim, told) = (self.aim(), format!("{} ({})", self.measured(), self.spread()));
        let line = format!("{:<7} {:<64} {aim:<22} {told}", self.verdict(), self.what);
        if self.how.is_empty() { line } else { format!("{line}\n        {}", self.how) }
    }
}
