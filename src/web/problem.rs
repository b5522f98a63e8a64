//! How is a refusal told over HTTP? Problem details (RFC 9457), in Spanish and English.
//!
//! Never shows what is personal or internal, and never turns a lost race into a server's error.

mod dress;
mod pages;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};

use crate::desk::DeskError;
use crate::{Error, Rejection};

pub(crate) use dress::{Asker, Body, dress};
pub(crate) use pages::routes;

/// The content type of problems.
pub(crate) const KIND: &str = "application/problem+json";

/// A refusal or failure on its way out. [`dress`] adds type, title, language and trace id.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    /// The last part of its type, such as `slot-taken`.
    pub(crate) name: &'static str,
    pub(crate) status: StatusCode,
    /// What exactly, in English, for developers.
    pub(crate) detail: String,
    /// Members of its own, such as `alternatives` or `retry_at`.
    pub(crate) more: Map<String, Value>,
    /// For the header `Retry-After`.
    pub(crate) retry_after_s: Option<u64>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, status, detail: detail.into(), more: Map::new(), retry_after_s: None }
    }

    /// What was sent cannot be read.
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }

    /// What was sent can be read, but not accepted.
    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
    }

    /// There is no such thing, or none that the caller may know of.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "there is nothing like that here")
    }

    /// A claim was moved since the version that the caller read.
    pub(crate) fn version_changed(present: u16) -> Self {
        let detail = "it was moved since; read it again and decide anew";
        Self::new(StatusCode::PRECONDITION_FAILED, "version", detail).with("present", present)
    }

    /// The service's own fault.
    pub(crate) fn failure() -> Self {
        let detail = "the service failed; it has been noted";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "failure", detail)
    }

    /// Whoever calls is known, and may not do that.
    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// A hold that was to be extended beyond what is allowed.
    #[must_use]
    pub(crate) fn extension_limit(self) -> Self {
        let detail = "it cannot be held so long; its last possible end is `until`";
        Self { detail: detail.to_owned(), ..self.named("extension-limit") }
    }

    fn conflict(name: &'static str, detail: &str) -> Self {
        Self::new(StatusCode::CONFLICT, name, detail)
    }

    fn unavailable(detail: &str) -> Self {
        Self { retry_after_s: Some(5), ..Self::new(BUSY, "unavailable", detail) }
    }

    /// Adds a member.
    #[must_use]
    pub(crate) fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.more.insert(member.to_owned(), value.into());
        self
    }

    /// Says when to try again; `now` is the engine's.
    #[must_use]
    pub(crate) fn retry_at(mut self, at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let wait = at.signed_duration_since(now).num_milliseconds().max(0);
        self.retry_after_s = Some(u64::try_from(wait).unwrap_or(0).div_ceil(1_000).max(1));
        self
    }
}

const BUSY: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

/// An instant as a member of a problem.
fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// The one table of refusals. Claims in the way are not named here: `api::refused` names them to
/// whoever may know.
impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let problem = match rejection {
            Rejection::SlotFull { .. } => {
                Self::conflict("slot-taken", "that place is taken; choose one of `alternatives`")
            }
            Rejection::ChannelLimit { .. } => {
                Self::conflict("slot-taken", "the places of this channel are taken there")
            }
            Rejection::SlotClosed { .. } | Rejection::UnknownDay { .. } => {
                Self::conflict("slot-taken", "nothing is open then; choose one of `alternatives`")
            }
            Rejection::NotYetReleased { at, .. } => {
                Self::forbidden("that day can be booked from `retry_at` on")
                    .named("not-yet-released")
                    .with("retry_at", instant(at))
            }
            Rejection::TooLate { until } => {
                Self::conflict("outside-window", "that was possible until `until`")
                    .with("until", instant(until))
            }
            Rejection::TooEarly { from } => {
                Self::conflict("outside-window", "that is possible from `retry_at` on")
                    .with("retry_at", instant(from))
            }
            Rejection::PartyLimit { .. } => Self::conflict(
                "person-limit",
                "this person has as many appointments as allowed; move or cancel one",
            ),
            Rejection::HoldLimit { .. } => Self::conflict(
                "person-limit",
                "this person holds as many places as allowed; confirm or release one",
            ),
            Rejection::TooManyEnded { at } => Self::conflict(
                "person-limit",
                "this person gave up too many places; again from `retry_at` on",
            )
            .with("retry_at", instant(at)),
            Rejection::HoldExpired { at } => {
                Self::new(StatusCode::GONE, "hold-expired", "the hold ended; hold again")
                    .with("ended_at", instant(at))
            }
            Rejection::AlreadyConfirmed { .. } => {
                Self::conflict("already-confirmed", "it is booked; cancel or move it instead")
            }
            Rejection::AlreadyEnded { how } => {
                Self::conflict("already-ended", "it has ended, as `state` says")
                    .with("state", how.name())
            }
            Rejection::WrongState { state } => {
                Self::conflict("wrong-state", "not possible in its `state`; read it again")
                    .with("state", state.name())
            }
            Rejection::UnknownClaim { .. } | Rejection::OtherParty { .. } => {
                return Self::not_found();
            }
            Rejection::RequestReused { .. } => {
                Self::invalid("this Idempotency-Key was used for something else; make a new one")
                    .named("request-reused")
            }
            Rejection::VersionChanged { present } => Self::version_changed(present),
            Rejection::ServiceNotServed { .. } => {
                Self::invalid("services: one of them is not served there")
            }
            Rejection::OutOfRange { what } => Self::invalid(what),
        };
        problem.with("code", rejection.code())
    }
}

impl Problem {
    fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Rejected(rejection) => rejection.into(),
            Error::Catalog(error) => Self::invalid(error.to_string()),
            Error::Indeterminate(_) => Self::unavailable(
                "whether it happened is not known yet; send the same request again later",
            ),
            Error::StorageFull => Self::unavailable("nothing can be written at present"),
            Error::Busy => {
                let detail = "too much at a time; nothing was done, try again in a moment";
                Self { retry_after_s: Some(1), ..Self::new(BUSY, "overloaded", detail) }
            }
            Error::Storage(_) | Error::Fenced | Error::Closed => {
                Self::unavailable("the service cannot answer at present")
            }
            Error::FeedTooOld { first, .. } => {
                let detail = "events so old are gone; read the state anew, go on after `first`";
                Self::new(StatusCode::GONE, "cursor-expired", detail).with("first", first.0)
            }
        }
    }
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Engine(error) => error.into(),
            DeskError::NotFound => Self::not_found(),
            DeskError::Throttled { after } => {
                let detail = "too many tries; slow down";
                let seconds = after.as_millis().div_ceil(1_000);
                Self {
                    retry_after_s: Some(u64::try_from(seconds).unwrap_or(u64::MAX).max(1)),
                    ..Self::new(StatusCode::TOO_MANY_REQUESTS, "throttled", detail)
                }
            }
            DeskError::Person(error) => Self::invalid(format!("person: {error}")),
            DeskError::Store(what) => {
                tracing::error!(%what, "the store of the desk failed");
                Self::unavailable("the service cannot answer at present")
            }
        }
    }
}

/// Only status and marker: [`dress`] writes the body, for it alone knows the language.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
