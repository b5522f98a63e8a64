//! SQLite in process: write-ahead log, synchronous FULL, immediate transactions.
//!
//! Never lets two connections fight for the one write lock: whoever waits for a mutex is woken at
//! once, whoever waits for SQLite's lock sleeps.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::load;
use crate::peer::{Ask, Client, Grant, Kind, Live, Outcome, Peer, Promise, now};
use crate::stage::{HOLD_SECONDS, Stage};

pub(super) const KINDS: [Kind; 2] = [
    Kind {
        name: "SQLite",
        promise: Promise::Synced,
        settings: "a transaction an operation; rusqlite, WAL, synchronous FULL, IMMEDIATE, \
                   prepared, one connection behind a mutex, checkpoint every 10,000 pages, \
                   cache 256 MiB",
        loads: &[load(1, 1), load(2, 1), load(4, 1)],
        fast: false,
        open,
    },
    Kind {
        name: "SQLite, batches",
        promise: Promise::Synced,
        settings: "the same, a whole batch of users in one transaction",
        loads: &[
            load(2, 1_024),
            load(1, 256),
            load(1, 1_024),
            load(1, 4_096),
            load(2, 4_096),
            load(1, 8_192),
            load(1, 16_384),
        ],
        fast: false,
        open,
    },
];

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 10000;
    PRAGMA cache_size = -262144;
    CREATE TABLE slots (id INTEGER PRIMARY KEY, used INTEGER NOT NULL, places INTEGER NOT NULL);
    CREATE TABLE claims (
        id INTEGER PRIMARY KEY, slot INTEGER NOT NULL, state TEXT NOT NULL, deadline INTEGER
    );";

struct Sqlite(Mutex<Connection>);

fn open(stage: &Stage, dir: &Path) -> Outcome<Box<dyn Peer>> {
    let mut connection = Connection::open(dir.join("sqlite.db"))?;
    connection.set_prepared_statement_cache_capacity(16);
    connection.execute_batch(SCHEMA)?;
    let load = connection.transaction()?;
    {
        let mut slot = load.prepare("INSERT INTO slots VALUES (?1, 0, ?2)")?;
        for number in 0..stage.slots() {
            slot.execute(params![number, Stage::places(number)])?;
        }
        let mut claim = load.prepare("INSERT INTO claims VALUES (?1, ?2, 'b', NULL)")?;
        let mut used = load.prepare("UPDATE slots SET used = used + 1 WHERE id = ?1")?;
        for user in 0..stage.live {
            claim.execute(params![user, stage.live_slot(user)])?;
            used.execute([stage.live_slot(user)])?;
        }
    }
    load.commit()?;
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(Box::new(Sqlite(Mutex::new(connection))))
}

impl Sqlite {
    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Outcome<T> {
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&change)?;
        change.commit()?;
        Ok(done)
    }
}

impl Peer for Sqlite {
    fn client(&self) -> Outcome<Box<dyn Client + '_>> {
        Ok(Box::new(self))
    }

    fn census(&self) -> Outcome<Vec<Live>> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = connection.prepare("SELECT id, slot FROM claims")?;
        let rows = all.query_map([], |row| {
            let user: i64 = row.get(0)?;
            Ok(Live { user: user.cast_unsigned(), slot: row.get(1)?, place: None })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

impl Client for &Sqlite {
    fn hold(&mut self, asks: &[Ask], granted: &mut Vec<Grant>) -> Outcome<()> {
        let deadline = (now() + HOLD_SECONDS).cast_signed();
        self.write(|change| {
            let mut used = change.prepare_cached(
                "UPDATE slots SET used = used + 1 WHERE id = ?1 AND used < places",
            )?;
            let mut claim = change.prepare_cached("INSERT INTO claims VALUES (?1, ?2, 'h', ?3)")?;
            for ask in asks {
                if used.execute([ask.slot])? == 1 {
                    claim.execute(params![ask.user.cast_signed(), ask.slot, deadline])?;
                    granted.push(Grant { user: ask.user, slot: ask.slot, handle: ask.user });
                }
            }
            Ok(())
        })
    }

    fn confirm(&mut self, grants: &[Grant]) -> Outcome<usize> {
        let now = now().cast_signed();
        self.write(|change| {
            let mut claim = change.prepare_cached(
                "UPDATE claims SET state = 'b', deadline = NULL \
                 WHERE id = ?1 AND state = 'h' AND deadline > ?2",
            )?;
            let mut done = 0;
            for grant in grants {
                done += claim.execute([grant.user.cast_signed(), now])?;
            }
            Ok(done)
        })
    }

    fn cancel(&mut self, grants: &[Grant]) -> Outcome<usize> {
        self.write(|change| {
            let mut claim =
                change.prepare_cached("DELETE FROM claims WHERE id = ?1 AND slot = ?2")?;
            let mut used =
                change.prepare_cached("UPDATE slots SET used = used - 1 WHERE id = ?1")?;
            let mut done = 0;
            for grant in grants {
                if claim.execute(params![grant.user.cast_signed(), grant.slot])? == 1 {
                    used.execute([grant.slot])?;
                    done += 1;
                }
            }
            Ok(done)
        })
    }
}
