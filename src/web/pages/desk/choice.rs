//! What for, where, for how many, from when on? What an operator has chosen, kept in the address.
//!
//! Never anything personal. What the catalog does not know is left out.

use chrono::NaiveDate;

use crate::desk::Language;
use crate::limits::SERVICES_PER_VISIT_MAX;
use crate::web::App;
use crate::web::pages::citizen::fields::Fields;
use crate::web::pages::citizen::show::{matches, office_name, plain, service_name};
use crate::web::refused::{Wish, office_key};
use crate::web::wire::escape;
use crate::{Arrangement, Channel, Claim, OfficeId, Openings, Services};

/// At most so many offices are looked at.
pub(super) const OFFICES_MAX: usize = 5;
const PERSONS_MAX: u16 = 4;

#[derive(Clone, Debug, Default)]
pub(super) struct Choice {
    pub(super) services: Vec<String>,
    pub(super) offices: Vec<String>,
    pub(super) persons: u16,
    pub(super) in_turn: bool,
    pub(super) from: Option<NaiveDate>,
    /// Whether it was chosen just now: the places are next.
    pub(super) fresh: bool,
    /// The name of an office to add that the catalog does not know.
    pub(super) unknown: Option<String>,
}

/// Something to choose, by key and name.
#[derive(Clone, Debug)]
pub(super) struct Option_ {
    pub(super) key: String,
    pub(super) name: String,
    /// Whether it is the first one chosen.
    pub(super) first: bool,
    /// Whether it is chosen beside the first.
    pub(super) beside: bool,
}

impl Choice {
    pub(super) fn read(app: &App, query: &Fields) -> Self {
        let engine = &app.engine;
        let mut choice = Self {
            persons: query.one("persons").parse().unwrap_or(1).clamp(1, PERSONS_MAX),
            in_turn: query.has("turn"),
            from: query.one("from").parse().ok(),
            fresh: query.has("go"),
            ..Self::default()
        };
        for key in query.all("service").filter(|key| engine.service(key).is_some()) {
            add(&mut choice.services, key, SERVICES_PER_VISIT_MAX);
        }
        for key in query.all("office").filter(|key| engine.office(key).is_some()) {
            add(&mut choice.offices, key, OFFICES_MAX);
        }
        match query.one("add") {
            "" => {}
            text => match office(app, text) {
                Some(key) => add(&mut choice.offices, &key, OFFICES_MAX),
                None => choice.unknown = Some(text.chars().take(60).collect()),
            },
        }
        choice
    }

    /// What a claim is for, where it is.
    pub(super) fn of(app: &App, claim: &Claim) -> Self {
        let key = |id: &crate::ServiceId| app.engine.service_key(*id);
        Self {
            services: claim.services.as_slice().iter().filter_map(key).collect(),
            offices: vec![office_key(&app.engine, claim.slot.day.calendar())],
            persons: claim.persons.into(),
            in_turn: claim.arrangement == Arrangement::InTurn,
            ..Self::default()
        }
    }

    /// As the query of an address.
    pub(super) fn query(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        let mut add = |name: &str, value: &str| parts.push(format!("{name}={}", escape(value)));
        self.services.iter().for_each(|key| add("service", key));
        self.offices.iter().for_each(|key| add("office", key));
        if self.persons > 1 {
            add("persons", &self.persons.to_string());
        }
        if self.in_turn {
            add("turn", "1");
        }
        if let Some(from) = self.from {
            add("from", &from.to_string());
        }
        parts.join("&")
    }

    /// The same without an office.
    pub(super) fn without(&self, office: &str) -> Self {
        let mut rest = self.clone();
        rest.offices.retain(|key| key != office);
        rest
    }

    /// The chosen services; the catalog's first one if none was chosen.
    pub(super) fn keys(&self, app: &App) -> Vec<String> {
        if !self.services.is_empty() {
            return self.services.clone();
        }
        let catalog = app.engine.catalog();
        let first = catalog.as_deref().and_then(|catalog| catalog.services.first());
        first.map(|service| service.key.clone()).into_iter().collect()
    }

    pub(super) fn wish(&self, app: &App, channel: Channel) -> Option<Wish> {
        let keys = self.keys(app);
        let mut ids = keys.iter().filter_map(|key| app.engine.service(key));
        let first = Services::one(ids.next()?);
        let services = ids.fold(first, |all, id| all.with(id).unwrap_or(all));
        Some(Wish { services, persons: self.persons, in_turn: self.in_turn, channel })
    }

    /// The query for places at the chosen offices, from the chosen day on.
    pub(super) fn openings(&self, app: &App, wish: &Wish) -> Openings {
        let offices: Vec<OfficeId> =
            self.offices.iter().filter_map(|key| app.engine.office(key)).collect();
        let query = wish.openings();
        let query = if offices.is_empty() { query } else { query.offices(&offices) };
        match self.from {
            Some(from) => query.from(from),
            None => query,
        }
    }

    /// The services to choose from.
    pub(super) fn services(&self, app: &App, language: Language) -> Vec<Option_> {
        let (catalog, chosen) = (app.engine.catalog(), self.keys(app));
        let services = catalog.iter().flat_map(|catalog| &catalog.services);
        let option = |service: &crate::Service| Option_ {
            name: service_name(service, language),
            first: chosen.first() == Some(&service.key),
            beside: chosen.iter().skip(1).any(|key| *key == service.key),
            key: service.key.clone(),
        };
        services.map(option).collect()
    }
}

fn add(list: &mut Vec<String>, key: &str, most: usize) {
    if list.len() < most && !list.iter().any(|known| known == key) {
        list.push(key.to_owned());
    }
}

/// The office that somebody means: by its key, by its whole name, by a part of it.
pub(super) fn office(app: &App, text: &str) -> Option<String> {
    let catalog = app.engine.catalog()?;
    let meant = plain(text);
    let find = |is: &dyn Fn(&crate::Office) -> bool| {
        catalog.offices.iter().find(|office| is(office)).map(|office| office.key.clone())
    };
    find(&|office| office.key == meant)
        .or_else(|| find(&|office| plain(&office_name(office)) == meant))
        .or_else(|| find(&|office| matches(&plain(&office_name(office)), &meant)))
}
