//! How does somebody of the staff sign in with a browser? With a key, for a working day.
//!
//! Never keeps the key: the browser gets a token that means nothing elsewhere.

use askama::Template;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use serde::Deserialize;

use crate::desk::Gate;
use crate::web::App;
use crate::web::guard::{Caller, Role, cookie};
use crate::web::words::words;

use super::frame::{Frame, page};

words! {
    /// What the page for signing in says.
    Staff, "staff", { title, lead, key, go_on, wrong, throttled, next_step, signed_out }
}

#[derive(Template)]
#[template(path = "staff/sign_in.html")]
struct SignIn {
    frame: Frame,
    w: &'static Staff,
    next: String,
    /// What went wrong, or what was done.
    message: Option<&'static str>,
    failed: bool,
}

/// Where to go afterwards.
#[derive(Debug, Default, Deserialize)]
struct Wish {
    #[serde(default)]
    next: String,
    out: Option<String>,
}

#[derive(Default, Deserialize)]
struct Shown {
    #[serde(default)]
    key: String,
    #[serde(default)]
    next: String,
}

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/staff/sign-in", get(ask).post(sign_in))
        .route("/staff/sign-out", post(sign_out))
}

async fn ask(frame: Frame, wish: Result<Query<Wish>, QueryRejection>) -> Response {
    let wish = wish.map(|Query(wish)| wish).unwrap_or_default();
    let w = Staff::of(frame.language);
    let message = wish.out.map(|_| w.signed_out.as_str());
    page(&SignIn { frame, w, next: wish.next, message, failed: false })
}

async fn sign_in(
    State(app): State<App>,
    caller: Caller,
    frame: Frame,
    shown: Result<Form<Shown>, FormRejection>,
) -> Response {
    // A form without a key is a form with an empty one.
    let shown = shown.map(|Form(shown)| shown).unwrap_or_default();
    let w = Staff::of(frame.language);
    let again = |status: StatusCode, message: &'static str| {
        let next = shown.next.clone();
        let page = page(&SignIn { frame, w, next, message: Some(message), failed: true });
        (status, page).into_response()
    };
    if let Err(error) = app.throttle.pass(Gate::SignIn, &caller.network()) {
        tracing::warn!("signing in was tried too often");
        let mut response = again(StatusCode::TOO_MANY_REQUESTS, &w.throttled);
        if let crate::desk::DeskError::Throttled { after } = error {
            response.headers_mut().insert(header::RETRY_AFTER, after.as_secs().max(1).into());
        }
        return response;
    }
    let session = app.keys.find(shown.key.trim()).filter(|session| session.role >= Role::Desk);
    let Some(session) = session else {
        tracing::warn!("a key for signing in was not right");
        return again(StatusCode::FORBIDDEN, &w.wrong);
    };
    let home = if session.role == Role::Admin { "/admin" } else { "/desk" };
    if let Err(error) = app.audit.note(app.engine.now(), &session.name, "sign-in", "", "").await {
        tracing::error!(%error, "the audit could not be written");
        return again(StatusCode::SERVICE_UNAVAILABLE, &w.next_step);
    }
    let token = app.sessions.put(session);
    let to = if is_here(&shown.next) { shown.next.as_str() } else { home };
    with_cookie(&app, &token, Redirect::to(to))
}

async fn sign_out(State(app): State<App>, parts: Parts) -> Response {
    if let Some(token) = cookie(&parts) {
        app.sessions.take(token);
    }
    with_cookie(&app, "", Redirect::to("/staff/sign-in?out="))
}

/// Sets the token in the browser, or takes it away if it is empty.
fn with_cookie(app: &App, token: &str, to: Redirect) -> Response {
    let secure = if app.settings.is_secure() { "; Secure" } else { "" };
    let ends = if token.is_empty() { "; Max-Age=0" } else { "" };
    let text = format!("staff={token}; Path=/; HttpOnly; SameSite=Strict{secure}{ends}");
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(header::SET_COOKIE, value);
    }
    (headers, to).into_response()
}

/// A path of this site, and not another site's address that looks like one.
fn is_here(next: &str) -> bool {
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    plain && next.starts_with('/') && !next.starts_with("//")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::Language;

    #[test]
    fn only_paths_of_this_site_are_gone_to() {
        for here in ["/admin", "/admin?office=boston&day=2027-01-12"] {
            assert!(is_here(here), "{here}");
        }
        for elsewhere in ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a\nb"]
        {
            assert!(!is_here(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn no_phrase_is_missing() {
        assert!(Language::ALL.iter().all(|language| !Staff::of(*language).title.is_empty()));
    }
}
