//! Which words, and which sound? Every phrase of the dialogue, in a file for each language.
//!
//! A phrase that a file lacks, or has too much, stops the tests. Names of offices and services are
//! the catalog's. Never holds a phrase in code.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::desk::Language;

use super::clip::Clip;

/// Names the phrases; each stands in both files under its name.
macro_rules! phrases {
    ($($phrase:ident = $name:literal),* $(,)?) => {
        /// A phrase of the dialogue.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "the files of phrases say what each is")]
        pub enum Phrase { $($phrase),* }

        impl Phrase {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$phrase),*];

            /// Its name in the files of phrases, and of its sound.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$phrase => $name),* }
            }
        }
    };
}

phrases! {
    Hello = "hello", OtherLanguage = "other-language", Menu = "menu", Hint = "hint",
    RightOrNot = "right-or-not", Phone = "phone", PhoneIs = "phone-is", Birth = "birth",
    BirthIs = "birth-is", Zip = "zip", Nearest = "nearest", NearestChoice = "nearest-choice",
    Offices = "offices", More = "more", For = "for", Press = "press", Document = "document",
    AnotherDocument = "another-document", People = "people", FirstPlace = "first-place",
    NextPlace = "next-place", OfferChoice = "offer-choice", OtherDay = "other-day",
    YourAppointment = "your-appointment", Person = "person", Persons = "persons", On = "on",
    At = "at", ConfirmChoice = "confirm-choice", MoveChoice = "move-choice", Booked = "booked",
    Moved = "moved", Ready = "ready", CodeIs = "code-is", Again = "again",
    CodeChoice = "code-choice", Way = "way", FindCode = "find-code", OneOfThem = "one-of-them",
    PickChoice = "pick-choice", WhatChoice = "what-choice", SureChoice = "sure-choice",
    Cancelled = "cancelled", Kept = "kept", HadChoice = "had-choice", FullChoice = "full-choice",
    NextChoice = "next-choice", Closed = "closed", Hours = "hours", ClosedChoice = "closed-choice",
    CallBackChoice = "call-back-choice", CallBack = "call-back", CallBackNoted = "call-back-noted",
    Goodbye = "goodbye", Operator = "operator", Invalid = "invalid", Silence = "silence",
    TakeTime = "take-time", StartAgain = "start-again", CodeWrong = "code-wrong",
    NotFound = "not-found", Throttled = "throttled", ZipUnknown = "zip-unknown",
    NoPlace = "no-place", Lost = "lost", TooLate = "too-late", Moment = "moment",
    Trouble = "trouble", Morning = "morning", Afternoon = "afternoon",
}

/// The texts of one language.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    phrase: BTreeMap<String, String>,
    digit: Vec<String>,
    day: Vec<String>,
    month: Vec<String>,
    weekday: Vec<String>,
    hour: Vec<String>,
    minute: Vec<String>,
    key: Vec<String>,
    /// Never spoken.
    unnamed: String,
}

impl Words {
    /// The texts of a language.
    pub fn of(language: Language) -> &'static Self {
        static WORDS: LazyLock<[Words; 2]> = LazyLock::new(|| {
            [include_str!("words/phrases.es.toml"), include_str!("words/phrases.en.toml")]
                .map(|text| toml::from_str(text).unwrap_or_else(|error| panic!("phrases: {error}")))
        });
        let [es, en] = &*WORDS;
        match language {
            Language::Es => es,
            Language::En => en,
        }
    }

    /// The text of a sound; nothing for a pause, and for names, which are the catalog's.
    pub fn text(&self, clip: &Clip) -> &str {
        let at = |list: &'static str, number: u8, first: u8| {
            let list = match list {
                "digit" => &self.digit,
                "day" => &self.day,
                "month" => &self.month,
                "weekday" => &self.weekday,
                "hour" => &self.hour,
                "minute" => &self.minute,
                _ => &self.key,
            };
            let text = number.checked_sub(first).and_then(|at| list.get(usize::from(at)));
            text.map_or("", String::as_str)
        };
        match clip {
            Clip::Phrase(phrase) => self.phrase.get(phrase.name()).map_or("", String::as_str),
            Clip::Digit(digit) => at("digit", *digit, 0),
            Clip::Day(day) => at("day", *day, 1),
            Clip::Month(month) => at("month", *month, 1),
            Clip::Weekday(day) => at("weekday", *day, 1),
            Clip::Hour(hour) => at("hour", *hour, 1),
            Clip::Minute(minute) => at("minute", *minute, 0),
            Clip::Key(key) => at("key", *key, 0),
            Clip::Office(_) | Clip::Service(_) | Clip::Pause => "",
        }
    }

    /// What stands for the name of somebody who booked by telephone.
    pub fn unnamed(&self) -> &str {
        &self.unnamed
    }

    /// Every sound that the files name.
    pub fn sounds() -> Vec<Clip> {
        let mut all: Vec<Clip> = Phrase::ALL.iter().copied().map(Clip::Phrase).collect();
        all.extend((0..=9).map(Clip::Digit));
        all.extend((1..=31).map(Clip::Day));
        all.extend((1..=12).map(Clip::Month));
        all.extend((1..=7).map(Clip::Weekday));
        all.extend((1..=12).map(Clip::Hour));
        all.extend((0..=59).map(Clip::Minute));
        all.extend((0..=9).map(Clip::Key));
        all.push(Clip::Pause);
        all
    }
}

/// The name of a sound's file, without folder and ending: what a recorded voice replaces.
pub fn sound(clip: &Clip) -> String {
    match clip {
        Clip::Phrase(phrase) => phrase.name().to_owned(),
        Clip::Digit(digit) => format!("digit-{digit}"),
        Clip::Day(day) => format!("day-{day}"),
        Clip::Month(month) => format!("month-{month}"),
        Clip::Weekday(day) => format!("weekday-{day}"),
        Clip::Hour(hour) => format!("hour-{hour}"),
        Clip::Minute(minute) => format!("minute-{minute}"),
        Clip::Key(key) => format!("key-{key}"),
        Clip::Office(key) => format!("office-{}", plain(key)),
        Clip::Service(key) => format!("service-{}", plain(key)),
        Clip::Pause => "pause".to_owned(),
    }
}

/// A key of the catalog as part of a file's name and of a line to a PBX.
fn plain(key: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    key.chars().map(keep).collect()
}

/// How fast a voice speaks: words a minute, for all that is said about lengths.
pub const WORDS_PER_MINUTE: usize = 150;

/// About how long a text takes to say, in tenths of a second.
pub fn tenths(text: &str) -> usize {
    text.split_whitespace().count() * 600 / WORDS_PER_MINUTE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_phrase_is_missing_or_too_much_and_none_is_longer_than_eight_seconds() {
        for language in Language::ALL {
            let words = Words::of(language);
            assert_eq!(words.phrase.len(), Phrase::ALL.len(), "{language:?}");
            for clip in Words::sounds() {
                let text = words.text(&clip);
                assert_eq!(text.is_empty(), clip == Clip::Pause, "{language:?} {clip:?}");
                let tenths = tenths(text);
                assert!(tenths <= 80, "{language:?} {clip:?}: {tenths} tenths of a second");
            }
        }
    }

    #[test]
    fn every_sound_has_a_name_of_its_own_that_is_safe_in_a_line() {
        let mut clips = Words::sounds();
        clips.push(Clip::Office("del-rio".into()));
        clips.push(Clip::Service("a\"b\r\nHANGUP".into()));
        let mut names: Vec<_> = clips.iter().map(sound).collect();
        let safe = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        assert!(names.iter().all(|name| name.chars().all(safe)));
        names.sort();
        names.dedup();
        assert_eq!(names.len(), clips.len());
    }
}
