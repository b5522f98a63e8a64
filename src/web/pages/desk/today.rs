//! Who comes to an office on a day? The list with who has arrived, was served, or did not come.
//!
//! Never changed by looking at it; the engine decides what may be marked, and from when on.

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use chrono::{Days, NaiveDate};

use crate::desk::DeskError;
use crate::web::App;
use crate::web::api::noted;
use crate::web::civil::{date_in_words, time_in_words, wall};
use crate::web::pages::citizen;
use crate::web::pages::citizen::fields::Fields;
use crate::web::pages::citizen::show::{capital, service_names, short_name_of, state};
use crate::web::pages::frame::{Frame, page};
use crate::web::problem::Problem;
use crate::web::wire::{claim_from_text, escape};
use crate::web::words;
use crate::{Claim, ClaimState, DayId, Error, OfficeId, Rejection};

use super::Words;
use super::call::Operator;

/// People on a page.
const PAGE: usize = 100;

#[derive(Template)]
#[template(path = "desk/today.html")]
struct Today {
    frame: Frame,
    w: &'static Words,
    c: &'static citizen::Words,
    here: &'static str,
    admin: bool,
    office: String,
    name: String,
    zone: String,
    date: NaiveDate,
    title: String,
    action: String,
    refused: Option<String>,
    before: String,
    after: String,
    counts: [usize; 4],
    rows: Vec<Row>,
    pages: Vec<(usize, bool)>,
    at: usize,
}

#[derive(Debug)]
struct Row {
    id: String,
    time: String,
    name: String,
    code: String,
    services: String,
    persons: u8,
    state: String,
    booked: bool,
    arrived: bool,
}

#[derive(Template)]
#[template(path = "desk/offices.html")]
struct Which {
    frame: Frame,
    w: &'static Words,
    here: &'static str,
    admin: bool,
    offices: Vec<(String, String)>,
}

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/desk/today", get(choose))
        .route("/desk/today/{office}", get(present))
        .route("/desk/today/{office}/{date}", get(show).post(mark))
}

/// Which office?
async fn choose(operator: Operator) -> Response {
    if let [only] = operator.choice.offices.as_slice() {
        return Redirect::to(&format!("/desk/today/{}", escape(only))).into_response();
    }
    let app = &operator.app;
    let catalog = app.engine.catalog();
    let offices = catalog.iter().flat_map(|catalog| &catalog.offices);
    let named = |office: &crate::Office| {
        let id = app.engine.office(&office.key)?;
        Some((escape(&office.key), short_name_of(app, id)))
    };
    let offices = offices.filter_map(named).collect();
    let admin = operator.is_admin();
    page(&Which { here: "today", admin, offices, w: operator.w, frame: operator.frame })
}

/// The list of the day that it is at the office.
async fn present(operator: Operator, Path(office): Path<String>) -> Response {
    let Some(id) = operator.app.engine.office(&office) else {
        return Problem::not_found().into_response();
    };
    let date = today(&operator.app, id);
    Redirect::to(&format!("/desk/today/{}/{date}", escape(&office))).into_response()
}

fn today(app: &App, office: OfficeId) -> NaiveDate {
    let now = app.engine.now();
    let calendars = app.engine.calendars_of(office);
    calendars
        .first()
        .map_or_else(|| now.date_naive(), |calendar| wall(&app.engine, *calendar, now).date_naive())
}

async fn show(
    operator: Operator,
    Path((office, date)): Path<(String, String)>,
    fields: Fields,
) -> Response {
    match list(operator, &office, &date, &fields).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

/// Everybody on that day, in order of time.
async fn everybody(app: &App, office: OfficeId, date: NaiveDate) -> Result<Vec<Claim>, Error> {
    let mut all = Vec::new();
    for calendar in app.engine.calendars_of(office) {
        let Some(day) = DayId::new(calendar, date) else { continue };
        match app.engine.roster(day, None, usize::MAX).await {
            Ok(claims) => all.extend(claims),
            Err(Error::Rejected(Rejection::UnknownDay { .. })) => {}
            Err(error) => return Err(error),
        }
    }
    // A hold has nobody behind it who would come.
    all.retain(|claim| claim.state != ClaimState::Held);
    all.sort_by_key(|claim| (claim.starts_at, claim.id));
    Ok(all)
}

async fn list(
    operator: Operator,
    key: &str,
    date: &str,
    fields: &Fields,
) -> Result<Response, Problem> {
    let app = operator.app.clone();
    let (Some(office), Ok(date)) = (app.engine.office(key), date.parse::<NaiveDate>()) else {
        return Err(Problem::not_found());
    };
    let all = everybody(&app, office, date).await?;
    let at = fields.one("page").parse().unwrap_or(1).clamp(1, all.len().div_ceil(PAGE).max(1));
    let count =
        |states: &[ClaimState]| all.iter().filter(|claim| states.contains(&claim.state)).count();
    let language = operator.frame.language;
    let mut rows = Vec::with_capacity(PAGE);
    for claim in all.iter().skip((at - 1) * PAGE).take(PAGE) {
        rows.push(row(&operator, claim)?);
    }
    let refused = fields.one("refused");
    let link = |date: Option<NaiveDate>| {
        date.map(|date| format!("/desk/today/{}/{date}", escape(key))).unwrap_or_default()
    };
    let calendar = app.engine.calendars_of(office).first().copied();
    Ok(page(&Today {
        here: "today",
        admin: operator.is_admin(),
        name: short_name_of(&app, office),
        zone: calendar.and_then(|calendar| app.engine.zone_of(calendar)).unwrap_or_default(),
        title: capital(&date_in_words(date, language)),
        action: format!("/desk/today/{}/{date}", escape(key)),
        refused: (!refused.is_empty()).then(|| words::problem(refused, language).title.clone()),
        before: link(date.checked_sub_days(Days::new(1))),
        after: link(date.checked_add_days(Days::new(1))),
        counts: [
            count(&[ClaimState::Booked]),
            count(&[ClaimState::CheckedIn]),
            count(&[ClaimState::Served]),
            count(&[ClaimState::NoShow]),
        ],
        pages: (1..=all.len().div_ceil(PAGE)).map(|number| (number, number == at)).collect(),
        at,
        rows,
        office: key.to_owned(),
        date,
        w: operator.w,
        c: operator.c,
        frame: operator.frame,
    }))
}

fn row(operator: &Operator, claim: &Claim) -> Result<Row, DeskError> {
    let (app, language) = (&operator.app, operator.frame.language);
    let kept = app.reception.person_of(claim)?;
    let (name, code) =
        kept.map_or_else(Default::default, |kept| (kept.person.name, kept.code.to_string()));
    let time = claim.starts_at.map(|at| wall(&app.engine, claim.slot.day.calendar(), at));
    Ok(Row {
        id: claim.id.to_string(),
        time: time.map(|time| time_in_words(&time, language)).unwrap_or_default(),
        name,
        code,
        services: service_names(app, claim.services.as_slice(), language).join(", "),
        persons: claim.persons,
        state: state(operator.c, claim.state).to_owned(),
        booked: claim.state == ClaimState::Booked,
        arrived: claim.state == ClaimState::CheckedIn,
    })
}

/// Marks who has arrived, was served, or did not come.
async fn mark(
    operator: Operator,
    Path((office, date)): Path<(String, String)>,
    fields: Fields,
) -> Response {
    let back = format!("/desk/today/{}/{}", escape(&office), escape(&date));
    match marked(&operator, &office, &date, &fields).await {
        Ok(claim) => Redirect::to(&format!("{back}?{}#c-{claim}", paged(&fields))),
        Err(problem) => Redirect::to(&format!("{back}?refused={}", problem.name)),
    }
    .into_response()
}

/// The page of the list that the form was on.
fn paged(fields: &Fields) -> String {
    match fields.one("page").parse::<usize>() {
        Ok(page) if page > 1 => format!("page={page}"),
        _ => String::new(),
    }
}

async fn marked(
    operator: &Operator,
    office: &str,
    date: &str,
    fields: &Fields,
) -> Result<crate::ClaimId, Problem> {
    let engine = &operator.app.engine;
    let id = claim_from_text(fields.one("claim")).ok_or_else(Problem::not_found)?;
    let claim = engine.claim(id).await?;
    let here = engine.office_of(claim.slot.day.calendar()) == engine.office(office);
    if !here || claim.slot.day.date().to_string() != date {
        return Err(Problem::not_found());
    }
    let (marked, what) = match fields.one("state") {
        "arrived" => (engine.check_in(id), "arrived"),
        "served" => (engine.serve(id), "served"),
        "no_show" => (engine.no_show(id), "no-show"),
        _ => return Err(Problem::invalid("state: arrived, served or no_show")),
    };
    if !marked.await?.replayed {
        noted(&operator.app, &operator.session, what, id, "").await?;
    }
    Ok(id)
}
