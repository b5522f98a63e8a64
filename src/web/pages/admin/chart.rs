//! How does a row of numbers look? Coordinates of small charts, drawn by the templates as SVG.
//!
//! Never the only way to a number: each chart stands beside its values.

/// Width and height of a line chart.
const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 60.0;

/// A line over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Line {
    /// The path of the line.
    pub(super) path: String,
    /// The last value, and the greatest.
    pub(super) now: String,
    pub(super) most: String,
}

/// A bar of a chart, in hundredths of the chart's length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) value: String,
    pub(super) length: u64,
}

impl Line {
    /// Oldest first.
    pub(super) fn of(values: &[u64], show: impl Fn(u64) -> String) -> Self {
        let most = values.iter().copied().max().unwrap_or(0);
        let last = values.last().copied().unwrap_or(0);
        #[expect(clippy::cast_precision_loss, reason = "a picture of a number")]
        let point = |(at, value): (usize, &u64)| {
            let x = WIDTH * at as f64 / (values.len().max(2) - 1) as f64;
            let y = HEIGHT - (HEIGHT - 4.0) * *value as f64 / most.max(1) as f64 - 2.0;
            format!("{}{x:.1} {y:.1}", if at == 0 { 'M' } else { 'L' })
        };
        let path = values.iter().enumerate().map(point).collect();
        Self { path, now: show(last), most: show(most) }
    }
}

/// Bars whose longest is as long as the chart.
pub(super) fn bars(values: impl IntoIterator<Item = (String, u64)>) -> Vec<Bar> {
    let values: Vec<(String, u64)> = values.into_iter().collect();
    let most = values.iter().map(|(_, value)| *value).max().unwrap_or(0).max(1);
    let bar = |(label, value): (String, u64)| Bar {
        label,
        value: value.to_string(),
        length: value * 100 / most,
    };
    values.into_iter().map(bar).collect()
}

/// Percent as people write it.
pub(super) fn percent(percent: Option<u64>) -> String {
    percent.map_or_else(|| "\u{2013}".to_owned(), |percent| format!("{percent}\u{a0}%"))
}

/// A number in groups of three digits.
pub(super) fn grouped(number: impl Into<u64>) -> String {
    let digits = number.into().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_are_grouped() {
        let texts = [0_u32, 999, 1_000, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "999", "1\u{a0}000", "1\u{a0}234\u{a0}567"]);
    }

    #[test]
    fn a_line_ends_at_its_last_value() {
        let line = Line::of(&[0, 10, 5], |value| value.to_string());
        assert_eq!(line.path, "M0.0 58.0L150.0 2.0L300.0 30.0");
        assert_eq!((line.now.as_str(), line.most.as_str()), ("5", "10"));
        assert_eq!(Line::of(&[], |value| value.to_string()).path, "");
    }
}
