//! Has the caller the newest answer already? `ETag` and `If-None-Match`.
//!
//! Never computes an answer that is not sent.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::web::problem::Problem;
use crate::web::wire::short_hex;

use super::extract::Json;

/// A version of an answer, hashed from what it rests on.
pub(super) struct Tag(Sha256);

impl Tag {
    pub(super) fn new(what: &str) -> Self {
        Self(Sha256::new_with_prefix(what))
    }

    pub(super) fn add(&mut self, number: u64) {
        self.0.update(number.to_be_bytes());
    }

    #[must_use]
    pub(super) fn with(mut self, bytes: &[u8]) -> Self {
        self.0.update(bytes);
        self
    }

    fn text(&self) -> String {
        format!("\"{}\"", short_hex(&self.0.clone().finalize()))
    }
}

/// The answer with its tag, or 304 if the caller has it.
pub(super) async fn tagged<T: Serialize>(
    headers: &HeaderMap,
    tag: &Tag,
    cache: &'static str,
    answer: impl Future<Output = Result<T, Problem>>,
) -> Result<Response, Problem> {
    match not_modified(headers, tag, cache) {
        Some(response) => Ok(response),
        None => Ok(with(Json(answer.await?).into_response(), tag, cache)),
    }
}

/// A text of JSON with its tag, or 304 if the caller has it.
pub(super) fn tagged_text(
    headers: &HeaderMap,
    tag: &Tag,
    cache: &'static str,
    text: impl Into<Body>,
) -> Response {
    not_modified(headers, tag, cache).unwrap_or_else(|| {
        let kind = [(header::CONTENT_TYPE, "application/json")];
        with((kind, text.into()).into_response(), tag, cache)
    })
}

fn not_modified(headers: &HeaderMap, tag: &Tag, cache: &'static str) -> Option<Response> {
    let text = tag.text();
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut known = known.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
    let same = known.any(|known| same(known.trim(), &text));
    same.then(|| with(StatusCode::NOT_MODIFIED.into_response(), tag, cache))
}

fn with(mut response: Response, tag: &Tag, cache: &'static str) -> Response {
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::try_from(tag.text()) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

/// The weak comparison of RFC 9110, which is the one for `If-None-Match`.
fn same(known: &str, tag: &str) -> bool {
    known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
}
