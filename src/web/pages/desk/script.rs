//! What does the operator read to the caller? Greeting, place, code, what to bring; in the caller's
//! language.
//!
//! Never in the operator's language for that alone.

use crate::desk::Language;
use crate::web::App;
use crate::web::pages::citizen::show::{bring, spot_of};
use crate::web::pages::frame::fill;
use crate::{Claim, ClaimState};

use super::Words;

#[derive(Debug)]
pub(super) struct Script {
    pub(super) w: &'static Words,
    pub(super) tag: &'static str,
    pub(super) lines: Vec<String>,
    /// Three groups of three digits, each digit apart.
    pub(super) code: Vec<String>,
    pub(super) bring: Vec<String>,
}

impl Script {
    /// Before anything is on hold.
    pub(super) fn greeting(app: &App, language: Language) -> Self {
        let w = Words::of(language);
        let hello = fill(&w.say_hello, "name", &app.settings.service_name);
        let lines = vec![hello, w.say_ask.clone(), w.say_free.clone()];
        Self { w, tag: language.tag(), lines, code: Vec::new(), bring: Vec::new() }
    }

    /// A place that is on hold, or theirs with its code.
    pub(super) fn of(app: &App, claim: &Claim, code: Option<&str>, language: Language) -> Self {
        let w = Words::of(language);
        let mut script = Self { lines: Vec::new(), ..Self::greeting(app, language) };
        let held = claim.state == ClaimState::Held;
        if let Some(spot) = spot_of(app, claim, language) {
            let phrase = if held { &w.say_place } else { &w.say_booked };
            let line =
                fill(&fill(phrase, "date", within(&spot.date, language)), "time", &spot.time);
            script.lines.push(fill(&line, "office", &spot.office));
            if let Some(address) = &spot.address {
                script.lines.push(fill(&w.say_address, "address", address));
            }
            script.lines.push(fill(&w.say_zone, "zone", city(&spot.zone)));
        }
        if claim.persons > 1 {
            script.lines.push(fill(&w.say_persons, "n", claim.persons));
        }
        if held {
            script.lines.push(w.say_right.clone());
        } else {
            script.code = groups(code.unwrap_or_default());
            script.bring = bring(app, claim.services.as_slice(), language);
        }
        script
    }
}

/// `123 456 789` as `1 2 3`, `4 5 6`, `7 8 9`.
fn groups(code: &str) -> Vec<String> {
    let apart = |group: &str| {
        let digits: Vec<String> = group.chars().map(String::from).collect();
        digits.join(" ")
    };
    code.split_whitespace().map(apart).collect()
}

/// A date within a sentence: days of the week have no capital in Spanish.
fn within(date: &str, language: Language) -> String {
    if language == Language::En {
        return date.to_owned();
    }
    let mut letters = date.chars();
    let first = letters.next().into_iter().flat_map(char::to_lowercase);
    first.chain(letters).collect()
}

/// The city that a zone is named after: `New York` of `America/New_York, UTC-5`.
fn city(zone: &str) -> String {
    let name = zone.split(',').next().unwrap_or(zone);
    name.rsplit('/').next().unwrap_or(name).replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_digit_by_digit_in_threes() {
        assert_eq!(groups("123 456 782"), ["1 2 3", "4 5 6", "7 8 2"]);
        assert_eq!(city("America/New_York, UTC\u{2212}5"), "New York");
    }
}
