//! What several threads see at once could have happened one call at a time.
//!
//! Four to eight threads hold, book, confirm, cancel and move at three slots with four places
//! between them, while one moves the clock; every question and answer is recorded, and the checker
//! of `cupo::testing` looks for an order that explains them all. In some rounds the disk fails in
//! the middle and the engine is opened again from what a power cut leaves: what was acknowledged
//! must be there, and what was not must be there for everybody or for nobody.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]
#![cfg(feature = "testing")]

#[path = "stage/crowd.rs"]
mod crowd;
#[path = "stage/evidence.rs"]
mod evidence;
#[path = "stage/town.rs"]
mod town;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cupo::testing::history::{Answer, History};
use cupo::{
    Builder, Crash, DirectoryOptions, DirectoryStore, Engine, Fault, Rejection, RequestId,
    SimFileSystem,
};

use crowd::{Crowd, Dice};
use evidence::{Evidence, first_seed, share};
use town::{CATALOG, Town};

/// Meetings in one engine's life: the slots of a morning.
const MEETINGS: u16 = 16;

/// What was seen, so that a test in which nothing happened cannot pass.
#[derive(Debug, Default)]
struct Seen {
    histories: u64,
    calls: u64,
    granted: u64,
    replayed: u64,
    full: u64,
    expired: u64,
    ended: u64,
    unknown: u64,
}

impl Seen {
    fn add(&mut self, history: &History, seed: u64) {
        if let Err(bad) = history.check() {
            panic!("seed {seed}: {bad}");
        }
        self.histories += 1;
        self.calls += history.events.len() as u64;
        for event in &history.events {
            match &event.answer {
                Answer::Is(_, replayed) => {
                    self.granted += u64::from(!*replayed);
                    self.replayed += u64::from(*replayed);
                }
                Answer::Refused(Rejection::SlotFull { .. }) => self.full += 1,
                Answer::Refused(Rejection::HoldExpired { .. }) => self.expired += 1,
                Answer::Refused(_) => self.ended += 1,
                Answer::Unknown => self.unknown += 1,
                _ => {}
            }
        }
    }

    fn told(&self) -> String {
        let Self { histories, calls, granted, replayed, full, expired, unknown, .. } = self;
        format!(
            "{histories} histories, {calls} calls ({granted} done, {replayed} replayed, {full} \
             full, {expired} expired, {unknown} not known)"
        )
    }
}

fn nobody_has_too_much(town: &Town) {
    for day in town.engine.days() {
        let over = town.engine.day(day).unwrap().slots.into_iter().find(|slot| slot.deficit > 0);
        assert!(over.is_none(), "{over:?}");
    }
    town.sound();
}

#[test]
fn what_threads_see_in_memory_has_an_order() {
    let evidence = Evidence::of("T5 real threads, in memory");
    let mut seen = Seen::default();
    let first = first_seed();
    let wanted = share(1_200, 900_000);
    let mut seed = first;
    while seen.histories < wanted {
        let town = Town::in_memory();
        for n in 0..MEETINGS {
            let crowd = Crowd::at(&town, n);
            let recorder = crowd.recorder(&town);
            let mut dice = Dice(seed);
            let threads = 4 + dice.roll() % 5;
            crowd.meet(&town, &recorder, threads, 6 + dice.roll() % 20, seed);
            crowd.recount(&town, &mut recorder.client());
            seen.add(&recorder.history(), seed);
            seed += 1;
        }
        nobody_has_too_much(&town);
    }
    assert!(seen.full > seen.histories && seen.replayed > seen.histories, "{seen:?}");
    assert!(seen.expired > 0 && seen.ended > seen.histories, "{seen:?}");
    evidence.passed(&format!("{}, seeds {first}..{seed}", seen.told()));
}

#[test]
fn what_eight_threads_see_for_long_has_an_order() {
    let evidence = Evidence::of("T5 real threads, eight of them with 50 calls each");
    let mut seen = Seen::default();
    let first = first_seed();
    for seed in first..first + share(32, 20_000) {
        let town = Town::in_memory();
        let crowd = Crowd::at(&town, 3);
        let recorder = crowd.recorder(&town);
        crowd.meet(&town, &recorder, 8, 50, seed);
        seen.add(&recorder.history(), seed);
        nobody_has_too_much(&town);
    }
    evidence.passed(&seen.told());
}

fn on(fs: &SimFileSystem) -> Builder {
    let options = DirectoryOptions {
        segment_bytes: 256 << 10,
        background: false,
        ..DirectoryOptions::default()
    };
    Engine::builder().store(DirectoryStore::open(fs.clone(), "data", options).unwrap())
}

/// A meeting that a disk fault or a power cut ends, and another one after it.
fn cut_short(seed: u64) -> History {
    let mut dice = Dice(seed);
    let fs = SimFileSystem::new();
    let town = Town::with(CATALOG, on(&fs));
    let crowd = Crowd::at(&town, 5);
    let recorder = crowd.recorder(&town);
    let faults = [Fault::Eio, Fault::Eio, Fault::Erofs, Fault::ShortWrite, Fault::Eintr];
    if let Some(fault) = dice.pick(&faults).filter(|_| !seed.is_multiple_of(8)) {
        fs.fail_call(fs.calls() + 1 + dice.roll() % 40, fault);
    }
    crowd.meet(&town, &recorder, 4 + dice.roll() % 3, 6 + dice.roll() % 12, seed);
    recorder.crash();
    let way = match dice.below(4) {
        0 => Crash::LoseUnsynced,
        1 => Crash::KeepAll,
        _ => Crash::Random(dice.roll()),
    };
    let after = fs.crash(way);
    let clock = town.clock.clone();
    drop(town.engine);
    let engine = on(&after).clock(clock.clone()).open().unwrap();
    let town = Town { engine, clock };
    crowd.recount(&town, &mut recorder.client());
    crowd.meet(&town, &recorder, 3, 4, seed + 1);
    crowd.recount(&town, &mut recorder.client());
    nobody_has_too_much(&town);
    recorder.history()
}

#[test]
fn what_threads_see_around_a_crash_has_an_order() {
    let evidence = Evidence::of("T5 real threads, a failing disk and a reopening");
    let mut seen = Seen::default();
    let first = first_seed();
    let last = first + share(1_200, 100_000);
    for seed in first..last {
        seen.add(&cut_short(seed), seed);
    }
    assert!(seen.unknown > 0, "no outcome was ever left open: {seen:?}");
    evidence.passed(&format!("{}, seeds {first}..{last}", seen.told()));
}

/// A move once counted the new place before it gave up the old one, so that a caller refused at
/// the new slot could be refused at the old one too, by a claim that had only one place.
#[test]
fn a_move_is_never_seen_at_both_ends() {
    let evidence = Evidence::of("T5 refusals around a move between days");
    let towns = share(1, 50);
    for _ in 0..towns {
        move_to_and_fro(20_000);
    }
    evidence.passed(&format!("{} moves", towns * 20_000));
}

fn move_to_and_fro(rounds: u64) {
    let town = Town::in_memory();
    let [_, a, b] = Crowd::at(&town, 0).slots[..] else { panic!() };
    let mover = town.book(1, a);
    let turn = AtomicU64::new(0);
    let until = |moment| {
        while turn.load(Ordering::SeqCst) < moment {
            std::thread::yield_now();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..rounds {
                until(round * 2 + 1);
                let to = if round % 2 == 0 { b } else { a };
                let request = RequestId(u128::from(round) + 10);
                while town.engine.reschedule(mover, to, request).dirty().is_err() {}
                until(round * 2 + 2);
            }
        });
        let mut request = 0;
        let mut is_full = |slot| {
            request += 1;
            match town.engine.hold(&town.ask(1 + request, request, slot)).dirty() {
                Ok(receipt) => {
                    town.engine.release(receipt.id()).dirty().unwrap();
                    false
                }
                Err(error) => error.rejection().unwrap() == Rejection::SlotFull { slot },
            }
        };
        let mut both = 0;
        for round in 0..rounds {
            let (from, to) = if round % 2 == 0 { (a, b) } else { (b, a) };
            turn.store(round * 2 + 1, Ordering::SeqCst);
            while !is_full(to) {
                std::thread::yield_now();
            }
            both += u64::from(is_full(from));
            turn.store(round * 2 + 2, Ordering::SeqCst);
        }
        assert_eq!(both, 0, "moves in which one booking filled two slots");
    });
}

/// A move into a hold of another party once looked into that party's shard while it kept its own,
/// so that two such moves in opposite directions waited for each other for ever.
#[test]
fn two_moves_into_each_others_holds_do_not_wait_for_each_other() {
    let town = Arc::new(Town::in_memory());
    let at = |n: u16| town.slot("north", "2026-12-02", 9 + n / 4, n % 4 * 15);
    let first = town.book(1, at(0));
    let apart = |party: &u128| town.book(*party, at(*party as u16)).to_u64() >> 52;
    let party = (2..16).find(|party| apart(party) != first.to_u64() >> 52).unwrap();
    let second = town.engine.book(&town.ask(party, party, at(party as u16))).wait().unwrap().id();
    let hold = |party| town.engine.hold(&town.ask(party, 99, at(0).day.slot(51))).wait();
    let (own, other) = (hold(1).unwrap().id(), hold(party).unwrap().id());
    let (done, all) = std::sync::mpsc::channel();
    for (booking, hold) in [(first, other), (second, own)] {
        let (town, done) = (town.clone(), done.clone());
        std::thread::spawn(move || {
            for n in 0..400_000 {
                let refused = town.engine.reschedule_to_hold(booking, hold, RequestId(n)).wait();
                assert_eq!(
                    town::reason(refused.unwrap_err()),
                    Rejection::OtherParty { claim: hold }
                );
            }
            done.send(()).unwrap();
        });
    }
    for _ in 0..2 {
        all.recv_timeout(Duration::from_secs(30)).expect("the two wait for each other");
    }
}

/// A booking refused at a full slot is known to be a booking; its confirmation was not always on
/// disk by then, and a power cut made it a hold again.
#[test]
fn a_refused_move_rests_on_what_made_it_a_booking() {
    let town = Town::in_memory();
    let [_, wed, thu] = Crowd::at(&town, 0).slots[..] else { panic!() };
    town.book(1, thu);
    let hold = town.hold(2, wed).unwrap().id();
    let confirmed = town.engine.confirm(hold);
    let refused = town.engine.reschedule(hold, thu, RequestId(1));
    assert!(refused.seq() >= confirmed.seq(), "{refused:?} {confirmed:?}");
    let refused = town::reason(refused.wait().unwrap_err());
    assert_eq!(refused, Rejection::SlotFull { slot: thu });
}
