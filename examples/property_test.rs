//! A rule of one's own, tested: at most two passports per family and month.
//!
//! Run it: `cargo run --all-features --example property_test` tries 400 cases of up to 200 calls.
//! With `-- mistake` the server forgets that a booking can also be moved into a full month; the
//! shortest list of calls that shows it is found and told.

#![allow(clippy::print_stdout, reason = "an example shows what happens")]

use std::collections::BTreeMap;

use chrono::Datelike;
use cupo::testing::model::{Call, Model, Outcome, Wish};
use cupo::testing::strategy::{Case, cases};
use cupo::testing::{Subject, check};
use cupo::{Catalog, Claim, Engine, ManualClock, PartyId, ServiceId, SlotId};
use proptest::strategy::Strategy;

/// The third service of the catalog.
const PASSPORT: ServiceId = ServiceId(2);
const CATALOG: &str = r#"
    offices = [{ key = "lima", zone = "America/Lima" }]
    services = [{ key = "visa" }, { key = "paper" }, { key = "passport" }]

    [[calendars]]
    key = "lima"
    office = "lima"
    services = ["visa", "paper", "passport"]
    capacity = 3
    hours = { mon = ["09:00-11:00"], tue = ["09:00-11:00"], wed = ["09:00-11:00"] }
"#;
const MISTAKE: &str = "mistake";

/// The server: it asks its own rule before it asks the engine.
struct Server {
    engine: Engine,
    mistake: bool,
}

/// Families are known to the server only: parties 0 to 2 are one, 3 to 5 the next.
fn family(party: PartyId) -> u128 {
    party.0 / 3
}

fn month(slot: SlotId) -> (i32, u32) {
    (slot.day.date().year(), slot.day.date().month())
}

fn is_passport(claim: &Claim) -> bool {
    claim.state.is_active() && claim.services.as_slice().contains(&PASSPORT)
}

impl Server {
    /// Passports of a party's family in the month of a slot, without one claim.
    fn passports(&self, party: PartyId, slot: SlotId, without: Option<cupo::ClaimId>) -> usize {
        let first = family(party) * 3;
        let claims =
            [first, first + 1, first + 2].map(|party| self.engine.claims_of(PartyId(party)).wait());
        let claims = claims.into_iter().flatten().flatten().filter(is_passport);
        claims.filter(|c| month(c.slot) == month(slot) && Some(c.id) != without).count()
    }

    fn too_many(&self, call: &Call) -> bool {
        match call {
            Call::Hold(wishes) | Call::Book(wishes) => {
                let for_passport = |wish: &&Wish| wish.services.contains(&PASSPORT);
                let mut asked: BTreeMap<(i32, u32), usize> = BTreeMap::new();
                wishes.iter().filter(for_passport).any(|wish| {
                    let more = asked.entry(month(wish.slot)).or_default();
                    *more += 1;
                    self.passports(wish.party, wish.slot, None) + *more > 2
                })
            }
            Call::Swap(id, slot, _)
            | Call::Reschedule(id, slot, _)
            | Call::RescheduleAt(id, _, slot, _)
            | Call::RescheduleByStaff(id, slot, _)
                if !self.mistake =>
            {
                let claim = self.engine.claim(*id).wait().ok().filter(is_passport);
                claim.is_some_and(|c| self.passports(c.party, *slot, Some(*id)) + 1 > 2)
            }
            _ => false,
        }
    }
}

// From here on: the test.

impl Subject for Server {
    fn engine(&self) -> &Engine {
        &self.engine
    }

    fn call(&mut self, call: &Call) -> Outcome {
        if self.too_many(call) {
            return Outcome::Own("two passports per family and month".into());
        }
        call.on(&self.engine)
    }

    /// Asked after every call: the rule itself, over all claims there are.
    fn check(&self, model: &Model) -> Result<(), String> {
        let mut counts: BTreeMap<(u128, (i32, u32)), usize> = BTreeMap::new();
        for claim in model.claims().iter().filter(|claim| is_passport(claim)) {
            *counts.entry((family(claim.party), month(claim.slot))).or_default() += 1;
        }
        match counts.iter().find(|(_, count)| **count > 2) {
            Some(((family, month), count)) => {
                Err(format!("family {family} has {count} passports in {month:?}"))
            }
            None => Ok(()),
        }
    }
}

fn server(case: &Case, clock: &ManualClock, mistake: bool) -> Server {
    let engine = case.builder(clock).open().expect("an engine in memory");
    Server { engine, mistake }
}

/// Any calls, but the rules of this house, on the eve of a new month.
fn in_this_house(case: Case) -> Case {
    let catalog = Catalog::from_toml(CATALOG).expect("a catalog");
    let start = "2026-11-29T12:00:00Z".parse().expect("an instant");
    Case { start, catalogs: vec![catalog], ..case }
}

fn main() {
    let mistake = std::env::args().any(|argument| argument == MISTAKE);
    let cases = cases(200).prop_map(in_this_house);
    let counts = check(400, &cases, |case, clock| server(case, clock, mistake));
    println!("the rule held: {counts:?}");
}
