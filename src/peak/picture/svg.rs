//! How is a picture drawn? Axes, marks and text of one chart, as SVG inside a page.
//!
//! Never tells things apart by colour alone: lines have dashes, signs and names beside them.

use std::fmt::Write as _;

use crate::peak::numbers::Mark;

/// The colours of Okabe and Ito, which colour-blind readers can tell apart; dark ones first.
pub(super) const COLOURS: [&str; 7] =
    ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8C6D00", "#56B4E9", "#000000"];
pub(super) const DASHES: [&str; 7] = ["", "7 3", "2 2", "9 3 2 3", "12 4", "4 4", "1 3"];

/// How a number lies on an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    Even,
    /// Powers of ten.
    Log,
    /// Each further nine of a share takes as much room as the one before: 0, 90, 99, 99.9 %.
    Nines,
}

impl Scale {
    pub(super) fn place(self, value: f64) -> f64 {
        match self {
            Self::Even => value,
            Self::Log => value.max(1e-9).log10(),
            Self::Nines => -(1.0 - value).max(1e-9).log10(),
        }
    }
}

/// One axis: what it says and from where to where.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) title: String,
    pub(super) scale: Scale,
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Axis {
    fn share(&self, value: f64) -> f64 {
        let (from, to) = (self.scale.place(self.from), self.scale.place(self.to));
        let width = if to > from { to - from } else { 1.0 };
        ((self.scale.place(value) - from) / width).clamp(0.0, 1.0)
    }

    /// Where lines across the chart go.
    fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Even => even_ticks(self.from, self.to),
            Scale::Log => (-6..9)
                .map(|power| 10.0_f64.powi(power))
                .filter(|tick| (self.from * 0.999..=self.to * 1.001).contains(tick))
                .collect(),
            Scale::Nines => [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999]
                .into_iter()
                .filter(|tick| *tick <= self.to)
                .collect(),
        }
    }

    fn tell(&self, tick: f64) -> String {
        match self.scale {
            Scale::Nines => format!("{}%", short(tick * 100.0)),
            _ => short(tick),
        }
    }
}

/// Five or so round numbers.
fn even_ticks(from: f64, to: f64) -> Vec<f64> {
    let span = (to - from).max(1e-9);
    let power = 10.0_f64.powf((span / 5.0).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power);
    let step = step.into_iter().find(|step| span / step <= 6.0).unwrap_or(power * 10.0);
    let first = (from / step).ceil();
    (0..20)
        .map(|number| (first + f64::from(number)) * step)
        .take_while(|tick| *tick <= to + span * 1e-6)
        .collect()
}

/// A number as short as it can be told: 0.25, 12, 1,500, 20k, 1.5M.
pub(super) fn short(value: f64) -> String {
    let size = value.abs();
    let trimmed = |text: String| {
        let text = if text.contains('.') { text.trim_end_matches('0') } else { &text };
        text.trim_end_matches('.').to_owned()
    };
    if size >= 1e6 {
        trimmed(format!("{:.2}", value / 1e6)) + "M"
    } else if size >= 1e4 {
        trimmed(format!("{:.1}", value / 1e3)) + "k"
    } else if size >= 100.0 {
        format!("{value:.0}")
    } else {
        trimmed(format!("{value:.4}"))
    }
}

/// Text that is safe inside a page.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A frame to draw in.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) text: String,
}

/// The size of a chart, and what lies around its frame.
pub(super) const WIDTH: f64 = 900.0;
pub(super) const HEIGHT: f64 = 310.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 212.0;
/// Where the frame ends and names begin.
pub(super) const FRAME_END: f64 = WIDTH - RIGHT;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 44.0;

impl Frame {
    /// The axes and their lines.
    pub(super) fn new(name: &str, x: Axis, y: Axis) -> Self {
        let mut frame = Self { x, y, text: String::new() };
        let name = escaped(name);
        // Writing to a string cannot fail.
        let _ = write!(
            frame.text,
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{name}\">"
        );
        frame.axes();
        frame
    }

    pub(super) fn at_x(&self, value: f64) -> f64 {
        LEFT + self.x.share(value) * (FRAME_END - LEFT)
    }

    pub(super) fn at_y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.share(value) * (HEIGHT - TOP - BOTTOM)
    }

    fn axes(&mut self) {
        let (right, bottom) = (FRAME_END, HEIGHT - BOTTOM);
        for tick in self.y.ticks() {
            let (y, told) = (self.at_y(tick), self.y.tell(tick));
            self.line("grid", [LEFT, y, right, y]);
            self.say("end", LEFT - 6.0, y + 4.0, &told);
        }
        for tick in self.x.ticks() {
            let (x, told) = (self.at_x(tick), self.x.tell(tick));
            self.line("tick", [x, bottom, x, bottom + 5.0]);
            self.say("middle", x, bottom + 18.0, &told);
        }
        self.line("axis", [LEFT, bottom, right, bottom]);
        let (x_title, y_title) = (self.x.title.clone(), self.y.title.clone());
        self.say("middle", f64::midpoint(LEFT, right), HEIGHT - 6.0, &x_title);
        self.say("start", 4.0, 12.0, &y_title);
    }

    pub(super) fn line(&mut self, class: &str, [x1, y1, x2, y2]: [f64; 4]) {
        let _ = write!(
            self.text,
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        );
    }

    pub(super) fn say(&mut self, anchor: &str, x: f64, y: f64, what: &str) {
        let what = escaped(what);
        let _ = write!(
            self.text,
            "<text text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">{what}</text>"
        );
    }

    /// Moments and times in which something was so; hatched, and named at the top.
    pub(super) fn marks(&mut self, marks: &[Mark]) {
        let bottom = HEIGHT - BOTTOM;
        for mark in marks {
            let (from, to) = (self.at_x(mark.from), self.at_x(mark.to));
            if to > from + 1.0 {
                let _ = write!(
                    self.text,
                    "<rect class=\"spell\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{:.1}\" \
                     height=\"{:.1}\" fill=\"url(#hatch)\"/>",
                    to - from,
                    bottom - TOP
                );
            }
            self.line("mark", [from, TOP, from, bottom]);
            self.say("start", from + 4.0, TOP - 5.0, &mark.what);
        }
    }

    pub(super) fn end(mut self) -> String {
        self.text.push_str("</svg>");
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::{Scale, escaped, even_ticks, short};

    #[test]
    fn numbers_are_told_shortly() {
        let told = [0.0, 0.25, 12.0, 1_500.0, 20_000.0, 1_500_000.0].map(short);
        assert_eq!(told, ["0", "0.25", "12", "1500", "20k", "1.5M"]);
    }

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(even_ticks(0.0, 60.0), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        assert_eq!(even_ticks(0.0, 1.0).len(), 6);
        assert!(even_ticks(0.0, 0.0).len() <= 20);
    }

    #[test]
    fn each_nine_takes_the_same_room() {
        let place = |share| Scale::Nines.place(share);
        assert!((place(0.9) - 1.0).abs() < 1e-9 && (place(0.99) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn no_text_becomes_markup() {
        assert_eq!(escaped("<b a=\"&\">"), "&lt;b a=&quot;&amp;&quot;&gt;");
    }
}
