//! How is a request of a call carried out? At the reception, on the engine, for the phone's share.
//!
//! Never decides about a place: the engine does; its refusals become the few answers that can be
//! spoken (`answers` has the table).

mod answers;
mod found;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use crate::desk::{DeskError, Gate, HandOff, Language, Person, Telephone};
use crate::{
    Ask, CalendarId, Channel, Claim, ClaimId, Engine, Opening, Openings, RequestId, ServiceId,
};

use answers::{answer_of_desk, answer_to, is_of_the_slot};

use super::exchange::Exchange;
use super::port::{Answer, Answering, Appointment, Desk, Handing, Request, Wish};
use super::words::Words;

/// How long a place is held by a call, since the last thing that happened in it.
const TTL: Duration = Duration::from_mins(2);
/// Places that are looked at for one offer.
const LOOK_AT: usize = 64;
/// Places that may be lost to others, one after the other, before it is looked again.
const TRIES: usize = 8;
/// How often it is looked.
const LOOKS: usize = 32;

/// Carries out the requests of one call.
#[derive(Clone, Debug)]
pub struct Clerk {
    exchange: Exchange,
    call: String,
    from: Option<Telephone>,
    /// By whom tries are counted: the number, or the call.
    who: String,
}

impl Desk for Clerk {
    fn ask(&self, request: Request) -> Answering {
        let clerk = self.clone();
        Box::pin(async move { clerk.carry_out(request).await })
    }
}

impl Clerk {
    /// For the call of this name.
    pub fn new(exchange: Exchange, call: &str, from: Option<&Telephone>) -> Self {
        let who = from.map_or_else(|| format!("call {call}"), number);
        Self { exchange, call: call.to_owned(), from: from.cloned(), who }
    }

    fn engine(&self) -> &Arc<Engine> {
        self.exchange.engine()
    }

    async fn carry_out(&self, request: Request) -> Answer {
        match request {
            Request::Find(code, birth) => self.find(code, birth).await,
            Request::FindByTelephone(telephone, birth) => {
                self.find_by_telephone(&telephone, birth).await
            }
            Request::Offer(wish) => self.offer(&wish).await,
            Request::Confirm(claim) => match self.engine().confirm(claim).await {
                Ok(receipt) => Answer::Done(self.appointment(&receipt.claim)),
                Err(error) => answer_to(&error),
            },
            Request::Move { booking, hold, number } => {
                let request = self.request("move", number);
                match self.engine().reschedule_to_hold(booking, hold, request).await {
                    Ok(receipt) => Answer::Done(self.appointment(&receipt.claim)),
                    Err(error) => answer_to(&error),
                }
            }
            Request::Cancel(claim) => match self.engine().cancel(claim).await {
                Ok(receipt) => Answer::Done(self.appointment(&receipt.claim)),
                Err(error) => answer_to(&error),
            },
            Request::Release(claim) => match self.engine().release(claim).await {
                Ok(_) => Answer::Done(None),
                Err(error) => answer_to(&error),
            },
            Request::Renew(claim) => match self.engine().extend(claim, self.ttl()).await {
                Ok(_) => Answer::Done(None),
                Err(error) => answer_to(&error),
            },
            Request::CallBack { telephone, language, office } => {
                let (waiting, now) = (&self.exchange.call_backs, self.engine().now());
                noted(waiting.note(&telephone, language, office, now).await)
            }
            Request::Speak(language) => match &self.from {
                Some(from) => {
                    let now = self.engine().now();
                    noted(self.exchange.spoken.note(from, language, now).await)
                }
                None => Answer::Done(None),
            },
            Request::HandOff(handing) => self.hand_off(*handing).await,
        }
    }

    /// The request id of something in this call: the same again is the same request.
    fn request(&self, what: &str, number: u32) -> RequestId {
        let key = format!("phone {} {what} {number}", self.call);
        self.exchange.reception.request(key.as_bytes())
    }

    fn ttl(&self) -> Duration {
        let most = self.engine().catalog().map_or(TTL.as_secs(), |c| c.holds.ttl_max.seconds());
        TTL.min(Duration::from_secs(most.max(1)))
    }

    /// The claim with its code.
    fn appointment(&self, claim: &Claim) -> Option<Appointment> {
        let appointment = self.spoken_of(claim)?;
        let kept = self.exchange.reception.person_of(claim).ok().flatten();
        Some(Appointment { code: kept.map(|kept| kept.code), ..appointment })
    }

    fn spoken_of(&self, claim: &Claim) -> Option<Appointment> {
        let (engine, at) = (self.engine(), claim.starts_at?);
        let calendar = claim.slot.day.calendar();
        let office = engine.office_of(calendar).and_then(|office| engine.office_key(office))?;
        let services = claim.services.as_slice().iter();
        Some(Appointment {
            claim: claim.id,
            at,
            local: engine.wall_clock(calendar, at)?.naive_local(),
            office,
            services: services.filter_map(|service| engine.service_key(*service)).collect(),
            persons: claim.persons,
            code: None,
        })
    }

    /// Whether that number may look for another new place so soon; each offer after the first
    /// gives up the one before, and does not count.
    fn may_try(&self, wish: &Wish) -> bool {
        let given = wish.telephone.as_ref().map(number).filter(|given| *given != self.who);
        let all = [Some(&self.who), given.as_ref()];
        let pass = |who: &String| self.exchange.throttle.pass(Gate::Attempt, who).is_ok();
        wish.held.is_some() || all.into_iter().flatten().all(pass)
    }

    /// The next place that fits, held before anybody hears of it.
    async fn offer(&self, wish: &Wish) -> Answer {
        if !self.may_try(wish) {
            return Answer::Throttled;
        }
        let engine = self.engine();
        let services: Option<Vec<ServiceId>> =
            wish.services.iter().map(|key| engine.service(key)).collect();
        let Some(services) = services.filter(|services| !services.is_empty()) else {
            return Answer::NoPlace;
        };
        // Together first; one after the other where there are not so many desks.
        for in_turn in [false, true] {
            if in_turn && wish.persons < 2 {
                break;
            }
            // Others are faster now and then: what was seen free is looked at again.
            for _ in 0..LOOKS {
                let places = self.places(wish, &services, in_turn);
                if places.is_empty() {
                    break;
                }
                for place in places.into_iter().take(TRIES) {
                    match self.take(wish, &services, place, in_turn).await {
                        Ok(claim) => {
                            return self.appointment(&claim).map_or(Answer::Down, Answer::Held);
                        }
                        Err(DeskError::Engine(error)) if is_of_the_slot(&error) => {}
                        Err(error) => return answer_of_desk(&error),
                    }
                }
            }
        }
        Answer::NoPlace
    }

    fn places(&self, wish: &Wish, services: &[ServiceId], in_turn: bool) -> Vec<Opening> {
        let engine = self.engine();
        let (Some((first, others)), Some(office)) =
            (services.split_first(), engine.office(&wish.office))
        else {
            return Vec::new();
        };
        let query = Openings::new(*first)
            .offices(&[office])
            .channel(Channel::PHONE)
            .persons(u16::from(wish.persons))
            .limit(LOOK_AT);
        let query = if in_turn { query.in_turn() } else { query };
        let query = others.iter().fold(query, |query, service| query.also(*service));
        let mut from = wish.from.or_else(|| self.date_at(&wish.office, wish.after?));
        loop {
            let asked = from.map_or_else(|| query.clone(), |date| query.clone().from(date));
            let found = engine.openings(&asked);
            let full = found.len() == LOOK_AT;
            let last = found.last().map(|place| place.slot.day.date());
            let mut later = found;
            later.retain(|place| wish.after.is_none_or(|after| place.starts_at > after));
            // A day of many slots may all lie before: on with the next day.
            match last.and_then(|last| last.succ_opt()) {
                Some(next) if later.is_empty() && full && from.is_none_or(|from| from < next) => {
                    from = Some(next);
                }
                _ => return later,
            }
        }
    }

    fn date_at(&self, office: &str, at: DateTime<Utc>) -> Option<NaiveDate> {
        let calendar = self.calendar(Some(office))?;
        Some(self.engine().wall_clock(calendar, at)?.date_naive())
    }

    /// A calendar of an office, or of the first office there is.
    fn calendar(&self, office: Option<&str>) -> Option<CalendarId> {
        let engine = self.engine();
        let office = office.and_then(|key| engine.office(key)).or_else(|| {
            let catalog = engine.catalog()?;
            engine.office(&catalog.offices.first()?.key)
        });
        engine.calendars_of(office?).first().copied()
    }

    /// Holds the place, or moves the hold there.
    async fn take(
        &self,
        wish: &Wish,
        services: &[ServiceId],
        place: Opening,
        in_turn: bool,
    ) -> Result<Claim, DeskError> {
        let engine = self.engine();
        let request = self.request("offer", wish.number);
        if let Some(hold) = wish.held {
            let swapped = engine.swap(hold, place.slot, request).await?;
            // It may have been for long that the deadline was set; the cap is the catalog's.
            return Ok(match engine.extend(hold, self.ttl()).await {
                Ok(receipt) => receipt.claim,
                Err(_) => swapped.claim,
            });
        }
        if let Some(booking) = wish.replaces {
            return self.replace(booking, wish, services, place).await;
        }
        let (Some(telephone), Some(birth)) = (&wish.telephone, wish.birth) else {
            return Err(DeskError::NotFound);
        };
        let person = by_telephone(telephone, birth, wish.language, engine.now())?;
        let party = self.exchange.reception.party(&person);
        let ask = self.ask_for(party, request, wish, services, place);
        let ask = if in_turn { ask.in_turn() } else { ask };
        Ok(self.exchange.reception.hold(&ask, &person).await?.receipt.claim)
    }

    /// Holds a place that a booking is to move to: for the booking's party, whose person is kept.
    async fn replace(
        &self,
        booking: ClaimId,
        wish: &Wish,
        services: &[ServiceId],
        place: Opening,
    ) -> Result<Claim, DeskError> {
        let booking = self.engine().claim(booking).await?;
        let request = self.request("offer", wish.number);
        let ask = self.ask_for(booking.party, request, wish, services, place);
        let ask = ask.replacing(booking.id);
        let in_turn = booking.arrangement == crate::Arrangement::InTurn;
        let ask = if in_turn { ask.in_turn() } else { ask };
        Ok(self.engine().hold(&ask).await?.claim)
    }

    fn ask_for(
        &self,
        party: crate::PartyId,
        request: RequestId,
        wish: &Wish,
        services: &[ServiceId],
        place: Opening,
    ) -> Ask {
        let first = services.first().copied().unwrap_or(ServiceId(0));
        let ask = Ask::new(party, request, first, place.slot)
            .channel(Channel::PHONE)
            .persons(u16::from(wish.persons))
            .ttl(self.ttl());
        services.iter().skip(1).fold(ask, |ask, service| ask.also(*service))
    }

    /// The hold goes into the queue's hands, and the token stands for the rest.
    async fn hand_off(&self, handing: Handing) -> Answer {
        let engine = self.engine();
        let calendar = self.calendar(handing.office.as_deref());
        let local = calendar.and_then(|calendar| engine.wall_clock(calendar, engine.now()));
        if local.is_some_and(|local| !self.exchange.hours.are_open(local.naive_local())) {
            return Answer::Closed;
        }
        if let Some(hold) = handing.context.held {
            keep_for_operator(engine, hold).await;
        }
        Answer::Token(self.exchange.hand_offs.put(handing.context))
    }
}

/// What tries of a number are counted by.
fn number(telephone: &Telephone) -> String {
    format!("phone {}", telephone.as_str())
}

fn noted(how: Result<(), DeskError>) -> Answer {
    match how {
        Ok(()) => Answer::Done(None),
        Err(error) => answer_of_desk(&error),
    }
}

/// The hold waits with its caller.
pub(super) async fn keep_for_operator(engine: &Engine, hold: ClaimId) {
    let most = engine.catalog().map_or(0, |catalog| catalog.holds.ttl_max.seconds());
    let wait = HandOff::WAIT.min(Duration::from_secs(most.max(1)));
    // If either fails, the operator sees how the claim stands.
    let _ = engine.assign(hold, HandOff::QUEUE).await;
    let _ = engine.extend(hold, wait).await;
}

/// Somebody who can be called but has no name yet: it is asked for at the counter.
fn by_telephone(
    telephone: &Telephone,
    birth: NaiveDate,
    language: Language,
    now: DateTime<Utc>,
) -> Result<Person, DeskError> {
    let name = Words::of(language).unnamed();
    Ok(Person::new(name, telephone.as_str(), "", birth, language, now.date_naive())?)
}
