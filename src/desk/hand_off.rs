//! What does an operator need to know of a call that comes from the machine? What was said so far.
//!
//! Kept for a short while under an opaque token, which is all that travels through the telephone
//! network. Never holds a name; never on disk.

use std::fmt;
use std::time::Duration;

use chrono::NaiveDate;

use crate::{ActorId, ClaimId};

use super::{Language, Telephone, Tokens};

/// How sure the machine is of who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentityLevel {
    /// Nothing was said.
    Unknown,
    /// A telephone number and a birth date were typed, and nothing was compared with them.
    Said,
    /// What was typed found a booking.
    Found,
}

impl IdentityLevel {
    /// Its name on pages and in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Said => "said",
            Self::Found => "found",
        }
    }
}

/// A call on its way to an operator.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct HandOff {
    /// The language that was chosen.
    pub language: Language,
    /// What the caller wanted: `book`, `change`, `cancel`, or nothing yet.
    pub task: Option<&'static str>,
    /// The question at which it ended.
    pub stage: &'static str,
    /// Why: `asked`, `strikes`, `slow`, `down`, `throttled`, `rules`.
    pub why: &'static str,
    /// Answers in a row that were not understood.
    pub strikes: u8,
    /// How sure it is who calls.
    pub level: IdentityLevel,
    /// The number they gave, or call from.
    pub telephone: Option<Telephone>,
    /// The birth date they gave.
    pub birth: Option<NaiveDate>,
    /// The place that is held for them.
    pub held: Option<ClaimId>,
    /// The booking they were at.
    pub booking: Option<ClaimId>,
}

impl HandOff {
    /// The actor of a hold whose caller waits for an operator.
    pub const QUEUE: ActorId = ActorId(u64::from_be_bytes(*b"cupoqueu"));
    /// How long a place is kept for a caller who waits, since it was last looked at.
    pub const WAIT: Duration = Duration::from_mins(5);
}

/// What was typed is nobody's business but the operator's.
impl fmt::Debug for HandOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, stage, why, strikes, level, .. } = self;
        f.debug_struct("HandOff")
            .field("task", task)
            .field("stage", stage)
            .field("why", why)
            .field("strikes", strikes)
            .field("level", level)
            .finish_non_exhaustive()
    }
}

/// Calls on their way, by token.
pub type HandOffs = Tokens<HandOff>;

impl HandOffs {
    /// Room for ten thousand of them.
    pub fn waiting() -> Self {
        Self::new(10_000, HandOff::WAIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hand_off_is_found_by_its_token_and_shows_nobody() {
        let telephone = Telephone::parse("2025550143").ok();
        let hand_off = HandOff {
            language: Language::Es,
            task: Some("book"),
            stage: "offer",
            why: "asked",
            strikes: 0,
            level: IdentityLevel::Said,
            telephone,
            birth: NaiveDate::from_ymd_opt(1990, 1, 31),
            held: Some(ClaimId::from_u64(7)),
            booking: None,
        };
        let waiting = HandOffs::waiting();
        let token = waiting.put(hand_off.clone());
        assert_eq!(waiting.get(&token), Some(hand_off.clone()));
        assert_eq!(waiting.get("another"), None);
        let shown = format!("{hand_off:?}");
        assert!(shown.contains("offer"));
        assert!(!shown.contains("0143") && !shown.contains("1990"), "{shown}");
    }
}
