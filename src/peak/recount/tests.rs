//! Does the recount see what it is there for?

use cupo::{
    ActorId, Arrangement, CalendarId, Channel, ClaimId, ClaimState, DayFrame, DayId, Detail,
    Effect, Event, PartyId, Place, PlanRange, RequestId, Seq, ServiceId, Time,
};

use super::Recount;

fn day() -> DayId {
    DayId::new(CalendarId(1), "2026-12-01".parse().unwrap()).unwrap()
}

fn place(start: u16, run: u8) -> Place {
    Place {
        day: day(),
        start,
        run,
        persons: 1,
        arrangement: Arrangement::Together,
        channel: Channel::WEB,
        roster: 0,
    }
}

fn granted(claim: u64, place: Place) -> Effect {
    Effect::Granted {
        claim: ClaimId::from_u64(claim),
        place,
        service: ServiceId(0),
        party: PartyId(u128::from(claim)),
        request: RequestId(1),
        booked: false,
        ttl_s: 60,
        part: Detail::default(),
    }
}

fn ended(claim: u64, place: Place) -> Effect {
    Effect::Ended {
        claim: ClaimId::from_u64(claim),
        place,
        how: ClaimState::Released,
        held: true,
        returns_at: None,
        actor: ActorId(0),
    }
}

/// Books over a day with ten slots of two places, one of them at most for the phone.
fn books(effects: Vec<Effect>) -> Recount {
    let frame = DayFrame { begins: Time(0), released: Time(0), unit_min: 15, slots: 10, plan: 1 };
    let range = PlanRange { start: 0, end: 10, capacity: 2, max: [2, 1, 2, 2], protected: [0; 4] };
    let mut all = vec![
        Effect::PlanDefined { plan: 1, ranges: 1, give_back_min: [0; 4] },
        Effect::PlanRange(range),
        Effect::DayCreated { day: day(), frame },
    ];
    all.extend(effects);
    let mut recount = Recount::default();
    for (effect, seq) in all.into_iter().zip(1..) {
        recount.take(&Event { seq: Seq(seq), at: Time(0), effect });
    }
    recount
}

#[test]
fn a_full_slot_is_no_double_booking_and_one_more_is() {
    let two = || vec![granted(1, place(3, 1)), granted(2, place(3, 1))];
    assert!(books(two()).is_clean());
    let mut three = two();
    three.push(granted(3, place(2, 2)));
    let recount = books(three);
    assert_eq!(recount.double_bookings, 1);
    assert!(recount.evidence[0].starts_with("record 6:"), "{:?}", recount.evidence);
}

#[test]
fn a_channel_has_its_share() {
    let call = Place { channel: Channel::PHONE, ..place(0, 1) };
    let recount = books(vec![granted(1, call), granted(2, call)]);
    assert_eq!((recount.double_bookings, recount.over_channel), (0, 1));
}

#[test]
fn a_hold_ends_once() {
    let once = vec![granted(1, place(0, 1)), ended(1, place(0, 1))];
    assert!(books(once.clone()).is_clean());
    let twice = [once, vec![ended(1, place(0, 1))]].concat();
    assert!(books(twice).broken_lives > 0);
}

#[test]
fn a_move_within_a_full_slot_is_counted_after_both_of_its_records() {
    let (claim, from, to) = (ClaimId::from_u64(1), place(0, 2), place(1, 2));
    let request = RequestId(9);
    let effects = vec![
        granted(1, from),
        granted(2, place(1, 1)),
        Effect::Taken { claim, place: to, version: 1, held: true, adopted: None, request },
        Effect::Freed { claim, place: from, held: true },
    ];
    let recount = books(effects);
    assert!(recount.is_clean(), "{:?}", recount.evidence);
    assert_eq!(recount.used().map(|(_, used)| used).sum::<u64>(), 3);
}
