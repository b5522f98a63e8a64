//! What for, and for how many people?
//!
//! Never looks at places.

use askama::Template;
use axum::response::Response;

use crate::limits::SERVICES_PER_VISIT_MAX;
use crate::{Catalog, ServiceId};

use super::super::frame::{Frame, fill, page};
use super::Words;
use super::fields::Fields;
use super::show::{matches, plain, service_name};
use super::visit::{Draft, Step, Visit, go};

#[derive(Template)]
#[template(path = "citizen/service.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    step: String,
    wrong: Option<String>,
    q: String,
    services: Vec<Row>,
    persons: u16,
}

#[derive(Debug)]
struct Row {
    key: String,
    name: String,
    /// What a search looks at.
    text: String,
    checked: bool,
}

pub(super) async fn ask(visit: Visit) -> Response {
    let Visit { app, frame, w, query, draft, .. } = visit;
    let q = query.one("q").to_owned();
    let catalog = app.engine.catalog();
    let rows = catalog.iter().flat_map(|catalog| &catalog.services).filter_map(|service| {
        let name = service_name(service, frame.language);
        let text = plain(&name);
        let id = app.engine.service(&service.key);
        let checked = id.is_some_and(|id| draft.services.contains(&id));
        let listed = checked || matches(&text, &q);
        listed.then(|| Row { key: service.key.clone(), name, text, checked })
    });
    let wrong = match query.one("wrong") {
        "" => None,
        "many" => Some(w.service_many.clone()),
        "unknown" => Some(w.service_unknown.clone()),
        "persons" => {
            let most = catalog.as_deref().map_or(1, |c| persons_max(c, |_| true));
            Some(fill(&w.persons_wrong, "n", query.one("most").parse().unwrap_or(most)))
        }
        _ => Some(w.service_missing.clone()),
    };
    let (services, persons) = (rows.collect(), draft.persons.max(1));
    page(&Page { step: Step::Service.words(w), wrong, q, services, persons, frame, w })
}

pub(super) async fn answer(mut visit: Visit, fields: Fields) -> Response {
    let Some(catalog) = visit.app.engine.catalog() else {
        return go("/book/service?wrong=unknown");
    };
    let keys: Vec<&str> = fields.all("service").collect();
    let ids: Vec<ServiceId> = keys.iter().filter_map(|key| visit.app.engine.service(key)).collect();
    let known = |key: &&str| catalog.services.iter().any(|service| service.key == **key);
    if ids.len() != keys.len() || !keys.iter().all(known) {
        return go("/book/service?wrong=unknown");
    }
    if ids.is_empty() {
        return go("/book/service?wrong=missing");
    }
    if ids.len() > SERVICES_PER_VISIT_MAX {
        return go("/book/service?wrong=many");
    }
    let persons = fields.one("persons").parse().unwrap_or(1).clamp(1, 4);
    let most = persons_max(&catalog, |key| keys.contains(&key));
    if persons > most {
        return go(&format!("/book/service?wrong=persons&most={most}"));
    }
    if visit.draft.booked.is_some() || visit.draft.moving.is_some() {
        // What was done is done; this is another appointment.
        visit.release().await;
        visit.draft = Draft::default();
    }
    if visit.draft.services != ids || visit.draft.persons != persons {
        visit.release().await;
    }
    visit.draft.services = ids;
    visit.draft.persons = persons;
    let next = visit.next().path();
    visit.go(next)
}

/// The most persons that all of some services allow.
fn persons_max(catalog: &Catalog, chosen: impl Fn(&str) -> bool) -> u16 {
    let chosen = catalog.services.iter().filter(|service| chosen(&service.key));
    chosen.map(|service| service.persons_max).min().unwrap_or(1)
}
