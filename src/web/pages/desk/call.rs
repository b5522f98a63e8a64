//! What has been said and done in this call so far? Kept at the server, under a token in a cookie.
//!
//! Never on disk, never in an address, and never shown to another operator in the same browser.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};

use crate::desk::{DeskError, Language, Person, WrapUp};
use crate::web::App;
use crate::web::api;
use crate::web::guard::{Role, Session, StaffCaller};
use crate::web::pages::citizen::fields::Fields;
use crate::web::pages::citizen::taking::runs;
use crate::web::pages::citizen::visit::{Birth, Typed};
use crate::web::pages::citizen::{self};
use crate::web::pages::frame::{Frame, cookie};
use crate::web::problem::Problem;
use crate::web::refused::Wish;
use crate::{ActorId, Channel, Claim, ClaimId, Error, PartyId, Rejection, RequestId, SlotId};

use super::Words;
use super::choice::Choice;

/// The cookie of the call's token, and of what the operator has set.
const CALL: &str = "call";
const SETTINGS: &str = "desk";
const YEAR_SECONDS: u32 = 365 * 24 * 3_600;

/// One call, or one person at the counter.
///
/// One that comes from the telephone begins with what was said there (`telephone::take`).
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    /// The key of the operator whose call this is.
    pub(super) key: Option<Arc<str>>,
    /// The language that the caller is spoken to in; the operator's own until somebody says so.
    pub(super) language: Option<Language>,
    /// What the caller has tried already, in words that are not personal.
    pub(super) tried: Vec<String>,
    /// What was typed; its `code` is the text of the last lookup.
    pub(super) typed: Typed,
    /// Whether somebody was looked up.
    pub(super) looked: bool,
    pub(super) found: Vec<ClaimId>,
    /// Whether the details as typed will not do.
    pub(super) wrong: bool,
    pub(super) hold: Option<ClaimId>,
    /// The booking that is being moved.
    pub(super) moving: Option<ClaimId>,
    /// The booking that was made or moved last, and whether it was moved.
    pub(super) booked: Option<ClaimId>,
    pub(super) moved: bool,
    /// The last thing that was done for the caller.
    pub(super) came_to: Option<WrapUp>,
    /// Rises whenever another hold is to be asked for, so that a repeat is known as one.
    pub(super) attempt: u32,
    pub(super) said: Option<Said>,
}

/// What came of the last thing that was done.
#[derive(Clone, Debug)]
pub(super) enum Said {
    Extended,
    Released,
    Cancelled,
    /// No, for that reason; about that place, if it was about one.
    Refused(Refusal),
}

/// A refusal: the name of its problem says why and what next.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) name: &'static str,
    pub(super) slot: Option<SlotId>,
    /// When it will be possible, or was last.
    pub(super) at: Option<DateTime<Utc>>,
}

/// What an operator has set, in a cookie of this browser.
#[derive(Clone, Copy, Debug)]
pub(super) struct Set {
    /// Calls, or people at the counter.
    pub(super) channel: Channel,
    /// Whether single keys do something.
    pub(super) keys: bool,
}

/// A request of an operator.
pub(super) struct Operator {
    pub(super) app: App,
    pub(super) frame: Frame,
    pub(super) session: Session,
    pub(super) w: &'static Words,
    /// The words of the citizens' pages, for what both say.
    pub(super) c: &'static citizen::Words,
    pub(super) choice: Choice,
    pub(super) set: Set,
    pub(super) call: Call,
    token: String,
    /// Whether the browser does not have the token yet.
    fresh: bool,
}

impl FromRequestParts<App> for Operator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let caller = StaffCaller::from_request_parts(parts, app).await;
        let StaffCaller { session } = caller.map_err(|problem| match problem.status {
            // A form that was sent after the session had ended.
            StatusCode::UNAUTHORIZED if parts.method == Method::POST => {
                Redirect::to("/staff/sign-in?next=/desk").into_response()
            }
            _ => problem.into_response(),
        })?;
        let Ok(frame) = Frame::from_request_parts(parts, app).await;
        let cookies = parts.headers.get_all(header::COOKIE).iter();
        let cookies: Vec<&str> = cookies.filter_map(|value| value.to_str().ok()).collect();
        let cookies = cookies.join(";");
        let token = cookie(&cookies, CALL).unwrap_or_default().to_owned();
        let call = app.calls.get(&token).filter(|call| call.key.as_ref() == Some(&session.key));
        let known = call.is_some();
        let call = call.unwrap_or_else(|| Call::of(&session));
        // What is done first needs a token of its own: requests are named after it.
        let fresh = !known && parts.method == Method::POST;
        let token = if fresh { app.calls.put(call.clone()) } else { token };
        Ok(Self {
            app: app.clone(),
            w: Words::of(frame.language),
            c: citizen::Words::of(frame.language),
            choice: Choice::read(app, &Fields::of_query(&parts.uri)),
            set: Set::read(cookie(&cookies, SETTINGS).unwrap_or_default()),
            frame,
            call,
            session,
            token,
            fresh,
        })
    }
}

impl Call {
    /// A call that has just begun.
    pub(super) fn of(session: &Session) -> Self {
        Self { key: Some(session.key.clone()), ..Self::default() }
    }

    /// Takes what is known of a person into the form.
    pub(super) fn take_person(&mut self, person: &Person) {
        use chrono::Datelike;
        let birth = person.birth;
        self.language = Some(person.language);
        self.typed.name.clone_from(&person.name);
        person.telephone.as_str().clone_into(&mut self.typed.telephone);
        self.typed.email = person.email.clone().unwrap_or_default();
        self.typed.birth = Birth {
            day: birth.day().to_string(),
            month: birth.month().to_string(),
            year: birth.year().to_string(),
        };
    }
}

impl Set {
    fn read(text: &str) -> Self {
        let desk = text.contains("desk");
        let channel = if desk { Channel::DESK } else { Channel::PHONE };
        Self { channel, keys: !text.contains("off") }
    }

    /// The cookie that remembers it.
    pub(super) fn cookie(self, app: &App) -> String {
        let keys = if self.keys { "on" } else { "off" };
        let secure = secure(app);
        let text = format!("{}.{keys}", self.channel.name());
        format!(
            "{SETTINGS}={text}; Path=/desk; Max-Age={YEAR_SECONDS}; HttpOnly; SameSite=Strict\
             {secure}"
        )
    }
}

fn secure(app: &App) -> &'static str {
    if app.settings.is_secure() { "; Secure" } else { "" }
}

impl Operator {
    /// The language that the caller is spoken to in.
    pub(super) fn spoken(&self) -> Language {
        self.call.language.unwrap_or(self.frame.language)
    }

    pub(super) fn actor(&self) -> ActorId {
        api::actor(&self.app, &self.session)
    }

    /// Whether the operator may see the administration too.
    pub(super) fn is_admin(&self) -> bool {
        self.session.role == Role::Admin
    }

    /// The address of the screen with what was chosen.
    pub(super) fn here(&self) -> String {
        match self.choice.query() {
            query if query.is_empty() => "/desk".to_owned(),
            query => format!("/desk?{query}"),
        }
    }

    /// Keeps the call and sends the browser to the screen.
    pub(super) fn go(self) -> Response {
        let to = Redirect::to(&self.here()).into_response();
        let kept = self.app.calls.set(&self.token, self.call.clone());
        if kept && !self.fresh {
            return to;
        }
        let secure = secure(&self.app);
        let token = if kept { self.token } else { self.app.calls.put(self.call) };
        with_cookie(to, &format!("{CALL}={token}; Path=/desk; HttpOnly; SameSite=Strict{secure}"))
    }

    /// Keeps the call with a refusal.
    pub(super) fn refuse(mut self, error: impl Into<DeskError>, slot: Option<SlotId>) -> Response {
        let error = error.into();
        let at = match &error {
            DeskError::Engine(Error::Rejected(rejection)) => when(*rejection),
            _ => None,
        };
        let name = Problem::from(error).name;
        self.call.said = Some(Said::Refused(Refusal { name, slot, at }));
        self.go()
    }

    /// Notes what the operator did, on behalf of whoever has the claim.
    pub(super) async fn note(&mut self, what: &str, to: ClaimId, note: &str) {
        if let Err(problem) = api::noted(&self.app, &self.session, what, to, note).await {
            tracing::error!(what, detail = problem.detail, "the audit could not be written");
            let name = problem.name;
            self.call.said = Some(Said::Refused(Refusal { name, slot: None, at: None }));
        }
    }

    /// The request id of something done in this call: the same if it is sent twice.
    pub(super) fn request(&self, deed: &str) -> RequestId {
        RequestId(self.tag("request", deed))
    }

    /// The party of a place that is taken before anybody has said who they are.
    pub(super) fn nobody(&self) -> PartyId {
        PartyId(self.tag("party", ""))
    }

    fn tag(&self, what: &str, deed: &str) -> u128 {
        let text = format!("{what} {} {} {deed}", self.token, self.call.attempt);
        let tag = self.app.reception.secrets.sign("call", text.as_bytes());
        let (head, _) = tag.split_at(16);
        head.iter().fold(0, |id, byte| id << 8 | u128::from(*byte))
    }

    /// The hold of this call, as long as its time is not over.
    pub(super) async fn held(&self) -> Option<Claim> {
        let claim = self.app.engine.claim(self.call.hold?).await.ok()?;
        runs(&self.app, &claim).then_some(claim)
    }

    /// What a place is wanted for: what was chosen, or what the booking that moves is for.
    pub(super) async fn wish(&self) -> Option<Wish> {
        let channel = self.set.channel;
        if let Some(moving) = self.call.moving
            && let Ok(claim) = self.app.engine.claim(moving).await
        {
            return Some(Wish { channel, ..Wish::of(&claim) });
        }
        self.choice.wish(&self.app, channel)
    }
}

/// The instant that a refusal names.
const fn when(rejection: Rejection) -> Option<DateTime<Utc>> {
    match rejection {
        Rejection::NotYetReleased { at, .. }
        | Rejection::TooManyEnded { at }
        | Rejection::TooEarly { from: at }
        | Rejection::TooLate { until: at } => Some(at),
        _ => None,
    }
}

pub(super) fn with_cookie(mut response: Response, text: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(text) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}
