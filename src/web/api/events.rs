//! What happened since? The feed over HTTP: pages, and streams of server-sent events.
//!
//! Never tells anything personal: claims, places and times only.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::web::App;
use crate::web::events::{EventStream, Expired, LiveStream, read};
use crate::web::guard::{Caller, Role, StaffCaller};
use crate::web::problem::Problem;

use super::extract::{Json, Query};

/// Events on a page.
const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct From {
    /// The cursor of the last event seen; 0 for the beginning of the log.
    #[param(value_type = Option<String>)]
    after: Option<u64>,
    /// At most so many events (1 to 1,000).
    limit: Option<usize>,
}

/// Events in order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page {
    /// `CloudEvents` (version 1.0); `id` is the cursor after the event.
    events: Vec<serde_json::Value>,
    /// Go on after this cursor.
    next: u64,
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(events)).routes(routes!(stream)).routes(routes!(live))
}

/// Staff and partners.
fn known(caller: &Caller) -> Result<(), Problem> {
    if caller.is(Role::Partner) {
        return Ok(());
    }
    let what = "send `Authorization: Bearer KEY`";
    Err(Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", what))
}

impl std::convert::From<Expired> for Problem {
    fn from(expired: Expired) -> Self {
        match expired {
            Expired::Failed(error) => error.into(),
            Expired::Before(first) => {
                let what =
                    "the log has no such cursor; read the state anew, then go on after `first`";
                Self::new(StatusCode::GONE, "cursor-expired", what).with("first", first)
            }
        }
    }
}

/// Events after a cursor, oldest first. Only what is durable is told, each event once.
#[utoipa::path(get, path = "/v1/events", tag = "events", params(From), responses(
    (status = 200, description = "The next events, perhaps none", body = Page),
    (status = 400, description = "`malformed`"),
    (status = 401, description = "`unauthorized`"),
    (status = 410, description = "`cursor-expired`: `first` is the oldest cursor there is"),
    (status = 422, description = "`invalid`"),
))]
async fn events(
    State(app): State<App>,
    caller: Caller,
    Query(from): Query<From>,
) -> Result<Response, Problem> {
    known(&caller)?;
    let From { after, limit } = from;
    let limit = limit.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::invalid(format!("limit: 1 to {LIMIT_MAX}")));
    }
    let page = blocking(move || read(&app.engine, &app.settings.base(), after.unwrap_or(0), limit));
    let (told, next) = page.await??;
    let events = told.into_iter().map(|told| told.body).collect();
    let link = format!("</v1/events?after={next}&limit={limit}>; rel=\"next\"");
    Ok(([(header::LINK, link)], Json(Page { events, next })).into_response())
}

/// Does blocking work where it may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failure", error.to_string())
    })
}

/// Events as they happen, as server-sent events: `id` is the cursor. A reader that comes back with
/// `Last-Event-ID` gets what it missed. `resync` says that the reader was too slow (come back) or,
/// with `lost`, that its cursor is gone (read the state anew).
#[utoipa::path(get, path = "/v1/events/stream", tag = "events", params(
    ("after" = Option<String>, Query, description = "Begin after this cursor; default: now"),
    ("Last-Event-ID" = Option<String>, Header, description = "As `after`, and goes before it"),
), responses(
    (status = 200, description = "A stream", content_type = "text/event-stream", body = String),
    (status = 401, description = "`unauthorized`"),
    (status = 400, description = "`malformed`"),
    (status = 410, description = "`cursor-expired`: `first` is the oldest cursor there is"),
))]
async fn stream(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Query(from): Query<From>,
) -> Result<Response, Problem> {
    known(&caller)?;
    let From { after, .. } = from;
    let after = match headers.get("last-event-id").filter(|id| !id.is_empty()) {
        None => after,
        Some(id) => {
            let id = id.to_str().ok().and_then(|id| id.parse().ok());
            Some(id.ok_or_else(|| Problem::malformed("Last-Event-ID: a cursor"))?)
        }
    };
    Ok(event_stream(Body::new(EventStream::new(&app, after).await?)))
}

/// Counts once a second, as server-sent events `load`: what the desk's pages show.
#[utoipa::path(get, path = "/v1/events/live", tag = "events", responses(
    (status = 200, description = "A stream", content_type = "text/event-stream", body = String),
    (status = 401, description = "`unauthorized`"),
    (status = 403, description = "`forbidden`"),
))]
async fn live(State(app): State<App>, _staff: StaffCaller) -> Response {
    event_stream(Body::new(LiveStream::new(&app)))
}

fn event_stream(body: Body) -> Response {
    const NOT_KEPT: HeaderName = HeaderName::from_static("x-accel-buffering");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // Proxies that collect an answer before they pass it on are told not to.
        (NOT_KEPT, HeaderValue::from_static("no")),
    ];
    (headers, body).into_response()
}
