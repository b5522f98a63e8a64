//! How does an operator move or cancel what was found?
//!
//! The new place is held first and the old one kept until the last step; nothing is cancelled
//! before it was asked for twice.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};

use crate::desk::WrapUp;
use crate::web::pages::citizen;
use crate::web::pages::citizen::fields::Fields;
use crate::web::pages::citizen::show::{Spot, service_names, spot_of};
use crate::web::pages::frame::{Frame, page};
use crate::{Claim, ClaimState, Error, Receipt, Rejection};

use super::Words;
use super::call::{Operator, Said};
use super::choice::Choice;
use super::find::found;
use super::taking::{booked, refused};

#[derive(Template)]
#[template(path = "desk/cancel.html")]
struct Cancel {
    frame: Frame,
    w: &'static Words,
    c: &'static citizen::Words,
    here: &'static str,
    admin: bool,
    back: String,
    action: String,
    spot: Option<Spot>,
    services: Vec<String>,
    persons: u8,
    name: String,
}

/// Begins to move a booking: places for the same are looked for.
pub(super) async fn start(mut operator: Operator, fields: Fields) -> Response {
    operator.call.said = None;
    let Some((id, claim)) = found(&operator, fields.one("claim")).await else {
        return operator.go();
    };
    if !matches!(claim.state, ClaimState::Booked | ClaimState::Displaced) {
        let error = Error::from(Rejection::WrongState { state: claim.state });
        return operator.refuse(error, None);
    }
    match operator.app.reception.person_of(&claim) {
        Ok(Some(kept)) => operator.call.take_person(&kept.person),
        Ok(None) => {}
        Err(error) => return operator.refuse(error, None),
    }
    operator.drop_hold().await;
    operator.call.moving = Some(id);
    operator.call.booked = None;
    operator.choice = Choice { from: operator.choice.from, ..Choice::of(&operator.app, &claim) };
    operator.go()
}

/// Leaves the booking where it is.
pub(super) async fn stay(mut operator: Operator) -> Response {
    operator.call.said = None;
    operator.drop_hold().await;
    operator.call.moving = None;
    operator.go()
}

/// Moves the booking into the hold.
pub(super) async fn finish(mut operator: Operator, hold: &Claim) -> Response {
    let Some(booking) = operator.call.moving else {
        return operator.go();
    };
    let request = operator.request("move");
    let engine = operator.app.engine.clone();
    let moved = match engine.reschedule_to_hold(booking, hold.id, request).await {
        Err(Error::Rejected(Rejection::TooLate { .. })) => past(&operator, hold).await,
        other => other,
    };
    match moved {
        Ok(receipt) => {
            if !receipt.replayed {
                let to = crate::web::wire::slot_to_text(&engine, hold.slot);
                operator.note("reschedule", booking, &to).await;
            }
            booked(operator, &receipt.claim, true)
        }
        Err(error) => refused(operator, error.into(), hold.slot),
    }
}

/// After the cut-off staff may still move: not into a hold, so it makes room. If somebody is
/// faster, the booking stays where it is.
async fn past(operator: &Operator, hold: &Claim) -> Result<Receipt, Error> {
    let engine = &operator.app.engine;
    let booking = operator.call.moving.unwrap_or(hold.id);
    let _ = engine.release(hold.id).await;
    engine.reschedule_by_staff(booking, hold.slot, operator.request("late")).await
}

/// Asks whether to cancel.
pub(super) async fn ask(operator: Operator, Path(text): Path<String>) -> Response {
    let Some((id, claim)) = found(&operator, &text).await else {
        return Redirect::to(&operator.here()).into_response();
    };
    let name = match operator.app.reception.person_of(&claim) {
        Ok(kept) => kept.map(|kept| kept.person.name).unwrap_or_default(),
        Err(_) => String::new(),
    };
    let language = operator.frame.language;
    page(&Cancel {
        here: "desk",
        admin: operator.is_admin(),
        back: operator.here(),
        action: format!("/desk/cancel/{id}?{}", operator.choice.query()),
        spot: spot_of(&operator.app, &claim, language),
        services: service_names(&operator.app, claim.services.as_slice(), language),
        persons: claim.persons,
        name,
        w: operator.w,
        c: operator.c,
        frame: operator.frame,
    })
}

/// Cancels for the person.
pub(super) async fn cancel(mut operator: Operator, Path(text): Path<String>) -> Response {
    operator.call.said = None;
    let Some((id, _)) = found(&operator, &text).await else {
        return operator.go();
    };
    match operator.app.engine.cancel_by_staff(id, operator.actor()).await {
        Ok(receipt) => {
            operator.call.said = Some(Said::Cancelled);
            operator.call.came_to = Some(WrapUp::Cancelled);
            if !receipt.replayed {
                operator.note("cancel", id, "").await;
            }
            if operator.call.booked == Some(id) {
                operator.call.booked = None;
            }
            if operator.call.moving == Some(id) {
                operator.call.moving = None;
            }
            operator.go()
        }
        Err(error) => operator.refuse(error, None),
    }
}
