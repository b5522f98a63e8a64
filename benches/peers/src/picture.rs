//! How does it look? One SVG: a row a peer, a column a scene, bars on a logarithmic scale.
//!
//! Never by colour alone: the engine's bars are solid and dark, the others' hatched and pale.

use std::fmt::Write as _;

use crate::driver::Scene;
use crate::peer::Promise;
use crate::peers::OURS;
use crate::rounds::Entry;
use crate::table::{Report, short};

const NAMES: f64 = 196.0;
const COLUMN: f64 = 262.0;
/// Of a column, without the figure behind its longest bar.
const BAR: f64 = 190.0;
const ROW: f64 = 20.0;
const GAP: f64 = 30.0;
const TOP: f64 = 62.0;

/// The picture, drawn from what was measured.
pub fn draw(report: &Report) -> String {
    let mut body = String::new();
    let mut y = TOP;
    for promise in Promise::ALL {
        let rows: Vec<&Entry> = report.of(promise).collect();
        if rows.is_empty() {
            continue;
        }
        let _ =
            writeln!(body, "<text x='8' y='{:.0}' class='b'>{}</text>", y + 13.0, promise.name());
        y += ROW;
        for entry in rows {
            row(&mut body, report, entry, y);
            y += ROW;
        }
        y += GAP - ROW;
    }
    let (width, height) = (NAMES + COLUMN * 3.0, y + 24.0);
    let mut text = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:.0} {height:.0}' \
         role='img' aria-label='Operations a second of every peer'>\n<style>\
         text{{font:13px sans-serif;fill:#111}}.b{{font-weight:bold}}.s{{font-size:11px;fill:#444}}\
         </style>\n<defs><pattern id='h' width='5' height='5' patternUnits='userSpaceOnUse' \
         patternTransform='rotate(45)'><rect width='5' height='5' fill='#f4f4f4'/>\
         <rect width='1.6' height='5' fill='#777'/></pattern></defs>\n\
         <rect width='100%' height='100%' fill='#fff'/>\n\
         <text x='8' y='20' class='b'>Operations a second, logarithmic scale: cupo solid, peers \
         hatched</text>\n"
    );
    for (column, scene) in Scene::ALL.into_iter().enumerate() {
        grid(&mut text, report, scene, left(column), y - 10.0);
    }
    let foot = format!("{}; {}", report.command, report.date);
    let _ = writeln!(body, "<text x='8' y='{:.0}' class='s'>{foot}</text>", height - 8.0);
    text + &body + "</svg>\n"
}

fn left(column: usize) -> f64 {
    NAMES + COLUMN * column as f64
}

/// The powers of ten below all and above all figures of a scene.
fn decades(report: &Report, scene: Scene) -> (f64, f64) {
    let rates = report.entries.iter().filter_map(|entry| Some(entry.figure(scene)?.median()));
    let rates: Vec<f64> = rates.filter(|rate| *rate >= 1.0).map(f64::log10).collect();
    let low = rates.iter().copied().fold(f64::INFINITY, f64::min);
    let high = rates.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        return (0.0, 1.0);
    }
    let low = (low - 0.3).floor();
    (low, high.ceil().max(low + 1.0))
}

fn grid(text: &mut String, report: &Report, scene: Scene, x: f64, bottom: f64) {
    let (low, high) = decades(report, scene);
    let _ = writeln!(text, "<text x='{x:.0}' y='42' class='b'>{}</text>", scene.name());
    let mut power = low;
    while power <= high {
        let at = x + BAR * (power - low) / (high - low);
        let _ = writeln!(
            text,
            "<path d='M{at:.1} {TOP:.0}V{bottom:.0}' stroke='#ccc'/>\
             <text x='{at:.1}' y='{:.0}' class='s' text-anchor='middle'>{}</text>",
            TOP - 4.0,
            tick(power)
        );
        power += 1.0;
    }
}

fn tick(power: f64) -> String {
    let rate = 10_f64.powf(power);
    match rate {
        r if r >= 1e6 => format!("{:.0} M", r / 1e6),
        r if r >= 1e3 => format!("{:.0} k", r / 1e3),
        r => format!("{r:.0}"),
    }
}

fn row(body: &mut String, report: &Report, entry: &Entry, y: f64) {
    let ours = entry.kind.name == OURS;
    let (class, fill) = if ours { ("b", "#123a63") } else { ("", "url(#h)") };
    let base = y + 13.0;
    let name = entry.kind.name.replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(body, "<text x='16' y='{base:.0}' class='{class}'>{name}</text>");
    for (column, scene) in Scene::ALL.into_iter().enumerate() {
        let x = left(column);
        let Some(figure) = entry.figure(scene) else {
            let _ =
                writeln!(body, "<text x='{:.0}' y='{base:.0}' class='s'>no figure</text>", x + 4.0);
            continue;
        };
        let (low, high) = decades(report, scene);
        let rate = figure.median();
        let width = (BAR * (rate.max(1.0).log10() - low) / (high - low)).max(1.0);
        let _ = writeln!(
            body,
            "<rect x='{x:.1}' y='{:.1}' width='{width:.1}' height='14' fill='{fill}' \
             stroke='#222' stroke-width='.8'/><text x='{:.1}' y='{base:.0}' class='{class}'>{}</text>",
            y + 2.0,
            x + width + 4.0,
            short(rate)
        );
    }
}
