//! Who is it? What people say about themselves, checked and normalised.
//!
//! Never stored in the clear and never in a log: `Debug` shows nothing of it.

use std::fmt;

use chrono::NaiveDate;

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
            text.chars().filter(|c| !matches!(c, ' ' | '.' | '-' | '(' | ')' | '\u{a0}')).collect();
        let (plus, digits) = match kept.strip_prefix('+').or_else(|| kept.strip_prefix("00")) {
            Some(rest) => (true, rest),
            None => (false, kept.as_str()),
        };
        if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
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
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        let length = name.chars().count();
        let sound = name.chars().any(char::is_alphabetic) && !name.chars().any(char::is_control);
        if !(2..=120).contains(&length) || !sound {
            return Err(PersonError::Name);
        }
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

fn plausible_email(email: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control();
    email.len() <= 254
        && email.chars().all(plain)
        && email.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && host.contains('.') && !host.contains('@')
        })
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
