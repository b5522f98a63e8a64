//! How does a FHIR client read slots and appointments? Read-only resources of release R4.
//!
//! Never changes anything, and never names a person: a patient is a participant without a name.
//!
//! | here | FHIR | |
//! |---|---|---|
//! | calendar | `Schedule` | id: its key, or its number if an id cannot hold the key |
//! | slot | `Slot` | id: schedule, date and index: `boston.2027-01-12.37` |
//! | claim | `Appointment` | id: its 16 hexadecimal digits; `meta.versionId`: its version |
//! | office | `Location`, by its key as an identifier | not a resource of this server |
//! | service | `serviceType`, by its key | |
//!
//! | slot | `Slot.status` |
//! |---|---|
//! | a place is left | `free` |
//! | the day is closed, or not released yet | `busy-unavailable` |
//! | no place is left, but one is only held or cooling off | `busy-tentative` |
//! | all are booked | `busy` |
//!
//! | claim | `Appointment.status` |
//! |---|---|
//! | held; displaced (its day is closed) | `pending` |
//! | booked | `booked` |
//! | checked in | `arrived` |
//! | served | `fulfilled` |
//! | did not come | `noshow` |
//! | cancelled, released, expired, revoked | `cancelled` |

#![allow(clippy::indexing_slicing, reason = "a JSON object has, or gets, the member")]

mod appointment;
mod capability;
mod slot;
mod when;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::{CalendarId, DayId, Engine, Error, SlotId};

pub(crate) use appointment::{After, Appointments, appointment};
pub(crate) use capability::statement;
pub(crate) use slot::{Slots, schedule, slot};
pub(crate) use when::Bound;

/// Resources on a page, and the most.
pub(crate) const COUNT: usize = 50;
pub(crate) const COUNT_MAX: usize = 500;

/// A resource on its way out.
#[derive(Debug)]
pub(crate) struct Resource(pub(crate) StatusCode, pub(crate) Value);

/// Why there is no resource: an `OperationOutcome`.
#[derive(Debug)]
pub(crate) struct Outcome {
    status: StatusCode,
    code: &'static str,
    diagnostics: String,
}

impl Outcome {
    pub(crate) fn new(status: StatusCode, code: &'static str, what: impl Into<String>) -> Self {
        Self { status, code, diagnostics: what.into() }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "there is no such resource")
    }

    pub(crate) fn invalid(what: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", what)
    }
}

impl From<Error> for Outcome {
    fn from(error: Error) -> Self {
        match error.rejection() {
            Some(_) => Self::not_found(),
            None => Self::new(StatusCode::SERVICE_UNAVAILABLE, "transient", error.to_string()),
        }
    }
}

impl IntoResponse for Resource {
    fn into_response(self) -> Response {
        let Self(status, body) = self;
        let version = body["meta"]["versionId"].as_str().map(|version| format!("W/\"{version}\""));
        let kind = [(header::CONTENT_TYPE, "application/fhir+json; charset=utf-8")];
        let mut response = (status, kind, body.to_string()).into_response();
        if let Some(tag) = version.and_then(|tag| HeaderValue::try_from(tag).ok()) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

impl IntoResponse for Outcome {
    fn into_response(self) -> Response {
        let Self { status, code, diagnostics } = self;
        let issue = json!({ "severity": "error", "code": code, "diagnostics": diagnostics });
        Resource(status, json!({ "resourceType": "OperationOutcome", "issue": [issue] }))
            .into_response()
    }
}

/// A page of a search.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) resources: Vec<Value>,
    /// Go on after this one.
    pub(crate) next: Option<String>,
}

impl Page {
    /// The bundle: `base` is the address of the FHIR server, `search` the path and query without a
    /// cursor.
    pub(crate) fn bundle(self, base: &str, search: &str, after: Option<&str>) -> Resource {
        let join = if search.contains('?') { '&' } else { '?' };
        let at = |after: &str| format!("{base}/{search}{join}_after={after}");
        let own = after.map_or_else(|| format!("{base}/{search}"), at);
        let mut links = vec![json!({ "relation": "self", "url": own })];
        links.extend(self.next.map(|next| json!({ "relation": "next", "url": at(&next) })));
        let entry = |resource: Value| {
            let (kind, id) = (resource["resourceType"].as_str(), resource["id"].as_str());
            let url = format!("{base}/{}/{}", kind.unwrap_or_default(), id.unwrap_or_default());
            json!({ "fullUrl": url, "resource": resource, "search": { "mode": "match" } })
        };
        let entries: Vec<Value> = self.resources.into_iter().map(entry).collect();
        let mut bundle = json!({ "resourceType": "Bundle", "type": "searchset", "link": links });
        // An empty list is not allowed in FHIR.
        if !entries.is_empty() {
            bundle["entry"] = entries.into();
        }
        Resource(StatusCode::OK, bundle)
    }
}

/// A search that finds nothing.
pub(crate) fn empty(base: &str, search: &str) -> Resource {
    Page::default().bundle(base, search, None)
}

/// The id of a calendar: its key, unless an id cannot hold that, or it looks like a number.
pub(crate) fn schedule_id(engine: &Engine, calendar: CalendarId) -> String {
    let fits = |key: &String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        (1..=40).contains(&key.len())
            && key.chars().all(plain)
            && !key.chars().all(|c| c.is_ascii_digit())
    };
    engine.calendar_key(calendar).filter(fits).unwrap_or_else(|| calendar.to_string())
}

/// The calendar of an id.
pub(crate) fn calendar_of(engine: &Engine, id: &str) -> Option<CalendarId> {
    let calendar = match id.parse() {
        Ok(number) => CalendarId(number),
        Err(_) => engine.calendar(id)?,
    };
    engine.calendar_key(calendar).map(|_| calendar)
}

pub(crate) fn slot_id(engine: &Engine, slot: SlotId) -> String {
    let schedule = schedule_id(engine, slot.day.calendar());
    format!("{schedule}.{}.{}", slot.day.date(), slot.index)
}

pub(crate) fn slot_of(engine: &Engine, id: &str) -> Option<SlotId> {
    let (day, index) = id.rsplit_once('.')?;
    let (schedule, date) = day.rsplit_once('.')?;
    let day = DayId::new(calendar_of(engine, schedule)?, date.parse().ok()?)?;
    Some(day.slot(index.parse().ok()?))
}
