//! How does somebody come back to a booking? By its code and the birth date.
//!
//! A wrong code and a wrong birth date get the same answer, and tries are counted. Never changes
//! a booking on a GET; the old place stays until the new one is confirmed.

use askama::Template;
use axum::response::Response;

use crate::desk::{Code, DeskError, Gate, Kept};
use crate::{Claim, ClaimState, Error, Rejection};

use super::super::frame::{Frame, page};
use super::Words;
use super::booked::own;
use super::details::{birth, date_of, short};
use super::fields::{Fields, Wrong};
use super::message::failed;
use super::show::{self, Spot, bring, cutoffs, service_names, spot_of};
use super::visit::{Draft, Step, Typed, Visit, go};

const SHOWN: &str = "/manage/appointment";

#[derive(Template)]
#[template(path = "citizen/manage.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    wrong: Wrong,
    typed: Typed,
}

#[derive(Template)]
#[template(path = "citizen/managed.html")]
struct Managed {
    frame: Frame,
    w: &'static Words,
    note: Option<String>,
    code: String,
    state: String,
    spot: Option<Spot>,
    services: Vec<String>,
    persons: u8,
    name: String,
    bring: Vec<String>,
    active: bool,
    can_move: bool,
    can_cancel: bool,
}

#[derive(Template)]
#[template(path = "citizen/cancel.html")]
struct Cancel {
    frame: Frame,
    w: &'static Words,
    spot: Option<Spot>,
    services: Vec<String>,
    persons: u8,
    name: String,
}

pub(super) async fn ask(visit: Visit) -> Response {
    let typed = visit.draft.typed.clone();
    let mut wrong = Wrong::default();
    if visit.query.has("wrong") {
        let w = visit.w;
        if typed.code.parse::<Code>().is_err() {
            wrong.add("code", &w.code_wrong);
        }
        if date_of(&typed.birth).is_none() {
            wrong.add("day", &w.birth_wrong);
        }
        if wrong.is_empty() {
            wrong.add("code", &w.not_found);
        }
    }
    page(&Page { wrong, typed, w: visit.w, frame: visit.frame })
}

pub(super) async fn answer(mut visit: Visit, fields: Fields) -> Response {
    let code = short(fields.one("code"));
    visit.draft.typed.code.clone_from(&code);
    visit.draft.typed.birth = birth(&fields);
    let (Ok(code), Some(birth)) = (code.parse::<Code>(), date_of(&visit.draft.typed.birth)) else {
        return visit.go("/manage?wrong=1");
    };
    let tries = visit
        .pass(Gate::Lookup, &visit.network())
        .and_then(|()| visit.pass(Gate::Guess, &code.digits()));
    if let Err(error) = tries {
        return failed(visit.frame, "/manage", &error);
    }
    match visit.app.reception.find(code, birth).await {
        Ok(found) => {
            visit.draft.typed = Typed::default();
            visit.draft.managing = Some(found.claim.id);
            visit.go_anew(SHOWN)
        }
        Err(DeskError::NotFound) => visit.go("/manage?wrong=1"),
        Err(error) => failed(visit.frame, "/manage", &error),
    }
}

pub(super) async fn show(visit: Visit) -> Response {
    let Some((claim, kept)) = own(&visit).await else {
        return go("/manage");
    };
    let (w, language) = (visit.w, visit.frame.language);
    let note = if visit.query.has("late") {
        Some(w.too_late.clone())
    } else if visit.query.has("changed") {
        Some(w.changed.clone())
    } else {
        (claim.state == ClaimState::Displaced).then(|| w.displaced.clone())
    };
    let (can_cancel, can_move) = changeable(&visit, &claim);
    let (ids, spot) = (claim.services.as_slice(), spot_of(&visit.app, &claim, language));
    page(&Managed {
        note,
        code: kept.code.to_string(),
        state: show::state(w, claim.state).to_owned(),
        spot,
        services: service_names(&visit.app, ids, language),
        persons: claim.persons,
        name: kept.person.name,
        bring: bring(&visit.app, ids, language),
        active: claim.state.is_active(),
        can_move,
        can_cancel,
        w,
        frame: visit.frame,
    })
}

/// Whether to offer cancelling and moving; the engine decides.
fn changeable(visit: &Visit, claim: &Claim) -> (bool, bool) {
    let now = visit.app.engine.now();
    let left = claim.starts_at.map_or(0, |at| (at - now).num_seconds());
    let (cancel, change) = cutoffs(&visit.app, claim.services.as_slice());
    let before = |cutoff: u64| left > 0 && left.unsigned_abs() >= cutoff;
    match claim.state {
        ClaimState::Displaced => (true, true),
        ClaimState::Booked => (before(cancel), before(change)),
        _ => (false, false),
    }
}

/// Begins to move the booking: its details become those of a new draft.
pub(super) async fn change(mut visit: Visit) -> Response {
    let Some((claim, kept)) = own(&visit).await else {
        return go("/manage");
    };
    if !matches!(claim.state, ClaimState::Booked | ClaimState::Displaced) {
        return go("/manage/appointment?changed=1");
    }
    visit.release().await;
    visit.draft = moving(&visit, &claim, kept);
    visit.go(Step::When.path())
}

fn moving(visit: &Visit, claim: &Claim, kept: Kept) -> Draft {
    let office = visit.app.engine.office_of(claim.slot.day.calendar());
    Draft {
        services: claim.services.as_slice().to_vec(),
        persons: u16::from(claim.persons),
        offices: Some(office.into_iter().collect()),
        person: Some(kept.person),
        managing: Some(claim.id),
        moving: Some(claim.id),
        attempt: visit.draft.attempt + 1,
        ..Draft::default()
    }
}

pub(super) async fn ask_cancel(visit: Visit) -> Response {
    let Some((claim, kept)) = own(&visit).await else {
        return go("/manage");
    };
    if !claim.state.is_active() {
        return go(SHOWN);
    }
    let language = visit.frame.language;
    page(&Cancel {
        spot: spot_of(&visit.app, &claim, language),
        services: service_names(&visit.app, claim.services.as_slice(), language),
        persons: claim.persons,
        name: kept.person.name,
        w: visit.w,
        frame: visit.frame,
    })
}

pub(super) async fn cancel(mut visit: Visit) -> Response {
    let Some(booking) = visit.draft.managing else {
        return go("/manage");
    };
    match visit.app.engine.cancel(booking).await {
        Ok(_) | Err(Error::Rejected(Rejection::AlreadyEnded { how: ClaimState::Cancelled })) => {
            visit.draft.booked = None;
            visit.draft.moving = None;
            visit.go(SHOWN)
        }
        Err(Error::Rejected(Rejection::TooLate { .. })) => go("/manage/appointment?late=1"),
        Err(Error::Rejected(_)) => go("/manage/appointment?changed=1"),
        Err(error) => failed(visit.frame, SHOWN, &error.into()),
    }
}

/// Forgets everything that this browser has said, and gives back what it has on hold.
pub(super) async fn leave(mut visit: Visit) -> Response {
    visit.release().await;
    visit.forget("/")
}
