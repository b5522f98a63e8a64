//! Who is calling? One box for a code, a telephone number, or a name and a birth date.
//!
//! Never keeps a hold of the call before: it is given back, or goes on under its own clock.

use axum::response::Response;
use chrono::NaiveDate;

use crate::desk::{Found, Telephone};
use crate::web::pages::citizen::details::short;
use crate::web::pages::citizen::fields::Fields;
use crate::web::pages::citizen::taking::runs;
use crate::web::pages::citizen::visit::Typed;
use crate::web::wire::claim_from_text;
use crate::{Channel, Claim, ClaimId};

use super::call::{Call, Operator, with_cookie};
use super::choice::Choice;

/// As many claims are listed.
const FOUND_MAX: usize = 12;

/// Looks somebody up. A booking that was made before belongs to the call before.
pub(super) async fn find(mut operator: Operator, fields: Fields) -> Response {
    let text = short(fields.one("q"));
    if operator.call.booked.is_some() {
        if let Err(error) = operator.wrap_up(&fields).await {
            return operator.refuse(error, None);
        }
        operator.call = Call { attempt: operator.call.attempt, ..Call::of(&operator.session) };
    }
    operator.call.said = None;
    operator.call.found.clear();
    operator.call.looked = !text.is_empty();
    operator.call.typed.code.clone_from(&text);
    if text.is_empty() {
        return operator.go();
    }
    let mut found = match operator.app.reception.search(&text).await {
        Ok(found) => found,
        Err(error) => return operator.refuse(error, None),
    };
    found.sort_by_key(|found| (!found.claim.state.is_active(), found.claim.starts_at));
    found.truncate(FOUND_MAX);
    let note = format!("{} found", found.len());
    let now = operator.app.engine.now();
    if let Err(error) =
        operator.app.audit.note(now, &operator.session.name, "search", "", &note).await
    {
        return operator.refuse(error, None);
    }
    operator.call.found = found.iter().map(|found| found.claim.id).collect();
    if operator.call.hold.is_none() {
        prefill(&mut operator.call, &text, &found);
    }
    operator.go()
}

/// What the text or the claims found tell of the person goes into the form.
fn prefill(call: &mut Call, text: &str, found: &[Found]) {
    let code = std::mem::take(&mut call.typed.code);
    call.typed = Typed { code, ..Typed::default() };
    call.wrong = false;
    if let Some((first, rest)) = found.split_first() {
        let same = |other: &Found| other.claim.party == first.claim.party;
        if rest.iter().all(same) {
            call.take_person(&first.kept.person);
            return;
        }
    }
    if Telephone::parse(text).is_ok() {
        text.clone_into(&mut call.typed.telephone);
    } else if let Some((name, birth)) = text.rsplit_once(char::is_whitespace)
        && let Ok(birth) = birth.parse::<NaiveDate>()
    {
        use chrono::Datelike;
        name.clone_into(&mut call.typed.name);
        call.typed.birth.day = birth.day().to_string();
        call.typed.birth.month = birth.month().to_string();
        call.typed.birth.year = birth.year().to_string();
    }
}

/// A claim that was found in this call.
pub(super) async fn found(operator: &Operator, text: &str) -> Option<(ClaimId, Claim)> {
    let id = claim_from_text(text).filter(|id| operator.call.found.contains(id))?;
    Some((id, operator.app.engine.claim(id).await.ok()?))
}

/// Takes the person of a found claim for a new place.
pub(super) async fn person(mut operator: Operator, fields: Fields) -> Response {
    operator.call.said = None;
    if let Some((_, claim)) = found(&operator, fields.one("claim")).await {
        match operator.app.reception.person_of(&claim) {
            Ok(Some(kept)) => operator.call.take_person(&kept.person),
            Ok(None) => {}
            Err(error) => return operator.refuse(error, None),
        }
    }
    operator.go()
}

/// Goes on with a hold that was found.
pub(super) async fn resume(mut operator: Operator, fields: Fields) -> Response {
    operator.call.said = None;
    let Some((id, claim)) = found(&operator, fields.one("claim")).await else {
        return operator.go();
    };
    if !runs(&operator.app, &claim) {
        let ended = crate::Rejection::HoldExpired { at: operator.app.engine.now() };
        return operator.refuse(crate::Error::from(ended), Some(claim.slot));
    }
    match operator.app.reception.person_of(&claim) {
        Ok(Some(kept)) => operator.call.take_person(&kept.person),
        Ok(None) => {}
        Err(error) => return operator.refuse(error, None),
    }
    operator.drop_hold().await;
    operator.call.hold = Some(id);
    operator.call.moving = None;
    operator.choice = Choice { from: operator.choice.from, ..Choice::of(&operator.app, &claim) };
    operator.go()
}

/// Ends the call: it is counted, what is on hold is given back, what was said is forgotten.
pub(super) async fn close(mut operator: Operator, fields: Fields) -> Response {
    if let Err(error) = operator.wrap_up(&fields).await {
        return operator.refuse(error, None);
    }
    operator.drop_hold().await;
    operator.call = Call { attempt: operator.call.attempt + 1, ..Call::of(&operator.session) };
    operator.go()
}

/// The switches: calls or counter, single keys on or off.
pub(super) async fn settings(mut operator: Operator, fields: Fields) -> Response {
    match fields.one("channel") {
        "phone" => operator.set.channel = Channel::PHONE,
        "desk" => operator.set.channel = Channel::DESK,
        _ => {}
    }
    match fields.one("keys") {
        "on" => operator.set.keys = true,
        "off" => operator.set.keys = false,
        _ => {}
    }
    let cookie = operator.set.cookie(&operator.app);
    with_cookie(operator.go(), &cookie)
}
