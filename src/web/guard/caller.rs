//! Who is calling? From the `Authorization` header, or the cookie of a signed-in browser.
//!
//! Never trusts an address that a trusted proxy did not write.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};

use crate::desk::Language;
use crate::web::App;
use crate::web::guard::{Role, Session};
use crate::web::problem::Problem;

/// Whoever is calling; citizens have no session.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The address, as far as it can be believed.
    pub(crate) address: Option<IpAddr>,
    /// The language they want.
    pub(crate) language: Language,
    /// Who of the staff or which program.
    pub(crate) session: Option<Session>,
}

/// An operator or administrator.
#[derive(Clone, Debug)]
pub(crate) struct StaffCaller {
    pub(crate) session: Session,
}

/// An administrator.
#[derive(Clone, Debug)]
pub(crate) struct AdminCaller {
    pub(crate) session: Session,
}

impl Caller {
    /// Whether the caller has at least that role.
    pub(crate) fn is(&self, role: Role) -> bool {
        self.session.as_ref().is_some_and(|session| session.role >= role)
    }

    /// What tries are counted by: the address, of IPv6 its network, as one caller has all of it.
    pub(crate) fn network(&self) -> String {
        match self.address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => format!("{:x}", address.to_bits() >> 64),
            None => String::new(),
        }
    }

    fn need(self, role: Role) -> Result<Session, Problem> {
        match self.session {
            Some(session) if session.role >= role => Ok(session),
            Some(_) => {
                Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", "this key may not do that"))
            }
            None => Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "send `Authorization: Bearer KEY`",
            )),
        }
    }
}

/// What the guards have found out about a request already.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) address: Option<IpAddr>,
    pub(super) session: Option<Session>,
}

impl Known {
    pub(super) fn new(parts: &Parts, address: Option<IpAddr>, app: &App) -> Self {
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        let session = match bearer {
            Some(key) => app.keys.find(key),
            None => cookie(parts)
                .and_then(|token| app.sessions.get(token))
                .filter(|session| app.keys.knows(session)),
        };
        Self { address, session }
    }

    /// The name of the key, for the log.
    pub(super) fn key(&self) -> Option<&str> {
        self.session.as_ref().map(|session| session.name.as_str())
    }
}

/// The token of a signed-in browser.
pub(crate) fn cookie(parts: &Parts) -> Option<&str> {
    let cookies = parts.headers.get_all(header::COOKIE).iter();
    cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
        .find_map(|pair| pair.trim().strip_prefix("staff="))
}

impl FromRequestParts<App> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let known = parts.extensions.get::<Known>().cloned();
        let Known { address, session } = known.unwrap_or_else(|| Known::new(parts, None, app));
        Ok(Self { address, language: crate::web::pages::language_of(parts), session })
    }
}

impl FromRequestParts<App> for StaffCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Ok(caller) = Caller::from_request_parts(parts, app).await;
        caller.need(Role::Desk).map(|session| Self { session })
    }
}

impl FromRequestParts<App> for AdminCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Ok(caller) = Caller::from_request_parts(parts, app).await;
        caller.need(Role::Admin).map(|session| Self { session })
    }
}
