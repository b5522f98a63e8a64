//! Is a connection slow on purpose? One watchman looks at all connections, four times a second.
//!
//! A request costs a few plain stores and no timer; whoever is too slow is cut off within a second
//! of their time.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::web::Settings;

const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Nothing is expected of the other side.
const IDLE: u8 = 0;
/// A request has begun and its head is not whole.
const HEAD: u8 = 1;
/// A request is being answered; the guards count its time.
const BUSY: u8 = 2;

/// What a connection is told from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Answer what has been asked, and close.
    Finish,
    /// Close now.
    End,
}

/// How one connection is doing.
#[derive(Debug)]
pub(super) struct Line {
    clock: Arc<AtomicU64>,
    phase: AtomicU8,
    since: AtomicU64,
    /// Since when the other side takes nothing; 0 if it does.
    stuck: AtomicU64,
    order: AtomicU8,
    told: Notify,
}

/// All connections.
#[derive(Debug)]
pub(super) struct Watch {
    lines: Mutex<Vec<Weak<Line>>>,
    /// Milliseconds since the start, as of the last look; never 0.
    clock: Arc<AtomicU64>,
    head_ms: u64,
    idle_ms: u64,
}

// All orderings here are Relaxed: times and phases are looked at again a moment later.
impl Line {
    fn now(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

    fn enter(&self, phase: u8) {
        self.since.store(self.now(), Ordering::Relaxed);
        self.phase.store(phase, Ordering::Relaxed);
    }

    /// Bytes have come.
    pub(super) fn came(&self) {
        if self.phase.load(Ordering::Relaxed) == IDLE {
            self.enter(HEAD);
        }
    }

    /// The head of a request is whole.
    pub(super) fn begin(&self) {
        self.enter(BUSY);
    }

    /// The answer is made.
    pub(super) fn end(&self) {
        self.enter(IDLE);
    }

    /// Whether a request is being answered.
    pub(super) fn is_busy(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == BUSY
    }

    /// Whether the other side takes what is written.
    pub(super) fn flows(&self, flows: bool) {
        let stuck = self.stuck.load(Ordering::Relaxed);
        if flows && stuck != 0 {
            self.stuck.store(0, Ordering::Relaxed);
        } else if !flows && stuck == 0 {
            self.stuck.store(self.now(), Ordering::Relaxed);
        }
    }

    /// Waits for an order.
    pub(super) async fn told(&self) -> Order {
        loop {
            let told = self.told.notified();
            match self.order.load(Ordering::Relaxed) {
                0 => told.await,
                1 => return Order::Finish,
                _ => return Order::End,
            }
        }
    }

    /// Waits for the order to close now.
    pub(super) async fn ended(&self) {
        while self.order.load(Ordering::Relaxed) < 2 {
            self.told.notified().await;
        }
    }

    fn tell(&self, order: Order) {
        let order = match order {
            Order::Finish => 1,
            Order::End => 2,
        };
        self.order.fetch_max(order, Ordering::Relaxed);
        self.told.notify_one();
    }

    fn is_too_slow(&self, now: u64, watch: &Watch) -> bool {
        let for_ms = now.saturating_sub(self.since.load(Ordering::Relaxed));
        let stuck = self.stuck.load(Ordering::Relaxed);
        let slow = match self.phase.load(Ordering::Relaxed) {
            IDLE => for_ms > watch.idle_ms,
            HEAD => for_ms > watch.head_ms,
            _ => false,
        };
        slow || (stuck != 0 && now.saturating_sub(stuck) > watch.idle_ms)
    }
}

impl Watch {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            lines: Mutex::default(),
            clock: Arc::new(AtomicU64::new(1)),
            head_ms: settings.header_seconds_max.saturating_mul(1_000),
            idle_ms: settings.idle_seconds_max.saturating_mul(1_000),
        }
    }

    /// A new connection: the head of its first request is awaited.
    pub(super) fn line(&self) -> Arc<Line> {
        let line = Arc::new(Line {
            clock: Arc::clone(&self.clock),
            phase: AtomicU8::new(HEAD),
            since: AtomicU64::new(self.clock.load(Ordering::Relaxed)),
            stuck: AtomicU64::new(0),
            order: AtomicU8::new(0),
            told: Notify::new(),
        });
        self.lines.lock().push(Arc::downgrade(&line));
        line
    }

    /// Tells all connections; the number of them.
    pub(super) fn tell_all(&self, order: Order) -> usize {
        let lines: Vec<_> = self.lines.lock().iter().filter_map(Weak::upgrade).collect();
        for line in &lines {
            line.tell(order);
        }
        lines.len()
    }

    /// The watchman: never returns.
    pub(super) async fn keep(&self) {
        let start = Instant::now();
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let now = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
            self.clock.store(now, Ordering::Relaxed);
            self.lines.lock().retain(|line| match line.upgrade() {
                None => false,
                Some(line) => {
                    if line.is_too_slow(now, self) {
                        line.tell(Order::End);
                    }
                    true
                }
            });
        }
    }
}
