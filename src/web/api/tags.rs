//! Has the caller the newest answer already? `ETag` and `If-None-Match`.
//!
//! Never computes an answer that is not sent.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

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
        let digest = self.0.clone().finalize();
        let digits = digest.iter().take(8).map(|byte| format!("{byte:02x}"));
        format!("\"{}\"", digits.collect::<String>())
    }
}

/// The answer with its tag, or 304 if the caller has it.
pub(super) fn tagged<R: IntoResponse>(
    headers: &HeaderMap,
    tag: &Tag,
    cache: &'static str,
    answer: impl FnOnce() -> R,
) -> Response {
    let tag = tag.text();
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut known = known.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
    let mut response = if known.any(|known| same(known.trim(), &tag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        answer().into_response()
    };
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

/// The weak comparison of RFC 9110, which is the one for `If-None-Match`.
fn same(known: &str, tag: &str) -> bool {
    known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
}
