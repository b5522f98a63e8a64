//! Which one is meant? The names of things, as plain numbers.
//!
//! Never holds state and never asks another room whether the named thing exists.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;

use crate::time::date_of;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u16);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// The number of an office: assigned once by the first install that names it, never reused.
    OfficeId
}
number! {
    /// The number of a service: assigned once, never reused.
    ServiceId
}
number! {
    /// The number of a calendar: assigned once, never reused.
    #[doc(alias = "schedule")]
    CalendarId
}

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u128);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                u128::from_str_radix(text, 16).map(Self).map_err(|_| ParseIdError)
            }
        }
    };
}

key! {
    /// Who a place is for: an opaque 128-bit key. The engine never sees names or documents.
    #[doc(alias = "customer")]
    PartyId
}
key! {
    /// The caller's idempotency key, 128 bits, scoped to the party.
    #[doc(alias = "idempotency_key")]
    RequestId
}

/// Who acts for the party (an operator, a call). Zero means nobody in particular.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActorId(pub u64);

/// Who is asking: one of at most four channels.
///
/// ```
/// assert_eq!(cupo::Channel::new(1), Some(cupo::Channel::PHONE));
/// assert_eq!(cupo::Channel::new(4), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel(u8);

impl Channel {
    /// How many channels there are.
    pub const COUNT: usize = 4;
    /// Citizens on the web.
    pub const WEB: Self = Self(0);
    /// Callers, through an IVR or an operator.
    pub const PHONE: Self = Self(1);
    /// Staff at the office.
    pub const DESK: Self = Self(2);
    /// Protected cases.
    pub const PRIORITY: Self = Self(3);
    /// All four, in order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [Self::WEB, Self::PHONE, Self::DESK, Self::PRIORITY];

    /// The channel with this number, if there is one (0 to 3).
    pub const fn new(number: u8) -> Option<Self> {
        if number < 4 { Some(Self(number)) } else { None }
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self((bits & 3) as u8)
    }

    /// Its number, 0 to 3.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Its name in catalogs and logs.
    pub const fn name(self) -> &'static str {
        match self.0 {
            0 => "web",
            1 => "phone",
            2 => "desk",
            _ => "priority",
        }
    }

    /// The channel of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }
}

/// The first date a [`DayId`] can name; the last is 65,535 days later, in the year 2179.
const FIRST_DATE: NaiveDate = NaiveDate::from_ymd_opt(2000, 1, 1).expect("a real date");

/// The same as days after 1970-01-01.
const FIRST_DAY: u64 = 10_957;

/// One calendar on one civil date of its office: the unit of locking of supply.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DayId(u32);

impl DayId {
    /// The day of `calendar` on `date`; `None` outside the years 2000 to 2179.
    pub fn new(calendar: CalendarId, date: NaiveDate) -> Option<Self> {
        let number = u16::try_from(date.signed_duration_since(FIRST_DATE).num_days()).ok()?;
        Some(Self::of(calendar, number))
    }

    pub(crate) const fn of(calendar: CalendarId, number: u16) -> Self {
        Self(((calendar.0 as u32) << 16) | number as u32)
    }

    /// The calendar.
    pub const fn calendar(self) -> CalendarId {
        CalendarId((self.0 >> 16) as u16)
    }

    /// The civil date at the office.
    pub fn date(self) -> NaiveDate {
        date_of(FIRST_DAY + u64::from(self.number()))
    }

    /// Days since 2000-01-01.
    pub(crate) const fn number(self) -> u16 {
        (self.0 & 0xffff) as u16
    }

    pub(crate) const fn raw(self) -> u32 {
        self.0
    }

    pub(crate) const fn from_raw(raw: u32) -> Self {
        Self(raw)
    }

    /// The slot with this index on this day, whether or not it is open.
    pub const fn slot(self, index: u16) -> SlotId {
        SlotId { day: self, index }
    }
}

impl fmt::Display for DayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.calendar(), self.date())
    }
}

impl fmt::Debug for DayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for DayId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let (calendar, date) = text.split_once('@').ok_or(ParseIdError)?;
        let calendar = CalendarId(calendar.parse().map_err(|_| ParseIdError)?);
        Self::new(calendar, date.parse().map_err(|_| ParseIdError)?).ok_or(ParseIdError)
    }
}

/// One start time of a day. The index counts units from the first instant of the civil day, so an
/// edit of opening hours never renames a slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId {
    /// The day.
    pub day: DayId,
    /// Units since the first instant of the day.
    pub index: u16,
}

impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.day, self.index)
    }
}

impl fmt::Debug for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for SlotId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let (day, index) = text.split_once('#').ok_or(ParseIdError)?;
        Ok(Self { day: day.parse()?, index: index.parse().map_err(|_| ParseIdError)? })
    }
}

/// One claim through its whole life: 12 bits of shard, 28 of entry, 24 of generation.
///
/// Found without hashing; stable when a booking moves; refused once its claim has left memory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimId(u64);

impl ClaimId {
    pub(crate) const SHARD_BITS: u32 = 12;
    pub(crate) const INDEX_BITS: u32 = 28;
    pub(crate) const GENERATION_BITS: u32 = 24;

    pub(crate) fn new(shard: usize, index: u32, generation: u32) -> Self {
        Self(((shard as u64) << 52) | (u64::from(index) << 24) | u64::from(generation))
    }

    pub(crate) const fn shard(self) -> usize {
        (self.0 >> 52) as usize
    }

    pub(crate) const fn index(self) -> u32 {
        ((self.0 >> 24) & 0x0fff_ffff) as u32
    }

    pub(crate) const fn generation(self) -> u32 {
        (self.0 & 0x00ff_ffff) as u32
    }

    /// As a number, for storage by the caller.
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// From [`ClaimId::to_u64`]. Any number is accepted; the engine answers `UnknownClaim` to a
    /// wrong one.
    pub const fn from_u64(raw: u64) -> Self {
        Self(raw)
    }
}

const _: () =
    assert!(ClaimId::SHARD_BITS + ClaimId::INDEX_BITS + ClaimId::GENERATION_BITS == u64::BITS);

impl fmt::Display for ClaimId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for ClaimId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ClaimId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        u64::from_str_radix(text, 16).map(Self).map_err(|_| ParseIdError)
    }
}

/// A place in the journal's one total order. The first record has number 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is not an id of the asked kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind")]
pub struct ParseIdError;
