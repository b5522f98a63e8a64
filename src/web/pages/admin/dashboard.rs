//! How are things today? Fill by office and date, the telephone, load, and the recount.
//!
//! Never by colour alone: every cell says its number.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use chrono::NaiveDate;

use crate::web::App;
use crate::web::admin::{Fill, Load, blocking, fill};
use crate::web::civil::date_in_words;
use crate::web::metrics::{Recounted, Second};
use crate::web::pages::frame::{Frame, page};
use crate::web::problem::Problem;

use super::chart::{Line, grouped, percent};
use super::telephone::{Telephone, telephone};
use super::words::Words;
use super::{Admin, Fields, office_name, short_date};

/// Dates that can be shown at a time.
const SPANS: [usize; 3] = [7, 14, 31];

#[derive(Template)]
#[template(path = "admin/dashboard.html")]
struct Dashboard {
    frame: Frame,
    w: &'static Words,
    here: &'static str,
    dates: Vec<Date>,
    rows: Vec<Row>,
    sums: Row,
    figures: Vec<Figure>,
    as_table: bool,
    span: usize,
    spans: [usize; 3],
    checked: Recounted,
    counted: [String; 2],
    calls: Option<Telephone>,
    charts: Vec<Chart>,
}

/// A number that stands out.
pub(super) struct Figure {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) alarm: bool,
}

/// The head of a column.
struct Date {
    short: String,
    long: String,
}

/// An office.
struct Row {
    key: String,
    name: String,
    cells: Vec<Cell>,
    total: String,
}

/// An office on a date.
struct Cell {
    class: &'static str,
    text: String,
    used: u32,
    capacity: u32,
    over: u32,
}

/// A line of the recent past.
struct Chart {
    id: &'static str,
    title: &'static str,
    line: Line,
}

pub(super) fn routes() -> Router<App> {
    Router::new().route("/admin", get(dashboard))
}

async fn dashboard(State(app): State<App>, admin: Admin, fields: Fields) -> Response {
    admin.show(made(&app, &admin, &fields).await)
}

async fn made(app: &App, admin: &Admin, fields: &Fields) -> Result<Response, Problem> {
    let wished = fields.get("days").parse().ok().filter(|days| SPANS.contains(days));
    let span = wished.unwrap_or(14);
    let (fill, checked) = blocking(app, move |app| {
        let engine = &app.engine;
        let yesterday = engine.now().date_naive().pred_opt().unwrap_or_default();
        if app.metrics.check.last().runs == 0 {
            app.metrics.check.run(engine);
        }
        Ok((fill(engine, yesterday, span), app.metrics.check.last()))
    })
    .await?;
    let (w, language) = (admin.w, admin.language());
    let date = |date: &NaiveDate| Date {
        short: short_date(*date, language),
        long: date_in_words(*date, language),
    };
    let calls = telephone(app, admin)?;
    Ok(page(&Dashboard {
        calls,
        frame: admin.frame.clone(),
        w,
        here: "dashboard",
        dates: fill.dates.iter().map(date).collect(),
        rows: rows(app, &fill, w),
        sums: sums(&fill, w),
        figures: figures(&fill.total, w),
        as_table: fields.get("view") == "table",
        span,
        spans: SPANS,
        counted: [checked.claims, checked.places].map(grouped),
        checked,
        charts: charts(&app.metrics.load.seconds(), w),
    }))
}

fn figures(total: &Load, w: &Words) -> Vec<Figure> {
    let figure = |value: String, label: String| Figure { value, label, alarm: false };
    let full = percent(total.percent().map(u64::from));
    vec![
        figure(grouped(total.booked), w.booked.clone()),
        figure(grouped(total.held), w.held.clone()),
        figure(grouped(total.free), w.free.clone()),
        figure(full, format!("{} {}", w.of_capacity, grouped(total.capacity))),
        Figure {
            value: grouped(total.deficit),
            label: w.beyond_capacity.clone(),
            alarm: total.deficit > 0,
        },
    ]
}

fn rows(app: &App, fill: &Fill, w: &Words) -> Vec<Row> {
    let row = |(key, loads): (&String, &Vec<Load>)| Row {
        key: key.clone(),
        name: office_name(app, key),
        cells: loads.iter().map(|load| cell(load, w)).collect(),
        total: share_of(loads),
    };
    let mut rows: Vec<Row> = fill.offices.iter().map(row).collect();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows
}

fn sums(fill: &Fill, w: &Words) -> Row {
    let mut loads = vec![Load::default(); fill.dates.len()];
    for row in fill.offices.values() {
        for (sum, load) in loads.iter_mut().zip(row) {
            sum.add(load);
        }
    }
    Row {
        key: String::new(),
        name: w.all_offices.clone(),
        cells: loads.iter().map(|load| cell(load, w)).collect(),
        total: share_of(&loads),
    }
}

fn share_of(loads: &[Load]) -> String {
    let mut sum = Load::default();
    for load in loads {
        sum.add(load);
    }
    percent(sum.percent().map(u64::from))
}

fn cell(load: &Load, w: &Words) -> Cell {
    let (used, capacity, over) = (load.used(), load.capacity, load.deficit);
    let (class, text) = match load.percent() {
        _ if load.is_closed() => ("shut", w.closed.clone()),
        None => ("none", "\u{2013}".to_owned()),
        Some(full) => {
            let class = match full {
                0..25 => "f0",
                25..50 => "f1",
                50..75 => "f2",
                75..95 => "f3",
                _ => "f4",
            };
            (class, percent(Some(full.into())))
        }
    };
    Cell { class, text, used, capacity, over }
}

fn charts(seconds: &[Second], w: &'static Words) -> Vec<Chart> {
    let line = |value: fn(&Second) -> u64| {
        let values: Vec<u64> = seconds.iter().map(value).collect();
        Line::of(&values, |value| value.to_string())
    };
    let tail: Vec<u64> = seconds.iter().map(|second| second.p99_us).collect();
    let tail = Line::of(&tail, |us| format!("{}.{:02} ms", us / 1_000, us % 1_000 / 10));
    vec![
        Chart { id: "requests", title: &w.requests, line: line(|second| second.requests) },
        Chart { id: "holds", title: &w.holds, line: line(|second| second.holds) },
        Chart { id: "confirms", title: &w.confirms, line: line(|second| second.confirms) },
        Chart { id: "lost_races", title: &w.lost_races, line: line(|second| second.lost_races) },
        Chart { id: "p99_us", title: &w.p99, line: tail },
    ]
}
