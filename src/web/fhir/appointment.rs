//! Who comes when? `Appointment`, without the person.
//!
//! Never for citizens: whoever calls has checked the key.

#![allow(clippy::indexing_slicing, reason = "a JSON object has, or gets, the member")]

use serde_json::{Value, json};

use crate::{Claim, ClaimId, ClaimState, DayId, Engine, Error, OfficeId};

use super::slot::{calendar, instant, location, service, unit};
use super::{Bound, Page, slot_id, slot_of};

/// A search for appointments.
#[derive(Debug)]
pub(crate) struct Appointments {
    pub(crate) date: Vec<Bound>,
    pub(crate) office: Option<OfficeId>,
    /// Any of these; all if there is none.
    pub(crate) status: Vec<String>,
    pub(crate) count: usize,
    pub(crate) after: Option<After>,
}

/// The last appointment of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct After {
    day: DayId,
    start: u16,
    claim: ClaimId,
}

impl After {
    /// From the text of a link.
    pub(crate) fn parse(engine: &Engine, text: &str) -> Option<Self> {
        let (slot, claim) = text.rsplit_once('.')?;
        let slot = slot_of(engine, slot)?;
        Some(Self { day: slot.day, start: slot.index, claim: claim.parse().ok()? })
    }
}

fn status(state: ClaimState) -> &'static str {
    match state {
        ClaimState::Held | ClaimState::Displaced => "pending",
        ClaimState::Booked => "booked",
        ClaimState::CheckedIn => "arrived",
        ClaimState::Served => "fulfilled",
        ClaimState::NoShow => "noshow",
        ClaimState::Cancelled
        | ClaimState::Released
        | ClaimState::Expired
        | ClaimState::Revoked => "cancelled",
    }
}

/// A claim as an `Appointment`.
pub(crate) fn appointment(engine: &Engine, base: &str, claim: &Claim) -> Value {
    let day = claim.slot.day;
    let calendar = calendar(engine, day.calendar());
    let keys = claim.services.as_slice().iter().filter_map(|id| engine.service_key(*id));
    let services: Vec<Value> = keys.map(|key| service(engine, base, &key)).collect();
    let run = (claim.slot.index..).take(usize::from(claim.run)).map(|index| day.slot(index));
    let slots: Vec<Value> =
        run.map(|slot| json!({ "reference": format!("Slot/{}", slot_id(engine, slot)) })).collect();
    let subject = json!({
        "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
            "code": "SBJ",
        }],
    });
    let accepted = if claim.state == ClaimState::Held { "tentative" } else { "accepted" };
    let mut participants = vec![json!({ "type": [subject], "status": accepted })];
    if let Some(calendar) = &calendar {
        let actor = location(engine, base, calendar);
        participants.push(json!({ "actor": actor, "status": "accepted" }));
    }
    let mut resource = json!({
        "resourceType": "Appointment",
        "id": claim.id.to_string(),
        "meta": { "versionId": claim.version.to_string() },
        "status": status(claim.state),
        "serviceType": services,
        "slot": slots,
        "participant": participants,
    });
    if let (Some(start), Some(calendar)) = (claim.starts_at, &calendar) {
        let length = unit(calendar) * i32::from(claim.run);
        resource["start"] = json!(instant(engine, day.calendar(), start));
        resource["end"] = json!(instant(engine, day.calendar(), start + length));
        resource["minutesDuration"] = json!(length.num_minutes());
    }
    if claim.state == ClaimState::Displaced {
        resource["comment"] = json!("The office is closed that day; another place is needed.");
    }
    resource
}

impl Appointments {
    /// A page of appointments by date, calendar, start and id: those that keep a place or had one
    /// to the end.
    pub(crate) async fn page(&self, engine: &Engine, base: &str) -> Result<Page, Error> {
        let mut page = Page::default();
        let mut last = None;
        for day in self.days(engine) {
            let mut after = self.after.filter(|after| after.day == day);
            loop {
                let from = after.map(|after| (after.start, after.claim));
                let claims = engine.roster(day, from, self.count).await?;
                let Some(end) = claims.last() else { break };
                after = Some(After { day, start: end.slot.index, claim: end.id });
                for claim in claims.iter().filter(|claim| self.wants(claim)) {
                    if page.resources.len() == self.count {
                        page.next = last;
                        return Ok(page);
                    }
                    page.resources.push(appointment(engine, base, claim));
                    last = Some(format!("{}.{}", slot_id(engine, claim.slot), claim.id));
                }
            }
        }
        Ok(page)
    }

    /// The days that may have some, in order.
    fn days(&self, engine: &Engine) -> Vec<DayId> {
        let order = |day: &DayId| (day.date(), day.calendar());
        let mut days = engine.days();
        days.sort_unstable_by_key(order);
        days.retain(|day| {
            let office = engine.office_of(day.calendar());
            self.after.is_none_or(|after| order(day) >= order(&after.day))
                && (self.office.is_none() || office == self.office)
                && self.date.iter().all(|bound| bound.touches(*day))
        });
        days
    }

    fn wants(&self, claim: &Claim) -> bool {
        let known = |asked: &String| asked == status(claim.state);
        let start = claim.starts_at;
        let fits = |bound: &Bound| start.is_some_and(|start| bound.fits(claim.slot.day, start));
        (self.status.is_empty() || self.status.iter().any(known)) && self.date.iter().all(fits)
    }
}
