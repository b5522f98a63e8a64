//! Does its figure count? Places are scarce and everybody wants them; then it is counted twice.
//!
//! Never asks a peer whether it is right: the driver's own book decides.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::driver::{Ledger, together};
use crate::peer::{Ask, Fault, Grant, Kind, Live, Outcome, Peer};
use crate::stage::{Stage, TRIAL_PLACES, TRIAL_SLOTS, spread};

/// Clients of the trial at most: more would only wait.
const CLIENTS_MAX: usize = 8;
const BATCH_MAX: usize = 64;
/// Asks for each place when the trial's slots are filled.
const ASKS_PER_PLACE: u32 = 10;

/// Crowds a few slots, watching from outside that no place is given twice; then fills them, and
/// every place must be given, once.
pub fn trial(kind: &Kind, peer: &dyn Peer, ledger: &Ledger, time: Duration) -> Outcome<()> {
    let clients = kind.loads.iter().map(|load| load.clients).max().unwrap_or(1);
    let clients = clients.clamp(2, CLIENTS_MAX);
    let batch = kind.loads.iter().map(|load| load.batch).max().unwrap_or(1).min(BATCH_MAX);
    // Half as many places as users in flight.
    let slots = u32::try_from(clients * batch).unwrap_or(u32::MAX) / 2 / TRIAL_PLACES;
    let slots = slots.clamp(1, TRIAL_SLOTS);
    crowd(peer, ledger, clients, batch, slots, time)?;
    fill(peer, ledger, clients, batch, slots)
}

/// A grant is noted after its answer and struck out before its end is asked for, so what is noted
/// never exceeds what is given.
fn crowd(
    peer: &dyn Peer,
    ledger: &Ledger,
    clients: usize,
    batch: usize,
    slots: u32,
    time: Duration,
) -> Outcome<()> {
    let noted: Vec<AtomicU32> = (0..=TRIAL_SLOTS).map(|_| AtomicU32::new(0)).collect();
    let at = |grant: &Grant| {
        let slot = usize::try_from(grant.slot).ok();
        slot.and_then(|slot| noted.get(slot)).ok_or_else(|| Fault::new("a grant in no slot"))
    };
    let (granted, _) = together(peer, clients, |client| {
        let start = Instant::now();
        let mut total = 0;
        let mut granted = Vec::new();
        while start.elapsed() < time {
            let asks: Vec<Ask> = ledger
                .users(batch)
                .map(|user| Ask { user, slot: Stage::trial_slot(spread(user), slots) })
                .collect();
            granted.clear();
            client.hold(&asks, &mut granted)?;
            for grant in &granted {
                let count = at(grant)?.fetch_add(1, Ordering::SeqCst) + 1;
                if count > TRIAL_PLACES {
                    return Err(Fault::new(format!(
                        "slot {}: {count} users have one of {TRIAL_PLACES} places at once",
                        grant.slot
                    )));
                }
            }
            let confirmed = client.confirm(&granted)?;
            for grant in &granted {
                at(grant)?.fetch_sub(1, Ordering::SeqCst);
            }
            let cancelled = client.cancel(&granted)?;
            if (confirmed, cancelled) != (granted.len(), granted.len()) {
                return Err(Fault::new(format!(
                    "of {} holds {confirmed} were confirmed and {cancelled} cancelled",
                    granted.len()
                )));
            }
            total += granted.len();
        }
        Ok(total)
    })?;
    if granted.iter().sum::<usize>() == 0 {
        return Err(Fault::new("free places, and nobody was granted one"));
    }
    Ok(())
}

fn fill(peer: &dyn Peer, ledger: &Ledger, clients: usize, batch: usize, slots: u32) -> Outcome<()> {
    let asks = u64::from(slots * TRIAL_PLACES * ASKS_PER_PLACE).div_ceil(clients as u64);
    let (granted, _) = together(peer, clients, |client| {
        let mut granted = Vec::new();
        let mut total = 0;
        let mut left = asks;
        while left > 0 {
            let batch = batch.min(usize::try_from(left).unwrap_or(batch));
            left -= batch as u64;
            let asks: Vec<Ask> = ledger
                .users(batch)
                .zip(left..)
                .map(|(user, turn)| Ask { user, slot: Stage::trial_slot(turn, slots) })
                .collect();
            granted.clear();
            client.hold(&asks, &mut granted)?;
            total += granted.len();
            ledger.keep(&granted);
        }
        Ok(total)
    })?;
    let (granted, places) = (granted.iter().sum::<usize>(), slots * TRIAL_PLACES);
    if granted as u64 != u64::from(places) {
        return Err(Fault::new(format!("{granted} grants for {places} places in the trial")));
    }
    Ok(())
}

/// What the peer says that it has is what the driver was answered, and no slot has too many.
pub fn census(peer: &dyn Peer, ledger: &Ledger) -> Outcome<usize> {
    let mut found = peer.census()?;
    found.sort_unstable_by_key(|live| (live.slot, live.place, live.user));
    for claims in found.chunk_by(|a, b| a.slot == b.slot) {
        let slot = claims.first().map_or(0, |live| live.slot);
        let places = Stage::places(slot);
        if claims.len() as u64 > u64::from(places) {
            return Err(Fault::new(format!(
                "slot {slot}: {} claims, {places} places",
                claims.len()
            )));
        }
        let twice = claims
            .windows(2)
            .any(|pair| matches!(pair, [a, b] if a.place.is_some() && a.place == b.place));
        if twice {
            return Err(Fault::new(format!("slot {slot}: one place is given twice")));
        }
    }
    let plain = |live: &Live| (live.user, live.slot);
    let mut told: Vec<_> = found.iter().map(plain).collect();
    let mut own: Vec<_> = ledger.live().iter().map(plain).collect();
    told.sort_unstable();
    own.sort_unstable();
    if told == own {
        return Ok(told.len());
    }
    let other = told.iter().zip(&own).find(|(a, b)| a != b);
    Err(Fault::new(format!(
        "{} claims are there, {} were answered; the first difference: {other:?}",
        told.len(),
        own.len()
    )))
}
