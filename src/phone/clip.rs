//! What is said, and what is waited for? The steps of a call, for any transport.
//!
//! Never holds a text: `words` does.

use std::time::Duration;

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};

use crate::desk::{Code, Language};

use super::words::Phrase;

/// One sound.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Clip {
    /// A phrase of the dialogue.
    Phrase(Phrase),
    /// One digit.
    Digit(u8),
    /// A day of the month, 1 to 31.
    Day(u8),
    /// A month, 1 to 12.
    Month(u8),
    /// A day of the week, 1 (Monday) to 7.
    Weekday(u8),
    /// An hour of twelve, 1 to 12.
    Hour(u8),
    /// Minutes past it, 0 to 59.
    Minute(u8),
    /// How many persons, or a key to press: 0 to 9.
    Key(u8),
    /// The name of an office, by its key in the catalog.
    Office(String),
    /// The name of a service, by its key in the catalog.
    Service(String),
    /// Half a second of quiet.
    Pause,
}

/// How keys are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Keys {
    /// At most so many.
    pub most: usize,
    /// How long for the first, once everything was said.
    pub first: Duration,
    /// How long for each further one.
    pub next: Duration,
}

impl Keys {
    /// One key of a menu.
    pub const ONE: Self =
        Self { most: 1, first: Duration::from_secs(5), next: Duration::from_secs(4) };

    /// A number of so many digits.
    pub const fn number(most: usize) -> Self {
        Self { most, first: Duration::from_secs(6), next: Duration::from_secs(4) }
    }

    /// The same, with twice the time for the first.
    #[must_use]
    pub const fn patient(self) -> Self {
        Self { first: self.first.saturating_mul(2), ..self }
    }
}

/// What happens after something was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// Keys are waited for.
    Ask(Keys),
    /// Nothing but a moment: the desk is at work. Next: [`Event::Waited`](super::Event::Waited).
    Wait,
    /// The call goes to an operator, who opens the hand-off with this token, if there is one.
    Operator(Option<String>),
    /// The call ends.
    Bye,
}

/// What to say, and what then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// In this language.
    pub language: Language,
    /// One after the other.
    pub say: Vec<Clip>,
    /// So many of the first are said whatever is pressed.
    pub keep: usize,
    /// What then.
    pub then: Then,
}

/// Digits one by one.
pub(super) fn digits(text: &str) -> impl Iterator<Item = Clip> + '_ {
    text.bytes().filter(u8::is_ascii_digit).map(|digit| Clip::Digit(digit - b'0'))
}

/// A telephone number in groups as they are spoken, the last four together.
pub(super) fn telephone(text: &str) -> Vec<Clip> {
    let all: Vec<Clip> = digits(text.strip_prefix("+1").unwrap_or(text)).collect();
    let tail = all.len().saturating_sub(4);
    let mut said = Vec::with_capacity(all.len() + 4);
    for (at, digit) in all.into_iter().enumerate() {
        if at > 0 && (at == tail || (at < tail && at % 3 == 0)) {
            said.push(Clip::Pause);
        }
        said.push(digit);
    }
    said
}

/// A code in groups of three.
pub(super) fn code(code: Code) -> Vec<Clip> {
    let mut said = Vec::with_capacity(11);
    for (at, digit) in digits(&code.digits()).enumerate() {
        if at > 0 && at % 3 == 0 {
            said.push(Clip::Pause);
        }
        said.push(digit);
    }
    said
}

/// Day and month in the order of the language.
fn day_and_month(date: NaiveDate, language: Language) -> [Clip; 2] {
    let day = Clip::Day(small(date.day()));
    let month = Clip::Month(small(date.month()));
    match language {
        Language::Es => [day, month],
        Language::En => [month, day],
    }
}

/// A birth date: the year digit by digit.
pub(super) fn birth(date: NaiveDate, language: Language) -> Vec<Clip> {
    let mut said = day_and_month(date, language).to_vec();
    said.extend(digits(&format!("{:04}", date.year())));
    said
}

/// When an appointment is: day of the week, date, time.
pub(super) fn when(at: NaiveDateTime, language: Language) -> Vec<Clip> {
    let mut said = vec![Clip::Weekday(small(at.weekday().number_from_monday()))];
    said.extend(day_and_month(at.date(), language));
    let (afternoon, hour) = at.hour12();
    said.push(Clip::Hour(small(hour)));
    said.push(Clip::Minute(small(at.minute())));
    said.push(Clip::Phrase(if afternoon { Phrase::Afternoon } else { Phrase::Morning }));
    said
}

fn small(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(0)
}
