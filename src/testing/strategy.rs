//! What may callers do? Strategies for catalogs, commands and whole cases.
//!
//! Everything is made from bytes: any bytes give a valid case, which serves a fuzzer too, and
//! bytes shrink well: fewer commands first, then smaller numbers, down to the first party, the
//! first slot, the newest claim.

mod bytes;
mod town;

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use proptest::prelude::{Strategy, any};

use super::model::Settings;
use crate::{Builder, Catalog, Channel, Engine, ManualClock};

pub use bytes::{COMMAND_BYTES, commands_from_bytes};
pub use town::{CATALOG_BYTES, catalog_from_bytes};

/// Bytes before the commands of a case: where it starts, settings, three catalogs.
pub const HEAD_BYTES: usize = 4 + 3 * CATALOG_BYTES;

/// One step of a case. Parties, slots and claims are small numbers, so that they often collide;
/// [`Model::call_of`](super::model::Model::call_of) says what they mean at the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Holds one slot, or several under one request id.
    Hold(Vec<Pick>),
    /// Books one slot, or several under one request id.
    Book(Vec<Pick>),
    /// The request that made a claim, once more.
    Retry(ClaimAt),
    /// Confirms.
    Confirm(ClaimAt),
    /// Extends.
    Extend(ClaimAt, Duration),
    /// Releases.
    Release(ClaimAt),
    /// Cancels for the party.
    Cancel(ClaimAt),
    /// Cancels by staff.
    CancelByStaff(ClaimAt),
    /// The party has come.
    CheckIn(ClaimAt),
    /// The party was served.
    Serve(ClaimAt),
    /// The party did not come.
    NoShow(ClaimAt),
    /// Passes the claim to an actor.
    Assign(ClaimAt, u8),
    /// Moves a hold.
    Swap(ClaimAt, SlotAt, u8),
    /// Moves a booking.
    Reschedule(ClaimAt, SlotAt, u8),
    /// Moves a booking if it is at a version.
    RescheduleAt(ClaimAt, u8, SlotAt, u8),
    /// Moves a booking by staff.
    RescheduleByStaff(ClaimAt, SlotAt, u8),
    /// Moves a booking into a hold.
    RescheduleToHold(ClaimAt, ClaimAt, u8),
    /// Closes a day.
    CloseDay(DayAt),
    /// Opens it again.
    ReopenDay(DayAt),
    /// Gives so many slots from one on another capacity.
    SetCapacity(SlotAt, u8, u16),
    /// Installs one of the case's catalogs.
    Install(u8),
    /// Moves the clock, forwards or backwards; then, unless `tick` is false, does what is due.
    Clock {
        /// By how much.
        seconds: i64,
        /// Whether what is due is done at once.
        tick: bool,
    },
    /// Closes and opens the engine: in order, or as after a crash.
    Reopen {
        /// The power went.
        crash: bool,
    },
    /// Takes a snapshot.
    Snapshot,
}

/// A claim: 0 is the newest that suits the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimAt(pub u8);

/// A day of a calendar: 0 is yesterday, 1 today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayAt {
    /// The number of the calendar.
    pub calendar: u8,
    /// Days from yesterday.
    pub day: u8,
}

/// A slot of a day: the open slot of that number; from 128 on, an index less 128, open or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotAt {
    /// The day.
    pub on: DayAt,
    /// The slot.
    pub slot: u8,
}

/// Who wants what, where.
#[derive(Clone, PartialEq, Eq)]
pub struct Pick {
    /// Who for.
    pub party: u8,
    /// The request id.
    pub request: u8,
    /// The numbers of the services.
    pub services: Vec<u8>,
    /// Where.
    pub at: SlotAt,
    /// For how many.
    pub persons: u8,
    /// One after the other.
    pub in_turn: bool,
    /// Whose share.
    pub channel: Channel,
    /// How long.
    pub ttl: Option<Duration>,
    /// Who acts.
    pub actor: u8,
    /// Which claim it is to replace.
    pub replaces: Option<ClaimAt>,
    /// Whether staff overrides the limits.
    pub overriding: bool,
}

impl fmt::Debug for Pick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { party, request, services, at, persons, .. } = self;
        let DayAt { calendar, day } = at.on;
        write!(f, "party {party} request {request} services {services:?}")?;
        write!(f, " calendar {calendar} day {day} slot {}", at.slot)?;
        if *persons != 1 {
            write!(f, " persons {persons}{}", if self.in_turn { " in turn" } else { "" })?;
        }
        if self.channel != Channel::WEB {
            write!(f, " by {}", self.channel.name())?;
        }
        if let Some(ttl) = self.ttl {
            write!(f, " ttl {ttl:?}")?;
        }
        if let Some(claim) = self.replaces {
            write!(f, " replacing {claim:?}")?;
        }
        f.write_str(if self.overriding { " overriding" } else { "" })
    }
}

/// A whole case: the rules, and what happens.
#[derive(Clone, Debug)]
pub struct Case {
    /// What the clock says at first.
    pub start: DateTime<Utc>,
    /// What the builder of the engine is told.
    pub settings: Settings,
    /// The first is installed at the start, the others by commands.
    pub catalogs: Vec<Catalog>,
    /// What happens.
    pub commands: Vec<Command>,
}

impl Case {
    /// Any bytes are a case; missing ones count as zeros.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut head = [0; HEAD_BYTES];
        for (to, from) in head.iter_mut().zip(bytes) {
            *to = *from;
        }
        let commands = commands_from_bytes(bytes.get(HEAD_BYTES..).unwrap_or(&[]));
        let [start, keep, window, ..] = head;
        let start = town::start(start);
        let rules = head.get(4..).unwrap_or(&[]);
        let catalogs =
            rules.chunks(CATALOG_BYTES).map(|bytes| catalog_from_bytes(start, bytes)).collect();
        let settings = Settings {
            keep_days: u16::from(keep % 3),
            window_ms: if window < 128 { 24 } else { 1 } * 3_600_000,
            archive: false,
        };
        Self { start, settings, catalogs, commands }
    }
}

impl Case {
    /// A builder as the case wants it: one shard, nothing left to chance. In memory as it is; for
    /// a store, set [`Settings::archive`].
    pub fn builder(&self, clock: &ManualClock) -> Builder {
        let Settings { window_ms, keep_days, archive } = self.settings;
        Engine::builder()
            .seeded(1)
            .shards(1)
            .clock(clock.clone())
            .keep_days(keep_days)
            .archive(archive)
            .idempotency_window(Duration::from_millis(window_ms))
    }
}

/// Cases of up to `commands` commands.
pub fn cases(commands: usize) -> impl Strategy<Value = Case> {
    let head = proptest::collection::vec(any::<u8>(), HEAD_BYTES);
    let steps = proptest::collection::vec(any::<[u8; COMMAND_BYTES]>(), 1..=commands.max(1));
    (head, steps).prop_map(|(mut bytes, steps)| {
        bytes.extend(steps.into_iter().flatten());
        Case::from_bytes(&bytes)
    })
}

/// Small catalogs: one or two offices, three services, up to three calendars.
pub fn catalogs(start: DateTime<Utc>) -> impl Strategy<Value = Catalog> {
    any::<[u8; CATALOG_BYTES]>().prop_map(move |bytes| catalog_from_bytes(start, &bytes))
}

/// Single commands.
pub fn commands() -> impl Strategy<Value = Command> {
    any::<[u8; COMMAND_BYTES]>().prop_map(|bytes| Command::from_bytes(&bytes))
}
