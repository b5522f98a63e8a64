//! Who is told what happened? One reader of the engine's feed for all who listen.
//!
//! Never keeps more than a window: whoever falls behind starts again from a cursor. What is written
//! to a stream is written once and shared by all who read it.

mod page;
mod stream;
mod telling;

use std::fmt::Write;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::{Engine, Error, Event, Seq};

use super::metrics::{Check, Load};

pub(crate) use page::{Expired, read};
pub(crate) use stream::{EventStream, LiveStream};
pub(crate) use telling::{KINDS, Teller, Told};

/// Batches that a reader may be behind.
const BATCHES: usize = 256;
/// Events in a batch.
const BATCH: usize = 64;
/// How long the reader waits for the feed before it looks at the clock.
const TURN: Duration = Duration::from_millis(100);

/// Some events, written for streams once.
#[derive(Debug)]
pub(crate) struct Batch {
    text: Bytes,
    /// Where each event ends, by cursor.
    ends: Vec<(u64, usize)>,
}

impl Batch {
    /// Of events in order.
    pub(crate) fn new(told: &[Told]) -> Self {
        let mut text = String::new();
        let mut ends = Vec::with_capacity(told.len());
        for told in told {
            let (cursor, kind, body) = (told.cursor, told.kind, &told.body);
            // Writing to a string does not fail.
            let _ = write!(text, "id: {cursor}\nevent: cupo.{kind}\ndata: {body}\n\n");
            ends.push((cursor, text.len()));
        }
        Self { text: text.into(), ends }
    }

    /// What comes after a cursor, and the last cursor.
    pub(crate) fn after(&self, cursor: u64) -> (Bytes, u64) {
        let known = self.ends.iter().rev().find(|(of, _)| *of <= cursor);
        let from = known.map_or(0, |(_, end)| *end);
        (self.text.slice(from..), self.ends.last().map_or(cursor, |(last, _)| *last))
    }
}

/// Passes durable events on to streams, and takes the service's pulse once a second.
#[derive(Debug)]
pub(crate) struct Hub {
    /// Weak: the reader has the other end, so that all streams end with it.
    events: broadcast::WeakSender<Arc<Batch>>,
    live: watch::Receiver<Bytes>,
    end: CancellationToken,
    reader: Option<JoinHandle<()>>,
}

/// What the reader has.
struct Reader {
    engine: Weak<Engine>,
    source: String,
    events: broadcast::Sender<Arc<Batch>>,
    live: watch::Sender<Bytes>,
    load: Arc<Load>,
    check: Arc<Check>,
    end: CancellationToken,
    next: Seq,
}

impl Hub {
    /// Starts to read what happens from now on. Ends with `stop`, or when it is dropped.
    pub(crate) fn start(
        engine: &Arc<Engine>,
        source: String,
        (load, check): (Arc<Load>, Arc<Check>),
        stop: &CancellationToken,
    ) -> std::io::Result<Self> {
        let (events, _) = broadcast::channel(BATCHES);
        let (live, pulse) = watch::channel(Bytes::new());
        let (end, weak) = (stop.child_token(), events.downgrade());
        let next = Seq(engine.durable().0 + 1);
        let engine = Arc::downgrade(engine);
        let reader = Reader { engine, source, events, live, load, check, end: end.clone(), next };
        let thread = std::thread::Builder::new().name("cupo-events".to_owned());
        let reader = Some(thread.spawn(move || reader.run())?);
        Ok(Self { events: weak, live: pulse, end, reader })
    }

    /// All events from now on; `None` once the service stops.
    pub(crate) fn listen(&self) -> Option<broadcast::Receiver<Arc<Batch>>> {
        self.events.upgrade().map(|events| events.subscribe())
    }

    /// The counts of each second, as text for a stream.
    pub(crate) fn pulse(&self) -> watch::Receiver<Bytes> {
        self.live.clone()
    }

    /// How many streams of events there are.
    pub(crate) fn listeners(&self) -> usize {
        self.events.upgrade().map_or(0, |events| events.receiver_count())
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.end.cancel();
        if let Some(reader) = self.reader.take() {
            // A reader that panicked has nothing more to say.
            let _ = reader.join();
        }
    }
}

impl Reader {
    fn run(mut self) {
        while !self.end.is_cancelled()
            && let Some(engine) = self.engine.upgrade()
        {
            self.turn(&engine);
            self.check.tick(&engine);
            if let Some(second) = self.load.tick(&engine)
                && self.live.receiver_count() > 1
            {
                self.live.send_replace(format!("event: load\ndata: {second}\n\n").into());
            }
        }
    }

    fn turn(&mut self, engine: &Engine) {
        let mut feed = engine.feed(self.next);
        match feed.next_batch(TURN) {
            Ok(events) => {
                self.next = feed.position();
                self.load.count(&events);
                self.pass_on(engine, &events);
            }
            Err(Error::FeedTooOld { first, .. }) => self.next = first,
            // The storage failed or the engine is closed: everybody else is told so.
            Err(_) => std::thread::sleep(TURN),
        }
    }

    fn pass_on(&self, engine: &Engine, events: &[Event]) {
        if self.events.receiver_count() == 0 {
            return;
        }
        let mut teller = Teller::new(engine, &self.source);
        let told: Vec<Told> = events.iter().filter_map(|event| teller.tell(event)).collect();
        for part in told.chunks(BATCH) {
            // Fails when the last listener has just gone.
            let _ = self.events.send(Arc::new(Batch::new(part)));
        }
    }
}
