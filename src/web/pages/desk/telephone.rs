//! Who comes from the telephone? The call that is handed over, and who is to be called back.
//!
//! Never shows a number in an address, and never takes a call over by looking at it.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};

use crate::desk::{HandOff, Language, WrapUp};
use crate::phone::{Part, State};
use crate::web::App;
use crate::web::civil::{date_in_words, time_in_words, wall, zone_of};
use crate::web::pages::citizen::fields::Fields;
use crate::web::pages::citizen::show::{Spot, office_name, spot_of};
use crate::web::pages::citizen::taking::runs;
use crate::web::pages::frame::{Frame, page};
use crate::web::problem::Problem;
use crate::{CalendarId, Claim, ClaimId};

use super::Words;
use super::call::{Call, Operator};
use super::choice::Choice;

#[derive(Template)]
#[template(path = "desk/call.html")]
struct HandedOver {
    frame: Frame,
    w: &'static Words,
    here: &'static str,
    admin: bool,
    /// Where to take it; nothing if there is no such call any more.
    action: Option<String>,
    lines: Vec<String>,
    /// The place that is kept.
    spot: Option<Spot>,
}

#[derive(Template)]
#[template(path = "desk/callbacks.html")]
struct CallBacks {
    frame: Frame,
    w: &'static Words,
    here: &'static str,
    admin: bool,
    rows: Vec<Row>,
    unreadable: usize,
}

struct Row {
    telephone: String,
    since: String,
    language: &'static str,
    office: String,
}

/// The call behind a token, as far as it is known before somebody takes it.
pub(super) async fn show(operator: Operator, Path(token): Path<String>) -> Response {
    let handed = operator.app.exchange.hand_offs.get(&token);
    let lines = handed.as_ref().map(|handed| tried(operator.w, handed)).unwrap_or_default();
    let held = handed.as_ref().and_then(|handed| handed.held);
    let kept = waiting(&operator, held).await;
    let spot = kept.and_then(|(_, claim)| spot_of(&operator.app, &claim, operator.frame.language));
    page(&HandedOver {
        spot,
        here: "desk",
        admin: operator.is_admin(),
        action: handed.map(|_| format!("/desk/call/{token}")),
        lines,
        w: operator.w,
        frame: operator.frame,
    })
}

/// The call is this operator's from now on: what it held keeps its party and gets another actor.
/// Or nobody is there any more: it is counted, and what it held goes back.
pub(super) async fn take(
    mut operator: Operator,
    Path(token): Path<String>,
    fields: Fields,
) -> Response {
    let Some(handed) = operator.app.exchange.hand_offs.take(&token) else {
        return Redirect::to(&format!("/desk/call/{token}")).into_response();
    };
    if fields.has("gone") {
        operator.app.exchange.give_back(&handed).await;
        return match operator.count(WrapUp::Abandoned).await {
            Ok(()) => operator.go(),
            Err(error) => operator.refuse(error, None),
        };
    }
    if let Err(error) = operator.wrap_up(&fields).await {
        tracing::error!(%error, "the call before could not be counted");
    }
    operator.drop_hold().await;
    operator.call = Call {
        attempt: operator.call.attempt,
        language: Some(handed.language),
        tried: tried(operator.w, &handed),
        ..Call::of(&operator.session)
    };
    type_in(&mut operator.call, &handed);
    if let Some(booking) = handed.booking {
        operator.call.looked = true;
        operator.call.found = vec![booking];
    }
    if let Some((id, claim)) = waiting(&operator, handed.held).await {
        if let Err(error) = operator.app.engine.assign(id, operator.actor()).await {
            return operator.refuse(error, Some(claim.slot));
        }
        operator.call.hold = Some(id);
        // A place beside a booking is one to move to.
        operator.call.moving = handed.booking;
        operator.choice = Choice::of(&operator.app, &claim);
        operator.note("take-call", id, "").await;
    }
    operator.go()
}

/// The place that is kept for the caller, if its time is not over.
async fn waiting(operator: &Operator, held: Option<ClaimId>) -> Option<(ClaimId, Claim)> {
    let id = held?;
    let claim = operator.app.engine.claim(id).await.ok()?;
    runs(&operator.app, &claim).then_some((id, claim))
}

/// What the caller typed.
fn type_in(call: &mut Call, handed: &HandOff) {
    use chrono::Datelike;
    if let Some(telephone) = &handed.telephone {
        telephone.as_str().clone_into(&mut call.typed.telephone);
    }
    if let Some(birth) = handed.birth {
        call.typed.birth.day = birth.day().to_string();
        call.typed.birth.month = birth.month().to_string();
        call.typed.birth.year = birth.year().to_string();
    }
}

/// What was wanted, why it came here, and how sure it is who calls.
fn tried(w: &'static Words, handed: &HandOff) -> Vec<String> {
    let task = match handed.task {
        Some("book") => &w.task_book,
        Some("change") => &w.task_change,
        Some("cancel") => &w.task_cancel,
        _ => &w.task_none,
    };
    let why = match handed.why {
        "strikes" => &w.why_strikes,
        "slow" | "down" => &w.why_slow,
        "throttled" => &w.why_throttled,
        "rules" => &w.why_rules,
        _ => &w.why_asked,
    };
    let level = match handed.level.name() {
        "found" => &w.level_found,
        "said" => &w.level_said,
        _ => &w.level_unknown,
    };
    let language = match handed.language {
        Language::Es => &w.spanish,
        Language::En => &w.english,
    };
    let mut lines = vec![format!("{} {language}", w.speaks), task.clone(), why.clone()];
    let stage = State::from_name(handed.stage).map(|state| w.part(state.part()));
    lines.extend(stage.map(|stage| format!("{} {stage}", w.stopped_at)));
    lines.push(level.clone());
    lines
}

impl Words {
    /// A part of the conversation in words.
    pub(in crate::web::pages) fn part(&self, part: Part) -> &str {
        match part {
            Part::Menu => &self.part_menu,
            Part::Who => &self.part_who,
            Part::Where => &self.part_where,
            Part::What => &self.part_what,
            Part::Place => &self.part_place,
            Part::Code => &self.part_code,
            Part::Own => &self.part_own,
            Part::CallBack => &self.part_call_back,
        }
    }
}

/// A calendar of the office, or of the first one: by its clock operators work too.
fn calendar(app: &App, office: Option<&str>) -> Option<CalendarId> {
    let first = || Some(app.engine.catalog()?.offices.first()?.key.clone());
    let office = office.and_then(|key| app.engine.office(key));
    let office = office.or_else(|| app.engine.office(&first()?))?;
    app.engine.calendars_of(office).first().copied()
}

/// The name of an office.
fn named(app: &App, key: &str) -> String {
    let catalog = app.engine.catalog();
    let mut offices = catalog.iter().flat_map(|catalog| &catalog.offices);
    offices.find(|office| office.key == key).map_or_else(|| key.to_owned(), office_name)
}

/// Since when, on the clock of the office.
fn since(operator: &Operator, call: &crate::desk::CallBack) -> String {
    let (app, language) = (&operator.app, operator.frame.language);
    let Some(calendar) = calendar(app, call.office.as_deref()) else {
        return call.since.format("%Y-%m-%d %H:%M UTC").to_string();
    };
    let wall = wall(&app.engine, calendar, call.since);
    let zone = zone_of(&app.engine, calendar).unwrap_or_default();
    let date = date_in_words(wall.date_naive(), language);
    format!("{date}, {} ({zone})", time_in_words(&wall, language))
}

/// Who is to be called back, longest first.
pub(super) async fn call_backs(operator: Operator) -> Response {
    let engine = &operator.app.engine;
    let waiting = match operator.app.exchange.call_backs.waiting(engine.now()) {
        Ok(waiting) => waiting,
        Err(error) => return Problem::from(error).into_response(),
    };
    let row = |call: crate::desk::CallBack| Row {
        since: since(&operator, &call),
        telephone: call.telephone.as_str().to_owned(),
        language: call.language.tag(),
        office: call.office.map_or_else(String::new, |key| named(&operator.app, &key)),
    };
    let rows = waiting.calls.into_iter().map(row).collect();
    page(&CallBacks {
        here: "callbacks",
        admin: operator.is_admin(),
        rows,
        unreadable: waiting.unreadable,
        w: operator.w,
        frame: operator.frame,
    })
}

/// Somebody was called.
pub(super) async fn called(operator: Operator, fields: Fields) -> Response {
    let app = &operator.app;
    let back = Redirect::to("/desk/callbacks").into_response();
    let Ok(telephone) = crate::desk::Telephone::parse(fields.one("telephone")) else {
        return back;
    };
    let done = async {
        app.exchange.call_backs.done(&telephone).await?;
        app.audit.note(app.engine.now(), &operator.session.name, "call-back", "", "").await
    };
    match done.await {
        Ok(()) => back,
        Err(error) => Problem::from(error).into_response(),
    }
}
