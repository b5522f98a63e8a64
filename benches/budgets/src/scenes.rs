//! What is counted? Each scene prepares a batch of one operation, and hands over the batch.
//!
//! Never anything of chance: one seed, a clock that stands, parties by number.

use std::hint::black_box;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use cupo::{Ask, ClaimId, Clock, Engine, Openings, PartyId, RequestId, SlotId};

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

pub const SCENES: [Scene; 17] = [
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
    scene("month", "31 days of one office, told by day", 200, month),
    scene("day", "one day of 96 slots", 200, day),
    scene("claim", "a claim by its id", 2_000, claim),
];

const LIVE: u64 = 5_000;
/// Numbers of parties that nobody has.
const FRESH: u64 = 1 << 48;

/// A clock that stands until it is moved, and costs next to nothing to read: an engine in service
/// has a ticker, and asks no clock on the way of an operation.
#[derive(Clone)]
struct Standing(Arc<Mutex<DateTime<Utc>>>);

impl Standing {
    fn advance(&self, by: Duration) {
        *self.0.lock().expect("no thread panics") += by;
    }
}

impl Clock for Standing {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().expect("no thread panics")
    }

    fn runs(&self) -> bool {
        false
    }
}

struct House {
    fair: Fair,
    clock: Standing,
}

impl House {
    fn of(calendars: usize, capacity: u16, horizon: u16) -> Self {
        let monday = "2027-03-01T06:00:00Z".parse().expect("an instant");
        let clock = Standing(Arc::new(Mutex::new(monday)));
        let builder = Engine::builder().seeded(1).clock(clock.clone());
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

/// A batch of one operation, each with its own; all have to go well.
fn each<T: 'static>(house: House, batch: Vec<T>, work: fn(&Engine, &T) -> bool) -> Work {
    Box::new(move || {
        for one in &batch {
            assert!(work(&house.fair.engine, one));
        }
    })
}

fn hold(count: u64) -> Work {
    let house = House::usual();
    let asks = house.fresh(count);
    each(house, asks, |engine, ask| engine.hold(ask).dirty().is_ok())
}

fn hold_waited(count: u64) -> Work {
    let house = House::usual();
    let asks = house.fresh(count);
    each(house, asks, |engine, ask| engine.hold(ask).wait().is_ok())
}

fn book(count: u64) -> Work {
    let house = House::usual();
    let asks = house.fresh(count);
    each(house, asks, |engine, ask| engine.book(ask).dirty().is_ok())
}

fn confirm(count: u64) -> Work {
    let house = House::usual();
    let ids = house.held(count);
    each(house, ids, |engine, id| engine.confirm(*id).dirty().is_ok())
}

fn release(count: u64) -> Work {
    let house = House::usual();
    let ids = house.held(count);
    each(house, ids, |engine, id| engine.release(*id).dirty().is_ok())
}

fn cancel(count: u64) -> Work {
    let house = House::usual();
    let ids = house.booked(count);
    each(house, ids, |engine, id| engine.cancel(*id).dirty().is_ok())
}

fn claim(count: u64) -> Work {
    let house = House::usual();
    let ids = house.booked(count);
    each(house, ids, |engine, id| engine.claim(*id).dirty().is_ok())
}

fn retry(count: u64) -> Work {
    let house = House::usual();
    house.booked(count);
    let asks = house.fresh(count);
    each(house, asks, |engine, ask| engine.book(ask).dirty().is_ok_and(|receipt| receipt.replayed))
}

fn refused(count: u64) -> Work {
    let house = House::of(1, 10, 2);
    let (service, slot) = (house.fair.service, house.fair.days[0].slot(40));
    let ask = |party| Ask::new(PartyId(u128::from(party)), RequestId(1), service, slot);
    for party in 0..10 {
        assert!(house.fair.engine.book(&ask(party)).dirty().is_ok());
    }
    let asks = (FRESH..FRESH + count).map(ask).collect();
    each(house, asks, |engine, ask| engine.hold(ask).dirty().is_err())
}

/// Each to another day and slot, in turns.
fn elsewhere(house: &House, ids: Vec<ClaimId>) -> Vec<(ClaimId, SlotId)> {
    let days = house.fair.days.iter().cycle();
    let slots = (0..96).cycle();
    ids.into_iter().zip(days.zip(slots)).map(|(id, (day, slot))| (id, day.slot(slot))).collect()
}

fn swap(count: u64) -> Work {
    let house = House::usual();
    let moves = elsewhere(&house, house.held(count));
    each(house, moves, |engine, (id, to)| engine.swap(*id, *to, RequestId(2)).dirty().is_ok())
}

fn reschedule(count: u64) -> Work {
    let house = House::usual();
    let moves = elsewhere(&house, house.booked(count));
    each(house, moves, |engine, (id, to)| engine.reschedule(*id, *to, RequestId(2)).dirty().is_ok())
}

fn mix(count: u64) -> Work {
    const REMEMBERED: u64 = 1_500;
    let house = House::usual();
    let turns = move |numbers: Range<u64>| {
        for number in numbers {
            // Ended claims are remembered for a second: a thousand turns.
            house.clock.advance(Duration::from_millis(1));
            black_box(house.fair.turn(FRESH + number));
        }
    };
    turns(0..REMEMBERED);
    Box::new(move || turns(REMEMBERED..REMEMBERED + count))
}

fn expire(count: u64) -> Work {
    let house = House::usual();
    house.held(count);
    house.clock.advance(Duration::from_mins(11));
    Box::new(move || {
        house.fair.engine.tick();
        assert_eq!(house.fair.engine.stats().held, 0);
    })
}

fn earliest(count: u64) -> Work {
    let house = House::half_full(57, 2);
    let query = Openings::new(house.fair.service).limit(1);
    let queries = vec![query; count as usize];
    each(house, queries, |engine, query| engine.openings(query).len() == 1)
}

fn office_openings(count: u64) -> Work {
    let house = House::half_full(2, 31);
    let office = house.fair.engine.office("o1").expect("an office");
    let query = Openings::new(house.fair.service).offices(&[office]).limit(1_000);
    let queries = vec![query; count as usize];
    each(house, queries, |engine, query| engine.openings(query).len() == 1_000)
}

fn month(count: u64) -> Work {
    let house = House::half_full(2, 31);
    let office = house.fair.engine.office("o1").expect("an office");
    let queries = vec![Openings::new(house.fair.service).offices(&[office]); count as usize];
    each(house, queries, |engine, query| engine.open_days(query).len() >= 31)
}

fn day(count: u64) -> Work {
    let house = House::half_full(2, 5);
    let days = vec![house.fair.days[1]; count as usize];
    each(house, days, |engine, day| engine.day(*day).is_some_and(|view| view.slots.len() == 96))
}
