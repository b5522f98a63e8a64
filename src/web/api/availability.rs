//! What is free? Counts for many offices and days at once, the earliest places, and a last look.
//!
//! Never promises: the hold decides. Never computes for who has the newest answer already.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::web::App;
use crate::web::guard::Caller;
use crate::web::problem::Problem;
use crate::web::refused::{OpeningTold, Wish, office_key};
use crate::{DayId, OfficeId, Opening, Openings, PartyId, RequestId};

use super::asked::{self, Arrangement, ChannelName};
use super::extract::{Json, Query};
use super::tags::{Tag, tagged};

/// Days of one query by default, and at most.
const DAYS: u64 = 31;
const DAYS_MAX: u64 = 400;
/// Offices times days of one query at most: by day, and slot by slot.
const CELLS_MAX: u64 = 6_000;
const CELLS_OF_SLOTS_MAX: u64 = 600;
/// So many are looked at without leaving the thread.
const CELLS_AT_ONCE: u64 = 200;
/// Slots of one check at most.
const CHECKED_MAX: usize = 100;
/// The engine's own limit of openings in one query.
const STEP: usize = 1_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(bulk)).routes(routes!(first)).routes(routes!(check))
}

/// How much detail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Group {
    #[default]
    Day,
    Slot,
}

/// What is looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Range {
    /// One to four keys, divided by commas, in one visit.
    #[param(example = "passport")]
    service: String,
    /// Keys divided by commas; all offices by default.
    #[param(example = "boston,dallas")]
    offices: Option<String>,
    /// The first date at the office; today by default.
    from: Option<NaiveDate>,
    /// The last date at the office; 30 days after `from` by default.
    to: Option<NaiveDate>,
    /// `day` (default) counts; `slot` lists the places too.
    #[param(inline)]
    group: Option<Group>,
    /// How many persons come together.
    #[param(minimum = 1, maximum = 255)]
    persons: Option<u16>,
    #[param(inline)]
    arrangement: Option<Arrangement>,
    /// With a key; `web` by default.
    #[param(inline)]
    channel: Option<ChannelName>,
}

/// Days on which something is free.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Availability {
    days: Vec<DayTold>,
}

/// A day of an office on which something is free.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Day)]
pub(crate) struct DayTold {
    #[schema(example = "boston")]
    office: String,
    date: NaiveDate,
    /// How many starts are free.
    openings: usize,
    /// The earliest of them.
    first: OpeningTold,
    /// All of them, with `group=slot`.
    #[serde(skip_serializing_if = "Option::is_none")]
    slots: Option<Vec<OpeningTold>>,
}

/// A range that was checked.
struct Span {
    offices: Vec<OfficeId>,
    from: NaiveDate,
    to: NaiveDate,
    group: Group,
    wish: Wish,
    cells: u64,
}

impl Range {
    fn read(&self, app: &App, caller: &Caller) -> Result<Span, Problem> {
        let offices = match &self.offices {
            Some(keys) => asked::offices(app, keys)?,
            None => all_offices(app),
        };
        // Yesterday by UTC is still today at some offices.
        let yesterday = || {
            let today = app.engine.now().date_naive();
            today.checked_sub_days(Days::new(1)).unwrap_or(today)
        };
        let from = self.from.unwrap_or_else(yesterday);
        let to = self.to.or_else(|| from.checked_add_days(Days::new(DAYS))).unwrap_or(from);
        let group = self.group.unwrap_or_default();
        let days = u64::try_from(to.signed_duration_since(from).num_days() + 1).unwrap_or(0);
        let cells = days.saturating_mul(offices.len() as u64);
        let cells_max = if group == Group::Slot { CELLS_OF_SLOTS_MAX } else { CELLS_MAX };
        if days > DAYS_MAX || cells > cells_max {
            let detail = "too many days, or offices times days; ask for fewer at a time";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "range-too-wide", detail)
                .with("days_max", DAYS_MAX)
                .with("offices_times_days_max", cells_max));
        }
        let services = asked::services(app, self.service.split(',').map(str::trim))?;
        let wish = Wish {
            services,
            persons: self.persons.unwrap_or(1),
            in_turn: self.arrangement == Some(Arrangement::InTurn),
            channel: asked::channel(caller, self.channel)?,
        };
        Ok(Span { offices, from, to, group, wish, cells })
    }
}

impl Span {
    /// What the answer rests on: the versions of its days, and time in steps of a minute, since
    /// days are released and leads run out.
    fn tag(&self, app: &App) -> Tag {
        let mut tag = Tag::new("availability");
        tag.add(u64::try_from(app.engine.now().timestamp() / 60).unwrap_or(0));
        for office in &self.offices {
            for calendar in app.engine.calendars_of(*office) {
                for date in self.from.iter_days().take_while(|date| *date <= self.to) {
                    let seq = DayId::new(calendar, date).and_then(|day| app.engine.day_seq(day));
                    tag.add(seq.map_or(0, |seq| seq.0 + 1));
                }
            }
        }
        tag
    }

    fn look(&self, app: &App) -> Availability {
        let mut days = Vec::new();
        for office in &self.offices {
            let Some(key) = app.engine.office_key(*office) else { continue };
            let query = self.wish.openings().offices(&[*office]).limit(STEP);
            if self.group == Group::Slot {
                by_day(app, &query, self.from, self.to, |date, openings| {
                    days.extend(with_slots(app, &key, date, openings));
                });
                continue;
            }
            let found = app.engine.open_days(&query.from(self.from).to(self.to));
            days.extend(found.iter().map(|day| DayTold {
                office: key.clone(),
                date: day.date,
                openings: day.starts as usize,
                first: OpeningTold::new(&app.engine, &day.first),
                slots: None,
            }));
        }
        Availability { days }
    }
}

fn with_slots(app: &App, office: &str, date: NaiveDate, openings: &[Opening]) -> Option<DayTold> {
    let tell = |opening| OpeningTold::new(&app.engine, opening);
    Some(DayTold {
        office: office.to_owned(),
        date,
        openings: openings.len(),
        first: tell(openings.first()?),
        slots: Some(openings.iter().map(tell).collect()),
    })
}

/// Calls `tell` for every date that has openings, with all of them.
fn by_day(
    app: &App,
    query: &Openings,
    from: NaiveDate,
    to: NaiveDate,
    mut tell: impl FnMut(NaiveDate, &[Opening]),
) {
    let date_of = |opening: &Opening| opening.slot.day.date();
    let mut next = Some(from);
    while let Some(start) = next.take().filter(|start| *start <= to) {
        let found = app.engine.openings(&query.clone().from(start).to(to));
        let mut days = found.chunk_by(|one, other| date_of(one) == date_of(other)).peekable();
        while let Some(day) = days.next() {
            let Some(date) = day.first().map(date_of) else { continue };
            // The last day of a full answer may have been cut; a day that fills it alone is told.
            let cut = days.peek().is_none() && found.len() >= STEP;
            if cut && date > start {
                next = Some(date);
            } else {
                tell(date, day);
                next = if cut { date.succ_opt() } else { None };
            }
        }
    }
}

fn all_offices(app: &App) -> Vec<OfficeId> {
    let catalog = app.engine.catalog();
    let offices = catalog.iter().flat_map(|catalog| &catalog.offices);
    offices.filter_map(|office| app.engine.office(&office.key)).collect()
}

/// Free days, or places, of many offices at once.
///
/// Poll with `If-None-Match`: 304 costs little. Between answers a shared cache may keep one for a
/// second.
#[utoipa::path(get, path = "/v1/availability", tag = "availability", params(Range),
    responses(
        (status = 200, description = "Days with free places", body = Availability,
            headers(("ETag" = String, description = "Changes with any of the days"))),
        (status = 304, description = "As it was"),
        (status = 400, description = "`malformed`, `range-too-wide`"),
        (status = 403, description = "`forbidden`: a channel that needs a key"),
        (status = 422, description = "`invalid`: an unknown service or office"),
    ))]
async fn bulk(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Query(range): Query<Range>,
) -> Result<Response, Problem> {
    let span = range.read(&app, &caller)?;
    let query = format!("{range:?}");
    let tag = span.tag(&app).with(query.as_bytes());
    let look = async {
        if span.cells <= CELLS_AT_ONCE {
            return Ok(span.look(&app));
        }
        // So that nobody else waits for it.
        let looked = tokio::task::spawn_blocking(move || span.look(&app)).await;
        looked.map_err(|_| Problem::failure())
    };
    tagged(&headers, &tag, "public, max-age=1", look).await
}

/// Where the earliest places are looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FirstQuery {
    /// One to four keys, divided by commas, in one visit.
    #[param(example = "passport")]
    service: String,
    /// The key of an office: its places come first, then those of others.
    near: Option<String>,
    /// Not before this date.
    from: Option<NaiveDate>,
    /// At most so many places; 3 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    #[param(minimum = 1, maximum = 255)]
    persons: Option<u16>,
    #[param(inline)]
    arrangement: Option<Arrangement>,
    /// With a key; `web` by default.
    #[param(inline)]
    channel: Option<ChannelName>,
}

/// Free places.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Earliest {
    openings: Vec<OpeningTold>,
}

/// The earliest free places anywhere; with `near`, those of that office first.
#[utoipa::path(get, path = "/v1/availability/first", tag = "availability", params(FirstQuery),
    responses(
        (status = 200, description = "The places, perhaps none", body = Earliest),
        (status = 400, description = "`malformed`"),
        (status = 403, description = "`forbidden`: a channel that needs a key"),
        (status = 422, description = "`invalid`: an unknown service or office, or the limit"),
    ))]
async fn first(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<FirstQuery>,
) -> Result<Json<Earliest>, Problem> {
    let limit = query.limit.unwrap_or(3);
    if !(1..=100).contains(&limit) {
        return Err(Problem::invalid("limit: 1 to 100"));
    }
    let wish = Wish {
        services: asked::services(&app, query.service.split(',').map(str::trim))?,
        persons: query.persons.unwrap_or(1),
        in_turn: query.arrangement == Some(Arrangement::InTurn),
        channel: asked::channel(&caller, query.channel)?,
    };
    let all = wish.openings().limit(limit);
    let all = if let Some(from) = query.from { all.from(from) } else { all };
    let mut found = Vec::new();
    if let Some(near) = &query.near {
        let near = asked::office(&app, near)?;
        found = app.engine.openings(&all.clone().offices(&[near]));
    }
    for opening in app.engine.openings(&all) {
        if found.len() < limit && found.iter().all(|known| known.slot != opening.slot) {
            found.push(opening);
        }
    }
    let openings = found.iter().map(|opening| OpeningTold::new(&app.engine, opening)).collect();
    Ok(Json(Earliest { openings }))
}

/// Slots to look at once more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckAsk {
    #[schema(min_items = 1, max_items = 100)]
    slots: Vec<String>,
    #[schema(min_items = 1, max_items = 4)]
    services: Vec<String>,
    #[serde(default = "asked::one")]
    #[schema(default = 1, minimum = 1, maximum = 255)]
    persons: u16,
    #[serde(default)]
    arrangement: Arrangement,
    #[serde(default)]
    channel: Option<ChannelName>,
}

/// How the slots stand, in the order asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Checked {
    slots: Vec<SlotTold>,
}

/// How a slot stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SlotTold {
    slot: String,
    office: String,
    available: bool,
    /// Why not, such as `slot_full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

/// Whether these slots could be held now: by the same rules as the hold itself, the limits of the
/// person aside.
#[utoipa::path(post, path = "/v1/availability/check", tag = "availability",
    request_body = CheckAsk,
    responses(
        (status = 200, description = "How each slot stands", body = Checked),
        (status = 400, description = "`malformed`"),
        (status = 403, description = "`forbidden`: a channel that needs a key"),
        (status = 422, description = "`invalid`: an unknown slot or service"),
    ))]
async fn check(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<CheckAsk>,
) -> Result<Json<Checked>, Problem> {
    if !(1..=CHECKED_MAX).contains(&body.slots.len()) {
        return Err(Problem::invalid(format!("slots: 1 to {CHECKED_MAX}")));
    }
    let services = asked::services(&app, body.services.iter().map(String::as_str))?;
    let channel = asked::channel(&caller, body.channel)?;
    let in_turn = body.arrangement == Arrangement::InTurn;
    let mut slots = Vec::with_capacity(body.slots.len());
    for text in body.slots {
        let slot = asked::slot(&app, &text)?;
        let wish = Wish { services, persons: body.persons, in_turn, channel };
        let refusal = app.engine.would_hold(&wish.ask(PartyId(0), RequestId(0), slot)).err();
        slots.push(SlotTold {
            slot: text,
            office: office_key(&app.engine, slot.day.calendar()),
            available: refusal.is_none(),
            code: refusal.map(crate::Rejection::code),
        });
    }
    Ok(Json(Checked { slots }))
}
