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

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;

use crate::desk::Tokens;
use crate::{CatalogError, Error};

use super::App;
use super::problem::Problem;

pub(crate) use affected::{Affected, affected};
pub(crate) use capacity::{DayCapacity, as_catalog_says, day_capacity, set_capacity};
pub(crate) use closing::{Closed, ClosedDay, Fate, Which, close, closures, impact, reopen};
pub(crate) use edit::{Difference, Edited, Wish, edit};
pub(crate) use fill::{Fill, Load, fill};
pub(crate) use keys::{make_key, revoke_key};
pub(crate) use report::{LEADS, Report, Tally, report};
pub(crate) use version::{Expected, version_of};

/// What administration keeps between requests.
#[derive(Debug)]
pub(crate) struct Administration {
    /// Whoever changes catalog, capacities or days holds it: no edit is lost to another.
    one: tokio::sync::Mutex<()>,
    /// What closures did, and whether other places are to be offered: for the page after them.
    pub(crate) results: Tokens<Arc<(Closed, bool)>>,
    /// Keys just made, for the one page that shows them.
    pub(crate) made: Tokens<String>,
}

impl Administration {
    pub(crate) fn new() -> Self {
        Self {
            one: tokio::sync::Mutex::default(),
            results: Tokens::new(1_000, Duration::from_hours(24)),
            made: Tokens::new(1_000, Duration::from_mins(10)),
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

pub(crate) fn not_found(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not-found", detail)
}

/// What is wrong with a document.
pub(crate) fn wrong(error: &CatalogError) -> Problem {
    Problem::invalid(error.to_string())
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
