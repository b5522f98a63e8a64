//! Who comes on a day? Lists for staff: by office and date, by what somebody said on the telephone.
//!
//! Never for anybody else: people are named here.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::web::App;
use crate::web::guard::StaffCaller;
use crate::web::problem::Problem;
use crate::web::wire;
use crate::{CalendarId, Claim, ClaimId, ClaimState, DayId, Error, Rejection};

use super::asked;
use super::extract::{Json, Named, Query};
use super::told::ClaimTold;

/// Claims on a page by default, and at most.
const LIMIT: usize = 100;
const LIMIT_MAX: usize = 500;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(search)).routes(routes!(roster))
}

/// Which bookings.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Search {
    /// An office's key, together with `day`.
    office: Option<String>,
    /// A date at the office.
    day: Option<NaiveDate>,
    /// Instead: a booking code, a telephone number, or a name and a birth date
    /// (`Ana Ruiz 1990-01-31`).
    q: Option<String>,
    /// From the `Link` of the page before.
    cursor: Option<String>,
    /// 100 by default.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// How far a roster is told.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Further {
    /// From the `Link` of the page before.
    cursor: Option<String>,
    /// 100 by default.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// Claims, with their people.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Bookings {
    bookings: Vec<ClaimTold>,
}

/// Where a page ended: at which claim of which calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cursor {
    calendar: CalendarId,
    at: (u16, ClaimId),
}

impl Cursor {
    fn of(claim: &Claim) -> Self {
        Self { calendar: claim.slot.day.calendar(), at: (claim.slot.index, claim.id) }
    }

    fn text(self) -> String {
        let (start, claim) = self.at;
        format!("{}-{start}-{claim}", self.calendar)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let calendar = CalendarId(parts.next()?.parse().ok()?);
        let start = parts.next()?.parse().ok()?;
        let claim = wire::claim_from_text(parts.next()?)?;
        parts.next().is_none().then_some(Self { calendar, at: (start, claim) })
    }
}

fn cursor(text: Option<&str>) -> Result<Option<Cursor>, Problem> {
    let wrong = || Problem::malformed("cursor: take it from the `Link` of the page before");
    text.map(|text| Cursor::read(text).ok_or_else(wrong)).transpose()
}

fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    let limit = asked.unwrap_or(LIMIT);
    let right = (1..=LIMIT_MAX).contains(&limit);
    right.then_some(limit).ok_or_else(|| Problem::malformed(format!("limit: 1 to {LIMIT_MAX}")))
}

/// Claims on the rosters of some days, in order, one more than a page has.
async fn listed(
    app: &App,
    days: &[DayId],
    after: Option<Cursor>,
    limit: usize,
) -> Result<Vec<Claim>, Error> {
    let mut claims = Vec::new();
    for day in days {
        let after = match after {
            Some(cursor) if day.calendar() < cursor.calendar => continue,
            Some(cursor) if day.calendar() == cursor.calendar => Some(cursor.at),
            _ => None,
        };
        let more = limit + 1 - claims.len();
        match app.engine.roster(*day, after, more).await {
            Ok(found) => claims.extend(found),
            Err(Error::Rejected(Rejection::UnknownDay { .. })) if days.len() > 1 => {}
            Err(error) => return Err(error),
        }
        if claims.len() > limit {
            break;
        }
    }
    Ok(claims)
}

/// A page of claims, with a link to the next if there is one; `holds` too, or not.
fn page(
    app: &App,
    mut claims: Vec<Claim>,
    limit: usize,
    holds: bool,
    here: &str,
) -> Result<Response, Problem> {
    let more = claims.len() > limit;
    claims.truncate(limit);
    let next = claims.last().filter(|_| more).map(Cursor::of);
    let told = claims.iter().filter(|claim| holds || claim.state != ClaimState::Held);
    let told = told.map(|claim| with_person(app, claim));
    let bookings = told.collect::<Result<Vec<_>, Problem>>()?;
    let mut response = Json(Bookings { bookings }).into_response();
    if let Some(next) = next {
        let link = format!("<{here}cursor={}&limit={limit}>; rel=\"next\"", next.text());
        if let Ok(link) = HeaderValue::try_from(link) {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    Ok(response)
}

fn with_person(app: &App, claim: &Claim) -> Result<ClaimTold, Problem> {
    let told = ClaimTold::new(app, claim);
    Ok(match app.reception.person_of(claim)? {
        Some(kept) => told.with_person(&kept),
        None => told,
    })
}

/// Bookings of an office on a day, or those that somebody on the telephone may mean.
#[utoipa::path(get, path = "/v1/bookings", tag = "bookings", params(Search),
    security(("key" = [])),
    responses(
        (status = 200, description = "Bookings in order of time; found ones newest first",
            body = Bookings, headers(("Link" = String, description = "`rel=\"next\"`"))),
        (status = 400, description = "`malformed`"),
        (status = 401, description = "`unauthorized`"),
        (status = 403, description = "`forbidden`"),
        (status = 422, description = "`invalid`: an unknown office, or neither day nor `q`"),
    ))]
async fn search(
    State(app): State<App>,
    _: StaffCaller,
    Query(search): Query<Search>,
) -> Result<Response, Problem> {
    let limit = limit(search.limit)?;
    let after = cursor(search.cursor.as_deref())?;
    match (&search.office, search.day, &search.q) {
        (Some(key), Some(date), None) => {
            let mut calendars = app.engine.calendars_of(asked::office(&app, key)?);
            calendars.sort_unstable();
            let days = calendars.into_iter().filter_map(|calendar| DayId::new(calendar, date));
            let days: Vec<DayId> = days.filter(|day| app.engine.day_seq(*day).is_some()).collect();
            let claims = listed(&app, &days, after, limit).await?;
            let office = wire::escape(key);
            page(&app, claims, limit, false, &format!("/v1/bookings?office={office}&day={date}&"))
        }
        (None, None, Some(text)) => {
            let found = app.reception.search(text).await?;
            let told = found.iter().take(limit);
            let told =
                told.map(|found| ClaimTold::new(&app, &found.claim).with_person(&found.kept));
            Ok(Json(Bookings { bookings: told.collect() }).into_response())
        }
        _ => Err(Problem::invalid("send `office` and `day`, or `q`")),
    }
}

/// Everybody on a day of a calendar, in order of time: holds, bookings, arrivals, absences.
#[utoipa::path(get, path = "/v1/days/{day}/roster", tag = "days", security(("key" = [])),
    params(("day" = String, Path, description = "Such as `boston~2027-01-12`"), Further),
    responses(
        (status = 200, description = "Claims in order of time", body = Bookings,
            headers(("Link" = String, description = "`rel=\"next\"`"))),
        (status = 400, description = "`malformed`"),
        (status = 401, description = "`unauthorized`"),
        (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not-found`: no such day"),
    ))]
async fn roster(
    State(app): State<App>,
    _: StaffCaller,
    Named(text): Named,
    Query(further): Query<Further>,
) -> Result<Response, Problem> {
    let day = wire::day_from_text(&app.engine, &text).ok_or_else(Problem::not_found)?;
    let limit = limit(further.limit)?;
    let after = cursor(further.cursor.as_deref())?;
    let claims = listed(&app, &[day], after, limit).await.map_err(|error| match error {
        Error::Rejected(Rejection::UnknownDay { .. }) => Problem::not_found(),
        error => error.into(),
    })?;
    page(&app, claims, limit, true, &format!("/v1/days/{}/roster?", wire::escape(&text)))
}
