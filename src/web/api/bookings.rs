//! How does a hold become a booking, and what may happen to it then?
//!
//! Never moves or cancels on a GET. What staff does is noted in the audit.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::web::App;
use crate::web::guard::{Caller, Role, StaffCaller};
use crate::web::problem::Problem;
use crate::web::refused::{Wish, explain};
use crate::{Receipt, RequestId};

use super::access::{AccessHeaders, Reached, Shown, Standing, actor, noted};
use super::asked::{Arrangement, ChannelName, For, HoldAsk, Party, PersonSaid, slot};
use super::extract::{IfMatch, Json, KeyHeader, Keyed, Named};
use super::holds::{Changed, explain_claim};
use super::told::ClaimTold;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(read))
        .routes(routes!(reschedule))
        .routes(routes!(cancel))
        .routes(routes!(attend))
}

/// Either `hold` alone, or with a key a place to book at once.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"hold": "0040000010000001"}))]
pub(crate) struct BookAsk {
    /// The id of the hold to confirm; nothing else is sent then.
    hold: Option<String>,
    /// With a key: the place to book at once.
    #[schema(example = "boston~2027-01-12~37")]
    slot: Option<String>,
    #[schema(min_items = 1, max_items = 4)]
    services: Option<Vec<String>>,
    #[schema(minimum = 1, maximum = 255)]
    persons: Option<u16>,
    arrangement: Option<Arrangement>,
    channel: Option<ChannelName>,
    /// 32 hexadecimal digits of the program's own making, instead of `person`.
    #[schema(value_type = Option<String>, pattern = "^[0-9a-fA-F]{32}$")]
    party: Option<Party>,
    person: Option<PersonSaid>,
    /// Staff only: beyond capacity and lead time, for this reason (1 to 240 bytes).
    #[schema(max_length = 240)]
    override_reason: Option<String>,
}

/// What `hold` and `slot` come to.
enum Way {
    Confirm(String),
    Direct(HoldAsk),
}

impl BookAsk {
    fn way(self) -> Result<Way, Problem> {
        let direct = self.slot.is_some()
            || self.services.is_some()
            || self.persons.is_some()
            || self.arrangement.is_some()
            || self.channel.is_some()
            || self.party.is_some()
            || self.person.is_some()
            || self.override_reason.is_some();
        match (self.hold, self.slot) {
            (Some(hold), _) if !direct => Ok(Way::Confirm(hold)),
            (Some(_), _) => Err(Problem::invalid("with `hold` nothing else is sent")),
            (None, None) => Err(Problem::invalid("send `hold`, or `slot` and `services`")),
            (None, Some(slot)) => Ok(Way::Direct(HoldAsk {
                slot,
                services: self.services.unwrap_or_default(),
                persons: self.persons.unwrap_or(1),
                arrangement: self.arrangement.unwrap_or_default(),
                channel: self.channel,
                party: self.party,
                person: self.person,
                ttl_seconds: None,
                replaces: None,
                override_reason: self.override_reason,
            })),
        }
    }
}

/// Confirms a hold; or, with a key, books a place at once.
///
/// Confirming what is confirmed already answers with the booking.
#[utoipa::path(post, path = "/v1/bookings", tag = "bookings", params(KeyHeader, AccessHeaders),
    request_body = BookAsk,
    responses(
        (status = 201, description = "Booked", body = ClaimTold,
            headers(("ETag" = String, description = "The version"))),
        (status = 200, description = "A repeat: the booking as it stands now", body = ClaimTold),
        (status = 400, description = "`malformed`, `idempotency-key-missing`"),
        (status = 401, description = "`unauthorized`"),
        (status = 403, description = "`forbidden`: without a key hold first; `not-yet-released`"),
        (status = 404, description = "`not-found`: no such hold, or the secret is wrong"),
        (status = 409, description = "`slot-taken` with `alternatives`, `person-limit`, \
            `overlapping-booking`, `already-ended`"),
        (status = 410, description = "`hold-expired` with `alternatives`"),
        (status = 422, description = "`invalid`, `request-reused`"),
    ))]
async fn create(
    State(app): State<App>,
    shown: Shown,
    key: Keyed,
    Json(body): Json<BookAsk>,
) -> Result<Changed, Problem> {
    match body.way()? {
        Way::Confirm(hold) => {
            let reached = shown.reach(&app, &hold).await?;
            confirm(&app, &reached).await
        }
        Way::Direct(direct) => book(&app, shown.caller(), key.request(&app), &direct).await,
    }
}

async fn confirm(app: &App, reached: &Reached) -> Result<Changed, Problem> {
    match app.engine.confirm(reached.id).await {
        Ok(Receipt { claim, replayed }) => {
            if !replayed {
                reached.note(app, "confirm", "").await?;
            }
            let told = ClaimTold::seen(app, &claim, reached)?;
            Ok(Changed { told, replayed, made: true })
        }
        Err(error) => Err(explain_claim(app, error, reached).await),
    }
}

async fn book(
    app: &App,
    caller: &Caller,
    request: RequestId,
    body: &HoldAsk,
) -> Result<Changed, Problem> {
    if !caller.is(Role::Partner) {
        let detail = "without a key: POST /v1/holds first, then confirm with `hold`";
        return Err(Problem::forbidden(detail));
    }
    let asked = body.read(app, caller, request)?;
    let booked = match &asked.whom {
        For::Party => match app.engine.book(&asked.ask).await {
            Ok(receipt) => Ok((receipt, None)),
            Err(error) => Err(error.into()),
        },
        For::Person(person) => {
            let held = app.reception.book(&asked.ask, person).await;
            held.map(|held| (held.receipt, Some(held.code)))
        }
    };
    let (Receipt { claim, replayed }, code) = match booked {
        Ok(booked) => booked,
        Err(error) => return Err(explain(app, error, Some((&asked.wish, asked.slot)), true).await),
    };
    if let Some(session) = caller.session.as_ref().filter(|session| session.role >= Role::Desk)
        && !replayed
    {
        let reason = body.override_reason.as_deref().filter(|_| asked.overriding);
        noted(app, session, "book", claim.id, reason.unwrap_or_default()).await?;
    }
    let told = ClaimTold::new(app, &claim).with_secret(app);
    let told = if let Some(code) = code { told.with_code(code) } else { told };
    Ok(Changed { told, replayed, made: true })
}

/// A booking as it stands.
#[utoipa::path(get, path = "/v1/bookings/{ref}", tag = "bookings",
    params(("ref" = String, Path, description = "Id or booking code"), AccessHeaders),
    responses(
        (status = 200, description = "The booking", body = ClaimTold,
            headers(("ETag" = String, description = "The version"))),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`not-found`: unknown, or secret or birth date are wrong"),
        (status = 429, description = "`throttled`"),
    ))]
async fn read(
    State(app): State<App>,
    shown: Shown,
    Named(reference): Named,
) -> Result<Changed, Problem> {
    let reached = shown.reach(&app, &reference).await?;
    let claim = reached.claim(&app).await?;
    let told = ClaimTold::seen(&app, &claim, &reached)?;
    Ok(Changed { told, replayed: false, made: false })
}

/// Where to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MoveAsk {
    /// The new place.
    #[schema(example = "boston~2027-01-12~37")]
    slot: String,
}

/// Moves a booking: takes the new place and frees the old one in one step. If it fails the old one
/// is untouched. Same id, version one higher.
#[utoipa::path(post, path = "/v1/bookings/{ref}/reschedule", tag = "bookings",
    params(("ref" = String, Path, description = "Id or booking code"), KeyHeader, AccessHeaders,
        ("If-Match" = String, Header, description = "The version that was read, as in `ETag`")),
    request_body = MoveAsk,
    responses(
        (status = 200, description = "Moved", body = ClaimTold,
            headers(("ETag" = String, description = "The version"))),
        (status = 400, description = "`malformed`, `idempotency-key-missing`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`slot-taken` with `alternatives`, `outside-window`, \
            `wrong-state`, `already-ended`"),
        (status = 412, description = "`version`: it was moved since; `present` is its version now"),
        (status = 422, description = "`invalid`, `request-reused`"),
        (status = 428, description = "`version`: `If-Match` is missing"),
    ))]
async fn reschedule(
    State(app): State<App>,
    shown: Shown,
    Named(reference): Named,
    key: Keyed,
    if_match: IfMatch,
    Json(body): Json<MoveAsk>,
) -> Result<Changed, Problem> {
    let reached = shown.reach(&app, &reference).await?;
    let (engine, id, request) = (&app.engine, reached.id, key.request(&app));
    let to = slot(&app, &body.slot)?;
    let staff = matches!(reached.standing, Standing::Staff(_));
    let moved = match (version(&app, &reached, &if_match).await?, staff) {
        (Some(version), false) => engine.reschedule_at(id, version, to, request).await,
        (Some(version), true) => engine.reschedule_by_staff_at(id, version, to, request).await,
        (None, false) => engine.reschedule(id, to, request).await,
        (None, true) => engine.reschedule_by_staff(id, to, request).await,
    };
    match moved {
        Ok(Receipt { claim, replayed }) => {
            if !replayed {
                reached.note(&app, "reschedule", &body.slot).await?;
            }
            let told = ClaimTold::seen(&app, &claim, &reached)?;
            Ok(Changed { told, replayed, made: false })
        }
        Err(error) => {
            let claim = engine.claim(id).await.ok();
            let wish = claim.as_ref().map(Wish::of);
            Err(explain(&app, error, wish.as_ref().map(|wish| (wish, to)), true).await)
        }
    }
}

/// The version a move is made from; any if `None`.
async fn version(
    app: &App,
    reached: &Reached,
    IfMatch(versions): &IfMatch,
) -> Result<Option<u16>, Problem> {
    let Some(versions) = versions else {
        return Ok(None);
    };
    if let [version] = versions[..] {
        return Ok(Some(version));
    }
    let present = reached.claim(app).await?.version;
    if versions.contains(&present) {
        return Ok(Some(present));
    }
    Err(Problem::version_changed(present))
}

/// Gives a booking back. Repeats give the same answer.
#[utoipa::path(post, path = "/v1/bookings/{ref}/cancel", tag = "bookings",
    params(("ref" = String, Path, description = "Id or booking code"), KeyHeader, AccessHeaders),
    responses(
        (status = 200, description = "Cancelled", body = ClaimTold,
            headers(("ETag" = String, description = "The version"))),
        (status = 400, description = "`malformed`, `idempotency-key-missing`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`outside-window`, `wrong-state`, `already-ended`"),
    ))]
async fn cancel(
    State(app): State<App>,
    shown: Shown,
    Named(reference): Named,
    _: Keyed,
) -> Result<Changed, Problem> {
    let reached = shown.reach(&app, &reference).await?;
    let cancelled = match &reached.standing {
        Standing::Staff(session) => {
            app.engine.cancel_by_staff(reached.id, actor(&app, session)).await
        }
        Standing::Partner | Standing::Holder => app.engine.cancel(reached.id).await,
    };
    match cancelled {
        Ok(Receipt { claim, replayed }) => {
            if !replayed {
                reached.note(&app, "cancel", "").await?;
            }
            let told = ClaimTold::seen(&app, &claim, &reached)?;
            Ok(Changed { told, replayed, made: false })
        }
        // No other place helps here.
        Err(error) => Err(explain(&app, error, None, true).await),
    }
}

/// What became of the appointment.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Attendance {
    Arrived,
    Served,
    NoShow,
}

/// Attendance.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attended {
    state: Attendance,
}

/// Staff: somebody has arrived, was served, or did not come.
#[utoipa::path(post, path = "/v1/bookings/{ref}/attendance", tag = "bookings",
    params(("ref" = String, Path, description = "Id or booking code")),
    request_body = Attended, security(("key" = [])),
    responses(
        (status = 200, description = "Noted", body = ClaimTold,
            headers(("ETag" = String, description = "The version"))),
        (status = 401, description = "`unauthorized`"),
        (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`outside-window`, `wrong-state`, `already-ended`"),
    ))]
async fn attend(
    State(app): State<App>,
    _: StaffCaller,
    shown: Shown,
    Named(reference): Named,
    Json(Attended { state }): Json<Attended>,
) -> Result<Changed, Problem> {
    let reached = shown.reach(&app, &reference).await?;
    let (marked, what) = match state {
        Attendance::Arrived => (app.engine.check_in(reached.id), "arrived"),
        Attendance::Served => (app.engine.serve(reached.id), "served"),
        Attendance::NoShow => (app.engine.no_show(reached.id), "no-show"),
    };
    match marked.await {
        Ok(Receipt { claim, replayed }) => {
            if !replayed {
                reached.note(&app, what, "").await?;
            }
            let told = ClaimTold::seen(&app, &claim, &reached)?;
            Ok(Changed { told, replayed, made: false })
        }
        Err(error) => Err(explain(&app, error, None, true).await),
    }
}
