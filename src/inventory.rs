//! What is there, where and when? Days and their slots.
//!
//! Never knows whose a place is (a roster holds claim ids, unread), never writes a record, never
//! asks the time.

mod bits;
mod day;
mod fits;
mod map;
mod openings;
mod plan;
mod roster;

pub(crate) use day::{Day, DayState, Shortage, starts_at};
pub(crate) use map::{DayEntry, DayMap};
pub(crate) use openings::{Accept, Found, Search, earliest, open_days};
pub(crate) use plan::{Plan, Plans, Shape, lanes};
pub(crate) use roster::Roster;
