//! The twelve rules of the engine, a test each that bears its name.
//!
//! Each tells the rule in the smallest story that would break if the rule did. The races, crashes
//! and exhaustive walks behind them have files of their own.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    clippy::needless_pass_by_value,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/town.rs"]
mod town;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cupo::{Ask, Catalog, Channel, ClaimState, DayId, PartyId, Rejection, RequestId};
use proptest::prelude::*;
use town::{CATALOG, Town, copy, instant, reason, small};

const WED: &str = "2026-12-02";

#[test]
fn rule_01_used_never_exceeds_limit() {
    let town = Town::in_memory();
    let slot = town.slot("north", WED, 9, 0);
    let granted = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4_u128 {
            let (town, granted) = (&town, &granted);
            scope.spawn(move || {
                for n in 0..200 {
                    if town.hold(thread * 1_000 + n + 1, slot).is_ok() {
                        granted.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(granted.into_inner(), 2, "two desks");
    assert_eq!(town.free(slot), 0);
    town.sound();
}

#[test]
fn rule_01_channel_limits_hold_and_an_override_shows_as_deficit() {
    let town = Town::in_memory();
    let slot = town.slot("north", WED, 9, 0);
    let web = |party| town.ask(party, 1, slot).channel(Channel::WEB);
    town.engine.hold(&web(1)).wait().unwrap();
    let refused = town.engine.hold(&web(2)).wait().map_err(reason);
    assert_eq!(refused, Err(Rejection::ChannelLimit { slot }));
    town.hold(3, slot).unwrap();
    assert_eq!(town.hold(4, slot), Err(Rejection::SlotFull { slot }));
    let urgent = town.ask(5, 5, slot).overriding("a newborn");
    let extra = town.engine.book(&urgent).wait().unwrap();
    let view = |town: &Town| {
        let day = town.engine.day(slot.day).unwrap();
        day.slots.into_iter().find(|view| view.slot == slot).unwrap()
    };
    assert_eq!((view(&town).deficit, view(&town).free), (1, 0));
    let staff = cupo::ActorId(1);
    town.engine.cancel_by_staff(extra.id(), staff).wait().unwrap();
    assert_eq!(view(&town).deficit, 0);
    town.sound();
}

#[test]
fn rule_02_a_grant_is_all_or_nothing() {
    let town = Town::in_memory();
    let (a, b) = (town.slot("south", WED, 9, 0), town.slot("south", WED, 10, 0));
    town.book(9, b);
    let asks = [town.ask(1, 1, a), town.ask(1, 1, b)];
    let refused = town.engine.hold_all(&asks).wait().map_err(reason);
    assert_eq!(refused.unwrap_err(), Rejection::SlotFull { slot: b });
    assert_eq!(town.free(a), 1, "nothing was taken");
    // A run of adjacent units never crosses the closing hour.
    let last = town.slot("north", WED, 12, 45);
    let visa = Ask::new(PartyId(2), RequestId(2), town.service("visa"), last);
    let refused = town.engine.hold(&visa).wait().map_err(reason);
    assert!(matches!(refused, Err(Rejection::SlotClosed { .. })), "{refused:?}");
    // Two slots at once, on two days, are two claims under one request.
    let other = town.slot("south", "2026-12-03", 9, 0);
    let asks = [town.ask(3, 3, other), town.ask(3, 3, a)];
    let both = town.engine.book_all(&asks).wait().unwrap();
    assert_eq!(both.iter().map(|r| r.claim.slot).collect::<Vec<_>>(), [other, a]);
    let again = town.engine.book_all(&asks).wait().unwrap();
    assert!(again.iter().zip(&both).all(|(x, y)| x.replayed && x.claim == y.claim));
    town.sound();
}

#[test]
fn rule_02_persons_and_services_add_up() {
    let town = Town::in_memory();
    let slot = town.slot("north", WED, 9, 0);
    let visit = town.ask(1, 1, slot).also(town.service("visa"));
    let claim = town.engine.book(&visit).wait().unwrap().claim;
    assert_eq!((claim.run, claim.services.as_slice().len()), (3, 2));
    let pair = town.ask(2, 2, town.slot("north", WED, 11, 0)).persons(2);
    let together = town.engine.book(&pair).wait().unwrap().claim;
    assert_eq!((together.run, town.free(together.slot)), (1, 0));
    let turns = town.ask(3, 3, town.slot("north", WED, 12, 0)).persons(3).in_turn();
    assert_eq!(town.engine.book(&turns).wait().unwrap().claim.run, 3);
    assert_eq!(town.free(town.slot("north", WED, 12, 30)), 1);
    town.sound();
}

#[test]
fn rule_03_a_hold_ends_exactly_once() {
    let town = Town::in_memory();
    let slot = town.slot("south", WED, 9, 0);
    let hold = town.hold(1, slot).unwrap().id();
    town.clock.advance(Duration::from_millis(599_999));
    town.engine.confirm(hold).wait().unwrap();
    town.advance(60);
    assert_eq!(town.engine.claim(hold).wait().unwrap().state, ClaimState::Booked);
    let late = town.hold(2, town.slot("south", WED, 10, 0)).unwrap();
    let deadline = late.claim.deadline.unwrap();
    town.clock.set(deadline);
    let refused = town.engine.confirm(late.id()).wait().map_err(reason);
    assert_eq!(refused, Err(Rejection::HoldExpired { at: deadline }));
    assert_eq!(town.free(late.claim.slot), 1, "its place came back in the same step");
    let again = town.engine.release(late.id()).wait().map_err(reason);
    assert_eq!(again, Err(Rejection::HoldExpired { at: deadline }));
    // Time never goes back, so neither does an expiry.
    town.clock.set(instant(town::MORNING));
    assert!(town.engine.confirm(late.id()).wait().is_err());
    town.sound();
}

#[test]
fn rule_03_time_never_decreases_across_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::on(dir.path());
    let hold = town.hold(1, town.slot("south", WED, 9, 0)).unwrap();
    town.advance(11);
    assert_eq!(town.engine.claim(hold.id()).wait().unwrap().state, ClaimState::Expired);
    let before = town.engine.now();
    town.engine.close().unwrap();
    town.clock.set(instant("2026-12-01T07:00:00Z"));
    let town = Town::reopen(dir.path(), &town.clock);
    assert!(town.engine.now() >= before);
    assert_eq!(town.engine.claim(hold.id()).wait().unwrap().state, ClaimState::Expired);
}

#[test]
fn rule_03_an_extension_is_bounded_in_all() {
    let town = Town::in_memory();
    let hold = town.hold(1, town.slot("south", WED, 9, 0)).unwrap().id();
    let minutes = |n: u64| Duration::from_secs(n * 60);
    let too_long = town.engine.extend(hold, minutes(31)).wait().map_err(reason);
    assert!(matches!(too_long, Err(Rejection::OutOfRange { .. })));
    for passed in [20, 20] {
        town.engine.extend(hold, minutes(30)).wait().unwrap();
        town.clock.advance(minutes(passed));
    }
    let refused = town.engine.extend(hold, minutes(30)).wait().map_err(reason);
    assert!(matches!(refused, Err(Rejection::TooLate { .. })), "{refused:?}");
}

#[test]
fn rule_04_a_retry_finds_the_same_claim() {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::on(dir.path());
    let slot = town.slot("south", WED, 9, 0);
    let first = town.hold(1, slot).unwrap();
    // The place it took was the last: the retry still gets it.
    let again = town.hold(1, slot).unwrap();
    assert!(again.replayed && again.id() == first.id());
    let other = town.ask(1, 1, town.slot("south", WED, 10, 0));
    let reused = town.engine.hold(&other).wait().map_err(reason);
    assert_eq!(reused, Err(Rejection::RequestReused { claim: first.id() }));
    town.engine.confirm(first.id()).wait().unwrap();
    town.engine.cancel(first.id()).wait().unwrap();
    // A rule that changes meanwhile does not make it another request.
    let longer = CATALOG.replace("key = \"paper\"\nunits = 1", "key = \"paper\"\nunits = 2");
    town.engine.install(&Catalog::from_toml(&longer).unwrap()).unwrap();
    assert!(town.hold(1, slot).unwrap().replayed);
    let hash = town.engine.state_hash();
    town.engine.close().unwrap();
    let town = Town::reopen(dir.path(), &town.clock);
    assert_eq!(town.engine.state_hash(), hash);
    let after = town.hold(1, slot).unwrap();
    assert!(after.replayed && after.claim.state == ClaimState::Cancelled, "present state");
    // After the window the id is forgotten and the request decided anew.
    town.advance(24 * 60 + 1);
    let anew = town.ask(1, 1, town.slot("south", "2026-12-04", 9, 0));
    assert!(!town.engine.hold(&anew).wait().unwrap().replayed);
    let gone = town.engine.claim(first.id()).wait().map_err(reason);
    assert_eq!(gone.unwrap_err(), Rejection::UnknownClaim { claim: first.id() });
}

#[test]
fn rule_05_a_move_takes_the_new_and_frees_the_old_in_one_step() {
    let town = Town::in_memory();
    let (a, b) = (town.slot("south", WED, 9, 0), town.slot("south", "2026-12-03", 9, 0));
    let booking = town.book(1, a);
    town.book(2, b);
    let refused = town.engine.reschedule(booking, b, RequestId(7)).wait().map_err(reason);
    assert_eq!(refused, Err(Rejection::SlotFull { slot: b }));
    assert_eq!(town.free(a), 0, "the old one is untouched");
    let c = town.slot("south", "2026-12-03", 9, 15);
    let moved = town.engine.reschedule(booking, c, RequestId(8)).wait().unwrap();
    assert_eq!((moved.id(), moved.claim.version, moved.claim.slot), (booking, 1, c));
    assert_eq!((town.free(a), town.free(c)), (1, 0));
    let again = town.engine.reschedule(booking, c, RequestId(8)).wait().unwrap();
    assert!(again.replayed);
    let stale = town.engine.reschedule_at(booking, 0, a, RequestId(9)).wait().map_err(reason);
    assert_eq!(stale, Err(Rejection::VersionChanged { present: 1 }));
    // Overlapping moves within a day count the net difference only.
    let visa =
        Ask::new(PartyId(5), RequestId(5), town.service("visa"), town.slot("north", WED, 9, 0));
    let visa = town.engine.book(&visa).wait().unwrap().id();
    let beside = town.slot("north", WED, 9, 15);
    town.engine.reschedule(visa, beside, RequestId(6)).wait().unwrap();
    // Into a hold: the hold ends, the booking keeps its id.
    let hold = town.engine.hold(&town.ask(1, 20, a)).wait().unwrap().id();
    let into = town.engine.reschedule_to_hold(booking, hold, RequestId(10)).wait().unwrap();
    assert_eq!((into.id(), into.claim.slot, into.claim.version), (booking, a, 2));
    assert_eq!(town.engine.claim(hold).wait().unwrap().state, ClaimState::Released);
    let swapped = town.hold(11, c).unwrap().id();
    let to = town.slot("south", WED, 11, 0);
    assert_eq!(town.engine.swap(swapped, to, RequestId(12)).wait().unwrap().claim.slot, to);
    town.sound();
}

#[test]
fn rule_06_party_limits_hold_across_offices() {
    let town = Town::in_memory();
    let ask = |request, slot| {
        Ask::new(PartyId(1), RequestId(request), town.service("passport"), slot)
            .channel(Channel::PHONE)
    };
    let north = town.engine.hold(&ask(1, town.slot("north", WED, 9, 0))).wait().unwrap().id();
    town.engine.book(&ask(2, town.slot("south", WED, 10, 0))).wait().unwrap();
    let third = ask(3, town.slot("south", "2026-12-03", 9, 0));
    let refused = town.engine.hold(&third).wait().map_err(reason);
    assert!(matches!(refused, Err(Rejection::PartyLimit { .. })), "{refused:?}");
    // A hold that replaces another counts once, and cannot be confirmed beside it.
    let instead = third.clone().replacing(north);
    let hold = town.engine.hold(&instead).wait().unwrap().id();
    let both = town.engine.confirm(hold).wait().map_err(reason);
    assert!(matches!(both, Err(Rejection::PartyLimit { .. })), "{both:?}");
    town.engine.release(north).wait().unwrap();
    town.engine.confirm(hold).wait().unwrap();
    // Nor by asking for several at once.
    let passport = town.service("passport");
    let three = [2, 3, 4].map(|day| {
        let slot = town.slot("south", &format!("2026-12-0{day}"), 11, 0);
        Ask::new(PartyId(77), RequestId(1), passport, slot)
    });
    assert!(town.engine.hold_all(&three).wait().is_err());
    assert!(town.engine.hold_all(&three[..2]).wait().is_ok());
    let holds: Vec<_> = (0..5_u16)
        .map(|n| {
            let slot = town.slot("north", "2026-12-04", 9 + n / 4, (n % 4) * 15);
            town.engine.hold(&town.ask(9, u128::from(n), slot)).wait().map_err(reason)
        })
        .collect();
    assert!(matches!(holds.last(), Some(Err(Rejection::HoldLimit { .. }))));
    town.sound();
}

#[test]
fn rule_07_acknowledged_means_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::on(dir.path());
    let mut acknowledged = Vec::new();
    for n in 0..16_u16 {
        let slot = town.slot("south", WED, 9 + n / 4, (n % 4) * 15);
        let hold = town.hold(u128::from(n) + 1, slot).unwrap().id();
        if n % 2 == 0 {
            town.engine.confirm(hold).wait().unwrap();
        }
        let cut = tempfile::tempdir().unwrap();
        copy(dir.path(), cut.path());
        acknowledged.push((hold, n % 2 == 0));
        let after = Town::reopen(cut.path(), &town.clock);
        for (id, booked) in &acknowledged {
            let state = after.engine.claim(*id).wait().unwrap().state;
            assert_eq!(state == ClaimState::Booked, *booked);
        }
        assert_eq!(after.engine.state_hash(), town.engine.state_hash());
        after.sound();
    }
}

#[test]
fn rule_08_damage_to_acknowledged_data_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::on(dir.path());
    for n in 0..4_u16 {
        town.book(u128::from(n) + 1, town.slot("south", WED, 9, n * 15));
    }
    let cut = tempfile::tempdir().unwrap();
    copy(dir.path(), cut.path());
    let segment = std::fs::read_dir(cut.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_string_lossy().starts_with("log-"))
        .unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    // In the second block after the header: acknowledged long ago.
    bytes[4_096 * 2 + 100] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let refused = small(cut.path()).clock(town.clock.clone()).open().unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("log-") && text.contains("byte"), "{text}");
}

#[test]
fn rule_09_after_a_close_nothing_is_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::on(dir.path());
    // A second owner is refused while the first is there.
    let second = small(dir.path()).open();
    assert!(matches!(second, Err(cupo::Error::Storage(_))), "{second:?}");
    town.engine.close().unwrap();
    assert!(small(dir.path()).clock(town.clock.clone()).open().is_ok());
}

#[test]
fn rule_10_slots_are_instants() {
    // 2026-03-08 has 23 hours in New York, 2026-11-01 has 25.
    let zone = CATALOG
        .replacen("Etc/UTC", "America/New_York", 1)
        .replace("mon = [\"09:00-13:00\"],", "sun = [\"00:00-04:00\"], mon = [\"09:00-13:00\"],");
    for (eve, day, starts) in [
        ("2026-03-06T12:00:00Z", "2026-03-08", 12),
        ("2026-10-30T12:00:00Z", "2026-11-01", 20),
        ("2026-10-23T12:00:00Z", "2026-10-25", 16),
    ] {
        let clock = cupo::ManualClock::at(instant(eve));
        let engine = cupo::Engine::builder().clock(clock).open().unwrap();
        engine.install(&Catalog::from_toml(&zone).unwrap()).unwrap();
        let day = DayId::new(engine.calendar("north").unwrap(), town::date(day)).unwrap();
        let view = engine.day(day).unwrap();
        assert_eq!(view.slots.len(), starts, "{day}");
        assert!(view.slots.is_sorted_by(|a, b| a.starts_at < b.starts_at));
    }
}

#[test]
fn rule_11_a_read_says_what_it_is() {
    let town = Town::in_memory();
    let slot = town.slot("north", WED, 9, 0);
    let hold = town.hold(1, slot).unwrap().id();
    let booking = town.book(2, slot);
    let day = town.engine.day(slot.day).unwrap();
    assert_eq!(day.seq, town.engine.last());
    let view = day.slots.iter().find(|view| view.slot == slot).unwrap();
    assert_eq!((view.held, view.booked, view.free), (1, 1, 0));
    let roster = town.engine.roster(slot.day, None, 1).wait().unwrap();
    let last = roster.last().map(|claim| (claim.slot.index, claim.id));
    let rest = town.engine.roster(slot.day, last, 10).wait().unwrap();
    let mut ids: Vec<_> = roster.iter().chain(&rest).map(|claim| claim.id).collect();
    ids.sort();
    let mut both = vec![hold, booking];
    both.sort();
    assert_eq!(ids, both);
    assert_eq!(town.engine.claims_of(PartyId(2)).wait().unwrap()[0].id, booking);
}

#[test]
fn rule_12_a_refusal_names_cause_and_next_step() {
    let town = Town::in_memory();
    let beyond = town.ask(1, 1, town.slot("south", "2027-06-01", 9, 0));
    let refused = town.engine.hold(&beyond).wait().map_err(reason).unwrap_err();
    assert!(matches!(refused, Rejection::UnknownDay { .. }) && !refused.is_retryable());
    town.advance(24 * 60 + 15);
    let soon = town.ask(2, 2, town.slot("south", WED, 9, 0));
    let refused = town.engine.hold(&soon).wait().map_err(reason);
    assert_eq!(refused, Err(Rejection::TooLate { until: instant("2026-12-02T08:00:00Z") }));
    let visa = Ask::new(PartyId(3), RequestId(3), town.service("visa"), soon_slot(&town));
    let refused = town.engine.hold(&visa).wait().map_err(reason).unwrap_err();
    assert!(matches!(refused, Rejection::ServiceNotServed { .. }));
    let nobody = town.ask(4, 4, soon_slot(&town)).persons(0);
    let refused = town.engine.hold(&nobody).wait().map_err(reason).unwrap_err();
    assert!(refused.to_string().contains("persons"), "{refused}");
    let stale = cupo::ClaimId::from_u64(u64::MAX);
    let refused = town.engine.confirm(stale).wait().map_err(reason);
    assert_eq!(refused, Err(Rejection::UnknownClaim { claim: stale }));
}

fn soon_slot(town: &Town) -> cupo::SlotId {
    town.slot("south", "2026-12-03", 9, 0)
}

#[derive(Clone, Debug)]
enum Step {
    Hold(u8, u8),
    Book(u8, u8),
    Confirm(u8),
    Cancel(u8),
    Release(u8),
    Move(u8, u8),
    Wait(u8),
    Close,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..20_u8, 0..16_u8).prop_map(|(party, slot)| Step::Hold(party, slot)),
        2 => (0..20_u8, 0..16_u8).prop_map(|(party, slot)| Step::Book(party, slot)),
        3 => any::<u8>().prop_map(Step::Confirm),
        3 => any::<u8>().prop_map(Step::Cancel),
        2 => any::<u8>().prop_map(Step::Release),
        3 => (any::<u8>(), 0..16_u8).prop_map(|(claim, slot)| Step::Move(claim, slot)),
        2 => (1..9_u8).prop_map(Step::Wait),
        1 => Just(Step::Close),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any sequence of changes leaves counters, rosters and claims in agreement, and the log
    /// brings back exactly that state.
    #[test]
    fn any_history_adds_up_and_comes_back(steps in steps()) {
        let dir = tempfile::tempdir().unwrap();
        let town = Town::on(dir.path());
        let mut claims = Vec::new();
        let at = |n: u8| town.slot("north", WED, 9 + u16::from(n) / 4, u16::from(n) % 4 * 15);
        for (number, step) in (1..).zip(steps) {
            let pick = |n: u8| claims.get(usize::from(n) % claims.len().max(1)).copied();
            let commit = match step {
                Step::Hold(party, slot) => {
                    Some(town.engine.hold(&town.ask(party.into(), number, at(slot))))
                }
                Step::Book(party, slot) => {
                    Some(town.engine.book(&town.ask(party.into(), number, at(slot))))
                }
                Step::Confirm(n) => pick(n).map(|id| town.engine.confirm(id)),
                Step::Cancel(n) => pick(n).map(|id| town.engine.cancel(id)),
                Step::Release(n) => pick(n).map(|id| town.engine.release(id)),
                Step::Move(n, slot) => {
                    pick(n).map(|id| town.engine.reschedule(id, at(slot), RequestId(number)))
                }
                Step::Wait(minutes) => {
                    town.advance(minutes.into());
                    None
                }
                Step::Close => {
                    town.engine.close_day(at(0).day, "a drill").unwrap();
                    None
                }
                Step::Reopen => {
                    town.engine.reopen_day(at(0).day).unwrap();
                    None
                }
            };
            let receipt = commit.and_then(|commit| commit.dirty().ok().cloned());
            if let Some(receipt) = receipt
                && !claims.contains(&receipt.id())
            {
                claims.push(receipt.id());
            }
        }
        town.sound();
        let hash = town.engine.state_hash();
        town.engine.close().unwrap();
        let again = Town::reopen(dir.path(), &town.clock);
        again.sound();
        prop_assert_eq!(again.engine.state_hash(), hash);
    }
}
