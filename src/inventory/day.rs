//! What is free on this day? Counters that anyone may read, and a state under the day's lock.
//!
//! Never looks into a claim: a record's [`Place`] is all it is told.

mod room;

use std::sync::OnceLock;

use crate::claim::Place;
use crate::id::{ClaimId, DayId, Seq};
use crate::inventory::bits::Bits;
use crate::inventory::map::bit_of;
use crate::inventory::plan::Plan;
use crate::inventory::roster::Roster;
use crate::planted::planted;
use crate::record::{DayFrame, Effect};
use crate::sync::{Arc, AtomicBool, AtomicU16, AtomicU64, Mutex, Ordering};
use crate::time::Time;

pub(crate) use room::Shortage;

/// One calendar on one civil date.
#[derive(Debug)]
pub(crate) struct Day {
    pub(crate) id: DayId,
    /// Places used at each slot, a 16-bit lane per channel.
    used: Box<[AtomicU64]>,
    /// Of these, places not booked (held, or cooling off); made with the day's first hold.
    held: OnceLock<Box<[AtomicU16]>>,
    /// Sequence number of the last record applied here; stored before the counters it explains.
    seq: AtomicU64,
    closed: AtomicBool,
    /// Which slots have a free place.
    open: Bits,
    /// Which days of the calendar have.
    bits: Bits,
    state: Mutex<DayState>,
}

/// What the day's lock guards.
#[derive(Debug)]
pub(crate) struct DayState {
    pub(crate) frame: DayFrame,
    pub(crate) plan: Arc<Plan>,
    /// Gone from memory: whoever still holds the day must not use it.
    pub(crate) retired: bool,
    pub(crate) roster: Roster,
}

impl Day {
    pub(crate) fn new(id: DayId, frame: DayFrame, plan: Arc<Plan>, bits: Bits) -> Self {
        let day = Self {
            id,
            used: (0..frame.slots).map(|_| AtomicU64::new(0)).collect(),
            held: OnceLock::new(),
            seq: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            open: Bits::new(usize::from(frame.slots)),
            bits,
            state: Mutex::new(DayState { frame, plan, retired: false, roster: Roster::default() }),
        };
        day.show_all(&day.state.lock().plan);
        day
    }

    pub(crate) fn state(&self) -> &Mutex<DayState> {
        &self.state
    }

    pub(crate) fn seq(&self) -> Seq {
        // Acquire: pairs with the Release in `apply`; see there.
        Seq(self.seq.load(Ordering::Acquire))
    }

    pub(crate) fn is_closed(&self) -> bool {
        // Acquire: pairs with the Release in `apply`, so that the sequence read next covers it.
        self.closed.load(Ordering::Acquire)
    }

    /// Places used at a slot, per channel.
    pub(crate) fn used(&self, index: usize) -> u64 {
        // Acquire: pairs with the Release in `add`, so that `seq` read after it covers it.
        self.used.get(index).map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// Which slots have a free place: a hint.
    pub(super) fn open(&self) -> &Bits {
        &self.open
    }

    /// Places at a slot that are kept but not booked.
    pub(crate) fn held(&self, index: usize) -> u16 {
        let held = self.held.get().and_then(|held| held.get(index));
        // Relaxed: a count for show; nothing is decided by it.
        held.map_or(0, |count| count.load(Ordering::Relaxed))
    }

    fn add(&self, state: &mut DayState, place: &Place, slots: impl Iterator<Item = usize>) {
        self.change_used(state, slots, u64::wrapping_add, amount(place));
    }

    fn subtract(&self, state: &mut DayState, place: &Place, slots: impl Iterator<Item = usize>) {
        self.change_used(state, slots, u64::wrapping_sub, amount(place));
    }

    fn change_used(
        &self,
        state: &mut DayState,
        slots: impl Iterator<Item = usize>,
        change: impl Fn(u64, u64) -> u64,
        amount: u64,
    ) {
        for index in slots {
            let Some(word) = self.used.get(index) else {
                continue;
            };
            // Relaxed: nobody else stores, as the day's lock is held.
            let before = word.load(Ordering::Relaxed);
            let after = change(before, amount);
            // Release: pairs with the Acquire in `used`; the sequence was stored before.
            word.store(after, Ordering::Release);
            let is_open = state.plan.has_room(index, after);
            if is_open != state.plan.has_room(index, before) {
                self.open.set(index, is_open);
                self.show();
            }
        }
    }

    /// Shows anew which slots are open.
    fn show_all(&self, plan: &Plan) {
        for index in 0..self.used.len() {
            self.open.set(index, plan.has_room(index, self.used(index)));
        }
        self.show();
    }

    fn show(&self) {
        self.bits.set(bit_of(self.id.number()), self.open.any());
    }

    fn change_held(&self, place: &Place, more: bool) {
        let held = self.held.get_or_init(|| self.used.iter().map(|_| AtomicU16::new(0)).collect());
        for index in place.slots() {
            if let Some(count) = held.get(index) {
                // Relaxed: a count for show, changed under the day's lock only.
                let now = count.load(Ordering::Relaxed);
                let width = place.width();
                let then = if more { now.saturating_add(width) } else { now.saturating_sub(width) };
                count.store(then, Ordering::Relaxed);
            }
        }
    }

    /// Makes room so that nothing allocates after the decision.
    pub(crate) fn reserve(&self, state: &mut DayState, claims: usize, holds: bool) {
        state.roster.reserve(claims);
        if holds {
            self.held.get_or_init(|| self.used.iter().map(|_| AtomicU16::new(0)).collect());
        }
    }

    /// Applies an effect with the sequence number of its record; the same for life and replay.
    pub(crate) fn apply(&self, state: &mut DayState, seq: Seq, effect: &Effect) {
        // Release, and before the counters: who sees a counter sees a sequence that covers it.
        self.seq.store(seq.0, Ordering::Release);
        match effect {
            Effect::Granted { claim, place, booked, .. } => {
                self.take(state, *claim, place, !*booked);
            }
            Effect::Confirmed { place, .. } => self.change_held(place, false),
            Effect::Ended { place, held, returns_at, .. } => {
                state.roster.leave(place.roster);
                match (returns_at, held) {
                    (Some(_), false) => self.change_held(place, true),
                    (Some(_), true) => {}
                    (None, held) => {
                        if *held && !planted("held_is_never_less") {
                            self.change_held(place, false);
                        }
                        self.subtract(state, place, place.slots());
                    }
                }
            }
            Effect::Returned { place, .. } => {
                self.change_held(place, false);
                self.subtract(state, place, place.slots());
            }
            Effect::Taken { claim, place, held, adopted: None, .. } => {
                self.take(state, *claim, place, *held);
            }
            Effect::Taken { claim, place, held, adopted: Some(_), .. } => {
                if !held {
                    self.change_held(place, false);
                }
                state.roster.enter(place.roster, *claim);
            }
            Effect::Freed { place, held, .. } => {
                state.roster.leave(place.roster);
                if *held {
                    self.change_held(place, false);
                }
                self.subtract(state, place, place.slots());
            }
            Effect::Archived { place, .. } => {
                state.roster.leave(place.roster);
                self.subtract(state, place, place.slots());
            }
            // Release: as the counters.
            Effect::DayClosed { .. } => self.closed.store(true, Ordering::Release),
            Effect::DayReopened { .. } => self.closed.store(false, Ordering::Release),
            Effect::DayRetired { .. } => {
                state.retired = true;
                self.bits.set(bit_of(self.id.number()), false);
            }
            _ => {}
        }
    }

    fn take(&self, state: &mut DayState, claim: ClaimId, place: &Place, held: bool) {
        if held {
            self.change_held(place, true);
        }
        self.add(state, place, place.slots());
        state.roster.enter(place.roster, claim);
    }

    /// Moves a claim within this day as one net difference, so that no reader sees a slot with
    /// more than before and after.
    pub(crate) fn shift(
        &self,
        state: &mut DayState,
        seq: Seq,
        claim: ClaimId,
        places: (&Place, &Place),
        held: bool,
    ) {
        // Release: as in `apply`.
        self.seq.store(seq.0, Ordering::Release);
        let (old, new) = places;
        if held {
            self.change_held(old, false);
            self.change_held(new, true);
        }
        self.subtract(state, old, old.slots().filter(|index| !new.slots().contains(index)));
        self.add(state, new, new.slots().filter(|index| !old.slots().contains(index)));
        // In this order, so that the free list stays a stack in life and in replay.
        state.roster.enter(new.roster, claim);
        state.roster.leave(old.roster);
    }

    /// Another frame and plan; counters keep their slots.
    pub(crate) fn replan(&self, state: &mut DayState, seq: Seq, frame: DayFrame, plan: Arc<Plan>) {
        // Release: as in `apply`.
        self.seq.store(seq.0, Ordering::Release);
        state.frame = frame;
        state.plan = plan;
        self.show_all(&state.plan);
    }

    /// How many slots have counters.
    pub(crate) fn slots(&self) -> usize {
        self.used.len()
    }

    /// Restores counters and roster from a snapshot.
    pub(crate) fn load(
        &self,
        state: &mut DayState,
        seq: Seq,
        closed: bool,
        counts: &[(u64, u16)],
        roster: Vec<u64>,
        roster_free: u32,
    ) {
        state.roster = Roster::load(roster, roster_free);
        if counts.iter().any(|(_, held)| *held > 0) {
            self.held.get_or_init(|| self.used.iter().map(|_| AtomicU16::new(0)).collect());
        }
        for (index, (used, held)) in counts.iter().enumerate() {
            // Relaxed, all of them: nobody else has the day yet.
            if let Some(word) = self.used.get(index) {
                word.store(*used, Ordering::Relaxed);
            }
            if let Some(count) = self.held.get().and_then(|held| held.get(index)) {
                count.store(*held, Ordering::Relaxed);
            }
        }
        self.closed.store(closed, Ordering::Relaxed);
        self.seq.store(seq.0, Ordering::Relaxed);
        self.show_all(&state.plan);
    }

    /// Bytes of the day.
    pub(crate) fn memory(&self, state: &DayState) -> usize {
        let held = self.held.get().map_or(0, |held| held.len() * size_of::<AtomicU16>());
        size_of::<Self>()
            + self.used.len() * size_of::<AtomicU64>()
            + self.open.memory()
            + held
            + state.roster.memory()
    }
}

/// What a place adds to the counters of a slot.
fn amount(place: &Place) -> u64 {
    u64::from(place.width()) << (16 * place.channel.index())
}

/// When a slot starts.
pub(crate) fn starts_at(frame: &DayFrame, index: u16) -> Time {
    frame.begins.plus(u64::from(index) * u64::from(frame.unit_min) * 60_000)
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
