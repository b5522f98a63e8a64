//! What does the page show? Openings as citizens see them: a moment old.
//!
//! A page may be stale, as on any web site; that is where refusals come from. Never promises.

use chrono::{Days, NaiveDate};
use cupo::{Engine, Openings, SlotId};

use crate::peak::citizens::Citizen;
use crate::peak::rng::Rng;
use crate::peak::stage::Stage;

/// Persons and channels that pages are kept for.
const PERSONS: usize = 8;
const CHANNELS: usize = 2;

/// The pages that one thread shows.
#[derive(Debug)]
pub(crate) struct Pages<'a> {
    engine: &'a Engine,
    stage: &'a Stage,
    age_ms: u64,
    openings: usize,
    list: Vec<Page>,
    rng: Rng,
    /// How often the engine was asked.
    pub(crate) looks: u64,
}

#[derive(Clone, Debug, Default)]
struct Page {
    until_ms: u64,
    slots: Vec<SlotId>,
    /// A place that stood there once: what an insistent visitor asks for.
    remembered: Option<SlotId>,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(
        engine: &'a Engine,
        stage: &'a Stage,
        age_ms: u64,
        openings: usize,
        seed: u64,
    ) -> Self {
        let count = stage.offices.len() * stage.services.len() * PERSONS * CHANNELS;
        let list = vec![Page::default(); count];
        Self { engine, stage, age_ms, openings, list, rng: Rng::new(seed), looks: 0 }
    }

    /// A place that the page shows, by the citizen's own taste.
    pub(crate) fn choose(&mut self, who: &mut Citizen, now_ms: u64) -> Option<SlotId> {
        let at = self.at(who);
        if self.list.get(at).is_some_and(|page| page.until_ms <= now_ms) {
            let slots = self.look(who);
            let patience = if slots.is_empty() { 4 } else { 1 };
            let page = self.list.get_mut(at)?;
            page.until_ms = now_ms + 1 + self.age_ms * patience;
            page.remembered = slots.last().copied().or(page.remembered);
            page.slots = slots;
        }
        let slots = &self.list.get(at)?.slots;
        slots.get(usize::try_from(who.rng.below(slots.len() as u64)).ok()?).copied()
    }

    /// A place that the page does not show any more.
    pub(crate) fn remembered(&self, who: &Citizen) -> Option<SlotId> {
        self.list.get(self.at(who))?.remembered
    }

    /// The engine said no: the page shows that place no more.
    pub(crate) fn forget(&mut self, who: &Citizen, slot: SlotId) {
        let at = self.at(who);
        if let Some(page) = self.list.get_mut(at) {
            page.slots.retain(|other| *other != slot);
        }
    }

    fn at(&self, who: &Citizen) -> usize {
        let group = usize::from(who.persons).clamp(1, PERSONS) - 1;
        let place = usize::from(who.office) * self.stage.services.len() + usize::from(who.service);
        (place * PERSONS + group) * CHANNELS + who.channel().index().min(CHANNELS - 1)
    }

    /// Half of the pages open at the first free place, half at some later date.
    fn look(&mut self, who: &Citizen) -> Vec<SlotId> {
        let Some(office) = self.stage.offices.get(usize::from(who.office)) else {
            return Vec::new();
        };
        let Some(service) = self.stage.services.get(usize::from(who.service)) else {
            return Vec::new();
        };
        let mut query = Openings::new(service.id)
            .offices(&[office.id])
            .persons(u16::from(who.persons))
            .channel(who.channel())
            .limit(self.openings);
        if who.arrangement() == cupo::Arrangement::InTurn {
            query = query.in_turn();
        }
        if self.rng.chance(0.5)
            && let Some(date) = self.some_date()
        {
            let slots = self.ask(&query.clone().from(date));
            if !slots.is_empty() {
                return slots;
            }
        }
        self.ask(&query)
    }

    fn ask(&mut self, query: &Openings) -> Vec<SlotId> {
        self.looks += 1;
        self.engine.openings(query).into_iter().map(|opening| opening.slot).collect()
    }

    fn some_date(&mut self) -> Option<NaiveDate> {
        let ahead = self.rng.below(self.stage.days);
        self.stage.first_date?.checked_add_days(Days::new(ahead))
    }
}
