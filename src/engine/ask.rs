//! What does a caller ask for? The request for a hold or a booking, and for openings.
//!
//! Never checks anything: the engine does, in the same step as the slot.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc, Weekday};

use crate::claim::{Arrangement, Services};
use crate::id::{ActorId, Channel, ClaimId, OfficeId, PartyId, RequestId, ServiceId, SlotId};

/// A request for a place: who, what for, where and when.
///
/// ```
/// use cupo::{Ask, Channel, PartyId, RequestId, ServiceId, SlotId};
/// fn family(slot: SlotId) -> Ask {
///     Ask::new(PartyId(7), RequestId(1), ServiceId(0), slot).channel(Channel::PHONE).persons(3)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Ask {
    pub(crate) party: PartyId,
    pub(crate) request: RequestId,
    pub(crate) services: Services,
    pub(crate) too_many_services: bool,
    pub(crate) slot: SlotId,
    pub(crate) persons: u16,
    pub(crate) arrangement: Arrangement,
    pub(crate) channel: Channel,
    pub(crate) ttl: Option<Duration>,
    pub(crate) actor: ActorId,
    pub(crate) replaces: Option<ClaimId>,
    pub(crate) reason: Option<Box<str>>,
}

impl Ask {
    /// One person, one service, on the web.
    pub fn new(party: PartyId, request: RequestId, service: ServiceId, slot: SlotId) -> Self {
        Self {
            party,
            request,
            services: Services::one(service),
            too_many_services: false,
            slot,
            persons: 1,
            arrangement: Arrangement::Together,
            channel: Channel::WEB,
            ttl: None,
            actor: ActorId(0),
            replaces: None,
            reason: None,
        }
    }

    /// Who the place is for.
    pub const fn party(&self) -> PartyId {
        self.party
    }

    /// The request id.
    pub const fn request(&self) -> RequestId {
        self.request
    }

    /// Whose share of the slot to use.
    #[must_use]
    pub fn channel(mut self, channel: Channel) -> Self {
        self.channel = channel;
        self
    }

    /// For how many persons (1 to 255, and what the service allows).
    #[must_use]
    pub fn persons(mut self, persons: u16) -> Self {
        self.persons = persons;
        self
    }

    /// Persons one after the other at one desk, rather than all at one start.
    #[must_use]
    pub fn in_turn(mut self) -> Self {
        self.arrangement = Arrangement::InTurn;
        self
    }

    /// A further service in the same visit; their units are added up (at most four services).
    #[must_use]
    pub fn also(mut self, service: ServiceId) -> Self {
        match self.services.with(service) {
            Some(services) => self.services = services,
            None => self.too_many_services = true,
        }
        self
    }

    /// How long to hold; whole seconds, at most what the catalog allows, which also has the
    /// default.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Who acts for the party.
    #[must_use]
    pub fn actor(mut self, actor: ActorId) -> Self {
        self.actor = actor;
        self
    }

    /// This hold is meant to take the place of `claim` (see
    /// [`Engine::reschedule_to_hold`](crate::Engine::reschedule_to_hold)), so the two count once
    /// against the party's limits.
    #[must_use]
    pub fn replacing(mut self, claim: ClaimId) -> Self {
        self.replaces = Some(claim);
        self
    }

    /// Staff only: take the place beyond capacity, channel limits and lead time, for a stated
    /// reason (1 to 240 bytes) that goes into the journal. What is beyond capacity shows as
    /// deficit, and nothing more is granted there until it is gone.
    #[must_use]
    pub fn overriding(mut self, reason: &str) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

/// A query for the earliest free places.
#[derive(Clone, Debug)]
pub struct Openings {
    pub(crate) services: Services,
    pub(crate) offices: Option<Vec<OfficeId>>,
    pub(crate) persons: u16,
    pub(crate) arrangement: Arrangement,
    pub(crate) channel: Channel,
    pub(crate) from: Option<NaiveDate>,
    pub(crate) to: Option<NaiveDate>,
    pub(crate) between: Option<(NaiveTime, NaiveTime)>,
    pub(crate) weekdays: u8,
    pub(crate) limit: usize,
}

impl Openings {
    /// The earliest three places for one person on the web, at any office, on any released day.
    pub fn new(service: ServiceId) -> Self {
        Self {
            services: Services::one(service),
            offices: None,
            persons: 1,
            arrangement: Arrangement::Together,
            channel: Channel::WEB,
            from: None,
            to: None,
            between: None,
            weekdays: 0x7f,
            limit: 3,
        }
    }

    /// Only at these offices.
    #[must_use]
    pub fn offices(mut self, offices: &[OfficeId]) -> Self {
        self.offices = Some(offices.to_vec());
        self
    }

    /// For so many persons.
    #[must_use]
    pub fn persons(mut self, persons: u16) -> Self {
        self.persons = persons;
        self
    }

    /// Persons one after the other.
    #[must_use]
    pub fn in_turn(mut self) -> Self {
        self.arrangement = Arrangement::InTurn;
        self
    }

    /// A further service in the same visit.
    #[must_use]
    pub fn also(mut self, service: ServiceId) -> Self {
        self.services = self.services.with(service).unwrap_or(self.services);
        self
    }

    /// Whose share to look at.
    #[must_use]
    pub fn channel(mut self, channel: Channel) -> Self {
        self.channel = channel;
        self
    }

    /// Not before this date at the office.
    #[must_use]
    pub fn from(mut self, date: NaiveDate) -> Self {
        self.from = Some(date);
        self
    }

    /// Not after this date at the office.
    #[must_use]
    pub fn to(mut self, date: NaiveDate) -> Self {
        self.to = Some(date);
        self
    }

    /// Only starts from `first` and before `end`, in the office's local time.
    #[must_use]
    pub fn between(mut self, first: NaiveTime, end: NaiveTime) -> Self {
        self.between = Some((first, end));
        self
    }

    /// Only on these days of the week, as the office counts them.
    #[must_use]
    pub fn weekdays(mut self, weekdays: &[Weekday]) -> Self {
        self.weekdays =
            weekdays.iter().fold(0, |mask, day| mask | (1 << day.num_days_from_monday()));
        self
    }

    /// At most so many answers (1 to 1,000).
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit.clamp(1, 1_000);
        self
    }
}

/// A date with free places, as it stood when looked at; the grant decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenDay {
    /// The date at the office.
    pub date: NaiveDate,
    /// How many starts have room.
    pub starts: u32,
    /// The earliest of them.
    pub first: Opening,
}

/// A place that was free when looked at; the grant decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Where to ask.
    pub slot: SlotId,
    /// When it starts.
    pub starts_at: DateTime<Utc>,
    /// How many such requests would fit.
    pub free: u16,
}
