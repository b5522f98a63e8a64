//! What must a store be able to do to take part? Hold, confirm, cancel, and say who has what.
//!
//! Never says how: one file per peer does.

use std::fmt;
use std::path::Path;

use crate::stage::Stage;

/// Somebody wants a place.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// A number never used before.
    pub user: u64,
    pub slot: u32,
}

/// Somebody has one.
#[derive(Clone, Copy, Debug)]
pub struct Grant {
    pub user: u64,
    pub slot: u32,
    /// Whatever the peer finds it by.
    pub handle: u64,
}

/// A claim as the peer itself tells it at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Live {
    pub user: u64,
    pub slot: u32,
    /// Which place of the slot, if the peer numbers them.
    pub place: Option<u32>,
}

/// A store, opened on a stage.
pub trait Peer: Sync {
    /// One more caller: a connection, or a thread's handle.
    fn client(&self) -> Outcome<Box<dyn Client + '_>>;

    /// Every live claim, read from the store itself.
    fn census(&self) -> Outcome<Vec<Live>>;
}

/// A caller. The members of a batch are independent users, each with one step in flight; a call
/// returns when every answer is as safe as the peer promises.
pub trait Client: Send {
    /// Adds a grant for each ask that was given a place.
    fn hold(&mut self, asks: &[Ask], granted: &mut Vec<Grant>) -> Outcome<()>;

    /// How many were held, in time, and are booked now.
    fn confirm(&mut self, grants: &[Grant]) -> Outcome<usize>;

    /// How many were there and are gone now.
    fn cancel(&mut self, grants: &[Grant]) -> Outcome<usize>;
}

/// What an answer is worth when the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// Nothing that was answered is lost.
    Synced,
    /// The last moments may be lost; the process can be killed.
    Buffered,
    /// Nothing is kept.
    Memory,
}

impl Promise {
    pub const ALL: [Self; 3] = [Self::Synced, Self::Buffered, Self::Memory];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Synced => "synced before the answer",
            Self::Buffered => "written, synced later",
            Self::Memory => "in memory",
        }
    }
}

/// Clients at once, and users in flight in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    pub clients: usize,
    pub batch: usize,
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {}", self.clients, self.batch)
    }
}

/// A peer that can be opened.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub name: &'static str,
    pub promise: Promise,
    pub settings: &'static str,
    /// What the sweep tries; the first is what a quick run takes.
    pub loads: &'static [Load],
    /// Whether it needs so many slots on sale that a run is not over too soon.
    pub fast: bool,
    pub open: fn(&Stage, &Path) -> Outcome<Box<dyn Peer>>,
}

pub type Outcome<T> = Result<T, Fault>;

/// Why a peer has no figure.
#[derive(Clone, Debug)]
pub struct Fault(pub String);

impl Fault {
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<E: std::error::Error> From<E> for Fault {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        Self(text)
    }
}

/// Seconds since 1970, read once a batch.
pub fn now() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed();
    since.map_or(0, |since| since.as_secs())
}
