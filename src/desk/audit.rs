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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::{MasterKey, Secrets};

    fn note(audit: &Audit, what: &str) {
        let at = DateTime::UNIX_EPOCH;
        pollster::block_on(audit.note(at, "front desk", what, "claim 7", "said so")).unwrap();
    }

    #[test]
    fn deeds_are_numbered_and_listed_newest_first() {
        let audit = Audit::new(Arc::new(Store::in_memory().unwrap()));
        assert_eq!(audit.list(None, 10).unwrap(), []);
        for what in ["a", "b", "c", "d"] {
            note(&audit, what);
        }
        let list = |below, limit| -> Vec<(u64, String)> {
            let deeds = audit.list(below, limit).unwrap();
            deeds.into_iter().map(|deed| (deed.number, deed.what)).collect()
        };
        assert_eq!(list(None, 3), [(4, "d".into()), (3, "c".into()), (2, "b".into())]);
        assert_eq!(list(Some(2), 3), [(1, "a".into())]);
        assert_eq!(list(Some(1), 3), []);
        assert_eq!(list(None, 0), []);
    }

    #[test]
    fn numbers_go_on_after_a_reopen() {
        let room = tempfile::tempdir().unwrap();
        let secrets = Secrets::new(&MasterKey::new([1; 32]));
        for count in 1..=3 {
            let store = Store::open(&room.path().join("desk.redb"), &secrets).unwrap();
            let audit = Audit::new(Arc::new(store));
            note(&audit, "a");
            let numbers: Vec<_> =
                audit.list(None, 10).unwrap().iter().map(|deed| deed.number).collect();
            assert_eq!(numbers, (1..=count).rev().collect::<Vec<_>>());
        }
    }
}
