//! Which words? Every phrase of the pages, in a file for each language.
//!
//! A phrase that a file lacks, or has too much, stops the tests. Never holds a phrase in code.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::desk::Language;

/// Declares the phrases of one area: a struct, and `of(language)` that reads
/// `words/AREA.es.toml` and `words/AREA.en.toml` once.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $area:literal, { $($phrase:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name {
            $(pub(crate) $phrase: String,)*
        }

        impl $name {
            /// The phrases in a language.
            pub(crate) fn of(language: $crate::desk::Language) -> &'static Self {
                static WORDS: std::sync::LazyLock<[$name; 2]> = std::sync::LazyLock::new(|| {
                    [$name::read($crate::web::words::text!($area, ".es.toml")),
                     $name::read($crate::web::words::text!($area, ".en.toml"))]
                });
                let [es, en] = &*WORDS;
                match language {
                    $crate::desk::Language::Es => es,
                    $crate::desk::Language::En => en,
                }
            }

            // Not derived: for hundreds of phrases that is megabytes of code.
            fn read(text: &str) -> Self {
                let mut phrases = $crate::web::words::Phrases::read($area, text);
                let words = Self { $($phrase: phrases.take(stringify!($phrase)),)* };
                phrases.done();
                words
            }
        }
    };
}

/// The text of a file of phrases.
macro_rules! text {
    ($area:literal, $end:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/web/words/", $area, $end))
    };
}

/// A file of phrases that is compiled in, as it is read; a test reads all of them.
pub(crate) struct Phrases {
    area: &'static str,
    rest: BTreeMap<String, String>,
}

impl Phrases {
    pub(crate) fn read(area: &'static str, text: &str) -> Self {
        Self { area, rest: read(area, text) }
    }

    #[inline(never)]
    pub(crate) fn take(&mut self, phrase: &str) -> String {
        let Self { area, rest } = self;
        rest.remove(phrase).unwrap_or_else(|| panic!("words/{area}: there is no {phrase}"))
    }

    pub(crate) fn done(self) {
        assert!(self.rest.is_empty(), "words/{}: too much: {:?}", self.area, self.rest.keys());
    }
}

/// Reads a file that is compiled in.
fn read<T: serde::de::DeserializeOwned>(area: &str, text: &str) -> T {
    toml::from_str(text).unwrap_or_else(|error| panic!("words/{area}: {error}"))
}

words! {
    /// What every page says.
    Frame, "frame", { skip, other_language, free_of_charge, start, manage, footer, help }
}

pub(crate) use {text, words};

/// A problem in words.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Explained {
    /// What happened, in one sentence.
    pub(crate) title: String,
    /// Why.
    pub(crate) why: String,
    /// What to do now.
    pub(crate) next: String,
}

/// The words of all problems by name; `labels` are those around them.
fn explained(language: Language) -> &'static BTreeMap<String, Explained> {
    static TABLES: LazyLock<[BTreeMap<String, Explained>; 2]> = LazyLock::new(|| {
        [
            read("problems", include_str!("words/problems.es.toml")),
            read("problems", include_str!("words/problems.en.toml")),
        ]
    });
    let [es, en] = &*TABLES;
    match language {
        Language::Es => es,
        Language::En => en,
    }
}

/// The words of a problem; those of `refused` for a name that has none.
pub(crate) fn problem(name: &str, language: Language) -> &'static Explained {
    let all = explained(language);
    all.get(name).filter(|_| name != LABELS).unwrap_or_else(|| &all[REFUSED])
}

/// Every problem by name.
pub(crate) fn problems(
    language: Language,
) -> impl Iterator<Item = (&'static str, &'static Explained)> {
    let all = explained(language).iter().map(|(name, words)| (name.as_str(), words));
    all.filter(|(name, _)| ![LABELS, REFUSED].contains(name))
}

/// The words around problems.
pub(crate) fn problem_labels(language: Language) -> &'static Explained {
    &explained(language)[LABELS]
}

const LABELS: &str = "labels";
const REFUSED: &str = "refused";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_phrase_is_missing_or_empty() {
        for language in Language::ALL {
            assert!(!Frame::of(language).skip.is_empty());
        }
        let [es, en] = Language::ALL.map(|language| explained(language).keys().collect::<Vec<_>>());
        assert_eq!(es, en);
    }
}
