//! Who is it? What people say about themselves, checked and normalised.
//!
//! Never stored in the clear and never in a log: `Debug` shows nothing of it.

use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::Language;

/// A telephone number, `+` and 7 to 15 digits (ITU-T E.164).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Telephone(String);

/// What identifies a party across channels and offices: a telephone number and a birth date,
/// because both can be typed on a telephone. Its keyed hash is the engine's party.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The number.
    pub telephone: Telephone,
    /// The birth date.
    pub birth: NaiveDate,
}

/// Somebody who has, or wants, a place.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// As in the passport.
    pub name: String,
    /// Where to call or write.
    pub telephone: Telephone,
    /// For the confirmation; optional.
    pub email: Option<String>,
    /// The second factor.
    pub birth: NaiveDate,
    /// How to speak to them.
    pub language: Language,
}

/// What is wrong with what was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PersonError {
    /// 2 to 120 characters, at least one letter, no control characters.
    #[error("name: 2 to 120 characters, with a letter")]
    Name,
    /// Ten digits, or `+` and 7 to 15.
    #[error("telephone: ten digits, or + and the country's code")]
    Telephone,
    /// Something before and after an `@`, at most 254 characters.
    #[error("email: like name@example.org")]
    Email,
    /// A real date within the last 130 years.
    #[error("birth date: a real date in the past")]
    Birth,
}

impl Telephone {
    /// Normalises a number: spaces, dots, hyphens and brackets go; ten digits get the `+1` of the
    /// United States and Canada; `00` is `+`.
    ///
    /// # Errors
    /// [`PersonError::Telephone`].
    pub fn parse(text: &str) -> Result<Self, PersonError> {
        let kept: String =
            text.chars().filter(|c| !c.is_whitespace() && !is_separator(*c)).collect();
        let (plus, digits) = match kept.strip_prefix('+').or_else(|| kept.strip_prefix("00")) {
            Some(rest) => (true, rest),
            None => (false, kept.as_str()),
        };
        // No country's code begins with 0.
        let odd = !digits.bytes().all(|digit| digit.is_ascii_digit());
        if odd || (plus && digits.starts_with('0')) {
            return Err(PersonError::Telephone);
        }
        match (plus, digits.len()) {
            (true, 7..=15) => Ok(Self(format!("+{digits}"))),
            (false, 10) => Ok(Self(format!("+1{digits}"))),
            (false, 11) if digits.starts_with('1') => Ok(Self(format!("+{digits}"))),
            _ => Err(PersonError::Telephone),
        }
    }

    /// `+` and digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last four digits, which may be shown or spoken.
    pub fn tail(&self) -> &str {
        self.0.get(self.0.len().saturating_sub(4)..).unwrap_or_default()
    }
}

impl Person {
    /// Checks and trims what was said. `today` is the date at the desk.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn new(
        name: &str,
        telephone: &str,
        email: &str,
        birth: NaiveDate,
        language: Language,
        today: NaiveDate,
    ) -> Result<Self, PersonError> {
        let name = checked_name(name)?;
        let telephone = Telephone::parse(telephone)?;
        let email = match email.trim() {
            "" => None,
            email if plausible_email(email) => Some(email.to_owned()),
            _ => return Err(PersonError::Email),
        };
        let oldest = today.checked_sub_months(chrono::Months::new(130 * 12));
        if birth > today || oldest.is_some_and(|oldest| birth < oldest) {
            return Err(PersonError::Birth);
        }
        Ok(Self { name, telephone, email, birth, language })
    }

    /// What identifies them.
    pub fn identity(&self) -> Identity {
        Identity { telephone: self.telephone.clone(), birth: self.birth }
    }
}

/// As it is kept. The fields are named here so that no adapter writes a person by accident.
#[derive(Serialize, Deserialize)]
struct Written {
    name: String,
    telephone: String,
    email: Option<String>,
    birth: NaiveDate,
    language: String,
}

/// Texts of people are written in steps of so many bytes, so that sealed ones tell no length.
const STEP: usize = 128;

impl Person {
    /// The text that is sealed.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let written = Written {
            name: self.name.clone(),
            telephone: self.telephone.0.clone(),
            email: self.email.clone(),
            birth: self.birth,
            language: self.language.tag().to_owned(),
        };
        let mut bytes = serde_json::to_vec(&written).expect("plain fields can be written");
        bytes.resize(bytes.len().next_multiple_of(STEP), b' ');
        bytes
    }

    /// The person of such a text; it was checked when it was new.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let Written { name, telephone, email, birth, language } =
            serde_json::from_slice(bytes).ok()?;
        let language = Language::from_tag(&language)?;
        Some(Self { name, telephone: Telephone(telephone), email, birth, language })
    }
}

/// What all spellings of a name have in common: small letters without accents, words in order of
/// the alphabet.
pub(super) fn folded(name: &str) -> String {
    // Back and forth: some letters only fall apart, or together, as big or as small ones.
    let big = name.to_lowercase().to_uppercase();
    let plain: String = big.nfkd().filter(|c| !is_combining_mark(*c)).collect();
    let small: String = plain.to_uppercase().chars().flat_map(char::to_lowercase).collect();
    let mut words: Vec<&str> =
        small.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.sort_unstable();
    words.join(" ")
}

fn checked_name(name: &str) -> Result<String, PersonError> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ").nfc().collect::<String>();
    let sound = name.chars().any(char::is_alphabetic) && !name.chars().any(is_unseen);
    let length = if name.len() > 120 * 4 { usize::MAX } else { name.chars().count() };
    if sound && (2..=120).contains(&length) { Ok(name) } else { Err(PersonError::Name) }
}

/// Control characters, and those that turn the direction of a text or show nothing: they make a
/// name look like another.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
}

/// What people put between the digits of a telephone number.
fn is_separator(c: char) -> bool {
    matches!(c, '.' | '-' | '/' | '(' | ')' | '\u{2010}'..='\u{2015}')
}

fn plausible_email(email: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !is_unseen(c) && !"<>()[],;:\"\\".contains(c);
    let domain = |host: &str| host.contains('.') && host.split('.').all(|part| !part.is_empty());
    email.len() <= 254
        && email.chars().all(plain)
        && email
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.contains('@') && domain(host))
}

impl fmt::Debug for Telephone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Telephone(..)")
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn person(name: &str, email: &str, birth: &str) -> Result<Person, PersonError> {
        let today = date("2026-12-01");
        Person::new(name, "202 555 0143", email, date(birth), Language::Es, today)
    }

    #[test]
    fn telephones_are_written_in_one_way() {
        let same = ["2025550143", "(202) 555-0143", "202.555.0143", "1 202 555 0143"];
        for text in same.into_iter().chain(["+1 202 555 0143", "0012025550143", "202/555/0143"]) {
            assert_eq!(Telephone::parse(text).unwrap().as_str(), "+12025550143", "{text}");
        }
        assert_eq!(Telephone::parse("+52 55 1234 5678").unwrap().as_str(), "+525512345678");
        assert_eq!(Telephone::parse("+34 612\u{2011}345\u{a0}678").unwrap().tail(), "5678");
        let wrong =
            ["", "+", "123456", "+123456", "+1234567890123456", "+0123456789", "202555014x"];
        for text in wrong.into_iter().chain(["++12025550143", "\u{662}025550143", "3 202 555 0143"])
        {
            assert_eq!(Telephone::parse(text), Err(PersonError::Telephone), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_and_what_is_right_is_trimmed() {
        let ana = person("  Ana \t Ruiz\u{a0}", " ana@example.org ", "1990-01-31").unwrap();
        assert_eq!(
            (ana.name.as_str(), ana.email.as_deref()),
            ("Ana Ruiz", Some("ana@example.org"))
        );
        assert_eq!(person("Ana", "", "2026-12-01").unwrap().email, None);
        for name in ["", " A ", "12", "Ana\u{0}", "Ana\u{202e}ziuR", &"a".repeat(121)] {
            assert_eq!(person(name, "", "1990-01-31"), Err(PersonError::Name), "{name:?}");
        }
        for email in ["ana", "@example.org", "ana@", "ana@org", "a b@c.d", "a@b.c@d.e", "a@b..c"] {
            assert_eq!(person("Ana", email, "1990-01-31"), Err(PersonError::Email), "{email}");
        }
        for email in
            ["<a@b.c>", "a,b@c.d", "a@b.c\nBcc: x@y.z", &format!("{}@b.c", "a".repeat(251))]
        {
            assert_eq!(person("Ana", email, "1990-01-31"), Err(PersonError::Email), "{email}");
        }
        for birth in ["2026-12-02", "1896-11-30"] {
            assert_eq!(person("Ana", "", birth), Err(PersonError::Birth), "{birth}");
        }
    }

    #[test]
    fn spellings_of_a_name_fall_together_and_others_do_not() {
        let ways = ["Jos\u{e9} N\u{fa}\u{f1}ez-D\u{ed}az", "JOSE  NUNEZ DIAZ", "nunez diaz, jose"];
        assert!(ways.iter().all(|way| folded(way) == "diaz jose nunez"), "{:?}", ways.map(folded));
        // The same letters, put together from two.
        assert_eq!(folded("Jose\u{301}"), folded("Jos\u{e9}"));
        assert_eq!(folded("Stra\u{df}e"), folded("STRASSE"));
        assert_ne!(folded("Ana Ruiz"), folded("Ana Ruis"));
        assert_ne!(folded("Ana Ruiz"), folded("Anar Uiz"));
    }

    #[test]
    fn debug_shows_nobody() {
        let ana = person("Ana Ruiz", "ana@example.org", "1990-01-31").unwrap();
        assert_eq!(format!("{ana:?} {:?}", ana.telephone), "Person { .. } Telephone(..)");
        assert_eq!(format!("{:?}", ana.identity()), "Identity(..)");
    }

    #[test]
    fn texts_of_people_tell_little_of_their_length() {
        let lengths =
            ["Bo", "Ana Ruiz"].map(|name| person(name, "", "1990-01-31").unwrap().to_bytes().len());
        assert_eq!(lengths, [STEP, STEP]);
    }

    proptest! {
        #[test]
        fn any_text_is_a_number_or_refused(text in "\\PC{0,40}|[+0-9 ().-]{0,24}") {
            if let Ok(telephone) = Telephone::parse(&text) {
                let digits = telephone.as_str().strip_prefix('+').unwrap();
                prop_assert!((7..=15).contains(&digits.len()));
                prop_assert!(digits.bytes().all(|digit| digit.is_ascii_digit()));
                prop_assert_eq!(&Telephone::parse(telephone.as_str()).unwrap(), &telephone);
                prop_assert_eq!(telephone.tail().len(), 4);
            }
        }

        #[test]
        fn any_person_is_refused_or_kept_as_they_are(
            name in any::<String>(),
            telephone in "[+]?[0-9]{7,15}",
            email in "\\PC{0,20}@?\\PC{0,20}|[a-z]{1,9}@[a-z]{1,9}\\.[a-z]{2,3}",
            days in any::<i32>(),
            english in any::<bool>(),
        ) {
            let birth = NaiveDate::from_num_days_from_ce_opt(days).unwrap_or_default();
            let language = if english { Language::En } else { Language::Es };
            let made = Person::new(&name, &telephone, &email, birth, language, date("2026-12-01"));
            let _ = folded(&name);
            if let Ok(person) = made {
                prop_assert_eq!(Person::from_bytes(&person.to_bytes()), Some(person.clone()));
                let again = Person::new(
                    &person.name,
                    person.telephone.as_str(),
                    person.email.as_deref().unwrap_or_default(),
                    person.birth,
                    person.language,
                    date("2026-12-01"),
                );
                prop_assert_eq!(again, Ok(person));
            }
        }

        #[test]
        fn any_spelling_of_a_name_is_one(name in "[\\p{L} '-]{1,30}") {
            prop_assert_eq!(folded(&name.to_uppercase()), folded(&name));
            prop_assert_eq!(folded(&folded(&name)), folded(&name));
        }

        #[test]
        fn any_bytes_are_a_person_or_nobody(bytes in any::<Vec<u8>>()) {
            prop_assert_eq!(Person::from_bytes(&bytes), None);
        }
    }
}
