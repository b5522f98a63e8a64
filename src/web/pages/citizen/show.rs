//! What do offices, services, dates and times look like to a reader?
//!
//! Never decides anything.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::desk::Language;
use crate::web::{App, civil, wire};
use crate::{Catalog, Claim, ClaimState, Office, OfficeId, Service, ServiceId, SlotId};

use super::Words;

/// A place at a time, in words.
#[derive(Clone, Debug)]
pub(in crate::web::pages) struct Spot {
    pub(in crate::web::pages) slot: String,
    pub(in crate::web::pages) office: String,
    pub(in crate::web::pages) address: Option<String>,
    /// With its year.
    pub(in crate::web::pages) date: String,
    /// Without its year, unless that is needed.
    pub(in crate::web::pages) day: String,
    pub(in crate::web::pages) time: String,
    /// Day and time within a sentence.
    pub(in crate::web::pages) moment: String,
    /// The office as lists have it.
    pub(in crate::web::pages) place: String,
    /// `America/Chicago, UTC-6`.
    pub(in crate::web::pages) zone: String,
}

/// A slot that starts at an instant.
pub(in crate::web::pages) fn spot(
    app: &App,
    slot: SlotId,
    at: DateTime<Utc>,
    language: Language,
) -> Spot {
    let engine = &app.engine;
    let calendar = slot.day.calendar();
    let wall = civil::wall(engine, calendar, at);
    let key = engine.office_of(calendar).and_then(|office| engine.office_key(office));
    let catalog = engine.catalog();
    let office = catalog.as_deref().zip(key.as_deref()).and_then(|(c, key)| office(c, key));
    let zone = office.map_or("UTC", |office| office.zone.as_str());
    let minutes = wall.offset().local_minus_utc() / 60;
    let sign = if minutes < 0 { '\u{2212}' } else { '+' };
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    let rest = if rest == 0 { String::new() } else { format!(":{rest:02}") };
    let shared = catalog.as_deref().map_or(0, shared_beginning);
    let words = civil::date_in_words(wall.date_naive(), language);
    let time = civil::time_in_words(&wall, language);
    let far = at - engine.now() > TimeDelta::days(300);
    let day = if far { words.clone() } else { without_year(&words) };
    Spot {
        slot: wire::slot_to_text(engine, slot),
        place: office.map(|office| short_name(office, shared)).unwrap_or_default(),
        office: office.map(office_name).or(key).unwrap_or_default(),
        address: office.and_then(|office| office.address.clone()),
        date: capital(&words),
        day: capital(&day),
        moment: format!("{day}, {time}"),
        time,
        zone: format!("{zone}, UTC{sign}{hours}{rest}"),
    }
}

/// A date in words without its year.
pub(in crate::web::pages) fn without_year(words: &str) -> String {
    let (rest, _) = words.rsplit_once(' ').unwrap_or((words, ""));
    rest.strip_suffix(" de").unwrap_or(rest).to_owned()
}

/// The place of a claim, as long as its day is known.
pub(in crate::web::pages) fn spot_of(app: &App, claim: &Claim, language: Language) -> Option<Spot> {
    Some(spot(app, claim.slot, claim.starts_at?, language))
}

fn office<'a>(catalog: &'a Catalog, key: &str) -> Option<&'a Office> {
    catalog.offices.iter().find(|office| office.key == key)
}

pub(in crate::web::pages) fn office_name(office: &Office) -> String {
    office.name.clone().unwrap_or_else(|| office.key.clone())
}

/// What the names of all offices begin with, such as `Consulate of Mexico in `: not repeated in
/// lists.
pub(in crate::web::pages) fn shared_beginning(catalog: &Catalog) -> usize {
    let names: Vec<String> = catalog.offices.iter().map(office_name).collect();
    let Some((first, rest)) = names.split_first().filter(|(_, rest)| !rest.is_empty()) else {
        return 0;
    };
    let same = |end: &usize| {
        let begin = first.get(..*end);
        begin.is_some_and(|begin| rest.iter().all(|name| name.starts_with(begin)))
    };
    let ends = first.char_indices().filter(|(_, c)| *c == ' ').map(|(at, _)| at + 1);
    ends.filter(same).max().unwrap_or(0)
}

/// An office as lists have it.
pub(in crate::web::pages) fn short_name(office: &Office, shared: usize) -> String {
    let name = office_name(office);
    name.get(shared..).map(str::to_owned).unwrap_or(name)
}

/// The name of an office by its number, as lists have it.
pub(in crate::web::pages) fn short_name_of(app: &App, office_id: OfficeId) -> String {
    let key = app.engine.office_key(office_id).unwrap_or_default();
    let Some(catalog) = app.engine.catalog() else { return key };
    let shared = shared_beginning(&catalog);
    office(&catalog, &key).map(|office| short_name(office, shared)).unwrap_or(key)
}

/// Offices of one country, by name.
#[derive(Debug)]
pub(in crate::web::pages) struct Group<T> {
    pub(in crate::web::pages) country: String,
    pub(in crate::web::pages) offices: Vec<T>,
}

/// Groups by country: the one with most offices first.
pub(in crate::web::pages) fn by_country<T>(
    w: &Words,
    offices: Vec<(Option<String>, T)>,
) -> Vec<Group<T>> {
    let mut groups: BTreeMap<String, Vec<T>> = BTreeMap::new();
    for (country, office) in offices {
        groups.entry(country_name(w, country.as_deref())).or_default().push(office);
    }
    let mut groups: Vec<_> =
        groups.into_iter().map(|(country, offices)| Group { country, offices }).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.offices.len()));
    groups
}

fn country_name(w: &Words, code: Option<&str>) -> String {
    let name = match code {
        Some("US") => &w.country_us,
        Some("CA") => &w.country_ca,
        Some("MX") => &w.country_mx,
        Some("ES") => &w.country_es,
        Some("GB") => &w.country_gb,
        Some(other) => return other.to_owned(),
        None => &w.countries_other,
    };
    name.clone()
}

pub(in crate::web::pages) fn service_name(service: &Service, language: Language) -> String {
    let (own, other) = match language {
        Language::Es => (&service.name.es, &service.name.en),
        Language::En => (&service.name.en, &service.name.es),
    };
    [own, other, &service.key]
        .into_iter()
        .find(|name| !name.is_empty())
        .cloned()
        .unwrap_or_default()
}

pub(in crate::web::pages) fn requirements(service: &Service, language: Language) -> &[String] {
    match language {
        Language::Es => &service.requirements.es,
        Language::En => &service.requirements.en,
    }
}

/// The services of the catalog in force with these numbers.
fn services_of(app: &App, ids: &[ServiceId]) -> Vec<Service> {
    let Some(catalog) = app.engine.catalog() else { return Vec::new() };
    let keys = ids.iter().filter_map(|id| app.engine.service_key(*id));
    let find = |key: String| catalog.services.iter().find(|service| service.key == key).cloned();
    keys.filter_map(find).collect()
}

pub(in crate::web::pages) fn service_names(
    app: &App,
    ids: &[ServiceId],
    language: Language,
) -> Vec<String> {
    services_of(app, ids).iter().map(|service| service_name(service, language)).collect()
}

/// What to bring for all of them, each once.
pub(in crate::web::pages) fn bring(
    app: &App,
    ids: &[ServiceId],
    language: Language,
) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for service in services_of(app, ids) {
        for one in requirements(&service, language) {
            if !all.contains(one) {
                all.push(one.clone());
            }
        }
    }
    all
}

/// The cut-offs in seconds for cancelling and moving, the longest of the services.
pub(in crate::web::pages) fn cutoffs(app: &App, ids: &[ServiceId]) -> (u64, u64) {
    services_of(app, ids).iter().fold((0, 0), |(cancel, change), service| {
        let (one, other) = (service.cancel_cutoff.seconds(), service.reschedule_cutoff.seconds());
        (cancel.max(one), change.max(other))
    })
}

/// A birth date in words.
pub(in crate::web::pages) fn date(date: NaiveDate, language: Language) -> String {
    let words = civil::date_in_words(date, language);
    words.split_once(' ').map(|(_, rest)| rest.to_owned()).unwrap_or(words)
}

/// With a capital at its beginning.
pub(in crate::web::pages) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

pub(in crate::web::pages) fn state(w: &Words, state: ClaimState) -> &str {
    match state {
        ClaimState::Held => &w.state_held,
        ClaimState::Booked => &w.state_booked,
        ClaimState::CheckedIn => &w.state_checked_in,
        ClaimState::Served => &w.state_served,
        ClaimState::NoShow => &w.state_no_show,
        ClaimState::Cancelled => &w.state_cancelled,
        ClaimState::Displaced => &w.state_displaced,
        _ => &w.state_ended,
    }
}

/// For searching: small letters without accents.
pub(in crate::web::pages) fn plain(text: &str) -> String {
    let fold = |c: char| match c {
        '\u{e0}'..='\u{e5}' => 'a',
        '\u{e8}'..='\u{eb}' => 'e',
        '\u{ec}'..='\u{ef}' => 'i',
        '\u{f1}' => 'n',
        '\u{f2}'..='\u{f6}' => 'o',
        '\u{f9}'..='\u{fc}' => 'u',
        other => other,
    };
    text.to_lowercase().chars().map(fold).collect()
}

/// Whether every word of the query is in the text.
pub(in crate::web::pages) fn matches(text: &str, query: &str) -> bool {
    plain(query).split_whitespace().all(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_minds_neither_case_nor_accents() {
        let text = plain("Legalizaci\u{f3}n de documentos");
        assert!(matches(&text, "DOCUMENTOS legalizacion"));
        assert!(!matches(&text, "pasaporte"));
    }

    #[test]
    fn what_all_offices_share_is_told_once() {
        let mut catalog = Catalog::from_toml(include_str!("../../../../examples/miconsulado.toml"));
        let catalog = catalog.as_mut().unwrap();
        let shared = shared_beginning(catalog);
        assert_eq!(short_name(&catalog.offices[0], shared), "Albuquerque");
        catalog.offices.truncate(1);
        assert_eq!(shared_beginning(catalog), 0);
    }
}
