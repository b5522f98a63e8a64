//! **cupo** hands out places at appointments: never the same place twice, under any concurrency,
//! crash or replay, and it never forgets one that it acknowledged. It is a library that a booking
//! server embeds. (Spanish: *hay cupo*, there is a place.)
//!
//! # One whole life of a booking
//!
//! ```
//! use std::time::Duration;
//! use cupo::{Ask, Catalog, Engine, ManualClock, Openings, PartyId, RequestId};
//!
//! # fn main() -> Result<(), cupo::Error> {
//! let catalog = Catalog::from_toml(r#"
//!     [[offices]]
//!     key = "madrid"
//!     zone = "Europe/Madrid"
//!     [[services]]
//!     key = "passport"
//!     [[calendars]]
//!     key = "madrid"
//!     office = "madrid"
//!     services = ["passport"]
//!     capacity = 1
//!     hours = { mon = ["09:00-14:00"] }
//! "#).map_err(std::sync::Arc::new)?;
//!
//! let clock = ManualClock::at("2026-11-20T08:00:00Z".parse().unwrap()); // a Friday
//! let engine = Engine::builder().clock(clock).open()?; // `Engine::open(dir)` keeps it on disk
//! engine.install(&catalog)?;
//!
//! let passport = engine.service("passport").unwrap();
//! let [first, ..] = engine.openings(&Openings::new(passport))[..] else { panic!() };
//! assert_eq!(first.starts_at.to_rfc3339(), "2026-11-23T08:00:00+00:00"); // Monday, 09:00 there
//!
//! let ask = Ask::new(PartyId(7), RequestId(1), passport, first.slot).ttl(Duration::from_secs(60));
//! let held = engine.hold(&ask).wait()?;             // returns once it is durable
//! assert!(engine.hold(&ask).wait()?.replayed);      // a retry finds the same claim
//!
//! let other = Ask::new(PartyId(8), RequestId(1), passport, first.slot);
//! let no = engine.hold(&other).wait().unwrap_err(); // a refusal says why
//! assert_eq!(no.rejection(), Some(cupo::Rejection::SlotFull { slot: first.slot }));
//!
//! engine.confirm(held.id()).wait()?;
//! engine.cancel(held.id()).wait()?;
//! assert!(engine.hold(&other).wait().is_ok());      // the place is free again
//! assert!(engine.audit().is_clean());
//! # Ok(()) }
//! ```
//!
//! # What it promises
//!
//! Used never exceeds a limit; a grant is all or nothing; a hold ends exactly once; a retry finds
//! its claim; a move is one step; acknowledged means on disk; damage to acknowledged data stops
//! the start. Each is a test with that name in `tests/rules.rs`, and README names them all.
//!
//! # What it is not
//!
//! Not a server, not a calendar for people, not a queue, no store of names or documents: parties
//! are opaque 128-bit keys. One engine owns a directory. It does not survive a disk that lies
//! about syncs, the loss of the only disk, or hostile edits of its files.
//!
//! # Where to look
//!
//! [`Engine`] is the front door, [`Catalog`] the rules, [`Ask`] a request, [`Commit`] an answer on
//! its way to the disk, [`Rejection`] a reasoned no, [`log_store`] the seam to other storage.

// The evidence file, which tests share, calls the crate by its name.
#[cfg(all(test, loom))]
extern crate self as cupo;

mod catalog;
mod claim;
#[cfg(feature = "desk")]
pub mod desk;
mod engine;
mod error;
mod file_system;
mod id;
mod inventory;
mod journal;
mod ledger;
pub mod limits;
pub mod log_store;
#[cfg(feature = "phone")]
pub mod phone;
mod planted;
mod record;
mod rejection;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
#[cfg(feature = "web")]
pub mod web;

pub use catalog::{
    Calendar, Catalog, CatalogError, Change, ChannelLimits, Exception, Holds, Lead, Names, Office,
    Requirements, Service, Share, Span, Week,
};
pub use claim::{Arrangement, Claim, ClaimState, Place, Receipt, Services};
pub use engine::{
    Ask, Audit, Builder, Closure, DayView, Engine, InstallReport, LogSummary, OpenDay, Opening,
    Openings, SlotView, Stats, Verified, read_log, verify,
};
pub use error::{Error, StorageError};
pub use file_system::{
    Crash, Fault, FileHandle, FileSystem, RealFileSystem, SimFile, SimFileSystem,
};
pub use id::{
    ActorId, CalendarId, Channel, ClaimId, DayId, OfficeId, ParseIdError, PartyId, RequestId, Seq,
    ServiceId, SlotId,
};
pub use journal::{Commit, Event, Feed};
pub use log_store::{
    BackupReport, DirectoryOptions, DirectoryReader, DirectoryStore, Durability, MemoryStore,
    SalvageReport, backup, salvage,
};
pub use record::{DayFrame, Detail, Effect, PlanRange, TextOf};
pub use rejection::Rejection;
pub use time::{Clock, ManualClock, SystemClock, Time};
