//! How full is it where and when? A table of percents whose cells are as dark as they are full.
//!
//! Never says by shade what it does not say in figures.

use std::fmt::Write as _;

use crate::peak::numbers::{Heat, HeatRow};
use crate::peak::picture::svg::escaped;

/// From light to dark, in one hue: the order holds without any sense of colour.
const SHADES: [&str; 6] = ["#ffffff", "#deebf7", "#b5d1ea", "#7fb0d8", "#3d7fb8", "#10497f"];

const ROW: f64 = 15.0;
const LEFT: f64 = 118.0;
const TOP: f64 = 50.0;
const WIDTH: f64 = 900.0;

pub(super) fn chart(name: &str, heat: &Heat) -> String {
    let rows = heat.offices.iter().zip(0_u32..);
    let height = TOP + ROW * f64::from(u32::try_from(heat.offices.len()).unwrap_or(0)) + 6.0;
    let days = f64::from(u32::try_from(heat.days.len()).unwrap_or(1)).max(1.0);
    let cell = ((WIDTH - LEFT - 22.0) / days).min(60.0);
    let mut text = format!(
        "<svg class=\"heat\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"{}\">",
        escaped(name)
    );
    for (day, at) in heat.days.iter().zip(0_u32..) {
        let x = LEFT + cell * (f64::from(at) + 0.5);
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "<text transform=\"translate({:.1} {}) rotate(-50)\">{}</text>",
            x,
            TOP - 6.0,
            escaped(day)
        );
    }
    for (row, at) in rows {
        draw_row(&mut text, row, TOP + ROW * f64::from(at), cell);
    }
    text.push_str("</svg>");
    text
}

fn draw_row(text: &mut String, row: &HeatRow, y: f64, cell: f64) {
    let middle = y + ROW - 4.0;
    let _ = write!(
        text,
        "<text text-anchor=\"end\" x=\"{:.1}\" y=\"{middle:.1}\">{}</text>",
        LEFT - 6.0,
        escaped(&row.office)
    );
    for (percent, at) in row.percent.iter().zip(0_u32..) {
        let x = LEFT + cell * f64::from(at);
        let Some(percent) = percent else { continue };
        let shade = usize::from(*percent) * (SHADES.len() - 1) / 100;
        let shade = shade.min(SHADES.len() - 1);
        let fill = SHADES.get(shade).copied().unwrap_or("#fff");
        let ink = if shade >= 4 { " light" } else { "" };
        let _ = write!(
            text,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{fill}\" \
             class=\"cell\"/><text class=\"figure{ink}\" text-anchor=\"middle\" x=\"{:.1}\" \
             y=\"{middle:.1}\">{percent}</text>",
            cell - 1.0,
            ROW - 1.0,
            x + cell / 2.0
        );
    }
}
