//! What did the caller send? Body, query, path and headers, each refused with a reason.
//!
//! Never answers with a server's error to anything that was sent.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use crate::RequestId;
use crate::web::App;
use crate::web::problem::Problem;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Room for a claim, so that its text grows in place.
const USUAL_BYTES: usize = 768;

/// A body of JSON, in and out.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

/// A body of JSON that may be left out.
#[derive(Debug)]
pub(crate) struct MaybeJson<T>(pub(crate) T);

/// The query.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

/// What a path names.
#[derive(Debug)]
pub(crate) struct Named(pub(crate) String);

/// The header `Idempotency-Key`.
#[derive(Clone, Debug)]
pub(crate) struct Keyed(HeaderValue);

impl Keyed {
    /// The request id that it stands for.
    pub(crate) fn request(&self, app: &App) -> RequestId {
        app.reception.request(self.0.as_bytes())
    }
}

/// The versions that a change may be made from; any if there are none.
#[derive(Clone, Debug)]
pub(crate) struct IfMatch(pub(crate) Option<Vec<u16>>);

/// For the document: the header of calls that can be repeated.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the document only")]
pub(crate) struct KeyHeader {
    /// 1 to 255 visible characters, new for every request. The same key again gives the same
    /// answer, marked `Idempotent-Replayed: true`.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 255, pattern = "^[!-~]+$")]
    idempotency_key: String,
}

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "send a body of JSON with `Content-Type: application/json`";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", detail));
        }
        read(&bytes(request, app).await?).map(Self)
    }
}

impl<T: DeserializeOwned + Default> FromRequest<App> for MaybeJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let bytes = bytes(request, app).await?;
        if bytes.is_empty() { Ok(Self(T::default())) } else { read(&bytes).map(Self) }
    }
}

async fn bytes(request: Request, app: &App) -> Result<Bytes, Problem> {
    Bytes::from_request(request, app).await.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "the body is too large")
        } else {
            Problem::malformed("the body ended before its length")
        }
    })
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => Problem::invalid(error.to_string()),
        _ => Problem::malformed(format!("the body is not JSON: {error}")),
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let mut text = Vec::with_capacity(USUAL_BYTES);
        match serde_json::to_writer(&mut text, &self.0) {
            Ok(()) => ([(header::CONTENT_TYPE, JSON)], text).into_response(),
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let read = axum::extract::Query::try_from_uri(&parts.uri);
        read.map(|axum::extract::Query(query)| Self(query)).map_err(|rejection| {
            let text = rejection.body_text();
            let what = text.strip_prefix("Failed to deserialize query string: ");
            Problem::malformed(format!("query: {}", what.unwrap_or(&text)))
        })
    }
}

impl FromRequestParts<App> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let path = axum::extract::Path::<String>::from_request_parts(parts, app).await;
        path.map(|axum::extract::Path(name)| Self(name)).map_err(|_| Problem::not_found())
    }
}

impl FromRequestParts<App> for Keyed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let Some(key) = parts.headers.get("idempotency-key") else {
            let detail =
                "send `Idempotency-Key`: 1 to 255 visible characters, new for every request";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "idempotency-key-missing", detail));
        };
        let text = key.as_bytes();
        if !(1..=255).contains(&text.len()) || !text.iter().all(u8::is_ascii_graphic) {
            return Err(Problem::malformed("Idempotency-Key: 1 to 255 visible characters"));
        }
        Ok(Self(key.clone()))
    }
}

impl FromRequestParts<App> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let values = parts.headers.get_all(header::IF_MATCH).iter();
        let mut tags = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|text| text.split(','))
            .peekable();
        if tags.peek().is_none() {
            let detail = "send the version you read, its ETag, as If-Match";
            return Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, "version", detail));
        }
        let mut versions = Vec::new();
        for tag in tags.map(str::trim) {
            if tag == "*" {
                return Ok(Self(None));
            }
            let number = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
            versions.extend(number.and_then(|number| number.parse::<u16>().ok()));
        }
        Ok(Self(Some(versions)))
    }
}
