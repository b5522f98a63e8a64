//! Does any order of steps break a rule? Clients, expiry, staff and the flusher as tasks of one
//! scheduler that interleaves them at every lock and atomic, thousands of times, from a seed.
//!
//! Only in builds with `RUSTFLAGS="--cfg shuttle"`. In them a timed wait is never ended by time, so
//! a wake-up that is lost shows as a deadlock. Every schedule ends with an audit, with a recount of
//! the journal, and with a check that some order of the calls explains every answer.
#![cfg(all(shuttle, feature = "testing"))]
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
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use cupo::log_store::LogStore;
use cupo::testing::history::{Client, Recorder};
use cupo::{
    ActorId, Ask, Catalog, Channel, ClaimId, ClaimState, Crash, DayId, DirectoryOptions,
    DirectoryStore, Engine, Error, ManualClock, MemoryStore, PartyId, Receipt, Rejection,
    RequestId, Seq, ServiceId, SimFileSystem, SlotId,
};
use evidence::{Evidence, first_seed, share};
use feed_check::Ledger;
use shuttle::rand::{Rng, thread_rng};
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
        Self { engine, clock, days }
    }

    fn recorder(&self) -> Recorder {
        let recorder = Recorder::at(&self.clock);
        for day in self.days {
            recorder.day(&self.engine.day(day).unwrap());
        }
        recorder
    }

    /// The slot of a day at 9, 10 or 11 o'clock.
    fn slot(&self, day: usize, hour: u16) -> SlotId {
        self.days[day].slot(hour)
    }

    fn hold(&self, client: &mut Client<'_>, party: u128, slot: SlotId) -> Answer {
        plain(client.hold(&self.engine, &ask(party, party, slot)))
    }

    fn book(&self, client: &mut Client<'_>, party: u128, slot: SlotId) -> ClaimId {
        client.book(&self.engine, &ask(party, party, slot)).unwrap().id()
    }

    /// The end of a schedule: counters, claims and journal agree, and the engine closes.
    fn over(self) -> Ledger {
        // What was due and held just behind the last tick's back ends now.
        self.engine.tick();
        let audit = self.engine.audit();
        assert!(audit.is_clean(), "{:#?}", audit.problems);
        let ledger = Ledger::of(&self.engine, 1);
        for (claim, told) in &ledger.claims {
            let found = self.engine.claim(*claim).wait().unwrap();
            assert_eq!(found.state, told.state, "{claim}");
        }
        self.engine.close().unwrap();
        ledger
    }
}

type Answer = Result<Receipt, Rejection>;

/// Only refusals are expected.
#[track_caller]
fn plain(answer: Result<Receipt, Error>) -> Answer {
    answer.map_err(|error| error.rejection().unwrap_or_else(|| panic!("not a refusal: {error}")))
}

fn ask(party: u128, request: u128, slot: SlotId) -> Ask {
    let ask = Ask::new(PartyId(party), RequestId(request), ServiceId(0), slot);
    ask.channel(Channel::DESK)
}

type Task<'a> = Box<dyn FnOnce(&mut Client<'_>) + Send + 'a>;

/// Each task is a client of its own; the scheduler interleaves them.
fn together<'a>(recorder: &'a Recorder, tasks: impl IntoIterator<Item = Task<'a>>) {
    thread::scope(|scope| {
        for task in tasks {
            scope.spawn(move || task(&mut recorder.client()));
        }
    });
}

/// Some order of the calls explains every answer.
fn explained(recorder: Recorder) {
    if let Err(example) = recorder.history().check() {
        panic!("{example}");
    }
}

#[test]
fn one_place_for_three() {
    explore(
        "T4 hold, confirm and cancel of one place by three clients",
        (4_000, 2_000_000),
        || {
            let town = Town::in_memory();
            let (recorder, slot) = (town.recorder(), town.slot(0, 9));
            let visit = |party| -> Task<'_> {
                let town = &town;
                Box::new(move |client| {
                    let claim = match town.hold(client, party, slot) {
                        Ok(receipt) => receipt.id(),
                        Err(no) => return assert_eq!(no, Rejection::SlotFull { slot }),
                    };
                    let again = town.hold(client, party, slot).unwrap();
                    assert!(again.replayed && again.id() == claim, "a retry finds its claim");
                    client.confirm(&town.engine, claim).unwrap();
                    if party != 3 {
                        client.cancel(&town.engine, claim).unwrap();
                    }
                })
            };
            together(&recorder, (1..=3).map(visit));
            explained(recorder);
            assert!(!town.over().claims.is_empty(), "somebody was first");
        },
    );
}

#[test]
fn a_hold_ends_once() {
    explore("T4 confirm against release against expiry", (4_000, 1_000_000), || {
        let town = Town::in_memory();
        let recorder = town.recorder();
        let hold = town.hold(&mut recorder.client(), 1, town.slot(0, 9)).unwrap().id();
        let engine = &town.engine;
        let tasks: [Task<'_>; 3] = [
            Box::new(|client| match plain(client.confirm(engine, hold)) {
                Ok(_) | Err(Rejection::HoldExpired { .. } | Rejection::AlreadyEnded { .. }) => {}
                Err(other) => panic!("{other}"),
            }),
            Box::new(|client| match plain(client.release(engine, hold)) {
                Ok(_) | Err(Rejection::HoldExpired { .. } | Rejection::AlreadyConfirmed { .. }) => {
                }
                Err(other) => panic!("{other}"),
            }),
            Box::new(|client| {
                client.advance(&town.clock, Duration::from_mins(10));
                engine.tick();
                let state = client.claim(engine, hold).unwrap().state;
                assert_ne!(state, ClaimState::Held, "its time was up");
            }),
        ];
        together(&recorder, tasks);
        explained(recorder);
        town.over();
    });
}

#[test]
fn moves_cross() {
    explore("T4 moves between two days in both directions", (4_000, 2_000_000), || {
        let town = Town::in_memory();
        let (recorder, engine) = (town.recorder(), &town.engine);
        let (here, there) = (town.slot(0, 9), town.slot(1, 9));
        let mut before = recorder.client();
        let (a, b) = (town.book(&mut before, 1, here), town.book(&mut before, 2, there));
        let c = town.hold(&mut before, 3, town.slot(1, 11)).unwrap().id();
        drop(before);
        let across = |claim, to: SlotId, then: SlotId| -> Task<'_> {
            Box::new(move |client| {
                let moved = client.reschedule(engine, (claim, to, RequestId(10))).unwrap();
                assert_eq!(moved.claim.version, 1);
                // Where the other one was, if it has gone.
                let _ = plain(client.reschedule(engine, (claim, then, RequestId(11))));
            })
        };
        let tasks: [Task<'_>; 4] = [
            across(a, town.slot(1, 10), there),
            across(b, town.slot(0, 10), here),
            Box::new(|client| {
                if let Err(no) = plain(client.swap(engine, (c, here, RequestId(30)))) {
                    assert_eq!(no, Rejection::SlotFull { slot: here });
                }
            }),
            Box::new(|client| {
                client.look(engine, here);
                let view = engine.day(there.day).unwrap();
                assert!(view.seq <= engine.last(), "{view:?}");
            }),
        ];
        together(&recorder, tasks);
        explained(recorder);
        let slots: BTreeSet<SlotId> = town.over().claims.values().map(|told| told.slot).collect();
        assert_eq!(slots.len(), 3, "{slots:?}");
    });
}

/// A move into a hold of a party in another shard once locked that shard as well: two such moves,
/// crosswise, waited for each other for ever.
#[test]
fn a_hold_of_another_party() {
    explore("T4 moves into holds of other parties, crosswise", (4_000, 500_000), || {
        let town = Town::in_memory();
        let recorder = town.recorder();
        let mut before = recorder.client();
        let booked = [1, 2, 3].map(|n| town.book(&mut before, u128::from(n), town.slot(0, 8 + n)));
        let held = [1, 2, 3].map(|n| {
            let ask = ask(u128::from(n), 100, town.slot(1, 8 + n));
            before.hold(&town.engine, &ask).unwrap().id()
        });
        drop(before);
        let crosswise = |own: usize| -> Task<'_> {
            let (engine, day) = (&town.engine, town.days[1]);
            Box::new(move |client| {
                let other = held[(own + 1) % 3];
                let into = (booked[own], other, RequestId(200));
                let no = plain(client.reschedule_to_hold(engine, into)).unwrap_err();
                assert_eq!(no, Rejection::OtherParty { claim: other });
                let into = (booked[own], held[own], RequestId(201));
                let moved = client.reschedule_to_hold(engine, into).unwrap();
                assert_eq!(moved.claim.slot.day, day);
            })
        };
        together(&recorder, (0..3).map(crosswise));
        explained(recorder);
        town.over();
    });
}

/// A booking that moved into a hold of a day just closed was in nobody's list: it stayed booked
/// there, and its party was never told.
#[test]
fn a_day_closes() {
    explore("T4 the closing of a day against grants and moves", (4_000, 1_000_000), || {
        let town = Town::in_memory();
        let (recorder, engine, day) = (town.recorder(), &town.engine, town.days[0]);
        let mut before = recorder.client();
        let moving = town.book(&mut before, 1, town.slot(1, 9));
        let into = before.hold(engine, &ask(1, 2, town.slot(0, 9))).unwrap().id();
        let leaving = town.book(&mut before, 3, town.slot(0, 10));
        drop(before);
        let tasks: [Task<'_>; 3] = [
            Box::new(|_| drop(engine.close_day(day, "flood").unwrap())),
            Box::new(|client| {
                let _ = plain(client.reschedule_to_hold(engine, (moving, into, RequestId(5))));
            }),
            Box::new(|client| {
                let to = town.slot(1, 10);
                let _ = plain(client.reschedule(engine, (leaving, to, RequestId(6))));
                if let Ok(held) = town.hold(client, 4, town.slot(0, 11)) {
                    let _ = plain(client.confirm(engine, held.id()));
                }
            }),
        ];
        together(&recorder, tasks);
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
        let (recorder, answers) = (town.recorder(), Mutex::new(Vec::new()));
        let send = |hour| -> Task<'_> {
            let (town, answers) = (&town, &answers);
            Box::new(move |client| {
                let answer = town.hold(client, 1, town.slot(0, hour));
                answers.lock().unwrap().push(answer);
            })
        };
        together(&recorder, [9, 9, 10].map(send));
        explained(recorder);
        let answers = answers.into_inner().unwrap();
        let granted: Vec<&Receipt> = answers.iter().filter_map(|a| a.as_ref().ok()).collect();
        let first = granted.iter().filter(|receipt| !receipt.replayed).count();
        assert_eq!(first, 1, "{answers:?}");
        let claim = granted[0].id();
        assert!(granted.iter().all(|receipt| receipt.id() == claim), "{answers:?}");
        for no in answers.iter().filter_map(|answer| answer.as_ref().err()) {
            assert_eq!(*no, Rejection::RequestReused { claim });
        }
        assert_eq!(town.over().claims.len(), 1);
    });
}

#[test]
fn the_feed_tells_all() {
    explore("T4 a reader of the feed against writers", (4_000, 500_000), || {
        let town = Town::in_memory();
        let (recorder, engine) = (town.recorder(), &town.engine);
        let from = engine.last().0 + 1;
        let write = |party: u128, hour| -> Task<'_> {
            let town = &town;
            Box::new(move |client| {
                let claim = town.hold(client, party, town.slot(0, hour)).unwrap().id();
                client.confirm(engine, claim).unwrap();
            })
        };
        let read: Task<'_> = Box::new(move |_| {
            let (mut feed, mut told) = (engine.feed(Seq(from)), Vec::new());
            while told.len() < 4 {
                let batch = feed.next_batch(Duration::from_hours(1)).unwrap();
                assert!(batch.iter().all(|event| event.seq <= engine.durable()));
                told.extend(batch.iter().map(|event| event.seq.0));
            }
            assert_eq!(told, (from..from + 4).collect::<Vec<_>>());
        });
        together(&recorder, [read, write(1, 9), write(2, 10)]);
        explained(recorder);
        town.over();
    });
}

#[test]
fn anything_goes() {
    explore("T4 three clients with calls of all kinds", (4_000, 3_000_000), || {
        let town = Town::in_memory();
        let (recorder, heard) = (town.recorder(), Mutex::new(Vec::new()));
        let client = |party: u128| -> Task<'_> {
            let (town, heard) = (&town, &heard);
            Box::new(move |client| {
                for _ in 0..4 {
                    let known = heard.lock().unwrap().clone();
                    let told = any_call(town, client, party, &known);
                    heard.lock().unwrap().extend(told);
                }
            })
        };
        together(&recorder, (1..=3).map(client));
        explained(recorder);
        town.over();
    });
}

/// A call at three slots of two days, about a claim that somebody has heard of.
fn any_call(
    town: &Town,
    client: &mut Client<'_>,
    party: u128,
    heard: &[ClaimId],
) -> Option<ClaimId> {
    let (engine, mut dice) = (&town.engine, thread_rng());
    let slots = [town.slot(0, 9), town.slot(0, 10), town.slot(1, 9)];
    let slot = slots[dice.gen_range(0..3)];
    let (kind, request) = (dice.gen_range(0..14_u8), RequestId(dice.gen_range(0..u128::MAX)));
    let claim = match heard {
        [] => None,
        _ => Some(heard[dice.gen_range(0..heard.len())]),
    };
    let (Some(claim), 4..) = (claim, kind) else {
        let ask = ask(party, dice.gen_range(0..3), slot);
        let answer =
            if kind % 2 == 0 { client.hold(engine, &ask) } else { client.book(engine, &ask) };
        return plain(answer).ok().map(|receipt| receipt.id());
    };
    let _ = plain(match kind {
        4 | 5 => client.confirm(engine, claim),
        6 => client.release(engine, claim),
        7 | 8 => client.cancel(engine, claim),
        9 => client.extend(engine, claim, Duration::from_mins(15)),
        10 => client.swap(engine, (claim, slot, request)),
        11 | 12 => client.reschedule(engine, (claim, slot, request)),
        // Only one client moves the clock.
        _ if party == 1 => {
            client.advance(&town.clock, Duration::from_secs([1, 300, 601][dice.gen_range(0..3)]));
            engine.tick();
            return None;
        }
        _ => return client.claim(engine, claim).ok().and(None),
    });
    None
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
                        let ask = ask(party, 100 + n, town.slot(day, 9)).overriding(reason);
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
        let (recorder, engine) = (town.recorder(), &town.engine);
        let kept = town.book(&mut recorder.client(), 9, town.slot(1, 9));
        let booked = Mutex::new(Vec::new());
        let (first, second) = (town.slot(0, 9), town.slot(0, 10));
        let tasks: [Task<'_>; 3] = [
            Box::new(|_| engine.snapshot().unwrap()),
            Box::new(|client| {
                let claim = town.hold(client, 1, first).unwrap().id();
                client.confirm(engine, claim).unwrap();
                booked.lock().unwrap().push((claim, first));
            }),
            Box::new(|client| {
                client.reschedule(engine, (kept, second, RequestId(5))).unwrap();
                booked.lock().unwrap().push((kept, second));
            }),
        ];
        together(&recorder, tasks);
        explained(recorder);
        let hash = engine.state_hash();
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
