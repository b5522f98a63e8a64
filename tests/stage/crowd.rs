//! A crowd for tests: several threads that get in each other's way at three slots, recorded.
#![allow(dead_code, reason = "each test file uses its part of the crowd")]

use std::sync::{Barrier, Mutex};
use std::time::Duration;

use cupo::testing::history::{Client, Recorder};
use cupo::{Ask, ClaimId, Error, Receipt, RequestId, SlotId};

use super::town::Town;

/// A small generator of numbers (splitmix64, Steele, Lea and Flood 2014).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.roll() % n as u64) as usize
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        if from.is_empty() { None } else { Some(from[self.below(from.len())]) }
    }
}

/// What the threads of a history share: where they meet, and what they have heard of.
pub struct Crowd {
    pub slots: Vec<SlotId>,
    /// Parties are numbered from here.
    pub parties: u128,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    claims: Vec<ClaimId>,
    asks: Vec<(Ask, bool)>,
    requests: u128,
}

impl Crowd {
    /// A meeting at the `n`-th slot of three days: two places at one, one at the others.
    pub fn at(town: &Town, n: u16) -> Self {
        let at = |calendar, on| town.slot(calendar, on, 9 + n / 4, n % 4 * 15);
        let (wed, thu) = ("2026-12-02", "2026-12-03");
        let slots = vec![at("north", wed), at("south", wed), at("south", thu)];
        Self { slots, parties: u128::from(n) * 16 + 1, heard: Mutex::default() }
    }

    pub fn recorder(&self, town: &Town) -> Recorder {
        let recorder = Recorder::at(&town.clock);
        for (slot, places) in self.slots.iter().zip([2, 1, 1]) {
            recorder.slot(*slot, places);
        }
        recorder
    }

    /// `threads` at once make `steps` calls each.
    pub fn meet(&self, town: &Town, recorder: &Recorder, threads: u64, steps: u64, seed: u64) {
        let start = Barrier::new(threads as usize);
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let (mut client, start) = (recorder.client(), &start);
                scope.spawn(move || {
                    let mut dice = Dice(seed * 64 + thread);
                    start.wait();
                    for _ in 0..steps {
                        self.step(town, &mut client, &mut dice, thread == 0);
                    }
                });
            }
        });
    }

    fn step(&self, town: &Town, client: &mut Client<'_>, dice: &mut Dice, clock: bool) {
        let slot = self.slots[dice.below(self.slots.len())];
        let kind = dice.below(30);
        let request = RequestId(u128::from(dice.roll()));
        if kind < 11 {
            return self.ask(town, client, dice, slot);
        }
        if kind == 11 {
            client.look(&town.engine, slot);
            return;
        }
        if kind == 12 && clock {
            let seconds = [1, 200, 400, 601][dice.below(4)];
            client.advance(&town.clock, Duration::from_secs(seconds));
            if dice.below(2) == 0 {
                town.engine.tick();
            }
            return;
        }
        let (claim, other) = {
            let heard = self.heard.lock().unwrap();
            let recent = &heard.claims[heard.claims.len().saturating_sub(6)..];
            (dice.pick(recent), dice.pick(recent))
        };
        let (Some(claim), Some(other)) = (claim, other) else { return };
        let engine = &town.engine;
        match kind {
            13..=15 => drop(client.confirm(engine, claim)),
            16..=17 => drop(client.release(engine, claim)),
            18..=20 => drop(client.cancel(engine, claim)),
            21 => drop(client.extend(engine, claim, Duration::from_mins(15))),
            22..=23 => drop(client.swap(engine, (claim, slot, request))),
            24..=26 => drop(client.reschedule(engine, (claim, slot, request))),
            27 => drop(client.reschedule_to_hold(engine, (claim, other, request))),
            _ => drop(client.claim(engine, claim)),
        }
    }

    fn ask(&self, town: &Town, client: &mut Client<'_>, dice: &mut Dice, slot: SlotId) {
        let (ask, booked) = {
            let mut heard = self.heard.lock().unwrap();
            heard.requests += 1;
            let party = self.parties + u128::from(dice.roll() % 4);
            let fresh = (town.ask(party, heard.requests, slot), dice.below(3) == 0);
            let again = heard.asks.len().saturating_sub(4) + dice.below(4);
            if let Some(known) = heard.asks.get(again).filter(|_| dice.below(4) == 0) {
                known.clone()
            } else {
                heard.asks.push(fresh.clone());
                fresh
            }
        };
        let answer = grant(town, client, &ask, booked);
        if let Ok(receipt) = answer {
            let mut heard = self.heard.lock().unwrap();
            if !heard.claims.contains(&receipt.id()) {
                heard.claims.push(receipt.id());
            }
        }
    }

    /// Asks for everything again, and reads every claim heard of.
    pub fn recount(&self, town: &Town, client: &mut Client<'_>) {
        let heard = self.heard.lock().unwrap();
        for claim in &heard.claims {
            drop(client.claim(&town.engine, *claim));
        }
        for (ask, booked) in &heard.asks {
            let answer = grant(town, client, ask, *booked);
            if let Ok(receipt) = answer {
                drop(client.claim(&town.engine, receipt.id()));
            }
        }
        for slot in &self.slots {
            client.look(&town.engine, *slot);
        }
    }
}

fn grant(town: &Town, client: &mut Client<'_>, ask: &Ask, booked: bool) -> Result<Receipt, Error> {
    if booked { client.book(&town.engine, ask) } else { client.hold(&town.engine, ask) }
}
