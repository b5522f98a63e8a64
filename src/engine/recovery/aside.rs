//! Who applies the claims of a long log? Another thread, while this one reads on.
//!
//! A line has all that each room needs, so ledger and days need not wait for each other. Never says
//! what is wrong with a log: then the caller goes through it in order.

use std::sync::mpsc::{Receiver, sync_channel};

use crate::engine::recovery::{Reading, Rebuilt, apply};
use crate::id::Seq;
use crate::journal::{self, Tail};
use crate::ledger::Ledger;
use crate::log_store::{LogStore, Position};
use crate::record::{Line, has_more};
use crate::time::Time;

/// Fewer frames are not worth a thread. Explored schedules have none.
pub(super) const FRAMES_MIN: u64 = if cfg!(any(loom, shuttle)) { u64::MAX } else { 32 };

/// Lines of a batch: some ten microseconds' work, so that handing over costs little.
const BATCH: usize = 512;
/// Batches on their way; more would leave the cache before they are read.
const BATCHES: usize = 8;

type Batch = Vec<(Seq, Time, Line)>;

/// Applies every frame up to `last`; `None` if anything is wrong with them.
pub(super) fn replay(store: &dyn LogStore, last: Position, rebuilt: &mut Rebuilt) -> Option<Tail> {
    let ledger = std::mem::replace(&mut rebuilt.ledger, Ledger::new(0, [0; 2]));
    let start = rebuilt.tail;
    let tail = std::thread::scope(|scope| {
        let (to, batches) = sync_channel::<Batch>(BATCHES);
        let claims = scope.spawn(|| apply_claims(&ledger, batches));
        let mut reading = Reading::default();
        let mut batch = Batch::with_capacity(BATCH);
        let tail =
            journal::replay(store, start.position, last, start, &mut |seq, at, line, next| {
                batch.push((seq, at, *line));
                if batch.len() >= BATCH && next.is_none() {
                    let full = std::mem::replace(&mut batch, Batch::with_capacity(BATCH));
                    to.send(full).map_err(|_| "seen by the other thread")?;
                }
                let Some(effect) = reading.next(line, next)? else { return Ok(()) };
                rebuilt.apply(seq, effect, reading.freed.as_ref())
            });
        let sent = to.send(batch);
        drop(to);
        let applied = claims.join().ok()?;
        tail.ok().filter(|_| sent.is_ok() && applied.is_ok())
    });
    rebuilt.ledger = ledger;
    tail
}

fn apply_claims(ledger: &Ledger, batches: Receiver<Batch>) -> Result<(), &'static str> {
    let mut reading = Reading::default();
    for batch in batches {
        for (place, (seq, at, line)) in batch.iter().enumerate() {
            let next = batch.get(place + 1).map(|(.., next)| next).filter(|_| has_more(line));
            let Some(effect) = reading.next(line, next)? else { continue };
            apply::to_claim(ledger, *seq, *at, &effect, reading.freed.as_ref())?;
        }
    }
    Ok(())
}
