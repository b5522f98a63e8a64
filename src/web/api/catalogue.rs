//! Where can one go, and what for? Offices and services as the catalog has them.
//!
//! Never tells what is free.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::web::App;
use crate::web::problem::Problem;
use crate::{Catalog, Names, Office, Requirements, Service};

use super::extract::Query;
use super::tags::{Tag, tagged_text};

/// How long a cache may keep the catalogue without asking.
const CACHE: &str = "public, max-age=60";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(offices)).routes(routes!(services))
}

/// Calls without parameters: others are refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// All offices.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Offices<'a> {
    offices: Vec<OfficeTold<'a>>,
}

/// A place with an address.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Office)]
pub(crate) struct OfficeTold<'a> {
    #[schema(example = "boston")]
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    /// ISO 3166 code.
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
    /// IANA name.
    #[schema(example = "America/New_York")]
    time_zone: &'a str,
    /// The keys of what it serves.
    services: BTreeSet<&'a str>,
    /// The keys of its calendars, as in the ids of days and slots.
    calendars: Vec<&'a str>,
}

/// All services.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Services<'a> {
    services: Vec<ServiceTold<'a>>,
}

/// Something to come for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Service)]
pub(crate) struct ServiceTold<'a> {
    #[schema(example = "passport")]
    key: &'a str,
    name: Texts<'a>,
    /// What to bring.
    requirements: Lists<'a>,
    /// Adjacent slots for one person.
    units: u16,
    /// The most persons of one booking.
    persons_max: u16,
    /// The most active bookings of one person.
    #[serde(skip_serializing_if = "Option::is_none")]
    active_max: Option<u16>,
    /// How long before the start one may cancel.
    cancel_cutoff_seconds: u64,
    /// How long before the start one may move.
    reschedule_cutoff_seconds: u64,
}

/// The same in both languages.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Texts<'a> {
    es: &'a str,
    en: &'a str,
}

/// The same in both languages.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Lists<'a> {
    es: &'a [String],
    en: &'a [String],
}

impl<'a> OfficeTold<'a> {
    fn new(office: &'a Office, catalog: &'a Catalog) -> Self {
        let own = || catalog.calendars.iter().filter(|calendar| calendar.office == office.key);
        Self {
            key: &office.key,
            name: office.name.as_deref(),
            address: office.address.as_deref(),
            country: office.country.as_deref(),
            time_zone: &office.zone,
            services: own().flat_map(|calendar| &calendar.services).map(String::as_str).collect(),
            calendars: own().map(|calendar| calendar.key.as_str()).collect(),
        }
    }
}

impl<'a> ServiceTold<'a> {
    fn new(service: &'a Service) -> Self {
        let Names { es, en } = &service.name;
        let Requirements { es: bring, en: bring_en } = &service.requirements;
        Self {
            key: &service.key,
            name: Texts { es, en },
            requirements: Lists { es: bring, en: bring_en },
            units: service.units,
            persons_max: service.persons_max,
            active_max: service.active_max,
            cancel_cutoff_seconds: service.cancel_cutoff.seconds(),
            reschedule_cutoff_seconds: service.reschedule_cutoff.seconds(),
        }
    }
}

/// The offices, with what they serve.
#[utoipa::path(get, path = "/v1/offices", tag = "catalogue", responses(
    (status = 200, description = "All offices", body = Offices,
        headers(("ETag" = String, description = "Changes with the answer"))),
    (status = 304, description = "As they were"),
    (status = 400, description = "`malformed`"),
))]
async fn offices(
    State(app): State<App>,
    headers: HeaderMap,
    _: Query<Nothing>,
) -> Result<Response, Problem> {
    let catalog = app.engine.catalog().unwrap_or_default();
    let offices = catalog.offices.iter().map(|office| OfficeTold::new(office, &catalog)).collect();
    Ok(told(&headers, &Offices { offices }))
}

/// The services, with what to bring.
#[utoipa::path(get, path = "/v1/services", tag = "catalogue", responses(
    (status = 200, description = "All services", body = Services,
        headers(("ETag" = String, description = "Changes with the answer"))),
    (status = 304, description = "As they were"),
    (status = 400, description = "`malformed`"),
))]
async fn services(
    State(app): State<App>,
    headers: HeaderMap,
    _: Query<Nothing>,
) -> Result<Response, Problem> {
    let catalog = app.engine.catalog().unwrap_or_default();
    let services = catalog.services.iter().map(ServiceTold::new).collect();
    Ok(told(&headers, &Services { services }))
}

/// The answer, tagged with the hash of its own text.
fn told(headers: &HeaderMap, answer: &impl Serialize) -> Response {
    let text = serde_json::to_vec(answer).unwrap_or_default();
    let tag = Tag::new("catalogue").with(&text);
    tagged_text(headers, &tag, CACHE, text)
}
