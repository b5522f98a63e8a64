//! What is put into a claim's line comes out of it again, whatever else is in it.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test may panic, and cuts numbers to their width on purpose"
)]

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::*;
use crate::id::CalendarId;

/// All that an entry says.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Said {
    generation: u32,
    stage: Stage,
    time: Time,
    service: ServiceId,
    place: Place,
    has_cold: bool,
    replaces: bool,
    extended_min: u32,
}

fn said(entry: &Entry) -> Said {
    assert_eq!(entry.day(), entry.place().day);
    Said {
        generation: entry.generation(),
        stage: entry.stage(),
        time: entry.time(),
        service: entry.service(),
        place: entry.place(),
        has_cold: entry.has_cold(),
        replaces: entry.replaces(),
        extended_min: entry.extended_min(),
    }
}

const NOWHERE: Place = Place {
    day: DayId::from_raw(0),
    start: 0,
    run: 0,
    persons: 0,
    arrangement: Arrangement::Together,
    channel: Channel::WEB,
    roster: 0,
};

fn stages() -> impl Iterator<Item = Stage> {
    [Stage::Free, Stage::Cooling, Stage::Spent].into_iter().chain(STATES.map(Stage::Claim))
}

prop_compose! {
    fn place()(day in any::<u32>(), start in 0_u16..=0x7ff, run: u8, persons: u8,
        in_turn: bool, channel in 0_u8..4, roster in 0..=ROSTER_MAX) -> Place {
        let arrangement = if in_turn { Arrangement::InTurn } else { Arrangement::Together };
        let day = DayId::of(CalendarId((day >> 16) as u16), (day & 0xffff) as u16);
        let channel = Channel::new(channel).unwrap();
        Place { day, start, run, persons, arrangement, channel, roster }
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn every_part_of_an_entry_is_its_own(
        changes in prop::collection::vec((0_u8..8, any::<u64>(), place()), 1..40)
    ) {
        let mut entry = Entry::EMPTY;
        let mut model = Said {
            generation: 0,
            stage: Stage::Free,
            time: Time(0),
            service: ServiceId(0),
            place: NOWHERE,
            has_cold: false,
            replaces: false,
            extended_min: 0,
        };
        prop_assert_eq!(said(&entry), model);
        for (what, number, place) in changes {
            match what {
                0 => {
                    model.generation = (number & 0xff_ffff) as u32;
                    // What does not fit is cut off.
                    entry.set_generation(number as u32);
                }
                1 => {
                    model.stage = stages().nth(number as usize % 13).unwrap();
                    entry.set_stage(model.stage);
                }
                2 => {
                    model.time = Time(number % (1 << 44));
                    entry.set_time(model.time);
                }
                3 => {
                    model.service = ServiceId(number as u16);
                    entry.set_service(model.service);
                }
                4 => {
                    model.place = place;
                    entry.set_place(&place);
                }
                5 => {
                    model.has_cold = true;
                    entry.set_cold();
                }
                6 => {
                    model.replaces = true;
                    entry.set_replaces();
                }
                _ => {
                    let later = model.time.plus(number % 100_000_000);
                    let minutes = (later.0 - model.time.0).div_ceil(60_000);
                    model.extended_min = (model.extended_min + minutes as u32).min(0xfff);
                    model.time = later;
                    entry.extend(later);
                }
            }
            prop_assert_eq!(said(&entry), model);
            let again = Entry::from_words(&entry.to_words());
            prop_assert_eq!(format!("{again:?}"), format!("{entry:?}"));
        }
    }

    #[test]
    fn words_of_a_line_are_the_line(words: [u64; 8], cold: [u64; 4]) {
        prop_assert_eq!(Entry::from_words(&words).to_words(), words);
        prop_assert_eq!(Cold::from_words(&cold).to_words(), cold);
    }
}

#[test]
fn an_entry_serves_every_generation_but_the_last_once() {
    let mut entry = Entry::EMPTY;
    for generation in [0, 1, GENERATION_MAX - 2] {
        entry.set_generation(generation);
        entry.set_stage(Stage::Claim(ClaimState::Expired));
        entry.retire_generation();
        assert_eq!((entry.generation(), entry.stage()), (generation + 1, Stage::Free));
    }
    entry.retire_generation();
    assert_eq!(entry.stage(), Stage::Spent);
    for bits in 34..=255 {
        assert_eq!(Stage::from_bits(bits), Stage::Spent, "nothing else is known");
    }
}

#[test]
fn a_retry_is_told_from_every_other_request() {
    let place = Place {
        day: DayId::of(CalendarId(2), 300),
        start: 9,
        run: 1,
        persons: 2,
        arrangement: Arrangement::Together,
        channel: Channel::PHONE,
        roster: 0,
    };
    let plain = Detail::default();
    let with = |more_services| Detail { more_services, ..plain };
    let (one, two) = (Some(ServiceId(1)), Some(ServiceId(2)));
    let of = |place: Place, service, detail, booked| {
        fingerprint(&place, ServiceId(service), &detail, booked)
    };
    let all = [
        of(place, 1, plain, false),
        of(place, 2, plain, false),
        of(place, 1, plain, true),
        of(Place { day: DayId::of(CalendarId(3), 300), ..place }, 1, plain, false),
        of(Place { day: DayId::of(CalendarId(2), 301), ..place }, 1, plain, false),
        of(Place { start: 10, ..place }, 1, plain, false),
        of(Place { persons: 3, ..place }, 1, plain, false),
        of(Place { arrangement: Arrangement::InTurn, ..place }, 1, plain, false),
        of(Place { channel: Channel::WEB, ..place }, 1, plain, false),
        of(Place { channel: Channel::DESK, ..place }, 1, plain, false),
        of(Place { channel: Channel::PRIORITY, ..place }, 1, plain, false),
        of(place, 1, Detail { part: 1, ..plain }, false),
        of(place, 1, Detail { part: 2, ..plain }, false),
        of(place, 1, with([Some(ServiceId(0)), None, None]), false),
        of(place, 1, with([one, None, None]), false),
        of(place, 1, with([one, two, None]), false),
        of(place, 1, with([two, one, None]), false),
        of(place, 1, with([two, one, Some(ServiceId(3))]), false),
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(!all[..at].contains(one), "request {at} looks like an earlier one");
    }
    // The run follows from the rules, and the rest is not asked for.
    let same = Place { run: 7, roster: 5, ..place };
    let actor = Detail { actor: ActorId(8), ..plain };
    assert_eq!(of(same, 1, actor, false), all[0]);
}

#[test]
fn a_cold_line_has_what_is_beyond_the_common_case() {
    let more_services = [Some(ServiceId(0)), Some(ServiceId(7)), None];
    let detail = Detail { more_services, actor: ActorId(5), part: 3, ..Detail::default() };
    let cold = Cold::of(&detail);
    assert_eq!(cold, Cold { actor: ActorId(5), more: [1, 8, 0], ..Cold::default() });
}
