//! What was asked, and what was answered? Calls and outcomes as plain values.
//!
//! Never decides: a call is carried out by an engine or answered by the model.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use crate::{
    ActorId, Ask, Catalog, Channel, ClaimId, Closure, DayId, Engine, Error, InstallReport, PartyId,
    Receipt, Rejection, RequestId, ServiceId, SlotId,
};

/// A request for one slot, with every field open: what an [`Ask`] is made of.
#[derive(Clone, PartialEq, Eq)]
pub struct Wish {
    /// Who for.
    pub party: PartyId,
    /// The request id.
    pub request: RequestId,
    /// What for, one to four.
    pub services: Vec<ServiceId>,
    /// Where and when.
    pub slot: SlotId,
    /// For how many.
    pub persons: u16,
    /// One after the other rather than together.
    pub in_turn: bool,
    /// Whose share.
    pub channel: Channel,
    /// How long to hold; what the catalog says by default.
    pub ttl: Option<Duration>,
    /// Who acts.
    pub actor: ActorId,
    /// The claim that this hold is to replace.
    pub replaces: Option<ClaimId>,
    /// The reason of an override.
    pub reason: Option<String>,
}

impl Wish {
    /// One person, one service, on the web.
    pub fn new(party: PartyId, request: RequestId, service: ServiceId, slot: SlotId) -> Self {
        Self {
            party,
            request,
            services: vec![service],
            slot,
            persons: 1,
            in_turn: false,
            channel: Channel::WEB,
            ttl: None,
            actor: ActorId(0),
            replaces: None,
            reason: None,
        }
    }

    /// The same for the engine.
    pub fn to_ask(&self) -> Ask {
        let mut services = self.services.iter().copied();
        let first = services.next().unwrap_or(ServiceId(u16::MAX));
        let mut ask = Ask::new(self.party, self.request, first, self.slot)
            .persons(self.persons)
            .channel(self.channel)
            .actor(self.actor);
        for service in services {
            ask = ask.also(service);
        }
        if self.in_turn {
            ask = ask.in_turn();
        }
        if let Some(ttl) = self.ttl {
            ask = ask.ttl(ttl);
        }
        if let Some(claim) = self.replaces {
            ask = ask.replacing(claim);
        }
        if let Some(reason) = &self.reason {
            ask = ask.overriding(reason);
        }
        ask
    }
}

impl fmt::Debug for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { party, request, services, slot, persons, .. } = self;
        let services: Vec<u16> = services.iter().map(|service| service.0).collect();
        write!(f, "party {} request {} services {services:?} at {slot}", party.0, request.0)?;
        if *persons != 1 {
            write!(f, " for {persons}{}", if self.in_turn { " in turn" } else { "" })?;
        }
        if self.channel != Channel::WEB {
            write!(f, " by {}", self.channel.name())?;
        }
        if let Some(ttl) = self.ttl {
            write!(f, " ttl {ttl:?}")?;
        }
        if self.actor != ActorId(0) {
            write!(f, " actor {}", self.actor.0)?;
        }
        if let Some(claim) = self.replaces {
            write!(f, " replacing {claim}")?;
        }
        match &self.reason {
            Some(reason) => write!(f, " overriding {reason:?}"),
            None => Ok(()),
        }
    }
}

/// One call of the engine.
#[derive(Clone, Debug)]
pub enum Call {
    /// `hold` or `hold_all`.
    Hold(Vec<Wish>),
    /// `book` or `book_all`.
    Book(Vec<Wish>),
    /// `confirm`.
    Confirm(ClaimId),
    /// `extend`.
    Extend(ClaimId, Duration),
    /// `release`.
    Release(ClaimId),
    /// `cancel`.
    Cancel(ClaimId),
    /// `cancel_by_staff`.
    CancelByStaff(ClaimId, ActorId),
    /// `check_in`.
    CheckIn(ClaimId),
    /// `serve`.
    Serve(ClaimId),
    /// `no_show`.
    NoShow(ClaimId),
    /// `assign`.
    Assign(ClaimId, ActorId),
    /// `swap`.
    Swap(ClaimId, SlotId, RequestId),
    /// `reschedule`.
    Reschedule(ClaimId, SlotId, RequestId),
    /// `reschedule_at` a version.
    RescheduleAt(ClaimId, u16, SlotId, RequestId),
    /// `reschedule_by_staff`.
    RescheduleByStaff(ClaimId, SlotId, RequestId),
    /// `reschedule_to_hold`.
    RescheduleToHold(ClaimId, ClaimId, RequestId),
    /// `close_day`.
    CloseDay(DayId),
    /// `reopen_day`.
    ReopenDay(DayId),
    /// `set_capacity`.
    SetCapacity(DayId, Range<u16>, u16),
    /// `install`.
    Install(Box<Catalog>),
    /// `tick`: what is due is done.
    Tick,
    /// `snapshot`.
    Snapshot,
    /// Nothing of the engine: only its clock was moved.
    Nothing,
}

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A change to claims: how they stand now.
    Receipts(Vec<Receipt>),
    /// Whom a closed day hits, ids ascending.
    Closed(Closure),
    /// The claims restored (ids ascending), or those beyond a cut capacity (newest first).
    Claims(Vec<ClaimId>),
    /// What an install did; ids in `moved` ascending.
    Installed(InstallReport),
    /// It has no answer.
    Done,
    /// The rules say no.
    Refused(Rejection),
    /// The catalog cannot be used.
    BadCatalog,
    /// A wrapper's own refusal, with its reason: the engine was not asked.
    Own(String),
    /// Neither: what the engine said.
    Failed(String),
}

impl From<Error> for Outcome {
    fn from(error: Error) -> Self {
        match error {
            Error::Rejected(rejection) => Self::Refused(rejection),
            Error::Catalog(_) => Self::BadCatalog,
            other => Self::Failed(other.to_string()),
        }
    }
}

impl<T: Into<Self>> From<Result<T, Error>> for Outcome {
    fn from(result: Result<T, Error>) -> Self {
        result.map_or_else(Self::from, Into::into)
    }
}

impl From<Receipt> for Outcome {
    fn from(receipt: Receipt) -> Self {
        Self::Receipts(vec![receipt])
    }
}

impl From<Vec<Receipt>> for Outcome {
    fn from(receipts: Vec<Receipt>) -> Self {
        Self::Receipts(receipts)
    }
}

impl From<Vec<ClaimId>> for Outcome {
    fn from(claims: Vec<ClaimId>) -> Self {
        Self::Claims(claims)
    }
}

impl From<Closure> for Outcome {
    fn from(mut closure: Closure) -> Self {
        closure.revoked.sort_unstable();
        closure.displaced.sort_unstable();
        Self::Closed(closure)
    }
}

impl From<InstallReport> for Outcome {
    fn from(mut report: InstallReport) -> Self {
        report.moved.sort_unstable();
        Self::Installed(report)
    }
}

impl From<()> for Outcome {
    fn from((): ()) -> Self {
        Self::Done
    }
}

impl Outcome {
    /// The ids of the claims that a hold or booking made just now.
    pub fn granted(&self) -> Vec<ClaimId> {
        match self {
            Self::Receipts(receipts) => {
                receipts.iter().filter(|receipt| !receipt.replayed).map(Receipt::id).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Call {
    /// Carries the call out and waits until it is durable.
    pub fn on(&self, engine: &Engine) -> Outcome {
        match self.clone() {
            Self::Hold(wishes) => many(&wishes, |asks| match asks {
                [ask] => engine.hold(ask).wait().into(),
                _ => engine.hold_all(asks).wait().into(),
            }),
            Self::Book(wishes) => many(&wishes, |asks| match asks {
                [ask] => engine.book(ask).wait().into(),
                _ => engine.book_all(asks).wait().into(),
            }),
            Self::Confirm(id) => engine.confirm(id).wait().into(),
            Self::Extend(id, ttl) => engine.extend(id, ttl).wait().into(),
            Self::Release(id) => engine.release(id).wait().into(),
            Self::Cancel(id) => engine.cancel(id).wait().into(),
            Self::CancelByStaff(id, actor) => engine.cancel_by_staff(id, actor).wait().into(),
            Self::CheckIn(id) => engine.check_in(id).wait().into(),
            Self::Serve(id) => engine.serve(id).wait().into(),
            Self::NoShow(id) => engine.no_show(id).wait().into(),
            Self::Assign(id, actor) => engine.assign(id, actor).wait().into(),
            Self::Swap(id, to, request) => engine.swap(id, to, request).wait().into(),
            Self::Reschedule(id, to, request) => engine.reschedule(id, to, request).wait().into(),
            Self::RescheduleAt(id, version, to, request) => {
                engine.reschedule_at(id, version, to, request).wait().into()
            }
            Self::RescheduleByStaff(id, to, request) => {
                engine.reschedule_by_staff(id, to, request).wait().into()
            }
            Self::RescheduleToHold(id, hold, request) => {
                engine.reschedule_to_hold(id, hold, request).wait().into()
            }
            Self::CloseDay(day) => engine.close_day(day, "closed").into(),
            Self::ReopenDay(day) => match engine.reopen_day(day) {
                Ok(mut restored) => {
                    restored.sort_unstable();
                    restored.into()
                }
                Err(error) => error.into(),
            },
            Self::SetCapacity(day, slots, capacity) => {
                engine.set_capacity(day, slots, capacity).into()
            }
            Self::Install(catalog) => engine.install(&catalog).into(),
            Self::Tick => {
                engine.tick();
                Outcome::Done
            }
            Self::Snapshot => engine.snapshot().into(),
            Self::Nothing => Outcome::Done,
        }
    }
}

fn many(wishes: &[Wish], ask: impl FnOnce(&[Ask]) -> Outcome) -> Outcome {
    let asks: Vec<Ask> = wishes.iter().map(Wish::to_ask).collect();
    ask(&asks)
}
