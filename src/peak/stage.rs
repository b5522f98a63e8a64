//! What is there to have? The offices, services and places of the opening day.
//!
//! Reads the engine once, after the install; nothing here changes during the run.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use cupo::{Catalog, DayId, Engine, OfficeId, ServiceId, SlotId};

use crate::cli::Problem;
use crate::peak::citizens::Citizen;
use crate::peak::scenario::Scenario;

/// The demonstration case: 57 offices, 10 services, 30 days.
const CATALOG: &str = include_str!("../../examples/miconsulado.toml");
/// From the install to the opening.
const UNTIL_OPENING: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Office {
    pub(crate) key: String,
    pub(crate) id: OfficeId,
    pub(crate) days: Vec<DayId>,
    pub(crate) slots: u64,
    pub(crate) places: u64,
    /// The other offices, nearest first, by position in the stage's list.
    pub(crate) nearest: Vec<u16>,
    /// A slot of each day, as someone may know it from a neighbour.
    known: Vec<SlotId>,
}

#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) id: ServiceId,
    pub(crate) persons_max: u16,
}

#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) offices: Vec<Office>,
    pub(crate) services: Vec<Service>,
    pub(crate) opens: DateTime<Utc>,
    pub(crate) first_date: Option<NaiveDate>,
    /// Dates on which something is bookable.
    pub(crate) days: u64,
    pub(crate) slots: u64,
    pub(crate) places: u64,
    /// Running sums of weights: demand by office, service and size of group.
    pub(crate) office_sums: Vec<u64>,
    pub(crate) service_sums: Vec<u64>,
    pub(crate) group_sums: Vec<u64>,
}

impl Stage {
    /// Installs the catalog so that it opens a moment from now.
    pub(crate) fn set(engine: &Engine, scenario: &Scenario) -> Result<Self, Problem> {
        let mut catalog = Catalog::from_toml(CATALOG).map_err(|error| {
            Problem::new(format!("the catalog in the program is not usable: {error}"))
        })?;
        let opens = engine.now() + TimeDelta::from_std(UNTIL_OPENING).unwrap_or_default();
        for calendar in &mut catalog.calendars {
            calendar.opens_at = Some(opens);
        }
        engine.install(&catalog)?;
        let offices = offices(engine, &catalog, opens);
        let services: Vec<Service> = catalog
            .services
            .iter()
            .filter_map(|service| {
                Some(Service {
                    id: engine.service(&service.id)?,
                    persons_max: service.persons_max,
                })
            })
            .collect();
        let dates: BTreeSet<NaiveDate> = offices
            .iter()
            .flat_map(|office| &office.days)
            .map(|day| day.date())
            .collect();
        let places = offices.iter().map(|office| office.places).sum();
        if places == 0 || services.is_empty() {
            return Err(Problem::new(
                "the catalog in the program has no places in its horizon",
            ));
        }
        Ok(Self {
            opens,
            first_date: dates.first().copied(),
            days: dates.len() as u64,
            slots: offices.iter().map(|office| office.slots).sum(),
            places,
            // Capacity was spread by demand, so it stands for demand.
            office_sums: sums(offices.iter().map(|office| office.places)),
            // The most wanted first: the n-th service has a weight of 1/n.
            service_sums: sums((1..=services.len() as u64).map(|rank| 2_520 / rank)),
            group_sums: sums(scenario.persons.iter().copied()),
            offices,
            services,
        })
    }

    /// A place that someone may know of before the page shows any.
    pub(crate) fn place_known_before(&self, who: &mut Citizen) -> Option<SlotId> {
        let known = &self.offices.get(usize::from(who.home))?.known;
        known
            .get(usize::try_from(who.rng.below(known.len() as u64)).ok()?)
            .copied()
    }
}

fn offices(engine: &Engine, catalog: &Catalog, opens: DateTime<Utc>) -> Vec<Office> {
    let mut offices: Vec<Office> = catalog
        .offices
        .iter()
        .filter_map(|office| {
            let id = engine.office(&office.id)?;
            let (key, nearest) = (office.id.clone(), Vec::new());
            Some(Office {
                key,
                id,
                days: Vec::new(),
                slots: 0,
                places: 0,
                nearest,
                known: Vec::new(),
            })
        })
        .collect();
    for office in &mut offices {
        let calendars = engine.calendars_of(office.id);
        let days = engine
            .days()
            .into_iter()
            .filter(|day| calendars.contains(&day.calendar()));
        for view in days.filter_map(|day| engine.day(day)) {
            if view.released > opens || view.slots.is_empty() {
                continue;
            }
            office.days.push(view.day);
            office.slots += view.slots.len() as u64;
            office.places += view
                .slots
                .iter()
                .map(|slot| u64::from(slot.capacity))
                .sum::<u64>();
            office
                .known
                .extend(view.slots.get(view.slots.len() / 2).map(|slot| slot.slot));
        }
    }
    offices
}

/// Running sums of weights.
fn sums(weights: impl Iterator<Item = u64>) -> Vec<u64> {
    weights
        .scan(0_u64, |sum, weight| {
            *sum = sum.saturating_add(weight);
            Some(*sum)
        })
        .collect()
}
