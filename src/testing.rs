//! Do my rules hold? Tools to property-test a booking server that embeds the engine.
//!
//! Needs the feature `testing`. Uses only what the crate offers to everybody; never looks inside
//! the engine.
//!
//! # Any calls, compared with the rules: [`check`]
//!
//! Random cases run on your program and on the [`Model`], and the first difference is told with
//! the shortest list of calls that shows it. A program around the engine says where its engine is,
//! and puts its own way in before it ([`Subject`]); an engine alone is tested as it is:
//!
//! ```
//! use cupo::testing::{check, strategy::cases};
//!
//! check(20, &cases(50), |case, clock| case.builder(clock).open().unwrap());
//! ```
//!
//! *It proves*, for the cases it tried, that every answer is the one that the rules give: receipts,
//! refusals with their reasons, retries, expiry, closures, installs, jumps of the clock, and, if
//! your [`Subject`] can [reopen](Subject::reopen), restarts and crashes; and that all that callers
//! can see in between is as it should be. [`Subject::check`] adds a rule of your own:
//! `examples/property_test.rs` has "at most two passports per family and month".
//! *It does not prove* anything about threads: the calls come one after another.
//!
//! # The rules themselves: [`Model`]
//!
//! The rules once more, in maps and loops that count everything anew; for tests of your own it
//! answers any [`Call`](model::Call) ([`Model::answer`]) or [`Command`](strategy::Command)
//! ([`Model::step`]). It knows one shard, and no jitter in the cool-off, which is drawn from a
//! secret. *It is not* a second engine: it has no log, and takes time with every claim there is.
//!
//! # What callers may do: [`strategy`]
//!
//! [Catalogs](strategy::catalogs), [commands](strategy::commands) and whole
//! [cases](strategy::cases) for proptest, with your own catalog by `prop_map`; and the same from
//! any bytes, for a fuzzer:
//!
//! ```
//! use cupo::testing::{machine::run, strategy::Case};
//!
//! let case = Case::from_bytes(b"whatever a fuzzer comes up with, as long as it likes, or longer");
//! run(&case, |case, clock| case.builder(clock).open().unwrap()).unwrap();
//! ```
//!
//! # Many threads: [`history`]
//!
//! A recorder notes what threads asked and were answered, and a checker looks for an order that
//! explains it. *It proves* that one history is possible under the rules. *It does not* look for
//! bad schedules: run it often, and with your own load.
//!
//! # A disk that fails: [`SimFileSystem`]
//!
//! A file system in memory, which crashes, tears, reorders, fills and fails on command.
//!
//! ```
//! use cupo::{Crash, DirectoryOptions, DirectoryStore, Engine, SimFileSystem};
//!
//! let disk = SimFileSystem::new();
//! let open = |disk: &SimFileSystem| {
//!     let store = DirectoryStore::open(disk.clone(), "log", DirectoryOptions::default()).unwrap();
//!     Engine::builder().store(store).seeded(1).open().unwrap()
//! };
//! let engine = open(&disk);
//! let hash = engine.state_hash();
//! let after = open(&disk.crash(Crash::LoseUnsynced)); // the power went
//! assert_eq!(after.state_hash(), hash);
//! ```
//!
//! *It proves* that what you waited for survives the crashes that you try. *It does not prove*
//! anything about a real disk that lies about its syncs.
//!
//! # Time and sums: [`ManualClock`], [`Engine::audit`](crate::Engine::audit)
//!
//! A clock that moves when told to, also backwards; call [`Engine::tick`](crate::Engine::tick)
//! after it. The audit recounts every counter from the claims: *it proves* that nothing was lost or
//! counted twice inside the engine, and *not* that the claims are the right ones.
//!
//! ```
//! let clock = cupo::ManualClock::at("2026-12-01T09:00:00Z".parse().unwrap());
//! let engine = cupo::Engine::builder().clock(clock.clone()).seeded(1).open().unwrap();
//! clock.advance(std::time::Duration::from_secs(600));
//! engine.tick();
//! assert!(engine.audit().is_clean());
//! ```

pub mod history;
pub mod machine;
pub mod model;
pub mod strategy;

pub use crate::{Audit, Crash, Fault, FileSystem, ManualClock, SimFileSystem};
pub use machine::{Counts, Subject, check};
pub use model::Model;
