//! What would one use instead, and what does it cost? The same scenario against other stores.
//!
//! A workspace of its own: the crate that is measured never sees this room or what it needs.

#![expect(clippy::disallowed_methods, reason = "a benchmark asks the clock of the machine")]
#![allow(clippy::cast_precision_loss, reason = "figures are shown to three digits")]

pub mod check;
pub mod driver;
pub mod machine;
pub mod page;
pub mod peer;
pub mod peers;
pub mod picture;
pub mod rounds;
pub mod servers;
pub mod stage;
pub mod table;
