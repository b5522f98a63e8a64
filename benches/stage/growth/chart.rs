//! How does it look? One SVG with a small chart for each curve.
//!
//! Never by colour alone: lines differ in dashes and signs, and print in grey.

use std::fmt::Write as _;

use super::curve::Curve;
use crate::speed::Runs;

const WIDTH: f64 = 470.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 22.0;
const TOP: f64 = 62.0;
const BOTTOM: f64 = 46.0;
const FOOT: f64 = 26.0;
/// Colour, dashes, sign.
const LOOKS: [(&str, &str, &str); 2] = [
    ("#123a63", "", "m-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z"),
    ("#b34700", "6 4", "m-3.2 -3.2h6.4v6.4h-6.4z"),
];

/// All curves, two in a row.
pub fn draw(curves: &[Curve], foot: &str) -> String {
    let height = HEIGHT * curves.len().div_ceil(2) as f64 + FOOT;
    let mut text = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {:.0} {height:.0}' role='img' \
         aria-label='How cost grows'>\n<style>text{{font:12px sans-serif;fill:#111}}\
         .b{{font-weight:bold;font-size:13px}}.s{{font-size:11px;fill:#444}}</style>\n\
         <rect width='100%' height='100%' fill='#fff'/>\n",
        WIDTH * 2.0
    );
    for (number, curve) in curves.iter().enumerate() {
        let (x, y) = ((number % 2) as f64 * WIDTH, (number / 2) as f64 * HEIGHT);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "<g transform='translate({x:.0} {y:.0})'>");
        Chart::of(curve).draw(&mut text);
        text += "</g>\n";
    }
    let _ = writeln!(text, "<text x='8' y='{:.0}' class='s'>{foot}</text>\n</svg>", height - 8.0);
    text
}

/// A curve and the ends of its axes.
struct Chart<'a> {
    curve: &'a Curve,
    x: (f64, f64),
    y: (f64, f64),
}

impl<'a> Chart<'a> {
    fn of(curve: &'a Curve) -> Self {
        let steps: Vec<f64> = curve.steps.iter().map(|(step, _)| (*step as f64).max(1.0)).collect();
        let drawn = curve.series.iter().map(|series| series.drawn);
        let all = curve.steps.iter().flat_map(|(_, figures)| figures.iter().zip(drawn.clone()));
        let all = all.filter(|(_, drawn)| *drawn).map(|(runs, _)| runs);
        let high = all.clone().map(Runs::high).fold(f64::MIN_POSITIVE, f64::max);
        // Nothing at all has no place among powers of ten.
        let low = all.map(Runs::low).filter(|low| *low > 0.0).fold(high, f64::min);
        let y = if curve.log {
            let from = low.log10().floor();
            (from, high.log10().ceil().max(from + 1.0))
        } else {
            (0.0, high * 1.05)
        };
        let first = steps.first().copied().unwrap_or(1.0).log10();
        let last = steps.last().copied().unwrap_or(10.0).log10();
        Self { curve, x: (first, last.max(first + 0.1)), y }
    }

    fn at_x(&self, step: f64) -> f64 {
        let share = (step.max(1.0).log10() - self.x.0) / (self.x.1 - self.x.0);
        LEFT + share * (WIDTH - LEFT - RIGHT)
    }

    fn at_y(&self, figure: f64) -> f64 {
        let place = if self.curve.log { figure.log10().max(self.y.0) } else { figure };
        let share = (place - self.y.0) / (self.y.1 - self.y.0);
        HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
    }

    fn draw(&self, text: &mut String) {
        let curve = self.curve;
        let _ = writeln!(text, "<text x='8' y='20' class='b'>{}</text>", curve.title);
        self.axes(text);
        let drawn = curve.series.iter().enumerate().filter(|(_, series)| series.drawn);
        for (look, (column, series)) in drawn.enumerate() {
            let (colour, dash, sign) = LOOKS[look % LOOKS.len()];
            let points = curve
                .steps
                .iter()
                .map(|(step, figures)| (self.at_x(*step as f64), figures[column].clone()));
            let points: Vec<(f64, Runs)> = points.collect();
            let mut path = String::new();
            for (x, runs) in &points {
                let letter = if path.is_empty() { 'M' } else { 'L' };
                let _ = write!(path, "{letter}{x:.1} {:.1}", self.at_y(runs.median()));
            }
            let stroke = format!("stroke='{colour}' stroke-width='1.8'");
            let _ =
                writeln!(text, "<path d='{path}' fill='none' {stroke} stroke-dasharray='{dash}'/>");
            for (x, runs) in &points {
                let (low, high) = (self.at_y(runs.low()), self.at_y(runs.high()));
                let _ = writeln!(
                    text,
                    "<path d='M{x:.1} {low:.1}V{high:.1}' {stroke}/>\
                     <path d='M{x:.1} {:.1}{sign}' fill='{colour}'/>",
                    self.at_y(runs.median())
                );
            }
            let x = LEFT + 8.0 + 200.0 * look as f64;
            let _ = writeln!(
                text,
                "<path d='M{x:.0} 46h26' {stroke} stroke-dasharray='{dash}'/>\
                 <path d='M{:.0} 46{sign}' fill='{colour}'/>\
                 <text x='{:.0}' y='50'>{}</text>",
                x + 13.0,
                x + 32.0,
                series.name
            );
        }
    }

    fn axes(&self, text: &mut String) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for tick in self.heights() {
            let y = self.at_y(tick);
            let _ = writeln!(
                text,
                "<path d='M{LEFT} {y:.1}H{right}' stroke='#ccc'/><text x='{:.0}' y='{:.1}' \
                 text-anchor='end'>{}</text>",
                LEFT - 6.0,
                y + 4.0,
                plain(tick)
            );
        }
        for (step, _) in &self.curve.steps {
            let x = self.at_x(*step as f64);
            let _ = writeln!(
                text,
                "<path d='M{x:.1} {bottom}v5' stroke='#333'/><text x='{x:.1}' y='{:.0}' \
                 text-anchor='middle'>{}</text>",
                bottom + 18.0,
                count(*step)
            );
        }
        let _ = writeln!(
            text,
            "<path d='M{LEFT} {bottom}H{right}' stroke='#333'/>\
             <text x='{:.0}' y='{:.0}' text-anchor='middle'>{}</text>\
             <text x='8' y='36' class='s'>M operations/s</text>",
            f64::midpoint(LEFT, right),
            HEIGHT - 10.0,
            self.curve.axis
        );
    }

    /// Where lines across go.
    fn heights(&self) -> Vec<f64> {
        let (from, to) = self.y;
        if self.curve.log {
            return (from as i32..=to as i32).map(|power| 10_f64.powi(power)).collect();
        }
        let power = 10_f64.powf((to / 4.0).log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|times| times * power);
        let step = steps.into_iter().find(|step| to / step <= 6.0).unwrap_or(power * 10.0);
        (0..=6).map(|number| f64::from(number) * step).take_while(|tick| *tick <= to).collect()
    }
}

/// Without digits that say nothing.
fn plain(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// 40k, 2.6M.
fn count(number: u64) -> String {
    let value = number as f64;
    let short = |value: f64| plain((value * 10.0).round() / 10.0);
    match number {
        1_000_000.. => short(value / 1e6) + "M",
        1_000.. => short(value / 1e3) + "k",
        _ => number.to_string(),
    }
}
