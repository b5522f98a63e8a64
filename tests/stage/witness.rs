//! A process that books until it dies, and the witness file that remembers what it was promised.
//!
//! Each thread has claims of its own and one call at a time for each of them. Before a call about
//! a claim it writes what it is about to try (`T`), after the durable answer what was promised
//! (`A`), each with one `write`, which survives the death of the process. So for every claim the
//! state after a death is known exactly: what was promised last, or the one thing tried since.
#![allow(dead_code, reason = "each test file uses its part of the witness")]

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cupo::{
    Ask, Builder, Catalog, Channel, Claim, ClaimId, ClaimState, Engine, Error, ManualClock,
    Openings, PartyId, RequestId, SlotId, SystemClock,
};

use super::crowd::Dice;
use super::town::{CATALOG, MORNING, date, instant};

const THREADS: usize = 4;
/// Claims a thread keeps alive.
const ALIVE: usize = 40;

/// What is known of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    pub state: String,
    pub slot: SlotId,
    pub version: u16,
}

#[derive(Clone, Debug)]
pub struct Fact {
    pub promised: Look,
    pub tried: Option<Look>,
    pub life: u64,
}

/// All that a witness file says.
#[derive(Default)]
pub struct Witness {
    pub facts: BTreeMap<u64, (ClaimId, Fact)>,
    pub promises: u64,
    /// Lives that came as far as serving.
    pub served: u64,
    /// Errors that ended a life.
    pub failures: Vec<String>,
}

impl Look {
    pub fn of(claim: &Claim) -> Self {
        let state = claim.state.name().to_owned();
        Self { state, slot: claim.slot, version: claim.version }
    }
}

impl Witness {
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut witness = Self::default();
        for line in whole.lines() {
            witness.line(line);
        }
        witness
    }

    fn line(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[0] {
            "L" => self.served += 1,
            "F" => self.failures.push(line[2..].to_owned()),
            kind => {
                let id: ClaimId = words[1].parse().unwrap();
                let (slot, version) = (words[3].parse().unwrap(), words[4].parse().unwrap());
                let look = Look { state: words[2].to_owned(), slot, version };
                if kind == "T" {
                    self.facts.get_mut(&id.to_u64()).unwrap().1.tried = Some(look);
                } else {
                    self.promises += 1;
                    let life = words[5].parse().unwrap();
                    let fact = Fact { promised: look, tried: None, life };
                    self.facts.insert(id.to_u64(), (id, fact));
                }
            }
        }
    }

    /// Everything promised is there, nothing is there that was neither promised nor tried, no slot
    /// has more claims than places, and a request sent again finds its claim.
    pub fn check(&self, engine: &Engine, life: u64) {
        let mut crowd: HashMap<SlotId, u16> = HashMap::new();
        for (id, fact) in self.facts.values() {
            let claim = engine.claim(*id).wait();
            let claim = claim.unwrap_or_else(|error| panic!("{id}: {fact:?}, but {error}"));
            let look = Look::of(&claim);
            let expired = claim.state == ClaimState::Expired
                && fact.promised.state == "held"
                && fact.life < life
                && look.slot == fact.promised.slot;
            let known = look == fact.promised || fact.tried.as_ref() == Some(&look) || expired;
            assert!(known, "life {life}: {id} was {fact:?} and is {look:?}");
            if claim.state.is_on_roster() {
                *crowd.entry(claim.slot).or_default() += 1;
            }
        }
        for (slot, claims) in crowd {
            let day = engine.day(slot.day).unwrap();
            let view = day.slots.iter().find(|view| view.slot == slot).unwrap();
            assert!(claims <= view.capacity, "{slot}: {claims} claims, {} places", view.capacity);
        }
        let audit = engine.audit();
        assert!(audit.is_clean() && audit.deficit == 0, "life {life}: {audit:?}");
    }
}

/// The engine of one life: small files, snapshots often, an hour later than in the life before.
pub fn builder(directory: &Path, life: u64) -> Builder {
    let clock = ManualClock::at(instant(MORNING));
    clock.advance(Duration::from_secs(life * 3_600));
    Engine::builder()
        .directory(directory)
        .segment_bytes(128 << 10)
        .snapshot_every(256 << 10)
        .keep_days(0)
        .idempotency_window(Duration::from_hours(30 * 24))
        .shards(16)
        .clock(clock)
}

/// How a child is told what to do: the test `child` of this very program.
pub fn child(room: &Path, life: u64, millis: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    tell(&mut command, room, life, millis);
    command
}

/// Adds to `command`, which is to run this program, what makes it a child.
pub fn tell(command: &mut Command, room: &Path, life: u64, millis: u64) {
    command
        .args(["child", "--exact", "--nocapture"])
        .env("CUPO_CHILD", room)
        .env("CUPO_CHILD_LIFE", life.to_string())
        .env("CUPO_CHILD_MILLIS", millis.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null());
}

pub fn paths(room: &Path) -> (PathBuf, PathBuf) {
    (room.join("data"), room.join("acks"))
}

/// What `#[test] fn child()` calls: nothing, unless this process is one.
pub fn live() {
    let Some(room) = std::env::var_os("CUPO_CHILD") else { return };
    let number = |name| std::env::var(name).unwrap().parse::<u64>().unwrap();
    let (life, millis) = (number("CUPO_CHILD_LIFE"), number("CUPO_CHILD_MILLIS"));
    let (data, acks) = paths(Path::new(&room));
    let notes = OpenOptions::new().append(true).create(true).open(&acks).unwrap();
    let witness = Witness::read(&acks);
    let opened = builder(&data, life).open().and_then(|engine| {
        if engine.catalog().is_none() {
            let text = CATALOG.replacen("capacity = 2", "capacity = 12", 1);
            engine.install(&Catalog::from_toml(&text).unwrap())?;
        }
        Ok(engine)
    });
    let engine = match opened {
        Ok(engine) => engine,
        Err(error) => return write(&notes, &format!("F {error}\n")),
    };
    witness.check(&engine, life);
    write(&notes, "L\n");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let mine = witness.facts.values().filter(|(id, fact)| {
                let idle = fact.tried.is_none() && fact.promised.state == "booked";
                idle && id.to_u64() % THREADS as u64 == thread as u64
            });
            let claims = mine.map(|(id, fact)| (*id, fact.promised.clone())).collect();
            let dice = Dice(life << 8 | thread as u64);
            let mut booker = Booker { engine: &engine, notes: &notes, life, dice, claims };
            let stop = &stop;
            scope.spawn(move || while !stop.load(Ordering::Relaxed) && booker.round() {});
        }
        let clock = SystemClock::new();
        while clock.elapsed() < Duration::from_millis(millis) {
            engine.tick();
            std::thread::sleep(Duration::from_millis(3));
        }
        stop.store(true, Ordering::Relaxed);
    });
    if let Err(error) = engine.close() {
        write(&notes, &format!("F close: {error}\n"));
    }
}

fn write(notes: &File, text: &str) {
    let mut notes = notes;
    assert_eq!(notes.write(text.as_bytes()).unwrap(), text.len());
}

/// One thread of a child, and the claims it answers for.
struct Booker<'a> {
    engine: &'a Engine,
    notes: &'a File,
    life: u64,
    dice: Dice,
    claims: Vec<(ClaimId, Look)>,
}

enum Call {
    Confirm,
    Release,
    Cancel,
    Move(SlotId),
}

impl Booker<'_> {
    /// Some calls at once; false when the engine has failed, and says so from then on.
    fn round(&mut self) -> bool {
        let slots = self.slots();
        assert!(!slots.is_empty());
        let calls = self.plan(&slots);
        let mut tries = String::new();
        for (n, call) in &calls {
            let (id, look) = &self.claims[*n];
            let to = match call {
                Call::Confirm => Look { state: "booked".into(), ..look.clone() },
                Call::Release => Look { state: "released".into(), ..look.clone() },
                Call::Cancel => Look { state: "cancelled".into(), ..look.clone() },
                Call::Move(slot) => Look { slot: *slot, version: look.version + 1, ..look.clone() },
            };
            writeln!(tries, "T {id} {} {} {}", to.state, to.slot, to.version).unwrap();
        }
        if !tries.is_empty() {
            write(self.notes, &tries);
        }
        let engine = self.engine;
        let mut waiting = Vec::new();
        for (n, call) in &calls {
            let id = self.claims[*n].0;
            let request = RequestId(u128::from(self.dice.roll()));
            waiting.push((
                Some(*n),
                match call {
                    Call::Confirm => engine.confirm(id),
                    Call::Release => engine.release(id),
                    Call::Cancel => engine.cancel(id),
                    Call::Move(slot) => engine.reschedule(id, *slot, request),
                },
            ));
        }
        for _ in 0..3 {
            let slot = slots[self.dice.below(slots.len())];
            let ask = self.ask(slot);
            let booked = self.dice.below(3) == 0;
            waiting.push((None, if booked { engine.book(&ask) } else { engine.hold(&ask) }));
        }
        for (n, commit) in waiting {
            match commit.wait() {
                Ok(receipt) => self.promised(n, &receipt.claim),
                Err(Error::Rejected(_) | Error::StorageFull | Error::Busy) => self.refused(n),
                Err(error) => return self.fail(&error),
            }
        }
        self.claims.retain(|(_, look)| look.state == "held" || look.state == "booked");
        true
    }

    fn slots(&self) -> Vec<SlotId> {
        let service = self.engine.service("paper").unwrap();
        // Not today: what is past is archived, and nobody answers for it.
        let tomorrow = date("2026-12-03");
        let query = Openings::new(service).channel(Channel::DESK).from(tomorrow).limit(60);
        self.engine.openings(&query).into_iter().map(|opening| opening.slot).collect()
    }

    fn plan(&mut self, slots: &[SlotId]) -> Vec<(usize, Call)> {
        let (mut calls, full) = (Vec::new(), self.claims.len() > ALIVE);
        for n in 0..self.claims.len() {
            let held = self.claims[n].1.state == "held";
            let call = match self.dice.below(12) {
                0..=4 if held => Call::Confirm,
                5..=6 if held => Call::Release,
                0 if !held => Call::Cancel,
                1..=4 if !held && full => Call::Cancel,
                6 if !held => Call::Move(slots[self.dice.below(slots.len())]),
                _ => continue,
            };
            calls.push((n, call));
        }
        calls
    }

    fn ask(&mut self, slot: SlotId) -> Ask {
        let party = PartyId(u128::from(self.dice.roll() % 4_000) + 1);
        let request = RequestId(u128::from(self.dice.roll()));
        let service = self.engine.service("paper").unwrap();
        Ask::new(party, request, service, slot).channel(Channel::DESK)
    }

    fn promised(&mut self, n: Option<usize>, claim: &Claim) {
        let look = Look::of(claim);
        self.note(claim.id, &look);
        match n {
            Some(n) => self.claims[n].1 = look,
            None => self.claims.push((claim.id, look)),
        }
    }

    fn note(&self, id: ClaimId, look: &Look) {
        let Look { state, slot, version } = look;
        write(self.notes, &format!("A {id} {state} {slot} {version} {}\n", self.life));
    }

    /// A durable refusal: what was promised before stands.
    fn refused(&self, n: Option<usize>) {
        if let Some(n) = n {
            let (id, look) = &self.claims[n];
            self.note(*id, look);
        }
    }

    /// After a failure nothing more is promised, however often one asks.
    fn fail(&mut self, error: &Error) -> bool {
        write(self.notes, &format!("F {error}\n"));
        for _ in 0..10 {
            let slot = self.claims.first().map(|(_, look)| look.slot);
            let Some(slot) = slot else { continue };
            let answer = self.engine.book(&self.ask(slot)).wait();
            let failed = matches!(answer, Err(Error::Indeterminate(_) | Error::Storage(_)));
            assert!(failed, "after {error}: {answer:?}");
        }
        false
    }
}
