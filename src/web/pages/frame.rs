//! What surrounds every page? Title, language link, the words of the frame.
//!
//! Never knows what the page is about.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use crate::desk::Language;
use crate::web::App;
use crate::web::words;

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

/// The language of a request.
pub(crate) fn language_of(parts: &Parts) -> Language {
    let query = parts.uri.query().unwrap_or_default();
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("lang="));
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let cookies = header(header::COOKIE).unwrap_or_default();
    let kept = cookies.split(';').find_map(|pair| pair.trim().strip_prefix("lang="));
    let browser = || header(header::ACCEPT_LANGUAGE)?.split(',').find_map(Language::from_tag);
    let chosen = asked.and_then(Language::from_tag).or_else(|| Language::from_tag(kept?));
    chosen.or_else(browser).unwrap_or_default()
}

/// A page, or a failure of its template.
pub(crate) fn page(template: &impl askama::Template) -> Response {
    match template.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a template failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
