//! What should one know before making an appointment?
//!
//! Never asks for anything.

use askama::Template;
use axum::response::Response;
use chrono::{NaiveTime, Weekday};

use crate::web::civil::{time_in_words, weekday};
use crate::{Calendar, Catalog, Week};

use super::super::frame::{Frame, page};
use super::Words;
use super::show::{
    self, Group, by_country, office_name, requirements, service_name, shared_beginning, short_name,
};
use super::visit::Visit;
use crate::desk::Language;

#[derive(Template)]
#[template(path = "citizen/start.html")]
struct Start {
    frame: Frame,
    w: &'static Words,
    services: Vec<Service>,
    /// The hours, if all offices have the same.
    hours: Option<Vec<String>>,
}

#[derive(Debug)]
struct Service {
    name: String,
    requirements: Vec<String>,
}

#[derive(Template)]
#[template(path = "citizen/offices.html")]
struct Offices {
    frame: Frame,
    w: &'static Words,
    groups: Vec<Group<Office>>,
}

#[derive(Debug)]
struct Office {
    name: String,
    hours: Vec<String>,
    address: Option<String>,
    zone: String,
}

pub(super) async fn show(visit: Visit) -> Response {
    let language = visit.frame.language;
    let catalog = visit.app.engine.catalog();
    let services = catalog.iter().flat_map(|catalog| &catalog.services).map(|service| Service {
        name: service_name(service, language),
        requirements: requirements(service, language).to_vec(),
    });
    let weeks = catalog.iter().flat_map(|catalog| &catalog.calendars).map(|c| &c.hours);
    let mut weeks: Vec<&Week> = weeks.collect();
    weeks.dedup();
    let hours = match weeks.as_slice() {
        [one] => Some(lines(visit.w, one, language)),
        _ => None,
    };
    page(&Start { w: visit.w, services: services.collect(), hours, frame: visit.frame })
}

pub(super) async fn offices(visit: Visit) -> Response {
    let language = visit.frame.language;
    let catalog = visit.app.engine.catalog();
    let offices = catalog.as_deref().map(|catalog| {
        let shared = shared_beginning(catalog);
        let office = |office: &crate::Office| {
            let mut hours = Vec::new();
            for calendar in calendars(catalog, &office.key) {
                for line in lines(visit.w, &calendar.hours, language) {
                    if !hours.contains(&line) {
                        hours.push(line);
                    }
                }
            }
            let name = match short_name(office, shared) {
                name if name.is_empty() => office_name(office),
                name => name,
            };
            let (address, zone) = (office.address.clone(), office.zone.clone());
            (office.country.clone(), Office { name, hours, address, zone })
        };
        catalog.offices.iter().map(office).collect()
    });
    let groups = by_country(visit.w, offices.unwrap_or_default());
    page(&Offices { w: visit.w, groups, frame: visit.frame })
}

fn calendars<'a>(catalog: &'a Catalog, office: &'a str) -> impl Iterator<Item = &'a Calendar> {
    catalog.calendars.iter().filter(move |calendar| calendar.office == office)
}

/// `lunes - viernes: 8:00 - 15:00`; days with the same hours are told together.
fn lines(w: &Words, week: &Week, language: Language) -> Vec<String> {
    let Week { mon, tue, wed, thu, fri, sat, sun } = week;
    let mut runs: Vec<(Weekday, Weekday, &[String])> = Vec::new();
    let mut day = Weekday::Mon;
    for hours in [mon, tue, wed, thu, fri, sat, sun] {
        match runs.last_mut() {
            Some((_, last, same)) if *same == hours.as_slice() => *last = day,
            _ => runs.push((day, day, hours)),
        }
        day = day.succ();
    }
    let open = runs.into_iter().filter(|(_, _, hours)| !hours.is_empty());
    let line = |(first, last, hours): (Weekday, Weekday, &[String])| {
        let days = if first == last {
            weekday(first, language).to_owned()
        } else {
            format!("{} \u{2013} {}", weekday(first, language), weekday(last, language))
        };
        let hours: Vec<_> = hours.iter().map(|hours| span(hours, language)).collect();
        format!("{}: {}", show::capital(&days), hours.join(", "))
    };
    let lines: Vec<_> = open.map(line).collect();
    if lines.is_empty() { vec![w.hours_closed.clone()] } else { lines }
}

/// `08:00-15:00` as people read it.
fn span(hours: &str, language: Language) -> String {
    let time = |text: &str| match NaiveTime::parse_from_str(text, "%H:%M") {
        Ok(time) => time_in_words(&time, language),
        Err(_) => text.to_owned(),
    };
    match hours.split_once('-') {
        Some((from, to)) => format!("{} \u{2013} {}", time(from), time(to)),
        None => hours.to_owned(),
    }
}
