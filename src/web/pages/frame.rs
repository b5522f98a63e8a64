//! What surrounds every page? Title, language link, the words of the frame.
//!
//! Never knows what the page is about.

use std::fmt::Display;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use crate::desk::Language;
use crate::web::App;
use crate::web::words;

use super::assets;

/// What the base template needs.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) language: Language,
    /// This page in the other language.
    pub(crate) other: String,
    pub(crate) service_name: String,
    pub(crate) telephone: Option<String>,
}

impl Frame {
    /// The words of the frame.
    pub(crate) fn words(&self) -> &'static words::Frame {
        words::Frame::of(self.language)
    }

    /// The address of a style sheet, script or picture.
    #[expect(clippy::unused_self, reason = "templates reach it through the frame")]
    pub(crate) fn asset(&self, name: &str) -> String {
        assets::address(name)
    }

    /// The link that calls the telephone number.
    pub(crate) fn call(&self) -> String {
        let number = self.telephone.as_deref().unwrap_or_default();
        let dialled = number.chars().filter(|c| c.is_ascii_digit() || *c == '+');
        format!("tel:{}", dialled.collect::<String>())
    }
}

/// The language is the query's `lang`, else the cookie's, else the browser's, else Spanish.
impl FromRequestParts<App> for Frame {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let language = language_of(parts);
        let path = parts.uri.path();
        let query = parts.uri.query().unwrap_or_default();
        let rest = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("lang="));
        let mut pairs: Vec<String> = rest.map(str::to_owned).collect();
        pairs.push(format!("lang={}", language.other().tag()));
        Ok(Self {
            language,
            other: format!("{path}?{}", pairs.join("&")),
            service_name: app.settings.service_name.clone(),
            telephone: app.settings.telephone.clone(),
        })
    }
}

/// The language that the query asks for.
fn asked(query: &str) -> Option<Language> {
    let tag = query.split('&').find_map(|pair| pair.strip_prefix("lang="))?;
    Language::from_tag(tag)
}

/// The language of a request.
pub(crate) fn language_of(parts: &Parts) -> Language {
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let kept = || cookie(header(header::COOKIE)?, "lang").and_then(Language::from_tag);
    let browser = || header(header::ACCEPT_LANGUAGE)?.split(',').find_map(tag);
    let tag = asked(parts.uri.query().unwrap_or_default());
    tag.or_else(kept).or_else(browser).unwrap_or_default()
}

fn tag(text: &str) -> Option<Language> {
    Language::from_tag(text.split(';').next().unwrap_or_default().trim())
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// A layer: who asks for a language with `?lang=` is spoken to in it from then on.
pub(crate) async fn remember_language(request: Request, next: Next) -> Response {
    let language = request.uri().query().and_then(asked);
    let mut response = next.run(request).await;
    if let Some(language) = language {
        let (tag, year) = (language.tag(), 365 * 24 * 3_600);
        let text = format!("lang={tag}; Path=/; Max-Age={year}; HttpOnly; SameSite=Lax");
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}

/// A page, or a failure of its template.
pub(crate) fn page(template: &impl askama::Template) -> Response {
    page_as(StatusCode::OK, template)
}

/// A page with a status of its own. Pages are never stored: they show what is so now, and to whom.
pub(crate) fn page_as(status: StatusCode, template: &impl askama::Template) -> Response {
    match template.render() {
        Ok(text) => (status, [(header::CACHE_CONTROL, "no-store")], Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a template failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A phrase with a value in place of `{name}`.
pub(crate) fn fill(phrase: &str, name: &str, value: impl Display) -> String {
    phrase.replace(&format!("{{{name}}}"), &value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(uri: &str, cookie: &str, browser: &str) -> Language {
        let request = Request::builder()
            .uri(uri)
            .header(header::COOKIE, cookie)
            .header(header::ACCEPT_LANGUAGE, browser);
        language_of(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn the_language_is_asked_for_kept_or_the_browsers() {
        assert_eq!(language("/?lang=en", "lang=es", "es"), Language::En);
        assert_eq!(language("/?lang=fr", "a=b; lang=en", "es"), Language::En);
        assert_eq!(language("/", "a=b", "fr, en-US;q=0.8, es"), Language::En);
        assert_eq!(language("/", "", "fr"), Language::Es);
    }
}
