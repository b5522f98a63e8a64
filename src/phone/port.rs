//! What does a dialogue want of the desk? Requests and answers as plain values.
//!
//! The one seam between what is said and what is done. Never waits: whoever carries a request out
//! answers when it can, and the call decides how long that may take.

use std::future::Future;
use std::pin::Pin;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use crate::ClaimId;
use crate::desk::{Code, HandOff, Language, Telephone};

/// A place as it is spoken of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Appointment {
    /// Its claim.
    pub claim: ClaimId,
    /// When it begins.
    pub at: DateTime<Utc>,
    /// The same on the office's clock.
    pub local: NaiveDateTime,
    /// The office's key.
    pub office: String,
    /// The services' keys.
    pub services: Vec<String>,
    /// For how many.
    pub persons: u8,
    /// Its code, once it is known.
    pub code: Option<Code>,
}

/// What somebody wants: who, what for, where, and not before when.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wish {
    /// The number that the party is known by.
    pub telephone: Option<Telephone>,
    /// The birth date.
    pub birth: Option<NaiveDate>,
    /// How to speak to them.
    pub language: Language,
    /// The services' keys, one to four.
    pub services: Vec<String>,
    /// For how many.
    pub persons: u8,
    /// The office's key.
    pub office: String,
    /// Not before this date at the office.
    pub from: Option<NaiveDate>,
    /// Later than this.
    pub after: Option<DateTime<Utc>>,
    /// The hold to give up for it.
    pub held: Option<ClaimId>,
    /// The booking that it is to take the place of.
    pub replaces: Option<ClaimId>,
    /// The number of the wish within the call: the same wish again is the same request.
    pub number: u32,
}

/// Why and with what a call is handed over; the desk adds the rest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Handing {
    /// What is handed over.
    pub context: HandOff,
    /// The office whose zone the operators' hours are looked up in.
    pub office: Option<String>,
}

/// A request of the dialogue.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// A booking by its code and the birth date.
    Find(Code, NaiveDate),
    /// Bookings by telephone and birth date.
    FindByTelephone(Telephone, NaiveDate),
    /// The next free place, held.
    Offer(Box<Wish>),
    /// Make the hold a booking.
    Confirm(ClaimId),
    /// Move the booking into the hold.
    Move {
        /// The booking.
        booking: ClaimId,
        /// The hold.
        hold: ClaimId,
        /// The number of the request within the call.
        number: u32,
    },
    /// Give the booking back.
    Cancel(ClaimId),
    /// Give the hold back.
    Release(ClaimId),
    /// Keep the hold a little longer.
    Renew(ClaimId),
    /// Note that somebody wants to be called.
    CallBack {
        /// There.
        telephone: Telephone,
        /// In this language.
        language: Language,
        /// The key of the office they had chosen, if any.
        office: Option<String>,
    },
    /// Speak to this number in that language from now on.
    Speak(Language),
    /// Pass the call to an operator.
    HandOff(Box<Handing>),
}

/// What the desk says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Bookings, soonest first; at least one.
    Found(Vec<Appointment>),
    /// None with these details.
    NotFound,
    /// Too many tries.
    Throttled,
    /// A place is held.
    Held(Appointment),
    /// Nothing is free for that wish.
    NoPlace,
    /// The party has such an appointment already.
    Had,
    /// Done: confirmed, moved, cancelled, released, noted. With the appointment as it stands.
    Done(Option<Appointment>),
    /// The hold is over, or what was meant is not there any more.
    Lost,
    /// The rules do not allow it any more.
    TooLate,
    /// The token of the hand-off.
    Token(String),
    /// There is no operator at this hour.
    Closed,
    /// The engine or its disk cannot.
    Down,
}

/// An answer on its way.
pub type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Whoever carries requests out, for one call.
pub trait Desk: Send + Sync + 'static {
    /// Begins to carry out a request. The answer may be dropped: what was begun goes on.
    fn ask(&self, request: Request) -> Answering;
}
