//! Does what the journal tells add up? A recount of the feed that knows nothing of the engine's
//! code.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;
use std::time::Duration;

use cupo::{ClaimId, ClaimState, Effect, Engine, Event, Seq, SlotId};

/// A claim as the feed has told it so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub state: ClaimState,
    pub slot: SlotId,
}

/// What the feed has told: claims of one person and one slot.
#[derive(Debug, Default)]
pub struct Ledger {
    pub claims: BTreeMap<ClaimId, Told>,
    used: BTreeMap<SlotId, u32>,
    last: Seq,
}

impl Ledger {
    /// Everything from the first record on.
    pub fn of(engine: &Engine, capacity: u32) -> Self {
        let mut ledger = Self::default();
        let mut feed = engine.feed(Seq(1));
        while feed.position() <= engine.last() {
            for event in feed.next_batch(Duration::from_hours(1)).unwrap() {
                ledger.hear(&event, capacity);
            }
        }
        ledger
    }

    /// One event more: panics if it cannot follow what was told before.
    pub fn hear(&mut self, event: &Event, capacity: u32) {
        assert!(event.seq > self.last, "{} after {}", event.seq, self.last);
        self.last = event.seq;
        match event.effect {
            Effect::Granted { claim, place, booked, .. } => {
                let state = if booked { ClaimState::Booked } else { ClaimState::Held };
                let before = self.claims.insert(claim, Told { state, slot: place.slot() });
                assert!(before.is_none_or(|told| !told.state.is_active()), "{claim} granted twice");
                self.take(place.slot());
            }
            Effect::Confirmed { claim, .. } => {
                self.turn(claim, ClaimState::Held, ClaimState::Booked)
            }
            Effect::Ended { claim, place, how, held, .. } => {
                let told = self.claims.get_mut(&claim).unwrap();
                assert!(told.state.is_active(), "{claim} ended twice: {told:?}, then {how:?}");
                assert_eq!(told.state == ClaimState::Held, held, "{claim} ended as another");
                assert_eq!(told.slot, place.slot(), "{claim} ended elsewhere");
                told.state = how;
                self.free(place.slot());
            }
            Effect::Marked { claim, state, .. } => {
                self.claims.get_mut(&claim).unwrap().state = state
            }
            Effect::Taken { claim, place, adopted, .. } => {
                match adopted {
                    Some(hold) => self.turn(hold, ClaimState::Held, ClaimState::Released),
                    None => self.take(place.slot()),
                }
                let told = self.claims.get_mut(&claim).unwrap();
                assert!(told.state.is_active(), "{claim} moved after its end");
                if told.state == ClaimState::Displaced {
                    told.state = ClaimState::Booked;
                }
                told.slot = place.slot();
            }
            Effect::Freed { place, .. } => self.free(place.slot()),
            _ => {}
        }
        // A move is told in two events: between them it has both places.
        if !matches!(event.effect, Effect::Taken { .. }) {
            let over = self.used.iter().find(|(_, used)| **used > capacity);
            assert!(over.is_none(), "{over:?} after {event:?}");
        }
    }

    fn turn(&mut self, claim: ClaimId, from: ClaimState, to: ClaimState) {
        let told = self.claims.get_mut(&claim).unwrap();
        assert_eq!(told.state, from, "{claim} to {to:?}");
        told.state = to;
    }

    fn take(&mut self, slot: SlotId) {
        *self.used.entry(slot).or_default() += 1;
    }

    fn free(&mut self, slot: SlotId) {
        let used = self.used.get_mut(&slot).unwrap();
        *used = used.checked_sub(1).unwrap_or_else(|| panic!("{slot} freed twice"));
    }
}
