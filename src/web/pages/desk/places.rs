//! Which places can a digit take? The earliest for what was chosen, the nearest to one that is
//! gone, and what the channel has left of those days.
//!
//! Never keeps any: the grant decides.

use chrono::{NaiveDate, TimeDelta};

use crate::web::civil::{date_in_words, start_of};
use crate::web::pages::citizen::show::{Spot, short_name_of, spot};
use crate::web::pages::frame::fill;
use crate::web::refused::Wish;
use crate::{Channel, DayId, Opening, SlotId};

use super::call::Operator;
use super::choice::{OFFICES_MAX, Option_};

/// Places that a digit takes.
const PLACES: usize = 9;
const ALTERNATIVES: usize = 3;
/// A look at what is still free covers as many days.
const LIVE_DAYS: i64 = 14;
/// The nearest places are looked for so far around a day.
const DAYS_NEAR: TimeDelta = TimeDelta::days(3);

#[derive(Debug)]
pub(super) struct Places {
    pub(super) services: Vec<Option_>,
    pub(super) more: usize,
    pub(super) chosen: Vec<Chip>,
    pub(super) offices: Vec<String>,
    pub(super) full: bool,
    pub(super) unknown: Option<String>,
    pub(super) persons: u16,
    pub(super) in_turn: bool,
    pub(super) from: Option<NaiveDate>,
    pub(super) list: Vec<Numbered>,
    pub(super) live: Option<String>,
    pub(super) shares: Vec<Share>,
}

/// A chosen office, and the address without it.
#[derive(Debug)]
pub(super) struct Chip {
    pub(super) key: String,
    pub(super) name: String,
    pub(super) without: String,
}

#[derive(Debug)]
pub(super) struct Numbered {
    pub(super) number: usize,
    pub(super) spot: Spot,
    /// How far the office's clock is from UTC.
    pub(super) offset: String,
}

/// The telephone's places at an office on a day.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) words: String,
    pub(super) used: u32,
    pub(super) all: u32,
}

pub(super) fn places(operator: &Operator, wish: Option<&Wish>, before: usize) -> Places {
    let (app, choice, language) = (&operator.app, &operator.choice, operator.frame.language);
    let found = wish.map_or_else(Vec::new, |wish| {
        app.engine.openings(&choice.openings(app, wish).limit(PLACES - before))
    });
    let chip = |key: &String| {
        let name = app.engine.office(key).map(|office| short_name_of(app, office));
        let rest = choice.without(key).query();
        Chip { key: key.clone(), name: name.unwrap_or_default(), without: format!("/desk?{rest}") }
    };
    let catalog = app.engine.catalog();
    let offices = catalog.iter().flat_map(|catalog| &catalog.offices);
    let names = offices.filter_map(|office| app.engine.office(&office.key));
    Places {
        services: choice.services(app, language),
        more: choice.services.len().saturating_sub(1),
        chosen: choice.offices.iter().map(chip).collect(),
        offices: names.map(|office| short_name_of(app, office)).collect(),
        full: choice.offices.len() >= OFFICES_MAX,
        unknown: choice.unknown.clone(),
        persons: choice.persons,
        in_turn: choice.in_turn,
        from: choice.from,
        live: wish.and_then(|wish| live(operator, wish, &found)),
        shares: shares(operator, &found),
        list: numbered(operator, &found, before),
    }
}

pub(super) fn numbered(operator: &Operator, found: &[Opening], before: usize) -> Vec<Numbered> {
    let shown = |opening: &Opening| {
        spot(&operator.app, opening.slot, opening.starts_at, operator.frame.language)
    };
    let one = |(at, opening)| {
        let spot = shown(opening);
        let offset = spot.zone.rsplit(", ").next().unwrap_or_default().to_owned();
        Numbered { number: before + at + 1, spot, offset }
    };
    found.iter().enumerate().map(one).collect()
}

/// The address that tells which of the places are still free, unless they lie too far apart.
fn live(operator: &Operator, wish: &Wish, found: &[Opening]) -> Option<String> {
    let engine = &operator.app.engine;
    let dates = found.iter().map(|opening| opening.slot.day.date());
    let (from, to) = (dates.clone().min()?, dates.max()?);
    let office =
        |opening: &Opening| engine.office_key(engine.office_of(opening.slot.day.calendar())?);
    let mut offices: Vec<String> = found.iter().filter_map(office).collect();
    offices.sort_unstable();
    offices.dedup();
    let keys = wish.services.as_slice().iter().filter_map(|id| engine.service_key(*id));
    let (services, offices) = (keys.collect::<Vec<_>>().join(","), offices.join(","));
    let (persons, channel) = (wish.persons, wish.channel.name());
    let turn = if wish.in_turn { "&arrangement=in_turn" } else { "" };
    ((to - from).num_days() <= LIVE_DAYS).then(|| {
        format!(
            "/v1/availability?service={services}&offices={offices}&from={from}&to={to}\
             &group=slot&persons={persons}&channel={channel}{turn}"
        )
    })
}

/// What the telephone has of the days of the earliest places, an office once.
fn shares(operator: &Operator, found: &[Opening]) -> Vec<Share> {
    let (engine, channel) = (&operator.app.engine, operator.set.channel.index());
    let mut days: Vec<DayId> = Vec::new();
    for opening in found {
        let day = opening.slot.day;
        if days.iter().all(|known| known.calendar() != day.calendar()) {
            days.push(day);
        }
    }
    let share = |day: DayId| {
        let view = engine.day(day)?;
        let sum = |of: fn(&crate::SlotView) -> &[u16; Channel::COUNT]| {
            let one = |slot| of(slot).get(channel).copied().unwrap_or(0);
            view.slots.iter().map(|slot| u32::from(one(slot))).sum::<u32>()
        };
        let (used, free) = (sum(|slot| &slot.used_by_channel), sum(|slot| &slot.free_by_channel));
        let office = short_name_of(&operator.app, engine.office_of(day.calendar())?);
        let date = date_in_words(day.date(), operator.frame.language);
        let words = fill(&fill(&operator.w.share, "office", office), "date", date);
        let words = fill(&fill(&words, "used", used), "all", used + free);
        Some(Share { words, used, all: used + free })
    };
    days.into_iter().take(OFFICES_MAX).filter_map(share).collect()
}

/// The nearest in time around a place, at its office first. With `again` the place itself is the
/// first: a hold that is over makes room when the place is taken again.
pub(super) fn nearest(operator: &Operator, wish: &Wish, slot: SlotId, again: bool) -> Vec<Opening> {
    let engine = &operator.app.engine;
    let mut found = wish.nearest(engine, slot, ALTERNATIVES);
    if let (Some(office), Some(at)) =
        (engine.office_of(slot.day.calendar()), start_of(engine, slot))
    {
        let (from, to) = (slot.day.date() - DAYS_NEAR, slot.day.date() + DAYS_NEAR);
        let here = wish.openings().offices(&[office]).from(from).to(to).limit(200);
        found.extend(engine.openings(&here));
        if again && at > engine.now() {
            found.push(Opening { slot, starts_at: at, free: 1 });
        }
        found.sort_by_key(|opening| {
            let there = engine.office_of(opening.slot.day.calendar()) != Some(office);
            (there, (opening.starts_at - at).abs(), opening.slot)
        });
        found.dedup_by_key(|opening| opening.slot);
    }
    found.truncate(ALTERNATIVES);
    found
}

impl Share {
    /// How much of it is used, for a bar.
    pub(super) fn percent(&self) -> u32 {
        (self.used * 100).checked_div(self.all).unwrap_or(100)
    }
}
