//! How is the log kept short? Snapshots of days and shards, taken one at a time.
//!
//! Never stops the engine: each part carries the sequence number of the last record applied to it,
//! and replay skips, part by part, what the snapshot already has.

use std::io::{self, Read, Write};

use crate::engine::recovery::Rebuilt;
use crate::engine::{Admin, Engine, Hall, World};
use crate::error::{Error, StorageError};
use crate::id::{DayId, Seq};
use crate::inventory::{Day, DayEntry, Plan, Roster, Shape};
use crate::journal::{SEQ_MAX, Tail};
use crate::ledger::{Cold, Entry, Ledger};
use crate::planted::planted;
use crate::record::{DayFrame, Effect};
use crate::sync::Arc;
use crate::time::Time;

/// "CUPOSNAP" and the version of the format.
const MAGIC: u64 = u64::from_le_bytes(*b"CUPOSNAP");
const VERSION: u64 = 1;
/// The most of any one count in a snapshot, against absurd allocations.
const COUNT_MAX: u64 = 1 << 32;

impl Engine {
    /// Takes a snapshot now and cuts the log below the older of the two that are kept. Writers go
    /// on meanwhile; each shard and day is locked while it is copied.
    ///
    /// # Errors
    /// What the storage says.
    pub fn snapshot(&self) -> Result<(), Error> {
        self.hall.snapshot()
    }
}

impl Hall {
    pub(super) fn snapshot(&self) -> Result<(), Error> {
        self.snapshot_under(&mut self.admin.lock())
    }

    pub(super) fn snapshot_under(&self, admin: &mut Admin) -> Result<(), Error> {
        self.status()?;
        let tail = self.journal.durable_tail();
        let world = self.world.load_full();
        let name = self.store.put_snapshot(tail.position, &mut |out| {
            let upto = self.write_parts(admin, &world, &tail, out)?;
            // Published only once the log is durable up to what the snapshot saw.
            if planted("snapshot_before_its_log") {
                return Ok(());
            }
            self.journal.wait(upto).map_err(io::Error::other)
        })?;
        admin.snapshot_at_bytes =
            self.journal.appended_bytes().saturating_add(self.settings.snapshot_every);
        let kept = self.store.snapshots()?;
        if let Some(older) = kept.iter().filter(|other| other.position < name.position).max() {
            self.store.truncate(older.position, 2)?;
        }
        Ok(())
    }

    fn write_parts(
        &self,
        admin: &Admin,
        world: &World,
        tail: &Tail,
        out: &mut dyn Write,
    ) -> io::Result<Seq> {
        let mut words = Words::default();
        let [k0, k1] = self.ledger.key();
        words.put(&[MAGIC, VERSION, tail.position, tail.seq.0, u64::from(tail.crc), tail.time.0]);
        words.put(&[self.ledger.shards() as u64, k0, k1]);
        words.put(&[u64::from(admin.version), u64::from(admin.unfinished)]);
        let document = world.document().unwrap_or_default();
        words.put(&[document.len() as u64]);
        words.bytes(&document);
        words.put(&[admin.plans.iter().count() as u64]);
        admin.plans.iter().for_each(|plan| write_plan(&mut words, plan));
        words.flush(out)?;
        let mut upto = tail.seq;
        words.put(&[world.days.iter().count() as u64]);
        for entry in world.days.iter() {
            upto = upto.max(write_day(&mut words, &entry.day));
            words.flush(out)?;
        }
        let (mut entries, mut colds) = (Vec::new(), Vec::new());
        for number in 0..self.ledger.shards() {
            let Some(shard) = self.ledger.lock(number) else {
                continue;
            };
            let (seq, (head, ended_tail)) = (shard.seq, shard.ended_ends());
            // Only copied here: whoever writes to this shard waits for it.
            shard.copy_to(&mut entries, &mut colds);
            drop(shard);
            upto = upto.max(seq);
            words.put(&[seq.0, u64::from(head), u64::from(ended_tail), entries.len() as u64]);
            let mut colds = colds.iter();
            for entry in &entries {
                words.put(&entry.to_words());
                if entry.has_cold() {
                    words.put(&colds.next().copied().unwrap_or_default().to_words());
                }
            }
            words.flush(out)?;
        }
        words.put(&[upto.0, MAGIC]);
        words.flush(out)?;
        Ok(upto)
    }
}

impl World {
    fn document(&self) -> Option<Vec<u8>> {
        let catalog = self.catalog.as_deref()?.clone();
        let document = super::install::Document { numbers: self.numbers.clone(), catalog };
        serde_json::to_vec(&document).ok()
    }
}

fn write_plan(words: &mut Words, plan: &Plan) {
    let effects = plan.effects();
    words.put(&[effects.len() as u64]);
    for effect in &effects {
        words.put(&effect.to_line());
    }
}

fn write_day(words: &mut Words, day: &Day) -> Seq {
    let state = day.state().lock();
    words.put(&Effect::DayCreated { day: day.id, frame: state.frame }.to_line());
    words.put(&[day.seq().0, u64::from(day.is_closed()), day.slots() as u64]);
    for index in 0..day.slots() {
        words.put(&[day.used(index), u64::from(day.held(index))]);
    }
    let (roster, free) = state.roster.raw();
    words.put(&[u64::from(free), roster.len() as u64]);
    words.put(roster);
    day.seq()
}

/// Reads a snapshot; answers with what it holds and the highest sequence number it saw.
pub(super) fn read(input: &mut dyn Read) -> io::Result<(Rebuilt, Seq)> {
    let mut input = Input(input);
    let [magic, version, position, seq, crc, time] = input.words()?;
    if magic != MAGIC || version != VERSION {
        return Err(bad("not a snapshot of this version"));
    }
    let crc = u32::try_from(crc).map_err(|_| bad("a checksum that is none"))?;
    if position > SEQ_MAX || seq > SEQ_MAX || time > Time::MAX.0 {
        return Err(bad("numbers that no log has"));
    }
    let tail = Tail { position, seq: Seq(seq), crc, time: Time(time) };
    let [shards, k0, k1] = input.words()?;
    let shards = usize::try_from(shards).unwrap_or(0);
    if !shards.is_power_of_two() || shards > crate::limits::SHARDS_MAX {
        return Err(bad("a shard count that is no power of two"));
    }
    let mut rebuilt = Rebuilt::new(Ledger::new(shards, [k0, k1]), tail);
    let [version, unfinished] = input.words()?;
    rebuilt.admin.version = u32::try_from(version).map_err(|_| bad("a version that is none"))?;
    rebuilt.admin.unfinished = unfinished != 0;
    let length = input.count()?;
    let document = input.bytes(length)?;
    if !document.is_empty() {
        rebuilt.document = Some(serde_json::from_slice(&document).map_err(io::Error::other)?);
    }
    for _ in 0..input.count()? {
        read_plan(&mut input, &mut rebuilt)?;
    }
    for _ in 0..input.count()? {
        read_day(&mut input, &mut rebuilt)?;
    }
    for number in 0..shards {
        let seq = read_shard(&mut input, &rebuilt, number)?;
        rebuilt.seen = rebuilt.seen.max(seq);
    }
    let [upto, end] = input.words()?;
    // No part has seen more, or who asks it would wait for ever.
    if end != MAGIC || upto > SEQ_MAX || rebuilt.seen > Seq(upto) {
        return Err(bad("no end mark"));
    }
    Ok((rebuilt, Seq(upto)))
}

fn read_plan(input: &mut Input<'_>, rebuilt: &mut Rebuilt) -> io::Result<()> {
    let count = input.count()?;
    let mut ranges = Vec::new();
    let mut head = None;
    for _ in 0..count {
        match Effect::from_lines(&input.words()?, None) {
            Some((Effect::PlanDefined { plan, give_back_min, .. }, _)) => {
                head = Some((plan, give_back_min));
            }
            Some((Effect::PlanRange(range), _)) => ranges.push(range),
            _ => return Err(bad("a plan that is none")),
        }
    }
    let (number, give_back_min) = head.ok_or_else(|| bad("a plan without a head"))?;
    let shape = Shape { ranges, give_back_min };
    if number != rebuilt.admin.plans.count() || !shape.is_real() {
        return Err(bad("a plan that is none"));
    }
    rebuilt.admin.plans.define(number, shape);
    Ok(())
}

fn read_day(input: &mut Input<'_>, rebuilt: &mut Rebuilt) -> io::Result<()> {
    let Some((Effect::DayCreated { day: id, frame }, _)) =
        Effect::from_lines(&input.words()?, None)
    else {
        return Err(bad("a day that is none"));
    };
    let [seq, closed, slots] = input.words()?;
    if slots != u64::from(frame.slots) || !frame.is_real(id) || rebuilt.days.get(id).is_some() {
        return Err(bad("a day with another number of slots"));
    }
    let mut counts = Vec::with_capacity(usize::from(frame.slots));
    for _ in 0..slots {
        let [used, held] = input.words()?;
        counts.push((used, u16::try_from(held).unwrap_or(u16::MAX)));
    }
    let [free, length] = input.words()?;
    let mut roster = Vec::new();
    for _ in 0..length.min(COUNT_MAX) {
        let [entry] = input.words()?;
        roster.push(entry);
    }
    let free = u32::try_from(free).unwrap_or(u32::MAX);
    if !Roster::is_sound(&roster, free) {
        return Err(bad("a roster that is none"));
    }
    let entry = rebuilt.make_day(id, frame).ok_or_else(|| bad("a day without a plan"))?;
    rebuilt.seen = rebuilt.seen.max(Seq(seq));
    let mut state = entry.day.state().lock();
    entry.day.load(&mut state, Seq(seq), closed != 0, &counts, roster, free);
    Ok(())
}

fn read_shard(input: &mut Input<'_>, rebuilt: &Rebuilt, number: usize) -> io::Result<Seq> {
    let [seq, head, tail] = input.words()?;
    let count = input.count()?;
    let mut lines = Vec::new();
    for _ in 0..count {
        let entry = Entry::from_words(&input.words()?);
        let cold =
            if entry.has_cold() { Cold::from_words(&input.words()?) } else { Cold::default() };
        lines.push((entry, cold));
    }
    let narrow = |word| u32::try_from(word).unwrap_or(u32::MAX);
    let at_home = |(entry, _): &(Entry, Cold)| {
        entry.stage().state().is_none() || rebuilt.ledger.locate(entry.party).1 == number
    };
    let ended = (narrow(head), narrow(tail));
    let shard = rebuilt.ledger.lock(number).filter(|_| lines.iter().all(at_home));
    match shard.map(|mut shard| shard.load(&lines, ended, Seq(seq))) {
        Some(true) => Ok(Seq(seq)),
        _ => Err(bad("a shard that is none")),
    }
}

impl Rebuilt {
    /// Puts a new day in the map.
    pub(super) fn make_day(&mut self, id: DayId, frame: DayFrame) -> Option<DayEntry> {
        let numbers = self.document.as_ref().map(|document| &document.numbers);
        if !frame.is_real(id) || !numbers.is_some_and(|numbers| numbers.has(id.calendar())) {
            return None;
        }
        let plan = self.admin.plans.get(frame.plan)?;
        let bits = self.days.bits(id.calendar());
        let day = Arc::new(Day::new(id, frame, plan.clone(), bits.clone()));
        let entry = DayEntry { day, frame, plan };
        self.days.put(entry.clone(), &bits);
        Some(entry)
    }
}

fn bad(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// What went wrong with a snapshot, as an error of the storage.
pub(super) fn damaged(what: &'static str, position: u64) -> Error {
    let path = "snapshot".into();
    StorageError::Damaged { path, offset: 0, position, what }.into()
}

/// Little-endian words on their way out.
#[derive(Default)]
struct Words(Vec<u8>);

impl Words {
    fn put(&mut self, words: &[u64]) {
        for word in words {
            self.0.extend(word.to_le_bytes());
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
    }

    fn flush(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.0)?;
        self.0.clear();
        Ok(())
    }
}

struct Input<'a>(&'a mut dyn Read);

impl Input<'_> {
    fn words<const N: usize>(&mut self) -> io::Result<[u64; N]> {
        let mut words = [[0; 8]; N];
        self.0.read_exact(words.as_flattened_mut())?;
        Ok(words.map(u64::from_le_bytes))
    }

    fn count(&mut self) -> io::Result<u64> {
        let [count] = self.words()?;
        if count > COUNT_MAX { Err(bad("an absurd count")) } else { Ok(count) }
    }

    fn bytes(&mut self, length: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self.0.take(length).read_to_end(&mut bytes)?;
        if read as u64 == length { Ok(bytes) } else { Err(bad("cut short")) }
    }
}
