//! Which locks, atomics and threads? The one place that names them, so that a test build can swap
//! them: `--cfg loom` explores every schedule of a small model, `--cfg shuttle` many of a large
//! one.
//!
//! Never adds behaviour to them.

#[cfg(all(test, loom))]
pub(crate) mod model;
#[cfg(loom)]
mod parking;
#[cfg(any(loom, shuttle))]
mod scheduled;

#[cfg(loom)]
pub(crate) use loom as tool;
#[cfg(shuttle)]
pub(crate) use shuttle as tool;
#[cfg(not(any(loom, shuttle)))]
use std as tool;

#[cfg(any(loom, shuttle))]
pub(crate) use scheduled::{Condvar, Mutex, MutexGuard, thread_local};
#[cfg(not(any(loom, shuttle)))]
pub(crate) use {
    parking_lot::{Condvar, Mutex, MutexGuard},
    std::thread_local,
};

// Counting references decides nothing here, so every build has the ordinary one.
pub(crate) use std::sync::Arc;
pub(crate) use tool::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU64, Ordering, fence};

/// Threads, by the names of the standard library.
pub(crate) mod thread {
    #[cfg(loom)]
    pub(crate) use super::parking::{Builder, JoinHandle, Thread, current, park};
    #[cfg(any(loom, shuttle))]
    pub(crate) use super::scheduled::{park_timeout, sleep};
    pub(crate) use super::tool::thread::yield_now;
    #[cfg(not(loom))]
    pub(crate) use super::tool::thread::{Builder, JoinHandle, Thread, current, park};
    #[cfg(not(any(loom, shuttle)))]
    pub(crate) use std::thread::{park_timeout, sleep};
}
