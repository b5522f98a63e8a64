//! Is a directory sound? Every frame and snapshot read, the state rebuilt and recounted.
//!
//! Never changes a byte.

use std::path::Path;

use crate::engine::audit::{Audit, recount, state_hash};
use crate::engine::recovery::{from_snapshot, rebuild};
use crate::error::Error;
use crate::id::Seq;
use crate::log_store::{DirectoryReader, LogStore, Position, SnapshotName};

/// What a directory holds, and whether it adds up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Blocks of the log, each with its checksum and its place in the chain.
    pub blocks: u64,
    /// The first and last frame.
    pub frames: (Position, Position),
    /// The last frame proven to have been synced.
    pub synced: Position,
    /// The last record.
    pub last: Seq,
    /// Snapshots that lead to the same state as the newest does.
    pub snapshots: Vec<SnapshotName>,
    /// Snapshots that cannot be used, and why.
    pub bad_snapshots: Vec<(SnapshotName, String)>,
    /// Days in memory.
    pub days: u64,
    /// The recount.
    pub audit: Audit,
    /// The hash of the state at the time of the last record.
    pub state_hash: u64,
    /// Whether the engine was closed in order.
    pub clean: bool,
}

impl Verified {
    /// Whether everything is sound.
    pub fn is_sound(&self) -> bool {
        self.bad_snapshots.is_empty() && self.audit.is_clean()
    }
}

/// Reads every frame and snapshot of a directory, rebuilds the state from each, and recounts it.
/// Works beside a running engine.
///
/// # Errors
/// Damage to acknowledged frames, or the system's refusal. Bad snapshots and counts that do not
/// add up are in the answer.
pub fn verify(directory: impl AsRef<Path>) -> Result<Verified, Error> {
    let reader = DirectoryReader::open(directory.as_ref())?;
    let last = reader.last();
    let mut verified = Verified {
        blocks: reader.blocks(),
        frames: (reader.first(), last),
        synced: reader.proven(),
        clean: reader.is_clean(),
        ..Verified::default()
    };
    let Some(rebuilt) = rebuild(&reader, last)? else {
        return Ok(verified);
    };
    verified.last = rebuilt.tail.seq;
    verified.days = rebuilt.days.iter().count() as u64;
    verified.audit = recount(&rebuilt.ledger, &rebuilt.days);
    verified.state_hash = state_hash(&rebuilt.ledger, &rebuilt.days, rebuilt.tail.time);
    for name in reader.snapshots()? {
        match from_snapshot(&reader, name, last) {
            Ok(other) => {
                let hash = state_hash(&other.ledger, &other.days, other.tail.time);
                if hash == verified.state_hash {
                    verified.snapshots.push(name);
                } else {
                    verified.bad_snapshots.push((name, "leads to another state".into()));
                }
            }
            Err(error) => verified.bad_snapshots.push((name, error.to_string())),
        }
    }
    Ok(verified)
}
