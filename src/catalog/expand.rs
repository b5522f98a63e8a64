//! When is it open? Civil hours become slots at instants: the only place that asks zone rules.
//!
//! Never replayed: its results are journalled.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveTime, Timelike};
use jiff::civil;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

use crate::catalog::check::{Hours, parse_hours, places, places_max};
use crate::catalog::document::{Calendar, Exception};
use crate::id::Channel;
use crate::record::PlanRange;
use crate::time::Time;

const DAY_MIN: u64 = 24 * 60;

/// A day as the rules make it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DayShape {
    pub(crate) begins: Time,
    pub(crate) released: Time,
    pub(crate) unit_min: u16,
    pub(crate) slots: u16,
    /// The open slots, ascending, those with equal limits together.
    pub(crate) ranges: Vec<PlanRange>,
    pub(crate) give_back_min: [u16; Channel::COUNT],
}

/// A zone of the bundled database: the system's may be older.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

fn civil(date: NaiveDate) -> Option<civil::Date> {
    let year = i16::try_from(date.year()).ok()?;
    let (month, day) = (i8::try_from(date.month()).ok()?, i8::try_from(date.day()).ok()?);
    civil::Date::new(year, month, day).ok()
}

/// When the clock shows `at`, the first time in a repeat; in a gap, the instant the gap ends.
fn instant(zone: &TimeZone, at: civil::DateTime) -> Option<Time> {
    let shown = zone.to_ambiguous_timestamp(at);
    let first = if let AmbiguousOffset::Gap { .. } = shown.offset() {
        // "Compatible" would be as late as `at` lies within the gap.
        zone.following(shown.earlier().ok()?).next()?.timestamp()
    } else {
        shown.compatible().ok()?
    };
    u64::try_from(first.as_millisecond()).ok().map(Time)
}

/// The first instant of a civil day.
fn begins(zone: &TimeZone, date: civil::Date) -> Option<Time> {
    instant(zone, date.at(0, 0, 0, 0))
}

/// Civil date and time at the office.
pub(super) fn local(zone: &TimeZone, at: Time) -> Option<(NaiveDate, NaiveTime)> {
    let stamp = jiff::Timestamp::from_millisecond(i64::try_from(at.0).ok()?).ok()?;
    let there = zone.to_datetime(stamp);
    let number = |n: i8| u32::try_from(n).ok();
    let date = NaiveDate::from_ymd_opt(
        i32::from(there.year()),
        number(there.month())?,
        number(there.day())?,
    )?;
    let time = NaiveTime::from_hms_opt(
        number(there.hour())?,
        number(there.minute())?,
        number(there.second())?,
    )?;
    Some((date, time))
}

/// Date, time and offset at the office.
pub(super) fn wall_clock(zone: &TimeZone, at: Time) -> Option<DateTime<FixedOffset>> {
    let stamp = jiff::Timestamp::from_millisecond(i64::try_from(at.0).ok()?).ok()?;
    let offset = FixedOffset::east_opt(zone.to_offset(stamp).seconds())?;
    Some(at.utc().with_timezone(&offset))
}

/// What a calendar offers on a date.
pub(super) fn expand(calendar: &Calendar, zone: &TimeZone, date: NaiveDate) -> Option<DayShape> {
    let day = civil(date)?;
    let begins_at = begins(zone, day)?;
    let length = begins(zone, day.tomorrow().ok()?)?.0.checked_sub(begins_at.0)? / 60_000;
    let unit = calendar.unit.seconds() / 60;
    // A zone that crosses the date line skips a date whole: then there is no such day.
    let slots = u16::try_from(length.checked_div(unit)?).ok().filter(|slots| *slots > 0)?;
    let usual = length == DAY_MIN && local(zone, begins_at)? == (date, NaiveTime::MIN);
    let exception = calendar.exceptions.iter().find(|exception| covers(exception, date));
    let hours = hours_of(calendar, exception, date, unit);
    let capacity = exception.and_then(|e| e.capacity).unwrap_or(calendar.capacity);
    let limits = limits(calendar, capacity);
    let mut ranges: Vec<PlanRange> = Vec::new();
    for index in 0..slots {
        let since = u64::from(index) * unit;
        let open = if usual {
            hours.iter().any(|hours| within(*hours, since, since + unit))
        } else {
            is_open(zone, date, begins_at.plus(since * 60_000), unit, &hours)
        };
        if !open {
            continue;
        }
        match ranges.last_mut() {
            Some(range) if range.end == index => range.end = index + 1,
            _ => ranges.push(PlanRange { start: index, end: index + 1, ..limits }),
        }
    }
    Some(DayShape {
        begins: begins_at,
        released: released(calendar, zone, date)?,
        unit_min: u16::try_from(unit).ok()?,
        slots,
        ranges,
        give_back_min: per_channel(calendar, |limits| {
            u16::try_from(limits.give_back.seconds() / 60).unwrap_or(u16::MAX)
        }),
    })
}

fn covers(exception: &Exception, date: NaiveDate) -> bool {
    (exception.date..=exception.to.unwrap_or(exception.date)).contains(&date)
}

fn hours_of(
    calendar: &Calendar,
    exception: Option<&Exception>,
    date: NaiveDate,
    unit: u64,
) -> Hours {
    let week = calendar.hours.days();
    let at = date.weekday().num_days_from_monday() as usize;
    let usual = week.get(at).map_or(&[][..], |(_, hours)| hours);
    let texts = match exception {
        Some(exception) if exception.closed => &[][..],
        Some(exception) => exception.hours.as_deref().unwrap_or(usual),
        None => usual,
    };
    // The document was checked, hours and all.
    parse_hours("", texts, unit).unwrap_or_default()
}

fn within(hours: (u16, u16), first: u64, end: u64) -> bool {
    first >= u64::from(hours.0) && end <= u64::from(hours.1)
}

/// Whether the clock at the office shows opening hours of `date` through all of a slot. Asked
/// minute by minute, as a change may come within the slot: so a gap makes no slots, a repeat
/// makes distinct ones, and none lasts beyond closing time.
fn is_open(zone: &TimeZone, date: NaiveDate, start: Time, unit: u64, hours: &Hours) -> bool {
    (0..unit).all(|minute| {
        local(zone, start.plus(minute * 60_000)).is_some_and(|(on, time)| {
            let shown = u64::from(time.num_seconds_from_midnight() / 60);
            on == date && hours.iter().any(|hours| within(*hours, shown, shown + 1))
        })
    })
}

/// What each channel may use of a slot with that capacity; no slots yet.
pub(super) fn limits(calendar: &Calendar, capacity: u16) -> PlanRange {
    let max = per_channel_or(calendar, capacity, |limits| {
        let places = limits.max.as_ref().and_then(|share| places_max(share, capacity));
        places.unwrap_or(capacity).min(capacity)
    });
    let protected = per_channel(calendar, |limits| {
        let places = limits.protected.as_ref().and_then(|share| places(share, capacity));
        places.unwrap_or(0).min(capacity)
    });
    PlanRange { start: 0, end: 0, capacity, max, protected }
}

fn per_channel(
    calendar: &Calendar,
    value: impl Fn(&crate::catalog::ChannelLimits) -> u16,
) -> [u16; Channel::COUNT] {
    per_channel_or(calendar, 0, value)
}

fn per_channel_or(
    calendar: &Calendar,
    default: u16,
    value: impl Fn(&crate::catalog::ChannelLimits) -> u16,
) -> [u16; Channel::COUNT] {
    Channel::ALL.map(|channel| calendar.channels.get(channel.name()).map_or(default, &value))
}

/// The day at the horizon is released at the release time; nothing before the calendar opens.
fn released(calendar: &Calendar, zone: &TimeZone, date: NaiveDate) -> Option<Time> {
    let days = chrono::Days::new(calendar.horizon.seconds() / 86_400);
    let time = calendar.release_time;
    let (hour, minute) = (i8::try_from(time.hour()).ok()?, i8::try_from(time.minute()).ok()?);
    let on = civil(date.checked_sub_days(days)?)?;
    let rolled = instant(zone, on.at(hour, minute, 0, 0))?;
    Some(rolled.max(calendar.opens_at.map(Time::from).unwrap_or_default()))
}
