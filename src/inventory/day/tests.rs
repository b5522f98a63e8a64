//! A day counts as a child would, slot by slot and claim by claim.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::*;
use crate::claim::{Arrangement, ClaimState};
use crate::id::Channel;
use crate::id::{ActorId, CalendarId, PartyId, RequestId, ServiceId};
use crate::inventory::map::bits_of_days;
use crate::inventory::plan::Shape;
use crate::record::{Detail, PlanRange};

const SLOTS: u16 = 6;
const HOUR_MS: u64 = 3_600_000;
const BEGINS: Time = Time(100 * HOUR_MS);

fn id() -> DayId {
    DayId::of(CalendarId(1), 9_000)
}

fn frame() -> DayFrame {
    DayFrame { begins: BEGINS, released: Time(0), unit_min: 30, slots: SLOTS, plan: 0 }
}

/// Slots 1 to 4 are open; some for fewer, and with shares that are kept until 60 minutes before.
fn plan(protects: bool, capacity: u16) -> Arc<Plan> {
    let protected = if protects { [0, 2, 0, 1] } else { [0; 4] };
    let max = [capacity, capacity, 1, capacity];
    let range = |start, end, capacity| PlanRange { start, end, capacity, max, protected };
    let ranges = vec![range(1, 3, capacity), range(3, 5, 2), range(6, 8, 9)];
    Arc::new(Plan::new(0, Shape { ranges, give_back_min: [0, 60, 0, 0] }))
}

/// A claim on the day.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Kept {
    claim: ClaimId,
    place: Place,
    /// Held, or cooling off.
    unbooked: bool,
    /// Cooling off: on no roster.
    cooling: bool,
}

fn used(kept: &[Kept], slot: usize) -> [u32; 4] {
    let mut lanes = [0; 4];
    for Kept { place, .. } in kept.iter().filter(|kept| kept.place.slots().contains(&slot)) {
        lanes[place.channel.index()] += u32::from(place.width());
    }
    lanes
}

/// What is kept at a slot for the other channels.
fn kept_back(plan: &Plan, slot: usize, lanes: [u32; 4], own: usize, now: Time) -> u32 {
    let starts = BEGINS.0 + slot as u64 * HOUR_MS / 2;
    let protected = plan.slot(slot).unwrap().protected;
    let kept = |channel: usize| {
        let minutes = if channel == 1 { 60 } else { 0 };
        let is_kept = channel != own && starts.saturating_sub(now.0) > minutes * 60_000;
        u32::from(is_kept) * u32::from(protected[channel]).saturating_sub(lanes[channel])
    };
    (0..4).map(kept).sum()
}

fn free_for(plan: &Plan, kept: &[Kept], slot: usize, own: usize, now: Time) -> u32 {
    let Some(limits) = plan.slot(slot) else { return 0 };
    let lanes = used(kept, slot);
    let total: u32 = lanes.iter().sum();
    let rest =
        u32::from(limits.capacity).saturating_sub(total + kept_back(plan, slot, lanes, own, now));
    rest.min(u32::from(limits.max[own]).saturating_sub(lanes[own]))
}

/// The first slot of `place` that cannot be given out, beside `others`.
fn shortage(plan: &Plan, others: &[Kept], place: &Place, now: Time) -> Option<Shortage> {
    let (own, width) = (place.channel.index(), u32::from(place.width()));
    place.slots().find_map(|slot| {
        let at = u16::try_from(slot).unwrap();
        let open = plan.slot(slot).filter(|_| slot < usize::from(SLOTS));
        let Some(limits) = open else { return Some(Shortage::Closed(at)) };
        let lanes = used(others, slot);
        let total = lanes.iter().sum::<u32>() + width;
        if total > u32::from(limits.capacity) {
            return Some(Shortage::Full(at));
        }
        let back = kept_back(plan, slot, lanes, own, now);
        let is_short = lanes[own] + width > u32::from(limits.max[own])
            || total + back > u32::from(limits.capacity);
        is_short.then_some(Shortage::Channel(at))
    })
}

/// The day, and what a child would know of it.
struct Stage {
    day: Day,
    bits: Bits,
    plan: Arc<Plan>,
    kept: Vec<Kept>,
    closed: bool,
    seq: u64,
}

impl Stage {
    fn new(protects: bool) -> Self {
        let (bits, plan) = (bits_of_days(), plan(protects, 3));
        let day = Day::new(id(), frame(), plan.clone(), bits.clone());
        Self { day, bits, plan, kept: Vec::new(), closed: false, seq: 0 }
    }

    fn apply(&mut self, effect: &Effect) {
        self.seq += 1;
        self.day.apply(&mut self.day.state.lock(), Seq(self.seq), effect);
    }

    fn next(&self, place: Place) -> Place {
        Place { roster: self.day.state.lock().roster.next(0).unwrap(), ..place }
    }

    fn grant(&mut self, index: u32, place: Place, booked: bool) {
        let (claim, place) = (ClaimId::new(0, index, 1), self.next(place));
        self.apply(&Effect::Granted {
            claim,
            place,
            service: ServiceId(1),
            party: PartyId(1),
            request: RequestId(1),
            booked,
            ttl_s: 60,
            part: Detail::default(),
        });
        self.kept.push(Kept { claim, place, unbooked: !booked, cooling: false });
    }

    /// What else happens to a claim: one of these, as its state allows.
    fn change(&mut self, at: usize, what: u8, to: Place) {
        let Kept { claim, place, unbooked, cooling } = self.kept[at];
        let actor = ActorId(0);
        let how = ClaimState::Cancelled;
        let end =
            |returns_at| Effect::Ended { claim, place, how, held: unbooked, returns_at, actor };
        match what {
            _ if cooling => {
                self.apply(&Effect::Returned { claim, place });
                self.kept.remove(at);
            }
            0 if unbooked => {
                self.apply(&Effect::Confirmed { claim, place, actor });
                self.kept[at].unbooked = false;
            }
            1 => {
                self.apply(&end(Some(Time(9))));
                (self.kept[at].unbooked, self.kept[at].cooling) = (true, true);
            }
            2 => {
                // Who moves within a day stays as many, and on their channel.
                let Place { persons, arrangement, channel, .. } = place;
                let to = self.next(Place { persons, arrangement, channel, ..to });
                self.seq += 1;
                let mut state = self.day.state.lock();
                self.day.shift(&mut state, Seq(self.seq), claim, (&place, &to), unbooked);
                drop(state);
                self.kept[at].place = to;
            }
            3 => {
                // In two steps, as between days.
                let to = self.next(to);
                let (version, request) = (1, RequestId(1));
                let taken = Effect::Taken {
                    claim,
                    place: to,
                    version,
                    held: unbooked,
                    adopted: None,
                    request,
                };
                self.apply(&taken);
                self.apply(&Effect::Freed { claim, place, held: unbooked });
                self.kept[at].place = to;
            }
            4 if !unbooked => {
                self.apply(&Effect::Archived { claim, place });
                self.kept.remove(at);
            }
            _ => {
                self.apply(&end(None));
                self.kept.remove(at);
            }
        }
    }

    /// A booking, or a hold, takes over the hold at `at`.
    fn adopt(&mut self, at: usize, index: u32, held: bool) {
        let Kept { claim: hold, place, unbooked: true, cooling: false } = self.kept[at] else {
            return;
        };
        let claim = ClaimId::new(0, index, 1);
        let (version, request, adopted) = (1, RequestId(1), Some(hold));
        self.apply(&Effect::Taken { claim, place, version, held, adopted, request });
        self.kept[at] = Kept { claim, place, unbooked: held, cooling: false };
    }

    fn look(&self, now: Time) {
        let (day, plan) = (&self.day, &self.plan);
        assert_eq!((day.seq(), day.is_closed()), (Seq(self.seq), self.closed));
        let mut free = 0;
        for slot in 0..usize::from(SLOTS) + 3 {
            let lanes = if slot < usize::from(SLOTS) { used(&self.kept, slot) } else { [0; 4] };
            assert_eq!(crate::inventory::lanes(day.used(slot)), lanes, "slot {slot}");
            let unbooked = self.kept.iter().filter(|kept| kept.unbooked);
            let held = unbooked.filter(|kept| kept.place.slots().contains(&slot));
            let held: u16 = held.map(|kept| kept.place.width()).sum();
            assert_eq!(day.held(slot), if slot < usize::from(SLOTS) { held } else { 0 });
            if slot < usize::from(SLOTS) {
                let free_here = free_for_all(plan, lanes, slot);
                assert_eq!(day.open().zeros(slot) == 0, free_here > 0, "slot {slot}");
                free += free_here;
                for channel in Channel::ALL {
                    let found = day.free_for(plan, &frame(), now, slot, channel);
                    let wanted = free_for(plan, &self.kept, slot, channel.index(), now);
                    assert_eq!(u32::from(found), wanted, "slot {slot} {channel:?}");
                }
            }
        }
        assert_eq!(self.bits.zeros(bit_of(id().number())) == 0, free > 0, "{free} are free");
        let state = day.state.lock();
        let mut roster: Vec<_> = state.roster.iter().collect();
        roster.sort_unstable();
        let on_it = self.kept.iter().filter(|kept| !kept.cooling);
        let mut wanted: Vec<_> = on_it.map(|kept| (kept.place.roster, kept.claim)).collect();
        wanted.sort_unstable();
        assert_eq!(roster, wanted);
    }
}

fn free_for_all(plan: &Plan, lanes: [u32; 4], slot: usize) -> u32 {
    let capacity = plan.slot(slot).map_or(0, |limits| u32::from(limits.capacity));
    capacity.saturating_sub(lanes.iter().sum())
}

prop_compose! {
    fn place()(start in 0..=SLOTS, run in 1_u8..4, persons in 1_u8..3, in_turn: bool,
        channel in 0_u8..4) -> Place {
        let arrangement = if in_turn { Arrangement::InTurn } else { Arrangement::Together };
        let channel = Channel::new(channel).unwrap();
        Place { day: id(), start, run, persons, arrangement, channel, roster: 0 }
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_day_counts_what_is_on_it(
        protects: bool,
        steps in prop::collection::vec((0_u8..12, any::<usize>(), place(), 90_u64..106), 1..40),
    ) {
        let mut stage = Stage::new(protects);
        for (index, (what, at, place, hour)) in (0..).zip(steps) {
            let now = Time(hour * HOUR_MS / 2 * 2 + (at as u64 % 3) * 1_800_000);
            let inside = place.slots().end <= usize::from(SLOTS);
            let at = at % stage.kept.len().max(1);
            match what {
                0..=3 if inside => stage.grant(index, place, what < 2),
                4..=8 if inside && !stage.kept.is_empty() => stage.change(at, what - 4, place),
                9 if !stage.kept.is_empty() => stage.adopt(at, index, place.persons == 1),
                10 => {
                    let day = id();
                    stage.closed = place.persons == 1;
                    stage.apply(&if stage.closed {
                        Effect::DayClosed { day }
                    } else {
                        Effect::DayReopened { day }
                    });
                }
                11 => {
                    stage.seq += 1;
                    stage.plan = plan(protects, u16::from(place.run));
                    let mut state = stage.day.state.lock();
                    stage.day.replan(&mut state, Seq(stage.seq), frame(), stage.plan.clone());
                }
                _ => {}
            }
            stage.look(now);
            let check = |pending: &[Place], freed: Option<&Place>| {
                stage.day.check(&stage.plan, &frame(), now, &place, pending, freed).err()
            };
            let mut others = stage.kept.clone();
            if stage.closed {
                prop_assert_eq!(check(&[], None), Some(Shortage::Closed(place.start)));
                continue;
            }
            prop_assert_eq!(check(&[], None), shortage(&stage.plan, &others, &place, now));
            if let Some(Kept { place: freed, .. }) = stage.kept.get(at) {
                others.remove(at);
                let wanted = shortage(&stage.plan, &others, &place, now);
                prop_assert_eq!(check(&[], Some(freed)), wanted);
                others = stage.kept.clone();
            }
            let pending = Place { start: place.start.saturating_sub(1), persons: 1, ..place };
            let claim = ClaimId::new(0, 0, 0);
            for _ in 0..2 {
                others.push(Kept { claim, place: pending, unbooked: true, cooling: false });
            }
            let wanted = shortage(&stage.plan, &others, &place, now);
            prop_assert_eq!(check(&[pending, pending], None), wanted);
        }
        // A snapshot of the day is the day.
        let counts: Vec<_> =
            (0..stage.day.slots()).map(|at| (stage.day.used(at), stage.day.held(at))).collect();
        let bits = bits_of_days();
        let again = Day::new(id(), frame(), stage.plan.clone(), bits.clone());
        let (raw, free) = {
            let state = stage.day.state.lock();
            (state.roster.raw().0.to_vec(), state.roster.raw().1)
        };
        let seq = Seq(stage.seq);
        again.load(&mut again.state.lock(), seq, stage.closed, &counts, raw, free);
        (stage.day, stage.bits) = (again, bits);
        stage.look(Time(0));
        stage.apply(&Effect::DayRetired { day: id() });
        prop_assert!(stage.day.state.lock().retired && stage.bits.zeros(bit_of(id().number())) > 0);
    }
}

/// Nothing allocates between a decision and its record.
#[test]
fn there_is_room_for_holds_before_the_first() {
    let stage = Stage::new(false);
    stage.day.reserve(&mut stage.day.state.lock(), 3, false);
    let counts = [(1, 0), (1, 0)];
    let mut state = stage.day.state.lock();
    stage.day.load(&mut state, Seq(1), false, &counts, Vec::new(), u32::MAX);
    drop(state);
    assert!(stage.day.held.get().is_none(), "a day of bookings needs none");
    stage.day.reserve(&mut stage.day.state.lock(), 3, true);
    assert_eq!(stage.day.held.get().unwrap().len(), usize::from(SLOTS));
    assert!(stage.day.state.lock().roster.memory() >= 3 * 8);
}
