//! What became of a hold or a booking? The plain values callers and rooms exchange about one claim.
//!
//! Never knows where claims are kept.

use chrono::{DateTime, Utc};

use crate::id::DayId;
use crate::id::{ActorId, Channel, ClaimId, PartyId, RequestId, ServiceId, SlotId};
use crate::limits::SERVICES_PER_VISIT_MAX;

/// Where a claim stands in its life.
///
/// `Held -> Booked | Released | Expired | Revoked`; `Booked -> CheckedIn -> Served`;
/// `Booked -> Cancelled | NoShow | Displaced`; `Displaced -> Booked | Cancelled`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClaimState {
    /// Kept until a deadline.
    Held,
    /// Confirmed.
    Booked,
    /// The party has arrived.
    CheckedIn,
    /// Done.
    Served,
    /// The party did not come.
    NoShow,
    /// Given back after it was booked.
    Cancelled,
    /// Its day was closed; keeps its place until moved, restored or cancelled.
    Displaced,
    /// A hold given back.
    Released,
    /// A hold whose deadline passed.
    Expired,
    /// A hold taken back because its day was closed.
    Revoked,
}

impl ClaimState {
    /// Whether the claim still counts against its party's limits.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Held | Self::Booked | Self::Displaced | Self::CheckedIn)
    }

    /// Whether the claim still keeps its places on its day's roster.
    pub const fn is_on_roster(self) -> bool {
        self.is_active() || matches!(self, Self::Served | Self::NoShow)
    }

    /// Its name in logs and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Booked => "booked",
            Self::CheckedIn => "checked_in",
            Self::Served => "served",
            Self::NoShow => "no_show",
            Self::Cancelled => "cancelled",
            Self::Displaced => "displaced",
            Self::Released => "released",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// The services of one visit: one to four.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Services {
    list: [ServiceId; SERVICES_PER_VISIT_MAX],
    count: u8,
}

impl Services {
    /// A visit for one service.
    pub const fn one(service: ServiceId) -> Self {
        Self { list: [service; SERVICES_PER_VISIT_MAX], count: 1 }
    }

    /// The same visit with one service more; `None` when there are four already.
    pub fn with(mut self, service: ServiceId) -> Option<Self> {
        *self.list.get_mut(usize::from(self.count))? = service;
        self.count += 1;
        Some(self)
    }

    /// The first service.
    pub const fn first(&self) -> ServiceId {
        let [first, ..] = self.list;
        first
    }

    /// All of them, in the order asked for.
    pub fn as_slice(&self) -> &[ServiceId] {
        self.list.get(..usize::from(self.count)).unwrap_or(&self.list)
    }
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

/// How several persons of one claim are seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Arrangement {
    /// All at one start, each at a desk of their own.
    #[default]
    Together,
    /// One after the other, at one desk.
    InTurn,
}

/// The places a claim keeps on one day: all that the day needs to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The day.
    pub day: DayId,
    /// Index of the first slot.
    pub start: u16,
    /// How many slots in a row (1 to 255).
    pub run: u8,
    /// How many persons (1 to 255).
    pub persons: u8,
    /// Together or in turn.
    pub arrangement: Arrangement,
    /// The channel whose share it uses.
    pub channel: Channel,
    /// The claim's entry on the day's roster.
    pub roster: u32,
}

impl Place {
    /// Places taken at each slot of the run.
    pub const fn width(&self) -> u16 {
        match self.arrangement {
            Arrangement::Together => self.persons as u16,
            Arrangement::InTurn => 1,
        }
    }

    /// The first slot.
    pub const fn slot(&self) -> SlotId {
        self.day.slot(self.start)
    }

    /// The slot indexes of the run.
    pub fn slots(&self) -> std::ops::Range<usize> {
        usize::from(self.start)..usize::from(self.start) + usize::from(self.run)
    }
}

/// A hold or a booking, as it stood when asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "appointment")]
#[doc(alias = "reservation")]
pub struct Claim {
    /// Its id: the same from the first hold to the end, also when the booking moves.
    pub id: ClaimId,
    /// Where it stands.
    pub state: ClaimState,
    /// Who it is for.
    pub party: PartyId,
    /// The request that created it.
    pub request: RequestId,
    /// Its first slot.
    pub slot: SlotId,
    /// When that slot starts; `None` once the day has left memory.
    pub starts_at: Option<DateTime<Utc>>,
    /// Slots in a row.
    pub run: u8,
    /// Persons.
    pub persons: u8,
    /// Together or in turn.
    pub arrangement: Arrangement,
    /// What for.
    pub services: Services,
    /// Whose share it uses.
    pub channel: Channel,
    /// Who acts for the party at present.
    pub actor: ActorId,
    /// Rises with every move.
    pub version: u16,
    /// When the hold ends, while it is held.
    pub deadline: Option<DateTime<Utc>>,
}

/// The answer to a change: the claim as it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The claim after the change, or, on a replay, in its present state.
    pub claim: Claim,
    /// Whether this request had been carried out before, so that nothing was done now.
    pub replayed: bool,
}

impl Receipt {
    /// The claim's id.
    pub const fn id(&self) -> ClaimId {
        self.claim.id
    }
}
