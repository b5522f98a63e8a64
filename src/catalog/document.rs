//! What does a catalog look like? The document as people write it, TOML or JSON.
//!
//! Never resolves a name or a zone: `check` and `rules` do.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

use crate::catalog::read::{self, maybe_date, maybe_instant};
use crate::catalog::span::Span;

/// Offices, services and calendars.
///
/// ```
/// let catalog = cupo::Catalog::from_toml(r#"
///     [[offices]]
///     key = "madrid"
///     zone = "Europe/Madrid"
///     [[services]]
///     key = "passport"
///     units = 2
///     [[calendars]]
///     key = "madrid"
///     office = "madrid"
///     services = ["passport"]
///     capacity = 3
///     hours = { mon = ["09:00-14:00"] }
/// "#)?;
/// assert_eq!(cupo::Catalog::from_json(&catalog.to_json())?, catalog);
/// # Ok::<(), cupo::CatalogError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// Places with an address and a time zone.
    pub offices: Vec<Office>,
    /// What people come for.
    pub services: Vec<Service>,
    /// Pools of interchangeable desks.
    pub calendars: Vec<Calendar>,
    /// Rules for holds and returned places.
    #[serde(default)]
    pub holds: Holds,
}

/// A place with an address and a time zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Office {
    /// Its name in every later document; its number is assigned once and never reused.
    pub key: String,
    /// IANA time zone.
    pub zone: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// ISO 3166 code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// A name in Spanish and English.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// Spanish.
    #[serde(default)]
    pub es: String,
    /// English.
    #[serde(default)]
    pub en: String,
}

/// What to bring, in Spanish and English.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirements {
    /// Spanish.
    #[serde(default)]
    pub es: Vec<String>,
    /// English.
    #[serde(default)]
    pub en: Vec<String>,
}

/// What people come for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its name in every later document.
    pub key: String,
    /// Adjacent slots for one person.
    #[serde(default = "one")]
    pub units: u16,
    /// For people.
    #[serde(default)]
    pub name: Names,
    /// For people.
    #[serde(default)]
    pub requirements: Requirements,
    /// The most persons of one claim.
    #[serde(default = "four")]
    pub persons_max: u16,
    /// The most active claims of one party, across all offices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_max: Option<u16>,
    /// Count only claims whose dates are less than so many days apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_days: Option<u16>,
    /// How long before the start a party may cancel.
    #[serde(default)]
    pub cancel_cutoff: Span,
    /// How long before the start a party may move.
    #[serde(default)]
    pub reschedule_cutoff: Span,
}

/// A pool of interchangeable desks at an office.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// Its name in every later document.
    pub key: String,
    /// The key of its office.
    pub office: String,
    /// The keys of the services it serves.
    pub services: Vec<String>,
    /// The length of one slot: whole minutes that divide a day, up to 12 hours.
    #[serde(default = "quarter")]
    pub unit: Span,
    /// Desks: places at each slot (1 to 65,535).
    pub capacity: u16,
    /// Opening hours by day of the week, local time.
    pub hours: Week,
    /// Limits by channel: web, phone, desk, priority.
    #[serde(default)]
    pub channels: BTreeMap<String, ChannelLimits>,
    /// How long before its start a slot can last be asked for.
    #[serde(default)]
    pub lead_time: Lead,
    /// How far ahead days can be booked: whole days, up to 400.
    #[serde(default = "month")]
    pub horizon: Span,
    /// The local time at which the day at the horizon is released: hours and minutes.
    #[serde(default, deserialize_with = "read::time")]
    pub release_time: NaiveTime,
    /// Nothing can be booked before this instant.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_instant")]
    pub opens_at: Option<DateTime<Utc>>,
    /// Holidays, closures, special hours.
    #[serde(default)]
    pub exceptions: Vec<Exception>,
}

/// Opening hours of a week, each `"09:00-13:00"`, until midnight `"20:00-24:00"`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Week {
    /// Monday.
    pub mon: Vec<String>,
    /// Tuesday.
    pub tue: Vec<String>,
    /// Wednesday.
    pub wed: Vec<String>,
    /// Thursday.
    pub thu: Vec<String>,
    /// Friday.
    pub fri: Vec<String>,
    /// Saturday.
    pub sat: Vec<String>,
    /// Sunday.
    pub sun: Vec<String>,
}

impl Week {
    pub(crate) fn days(&self) -> [(&'static str, &[String]); 7] {
        let Self { mon, tue, wed, thu, fri, sat, sun } = self;
        [
            ("mon", mon),
            ("tue", tue),
            ("wed", wed),
            ("thu", thu),
            ("fri", fri),
            ("sat", sat),
            ("sun", sun),
        ]
    }
}

/// A number of places, or a share of the capacity like `"40%"`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Share {
    /// Places.
    Places(u16),
    /// Percent of the capacity, rounded down; as a maximum at least one place, unless it is `"0%"`.
    Percent(String),
}

/// What one channel may use of each slot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelLimits {
    /// The most it may use; the capacity by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Share>,
    /// What is kept for it; nothing by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected: Option<Share>,
    /// How long before the start what is kept is given to all.
    #[serde(default)]
    pub give_back: Span,
}

/// One lead time for all channels, or one each.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Lead {
    /// For every channel.
    All(Span),
    /// By channel; none where nothing is said.
    Each(BTreeMap<String, Span>),
}

impl Default for Lead {
    fn default() -> Self {
        Self::All(Span::default())
    }
}

/// A date, or dates, that differ from the week.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// The date, or the first of several.
    #[serde(deserialize_with = "read::date")]
    pub date: NaiveDate,
    /// The last of several.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_date")]
    pub to: Option<NaiveDate>,
    /// Closed all day.
    #[serde(default)]
    pub closed: bool,
    /// Other hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Vec<String>>,
    /// Another capacity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u16>,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Rules for holds and for places given back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Holds {
    /// How long a hold lasts.
    pub ttl: Span,
    /// The longest a caller may ask for.
    pub ttl_max: Span,
    /// The most by which a hold may be extended in all.
    pub extended_max: Span,
    /// Holds of one party at a time.
    pub per_party: u16,
    /// How long the places of a cancelled booking stay out of reach.
    pub cool_off: Span,
    /// And up to so much longer, at random.
    pub cool_off_jitter: Span,
}

impl Default for Holds {
    fn default() -> Self {
        Self {
            ttl: Span::from_seconds(600),
            ttl_max: Span::from_seconds(1_800),
            extended_max: Span::from_seconds(3_600),
            per_party: 3,
            cool_off: Span::default(),
            cool_off_jitter: Span::default(),
        }
    }
}

const fn one() -> u16 {
    1
}

const fn four() -> u16 {
    4
}

const fn quarter() -> Span {
    Span::from_seconds(15 * 60)
}

const fn month() -> Span {
    Span::from_seconds(30 * 86_400)
}
