//! What happened after a cursor? A page of events, read from the log.
//!
//! Blocks while it reads: call it where that is allowed.

use std::time::Duration;

use crate::{Engine, Error, Seq};

use super::{Teller, Told};

/// Groups of the log read for one page, whether or not anything in them is told.
const GROUPS: usize = 256;

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum Expired {
    /// The log begins later, or never had that cursor: begin again after this one.
    Before(u64),
    /// The engine says no.
    Failed(Error),
}

/// At most `limit` events after a cursor, and the cursor to go on from.
pub(crate) fn read(
    engine: &Engine,
    source: &str,
    after: u64,
    limit: usize,
) -> Result<(Vec<Told>, u64), Expired> {
    if after > engine.last().0 {
        return Err(Expired::Before(engine.durable().0));
    }
    let mut feed = engine.feed(Seq(after + 1));
    let mut teller = Teller::new(engine, source);
    let (mut told, mut cursor) = (Vec::new(), after);
    for _ in 0..GROUPS {
        let events = feed.next_batch(Duration::ZERO).map_err(|error| match error {
            Error::FeedTooOld { first, .. } => Expired::Before(first.0.saturating_sub(1)),
            error => Expired::Failed(error),
        })?;
        if events.is_empty() {
            break;
        }
        for event in &events {
            told.extend(teller.tell(event));
            cursor = event.seq.0;
            if told.len() >= limit {
                return Ok((told, cursor));
            }
        }
        cursor = feed.position().0.saturating_sub(1).max(cursor);
    }
    Ok((told, cursor))
}
