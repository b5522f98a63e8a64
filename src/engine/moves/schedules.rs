//! Can two moves block each other, or show a place that nobody gave up? Every schedule of two days
//! and three threads, under loom.
//!
//! The days and the way of locking them are the real ones; ledger and journal are a counter.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use crate::claim::{Arrangement, Place};
use crate::engine::moves::both::Both;
use crate::id::{CalendarId, Channel, ClaimId, DayId, PartyId, RequestId, Seq, ServiceId};
use crate::inventory::{Day, DayEntry, DayMap, Plan, Shape, Shortage};
use crate::record::{DayFrame, Detail, Effect, PlanRange};
use crate::sync::model::explore;
use crate::sync::{Arc, AtomicU64, Ordering, thread};
use crate::time::Time;

const SLOTS: u16 = 2;

/// Two days with one place at each of two slots.
struct House {
    days: [DayEntry; 2],
    next: AtomicU64,
    /// What was given up, where, by which record: not part of the model.
    freed: std::sync::Mutex<Vec<(DayId, u16, Seq)>>,
}

fn day(number: u16) -> DayEntry {
    let limits = [1; Channel::COUNT];
    let range = PlanRange { start: 0, end: SLOTS, capacity: 1, max: limits, protected: [0; 4] };
    let plan = Arc::new(Plan::new(0, Shape { ranges: vec![range], give_back_min: [0; 4] }));
    let frame =
        DayFrame { begins: Time(0), released: Time(0), unit_min: 60, slots: SLOTS, plan: 0 };
    let calendar = CalendarId(0);
    let bits = DayMap::default().bits(calendar);
    let day = Arc::new(Day::new(DayId::of(calendar, number), frame, plan.clone(), bits));
    DayEntry { day, frame, plan }
}

fn place(day: &DayEntry, start: u16) -> Place {
    let (arrangement, channel) = (Arrangement::Together, Channel::DESK);
    Place { day: day.day.id, start, run: 1, persons: 1, arrangement, channel, roster: 0 }
}

fn claim(number: u32) -> ClaimId {
    ClaimId::new(0, number, 1)
}

impl House {
    /// Claim 0 is on the first day, claim 1 on the second, both at the first slot.
    fn new() -> Arc<Self> {
        let days = [day(10), day(11)];
        for (n, entry) in (0..).zip(&days) {
            let effect = Effect::Granted {
                claim: claim(n),
                place: place(entry, 0),
                service: ServiceId(0),
                party: PartyId(1),
                request: RequestId(1),
                booked: true,
                ttl_s: 0,
                part: Detail::default(),
            };
            let mut state = entry.day.state().lock();
            entry.day.reserve(&mut state, 4, true);
            entry.day.apply(&mut state, Seq(u64::from(n) + 1), &effect);
        }
        Arc::new(Self { days, next: AtomicU64::new(3), freed: std::sync::Mutex::default() })
    }

    /// A move as the engine makes it: both locks, the check, one number, the new day, the old one.
    fn relocate(
        &self,
        number: u32,
        (from, to): (usize, usize),
        start: u16,
    ) -> Result<(), Shortage> {
        let (old, new) = (&self.days[from], &self.days[to]);
        let mut both = Both::lock(old, new);
        let (before, mut target) = (place(old, 0), place(new, start));
        let state = both.new_state();
        new.day.check(&new.plan, &new.frame, Time(0), &target, &[], None)?;
        target.roster = state.roster.next(0).unwrap();
        let seq = Seq(self.next.fetch_add(2, Ordering::Relaxed) + 1);
        let (claim, held, request) = (claim(number), false, RequestId(2));
        let taken =
            Effect::Taken { claim, place: target, version: 1, held, adopted: None, request };
        self.freed.lock().unwrap().push((old.day.id, 0, seq));
        new.day.apply(both.new_state(), seq, &taken);
        old.day.apply(both.old_state(), seq, &Effect::Freed { claim, place: before, held });
        Ok(())
    }

    /// What a reader without locks may say of the first slot of a day.
    fn look(&self, day: usize) {
        let entry = &self.days[day];
        let used = crate::inventory::lanes(entry.day.used(0)).iter().sum::<u32>();
        let seq = entry.day.seq();
        let freed = self.freed.lock().unwrap();
        let by = freed.iter().find(|(id, ..)| *id == entry.day.id).map(|(.., seq)| *seq);
        assert!(used <= 1, "{used} in one place");
        assert!(used == 1 || by.is_some_and(|by| by <= seq), "free by {by:?}, but only at {seq:?}");
    }

    fn used(&self) -> Vec<u32> {
        let sum = |day: &DayEntry, slot| crate::inventory::lanes(day.day.used(slot)).iter().sum();
        self.days.iter().flat_map(|day| [sum(day, 0), sum(day, 1)]).collect()
    }
}

#[test]
fn moves_in_both_directions() {
    explore("T3 moves between two days in both directions, and a reader", (Some(3), None), || {
        let house = House::new();
        let (first, second) = (house.clone(), house.clone());
        let spawn =
            |body: Box<dyn FnOnce() -> bool + Send>| thread::Builder::new().spawn(body).unwrap();
        let first = spawn(Box::new(move || first.relocate(0, (0, 1), 1).is_ok()));
        // To the place that the first one leaves, if it has left.
        let second = spawn(Box::new(move || second.relocate(1, (1, 0), 0).is_ok()));
        house.look(0);
        house.look(1);
        assert!(first.join().unwrap(), "its place was free");
        let moved = second.join().unwrap();
        assert_eq!(house.used(), if moved { [1, 0, 0, 1] } else { [0, 0, 1, 1] });
    });
}

#[test]
fn two_for_the_last_place() {
    explore("T3 two moves from both sides into one place", (None, None), || {
        let house = House::new();
        let other = house.clone();
        let there = thread::Builder::new().spawn(move || other.relocate(0, (0, 1), 1).is_ok());
        // Within its day: the same lock order with one lock.
        let here = {
            let entry = &house.days[1];
            let mut state = entry.day.state().lock();
            let (old, mut new) = (place(entry, 0), place(entry, 1));
            let check = entry.day.check(&entry.plan, &entry.frame, Time(0), &new, &[], Some(&old));
            if check.is_ok() {
                new.roster = state.roster.next(0).unwrap();
                let seq = Seq(house.next.fetch_add(2, Ordering::Relaxed) + 1);
                entry.day.shift(&mut state, seq, claim(1), (&old, &new), false);
            }
            check.is_ok()
        };
        let there = there.unwrap().join().unwrap();
        assert!(here != there, "one of them");
        assert_eq!(house.used(), if there { [0, 0, 1, 1] } else { [1, 0, 0, 1] });
    });
}
