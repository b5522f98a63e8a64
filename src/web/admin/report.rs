//! How was it? Fill, outcomes and lead times of a range of dates, by channel.
//!
//! Counts claims, not people. Never looks further back than the days in memory.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use crate::web::App;
use crate::web::problem::Problem;
use crate::{ClaimState, DayId, Effect, Engine, Error, Seq, SlotId};

use super::blocking;
use super::fill::Load;

/// Days between booking and appointment: the first day of each group.
pub(crate) const LEADS: [i64; 6] = [0, 1, 3, 8, 15, 31];
/// Events looked at for lead times.
const EVENTS_MAX: usize = 3_000_000;
const DAYS_MAX: i64 = 400;

/// What became of the claims of one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) held: u64,
    pub(crate) booked: u64,
    pub(crate) checked_in: u64,
    pub(crate) served: u64,
    pub(crate) no_show: u64,
    pub(crate) displaced: u64,
    /// Bookings by days ahead, grouped as in [`LEADS`].
    pub(crate) leads: [u64; LEADS.len()],
}

/// A range of dates, summed up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub(crate) days: Vec<(NaiveDate, Load)>,
    pub(crate) total: Load,
    /// By channel.
    pub(crate) tallies: [Tally; 4],
    /// Whether all events of the range were still there.
    pub(crate) leads_complete: bool,
    /// Grants and refusals since the engine was opened.
    pub(crate) granted: u64,
    pub(crate) refused: u64,
    pub(crate) expired: u64,
}

/// Sums up the days of an office, or of all.
///
/// # Errors
/// 422 for dates turned round or too many.
pub(crate) async fn report(
    app: &App,
    office: Option<String>,
    (from, to): (NaiveDate, NaiveDate),
) -> Result<Report, Problem> {
    if !(0..DAYS_MAX).contains(&to.signed_duration_since(from).num_days()) {
        return Err(Problem::invalid(format!("to: on or after from, {DAYS_MAX} days at most")));
    }
    let engine = &app.engine;
    let of_office = |day: &DayId| {
        let key = engine.office_of(day.calendar()).and_then(|office| engine.office_key(office));
        office.is_none() || key == office
    };
    let inside = |day: &DayId| (from..=to).contains(&day.date());
    let days: Vec<DayId> =
        engine.days().into_iter().filter(|day| inside(day) && of_office(day)).collect();
    let mut tallies = [Tally::default(); 4];
    for day in &days {
        for claim in engine.roster(*day, None, usize::MAX).await? {
            if let Some(tally) = tallies.get_mut(claim.channel.index()) {
                tally.count(claim.state);
            }
        }
    }
    blocking(app, move |app| {
        let engine = &app.engine;
        let stats = engine.stats();
        let mut report = Report {
            tallies,
            granted: stats.granted,
            refused: stats.refused,
            expired: stats.expired,
            ..Report::default()
        };
        let mut starts = HashMap::new();
        for view in days.iter().filter_map(|day| engine.day(*day)) {
            let load = Load::of(&view);
            starts.extend(view.slots.iter().map(|slot| (slot.slot, slot.starts_at)));
            report.total.add(&load);
            match report.days.iter_mut().find(|(date, _)| *date == view.day.date()) {
                Some((_, sum)) => sum.add(&load),
                None => report.days.push((view.day.date(), load)),
            }
        }
        report.days.sort_unstable_by_key(|(date, _)| *date);
        report.leads_complete = count_leads(engine, &starts, &mut report.tallies)?;
        Ok(report)
    })
    .await
}

impl Tally {
    fn count(&mut self, state: ClaimState) {
        match state {
            ClaimState::Held => self.held += 1,
            ClaimState::Booked => self.booked += 1,
            ClaimState::CheckedIn => self.checked_in += 1,
            ClaimState::Served => self.served += 1,
            ClaimState::NoShow => self.no_show += 1,
            ClaimState::Displaced => self.displaced += 1,
            _ => {}
        }
    }

    /// Claims that are or were bookings.
    pub(crate) fn bookings(&self) -> u64 {
        self.booked + self.checked_in + self.served + self.no_show + self.displaced
    }

    /// Percent of those whose time has come that did not come.
    pub(crate) fn no_show_percent(&self) -> Option<u64> {
        let over = self.served + self.checked_in + self.no_show;
        (self.no_show * 100).checked_div(over)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.held += other.held;
        self.booked += other.booked;
        self.checked_in += other.checked_in;
        self.served += other.served;
        self.no_show += other.no_show;
        self.displaced += other.displaced;
        for (sum, more) in self.leads.iter_mut().zip(other.leads) {
            *sum += more;
        }
    }
}

/// Reads the feed for when bookings were made; `false` if its beginning is gone.
fn count_leads(
    engine: &Engine,
    starts: &HashMap<SlotId, DateTime<Utc>>,
    tallies: &mut [Tally; 4],
) -> Result<bool, Problem> {
    let mut feed = engine.feed(Seq(1));
    let (mut complete, mut seen) = (true, 0);
    loop {
        let events = match feed.next_batch(Duration::ZERO) {
            Ok(events) => events,
            Err(Error::FeedTooOld { first, .. }) if complete => {
                complete = false;
                feed = engine.feed(first);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        if events.is_empty() {
            return Ok(complete);
        }
        seen += events.len();
        if seen > EVENTS_MAX {
            return Ok(false);
        }
        for event in events {
            let (Effect::Granted { place, booked: true, .. } | Effect::Confirmed { place, .. }) =
                event.effect
            else {
                continue;
            };
            let Some(start) = starts.get(&place.slot()) else {
                continue;
            };
            let ahead = start.signed_duration_since(event.at.utc()).num_days();
            let group = LEADS.iter().rposition(|first| ahead >= *first).unwrap_or(0);
            let tally = tallies.get_mut(place.channel.index());
            if let Some(count) = tally.and_then(|tally| tally.leads.get_mut(group)) {
                *count += 1;
            }
        }
    }
}
