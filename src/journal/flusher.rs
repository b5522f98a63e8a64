//! When is it written? One thread drains the ring, one append at a time.
//!
//! Never acknowledges out of order, and never retries a failed write or sync.

use std::time::Duration;

use crate::id::Seq;
use crate::journal::frame::{Frame, Header};
use crate::journal::ring::time_of;
use crate::journal::{BROKEN, CLOSED, FENCED, FULL, Journal, OPEN, Tail};
use crate::limits::FRAME_LINES_MAX;
use crate::log_store::Appended;
use crate::planted::planted;
use crate::record::has_more;
use crate::sync::{Ordering, fence, thread};

/// How long the flusher sleeps when nobody wakes it: the longest a dropped commit stays in memory.
const NAP: Duration = Duration::from_millis(5);
/// Naps without work before the store is told that the log is idle: 50 ms.
const IDLE_NAPS: u32 = 10;
/// How long to wait before an append is offered again.
const BACKOFF: Duration = Duration::from_millis(20);

/// What a look at the ring came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// A frame was stored.
    Worked,
    /// There is nothing to write.
    Idle,
    /// The store has no room, or does not know: the same frame is to be offered again.
    Blocked,
    /// The journal is closed, or the store has failed.
    Over,
}

/// Fills frames and offers them to the store, one at a time.
#[derive(Debug)]
pub(super) struct Flusher {
    epoch: u64,
    frame: Frame,
    /// The frame that was offered and is not known to be stored: its header and checksum.
    offered: Option<(Header, u32)>,
    over: bool,
}

/// The life of the flusher's thread.
pub(super) fn run(journal: &Journal, epoch: u64) {
    let mut flusher = Flusher::new(epoch);
    let mut naps = 0;
    loop {
        match flusher.turn(journal) {
            Turn::Worked => naps = 0,
            Turn::Blocked => thread::sleep(BACKOFF),
            Turn::Over => return,
            Turn::Idle => {
                if naps == IDLE_NAPS && !settle(journal, false) {
                    return;
                }
                // Saturating: a log may be idle for months.
                naps = u32::saturating_add(naps, u32::from(nap(journal)));
            }
        }
    }
}

/// Sleeps until woken, unless a number was given out: its line is there or about to be, and who
/// waits for a later one has called already.
fn nap(journal: &Journal) -> bool {
    // Relaxed: ordered by the fence.
    journal.sleeping.store(true, Ordering::Relaxed);
    // SeqCst: pairs with the fence in `wake_flusher`: either its caller sees that this thread
    // sleeps, or this thread sees the number that the caller waits for.
    fence(Ordering::SeqCst);
    let idle = journal.last() == journal.durable_tail().seq;
    if idle {
        thread::park_timeout(NAP);
    } else {
        thread::yield_now();
    }
    // Relaxed: whoever still sees it set wakes a thread that is awake.
    journal.sleeping.store(false, Ordering::Relaxed);
    idle
}

impl Flusher {
    pub(super) fn new(epoch: u64) -> Self {
        Self { epoch, frame: Frame::default(), offered: None, over: false }
    }

    /// Stores what is there, at most one frame of it.
    pub(super) fn turn(&mut self, journal: &Journal) -> Turn {
        if self.over {
            return Turn::Over;
        }
        // Acquire: pairs with the Release in `close`: what was published before is seen below.
        let stopping = journal.stop.load(Ordering::Acquire);
        show_room(journal);
        if self.offered.is_none() {
            self.offered = fill(journal, &mut self.frame, self.epoch);
        }
        let turn = match self.offered {
            Some((header, crc)) => self.offer(journal, &header, crc, stopping),
            None if stopping => {
                finish(journal);
                Turn::Over
            }
            None => Turn::Idle,
        };
        self.over = turn == Turn::Over;
        turn
    }

    fn offer(&mut self, journal: &Journal, header: &Header, crc: u32, stopping: bool) -> Turn {
        let bytes = self.frame.bytes();
        match journal.store.append(self.epoch, header.position, bytes) {
            Appended::Stored => {
                acknowledge(journal, header, crc, bytes);
                self.offered = None;
                Turn::Worked
            }
            Appended::Unknown => Turn::Blocked,
            Appended::Full if stopping => {
                journal.fail(BROKEN, None);
                Turn::Over
            }
            Appended::Full => {
                // Relaxed: a hint for new callers; those waiting go on waiting.
                journal.state.store(FULL, Ordering::Relaxed);
                Turn::Blocked
            }
            Appended::Fenced => {
                journal.fail(FENCED, None);
                Turn::Over
            }
            Appended::Broken(error) => {
                journal.fail(BROKEN, Some(error));
                Turn::Over
            }
        }
    }
}

/// Copies whole groups from the ring into the frame and seals it.
fn fill(journal: &Journal, frame: &mut Frame, epoch: u64) -> Option<(Header, u32)> {
    let tail = journal.durable_tail();
    let first = tail.seq.0 + 1;
    frame.clear();
    let (mut lines, mut whole) = (0_u32, 0_u32);
    let mut time = tail.time;
    let mut seen = time;
    while (lines as usize) < FRAME_LINES_MAX {
        let Some(line) = journal.ring.read(first + u64::from(lines)) else {
            break;
        };
        frame.push(&line);
        lines += 1;
        let [.., stamp] = line;
        seen = time_of(stamp).max(seen);
        if !has_more(&line) || planted("half_a_group") {
            (whole, time) = (lines, seen);
        }
    }
    if whole == 0 {
        return None;
    }
    frame.truncate(whole as usize);
    let position = tail.position + 1;
    let header =
        Header { epoch, position, first: Seq(first), lines: whole, time, previous: tail.crc };
    let crc = frame.seal(&header);
    Some((header, crc))
}

fn acknowledge(journal: &Journal, header: &Header, crc: u32, bytes: &[u8]) {
    let last = Seq(header.first.0 + u64::from(header.lines) - 1);
    let tail = Tail { position: header.position, seq: last, crc, time: header.time };
    *journal.tail.lock() = tail;
    journal.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    journal.window.push(header.first, header.position, bytes);
    // Release: pairs with the Acquire in `durable`.
    journal.durable.store(last.0, Ordering::Release);
    if !planted("room_is_never_given_back") {
        journal.add_room(u64::from(header.lines));
    }
    journal.waiters.wake(last);
}

fn show_room(journal: &Journal) {
    let state = if journal.store.has_room() { OPEN } else { FULL };
    // Relaxed: as in `offer`.
    if journal.state.load(Ordering::Relaxed) != state {
        journal.state.store(state, Ordering::Relaxed);
    }
}

pub(super) fn settle(journal: &Journal, closing: bool) -> bool {
    match journal.store.settle(closing) {
        Ok(()) => true,
        Err(error) => {
            journal.fail(BROKEN, Some(error));
            false
        }
    }
}

fn finish(journal: &Journal) {
    if settle(journal, true) {
        journal.fail(CLOSED, None);
    }
}
