//! A small town for tests: two offices, three services, a clock that stands still.
#![allow(
    dead_code,
    clippy::needless_pass_by_value,
    reason = "each test file uses its part of the town, mostly as an argument of map"
)]

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use cupo::{
    Ask, Builder, Catalog, Channel, ClaimId, DayId, Engine, ManualClock, PartyId, Receipt,
    Rejection, RequestId, ServiceId, SlotId,
};

pub const MORNING: &str = "2026-12-01T08:00:00Z";

/// Offices `north` (UTC) and `south` (UTC), units of 15 minutes, 09:00 to 13:00 on weekdays.
pub const CATALOG: &str = r#"
[[offices]]
key = "north"
zone = "Etc/UTC"
[[offices]]
key = "south"
zone = "Etc/UTC"

[[services]]
key = "passport"
units = 1
name = { es = "Pasaporte", en = "Passport" }
active_max = 2
window_days = 30
[[services]]
key = "visa"
units = 2
name = { es = "Visa", en = "Visa" }
cancel_cutoff = "2h"
reschedule_cutoff = "2h"
[[services]]
key = "paper"
units = 1
name = { es = "Papel", en = "Paper" }

[[calendars]]
key = "north"
office = "north"
services = ["passport", "visa", "paper"]
unit = "15m"
capacity = 2
horizon = "14d"
hours = { mon = ["09:00-13:00"], tue = ["09:00-13:00"], wed = ["09:00-13:00"], thu = ["09:00-13:00"], fri = ["09:00-13:00"] }
[calendars.channels.web]
max = 1

[[calendars]]
key = "south"
office = "south"
services = ["passport", "paper"]
unit = "15m"
capacity = 1
horizon = "14d"
lead_time = "1h"
hours = { mon = ["09:00-13:00"], tue = ["09:00-13:00"], wed = ["09:00-13:00"], thu = ["09:00-13:00"], fri = ["09:00-13:00"] }

[holds]
ttl = "10m"
ttl_max = "30m"
extended_max = "40m"
per_party = 4
"#;

pub struct Town {
    pub engine: Engine,
    pub clock: ManualClock,
}

pub fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

impl Town {
    pub fn in_memory() -> Self {
        Self::with(CATALOG, Engine::builder())
    }

    pub fn on(directory: &std::path::Path) -> Self {
        Self::with(CATALOG, small(directory))
    }

    pub fn with(catalog: &str, builder: Builder) -> Self {
        let clock = ManualClock::at(instant(MORNING));
        let engine = builder.shards(4).clock(clock.clone()).open().unwrap();
        engine.install(&Catalog::from_toml(catalog).unwrap()).unwrap();
        Self { engine, clock }
    }

    /// Opens what is in a directory, the clock as given.
    pub fn reopen(directory: &std::path::Path, clock: &ManualClock) -> Self {
        let clock = ManualClock::at(cupo::Clock::now(clock));
        let engine = small(directory).clock(clock.clone()).open().unwrap();
        Self { engine, clock }
    }

    pub fn service(&self, key: &str) -> ServiceId {
        self.engine.service(key).unwrap()
    }

    /// A day of a calendar; `2026-12-02` is a Wednesday.
    pub fn day(&self, calendar: &str, on: &str) -> DayId {
        DayId::new(self.engine.calendar(calendar).unwrap(), date(on)).unwrap()
    }

    /// The slot that starts at `hour`:`minute`.
    pub fn slot(&self, calendar: &str, on: &str, hour: u16, minute: u16) -> SlotId {
        self.day(calendar, on).slot(hour * 4 + minute / 15)
    }

    /// A desk request for the paper service: no limits but the capacity.
    pub fn ask(&self, party: u128, request: u128, slot: SlotId) -> Ask {
        Ask::new(PartyId(party), RequestId(request), self.service("paper"), slot)
            .channel(Channel::DESK)
    }

    pub fn hold(&self, party: u128, slot: SlotId) -> Result<Receipt, Rejection> {
        self.engine.hold(&self.ask(party, party, slot)).wait().map_err(reason)
    }

    pub fn book(&self, party: u128, slot: SlotId) -> ClaimId {
        self.engine.book(&self.ask(party, party, slot)).wait().unwrap().id()
    }

    pub fn free(&self, slot: SlotId) -> u16 {
        let day = self.engine.day(slot.day).unwrap();
        day.slots.iter().find(|view| view.slot == slot).unwrap().free
    }

    pub fn advance(&self, minutes: u64) {
        self.clock.advance(Duration::from_secs(minutes * 60));
        self.engine.tick();
    }

    pub fn sound(&self) {
        let audit = self.engine.audit();
        assert!(audit.is_clean(), "{:#?}", audit.problems);
    }
}

/// Small segments, so that tests are quick.
pub fn small(directory: &std::path::Path) -> Builder {
    Engine::builder().directory(directory).segment_bytes(1 << 20)
}

#[track_caller]
pub fn reason(error: cupo::Error) -> Rejection {
    error.rejection().unwrap_or_else(|| panic!("not a refusal: {error}"))
}

/// What a power cut leaves of a directory whose every write was synced: a copy of it as it is.
pub fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
