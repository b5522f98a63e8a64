//! How is a catalog read? TOML and JSON in, with the line of what cannot be read; both out again.
//!
//! Never judges what the document says: `check` does.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use crate::catalog::document::{Catalog, Lead, Share};
use crate::catalog::{CatalogError, Span};

impl Catalog {
    /// Reads and checks a TOML document.
    ///
    /// # Errors
    /// The line and column, or the path, with what was expected.
    ///
    /// ```
    /// let error = cupo::Catalog::from_toml("offices = []\ncolour = 1").unwrap_err();
    /// assert_eq!(error.path, "line 2, column 1");
    /// assert_eq!(error.found, "unknown field `colour`");
    /// assert!(error.expected.contains("`calendars`"));
    /// ```
    pub fn from_toml(text: &str) -> Result<Self, CatalogError> {
        let catalog: Self = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let before = text.get(..at).unwrap_or("");
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
            unreadable(&format!("line {line}, column {column}"), error.message())
        })?;
        catalog.check()?;
        Ok(catalog)
    }

    /// Reads and checks a JSON document.
    ///
    /// # Errors
    /// The line and column, or the path, with what was expected.
    pub fn from_json(text: &str) -> Result<Self, CatalogError> {
        let catalog: Self = serde_json::from_str(text).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            let message = error.to_string();
            // The place is told once, in our own words.
            let told = format!(" at line {} column {}", error.line(), error.column());
            unreadable(&place, message.strip_suffix(&told).unwrap_or(&message))
        })?;
        catalog.check()?;
        Ok(catalog)
    }

    /// As TOML; reads back as an equal catalog.
    pub fn to_toml(&self) -> String {
        // Every value in a catalog has a form in TOML.
        toml::to_string(self).unwrap_or_default()
    }

    /// As JSON; reads back as an equal catalog.
    pub fn to_json(&self) -> String {
        // Every key in a catalog is a string.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

/// Parts a reader's message into what was found and what was expected.
fn unreadable(place: &str, message: &str) -> CatalogError {
    let (found, expected) = match message.split_once(", expected ") {
        Some((found, "u16")) => (found, "a whole number from 0 to 65535"),
        Some(parts) => parts,
        None if message.starts_with("missing field") => (message, "a value for it"),
        None => (message, "a catalog as the guide of `Catalog` shows it"),
    };
    CatalogError::new(place, found, expected)
}

struct ShareVisitor;

impl Visitor<'_> for ShareVisitor {
    type Value = Share;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of places up to 65535, or a share like \"40%\"")
    }

    fn visit_u64<E: Error>(self, places: u64) -> Result<Share, E> {
        let wrong = |_| E::invalid_value(Unexpected::Unsigned(places), &self);
        u16::try_from(places).map(Share::Places).map_err(wrong)
    }

    fn visit_i64<E: Error>(self, places: i64) -> Result<Share, E> {
        let wrong = |_| E::invalid_value(Unexpected::Signed(places), &self);
        u16::try_from(places).map(Share::Places).map_err(wrong)
    }

    fn visit_str<E: Error>(self, percent: &str) -> Result<Share, E> {
        Ok(Share::Percent(percent.to_owned()))
    }
}

// By hand, as serde's untagged enums cannot say what they expected.
impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShareVisitor)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Places(places) => places.fmt(f),
            Self::Percent(percent) => write!(f, "\"{percent}\""),
        }
    }
}

struct LeadVisitor;

impl<'de> Visitor<'de> for LeadVisitor {
    type Value = Lead;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration like 2h, or a table of one for each channel")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Lead, E> {
        text.parse::<Span>().map(Lead::All).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Lead, A::Error> {
        BTreeMap::deserialize(MapAccessDeserializer::new(map)).map(Lead::Each)
    }
}

impl<'de> Deserialize<'de> for Lead {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LeadVisitor)
    }
}

/// A date, a time or an instant: a text, or TOML's own form of it without quotes.
struct MomentVisitor<T>(&'static str, PhantomData<T>);

impl<'de, T: FromStr> Visitor<'de> for MomentVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        let moment = toml::value::Datetime::deserialize(MapAccessDeserializer::new(map))?;
        self.visit_str(&moment.to_string())
    }
}

fn moment<'de, T: FromStr, D: Deserializer<'de>>(
    deserializer: D,
    expected: &'static str,
) -> Result<T, D::Error> {
    deserializer.deserialize_any(MomentVisitor(expected, PhantomData))
}

pub(super) fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
    moment(deserializer, "a date like 2026-12-25")
}

pub(super) fn maybe_date<'de, D>(deserializer: D) -> Result<Option<NaiveDate>, D::Error>
where
    D: Deserializer<'de>,
{
    date(deserializer).map(Some)
}

pub(super) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveTime, D::Error> {
    moment(deserializer, "a time like 08:00")
}

pub(super) fn maybe_instant<'de, D>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error>
where
    D: Deserializer<'de>,
{
    moment(deserializer, "an instant like 2026-12-01T08:00:00-06:00").map(Some)
}
