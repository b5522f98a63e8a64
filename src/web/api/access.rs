//! Whose claim is it, and may the caller touch it? By key, by secret, or by code and birth date.
//!
//! Never tells a wrong secret from an unknown claim.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use utoipa::IntoParams;

use crate::desk::{Code, Found, Gate};
use crate::web::App;
use crate::web::guard::{Caller, Role, Session};
use crate::web::problem::Problem;
use crate::web::wire::claim_from_text;
use crate::{ActorId, Claim, ClaimId};

/// Why somebody may touch a claim.
#[derive(Clone, Debug)]
pub(crate) enum Standing {
    /// Of the staff.
    Staff(Session),
    /// A program with a key.
    Partner,
    /// Whoever has it.
    Holder,
}

/// A claim that the caller may touch.
#[derive(Clone, Debug)]
pub(crate) struct Reached {
    pub(crate) id: ClaimId,
    pub(crate) standing: Standing,
    /// Found by its code, together with its person.
    pub(crate) found: Option<Found>,
}

/// What a caller without a key shows.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    caller: Caller,
    secret: Option<String>,
    birth: Option<String>,
}

/// For the document: how a caller without a key shows that a claim is theirs.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the document only")]
pub(crate) struct AccessHeaders {
    /// Without a key: the `secret` of the claim, with its id in the path.
    #[param(rename = "Booking-Secret")]
    booking_secret: Option<String>,
    /// Without a key: the person's birth date, with the booking code in the path.
    #[param(rename = "Birth-Date", example = "1990-01-31")]
    birth_date: Option<String>,
}

impl FromRequestParts<App> for Shown {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let secret = text(&parts.headers, "booking-secret");
        Ok(Self { caller, secret, birth: text(&parts.headers, "birth-date") })
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

impl Shown {
    pub(crate) const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The claim of an id or a booking code, if the caller may touch it.
    pub(crate) async fn reach(&self, app: &App, reference: &str) -> Result<Reached, Problem> {
        let id = claim_from_text(reference);
        if let Some(session) = &self.caller.session {
            let staff = session.role >= Role::Desk;
            if let Some(id) = id {
                let standing =
                    if staff { Standing::Staff(session.clone()) } else { Standing::Partner };
                return Ok(Reached { id, standing, found: None });
            }
            if staff && reference.parse::<Code>().is_ok() {
                let found = app.reception.search(reference).await?;
                let found = found.into_iter().next().ok_or_else(Problem::not_found)?;
                let standing = Standing::Staff(session.clone());
                return Ok(Reached { id: found.claim.id, standing, found: Some(found) });
            }
        }
        match (id, &self.secret, &self.birth) {
            (Some(id), Some(secret), _) => self.by_secret(app, id, secret),
            (None, _, Some(birth)) => Box::pin(self.by_code(app, reference, birth)).await,
            (Some(_), None, _) => Err(unknown("send `Booking-Secret`, or a key")),
            (None, ..) => Err(unknown("send `Birth-Date` with the booking code")),
        }
    }

    fn by_secret(&self, app: &App, id: ClaimId, secret: &str) -> Result<Reached, Problem> {
        // A secret has 128 bits: only wrong ones count as tries.
        if !app.reception.knows(id, secret) {
            app.throttle.pass(Gate::Lookup, &network(self.caller.address))?;
            return Err(Problem::not_found());
        }
        Ok(Reached { id, standing: Standing::Holder, found: None })
    }

    async fn by_code(&self, app: &App, code: &str, birth: &str) -> Result<Reached, Problem> {
        app.throttle.pass(Gate::Lookup, &network(self.caller.address))?;
        let (Ok(code), Ok(birth)) = (code.parse::<Code>(), birth.parse()) else {
            return Err(Problem::not_found());
        };
        app.throttle.pass(Gate::Guess, &code.digits())?;
        let found = app.reception.find(code, birth).await?;
        Ok(Reached { id: found.claim.id, standing: Standing::Holder, found: Some(found) })
    }
}

impl Reached {
    /// The claim as it stands.
    pub(crate) async fn claim(&self, app: &App) -> Result<Claim, Problem> {
        match &self.found {
            Some(found) => Ok(found.claim.clone()),
            None => Ok(app.engine.claim(self.id).await?),
        }
    }

    /// Notes what staff did.
    pub(crate) async fn note(&self, app: &App, what: &str, note: &str) -> Result<(), Problem> {
        match &self.standing {
            Standing::Staff(session) => noted(app, session, what, self.id, note).await,
            Standing::Partner | Standing::Holder => Ok(()),
        }
    }
}

/// Notes what somebody of the staff did to a claim.
pub(crate) async fn noted(
    app: &App,
    session: &Session,
    what: &str,
    to: ClaimId,
    note: &str,
) -> Result<(), Problem> {
    Ok(app.audit.note(app.engine.now(), &session.name, what, &to.to_string(), note).await?)
}

/// Staff as the engine's journal names them: by their key.
pub(crate) fn actor(app: &App, session: &Session) -> ActorId {
    let tag = app.reception.secrets.sign("actor", session.key.as_bytes());
    ActorId(tag.iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte)))
}

fn unknown(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
}

/// The network of a caller: tries are counted by it, since one caller has many addresses of IPv6.
pub(crate) fn network(address: Option<IpAddr>) -> String {
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => format!("{:x}", address.to_bits() >> 64),
        None => String::new(),
    }
}
