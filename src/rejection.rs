//! Why not, and what next? The engine's reasoned no.
//!
//! Never an accident: what the disk or the engine itself prevents is an
//! [`Error`](crate::Error).

use chrono::{DateTime, Utc};

use crate::claim::ClaimState;
use crate::id::{ClaimId, DayId, ServiceId, SlotId};

/// A refusal by the rules: nothing was changed, and the variant says what can be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// Too few places are left. Next: ask [`openings`](crate::Engine::openings) for the nearest
    /// ones, or try again when a hold may have ended.
    #[error("slot {slot} has no place left for this request; ask for the next openings")]
    SlotFull {
        /// The first slot that is full.
        slot: SlotId,
    },
    /// Places are left, but not for this channel. Next: another slot, or another channel.
    #[error("slot {slot} has no place left for this channel; try another slot")]
    ChannelLimit {
        /// The first slot whose share is used up.
        slot: SlotId,
    },
    /// The slot is outside opening hours, its day is closed, or the run crosses a break.
    #[error("slot {slot} is closed; ask for the next openings")]
    SlotClosed {
        /// The first slot that is closed.
        slot: SlotId,
    },
    /// No such day: never opened, beyond the horizon, or already gone.
    #[error("day {day} has no slots; ask for the next openings")]
    UnknownDay {
        /// The day asked for.
        day: DayId,
    },
    /// The day is not bookable yet. Next: try again at that instant.
    #[error("day {day} is released at {at}")]
    NotYetReleased {
        /// The day asked for.
        day: DayId,
        /// When it becomes bookable.
        at: DateTime<Utc>,
    },
    /// Too late: the lead time, the cut-off or the start has passed. Next: a later slot.
    #[error("this was possible until {until}")]
    TooLate {
        /// The last instant at which it was possible.
        until: DateTime<Utc>,
    },
    /// Too early: the deed belongs to the day of the appointment.
    #[error("this is possible from {from}")]
    TooEarly {
        /// The first instant at which it is possible.
        from: DateTime<Utc>,
    },
    /// The party has as many active claims as the service allows. Next: move or cancel that one.
    #[error("the party already has claim {claim}; move or cancel it first")]
    PartyLimit {
        /// One of the claims that count.
        claim: ClaimId,
    },
    /// The party holds as many places as it may at a time. Next: confirm or release one.
    #[error("the party already holds claim {claim}; confirm or release it first")]
    HoldLimit {
        /// One of its holds.
        claim: ClaimId,
    },
    /// The party ended so many claims within the idempotency window that no more can be remembered.
    #[error("the party has ended too many claims; try again after {at}")]
    TooManyEnded {
        /// When the oldest of them is forgotten.
        at: DateTime<Utc>,
    },
    /// The hold ended at its deadline. Next: hold again.
    #[error("the hold ended at {at}; hold again")]
    HoldExpired {
        /// When: at its deadline, or when the engine next looked.
        at: DateTime<Utc>,
    },
    /// The hold was confirmed. Next: cancel or reschedule the booking.
    #[error("claim {claim} is already booked; cancel or reschedule it instead")]
    AlreadyConfirmed {
        /// The booking.
        claim: ClaimId,
    },
    /// The claim has ended.
    #[error("the claim ended as {}", how.name())]
    AlreadyEnded {
        /// How.
        how: ClaimState,
    },
    /// The claim is not in a state that allows this. Next: read it again.
    #[error("not possible while the claim is {}", state.name())]
    WrongState {
        /// Its present state.
        state: ClaimState,
    },
    /// No such claim in memory: never made, or gone after its idempotency window.
    #[error("claim {claim} is not known")]
    UnknownClaim {
        /// The id asked for.
        claim: ClaimId,
    },
    /// The request id was used before for something else. Next: a fresh request id.
    #[error("the request id was used for claim {claim} with other content")]
    RequestReused {
        /// The claim that the id made.
        claim: ClaimId,
    },
    /// The claim was changed since that version. Next: read it again and decide anew.
    #[error("the claim is at version {present} now")]
    VersionChanged {
        /// Its present version.
        present: u16,
    },
    /// The calendar does not serve that service, or the catalog does not know it.
    #[error("service {service} is not served there")]
    ServiceNotServed {
        /// The service asked for.
        service: ServiceId,
    },
    /// The two claims belong to different parties.
    #[error("claim {claim} belongs to another party")]
    OtherParty {
        /// The claim of the other party.
        claim: ClaimId,
    },
    /// A number is outside its range; the text names it and the range.
    #[error("out of range: {what}")]
    OutOfRange {
        /// Which number, and what it may be.
        what: &'static str,
    },
}

impl Rejection {
    /// Whether the same request may succeed later without any change to it.
    ///
    /// ```
    /// use cupo::{ClaimState, Rejection};
    /// assert!(!Rejection::AlreadyEnded { how: ClaimState::Cancelled }.is_retryable());
    /// ```
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::SlotFull { .. }
            | Self::ChannelLimit { .. }
            | Self::SlotClosed { .. }
            | Self::NotYetReleased { .. }
            | Self::TooEarly { .. }
            | Self::PartyLimit { .. }
            | Self::HoldLimit { .. }
            | Self::TooManyEnded { .. } => true,
            Self::UnknownDay { .. }
            | Self::TooLate { .. }
            | Self::HoldExpired { .. }
            | Self::AlreadyConfirmed { .. }
            | Self::AlreadyEnded { .. }
            | Self::WrongState { .. }
            | Self::UnknownClaim { .. }
            | Self::RequestReused { .. }
            | Self::VersionChanged { .. }
            | Self::ServiceNotServed { .. }
            | Self::OtherParty { .. }
            | Self::OutOfRange { .. } => false,
        }
    }

    /// A stable name for logs, tables and adapters.
    pub const fn code(self) -> &'static str {
        match self {
            Self::SlotFull { .. } => "slot_full",
            Self::ChannelLimit { .. } => "channel_limit",
            Self::SlotClosed { .. } => "slot_closed",
            Self::UnknownDay { .. } => "unknown_day",
            Self::NotYetReleased { .. } => "not_yet_released",
            Self::TooLate { .. } => "too_late",
            Self::TooEarly { .. } => "too_early",
            Self::PartyLimit { .. } => "party_limit",
            Self::HoldLimit { .. } => "hold_limit",
            Self::TooManyEnded { .. } => "too_many_ended",
            Self::HoldExpired { .. } => "hold_expired",
            Self::AlreadyConfirmed { .. } => "already_confirmed",
            Self::AlreadyEnded { .. } => "already_ended",
            Self::WrongState { .. } => "wrong_state",
            Self::UnknownClaim { .. } => "unknown_claim",
            Self::RequestReused { .. } => "request_reused",
            Self::VersionChanged { .. } => "version_changed",
            Self::ServiceNotServed { .. } => "service_not_served",
            Self::OtherParty { .. } => "other_party",
            Self::OutOfRange { .. } => "out_of_range",
        }
    }
}
