//! Who is it? Name, telephone, birth date, and an e-mail address if there is one.
//!
//! Never in an address, a log or a list; what was typed stays with the draft.

use askama::Template;
use axum::response::Response;
use chrono::NaiveDate;

use crate::desk::{Language, Person, PersonError, PersonKey};

use super::super::frame::{Frame, page};
use super::Words;
use super::fields::{Fields, Wrong};
use super::message::failed;
use super::taking::{runs, take};
use super::visit::{Birth, Step, Typed, Visit, go};

#[derive(Template)]
#[template(path = "citizen/details.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    step: String,
    wrong: Wrong,
    typed: Typed,
}

pub(super) async fn ask(visit: Visit) -> Response {
    if let Some(to) = visit.missing(Step::Details) {
        return go(to);
    }
    let (w, typed) = (visit.w, visit.draft.typed.clone());
    let today = visit.app.engine.now().date_naive();
    let wrong = if visit.query.has("wrong") {
        read(&typed, visit.frame.language, today).err().unwrap_or_default()
    } else {
        Vec::new()
    };
    let (step, wrong) = (Step::Details.words(w), told(w, &wrong));
    page(&Page { step, wrong, typed, w, frame: visit.frame })
}

pub(super) async fn answer(mut visit: Visit, fields: Fields) -> Response {
    if let Some(to) = visit.missing(Step::Details) {
        return go(to);
    }
    visit.draft.typed = Typed {
        name: short(fields.one("name")),
        telephone: short(fields.one("telephone")),
        email: short(fields.one("email")),
        birth: birth(&fields),
        code: String::new(),
    };
    let today = visit.app.engine.now().date_naive();
    let Ok(person) = read(&visit.draft.typed, visit.frame.language, today) else {
        return visit.go("/book/details?wrong=1");
    };
    let before = visit.draft.person.replace(person.clone());
    let Some(hold) = visit.draft.hold else {
        return visit.go(Step::When.path());
    };
    // A place is on hold already: it stays theirs, in the corrected name.
    let claim = match visit.app.engine.claim(hold).await {
        Ok(claim) if runs(&visit.app, &claim) => claim,
        _ => return visit.go(Step::Check.path()),
    };
    if before.is_some_and(|before| before.identity() == person.identity()) {
        let key = PersonKey { party: claim.party, request: claim.request };
        let now = visit.app.engine.now();
        return match visit.app.reception.people.put(key, &person, now).await {
            Ok(_) => visit.go(Step::Check.path()),
            Err(error) => failed(visit.frame, Step::Details.path(), &error),
        };
    }
    visit.release().await;
    take(visit, claim.slot).await
}

/// The typed parts of a date.
pub(in crate::web::pages) fn birth(fields: &Fields) -> Birth {
    let part = |name| short(fields.one(name));
    Birth { day: part("day"), month: part("month"), year: part("year") }
}

/// The date of three typed parts, if it is one; the year 90 is meant otherwise.
pub(super) fn date_of(birth: &Birth) -> Option<NaiveDate> {
    let (year, month) = (birth.year.parse().ok()?, birth.month.parse().ok()?);
    let date = NaiveDate::from_ymd_opt(year, month, birth.day.parse().ok()?);
    date.filter(|_| year >= 1000)
}

/// As much of it as is shown again.
pub(in crate::web::pages) fn short(text: &str) -> String {
    text.chars().take(300).collect()
}

/// The person, or all that is wrong.
pub(in crate::web::pages) fn read(
    typed: &Typed,
    language: Language,
    today: NaiveDate,
) -> Result<Person, Vec<PersonError>> {
    let Typed { name, telephone, email, .. } = typed;
    let birth = date_of(&typed.birth);
    let new = |name: &str, telephone: &str, email: &str, birth| {
        Person::new(name, telephone, email, birth, language, today)
    };
    // Each field alone, beside sound ones: the desk tells one fault at a time.
    let tries = [
        new(name, "2025550100", "", today).err(),
        new("AB", telephone, "", today).err(),
        birth.map_or(Some(PersonError::Birth), |b| new("AB", "2025550100", "", b).err()),
        new("AB", "2025550100", email, today).err(),
    ];
    let wrong: Vec<_> = tries.into_iter().flatten().collect();
    match birth {
        Some(birth) if wrong.is_empty() => {
            new(name, telephone, email, birth).map_err(|error| vec![error])
        }
        _ => Err(wrong),
    }
}

pub(in crate::web::pages) fn told(w: &Words, errors: &[PersonError]) -> Wrong {
    let mut wrong = Wrong::default();
    for error in errors {
        let (field, text) = match error {
            PersonError::Name => ("name", &w.name_wrong),
            PersonError::Telephone => ("telephone", &w.telephone_wrong),
            PersonError::Birth => ("day", &w.birth_wrong),
            PersonError::Email => ("email", &w.email_wrong),
        };
        wrong.add(field, text);
    }
    wrong
}
