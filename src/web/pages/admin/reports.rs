//! How was it? A range of dates, summed up in tables, charts and a file.
//!
//! Every chart stands beside its table: in print and for whoever does not see colours.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use chrono::{Days, NaiveDate};

use crate::Channel;
use crate::web::App;
use crate::web::admin::{LEADS, Load, Report, Tally, report};
use crate::web::pages::frame::{Frame, page};
use crate::web::problem::Problem;

use super::chart::{Bar, bars, percent};
use super::csv::Csv;
use super::words::Words;
use super::{Admin, Fields, Named, escape, offices, short_date};

/// Refusals that tell of too few places or of rules too strict.
const REFUSALS: [&str; 8] = [
    "slot-taken",
    "person-limit",
    "overlapping-booking",
    "not-yet-released",
    "outside-window",
    "extension-limit",
    "hold-expired",
    "throttled",
];

#[derive(Template)]
#[template(path = "admin/reports.html")]
struct Shown {
    frame: Frame,
    w: &'static Words,
    here: &'static str,
    offices: Vec<Named>,
    office: String,
    from: NaiveDate,
    to: NaiveDate,
    query: String,
    days: Vec<Day>,
    total: Load,
    full: String,
    channels: Vec<Line>,
    sum: Line,
    leads: Vec<Bar>,
    lead_heads: Vec<String>,
    complete: bool,
    granted: u64,
    refused: u64,
    expired: u64,
    refusals: Vec<(String, u64)>,
}

struct Day {
    date: NaiveDate,
    short: String,
    load: Load,
    full: String,
    /// Hundredths of the chart's height.
    height: u32,
}

/// A channel's outcomes.
struct Line {
    name: String,
    tally: Tally,
    no_show: String,
}

pub(super) fn routes() -> Router<App> {
    Router::new().route("/admin/reports", get(show)).route("/admin/reports.csv", get(file))
}

/// Office and dates; the last week and the next by default.
fn range(app: &App, fields: &Fields) -> Result<(Option<String>, NaiveDate, NaiveDate), Problem> {
    let today = app.engine.now().date_naive();
    let date = |name: &str, default: NaiveDate| {
        if fields.is_set(name) { fields.date(name) } else { Ok(default) }
    };
    let from = date("from", today - Days::new(7))?;
    let to = date("to", today + Days::new(14))?;
    let office = fields.is_set("office").then(|| fields.get("office").to_owned());
    Ok((office, from, to))
}

async fn show(State(app): State<App>, admin: Admin, fields: Fields) -> Response {
    let made = async {
        let (office, from, to) = range(&app, &fields)?;
        let found = report(&app, office.clone(), (from, to)).await?;
        Ok(shown(&app, &admin, office.unwrap_or_default(), (from, to), &found))
    };
    admin.show(made.await)
}

fn shown(
    app: &App,
    admin: &Admin,
    office: String,
    (from, to): (NaiveDate, NaiveDate),
    found: &Report,
) -> Response {
    let (w, language) = (admin.w, admin.language());
    let day = |(date, load): &(NaiveDate, Load)| Day {
        date: *date,
        short: short_date(*date, language),
        full: percent(load.percent().map(u64::from)),
        height: load.percent().unwrap_or(0).min(100),
        load: *load,
    };
    let line = |name: &str, tally: Tally| Line {
        name: name.to_owned(),
        no_show: percent(tally.no_show_percent()),
        tally,
    };
    let mut sum = Tally::default();
    found.tallies.iter().for_each(|tally| sum.add(tally));
    let names = Channel::ALL.map(|channel| w.channel_of(channel.name()));
    let heads = lead_heads();
    let counts = app.metrics.refusals().into_iter();
    let counts = counts.filter(|(name, _)| REFUSALS.contains(name));
    let sentence = |name| crate::web::words::problem(name, language).title.clone();
    page(&Shown {
        frame: admin.frame.clone(),
        w,
        here: "reports",
        offices: offices(app),
        query: format!("office={}&from={from}&to={to}", escape(&office)),
        office,
        from,
        to,
        days: found.days.iter().filter(|(_, load)| load.capacity > 0).map(day).collect(),
        total: found.total,
        full: percent(found.total.percent().map(u64::from)),
        channels: names.into_iter().zip(found.tallies).map(|(name, t)| line(name, t)).collect(),
        leads: bars(heads.iter().cloned().zip(sum.leads)),
        sum: line(&w.total, sum),
        lead_heads: heads,
        complete: found.leads_complete,
        granted: found.granted,
        refused: found.refused,
        expired: found.expired,
        refusals: counts.map(|(name, count)| (sentence(name), count)).collect(),
    })
}

/// `0`, `1-2`, `3-7` and so on.
fn lead_heads() -> Vec<String> {
    let ends = LEADS.iter().skip(1).map(|next| Some(next - 1)).chain([None]);
    let head = |(first, last): (&i64, Option<i64>)| match last {
        Some(last) if last == *first => first.to_string(),
        Some(last) => format!("{first}\u{2013}{last}"),
        None => format!("{first}+"),
    };
    LEADS.iter().zip(ends).map(head).collect()
}

async fn file(State(app): State<App>, admin: Admin, fields: Fields) -> Response {
    let made = async {
        let (office, from, to) = range(&app, &fields)?;
        let found = report(&app, office, (from, to)).await?;
        Ok(csv_of(&found).file(&format!("report-{from}-{to}.csv")))
    };
    admin.show(made.await)
}

/// For programs: one table of days, one of channels, with names that do not change.
fn csv_of(found: &Report) -> Csv {
    let mut csv = Csv::default();
    let channels = Channel::ALL.map(Channel::name);
    let head = ["date", "capacity", "booked", "held", "free", "beyond_capacity", "closed_days"];
    csv.row(head.into_iter().chain(channels));
    for (date, load) in &found.days {
        let counts = [load.capacity, load.booked, load.held, load.free, load.deficit, load.closed];
        let counts = counts.into_iter().chain(load.used_by_channel);
        csv.row([date.to_string()].into_iter().chain(counts.map(|count| count.to_string())));
    }
    csv.row([""]);
    let head = ["channel", "bookings", "checked_in", "served", "no_show", "displaced", "held"];
    let leads = lead_heads().into_iter().map(|days| format!("days_ahead_{days}"));
    csv.row(head.into_iter().map(str::to_owned).chain(leads));
    for (name, t) in channels.into_iter().zip(&found.tallies) {
        let counts = [t.bookings(), t.checked_in, t.served, t.no_show, t.displaced, t.held];
        let counts = counts.into_iter().chain(t.leads).map(|count| count.to_string());
        csv.row([name.to_owned()].into_iter().chain(counts));
    }
    csv
}
