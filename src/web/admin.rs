//! How is the service run? What administration does, for the API and the pages alike.
//!
//! Every change goes through the engine and is noted. Never decides who gets a place, and never
//! holds anything personal.

mod affected;
mod capacity;
mod closing;
mod edit;
mod fill;
mod keys;
mod report;
mod version;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};

use crate::desk::Tokens;
use crate::{Audit, CatalogError, Error};

use super::App;
use super::problem::Problem;

pub(crate) use affected::{Affected, affected};
pub(crate) use capacity::{DayCapacity, SlotCapacity, as_catalog_says, day_capacity, set_capacity};
pub(crate) use closing::{Closed, ClosedDay, Fate, Impact, Which, close, closures, impact, reopen};
pub(crate) use edit::{Difference, Edited, Wish, edit};
pub(crate) use fill::{Fill, Load, fill};
pub(crate) use keys::{make_key, revoke_key};
pub(crate) use report::{LEADS, Report, Tally, report};
pub(crate) use version::{Expected, version_of};

/// For how long a self-check stands.
const CHECK_S: i64 = 60;

/// What administration keeps between requests.
#[derive(Debug)]
pub(crate) struct Administration {
    /// Whoever changes catalog, capacities or days holds it: no edit is lost to another.
    one: tokio::sync::Mutex<()>,
    checked: Mutex<Option<(DateTime<Utc>, Arc<Audit>)>>,
    /// What closures did, for the page after them.
    pub(crate) results: Tokens<Arc<Closed>>,
}

impl Administration {
    pub(crate) fn new() -> Self {
        Self {
            one: tokio::sync::Mutex::default(),
            checked: Mutex::default(),
            results: Tokens::new(1_000, Duration::from_secs(24 * 3_600)),
        }
    }
}

/// Goes on to its end even if the caller hangs up, so that what is done is noted.
pub(crate) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    tokio::spawn(work).await.unwrap_or_else(|_| Err(broken()))
}

/// Runs what blocks where it blocks nobody.
pub(crate) async fn blocking<T: Send + 'static>(
    app: &App,
    work: impl FnOnce(&App) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let app = app.clone();
    tokio::task::spawn_blocking(move || work(&app)).await.unwrap_or_else(|_| Err(broken()))
}

/// Whether everything adds up, at most a minute old: the recount locks all.
pub(crate) async fn self_check(app: &App) -> Result<(DateTime<Utc>, Arc<Audit>), Problem> {
    let now = app.engine.now();
    let kept = app.administration.checked.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some((at, audit)) = kept.filter(|(at, _)| now - *at < TimeDelta::seconds(CHECK_S)) {
        return Ok((at, audit));
    }
    blocking(app, |app| {
        let mut kept = app.administration.checked.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = (app.engine.now(), Arc::new(app.engine.audit()));
        *kept = Some(fresh.clone());
        Ok(fresh)
    })
    .await
}

pub(crate) fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
}

pub(crate) fn not_found(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not-found", detail)
}

/// What is wrong with a document.
pub(crate) fn wrong(error: &CatalogError) -> Problem {
    invalid(error.to_string())
}

/// An error of a call that installs a catalog.
pub(crate) fn of_engine(error: Error) -> Problem {
    match error {
        Error::Catalog(error) => wrong(&error),
        error => error.into(),
    }
}

fn broken() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failure", "a task of the service failed")
}
