//! Which days of a month have free places? A calendar of links.
//!
//! Never shows a day as free that was not when looked at.

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};

use crate::web::civil::{date_in_words, month, weekday};
use crate::web::pages::frame::fill;

use super::View;
use crate::web::pages::citizen::show::capital;

/// A month as a table.
#[derive(Debug)]
pub(super) struct Month {
    pub(super) title: String,
    /// Short and long names of the days of the week.
    pub(super) heads: Vec<(String, String)>,
    pub(super) weeks: Vec<Vec<Option<Cell>>>,
    pub(super) before: Option<(String, String)>,
    pub(super) after: Option<(String, String)>,
}

/// A day of the table.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) day: u32,
    /// Where its times are, if it has free places.
    pub(super) link: Option<String>,
    pub(super) label: String,
    pub(super) chosen: bool,
}

impl Month {
    /// The month that begins on `first`.
    pub(super) fn new(view: &View<'_>, first: NaiveDate, chosen: NaiveDate) -> Self {
        let language = view.language;
        let next = first.checked_add_months(Months::new(1)).unwrap_or(first);
        let heads = std::iter::successors(Some(Weekday::Mon), |day| Some(day.succ())).take(7);
        let head = |day| {
            let long = capital(weekday(day, language));
            (long.chars().take(2).collect(), long)
        };
        let mut cells: Vec<Option<Cell>> = Vec::new();
        cells.resize_with(first.weekday().num_days_from_monday() as usize, || None);
        let mut date = first;
        while date < next {
            cells.push(Some(Cell::new(view, date, chosen)));
            date = date.checked_add_days(Days::new(1)).unwrap_or(next);
        }
        let mut weeks: Vec<Vec<Option<Cell>>> = Vec::new();
        for cell in cells {
            match weeks.last_mut() {
                Some(week) if week.len() < 7 => week.push(cell),
                _ => weeks.push(vec![cell]),
            }
        }
        let title = |date| capital(&format!("{} {}", month(date, language), date.year()));
        let turn = |date: NaiveDate| {
            let first = date.with_day(1).unwrap_or(date);
            (view.link(view.office, Some(first), None), title(date))
        };
        let later = view.find(view.query.clone().from(next));
        let earlier =
            first.pred_opt().filter(|day| view.find(view.query.clone().to(*day)).is_some());
        Self {
            title: title(first),
            heads: heads.map(head).collect(),
            weeks,
            before: earlier.map(turn),
            after: later.map(|opening| turn(opening.slot.day.date())),
        }
    }
}

impl Cell {
    fn new(view: &View<'_>, date: NaiveDate, chosen: NaiveDate) -> Self {
        let free = view.find(view.query.clone().from(date).to(date)).is_some();
        Self {
            day: date.day(),
            link: free.then(|| view.link(view.office, None, Some(date))),
            label: fill(&view.w.day_free, "date", date_in_words(date, view.language)),
            chosen: date == chosen,
        }
    }
}
