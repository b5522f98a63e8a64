//! Where do hooks and what is to be delivered stay? Tables of the desk's database.
//!
//! An event and the cursor after it are written in one transaction, so that after any crash each
//! event is pending once, for each hook that wants it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use redb::{ReadableTable, TableDefinition, TableError, WriteTransaction};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::desk::{DeskError, Store};

type Bytes = &'static [u8];

const HOOKS: TableDefinition<'_, u64, Bytes> = TableDefinition::new("webhooks");
/// By hook and cursor.
const PENDING: TableDefinition<'_, (u64, u64), Bytes> = TableDefinition::new("webhooks_pending");
/// By hook and number.
const LOG: TableDefinition<'_, (u64, u64), Bytes> = TableDefinition::new("webhooks_log");
/// `cursor`: everything up to it is pending or was not wanted; `next`: the next hook's number.
const MARKS: TableDefinition<'_, &str, u64> = TableDefinition::new("webhooks_marks");

/// Attempts kept of each hook.
pub(crate) const ATTEMPTS: u64 = 200;

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hook {
    pub(crate) id: u64,
    pub(crate) url: String,
    /// Which events, without the prefix `cupo.`; all if it names none.
    pub(crate) kinds: Vec<String>,
    pub(crate) note: String,
    pub(crate) enabled: bool,
    /// Rises with every change.
    pub(crate) version: u32,
    pub(crate) made: DateTime<Utc>,
    /// When it was made or enabled again.
    pub(crate) enabled_at: DateTime<Utc>,
    /// Only events after this cursor.
    pub(crate) since: u64,
    /// What its key is derived from, beside the master key.
    pub(crate) salt: u64,
    pub(crate) failing_since: Option<DateTime<Utc>>,
    /// Why it was disabled, if nobody did it.
    pub(crate) stopped: Option<String>,
}

impl Hook {
    /// Whether it wants an event.
    pub(crate) fn wants(&self, cursor: u64, kind: &str) -> bool {
        self.enabled
            && cursor > self.since
            && (self.kinds.is_empty() || self.kinds.iter().any(|wanted| wanted == kind))
    }
}

/// An event on its way to a hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parcel {
    /// What it must not overtake: the claim's number, or 0.
    pub(crate) lane: u64,
    pub(crate) kind: String,
    pub(crate) body: String,
    pub(crate) attempts: u32,
    /// Not before this time, in milliseconds.
    pub(crate) due_ms: u64,
    /// Since when it is tried.
    pub(crate) since_ms: Option<u64>,
}

/// One try of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the member is called so")]
pub(crate) struct Attempt {
    /// When.
    pub(crate) at: DateTime<Utc>,
    /// The `webhook-id` that was sent.
    pub(crate) event: String,
    /// The type of the event.
    pub(crate) kind: String,
    /// Which try it was, from 1.
    pub(crate) attempt: u32,
    /// The status of the answer.
    pub(crate) status: Option<u16>,
    /// Why there was no answer, or what follows from it.
    pub(crate) error: Option<String>,
    /// How long it took.
    pub(crate) took_ms: u64,
    /// When the next try is due, if there will be one.
    pub(crate) next_at: Option<DateTime<Utc>>,
}

/// The tables.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    store: Arc<Store>,
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unreadable(error: serde_json::Error) -> redb::Error {
    redb::Error::Corrupted(format!("a webhook: {error}"))
}

fn bytes(value: &impl Serialize) -> Result<Vec<u8>, redb::Error> {
    serde_json::to_vec(value).map_err(unreadable)
}

fn value<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, redb::Error> {
    serde_json::from_slice(bytes).map_err(unreadable)
}

/// What was read, or the default where the table was never made.
fn or_default<T: Default>(read: Result<T, redb::Error>) -> Result<T, redb::Error> {
    match read {
        Err(redb::Error::TableDoesNotExist(_)) => Ok(T::default()),
        read => read,
    }
}

impl Shelf {
    pub(crate) const fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    /// All hooks, by number.
    pub(crate) fn hooks(&self) -> Result<Vec<Hook>, DeskError> {
        self.store.read(|transaction| {
            or_default(
                transaction
                    .open_table(HOOKS)
                    .map_err(TableError::into)
                    .and_then(|hooks| hooks.iter()?.map(|entry| value(entry?.1.value())).collect()),
            )
        })
    }

    /// Everything up to here has been looked at.
    pub(crate) fn cursor(&self) -> Result<u64, DeskError> {
        self.store.read(|transaction| {
            or_default(
                transaction
                    .open_table(MARKS)
                    .map_err(TableError::into)
                    .and_then(|marks| Ok(marks.get("cursor")?.map_or(0, |cursor| cursor.value()))),
            )
        })
    }

    /// All that is pending: hook, cursor, lane, due.
    pub(crate) fn pending(&self) -> Result<Vec<(u64, u64, u64, u64)>, DeskError> {
        self.store.read(|transaction| {
            or_default(transaction.open_table(PENDING).map_err(TableError::into).and_then(|all| {
                let one = |entry: Result<(_, redb::AccessGuard<'_, Bytes>), _>| {
                    let (key, parcel): (redb::AccessGuard<'_, (u64, u64)>, _) = entry?;
                    let (hook, cursor) = key.value();
                    let parcel: Parcel = value(parcel.value())?;
                    Ok((hook, cursor, parcel.lane, parcel.due_ms))
                };
                all.iter()?.map(one).collect()
            }))
        })
    }

    /// What is pending for a hook under a cursor.
    pub(crate) fn parcel(&self, hook: u64, cursor: u64) -> Result<Option<Parcel>, DeskError> {
        self.store.read(|transaction| {
            let pending = transaction.open_table(PENDING)?;
            let parcel = pending.get((hook, cursor))?;
            parcel.map(|parcel| value(parcel.value())).transpose()
        })
    }

    /// The last attempts of a hook, newest first.
    pub(crate) fn attempts(&self, hook: u64) -> Result<Vec<Attempt>, DeskError> {
        self.store.read(|transaction| {
            or_default(transaction.open_table(LOG).map_err(TableError::into).and_then(|log| {
                let own = log.range((hook, 0)..=(hook, u64::MAX))?;
                own.rev().map(|entry| value(entry?.1.value())).collect()
            }))
        })
    }

    /// Makes a hook that hears everything after `since`; answers with its number. The first one
    /// sets the cursor.
    pub(crate) async fn add(&self, hook: Hook) -> Result<Hook, DeskError> {
        let write = move |transaction: &WriteTransaction| {
            let mut marks = transaction.open_table(MARKS)?;
            let mut hooks = transaction.open_table(HOOKS)?;
            let mut hook = hook.clone();
            hook.id = marks.get("next")?.map_or(1, |next| next.value());
            marks.insert("next", hook.id + 1)?;
            hooks.insert(hook.id, bytes(&hook)?.as_slice())?;
            Ok(hook)
        };
        self.store.write(write).await
    }

    /// Changes a hook if it is there and `change` says so; answers with it as it then is.
    pub(crate) async fn change(
        &self,
        id: u64,
        mut change: impl FnMut(&mut Hook) -> bool + Send + 'static,
    ) -> Result<Option<Hook>, DeskError> {
        let write = move |transaction: &WriteTransaction| {
            let mut hooks = transaction.open_table(HOOKS)?;
            let found = hooks.get(id)?.map(|hook| value::<Hook>(hook.value())).transpose()?;
            let Some(mut hook) = found else {
                return Ok(None);
            };
            if !change(&mut hook) {
                return Ok(None);
            }
            hooks.insert(id, bytes(&hook)?.as_slice())?;
            Ok(Some(hook))
        };
        self.store.write(write).await
    }

    /// Removes a hook with all that is kept of it; tells whether it was there.
    pub(crate) async fn remove(&self, id: u64) -> Result<bool, DeskError> {
        let write = move |transaction: &WriteTransaction| {
            let own = (id, 0)..=(id, u64::MAX);
            transaction.open_table(PENDING)?.retain_in(own.clone(), |_, _| false)?;
            transaction.open_table(LOG)?.retain_in(own, |_, _| false)?;
            Ok(transaction.open_table(HOOKS)?.remove(id)?.is_some())
        };
        self.store.write(write).await
    }

    /// Keeps what is to be delivered, and how far the feed was read.
    pub(crate) async fn put(
        &self,
        parcels: Vec<(u64, u64, Parcel)>,
        cursor: u64,
    ) -> Result<(), DeskError> {
        let write = move |transaction: &WriteTransaction| {
            let hooks = transaction.open_table(HOOKS)?;
            let mut pending = transaction.open_table(PENDING)?;
            for (hook, at, parcel) in &parcels {
                if hooks.get(*hook)?.is_some() {
                    pending.insert((*hook, *at), bytes(parcel)?.as_slice())?;
                }
            }
            transaction.open_table(MARKS)?.insert("cursor", cursor)?;
            Ok(())
        };
        self.store.write(write).await
    }

    /// Notes an attempt; the parcel stays with `parcel`, else it is done.
    pub(crate) async fn settle(
        &self,
        hook: u64,
        cursor: Option<u64>,
        parcel: Option<Parcel>,
        attempt: Attempt,
    ) -> Result<(), DeskError> {
        let write = move |transaction: &WriteTransaction| {
            // A hook that was removed meanwhile leaves nothing behind.
            if transaction.open_table(HOOKS)?.get(hook)?.is_none() {
                return Ok(());
            }
            let mut pending = transaction.open_table(PENDING)?;
            match (cursor, &parcel) {
                (Some(cursor), Some(parcel)) => {
                    pending.insert((hook, cursor), bytes(parcel)?.as_slice())?;
                }
                (Some(cursor), None) => drop(pending.remove((hook, cursor))?),
                (None, _) => {}
            }
            let mut log = transaction.open_table(LOG)?;
            let last = log.range((hook, 0)..=(hook, u64::MAX))?.next_back().transpose()?;
            let number = last.map_or(0, |(key, _)| key.value().1) + 1;
            log.insert((hook, number), bytes(&attempt)?.as_slice())?;
            if number > ATTEMPTS {
                log.retain_in((hook, 0)..=(hook, number - ATTEMPTS), |_, _| false)?;
            }
            Ok(())
        };
        self.store.write(write).await
    }
}
