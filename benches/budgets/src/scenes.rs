//! What is counted? Each scene prepares a batch of one operation, and hands over the batch.
//!
//! Never anything of chance: one seed, a clock that stands, parties by number.

use std::hint::black_box;
use std::time::Duration;

use cupo::{Ask, ClaimId, Engine, ManualClock, Openings, PartyId, RequestId};

use crate::fair::{Fair, catalog, spread};

pub type Work = Box<dyn FnMut()>;

pub struct Scene {
    pub name: &'static str,
    pub what: &'static str,
    /// Operations of a batch.
    pub count: u64,
    pub make: fn(u64) -> Work,
}

const fn scene(name: &'static str, what: &'static str, count: u64, make: fn(u64) -> Work) -> Scene {
    Scene { name, what, count, make }
}

pub const SCENES: [Scene; 16] = [
    scene("hold", "a place for a party never seen before", 2_000, hold),
    scene("confirm", "of a hold", 2_000, confirm),
    scene("cancel", "of a booking", 2_000, cancel),
    scene("release", "of a hold", 2_000, release),
    scene("book", "hold and confirm in one step", 2_000, book),
    scene("mix", "hold, confirm, cancel, forget one that ended a second ago", 2_000, mix),
    scene("hold_waited", "a hold, each in a frame of its own", 1_000, hold_waited),
    scene("refused_sold_out", "a party never seen before, at a full slot", 2_000, refused),
    scene("retry", "a booking asked for again", 2_000, retry),
    scene("swap", "a hold to another day", 2_000, swap),
    scene("reschedule", "a booking to another day", 2_000, reschedule),
    scene("expire", "a hold whose time is up, by the ticker", 2_000, expire),
    scene("earliest", "the first place of 57 offices", 500, earliest),
    scene("office_openings", "1,000 openings of one office", 20, office_openings),
    scene("day", "one day of 96 slots", 200, day),
    scene("claim", "a claim by its id", 2_000, claim),
];

const LIVE: u64 = 5_000;
/// Numbers of parties that nobody has.
const FRESH: u64 = 1 << 48;

struct House {
    fair: Fair,
    clock: ManualClock,
}

impl House {
    fn of(calendars: usize, capacity: u16, horizon: u16) -> Self {
        let monday = "2027-03-01T06:00:00Z".parse().expect("an instant");
        let clock = ManualClock::at(monday);
        // A seeded engine's ring is small: few shards, so that what they keep of it is little.
        let builder = Engine::builder().seeded(1).shards(16).clock(clock.clone());
        Self { fair: Fair::of(builder, &catalog(calendars, capacity, horizon)), clock }
    }

    /// Ten calendars and ten days, some thousand bookings, room for more in every slot.
    fn usual() -> Self {
        let house = Self::of(10, 400, 10);
        house.fair.fill(0..LIVE);
        house
    }

    /// About half of the places taken.
    fn half_full(calendars: usize, horizon: u16) -> Self {
        let house = Self::of(calendars, 2, horizon);
        let places = house.fair.days.len() as u64 * 96 * 2;
        for n in 0..places * 5 / 8 {
            // Chance may meet a full slot.
            let _ = house.fair.engine.book(&house.fair.ask(n, spread(n))).dirty();
        }
        house
    }

    fn fresh(&self, count: u64) -> Vec<Ask> {
        (FRESH..FRESH + count).map(|party| self.fair.ask(party, spread(party))).collect()
    }

    fn held(&self, count: u64) -> Vec<ClaimId> {
        let held = |ask: &Ask| self.fair.engine.hold(ask).dirty().expect("a place").id();
        self.fresh(count).iter().map(held).collect()
    }

    fn booked(&self, count: u64) -> Vec<ClaimId> {
        let booked = |ask: &Ask| self.fair.engine.book(ask).dirty().expect("a place").id();
        self.fresh(count).iter().map(booked).collect()
    }
}

fn hold(count: u64) -> Work {
    let house = House::usual();
    let asks = house.fresh(count);
    Box::new(move || {
        asks.iter().for_each(|ask| assert!(house.fair.engine.hold(ask).dirty().is_ok()));
    })
}

fn hold_waited(count: u64) -> Work {
    let house = House::usual();
    let asks = house.fresh(count);
    Box::new(move || {
        asks.iter().for_each(|ask| assert!(house.fair.engine.hold(ask).wait().is_ok()))
    })
}

fn book(count: u64) -> Work {
    let house = House::usual();
    let asks = house.fresh(count);
    Box::new(move || {
        asks.iter().for_each(|ask| assert!(house.fair.engine.book(ask).dirty().is_ok()));
    })
}

fn confirm(count: u64) -> Work {
    let house = House::usual();
    let ids = house.held(count);
    Box::new(move || {
        ids.iter().for_each(|id| assert!(house.fair.engine.confirm(*id).dirty().is_ok()));
    })
}

fn release(count: u64) -> Work {
    let house = House::usual();
    let ids = house.held(count);
    Box::new(move || {
        ids.iter().for_each(|id| assert!(house.fair.engine.release(*id).dirty().is_ok()));
    })
}

fn cancel(count: u64) -> Work {
    let house = House::usual();
    let ids = house.booked(count);
    Box::new(move || {
        ids.iter().for_each(|id| assert!(house.fair.engine.cancel(*id).dirty().is_ok()));
    })
}

fn mix(count: u64) -> Work {
    const REMEMBERED: u64 = 1_500;
    let house = House::usual();
    let turn = |house: &House, number: u64| {
        // Ended claims are remembered for a second: a thousand turns.
        house.clock.advance(Duration::from_millis(1));
        black_box(house.fair.turn(FRESH + number));
    };
    (0..REMEMBERED).for_each(|number| turn(&house, number));
    Box::new(move || (REMEMBERED..REMEMBERED + count).for_each(|number| turn(&house, number)))
}

fn refused(count: u64) -> Work {
    let house = House::of(1, 10, 2);
    let slot = house.fair.days[0].slot(40);
    let ask = |party| Ask::new(PartyId(u128::from(party)), RequestId(1), house.fair.service, slot);
    (0..10).for_each(|party| assert!(house.fair.engine.book(&ask(party)).dirty().is_ok()));
    let asks: Vec<Ask> = (FRESH..FRESH + count).map(ask).collect();
    Box::new(move || {
        asks.iter().for_each(|ask| assert!(house.fair.engine.hold(ask).dirty().is_err()));
    })
}

fn retry(count: u64) -> Work {
    let house = House::usual();
    let asks = house.fresh(count);
    asks.iter().for_each(|ask| assert!(house.fair.engine.book(ask).dirty().is_ok()));
    Box::new(move || {
        for ask in &asks {
            assert!(house.fair.engine.book(ask).dirty().is_ok_and(|receipt| receipt.replayed));
        }
    })
}

fn swap(count: u64) -> Work {
    let house = House::usual();
    let ids = house.held(count);
    let (days, mut at) = (house.fair.days.len(), 0);
    Box::new(move || {
        for id in &ids {
            at += 1;
            let to = house.fair.days[at % days].slot((at % 96) as u16);
            assert!(house.fair.engine.swap(*id, to, RequestId(2)).dirty().is_ok());
        }
    })
}

fn reschedule(count: u64) -> Work {
    let house = House::usual();
    let ids = house.booked(count);
    let (days, mut at) = (house.fair.days.len(), 0);
    Box::new(move || {
        for id in &ids {
            at += 1;
            let to = house.fair.days[at % days].slot((at % 96) as u16);
            assert!(house.fair.engine.reschedule(*id, to, RequestId(2)).dirty().is_ok());
        }
    })
}

fn expire(count: u64) -> Work {
    let house = House::usual();
    house.held(count);
    house.clock.advance(Duration::from_secs(11 * 60));
    Box::new(move || {
        house.fair.engine.tick();
        assert_eq!(house.fair.engine.stats().held, 0);
    })
}

fn earliest(count: u64) -> Work {
    let house = House::half_full(57, 2);
    let query = Openings::new(house.fair.service).limit(1);
    Box::new(move || {
        (0..count).for_each(|_| assert_eq!(house.fair.engine.openings(&query).len(), 1));
    })
}

fn office_openings(count: u64) -> Work {
    let house = House::half_full(2, 31);
    let office = house.fair.engine.office("o1").expect("an office");
    let query = Openings::new(house.fair.service).offices(&[office]).limit(1_000);
    Box::new(move || {
        (0..count).for_each(|_| assert_eq!(house.fair.engine.openings(&query).len(), 1_000));
    })
}

fn day(count: u64) -> Work {
    let house = House::half_full(2, 5);
    let day = house.fair.days[1];
    Box::new(move || {
        for _ in 0..count {
            assert_eq!(house.fair.engine.day(day).map_or(0, |view| view.slots.len()), 96);
        }
    })
}

fn claim(count: u64) -> Work {
    let house = House::usual();
    let ids = house.booked(count);
    Box::new(move || {
        ids.iter().for_each(|id| assert!(house.fair.engine.claim(*id).dirty().is_ok()));
    })
}
