//! Who takes part, and with which settings?
//!
//! One file per peer; each keeps capacity, and that a claim is there once and ends once. What else
//! the engine promises (retries, limits of a party, deadlines met by themselves, a feed), none of
//! the others does, so the engine does the most work.

mod cupo;
mod dash_map;
mod mutex_map;
mod postgres;
mod redis;
mod sqlite;

use crate::peer::{Kind, Load};

/// The engine in process, by what an answer is worth; figures of the others are compared with it.
pub const OURS: &str = "cupo";

const fn load(clients: usize, batch: usize) -> Load {
    Load { clients, batch }
}

/// Everybody, in the order of the table.
pub fn all() -> Vec<Kind> {
    let mut kinds = Vec::new();
    kinds.extend(cupo::KINDS);
    kinds.extend(mutex_map::KINDS);
    kinds.extend(dash_map::KINDS);
    kinds.extend(sqlite::KINDS);
    kinds.extend(postgres::KINDS);
    kinds.extend(redis::KINDS);
    kinds
}
