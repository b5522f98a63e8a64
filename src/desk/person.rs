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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    // Big letters first: the small ones of some letters only show that way.
    let big = name.nfkd().filter(|c| !is_combining_mark(*c)).collect::<String>().to_uppercase();
    let small = big.to_lowercase();
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

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person").finish_non_exhaustive()
    }
}
