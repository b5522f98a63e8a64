//! The earliest places are those that a look at every slot would find.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::*;
use crate::claim::Arrangement;
use crate::id::{Channel, ClaimId, DayId, PartyId, RequestId, Seq, ServiceId};
use crate::inventory::day::Day;
use crate::inventory::plan::{Plan, Shape};
use crate::record::{DayFrame, Detail, Effect, PlanRange};
use crate::sync::Arc;

const SLOTS: u16 = 6;
const HOUR_MS: u64 = 3_600_000;
const FIRST: u16 = 9_000;

/// A day is open from its second slot to its fifth; some of it may be taken.
fn put(map: &mut DayMap, id: DayId, look: u64, released: Time) {
    let bits = map.bits(id.calendar());
    let capacity = 1 + (look % 3) as u16;
    let range = PlanRange { start: 1, end: 5, capacity, max: [capacity; 4], protected: [0; 4] };
    let shape = Shape { ranges: vec![range], give_back_min: [0; 4] };
    let plan = Arc::new(Plan::new(0, shape));
    let begins = Time(u64::from(id.number() - FIRST) * 24 * HOUR_MS);
    let frame = DayFrame { begins, released, unit_min: 60, slots: SLOTS, plan: 0 };
    let day = Arc::new(Day::new(id, frame, plan.clone(), bits.clone()));
    let mut state = day.state().lock();
    for start in (1..5).filter(|slot| look >> (3 + slot) & 1 == 1) {
        let channel = Channel::WEB;
        let arrangement = Arrangement::Together;
        let roster = state.roster.next(0).unwrap();
        let place = Place { day: id, start, run: 1, persons: 1, arrangement, channel, roster };
        let claim = ClaimId::new(0, u32::from(start), 1);
        let (service, party, request) = (ServiceId(1), PartyId(1), RequestId(1));
        let part = Detail::default();
        let booked = true;
        let effect =
            Effect::Granted { claim, place, service, party, request, booked, ttl_s: 0, part };
        day.apply(&mut state, Seq(1), &effect);
    }
    if (look >> 9).is_multiple_of(8) {
        day.apply(&mut state, Seq(2), &Effect::DayClosed { day: id });
    }
    drop(state);
    map.put(DayEntry { day, frame, plan }, &bits);
}

/// Every place that fits, in order.
fn all(map: &DayMap, searches: &[Search], now: Time, accept: &Accept<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for search in searches {
        let days = map.iter().filter(|entry| entry.day.id.calendar() == search.calendar);
        for entry in days.filter(|entry| entry.frame.released <= now) {
            let (day, frame, plan) = (&entry.day, &entry.frame, &entry.plan);
            if !(search.from..=search.to).contains(&day.id.number()) {
                continue;
            }
            for start in 0..SLOTS {
                let place = Place { day: day.id, start, ..search.place };
                let starts_at = starts_at(frame, start);
                let fits = day.check(plan, frame, now, &place, &[], None).is_ok();
                if fits && starts_at >= search.not_before && accept(entry, start) {
                    let free = |at| day.free_for(plan, frame, now, at, place.channel);
                    let free = place.slots().map(free).min().unwrap() / place.width();
                    found.push(Found { starts_at, slot: place.slot(), free });
                }
            }
        }
    }
    found.sort_unstable();
    found
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn the_earliest_are_found(
        days in prop::collection::vec((0_u16..3, 0_u16..6, any::<u64>(), 0_u64..3), 0..12),
        searches in prop::collection::vec((0_u16..4, 0_u16..3, 3_u16..8, 0_u64..60), 1..4),
        (run, persons) in (1_u8..3, 1_u8..3),
        (limit, parity) in (0_usize..8, 0_u16..3),
    ) {
        let now = Time(1_000);
        let mut map = DayMap::default();
        for (calendar, number, look, released) in days {
            // Released earlier, now, or not yet.
            let day = DayId::of(CalendarId(calendar), FIRST + number);
            put(&mut map, day, look, Time(999 + released));
        }
        let (arrangement, channel) = (Arrangement::Together, Channel::PHONE);
        let day = DayId::of(CalendarId(0), 0);
        let place = Place { day, start: 0, run, persons, arrangement, channel, roster: 0 };
        let mut searches: Vec<Search> = searches
            .into_iter()
            .map(|(calendar, from, to, half_hours)| Search {
                calendar: CalendarId(calendar),
                from: FIRST + from,
                to: FIRST + to,
                not_before: Time(half_hours * HOUR_MS / 2),
                place,
            })
            .collect();
        searches.sort_by_key(|search| search.calendar);
        searches.dedup_by_key(|search| search.calendar);
        let accept = |_: &DayEntry, start: u16| parity == 2 || start % 2 == parity;
        let wanted = all(&map, &searches, now, &accept);
        let found = earliest(&map, searches.iter().copied(), now, limit, &accept);
        prop_assert!(found.is_sorted() && found.windows(2).all(|two| two[0] != two[1]));
        prop_assert!(found.iter().all(|one| wanted.contains(one)), "{found:?} of {wanted:?}");
        // Which of several at the same time come last is nobody's right.
        let times = |list: &[Found]| list.iter().map(|one| one.starts_at).collect::<Vec<_>>();
        prop_assert_eq!(times(&found), times(&wanted[..wanted.len().min(limit)]));

        let accept = |entry: &DayEntry, start| parity == 2 || accept(entry, start);
        let accept: Option<&Accept<'_>> = if parity == 2 { None } else { Some(&accept) };
        let mut found = open_days(&map, searches.iter().copied(), now, accept);
        found.sort_by_key(|day| day.first);
        let day_of = |one: &Found| one.slot.day;
        let mut wanted = wanted;
        wanted.sort_by_key(|one| (day_of(one), one.starts_at));
        let mut wanted: Vec<FoundDay> = wanted
            .chunk_by(|one, other| day_of(one) == day_of(other))
            .map(|day| FoundDay { starts: u32::try_from(day.len()).unwrap(), first: day[0] })
            .collect();
        wanted.sort_by_key(|day| day.first);
        prop_assert_eq!(found, wanted);
    }
}
