//! Which keys are there? Made, listed and revoked.
//!
//! Never shows a key but once, in the answer that makes it.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::web::App;
use crate::web::admin::{make_key, revoke_key};
use crate::web::api::extract::{Json, Named};
use crate::web::guard::{AdminCaller, KeyEntry};
use crate::web::problem::Problem;

use super::Refusals;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, post)).routes(routes!(delete))
}

/// A key, without itself.
#[derive(Debug, Serialize, ToSchema)]
struct Shown {
    /// What to revoke it by.
    id: String,
    name: String,
    /// `partner`, `desk` or `admin`.
    role: String,
    /// When it was made; absent for keys of the settings, which only their file can revoke.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<DateTime<Utc>>,
}

/// All keys.
#[derive(Debug, Serialize, ToSchema)]
struct All {
    keys: Vec<Shown>,
}

/// A key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Who will use it, for the audit: 1 to 80 characters.
    name: String,
    /// `partner`, `desk` or `admin`.
    role: String,
}

/// A key just made.
#[derive(Debug, Serialize, ToSchema)]
struct Made {
    #[serde(flatten)]
    shown: Shown,
    /// The key itself: shown this once.
    key: String,
}

impl From<KeyEntry> for Shown {
    fn from(entry: KeyEntry) -> Self {
        let KeyEntry { id, name, role, since } = entry;
        Self { id: id.to_string(), name, role: role.name().to_owned(), since }
    }
}

/// All keys.
#[utoipa::path(get, path = "/v1/admin/keys", tag = "admin", operation_id = "get_keys",
    responses((status = 200, description = "Without the keys themselves", body = All), Refusals))]
async fn get(State(app): State<App>, _: AdminCaller) -> Json<All> {
    Json(All { keys: app.keys.list().into_iter().map(Shown::from).collect() })
}

/// Makes a key.
#[utoipa::path(post, path = "/v1/admin/keys", tag = "admin", operation_id = "post_key",
    request_body = Wanted,
    responses((status = 201, description = "With the key itself, this once", body = Made),
        Refusals))]
async fn post(
    State(app): State<App>,
    caller: AdminCaller,
    Json(wanted): Json<Wanted>,
) -> Result<Response, Problem> {
    let by = &caller.session.name;
    let (entry, key) = make_key(&app, by, &wanted.name, &wanted.role).await?;
    let made = Json(Made { shown: entry.into(), key });
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], made).into_response())
}

/// Revokes a key and ends the sessions that began with it.
#[utoipa::path(delete, path = "/v1/admin/keys/{id}", tag = "admin", operation_id = "delete_key",
    params(("id" = String, Path, description = "The key's id")),
    responses((status = 204, description = "Revoked"), Refusals))]
async fn delete(
    State(app): State<App>,
    caller: AdminCaller,
    Named(id): Named,
) -> Result<StatusCode, Problem> {
    revoke_key(&app, &caller.session, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
