//! Faults that were found, each in its smallest story, so that they stay mended.
//!
//! Above each: what happened, why it could, and what is so now. Most were found by the reference
//! model (`tests/model.rs`).

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/town.rs"]
mod town;

use std::time::Duration;

use cupo::{
    Ask, Catalog, Channel, ClaimState, Engine, ManualClock, Openings, PartyId, Rejection,
    RequestId, SlotView,
};
use town::{CATALOG, Town, instant, reason};

const WED: &str = "2026-12-02";

fn install(town: &Town, from: &str, to: &str) {
    assert!(CATALOG.contains(from));
    let catalog = Catalog::from_toml(&CATALOG.replace(from, to)).unwrap();
    town.engine.install(&catalog).unwrap();
}

fn view(town: &Town, slot: cupo::SlotId) -> Option<SlotView> {
    let day = town.engine.day(slot.day).unwrap();
    day.slots.into_iter().find(|view| view.slot == slot)
}

/// A finer unit gave an empty day more slots than it had counters; what has no counter was never
/// full, so such a slot was given to everybody. Now an empty day is made anew.
#[test]
fn a_day_with_a_finer_unit_counts_its_new_slots() {
    let hours = CATALOG.replace("09:00-13:00", "12:00-18:00").replace("\"15m\"", "\"30m\"");
    let town = Town::with(&hours, Engine::builder());
    let finer = CATALOG.replace("09:00-13:00", "12:00-18:00");
    town.engine.install(&Catalog::from_toml(&finer).unwrap()).unwrap();
    let slot = town.slot("south", WED, 12, 15);
    assert!(slot.index >= 48, "beyond the first counters");
    town.hold(1, slot).unwrap();
    assert_eq!(town.hold(2, slot), Err(Rejection::SlotFull { slot }));
    town.sound();
}

/// Where a day with claims grew, as its zone got other rules or another zone, the slots of the
/// new hour had no counters either. Now they stay closed, and the claims keep their slots.
#[test]
fn a_day_that_grows_under_its_claims_gives_out_no_uncounted_slot() {
    let open = |zone: &str| {
        let zones = CATALOG.replace("Etc/UTC", zone).replace("09:00-13:00", "20:00-24:00");
        Catalog::from_toml(&zones.replace("fri =", "sun = [\"20:00-24:00\"], fri =")).unwrap()
    };
    let clock = cupo::ManualClock::at(instant("2026-10-28T12:00:00Z"));
    let engine = Engine::builder().clock(clock.clone()).open().unwrap();
    engine.install(&open("Etc/UTC")).unwrap();
    let town = Town { engine, clock };
    let day = town.day("north", "2026-11-01");
    town.book(1, day.slot(80));
    town.engine.install(&open("America/New_York")).unwrap();
    let view = town.engine.day(day).unwrap();
    assert!(view.slots.iter().all(|slot| slot.slot.index < 96), "{:?}", view.slots);
    for party in 2..9 {
        let refused = town.hold(party, day.slot(98)).unwrap_err();
        assert_eq!(refused, Rejection::SlotClosed { slot: day.slot(98) });
    }
    town.sound();
}

/// Places beyond a slot's capacity, by an override, were set off against the free ones of other
/// slots, and the whole day was missing from the openings. Now each slot counts for itself.
#[test]
fn an_override_does_not_hide_the_free_slots_of_its_day() {
    let one_hour = CATALOG.replace("09:00-13:00", "09:00-09:30");
    let town = Town::with(&one_hour, Engine::builder());
    let (full, free) = (town.slot("south", WED, 9, 0), town.slot("south", WED, 9, 15));
    for party in 1..4 {
        let urgent = town.ask(party, 1, full).overriding("urgent");
        town.engine.book(&urgent).wait().unwrap();
    }
    let query = Openings::new(town.service("paper")).from(free.day.date()).to(free.day.date());
    let south = [town.engine.office("south").unwrap()];
    let found = town.engine.openings(&query.offices(&south));
    assert_eq!(found.iter().map(|opening| opening.slot).collect::<Vec<_>>(), [free]);
}

/// A booking could be moved into a hold for another service: past the party's limit, to a desk
/// that does not serve it, into a run too short for it. Now the hold must be for the same.
#[test]
fn a_booking_moves_only_into_a_hold_for_the_same_services() {
    let town = Town::in_memory();
    let passport = |request, slot| {
        Ask::new(PartyId(1), RequestId(request), town.service("passport"), slot)
            .channel(Channel::DESK)
    };
    let visa =
        Ask::new(PartyId(1), RequestId(1), town.service("visa"), town.slot("north", WED, 9, 0));
    let visa = town.engine.book(&visa).wait().unwrap().id();
    let hold =
        town.engine.hold(&town.ask(1, 2, town.slot("south", WED, 9, 0))).wait().unwrap().id();
    let refused = town.engine.reschedule_to_hold(visa, hold, RequestId(3)).wait().map_err(reason);
    assert!(matches!(refused, Err(Rejection::OutOfRange { .. })), "{refused:?}");
    // A hold for the same, beside which the party would have one too many: it was meant to
    // replace another booking.
    install(&town, "active_max = 2\nwindow_days = 30", "active_max = 1\nwindow_days = 3");
    let near = town.engine.book(&passport(4, town.slot("south", WED, 9, 15))).wait().unwrap().id();
    let far = town.slot("south", "2026-12-10", 9, 0);
    let far = town.engine.book(&passport(5, far)).wait().unwrap().id();
    let instead = passport(6, town.slot("south", "2026-12-03", 9, 0)).replacing(near);
    let instead = town.engine.hold(&instead).wait().unwrap().id();
    let both = town.engine.reschedule_to_hold(far, instead, RequestId(7)).wait().map_err(reason);
    assert_eq!(both, Err(Rejection::PartyLimit { claim: near }));
    town.engine.reschedule_to_hold(near, instead, RequestId(8)).wait().unwrap();
    town.sound();
}

/// A hold that replaces a booking could not be swapped: it was counted beside the booking, which
/// at its grant it was not.
#[test]
fn a_hold_that_replaces_a_booking_can_be_swapped() {
    let town = Town::in_memory();
    install(&town, "active_max = 2", "active_max = 1");
    let passport = |request, slot| {
        Ask::new(PartyId(1), RequestId(request), town.service("passport"), slot)
            .channel(Channel::DESK)
    };
    let booking =
        town.engine.book(&passport(1, town.slot("south", WED, 9, 0))).wait().unwrap().id();
    let instead = passport(2, town.slot("south", WED, 10, 0)).replacing(booking);
    let hold = town.engine.hold(&instead).wait().unwrap().id();
    town.engine.swap(hold, town.slot("south", WED, 11, 0), RequestId(3)).wait().unwrap();
    let both = town.engine.confirm(hold).wait().map_err(reason);
    assert_eq!(both, Err(Rejection::PartyLimit { claim: booking }));
}

/// The limit of holds was only looked at when the party had a hold already: the first request
/// could hold eight slots.
#[test]
fn one_request_holds_no_more_than_a_party_may() {
    let town = Town::in_memory();
    let asks = [0, 1, 2, 3, 4].map(|n| town.ask(1, 1, town.slot("north", WED, 9 + n, 0)));
    let refused = town.engine.hold_all(&asks[..4]).wait();
    refused.unwrap();
    let asks =
        [0, 1, 2, 3, 4].map(|n| town.ask(2, 1, town.slot("north", WED, 9 + n / 4, n % 4 * 15)));
    let refused = town.engine.hold_all(&asks).wait().map_err(reason);
    assert!(matches!(refused, Err(Rejection::OutOfRange { .. })), "{refused:?}");
}

/// Only the reason of the first slot went into the journal: an override of a later one left none.
#[test]
fn every_override_leaves_its_reason() {
    let town = Town::in_memory();
    let (a, b) = (town.slot("south", WED, 9, 0), town.slot("south", WED, 9, 15));
    let asks = [town.ask(1, 1, a), town.ask(1, 1, b).overriding("urgent")];
    let refused = town.engine.book_all(&asks).wait().map_err(reason);
    assert!(matches!(refused, Err(Rejection::OutOfRange { .. })), "{refused:?}");
}

/// A capacity cut and taken back left a channel without its limit: the cut had made the limit
/// look like "as much as there is". Now the shares are counted anew, as at an install.
#[test]
fn a_capacity_cut_and_taken_back_keeps_the_limit_of_a_channel() {
    let town = Town::in_memory();
    let slot = town.slot("north", WED, 9, 0);
    for capacity in [1, 2] {
        town.engine.set_capacity(slot.day, slot.index..slot.index + 1, capacity).unwrap();
    }
    let web = |party| town.ask(party, 1, slot).channel(Channel::WEB);
    town.engine.book(&web(1)).wait().unwrap();
    let refused = town.engine.book(&web(2)).wait().map_err(reason);
    assert_eq!(refused, Err(Rejection::ChannelLimit { slot }));
    assert_eq!(view(&town, slot).unwrap().free_by_channel[0], 0);
}

/// A hold that still ran when its day left memory went with it, was never told of its end, and
/// was counted for ever. Now the day waits for it.
#[test]
fn a_day_does_not_leave_before_its_last_hold() {
    let late = CATALOG.replace("09:00-13:00", "20:00-24:00");
    let town = Town::with(&late, Engine::builder().keep_days(0));
    town.clock.set(instant("2026-12-02T23:45:00Z"));
    town.engine.tick();
    let slot = town.slot("north", WED, 23, 45);
    let ask = town.ask(1, 1, slot).ttl(Duration::from_mins(30));
    town.engine.hold(&ask).wait().unwrap();
    town.advance(16);
    assert!(town.engine.day(slot.day).is_some());
    assert_eq!(town.engine.stats().held, 1);
    town.advance(15);
    assert!(town.engine.day(slot.day).is_none());
    assert_eq!((town.engine.stats().held, town.engine.stats().booked), (0, 0));
}

/// A claim that has outlived its day was not known to a retry, and a move of it was refused for
/// the day it was to go to.
#[test]
fn a_claim_that_outlives_its_day_still_says_how_it_ended() {
    let town = Town::with(CATALOG, Engine::builder().keep_days(0));
    let slot = town.slot("south", "2026-12-01", 12, 45);
    let booking = town.book(1, slot);
    town.clock.set(instant("2026-12-01T23:00:00Z"));
    town.engine.cancel_by_staff(booking, cupo::ActorId(1)).wait().unwrap();
    town.advance(61);
    assert!(town.engine.day(slot.day).is_none());
    let again = town.engine.cancel_by_staff(booking, cupo::ActorId(1)).wait().unwrap();
    assert!(again.replayed && again.claim.state == ClaimState::Cancelled);
    let there = town.slot("south", "2026-12-03", 9, 0);
    let refused = town.engine.reschedule(booking, there, RequestId(2)).wait().map_err(reason);
    assert_eq!(refused, Err(Rejection::AlreadyEnded { how: ClaimState::Cancelled }));
}

/// Who is booked and not checked in was refused as "already booked; cancel it instead" at the
/// desk, and who is checked in could be told the same.
#[test]
fn what_comes_at_the_wrong_time_of_a_visit_is_told_so() {
    let town = Town::in_memory();
    let booking = town.book(1, town.slot("south", "2026-12-01", 12, 0));
    let wrong = |state| Err(Rejection::WrongState { state });
    let refused = |answer: Result<cupo::Receipt, cupo::Error>| answer.map(|_| ()).map_err(reason);
    assert_eq!(refused(town.engine.serve(booking).wait()), wrong(ClaimState::Booked));
    town.engine.check_in(booking).wait().unwrap();
    assert_eq!(refused(town.engine.no_show(booking).wait()), wrong(ClaimState::CheckedIn));
    assert_eq!(refused(town.engine.cancel(booking).wait()), wrong(ClaimState::CheckedIn));
    // Into a hold that was confirmed meanwhile: not "ended as booked".
    let (a, b) = (town.slot("south", WED, 9, 0), town.slot("south", WED, 9, 15));
    let (moving, other) =
        (town.book(2, a), town.engine.book(&town.ask(2, 9, b)).wait().unwrap().id());
    let into = town.engine.reschedule_to_hold(moving, other, RequestId(3)).wait();
    assert_eq!(refused(into), Err(Rejection::AlreadyConfirmed { claim: other }));
}

/// Where the clock jumps over the release time, the day was released late by as much as the time
/// lay within the gap. Now at the instant the gap ends.
#[test]
fn a_release_time_that_the_clock_jumps_over_is_the_end_of_the_jump() {
    let catalog = CATALOG
        .replace("Etc/UTC", "America/New_York")
        .replace("horizon = \"14d\"", "horizon = \"1d\"\nrelease_time = \"02:30\"");
    let clock = cupo::ManualClock::at(instant("2027-03-13T12:00:00Z"));
    let engine = Engine::builder().clock(clock.clone()).open().unwrap();
    engine.install(&Catalog::from_toml(&catalog).unwrap()).unwrap();
    let town = Town { engine, clock };
    let day = town.engine.day(town.day("north", "2027-03-15")).unwrap();
    assert_eq!(day.released, instant("2027-03-14T07:00:00Z"));
}

/// The fingerprint of a request mixed service and channel into the same bits: a passport at the
/// desk looked like a retry of a paper on the web, and answered with its claim.
#[test]
fn another_service_by_another_channel_is_another_request() {
    let town = Town::in_memory();
    let slot = town.slot("north", WED, 9, 0);
    let ask = |service: &str, channel| {
        Ask::new(PartyId(1), RequestId(1), town.service(service), slot).channel(channel)
    };
    let first = town.engine.book(&ask("passport", Channel::DESK)).wait().unwrap().id();
    let other = town.engine.book(&ask("paper", Channel::WEB)).wait().map_err(reason);
    assert_eq!(other, Err(Rejection::RequestReused { claim: first }));
}

/// A claim in the upper half of 4,096 shards had the bit by which a roster knows its free places:
/// it was never found there, so closing its day passed it over. Now there are half as many shards.
#[test]
fn every_claim_is_on_its_roster_with_the_most_shards() {
    let clock = cupo::ManualClock::at(instant(town::MORNING));
    let engine = Engine::builder().seeded(1).shards(4_096).clock(clock.clone()).open().unwrap();
    engine.install(&Catalog::from_toml(CATALOG).unwrap()).unwrap();
    let town = Town { engine, clock };
    for party in 0..16 {
        town.book(party, town.slot("north", WED, 9 + party as u16 / 4, party as u16 % 4 * 15));
    }
    town.sound();
    let closure = town.engine.close_day(town.day("north", WED), "").unwrap();
    assert_eq!(closure.displaced.len(), 16);
}

/// A hold was swapped away while the clock passed its deadline: the swap had looked at the clock
/// before, and changed the counters after. Who asked for the old slot in between was refused, and
/// the checker of histories knew no order. A call decides by a time that the clock showed while it
/// was under way; one that was called after the deadline does not.
#[test]
fn a_call_decides_by_a_time_within_it() {
    use cupo::testing::history::{Answer, Event, History, Operation, Seen, Wanted};
    let town = Town::in_memory();
    let [old, new] = [0, 15].map(|minute| town.slot("north", WED, 9, minute));
    let (begins, late) = (instant("2026-12-01T08:00:00Z"), instant("2026-12-01T08:10:01Z"));
    let (id, party, request) = (cupo::ClaimId::from_u64(7), PartyId(1), RequestId(1));
    let deadline = Some(instant("2026-12-01T08:10:00Z"));
    let seen = |slot, version| {
        let state = ClaimState::Held;
        Answer::Is(Seen { id, party, request, slot, state, version, deadline }, false)
    };
    let other = Wanted::new(PartyId(2), RequestId(2), old);
    let full = Answer::Refused(Rejection::SlotFull { slot: old });
    let swapped = |call| {
        let hold = Operation::Hold(Wanted::new(party, request, old));
        let swap = Operation::Swap(id, new, RequestId(9));
        let lines = [
            (0, 1, 2, hold, seen(old, 0)),
            (0, call, 9, swap, seen(new, 1)),
            (1, 4, 5, Operation::Advance(late), Answer::Done),
            (2, 7, 8, Operation::Book(other), full.clone()),
        ];
        let event = |(client, call, back, operation, answer)| Event {
            client,
            call,
            back: Some(back),
            operation,
            answer,
        };
        let mut history = History::new(begins);
        history.slots.extend([(old, 1), (new, 1)]);
        history.events.extend(lines.map(event));
        history.check()
    };
    assert!(swapped(3).is_ok());
    assert!(swapped(6).is_err(), "called after the deadline");
}

/// A seeded engine has a small ring, and its shards kept lines of it back as if it were a large
/// one: with the default number of shards they had them all, and the next call waited for ever.
#[test]
fn a_seeded_engine_never_waits_for_lines_that_its_shards_keep_back() {
    let clock = ManualClock::at(instant("2026-12-01T08:00:00Z"));
    let engine = Engine::builder().seeded(7).clock(clock.clone()).open().unwrap();
    engine.install(&Catalog::from_toml(CATALOG).unwrap()).unwrap();
    let town = Town { engine, clock };
    let slot = town.slot("north", WED, 9, 0);
    let free = town.free(slot);
    for party in 0..4_000 {
        let held = town.engine.hold(&town.ask(party, 1, slot)).wait().unwrap();
        town.engine.release(held.id()).wait().unwrap();
    }
    assert_eq!(town.free(slot), free);
}

/// Every change of a claim made room for its colder half line, which holds nothing of most claims:
/// 32 bytes for each hold that was confirmed.
#[test]
fn a_confirmed_hold_takes_no_more_memory_than_a_hold() {
    let town = Town::in_memory();
    let slot = town.slot("north", WED, 9, 0);
    let held = town.hold(1, slot).unwrap().id();
    let before = town.engine.stats().memory_bytes;
    town.engine.confirm(held).wait().unwrap();
    assert_eq!(town.engine.stats().memory_bytes, before);
    town.engine.assign(held, cupo::ActorId(7)).wait().unwrap();
    assert!(town.engine.stats().memory_bytes > before, "an actor is kept there");
}
