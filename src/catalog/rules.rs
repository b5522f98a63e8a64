//! What does the hot path ask of the rules? Everything by number, resolved once.
//!
//! Never a string, and never a zone, on an operation's path.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::catalog::check::HORIZON_DAYS_MAX;
use crate::catalog::document::{Calendar, Catalog, Lead};
use crate::catalog::{CatalogError, DayShape, expand};
use crate::id::{CalendarId, Channel, OfficeId, ServiceId};
use crate::record::PlanRange;
use crate::sync::Arc;
use crate::time::Time;

/// The numbers of offices, services and calendars: assigned once, never reused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Numbers {
    offices: Keys,
    services: Keys,
    calendars: Keys,
}

/// Keys of one kind, found by name and by number: numbers begin at 0 and have no gaps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, u16>", into = "BTreeMap<String, u16>")]
struct Keys {
    numbers: BTreeMap<String, u16>,
    names: Vec<Arc<str>>,
}

impl Numbers {
    /// Gives a number to every key that has none.
    pub(crate) fn assign(&mut self, catalog: &Catalog) -> Result<(), CatalogError> {
        catalog.check()?;
        let offices = catalog.offices.iter().map(|office| &office.key);
        self.offices.assign("offices", offices)?;
        let services = catalog.services.iter().map(|service| &service.key);
        self.services.assign("services", services)?;
        let calendars = catalog.calendars.iter().map(|calendar| &calendar.key);
        self.calendars.assign("calendars", calendars)
    }

    pub(crate) fn office(&self, key: &str) -> Option<OfficeId> {
        self.offices.numbers.get(key).copied().map(OfficeId)
    }

    pub(crate) fn service(&self, key: &str) -> Option<ServiceId> {
        self.services.numbers.get(key).copied().map(ServiceId)
    }

    pub(crate) fn calendar(&self, key: &str) -> Option<CalendarId> {
        self.calendars.numbers.get(key).copied().map(CalendarId)
    }

    /// Whether any calendar has this number.
    pub(crate) fn has(&self, calendar: CalendarId) -> bool {
        usize::from(calendar.0) < self.calendars.names.len()
    }

    pub(crate) fn office_key(&self, office: OfficeId) -> Option<&str> {
        self.offices.name(office.0)
    }

    pub(crate) fn service_key(&self, service: ServiceId) -> Option<&str> {
        self.services.name(service.0)
    }

    pub(crate) fn calendar_key(&self, calendar: CalendarId) -> Option<&str> {
        self.calendars.name(calendar.0)
    }
}

impl Keys {
    fn name(&self, number: u16) -> Option<&str> {
        self.names.get(usize::from(number)).map(Arc::as_ref)
    }

    fn assign<'a>(
        &mut self,
        what: &str,
        keys: impl Iterator<Item = &'a String>,
    ) -> Result<(), CatalogError> {
        for key in keys {
            // The records keep 65,535 for "none".
            let next = u16::try_from(self.numbers.len()).ok().filter(|next| *next < u16::MAX);
            let full = || CatalogError::new(what, key, "at most 65,534 keys over all catalogs");
            if !self.numbers.contains_key(key) {
                let next = next.ok_or_else(full)?;
                self.numbers.insert(key.clone(), next);
                self.names.push(key.as_str().into());
            }
        }
        Ok(())
    }
}

impl TryFrom<BTreeMap<String, u16>> for Keys {
    type Error = &'static str;

    fn try_from(numbers: BTreeMap<String, u16>) -> Result<Self, Self::Error> {
        let mut keys: Vec<_> = numbers.iter().map(|(key, number)| (*number, key)).collect();
        keys.sort_unstable();
        if keys.iter().enumerate().any(|(at, (number, _))| usize::from(*number) != at) {
            return Err("numbers of keys with gaps, or given twice");
        }
        let names = keys.into_iter().map(|(_, key)| key.as_str().into()).collect();
        Ok(Self { numbers, names })
    }
}

impl From<Keys> for BTreeMap<String, u16> {
    fn from(keys: Keys) -> Self {
        keys.numbers
    }
}

/// The rules in force.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) holds: HoldRules,
    services: Vec<Option<ServiceRule>>,
    calendars: Vec<Option<CalendarRule>>,
    catalog: Arc<Catalog>,
}

/// What holds may do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HoldRules {
    pub(crate) ttl_s: u32,
    pub(crate) ttl_max_s: u32,
    pub(crate) extended_max_s: u32,
    pub(crate) per_party: u16,
    pub(crate) cool_off_ms: u64,
    pub(crate) cool_off_jitter_ms: u64,
}

/// What a service demands and allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServiceRule {
    pub(crate) units: u16,
    pub(crate) persons_max: u16,
    pub(crate) active_max: Option<u16>,
    pub(crate) window_days: Option<u16>,
    pub(crate) cancel_cutoff_ms: u64,
    pub(crate) reschedule_cutoff_ms: u64,
}

/// What a calendar offers.
#[derive(Debug)]
pub(crate) struct CalendarRule {
    pub(crate) office: OfficeId,
    pub(crate) unit_min: u16,
    pub(crate) lead_ms: [u64; Channel::COUNT],
    pub(crate) horizon_days: u16,
    serves: Vec<u64>,
    zone: TimeZone,
    /// Where it stands in the document.
    at: usize,
}

impl CalendarRule {
    /// Whether it serves a service: one bit.
    pub(crate) fn serves(&self, service: ServiceId) -> bool {
        let word = self.serves.get(usize::from(service.0 / 64)).copied().unwrap_or(0);
        word & (1 << (service.0 % 64)) != 0
    }
}

impl Rules {
    /// Of a checked catalog. Recovery does not check again: what an earlier version accepted
    /// stays in force until the next install. So nothing here may rest on the check.
    pub(crate) fn new(catalog: Arc<Catalog>, numbers: &Numbers) -> Self {
        let seconds = |span: super::Span| u32::try_from(span.seconds()).unwrap_or(u32::MAX);
        let holds = HoldRules {
            ttl_s: seconds(catalog.holds.ttl),
            ttl_max_s: seconds(catalog.holds.ttl_max),
            extended_max_s: seconds(catalog.holds.extended_max),
            per_party: catalog.holds.per_party,
            cool_off_ms: catalog.holds.cool_off.millis().min(Time::MAX.0),
            cool_off_jitter_ms: catalog.holds.cool_off_jitter.millis().min(Time::MAX.0),
        };
        let mut services = Vec::new();
        for service in &catalog.services {
            let Some(id) = numbers.service(&service.key) else {
                continue;
            };
            let rule = ServiceRule {
                units: service.units,
                persons_max: service.persons_max,
                active_max: service.active_max,
                window_days: service.window_days,
                cancel_cutoff_ms: service.cancel_cutoff.millis(),
                reschedule_cutoff_ms: service.reschedule_cutoff.millis(),
            };
            put(&mut services, usize::from(id.0), rule);
        }
        let mut calendars = Vec::new();
        for (at, calendar) in catalog.calendars.iter().enumerate() {
            let rule = calendar_rule(&catalog, calendar, at, numbers);
            if let (Some(id), Some(rule)) = (numbers.calendar(&calendar.key), rule) {
                put(&mut calendars, usize::from(id.0), rule);
            }
        }
        Self { holds, services, calendars, catalog }
    }

    pub(crate) fn service(&self, service: ServiceId) -> Option<&ServiceRule> {
        self.services.get(usize::from(service.0))?.as_ref()
    }

    /// Whether a party may have only so many of any of these.
    pub(crate) fn limits_any(&self, services: &[ServiceId]) -> bool {
        let mut rules = services.iter().filter_map(|service| self.service(*service));
        rules.any(|rule| rule.active_max.is_some())
    }

    pub(crate) fn calendar(&self, calendar: CalendarId) -> Option<&CalendarRule> {
        self.calendars.get(usize::from(calendar.0))?.as_ref()
    }

    pub(crate) fn calendars(&self) -> impl Iterator<Item = (CalendarId, &CalendarRule)> {
        let numbered = (0..).map(CalendarId).zip(&self.calendars);
        numbered.filter_map(|(id, rule)| rule.as_ref().map(|rule| (id, rule)))
    }

    /// The civil date at the calendar's office.
    pub(crate) fn today(&self, calendar: CalendarId, now: Time) -> Option<NaiveDate> {
        self.local(calendar, now).map(|(date, _)| date)
    }

    /// Civil date and time at the calendar's office.
    pub(crate) fn local(&self, calendar: CalendarId, at: Time) -> Option<(NaiveDate, NaiveTime)> {
        expand::local(&self.calendar(calendar)?.zone, at)
    }

    /// The clock on the wall of the calendar's office, with its offset from UTC.
    pub(crate) fn wall_clock(
        &self,
        calendar: CalendarId,
        at: Time,
    ) -> Option<DateTime<FixedOffset>> {
        expand::wall_clock(&self.calendar(calendar)?.zone, at)
    }

    /// The limits of a slot of the calendar that has another capacity.
    pub(crate) fn limits(&self, calendar: CalendarId, capacity: u16) -> Option<PlanRange> {
        let at = self.calendar(calendar)?.at;
        Some(expand::limits(self.catalog.calendars.get(at)?, capacity))
    }

    /// The IANA name of the zone of the calendar's office.
    pub(crate) fn zone_of(&self, calendar: CalendarId) -> Option<&str> {
        self.calendar(calendar)?.zone.iana_name()
    }

    /// What the calendar offers on a date.
    pub(crate) fn expand(&self, calendar: CalendarId, date: NaiveDate) -> Option<DayShape> {
        let rule = self.calendar(calendar)?;
        expand::expand(self.catalog.calendars.get(rule.at)?, &rule.zone, date)
    }
}

fn calendar_rule(
    catalog: &Catalog,
    calendar: &Calendar,
    at: usize,
    numbers: &Numbers,
) -> Option<CalendarRule> {
    let office = catalog.offices.iter().find(|office| office.key == calendar.office)?;
    let lead = |channel: Channel| match &calendar.lead_time {
        Lead::All(span) => span.millis(),
        Lead::Each(leads) => leads.get(channel.name()).map_or(0, |span| span.millis()),
    };
    let mut serves = Vec::new();
    for service in calendar.services.iter().filter_map(|key| numbers.service(key)) {
        let word = usize::from(service.0 / 64);
        if serves.len() <= word {
            serves.resize(word + 1, 0);
        }
        if let Some(word) = serves.get_mut(word) {
            *word |= 1 << (service.0 % 64);
        }
    }
    Some(CalendarRule {
        office: numbers.office(&office.key)?,
        unit_min: u16::try_from(calendar.unit.seconds() / 60).ok()?,
        lead_ms: Channel::ALL.map(lead),
        horizon_days: u16::try_from((calendar.horizon.seconds() / 86_400).min(HORIZON_DAYS_MAX))
            .ok()?,
        serves,
        zone: expand::zone(&office.zone)?,
        at,
    })
}

fn put<T>(list: &mut Vec<Option<T>>, at: usize, value: T) {
    if list.len() <= at {
        list.resize_with(at + 1, || None);
    }
    if let Some(slot) = list.get_mut(at) {
        *slot = Some(value);
    }
}
