//! What is free on this day? Counters that anyone may read, and a state under the day's lock.
//!
//! Never looks into a claim: a record's [`Place`] is all it is told.

use std::sync::OnceLock;

use crate::claim::Place;
use crate::id::{Channel, ClaimId, DayId, Seq};
use crate::inventory::map::Bits;
use crate::inventory::plan::{Plan, kept_for_others, lanes};
use crate::inventory::roster::Roster;
use crate::planted::planted;
use crate::record::{DayFrame, Effect};
use crate::sync::{Arc, AtomicBool, AtomicU16, AtomicU64, Mutex, Ordering};
use crate::time::Time;

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
    bits: Arc<Bits>,
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
    /// Those of each slot added up: what one slot has too many of is not taken from another.
    free_places: i64,
}

/// Why a place cannot be given out; with the slot index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shortage {
    Closed(u16),
    Full(u16),
    Channel(u16),
}

impl Day {
    pub(crate) fn new(id: DayId, frame: DayFrame, plan: Arc<Plan>, bits: Arc<Bits>) -> Self {
        let free_places = (0..usize::from(frame.slots)).map(|index| plan.free(index, 0)).sum();
        bits.set(id.number(), free_places > 0);
        Self {
            id,
            used: (0..frame.slots).map(|_| AtomicU64::new(0)).collect(),
            held: OnceLock::new(),
            seq: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            bits,
            state: Mutex::new(DayState {
                frame,
                plan,
                retired: false,
                roster: Roster::default(),
                free_places,
            }),
        }
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

    /// Places at a slot that are kept but not booked.
    pub(crate) fn held(&self, index: usize) -> u16 {
        let held = self.held.get().and_then(|held| held.get(index));
        // Relaxed: a count for show; nothing is decided by it.
        held.map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Whether the plan lets `place` be taken now. Under the day's lock this is the decision;
    /// without it, a refusal that rests on [`Day::seq`] read afterwards. `pending` are places of
    /// the same request on this day that are not applied yet, `freed` one that will be given up.
    pub(crate) fn check(
        &self,
        plan: &Plan,
        frame: &DayFrame,
        now: Time,
        place: &Place,
        pending: &[Place],
        freed: Option<&Place>,
    ) -> Result<(), Shortage> {
        if self.is_closed() && !planted("grant_on_a_closed_day") {
            return Err(Shortage::Closed(place.start));
        }
        let (width, channel) = (u32::from(place.width()), place.channel.index());
        for index in place.slots() {
            #[expect(clippy::cast_possible_truncation, reason = "a slot index has 11 bits")]
            let slot = index as u16;
            // A slot that the day had no counter for when it was made is never given out.
            let limits = plan.slot(index).filter(|_| index < self.used.len());
            let limits = limits.ok_or(Shortage::Closed(slot))?;
            let mut lanes = lanes(self.used(index));
            for other in pending.iter().filter(|other| other.slots().contains(&index)) {
                if let Some(lane) = lanes.get_mut(other.channel.index()) {
                    *lane += u32::from(other.width());
                }
            }
            if let Some(old) = freed.filter(|old| old.slots().contains(&index))
                && let Some(lane) = lanes.get_mut(old.channel.index())
            {
                *lane = lane.saturating_sub(u32::from(old.width()));
            }
            let used: u32 = lanes.iter().sum();
            let capacity = u32::from(limits.capacity) + u32::from(planted("one_place_too_many"));
            if used + width > capacity {
                return Err(Shortage::Full(slot));
            }
            let max = limits.max.get(channel).copied().unwrap_or(0);
            let own = lanes.get(channel).copied().unwrap_or(0);
            if own + width > u32::from(max) && !planted("no_channel_limit") {
                return Err(Shortage::Channel(slot));
            }
            if plan.protects() {
                let kept = kept_for_others(plan, limits.protected, lanes, channel, || {
                    starts_at(frame, slot).0.saturating_sub(now.0)
                });
                if used + width + kept > u32::from(limits.capacity) {
                    return Err(Shortage::Channel(slot));
                }
            }
        }
        Ok(())
    }

    /// Whether an override of every limit still fits the counters.
    pub(crate) fn fits_lanes(&self, place: &Place) -> bool {
        place.slots().all(|index| {
            index < self.used.len() && {
                let own = lanes(self.used(index)).get(place.channel.index()).copied().unwrap_or(0);
                u16::try_from(own + u32::from(place.width())).is_ok()
            }
        })
    }

    /// What a slot still has for `channel`: never negative.
    pub(crate) fn free_for(
        &self,
        plan: &Plan,
        frame: &DayFrame,
        now: Time,
        index: usize,
        channel: Channel,
    ) -> u16 {
        let Some(limits) = plan.slot(index) else {
            return 0;
        };
        let lanes = lanes(self.used(index));
        let used: u32 = lanes.iter().sum();
        let own = lanes.get(channel.index()).copied().unwrap_or(0);
        let max = u32::from(limits.max.get(channel.index()).copied().unwrap_or(0));
        let mut kept = 0;
        if plan.protects() {
            let slot = u16::try_from(index).unwrap_or(u16::MAX);
            kept = kept_for_others(plan, limits.protected, lanes, channel.index(), || {
                starts_at(frame, slot).0.saturating_sub(now.0)
            });
        }
        let free = u32::from(limits.capacity).saturating_sub(used + kept);
        u16::try_from(free.min(max.saturating_sub(own))).unwrap_or(u16::MAX)
    }

    fn add(&self, state: &mut DayState, place: &Place, slots: impl Iterator<Item = usize>) {
        let amount = u64::from(place.width()) << (16 * place.channel.index());
        for index in slots {
            if let Some(word) = self.used.get(index) {
                // Release: pairs with the Acquire in `used`; the sequence was stored before.
                let before = word.fetch_add(amount, Ordering::Release);
                let after = before.wrapping_add(amount);
                state.free_places -= state.plan.free(index, before) - state.plan.free(index, after);
            }
        }
        self.show(state);
    }

    fn subtract(&self, state: &mut DayState, place: &Place, slots: impl Iterator<Item = usize>) {
        let amount = u64::from(place.width()) << (16 * place.channel.index());
        for index in slots {
            if let Some(word) = self.used.get(index) {
                // Release: as in `add`.
                let before = word.fetch_sub(amount, Ordering::Release);
                let after = before.wrapping_sub(amount);
                state.free_places += state.plan.free(index, after) - state.plan.free(index, before);
            }
        }
        self.show(state);
    }

    /// Counts the free places anew.
    fn recount(&self, state: &mut DayState) {
        let free = (0..self.used.len()).map(|index| state.plan.free(index, self.used(index)));
        state.free_places = free.sum();
        self.show(state);
    }

    fn show(&self, state: &DayState) {
        self.bits.set(self.id.number(), state.free_places > 0);
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
                self.bits.set(self.id.number(), false);
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
        self.recount(state);
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
        self.recount(state);
    }

    /// Bytes of the day.
    pub(crate) fn memory(&self, state: &DayState) -> usize {
        let held = self.held.get().map_or(0, |held| held.len() * size_of::<AtomicU16>());
        size_of::<Self>() + self.used.len() * size_of::<AtomicU64>() + held + state.roster.memory()
    }
}

/// When a slot starts.
pub(crate) fn starts_at(frame: &DayFrame, index: u16) -> Time {
    frame.begins.plus(u64::from(index) * u64::from(frame.unit_min) * 60_000)
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
