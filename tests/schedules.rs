//! Does any order of steps break a rule? Clients, expiry, staff and the flusher as tasks of one
//! scheduler that interleaves them at every lock and atomic, thousands of times, from a seed.
//!
//! Only in builds with `RUSTFLAGS="--cfg shuttle"`. In them a timed wait is never ended by time, so
//! a wake-up that is lost shows as a deadlock. Every schedule ends with an audit and with a recount
//! of the journal, in whose order every answer has to make sense.
#![cfg(shuttle)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/evidence.rs"]
mod evidence;
#[path = "stage/feed_check.rs"]
mod feed_check;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use cupo::log_store::LogStore;
use cupo::{
    ActorId, Ask, Catalog, Channel, ClaimId, ClaimState, Crash, DayId, DirectoryOptions,
    DirectoryStore, Engine, Error, ManualClock, MemoryStore, PartyId, Receipt, Rejection,
    RequestId, Seq, ServiceId, SimFileSystem, SlotId,
};
use evidence::{Evidence, first_seed, share};
use feed_check::Ledger;
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner, thread};

/// One desk, three hours on two days.
static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    Catalog::from_toml(
        r#"
        [[offices]]
        key = "north"
        zone = "Etc/UTC"
        [[services]]
        key = "paper"
        [[calendars]]
        key = "north"
        office = "north"
        services = ["paper"]
        unit = "60m"
        capacity = 1
        horizon = "2d"
        hours = { wed = ["09:00-12:00"], thu = ["09:00-12:00"] }
        [holds]
        ttl = "10m"
        per_party = 4
        "#,
    )
    .unwrap()
});

/// Half of the schedules at random, half by priorities that change at three points.
fn explore(what: &'static str, (ci, long): (u64, u64), scenario: fn()) {
    let evidence = Evidence::of(what);
    let half = share(ci, long).div_ceil(2) as usize;
    let mut config = Config::new();
    config.stack_size = 256 << 10;
    config.silence_warnings = true;
    let seed = first_seed();
    let random = RandomScheduler::new_from_seed(seed, half);
    let random = Runner::new(random, config.clone()).run(scenario);
    let pct = PctScheduler::new_from_seed(seed, 3, half);
    let pct = Runner::new(pct, config).run(scenario);
    evidence.passed(&format!("{random} random schedules, {pct} PCT of depth 3, seed {seed}"));
}

struct Town {
    engine: Engine,
    clock: ManualClock,
    paper: ServiceId,
    days: [DayId; 2],
}

impl Town {
    fn in_memory() -> Self {
        let town = Self::on(MemoryStore::new());
        town.engine.install(&CATALOG).unwrap();
        town
    }

    fn on(store: impl LogStore) -> Self {
        let clock = ManualClock::at("2026-12-01T08:00:00Z".parse().unwrap());
        let builder = Engine::builder().store(store).shards(4).clock(clock.clone());
        let engine = builder.archive(false).snapshot_on_close(false).open().unwrap();
        let [wed, thu] = ["2026-12-02", "2026-12-03"].map(|date| date.parse().unwrap());
        // The first of each.
        let north = cupo::CalendarId(0);
        let days = [wed, thu].map(|date| DayId::new(north, date).unwrap());
        Self { engine, clock, paper: ServiceId(0), days }
    }

    /// The slot of a day at 9, 10 or 11 o'clock.
    fn slot(&self, day: usize, hour: u16) -> SlotId {
        self.days[day].slot(hour)
    }

    fn ask(&self, party: u128, request: u128, slot: SlotId) -> Ask {
        let ask = Ask::new(PartyId(party), RequestId(request), self.paper, slot);
        ask.channel(Channel::DESK)
    }

    fn hold(&self, party: u128, slot: SlotId) -> Result<ClaimId, Rejection> {
        plain(self.engine.hold(&self.ask(party, party, slot)).wait()).map(|receipt| receipt.id())
    }

    fn book(&self, party: u128, slot: SlotId) -> ClaimId {
        self.engine.book(&self.ask(party, party, slot)).wait().unwrap().id()
    }

    fn state(&self, claim: ClaimId) -> ClaimState {
        self.engine.claim(claim).wait().unwrap().state
    }

    /// The end of a schedule: counters, claims and journal agree, and the engine closes.
    fn over(self) -> Ledger {
        let audit = self.engine.audit();
        assert!(audit.is_clean(), "{:#?}", audit.problems);
        let ledger = Ledger::of(&self.engine, 1);
        for (claim, told) in &ledger.claims {
            assert_eq!(self.state(*claim), told.state, "{claim}");
        }
        self.engine.close().unwrap();
        ledger
    }
}

/// Only refusals are expected.
#[track_caller]
fn plain(answer: Result<Receipt, Error>) -> Result<Receipt, Rejection> {
    answer.map_err(|error| error.rejection().unwrap_or_else(|| panic!("not a refusal: {error}")))
}

#[test]
fn one_place_for_three() {
    explore(
        "T4 hold, confirm and cancel of one place by three clients",
        (4_000, 2_000_000),
        || {
            let town = Town::in_memory();
            let (slot, having) = (town.slot(0, 9), AtomicU32::new(0));
            thread::scope(|scope| {
                for party in 1..=3 {
                    let (town, having) = (&town, &having);
                    scope.spawn(move || {
                        let claim = match town.hold(party, slot) {
                            Ok(claim) => claim,
                            Err(no) => return assert_eq!(no, Rejection::SlotFull { slot }),
                        };
                        // From the acknowledgement to the call that gives it back, it is ours alone.
                        assert_eq!(having.fetch_add(1, Ordering::SeqCst), 0, "two have one place");
                        assert_eq!(town.hold(party, slot), Ok(claim), "a retry finds its claim");
                        let confirmed = town.engine.confirm(claim).wait().unwrap();
                        assert_eq!(confirmed.claim.state, ClaimState::Booked);
                        if party != 3 {
                            having.fetch_sub(1, Ordering::SeqCst);
                            town.engine.cancel(claim).wait().unwrap();
                        }
                    });
                }
            });
            let ledger = town.over();
            assert!(!ledger.claims.is_empty(), "somebody was first");
        },
    );
}

#[test]
fn a_hold_ends_once() {
    explore("T4 confirm against release against expiry", (4_000, 1_000_000), || {
        let town = Town::in_memory();
        let hold = town.hold(1, town.slot(0, 9)).unwrap();
        let ended = Mutex::new(Vec::new());
        let tell = |state: ClaimState| ended.lock().unwrap().push(state);
        thread::scope(|scope| {
            let (town, tell) = (&town, &tell);
            scope.spawn(move || match plain(town.engine.confirm(hold).wait()) {
                Ok(_) => tell(ClaimState::Booked),
                Err(Rejection::HoldExpired { .. } | Rejection::AlreadyEnded { .. }) => {}
                Err(other) => panic!("{other}"),
            });
            scope.spawn(move || match plain(town.engine.release(hold).wait()) {
                Ok(_) => tell(ClaimState::Released),
                Err(Rejection::HoldExpired { .. } | Rejection::AlreadyConfirmed { .. }) => {}
                Err(other) => panic!("{other}"),
            });
            scope.spawn(move || {
                town.clock.advance(Duration::from_secs(600));
                town.engine.tick();
                let state = town.state(hold);
                if state == ClaimState::Expired {
                    tell(state);
                }
            });
        });
        let ended = ended.into_inner().unwrap();
        let [how] = ended[..] else { panic!("ended by {ended:?}") };
        assert_eq!(town.over().claims[&hold].state, how);
    });
}

#[test]
fn moves_cross() {
    explore("T4 moves between two days in both directions", (4_000, 2_000_000), || {
        let town = Town::in_memory();
        let (here, there) = (town.slot(0, 9), town.slot(1, 9));
        let (a, b) = (town.book(1, here), town.book(2, there));
        let c = town.hold(3, town.slot(1, 11)).unwrap();
        thread::scope(|scope| {
            let town = &town;
            scope.spawn(move || {
                let moved = town.engine.reschedule(a, town.slot(1, 10), RequestId(10)).wait();
                assert_eq!(moved.unwrap().claim.version, 1);
                // Where the other one was, if it has gone.
                let _ = plain(town.engine.reschedule(a, there, RequestId(11)).wait());
            });
            scope.spawn(move || {
                let moved = town.engine.reschedule(b, town.slot(0, 10), RequestId(20)).wait();
                assert_eq!(moved.unwrap().claim.version, 1);
                let _ = plain(town.engine.reschedule(b, here, RequestId(21)).wait());
            });
            scope.spawn(move || {
                if let Err(no) = plain(town.engine.swap(c, here, RequestId(30)).wait()) {
                    assert_eq!(no, Rejection::SlotFull { slot: here });
                }
            });
            scope.spawn(move || {
                for day in town.days {
                    let view = town.engine.day(day).unwrap();
                    assert!(view.slots.iter().all(|slot| slot.deficit == 0), "{view:?}");
                    assert!(view.seq <= town.engine.last());
                }
            });
        });
        let slots: BTreeSet<SlotId> = town.over().claims.values().map(|told| told.slot).collect();
        assert_eq!(slots.len(), 3, "{slots:?}");
    });
}

#[test]
fn a_hold_of_another_party() {
    explore("T4 moves into holds of other parties, crosswise", (4_000, 500_000), || {
        let town = Town::in_memory();
        let booked = [1, 2, 3].map(|party| town.book(u128::from(party), town.slot(0, 8 + party)));
        let held = [1, 2, 3].map(|party| {
            let ask = town.ask(u128::from(party), 100, town.slot(1, 8 + party));
            town.engine.hold(&ask).wait().unwrap().id()
        });
        thread::scope(|scope| {
            for own in 0..3 {
                let town = &town;
                scope.spawn(move || {
                    let other = held[(own + 1) % 3];
                    let to_hold = |hold, request| {
                        let request = RequestId(request);
                        plain(town.engine.reschedule_to_hold(booked[own], hold, request).wait())
                    };
                    let no = to_hold(other, 200).unwrap_err();
                    assert_eq!(no, Rejection::OtherParty { claim: other });
                    assert_eq!(to_hold(held[own], 201).unwrap().claim.slot.day, town.days[1]);
                });
            }
        });
        town.over();
    });
}

#[test]
fn a_day_closes() {
    explore("T4 the closing of a day against grants and moves", (4_000, 1_000_000), || {
        let town = Town::in_memory();
        let day = town.days[0];
        let moving = town.book(1, town.slot(1, 9));
        let into = town.engine.hold(&town.ask(1, 2, town.slot(0, 9))).wait().unwrap().id();
        let leaving = town.book(3, town.slot(0, 10));
        thread::scope(|scope| {
            let town = &town;
            scope.spawn(move || town.engine.close_day(day, "flood").unwrap());
            scope.spawn(move || {
                let _ = plain(town.engine.reschedule_to_hold(moving, into, RequestId(5)).wait());
            });
            scope.spawn(move || {
                let _ =
                    plain(town.engine.reschedule(leaving, town.slot(1, 10), RequestId(6)).wait());
                let _ = town.hold(4, town.slot(0, 11)).map(|hold| town.engine.confirm(hold).wait());
            });
        });
        for (claim, told) in &town.over().claims {
            let stays = matches!(told.state, ClaimState::Held | ClaimState::Booked);
            assert!(!stays || told.slot.day != day, "{claim} is {told:?} on a closed day");
        }
    });
}

#[test]
fn a_retry_races() {
    explore("T4 one request from two threads, and another content", (4_000, 1_000_000), || {
        let town = Town::in_memory();
        let answers = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for hour in [9, 9, 10] {
                let (town, answers) = (&town, &answers);
                scope.spawn(move || {
                    let ask = town.ask(1, 1, town.slot(0, hour));
                    let answer = plain(town.engine.hold(&ask).wait());
                    answers.lock().unwrap().push((hour, answer));
                });
            }
        });
        let answers = answers.into_inner().unwrap();
        let granted: Vec<&Receipt> = answers.iter().filter_map(|(_, a)| a.as_ref().ok()).collect();
        let first = granted.iter().filter(|receipt| !receipt.replayed).count();
        assert_eq!(first, 1, "{answers:?}");
        let claim = granted[0].id();
        assert!(granted.iter().all(|receipt| receipt.id() == claim), "{answers:?}");
        for (_, answer) in &answers {
            let no = answer.as_ref().err();
            assert!(no.is_none_or(|no| *no == Rejection::RequestReused { claim }), "{answers:?}");
        }
        assert_eq!(town.over().claims.len(), 1);
    });
}

#[test]
fn the_feed_tells_all() {
    explore("T4 a reader of the feed against writers", (4_000, 500_000), || {
        let town = Town::in_memory();
        let from = Seq(town.engine.last().0 + 1);
        thread::scope(|scope| {
            let town = &town;
            scope.spawn(move || {
                let (mut feed, mut told) = (town.engine.feed(from), Vec::new());
                while told.len() < 4 {
                    let batch = feed.next_batch(Duration::from_secs(3_600)).unwrap();
                    assert!(batch.iter().all(|event| event.seq <= town.engine.durable()));
                    told.extend(batch);
                }
                let seqs: Vec<u64> = told.iter().map(|event| event.seq.0).collect();
                assert_eq!(seqs, (from.0..from.0 + 4).collect::<Vec<_>>());
            });
            for party in [1, 2] {
                scope.spawn(move || {
                    let claim = town.hold(party, town.slot(0, 8 + party as u16)).unwrap();
                    town.engine.confirm(claim).wait().unwrap();
                });
            }
        });
        town.over();
    });
}

#[test]
fn the_ring_is_full() {
    explore("T4 writers at a full ring", (400, 50_000), || {
        let town = Town::in_memory();
        let reason = "x".repeat(cupo::limits::REASON_BYTES_MAX);
        let before = town.engine.last();
        thread::scope(|scope| {
            for party in 1..=3_u128 {
                let (town, reason) = (&town, &reason);
                scope.spawn(move || {
                    let mut last = None;
                    for n in 0..10 {
                        let day = usize::from(n % 2 == 0);
                        let ask = town.ask(party, 100 + n, town.slot(day, 9)).overriding(reason);
                        let booked = town.engine.book(&ask);
                        let claim = booked.dirty().unwrap().id();
                        drop(town.engine.cancel_by_staff(claim, ActorId(1)));
                        last = Some(booked);
                    }
                    last.unwrap().wait().unwrap();
                });
            }
        });
        let told = town.engine.last().0 - before.0;
        assert!(told > cupo::limits::RING_LINES as u64, "the ring went round: {told} lines");
        let audit = town.engine.audit();
        assert!(audit.is_clean(), "{:#?}", audit.problems);
        town.engine.close().unwrap();
    });
}

#[test]
fn a_snapshot_among_writers() {
    explore("T4 a snapshot against writers, then a crash", (400, 50_000), || {
        let files = SimFileSystem::new();
        let options = DirectoryOptions {
            segment_bytes: 64 << 10,
            background: false,
            seed: Some(1),
            ..DirectoryOptions::default()
        };
        let open = |files: &SimFileSystem| {
            Town::on(DirectoryStore::open(files.clone(), "log", options).unwrap())
        };
        let town = open(&files);
        town.engine.install(&CATALOG).unwrap();
        let kept = town.book(9, town.slot(1, 9));
        let booked = Mutex::new(Vec::new());
        thread::scope(|scope| {
            let (town, booked) = (&town, &booked);
            scope.spawn(move || town.engine.snapshot().unwrap());
            scope.spawn(move || {
                let claim = town.hold(1, town.slot(0, 9)).unwrap();
                town.engine.confirm(claim).wait().unwrap();
                booked.lock().unwrap().push((claim, town.slot(0, 9)));
            });
            scope.spawn(move || {
                town.engine.reschedule(kept, town.slot(0, 10), RequestId(5)).wait().unwrap();
                booked.lock().unwrap().push((kept, town.slot(0, 10)));
            });
        });
        let hash = town.engine.state_hash();
        let disk = files.crash(Crash::LoseUnsynced);
        town.over();
        let town = open(&disk);
        assert_eq!(town.engine.state_hash(), hash);
        for (claim, slot) in booked.into_inner().unwrap() {
            let found = town.engine.claim(claim).wait().unwrap();
            assert_eq!((found.state, found.slot), (ClaimState::Booked, slot));
        }
        let audit = town.engine.audit();
        assert!(audit.is_clean(), "{:#?}", audit.problems);
        town.engine.close().unwrap();
    });
}
