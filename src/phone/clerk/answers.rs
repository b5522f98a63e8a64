//! Which answer does a refusal come to? The one table from what the engine says to what is spoken.
//!
//! Never carries more than a kind: details are for the log.

use crate::desk::DeskError;
use crate::phone::port::Answer;
use crate::{Error, Rejection};

/// Whether another slot may do: also when its lead time is over since it was looked at.
pub(super) fn is_of_the_slot(error: &Error) -> bool {
    matches!(
        error.rejection(),
        Some(
            Rejection::SlotFull { .. }
                | Rejection::ChannelLimit { .. }
                | Rejection::SlotClosed { .. }
                | Rejection::UnknownDay { .. }
                | Rejection::NotYetReleased { .. }
                | Rejection::TooLate { .. }
        )
    )
}

pub(super) fn answer_of_desk(error: &DeskError) -> Answer {
    match error {
        DeskError::Engine(error) => answer_to(error),
        DeskError::NotFound => Answer::NotFound,
        DeskError::Throttled { .. } => Answer::Throttled,
        DeskError::Person(_) | DeskError::Store(_) => {
            tracing::error!(%error, "a call could not be served");
            Answer::Down
        }
    }
}

/// The one table from refusals to answers.
pub(super) fn answer_to(error: &Error) -> Answer {
    let Some(rejection) = error.rejection() else {
        tracing::error!(%error, "a call could not be served");
        return Answer::Down;
    };
    match rejection {
        Rejection::SlotFull { .. }
        | Rejection::ChannelLimit { .. }
        | Rejection::SlotClosed { .. }
        | Rejection::UnknownDay { .. }
        | Rejection::NotYetReleased { .. }
        | Rejection::ServiceNotServed { .. } => Answer::NoPlace,
        Rejection::PartyLimit { .. } => Answer::Had,
        Rejection::HoldLimit { .. } | Rejection::TooManyEnded { .. } => Answer::Throttled,
        Rejection::TooLate { .. } | Rejection::TooEarly { .. } => Answer::TooLate,
        Rejection::HoldExpired { .. }
        | Rejection::AlreadyConfirmed { .. }
        | Rejection::AlreadyEnded { .. }
        | Rejection::WrongState { .. }
        | Rejection::UnknownClaim { .. }
        | Rejection::VersionChanged { .. } => Answer::Lost,
        Rejection::RequestReused { .. }
        | Rejection::OtherParty { .. }
        | Rejection::OutOfRange { .. } => Answer::Down,
    }
}
