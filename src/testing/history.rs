//! Could what the callers saw have happened one at a time? Recorded histories, and a checker.
//!
//! Many threads call the engine, or your wrapper around it, and a [`Recorder`] notes each call,
//! its answer, and when both were. [`History::check`] then looks for an order of the calls in
//! which each happens at some moment between its question and its answer, and in which every
//! answer is the one that the rules give: that is linearizability (Herlihy and Wing 1990). If
//! there is none, the [`CounterExample`] is the least part of the history that is impossible.
//!
//! ```
//! use cupo::testing::history::Recorder;
//! use cupo::{Ask, Catalog, Engine, ManualClock, Openings, PartyId, RequestId};
//!
//! let catalog = Catalog::from_toml(r#"
//!     [[offices]]
//!     key = "lima"
//!     zone = "America/Lima"
//!     [[services]]
//!     key = "visa"
//!     [[calendars]]
//!     key = "lima"
//!     office = "lima"
//!     services = ["visa"]
//!     capacity = 1
//!     hours = { mon = ["09:00-10:00"] }
//! "#).unwrap();
//! let clock = ManualClock::at("2026-11-20T08:00:00Z".parse().unwrap());
//! let engine = Engine::builder().clock(clock.clone()).open().unwrap();
//! engine.install(&catalog).unwrap();
//! let visa = engine.service("visa").unwrap();
//! let slot = engine.openings(&Openings::new(visa))[0].slot;
//!
//! let recorder = Recorder::at(&clock);
//! recorder.day(&engine.day(slot.day).unwrap());
//! std::thread::scope(|scope| {
//!     for party in 1..=3 {
//!         let (mut client, engine) = (recorder.client(), &engine);
//!         scope.spawn(move || {
//!             let ask = Ask::new(PartyId(party), RequestId(1), visa, slot);
//!             if let Ok(held) = client.hold(engine, &ask) {
//!                 client.confirm(engine, held.id()).unwrap();
//!                 client.cancel(engine, held.id()).unwrap();
//!             }
//!         });
//!     }
//! });
//! let mut history = recorder.history();
//! assert_eq!(history.check().unwrap().groups, 1);
//!
//! // A place more than there is: no order explains three holds of one place.
//! history.slots.insert(slot, 0);
//! let bad = history.check().unwrap_err();
//! assert!(bad.to_string().contains("No order explains"), "{bad}");
//! ```
//!
//! # What it proves
//!
//! That one history is possible under the rules of slots and claims: places and who has them,
//! moves in one step, holds and their deadlines, confirmations, cancellations, retries by request
//! id, and statements about claims. Refusals count as much as grants: `SlotFull` must be true at
//! some moment of the call. A call with no known outcome ([`Answer::Unknown`], from
//! `Error::Indeterminate`) happened between its question and the engine's next crash
//! ([`Recorder::crash`]) or not at all, and not by halves: who has seen it sees it for good. A hold
//! may be found ended at any moment from its deadline on, and never before.
//!
//! # What it does not prove
//!
//! Nothing about histories that did not happen: run many, with few slots and few parties. Nothing
//! about limits of parties and channels or about the calendar: a refusal for such a reason is
//! believed. It knows claims of one slot, catalogs without cool-off, and clocks that move when told
//! to ([`ManualClock`](crate::ManualClock)); not runs of slots, requests for several slots, closed
//! days, cut capacities, or retries after the idempotency window. Counts of
//! [`Engine::day`](crate::Engine::day) are advisory: only the capacity bounds them. Groups of slots
//! that no claim links are ordered apart, each with the moves of the clock in an order of its own.
//! States are compared by 128-bit prints.

mod event;
mod puzzle;
mod record;
mod search;
mod shrink;
mod spec;
mod tell;

pub use event::{Answer, Event, History, Operation, Seen, Wanted};
pub use record::{Client, Recorder};

use puzzle::Puzzle;

/// How much was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Calls that had to be given a moment.
    pub operations: usize,
    /// Groups of calls that share a claim or a slot.
    pub groups: usize,
}

/// A history that no order explains, in its least part.
#[derive(Clone, Debug)]
pub struct CounterExample {
    /// The least part: bad as the whole is.
    pub history: History,
    /// One sentence on where the longest order ends.
    pub why: String,
    /// Calls of the whole history.
    pub operations: usize,
}

impl std::error::Error for CounterExample {}

impl History {
    /// Looks for an order of the calls that explains every answer.
    ///
    /// Milliseconds for hundreds of calls by a handful of threads; the moments of calls must all
    /// be different, as a [`Recorder`] makes them.
    ///
    /// # Errors
    /// The least part of the history that has no order.
    pub fn check(&self) -> Result<Checked, Box<CounterExample>> {
        self.check_looks()?;
        let puzzle = Puzzle::new(self);
        if shrink::stuck(&puzzle).is_none() {
            let groups = puzzle.groups().len();
            return Ok(Checked { operations: puzzle.moves.len(), groups });
        }
        let history = shrink::shrink(self);
        let least = Puzzle::new(&history);
        let why = shrink::stuck(&least).map(|stuck| tell::why(&least, &stuck)).unwrap_or_default();
        Err(Box::new(CounterExample { history, why, operations: self.events.len() }))
    }

    fn check_looks(&self) -> Result<(), Box<CounterExample>> {
        for event in &self.events {
            let (Operation::Look(slot), Answer::Used(used)) = (&event.operation, &event.answer)
            else {
                continue;
            };
            let places = self.slots.get(slot).copied().unwrap_or(0);
            if *used > places {
                let why = format!("No order explains #1: slot {slot} has {places} places.");
                let events = vec![event.clone()];
                let history = Self { events, ..self.clone() };
                let operations = self.events.len();
                return Err(Box::new(CounterExample { history, why, operations }));
            }
        }
        Ok(())
    }
}
