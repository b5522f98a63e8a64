//! Where do made-up logs come from? A store that keeps frames and snapshots in memory, and one
//! small history of every kind of record to begin with.

use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use cupo::log_store::{Appended, Claimed, LogStore, Position, SnapshotName};
use cupo::{
    ActorId, Ask, Builder, Catalog, Channel, ClaimId, DayId, Engine, ManualClock, PartyId,
    RequestId, SlotId, StorageError,
};

/// The eight words of a record.
pub type Line = [u64; 8];

const FRAME_HEAD: usize = 64;
/// Low bits of the last word: the number of the line.
pub const NUMBER: u64 = (1 << 20) - 1;
const START_MS: i64 = 1_796_122_800_000;
const ROOM: &str = "a lock that nobody leaves by a panic";

/// A log in memory: clones are handles to the same one.
#[derive(Clone, Debug, Default)]
pub struct Kept(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// The position of the first frame, less one.
    before: Position,
    frames: Vec<Vec<u8>>,
    snapshots: Vec<(SnapshotName, Vec<u8>)>,
}

impl Kept {
    pub fn of(frames: Vec<Vec<u8>>) -> Self {
        Self(Arc::new(Mutex::new(State { frames, ..State::default() })))
    }

    /// Nothing but a snapshot.
    pub fn snapshot(position: Position, bytes: Vec<u8>) -> Self {
        let snapshots = vec![(SnapshotName { position, hash: 0 }, bytes)];
        Self(Arc::new(Mutex::new(State { before: position, snapshots, ..State::default() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect(ROOM)
    }

    pub fn put_frames(&self, frames: Vec<Vec<u8>>) {
        self.state().frames = frames;
    }
}

impl LogStore for Kept {
    fn claim(&self) -> Result<Claimed, StorageError> {
        let state = self.state();
        let last = state.before + state.frames.len() as u64;
        Ok(Claimed { epoch: 1, last, clean: true })
    }

    fn append(&self, _epoch: u64, _position: Position, frame: &[u8]) -> Appended {
        self.state().frames.push(frame.to_vec());
        Appended::Stored
    }

    fn read(
        &self,
        from: Position,
        upto: Position,
        visit: &mut dyn FnMut(Position, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        for position in from..=upto {
            let at = usize::try_from(position - self.first()).expect("a frame in memory");
            let frame = self.state().frames.get(at).cloned();
            if frame.is_none_or(|frame| visit(position, &frame).is_break()) {
                break;
            }
        }
        Ok(())
    }

    fn first(&self) -> Position {
        self.state().before + 1
    }

    fn put_snapshot(
        &self,
        position: Position,
        fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<SnapshotName, StorageError> {
        let mut bytes = Vec::new();
        fill(&mut bytes).expect("memory");
        let name = SnapshotName { position, hash: 0 };
        self.state().snapshots.insert(0, (name, bytes));
        Ok(name)
    }

    fn snapshots(&self) -> Result<Vec<SnapshotName>, StorageError> {
        Ok(self.state().snapshots.iter().map(|(name, _)| *name).collect())
    }

    fn get_snapshot(
        &self,
        name: SnapshotName,
        read: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> Result<(), StorageError> {
        let state = self.state();
        let found = state.snapshots.iter().find(|(other, _)| *other == name);
        let bytes = found.map_or(&[][..], |(_, bytes)| bytes);
        read(&mut &bytes[..]).map_err(|error| StorageError::Damaged {
            path: "snapshot".into(),
            offset: 0,
            position: name.position,
            what: if error.to_string().is_empty() { "without a reason" } else { "as told" },
        })
    }

    fn truncate(&self, _upto: Position, _keep: usize) -> Result<(), StorageError> {
        Ok(())
    }

    fn archive(&self, _name: &str, _lines: &[u8]) -> Result<(), StorageError> {
        Ok(())
    }
}

/// An engine on a store that leaves nothing to chance, at the time of the sound history.
pub fn engine(store: impl LogStore) -> Builder {
    let clock = ManualClock::at(chrono::DateTime::from_timestamp_millis(START_MS).expect("a time"));
    let builder = Engine::builder().store(store).clock(clock).seeded(1).shards(1);
    builder.allow_clock_jump(true).snapshot_on_close(false).archive(false)
}

/// Frames of lines as they stand but for their numbers; a line ends its frame if the lowest bit
/// of its last word is set.
pub fn sealed(lines: &[Line]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let (mut first, mut previous, mut time) = (1, 0, 0);
    for run in lines.split_inclusive(|line| line[7] & 1 == 1) {
        time = run.iter().map(|line| line[7] >> 20).fold(time, u64::max);
        let magic = u64::from(u32::from_le_bytes(*b"cupF")) | 1 << 32;
        let counts = run.len() as u64 | u64::from(previous) << 32;
        let head = [magic, 1, frames.len() as u64 + 1, first, counts, time, 0, 0];
        let numbered = (first..).zip(run).map(|(number, line)| {
            let mut line = *line;
            line[7] = line[7] & !NUMBER | number & NUMBER;
            line
        });
        let words = std::iter::once(head).chain(numbered);
        let mut bytes: Vec<u8> = words.flatten().flat_map(u64::to_le_bytes).collect();
        previous = crc32c::crc32c(&bytes);
        bytes[FRAME_HEAD - 8..FRAME_HEAD].copy_from_slice(&u64::from(previous).to_le_bytes());
        first += run.len() as u64;
        frames.push(bytes);
    }
    frames
}

/// Lines from bytes, the last one padded with zeros.
pub fn lines(bytes: &[u8]) -> Vec<Line> {
    bytes.chunks(64).map(line).collect()
}

fn line(bytes: &[u8]) -> Line {
    let word = |at: usize| {
        (0..8)
            .rev()
            .fold(0, |word, n| word << 8 | u64::from(bytes.get(at * 8 + n).copied().unwrap_or(0)))
    };
    std::array::from_fn(word)
}

/// One small history with every kind of record, and a snapshot of it.
pub struct Sound {
    pub lines: Vec<Line>,
    pub position: Position,
    pub snapshot: Vec<u8>,
}

const CATALOG: &str = r#"
[[offices]]
key = "o"
zone = "Etc/UTC"
[[services]]
key = "s"
[[services]]
key = "t"
[[calendars]]
key = "c"
office = "o"
services = ["s", "t"]
unit = "60m"
capacity = 3
horizon = "2d"
hours = { mon = ["09:00-12:00"], tue = ["09:00-12:00"], wed = ["09:00-12:00"], thu = ["09:00-12:00"] }
[holds]
cool_off = "5m"
cool_off_jitter = "0s"
"#;

pub fn sound() -> &'static Sound {
    static SOUND: OnceLock<Sound> = OnceLock::new();
    SOUND.get_or_init(|| {
        let kept = Kept::default();
        let engine = engine(kept.clone()).open().expect("a sound store");
        history(&engine);
        assert!(engine.audit().is_clean(), "{:?}", engine.audit());
        engine.snapshot().expect("a sound store");
        drop(engine);
        let state = kept.state();
        let mut lines = Vec::new();
        for frame in &state.frames {
            lines.extend(frame[FRAME_HEAD..].chunks(64).map(|bytes| {
                let mut line = line(bytes);
                line[7] &= !NUMBER;
                line
            }));
        }
        if let Some(last) = lines.last_mut() {
            last[7] |= 1;
        }
        let (name, snapshot) = state.snapshots[0].clone();
        Sound { lines, position: name.position, snapshot }
    })
}

fn history(engine: &Engine) {
    let catalog = Catalog::from_toml(CATALOG).expect("a sound catalog");
    engine.install(&catalog).expect("a sound catalog");
    let (s, t) = (engine.service("s").expect("there"), engine.service("t").expect("there"));
    let calendar = engine.calendar("c").expect("there");
    let day = |date: &str| DayId::new(calendar, date.parse().expect("a date")).expect("a day");
    let (first, second) = (day("2026-12-02"), day("2026-12-03"));
    let ask = |party: u128, slot: SlotId| {
        Ask::new(PartyId(party), RequestId(party), s, slot).channel(Channel::DESK)
    };
    let hold = |party: u128, slot: SlotId| -> ClaimId {
        engine.hold(&ask(party, slot)).wait().expect("a free place").id()
    };
    let done = "a change that is allowed";
    let booked = hold(1, first.slot(9));
    engine.extend(booked, Duration::from_secs(400)).wait().expect(done);
    engine.confirm(booked).wait().expect(done);
    let rich = ask(2, first.slot(9)).also(t).actor(ActorId(9));
    let rich = engine.book(&rich).wait().expect("a free place").id();
    engine.reschedule(rich, first.slot(10), RequestId(21)).wait().expect(done);
    engine.reschedule(booked, second.slot(9), RequestId(11)).wait().expect(done);
    let target = Ask::new(PartyId(1), RequestId(13), s, second.slot(10)).replacing(booked);
    let target = engine.hold(&target).wait().expect("a free place");
    engine.reschedule_to_hold(booked, target.id(), RequestId(12)).wait().expect(done);
    engine.assign(booked, ActorId(3)).wait().expect(done);
    engine.release(hold(3, first.slot(9))).wait().expect(done);
    let cooling = engine.book(&ask(4, second.slot(11))).wait().expect("a free place").id();
    engine.cancel(cooling).wait().expect(done);
    engine.set_capacity(second, 9..10, 5).expect(done);
    let over = ask(5, second.slot(9)).overriding("a reason");
    engine.book(&over).wait().expect("an override");
    hold(6, first.slot(10));
    engine.close_day(first, "closed").expect(done);
    engine.reopen_day(first).expect(done);
    engine.check_in(rich).wait().expect(done);
    hold(7, first.slot(9));
    let both = [ask(8, first.slot(9)), ask(8, second.slot(9))];
    engine.book_all(&both).wait().expect("free places");
}
