//! What if the place cannot be had? Why, and what can be done: never a dead end.
//!
//! Never shows anything of another party.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};

use crate::desk::{Gate, PersonKey};
use crate::web::civil::{date_in_words, start_of, time_in_words, wall};
use crate::{Claim, DayId, OfficeId, Openings, Rejection, SlotId};

use super::super::frame::{Frame, fill, page};
use super::Words;
use super::message::{Way, failed, message};
use super::show::{Spot, short_name_of, spot};
use super::taking::runs;
use super::visit::{Step, Visit, go};
use super::when::openings;

#[derive(Template)]
#[template(path = "citizen/taken.html")]
struct Taken {
    frame: Frame,
    w: &'static Words,
    title: String,
    text: String,
    wanted: Option<Spot>,
    nearest: Vec<Spot>,
}

#[derive(Template)]
#[template(path = "citizen/none.html")]
struct None_ {
    frame: Frame,
    w: &'static Words,
    back: &'static str,
    release: Option<String>,
    others: Vec<Other>,
    persons: u16,
}

#[derive(Debug)]
struct Other {
    key: String,
    name: String,
    words: String,
}

/// Somebody was faster, or the place is not offered.
pub(super) async fn taken(visit: Visit) -> Response {
    if let Some(to) = visit.missing(Step::When) {
        return go(to);
    }
    let Some((slot, rejection)) = visit.draft.refused else {
        return go(Step::When.path());
    };
    let (w, language) = (visit.w, visit.frame.language);
    let (title, text) = match rejection {
        Rejection::SlotFull { .. } | Rejection::ChannelLimit { .. } => {
            (&w.taken_title, w.taken_text.clone())
        }
        Rejection::TooLate { .. } => (&w.late_title, w.late_text.clone()),
        Rejection::NotYetReleased { at, .. } => {
            (&w.early_title, fill(&w.early_text, "time", moment(&visit, slot.day, at)))
        }
        _ => (&w.closed_title, w.closed_text.clone()),
    };
    let at = start_of(&visit.app.engine, slot);
    let wanted = at.map(|at| spot(&visit.app, slot, at, language));
    let nearest = nearest(&visit, slot, at.unwrap_or_else(|| visit.app.engine.now()));
    page(&Taken { title: title.clone(), text, wanted, nearest, w, frame: visit.frame })
}

/// The three free places that are nearest in time, at the office wished for or another one chosen.
fn nearest(visit: &Visit, slot: SlotId, wanted: DateTime<Utc>) -> Vec<Spot> {
    let engine = &visit.app.engine;
    let Some(query) = openings(&visit.draft) else { return Vec::new() };
    let date = slot.day.date();
    let (from, to) = (date - TimeDelta::days(7), date + TimeDelta::days(7));
    let mut found = engine.openings(&query.clone().limit(3));
    if let Some(office) = engine.office_of(slot.day.calendar()) {
        found.extend(engine.openings(&query.offices(&[office]).from(from).to(to).limit(1_000)));
    }
    found.retain(|opening| opening.slot != slot);
    found.sort_by_key(|opening| {
        let here = opening.slot.day.calendar() == slot.day.calendar();
        ((opening.starts_at - wanted).abs(), !here)
    });
    found.dedup_by_key(|opening| opening.slot);
    let place = |opening: &crate::Opening| {
        spot(&visit.app, opening.slot, opening.starts_at, visit.frame.language)
    };
    found.iter().take(3).map(place).collect()
}

/// Nothing is free at the chosen offices.
pub(super) fn none(visit: Visit, query: &Openings) -> Response {
    let (app, language) = (visit.app.clone(), visit.frame.language);
    let chosen = visit.draft.offices.clone().unwrap_or_default();
    let every = app.engine.catalog().map(|catalog| {
        let keys = catalog.offices.iter().map(|office| office.key.clone());
        keys.filter_map(|key| Some((app.engine.office(&key)?, key))).collect::<Vec<_>>()
    });
    let every = every.unwrap_or_default();
    let mut others = Vec::new();
    for (office, key) in &every {
        let free = app.engine.openings(&query.clone().offices(&[*office]).limit(1));
        if let Some(opening) = free.first() {
            others.push((opening.starts_at, *office, key.clone(), *opening));
        }
    }
    others.sort_by_key(|(at, ..)| *at);
    let other = |(at, office, key, opening): (DateTime<Utc>, OfficeId, String, crate::Opening)| {
        let spot = spot(&app, opening.slot, at, language);
        let words = spot.moment;
        Other { key, name: short_name_of(&app, office), words }
    };
    let offices: Vec<OfficeId> =
        if chosen.is_empty() { every.iter().map(|(office, _)| *office).collect() } else { chosen };
    let release = next_release(&visit, &offices).map(|(day, at)| moment(&visit, day, at));
    let moving = visit.draft.moving.is_some();
    page(&None_ {
        back: if moving { "/manage/appointment" } else { Step::Office.path() },
        release,
        others: others.into_iter().take(5).map(other).collect(),
        persons: visit.draft.persons,
        w: visit.w,
        frame: visit.frame,
    })
}

/// When the next day of these offices is released.
fn next_release(visit: &Visit, offices: &[OfficeId]) -> Option<(DayId, DateTime<Utc>)> {
    let engine = &visit.app.engine;
    let now = engine.now();
    let ours = |day: &DayId| engine.office_of(day.calendar()).is_some_and(|o| offices.contains(&o));
    let mut next: Option<(DayId, DateTime<Utc>)> = None;
    for day in engine.days().into_iter().rev().filter(ours) {
        // Days of a calendar are released in their order: only the last ones can be ahead.
        let Some(view) = engine.day(day).filter(|view| view.released > now) else { continue };
        let open = !view.closed && !view.slots.is_empty();
        if open && next.is_none_or(|(_, at)| view.released < at) {
            next = Some((day, view.released));
        }
    }
    next
}

/// An instant on the wall of a day's office: date, time.
fn moment(visit: &Visit, day: DayId, at: DateTime<Utc>) -> String {
    let wall = wall(&visit.app.engine, day.calendar(), at);
    let language = visit.frame.language;
    format!("{}, {}", date_in_words(wall.date_naive(), language), time_in_words(&wall, language))
}

/// The party has something already.
pub(super) async fn limit(visit: Visit) -> Response {
    if let Some(to) = visit.missing(Step::When) {
        return go(to);
    }
    let w = visit.w;
    let manage = visit.frame.words().manage.clone();
    let details = Way::link(Step::Details.path(), &w.change_details);
    match visit.draft.refused {
        Some((slot, Rejection::TooManyEnded { at })) => {
            let text = fill(&w.ended_text, "time", moment(&visit, slot.day, at));
            let words = (w.ended_title.as_str(), text.as_str());
            message(StatusCode::OK, visit.frame, words, None, vec![details])
        }
        Some(_) if own_hold(&visit).await.is_some() => {
            let words = (w.held_title.as_str(), w.held_text.as_str());
            let ways = vec![Way::button("/book/resume", &w.held_go_on), details];
            message(StatusCode::OK, visit.frame, words, None, ways)
        }
        Some((_, Rejection::PartyLimit { .. } | Rejection::HoldLimit { .. })) => {
            let words = (w.limit_title.as_str(), w.limit_text.as_str());
            let ways = vec![Way::link("/manage", &manage), details];
            message(StatusCode::OK, visit.frame, words, None, ways)
        }
        _ => go(Step::When.path()),
    }
}

/// The hold that stands in the way, if it is the person's own.
async fn own_hold(visit: &Visit) -> Option<Claim> {
    let (_, rejection) = visit.draft.refused?;
    let (Rejection::PartyLimit { claim } | Rejection::HoldLimit { claim }) = rejection else {
        return None;
    };
    let person = visit.draft.person.as_ref()?;
    let claim = visit.app.engine.claim(claim).await.ok()?;
    let own = claim.party == visit.app.reception.party(person);
    (own && runs(&visit.app, &claim)).then_some(claim)
}

/// Goes on with a hold from before: whoever has the telephone and the birth date is its party.
pub(super) async fn resume(mut visit: Visit) -> Response {
    if let Some(to) = visit.missing(Step::When) {
        return go(to);
    }
    let (Some(claim), Some(person)) = (own_hold(&visit).await, visit.draft.person.clone()) else {
        return go(Step::When.path());
    };
    let tries = visit
        .pass(Gate::Lookup, &visit.network())
        .and_then(|()| visit.pass(Gate::Guess, &format!("party {:x}", claim.party.0)));
    if let Err(error) = tries {
        return failed(visit.frame, "/book/limit", &error);
    }
    let key = PersonKey { party: claim.party, request: claim.request };
    let now = visit.app.engine.now();
    if let Err(error) = visit.app.reception.people.put(key, &person, now).await {
        return failed(visit.frame, "/book/limit", &error);
    }
    visit.draft.services = claim.services.as_slice().to_vec();
    visit.draft.persons = u16::from(claim.persons);
    visit.draft.offices =
        visit.app.engine.office_of(claim.slot.day.calendar()).map(|office| vec![office]);
    visit.draft.hold = Some(claim.id);
    visit.draft.refused = None;
    visit.go(Step::Check.path())
}

/// The hold ended before it was confirmed.
pub(super) async fn expired(visit: Visit) -> Response {
    if let Some(to) = visit.missing(Step::When) {
        return go(to);
    }
    let w = visit.w;
    let mut ways = Vec::new();
    let mut lost = None;
    let held = match visit.draft.hold {
        Some(hold) => visit.app.engine.claim(hold).await.ok().map(|claim| claim.slot),
        None => None,
    };
    if let Some(slot) = held.or(visit.draft.refused.map(|(slot, _)| slot)) {
        let text = crate::web::wire::slot_to_text(&visit.app.engine, slot);
        ways.push(Way::button(Step::When.path(), &w.expired_again).with("slot", text));
        lost = start_of(&visit.app.engine, slot)
            .map(|at| spot(&visit.app, slot, at, visit.frame.language));
    }
    ways.push(Way::link(Step::When.path(), &w.see_all_times));
    let words = (w.expired_title.as_str(), w.expired_text.as_str());
    message(StatusCode::OK, visit.frame, words, lost, ways)
}

/// The draft is gone.
pub(super) async fn lost(visit: Visit) -> Response {
    let w = visit.w;
    let ways = vec![
        Way::link(Step::Service.path(), &visit.frame.words().start),
        Way::link("/manage", &visit.frame.words().manage),
    ];
    let words = (w.lost_title.as_str(), w.lost_text.as_str());
    message(StatusCode::OK, visit.frame, words, None, ways)
}
