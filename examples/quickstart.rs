//! The shortest booking server: find the next place, hold it, confirm it, durably.
//!
//! ```text
//! cargo run --example quickstart
//! ```

use std::error::Error;
use std::io::{self, Write};

use cupo::{Ask, Catalog, Engine, Openings, PartyId, RequestId};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::temp_dir().join(format!("cupo-quickstart-{}", std::process::id()));
    let engine = Engine::open(&directory)?;
    engine.install(&Catalog::from_toml(include_str!("miconsulado.toml"))?)?;

    let passport = engine.service("passport").ok_or("the catalog has passports")?;
    let chicago = engine.office("chicago").ok_or("the catalog has Chicago")?;
    let openings = engine.openings(&Openings::new(passport).offices(&[chicago]));
    let next = openings.first().ok_or("sold out: try another office")?;

    let (citizen, request) = (PartyId(36_500_000), RequestId(1));
    let held = engine.hold(&Ask::new(citizen, request, passport, next.slot)).wait()?;
    let booked = engine.confirm(held.id()).wait()?;
    writeln!(
        io::stdout(),
        "booked {} at {}, on disk in {}",
        booked.id(),
        next.starts_at,
        directory.display()
    )?;

    let slot = booked.claim.slot;
    engine.close()?;
    // After a restart it is there.
    let again = Engine::open(&directory)?;
    let claim = again.claim(booked.id()).wait()?;
    writeln!(io::stdout(), "after a restart: {}, still at {slot}", claim.state.name())?;
    drop(again);
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}
