//! What does a whole engine do, given one number? A deterministic simulation for tests.
//!
//! Clients, clock, staff and storage all follow from a seed, so any run can be had again, to the
//! byte, and be stopped at any call to the disk.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;
use std::time::Duration;

use cupo::{
    Ask, Builder, Catalog, Channel, Claim, ClaimId, ClaimState, Commit, Crash, DayId,
    DirectoryOptions, DirectoryStore, Effect, Engine, Error, Event, ManualClock, PartyId, Receipt,
    RequestId, Seq, SimFileSystem, SlotId,
};

pub const DIR: &str = "data";
const BEGINS: &str = "2026-12-01T06:00:00Z";
const IN_FLIGHT_MAX: usize = 6;
const PARTIES: u128 = 9;
/// A few days of a few slots: everybody meets everybody.
const CATALOG: &str = r#"
[[offices]]
key = "madrid"
zone = "Europe/Madrid"
[[services]]
key = "passport"
active_max = 3
[[services]]
key = "visa"
units = 2
[[calendars]]
key = "narrow"
office = "madrid"
services = ["passport", "visa"]
unit = "30m"
capacity = 1
horizon = "2d"
hours = { tue = ["09:00-12:00"], wed = ["09:00-12:00"], thu = ["09:00-12:00"], fri = ["09:00-12:00"] }
[[calendars]]
key = "wide"
office = "madrid"
services = ["passport", "visa"]
unit = "30m"
capacity = 3
horizon = "2d"
hours = { tue = ["09:00-11:00"], wed = ["09:00-11:00"], thu = ["09:00-11:00"], fri = ["09:00-11:00"] }
[calendars.channels.web]
max = 2
[holds]
ttl = "5m"
per_party = 3
cool_off = "2m"
cool_off_jitter = "1m"
"#;

/// A sequence of numbers that follows from its seed: splitmix64 (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let a = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let b = (a ^ (a >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        b ^ (b >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Run {
    /// The highest record that any acknowledged answer rests on.
    pub acknowledged: Seq,
    /// What stopped it before its last step, if anything did.
    pub failed: Option<Error>,
    pub clock: ManualClock,
    /// Every effect that was durable in the end.
    pub events: Vec<Event>,
    pub hash: u64,
    /// Whether time passes so fast that past days leave memory.
    pub days_pass: bool,
    /// How often the disk had no room; the clients went on when it had.
    pub full: u64,
    /// What a power cut just before the close would have left: a log without a last snapshot.
    pub unclosed: Option<SimFileSystem>,
}

/// An engine on a simulated disk, from a seed.
pub fn builder(fs: &SimFileSystem, seed: u64) -> Result<Builder, Error> {
    let options = DirectoryOptions {
        segment_bytes: 64 << 10,
        background: false,
        seed: Some(seed),
        ..DirectoryOptions::default()
    };
    let store = DirectoryStore::open(fs.clone(), DIR, options)?;
    let builder = Engine::builder().store(store).seeded(seed).shards(2);
    Ok(builder.keep_days(1).snapshot_every(24 << 10).idempotency_window(Duration::from_hours(1)))
}

pub fn open(fs: &SimFileSystem, seed: u64, clock: &ManualClock) -> Result<Engine, Error> {
    builder(fs, seed)?.clock(clock.clone()).allow_clock_jump(true).open()
}

/// Runs `steps` steps of the history that `seed` names, or as many as the disk lets it.
pub fn run(fs: &SimFileSystem, seed: u64, steps: usize) -> Run {
    begin(fs, seed, steps, false)
}

/// The same, but days pass, and leave memory.
pub fn run_days(fs: &SimFileSystem, seed: u64, steps: usize) -> Run {
    begin(fs, seed, steps, true)
}

fn begin(fs: &SimFileSystem, seed: u64, steps: usize, days_pass: bool) -> Run {
    let clock = ManualClock::at(BEGINS.parse().unwrap());
    let mut run = Run { clock, days_pass, ..Run::default() };
    run.failed = live(fs, seed, steps, &mut run).err();
    run
}

fn live(fs: &SimFileSystem, seed: u64, steps: usize, run: &mut Run) -> Result<(), Error> {
    let engine = open(fs, seed, &run.clock)?;
    let lived = go_on(&engine, seed, steps, run);
    run.events = events(&engine, Seq(1));
    run.unclosed = Some(fs.crash(Crash::LoseUnsynced));
    lived?;
    run.hash = engine.state_hash();
    engine.close()
}

/// Some more steps on an engine that may have a history already.
pub fn go_on(engine: &Engine, seed: u64, steps: usize, run: &mut Run) -> Result<(), Error> {
    if engine.catalog().is_none() {
        engine.install(&Catalog::from_toml(CATALOG).unwrap())?;
    }
    run.acknowledged = engine.durable();
    let mut dice = Dice(seed);
    let mut town = Town { engine, claims: Vec::new(), flying: Vec::new(), asks: Vec::new() };
    for party in 0..PARTIES {
        let known = engine.claims_of(PartyId(party)).wait()?;
        town.claims.extend(known.iter().map(|claim| claim.id));
    }
    for step in 0..steps {
        match town.step(&mut dice, u128::from(seed) << 64 | step as u128, run) {
            Err(Error::StorageFull) => run.full += 1,
            done => done?,
        }
    }
    while town.settle_one(0, run)? {}
    Ok(())
}

/// Every effect from a number on, or from the first that is still there.
pub fn events(engine: &Engine, from: Seq) -> Vec<Event> {
    let mut feed = engine.feed(from);
    let mut events = Vec::new();
    loop {
        match feed.next_batch(Duration::ZERO) {
            Ok(batch) if batch.is_empty() => return events,
            Ok(batch) => events.extend(batch),
            Err(Error::FeedTooOld { first, .. }) => feed = engine.feed(first),
            // A failed engine shows what was durable before.
            Err(_) => return events,
        }
    }
}

struct Town<'e> {
    engine: &'e Engine,
    claims: Vec<ClaimId>,
    flying: Vec<Commit<'e, Receipt>>,
    asks: Vec<Ask>,
}

impl<'e> Town<'e> {
    fn slot(&self, dice: &mut Dice) -> SlotId {
        let days: Vec<DayId> = self.engine.days();
        // Over a weekend there may be none.
        let none = || {
            let calendar = self.engine.calendar("narrow").unwrap();
            DayId::new(calendar, "2026-12-01".parse().unwrap()).unwrap()
        };
        let day = days.get(dice.below(days.len().max(1))).copied().unwrap_or_else(none);
        day.slot(18 + dice.below(5) as u16)
    }

    fn claim(&self, dice: &mut Dice) -> ClaimId {
        // Mostly recent ones: the others have ended long ago.
        let near = self.claims.len().min(12);
        let back =
            if dice.below(8) == 0 { dice.below(self.claims.len()) } else { dice.below(near) };
        self.claims[self.claims.len() - 1 - back]
    }

    fn ask(&mut self, dice: &mut Dice, request: u128) -> Ask {
        let service = self.engine.service(["passport", "visa"][dice.below(2)]).unwrap();
        let party = PartyId(u128::from(dice.next()) % PARTIES);
        let slot = self.slot(dice);
        let channel = [Channel::WEB, Channel::DESK][dice.below(2)];
        let ask = Ask::new(party, RequestId(request), service, slot).channel(channel);
        self.asks.push(ask.clone());
        ask
    }

    fn step(&mut self, dice: &mut Dice, request: u128, run: &mut Run) -> Result<(), Error> {
        let engine = self.engine;
        let draw = dice.below(100);
        if self.claims.is_empty() || draw < 34 {
            let ask = self.ask(dice, request);
            return self.send(if draw.is_multiple_of(4) {
                engine.book(&ask)
            } else {
                engine.hold(&ask)
            });
        }
        let claim = self.claim(dice);
        match draw {
            34..46 => self.send(engine.confirm(claim)),
            46..50 => self.send(engine.release(claim)),
            50..57 => self.send(engine.cancel(claim)),
            57..61 => {
                let to = self.slot(dice);
                self.send(engine.swap(claim, to, RequestId(request)))
            }
            61..69 => {
                let to = self.slot(dice);
                self.send(engine.reschedule(claim, to, RequestId(request)))
            }
            69..72 => self.send(engine.extend(claim, Duration::from_secs(200))),
            72..76 => {
                let which = dice.below(self.asks.len().max(1));
                match self.asks.get(which).cloned() {
                    Some(again) => self.send(engine.hold(&again)),
                    None => Ok(()),
                }
            }
            76..78 => self.send(engine.check_in(claim)),
            78..88 => {
                let which = dice.below(self.flying.len().max(1));
                self.settle_one(which, run).map(drop)
            }
            _ => self.staff(dice, run),
        }?;
        while self.flying.len() > IN_FLIGHT_MAX {
            self.settle_one(0, run)?;
        }
        Ok(())
    }

    /// What happens around the clients: time, staff, snapshots.
    fn staff(&mut self, dice: &mut Dice, run: &mut Run) -> Result<(), Error> {
        let engine = self.engine;
        let day = self.slot(dice).day;
        match dice.below(24) {
            0 => drop(engine.close_day(day, "a drill")?),
            1 | 2 => drop(engine.reopen_day(day)?),
            3 => drop(engine.set_capacity(day, 18..21, dice.below(3) as u16)?),
            4 => {
                let text =
                    CATALOG.replace("capacity = 3", &format!("capacity = {}", 2 + dice.below(3)));
                engine.install(&Catalog::from_toml(&text).unwrap())?;
            }
            5 | 6 => engine.snapshot()?,
            7 => {
                run.clock.advance(Duration::from_hours(20));
                engine.tick();
            }
            8 if run.days_pass => {
                run.clock.advance(Duration::from_hours(30));
                engine.tick();
            }
            n => {
                run.clock.advance(Duration::from_secs(n as u64 * 8));
                engine.tick();
            }
        }
        // Staff work returns once it is durable; what the ticker does is nobody's answer.
        Ok(())
    }

    fn send(&mut self, commit: Commit<'e, Receipt>) -> Result<(), Error> {
        match commit.dirty() {
            Ok(receipt) if !self.claims.contains(&receipt.id()) => self.claims.push(receipt.id()),
            Ok(_) | Err(Error::Rejected(_)) => {}
            Err(error) => return Err(error.clone()),
        }
        self.flying.push(commit);
        Ok(())
    }

    /// Waits for one answer; false when none is in flight.
    fn settle_one(&mut self, which: usize, run: &mut Run) -> Result<bool, Error> {
        if which >= self.flying.len() {
            return Ok(false);
        }
        let commit = self.flying.remove(which);
        let seq = commit.seq();
        match commit.wait() {
            Ok(_) | Err(Error::Rejected(_)) => {}
            Err(error) => return Err(error),
        }
        assert!(self.engine.durable() >= seq, "acknowledged before it was durable");
        run.acknowledged = run.acknowledged.max(seq);
        Ok(true)
    }
}

/// What the effects say of each claim, by the plainest reading: the oracle of recovery.
#[derive(Clone, Debug, Default)]
pub struct Ledger(BTreeMap<ClaimId, Known>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    state: ClaimState,
    slot: SlotId,
    version: u16,
    gone: bool,
}

impl Ledger {
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut ledger = Self::default();
        events.into_iter().for_each(|event| ledger.add(&event.effect));
        ledger
    }

    fn add(&mut self, effect: &Effect) {
        let mut set = |claim: &ClaimId, state| self.0.get_mut(claim).unwrap().state = state;
        match effect {
            Effect::Granted { claim, place, booked, .. } => {
                let state = if *booked { ClaimState::Booked } else { ClaimState::Held };
                let known = Known { state, slot: place.slot(), version: 0, gone: false };
                self.0.insert(*claim, known);
            }
            Effect::Confirmed { claim, .. } => set(claim, ClaimState::Booked),
            Effect::Ended { claim, how, .. } => set(claim, *how),
            Effect::Marked { claim, state, .. } => set(claim, *state),
            Effect::Taken { claim, place, version, adopted, held, .. } => {
                if let Some(hold) = adopted {
                    set(hold, ClaimState::Released);
                }
                set(claim, if *held { ClaimState::Held } else { ClaimState::Booked });
                let known = self.0.get_mut(claim).unwrap();
                (known.slot, known.version) = (place.slot(), *version);
            }
            Effect::Archived { claim, .. } => self.0.get_mut(claim).unwrap().gone = true,
            _ => {}
        }
    }

    /// Every claim is as the effects say; ended ones may have been forgotten.
    pub fn agrees_with(&self, engine: &Engine, what: &str) {
        for (id, known) in &self.0 {
            let found = engine.claim(*id).wait();
            let ended = known.gone || !known.state.is_on_roster();
            match found {
                Ok(Claim { state, slot, version, .. }) => {
                    let seen = Known { state, slot, version, gone: false };
                    assert_eq!(seen, *known, "{what}: {id}");
                }
                Err(Error::Rejected(_)) if ended => {}
                Err(error) => panic!("{what}: {id} was {known:?}: {error}"),
            }
        }
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}
