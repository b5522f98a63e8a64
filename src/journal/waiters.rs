//! Who is to be woken, and when? Wakers in order of the record they wait for.
//!
//! Never blocks a producer: only those who wait come here.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::id::Seq;
use crate::sync::thread::{self, Thread};
use crate::sync::{AtomicU64, Mutex, Ordering, fence, thread_local};

/// Everyone who waits.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    list: Mutex<BTreeMap<Seq, Vec<Waker>>>,
    /// How many entries the list has, so that the flusher need not lock when nobody waits.
    count: AtomicU64,
}

impl Waiters {
    pub(super) fn register(&self, seq: Seq, waker: &Waker) {
        let mut list = self.list.lock();
        let wakers = list.entry(seq).or_default();
        if !wakers.iter().any(|other| other.will_wake(waker)) {
            wakers.push(waker.clone());
        }
        // Relaxed: the caller's fence, in `wake_flusher`, is between this and its second look.
        self.count.store(list.len() as u64, Ordering::Relaxed);
    }

    /// Wakes those whose record is durable.
    pub(super) fn wake(&self, durable: Seq) {
        // SeqCst: pairs with the fence in `wake_flusher`: either this thread sees the entry, or
        // whoever registered sees what has become durable.
        fence(Ordering::SeqCst);
        // Relaxed: ordered by the fence.
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut list = self.list.lock();
        let later = list.split_off(&Seq(durable.0 + 1));
        let ready = std::mem::replace(&mut *list, later);
        // Relaxed: only the flusher takes entries out, and only under the lock does it matter.
        self.count.store(list.len() as u64, Ordering::Relaxed);
        drop(list);
        ready.into_values().flatten().for_each(Waker::wake);
    }

    pub(super) fn wake_all(&self) {
        self.wake(Seq(u64::MAX - 1));
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A waker that unparks this thread; made once a thread.
pub(super) fn thread_waker() -> Waker {
    thread_local! {
        static WAKER: OnceCell<Waker> = const { OnceCell::new() };
    }
    let make = || Waker::from(Arc::new(Unpark(thread::current())));
    WAKER.with(|waker| waker.get_or_init(make).clone())
}
