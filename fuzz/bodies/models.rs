//! Does the engine answer as its rules say? Any bytes as a case for the reference model.

use std::time::Duration;

use cupo::testing::Subject;
use cupo::testing::machine::{report, run};
use cupo::testing::strategy::Case;
use cupo::{Crash, DirectoryOptions, DirectoryStore, Engine, ManualClock, PartyId, SimFileSystem};

/// An engine on a simulated disk that can be closed and cut.
struct OnDisk {
    case: Case,
    clock: ManualClock,
    disk: SimFileSystem,
    engine: Option<Engine>,
}

impl OnDisk {
    fn new(case: &Case, clock: &ManualClock) -> Self {
        let (case, clock) = (case.clone(), clock.clone());
        let mut new = Self { case, clock, disk: SimFileSystem::new(), engine: None };
        new.open();
        new
    }

    fn open(&mut self) {
        let options = DirectoryOptions {
            segment_bytes: 64 << 10,
            background: false,
            seed: Some(1),
            ..DirectoryOptions::default()
        };
        let settings = self.case.settings;
        let store = DirectoryStore::open(self.disk.clone(), "log", options).expect("a sound disk");
        let builder = Engine::builder().seeded(1).store(store).shards(1).allow_clock_jump(true);
        let builder = builder.clock(self.clock.clone()).keep_days(settings.keep_days);
        let builder = builder.idempotency_window(Duration::from_millis(settings.window_ms));
        self.engine = Some(builder.open().expect("its own log"));
    }
}

impl Subject for OnDisk {
    fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("open")
    }

    fn reopen(&mut self, crash: bool) -> bool {
        let engine = self.engine.take().expect("open");
        if crash {
            // Everything that was answered was waited for; the last expiries were not.
            while engine.durable() < engine.last() {
                engine.roster(engine.days()[0], None, 1).wait().expect("a sound disk");
                engine.claims_of(PartyId(0)).wait().expect("a sound disk");
            }
            self.disk = self.disk.crash(Crash::LoseUnsynced);
            drop(engine);
        } else {
            engine.close().expect("a sound disk");
        }
        self.open();
        true
    }
}

/// Rules, commands, restarts and crashes; model and engine agree on every answer. Says whether
/// there was any command.
pub fn model(bytes: &[u8]) -> bool {
    const COMMANDS_MAX: usize = 100;
    let mut case = Case::from_bytes(bytes);
    case.commands.truncate(COMMANDS_MAX);
    // A directory keeps an archive.
    case.settings.archive = true;
    let agreed = run(&case, OnDisk::new).is_ok();
    assert!(agreed, "{}", report(&case, OnDisk::new));
    !case.commands.is_empty()
}
