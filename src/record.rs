//! What happened? The effects that the journal keeps, one or more 64-byte lines each.
//!
//! A line alone carries all that each part it touches needs: replay makes no decision, reads no
//! clock, and never looks from a day into a ledger shard or back.
//!
//! ```text
//! word 0   kind 8 | flags 8 (more 1, in turn 1, channel 2, booked 1) | service 16 | day 32
//! word 1   claim id 64 (day records: their own numbers)
//! word 2-5 by kind (a grant: party 128, request 128)
//! word 6   start 11 | run 8 | persons 8 | roster 20 | seconds 17
//! word 7   time 44 | sequence number, low 20 bits
//! ```

mod codec;

use crate::claim::{ClaimState, Place};
use crate::id::{ActorId, Channel, ClaimId, DayId, PartyId, RequestId, ServiceId};
use crate::time::Time;

pub(crate) use codec::{has_more, set_more, text};

/// One line as eight words; stored little-endian.
pub(crate) type Line = [u64; 8];

/// Something that happened, as the journal keeps it and the feed tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// A hold, or a booking in one step.
    Granted {
        /// The new claim.
        claim: ClaimId,
        /// Its places.
        place: Place,
        /// Its first service.
        service: ServiceId,
        /// Who for.
        party: PartyId,
        /// The request that asked.
        request: RequestId,
        /// Booked at once rather than held.
        booked: bool,
        /// Seconds until the hold's deadline.
        ttl_s: u32,
        /// The part of a request for several slots.
        part: Detail,
    },
    /// A hold became a booking.
    Confirmed {
        /// The claim.
        claim: ClaimId,
        /// Its places.
        place: Place,
        /// Who acted.
        actor: ActorId,
    },
    /// A hold got a later deadline.
    Extended {
        /// The claim.
        claim: ClaimId,
        /// Its places.
        place: Place,
        /// Seconds from now to the new deadline.
        ttl_s: u32,
        /// Who acted.
        actor: ActorId,
    },
    /// A hold or booking ended: released, expired, revoked or cancelled.
    Ended {
        /// The claim.
        claim: ClaimId,
        /// Its places.
        place: Place,
        /// How it ended.
        how: ClaimState,
        /// Whether it was only held.
        held: bool,
        /// When its places come back, if not at once.
        returns_at: Option<Time>,
        /// Who acted.
        actor: ActorId,
    },
    /// The places of a cancelled booking came back after their cool-off.
    Returned {
        /// The claim that had them.
        claim: ClaimId,
        /// The places.
        place: Place,
    },
    /// A claim moved; the first of two lines: the places it took.
    Taken {
        /// The claim.
        claim: ClaimId,
        /// Its new places.
        place: Place,
        /// Its new version.
        version: u16,
        /// Whether it is held rather than booked.
        held: bool,
        /// The hold whose places it took over, which ends with this.
        adopted: Option<ClaimId>,
        /// The request that asked.
        request: RequestId,
    },
    /// A claim moved; the second line: the places it gave up.
    Freed {
        /// The claim.
        claim: ClaimId,
        /// Its old places.
        place: Place,
        /// Whether it is held rather than booked.
        held: bool,
    },
    /// A booking changed its state and kept its places.
    Marked {
        /// The claim.
        claim: ClaimId,
        /// Its places.
        place: Place,
        /// Its new state.
        state: ClaimState,
        /// Who acted.
        actor: ActorId,
    },
    /// A claim passed into other hands.
    Assigned {
        /// The claim.
        claim: ClaimId,
        /// Its places.
        place: Place,
        /// Who acts for the party from now on.
        actor: ActorId,
    },
    /// A claim left memory with its past day.
    Archived {
        /// The claim.
        claim: ClaimId,
        /// Its places.
        place: Place,
    },
    /// A day came into being.
    DayCreated {
        /// The day.
        day: DayId,
        /// Its frame.
        frame: DayFrame,
    },
    /// A day got another plan or frame.
    DayPlanned {
        /// The day.
        day: DayId,
        /// Its frame.
        frame: DayFrame,
    },
    /// Grants on the day stopped; its claims follow one by one.
    DayClosed {
        /// The day.
        day: DayId,
    },
    /// Grants on the day go on; its displaced bookings follow one by one.
    DayReopened {
        /// The day.
        day: DayId,
    },
    /// A past day left memory.
    DayRetired {
        /// The day.
        day: DayId,
    },
    /// A plan that days may share; its ranges follow in the same group.
    PlanDefined {
        /// Its number.
        plan: u32,
        /// How many ranges follow.
        ranges: u32,
        /// Minutes before a slot at which a channel's protection ends.
        give_back_min: [u16; Channel::COUNT],
    },
    /// One range of the plan defined before it.
    PlanRange(PlanRange),
    /// Bytes of a large value, or of the reason for the record before it.
    Text {
        /// What it belongs to.
        of: TextOf,
        /// How many bytes of the value come before these.
        offset: u32,
        /// The length of the whole value.
        length: u32,
        /// Up to 32 bytes.
        bytes: Vec<u8>,
    },
    /// The catalog text before it is in force.
    Installed {
        /// Counts the installs.
        version: u32,
        /// Whether all its days have followed; until then the install goes on after a crash.
        done: bool,
    },
    /// The first record of a log: what must never change in it.
    Founded {
        /// How many shards the ledger has.
        shards: u32,
        /// The key of its hash.
        key: [u64; 2],
    },
}

/// What a granted claim has beyond the common case; two lines when it is not empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// Services two to four.
    pub more_services: [Option<ServiceId>; 3],
    /// Who acts for the party.
    pub actor: ActorId,
    /// Which slot of a request for several it is.
    pub part: u8,
    /// It replaces another claim in the party's limits and may only be moved into.
    pub replaces: bool,
    /// Places were taken beyond the limits, on a stated reason.
    pub overridden: bool,
}

impl Detail {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a large value in the journal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TextOf {
    /// A catalog with its numbers, as JSON.
    Catalog,
    /// The reason of an override or a closure.
    Reason,
}

/// When a day begins, how it is divided, and which plan it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayFrame {
    /// The first instant of the civil day.
    pub begins: Time,
    /// The instant from which it can be booked.
    pub released: Time,
    /// Minutes of one slot.
    pub unit_min: u16,
    /// How many slots it has.
    pub slots: u16,
    /// The number of its plan.
    pub plan: u32,
}

/// Slots `start..end` of a plan with equal limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlanRange {
    /// The first slot.
    pub start: u16,
    /// The slot after the last.
    pub end: u16,
    /// Places at each slot.
    pub capacity: u16,
    /// The most that each channel may use.
    pub max: [u16; Channel::COUNT],
    /// What is kept for each channel until its give-back time.
    pub protected: [u16; Channel::COUNT],
}
