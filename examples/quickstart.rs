//! One whole life of a booking, on disk: found, held, confirmed, and still there after a restart.
//!
//! Run it: `cargo run --example quickstart`

#![allow(clippy::print_stdout, reason = "an example shows what happens")]

use std::error::Error;

use cupo::{Ask, Catalog, ClaimState, Engine, Openings, PartyId, RequestId};

/// One office with one desk, open every morning.
const CATALOG: &str = r#"
    [[offices]]
    key = "madrid"
    zone = "Europe/Madrid"

    [[services]]
    key = "passport"

    [[calendars]]
    key = "madrid"
    office = "madrid"
    services = ["passport"]
    capacity = 1

    [calendars.hours]
    mon = ["09:00-14:00"]
    tue = ["09:00-14:00"]
    wed = ["09:00-14:00"]
    thu = ["09:00-14:00"]
    fri = ["09:00-14:00"]
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let engine = Engine::open(directory.path())?;
    engine.install(&Catalog::from_toml(CATALOG)?)?;

    let passport = engine.service("passport").ok_or("the catalog has this service")?;
    let openings = engine.openings(&Openings::new(passport));
    let first = openings.first().ok_or("no place is free")?;
    println!("the earliest place is at {}", first.starts_at);

    // A hold keeps the place for a while; `wait` returns once it is on disk.
    let ask = Ask::new(PartyId(7), RequestId(1), passport, first.slot);
    let held = engine.hold(&ask).wait()?;
    println!("claim {} is held until {:?}", held.id(), held.claim.deadline);

    // The answer got lost? The same request finds the same claim.
    assert_eq!(engine.hold(&ask).wait()?.id(), held.id());

    // Somebody else is refused, with the reason.
    let other = Ask::new(PartyId(8), RequestId(1), passport, first.slot);
    match engine.hold(&other).wait() {
        Err(error) => println!("party 8: {error}"),
        Ok(receipt) => return Err(format!("given out twice: {receipt:?}").into()),
    }

    let booked = engine.confirm(held.id()).wait()?;
    engine.close()?;

    // A restart, of the program or of the machine, changes nothing.
    let engine = Engine::open(directory.path())?;
    let claim = engine.claim(booked.id()).wait()?;
    assert_eq!(claim.state, ClaimState::Booked);
    println!("after a restart claim {} is {}", claim.id, claim.state.name());
    Ok(())
}
