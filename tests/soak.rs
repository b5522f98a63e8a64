//! Days on end at an ordinary load: the clock jumps, the engine is closed or dropped and opened
//! again, and each time it is in the very same state, adds up, and uses no more memory.

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

#[path = "stage/crowd.rs"]
mod crowd;
#[path = "stage/evidence.rs"]
mod evidence;
#[path = "stage/town.rs"]
mod town;

use std::path::Path;
use std::time::Duration;

use crowd::Dice;
use cupo::{
    Ask, Builder, Catalog, Channel, ClaimId, Engine, ManualClock, Openings, PartyId, RequestId,
    SystemClock, verify,
};
use evidence::{Evidence, first_seed, share};
use town::{CATALOG, MORNING, instant};

/// How long the crowd is at work between two looks.
const SPELL: Duration = Duration::from_millis(400);

fn builder(directory: &Path, clock: &ManualClock) -> Builder {
    Engine::builder()
        .directory(directory)
        .segment_bytes(512 << 10)
        .snapshot_every(1 << 20)
        .keep_days(2)
        .idempotency_window(Duration::from_secs(6 * 3_600))
        .shards(16)
        .clock(clock.clone())
}

/// One thread: seven parts of ten at work, several calls in flight; says how many it made.
fn work(engine: &Engine, mut dice: Dice) -> u64 {
    let (clock, mut calls) = (SystemClock::new(), 0);
    let service = engine.service("paper").unwrap();
    let mut mine: Vec<ClaimId> = Vec::new();
    while clock.elapsed() < SPELL {
        let begun = clock.elapsed();
        let query = Openings::new(service).channel(Channel::DESK).limit(40);
        let slots: Vec<_> = engine.openings(&query).iter().map(|opening| opening.slot).collect();
        let mut waiting = Vec::new();
        for _ in 0..8 {
            let claim = dice.pick(&mine);
            let request = RequestId(u128::from(dice.roll()));
            let slot = dice.pick(&slots);
            waiting.push(match (dice.below(8), claim, slot) {
                (0..=1, Some(claim), _) => engine.confirm(claim),
                (2..=4, Some(claim), _) => engine.cancel(claim),
                (5, Some(claim), Some(slot)) => engine.reschedule(claim, slot, request),
                (kind, _, Some(slot)) => {
                    let party = PartyId(u128::from(dice.roll()));
                    let ask = Ask::new(party, request, service, slot).channel(Channel::DESK);
                    if kind == 6 { engine.hold(&ask) } else { engine.book(&ask) }
                }
                _ => continue,
            });
        }
        calls += waiting.len() as u64;
        for answer in waiting.into_iter().map(cupo::Commit::wait) {
            match answer {
                Ok(receipt) => mine.push(receipt.id()),
                Err(error) => assert!(error.rejection().is_some(), "{error}"),
            }
        }
        mine.drain(..mine.len().saturating_sub(60));
        std::thread::sleep((clock.elapsed() - begun) * 3 / 7);
    }
    calls
}

#[test]
fn days_on_end_change_nothing_but_the_bookings() {
    let evidence = Evidence::of("T12 soak at 70 % load, clock jumps, reopening");
    let (seconds, seed) = (share(8, 3_600), first_seed());
    let room = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (clock, time) = (ManualClock::at(instant(MORNING)), SystemClock::new());
    let mut engine = builder(room.path(), &clock).open().unwrap();
    let text = CATALOG.replacen("capacity = 2", "capacity = 12", 1);
    engine.install(&Catalog::from_toml(&text).unwrap()).unwrap();
    let (mut dice, mut calls, mut memory) = (Dice(seed), 0, Vec::new());
    while time.elapsed() < Duration::from_secs(seconds) {
        let seeds = [dice.roll(), dice.roll()];
        calls += std::thread::scope(|scope| {
            let engine = &engine;
            let workers = seeds.map(|seed| scope.spawn(move || work(engine, Dice(seed))));
            workers.map(|worker| worker.join().unwrap()).iter().sum::<u64>()
        });
        // Mostly forwards; a step back must change nothing.
        let hours = [1, 6, 12, 30, -2][dice.below(5)];
        jump(&clock, hours);
        engine.tick();
        let audit = engine.audit();
        assert!(audit.is_clean(), "{audit:?}");
        memory.push(engine.stats().memory_bytes);
        engine = reopened(engine, room.path(), &clock, dice.below(3) > 0);
    }
    engine.close().unwrap();
    assert!(verify(room.path()).unwrap().is_sound());
    let (first, second) = memory.split_at(memory.len() / 2);
    let peak = |part: &[u64]| part.iter().max().copied().unwrap_or_default();
    let (first, second) = (peak(first), peak(second));
    assert!(second < first * 2, "{memory:?}");
    evidence.passed(&format!(
        "{calls} calls, {} reopenings to the same hash, memory at most {first} bytes in the first \
         half and {second} in the second, seed {seed}",
        memory.len()
    ));
}

fn jump(clock: &ManualClock, hours: i64) {
    let millis = hours.unsigned_abs() * 3_600_000;
    if hours >= 0 {
        clock.advance(Duration::from_millis(millis));
    } else {
        clock.set(cupo::Clock::now(clock) - Duration::from_millis(millis));
    }
}

/// Closed or dropped, it comes back as it was; the next close takes a snapshot or not.
fn reopened(engine: Engine, directory: &Path, clock: &ManualClock, snapshot: bool) -> Engine {
    let hash = engine.state_hash();
    if snapshot {
        engine.close().unwrap();
    } else {
        drop(engine);
    }
    let engine = builder(directory, clock).snapshot_on_close(snapshot).open().unwrap();
    assert_eq!(engine.state_hash(), hash);
    engine
}
