//! Every state of a small world: clients who hold, confirm, release, cancel and move, time
//! passing, a disk that syncs late, a crash at every moment that keeps any part of what was
//! unsynced.
//!
//! The model is the protocol in a page (`stage/states.rs`), explored without a gap; each mistake
//! planted in it must break a property, or the properties say nothing. And the engine itself walks
//! the paths to many of these states, and must stand where the model stands.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::match_same_arms,
    clippy::too_many_lines,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/evidence.rs"]
mod evidence;
#[path = "stage/states.rs"]
mod states;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cupo::{
    Ask, Catalog, ClaimId, ClaimState, Crash, DayId, DirectoryOptions, DirectoryStore, Engine,
    ManualClock, PartyId, RequestId, ServiceId, SimFileSystem, SlotId,
};
use evidence::{Evidence, share};
use stateright::{Checker, Model, Path};
use states::{Action, Claim, How, Mistake, Small, State};

/// Three places on two days (a day is but a name here), three clients.
const SMALL: Small = Small {
    clients: 3,
    slots: 3,
    lives: 1,
    end: 1,
    pending_max: 2,
    crashes: 1,
    mistake: Mistake::None,
};

#[test]
fn every_state_is_sound() {
    let evidence = Evidence::of("T2 all states: 3 clients, 3 places, crash and recovery");
    let large = share(0, 1) > 0;
    let model = if large { Small { end: 2, pending_max: 3, crashes: 2, ..SMALL } } else { SMALL };
    let (lives, end, crashes) = (model.lives, model.end, model.crashes);
    let checker = model.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    evidence.passed(&format!(
        "all {} states ({} visits, {} steps deep): {lives} claim a client, {end} ticks, {crashes} crashes",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
    ));
}

#[test]
fn every_mistake_is_found() {
    let evidence = Evidence::of("T2 planted mistakes");
    let mistakes = [
        (Mistake::AcknowledgeAtOnce, "what was acknowledged stays"),
        (Mistake::RefuseAtOnce, "a refusal tells the truth"),
        (Mistake::MoveInTwoGroups, "used never exceeds the limit, and adds up"),
        (Mistake::ConfirmLate, "no hold is confirmed at its deadline"),
        (Mistake::CheckBeforeTheLock, "used never exceeds the limit, and adds up"),
        (Mistake::ForgetTheTimeAtACrash, "time never goes back behind the log"),
    ];
    for (mistake, property) in mistakes {
        let model = Small { clients: 2, mistake, ..SMALL };
        let checker = model.checker().spawn_bfs().join();
        let found = checker.discovery(property);
        assert!(found.is_some(), "{mistake:?} breaks nothing");
        println!("{mistake:?}: {} steps to '{property}'", found.unwrap().into_actions().len());
    }
    evidence.passed(&format!("{} of {} found", mistakes.len(), mistakes.len()));
}

const CATALOG: &str = r#"
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
hours = { wed = ["09:00-11:00"], thu = ["09:00-10:00"] }
[holds]
ttl = "10m"
"#;

/// An engine that walks a path of the model.
struct Walker {
    engine: Engine,
    clock: ManualClock,
    files: SimFileSystem,
    claims: [Option<ClaimId>; 3],
    steps: u128,
}

fn open(files: &SimFileSystem, ticks: u8) -> (Engine, ManualClock) {
    let clock = ManualClock::at("2026-12-01T08:00:00Z".parse().unwrap());
    clock.advance(Duration::from_mins(10) * u32::from(ticks));
    let options = DirectoryOptions {
        segment_bytes: 64 << 10,
        background: false,
        seed: Some(1),
        ..DirectoryOptions::default()
    };
    let store = DirectoryStore::open(files.clone(), "log", options).unwrap();
    let builder = Engine::builder().store(store).shards(2).clock(clock.clone()).seeded(1);
    (builder.snapshot_on_close(false).open().unwrap(), clock)
}

impl Walker {
    fn new(catalog: &Catalog) -> Self {
        let files = SimFileSystem::new();
        let (engine, clock) = open(&files, 0);
        engine.install(catalog).unwrap();
        Self { engine, clock, files, claims: [None; 3], steps: 0 }
    }

    /// Two places on one day, the third on the next.
    fn slot(slot: u8) -> SlotId {
        let date = if slot < 2 { "2026-12-02" } else { "2026-12-03" };
        let day = DayId::new(cupo::CalendarId(0), date.parse().unwrap()).unwrap();
        day.slot(9 + u16::from(slot % 2))
    }

    /// One step. What a call answers does not matter here, only where it leaves the claims.
    fn step(&mut self, action: Action) {
        self.steps += 1;
        let (engine, request) = (&self.engine, RequestId(self.steps));
        let claim = |client: u8| self.claims[usize::from(client)].unwrap();
        match action {
            Action::Hold(client, slot) => {
                let party = PartyId(u128::from(client) + 1);
                let ask = Ask::new(party, request, ServiceId(0), Self::slot(slot));
                let held = engine.hold(&ask).dirty().ok().map(cupo::Receipt::id);
                let own = &mut self.claims[usize::from(client)];
                *own = held.or(*own);
            }
            // Whoever asks finds the deadline passed.
            Action::Confirm(client) | Action::Expire(client) => drop(engine.confirm(claim(client))),
            Action::Release(client) => drop(engine.release(claim(client))),
            Action::Cancel(client) => drop(engine.cancel(claim(client))),
            Action::Move(client, slot) => {
                drop(match self.state(client).0 {
                    ClaimState::Held => engine.swap(claim(client), Self::slot(slot), request),
                    _ => engine.reschedule(claim(client), Self::slot(slot), request),
                });
            }
            Action::Tick => self.clock.advance(Duration::from_mins(10)),
            Action::Sync => {
                for claim in self.claims.into_iter().flatten() {
                    engine.claim(claim).wait().unwrap();
                }
            }
            Action::Crash(_, ticks) => {
                self.files = self.files.crash(Crash::LoseUnsynced);
                (self.engine, self.clock) = open(&self.files, ticks);
            }
        }
    }

    fn state(&self, client: u8) -> (ClaimState, SlotId) {
        let claim = self.claims[usize::from(client)].unwrap();
        let commit = self.engine.claim(claim);
        let found = commit.dirty().unwrap();
        (found.state, found.slot)
    }

    /// Whether the engine stands where the model stands.
    fn agrees(&self, client: u8, claim: Claim) -> bool {
        let is = |how, slot: Option<u8>| {
            let (found, at) = self.state(client);
            found == how && slot.is_none_or(|slot| at == Self::slot(slot))
        };
        match claim {
            Claim::Never => self.claims[usize::from(client)].is_none(),
            Claim::Held { slot, .. } => is(ClaimState::Held, Some(slot)),
            Claim::Booked { slot } => is(ClaimState::Booked, Some(slot)),
            Claim::Over(How::Released) => is(ClaimState::Released, None),
            Claim::Over(How::Expired) => is(ClaimState::Expired, None),
            Claim::Over(How::Cancelled) => is(ClaimState::Cancelled, None),
        }
    }
}

/// Crashes with something unsynced are left to the walks over crash images: which of it the disk
/// has written by then is the engine's to choose.
fn can_walk(actions: &[Action]) -> bool {
    let mut synced = true;
    actions.iter().all(|action| {
        let fine = synced || !matches!(action, Action::Crash(..));
        synced = match action {
            Action::Sync | Action::Crash(..) => true,
            Action::Tick => synced,
            _ => false,
        };
        fine
    })
}

#[test]
fn the_engine_stands_where_the_model_stands() {
    let evidence = Evidence::of("T2 the engine on the paths of the model");
    // Every state in the long run.
    let every = if share(0, 1) > 0 { 1 } else { 40 };
    let seen = Arc::new(Mutex::new((0_u64, Vec::new())));
    let keep = seen.clone();
    let visitor = move |path: Path<State, Action>| {
        let mut keep = keep.lock().unwrap();
        keep.0 += 1;
        if keep.0.is_multiple_of(every) {
            let last = path.last_state().clone();
            keep.1.push((path.into_actions(), last));
        }
    };
    SMALL.checker().visitor(visitor).spawn_bfs().join();
    let catalog = Catalog::from_toml(CATALOG).unwrap();
    let paths = std::mem::take(&mut seen.lock().unwrap().1);
    let (mut walked, mut steps) = (0, 0);
    for (actions, last) in paths.into_iter().filter(|(actions, _)| can_walk(actions)) {
        let mut walker = Walker::new(&catalog);
        for action in &actions {
            walker.step(*action);
        }
        for (client, claim) in (0..).zip(&last.memory.claims) {
            let found = walker.claims[usize::from(client)].map(|_| walker.state(client));
            assert!(walker.agrees(client, *claim), "{client}: {claim:?}, {found:?} by {actions:?}");
        }
        let audit = walker.engine.audit();
        assert!(audit.is_clean(), "{:?} by {actions:?}", audit.problems);
        walked += 1;
        steps += actions.len();
    }
    evidence.passed(&format!("{walked} paths, {steps} steps, the same state at every end"));
}
