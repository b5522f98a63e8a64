//! What is asked of every peer? The mix, the one hot slot, the sales; and what was given to whom.
//!
//! Never knows which peer it drives, and counts nothing that was not answered.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::peer::{Ask, Client, Fault, Grant, Live, Load, Outcome, Peer};
use crate::stage::{HOT, SALE_ASKS, SALE_PLACES, Stage};

/// What is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    Mix,
    OneSlot,
    Sale,
}

impl Scene {
    pub const ALL: [Self; 3] = [Self::Mix, Self::OneSlot, Self::Sale];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Mix => "mix",
            Self::OneSlot => "one hot slot",
            Self::Sale => "sell-out",
        }
    }
}

/// The driver's own book: whoever was promised a place that they keep.
#[derive(Debug)]
pub struct Ledger {
    users: AtomicU64,
    live: Mutex<Vec<Live>>,
    /// Asks of sales that are over.
    sold: AtomicU64,
}

impl Ledger {
    /// Of a stage just set: the bookings that live throughout.
    pub fn new(stage: &Stage) -> Self {
        let live = (0..stage.live)
            .map(|user| Live { user: user.into(), slot: stage.live_slot(user), place: None })
            .collect();
        Self {
            users: AtomicU64::new(stage.live.into()),
            live: Mutex::new(live),
            sold: AtomicU64::new(0),
        }
    }

    /// So many numbers of users that never asked before.
    pub fn users(&self, count: usize) -> std::ops::Range<u64> {
        let first = self.users.fetch_add(count as u64, Ordering::Relaxed);
        first..first + count as u64
    }

    pub fn keep(&self, grants: &[Grant]) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.extend(grants.iter().map(|g| Live { user: g.user, slot: g.slot, place: None }));
    }

    pub fn live(&self) -> Vec<Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub operations: u64,
    pub seconds: f64,
}

impl Run {
    pub fn rate(&self) -> f64 {
        self.operations as f64 / self.seconds.max(1e-9)
    }
}

/// Lets clients work at the same time; their results, and the seconds until the last was done.
pub fn together<T: Send>(
    peer: &dyn Peer,
    clients: usize,
    work: impl Fn(&mut dyn Client) -> Outcome<T> + Sync,
) -> Outcome<(Vec<T>, f64)> {
    let mut callers = Vec::with_capacity(clients);
    for _ in 0..clients {
        callers.push(peer.client()?);
    }
    let barrier = Barrier::new(clients + 1);
    std::thread::scope(|scope| {
        let threads: Vec<_> = callers
            .into_iter()
            .map(|mut caller| {
                let (barrier, work) = (&barrier, &work);
                scope.spawn(move || {
                    barrier.wait();
                    work(caller.as_mut())
                })
            })
            .collect();
        barrier.wait();
        let start = Instant::now();
        let mut done = Vec::with_capacity(clients);
        for thread in threads {
            done.push(thread.join().map_err(|_| Fault::new("a client panicked"))?);
        }
        let seconds = start.elapsed().as_secs_f64();
        Ok((done.into_iter().collect::<Outcome<Vec<T>>>()?, seconds))
    })
}

/// Plays a scene for about as long as said. An answer that no correct store gives is a fault.
pub fn play(
    scene: Scene,
    peer: &dyn Peer,
    stage: &Stage,
    ledger: &Ledger,
    load: Load,
    time: Duration,
) -> Outcome<Run> {
    match scene {
        Scene::Mix => cycles(peer, ledger, load, time, |user| stage.mix_slot(user)),
        Scene::OneSlot => cycles(peer, ledger, load, time, |_| HOT),
        Scene::Sale => sale(peer, stage, ledger, load, time),
    }
}

/// Hold, confirm, cancel, for users never seen before, where there is room for all.
fn cycles(
    peer: &dyn Peer,
    ledger: &Ledger,
    load: Load,
    time: Duration,
    slot: impl Fn(u64) -> u32 + Sync,
) -> Outcome<Run> {
    let (counts, seconds) = together(peer, load.clients, |client| {
        let start = Instant::now();
        let mut operations = 0;
        let (mut asks, mut granted) = (Vec::new(), Vec::new());
        while start.elapsed() < time {
            asks.clear();
            granted.clear();
            asks.extend(ledger.users(load.batch).map(|user| Ask { user, slot: slot(user) }));
            client.hold(&asks, &mut granted)?;
            all("granted", granted.len(), load.batch)?;
            all("confirmed", client.confirm(&granted)?, load.batch)?;
            all("cancelled", client.cancel(&granted)?, load.batch)?;
            operations += 3 * load.batch as u64;
        }
        Ok(operations)
    })?;
    Ok(Run { operations: counts.iter().sum(), seconds })
}

/// Whole sales: each ask is for a place that nine others want too.
fn sale(
    peer: &dyn Peer,
    stage: &Stage,
    ledger: &Ledger,
    load: Load,
    time: Duration,
) -> Outcome<Run> {
    let whole = u64::from(SALE_ASKS);
    let first = ledger.sold.load(Ordering::Relaxed);
    // The next ask, and the one to stop before: the end of a sale, once time is over.
    let turn = Mutex::new((first, u64::from(stage.sales) * whole));
    if turn.lock().is_ok_and(|turn| turn.0 >= turn.1) {
        return Err(Fault::new("nothing is left to sell"));
    }
    let (counts, seconds) = together(peer, load.clients, |client| {
        let start = Instant::now();
        let mut count = 0;
        let (mut asks, mut granted) = (Vec::new(), Vec::new());
        loop {
            let (from, to) = {
                let mut turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
                if start.elapsed() >= time {
                    turn.1 = turn.1.min(turn.0.next_multiple_of(whole));
                }
                let to = turn.1.min(turn.0 + load.batch as u64);
                (std::mem::replace(&mut turn.0, to), to)
            };
            if from >= to {
                return Ok(count);
            }
            asks.clear();
            granted.clear();
            let users = ledger.users(load.batch);
            asks.extend(
                users
                    .zip(from..to)
                    .map(|(user, position)| Ask { user, slot: stage.sale_slot(position) }),
            );
            client.hold(&asks, &mut granted)?;
            count += granted.len();
            ledger.keep(&granted);
        }
    })?;
    let sold = turn.into_inner().unwrap_or_else(PoisonError::into_inner).0;
    ledger.sold.store(sold, Ordering::Relaxed);
    let operations = sold - first;
    let places = operations / whole * u64::from(SALE_PLACES);
    let granted = counts.iter().sum::<usize>() as u64;
    if granted != places {
        return Err(Fault::new(format!("{granted} grants for {places} places on sale")));
    }
    Ok(Run { operations, seconds })
}

fn all(what: &str, count: usize, of: usize) -> Outcome<()> {
    if count == of {
        return Ok(());
    }
    Err(Fault::new(format!("{count} of {of} were {what}, and there was room for all")))
}
