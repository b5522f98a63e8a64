//! Who of the staff did what, and when? A list that only grows, until its keeping time is over.
//!
//! Never holds a name or number of a citizen: claims and days are named by their ids.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use redb::{ReadableTable, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::{DeskError, Store};

/// Deeds by number, as JSON.
const DEEDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("deeds");

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
    store: Arc<Store>,
}

impl Audit {
    /// On a store.
    pub const fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    /// Writes a deed down; durable when it resolves.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn note(
        &self,
        at: DateTime<Utc>,
        by: &str,
        what: &str,
        to: &str,
        note: &str,
    ) -> Result<(), DeskError> {
        let [by, what, to, note] = [by, what, to, note].map(str::to_owned);
        let mut deed = Deed { number: 0, at, by, what, to, note };
        let write = move |transaction: &WriteTransaction| {
            let mut deeds = transaction.open_table(DEEDS)?;
            // Under the one writer no two deeds get the same number.
            deed.number = deeds.last()?.map_or(0, |(number, _)| number.value()) + 1;
            let bytes = serde_json::to_vec(&deed).map_err(unreadable)?;
            deeds.insert(deed.number, bytes.as_slice())?;
            Ok(())
        };
        self.store.write(write).await
    }

    /// The newest deeds below a number, newest first.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub fn list(&self, below: Option<u64>, limit: usize) -> Result<Vec<Deed>, DeskError> {
        self.store.read(|transaction| {
            let deeds = transaction.open_table(DEEDS)?;
            let newest = deeds.range(..below.unwrap_or(u64::MAX))?.rev().take(limit);
            newest.map(|deed| serde_json::from_slice(deed?.1.value()).map_err(unreadable)).collect()
        })
    }
}

/// Makes the table.
pub(super) fn found(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(DEEDS)?;
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unreadable(error: serde_json::Error) -> redb::Error {
    redb::Error::Corrupted(format!("a deed: {error}"))
}
