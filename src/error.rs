//! What went wrong beneath the rules? One layer of errors for every call.
//!
//! Never hides a refusal: those travel inside as [`Rejection`].

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::catalog::CatalogError;
use crate::id::Seq;
use crate::log_store::Position;
use crate::rejection::Rejection;

/// The answer of a call that did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The rules say no; nothing was changed.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The catalog is not usable; nothing was changed.
    #[error(transparent)]
    Catalog(#[from] Arc<CatalogError>),
    /// The change was made in memory, but whether the disk has it is not known. Next: reopen the
    /// engine and send the same request again.
    #[error("the outcome is not known: {0}; reopen and send the same request again")]
    Indeterminate(StorageError),
    /// The disk has no room for more log. Nothing was changed; it heals when there is room again.
    #[error("the disk is full: read-only until there is room")]
    StorageFull,
    /// The ring, or the memory the builder granted, is full. Nothing was changed; try again soon.
    #[error("busy: try again in a moment")]
    Busy,
    /// The storage failed or holds damage.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Another owner has taken the log; this engine is closed.
    #[error("another owner has taken the log; this engine is closed")]
    Fenced,
    /// The engine was closed.
    #[error("the engine is closed")]
    Closed,
    /// The feed has been cut below that number. Next: start from the snapshot.
    #[error("the feed begins at {first}; start from the snapshot at frame {snapshot}")]
    FeedTooOld {
        /// The first number still there.
        first: Seq,
        /// The position of the snapshot that stands in for what was cut (see
        /// [`SnapshotName`](crate::log_store::SnapshotName)).
        snapshot: Position,
    },
}

impl Error {
    /// The refusal, if it is one.
    pub const fn rejection(&self) -> Option<Rejection> {
        match self {
            Self::Rejected(rejection) => Some(*rejection),
            _ => None,
        }
    }
}

/// What is wrong with the storage, and where.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The operating system refused.
    #[error("{doing} {path}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's answer.
        source: Arc<io::Error>,
    },
    /// Acknowledged data is damaged or missing. Next: `cupo salvage` onto a copy.
    #[error(
        "damage in {path} at byte {offset} (position {position}): {what}; the start is refused, `cupo salvage` works on a copy"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The byte offset in it.
        offset: u64,
        /// The position of the frame there (its sequence number where known).
        position: u64,
        /// What does not fit.
        what: &'static str,
    },
    /// Another engine, in this process or another, has the directory open.
    #[error("{path} is in use by another engine")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// Written by a newer version of cupo; left untouched.
    #[error("{path} has format {found}, this version reads up to {known}")]
    TooNew {
        /// The file.
        path: PathBuf,
        /// The version found.
        found: u32,
        /// The newest version known.
        known: u32,
    },
    /// The wall clock is more than seven days past the log. Next: check the clock, or say so to
    /// the builder.
    #[error("the clock is {days} days past the log; check it, or open with `allow_clock_jump`")]
    ClockJump {
        /// How many days.
        days: u64,
    },
    /// An earlier failure; nothing is acknowledged until reopen.
    #[error("an earlier write or sync failed ({0}); reopen")]
    Poisoned(Arc<str>),
}

impl StorageError {
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io { doing, path: path.into(), source: Arc::new(source) }
    }
}
