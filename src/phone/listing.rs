//! What can be asked for, and where is the nearest office? The catalog as it is spoken of.
//!
//! Nearest is as the crow flies, from the middle of the area of a ZIP code's first three digits to
//! the city of the office. Which office is *responsible* for an address is not known here; a file
//! of one's own replaces the table.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Catalog;
use crate::desk::Language;

/// A service or an office as it is spoken of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its key in the catalog.
    pub key: String,
    /// Its name in Spanish.
    pub es: String,
    /// Its name in English.
    pub en: String,
    /// The keys of the services: those that an office has, or a service itself.
    pub services: Vec<String>,
    /// The most persons of one visit.
    pub persons_max: u8,
    /// Whether it is outside the United States, where there are no ZIP codes.
    pub abroad: bool,
}

impl Named {
    /// Its name in a language.
    pub fn name(&self, language: Language) -> &str {
        match language {
            Language::Es => &self.es,
            Language::En => &self.en,
        }
    }
}

/// What can be asked for.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Services in the order of the catalog.
    pub services: Vec<Named>,
    /// Offices: those without ZIP codes first, then by name.
    pub offices: Vec<Named>,
    zips: Arc<Zips>,
}

impl Listing {
    /// Of a catalog.
    pub fn new(catalog: &Catalog, zips: Arc<Zips>) -> Self {
        let services = catalog.services.iter().map(|service| {
            let or_key = |name: &str| if name.is_empty() { &service.key } else { name }.to_owned();
            Named {
                key: service.key.clone(),
                es: or_key(&service.name.es),
                en: or_key(&service.name.en),
                services: vec![service.key.clone()],
                persons_max: u8::try_from(service.persons_max).unwrap_or(u8::MAX),
                abroad: false,
            }
        });
        let mut offices: Vec<_> = catalog
            .offices
            .iter()
            .map(|office| {
                let name = office.name.clone().unwrap_or_else(|| office.key.clone());
                let own = catalog.calendars.iter().filter(|calendar| calendar.office == office.key);
                let mut services: Vec<_> =
                    own.flat_map(|calendar| calendar.services.iter().cloned()).collect();
                services.sort();
                services.dedup();
                Named {
                    key: office.key.clone(),
                    es: name.clone(),
                    en: name,
                    services,
                    persons_max: 0,
                    abroad: office.country.as_deref().is_some_and(|country| country != "US"),
                }
            })
            .collect();
        offices.sort_by(|a, b| (!a.abroad, &a.es).cmp(&(!b.abroad, &b.es)));
        Self { services: services.collect(), offices, zips }
    }

    /// A service by its key.
    pub fn service(&self, key: &str) -> Option<&Named> {
        self.services.iter().find(|service| service.key == key)
    }

    /// An office by its key.
    pub fn office(&self, key: &str) -> Option<&Named> {
        self.offices.iter().find(|office| office.key == key)
    }

    /// The keys of the offices nearest to a ZIP code, nearest first; none if it is not known.
    pub fn nearest(&self, zip: &str) -> Vec<String> {
        let here = zip.get(..3).and_then(|head| self.zips.centres.get(head));
        let Some(here) = here.filter(|_| zip.len() == 5) else { return Vec::new() };
        let mut far: Vec<(f64, &str)> = Vec::new();
        for office in &self.offices {
            if let Some(there) = self.zips.offices.get(&office.key) {
                far.push((distance(*here, *there), &office.key));
            }
        }
        far.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(b.1)));
        far.into_iter().map(|(_, key)| key.to_owned()).collect()
    }
}

/// Where ZIP codes and offices are: degrees north and east.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zips {
    /// By the first three digits.
    centres: BTreeMap<String, (f64, f64)>,
    /// By the key of the office.
    offices: BTreeMap<String, (f64, f64)>,
}

impl Zips {
    /// From a document with the tables `centres` and `offices`.
    ///
    /// # Errors
    /// What is wrong and where.
    pub fn from_toml(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// The table that comes along: middles of areas from the Census Bureau's gazetteer of ZIP code
    /// areas, and the cities of the demonstration's 57 offices.
    pub fn built_in() -> Self {
        Self::from_toml(include_str!("words/zips.toml")).unwrap_or_default()
    }
}

/// How far apart, on a scale of its own: the haversine of the angle.
fn distance(here: (f64, f64), there: (f64, f64)) -> f64 {
    let ((north, east), (to_north, to_east)) = (here, there);
    let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
    let flat = north.to_radians().cos() * to_north.to_radians().cos();
    half(north, to_north) + flat * half(east, to_east)
}
