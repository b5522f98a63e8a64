//! Who got what, and how long did they try? Bars by group, with their figures written on them.
//!
//! Never compares groups by colour: each bar has its name, each part its pattern and figure.

use std::fmt::Write as _;

use crate::peak::measure::{grouped, real};
use crate::peak::numbers::Group;
use crate::peak::picture::svg::{COLOURS, escaped};
use crate::peak::picture::time::Unit;

const WIDTH: f64 = 900.0;
const LEFT: f64 = 150.0;
const BAR: f64 = 24.0;
const GAP: f64 = 14.0;

/// Parts of a bar: a full one, and patterns that tell the others apart.
const PARTS: [&str; 4] = ["url(#solid)", "url(#slant)", "url(#dots)", "url(#empty)"];

struct Bars {
    text: String,
    y: f64,
}

impl Bars {
    fn new(name: &str, rows: usize) -> Self {
        let height = 34.0 + (BAR + GAP) * real(rows as u64);
        let name = escaped(name);
        let head =
            format!("<svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"{name}\">");
        Self { text: head, y: 30.0 }
    }

    fn name(&mut self, name: &str) {
        self.say("end", LEFT - 8.0, self.y + BAR - 7.0, name);
    }

    fn say(&mut self, anchor: &str, x: f64, y: f64, what: &str) {
        // Writing to a string cannot fail.
        let _ = write!(
            self.text,
            "<text text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
            escaped(what)
        );
    }

    fn rect(&mut self, x: f64, width: f64, fill: &str) {
        let _ = write!(
            self.text,
            "<rect class=\"bar\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{BAR}\" \
             fill=\"{fill}\"/>",
            self.y,
            width.max(0.0)
        );
    }

    /// Names of the parts, above the bars.
    fn legend(&mut self, names: &[&str]) {
        let mut x = LEFT;
        for (name, fill) in names.iter().zip(PARTS) {
            let _ = write!(
                self.text,
                "<rect class=\"bar\" x=\"{x:.1}\" y=\"4\" width=\"22\" height=\"14\" \
                 fill=\"{fill}\"/>"
            );
            self.say("start", x + 28.0, 16.0, name);
            x += 50.0 + 6.2 * real(name.len() as u64);
        }
    }

    /// One bar of parts that are shares of a whole, the figure in each part wide enough.
    fn shares(&mut self, name: &str, parts: &[u64], note: &str) {
        const ROOM: f64 = WIDTH - LEFT - 215.0;
        self.name(name);
        let total = real(parts.iter().sum::<u64>()).max(1.0);
        let mut x = LEFT;
        for (part, fill) in parts.iter().zip(PARTS) {
            let width = ROOM * real(*part) / total;
            self.rect(x, width, fill);
            let figure = grouped(*part);
            if width > 9.0 * real(figure.len() as u64) {
                let box_width = 8.0 * real(figure.len() as u64) + 8.0;
                let middle = x + width / 2.0;
                let _ = write!(
                    self.text,
                    "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{box_width:.1}\" height=\"16\" \
                     fill=\"#fff\"/>",
                    middle - box_width / 2.0,
                    self.y + 4.0
                );
                self.say("middle", middle, self.y + BAR - 7.0, &figure);
            }
            x += width;
        }
        self.say("start", LEFT + ROOM + 10.0, self.y + BAR - 7.0, note);
        self.y += BAR + GAP;
    }

    fn end(mut self) -> String {
        self.text.push_str("</svg>");
        self.text
    }
}

/// What became of those who came.
pub(super) fn outcomes(name: &str, groups: &[Group]) -> String {
    let mut bars = Bars::new(name, groups.len());
    bars.legend(&["booked", "held, let go", "gave up", "still trying at the end"]);
    for group in groups {
        let booked = group.booked.min(group.came);
        let rest = group.came.saturating_sub(booked + group.let_go + group.gave_up);
        let parts = [booked, group.let_go, group.gave_up, rest];
        let note = format!("{} came, {} holds", grouped(group.came), grouped(group.holds));
        bars.shares(&group.name, &parts, &note);
    }
    bars.end()
}

/// Who has the bookings.
pub(super) fn bookings(name: &str, groups: &[Group]) -> String {
    let mut bars = Bars::new(name, groups.len());
    bars.legend(&["at the first try", "second", "third to fifth", "later"]);
    let all: u64 = groups.iter().map(|group| group.booked).sum();
    for group in groups {
        let share = 100.0 * real(group.booked) / real(all).max(1.0);
        let note = format!("{} bookings, {share:.1}% of all", grouped(group.booked));
        bars.shares(&group.name, &group.tries, &note);
    }
    bars.end()
}

/// How long they tried: from a tenth to nine in ten, a line to 99 in 100, the middle marked.
pub(super) fn tries(name: &str, groups: &[Group]) -> String {
    let mut rows = Vec::new();
    for group in groups {
        rows.push((format!("{}: booked", group.name), group.until_booked));
        rows.push((format!("{}: gave up", group.name), group.until_gave_up));
    }
    let rows: Vec<_> = rows.into_iter().filter_map(|(name, row)| Some((name, row?))).collect();
    let longest = rows.iter().map(|(_, [.., p99])| *p99).fold(1e-3, f64::max);
    let unit = Unit::of(longest);
    let mut bars = Bars::new(name, rows.len());
    bars.say(
        "start",
        210.0,
        14.0,
        &format!("box: 10% to 90%; line to 99%; mark: half ({})", unit.name),
    );
    for (name, [p10, p50, p90, p99]) in rows {
        let at = |seconds: f64| 210.0 + 470.0 * (seconds / longest).min(1.0);
        bars.say("end", 202.0, bars.y + BAR - 7.0, &name);
        bars.rect(at(p10), (at(p90) - at(p10)).max(2.0), "#cfe2f1");
        let middle = bars.y + BAR / 2.0;
        let _ = write!(
            bars.text,
            "<line class=\"axis\" x1=\"{:.1}\" y1=\"{middle:.1}\" x2=\"{:.1}\" y2=\"{middle:.1}\"/>\
             <rect x=\"{:.1}\" y=\"{:.1}\" width=\"4\" height=\"{BAR}\" fill=\"{}\"/>",
            at(p90),
            at(p99),
            at(p50) - 2.0,
            bars.y,
            COLOURS[1]
        );
        let note =
            format!("half {}, 90% {}, 99% {}", unit.tell(p50), unit.tell(p90), unit.tell(p99));
        bars.say("start", at(p99) + 8.0, bars.y + BAR - 7.0, &note);
        bars.y += BAR + GAP;
    }
    bars.end()
}
