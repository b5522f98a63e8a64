//! Are the two states the same? Every claim, every slot, every count that a caller can see.

use std::fmt::{Debug, Display};

use chrono::{NaiveTime, Weekday};

use crate::testing::model::{Model, Query};
use crate::{
    Channel, Claim, ClaimId, DayView, Engine, Error, PartyId, Rejection, ServiceId, Stats,
};

/// Compares all that callers can see.
///
/// # Errors
/// The first difference.
pub fn compare(engine: &Engine, model: &Model) -> Result<(), String> {
    let audit = engine.audit();
    if !audit.is_clean() {
        return Err(format!("the engine's own audit: {:#?}", audit.problems));
    }
    claims(engine, model)?;
    days(engine, model)?;
    openings(engine, model)?;
    let counted = engine.stats();
    let counted = Stats {
        held: counted.held,
        booked: counted.booked,
        cooling: counted.cooling,
        ended: counted.ended,
        days: counted.days,
        ..Stats::default()
    };
    same("stats", &counted, &model.stats())
}

fn same<T: PartialEq + Debug>(what: impl Display, engine: &T, model: &T) -> Result<(), String> {
    if engine == model {
        return Ok(());
    }
    Err(format!("{what}\n  engine: {engine:?}\n  model:  {model:?}"))
}

/// What the engine says, durable or not: nothing here is to be acted on.
fn said<T: Clone>(answer: Result<&T, &Error>) -> Result<T, Option<Rejection>> {
    answer.cloned().map_err(Error::rejection)
}

fn claims(engine: &Engine, model: &Model) -> Result<(), String> {
    let mut parties: Vec<PartyId> = Vec::new();
    for id in model.given() {
        let (told, wanted) = (said(engine.claim(*id).dirty()), model.claim(*id).map_err(Some));
        same(format_args!("claim {id}"), &told, &wanted)?;
        parties.extend(wanted.ok().map(|claim| claim.party));
    }
    parties.sort_unstable();
    parties.dedup();
    for party in parties {
        let told = said(engine.claims_of(party).dirty()).unwrap_or_default();
        same(format_args!("claims of party {}", party.0), &told, &model.claims_of(party))?;
    }
    Ok(())
}

fn days(engine: &Engine, model: &Model) -> Result<(), String> {
    same("days", &engine.days(), &model.days())?;
    for id in model.days() {
        let (Some(told), Some(wanted)) = (engine.day(id), model.day(id)) else {
            return Err(format!("day {id} is listed and not there"));
        };
        let frame = |day: &DayView| (day.begins, day.released, day.closed);
        same(format_args!("day {id}"), &frame(&told), &frame(&wanted))?;
        if told.slots.len() != wanted.slots.len() {
            same(format_args!("slots of {id}"), &told.slots, &wanted.slots)?;
        }
        for (told, wanted) in told.slots.iter().zip(&wanted.slots) {
            same(format_args!("slot {}", wanted.slot), told, wanted)?;
        }
        let told: Vec<Claim> =
            said(engine.roster(id, None, usize::MAX).dirty()).unwrap_or_default();
        same(format_args!("roster of {id}"), &ids(&told), &ids(&model.roster(id)))?;
    }
    Ok(())
}

fn ids(claims: &[Claim]) -> Vec<ClaimId> {
    claims.iter().map(|claim| claim.id).collect()
}

fn openings(engine: &Engine, model: &Model) -> Result<(), String> {
    let (passport, visa, paper) = (ServiceId(0), ServiceId(1), ServiceId(2));
    let noon = NaiveTime::from_hms_opt(10, 0, 0).zip(NaiveTime::from_hms_opt(23, 0, 0));
    let queries = [
        Query::new(paper, 5),
        Query { persons: 2, channel: Channel::DESK, ..Query::new(passport, 3) },
        Query { channel: Channel::PHONE, between: noon, ..Query::new(visa, 40) },
        Query {
            persons: 2,
            in_turn: true,
            weekdays: vec![Weekday::Sun, Weekday::Wed, Weekday::Sat],
            from: model.now().date_naive().succ_opt(),
            services: vec![paper, passport],
            ..Query::new(paper, 4)
        },
    ];
    for query in queries {
        let (told, wanted) = (engine.openings(&query.to_openings()), model.openings(&query));
        same(format_args!("{query:?}"), &told, &wanted)?;
    }
    Ok(())
}
