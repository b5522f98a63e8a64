//! Which locks, atomics and threads? The one place that names them, so that a test build can swap
//! them: `--cfg loom` explores every schedule of a small model, `--cfg shuttle` many of a large
//! one.
//!
//! Never adds behaviour to them.

#[cfg(any(loom, shuttle))]
mod scheduled;

#[cfg(loom)]
use loom as tool;
#[cfg(shuttle)]
use shuttle as tool;
#[cfg(not(any(loom, shuttle)))]
use std as tool;

#[cfg(not(any(loom, shuttle)))]
pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};
#[cfg(any(loom, shuttle))]
pub(crate) use scheduled::{Condvar, Mutex, MutexGuard};

// Counting references decides nothing here, so every build has the ordinary one.
pub(crate) use std::sync::Arc;
pub(crate) use tool::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU64, Ordering, fence};
pub(crate) use tool::thread_local;

/// Threads, by the names of the standard library.
pub(crate) mod thread {
    #[cfg(any(loom, shuttle))]
    pub(crate) use super::scheduled::{park_timeout, sleep};
    pub(crate) use super::tool::thread::{Builder, JoinHandle, Thread, current, park, yield_now};
    #[cfg(not(any(loom, shuttle)))]
    pub(crate) use std::thread::{park_timeout, sleep};
}
