//! A second view of the same facts: a reader that follows the feed, stops, and goes on.
//!
//! The engine tells every durable effect once and in order, so a search index, a reminder service
//! or a report keeps itself current with a number to remember: the last one it has seen.
//!
//! Run it: `cargo run --example follow_the_feed`

#![allow(clippy::print_stdout, reason = "an example shows what happens")]

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use cupo::{
    Ask, Catalog, ClaimId, ClaimState, DayId, Effect, Engine, Openings, PartyId, RequestId, Seq,
};

const CATALOG: &str = r#"
    offices = [{ key = "north", zone = "America/Chicago" }]
    services = [{ key = "passport" }]

    [[calendars]]
    key = "north"
    office = "north"
    services = ["passport"]
    capacity = 4

    [calendars.hours]
    mon = ["09:00-12:00"]
    tue = ["09:00-12:00"]
    wed = ["09:00-12:00"]
    thu = ["09:00-12:00"]
    fri = ["09:00-12:00"]
"#;

/// Who is booked on which day, as the feed tells it.
#[derive(Default)]
struct View {
    bookings: BTreeMap<ClaimId, DayId>,
    /// The last number seen: all that must be kept to go on after a stop.
    seen: Seq,
}

impl View {
    /// Takes what is there; returns once nothing new has come for a moment.
    fn catch_up(&mut self, engine: &Engine) -> Result<(), cupo::Error> {
        let mut feed = engine.feed(Seq(self.seen.0 + 1));
        loop {
            let batch = feed.next_batch(Duration::from_millis(50))?;
            if batch.is_empty() {
                return Ok(());
            }
            for event in batch {
                self.apply(&event.effect);
                self.seen = event.seq;
            }
        }
    }

    fn apply(&mut self, effect: &Effect) {
        match effect {
            Effect::Granted { claim, place, booked: true, .. }
            | Effect::Confirmed { claim, place, .. }
            | Effect::Taken { claim, place, held: false, .. } => {
                self.bookings.insert(*claim, place.day);
            }
            Effect::Ended { claim, how: ClaimState::Cancelled, .. } => {
                self.bookings.remove(claim);
            }
            // Holds, other states, days and plans do not change this view.
            _ => {}
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let engine = Engine::open(directory.path())?;
    engine.install(&Catalog::from_toml(CATALOG)?)?;
    let passport = engine.service("passport").ok_or("the catalog has this service")?;
    let openings = engine.openings(&Openings::new(passport).limit(12));
    let mut view = View::default();

    let mut claims = Vec::new();
    for (party, opening) in (1..).zip(&openings) {
        let ask = Ask::new(PartyId(party), RequestId(1), passport, opening.slot);
        claims.push(engine.book(&ask).wait()?.id());
    }
    view.catch_up(&engine)?;
    println!("{} bookings, up to record {}", view.bookings.len(), view.seen);

    // While the reader is away, bookings are cancelled and moved, and the engine restarts.
    let [first, second, ..] = claims.as_slice() else { return Err("too few openings".into()) };
    engine.cancel(*first).wait()?;
    let last = openings.last().ok_or("too few openings")?;
    engine.reschedule(*second, last.slot, RequestId(2)).wait()?;
    engine.close()?;
    let engine = Engine::open(directory.path())?;

    view.catch_up(&engine)?;
    println!("{} bookings, up to record {}", view.bookings.len(), view.seen);

    // Both tell the same: claim by claim.
    assert_eq!(u64::try_from(view.bookings.len())?, engine.stats().booked);
    for (id, day) in &view.bookings {
        let claim = engine.claim(*id).wait()?;
        assert_eq!((claim.state, claim.slot.day), (ClaimState::Booked, *day));
    }
    println!("the view and the engine agree");
    Ok(())
}
