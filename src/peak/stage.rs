//! What is there to have? The offices, services and places of the opening day.
//!
//! Reads the engine once, after the install; nothing here changes during the run.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use cupo::{Catalog, Channel, DayId, DayView, Engine, OfficeId, ServiceId, SlotId, SlotView};

use crate::cli::Problem;
use crate::peak::citizens::Citizen;
use crate::peak::map;
use crate::peak::scenario::Scenario;

/// The demonstration case: 57 offices, 10 services, 30 days.
const CATALOG: &str = include_str!("../../examples/miconsulado.toml");
/// What starts sooner may be past its lead time, so selling out is judged without it.
const TOO_SOON: TimeDelta = TimeDelta::hours(2);
/// From the install to the first arrivals.
const UNTIL_BEGIN: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Office {
    pub(crate) key: String,
    pub(crate) id: OfficeId,
    pub(crate) days: Vec<DayId>,
    pub(crate) demand: u64,
    /// What its clock is ahead of UTC.
    pub(crate) offset_s: i32,
    /// Places of each day.
    pub(crate) day_places: Vec<u64>,
    pub(crate) slots: u64,
    pub(crate) places: u64,
    /// Places that the web can have, while nothing is taken.
    pub(crate) web_places: u64,
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
    /// Slots from here on count when it is asked whether the web has sold out.
    pub(crate) from: DateTime<Utc>,
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
        let opens = engine.now() + TimeDelta::from_std(UNTIL_BEGIN).unwrap_or_default();
        let after = i64::try_from(scenario.opens_after_ms()).unwrap_or_default();
        let opens = opens + TimeDelta::milliseconds(after);
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
                    id: engine.service(&service.key)?,
                    persons_max: service.persons_max,
                })
            })
            .collect();
        let dates: BTreeSet<NaiveDate> =
            offices.iter().flat_map(|office| &office.days).map(|day| day.date()).collect();
        let places = offices.iter().map(|office| office.places).sum();
        if places == 0 || services.is_empty() {
            return Err(Problem::new("the catalog in the program has no places in its horizon"));
        }
        Ok(Self {
            opens,
            from: opens + TOO_SOON,
            first_date: dates.first().copied(),
            days: dates.len() as u64,
            slots: offices.iter().map(|office| office.slots).sum(),
            places,
            office_sums: sums(offices.iter().map(|office| office.demand)),
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
        known.get(usize::try_from(who.rng.below(known.len() as u64)).ok()?).copied()
    }
}

fn offices(engine: &Engine, catalog: &Catalog, opens: DateTime<Utc>) -> Vec<Office> {
    let spots = map::spots();
    let known = |office: &cupo::Office| spots.get(office.key.as_str()).copied();
    let nearest = map::nearest(&catalog.offices.iter().map(known).collect::<Vec<_>>());
    let days = engine.days();
    let offices = catalog.offices.iter().zip(nearest);
    let offices = offices.filter_map(|(office, nearest)| {
        let id = engine.office(&office.key)?;
        let mut own = Office {
            key: office.key.clone(),
            id,
            days: Vec::new(),
            demand: known(office).map_or(1, |spot| spot.demand),
            offset_s: 0,
            day_places: Vec::new(),
            slots: 0,
            places: 0,
            web_places: 0,
            nearest,
            known: Vec::new(),
        };
        let calendars = engine.calendars_of(id);
        let clock = calendars.first().and_then(|first| engine.wall_clock(*first, opens));
        own.offset_s = clock.map_or(0, |clock| clock.offset().local_minus_utc());
        for day in days.iter().filter(|day| calendars.contains(&day.calendar())) {
            own.add(engine, *day, opens);
        }
        Some(own)
    });
    offices.collect()
}

impl Office {
    /// Days that are released later are not for sale on the opening day.
    fn add(&mut self, engine: &Engine, day: DayId, opens: DateTime<Utc>) {
        let view = engine.day(day);
        let Some(view) = view.filter(|view| view.released <= opens && !view.slots.is_empty())
        else {
            return;
        };
        let places = view.slots.iter().map(|slot| u64::from(slot.capacity)).sum();
        self.slots += view.slots.len() as u64;
        self.places += places;
        self.day_places.push(places);
        self.web_places += free_on_web(&view, opens + TOO_SOON);
        self.days.push(day);
        let middle = view.slots.get(view.slots.len() / 2);
        self.known.extend(middle.map(|slot| slot.slot));
    }
}

/// Places that the web could still take that day, in slots from that instant on.
pub(crate) fn free_on_web(day: &DayView, from: DateTime<Utc>) -> u64 {
    let free = |slot: &SlotView| slot.free_by_channel.get(Channel::WEB.index()).copied();
    let slots = day.slots.iter().filter(|slot| slot.starts_at >= from);
    slots.filter_map(free).map(u64::from).sum()
}

/// Running sums of weights.
pub(crate) fn sums(weights: impl Iterator<Item = u64>) -> Vec<u64> {
    weights
        .scan(0_u64, |sum, weight| {
            *sum = sum.saturating_add(weight);
            Some(*sum)
        })
        .collect()
}
