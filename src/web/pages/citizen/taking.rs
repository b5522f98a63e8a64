//! How is the chosen place taken? A hold in the person's name, or the present hold moved to it.
//!
//! Never decides: the engine does, and its refusals lead to pages of their own.

use axum::response::Response;

use crate::desk::DeskError;
use crate::web::App;
use crate::{Ask, Claim, ClaimId, ClaimState, Error, Rejection, SlotId};

use super::message::failed;
use super::visit::{Step, Visit, go};

/// Takes a slot for the draft's person and sends the browser on. The same again does nothing new.
pub(super) async fn take(mut visit: Visit, slot: SlotId) -> Response {
    let Some(person) = visit.draft.person.clone() else {
        return go(Step::Details.path());
    };
    if let Some(hold) = visit.draft.hold {
        match visit.app.engine.claim(hold).await {
            Ok(claim) if runs(&visit.app, &claim) => return swap(visit, claim, slot).await,
            Ok(claim) if claim.state == ClaimState::Booked => return booked(visit, claim.id),
            // Its time is over: it makes room at once.
            _ => visit.release().await,
        }
    }
    let Some((first, more)) = visit.draft.services.split_first() else {
        return go(Step::Service.path());
    };
    let party = visit.app.reception.party(&person);
    let mut ask = Ask::new(party, visit.request("hold"), *first, slot);
    ask = ask.persons(visit.draft.persons);
    for service in more {
        ask = ask.also(*service);
    }
    if let Some(booking) = visit.draft.moving {
        ask = ask.replacing(booking);
    }
    match visit.app.reception.hold(&ask, &person).await {
        Ok(held) => taken(visit, &held.receipt.claim),
        Err(error) => refuse(visit, slot, &error),
    }
}

/// Whether a hold's time is not over yet; the engine may notice that later than the clock.
pub(in crate::web::pages) fn runs(app: &App, claim: &Claim) -> bool {
    let now = app.engine.now();
    claim.state == ClaimState::Held && claim.deadline.is_some_and(|deadline| now < deadline)
}

async fn swap(visit: Visit, claim: Claim, slot: SlotId) -> Response {
    if claim.slot == slot {
        return visit.go(Step::Check.path());
    }
    let request = visit.request(&format!("swap {} {slot}", claim.version));
    match visit.app.engine.swap(claim.id, slot, request).await {
        Ok(receipt) => taken(visit, &receipt.claim),
        Err(error) => refuse(visit, slot, &error.into()),
    }
}

fn taken(mut visit: Visit, claim: &Claim) -> Response {
    visit.draft.refused = None;
    match claim.state {
        ClaimState::Held => {
            visit.draft.hold = Some(claim.id);
            visit.go(Step::Check.path())
        }
        ClaimState::Booked => booked(visit, claim.id),
        // The answer to a repeat of what has ended meanwhile.
        _ => {
            visit.draft.attempt += 1;
            visit.draft.hold = None;
            visit.go("/book/expired")
        }
    }
}

/// Notes that the claim is booked.
pub(super) fn booked(mut visit: Visit, claim: ClaimId) -> Response {
    visit.draft.moved = visit.draft.moving.take().is_some();
    visit.draft.hold = None;
    visit.draft.attempt += 1;
    visit.draft.booked = Some(claim);
    visit.draft.managing = Some(claim);
    visit.draft.refused = None;
    visit.go("/booked")
}

/// Where a refusal leads.
pub(super) fn refuse(mut visit: Visit, slot: SlotId, error: &DeskError) -> Response {
    let rejection = match error {
        DeskError::Engine(Error::Rejected(rejection)) => *rejection,
        other => {
            let back = if visit.draft.hold.is_some() { Step::Check } else { Step::When };
            return failed(visit.frame, back.path(), other);
        }
    };
    if !matches!(rejection, Rejection::RequestReused { .. }) {
        visit.draft.refused = Some((slot, rejection));
    }
    let to = match rejection {
        Rejection::SlotFull { .. }
        | Rejection::ChannelLimit { .. }
        | Rejection::SlotClosed { .. }
        | Rejection::UnknownDay { .. }
        | Rejection::NotYetReleased { .. }
        | Rejection::TooLate { .. }
        | Rejection::ServiceNotServed { .. }
        | Rejection::OutOfRange { .. } => "/book/taken",
        Rejection::PartyLimit { .. }
        | Rejection::HoldLimit { .. }
        | Rejection::TooManyEnded { .. } => "/book/limit",
        Rejection::HoldExpired { .. } | Rejection::AlreadyEnded { .. } => {
            visit.draft.hold = None;
            "/book/expired"
        }
        Rejection::RequestReused { claim } => {
            // Two choices at once: the first one stands.
            visit.draft.hold = Some(claim);
            return visit.go(Step::Check.path());
        }
        _ => return failed(visit.frame, Step::When.path(), error),
    };
    visit.draft.attempt += 1;
    visit.go(to)
}
