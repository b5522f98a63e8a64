//! An engine for the machine of `cupo::testing` on a simulated disk: closed, cut, opened again.

use cupo::testing::Subject;
use cupo::testing::strategy::Case;
use cupo::{
    Crash, DirectoryOptions, DirectoryStore, Durability, Engine, ManualClock, SimFileSystem,
};

/// An engine on a simulated disk that can be closed and cut.
pub struct OnDisk {
    case: Case,
    pub clock: ManualClock,
    disk: SimFileSystem,
    engine: Option<Engine>,
    crashes: u64,
}

impl OnDisk {
    pub fn new(case: &Case, clock: &ManualClock) -> Self {
        let (case, clock) = (case.clone(), clock.clone());
        let mut new = Self { case, clock, disk: SimFileSystem::new(), engine: None, crashes: 0 };
        new.open();
        new
    }

    fn open(&mut self) {
        let options = DirectoryOptions {
            durability: Durability::Synced,
            segment_bytes: 64 << 10,
            background: false,
            seed: Some(1),
        };
        let store = DirectoryStore::open(self.disk.clone(), "log", options).unwrap();
        let builder = self.case.builder(&self.clock).store(store).allow_clock_jump(true);
        self.engine = Some(builder.open().unwrap());
    }
}

impl Subject for OnDisk {
    fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    fn reopen(&mut self, crash: bool) -> bool {
        let engine = self.engine.take().unwrap();
        if crash {
            // Everything that was answered was waited for; the last expiries were not.
            while engine.durable() < engine.last() {
                engine.roster(engine.days()[0], None, 1).wait().unwrap();
                engine.claims_of(cupo::PartyId(0)).wait().unwrap();
            }
            self.crashes += 1;
            let way = match self.crashes % 3 {
                0 => Crash::KeepAll,
                1 => Crash::LoseUnsynced,
                _ => Crash::Random(self.crashes),
            };
            self.disk = self.disk.crash(way);
            drop(engine);
        } else {
            engine.close().unwrap();
        }
        self.open();
        true
    }
}
