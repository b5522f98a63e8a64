//! What does the log say? Every line once, in order, from the frames of a store.
//!
//! Never skips damage: whatever does not fit ends the replay with its place.

use std::ops::ControlFlow;

use crate::error::StorageError;
use crate::id::Seq;
use crate::journal::Tail;
use crate::journal::frame;
use crate::journal::ring::{number, time_of};
use crate::log_store::{LogStore, Position};
use crate::planted::planted;
use crate::record::{Line, has_more};
use crate::time::Time;

/// No log has more records, so that a number can be added to.
pub(crate) const SEQ_MAX: u64 = 1 << 62;

/// Told each line with its number, its full time, and the next line of its group; answers with
/// what is wrong with it, if anything is.
pub(crate) type Visit<'a> =
    dyn FnMut(Seq, Time, &Line, Option<&Line>) -> Result<(), &'static str> + 'a;

/// Visits every line of the frames after `after` up to `upto`, with the next line of its group.
/// `tail` is what is known of the log at `after`; with its default the first frame is taken as it
/// is.
pub(crate) fn replay(
    store: &dyn LogStore,
    after: Position,
    upto: Position,
    tail: Tail,
    visit: &mut Visit<'_>,
) -> Result<Tail, StorageError> {
    let mut tail = Tail { position: after, ..tail };
    if upto <= after {
        return Ok(tail);
    }
    // The first log begins after nothing.
    let mut known = tail.seq > Seq(0) || after == 0;
    let mut wrong = None;
    store.read(after + 1, upto, &mut |position, bytes| match one_frame(
        position, bytes, &mut tail, known, visit,
    ) {
        Ok(()) => {
            known = true;
            ControlFlow::Continue(())
        }
        Err(what) => {
            wrong = Some((position, what));
            ControlFlow::Break(())
        }
    })?;
    if let Some((position, what)) = wrong {
        return Err(StorageError::Damaged { path: "log".into(), offset: 0, position, what });
    }
    if tail.position != upto {
        let (position, what) = (tail.position + 1, "a frame is missing");
        return Err(StorageError::Damaged { path: "log".into(), offset: 0, position, what });
    }
    Ok(tail)
}

fn one_frame(
    position: Position,
    bytes: &[u8],
    tail: &mut Tail,
    known: bool,
    visit: &mut Visit<'_>,
) -> Result<(), &'static str> {
    let (header, crc, lines) = frame::open(bytes).ok_or("a frame that is none")?;
    if header.position != position || position != tail.position + 1 {
        return Err("a frame at another position");
    }
    let chained = header.previous == tail.crc || planted("no_chain");
    if known && (header.first.0 != tail.seq.0 + 1 || !chained) {
        return Err("a frame that does not follow the one before it");
    }
    if !(1..=SEQ_MAX).contains(&header.first.0) {
        return Err("a number that no record has");
    }
    let mut seq = header.first;
    let mut time = tail.time;
    let mut lines = lines.iter().map(frame::line).peekable();
    while let Some(line) = lines.next() {
        let [.., stamp] = line;
        if number(stamp) != number(seq.0) {
            return Err("a line with another number");
        }
        let next = lines.peek().filter(|_| has_more(&line));
        visit(seq, time_of(stamp), &line, next)?;
        time = time.max(time_of(stamp));
        tail.seq = seq;
        seq = Seq(seq.0 + 1);
    }
    if known && header.time != time {
        return Err("a frame of another time than its lines");
    }
    (tail.position, tail.crc, tail.time) = (position, crc, time);
    Ok(())
}

#[cfg(test)]
mod tests;
