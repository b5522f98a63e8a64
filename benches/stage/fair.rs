//! The stage of the benchmarks: 57 calendars, 30 days ahead of 96 slots each (1,710 days), 200,000
//! live bookings, ended claims remembered for one second so that runs are at its steady state.
#![allow(dead_code, reason = "each benchmark uses its part")]

use std::fmt::Write as _;
use std::ops::Range;
use std::time::Duration;

use cupo::{
    Ask, Builder, Catalog, Commit, DayId, Engine, PartyId, Receipt, RequestId, ServiceId, SlotId,
};

pub const LIVE: u64 = 200_000;
/// Commits in flight per thread.
pub const IN_FLIGHT: usize = 1_024;

pub struct Fair {
    pub engine: Engine,
    pub days: Vec<DayId>,
    pub service: ServiceId,
}

pub fn catalog(calendars: usize, capacity: u16, horizon: u16) -> Catalog {
    Catalog::from_toml(&catalog_text(calendars, capacity, horizon)).unwrap()
}

/// Calendars that are open day and night, each of an office of its own.
pub fn catalog_text(calendars: usize, capacity: u16, horizon: u16) -> String {
    let mut text =
        String::from("[holds]\nttl = \"10m\"\nper_party = 100\n[[services]]\nkey = \"s\"\n");
    for n in 0..calendars {
        let hours: Vec<_> = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
            .iter()
            .map(|day| format!("{day} = [\"00:00-24:00\"]"))
            .collect();
        write!(
            text,
            "[[offices]]\nkey = \"o{n}\"\nzone = \"Etc/UTC\"\n[[calendars]]\nkey = \"c{n}\"\n\
             office = \"o{n}\"\nservices = [\"s\"]\ncapacity = {capacity}\nhorizon = \"{horizon}d\"\n\
             hours = {{ {} }}\n",
            hours.join(", ")
        )
        .unwrap();
    }
    text
}

impl Fair {
    pub fn open(builder: Builder, live: u64) -> Self {
        let fair = Self::of(builder, &catalog(57, 400, 30));
        fair.fill(0..live);
        fair
    }

    /// The days of another catalog, with nobody there yet.
    pub fn of(builder: Builder, catalog: &Catalog) -> Self {
        let window = Duration::from_secs(1);
        let engine = builder.idempotency_window(window).archive(false).open().unwrap();
        engine.install(catalog).unwrap();
        let days = catalog.calendars.iter().map(|calendar| calendar.horizon.seconds() / 86_400);
        Self::on(engine, i64::try_from(days.max().unwrap_or(0)).unwrap())
    }

    /// The stage of an engine that has its catalog.
    pub fn on(engine: Engine, horizon: i64) -> Self {
        let service = engine.service("s").unwrap();
        let mut days = engine.days();
        let today = engine.now().date_naive();
        // Today has passed in part, and the day at the horizon may not be released yet.
        days.retain(|day| (1..=horizon).contains(&(day.date() - today).num_days()));
        Self { engine, days, service }
    }

    /// Books for parties of these numbers, and waits until all of it is kept.
    pub fn fill(&self, parties: Range<u64>) {
        let mut last = None;
        for n in parties {
            let commit = self.engine.book(&self.ask(1 << 40 | n, spread(n)));
            assert!(commit.dirty().is_ok(), "{:?}", commit.dirty());
            last = Some(commit);
        }
        assert!(last.is_none_or(|commit| commit.wait().is_ok()));
    }

    pub fn ask(&self, party: u64, random: u64) -> Ask {
        let day = self.days[(random >> 32) as usize % self.days.len()];
        self.ask_for(party, day.slot((random % 96) as u16))
    }

    pub fn ask_for(&self, party: u64, slot: SlotId) -> Ask {
        let party = PartyId(u128::from(spread(party)) << 64 | u128::from(party));
        Ask::new(party, RequestId(1), self.service, slot)
    }

    /// Hold, confirm, cancel, for a party never seen before.
    pub fn turn(&self, party: u64) -> [Commit<'_, Receipt>; 3] {
        let held = self.engine.hold(&self.ask(party, spread(party)));
        let id = held.dirty().unwrap().id();
        let booked = self.engine.confirm(id);
        let cancelled = self.engine.cancel(id);
        assert!(cancelled.dirty().is_ok());
        [held, booked, cancelled]
    }

    /// So many turns, three operations each.
    pub fn cycle(&self, thread: u64, turns: u64, synced: bool) {
        let mut commits = std::collections::VecDeque::with_capacity(IN_FLIGHT + 3);
        for turn in 0..turns {
            let three = self.turn(thread << 48 | turn);
            if synced {
                commits.extend(three);
                while commits.len() > IN_FLIGHT {
                    commits.pop_front().unwrap().wait().unwrap();
                }
            }
        }
        for commit in commits {
            commit.wait().unwrap();
        }
    }
}

/// splitmix64 (Steele, Lea, Flood 2014).
pub fn spread(n: u64) -> u64 {
    let mut z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
