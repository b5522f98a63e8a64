//! Who of the staff did what, and when? A list that only grows, until its keeping time is over.
//!
//! Never holds a name or number of a citizen: claims and days are named by their ids.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{DeskError, Store};

/// Something that somebody of the staff did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// Its number, rising.
    pub number: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// The name of the key that was used.
    pub by: String,
    /// What, such as `close-day`.
    pub what: String,
    /// To what, such as a claim's id.
    pub to: String,
    /// More about it, such as a reason.
    pub note: String,
}

/// The list of deeds.
#[derive(Clone, Debug)]
pub struct Audit {
    _store: Arc<Store>,
}

impl Audit {
    /// On a store.
    pub const fn new(store: Arc<Store>) -> Self {
        Self { _store: store }
    }

    /// Writes a deed down; durable when it resolves.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn note(
        &self,
        _at: DateTime<Utc>,
        _by: &str,
        _what: &str,
        _to: &str,
        _note: &str,
    ) -> Result<(), DeskError> {
        unimplemented!()
    }

    /// The newest deeds below a number, newest first.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub fn list(&self, _below: Option<u64>, _limit: usize) -> Result<Vec<Deed>, DeskError> {
        unimplemented!()
    }
}
