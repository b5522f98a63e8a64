//! Where? One office, several, or any.
//!
//! Never keeps a place: the next free date is what was free when the page was made.

use askama::Template;
use axum::response::Response;

use crate::{OfficeId, Opening, Openings};

use super::super::frame::{Frame, page};
use super::Words;
use super::fields::Fields;
use super::show::{
    Group, by_country, matches, office_name, plain, shared_beginning, short_name, spot,
};
use super::visit::{Step, Visit, go};
use super::when::openings;

#[derive(Template)]
#[template(path = "citizen/office.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    step: String,
    wrong: Option<String>,
    q: String,
    /// The first place anywhere, in words.
    earliest: Option<String>,
    groups: Vec<Group<Row>>,
    /// Whether there is more than one country.
    many: bool,
}

#[derive(Debug)]
struct Row {
    key: String,
    name: String,
    /// What a search looks at.
    text: String,
    next: Option<String>,
    checked: bool,
}

pub(super) async fn ask(visit: Visit) -> Response {
    if let Some(to) = visit.missing(Step::Office) {
        return go(to);
    }
    let (w, language) = (visit.w, visit.frame.language);
    let q = visit.query.one("q").to_owned();
    let engine = &visit.app.engine;
    let Some(query) = openings(&visit.draft) else {
        return go(Step::Service.path());
    };
    let first = |query: &Openings| engine.openings(&query.clone().limit(1)).first().copied();
    let words = |opening: Opening| {
        let spot = spot(&visit.app, opening.slot, opening.starts_at, language);
        (spot.moment, spot.place)
    };
    let earliest = first(&query).map(words).map(|(when, office)| format!("{when}, {office}"));
    let chosen = visit.draft.offices.clone().unwrap_or_default();
    let mut rows = Vec::new();
    if let Some(catalog) = engine.catalog() {
        let shared = shared_beginning(&catalog);
        for office in &catalog.offices {
            let Some(id) = engine.office(&office.key) else { continue };
            let country = office.country.clone().unwrap_or_default();
            let text = plain(&format!("{} {country}", office_name(office)));
            let checked = chosen.contains(&id);
            if !checked && !matches(&text, &q) {
                continue;
            }
            let next = first(&query.clone().offices(&[id])).map(words).map(|(when, _)| when);
            let (key, name) = (office.key.clone(), short_name(office, shared));
            // The script looks at what is listed.
            let text = plain(&format!("{name} {country}"));
            rows.push((office.country.clone(), Row { key, name, text, next, checked }));
        }
    }
    let groups = by_country(w, rows);
    let wrong = visit.query.has("wrong").then(|| w.office_missing.clone());
    let (step, many) = (Step::Office.words(w), groups.len() > 1);
    page(&Page { step, wrong, q, earliest, groups, many, w, frame: visit.frame })
}

pub(super) async fn answer(mut visit: Visit, fields: Fields) -> Response {
    if let Some(to) = visit.missing(Step::Office) {
        return go(to);
    }
    let offices: Vec<OfficeId> =
        fields.all("office").filter_map(|key| visit.app.engine.office(key)).collect();
    if fields.has("any") {
        visit.draft.offices = Some(Vec::new());
    } else if offices.is_empty() {
        return go("/book/office?wrong=missing");
    } else {
        visit.draft.offices = Some(offices);
    }
    // Whoever has a place on hold came here for another one.
    let next = visit.next().min(Step::When).path();
    visit.go(next)
}
