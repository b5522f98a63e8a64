//! What happened, in which order, and is it on disk? One total order of records.
//!
//! Never knows what a record means beyond its group, never decides, never reads a clock.

mod commit;
mod feed;
mod flusher;
mod frame;
mod replay;
mod ring;
#[cfg(all(test, loom))]
mod schedules;
#[cfg(all(test, not(any(loom, shuttle))))]
mod threads;
mod waiters;

use std::task::{Context, Poll};
use std::time::Duration;

use crossbeam_utils::CachePadded;

use crate::error::{Error, StorageError};
use crate::id::Seq;
use crate::limits::{RING_LINES, SEEDED_RING_LINES};
use crate::log_store::{LogStore, Position};
use crate::planted::planted;
use crate::record::Line;
use crate::sync::thread::{self, JoinHandle};
use crate::sync::{Arc, AtomicBool, AtomicU8, AtomicU64, Condvar, Mutex, Ordering, fence};
use crate::time::Time;

pub use commit::Commit;
pub use feed::{Event, Feed};
pub(crate) use replay::{SEQ_MAX, replay};

use feed::Window;
use flusher::{Flusher, Turn};
use ring::Ring;
use waiters::Waiters;

/// Where a log ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tail {
    /// The last frame.
    pub(crate) position: Position,
    /// The last record in it.
    pub(crate) seq: Seq,
    /// The checksum of that frame, which the next one carries.
    pub(crate) crc: u32,
    /// The latest time of a record.
    pub(crate) time: Time,
}

/// Where the flusher has no thread, it writes in the middle of things at every such number.
const OVERTAKEN: u64 = 5;

const OPEN: u8 = 0;
const FULL: u8 = 1;
const CLOSED: u8 = 2;
const FENCED: u8 = 3;
const BROKEN: u8 = 4;

/// The journal of one engine.
#[derive(Debug)]
pub(crate) struct Journal {
    ring: Ring,
    /// The next sequence number.
    next: CachePadded<AtomicU64>,
    /// Ring lines that nobody has a permit for.
    room: CachePadded<AtomicU64>,
    durable: CachePadded<AtomicU64>,
    state: CachePadded<AtomicU8>,
    waiters: Waiters,
    /// Wakes whoever waits for room.
    room_lock: Mutex<()>,
    room_made: Condvar,
    /// The flusher sleeps, or is about to.
    sleeping: AtomicBool,
    stop: AtomicBool,
    tail: Mutex<Tail>,
    failure: Mutex<Option<StorageError>>,
    bytes: AtomicU64,
    window: Window,
    store: Arc<dyn LogStore>,
    flusher: Mutex<Option<JoinHandle<()>>>,
    /// The flusher of a journal without a thread: whoever waits does its work.
    inline: Option<Mutex<Flusher>>,
}

impl Journal {
    /// Goes on after `tail` and starts the flusher, in a thread of its own unless `inline`.
    pub(crate) fn start(
        store: Arc<dyn LogStore>,
        epoch: u64,
        tail: Tail,
        inline: bool,
    ) -> Result<Arc<Self>, Error> {
        let lines = if inline { SEEDED_RING_LINES } else { RING_LINES };
        let mut journal = Self::new(store, tail, lines);
        if inline {
            journal.inline = Some(Mutex::new(Flusher::new(epoch)));
            return Ok(Arc::new(journal));
        }
        let journal = Arc::new(journal);
        let inner = journal.clone();
        let builder = thread::Builder::new().name("cupo-flusher".into());
        let started = builder.spawn(move || flusher::run(&inner, epoch));
        let failed = |error| StorageError::io("start a thread for", "cupo-flusher", error);
        *journal.flusher.lock() = Some(started.map_err(failed)?);
        Ok(journal)
    }

    /// A journal that nobody flushes yet.
    fn new(store: Arc<dyn LogStore>, tail: Tail, lines: usize) -> Self {
        let next = tail.seq.0 + 1;
        Self {
            ring: Ring::new(next, lines),
            next: CachePadded::new(AtomicU64::new(next)),
            room: CachePadded::new(AtomicU64::new(lines as u64)),
            durable: CachePadded::new(AtomicU64::new(tail.seq.0)),
            state: CachePadded::new(AtomicU8::new(OPEN)),
            waiters: Waiters::default(),
            room_lock: Mutex::new(()),
            room_made: Condvar::new(),
            sleeping: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            tail: Mutex::new(tail),
            failure: Mutex::new(None),
            bytes: AtomicU64::new(0),
            window: Window::new(tail),
            store,
            flusher: Mutex::new(None),
            inline: None,
        }
    }

    /// Whether changes are possible now.
    #[inline]
    pub(crate) fn status(&self) -> Result<(), Error> {
        // Relaxed: a caller that misses a failure by a moment learns of it from its commit.
        match self.state.load(Ordering::Relaxed) {
            OPEN => Ok(()),
            state => self.not_open(state),
        }
    }

    #[cold]
    fn not_open(&self, state: u8) -> Result<(), Error> {
        match state {
            FULL => Err(Error::StorageFull),
            CLOSED => Err(Error::Closed),
            FENCED => Err(Error::Fenced),
            _ => Err(StorageError::Poisoned(self.failure_text()).into()),
        }
    }

    fn failure_text(&self) -> std::sync::Arc<str> {
        let failure = self.failure.lock();
        failure.as_ref().map_or_else(|| "unknown".into(), |error| error.to_string().into())
    }

    /// Takes permits for ring lines if there are so many; never waits.
    pub(crate) fn try_take(&self, lines: u32) -> bool {
        let take = |room: u64| room.checked_sub(u64::from(lines));
        // Acquire: pairs with the Release in `add_room`, so that the lines are free to write.
        self.room.try_update(Ordering::Acquire, Ordering::Relaxed, take).is_ok()
    }

    /// Takes permits, waiting for them; the caller holds no lock.
    pub(crate) fn wait_for_room(&self, lines: u32) -> Result<(), Error> {
        loop {
            self.status()?;
            if self.try_take(lines) {
                return Ok(());
            }
            self.wake_flusher();
            if self.inline.is_some() {
                if self.pump() == Turn::Blocked {
                    return Err(Error::StorageFull);
                }
                thread::yield_now();
                continue;
            }
            let mut guard = self.room_lock.lock();
            // A short time-out stands in for a wake-up missed between the try and the wait.
            self.room_made.wait_for(&mut guard, Duration::from_millis(1));
        }
    }

    /// Returns permits that were not used.
    pub(crate) fn give_back(&self, lines: u32) {
        self.add_room(u64::from(lines));
    }

    fn add_room(&self, lines: u64) {
        // Release: pairs with the Acquire in `try_take`.
        self.room.fetch_add(lines, Ordering::Release);
        self.room_made.notify_all();
    }

    /// Takes the next sequence numbers and writes one group into the ring; answers with the last
    /// number. The caller holds the locks of everything the group touches, and permits.
    pub(crate) fn publish(&self, now: Time, lines: &mut [Line]) -> Seq {
        let count = lines.len() as u64;
        // AcqRel: the permit for the slot of this number may have gone to somebody else, with a
        // smaller number; who knows all smaller numbers knows that the flusher is done with it.
        let first = self.next.fetch_add(count, Ordering::AcqRel);
        let mut seq = first;
        for line in lines.iter_mut() {
            if seq + 1 < first + count {
                crate::record::set_more(line);
            }
            self.ring.write(seq, now, line);
            seq += 1;
        }
        if self.inline.is_some() && first.is_multiple_of(OVERTAKEN) {
            self.pump();
        }
        Seq(seq.saturating_sub(1))
    }

    /// How many lines the ring has.
    pub(crate) fn lines(&self) -> usize {
        self.ring.lines()
    }

    /// The last number given out.
    pub(crate) fn last(&self) -> Seq {
        // Relaxed: a count.
        Seq(self.next.load(Ordering::Relaxed) - 1)
    }

    /// Everything up to here is stored.
    pub(crate) fn durable(&self) -> Seq {
        // Acquire: pairs with the Release in the flusher.
        Seq(self.durable.load(Ordering::Acquire))
    }

    /// Where the stored log ends.
    pub(crate) fn durable_tail(&self) -> Tail {
        *self.tail.lock()
    }

    /// Bytes appended since the start.
    pub(crate) fn appended_bytes(&self) -> u64 {
        // Relaxed: a count.
        self.bytes.load(Ordering::Relaxed)
    }

    /// Blocks until `seq` is durable.
    pub(crate) fn wait(&self, seq: Seq) -> Result<(), Error> {
        let waker = waiters::thread_waker();
        let mut cx = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(result) = self.poll(seq, &mut cx) {
                return result;
            }
            if self.inline.is_some() {
                // Another thread is about to write its line, and cannot wake this one.
                thread::yield_now();
            } else {
                thread::park();
            }
        }
    }

    /// Does the flusher's work as far as it goes, where it has no thread.
    fn pump(&self) -> Turn {
        let Some(flusher) = &self.inline else {
            return Turn::Idle;
        };
        let mut flusher = flusher.lock();
        loop {
            match flusher.turn(self) {
                Turn::Worked => {}
                other => return other,
            }
        }
    }

    /// What the flusher does by itself when the log has been idle, where it has no thread.
    pub(crate) fn idle(&self) {
        if self.pump() == Turn::Idle && self.inline.is_some() {
            flusher::settle(self, false);
        }
    }

    /// Ready once `seq` is durable, or can no longer become so.
    pub(crate) fn poll(&self, seq: Seq, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if let Some(result) = self.outcome(seq) {
            return Poll::Ready(result);
        }
        self.waiters.register(seq, cx.waker());
        self.wake_flusher();
        let blocked = self.pump() == Turn::Blocked;
        if planted("no_second_look") && self.inline.is_none() {
            return Poll::Pending;
        }
        // Looked at again: the flusher may have passed between the first look and the entry.
        match self.outcome(seq) {
            Some(result) => Poll::Ready(result),
            // Nobody else would ever make it durable.
            None if blocked => Poll::Ready(Err(Error::Indeterminate(StorageError::Poisoned(
                "the store has no room, or does not know".into(),
            )))),
            None => Poll::Pending,
        }
    }

    fn outcome(&self, seq: Seq) -> Option<Result<(), Error>> {
        if self.durable() >= seq || planted("acknowledge_at_once") {
            return Some(Ok(()));
        }
        // Acquire: pairs with the Release in `fail`, so that the failure can be read.
        match self.state.load(Ordering::Acquire) {
            OPEN | FULL => None,
            CLOSED => Some(Err(Error::Closed)),
            FENCED => Some(Err(Error::Fenced)),
            _ => {
                let failure = self.failure.lock().clone();
                let unknown = || StorageError::Poisoned("unknown".into());
                Some(Err(Error::Indeterminate(failure.unwrap_or_else(unknown))))
            }
        }
    }

    /// What this thread wrote before, the flusher and whoever it wakes can see from here on; what
    /// they wrote before their fences, this thread.
    fn wake_flusher(&self) {
        // SeqCst: pairs with the fences in `nap` and in `Waiters::wake`. A load could pass an
        // earlier store otherwise, and both sides miss each other.
        fence(Ordering::SeqCst);
        // Relaxed: ordered by the fence.
        if self.sleeping.load(Ordering::Relaxed)
            && let Some(flusher) = self.flusher.lock().as_ref()
        {
            flusher.thread().unpark();
        }
    }

    /// Every durable effect from `from` on.
    pub(crate) fn feed(&self, from: Seq) -> Feed<'_> {
        Feed::new(self, from)
    }

    /// Writes what is pending, says to the store that the log is closed in order, stops.
    pub(crate) fn close(&self) -> Result<(), Error> {
        // Release: pairs with the flusher's Acquire, so that it sees every line before.
        self.stop.store(true, Ordering::Release);
        self.pump();
        let flusher = self.flusher.lock().take();
        if let Some(flusher) = flusher {
            flusher.thread().unpark();
            // A flusher that panicked has left the state as it was; what is not durable stays so.
            let _ = flusher.join();
        }
        match self.status() {
            Err(Error::Closed) | Ok(()) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn fail(&self, state: u8, error: Option<StorageError>) {
        *self.failure.lock() = error;
        // Release: pairs with the Acquire in `outcome`.
        self.state.store(state, Ordering::Release);
        self.waiters.wake_all();
        self.room_made.notify_all();
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Nobody is left to tell; `close` tells.
        let _ = self.close();
    }
}

#[cfg(test)]
mod tests;
