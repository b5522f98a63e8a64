//! Who are they, where do they live, and what do they need? The questions before a place is held.
//!
//! Never asks the desk about a place.

use chrono::{DateTime, Months, NaiveDate, Utc};

use crate::desk::{Language, Telephone};
use crate::phone::port::Request;
use crate::phone::words::Phrase;

use super::state::Task;
use super::{Dialogue, State, Turn};

/// How many entries of a list are read before "more".
pub(super) const PAGE: usize = 3;
/// How many services one visit may have.
const SERVICES_MAX: usize = crate::limits::SERVICES_PER_VISIT_MAX;
/// The most persons that one call books for.
const PERSONS_MAX: u8 = 4;
/// How many of the nearest offices are offered before the list.
const NEAREST: usize = 3;

/// What was chosen from a list.
enum Chosen {
    /// An entry.
    Entry(String),
    /// The next page.
    Page,
}

impl Dialogue {
    pub(super) fn who(&mut self, keys: &str) -> Option<Turn> {
        let memo = &mut self.memo;
        match (memo.state, keys) {
            (State::Menu, "1") => {
                memo.task = Some(Task::Book);
                (memo.booking, memo.code) = (None, None);
                Some(self.whose())
            }
            (State::Menu, "2" | "3") => {
                let task = if keys == "2" { Task::Change } else { Task::Cancel };
                memo.task = Some(task);
                Some(self.go(State::Way))
            }
            (State::Hint, "1") => {
                memo.telephone.clone_from(&memo.from);
                Some(self.go(State::Birth))
            }
            (State::Hint | State::PhoneRight, "2") => Some(self.go(State::Phone)),
            (State::Phone, keys) if keys.len() == 10 => {
                memo.telephone = Some(Telephone::parse(keys).ok()?);
                Some(self.go(State::PhoneRight))
            }
            (State::PhoneRight, "1") => Some(self.go(State::Birth)),
            _ => None,
        }
    }

    /// The first question about a person; none if they have said who they are.
    pub(super) fn whose(&mut self) -> Turn {
        let memo = &self.memo;
        if memo.task == Some(Task::Book) && memo.telephone.is_some() && memo.birth.is_some() {
            return self.go(State::Zip);
        }
        let known = memo.from.is_some();
        self.go(if known { State::Hint } else { State::Phone })
    }

    pub(super) fn born(&mut self, keys: &str, now: DateTime<Utc>) -> Option<Turn> {
        match (self.memo.state, keys) {
            (State::Birth, keys) => {
                self.memo.birth = Some(birth(keys, self.memo.language, now.date_naive())?);
                Some(self.go(State::BirthRight))
            }
            (State::BirthRight, "1") => Some(self.identified()),
            (State::BirthRight, "2") => Some(self.go(State::Birth)),
            _ => None,
        }
    }

    /// What comes after somebody has said who they are.
    fn identified(&mut self) -> Turn {
        let memo = &self.memo;
        let Some(birth) = memo.birth else { return self.go(State::Birth) };
        match (memo.task, memo.code, memo.telephone.clone()) {
            (Some(Task::Change | Task::Cancel), Some(code), _) => {
                self.ask(Request::Find(code, birth))
            }
            (Some(Task::Change | Task::Cancel), None, Some(telephone)) => {
                self.ask(Request::FindByTelephone(telephone, birth))
            }
            _ => self.go(State::Zip),
        }
    }

    pub(super) fn where_to(&mut self, keys: &str) -> Option<Turn> {
        match (self.memo.state, keys) {
            (State::Zip, "0") | (State::Nearest, "3") => Some(self.all_offices()),
            (State::Zip, zip) => {
                self.memo.near = self.listing.nearest(zip);
                self.memo.rank = 0;
                let known = !self.memo.near.is_empty();
                known.then(|| self.go(State::Nearest))
            }
            (State::Nearest, "1") => {
                let office = self.memo.near.get(self.memo.rank).cloned()?;
                Some(self.at_office(office))
            }
            (State::Nearest, "2") => {
                self.memo.rank += 1;
                let more = self.memo.rank < self.memo.near.len().min(NEAREST);
                Some(if more { self.go(State::Nearest) } else { self.all_offices() })
            }
            (State::Offices, key) => {
                let offices = self.offices();
                Some(match self.chosen(key, &offices)? {
                    Chosen::Entry(office) => self.at_office(office),
                    Chosen::Page => self.go(State::Offices),
                })
            }
            _ => None,
        }
    }

    pub(super) fn all_offices(&mut self) -> Turn {
        self.memo.page = 0;
        self.go(State::Offices)
    }

    fn at_office(&mut self, office: String) -> Turn {
        self.memo.office = Some(office);
        self.memo.services.clear();
        self.memo.page = 0;
        self.go(State::Document)
    }

    /// The keys of all offices, in the order in which they are read.
    pub(super) fn offices(&self) -> Vec<String> {
        self.listing.offices.iter().map(|office| office.key.clone()).collect()
    }

    /// The services of the office that were not chosen yet.
    pub(super) fn documents(&self) -> Vec<String> {
        let office = self.memo.office.as_deref().and_then(|key| self.listing.office(key));
        let Some(office) = office else { return Vec::new() };
        let keys = self.listing.services.iter().map(|service| &service.key);
        let fresh =
            |key: &&String| office.services.contains(key) && !self.memo.services.contains(key);
        keys.filter(fresh).cloned().collect()
    }

    /// What a key means on a page of a list.
    fn chosen(&mut self, key: &str, list: &[String]) -> Option<Chosen> {
        let key: usize = key.parse().ok()?;
        if key == PAGE + 1 && list.len() > PAGE {
            self.memo.page = (self.memo.page + 1) % list.len().div_ceil(PAGE);
            return Some(Chosen::Page);
        }
        let at = key.checked_sub(1).filter(|at| *at < PAGE)?;
        list.get(self.memo.page * PAGE + at).cloned().map(Chosen::Entry)
    }

    pub(super) fn what_for(&mut self, keys: &str) -> Option<Turn> {
        match (self.memo.state, keys) {
            (State::Document, key) => {
                let documents = self.documents();
                let Chosen::Entry(service) = self.chosen(key, &documents)? else {
                    return Some(self.go(State::Document));
                };
                self.memo.services.push(service);
                let more = documents.len() > 1 && self.memo.services.len() < SERVICES_MAX;
                Some(if more { self.go(State::Another) } else { self.how_many() })
            }
            (State::Another, "1") => {
                self.memo.page = 0;
                Some(self.go(State::Document))
            }
            (State::Another, "2") => Some(self.how_many()),
            (State::People, key) => {
                let persons = key.parse().ok()?;
                if !(1..=self.persons_most()).contains(&persons) {
                    return None;
                }
                self.memo.persons = persons;
                Some(self.search())
            }
            _ => None,
        }
    }

    fn how_many(&mut self) -> Turn {
        if self.persons_most() > 1 {
            return self.go(State::People);
        }
        self.memo.persons = 1;
        self.search()
    }

    /// The most persons that all chosen services allow.
    pub(super) fn persons_most(&self) -> u8 {
        let chosen = self.memo.services.iter().filter_map(|key| self.listing.service(key));
        chosen.map(|service| service.persons_max).min().unwrap_or(1).clamp(1, PERSONS_MAX)
    }

    /// "Nothing was found", and back to the question of what they want.
    pub(super) fn nowhere(&mut self) -> Turn {
        self.memo.say_first(Phrase::NoPlace);
        self.go(State::Full)
    }
}

/// The date of eight digits: day first in Spanish, month first in English.
fn birth(keys: &str, language: Language, today: NaiveDate) -> Option<NaiveDate> {
    if keys.len() != 8 {
        return None;
    }
    let (day, month) = day_and_month(keys.get(..4)?, language)?;
    let date = NaiveDate::from_ymd_opt(keys.get(4..)?.parse().ok()?, month, day)?;
    let oldest = today.checked_sub_months(Months::new(130 * 12))?;
    (oldest..=today).contains(&date).then_some(date)
}

/// Day and month of four digits.
fn day_and_month(keys: &str, language: Language) -> Option<(u32, u32)> {
    let (one, two) = (keys.get(..2)?.parse().ok()?, keys.get(2..4)?.parse().ok()?);
    Some(match language {
        Language::Es => (one, two),
        Language::En => (two, one),
    })
}

/// The next such day that is not over.
pub(super) fn coming(keys: &str, language: Language, today: NaiveDate) -> Option<NaiveDate> {
    use chrono::Datelike;
    if keys.len() != 4 {
        return None;
    }
    let (day, month) = day_and_month(keys, language)?;
    // The date at an office may be the day before.
    let from = today.pred_opt()?;
    let years = [from.year(), from.year() + 1];
    years
        .into_iter()
        .filter_map(|year| NaiveDate::from_ymd_opt(year, month, day))
        .find(|date| *date >= from)
}
