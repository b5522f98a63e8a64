//! How is something that happened told to programs? As a `CloudEvent` (version 1.0) in JSON.
//!
//! Never names a party, a request, or who acted.

#![allow(clippy::indexing_slicing, reason = "a JSON object has, or gets, the member")]

use serde_json::{Value, json};

use crate::web::civil::{Moment, start_of};
use crate::web::wire::{calendar_key, day_to_text, slot_to_text};
use crate::{ClaimId, ClaimState, DayId, Effect, Engine, Event, Place};

/// Every type of event that is told, without the prefix `cupo.`.
pub(crate) const KINDS: [&str; 22] = [
    "claim.held",
    "claim.booked",
    "claim.extended",
    "claim.moved",
    "claim.released",
    "claim.expired",
    "claim.revoked",
    "claim.cancelled",
    "claim.checked_in",
    "claim.served",
    "claim.no_show",
    "claim.displaced",
    "claim.restored",
    "claim.assigned",
    "claim.returned",
    "claim.archived",
    "day.opened",
    "day.changed",
    "day.closed",
    "day.reopened",
    "day.retired",
    "catalog.installed",
];

/// An event as it goes out.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// Its number in the journal: the cursor after it.
    pub(crate) cursor: u64,
    /// One of [`KINDS`].
    pub(crate) kind: &'static str,
    /// The claim it is about.
    pub(crate) claim: Option<ClaimId>,
    /// The envelope.
    pub(crate) body: Value,
}

/// Turns effects into events, in order: a move is two effects and one event.
#[derive(Debug)]
pub(crate) struct Teller<'a> {
    engine: &'a Engine,
    source: &'a str,
    /// The first half of a move.
    taken: Option<(ClaimId, Place, u16)>,
}

impl<'a> Teller<'a> {
    /// `source` is the address of the service.
    pub(crate) const fn new(engine: &'a Engine, source: &'a str) -> Self {
        Self { engine, source, taken: None }
    }

    /// The event for an effect, if it is one that is told.
    pub(crate) fn tell(&mut self, event: &Event) -> Option<Told> {
        let (kind, claim, subject, data) = match &event.effect {
            Effect::Taken { claim, place, version, .. } => {
                self.taken = Some((*claim, *place, *version));
                return None;
            }
            Effect::Freed { claim, place, .. } => {
                let (_, to, version) = self.taken.take().filter(|(taken, ..)| taken == claim)?;
                let mut data = self.about_claim(*claim, to);
                data["from"] = json!(slot_to_text(self.engine, place.slot()));
                data["version"] = json!(version);
                ("claim.moved", Some(*claim), claim.to_string(), data)
            }
            Effect::Installed { version, done: true } => {
                ("catalog.installed", None, "catalog".to_owned(), json!({ "version": version }))
            }
            effect => match (of_claim(effect), of_day(effect)) {
                (Some((kind, claim, place)), _) => {
                    let data = self.about_claim(claim, place);
                    (kind, Some(claim), claim.to_string(), data)
                }
                (_, Some((kind, day))) => {
                    (kind, None, day_to_text(self.engine, day), self.about_day(day))
                }
                _ => return None,
            },
        };
        let body = json!({
            "specversion": "1.0",
            "id": event.seq.to_string(),
            "source": self.source,
            "type": format!("cupo.{kind}"),
            "subject": subject,
            "time": event.at.utc().to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            "datacontenttype": "application/json",
            "data": data,
        });
        Some(Told { cursor: event.seq.0, kind, claim, body })
    }

    fn about_claim(&self, claim: ClaimId, place: Place) -> Value {
        let mut data = self.about_day(place.day);
        let starts = start_of(self.engine, place.slot());
        let starts = starts.map(|at| Moment::new(self.engine, place.day.calendar(), at));
        data["claim"] = json!(claim.to_string());
        data["slot"] = json!(slot_to_text(self.engine, place.slot()));
        data["slots"] = json!(place.run);
        data["persons"] = json!(place.persons);
        data["channel"] = json!(place.channel.name());
        data["starts_at"] = json!(starts);
        data
    }

    fn about_day(&self, day: DayId) -> Value {
        let office = self.engine.office_of(day.calendar());
        json!({
            "office": office.and_then(|office| self.engine.office_key(office)),
            "calendar": calendar_key(self.engine, day.calendar()),
            "day": day_to_text(self.engine, day),
            "date": day.date(),
        })
    }
}

fn of_claim(effect: &Effect) -> Option<(&'static str, ClaimId, Place)> {
    Some(match effect {
        Effect::Granted { claim, place, booked: false, .. } => ("claim.held", *claim, *place),
        Effect::Granted { claim, place, .. } | Effect::Confirmed { claim, place, .. } => {
            ("claim.booked", *claim, *place)
        }
        Effect::Extended { claim, place, .. } => ("claim.extended", *claim, *place),
        Effect::Ended { claim, place, how, .. } => (kind_of_end(*how)?, *claim, *place),
        Effect::Returned { claim, place } => ("claim.returned", *claim, *place),
        Effect::Marked { claim, place, state, .. } => (kind_of_mark(*state)?, *claim, *place),
        Effect::Assigned { claim, place, .. } => ("claim.assigned", *claim, *place),
        Effect::Archived { claim, place } => ("claim.archived", *claim, *place),
        _ => return None,
    })
}

const fn kind_of_end(how: ClaimState) -> Option<&'static str> {
    match how {
        ClaimState::Released => Some("claim.released"),
        ClaimState::Expired => Some("claim.expired"),
        ClaimState::Revoked => Some("claim.revoked"),
        ClaimState::Cancelled => Some("claim.cancelled"),
        _ => None,
    }
}

const fn kind_of_mark(state: ClaimState) -> Option<&'static str> {
    match state {
        ClaimState::Booked => Some("claim.restored"),
        ClaimState::CheckedIn => Some("claim.checked_in"),
        ClaimState::Served => Some("claim.served"),
        ClaimState::NoShow => Some("claim.no_show"),
        ClaimState::Displaced => Some("claim.displaced"),
        _ => None,
    }
}

const fn of_day(effect: &Effect) -> Option<(&'static str, DayId)> {
    match effect {
        Effect::DayCreated { day, .. } => Some(("day.opened", *day)),
        Effect::DayPlanned { day, .. } => Some(("day.changed", *day)),
        Effect::DayClosed { day } => Some(("day.closed", *day)),
        Effect::DayReopened { day } => Some(("day.reopened", *day)),
        Effect::DayRetired { day } => Some(("day.retired", *day)),
        _ => None,
    }
}
