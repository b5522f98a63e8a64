//! What happened since? Every durable effect once, in order, from any number on.
//!
//! Never shows what is not durable, and never keeps more than a window in memory.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::error::Error;
use crate::id::Seq;
use crate::journal::frame;
use crate::journal::ring::time_of;
use crate::journal::{Journal, Tail, waiters};
use crate::log_store::Position;
use crate::record::Effect;
use crate::sync::{Arc, Mutex, thread};
use crate::time::{SystemClock, Time};

/// Bytes of recent frames kept in memory.
const WINDOW_BYTES: usize = 8 << 20;
/// Frames read from the store at a time.
const READ_FRAMES: u64 = 16;

/// One effect with its number and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The number of its (first) record.
    pub seq: Seq,
    /// When it happened, by the engine's time.
    pub at: Time,
    /// What happened.
    pub effect: Effect,
}

#[derive(Clone, Debug)]
struct Recent {
    first: Seq,
    position: Position,
    bytes: Arc<[u8]>,
}

/// The last frames, and where each begins.
#[derive(Debug)]
pub(super) struct Window {
    recent: Mutex<(VecDeque<Recent>, usize)>,
    /// Where the log stood when the engine was opened.
    start: Tail,
}

impl Window {
    pub(super) fn new(start: Tail) -> Self {
        Self { recent: Mutex::default(), start }
    }

    pub(super) fn push(&self, first: Seq, position: Position, bytes: &[u8]) {
        let mut recent = self.recent.lock();
        let (list, size) = &mut *recent;
        list.push_back(Recent { first, position, bytes: bytes.into() });
        *size += bytes.len();
        while *size > WINDOW_BYTES
            && let Some(old) = list.pop_front()
        {
            *size -= old.bytes.len();
        }
    }

    /// How many frames there are, and the position of the first.
    #[cfg(test)]
    pub(super) fn held(&self) -> (usize, Position) {
        let recent = self.recent.lock();
        (recent.0.len(), recent.0.front().map_or(0, |frame| frame.position))
    }

    /// The frame that holds `seq`, if it is in memory; else the position of the first one that is.
    fn find(&self, seq: Seq) -> Result<Recent, Position> {
        let recent = self.recent.lock();
        let (list, _) = &*recent;
        let at = list.partition_point(|frame| frame.first <= seq);
        let found = at.checked_sub(1).and_then(|at| list.get(at));
        let first = list.front().map_or(self.start.position + 1, |frame| frame.position);
        found.cloned().ok_or(first)
    }
}

/// A reader of the feed. Resumable: remember the number of the last event and start after it.
#[derive(Debug)]
pub struct Feed<'a> {
    journal: &'a Journal,
    next: Seq,
    /// Where to look in the store: the frame of the last effect read from there.
    near: Option<Position>,
}

impl<'a> Feed<'a> {
    pub(super) fn new(journal: &'a Journal, from: Seq) -> Self {
        Self { journal, next: from.max(Seq(1)), near: None }
    }

    /// The number that the next event will have at least.
    pub fn position(&self) -> Seq {
        self.next
    }

    /// The next events, waiting up to `timeout` for the first; empty when none came.
    ///
    /// # Errors
    /// [`Error::FeedTooOld`] when the log has been cut above the position, else what the storage
    /// says.
    pub fn next_batch(&mut self, timeout: Duration) -> Result<Vec<Event>, Error> {
        let clock = SystemClock::new();
        let mut events = Vec::new();
        // A frame may have nothing new: who goes on after an effect of two lines begins at its
        // second.
        while events.is_empty() && self.wait(&clock, timeout)? {
            let before = self.next;
            match self.journal.window.find(self.next) {
                Ok(recent) => self.read(&recent.bytes, &mut events),
                Err(first_in_memory) => self.read_stored(first_in_memory, &mut events)?,
            }
            // What cannot be read is not looked at for ever.
            if self.next == before {
                break;
            }
        }
        Ok(events)
    }

    fn wait(&self, clock: &SystemClock, timeout: Duration) -> Result<bool, Error> {
        let waker = waiters::thread_waker();
        let mut cx = Context::from_waker(&waker);
        loop {
            if self.journal.durable() >= self.next {
                return Ok(true);
            }
            let Some(left) = timeout.checked_sub(clock.elapsed()) else {
                return Ok(false);
            };
            match self.journal.poll(self.next, &mut cx) {
                Poll::Ready(Err(Error::Closed)) => return Ok(false),
                Poll::Ready(result) => return result.map(|()| true),
                Poll::Pending => thread::park_timeout(left),
            }
        }
    }

    /// Takes what is new from a frame.
    fn read(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        let Some((header, _, lines)) = frame::open(bytes) else {
            return;
        };
        let mut seq = header.first;
        let mut at = 0;
        while let Some(bytes) = lines.get(at) {
            let line = frame::line(bytes);
            let next = lines.get(at + 1).map(frame::line);
            let [.., stamp] = line;
            let (effect, used) = match Effect::from_lines(&line, next.as_ref()) {
                Some((effect, used)) => (Some(effect), used),
                None => (None, 1),
            };
            if let Some(effect) = effect.filter(|_| seq >= self.next) {
                events.push(Event { seq, at: time_of(stamp), effect });
            }
            at += used;
            seq = Seq(seq.0 + used as u64);
        }
        self.next = self.next.max(seq);
    }

    fn read_stored(&mut self, before: Position, events: &mut Vec<Event>) -> Result<(), Error> {
        let store = self.journal.store.clone();
        let first = store.first();
        let from = match self.near {
            Some(near) => near,
            None => self.search(first, before)?,
        };
        let last = self.journal.durable_tail().position;
        let upto = last.min(from + READ_FRAMES - 1);
        if from < first {
            return Err(self.too_old());
        }
        let mut near = from;
        let mut found = Ok(());
        store.read(from, upto, &mut |position, bytes| {
            let begins = frame::open(bytes).map(|(header, ..)| header.first);
            if begins.is_none_or(|begins| begins > self.next) {
                found = Err(self.too_old());
                return ControlFlow::Break(());
            }
            self.read(bytes, events);
            near = position + 1;
            ControlFlow::Continue(())
        })?;
        self.near = Some(near);
        found
    }

    /// The frame that holds the next number, by halving.
    fn search(&self, first: Position, before: Position) -> Result<Position, Error> {
        let (mut low, mut high) = (first, before.max(first + 1));
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            let mut begins = None;
            self.journal.store.read(middle, middle, &mut |_, bytes| {
                begins = frame::open(bytes).map(|(header, ..)| header.first);
                ControlFlow::Break(())
            })?;
            if begins.is_some_and(|begins| begins <= self.next) {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    fn too_old(&self) -> Error {
        let store = &self.journal.store;
        let position = store.first();
        let mut first = self.journal.durable();
        // What cannot be read now is told by the next call; the place is a hint.
        let _ = store.read(position, position, &mut |_, bytes| {
            first = frame::open(bytes).map_or(first, |(header, ..)| header.first);
            ControlFlow::Break(())
        });
        let snapshots = store.snapshots().unwrap_or_default();
        let snapshot = snapshots.first().map_or(0, |name| name.position);
        Error::FeedTooOld { first, snapshot }
    }
}
