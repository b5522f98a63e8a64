//! How does the telephone do? Calls, where they end, and what a PBX tells of its queue.
//!
//! Counts since the service was started, but for what operators noted: that is kept by day. Never
//! about one caller.

use std::iter::zip;

use chrono::Days;

use crate::desk::{DeskError, WrapUp};
use crate::phone::{Measured, Part, State};
use crate::web::App;
use crate::web::pages::desk;

use super::Admin;
use super::chart::{Bar, bars, grouped, percent};
use super::dashboard::Figure;
use super::words::Words;

/// Days of which operators' notes are summed up, with today.
const DAYS: u64 = 7;

/// The figures.
pub(super) struct Telephone {
    pub(super) figures: Vec<Figure>,
    /// Where callers gave up, and how long a decision took.
    pub(super) left: Vec<Bar>,
    pub(super) decided: Vec<Bar>,
    /// What became of calls, how those in the queue fared, what operators noted.
    pub(super) outcomes: Vec<(&'static str, String)>,
    pub(super) queue: Vec<(&'static str, String)>,
    pub(super) noted: Vec<(&'static str, String)>,
}

/// The figures; `None` where nobody calls.
pub(super) fn telephone(app: &App, admin: &Admin) -> Result<Option<Telephone>, DeskError> {
    let measured = app.exchange.measures.read();
    let today = app.engine.now().date_naive();
    let first = today.checked_sub_days(Days::new(DAYS - 1)).unwrap_or(today);
    let noted = app.exchange.wrap_ups.since(first)?;
    let settings = &app.settings.phone;
    let is_set_up = settings.listen.is_some() || settings.platform.is_some();
    let queued: u64 = measured.queued.iter().sum();
    if !is_set_up && measured.calls + queued + noted.iter().sum::<u64>() == 0 {
        return Ok(None);
    }
    let (w, desk) = (admin.w, desk::Words::of(admin.language()));
    let queue = [&w.queue_soon, &w.queue_late, &w.queue_lost, &w.queue_at_once];
    let ending = |(code, count): (WrapUp, u64)| (desk.ending(code), grouped(count));
    Ok(Some(Telephone {
        figures: figures(&measured, w),
        left: left(&measured, desk),
        decided: decided(&measured),
        outcomes: outcomes(&measured, w),
        queue: zip(queue.map(String::as_str), measured.queued.map(grouped)).collect(),
        noted: zip(WrapUp::ALL, noted).map(ending).collect(),
    }))
}

fn figures(measured: &Measured, w: &Words) -> Vec<Figure> {
    let figure = |value, label: &String| Figure { value, label: label.clone(), alarm: false };
    let share = |per_mille: Option<u64>| percent(per_mille.map(|share| (share + 5) / 10));
    let slow = measured.slow;
    vec![
        figure(grouped(measured.calls), &w.calls),
        figure(grouped(measured.live), &w.calls_now),
        figure(share(measured.contained_per_mille()), &w.contained),
        figure(seconds(measured.decided_mean_ms()), &w.decided_mean),
        figure(share(measured.service_per_mille()), &w.service_level),
        figure(seconds(measured.wait_mean_ms()), &w.wait_mean),
        Figure { alarm: slow > 0, ..figure(grouped(slow), &w.slow_answers) },
    ]
}

/// Seconds with a tenth.
fn seconds(ms: Option<u64>) -> String {
    let tenths = |ms: u64| format!("{}.{}\u{a0}s", ms / 1_000, ms % 1_000 / 100);
    ms.map_or_else(|| "\u{2013}".to_owned(), tenths)
}

/// Calls that came to nothing, by the part of the conversation in which they ended.
fn left(measured: &Measured, desk: &desk::Words) -> Vec<Bar> {
    let ended_in = |part: Part| {
        let of = |name| State::from_name(name).is_some_and(|state| state.part() == part);
        let counts = measured.left_at.iter().filter(|(name, _)| of(name));
        (desk.part(part).to_owned(), counts.map(|(_, count)| count).sum())
    };
    bars(Part::ALL.map(ended_in))
}

/// Bookings by the time since the first hold.
fn decided(measured: &Measured) -> Vec<Bar> {
    let mut from = 0;
    let label = |(to, count): &(u64, u64)| {
        let text = match *to {
            u64::MAX => format!("{from}+ s"),
            to => format!("{from}\u{2013}{to} s"),
        };
        from = *to;
        (text, *count)
    };
    bars(measured.decided.iter().map(label).collect::<Vec<_>>())
}

fn outcomes(measured: &Measured, w: &'static Words) -> Vec<(&'static str, String)> {
    let words = |name: &str| match name {
        "booked" => &w.outcome_booked,
        "changed" => &w.outcome_changed,
        "cancelled" => &w.outcome_cancelled,
        "heard" => &w.outcome_heard,
        "call_back" => &w.outcome_call_back,
        "operator" => &w.outcome_operator,
        _ => &w.outcome_nothing,
    };
    let outcome = |(name, count): &(&str, u64)| (words(name).as_str(), grouped(*count));
    measured.outcomes.iter().map(outcome).collect()
}
