//! What are locks and timed waits under a schedule explorer? Its own, in the shape of
//! `parking_lot`.
//!
//! Never lets time wake anyone who relies on being woken: a lost wake-up must show as a deadlock.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;
use std::time::Duration;

use super::thread;
use super::tool::sync as tool;

/// A lock.
pub(crate) struct Mutex<T>(tool::Mutex<T>);

/// A lock that is held; empty only while a [`Condvar`] has it.
pub(crate) struct MutexGuard<'a, T>(Option<tool::MutexGuard<'a, T>>);

const HELD: &str = "a guard outside a wait";

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(tool::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(Some(self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok().map(|guard| MutexGuard(Some(guard)))
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mutex")
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect(HELD)
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect(HELD)
    }
}

/// A condition to wait for.
pub(crate) struct Condvar(tool::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(tool::Condvar::new())
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let held = guard.0.take().expect(HELD);
        guard.0 = Some(self.0.wait(held).unwrap_or_else(PoisonError::into_inner));
    }

    /// Returns at once, as a wait whose time is up may: whoever calls this looks again.
    #[expect(clippy::unused_self, reason = "the shape of a timed wait")]
    pub(crate) fn wait_for<T>(&self, _guard: &mut MutexGuard<'_, T>, _time: Duration) {
        thread::yield_now();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Condvar")
    }
}

/// One a thread, as the explorer counts threads; it knows no constants.
macro_rules! one_a_thread {
    (static $name:ident: $kind:ty = const { $value:expr };) => {
        $crate::sync::tool::thread_local! { static $name: $kind = $value; }
    };
}
pub(crate) use one_a_thread as thread_local;

/// Parks without a limit: here time wakes nobody.
pub(crate) fn park_timeout(_time: Duration) {
    thread::park();
}

/// Lets others run.
pub(crate) fn sleep(_time: Duration) {
    thread::yield_now();
}
