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
use crate::record::has_more;
use crate::sync::Ordering;

/// How long the flusher sleeps when nobody wakes it: the longest a dropped commit stays in memory.
const NAP: Duration = Duration::from_millis(5);
/// Naps without work before the store is told that the log is idle: 50 ms.
const IDLE_NAPS: u32 = 10;
/// How long to wait before an append is offered again.
const BACKOFF: Duration = Duration::from_millis(20);

/// The flusher's life.
pub(super) fn run(journal: &Journal, epoch: u64) {
    let mut frame = Frame::default();
    let mut naps = 0;
    loop {
        // Acquire: pairs with the Release in `close`: what was published before is seen below.
        let stopping = journal.stop.load(Ordering::Acquire);
        show_room(journal);
        if let Some(next) = fill(journal, &mut frame) {
            naps = 0;
            if !store(journal, epoch, &mut frame, next) {
                return;
            }
        } else if stopping {
            finish(journal);
            return;
        } else {
            naps += 1;
            if naps == IDLE_NAPS && !settle(journal, false) {
                return;
            }
            nap(journal);
        }
    }
}

fn nap(journal: &Journal) {
    let next = journal.durable_tail().seq.0 + 1;
    // SeqCst: pairs with the load in `wake_flusher`: either it sees this, or the look sees its
    // line.
    journal.sleeping.store(true, Ordering::SeqCst);
    if journal.ring.read(next).is_none() {
        std::thread::park_timeout(NAP);
    }
    journal.sleeping.store(false, Ordering::SeqCst);
}

/// Copies whole groups from the ring into the frame; answers with what the frame will end with.
fn fill(journal: &Journal, frame: &mut Frame) -> Option<Header> {
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
        if !has_more(&line) {
            (whole, time) = (lines, seen);
        }
    }
    if whole == 0 {
        return None;
    }
    frame.truncate(whole as usize);
    let position = tail.position + 1;
    Some(Header { epoch: 0, position, first: Seq(first), lines: whole, time, previous: tail.crc })
}

fn store(journal: &Journal, epoch: u64, frame: &mut Frame, next: Header) -> bool {
    let header = Header { epoch, ..next };
    let (bytes, crc) = frame.seal(&header);
    loop {
        match journal.store.append(epoch, header.position, bytes) {
            Appended::Stored => break,
            Appended::Unknown => std::thread::sleep(BACKOFF),
            Appended::Full => {
                // Relaxed: a hint for new callers; those waiting go on waiting.
                journal.state.store(FULL, Ordering::Relaxed);
                if journal.stop.load(Ordering::Acquire) {
                    journal.fail(BROKEN, None);
                    return false;
                }
                std::thread::sleep(BACKOFF);
            }
            Appended::Fenced => {
                journal.fail(FENCED, None);
                return false;
            }
            Appended::Broken(error) => {
                journal.fail(BROKEN, Some(error));
                return false;
            }
        }
    }
    let last = Seq(header.first.0 + u64::from(header.lines) - 1);
    let tail = Tail { position: header.position, seq: last, crc, time: header.time };
    *journal.tail.lock() = tail;
    journal.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    journal.window.push(header.first, header.position, bytes);
    // SeqCst: pairs with the look after registering in `poll`.
    journal.durable.store(last.0, Ordering::SeqCst);
    journal.add_room(u64::from(header.lines));
    journal.waiters.wake(last);
    true
}

fn show_room(journal: &Journal) {
    let state = if journal.store.has_room() { OPEN } else { FULL };
    // Relaxed: as in `store`.
    if journal.state.load(Ordering::Relaxed) != state {
        journal.state.store(state, Ordering::Relaxed);
    }
}

fn settle(journal: &Journal, closing: bool) -> bool {
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
