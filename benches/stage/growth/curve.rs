//! How does a cost grow? One quantity that is changed, and what was measured at each of its steps.

use crate::speed::{Runs, grouped, short};

/// One line of a picture, one column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Series {
    pub name: &'static str,
    pub unit: &'static str,
    /// Whether it is in the picture too.
    pub drawn: bool,
}

impl Series {
    pub const fn rate(name: &'static str) -> Self {
        Self { name, unit: "M/s", drawn: true }
    }
}

#[derive(Clone, Debug)]
pub struct Curve {
    pub title: &'static str,
    /// What is changed.
    pub axis: &'static str,
    pub how: &'static str,
    pub series: Vec<Series>,
    /// Powers of ten upwards as well.
    pub log: bool,
    pub steps: Vec<(u64, Vec<Runs>)>,
}

impl Curve {
    /// The table in Markdown.
    pub fn table(&self) -> String {
        let mut text = format!("### {}\n\n{}.\n\n| {} |", self.title, self.how, self.axis);
        for series in &self.series {
            text += &match series.unit {
                "M/s" => format!(" {}, M/s | spread | ns |", series.name),
                unit => format!(" {}, {unit} | spread |", series.name),
            };
        }
        let columns = self.series.iter().map(|series| if series.unit == "M/s" { 3 } else { 2 });
        text += "\n|";
        text += &"---|".repeat(1 + columns.sum::<usize>());
        for (step, figures) in &self.steps {
            text += &format!("\n| {} |", grouped(*step as f64));
            for (series, runs) in self.series.iter().zip(figures) {
                let (low, high) = (short(runs.low()), short(runs.high()));
                text += &format!(" {} | {low} to {high} |", short(runs.median()));
                if series.unit == "M/s" {
                    // The time from one operation to the next, of all threads together.
                    text += &format!(" {} |", short(1e3 / runs.median()));
                }
            }
        }
        text + "\n"
    }
}
