//! A consumer of the feed that remembers where it was: webhooks, mail, reports.
//!
//! ```text
//! cargo run --example follow_the_feed
//! ```

use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use cupo::{Ask, Catalog, Effect, Engine, Openings, PartyId, RequestId, Seq};

fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::in_memory()?;
    engine.install(&Catalog::from_toml(include_str!("miconsulado.toml"))?)?;
    let visa = engine.service("visa").ok_or("the catalog has visas")?;

    let mut feed = engine.feed(Seq(engine.last().0 + 1));
    for (party, opening) in (1..).zip(engine.openings(&Openings::new(visa).limit(5))) {
        engine.book(&Ask::new(PartyId(party), RequestId(1), visa, opening.slot)).wait()?;
    }
    for event in feed.next_batch(Duration::from_secs(1))? {
        if let Effect::Granted { claim, place, party, .. } = event.effect {
            writeln!(io::stdout(), "{}: {party} has {claim} at {}", event.seq, place.slot())?;
        }
    }
    writeln!(io::stdout(), "start again at {}", feed.position())?;
    Ok(())
}
