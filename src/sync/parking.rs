//! How does a thread sleep under loom? With a token of its own.
//!
//! Loom's own `unpark` also wakes a thread that waits for a lock or for another thread's end, which
//! no system does; never use it here.

use std::io;
use std::sync::Arc;

use loom::sync::{Condvar, Mutex};

/// A thread that can be woken.
#[derive(Clone, Debug)]
pub(crate) struct Thread(Arc<Token>);

#[derive(Debug)]
struct Token {
    set: Mutex<bool>,
    changed: Condvar,
}

loom::thread_local! {
    static OWN: std::cell::OnceCell<Thread> = std::cell::OnceCell::new();
}

impl Thread {
    fn new() -> Self {
        Self(Arc::new(Token { set: Mutex::new(false), changed: Condvar::new() }))
    }

    pub(crate) fn unpark(&self) {
        *self.0.set.lock().expect("no panic while it is held") = true;
        self.0.changed.notify_one();
    }
}

pub(crate) fn current() -> Thread {
    OWN.with(|own| own.get_or_init(Thread::new).clone())
}

pub(crate) fn park() {
    let Thread(token) = current();
    let mut set = token.set.lock().expect("no panic while it is held");
    while !*set {
        set = token.changed.wait(set).expect("no panic while it is held");
    }
    *set = false;
}

/// Starts a thread.
#[derive(Debug)]
pub(crate) struct Builder;

/// A thread whose end can be waited for.
#[derive(Debug)]
pub(crate) struct JoinHandle<T>(loom::thread::JoinHandle<T>, Thread);

impl Builder {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) fn name(self, _name: String) -> Self {
        self
    }

    pub(crate) fn spawn<T: Send + 'static>(
        self,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<JoinHandle<T>> {
        let thread = Thread::new();
        let own = thread.clone();
        let inner = loom::thread::Builder::new().spawn(move || {
            OWN.with(|cell| cell.set(own)).expect("the first to set it");
            body()
        });
        Ok(JoinHandle(inner?, thread))
    }
}

impl<T> JoinHandle<T> {
    pub(crate) fn thread(&self) -> &Thread {
        &self.1
    }

    pub(crate) fn join(self) -> std::thread::Result<T> {
        self.0.join()
    }
}
