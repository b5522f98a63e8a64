//! Did a thread die in the middle? A change that was begun and never ended.
//!
//! Never mends it: the engine is opened again.

use crate::error::{Error, StorageError};
use crate::sync::{AtomicBool, Ordering};

/// Latches the engine when a thread panics between the decision and the end of its change.
pub(super) struct HalfDone<'a>(pub(super) &'a AtomicBool);

impl Drop for HalfDone<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Relaxed: a latch.
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// What every call says from then on.
#[cold]
pub(super) fn poisoned() -> Result<(), Error> {
    Err(StorageError::Poisoned("a thread panicked in the middle of a change".into()).into())
}
