//! How is FHIR served? Routes of a read-only R4 server.
//!
//! Errors are `OperationOutcome`s; appointments are for staff and partners.

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ClaimId;
use crate::web::App;
use crate::web::fhir::{
    self, Appointments, Bound, COUNT, COUNT_MAX, Outcome, Resource, Slots, calendar_of, slot_of,
};
use crate::web::guard::{Caller, Role};
use crate::web::wire::escape;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(metadata))
        .routes(routes!(schedule))
        .routes(routes!(slots))
        .routes(routes!(slot))
        .routes(routes!(appointments))
        .routes(routes!(appointment))
}

fn base(app: &App) -> String {
    format!("{}/fhir", app.settings.base())
}

/// The parameters of a search, decoded, in the order sent.
#[derive(Debug)]
struct Asked(Vec<(String, String)>);

impl Asked {
    fn new(query: Option<String>) -> Result<Self, Outcome> {
        let uri = format!("/?{}", query.unwrap_or_default());
        let uri = uri.parse().map_err(|_| Outcome::invalid("the query cannot be read"))?;
        let pairs = axum::extract::Query::try_from_uri(&uri);
        pairs
            .map(|axum::extract::Query(pairs)| Self(pairs))
            .map_err(|error| Outcome::invalid(error.body_text()))
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    fn one<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    fn bounds(&self, name: &str) -> Result<Vec<Bound>, Outcome> {
        let wrong = |text: &str| Outcome::invalid(format!("{name}: not a date: {text:?}"));
        self.all(name).map(|text| Bound::parse(text).ok_or_else(|| wrong(text))).collect()
    }

    fn status(&self) -> Vec<String> {
        self.all("status").flat_map(|text| text.split(',')).map(str::to_owned).collect()
    }

    fn count(&self) -> Result<usize, Outcome> {
        let Some(text) = self.one("_count") else {
            return Ok(COUNT);
        };
        let count = text.parse::<usize>().ok().filter(|count| *count > 0);
        let wrong = || Outcome::invalid("_count: a number from 1");
        Ok(count.ok_or_else(wrong)?.min(COUNT_MAX))
    }

    /// The search as a link says it, without the cursor.
    fn link(&self, kind: &str) -> String {
        let pairs = self.0.iter().filter(|(name, _)| name != "_after");
        let pairs = pairs.map(|(name, value)| format!("{}={}", escape(name), escape(value)));
        let query: Vec<String> = pairs.collect();
        if query.is_empty() { kind.to_owned() } else { format!("{kind}?{}", query.join("&")) }
    }
}

/// What this server can do.
#[utoipa::path(get, path = "/fhir/metadata", tag = "fhir", responses(
    (status = 200, description = "A `CapabilityStatement`",
        content_type = "application/fhir+json", body = serde_json::Value),
))]
async fn metadata(State(app): State<App>) -> Resource {
    Resource(StatusCode::OK, fhir::statement(&base(&app)))
}

/// A calendar.
#[utoipa::path(get, path = "/fhir/Schedule/{id}", tag = "fhir",
    params(("id" = String, Path, description = "The calendar's key")),
    responses(
        (status = 200, description = "A `Schedule`",
            content_type = "application/fhir+json", body = serde_json::Value),
        (status = 404, description = "An `OperationOutcome`"),
))]
async fn schedule(State(app): State<App>, Path(id): Path<String>) -> Result<Resource, Outcome> {
    let calendar = calendar_of(&app.engine, &id).ok_or_else(Outcome::not_found)?;
    let schedule = fhir::schedule(&app.engine, &base(&app), calendar);
    Ok(Resource(StatusCode::OK, schedule.ok_or_else(Outcome::not_found)?))
}

/// A slot: all places of one start.
#[utoipa::path(get, path = "/fhir/Slot/{id}", tag = "fhir",
    params(("id" = String, Path, description = "Such as `boston.2027-01-12.37`")),
    responses(
        (status = 200, description = "A `Slot`",
            content_type = "application/fhir+json", body = serde_json::Value),
        (status = 404, description = "An `OperationOutcome`"),
))]
async fn slot(State(app): State<App>, Path(id): Path<String>) -> Result<Resource, Outcome> {
    let slot = slot_of(&app.engine, &id).and_then(|slot| fhir::slot(&app.engine, slot));
    Ok(Resource(StatusCode::OK, slot.ok_or_else(Outcome::not_found)?))
}

/// Slots of a schedule in order of time.
#[utoipa::path(get, path = "/fhir/Slot", tag = "fhir",
    params(
        ("schedule" = String, Query, description = "`Schedule/boston`"),
        ("start" = Option<String>, Query, description = "Such as `ge2027-01-12`; may be repeated"),
        ("status" = Option<String>, Query, description = "Such as `free`"),
        ("_count" = Option<String>, Query, description = "From 1; 50 by default, 500 at most"),
        ("_after" = Option<String>, Query, description = "Only from a `next` link"),
    ),
    responses(
        (status = 200, description = "A `Bundle`",
            content_type = "application/fhir+json", body = serde_json::Value),
        (status = 400, description = "An `OperationOutcome`"),
))]
async fn slots(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Resource, Outcome> {
    let asked = Asked::new(query)?;
    let schedule = asked.one("schedule").map(|text| text.trim_start_matches("Schedule/"));
    let needed = || Outcome::new(StatusCode::BAD_REQUEST, "required", "schedule=Schedule/ID");
    let schedule = schedule.ok_or_else(needed)?;
    let after = asked.one("_after");
    let (start, count) = (asked.bounds("start")?, asked.count()?);
    // What is not there has no slots: an empty answer, not an error.
    let Some(calendar) = calendar_of(&app.engine, schedule) else {
        return Ok(fhir::empty(&base(&app), &asked.link("Slot")));
    };
    let slots = Slots {
        calendar,
        start,
        status: asked.status(),
        count,
        after: after
            .map(|after| slot_of(&app.engine, after).ok_or_else(|| Outcome::invalid("_after")))
            .transpose()?,
    };
    let work = app.clone();
    let page = tokio::task::spawn_blocking(move || slots.page(&work.engine)).await;
    let failed = |error: tokio::task::JoinError| {
        Outcome::new(StatusCode::INTERNAL_SERVER_ERROR, "exception", error.to_string())
    };
    Ok(page.map_err(failed)?.bundle(&base(&app), &asked.link("Slot"), after))
}

/// Staff and partners.
fn known(caller: &Caller) -> Result<(), Outcome> {
    let needed = "send `Authorization: Bearer KEY`";
    caller
        .is(Role::Partner)
        .then_some(())
        .ok_or_else(|| Outcome::new(StatusCode::UNAUTHORIZED, "login", needed))
}

/// An appointment, without the person.
#[utoipa::path(get, path = "/fhir/Appointment/{id}", tag = "fhir",
    params(("id" = String, Path, description = "The claim's id")),
    responses(
        (status = 200, description = "An `Appointment`",
            content_type = "application/fhir+json", body = serde_json::Value),
        (status = 401, description = "An `OperationOutcome`"),
        (status = 404, description = "An `OperationOutcome`"),
))]
async fn appointment(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Resource, Outcome> {
    known(&caller)?;
    let claim: ClaimId = id.parse().map_err(|_| Outcome::not_found())?;
    let claim = app.engine.claim(claim).await?;
    Ok(Resource(StatusCode::OK, fhir::appointment(&app.engine, &base(&app), &claim)))
}

/// Appointments by date, calendar and start.
#[utoipa::path(get, path = "/fhir/Appointment", tag = "fhir",
    params(
        ("date" = Option<String>, Query, description = "Such as `ge2027-01-12`; may be repeated"),
        ("location" = Option<String>, Query, description = "The key of an office"),
        ("status" = Option<String>, Query, description = "Such as `booked`"),
        ("_count" = Option<String>, Query, description = "From 1; 50 by default, 500 at most"),
        ("_after" = Option<String>, Query, description = "Only from a `next` link"),
    ),
    responses(
        (status = 200, description = "A `Bundle`",
            content_type = "application/fhir+json", body = serde_json::Value),
        (status = 400, description = "An `OperationOutcome`"),
        (status = 401, description = "An `OperationOutcome`"),
))]
async fn appointments(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Resource, Outcome> {
    known(&caller)?;
    let asked = Asked::new(query)?;
    let (base, link) = (base(&app), asked.link("Appointment"));
    let location = asked.one("location").map(|text| text.trim_start_matches("Location/"));
    let (date, count) = (asked.bounds("date")?, asked.count()?);
    let office = location.map(|key| app.engine.office(key));
    if office == Some(None) {
        return Ok(fhir::empty(&base, &link));
    }
    let after = asked.one("_after");
    let cursor = after.map(|after| {
        fhir::After::parse(&app.engine, after).ok_or_else(|| Outcome::invalid("_after"))
    });
    let search = Appointments {
        date,
        office: office.flatten(),
        status: asked.status(),
        count,
        after: cursor.transpose()?,
    };
    Ok(search.page(&app.engine, &base).await?.bundle(&base, &link, after))
}
