//! Who subscribes to what? Webhooks, for administrators.
//!
//! A key is shown when it is made, and never again.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::web::App;
use crate::web::guard::AdminCaller;
use crate::web::problem::Problem;
use crate::web::webhooks::{Attempt, Hook, Wish};

use super::events::blocking;
use super::extract::Json;

/// A webhook as asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookWish {
    /// Where to post: https, or http on this machine.
    url: String,
    /// Which events, such as `claim.booked`; all if there is none.
    #[serde(default)]
    kinds: Vec<String>,
    /// For people.
    #[serde(default)]
    note: String,
    /// Whether it is in use; yes by default.
    #[serde(default = "yes")]
    enabled: bool,
}

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Webhook {
    id: u64,
    url: String,
    kinds: Vec<String>,
    note: String,
    enabled: bool,
    /// Rises with every change; the `ETag`.
    version: u32,
    made: DateTime<Utc>,
    /// Since when nothing was taken.
    failing_since: Option<DateTime<Utc>>,
    /// Why the service disabled it.
    stopped: Option<String>,
    /// Events it has not taken yet.
    pending: usize,
    /// The key (`whsec_...`), only in the answer that makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// All webhooks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookList {
    webhooks: Vec<Webhook>,
}

/// The last tries, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AttemptList {
    deliveries: Vec<Attempt>,
}

/// What came of a test.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tried {
    /// Whether the receiver took it.
    taken: bool,
    /// The status of its answer.
    status: Option<u16>,
    /// Why there was none.
    error: Option<String>,
    took_ms: u64,
}

const fn yes() -> bool {
    true
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, change, remove))
        .routes(routes!(test))
        .routes(routes!(deliveries))
}

impl From<WebhookWish> for Wish {
    fn from(wish: WebhookWish) -> Self {
        let WebhookWish { url, kinds, note, enabled } = wish;
        let kinds = kinds.into_iter().map(|kind| kind.trim_start_matches("cupo.").to_owned());
        Self { url, kinds: kinds.collect(), note, enabled }
    }
}

fn view(app: &App, hook: Hook) -> Webhook {
    Webhook {
        pending: app.webhooks.pending(hook.id),
        id: hook.id,
        url: hook.url,
        kinds: hook.kinds,
        note: hook.note,
        enabled: hook.enabled,
        version: hook.version,
        made: hook.made,
        failing_since: hook.failing_since,
        stopped: hook.stopped,
        secret: None,
    }
}

fn tagged(status: StatusCode, webhook: Webhook) -> Response {
    let tag = format!("\"{}\"", webhook.version);
    (status, [(header::ETAG, tag)], Json(webhook)).into_response()
}

fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not-found", "there is no such webhook")
}

/// What the body asks for, checked.
fn wished(app: &App, wish: WebhookWish) -> Result<Wish, Problem> {
    let wish = Wish::from(wish);
    match app.webhooks.fault(&wish) {
        Some(fault) => Err(Problem::invalid(fault)),
        None => Ok(wish),
    }
}

/// The version that the caller has seen.
fn seen(headers: &HeaderMap) -> Result<u32, Problem> {
    let needed = || {
        let what = "send `If-Match` with the `ETag` you have seen";
        Problem::new(StatusCode::PRECONDITION_REQUIRED, "version", what)
    };
    let tag = headers.get(header::IF_MATCH).ok_or_else(needed)?;
    let tag = tag.to_str().unwrap_or_default().trim().trim_matches('"');
    tag.parse().map_err(|_| changed())
}

fn changed() -> Problem {
    let what = "it was changed meanwhile; read it again";
    Problem::new(StatusCode::PRECONDITION_FAILED, "version", what)
}

async fn note(app: &App, by: &AdminCaller, what: &str, id: u64, url: &str) -> Result<(), Problem> {
    let host = url.parse::<axum::http::Uri>().ok();
    let host = host.as_ref().and_then(|url| url.host()).unwrap_or_default();
    let to = format!("webhook {id}");
    Ok(app.audit.note(app.engine.now(), &by.session.name, what, &to, host).await?)
}

fn random() -> Result<u64, Problem> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error.to_string())
    })?;
    Ok(u64::from_le_bytes(bytes))
}

/// All webhooks.
#[utoipa::path(get, path = "/v1/admin/webhooks", tag = "webhooks", responses(
    (status = 200, description = "All of them", body = WebhookList),
    (status = 401, description = "`unauthorized`"),
    (status = 403, description = "`forbidden`"),
))]
async fn list(State(app): State<App>, _admin: AdminCaller) -> Json<WebhookList> {
    let hooks = app.webhooks.list().into_iter();
    Json(WebhookList { webhooks: hooks.map(|hook| view(&app, hook)).collect() })
}

/// Makes a webhook that hears what happens from now on. Deliveries are signed as Standard Webhooks
/// say, with the key in this answer.
#[utoipa::path(post, path = "/v1/admin/webhooks", tag = "webhooks", request_body = WebhookWish,
    responses(
        (status = 201, description = "Made; `secret` is shown only now", body = Webhook),
        (status = 401, description = "`unauthorized`"),
        (status = 403, description = "`forbidden`"),
        (status = 422, description = "`invalid`: the address, or an event that does not exist"),
))]
async fn create(
    State(app): State<App>,
    admin: AdminCaller,
    Json(wish): Json<WebhookWish>,
) -> Result<Response, Problem> {
    let wish = wished(&app, wish)?;
    let hook = app.webhooks.add(wish, &app.engine, random()?).await?;
    note(&app, &admin, "add-webhook", hook.id, &hook.url).await?;
    let secret = Some(app.webhooks.secret(&hook));
    let place = [(header::LOCATION, format!("/v1/admin/webhooks/{}", hook.id))];
    let webhook = Webhook { secret, ..view(&app, hook) };
    Ok((place, tagged(StatusCode::CREATED, webhook)).into_response())
}

/// A webhook.
#[utoipa::path(get, path = "/v1/admin/webhooks/{id}", tag = "webhooks",
    params(("id" = u64, Path, description = "Its number")),
    responses(
        (status = 200, description = "It", body = Webhook),
        (status = 401, description = "`unauthorized`"),
        (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not-found`"),
))]
async fn read(
    State(app): State<App>,
    _admin: AdminCaller,
    Path(id): Path<u64>,
) -> Result<Response, Problem> {
    let hook = app.webhooks.get(id).ok_or_else(unknown)?;
    Ok(tagged(StatusCode::OK, view(&app, hook)))
}

/// Changes a webhook. One that was disabled hears what happens from now on, after what it had
/// pending.
#[utoipa::path(put, path = "/v1/admin/webhooks/{id}", tag = "webhooks",
    params(
        ("id" = u64, Path, description = "Its number"),
        ("If-Match" = String, Header, description = "The `ETag` that was seen"),
    ),
    request_body = WebhookWish,
    responses(
        (status = 200, description = "It, as it is now", body = Webhook),
        (status = 401, description = "`unauthorized`"),
        (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 412, description = "`version`: changed meanwhile"),
        (status = 422, description = "`invalid`"),
        (status = 428, description = "`version`: `If-Match` is missing"),
))]
async fn change(
    State(app): State<App>,
    admin: AdminCaller,
    Path(id): Path<u64>,
    headers: HeaderMap,
    Json(wish): Json<WebhookWish>,
) -> Result<Response, Problem> {
    app.webhooks.get(id).ok_or_else(unknown)?;
    let (version, wish) = (seen(&headers)?, wished(&app, wish)?);
    let now = (app.engine.now(), app.engine.durable().0);
    let hook = app.webhooks.change(id, version, wish, now).await?.ok_or_else(changed)?;
    note(&app, &admin, "change-webhook", id, &hook.url).await?;
    Ok(tagged(StatusCode::OK, view(&app, hook)))
}

/// Removes a webhook, with what it had pending.
#[utoipa::path(delete, path = "/v1/admin/webhooks/{id}", tag = "webhooks",
    params(("id" = u64, Path, description = "Its number")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 401, description = "`unauthorized`"),
        (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not-found`"),
))]
async fn remove(
    State(app): State<App>,
    admin: AdminCaller,
    Path(id): Path<u64>,
) -> Result<StatusCode, Problem> {
    if !app.webhooks.remove(id).await? {
        return Err(unknown());
    }
    note(&app, &admin, "remove-webhook", id, "").await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends an event `cupo.test` at once, and tells what came of it.
#[utoipa::path(post, path = "/v1/admin/webhooks/{id}/test", tag = "webhooks",
    params(("id" = u64, Path, description = "Its number")),
    responses(
        (status = 200, description = "Sent, taken or not", body = Tried),
        (status = 401, description = "`unauthorized`"),
        (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not-found`"),
))]
async fn test(
    State(app): State<App>,
    admin: AdminCaller,
    Path(id): Path<u64>,
) -> Result<Json<Tried>, Problem> {
    let (mark, office) = (random()?, app.clone());
    let outcome = blocking(move || office.webhooks.try_out(id, mark)).await?.ok_or_else(unknown)?;
    note(&app, &admin, "test-webhook", id, "").await?;
    let taken = outcome.is_taken();
    let (status, error, took_ms) = (outcome.status, outcome.error, outcome.took_ms);
    Ok(Json(Tried { taken, status, error, took_ms }))
}

/// The last 200 tries of a webhook, newest first.
#[utoipa::path(get, path = "/v1/admin/webhooks/{id}/deliveries", tag = "webhooks",
    params(("id" = u64, Path, description = "Its number")),
    responses(
        (status = 200, description = "Newest first", body = AttemptList),
        (status = 401, description = "`unauthorized`"),
        (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not-found`"),
))]
async fn deliveries(
    State(app): State<App>,
    _admin: AdminCaller,
    Path(id): Path<u64>,
) -> Result<Json<AttemptList>, Problem> {
    app.webhooks.get(id).ok_or_else(unknown)?;
    let deliveries = blocking(move || app.webhooks.attempts(id)).await??;
    Ok(Json(AttemptList { deliveries }))
}
