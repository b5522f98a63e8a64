//! Can the check fail? Peers with planted bugs, each of which must be caught before its figure
//! counts, and honest ones that pass. Needs no server.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cupo_peers::peer::{Ask, Client, Grant, Kind, Live, Load, Outcome, Peer, Promise};
use cupo_peers::rounds::{self, Entry, Plan};
use cupo_peers::stage::Stage;

const PLAN: Plan = Plan {
    quick: true,
    rounds: 1,
    time: Duration::from_millis(50),
    sweep: Duration::from_millis(10),
    trial: Duration::from_millis(100),
};

/// What is wrong with a peer.
#[derive(Clone, Copy, PartialEq)]
enum Bug {
    None,
    /// Looks and takes under two locks.
    Race,
    /// Now and then gives a place too many.
    OneTooMany,
    /// Now and then refuses although a place is free.
    Stingy,
    /// Now and then answers yes and remembers nothing.
    Forgetful,
    /// A cancelled claim stays.
    Sticky,
}

#[derive(Default)]
struct Maps {
    used: HashMap<u32, u32>,
    claims: HashMap<u64, u32>,
}

struct Planted {
    bug: Bug,
    maps: Mutex<Maps>,
    asks: AtomicU64,
}

impl Planted {
    fn lock(&self) -> MutexGuard<'_, Maps> {
        self.maps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give(&self, ask: &Ask) -> bool {
        let turn = self.asks.fetch_add(1, Ordering::Relaxed);
        let (full, some) = {
            let mut maps = self.lock();
            let used = *maps.used.entry(ask.slot).or_default();
            (used >= Stage::places(ask.slot), turn % 97 == 96)
        };
        match self.bug {
            Bug::Stingy if some => return false,
            Bug::OneTooMany if some => {}
            Bug::Race => {
                std::thread::yield_now();
                if full {
                    return false;
                }
            }
            _ if self.lock().used.get(&ask.slot).is_some_and(|n| *n >= Stage::places(ask.slot)) => {
                return false;
            }
            _ => return self.take(ask, some && self.bug == Bug::Forgetful),
        }
        self.take(ask, false)
    }

    /// Once more under one lock, but for the peers whose bug it is not to.
    fn take(&self, ask: &Ask, forget: bool) -> bool {
        let mut maps = self.lock();
        let used = maps.used.entry(ask.slot).or_default();
        let trusting = matches!(self.bug, Bug::Race | Bug::OneTooMany);
        if !trusting && *used >= Stage::places(ask.slot) {
            return false;
        }
        *used += 1;
        if !forget {
            maps.claims.insert(ask.user, ask.slot);
        }
        true
    }
}

impl Peer for Planted {
    fn client(&self) -> Outcome<Box<dyn Client + '_>> {
        Ok(Box::new(self))
    }

    fn census(&self) -> Outcome<Vec<Live>> {
        let maps = self.lock();
        let live = |(user, slot): (&u64, &u32)| Live { user: *user, slot: *slot, place: None };
        Ok(maps.claims.iter().map(live).collect())
    }
}

impl Client for &Planted {
    fn hold(&mut self, asks: &[Ask], granted: &mut Vec<Grant>) -> Outcome<()> {
        let given = asks.iter().filter(|ask| self.give(ask));
        granted.extend(given.map(|ask| Grant { user: ask.user, slot: ask.slot, handle: 0 }));
        Ok(())
    }

    fn confirm(&mut self, grants: &[Grant]) -> Outcome<usize> {
        Ok(grants.len())
    }

    fn cancel(&mut self, grants: &[Grant]) -> Outcome<usize> {
        let mut maps = self.lock();
        for grant in grants {
            *maps.used.entry(grant.slot).or_default() -= 1;
            if self.bug != Bug::Sticky {
                maps.claims.remove(&grant.user);
            }
        }
        Ok(grants.len())
    }
}

fn open(stage: &Stage, bug: Bug) -> Box<dyn Peer> {
    let mut maps = Maps::default();
    for user in 0..stage.live {
        *maps.used.entry(stage.live_slot(user)).or_default() += 1;
        maps.claims.insert(user.into(), stage.live_slot(user));
    }
    Box::new(Planted { bug, maps: Mutex::new(maps), asks: AtomicU64::new(0) })
}

fn verdict(open: fn(&Stage, &Path) -> Outcome<Box<dyn Peer>>) -> Entry {
    let kind = Kind {
        name: "planted",
        promise: Promise::Memory,
        settings: "",
        loads: &[Load { clients: 4, batch: 16 }],
        fast: false,
        open,
    };
    let dir = tempfile::tempdir().unwrap();
    let mut entries = rounds::run(&[kind], &PLAN, dir.path(), &|_| {});
    entries.pop().unwrap()
}

fn fault(open: fn(&Stage, &Path) -> Outcome<Box<dyn Peer>>) -> String {
    let entry = verdict(open);
    assert!(entry.figure(cupo_peers::driver::Scene::Mix).is_none(), "its figure counts");
    let fault = entry.fault.unwrap();
    assert!(fault.starts_with("FAILED its check"), "{fault}");
    fault
}

#[test]
fn a_peer_that_gives_a_place_twice_is_rejected() {
    let told = fault(|stage, _| Ok(open(stage, Bug::OneTooMany)));
    assert!(told.contains("places"), "{told}");
    let told = fault(|stage, _| Ok(open(stage, Bug::Race)));
    assert!(told.contains("places"), "{told}");
}

#[test]
fn a_peer_that_refuses_though_there_is_room_is_rejected() {
    fault(|stage, _| Ok(open(stage, Bug::Stingy)));
}

#[test]
fn a_peer_that_forgets_what_it_answered_is_rejected() {
    fault(|stage, _| Ok(open(stage, Bug::Forgetful)));
    fault(|stage, _| Ok(open(stage, Bug::Sticky)));
}

#[test]
fn honest_peers_pass() {
    let entry = verdict(|stage, _| Ok(open(stage, Bug::None)));
    assert_eq!(entry.fault, None);
    let dir = tempfile::tempdir().unwrap();
    let mut kinds = cupo_peers::peers::all();
    kinds.retain(|kind| !kind.name.contains("PostgreSQL") && !kind.name.contains("Redis"));
    assert_eq!(kinds.len(), 8);
    for entry in rounds::run(&kinds, &PLAN, dir.path(), &|_| {}) {
        assert_eq!(entry.fault, None, "{}, {:?}", entry.kind.name, entry.kind.promise);
        assert!(entry.counted > 0 && entry.figures.iter().all(|figure| figure.median() > 0.0));
    }
}
