//! Is everything right? The last look before the place is theirs, and the one button.
//!
//! Confirming twice is confirming once; the engine knows when time is over.

use std::time::Duration;

use askama::Template;
use axum::response::Response;

use crate::desk::Person;
use crate::{Claim, ClaimState, Error, Rejection};

use super::super::frame::{Frame, fill, page};
use super::Words;
use super::message::failed;
use super::show::{Spot, date, service_names, spot_of};
use super::taking::{booked, refuse, runs};
use super::visit::{Step, Visit, go};

#[derive(Template)]
#[template(path = "citizen/check.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    step: String,
    /// Milliseconds since 1970, for the script.
    deadline: i64,
    now: i64,
    left: String,
    can_extend: bool,
    moving: Option<Spot>,
    spot: Spot,
    services: Vec<String>,
    persons: u8,
    person: Person,
    birth: String,
}

pub(super) async fn ask(mut visit: Visit) -> Response {
    if visit.draft.hold.is_none() && visit.draft.booked.is_some() {
        return go("/booked");
    }
    if let Some(to) = visit.missing(Step::Check) {
        return go(to);
    }
    let (claim, person) = match (held(&visit).await, visit.draft.person.take()) {
        (Ok(claim), Some(person)) => (claim, person),
        (Err(Away::To(to)), _) => return go(to),
        (Err(Away::Failed(error)), _) => {
            return failed(visit.frame, Step::Check.path(), &error.into());
        }
        _ => return go(Step::Details.path()),
    };
    let language = visit.frame.language;
    let now = visit.app.engine.now();
    let (Some(spot), Some(deadline)) = (spot_of(&visit.app, &claim, language), claim.deadline)
    else {
        return go("/book/expired");
    };
    let moving = match visit.draft.moving {
        Some(booking) => visit.app.engine.claim(booking).await.ok(),
        None => None,
    };
    let left = (deadline - now).num_seconds().max(0);
    let moving = moving.and_then(|claim| spot_of(&visit.app, &claim, language));
    let step = if moving.is_some() { String::new() } else { Step::Check.words(visit.w) };
    page(&Page {
        step,
        deadline: deadline.timestamp_millis(),
        now: now.timestamp_millis(),
        left: time_left(visit.w, left),
        can_extend: !visit.query.has("last"),
        moving,
        spot,
        services: service_names(&visit.app, claim.services.as_slice(), language),
        persons: claim.persons,
        birth: date(person.birth, language),
        person,
        w: visit.w,
        frame: visit.frame,
    })
}

/// Confirms, or moves the booking into the hold.
pub(super) async fn answer(mut visit: Visit) -> Response {
    let Some(hold) = visit.draft.hold else {
        let done = visit.draft.booked.is_some();
        return go(if done { "/booked" } else { visit.missing(Step::Check).unwrap_or("/") });
    };
    let engine = &visit.app.engine;
    let slot = match engine.claim(hold).await {
        Ok(claim) => claim.slot,
        Err(Error::Rejected(_)) => return go("/book/lost"),
        Err(error) => return failed(visit.frame, Step::Check.path(), &error.into()),
    };
    let answer = match visit.draft.moving {
        Some(booking) => engine.reschedule_to_hold(booking, hold, visit.request("move")).await,
        None => engine.confirm(hold).await,
    };
    match answer {
        Ok(receipt) => booked(visit, receipt.id()),
        Err(Error::Rejected(Rejection::TooLate { .. })) if visit.draft.moving.is_some() => {
            visit.draft.moving = None;
            visit.release().await;
            visit.go("/manage/appointment?late=1")
        }
        Err(Error::Rejected(Rejection::AlreadyEnded { how: ClaimState::Revoked })) => {
            visit.draft.hold = None;
            refuse(visit, slot, &Error::from(Rejection::SlotClosed { slot }).into())
        }
        Err(error) => refuse(visit, slot, &error.into()),
    }
}

/// Asks for more time.
pub(super) async fn extend(visit: Visit) -> Response {
    let Some(hold) = visit.draft.hold else {
        return go(visit.missing(Step::Check).unwrap_or("/booked"));
    };
    let ttl = visit.app.engine.catalog().map_or(600, |catalog| catalog.holds.ttl.seconds());
    match visit.app.engine.extend(hold, Duration::from_secs(ttl)).await {
        Err(Error::Rejected(Rejection::TooLate { .. } | Rejection::OutOfRange { .. })) => {
            go("/book/check?last=1")
        }
        Ok(_) | Err(Error::Rejected(_)) => go(Step::Check.path()),
        Err(error) => failed(visit.frame, Step::Check.path(), &error.into()),
    }
}

/// Why there is nothing to check.
enum Away {
    To(&'static str),
    Failed(Error),
}

/// The draft's hold, or why there is none.
async fn held(visit: &Visit) -> Result<Claim, Away> {
    let hold = visit.draft.hold.ok_or(Away::To(Step::When.path()))?;
    let claim = visit.app.engine.claim(hold).await.map_err(|error| match error {
        Error::Rejected(_) => Away::To("/book/expired"),
        other => Away::Failed(other),
    })?;
    let person = visit.draft.person.as_ref();
    let own = person.is_some_and(|person| visit.app.reception.party(person) == claim.party);
    if own && runs(&visit.app, &claim) {
        return Ok(claim);
    }
    let booked = own && claim.state == ClaimState::Booked;
    Err(Away::To(if booked { "/booked" } else { "/book/expired" }))
}

fn time_left(w: &Words, seconds: i64) -> String {
    match (seconds + 30) / 60 {
        ..=1 => w.clock_one.clone(),
        minutes => fill(&w.clock_left, "n", minutes),
    }
}
