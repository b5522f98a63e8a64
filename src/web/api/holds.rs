//! How is a place kept while somebody types? Holds: make, read, extend, give back.
//!
//! Never blocks a thread: an answer is awaited until it is on disk.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::web::App;
use crate::web::guard::{Caller, Role};
use crate::web::problem::Problem;
use crate::web::refused::{Wish, explain};
use crate::{ClaimState, Error, Receipt, Rejection};

use super::access::{AccessHeaders, Shown, noted};
use super::asked::{For, HoldAsk};
use super::extract::{Json, KeyHeader, Keyed, MaybeJson, Named};
use super::told::ClaimTold;

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(read, release))
        .routes(routes!(extend))
}

/// The answer to a change: the claim, its version, and whether the request was a repeat.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) told: ClaimTold,
    pub(super) replayed: bool,
    /// Whether something came into being.
    pub(super) made: bool,
}

impl IntoResponse for Changed {
    fn into_response(self) -> Response {
        let made = self.made && !self.replayed;
        let status = if made { StatusCode::CREATED } else { StatusCode::OK };
        let tag = self.told.tag();
        let mut response = (status, Json(self.told)).into_response();
        let headers = response.headers_mut();
        if let Ok(tag) = HeaderValue::try_from(tag) {
            headers.insert(header::ETAG, tag);
        }
        if self.replayed {
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// Keeps a place until `expires_at`.
///
/// Without a key: for a `person`, on the web. With a key: for a `person`, or for a `party` of the
/// program's own. The same `Idempotency-Key` again answers with the same hold.
#[utoipa::path(post, path = "/v1/holds", tag = "holds", params(KeyHeader), request_body = HoldAsk,
    responses(
        (status = 201, description = "The place is held", body = ClaimTold,
            headers(("ETag" = String, description = "The version"))),
        (status = 200, description = "A repeat: the hold as it stands now", body = ClaimTold),
        (status = 400, description = "`malformed`, `idempotency-key-missing`"),
        (status = 403, description = "`not-yet-released` with `retry_at`, `forbidden`"),
        (status = 409, description = "`slot-taken` and `outside-window` with `alternatives`; \
            `person-limit`, `overlapping-booking`"),
        (status = 422, description = "`invalid`, `request-reused`"),
    ))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    key: Keyed,
    Json(body): Json<HoldAsk>,
) -> Result<Changed, Problem> {
    let asked = body.read(&app, &caller, key.request(&app))?;
    let wish = Some((&asked.wish, asked.slot));
    // What is seldom waited for is boxed: every request would carry the room for it.
    let (receipt, code) = match &asked.whom {
        For::Party => match app.engine.hold(&asked.ask).await {
            Ok(receipt) => (receipt, None),
            Err(error) => {
                return Err(Box::pin(explain(&app, error, wish, true)).await);
            }
        },
        For::Person(person) => match app.reception.hold(&asked.ask, person).await {
            Ok(held) => (held.receipt, Some(held.code)),
            Err(error) => {
                let knows = caller.is(Role::Partner);
                return Err(Box::pin(explain(&app, error, wish, knows)).await);
            }
        },
    };
    let Receipt { claim, replayed } = receipt;
    if let Some(session) = caller.session.as_ref().filter(|session| session.role >= Role::Desk)
        && !replayed
    {
        let reason = body.override_reason.as_deref().filter(|_| asked.overriding);
        Box::pin(noted(&app, session, "hold", claim.id, reason.unwrap_or_default())).await?;
    }
    let told = ClaimTold::new(&app, &claim).with_secret(&app);
    let told = if let Some(code) = code { told.with_code(code) } else { told };
    Ok(Changed { told, replayed, made: true })
}

/// A hold as it stands.
#[utoipa::path(get, path = "/v1/holds/{id}", tag = "holds",
    params(("id" = String, Path, description = "The hold's id"), AccessHeaders),
    responses(
        (status = 200, description = "The hold", body = ClaimTold,
            headers(("ETag" = String, description = "The version"))),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`not-found`: unknown, or the secret is wrong"),
    ))]
async fn read(State(app): State<App>, shown: Shown, Named(id): Named) -> Result<Changed, Problem> {
    let reached = shown.reach(&app, &id).await?;
    let claim = reached.claim(&app).await?;
    let told = ClaimTold::seen(&app, &claim, &reached)?;
    Ok(Changed { told, replayed: false, made: false })
}

/// How much longer.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Longer {
    /// From now on; as long as a new hold by default.
    #[serde(default)]
    #[schema(minimum = 1)]
    ttl_seconds: Option<u32>,
}

/// Gives a hold a new deadline, up to what the catalog allows in all.
#[utoipa::path(post, path = "/v1/holds/{id}/extend", tag = "holds",
    params(("id" = String, Path, description = "The hold's id"), AccessHeaders),
    request_body = Option<Longer>,
    responses(
        (status = 200, description = "Held until the new `expires_at`", body = ClaimTold,
            headers(("ETag" = String, description = "The version"))),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`extension-limit`, `already-confirmed`, `already-ended`"),
        (status = 410, description = "`hold-expired` with `alternatives`"),
        (status = 422, description = "`invalid`"),
    ))]
async fn extend(
    State(app): State<App>,
    shown: Shown,
    Named(id): Named,
    MaybeJson(Longer { ttl_seconds }): MaybeJson<Longer>,
) -> Result<Changed, Problem> {
    let reached = shown.reach(&app, &id).await?;
    let usual = || app.engine.catalog().map_or(600, |catalog| catalog.holds.ttl.seconds());
    let ttl = Duration::from_secs(ttl_seconds.map_or_else(usual, u64::from));
    match app.engine.extend(reached.id, ttl).await {
        Ok(Receipt { claim, replayed }) => {
            reached.note(&app, "extend", "").await?;
            let told = ClaimTold::seen(&app, &claim, &reached)?;
            Ok(Changed { told, replayed, made: false })
        }
        Err(Error::Rejected(rejection @ Rejection::TooLate { .. })) => {
            Err(Problem::from(rejection).extension_limit())
        }
        Err(error) => Err(explain_claim(&app, error, &reached).await),
    }
}

/// Gives a hold back; its place is free at once. Repeats, and a hold that has ended by itself,
/// are no fault.
#[utoipa::path(delete, path = "/v1/holds/{id}", tag = "holds",
    params(("id" = String, Path, description = "The hold's id"), AccessHeaders),
    responses(
        (status = 204, description = "There is no such hold any more"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`already-confirmed`: cancel the booking instead"),
    ))]
async fn release(
    State(app): State<App>,
    shown: Shown,
    Named(id): Named,
) -> Result<StatusCode, Problem> {
    let reached = shown.reach(&app, &id).await?;
    match app.engine.release(reached.id).await {
        Ok(receipt) => {
            if !receipt.replayed {
                reached.note(&app, "release", "").await?;
            }
            Ok(StatusCode::NO_CONTENT)
        }
        Err(Error::Rejected(Rejection::HoldExpired { .. })) => Ok(StatusCode::NO_CONTENT),
        Err(Error::Rejected(Rejection::AlreadyEnded { how: ClaimState::Revoked })) => {
            Ok(StatusCode::NO_CONTENT)
        }
        Err(error) => Err(explain_claim(&app, error, &reached).await),
    }
}

/// The problem of a change to a claim, with places like its own.
pub(super) async fn explain_claim(
    app: &App,
    error: Error,
    reached: &super::access::Reached,
) -> Problem {
    let claim = app.engine.claim(reached.id).await;
    let wish = claim.ok().map(|claim| (Wish::of(&claim), claim.slot));
    explain(app, error, wish.as_ref().map(|(wish, slot)| (wish, *slot)), true).await
}
