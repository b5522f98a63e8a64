//! What the rules leave to show: the feed, the life of days, closing and reopening, cool-off,
//! protected shares, installs with bookings in place, commits under an executor, snapshots beside
//! writers, and memory that stays bounded.

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

use std::time::Duration;

use cupo::{
    Ask, Catalog, Channel, ClaimState, Effect, Engine, Error, Openings, PartyId, Rejection,
    RequestId, Seq, backup, salvage, verify,
};
use town::{CATALOG, Town, instant, reason, small};

const WED: &str = "2026-12-02";

fn everything(engine: &Engine, from: Seq) -> Vec<cupo::Event> {
    let mut feed = engine.feed(from);
    let mut all = Vec::new();
    loop {
        let batch = feed.next_batch(Duration::from_millis(20)).unwrap();
        if batch.is_empty() {
            return all;
        }
        all.extend(batch);
    }
}

#[test]
fn the_feed_tells_every_effect_once_in_order_from_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::on(dir.path());
    for n in 0..8_u16 {
        town.book(u128::from(n) + 1, town.slot("south", WED, 9 + n / 4, n % 4 * 15));
    }
    let all = everything(&town.engine, Seq(1));
    assert!(all.is_sorted_by(|a, b| a.seq < b.seq));
    let granted = all.iter().filter(|event| matches!(event.effect, Effect::Granted { .. }));
    assert_eq!(granted.count(), 8);
    for start in [0, all.len() / 2, all.len() - 1] {
        assert_eq!(everything(&town.engine, all[start].seq), all[start..]);
    }
    // From the files, after a restart, it is the same.
    town.engine.close().unwrap();
    let again = Town::reopen(dir.path(), &town.clock);
    let stored = everything(&again.engine, Seq(1));
    assert_eq!(stored[..all.len()], all[..]);
}

#[test]
fn a_feed_that_is_too_far_behind_is_told_where_to_start() {
    let dir = tempfile::tempdir().unwrap();
    let builder = Engine::builder().directory(dir.path()).segment_bytes(64 << 10);
    let town = Town::with(CATALOG, builder);
    let slot = town.slot("south", WED, 9, 0);
    for round in 0..3_u128 {
        for n in 0..40 {
            let hold = town.hold(round * 100 + n + 1, slot).unwrap().id();
            town.engine.release(hold).wait().unwrap();
        }
        town.engine.snapshot().unwrap();
    }
    town.engine.close().unwrap();
    let again = Town::reopen(dir.path(), &town.clock).engine;
    let told = again.feed(Seq(1)).next_batch(Duration::from_secs(1)).unwrap_err();
    let Error::FeedTooOld { first, snapshot } = told else { panic!("{told}") };
    assert!(first > Seq(1) && snapshot > 0, "{first} {snapshot}");
    let rest = everything(&again, first);
    assert_eq!((rest.first().unwrap().seq, rest.last().unwrap().seq), (first, again.durable()));
}

#[test]
fn closing_a_day_displaces_and_reopening_restores() {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::on(dir.path());
    let (a, b) = (town.slot("north", WED, 9, 0), town.slot("north", WED, 10, 0));
    let (stays, moves, hold) = (town.book(1, a), town.book(2, b), town.hold(3, b).unwrap().id());
    let closure = town.engine.close_day(a.day, "a water leak").unwrap();
    assert_eq!((closure.displaced.len(), closure.revoked), (2, vec![hold]));
    assert_eq!(town.hold(4, a).unwrap_err(), Rejection::SlotClosed { slot: a });
    let state = |id| town.engine.claim(id).wait().unwrap().state;
    assert_eq!((state(stays), state(hold)), (ClaimState::Displaced, ClaimState::Revoked));
    let elsewhere = town.slot("south", "2026-12-03", 9, 0);
    let moved = town.engine.reschedule(moves, elsewhere, RequestId(9)).wait().unwrap().claim;
    assert_eq!((moved.state, moved.version), (ClaimState::Booked, 1));
    assert_eq!(town.engine.reopen_day(a.day).unwrap(), [stays]);
    assert_eq!(state(stays), ClaimState::Booked);
    town.sound();
    let hash = town.engine.state_hash();
    town.engine.close().unwrap();
    assert_eq!(Town::reopen(dir.path(), &town.clock).engine.state_hash(), hash);
}

#[test]
fn a_cancelled_place_cools_off_before_it_returns() {
    let text = CATALOG
        .replace("per_party = 4", "per_party = 4\ncool_off = \"1h\"\ncool_off_jitter = \"30m\"");
    let dir = tempfile::tempdir().unwrap();
    let town = Town::with(&text, small(dir.path()));
    let slot = town.slot("south", WED, 12, 0);
    let booking = town.book(1, slot);
    let cancelled = town.engine.cancel(booking).wait().unwrap().claim;
    assert_eq!((cancelled.state, town.free(slot)), (ClaimState::Cancelled, 0));
    assert!(town.hold(2, slot).is_err(), "the buyer waits in vain");
    town.advance(59);
    assert_eq!(town.free(slot), 0);
    town.engine.close().unwrap();
    let town = Town::reopen(dir.path(), &town.clock);
    town.advance(32);
    assert_eq!(town.free(slot), 1, "back by itself, after a restart too");
    town.sound();
}

#[test]
fn a_protected_share_is_kept_until_it_is_given_back() {
    let share = "[calendars.channels.phone]\nprotected = 1\ngive_back = \"2h\"\n\n[[calendars]]";
    let text = CATALOG.replace("max = 1\n\n[[calendars]]", &format!("\n{share}"));
    let town = Town::with(&text, Engine::builder());
    let slot = town.slot("north", WED, 12, 0);
    let ask = |party, channel| town.ask(party, party, slot).channel(channel);
    town.engine.book(&ask(1, Channel::DESK)).wait().unwrap();
    let refused = town.engine.book(&ask(2, Channel::DESK)).wait().map_err(reason);
    assert_eq!(refused.unwrap_err(), Rejection::ChannelLimit { slot });
    town.advance(26 * 60 + 30);
    town.engine.book(&ask(3, Channel::DESK)).wait().unwrap();
    town.sound();
}

#[test]
fn an_install_keeps_bookings_and_names_whom_a_cut_hits() {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::on(dir.path());
    let slot = town.slot("north", WED, 9, 0);
    let first = town.book(1, slot);
    town.clock.advance(Duration::from_secs(1));
    let second = town.book(2, slot);
    let cut = Catalog::from_toml(&CATALOG.replacen("capacity = 2", "capacity = 1", 1)).unwrap();
    let plan = town.engine.plan_install(&cut).unwrap();
    assert!(plan.created == 0 && plan.replanned > 5, "{plan:?}");
    let report = town.engine.install(&cut).unwrap();
    assert_eq!(report.affected, [second], "the newest");
    assert_eq!(plan, report, "what was planned is what was done");
    assert_eq!(town.engine.claim(first).wait().unwrap().slot, slot);
    let view = town.engine.day(slot.day).unwrap();
    assert_eq!((view.slots[0].deficit, view.slots[0].free), (1, 0));
    let unit = CATALOG.replacen("unit = \"15m\"", "unit = \"30m\"", 1);
    let refused = town.engine.install(&Catalog::from_toml(&unit).unwrap()).unwrap_err();
    assert!(matches!(refused, Error::Catalog(_)) && refused.to_string().contains("15m"));
    let affected = town.engine.set_capacity(slot.day, slot.index..slot.index + 1, 2).unwrap();
    assert!(affected.is_empty());
    town.sound();
    let (hash, catalog) = (town.engine.state_hash(), town.engine.catalog());
    town.engine.close().unwrap();
    let again = Town::reopen(dir.path(), &town.clock);
    assert_eq!((again.engine.state_hash(), again.engine.catalog()), (hash, catalog));
}

/// A catalog without the calendar closes its days; the plan says whom that hits.
#[test]
fn a_plan_names_whom_a_dropped_calendar_hits() {
    let town = Town::in_memory();
    let booking = town.book(1, town.slot("south", WED, 9, 0));
    let mut without = Catalog::from_toml(CATALOG).unwrap();
    without.calendars.retain(|calendar| calendar.key != "south");
    let plan = town.engine.plan_install(&without).unwrap();
    assert_eq!(plan.affected, [booking]);
    assert_eq!(town.engine.install(&without).unwrap().affected, [booking]);
    town.sound();
}

#[test]
fn a_planned_cut_changes_nothing_and_lists_what_the_cut_lists() {
    let town = Town::in_memory();
    let slot = town.slot("north", WED, 9, 0);
    town.book(1, slot);
    town.clock.advance(Duration::from_secs(1));
    let newest = town.book(2, slot);
    let slots = slot.index..slot.index + 2;
    let hash = town.engine.state_hash();
    assert_eq!(town.engine.plan_capacity(slot.day, slots.clone(), 1).unwrap(), [newest]);
    assert_eq!(town.engine.plan_capacity(slot.day, slots.clone(), 2).unwrap(), []);
    assert_eq!((town.engine.state_hash(), town.engine.set_capacities()), (hash, Vec::new()));
    assert_eq!(town.engine.set_capacity(slot.day, slots.clone(), 1).unwrap(), [newest]);
    assert_eq!(town.engine.set_capacities(), [(slot.day, slots.clone(), 1)]);
    town.engine.set_capacity(slot.day, slot.index + 1..slot.index + 2, 0).unwrap();
    let split = [slot.index..slot.index + 1, slot.index + 1..slot.index + 2];
    let [first, second] = split.map(|slots| (slot.day, slots));
    let set = [(first.0, first.1, 1), (second.0, second.1, 0)];
    assert_eq!(town.engine.set_capacities(), set);
    town.engine.install(&Catalog::from_toml(CATALOG).unwrap()).unwrap();
    assert_eq!(town.engine.set_capacities(), []);
    town.sound();
}

#[test]
fn the_horizon_rolls_and_the_past_goes_to_the_archive() {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::on(dir.path());
    let booking = town.book(7, town.slot("south", WED, 9, 0));
    let days = town.engine.days().len();
    for _ in 0..40 {
        town.advance(24 * 60);
    }
    let stats = town.engine.stats();
    assert!(town.engine.days().len() <= days + 2 * 8, "{stats:?}");
    assert_eq!((stats.booked, stats.held, stats.ended), (0, 0, 0));
    let gone = town.engine.claim(booking).wait().map_err(reason).unwrap_err();
    assert_eq!(gone, Rejection::UnknownClaim { claim: booking });
    let lines = std::fs::read_to_string(dir.path().join("archive/2026-12-02.jsonl")).unwrap();
    assert!(lines.contains(&booking.to_string()) && lines.contains("booked"), "{lines}");
    town.sound();
    let (hash, days) = (town.engine.state_hash(), town.engine.days());
    town.engine.close().unwrap();
    let again = Town::reopen(dir.path(), &town.clock);
    assert_eq!(again.engine.days(), days);
    assert_eq!(again.engine.state_hash(), hash);
}

#[test]
fn a_soak_keeps_memory_bounded() {
    let builder = Engine::builder().idempotency_window(Duration::from_mins(1));
    let town = Town::with(CATALOG, builder);
    let slot = town.slot("north", "2026-12-04", 9, 0);
    let mut most = 0;
    for round in 0..200_u128 {
        for n in 0..50 {
            let hold = town.hold(round * 1_000 + n, slot).unwrap().id();
            town.engine.release(hold).wait().unwrap();
        }
        town.clock.advance(Duration::from_secs(61));
        town.engine.tick();
        let bytes = town.engine.stats().memory_bytes;
        if round == 20 {
            most = bytes;
        }
        // Parties fall on shards unevenly; all that was ever held would be ten times that.
        assert!(round <= 20 || bytes <= most + (64 << 10), "{round}: {bytes} after {most}");
    }
}

#[test]
fn commits_work_under_an_executor_and_dropped_ones_still_happen() {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::on(dir.path());
    let (a, b) = (town.slot("south", WED, 9, 0), town.slot("south", WED, 9, 15));
    let receipt = pollster::block_on(async {
        let held = town.engine.hold(&town.ask(1, 1, a)).await?;
        town.engine.confirm(held.id()).await
    });
    assert_eq!(receipt.unwrap().claim.state, ClaimState::Booked);
    drop(town.engine.book(&town.ask(2, 2, b)));
    assert_eq!(town.free(b), 0);
    let hash = town.engine.state_hash();
    town.engine.close().unwrap();
    assert_eq!(Town::reopen(dir.path(), &town.clock).engine.state_hash(), hash);
}

#[test]
fn snapshots_beside_writers_lead_to_the_same_state() {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::on(dir.path());
    std::thread::scope(|scope| {
        for thread in 0..2_u128 {
            let town = &town;
            scope.spawn(move || {
                for n in 0..600_u16 {
                    let slot = town.slot("north", "2026-12-03", 9 + n / 4 % 4, n % 4 * 15);
                    let ask = town.ask(thread << 64 | u128::from(n), 1, slot);
                    if let Ok(receipt) = town.engine.hold(&ask).dirty().cloned() {
                        let id = receipt.id();
                        let _ = if n % 3 == 0 {
                            town.engine.confirm(id).wait().map(drop)
                        } else {
                            town.engine.release(id).wait().map(drop)
                        };
                    }
                }
            });
        }
        for _ in 0..6 {
            town.engine.snapshot().unwrap();
        }
    });
    town.sound();
    let live = verify(dir.path()).unwrap();
    assert!(live.is_sound(), "{live:#?}");
    let copy = tempfile::tempdir().unwrap();
    backup(dir.path(), copy.path()).unwrap();
    assert_eq!(verify(copy.path()).unwrap().state_hash, town.engine.state_hash());
    town.engine.close().unwrap();
    let after = verify(dir.path()).unwrap();
    assert!(after.is_sound() && after.clean && after.snapshots.len() == 2, "{after:#?}");
    let saved = tempfile::tempdir().unwrap();
    let report = salvage(dir.path(), saved.path()).unwrap();
    assert!(report.damaged.is_empty() && report.last >= report.synced, "{report:?}");
    assert_eq!(verify(saved.path()).unwrap().state_hash, after.state_hash);
}

#[test]
fn openings_are_the_earliest_over_offices_dates_times_and_weekdays() {
    let town = Town::in_memory();
    let paper = town.service("paper");
    let query = Openings::new(paper).channel(Channel::DESK);
    let found = town.engine.openings(&query.clone().limit(4));
    let times: Vec<_> = found.iter().map(|opening| opening.starts_at).collect();
    let nine = instant("2026-12-01T09:00:00Z");
    // Both offices at nine (the south one asks for an hour of lead), then at a quarter past.
    assert_eq!(times[..2], [nine, nine]);
    assert!(times.is_sorted());
    let late = query.clone().between("12:00".parse().unwrap(), "13:00".parse().unwrap());
    let friday = late.weekdays(&[chrono::Weekday::Fri]).limit(1);
    let found = town.engine.openings(&friday);
    assert_eq!(found[0].starts_at, instant("2026-12-04T12:00:00Z"));
    for n in 0..16 {
        town.book(n, town.slot("south", WED, 9 + n as u16 / 4, n as u16 % 4 * 15));
    }
    let south = [town.engine.office("south").unwrap()];
    let next = query.offices(&south).from(town::date(WED)).limit(1);
    let found = town.engine.openings(&next);
    assert_eq!(found[0].starts_at, instant("2026-12-03T09:00:00Z"), "the sold-out day is passed");
    let visa = Ask::new(PartyId(1), RequestId(1), town.service("visa"), found[0].slot);
    assert!(town.engine.hold(&visa).wait().is_err());
}

#[test]
fn a_deadline_is_met_by_itself_within_100_ms() {
    let text = CATALOG.replace("ttl = \"10m\"", "ttl = \"1s\"");
    let engine = Engine::builder().open().unwrap();
    engine.install(&Catalog::from_toml(&text).unwrap()).unwrap();
    let paper = engine.service("paper").unwrap();
    let opening = engine.openings(&Openings::new(paper).channel(Channel::DESK).limit(1))[0];
    // The promise is for a machine at half load; a crowded one gets more tries.
    let late = (1..=5).map(|party| {
        let ask = Ask::new(PartyId(party), RequestId(1), paper, opening.slot);
        let held = engine.hold(&ask.channel(Channel::DESK)).wait().unwrap();
        std::thread::sleep(Duration::from_millis(1_500));
        assert_eq!(engine.claim(held.id()).wait().unwrap().state, ClaimState::Expired);
        let ended = everything(&engine, Seq(1)).into_iter().find_map(|event| match event.effect {
            Effect::Ended { claim, .. } if claim == held.id() => Some(event.at.utc()),
            _ => None,
        });
        (ended.unwrap() - held.claim.deadline.unwrap()).num_milliseconds()
    });
    assert!(late.into_iter().any(|late| late <= 100), "five times later than 100 ms");
}
