//! What had happened? Rebuilding the rooms from a snapshot and the log after it.
//!
//! Never decides and never reads a clock: it applies what the journal says.

mod apply;
mod aside;

use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::Path;

use crate::engine::Admin;
use crate::engine::install::Document;
use crate::engine::snapshot::{damaged, read};
use crate::error::{Error, StorageError};
use crate::id::Seq;
use crate::inventory::{DayMap, Shape};
use crate::journal::{Event, Tail, replay};
use crate::ledger::Ledger;
use crate::limits::SHARDS_MAX;
use crate::log_store::{DirectoryReader, LogStore, Position, SnapshotName};
use crate::record::{Effect, Line};

/// Replay passes nothing over that it does not understand.
const UNKNOWN: &str = "a record of an unknown kind; a newer version may have written it";

/// Nor does it believe what no engine can have written.
const UNFIT: &str = "a record of what could not have happened";

/// The rooms as the log says.
#[derive(Debug)]
pub(super) struct Rebuilt {
    pub(super) ledger: Ledger,
    pub(super) days: DayMap,
    pub(super) admin: Admin,
    pub(super) document: Option<Document>,
    pub(super) tail: Tail,
    text: Vec<u8>,
    /// A plan whose ranges are still to come: its number, and how many.
    plan: Option<(u32, u32, Shape)>,
    /// The last record that a part of the snapshot may have seen.
    pub(super) seen: Seq,
}

impl Rebuilt {
    pub(super) fn new(ledger: Ledger, tail: Tail) -> Self {
        Self {
            ledger,
            days: DayMap::default(),
            admin: Admin::default(),
            document: None,
            tail,
            text: Vec::new(),
            plan: None,
            seen: Seq(0),
        }
    }
}

/// Rebuilds the rooms: the newest usable snapshot, and every frame after it up to `last`. `None`
/// for an empty log.
pub(super) fn rebuild(store: &dyn LogStore, last: Position) -> Result<Option<Rebuilt>, Error> {
    let mut failure = None;
    for name in store.snapshots()? {
        if store.first() > name.position + 1 && last > name.position {
            continue;
        }
        match from_snapshot(store, name, last) {
            Ok(rebuilt) => return Ok(Some(rebuilt)),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    if last == 0 && failure.is_none() {
        return Ok(None);
    }
    if store.first() > 1 || last == 0 {
        let what = "no usable snapshot, and the log does not begin at its beginning";
        return Err(failure.unwrap_or_else(|| damaged(what, store.first())));
    }
    from_beginning(store, last).map(Some)
}

pub(super) fn from_snapshot(
    store: &dyn LogStore,
    name: SnapshotName,
    last: Position,
) -> Result<Rebuilt, Error> {
    follow(store, last, || {
        let mut found = None;
        store.get_snapshot(name, &mut |input| {
            found = Some(read(&mut BufReader::with_capacity(64 << 10, input))?);
            Ok(())
        })?;
        let (mut rebuilt, upto) =
            found.ok_or_else(|| damaged("an empty snapshot", name.position))?;
        if rebuilt.tail.position != name.position {
            let what = "a snapshot of another position than its name says";
            return Err(damaged(what, name.position));
        }
        rebuilt.seen = upto;
        Ok(rebuilt)
    })
}

fn from_beginning(store: &dyn LogStore, last: Position) -> Result<Rebuilt, Error> {
    follow(store, last, || {
        let mut founded = None;
        replay(store, 0, 1, Tail::default(), &mut |seq, _, line, next| {
            if seq == Seq(1) {
                founded = Some(Effect::from_lines(line, next).ok_or(UNKNOWN)?.0);
            }
            Ok(())
        })?;
        match founded {
            Some(Effect::Founded { shards, key })
                if shards.is_power_of_two() && shards as usize <= SHARDS_MAX =>
            {
                let ledger = Ledger::new(shards as usize, key);
                Ok(Rebuilt::new(ledger, Tail::default()))
            }
            _ => {
                let what = "a log that does not begin with its founding";
                Err(StorageError::Damaged { path: "log".into(), offset: 0, position: 1, what }
                    .into())
            }
        }
    })
}

/// What a beginning and every frame after it come to.
fn follow(
    store: &dyn LogStore,
    last: Position,
    begin: impl Fn() -> Result<Rebuilt, Error>,
) -> Result<Rebuilt, Error> {
    let mut rebuilt = begin()?;
    let start = rebuilt.tail.position;
    let mut tail = None;
    if last.saturating_sub(start) >= aside::FRAMES_MIN {
        tail = aside::replay(store, last, &mut rebuilt);
        if tail.is_none() {
            // What is wrong is found in order, and with its place.
            rebuilt = begin()?;
        }
    }
    let tail = match tail {
        Some(tail) => tail,
        None => in_order(store, last, &mut rebuilt)?,
    };
    if tail.seq < rebuilt.seen {
        let what = "a snapshot that saw more than the log reaches";
        return Err(damaged(what, start));
    }
    rebuilt.finish(tail);
    Ok(rebuilt)
}

fn in_order(store: &dyn LogStore, last: Position, rebuilt: &mut Rebuilt) -> Result<Tail, Error> {
    let mut reading = Reading::default();
    let start = rebuilt.tail;
    let tail = replay(store, start.position, last, start, &mut |seq, at, line, next| {
        let Some(effect) = reading.next(line, next)? else { return Ok(()) };
        apply::to_claim(&rebuilt.ledger, seq, at, &effect, reading.freed.as_ref())?;
        rebuilt.apply(seq, effect, reading.freed.as_ref())
    })?;
    Ok(tail)
}

/// Makes effects of lines.
#[derive(Debug, Default)]
struct Reading {
    /// Lines to come that belong to an effect already told.
    skip: usize,
    /// The second half of a move, while its first half is told.
    freed: Option<Effect>,
}

impl Reading {
    fn next(&mut self, line: &Line, next: Option<&Line>) -> Result<Option<Effect>, &'static str> {
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(None);
        }
        let (effect, lines) = Effect::from_lines(line, next).ok_or(UNKNOWN)?;
        self.skip = lines - 1;
        self.pair_halves(&effect, next)?;
        Ok(Some(effect))
    }

    /// A move is two records: what it took, then what it freed.
    fn pair_halves(&mut self, effect: &Effect, next: Option<&Line>) -> Result<(), &'static str> {
        let freed = self.freed.take();
        if let Effect::Freed { .. } = effect {
            return freed.filter(|freed| freed == effect).map(|_| ()).ok_or(UNFIT);
        }
        if let Effect::Taken { claim, held, .. } = effect {
            let (other, _) = next.and_then(|next| Effect::from_lines(next, None)).ok_or(UNFIT)?;
            match &other {
                Effect::Freed { claim: of, held: was, .. } if (of, was) == (claim, held) => {}
                _ => return Err(UNFIT),
            }
            self.freed = Some(other);
        }
        Ok(())
    }
}

impl Rebuilt {
    fn finish(&mut self, tail: Tail) {
        self.tail = tail;
        for number in 0..self.ledger.shards() {
            if let Some(mut shard) = self.ledger.lock(number) {
                shard.rebuild_free();
                self.ledger.note_due(&shard);
            }
        }
    }
}

/// What a log holds, read without opening an engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogSummary {
    /// The first sequence number still there; 0 in an empty log.
    pub first: Seq,
    /// The last one.
    pub last: Seq,
    /// Frames read.
    pub frames: u64,
    /// Effects visited.
    pub effects: u64,
    /// The snapshots beside it, newest first.
    pub snapshots: Vec<SnapshotName>,
}

/// Visits every effect of the log in a directory from a sequence number on, without opening an
/// engine and without changing anything; a torn tail is passed over. Works beside a running
/// engine.
///
/// # Errors
/// Damage, or the system's refusal.
pub fn read_log(
    directory: impl AsRef<Path>,
    from: Seq,
    visit: &mut dyn FnMut(Event) -> ControlFlow<()>,
) -> Result<LogSummary, Error> {
    let reader = DirectoryReader::open(directory.as_ref())?;
    let mut summary = LogSummary { snapshots: reader.snapshots()?, ..LogSummary::default() };
    let (first, last) = (reader.first(), reader.last());
    if last == 0 || first > last {
        return Ok(summary);
    }
    let start = Tail { position: first - 1, ..Tail::default() };
    let mut skip = 0;
    let mut stopped = false;
    let tail = replay(&reader, first - 1, last, start, &mut |seq, at, line, next| {
        if summary.first == Seq(0) {
            summary.first = seq;
        }
        if skip > 0 {
            skip -= 1;
            return Ok(());
        }
        let (effect, lines) = Effect::from_lines(line, next).ok_or(UNKNOWN)?;
        skip = lines - 1;
        summary.effects += 1;
        if seq >= from && !stopped {
            stopped = visit(Event { seq, at, effect }).is_break();
        }
        Ok(())
    })?;
    summary.last = tail.seq;
    summary.frames = tail.position + 1 - first;
    Ok(summary)
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
