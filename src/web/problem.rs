//! How is a refusal told over HTTP? Problem details (RFC 9457), in Spanish and English.
//!
//! Never shows what is personal or internal, and never turns a lost race into a server's error.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::desk::DeskError;
use crate::{Error, Rejection};

/// A refusal or failure on its way out. A layer adds language, trace id and address.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    /// The last part of its type, such as `slot-taken`.
    pub(crate) name: &'static str,
    pub(crate) status: StatusCode,
    /// What exactly, in English, for developers.
    pub(crate) detail: String,
    /// Members of its own, such as `alternatives` or `retry_at`.
    pub(crate) more: Map<String, Value>,
    /// For the header `Retry-After`.
    pub(crate) retry_after_s: Option<u64>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, status, detail: detail.into(), more: Map::new(), retry_after_s: None }
    }

    /// Adds a member.
    #[must_use]
    pub(crate) fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.more.insert(member.to_owned(), value.into());
        self
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        Self::new(StatusCode::CONFLICT, "refused", rejection.to_string())
            .with("code", rejection.code())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error.rejection() {
            Some(rejection) => rejection.into(),
            None => Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error.to_string()),
        }
    }
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Engine(error) => error.into(),
            DeskError::NotFound => Self::new(StatusCode::NOT_FOUND, "not-found", error.to_string()),
            DeskError::Throttled { after } => {
                let mut problem =
                    Self::new(StatusCode::TOO_MANY_REQUESTS, "throttled", error.to_string());
                problem.retry_after_s = Some(after.as_secs().max(1));
                problem
            }
            DeskError::Person(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", error.to_string())
            }
            DeskError::Store(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the store failed")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": format!("/problems/{}", self.name),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Value::Object(members) = &mut body {
            members.extend(self.more.clone());
        }
        let mut response = (self.status, Json(body)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if let Some(after) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, after.into());
        }
        response.extensions_mut().insert(self);
        response
    }
}
