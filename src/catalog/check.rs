//! Can this catalog be used? Every demand on the document, with the path of what breaks it.
//!
//! Never mends a document.

use std::collections::BTreeSet;

use chrono::Timelike;

use crate::catalog::document::{Calendar, Catalog, Holds, Lead, Share};
use crate::catalog::{CatalogError, expand};
use crate::id::Channel;
use crate::limits::{HOLD_SECONDS_MAX, RUN_MAX, SLOTS_PER_DAY_MAX};

const DAY_S: u64 = 86_400;
pub(super) const HORIZON_DAYS_MAX: u64 = 400;

type Checked = Result<(), CatalogError>;

/// Opening hours as minutes from midnight, ascending.
pub(super) type Hours = Vec<(u16, u16)>;

fn ensure(good: bool, path: &str, found: impl std::fmt::Display, expected: &str) -> Checked {
    if good { Ok(()) } else { Err(CatalogError::new(path, found, expected)) }
}

impl Catalog {
    /// Checks the whole document.
    ///
    /// # Errors
    /// The first thing that is wrong: its path, what is there, what was expected.
    pub fn check(&self) -> Checked {
        ensure(!self.offices.is_empty(), "offices", "none", "at least one office")?;
        ensure(!self.services.is_empty(), "services", "none", "at least one service")?;
        ensure(!self.calendars.is_empty(), "calendars", "none", "at least one calendar")?;
        unique("offices", self.offices.iter().map(|office| office.key.as_str()))?;
        unique("services", self.services.iter().map(|service| service.key.as_str()))?;
        unique("calendars", self.calendars.iter().map(|calendar| calendar.key.as_str()))?;
        for (n, office) in self.offices.iter().enumerate() {
            let path = format!("offices[{n}].zone");
            ensure(expand::zone(&office.zone).is_some(), &path, &office.zone, "an IANA time zone")?;
        }
        for (n, service) in self.services.iter().enumerate() {
            let path = |field: &str| format!("services[{n}].{field}");
            let units = (1..=RUN_MAX).contains(&service.units);
            ensure(units, &path("units"), service.units, "1 to 255")?;
            let persons = (1..=255).contains(&service.persons_max);
            ensure(persons, &path("persons_max"), service.persons_max, "1 to 255")?;
            let active = service.active_max != Some(0);
            ensure(active, &path("active_max"), 0, "at least 1, or nothing for no limit")?;
            let window = service.window_days != Some(0);
            ensure(window, &path("window_days"), 0, "at least 1, or nothing for all claims")?;
            let limited = service.window_days.is_none() || service.active_max.is_some();
            ensure(limited, &path("active_max"), "nothing", "a limit for window_days to apply to")?;
        }
        for (n, calendar) in self.calendars.iter().enumerate() {
            self.check_calendar(&format!("calendars[{n}]"), calendar)?;
        }
        check_holds(&self.holds)
    }

    fn check_calendar(&self, path: &str, calendar: &Calendar) -> Checked {
        let at = |field: &str| format!("{path}.{field}");
        let office = self.offices.iter().any(|office| office.key == calendar.office);
        ensure(office, &at("office"), &calendar.office, "the key of an office")?;
        ensure(!calendar.services.is_empty(), &at("services"), "none", "at least one service")?;
        unique(&at("services"), calendar.services.iter().map(String::as_str))?;
        for (n, key) in calendar.services.iter().enumerate() {
            let known = self.services.iter().any(|service| service.key == *key);
            ensure(known, &at(&format!("services[{n}]")), key, "the key of a service")?;
        }
        let seconds = calendar.unit.seconds();
        let unit = (60..=DAY_S / 2).contains(&seconds)
            && seconds.is_multiple_of(60)
            && DAY_S.is_multiple_of(seconds)
            && 25 * 3_600 / seconds <= u64::from(SLOTS_PER_DAY_MAX);
        let expected = "whole minutes that divide a day, 1m to 12h";
        ensure(unit, &at("unit"), calendar.unit, expected)?;
        self.check_lengths(path, calendar)?;
        ensure(calendar.capacity > 0, &at("capacity"), 0, "1 to 65535")?;
        let days = calendar.horizon.seconds() / DAY_S;
        let whole = calendar.horizon.seconds().is_multiple_of(DAY_S);
        let horizon = whole && (1..=HORIZON_DAYS_MAX).contains(&days);
        ensure(horizon, &at("horizon"), calendar.horizon, "whole days, 1d to 400d")?;
        let time = calendar.release_time;
        let minutes = time.second() == 0 && time.nanosecond() == 0;
        ensure(minutes, &at("release_time"), time, "hours and minutes")?;
        for (day, hours) in calendar.hours.days() {
            parse_hours(&at(&format!("hours.{day}")), hours, seconds / 60)?;
        }
        check_channels(path, calendar)?;
        check_exceptions(path, calendar)
    }

    /// A service longer than a day could never be had there.
    fn check_lengths(&self, path: &str, calendar: &Calendar) -> Checked {
        let fit = DAY_S / calendar.unit.seconds().max(60);
        for (n, key) in calendar.services.iter().enumerate() {
            let here = format!("{path}.services[{n}]");
            let units = self.services.iter().find(|s| s.key == *key).map_or(0, |s| s.units);
            let found = format!("\"{key}\" with {units} units of {}", calendar.unit);
            ensure(u64::from(units) <= fit, &here, found, "services no longer than a day")?;
        }
        Ok(())
    }
}

fn unique<'a>(path: &str, keys: impl Iterator<Item = &'a str>) -> Checked {
    let mut seen = BTreeSet::new();
    for (n, key) in keys.enumerate() {
        let here = format!("{path}[{n}]");
        ensure(!key.is_empty(), &here, "an empty key", "a key")?;
        ensure(seen.insert(key), &here, format!("\"{key}\" again"), "each key once")?;
    }
    Ok(())
}

fn check_channels(path: &str, calendar: &Calendar) -> Checked {
    for (name, limits) in &calendar.channels {
        let at = |field: &str| format!("{path}.channels.{name}{field}");
        let known = Channel::from_name(name).is_some();
        ensure(known, &at(""), name, "web, phone, desk or priority")?;
        for (field, share) in [(".max", &limits.max), (".protected", &limits.protected)] {
            let Some(share) = share else { continue };
            let places = places(share, calendar.capacity);
            let expected =
                format!("0 to the capacity ({}), or a share like \"40%\"", calendar.capacity);
            let fits = places.is_some_and(|places| places <= calendar.capacity);
            ensure(fits, &at(field), share, &expected)?;
        }
        let seconds = limits.give_back.seconds();
        let fits = seconds.is_multiple_of(60) && u16::try_from(seconds / 60).is_ok();
        ensure(fits, &at(".give_back"), limits.give_back, "whole minutes, up to 45 days")?;
    }
    check_protected(&format!("{path}.channels"), calendar, calendar.capacity)?;
    if let Lead::Each(leads) = &calendar.lead_time {
        for name in leads.keys() {
            let here = format!("{path}.lead_time.{name}");
            let known = Channel::from_name(name).is_some();
            ensure(known, &here, name, "web, phone, desk or priority")?;
        }
    }
    Ok(())
}

/// What is kept for the channels must fit a capacity together, or nobody could ever be served.
fn check_protected(path: &str, calendar: &Calendar, capacity: u16) -> Checked {
    let shares = calendar.channels.values().filter_map(|limits| limits.protected.as_ref());
    let kept: u32 = shares.filter_map(|share| places(share, capacity)).map(u32::from).sum();
    let fits = kept <= u32::from(capacity);
    let expected = format!("protected shares that add up to at most {capacity}");
    ensure(fits, path, format!("{kept} protected"), &expected)
}

fn check_exceptions(path: &str, calendar: &Calendar) -> Checked {
    let mut spans = Vec::new();
    for (n, exception) in calendar.exceptions.iter().enumerate() {
        let at = |field: &str| format!("{path}.exceptions[{n}]{field}");
        let last = exception.to.unwrap_or(exception.date);
        ensure(last >= exception.date, &at(".to"), last, "a date not before `date`")?;
        let something =
            exception.closed != (exception.hours.is_some() || exception.capacity.is_some());
        let expected = "either closed = true, or hours or capacity";
        let found = if exception.closed { "both" } else { "neither" };
        ensure(something, &at(""), found, expected)?;
        ensure(exception.capacity != Some(0), &at(".capacity"), 0, "1 to 65535, or closed")?;
        if let Some(capacity) = exception.capacity {
            check_protected(&at(".capacity"), calendar, capacity)?;
        }
        if let Some(hours) = &exception.hours {
            parse_hours(&at(".hours"), hours, calendar.unit.seconds() / 60)?;
        }
        spans.push((exception.date, last, n));
    }
    spans.sort_unstable();
    for pair in spans.windows(2) {
        if let [(_, last, _), (first, _, n)] = pair {
            let here = format!("{path}.exceptions[{n}]");
            ensure(first > last, &here, first, "dates that no other exception has")?;
        }
    }
    Ok(())
}

fn check_holds(holds: &Holds) -> Checked {
    let max = u64::from(HOLD_SECONDS_MAX);
    let ttl_max = (1..=max).contains(&holds.ttl_max.seconds());
    ensure(ttl_max, "holds.ttl_max", holds.ttl_max, "1s to 36h")?;
    let ttl = (1..=holds.ttl_max.seconds()).contains(&holds.ttl.seconds());
    ensure(ttl, "holds.ttl", holds.ttl, "1s to holds.ttl_max")?;
    let extended = holds.extended_max.seconds() <= 60 * 3_600;
    ensure(extended, "holds.extended_max", holds.extended_max, "up to 60h")?;
    ensure(holds.per_party > 0, "holds.per_party", 0, "at least 1")
}

/// Places of a share.
pub(super) fn places(share: &Share, capacity: u16) -> Option<u16> {
    match share {
        Share::Places(places) => Some(*places),
        Share::Percent(text) => {
            let percent: u32 = text.strip_suffix('%')?.trim().parse().ok()?;
            u16::try_from(u32::from(capacity) * percent / 100).ok().filter(|_| percent <= 100)
        }
    }
}

/// Places of a share that is a maximum: a share above zero never shuts a channel out of a small
/// office.
pub(super) fn places_max(share: &Share, capacity: u16) -> Option<u16> {
    let places = places(share, capacity)?;
    let some = places == 0 && capacity > 0 && places_of_hundred(share) > 0;
    Some(if some { 1 } else { places })
}

fn places_of_hundred(share: &Share) -> u16 {
    places(share, 100).unwrap_or(0)
}

/// Reads and checks the hours of one day.
pub(super) fn parse_hours(
    path: &str,
    texts: &[String],
    unit_min: u64,
) -> Result<Hours, CatalogError> {
    let mut hours = Hours::new();
    for (n, text) in texts.iter().enumerate() {
        let path = format!("{path}[{n}]");
        let wrong = |expected: &str| CatalogError::new(path.clone(), text, expected);
        let (first, end) = text.split_once('-').ok_or_else(|| wrong("hours like 09:00-13:00"))?;
        let parsed = minute(first).zip(minute(end));
        let (first, end) = parsed.ok_or_else(|| wrong("hours like 09:00-13:00"))?;
        if first >= end {
            return Err(wrong("an end after the start, 24:00 at the latest"));
        }
        if [first, end].iter().any(|minute| !u64::from(*minute).is_multiple_of(unit_min.max(1))) {
            return Err(wrong(&format!(
                "times that are multiples of the unit, {unit_min} minutes"
            )));
        }
        if hours.last().is_some_and(|(_, before)| *before > first) {
            return Err(wrong("hours in order that do not overlap"));
        }
        hours.push((first, end));
    }
    Ok(hours)
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let whole = |text: &str| (text.len() == 2).then(|| text.parse::<u16>().ok()).flatten();
    let (hour, minute) = (whole(hour)?, whole(minute)?);
    let total = hour * 60 + minute;
    (minute < 60 && total <= 24 * 60).then_some(total)
}
