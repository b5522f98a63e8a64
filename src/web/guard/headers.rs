//! What does every answer say to the browser? What it may load, keep, and tell others.
//!
//! Never loosens what a route has set itself.

use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

use crate::web::{App, Settings};

const CONTENT: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);
const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");

/// What is set on all answers.
#[derive(Debug)]
pub(super) struct Security {
    secure: bool,
}

/// What an answer needs to know of its request.
#[derive(Debug)]
pub(super) struct Asked {
    /// Where a person with a browser wanted to go.
    page: Option<String>,
}

impl Asked {
    pub(super) fn of(parts: &Parts) -> Self {
        let accepts = parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        let is_page = accepts.is_some_and(|value| value.contains("text/html"));
        let path = || parts.uri.path_and_query().map(|path| path.as_str().to_owned());
        Self { page: (is_page && parts.method == Method::GET).then(path).flatten() }
    }
}

impl Security {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { secure: settings.is_secure() }
    }

    pub(super) fn finish(&self, response: Response, asked: &Asked, _app: &App) -> Response {
        let mut response = match (&asked.page, response.status()) {
            (Some(page), StatusCode::UNAUTHORIZED) => sign_in(page),
            _ => response,
        };
        let unauthorized = response.status() == StatusCode::UNAUTHORIZED;
        let headers = response.headers_mut();
        headers.reserve(8);
        if unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(CONTENT);
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(
            PERMISSIONS,
            HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
        );
        let personal = HeaderValue::from_static("no-store");
        headers.entry(header::CACHE_CONTROL).or_insert(personal);
        if self.secure {
            let year = HeaderValue::from_static("max-age=31536000");
            headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
        }
        response
    }
}

/// Ends the connection after an answer to a body that was not read.
pub(super) fn hang_up(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// To the page where staff sign in, and back.
fn sign_in(page: &str) -> Response {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    let next = page.bytes().map(escape).collect::<String>();
    Redirect::to(&format!("/staff/sign-in?next={next}")).into_response()
}
