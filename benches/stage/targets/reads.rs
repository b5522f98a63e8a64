//! How fast are the questions that everybody asks? The earliest place, and a month of an office.

use std::hint::black_box;

use cupo::{Ask, Engine, Openings, PartyId, RequestId, SlotId};

use super::Stage;
use super::figure::{Aim, Figure};
use crate::fair::{Fair, catalog_text, spread};
use crate::speed::{Runs, now};

const OFFICES: usize = 57;
const DAYS: u16 = 60;
const CAPACITY: u16 = 4;

/// Offices of one calendar each, open around the clock or from 9 to 14, half full.
fn half_full(hours: &str) -> Fair {
    let text = catalog_text(OFFICES, CAPACITY, DAYS).replace("00:00-24:00", hours);
    let catalog = cupo::Catalog::from_toml(&text).unwrap();
    let fair = Fair::of(Engine::builder(), &catalog);
    let taken = |_: usize, n: u64| spread(n) & 1 == 0;
    take(&fair, 0, taken);
    fair
}

/// Books those places of which it is said by day (from today on) and number of the place.
fn take(fair: &Fair, request: u128, taken: impl Fn(usize, u64) -> bool) {
    let (engine, mut number) = (&fair.engine, 0);
    let today = engine.now().date_naive();
    for day in engine.days() {
        let ahead = (day.date() - today).num_days().max(0) as usize;
        let slots = engine.day(day).map_or_else(Vec::new, |view| view.slots);
        for slot in slots {
            for _ in 0..CAPACITY {
                number += 1;
                if taken(ahead, number) {
                    book(fair, u128::from(number) << 64 | request, slot.slot);
                }
            }
        }
    }
}

fn book(fair: &Fair, party: u128, slot: SlotId) {
    let ask = Ask::new(PartyId(party), RequestId(1), fair.service, slot);
    // What has passed today, or is full already, is refused.
    let _ = fair.engine.book(&ask).dirty();
}

/// Microseconds of one call.
fn micros<T>(calls: u32, call: impl Fn() -> T) -> f64 {
    let start = now();
    for _ in 0..calls {
        black_box(call());
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
}

pub fn measure(stage: &mut Stage<'_>) {
    stage.progress.say("reads: the earliest place, and a month of an office");
    let calls = stage.effort.pick(20_000, 5_000, 10);
    let (always, mornings) = (half_full("00:00-24:00"), half_full("09:00-14:00"));
    // One that is at no end of anything.
    let office = always.engine.office("o7").unwrap();
    let from = always.engine.now().date_naive();
    let month = Openings::new(always.service).offices(&[office]);
    let month = month.from(from).to(from + chrono::Days::new(30));
    let earliest = Openings::new(always.service).limit(1);
    let mut runs: [Runs; 5] = Default::default();
    let mut measure = |which: std::ops::Range<usize>| {
        for _ in 0..stage.effort.rounds() {
            for (run, at) in runs[which.clone()].iter_mut().zip(which.clone()) {
                run.add(match at {
                    0 | 4 => micros(calls, || always.engine.openings(&earliest)),
                    1 => micros(calls, || mornings.engine.openings(&earliest)),
                    2 => micros(calls, || mornings.engine.open_days(&month)),
                    _ => micros(calls, || always.engine.open_days(&month)),
                });
            }
        }
    };
    measure(0..4);
    take(&always, 1, |ahead, _| ahead < usize::from(DAYS) / 2);
    measure(4..5);
    let [first, first_mornings, month_mornings, month_always, first_sold_out] = runs;
    let stage_of = "57 offices x 60 days, one calendar an office, 4 places a slot, half of the \
                    places taken at random, warm";
    let earliest = format!("{stage_of}; `openings`, no filter, limit 1");
    let by_day = format!("{stage_of}; `open_days` of 31 days, as `/v1/availability` asks");
    let figure =
        |what: &str, most, runs, how: &str| Figure::new(what, Aim::AtMost(most), "us", runs, how);
    stage.figures.extend([
        figure("earliest place, open day and night (96 slots)", 2.0, first, &earliest),
        figure("earliest place, open 9 to 14 (20 slots)", 2.0, first_mornings, &earliest),
        figure(
            "earliest place, the first 30 of the 60 days sold out",
            2.0,
            first_sold_out,
            &format!("{earliest}; 96 slots a day"),
        ),
        figure("a month of one office, open 9 to 14", 5.0, month_mornings, &by_day),
        figure("a month of one office, open day and night", 5.0, month_always, &by_day),
    ]);
}
