//! What had happened? Rebuilding the rooms from a snapshot and the log after it.
//!
//! Never decides and never reads a clock: it applies what the journal says.

use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::Path;

use crate::claim::Place;
use crate::engine::Admin;
use crate::engine::install::Document;
use crate::engine::snapshot::{damaged, read};
use crate::error::Error;
use crate::id::{ClaimId, Seq};
use crate::inventory::{DayEntry, DayMap, Shape};
use crate::journal::{Event, Tail, replay};
use crate::ledger::Ledger;
use crate::log_store::{DirectoryReader, LogStore, Position, SnapshotName};
use crate::planted::planted;
use crate::record::{Effect, Line, TextOf};
use crate::time::Time;

/// Replay passes nothing over that it does not understand.
const UNKNOWN: &str = "a record of an unknown kind; a newer version may have written it";

/// The rooms as the log says.
#[derive(Debug)]
pub(super) struct Rebuilt {
    pub(super) ledger: Ledger,
    pub(super) days: DayMap,
    pub(super) admin: Admin,
    pub(super) document: Option<Document>,
    pub(super) tail: Tail,
    text: Vec<u8>,
    plan: Option<(u32, [u16; 4], u32, Shape)>,
    /// Lines to come that belong to an effect already applied.
    skip: usize,
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
            skip: 0,
        }
    }

    fn apply(
        &mut self,
        seq: Seq,
        at: Time,
        line: &Line,
        next: Option<&Line>,
    ) -> Result<(), &'static str> {
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(());
        }
        let (effect, lines) = Effect::from_lines(line, next).ok_or(UNKNOWN)?;
        self.skip = lines - 1;
        if let Some((claim, place)) = parts(&effect) {
            if let Some(mut shard) =
                self.ledger.lock_of(claim).filter(|shard| shard.seq < seq || planted("apply_twice"))
            {
                shard.apply(seq, at, &effect);
            }
            if let Some(entry) = self.days.get(place.day).filter(|e| e.day.seq() < seq) {
                apply_to_day(entry, seq, &effect, next);
            }
            return Ok(());
        }
        match effect {
            Effect::DayCreated { day, frame } if self.days.get(day).is_none() => {
                if let Some(entry) = self.make_day(day, frame) {
                    entry.day.apply(&mut entry.day.state().lock(), seq, &effect);
                }
            }
            Effect::DayPlanned { day, frame } => {
                let plan = self.admin.plans.get(frame.plan);
                let entry = self.days.get(day).filter(|entry| entry.day.seq() < seq).cloned();
                if let (Some(plan), Some(entry)) = (plan, entry) {
                    let mut state = entry.day.state().lock();
                    entry.day.replan(&mut state, seq, frame, plan.clone());
                    drop(state);
                    let bits = self.days.bits(day.calendar());
                    self.days.put(DayEntry { frame, plan, ..entry }, &bits);
                }
            }
            Effect::DayClosed { day } | Effect::DayReopened { day } => {
                if let Some(entry) = self.days.get(day).filter(|entry| entry.day.seq() < seq) {
                    entry.day.apply(&mut entry.day.state().lock(), seq, &effect);
                }
            }
            Effect::DayRetired { day } => self.days.remove(day),
            Effect::PlanDefined { plan, ranges, give_back_min } => {
                let shape = Shape { ranges: Vec::new(), give_back_min };
                self.plan = Some((plan, give_back_min, ranges, shape));
                self.define_plan();
            }
            Effect::PlanRange(range) => {
                if let Some((_, _, _, shape)) = &mut self.plan {
                    shape.ranges.push(range);
                }
                self.define_plan();
            }
            Effect::Text { of: TextOf::Catalog, offset, bytes, .. } => {
                if offset == 0 {
                    self.text.clear();
                }
                self.text.extend(bytes);
            }
            Effect::Installed { version, done } => self.installed(version, done)?,
            _ => {}
        }
        Ok(())
    }

    fn define_plan(&mut self) {
        let complete = self
            .plan
            .as_ref()
            .is_some_and(|(_, _, count, shape)| shape.ranges.len() as u64 >= u64::from(*count));
        if complete && let Some((number, _, _, shape)) = self.plan.take() {
            self.admin.plans.define(number, shape);
        }
    }

    fn installed(&mut self, version: u32, done: bool) -> Result<(), &'static str> {
        if version < self.admin.version {
            return Ok(());
        }
        self.admin.version = version;
        self.admin.unfinished = !done;
        if !done {
            let unreadable =
                "a catalog that this version cannot read; a newer one may have written it";
            self.document = Some(serde_json::from_slice(&self.text).map_err(|_| unreadable)?);
        }
        Ok(())
    }
}

/// The claim and the place of an effect on a claim.
fn parts(effect: &Effect) -> Option<(ClaimId, &Place)> {
    Some(match effect {
        Effect::Granted { claim, place, .. }
        | Effect::Confirmed { claim, place, .. }
        | Effect::Extended { claim, place, .. }
        | Effect::Ended { claim, place, .. }
        | Effect::Returned { claim, place }
        | Effect::Taken { claim, place, .. }
        | Effect::Freed { claim, place, .. }
        | Effect::Marked { claim, place, .. }
        | Effect::Assigned { claim, place, .. }
        | Effect::Archived { claim, place } => (*claim, place),
        _ => return None,
    })
}

/// A move within one day is one net difference, here as in life.
fn apply_to_day(entry: &DayEntry, seq: Seq, effect: &Effect, next: Option<&Line>) {
    let mut state = entry.day.state().lock();
    if let Effect::Taken { claim, place, held, adopted: None, .. } = effect
        && let Some((Effect::Freed { place: old, .. }, _)) =
            next.and_then(|next| Effect::from_lines(next, None))
        && old.day == place.day
    {
        let both = Seq(seq.0 + 1);
        entry.day.shift(&mut state, both, *claim, (&old, place), *held);
    } else {
        entry.day.apply(&mut state, seq, effect);
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
    from_beginning(store, last)
}

pub(super) fn from_snapshot(
    store: &dyn LogStore,
    name: SnapshotName,
    last: Position,
) -> Result<Rebuilt, Error> {
    let mut found = None;
    store.get_snapshot(name, &mut |input| {
        found = Some(read(&mut BufReader::with_capacity(1 << 20, input))?);
        Ok(())
    })?;
    let (mut rebuilt, upto) = found.ok_or_else(|| damaged("an empty snapshot", name.position))?;
    let start = rebuilt.tail;
    let tail = replay(store, start.position, last, start, &mut |seq, at, line, next| {
        rebuilt.apply(seq, at, line, next)
    })?;
    if tail.seq < upto {
        return Err(damaged("a snapshot that saw more than the log reaches", name.position));
    }
    rebuilt.finish(tail);
    Ok(rebuilt)
}

fn from_beginning(store: &dyn LogStore, last: Position) -> Result<Option<Rebuilt>, Error> {
    let mut rebuilt: Option<Rebuilt> = None;
    let mut absurd = false;
    let tail = replay(store, 0, last, Tail::default(), &mut |seq, at, line, next| {
        if let Some(rebuilt) = &mut rebuilt {
            return rebuilt.apply(seq, at, line, next);
        } else if let Some((Effect::Founded { shards, key }, _)) = Effect::from_lines(line, next) {
            let shards = shards as usize;
            if shards.is_power_of_two() && shards <= crate::limits::SHARDS_MAX {
                rebuilt = Some(Rebuilt::new(Ledger::new(shards, key), Tail::default()));
            }
        } else {
            absurd = true;
        }
        Ok(())
    })?;
    match (&mut rebuilt, absurd) {
        (Some(rebuilt), false) => rebuilt.finish(tail),
        _ => return Err(damaged("a log that does not begin with its founding", 1)),
    }
    Ok(rebuilt)
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

#[cfg(test)]
mod tests;
