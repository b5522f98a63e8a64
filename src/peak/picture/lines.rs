//! How does something change? Lines over an axis, each with its name at its end.
//!
//! Never more lines than there are signs to tell them apart.

use std::fmt::Write as _;

use crate::peak::numbers::Mark;
use crate::peak::picture::svg::{Axis, COLOURS, DASHES, FRAME_END, Frame, HEIGHT, Scale, escaped};

/// One line: where it has no figure, it has a gap.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) points: Vec<(f64, Option<f64>)>,
}

impl Series {
    fn present(&self) -> impl Iterator<Item = (f64, f64)> {
        self.points.iter().filter_map(|(x, y)| Some((*x, (*y)?)))
    }
}

/// The axes that hold all of them.
pub(super) fn axes(x: (&str, Scale), y: (&str, Scale), series: &[Series]) -> (Axis, Axis) {
    let points = || series.iter().flat_map(Series::present);
    let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
    let x_to = most(&mut points().map(|(x, _)| x));
    let y_to = most(&mut points().map(|(_, y)| y));
    let least = points().map(|(_, y)| y).filter(|y| *y > 0.0).fold(f64::INFINITY, f64::min);
    let (y_from, y_to) = match y.1 {
        Scale::Log => {
            // Whole powers of ten around all figures.
            let low = least.min(y_to.max(1e-2)).max(1e-2).log10().floor();
            let high = y_to.max(1e-2).log10().ceil().max(low + 1.0);
            (10.0_f64.powf(low), 10.0_f64.powf(high))
        }
        _ => (0.0, if y_to > 0.0 { y_to * 1.05 } else { 1.0 }),
    };
    let axis =
        |(title, scale): (&str, Scale), from, to| Axis { title: title.to_owned(), scale, from, to };
    (axis(x, 0.0, x_to), axis(y, y_from, y_to))
}

pub(super) fn chart(name: &str, (x, y): (Axis, Axis), series: &[Series], marks: &[Mark]) -> String {
    let mut frame = Frame::new(name, x, y);
    frame.marks(marks);
    let mut ends = Vec::new();
    for (one, style) in series.iter().zip(0_usize..) {
        line(&mut frame, one, style);
        if let Some((_, y)) = one.present().last() {
            ends.push((frame.at_y(y), style, one.name.as_str()));
        }
    }
    names(&mut frame, ends);
    frame.end()
}

fn line(frame: &mut Frame, series: &Series, style: usize) {
    let mut path = String::new();
    let mut pen_is_down = false;
    for (x, y) in &series.points {
        let Some(y) = y else {
            pen_is_down = false;
            continue;
        };
        let letter = if pen_is_down { 'L' } else { 'M' };
        // Writing to a string cannot fail.
        let _ = write!(path, "{letter}{:.1} {:.1}", frame.at_x(*x), frame.at_y(*y));
        if !pen_is_down {
            // A lonely point is seen too.
            let _ = write!(path, "h0.1");
        }
        pen_is_down = true;
    }
    let (colour, dash) = look(style);
    let _ = write!(
        frame.text,
        "<path class=\"line\" d=\"{path}\" stroke=\"{colour}\" stroke-dasharray=\"{dash}\">\
         <title>{}</title></path>",
        escaped(&series.name)
    );
    // A sign now and then, so that lines can be told apart where they cross.
    let every = (series.points.len() / 6).max(1);
    for (x, y) in series.present().skip(every / 2 + style).step_by(every) {
        let (x, y) = (frame.at_x(x), frame.at_y(y));
        sign(&mut frame.text, style, x, y);
    }
}

fn look(style: usize) -> (&'static str, &'static str) {
    let colour = COLOURS.get(style % COLOURS.len()).copied().unwrap_or("#000");
    (colour, DASHES.get(style % DASHES.len()).copied().unwrap_or(""))
}

/// Circle, square, triangle, cross, diamond, plus.
fn sign(text: &mut String, style: usize, x: f64, y: f64) {
    let (colour, _) = look(style);
    let shape = match style % 6 {
        0 => "m-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z",
        1 => "m-3.2 -3.2h6.4v6.4h-6.4z",
        2 => "m0 -4.2l4 7h-8z",
        3 => "m-3.5 -3.5l7 7m0 -7l-7 7",
        4 => "m0 -4.5l4 4.5l-4 4.5l-4 -4.5z",
        _ => "m-4 0h8m-4 -4v8",
    };
    let _ = write!(
        text,
        "<path class=\"sign\" d=\"M{x:.1} {y:.1}{shape}\" stroke=\"{colour}\" fill=\"{colour}\"/>"
    );
}

/// The names stand where their lines end, moved apart where they would touch.
fn names(frame: &mut Frame, mut ends: Vec<(f64, usize, &str)>) {
    const ROOM: f64 = 15.0;
    ends.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut places: Vec<f64> = Vec::new();
    for (y, ..) in &ends {
        let free = places.last().map_or(30.0, |above| above + ROOM);
        places.push(y.max(free));
    }
    // What went over the lower edge is pushed up again.
    let mut edge = HEIGHT - 34.0;
    for place in places.iter_mut().rev() {
        *place = place.min(edge);
        edge = *place - ROOM;
    }
    for ((_, style, name), y) in ends.into_iter().zip(places) {
        let x = FRAME_END + 12.0;
        let (colour, dash) = look(style);
        let _ = write!(
            frame.text,
            "<path class=\"line\" d=\"M{:.1} {y:.1}h24\" stroke=\"{colour}\" \
             stroke-dasharray=\"{dash}\"/>",
            x - 4.0
        );
        sign(&mut frame.text, style, x + 8.0, y);
        frame.say("start", x + 25.0, y + 4.0, name);
    }
}
