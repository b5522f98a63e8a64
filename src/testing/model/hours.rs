//! Which slots has a day? Opening hours, minute by minute, by the clock on the office's wall.
//!
//! The only part of the model that knows zones. It reads the wall clock at every minute of a day,
//! and remembers what it read; nothing is computed from offsets.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use chrono::{Datelike, Days, NaiveDate, NaiveTime, Timelike};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::{Day, Limits};
use crate::{Calendar, Channel, Share, Time};

const MINUTE_MS: u64 = 60_000;

/// A civil day of a zone: when it begins, and what the wall clock shows at each of its minutes
/// (nothing while it shows another date).
pub(super) struct WallDay {
    begins: Time,
    minutes: Vec<Option<u16>>,
}

/// A zone, and what was read of it.
struct Read {
    zone: TimeZone,
    days: BTreeMap<NaiveDate, Option<Rc<WallDay>>>,
}

thread_local! {
    static READ: RefCell<BTreeMap<String, Read>> = const { RefCell::new(BTreeMap::new()) };
}

fn with_zone<T>(name: &str, look: impl FnOnce(&mut Read) -> Option<T>) -> Option<T> {
    READ.with_borrow_mut(|read| {
        if let Some(read) = read.get_mut(name) {
            return look(read);
        }
        let zone = TimeZoneDatabase::bundled().get(name).ok()?;
        look(read.entry(name.to_owned()).or_insert(Read { zone, days: BTreeMap::new() }))
    })
}

/// The date and time on the wall of an office.
pub(super) fn wall(zone: &str, at: Time) -> Option<(NaiveDate, NaiveTime)> {
    with_zone(zone, |read| shown(&read.zone, at))
}

fn shown(zone: &TimeZone, at: Time) -> Option<(NaiveDate, NaiveTime)> {
    let stamp = jiff::Timestamp::from_millisecond(i64::try_from(at.0).ok()?).ok()?;
    let there = zone.to_datetime(stamp);
    let number = |n: i8| u32::try_from(n).ok();
    let (month, day) = (number(there.month())?, number(there.day())?);
    let date = NaiveDate::from_ymd_opt(i32::from(there.year()), month, day)?;
    let (hour, minute) = (number(there.hour())?, number(there.minute())?);
    Some((date, NaiveTime::from_hms_opt(hour, minute, number(there.second())?)?))
}

/// `None` where a zone skips the date whole.
fn wall_day(zone: &str, date: NaiveDate) -> Option<Rc<WallDay>> {
    with_zone(zone, |Read { zone, days }| {
        days.entry(date).or_insert_with(|| watch(zone, date).map(Rc::new)).clone()
    })
}

/// Watches the wall clock from well before the date until it shows a later one.
fn watch(zone: &TimeZone, date: NaiveDate) -> Option<WallDay> {
    let midnight = date.and_hms_opt(0, 0, 0)?.and_utc();
    let mut at = Time(Time::from(midnight).0.checked_sub(16 * 60 * MINUTE_MS)?);
    while shown(zone, at)?.0 < date {
        at = at.plus(MINUTE_MS);
    }
    let begins = at;
    let mut minutes = Vec::new();
    loop {
        let (on, time) = shown(zone, at)?;
        if on > date {
            break;
        }
        let minute = u16::try_from(time.num_seconds_from_midnight() / 60).ok()?;
        minutes.push((on == date).then_some(minute));
        at = at.plus(MINUTE_MS);
    }
    (!minutes.is_empty()).then_some(WallDay { begins, minutes })
}

/// The day of a calendar on a date; `None` if there is no such date in its zone.
pub(super) fn day_of(calendar: &Calendar, zone: &str, date: NaiveDate) -> Option<Day> {
    let wall = wall_day(zone, date)?;
    let unit = calendar.unit.seconds() / 60;
    let unit_min = usize::try_from(unit).ok()?;
    let slots = u16::try_from(wall.minutes.len() / unit_min).ok().filter(|slots| *slots > 0)?;
    let (hours, capacity) = hours_on(calendar, date);
    let open = |minute: &Option<u16>| {
        minute.is_some_and(|minute| hours.iter().any(|(from, to)| (*from..*to).contains(&minute)))
    };
    let mut limits = BTreeMap::new();
    for (index, minutes) in (0..slots).zip(wall.minutes.chunks(unit_min)) {
        if minutes.iter().all(open) {
            limits.insert(index, limits_of(calendar, capacity));
        }
    }
    let give_back_min = Channel::ALL.map(|channel| {
        let limits = calendar.channels.get(channel.name());
        limits.map_or(0, |limits| u16::try_from(limits.give_back.seconds() / 60).unwrap_or(0))
    });
    let released = released(calendar, zone, date)?;
    let unit_min = u16::try_from(unit).ok()?;
    let begins = wall.begins;
    Some(Day { begins, released, unit_min, slots, limits, give_back_min, closed: false })
}

/// Opening hours of a date in minutes from midnight, and its capacity.
fn hours_on(calendar: &Calendar, date: NaiveDate) -> (Vec<(u16, u16)>, u16) {
    let week = &calendar.hours;
    let days = [&week.mon, &week.tue, &week.wed, &week.thu, &week.fri, &week.sat, &week.sun];
    let weekday = usize::try_from(date.weekday().num_days_from_monday()).unwrap_or(0);
    let mut hours: Vec<String> = days.get(weekday).copied().cloned().unwrap_or_default();
    let mut capacity = calendar.capacity;
    for exception in &calendar.exceptions {
        if (exception.date..=exception.to.unwrap_or(exception.date)).contains(&date) {
            capacity = exception.capacity.unwrap_or(capacity);
            if exception.closed {
                hours.clear();
            } else if let Some(other) = &exception.hours {
                hours.clone_from(other);
            }
        }
    }
    let minute = |text: &str| {
        let (hour, minute) = text.trim().split_once(':')?;
        Some(hour.parse::<u16>().ok()? * 60 + minute.parse::<u16>().ok()?)
    };
    let pair = |text: &String| {
        let (from, to) = text.split_once('-')?;
        Some((minute(from)?, minute(to)?))
    };
    (hours.iter().filter_map(pair).collect(), capacity)
}

/// What each channel may use of a slot with that capacity.
pub(super) fn limits_of(calendar: &Calendar, capacity: u16) -> Limits {
    let of = |channel: Channel| calendar.channels.get(channel.name());
    let max = Channel::ALL.map(|channel| match of(channel).and_then(|of| of.max.as_ref()) {
        None => capacity,
        Some(Share::Places(places)) => capacity.min(*places),
        // A share above zero never shuts a channel out of a small office.
        Some(share) if percent(share) > 0 => part(share, capacity).max(1).min(capacity),
        Some(_) => 0,
    });
    let protected = Channel::ALL.map(|channel| {
        let share = of(channel).and_then(|of| of.protected.as_ref());
        share.map_or(0, |share| part(share, capacity).min(capacity))
    });
    Limits { capacity, max, protected }
}

fn percent(share: &Share) -> u32 {
    match share {
        Share::Percent(text) => text.trim_end_matches('%').trim().parse().unwrap_or(0),
        Share::Places(_) => 0,
    }
}

fn part(share: &Share, capacity: u16) -> u16 {
    match share {
        Share::Places(places) => *places,
        Share::Percent(_) => u16::try_from(u32::from(capacity) * percent(share) / 100).unwrap_or(0),
    }
}

/// The day at the horizon is released when the wall clock first shows the release time; where the
/// clock jumps over that, as soon as it shows more.
fn released(calendar: &Calendar, zone: &str, date: NaiveDate) -> Option<Time> {
    let on = date.checked_sub_days(Days::new(calendar.horizon.seconds() / 86_400))?;
    let wall = wall_day(zone, on)?;
    let time = calendar.release_time;
    let release = u16::try_from(time.num_seconds_from_midnight() / 60).ok()?;
    let shows = |minute: &Option<u16>| minute.is_some_and(|minute| minute >= release);
    let minute = wall.minutes.iter().position(shows).unwrap_or(wall.minutes.len());
    let rolled = wall.begins.plus(u64::try_from(minute).ok()? * MINUTE_MS);
    Some(rolled.max(calendar.opens_at.map(Time::from).unwrap_or_default()))
}
