//! How does a place become somebody's while they are on the telephone? Taken first, named then,
//! confirmed last.
//!
//! A place may be taken before anybody has said who they are; confirming puts it into their name,
//! under their limits. Never gives up what the call has on hold before the next is taken, but where
//! the last place of a slot passes from nobody to its person: the engine has no such step.

use std::time::Duration;

use axum::response::Response;

use crate::desk::{DeskError, Language, Person, PersonKey, WrapUp};
use crate::web::pages::citizen::details::{birth, read, short};
use crate::web::pages::citizen::fields::Fields;
use crate::web::pages::citizen::taking::runs;
use crate::web::pages::citizen::visit::Typed;
use crate::web::refused::Wish;
use crate::web::wire;
use crate::{Ask, Claim, ClaimState, Error, Rejection, SlotId};

use super::call::{Operator, Refusal, Said};

impl Operator {
    /// Keeps what was typed, if the form has details at all.
    pub(super) fn keep(&mut self, fields: &Fields) {
        if fields.has("name") {
            self.call.typed = Typed {
                name: short(fields.one("name")),
                telephone: short(fields.one("telephone")),
                email: short(fields.one("email")),
                birth: birth(fields),
                code: std::mem::take(&mut self.call.typed.code),
            };
        }
        self.call.wrong = false;
        self.call.said = None;
    }

    /// The person as typed, if all of it will do.
    pub(super) fn person(&self) -> Option<Person> {
        let today = self.app.engine.now().date_naive();
        read(&self.call.typed, self.spoken(), today).ok()
    }

    /// Gives back what is on hold, if anything.
    pub(super) async fn drop_hold(&mut self) {
        let Some(hold) = self.call.hold.take() else { return };
        self.call.attempt += 1;
        // It may have ended already; then there is nothing to give back.
        if let Ok(receipt) = self.app.engine.release(hold).await
            && !receipt.replayed
        {
            self.note("release", hold, "").await;
        }
    }

    /// Asks for a hold for the person, or for nobody yet.
    async fn ask(
        &self,
        wish: &Wish,
        slot: SlotId,
        person: Option<&Person>,
    ) -> Result<Claim, DeskError> {
        let party = person.map_or_else(|| self.nobody(), |p| self.app.reception.party(p));
        let ask: Ask = wish.ask(party, self.request("hold"), slot).actor(self.actor());
        // The two count once against the party's limits.
        let ask = match self.call.moving.or(self.call.hold) {
            Some(before) => ask.replacing(before),
            None => ask,
        };
        Ok(match person {
            Some(person) => self.app.reception.hold(&ask, person).await?.receipt.claim,
            None => self.app.engine.hold(&ask).await?.claim,
        })
    }
}

/// In which language the caller is spoken to.
pub(super) async fn speak(mut operator: Operator, fields: Fields) -> Response {
    operator.keep(&fields);
    operator.call.language = Language::from_tag(fields.one("language")).or(operator.call.language);
    operator.go()
}

/// Takes a place, or moves the hold to it. The same again does nothing new.
pub(super) async fn take(mut operator: Operator, fields: Fields) -> Response {
    operator.keep(&fields);
    let slot = wire::slot_from_text(&operator.app.engine, fields.one("slot"));
    let (Some(slot), Some(wish)) = (slot, operator.wish().await) else {
        return operator.go();
    };
    operator.call.booked = None;
    let held = operator.held().await;
    let answer = match &held {
        Some(claim) if claim.slot == slot && same(&Wish::of(claim), &wish) => {
            return operator.go();
        }
        Some(claim) if same(&Wish::of(claim), &wish) => {
            let request = operator.request(&format!("swap {} {slot}", claim.version));
            let swapped = operator.app.engine.swap(claim.id, slot, request).await;
            swapped.map(|receipt| receipt.claim).map_err(DeskError::from)
        }
        _ => {
            // Another wish, or the first place: what is on hold stays until this one is taken.
            operator.call.attempt += u32::from(operator.call.hold.is_some());
            if held.is_none()
                && let Some(over) = operator.call.hold.take()
            {
                // Its time is over: it makes room at once.
                let _ = operator.app.engine.release(over).await;
            }
            let person = operator.person();
            operator.ask(&wish, slot, person.as_ref()).await
        }
    };
    let claim = match answer {
        Ok(claim) if claim.state == ClaimState::Held => claim,
        // The answer to a repeat of what has ended meanwhile.
        Ok(claim) => {
            operator.call.attempt += 1;
            operator.call.hold = None;
            return operator.refuse(ended(&claim), Some(slot));
        }
        Err(error) => return refused(operator, error, slot),
    };
    if let Some(before) = held.filter(|before| before.id != claim.id) {
        // Best effort: it ends by itself too.
        if operator.app.engine.release(before.id).await.is_ok() {
            operator.note("release", before.id, "").await;
        }
    }
    operator.call.hold = Some(claim.id);
    let note = wire::slot_to_text(&operator.app.engine, slot);
    operator.note("hold", claim.id, &note).await;
    operator.go()
}

/// Whether a hold was made for the same.
fn same(one: &Wish, other: &Wish) -> bool {
    let key = |wish: &Wish| (wish.persons, wish.in_turn, wish.channel);
    key(one) == key(other) && one.services.as_slice() == other.services.as_slice()
}

fn ended(claim: &Claim) -> Error {
    Rejection::AlreadyEnded { how: claim.state }.into()
}

/// A refused place: what stands in the person's way is shown among the claims found.
pub(super) fn refused(mut operator: Operator, error: DeskError, slot: SlotId) -> Response {
    operator.call.attempt += 1;
    if let DeskError::Engine(Error::Rejected(
        Rejection::PartyLimit { claim } | Rejection::HoldLimit { claim },
    )) = error
    {
        operator.call.found.retain(|known| *known != claim);
        operator.call.found.insert(0, claim);
        operator.call.looked = true;
    }
    if matches!(&error, DeskError::Engine(Error::Rejected(Rejection::HoldExpired { .. }))) {
        operator.call.hold = None;
    }
    operator.refuse(error, Some(slot))
}

/// Confirms: the details are right, the place is in their name, then it is booked; or the booking
/// moves to it.
pub(super) async fn confirm(mut operator: Operator, fields: Fields) -> Response {
    operator.keep(&fields);
    let Some(hold) = operator.call.hold else {
        return operator.go();
    };
    let claim = match operator.app.engine.claim(hold).await {
        Ok(claim) => claim,
        Err(error) => return operator.refuse(error, None),
    };
    let slot = claim.slot;
    let over = [ClaimState::Held, ClaimState::Expired].contains(&claim.state);
    if over && !runs(&operator.app, &claim) {
        let at = claim.deadline.unwrap_or_else(|| operator.app.engine.now());
        // It makes room at once.
        let _ = operator.app.engine.release(hold).await;
        return refused(operator, Error::from(Rejection::HoldExpired { at }).into(), slot);
    }
    if operator.call.moving.is_some() {
        return super::change::finish(operator, &claim).await;
    }
    let Some(person) = operator.person() else {
        operator.call.wrong = true;
        return operator.go();
    };
    let claim = match named(&mut operator, claim, &person).await {
        Ok(claim) => claim,
        Err(error) => return refused(operator, error, slot),
    };
    match operator.app.engine.confirm(claim.id).await {
        Ok(receipt) => {
            if !receipt.replayed {
                operator.note("confirm", claim.id, "").await;
            }
            booked(operator, &receipt.claim, false)
        }
        Err(error) => refused(operator, error.into(), slot),
    }
}

/// The place is theirs.
pub(super) fn booked(mut operator: Operator, claim: &Claim, moved: bool) -> Response {
    operator.call.attempt += 1;
    operator.call.hold = None;
    operator.call.moving = None;
    operator.call.booked = Some(claim.id);
    operator.call.moved = moved;
    operator.call.came_to = Some(if moved { WrapUp::Moved } else { WrapUp::Booked });
    operator.call.found.retain(|known| *known != claim.id);
    operator.call.found.insert(0, claim.id);
    operator.call.looked = true;
    operator.go()
}

/// The hold in the person's name, with what was typed last.
async fn named(operator: &mut Operator, claim: Claim, person: &Person) -> Result<Claim, DeskError> {
    let app = operator.app.clone();
    if claim.party == app.reception.party(person) {
        let key = PersonKey { party: claim.party, request: claim.request };
        app.reception.people.put(key, person, app.engine.now()).await?;
        return Ok(claim);
    }
    let wish = Wish::of(&claim);
    operator.call.attempt += 1;
    let mut answer = operator.ask(&wish, claim.slot, Some(person)).await;
    let mut released = false;
    if let Err(DeskError::Engine(Error::Rejected(
        Rejection::SlotFull { .. } | Rejection::ChannelLimit { .. },
    ))) = answer
    {
        // It is the call's own hold that fills the slot.
        app.engine.release(claim.id).await?;
        released = true;
        answer = operator.ask(&wish, claim.slot, Some(person)).await;
        operator.call.hold = None;
    }
    let theirs = answer?;
    operator.call.hold = Some(theirs.id);
    if !released {
        let _ = app.engine.release(claim.id).await;
    }
    operator.note("hold", theirs.id, &format!("instead of {}", claim.id)).await;
    Ok(theirs)
}

/// Asks for more time.
pub(super) async fn extend(mut operator: Operator, fields: Fields) -> Response {
    operator.keep(&fields);
    let Some(hold) = operator.call.hold else {
        return operator.go();
    };
    let ttl = operator.app.engine.catalog().map_or(600, |catalog| catalog.holds.ttl.seconds());
    match operator.app.engine.extend(hold, Duration::from_secs(ttl)).await {
        Ok(_) => {
            operator.call.said = Some(Said::Extended);
            operator.note("extend", hold, "").await;
            operator.go()
        }
        Err(Error::Rejected(Rejection::TooLate { .. })) => {
            let name = "extension-limit";
            operator.call.said = Some(Said::Refused(Refusal { name, slot: None, at: None }));
            operator.go()
        }
        Err(error) => {
            let slot = operator.app.engine.claim(hold).await.ok().map(|claim| claim.slot);
            match slot {
                Some(slot) => refused(operator, error.into(), slot),
                None => operator.refuse(error, None),
            }
        }
    }
}

/// Gives the place back.
pub(super) async fn release(mut operator: Operator, fields: Fields) -> Response {
    operator.keep(&fields);
    if operator.call.hold.is_some() {
        operator.call.said = Some(Said::Released);
        operator.drop_hold().await;
    }
    operator.go()
}
