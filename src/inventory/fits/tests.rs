//! What recovery believes of a day: only places that were free are taken, and only those that are
//! taken are left.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use crate::claim::{Arrangement, ClaimState};
use crate::id::{ActorId, CalendarId, Channel, ClaimId, PartyId, RequestId, Seq, ServiceId};
use crate::inventory::map::bits_of_days;
use crate::inventory::plan::Plan;
use crate::record::Detail;
use crate::sync::Arc;

const SLOTS: u16 = 8;

fn id() -> DayId {
    DayId::of(CalendarId(1), 9_000)
}

fn frame(slots: u16) -> DayFrame {
    let begins = Time::from(id().date().and_time(NaiveTime::MIN).and_utc());
    DayFrame { begins, released: Time(0), unit_min: 15, slots, plan: 0 }
}

fn day() -> Day {
    let range = PlanRange { start: 0, end: SLOTS, capacity: 9, max: [9; 4], protected: [0; 4] };
    let shape = Shape { ranges: vec![range], give_back_min: [0; 4] };
    Day::new(id(), frame(SLOTS), Arc::new(Plan::new(0, shape)), bits_of_days())
}

fn claim(index: u32) -> ClaimId {
    ClaimId::new(0, index, 1)
}

/// Two slots, two persons.
fn place(start: u16, roster: u32) -> Place {
    Place {
        day: id(),
        start,
        run: 2,
        persons: 2,
        arrangement: Arrangement::Together,
        channel: Channel::PHONE,
        roster,
    }
}

fn grant(index: u32, place: Place, booked: bool) -> Effect {
    Effect::Granted {
        claim: claim(index),
        place,
        service: ServiceId(1),
        party: PartyId(1),
        request: RequestId(1),
        booked,
        ttl_s: 60,
        part: Detail::default(),
    }
}

fn taken(index: u32, place: Place, held: bool, adopted: Option<ClaimId>) -> Effect {
    let request = RequestId(2);
    Effect::Taken { claim: claim(index), place, version: 1, held, adopted, request }
}

/// The effects on a claim that leave it where it is, or take it away, by what they need there.
fn effects(index: u32, place: Place) -> Vec<(&'static str, Effect)> {
    let (claim, actor) = (claim(index), ActorId(0));
    let end = |held| {
        let how = ClaimState::Released;
        Effect::Ended { claim, place, how, held, returns_at: None, actor }
    };
    vec![
        ("held", Effect::Confirmed { claim, place, actor }),
        ("held", end(true)),
        ("held", Effect::Freed { claim, place, held: true }),
        ("used", end(false)),
        ("used", Effect::Freed { claim, place, held: false }),
        ("used", Effect::Extended { claim, place, ttl_s: 60, actor }),
        ("used", Effect::Marked { claim, place, state: ClaimState::Served, actor }),
        ("used", Effect::Assigned { claim, place, actor }),
        ("used", Effect::Archived { claim, place }),
    ]
}

#[test]
fn only_what_stands_there_changes_or_leaves() {
    let day = day();
    let mut state = day.state().lock();
    day.apply(&mut state, Seq(1), &grant(0, place(2, 0), false));
    day.apply(&mut state, Seq(2), &grant(1, place(5, 1), true));
    for (needs, effect) in effects(0, place(2, 0)) {
        assert!(day.fits(&state, &effect), "{needs} {effect:?}");
    }
    for (needs, effect) in effects(1, place(5, 1)) {
        assert_eq!(day.fits(&state, &effect), needs == "used", "{needs} {effect:?}");
    }
    let nobodys = [
        (1, place(2, 0)),
        (0, place(2, 1)),
        (0, place(2, 7)),
        // One slot that has nothing, another channel that has nothing, more than there is.
        (0, place(1, 0)),
        (0, place(3, 0)),
        (0, place(7, 0)),
        (0, Place { channel: Channel::WEB, ..place(2, 0) }),
        (0, Place { persons: 3, ..place(2, 0) }),
    ];
    for (index, place) in nobodys {
        for (_, effect) in effects(index, place) {
            assert!(!day.fits(&state, &effect), "{effect:?}");
        }
    }
    // A return has left the roster already, but not its places.
    let returned = |place| Effect::Returned { claim: claim(0), place };
    assert!(day.fits(&state, &returned(place(2, 9))) && !day.fits(&state, &returned(place(5, 9))));
    // A move into a hold: booked it needs the hold's places, as a hold not more than them.
    let into = |index, place, held, hold| taken(index, place, held, Some(claim(hold)));
    assert!(day.fits(&state, &into(1, place(2, 0), false, 0)));
    assert!(day.fits(&state, &into(9, place(2, 0), true, 0)));
    assert!(!day.fits(&state, &into(9, place(5, 1), false, 1)), "it is no hold");
    assert!(!day.fits(&state, &into(9, place(2, 0), false, 1)), "it is elsewhere");
    assert!(day.fits(&state, &Effect::DayClosed { day: id() }));
}

#[test]
fn only_the_next_place_of_an_open_day_is_taken() {
    let day = day();
    let mut state = day.state().lock();
    day.apply(&mut state, Seq(1), &grant(0, place(2, 0), false));
    let both = |place| [grant(1, place, true), taken(1, place, false, None)];
    let fits = |state: &DayState, place| both(place).map(|effect| day.fits(state, &effect));
    assert_eq!(fits(&state, place(2, 1)), [true; 2]);
    for wrong in [place(2, 0), place(2, 2), place(SLOTS - 1, 1), place(SLOTS, 1)] {
        assert_eq!(fits(&state, wrong), [false; 2], "{wrong:?}");
    }
    day.apply(&mut state, Seq(2), &Effect::DayClosed { day: id() });
    assert_eq!(fits(&state, place(2, 1)), [false; 2], "closed");
}

/// An override may go beyond every limit, but a count has 16 bits.
#[test]
fn a_count_never_runs_over() {
    let day = day();
    let mut state = day.state().lock();
    let crowd = |persons| Place { persons, ..place(2, 0) };
    for index in 0..257 {
        let whole = Place { roster: index, ..crowd(255) };
        assert!(day.fits_lanes(&whole));
        day.apply(&mut state, Seq(1), &grant(index, whole, true));
    }
    assert_eq!(day.used(2), 65_535 << 16);
    assert!(!day.fits_lanes(&crowd(1)) && !day.fits_lanes(&place(1, 0)));
    assert!(day.fits_lanes(&Place { channel: Channel::WEB, ..crowd(255) }));
}

#[test]
fn a_day_goes_when_nothing_of_it_is_used() {
    let day = day();
    let mut state = day.state().lock();
    let all = |state: &DayState| [day.is_unused(state), day.may_retire(state), day.has_unbooked()];
    assert_eq!(all(&state), [true, true, false]);
    day.apply(&mut state, Seq(1), &grant(0, place(2, 0), false));
    assert_eq!(all(&state), [false, false, true]);
    let (claim, place, actor) = (claim(0), place(2, 0), ActorId(0));
    day.apply(&mut state, Seq(2), &Effect::Confirmed { claim, place, actor });
    assert_eq!(all(&state), [false, false, false]);
    let (how, returns_at) = (ClaimState::Cancelled, Some(Time(9)));
    day.apply(
        &mut state,
        Seq(3),
        &Effect::Ended { claim, place, how, held: false, returns_at, actor },
    );
    assert_eq!(all(&state), [false, false, true], "cooling off");
    day.apply(&mut state, Seq(4), &Effect::Returned { claim, place });
    assert_eq!(all(&state), [true, true, false]);
    // A count that nobody on the roster explains keeps a day from being made anew.
    day.load(&mut state, Seq(5), false, &[(1, 0)], Vec::new(), u32::MAX);
    assert_eq!(all(&state), [false, true, false]);
}

#[test]
fn a_day_begins_on_its_date_somewhere_on_earth() {
    const DAY_MS: u64 = 86_400_000;
    let Time(midnight) = frame(1).begins;
    let at = |begins, slots| DayFrame { begins: Time(begins), ..frame(slots) }.is_real(id());
    assert!(at(midnight - DAY_MS, 1) && at(midnight + DAY_MS, SLOTS_PER_DAY_MAX));
    assert!(!at(midnight - DAY_MS - 1, 1) && !at(midnight + DAY_MS + 1, 1));
    assert!(!at(midnight, SLOTS_PER_DAY_MAX + 1));
}

#[test]
fn a_plan_has_ranges_that_ascend_and_are_apart() {
    let is_real = |ranges: &[(u16, u16)]| {
        let range = |(start, end): &(u16, u16)| PlanRange {
            start: *start,
            end: *end,
            capacity: 1,
            max: [1; 4],
            protected: [0; 4],
        };
        Shape { ranges: ranges.iter().map(range).collect(), give_back_min: [0; 4] }.is_real()
    };
    assert!(is_real(&[]) && is_real(&[(0, 1), (1, 2), (4, SLOTS_PER_DAY_MAX)]));
    for wrong in [[(0, 2), (1, 3)], [(2, 3), (0, 1)], [(0, 1), (3, 3)], [(0, 1), (4, 3)]] {
        assert!(!is_real(&wrong), "{wrong:?}");
    }
    assert!(!is_real(&[(0, SLOTS_PER_DAY_MAX + 1)]));
}
