//! What can go wrong at the desk?
//!
//! Never carries anything personal: what is in here may be logged.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::Error;

use super::PersonError;

/// Why the desk could not do it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeskError {
    /// The engine says no, or cannot.
    #[error(transparent)]
    Engine(#[from] Error),
    /// Something about the person is not as it must be.
    #[error(transparent)]
    Person(#[from] PersonError),
    /// No booking with that code and second factor. Never says which of the two is wrong.
    #[error("there is no booking with these details")]
    NotFound,
    /// Too many tries. Next: again after that time.
    #[error("too many tries; again in {} s", after.as_secs().max(1))]
    Throttled {
        /// How long to wait.
        after: Duration,
    },
    /// The store of people failed.
    #[error("the store of people failed: {0}")]
    Store(Arc<str>),
}

impl DeskError {
    /// A failure of the store, in its words.
    pub(super) fn store(error: impl fmt::Display) -> Self {
        Self::Store(error.to_string().into())
    }
}
