//! What was answered so far? All that a conversation remembers.
//!
//! Comparable and finite, so that a test can walk through all of it. Never shown: it is personal.

use chrono::{DateTime, NaiveDate, Utc};

use crate::Time;
use crate::desk::{Code, Language, Telephone};
use crate::phone::clip::Clip;
use crate::phone::port::{Appointment, Request};
use crate::phone::words::Phrase;

use super::state::{Outcome, State, Task};

/// Why an operator is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Why {
    Asked,
    Strikes,
    Slow,
    Down,
    Throttled,
    Rules,
}

impl Why {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Strikes => "strikes",
            Self::Slow => "slow",
            Self::Down => "down",
            Self::Throttled => "throttled",
            Self::Rules => "rules",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Memo {
    pub(super) state: State,
    pub(super) language: Language,
    pub(super) strikes: u8,
    /// What the desk is at.
    pub(super) asked: Option<Request>,
    /// To be said before the next question.
    pub(super) lead: Vec<Clip>,
    pub(super) heard_hello: bool,
    pub(super) task: Option<Task>,
    pub(super) outcome: Outcome,
    pub(super) why: Option<Why>,
    /// The last question before the end.
    pub(super) left: State,
    /// Where to go back to when there was no operator.
    pub(super) back: Option<State>,
    /// Where the call comes from.
    pub(super) from: Option<Telephone>,
    pub(super) telephone: Option<Telephone>,
    pub(super) call_back: Option<Telephone>,
    pub(super) birth: Option<NaiveDate>,
    pub(super) code: Option<Code>,
    /// Lookups that found nothing.
    pub(super) tries: u8,
    /// Bookings that were found, and the one that is spoken of.
    pub(super) found: Vec<Appointment>,
    pub(super) at: usize,
    /// The booking that was chosen.
    pub(super) booking: Option<Appointment>,
    /// Offices, nearest first, and the one that is spoken of.
    pub(super) near: Vec<String>,
    pub(super) rank: usize,
    /// The page of a list.
    pub(super) page: usize,
    pub(super) office: Option<String>,
    pub(super) services: Vec<String>,
    pub(super) persons: u8,
    /// The place that is held.
    pub(super) held: Option<Appointment>,
    pub(super) held_since: Option<Since>,
    /// How many places were offered in this wish.
    pub(super) offers: u32,
    /// Numbers of requests within the call.
    pub(super) number: u32,
    /// Places that were lost before they were confirmed.
    pub(super) lost: u8,
}

/// An instant that compares and hashes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Since(u64);

impl Since {
    pub(super) fn at(now: DateTime<Utc>) -> Self {
        Self(Time::from(now).0)
    }

    pub(super) fn utc(self) -> DateTime<Utc> {
        Time(self.0).utc()
    }
}

impl Memo {
    pub(super) fn new(language: Language) -> Self {
        Self {
            state: State::Menu,
            language,
            strikes: 0,
            asked: None,
            lead: Vec::new(),
            heard_hello: false,
            task: None,
            outcome: Outcome::Nothing,
            why: None,
            left: State::Menu,
            back: None,
            from: None,
            telephone: None,
            call_back: None,
            birth: None,
            code: None,
            tries: 0,
            found: Vec::new(),
            at: 0,
            booking: None,
            near: Vec::new(),
            rank: 0,
            page: 0,
            office: None,
            services: Vec::new(),
            persons: 1,
            held: None,
            held_since: None,
            offers: 0,
            number: 0,
            lost: 0,
        }
    }

    /// To be said before the next question, once.
    pub(super) fn say_first(&mut self, phrase: Phrase) {
        let clip = Clip::Phrase(phrase);
        if self.lead.last() != Some(&clip) {
            self.lead.push(clip);
        }
    }
}
