//! The map of days is a map of days, however they come and go.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::*;
use crate::inventory::plan::Shape;
use crate::record::PlanRange;
use crate::time::Time;

fn entry(day: DayId, plan: u32, bits: &Bits) -> DayEntry {
    let range = PlanRange { start: 0, end: 2, capacity: 1, max: [1; 4], protected: [0; 4] };
    let shape = Shape { ranges: vec![range], give_back_min: [0; 4] };
    let frame = DayFrame { begins: Time(0), released: Time(0), unit_min: 15, slots: 2, plan };
    let plan = Arc::new(Plan::new(plan, shape));
    let day = Arc::new(Day::new(day, frame, plan.clone(), bits.clone()));
    DayEntry { day, frame, plan }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn days_come_and_go_and_stay_themselves(
        base in prop_oneof![Just(0_u16), Just(WINDOW - 5), Just(9_000), Just(u16::MAX - 12)],
        steps in prop::collection::vec((0_u8..4, 0_u16..3, 0_u16..12), 1..60),
    ) {
        let mut map = DayMap::default();
        let mut model = BTreeMap::new();
        let mut free = BTreeMap::new();
        for (plan, (what, calendar, number)) in (0..).zip(steps) {
            let day = DayId::of(CalendarId(calendar), base + number);
            let bits = map.bits(CalendarId(calendar));
            match what {
                0 | 1 => {
                    map.put(entry(day, plan, &bits), &bits);
                    model.insert(day, plan);
                    free.insert(day, true);
                }
                2 => {
                    map.remove(day);
                    model.remove(&day);
                }
                _ => {
                    bits.set(bit_of(base + number), false);
                    free.insert(day, false);
                }
            }
            let of = |entry: &DayEntry| (entry.day.id, entry.frame.plan);
            prop_assert_eq!(map.iter().map(of).collect::<BTreeMap<_, _>>(), model.clone());
            for calendar in 0..4 {
                let days = map.calendar(CalendarId(calendar));
                let is_here = |day: &DayId| day.calendar().0 == calendar;
                prop_assert!(days.is_some() || !model.keys().any(is_here));
                for number in base..base + 12 {
                    let day = DayId::of(CalendarId(calendar), number);
                    prop_assert_eq!(map.get(day).map(of), model.get(&day).map(|plan| (day, *plan)));
                }
                let Some(days) = days else { continue };
                for (from, to) in [(0, u16::MAX), (base + 3, base + 7), (base + 5, base + 5)] {
                    let open = days.open_days(from, to).map(|entry| entry.day.id);
                    let wanted = model.keys().copied().filter(|day| {
                        let is_open = free.get(day).copied().unwrap_or(false);
                        is_here(day) && (from..=to).contains(&day.number()) && is_open
                    });
                    prop_assert!(open.eq(wanted), "from {from} to {to}");
                }
            }
        }
    }
}

/// Readers hold a map while the next one is made.
#[test]
fn a_map_that_was_cloned_stays_as_it_was() {
    let mut map = DayMap::default();
    let bits = map.bits(CalendarId(0));
    let day = |number| DayId::of(CalendarId(0), number);
    map.put(entry(day(5), 0, &bits), &bits);
    let before = map.clone();
    map.put(entry(day(6), 0, &map.bits(CalendarId(0))), &bits);
    map.remove(day(5));
    assert!(before.get(day(5)).is_some() && before.get(day(6)).is_none());
    before.bits(CalendarId(0)).set(9, true);
    assert!(map.bits(CalendarId(0)).zeros(9) == 0, "one set of bits");
}

#[test]
fn each_date_of_a_window_has_a_bit_of_its_own() {
    let bits = bits_of_days();
    for number in (0..WINDOW).step_by(3) {
        bits.set(bit_of(number), true);
    }
    for number in 0..WINDOW {
        assert_eq!(bits.zeros(bit_of(number)) == 0, number % 3 == 0, "{number}");
        assert_eq!(bit_of(number + WINDOW), bit_of(number), "dates a window apart share one");
    }
    for number in (0..WINDOW).step_by(6) {
        bits.set(bit_of(number), false);
        bits.set(bit_of(number), false);
    }
    for number in 0..WINDOW {
        assert_eq!(bits.zeros(bit_of(number)) == 0, number % 6 == 3, "{number}");
    }
}
