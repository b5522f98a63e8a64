//! What was asked, and what was answered? The lines of a history, as plain values.
//!
//! Never judges: a history may well be impossible.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::{
    Arrangement, Ask, Claim, ClaimId, ClaimState, Error, PartyId, Receipt, Rejection, RequestId,
    SlotId,
};

/// A hold or a booking as asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// Who for.
    pub party: PartyId,
    /// Under which request id.
    pub request: RequestId,
    /// Where.
    pub slot: SlotId,
    /// How many places of the slot.
    pub places: u16,
    /// How long to hold; `None` for what the history's [`History::hold_ttl`] says.
    pub ttl: Option<Duration>,
    /// Whatever else makes a retry the same request, as a number of the caller's choice.
    pub content: u64,
}

impl Wanted {
    /// One place.
    pub const fn new(party: PartyId, request: RequestId, slot: SlotId) -> Self {
        Self { party, request, slot, places: 1, ttl: None, content: 0 }
    }
}

impl From<&Ask> for Wanted {
    fn from(ask: &Ask) -> Self {
        let mut content = DefaultHasher::new();
        let flags = (ask.replaces.is_some(), ask.reason.is_some(), ask.actor);
        (ask.services.as_slice(), ask.channel, ask.arrangement, ask.persons, flags)
            .hash(&mut content);
        let places = match ask.arrangement {
            Arrangement::Together => ask.persons,
            Arrangement::InTurn => 1,
        };
        let (party, request, slot, ttl) = (ask.party, ask.request, ask.slot, ask.ttl);
        Self { party, request, slot, places, ttl, content: content.finish() }
    }
}

/// What a client asks of the engine, or of the clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// [`Engine::hold`](crate::Engine::hold).
    Hold(Wanted),
    /// [`Engine::book`](crate::Engine::book).
    Book(Wanted),
    /// [`Engine::confirm`](crate::Engine::confirm).
    Confirm(ClaimId),
    /// [`Engine::extend`](crate::Engine::extend).
    Extend(ClaimId, Duration),
    /// [`Engine::release`](crate::Engine::release).
    Release(ClaimId),
    /// [`Engine::cancel`](crate::Engine::cancel).
    Cancel(ClaimId),
    /// [`Engine::swap`](crate::Engine::swap).
    Swap(ClaimId, SlotId, RequestId),
    /// [`Engine::reschedule`](crate::Engine::reschedule).
    Reschedule(ClaimId, SlotId, RequestId),
    /// [`Engine::reschedule_to_hold`](crate::Engine::reschedule_to_hold): the booking, the hold.
    RescheduleToHold(ClaimId, ClaimId, RequestId),
    /// [`Engine::claim`](crate::Engine::claim): a statement.
    Read(ClaimId),
    /// The places used at a slot by [`Engine::day`](crate::Engine::day): advisory, so that only
    /// the capacity bounds it.
    Look(SlotId),
    /// The clock moves to an instant.
    Advance(DateTime<Utc>),
}

/// A claim as an answer shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Which claim.
    pub id: ClaimId,
    /// Who for.
    pub party: PartyId,
    /// Which request made it.
    pub request: RequestId,
    /// Where.
    pub slot: SlotId,
    /// Where it stands.
    pub state: ClaimState,
    /// Moves so far.
    pub version: u16,
    /// When the hold ends, while it is held.
    pub deadline: Option<DateTime<Utc>>,
}

impl From<&Claim> for Seen {
    fn from(claim: &Claim) -> Self {
        Self {
            id: claim.id,
            party: claim.party,
            request: claim.request,
            slot: claim.slot,
            state: claim.state,
            version: claim.version,
            deadline: claim.deadline,
        }
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The claim after the call, and whether the call found it done before.
    Is(Seen, bool),
    /// A reasoned no.
    Refused(Rejection),
    /// Places used.
    Used(u16),
    /// The clock was moved.
    Done,
    /// An error that promises that nothing was changed.
    Nothing,
    /// No answer, or one that leaves open whether it happened: now, later before the next crash,
    /// or never.
    Unknown,
}

impl From<&Error> for Answer {
    fn from(error: &Error) -> Self {
        match error {
            Error::Rejected(rejection) => Self::Refused(*rejection),
            Error::Indeterminate(_) | Error::Fenced | Error::Closed => Self::Unknown,
            _ => Self::Nothing,
        }
    }
}

impl From<&Result<Receipt, Error>> for Answer {
    fn from(result: &Result<Receipt, Error>) -> Self {
        match result {
            Ok(receipt) => Self::Is(Seen::from(&receipt.claim), receipt.replayed),
            Err(error) => error.into(),
        }
    }
}

impl From<&Result<Claim, Error>> for Answer {
    fn from(result: &Result<Claim, Error>) -> Self {
        match result {
            Ok(claim) => Self::Is(Seen::from(claim), false),
            Err(error) => error.into(),
        }
    }
}

/// One call: who, when, what, and what came back when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which client; a client makes one call at a time.
    pub client: u32,
    /// When it called, in the history's own order of moments.
    pub call: u64,
    /// When it had the answer; `None` if it never came.
    pub back: Option<u64>,
    /// What it asked.
    pub operation: Operation,
    /// What it was told.
    pub answer: Answer,
}

/// What several clients asked and were told, in order of moments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The clock at the beginning; no claim is there yet.
    pub begins: DateTime<Utc>,
    /// How long a hold lasts that does not say: the catalog's `ttl`.
    pub hold_ttl: Duration,
    /// The slots and their places. A slot not named here has none.
    pub slots: BTreeMap<SlotId, u16>,
    /// Which request made a claim, where no answer of these calls may show it.
    pub claims: BTreeMap<ClaimId, (PartyId, RequestId)>,
    /// The calls, in any order.
    pub events: Vec<Event>,
    /// Moments at which the engine died: what had no answer by then happened before, or never.
    pub crashes: Vec<u64>,
}

impl History {
    /// An empty history.
    pub fn new(begins: DateTime<Utc>) -> Self {
        let hold_ttl = Duration::from_mins(10);
        let (slots, claims) = (BTreeMap::new(), BTreeMap::new());
        Self { begins, hold_ttl, slots, claims, events: Vec::new(), crashes: Vec::new() }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hold(want) => write!(f, "hold {want}"),
            Self::Book(want) => write!(f, "book {want}"),
            Self::Confirm(claim) => write!(f, "confirm {claim}"),
            Self::Extend(claim, ttl) => write!(f, "extend {claim} for {ttl:?}"),
            Self::Release(claim) => write!(f, "release {claim}"),
            Self::Cancel(claim) => write!(f, "cancel {claim}"),
            Self::Swap(claim, to, request) => {
                write!(f, "swap {claim} to {to} by request {:x}", request.0)
            }
            Self::Reschedule(claim, to, request) => {
                write!(f, "reschedule {claim} to {to} by request {:x}", request.0)
            }
            Self::RescheduleToHold(claim, hold, request) => {
                write!(f, "reschedule {claim} to hold {hold} by request {:x}", request.0)
            }
            Self::Read(claim) => write!(f, "read {claim}"),
            Self::Look(slot) => write!(f, "look at {slot}"),
            Self::Advance(to) => write!(f, "the clock moves to {}", to.format("%F %T%.3f")),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for party {:x}, request {:x}", self.slot, self.party.0, self.request.0)?;
        if self.places == 1 { Ok(()) } else { write!(f, ", {} places", self.places) }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} at {}", self.id, self.state.name(), self.slot)?;
        if self.version > 0 {
            write!(f, ", version {}", self.version)?;
        }
        match self.deadline {
            Some(deadline) => write!(f, " until {}", deadline.format("%T%.3f")),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(seen, false) => seen.fmt(f),
            Self::Is(seen, true) => write!(f, "{seen} (done before)"),
            Self::Refused(rejection) => write!(f, "no: {rejection}"),
            Self::Used(places) => write!(f, "{places} used"),
            Self::Done => f.write_str("done"),
            Self::Nothing => f.write_str("an error, nothing changed"),
            Self::Unknown => f.write_str("not known"),
        }
    }
}
