//! What happens when an office must close? First who is hit, then the closure, then the list.
//!
//! A closure stops grants at once; whoever came between the list and the closure is named in its
//! result. Never touches anybody who has arrived, or a day that is over.

use std::collections::{BTreeMap, HashSet};

use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::web::App;
use crate::web::civil::wall;
use crate::web::problem::Problem;
use crate::web::wire;
use crate::{ActorId, Claim, ClaimId, ClaimState, DayId, Engine, Error};

use super::version::short_hash;
use super::{Affected, affected, blocking, not_found, to_the_end};

/// The longest closure.
const DAYS_MAX: i64 = 400;
/// How far back the audit is read for the reasons of closures.
const DEEDS_MAX: usize = 2_000;

/// What is to be closed: a calendar, or all of an office.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Which {
    pub(crate) calendar: Option<String>,
    pub(crate) office: Option<String>,
    pub(crate) from: NaiveDate,
    pub(crate) to: NaiveDate,
}

/// What becomes of the bookings of a closed day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Fate {
    /// They keep their claim, displaced, until moved, restored or cancelled.
    #[default]
    Keep,
    /// They are cancelled.
    Cancel,
}

/// Whom a closure hits.
#[derive(Clone, Debug)]
pub(crate) struct Impact {
    pub(crate) days: Vec<DayId>,
    /// Dates that are not in memory yet.
    pub(crate) ahead: Vec<String>,
    /// Held and booked claims, by day, start and id.
    pub(crate) claims: Vec<Claim>,
    /// Stands for days and claims.
    pub(crate) hash: String,
}

/// What a closure did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Closed {
    /// The days, closed now.
    pub(crate) days: Vec<String>,
    /// Holds taken back.
    pub(crate) revoked: Vec<Affected>,
    /// Bookings that wait to be moved, restored or cancelled.
    pub(crate) displaced: Vec<Affected>,
    /// Bookings that were cancelled.
    pub(crate) cancelled: Vec<Affected>,
    /// Claims among them that came between the list and the closure.
    pub(crate) unannounced: Vec<String>,
}

/// A day that is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ClosedDay {
    pub(crate) day: String,
    pub(crate) calendar: String,
    pub(crate) office: String,
    pub(crate) date: NaiveDate,
    /// As noted when it was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) closed_at: Option<DateTime<Utc>>,
    /// Bookings that still wait there.
    pub(crate) displaced: usize,
}

/// Whom the closure would hit now.
///
/// # Errors
/// 404 for no such calendar or office, 422 for dates that are past, turned round or too many.
pub(crate) async fn impact(app: &App, which: &Which) -> Result<Impact, Problem> {
    let engine = &app.engine;
    let (days, ahead) = days_of(engine, which)?;
    let mut claims = Vec::new();
    for day in &days {
        let roster = engine.roster(*day, None, usize::MAX).await?;
        claims.extend(roster.into_iter().filter(|claim| is_hit(claim.state)));
    }
    let lines = days.iter().map(ToString::to_string);
    let told = |claim: &Claim| format!("{} {} {}", claim.id, claim.state.name(), claim.version);
    let text = lines.chain(claims.iter().map(told)).collect::<Vec<_>>().join("\n");
    Ok(Impact { days, ahead, claims, hash: short_hash(text.as_bytes()) })
}

/// Closes what the impact lists.
///
/// # Errors
/// 409 `impact-changed` with the list of now if it differs; as [`impact`].
pub(crate) async fn close(
    app: &App,
    by: &str,
    which: &Which,
    (reason, fate): (&str, Fate),
    hash: &str,
) -> Result<Closed, Problem> {
    let (app, by, which) = (app.clone(), by.to_owned(), which.clone());
    let (reason, hash) = (reason.to_owned(), hash.to_owned());
    to_the_end(async move {
        let _one = app.administration.one.lock().await;
        let found = impact(&app, &which).await?;
        if found.hash != hash {
            return Err(changed(&app.engine, &found));
        }
        let announced: HashSet<ClaimId> = found.claims.iter().map(|claim| claim.id).collect();
        let (mut revoked, mut displaced) = (Vec::new(), Vec::new());
        let mut days = Vec::new();
        for day in found.days {
            let why = reason.clone();
            let closure = blocking(&app, move |app| Ok(app.engine.close_day(day, &why)?)).await?;
            let text = wire::day_to_text(&app.engine, day);
            app.audit.note(app.engine.now(), &by, "close-day", &text, &reason).await?;
            days.push(text);
            revoked.extend(closure.revoked);
            displaced.extend(closure.displaced);
        }
        let all = revoked.iter().chain(&displaced);
        let late = all.filter(|id| !announced.contains(id)).map(ToString::to_string).collect();
        let mut closed = Closed { days, unannounced: late, ..Closed::default() };
        closed.revoked = affected(&app.engine, &revoked).await?;
        match fate {
            Fate::Keep => closed.displaced = affected(&app.engine, &displaced).await?,
            Fate::Cancel => cancel(&app, &by, &displaced, &mut closed).await?,
        }
        Ok(closed)
    })
    .await
}

/// Opens a closed day again; answers with the bookings restored.
///
/// # Errors
/// 404 if there is no such day or it is not closed.
pub(crate) async fn reopen(app: &App, by: &str, day: DayId) -> Result<Vec<Affected>, Problem> {
    let (app, by) = (app.clone(), by.to_owned());
    to_the_end(async move {
        let _one = app.administration.one.lock().await;
        if app.engine.day(day).is_none_or(|view| !view.closed) {
            return Err(not_found("that day is not closed"));
        }
        let restored = blocking(&app, move |app| Ok(app.engine.reopen_day(day)?)).await?;
        let to = wire::day_to_text(&app.engine, day);
        app.audit.note(app.engine.now(), &by, "reopen-day", &to, "").await?;
        affected(&app.engine, &restored).await
    })
    .await
}

/// All closed days from today on, by date.
///
/// # Errors
/// What the store says.
pub(crate) async fn closures(app: &App) -> Result<Vec<ClosedDay>, Problem> {
    let engine = &app.engine;
    let closed = blocking(app, |app| {
        let engine = &app.engine;
        let ahead = |day: &DayId| day.date() >= today(engine, *day);
        let closed = |day: &DayId| engine.day(*day).is_some_and(|view| view.closed);
        Ok(engine.days().into_iter().filter(|day| ahead(day) && closed(day)).collect::<Vec<_>>())
    })
    .await?;
    let reasons = if closed.is_empty() { BTreeMap::new() } else { reasons(app)? };
    let mut list = Vec::with_capacity(closed.len());
    for day in closed {
        let roster = engine.roster(day, None, usize::MAX).await?;
        let text = wire::day_to_text(engine, day);
        let noted = reasons.get(&text);
        let office = engine.office_of(day.calendar());
        list.push(ClosedDay {
            calendar: wire::calendar_key(engine, day.calendar()),
            office: office.and_then(|office| engine.office_key(office)).unwrap_or_default(),
            date: day.date(),
            reason: noted.map(|(_, reason)| reason.clone()),
            closed_at: noted.map(|(at, _)| *at),
            displaced: roster.iter().filter(|c| c.state == ClaimState::Displaced).count(),
            day: text,
        });
    }
    list.sort_by(|a, b| (a.date, &a.day).cmp(&(b.date, &b.day)));
    Ok(list)
}

const fn is_hit(state: ClaimState) -> bool {
    matches!(state, ClaimState::Held | ClaimState::Booked)
}

fn changed(engine: &Engine, impact: &Impact) -> Problem {
    let list: Vec<Affected> = impact.claims.iter().map(|c| Affected::new(engine, c)).collect();
    let detail = "other claims are hit by now: look at them, then send the new impact";
    Problem::new(StatusCode::CONFLICT, "impact-changed", detail)
        .with("impact", impact.hash.as_str())
        .with("affected", serde_json::to_value(list).unwrap_or_default())
}

async fn cancel(
    app: &App,
    by: &str,
    displaced: &[ClaimId],
    closed: &mut Closed,
) -> Result<(), Problem> {
    for id in displaced {
        // Whoever moved or cancelled it meanwhile was quicker, and that is as good.
        match app.engine.cancel_by_staff(*id, ActorId(0)).await {
            Ok(receipt) => closed.cancelled.push(Affected::new(&app.engine, &receipt.claim)),
            Err(Error::Rejected(_)) => continue,
            Err(error) => return Err(error.into()),
        }
        let note = "its day was closed";
        app.audit.note(app.engine.now(), by, "cancel", &id.to_string(), note).await?;
    }
    Ok(())
}

fn days_of(engine: &Engine, which: &Which) -> Result<(Vec<DayId>, Vec<String>), Problem> {
    let Which { calendar, office, from, to } = which;
    let calendars = match (calendar, office) {
        (Some(key), None) => engine.calendar(key).map(|calendar| vec![calendar]),
        (None, Some(key)) => engine.office(key).map(|office| engine.calendars_of(office)),
        _ => return Err(Problem::invalid("either calendar or office")),
    };
    let none = || not_found("there is no such calendar or office");
    let calendars = calendars.filter(|calendars| !calendars.is_empty()).ok_or_else(none)?;
    let count = to.signed_duration_since(*from).num_days();
    if !(0..DAYS_MAX).contains(&count) {
        return Err(Problem::invalid(format!("to: on or after from, {DAYS_MAX} days at most")));
    }
    let (mut days, mut ahead) = (Vec::new(), Vec::new());
    for calendar in calendars {
        for date in from.iter_days().take_while(|date| date <= to) {
            let day = DayId::new(calendar, date);
            let day = day.ok_or_else(|| Problem::invalid("dates from 2000 to 2179"))?;
            if date < today(engine, day) {
                return Err(Problem::invalid(
                    "from: today or later; what is over cannot be closed",
                ));
            }
            if engine.day(day).is_some() {
                days.push(day);
            } else {
                ahead.push(wire::day_to_text(engine, day));
            }
        }
    }
    Ok((days, ahead))
}

fn today(engine: &Engine, day: DayId) -> NaiveDate {
    wall(engine, day.calendar(), engine.now()).date_naive()
}

/// When and why days were last closed, by their names.
fn reasons(app: &App) -> Result<BTreeMap<String, (DateTime<Utc>, String)>, Problem> {
    let mut reasons = BTreeMap::new();
    let deeds = app.audit.list(None, DEEDS_MAX)?;
    for deed in deeds.into_iter().filter(|deed| deed.what == "close-day") {
        reasons.entry(deed.to).or_insert((deed.at, deed.note));
    }
    Ok(reasons)
}
