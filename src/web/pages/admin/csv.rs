//! How does a list get into a spreadsheet? Comma-separated values (RFC 4180).
//!
//! Never lets a spreadsheet take a name for a formula.

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// A table being written.
#[derive(Debug, Default)]
pub(super) struct Csv(String);

impl Csv {
    pub(super) fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        let cells: Vec<String> = cells.into_iter().map(|cell| quoted(cell.as_ref())).collect();
        self.0 += &cells.join(",");
        self.0 += "\r\n";
    }

    /// The file, with a mark that tells spreadsheets it is UTF-8.
    pub(super) fn file(self, name: &str) -> Response {
        let head = [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
            (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
            (header::CACHE_CONTROL, "no-store".to_owned()),
        ];
        (head, format!("\u{feff}{}", self.0)).into_response()
    }
}

fn quoted(cell: &str) -> String {
    let number = cell.strip_prefix(['+', '-']).is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    });
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && !number;
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_formula_is_text() {
        let cells = ["=1+1", "+15551234567", "-x", "a,b", "say \"hi\"", "@x", "plain"];
        let quoted = cells.map(quoted);
        let expected =
            ["'=1+1", "+15551234567", "'-x", "\"a,b\"", "\"say \"\"hi\"\"\"", "'@x", "plain"];
        assert_eq!(quoted, expected);
    }
}
