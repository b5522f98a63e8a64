//! What should the engine answer? Its rules in the most obvious sequential Rust.
//!
//! Maps and loops, no counters, no locks, no hashing: how full a slot is, it counts from the
//! claims each time. A reader should be able to check it against the rules by eye. Where several
//! rules forbid a request, the order in which they are asked is part of the answer; it is the order
//! of the lines here.

mod call;
mod days;
mod grant;
mod hours;
mod life;
mod moves;
mod reads;
mod resolve;

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};

use super::strategy::Command;
use crate::{
    Arrangement, CalendarId, Catalog, Channel, Claim, ClaimId, ClaimState, DayId, OfficeId,
    PartyId, Place, Receipt, Rejection, RequestId, Service, ServiceId, Time,
};

pub use call::{Call, Outcome, Wish};
pub use reads::Query;

/// What the builder of the engine was told, as far as the rules depend on it. The engine must have
/// one shard: only there the order in which ended claims are forgotten is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Milliseconds for which an ended claim is remembered.
    pub window_ms: u64,
    /// Days for which a past day stays in memory.
    pub keep_days: u16,
    /// Whether there is an archive; an engine in memory has none.
    pub archive: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { window_ms: 24 * 60 * 60 * 1_000, keep_days: 7, archive: false }
    }
}

/// The whole state of an engine, as one would write it down on paper.
///
/// ```
/// use cupo::testing::model::{Call, Model, Outcome, Settings, Wish};
/// use cupo::{Catalog, Engine, ManualClock, Openings, PartyId, RequestId};
///
/// let catalog = Catalog::from_toml(r#"
///     offices = [{ key = "a", zone = "Europe/Madrid" }]
///     services = [{ key = "s" }]
///     [[calendars]]
///     key = "a"
///     office = "a"
///     services = ["s"]
///     capacity = 1
///     hours = { mon = ["09:00-10:00"] }
/// "#).unwrap();
/// let now = "2026-11-20T08:00:00Z".parse().unwrap();
/// let engine = Engine::builder().clock(ManualClock::at(now)).shards(1).open().unwrap();
/// let mut model = Model::new(Settings::default());
///
/// let install = Call::Install(catalog.into());
/// assert_eq!(install.on(&engine), model.answer(now, &install));
/// let slot = engine.openings(&Openings::new(cupo::ServiceId(0)))[0].slot;
/// let book = Call::Book(vec![Wish::new(PartyId(1), RequestId(1), cupo::ServiceId(0), slot)]);
/// let booked = book.on(&engine);
/// model.give_ids(&booked.granted()); // ids are the engine's to choose
/// assert_eq!(booked, model.answer(now, &book));
/// let late = Call::Book(vec![Wish::new(PartyId(2), RequestId(1), cupo::ServiceId(0), slot)]);
/// assert_eq!(late.on(&engine), model.answer(now, &late)); // both: the slot is full
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    settings: Settings,
    /// Never decreases.
    now: Time,
    /// The time of the last change that was written down: all that a restart knows of time.
    logged: Time,
    catalog: Option<Catalog>,
    /// Numbers are given once and never again.
    offices: BTreeMap<String, OfficeId>,
    services: BTreeMap<String, ServiceId>,
    calendars: BTreeMap<String, CalendarId>,
    days: BTreeMap<DayId, Day>,
    /// In order of their grants.
    claims: Vec<Life>,
    /// Ended ones that are remembered, in order of their ends.
    ended: Vec<ClaimId>,
    /// Every id ever given.
    given: Vec<ClaimId>,
    /// When the last of those forgotten had ended.
    forgotten: Time,
    next_ids: VecDeque<ClaimId>,
    /// What was asked for each claim, so that it can be asked again.
    requests: BTreeMap<ClaimId, (Vec<Wish>, bool)>,
}

/// One calendar on one civil date.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Day {
    begins: Time,
    released: Time,
    unit_min: u16,
    slots: u16,
    /// Of the slots in opening hours.
    limits: BTreeMap<u16, Limits>,
    give_back_min: [u16; Channel::COUNT],
    closed: bool,
}

/// What a slot can give out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limits {
    capacity: u16,
    max: [u16; Channel::COUNT],
    protected: [u16; Channel::COUNT],
}

/// A claim with what only the rules need to know.
#[derive(Clone, Debug)]
struct Life {
    /// `starts_at` and `deadline` are filled in when somebody looks.
    claim: Claim,
    /// What was asked for: a retry asks for the same.
    asked: Asked,
    /// A hold: its deadline, also after it was confirmed. A booking in one step: when. Cancelled
    /// with a cool-off: when its places come back. Ended: when that was noted.
    time: Time,
    /// Cancelled, but its places come back later.
    cooling: bool,
    /// Minutes by which the hold was extended in all, begun ones counted whole.
    extended_min: u64,
    /// It is to replace another claim.
    replaces: bool,
    /// The request of the last move.
    moved_by: Option<RequestId>,
}

/// What makes two requests the same: neither for how long, nor by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    slot: crate::SlotId,
    services: Vec<ServiceId>,
    persons: u16,
    in_turn: bool,
    channel: Channel,
    booked: bool,
    part: usize,
}

type Answer = Result<Outcome, Rejection>;

impl Life {
    fn place(&self) -> Place {
        let Claim { slot, run, persons, arrangement, channel, .. } = self.claim;
        Place { day: slot.day, start: slot.index, run, persons, arrangement, channel, roster: 0 }
    }

    /// Whether its places are taken.
    fn keeps_places(&self) -> bool {
        self.cooling || self.claim.state.is_on_roster()
    }

    fn is_held(&self) -> bool {
        self.claim.state == ClaimState::Held
    }
}

impl Day {
    fn starts_at(&self, index: u16) -> Time {
        self.begins.plus(u64::from(index) * u64::from(self.unit_min) * 60_000)
    }

    fn open(&self, index: u16) -> Option<&Limits> {
        self.limits.get(&index).filter(|limits| limits.capacity > 0)
    }
}

impl Model {
    /// Before the first install.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            now: Time(0),
            logged: Time(0),
            catalog: None,
            offices: BTreeMap::new(),
            services: BTreeMap::new(),
            calendars: BTreeMap::new(),
            days: BTreeMap::new(),
            claims: Vec::new(),
            ended: Vec::new(),
            given: Vec::new(),
            forgotten: Time(0),
            next_ids: VecDeque::new(),
            requests: BTreeMap::new(),
        }
    }

    /// The ids that the next new claims get: the engine chooses them. Without any the model makes
    /// up its own.
    pub fn give_ids(&mut self, ids: &[ClaimId]) {
        self.next_ids = ids.iter().copied().collect();
    }

    /// Every id that was ever given, in order.
    pub fn given(&self) -> &[ClaimId] {
        &self.given
    }

    /// The engine's time.
    pub fn now(&self) -> DateTime<Utc> {
        self.now.utc()
    }

    /// A command at a time of the clock: what it means here, and the answer.
    pub fn step(&mut self, clock: DateTime<Utc>, command: &Command) -> Outcome {
        self.look_at(clock);
        let call = self.call_of(command);
        self.answer(clock, &call)
    }

    /// Sees what the clock says, as the engine does at every call.
    pub fn look_at(&mut self, clock: DateTime<Utc>) {
        self.now = self.now.max(Time::from(clock));
    }

    /// The engine was closed, or crashed, and opened again. Its time is what the log and the clock
    /// say, so it may have lost what was never written down; answers `false` if it lost more.
    #[must_use]
    pub fn reopened(&mut self, clock: DateTime<Utc>, engine: DateTime<Utc>) -> bool {
        let (earliest, engine) = (self.logged.max(Time::from(clock)), Time::from(engine));
        let sound = earliest <= engine && engine <= self.now.max(earliest);
        self.now = engine;
        self.expire_due();
        self.roll();
        sound
    }

    /// Whether an ended claim was forgotten that an engine at that time would still remember:
    /// after a restart with a clock that went back it may, as forgetting is not written down.
    pub fn forgot_what_counts_at(&self, engine: DateTime<Utc>) -> bool {
        self.forgotten.0.saturating_add(self.settings.window_ms) >= Time::from(engine).0
    }

    /// A call at a time of the clock: the answer.
    pub fn answer(&mut self, clock: DateTime<Utc>, call: &Call) -> Outcome {
        self.look_at(clock);
        let answer = match call {
            Call::Hold(wishes) => self.grant(wishes, false),
            Call::Book(wishes) => self.grant(wishes, true),
            Call::Confirm(id) => self.confirm(*id),
            Call::Extend(id, ttl) => self.extend(*id, *ttl),
            Call::Release(id) => self.release(*id),
            Call::Cancel(id) => self.cancel(*id),
            Call::CancelByStaff(id, _) => self.cancel_by_staff(*id),
            Call::CheckIn(id) => self.mark(*id, ClaimState::Booked, ClaimState::CheckedIn),
            Call::Serve(id) => self.mark(*id, ClaimState::CheckedIn, ClaimState::Served),
            Call::NoShow(id) => self.mark(*id, ClaimState::Booked, ClaimState::NoShow),
            Call::Assign(id, actor) => self.assign(*id, *actor),
            Call::Swap(..)
            | Call::Reschedule(..)
            | Call::RescheduleAt(..)
            | Call::RescheduleByStaff(..)
            | Call::RescheduleToHold(..) => self.relocate(call),
            Call::CloseDay(day) => self.close_day(*day),
            Call::ReopenDay(day) => self.reopen_day(*day),
            Call::SetCapacity(day, slots, capacity) => self.set_capacity(*day, slots, *capacity),
            Call::Install(catalog) => Ok(self.install(catalog)),
            Call::Tick => {
                self.tick();
                Ok(Outcome::Done)
            }
            Call::Snapshot | Call::Nothing => Ok(Outcome::Done),
        };
        answer.unwrap_or_else(Outcome::Refused)
    }

    fn life(&self, id: ClaimId) -> Result<&Life, Rejection> {
        let found = self.claims.iter().find(|life| life.claim.id == id);
        found.ok_or(Rejection::UnknownClaim { claim: id })
    }

    /// Changes a claim and says how it stands now.
    fn change(&mut self, id: ClaimId, change: impl FnOnce(&mut Life)) -> Answer {
        self.logged = self.now;
        if let Some(life) = self.claims.iter_mut().find(|life| life.claim.id == id) {
            change(life);
        }
        self.receipt(id, false)
    }

    fn receipt(&self, id: ClaimId, replayed: bool) -> Answer {
        let claim = self.view(self.life(id)?);
        Ok(Outcome::Receipts(vec![Receipt { claim, replayed }]))
    }

    /// Ends a claim.
    fn end(&mut self, id: ClaimId, how: ClaimState) -> Answer {
        self.ended.push(id);
        let now = self.now;
        self.change(id, |life| {
            life.claim.state = how;
            life.cooling = false;
            life.time = now;
        })
    }

    /// The party's claims, newest first.
    fn of_party(&self, party: PartyId) -> impl Iterator<Item = &Life> {
        self.claims.iter().rev().filter(move |life| life.claim.party == party)
    }

    fn service(&self, id: ServiceId) -> Option<&Service> {
        let (key, _) = self.services.iter().find(|(_, number)| **number == id)?;
        self.catalog.as_ref()?.services.iter().find(|service| service.key == *key)
    }

    /// A calendar of the catalog in force.
    fn calendar(&self, id: CalendarId) -> Option<&crate::Calendar> {
        let (key, _) = self.calendars.iter().find(|(_, number)| **number == id)?;
        self.catalog.as_ref()?.calendars.iter().find(|calendar| calendar.key == *key)
    }

    fn zone(&self, calendar: &crate::Calendar) -> Option<&str> {
        let offices = &self.catalog.as_ref()?.offices;
        let office = offices.iter().find(|office| office.key == calendar.office)?;
        Some(&office.zone)
    }

    /// Whether a calendar serves a service.
    fn serves(&self, calendar: &crate::Calendar, service: ServiceId) -> bool {
        let found = self.service(service);
        found.is_some_and(|service| calendar.services.contains(&service.key))
    }
}

fn arrangement(in_turn: bool) -> Arrangement {
    if in_turn { Arrangement::InTurn } else { Arrangement::Together }
}
