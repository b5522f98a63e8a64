//! Who did what? The audit, newest first.
//!
//! Never changed from here.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::desk::Deed;
use crate::web::App;
use crate::web::api::extract::{Json, Query};
use crate::web::guard::AdminCaller;
use crate::web::problem::Problem;

use super::Refusals;

/// The most deeds of one answer.
const LIMIT_MAX: usize = 1_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get))
}

/// Where to go on, and how far.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Page {
    /// `next` of the answer before.
    #[param(value_type = Option<String>)]
    cursor: Option<u64>,
    /// 1 to 1,000; 100 by default.
    #[param(minimum = 1, maximum = 1_000)]
    limit: Option<usize>,
}

/// Something that somebody of the staff did.
#[derive(Debug, Serialize, ToSchema)]
struct Done {
    number: u64,
    at: DateTime<Utc>,
    /// The name of the key that was used.
    by: String,
    /// What, such as `close-day`.
    what: String,
    /// To what, such as a claim's id.
    to: String,
    note: String,
}

/// Deeds, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct Deeds {
    deeds: Vec<Done>,
    /// The cursor of older ones; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

impl From<Deed> for Done {
    fn from(Deed { number, at, by, what, to, note }: Deed) -> Self {
        Self { number, at, by, what, to, note }
    }
}

/// What staff did, newest first.
#[utoipa::path(get, path = "/v1/admin/audit", tag = "admin", operation_id = "get_audit",
    params(Page),
    responses((status = 200, description = "With `Link: rel=\"next\"` if there are older ones",
        body = Deeds), Refusals))]
async fn get(
    State(app): State<App>,
    _: AdminCaller,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let limit = page.limit.unwrap_or(100);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::invalid("limit: 1 to 1000"));
    }
    let deeds: Vec<Done> =
        app.audit.list(page.cursor, limit)?.into_iter().map(Done::from).collect();
    let last = deeds.last().filter(|last| deeds.len() == limit && last.number > 1);
    let next = last.map(|last| last.number);
    let link = next.map(|next| {
        let base = app.settings.base();
        let link = format!("<{base}/v1/admin/audit?cursor={next}&limit={limit}>; rel=\"next\"");
        [(header::LINK, link)]
    });
    let answer = Json(Deeds { deeds, next });
    Ok(match link {
        Some(link) => (link, answer).into_response(),
        None => answer.into_response(),
    })
}
