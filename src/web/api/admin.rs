//! How does a program administer the service? Everything under `/v1/admin`, for keys of
//! administrators.
//!
//! Edits name the version they were made from, the catalog's `ETag`, as `If-Match`. Never holds a
//! rule: the checks are the catalog's, the work is done in `web::admin`.

mod catalog;
mod closures;
mod days;
mod exceptions;
mod keys;
mod log;
mod parts;

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::openapi::{ContentBuilder, RefOr, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses};
use utoipa_axum::router::OpenApiRouter;

use crate::Catalog;
use crate::web::App;
use crate::web::admin::{Edited, Expected, Wish, not_found};
use crate::web::api::extract::{Json, Query};
use crate::web::guard::AdminCaller;
use crate::web::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(catalog::routes())
        .merge(parts::routes())
        .merge(exceptions::routes())
        .merge(days::routes())
        .merge(closures::routes())
        .merge(keys::routes())
        .merge(log::routes())
}

/// How an edit is to be made.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EditQuery {
    /// Only tell what would happen.
    #[serde(default)]
    #[param(default = false)]
    dry_run: bool,
    /// Go through with it although claims are left beyond a capacity.
    #[serde(default)]
    #[param(default = false)]
    accept_deficit: bool,
}

/// Who asks for an edit, and from which version.
struct Editor {
    caller: AdminCaller,
    headers: HeaderMap,
    query: EditQuery,
}

impl Editor {
    fn wish(&self, what: &'static str, to: &str) -> Result<Wish, Problem> {
        Ok(Wish {
            by: self.caller.session.name.clone(),
            what,
            to: to.to_owned(),
            expected: Expected::of(&self.headers)?,
            dry_run: self.query.dry_run,
            accept_deficit: self.query.accept_deficit,
            afresh: Vec::new(),
        })
    }
}

impl FromRequestParts<App> for Editor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = AdminCaller::from_request_parts(parts, app).await?;
        let Query(query) = Query::from_request_parts(parts, app).await?;
        Ok(Self { caller, headers: parts.headers.clone(), query })
    }
}

/// A body of text in UTF-8.
struct Text(String);

impl FromRequest<App> for Text {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, app).await.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "the body is too large")
            } else {
                Problem::malformed("the body ended before its length")
            }
        })?;
        let text = String::from_utf8(bytes.into());
        let text = text.map_err(|_| Problem::malformed("the body is not UTF-8"))?;
        Ok(Self(text))
    }
}

/// The catalog in force.
fn catalog_of(app: &App) -> Result<std::sync::Arc<Catalog>, Problem> {
    app.engine.catalog().ok_or_else(|| not_found("there is no catalog"))
}

/// An answer that carries the catalog's version.
fn tagged(version: &str, answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn told(status: StatusCode, edited: Edited) -> Response {
    tagged(&edited.version.clone(), (status, Json(edited)))
}

/// The refusals that all calls here share, for the document.
struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let list = [
            ("400", "What was sent cannot be read: `malformed`"),
            ("401", "No key: `unauthorized`"),
            ("403", "Not an administrator's key: `forbidden`"),
            ("404", "No such thing: `not-found`"),
            (
                "409",
                "`capacity-below-booked`, `impact-changed` or `own-key`, with what is in the way",
            ),
            ("412", "The catalog was changed since: `version`"),
            ("413", "The body is too large"),
            ("415", "Another content type: `media-type`"),
            ("422", "What was sent is not usable: `invalid`, with the reason"),
            ("428", "`If-Match` is missing: `version`"),
            ("429", "Too many requests: `throttled`"),
            ("503", "The disk or the store failed: `unavailable`"),
        ];
        let response = |(status, text): (&str, &str)| {
            let content = ContentBuilder::new().build();
            let response = ResponseBuilder::new().description(text);
            let response = response.content("application/problem+json", content).build();
            (status.to_owned(), response.into())
        };
        list.into_iter().map(response).collect()
    }
}
