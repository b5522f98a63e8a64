//! What has this citizen said so far? A draft at the server, under a token in a cookie.
//!
//! Never on disk, and never in an address. A lost draft is told kindly.

use std::fmt;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};

use crate::desk::{DeskError, Gate, Person};
use crate::web::App;
use crate::web::guard::Caller;
use crate::{ClaimId, OfficeId, Rejection, RequestId, ServiceId, SlotId};

use super::super::frame::{Frame, cookie};
use super::Words;
use super::fields::Fields;

/// The cookie of the draft's token; gone with the draft.
const COOKIE: &str = "draft";
const COOKIE_SECONDS: u32 = 2 * 3_600;

/// What a citizen has said so far; kept at the server under a cookie's token.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    pub(super) services: Vec<ServiceId>,
    pub(super) persons: u16,
    /// Which offices will do; none named: any.
    pub(super) offices: Option<Vec<OfficeId>>,
    pub(super) typed: Typed,
    pub(super) person: Option<Person>,
    /// Rises whenever another hold is to be asked for, so that a repeat is known as one.
    pub(super) attempt: u32,
    pub(super) hold: Option<ClaimId>,
    /// The last refusal, and the slot that was wished for.
    pub(super) refused: Option<(SlotId, Rejection)>,
    /// The booking that was made or moved last.
    pub(super) booked: Option<ClaimId>,
    /// Whether that was a move.
    pub(super) moved: bool,
    /// The booking that its party has proved to be theirs.
    pub(super) managing: Option<ClaimId>,
    /// The booking that is being moved.
    pub(super) moving: Option<ClaimId>,
}

/// What was typed, as it was typed.
#[derive(Clone, Default)]
pub(in crate::web::pages) struct Typed {
    pub(in crate::web::pages) name: String,
    pub(in crate::web::pages) telephone: String,
    pub(in crate::web::pages) email: String,
    pub(in crate::web::pages) birth: Birth,
    pub(in crate::web::pages) code: String,
}

/// The three parts of a date as they were typed.
#[derive(Clone, Default)]
pub(in crate::web::pages) struct Birth {
    pub(in crate::web::pages) day: String,
    pub(in crate::web::pages) month: String,
    pub(in crate::web::pages) year: String,
}

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Typed(..)")
    }
}

/// The questions in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Service = 1,
    Office,
    Details,
    When,
    Check,
}

/// A request of a citizen.
pub(super) struct Visit {
    pub(super) app: App,
    pub(super) frame: Frame,
    pub(super) w: &'static Words,
    pub(super) query: Fields,
    pub(super) draft: Draft,
    /// Whether the draft was there already.
    known: bool,
    token: String,
    address: Option<IpAddr>,
}

impl FromRequestParts<App> for Visit {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let Ok(frame) = Frame::from_request_parts(parts, app).await;
        let Ok(caller) = Caller::from_request_parts(parts, app).await;
        let cookies = parts.headers.get(header::COOKIE).and_then(|value| value.to_str().ok());
        let token = cookie(cookies.unwrap_or_default(), COOKIE).unwrap_or_default().to_owned();
        let draft = app.drafts.get(&token);
        Ok(Self {
            app: app.clone(),
            w: Words::of(frame.language),
            frame,
            query: Fields::of_query(&parts.uri),
            known: draft.is_some(),
            draft: draft.unwrap_or_default(),
            token,
            address: caller.address,
        })
    }
}

impl Visit {
    /// Keeps the draft and sends the browser on.
    pub(super) fn go(self, to: &str) -> Response {
        if self.known && self.app.drafts.set(&self.token, self.draft.clone()) {
            return go(to);
        }
        self.go_anew(to)
    }

    /// Keeps the draft under a new token, which nobody can have known before, and sends the
    /// browser on.
    pub(super) fn go_anew(self, to: &str) -> Response {
        self.app.drafts.take(&self.token);
        let secure = self.app.settings.base().starts_with("https:");
        let token = self.app.drafts.put(self.draft);
        with_cookie(go(to), &token, COOKIE_SECONDS, secure)
    }

    /// Forgets the draft and sends the browser on.
    pub(super) fn forget(self, to: &str) -> Response {
        self.app.drafts.take(&self.token);
        let secure = self.app.settings.base().starts_with("https:");
        with_cookie(go(to), "", 0, secure)
    }

    /// Where to go for what has not been said yet, if the page of `step` needs it.
    pub(super) fn missing(&self, step: Step) -> Option<&'static str> {
        if !self.known {
            return Some("/book/lost");
        }
        let next = self.next();
        (next < step).then(|| next.path())
    }

    /// The first question without an answer.
    pub(super) fn next(&self) -> Step {
        if self.draft.services.is_empty() {
            Step::Service
        } else if self.draft.offices.is_none() {
            Step::Office
        } else if self.draft.person.is_none() {
            Step::Details
        } else if self.draft.hold.is_none() {
            Step::When
        } else {
            Step::Check
        }
    }

    /// The request id of something done in this draft: the same if it is sent twice.
    pub(super) fn request(&self, deed: &str) -> RequestId {
        let text = format!("{} {} {deed}", self.token, self.draft.attempt);
        let tag = self.app.reception.secrets.sign("draft", text.as_bytes());
        let (head, _) = tag.split_at(16);
        RequestId(head.iter().fold(0, |id, byte| id << 8 | u128::from(*byte)))
    }

    /// Counts a try to see somebody's booking, by the caller's network.
    pub(super) fn pass(&self, gate: Gate, who: &str) -> Result<(), DeskError> {
        self.app.throttle.pass(gate, who)
    }

    /// The network of the caller: the address, or the first half of a long one.
    pub(super) fn network(&self) -> String {
        match self.address {
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}")
            }
            Some(IpAddr::V4(address)) => address.to_string(),
            None => "unknown".to_owned(),
        }
    }

    /// Drops the hold, so that the next one is asked for anew.
    pub(super) async fn release(&mut self) {
        if let Some(hold) = self.draft.hold.take() {
            // It may have ended already; then there is nothing to give back.
            let _ = self.app.engine.release(hold).await;
            self.draft.attempt += 1;
        }
    }
}

impl Step {
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Service => "/book/service",
            Self::Office => "/book/office",
            Self::Details => "/book/details",
            Self::When => "/book/when",
            Self::Check => "/book/check",
        }
    }

    /// `Step 2 of 5`.
    pub(super) fn words(self, w: &Words) -> String {
        super::super::frame::fill(&w.step, "n", self as u8)
    }
}

/// Sends the browser on with a GET.
pub(super) fn go(to: &str) -> Response {
    Redirect::to(to).into_response()
}

fn with_cookie(mut response: Response, token: &str, seconds: u32, secure: bool) -> Response {
    let secure = if secure { "; Secure" } else { "" };
    let text =
        format!("{COOKIE}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}
