//! In which words does a problem reach its reader? The last step of every answer.
//!
//! Gives each answer its trace id; turns a bare refusal of the router into a problem. Never
//! changes an answer that is none.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::FromRequestParts;
use axum::http::header::{self, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::desk::Language;
use crate::web::App;
use crate::web::pages::{Frame, language_of};
use crate::web::problem::{KIND, Problem, pages};
use crate::web::words;

const TRACE: HeaderName = HeaderName::from_static("trace-id");

/// What an answer needs to know of its request.
#[derive(Debug)]
pub(crate) struct Asker {
    language: Language,
    is_api: bool,
    /// The request of somebody with a browser, outside the API.
    page: Option<Box<Parts>>,
    trace: String,
}

/// Why not, and what next (RFC 9457).
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Body<'a> {
    /// Which problem: an address that explains it.
    #[serde(rename = "type")]
    #[schema(format = "uri")]
    kind: String,
    /// For people, in the language asked for.
    title: &'a str,
    status: u16,
    /// For developers, in English.
    detail: &'a str,
    /// Its line in the log.
    trace_id: &'a str,
    /// What is of use in the next step: `alternatives`, `retry_at`, `claim` and others.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    more: &'a Map<String, Value>,
}

impl Asker {
    pub(crate) fn of(parts: &Parts) -> Self {
        let accepts = parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        let browser = accepts.is_some_and(|value| value.contains("text/html"));
        let is_api = is_api(parts.uri.path());
        let page = browser && !is_api;
        Self {
            language: language_of(parts),
            is_api,
            page: page.then(|| Box::new(parts.clone())),
            trace: trace_id(&parts.headers),
        }
    }
}

/// Gives an answer its trace id and a problem its words.
pub(crate) async fn dress(mut response: Response, asker: Asker, app: &App) -> Response {
    if response.status().is_client_error() || response.status().is_server_error() {
        let problem = response.extensions_mut().remove::<Problem>();
        if let Some(problem) = problem.or_else(|| bare(&response, asker.is_api)) {
            response = told(&problem, &asker, response, app).await;
        }
    }
    if let Ok(trace) = HeaderValue::try_from(asker.trace) {
        response.headers_mut().insert(TRACE, trace);
    }
    response
}

/// A refusal of the router; within the API also one that speaks plain text or HTML.
fn bare(response: &Response, is_api: bool) -> Option<Problem> {
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if kind.is_some_and(|kind| !is_api || !kind.starts_with(b"text/")) {
        return None;
    }
    let status = response.status();
    let (name, detail) = match status {
        StatusCode::NOT_FOUND => return Some(Problem::not_found()),
        StatusCode::UNAUTHORIZED => ("unauthorized", "send `Authorization: Bearer KEY`"),
        StatusCode::FORBIDDEN => ("forbidden", "that is not allowed"),
        StatusCode::METHOD_NOT_ALLOWED => ("method-not-allowed", "see `Allow` for what there is"),
        StatusCode::PAYLOAD_TOO_LARGE => ("too-large", "the body is too large"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ("media-type", "that kind of body is not read here"),
        status if status.is_server_error() => ("failure", "the service failed; it has been noted"),
        _ => ("malformed", "the request cannot be read"),
    };
    Some(Problem::new(status, name, detail))
}

async fn told(problem: &Problem, asker: &Asker, old: Response, app: &App) -> Response {
    let Asker { language, trace, page, .. } = asker;
    let (name, status) = (problem.name, problem.status.as_u16());
    app.metrics.counts.refuse(name);
    if problem.status.is_server_error() {
        tracing::error!(trace_id = trace, name, status, detail = problem.detail, "failed");
    } else {
        tracing::debug!(trace_id = trace, name, status, "refused");
    }
    let mut response = match page {
        Some(parts) => {
            let Ok(frame) = Frame::from_request_parts(&mut parts.as_ref().clone(), app).await;
            (problem.status, pages::explained(frame, name, Some(trace))).into_response()
        }
        None => json(problem, *language, trace, app),
    };
    let headers = response.headers_mut();
    for (name, value) in old.headers() {
        if ![header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name) {
            headers.append(name, value.clone());
        }
    }
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    headers.append(header::VARY, HeaderValue::from_static("accept-language, cookie"));
    if let Some(after) = problem.retry_after_s {
        headers.insert(header::RETRY_AFTER, after.into());
    }
    response
}

fn json(problem: &Problem, language: Language, trace: &str, app: &App) -> Response {
    let body = Body {
        kind: format!("{}/problems/{}", app.settings.base(), problem.name),
        title: &words::problem(problem.name, language).title,
        status: problem.status.as_u16(),
        detail: &problem.detail,
        trace_id: trace,
        more: &problem.more,
    };
    let text = serde_json::to_vec(&body).unwrap_or_default();
    (problem.status, [(header::CONTENT_TYPE, KIND)], text).into_response()
}

/// Whether programs call here, who are not to be shown a page.
fn is_api(path: &str) -> bool {
    let below = |rest: &str| rest.is_empty() || rest.starts_with('/');
    ["/v1", "/fhir"].into_iter().any(|root| path.strip_prefix(root).is_some_and(below))
}

/// The trace id that a proxy gave in `traceparent` (W3C Trace Context), else one of our own.
fn trace_id(headers: &axum::http::HeaderMap) -> String {
    let given = headers.get("traceparent").and_then(|value| value.to_str().ok());
    let given = given.and_then(|text| text.split('-').nth(1)).filter(|id| {
        let hexadecimal = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        id.len() == 32 && id.bytes().all(hexadecimal)
    });
    given.map_or_else(fresh_id, str::to_owned)
}

/// 16 hexadecimal digits, each once in a process and random over all of them.
fn fresh_id() -> String {
    static COUNT: LazyLock<AtomicU64> = LazyLock::new(|| {
        let mut seed = [0; 8];
        // Without randomness ids are still told apart within the process.
        let _ = getrandom::fill(&mut seed);
        AtomicU64::new(u64::from_be_bytes(seed))
    });
    // Relaxed: a count; it orders nothing. The odd factor (of SplitMix64) spreads neighbours.
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{:016x}", count.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
