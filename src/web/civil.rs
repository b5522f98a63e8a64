//! What do the clock and the calendar on the office's wall show? Times as people and programs read
//! them.
//!
//! Never decides which instant is meant: the engine does.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, SecondsFormat, Timelike, Utc, Weekday};
use serde::Serialize;
use utoipa::ToSchema;

use crate::desk::Language;
use crate::{CalendarId, Engine, SlotId};

/// An instant as the API tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Moment {
    /// RFC 3339 with the office's offset.
    pub(crate) at: String,
    /// The office's IANA time zone.
    pub(crate) time_zone: String,
    /// Date and time on the office's wall: `2027-01-12T09:20`.
    pub(crate) local: String,
}

/// Date and time at the office of a calendar.
pub(crate) fn wall(
    engine: &Engine,
    calendar: CalendarId,
    at: DateTime<Utc>,
) -> DateTime<FixedOffset> {
    engine.wall_clock(calendar, at).unwrap_or_else(|| at.fixed_offset())
}

impl Moment {
    /// An instant at the office of a calendar.
    pub(crate) fn new(engine: &Engine, calendar: CalendarId, at: DateTime<Utc>) -> Self {
        let at = wall(engine, calendar, at).to_rfc3339_opts(SecondsFormat::Secs, false);
        let local = at.get(.."2027-01-12T09:20".len()).unwrap_or(&at).to_owned();
        let time_zone = zone_of(engine, calendar).unwrap_or_else(|| "UTC".to_owned());
        Self { at, time_zone, local }
    }
}

/// The IANA zone of the calendar's office.
pub(crate) fn zone_of(engine: &Engine, calendar: CalendarId) -> Option<String> {
    engine.zone_of(calendar)
}

/// When a slot starts, by the days in memory.
pub(crate) fn start_of(engine: &Engine, slot: SlotId) -> Option<DateTime<Utc>> {
    let day = engine.day(slot.day)?;
    day.slots.iter().find(|view| view.slot == slot).map(|view| view.starts_at)
}

/// `martes 12 de enero de 2027`, `Tuesday 12 January 2027`.
pub(crate) fn date_in_words(date: NaiveDate, language: Language) -> String {
    let (day, year) = (date.day(), date.year());
    let (weekday, month) = (weekday(date.weekday(), language), month(date, language));
    match language {
        Language::Es => format!("{weekday} {day} de {month} de {year}"),
        Language::En => format!("{weekday} {day} {month} {year}"),
    }
}

/// `9:20`, `9:20 am`.
pub(crate) fn time_in_words(time: &impl Timelike, language: Language) -> String {
    let (hour, minute) = (time.hour(), time.minute());
    match language {
        Language::Es => format!("{hour}:{minute:02}"),
        Language::En => {
            let half = if hour < 12 { "am" } else { "pm" };
            let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
            format!("{twelve}:{minute:02} {half}")
        }
    }
}

/// The day of the week.
pub(crate) fn weekday(day: Weekday, language: Language) -> &'static str {
    let names = match language {
        Language::Es => {
            ["lunes", "martes", "mi\u{e9}rcoles", "jueves", "viernes", "s\u{e1}bado", "domingo"]
        }
        Language::En => {
            ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
        }
    };
    names.get(day.num_days_from_monday() as usize).copied().unwrap_or_default()
}

/// The month of a date.
pub(crate) fn month(date: NaiveDate, language: Language) -> &'static str {
    const ES: [&str; 12] = [
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ];
    const EN: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let names = match language {
        Language::Es => ES,
        Language::En => EN,
    };
    names.get(date.month0() as usize).copied().unwrap_or_default()
}
