//! How does an appointment get into a calendar program? iCalendar (RFC 5545).
//!
//! The same appointment has the same `UID` for ever, so that a later file changes the entry that an
//! earlier one made. Never names a person and never holds a code: calendars are shared.

use std::fmt::Write;

use chrono::{DateTime, TimeDelta, Utc};

use crate::desk::Language;
use crate::{Calendar, Claim, ClaimState, Office, Service};

use super::App;
use super::words::words;

words! {
    /// What a calendar entry says.
    Words, "calendar", { summary, bring, persons, change, free, cancelled, closed }
}

/// Octets of a line, without its end.
const LINE: usize = 75;

/// What an entry says.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) uid: String,
    /// Rises with every change.
    pub(crate) sequence: u32,
    pub(crate) stamp: DateTime<Utc>,
    /// From when to when.
    pub(crate) time: Option<(DateTime<Utc>, DateTime<Utc>)>,
    pub(crate) status: Status,
    pub(crate) language: Language,
    pub(crate) summary: String,
    pub(crate) location: String,
    pub(crate) description: String,
}

/// How an appointment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Confirmed,
    Tentative,
    Cancelled,
}

/// The entry of a claim, in a language.
pub(crate) fn of_claim(app: &App, claim: &Claim, language: Language) -> String {
    write(&entry(app, claim, language))
}

fn entry(app: &App, claim: &Claim, language: Language) -> Entry {
    let status = match claim.state {
        ClaimState::Booked | ClaimState::CheckedIn | ClaimState::Served | ClaimState::NoShow => {
            Status::Confirmed
        }
        ClaimState::Held | ClaimState::Displaced => Status::Tentative,
        ClaimState::Cancelled
        | ClaimState::Released
        | ClaimState::Expired
        | ClaimState::Revoked => Status::Cancelled,
    };
    let catalog = app.engine.catalog().unwrap_or_default();
    let calendar = app.engine.calendar_key(claim.slot.day.calendar());
    let calendar = catalog.calendars.iter().find(|c| Some(&c.key) == calendar.as_ref());
    let office = calendar.and_then(|c| catalog.offices.iter().find(|o| o.key == c.office));
    let keys = claim.services.as_slice().iter().filter_map(|id| app.engine.service_key(*id));
    let services: Vec<&Service> =
        keys.filter_map(|key| catalog.services.iter().find(|s| s.key == key)).collect();
    let base = app.settings.base();
    let host = base.rsplit("//").next().unwrap_or_default();
    let host = host.split(['/', ':']).next().unwrap_or_default();
    let words = Words::of(language);
    let names: Vec<&str> = services.iter().map(|service| name(service, language)).collect();
    Entry {
        uid: format!("{}@{host}", claim.id),
        // Cancelling does not change the version, and is the last change there is.
        sequence: u32::from(claim.version) + u32::from(status == Status::Cancelled),
        stamp: app.engine.now(),
        time: claim.starts_at.map(|start| (start, start + length(claim, calendar))),
        status,
        language,
        summary: words.summary.replace("{}", &names.join(", ")),
        location: office.map(place).unwrap_or_default(),
        description: description(app, claim, status, &services, language),
    }
}

/// How long a claim takes.
pub(crate) fn length(claim: &Claim, calendar: Option<&Calendar>) -> TimeDelta {
    let unit = calendar.map_or(0, |calendar| calendar.unit.seconds());
    TimeDelta::seconds(i64::try_from(unit).unwrap_or(0) * i64::from(claim.run))
}

/// The name of a service in a language; its key if it has none.
pub(crate) fn name(service: &Service, language: Language) -> &str {
    let name = match language {
        Language::Es => &service.name.es,
        Language::En => &service.name.en,
    };
    if name.is_empty() { &service.key } else { name }
}

fn place(office: &Office) -> String {
    let name = office.name.as_ref().unwrap_or(&office.key);
    office.address.as_ref().map_or_else(|| name.clone(), |address| format!("{name}, {address}"))
}

fn description(
    app: &App,
    claim: &Claim,
    status: Status,
    services: &[&Service],
    language: Language,
) -> String {
    let words = Words::of(language);
    let mut lines = Vec::new();
    match (status, claim.state) {
        (Status::Cancelled, _) => return words.cancelled.clone(),
        (_, ClaimState::Displaced) => lines.push(words.closed.clone()),
        _ => {}
    }
    if claim.persons > 1 {
        lines.push(words.persons.replace("{}", &claim.persons.to_string()));
    }
    let mut bring: Vec<&str> = Vec::new();
    for service in services {
        let list = match language {
            Language::Es => &service.requirements.es,
            Language::En => &service.requirements.en,
        };
        for item in list.iter().filter(|item| !item.is_empty()) {
            if !bring.contains(&item.as_str()) {
                bring.push(item);
            }
        }
    }
    if !bring.is_empty() {
        lines.push(words.bring.replace("{}", &bring.join(", ")));
    }
    if let Some(telephone) = &app.settings.telephone {
        lines.push(words.change.replace("{}", telephone));
    }
    lines.push(words.free.clone());
    lines.join("\n")
}

/// A calendar with one entry.
pub(crate) fn write(entry: &Entry) -> String {
    let (method, status) = match entry.status {
        Status::Confirmed => ("PUBLISH", "CONFIRMED"),
        Status::Tentative => ("PUBLISH", "TENTATIVE"),
        Status::Cancelled => ("CANCEL", "CANCELLED"),
    };
    let mut text = String::new();
    let mut line = |name: &str, value: &str| fold(&mut text, &format!("{name}:{value}"));
    line("BEGIN", "VCALENDAR");
    line("VERSION", "2.0");
    line("PRODID", "-//cupo//cupo//EN");
    line("CALSCALE", "GREGORIAN");
    line("METHOD", method);
    line("BEGIN", "VEVENT");
    line("UID", &escape(&entry.uid));
    line("SEQUENCE", &entry.sequence.to_string());
    line("DTSTAMP", &instant(entry.stamp));
    if let Some((start, end)) = entry.time {
        line("DTSTART", &instant(start));
        line("DTEND", &instant(end));
    }
    let language = entry.language.tag();
    line(&format!("SUMMARY;LANGUAGE={language}"), &escape(&entry.summary));
    line(&format!("LOCATION;LANGUAGE={language}"), &escape(&entry.location));
    line(&format!("DESCRIPTION;LANGUAGE={language}"), &escape(&entry.description));
    line("STATUS", status);
    line("TRANSP", "OPAQUE");
    line("END", "VEVENT");
    line("END", "VCALENDAR");
    text
}

fn instant(at: DateTime<Utc>) -> String {
    at.format("%Y%m%dT%H%M%SZ").to_string()
}

/// A text value: what has a meaning in the format is escaped, what cannot be written is left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\\' | ';' | ',' => escaped.extend(['\\', c]),
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// Adds a line, in pieces of at most 75 octets that end between characters.
fn fold(text: &mut String, line: &str) {
    let mut octets = 0;
    for c in line.chars() {
        if octets + c.len_utf8() > LINE {
            text.push_str("\r\n ");
            octets = 1;
        }
        text.push(c);
        octets += c.len_utf8();
    }
    // Writing to a string does not fail.
    let _ = text.write_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_folded_between_characters() {
        let long = "\u{e1}\u{20ac}\u{1f600}x".repeat(60);
        let mut text = String::new();
        fold(&mut text, &format!("DESCRIPTION:{long}"));
        assert!(text.ends_with("\r\n"));
        let lines: Vec<&str> = text.trim_end().split("\r\n").collect();
        assert!(lines.len() > 7);
        assert!(lines.iter().all(|line| line.len() <= LINE));
        assert!(lines.iter().skip(1).all(|line| line.starts_with(' ')));
        assert_eq!(text.replace("\r\n ", ""), format!("DESCRIPTION:{long}\r\n"));
    }

    #[test]
    fn what_means_something_is_escaped() {
        let text = "a;b,c\\d\ne\r\u{7}BEGIN:VEVENT";
        assert_eq!(escape(text), "a\\;b\\,c\\\\d\\neBEGIN:VEVENT");
    }
}
