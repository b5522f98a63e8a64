//! An office must close: which dates, whom it hits, what becomes of them, and whom to call.
//!
//! Who people are is shown after a closure only, and that is noted. Never closes on a GET.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use chrono::NaiveDate;

use crate::web::App;
use crate::web::admin::{
    Affected, Closed, ClosedDay, Fate, Which, close, closures, impact, not_found, reopen,
};
use crate::web::civil::{Moment, date_in_words};
use crate::web::pages::frame::{Frame, page};
use crate::web::problem::Problem;
use crate::web::wire;
use crate::{Claim, Error, Openings};

use super::csv::Csv;
use super::words::Words;
use super::{Admin, Fields, Named, escape, office_name, offices, see};

/// Other places that are offered to a displaced booking.
const OFFERS: usize = 3;
/// What says which closure it is.
const NAMES: [&str; 5] = ["calendar", "office", "from", "to", "reason"];

#[derive(Template)]
#[template(path = "admin/closures.html")]
struct List {
    frame: Frame,
    w: &'static Words,
    here: &'static str,
    closures: Vec<(ClosedDay, String)>,
    restored: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/closing_dates.html")]
struct Dates {
    frame: Frame,
    w: &'static Words,
    here: &'static str,
    offices: Vec<Named>,
    calendar: String,
    today: NaiveDate,
}

/// Whom it hits, and what shall become of them; or, once that is chosen, all of it once more.
#[derive(Template)]
#[template(path = "admin/closing_list.html")]
struct Hit {
    frame: Frame,
    w: &'static Words,
    here: &'static str,
    /// Whether this is the last look.
    last: bool,
    /// Whether the list was another one when it was confirmed.
    changed: bool,
    what: String,
    dates: String,
    reason: String,
    fate: String,
    hash: String,
    /// The query of this list.
    query: String,
    hidden: Vec<(String, String)>,
    days: usize,
    ahead: Vec<String>,
    held: usize,
    booked: usize,
    affected: Vec<Affected>,
}

#[derive(Template)]
#[template(path = "admin/closing_result.html")]
struct Done {
    frame: Frame,
    w: &'static Words,
    here: &'static str,
    token: String,
    closed: Arc<(Closed, bool)>,
    contacts: Vec<Contact>,
}

/// Whom to call about a booking.
struct Contact {
    claim: String,
    name: String,
    telephone: String,
    email: String,
    language: &'static str,
    code: String,
    when: String,
    offers: Vec<String>,
}

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/closures", get(list).post(carry_out))
        .route("/admin/closures/new", get(dates))
        .route("/admin/closures/list", get(hit))
        .route("/admin/closures/list.csv", get(hit_csv))
        .route("/admin/closures/reopen", post(open_again))
        .route("/admin/closures/result/{token}", get(result))
        .route("/admin/closures/result/{token}/contacts.csv", get(result_csv))
}

async fn list(State(app): State<App>, admin: Admin, fields: Fields) -> Response {
    let made = async {
        let language = admin.language();
        let words = |day: ClosedDay| {
            let date = date_in_words(day.date, language);
            (day, date)
        };
        let restored = fields.get("restored");
        Ok(page(&List {
            frame: admin.frame.clone(),
            w: admin.w,
            here: "closures",
            closures: closures(&app).await?.into_iter().map(words).collect(),
            restored: (!restored.is_empty()).then(|| restored.to_owned()),
        }))
    };
    admin.show(made.await)
}

async fn dates(State(app): State<App>, admin: Admin, fields: Fields) -> Response {
    page(&Dates {
        frame: admin.frame.clone(),
        w: admin.w,
        here: "closures",
        offices: offices(&app),
        calendar: fields.get("calendar").to_owned(),
        today: app.engine.now().date_naive(),
    })
}

/// What the form asks to be closed, and why.
fn read(fields: &Fields) -> Result<(Which, String), Problem> {
    let named = |name: &str| fields.is_set(name).then(|| fields.get(name).to_owned());
    let from = fields.date("from")?;
    let to = if fields.is_set("to") { fields.date("to")? } else { from };
    let calendar = named("calendar");
    let office = if calendar.is_some() { None } else { named("office") };
    let reason = fields.get("reason").to_owned();
    if !(1..=240).contains(&reason.len()) || reason.chars().any(char::is_control) {
        return Err(Problem::invalid("reason: 1 to 240 bytes"));
    }
    Ok((Which { calendar, office, from, to }, reason))
}

fn query_of(fields: &Fields) -> String {
    NAMES.map(|name| format!("{name}={}", escape(fields.get(name)))).join("&")
}

async fn hit(State(app): State<App>, admin: Admin, fields: Fields) -> Response {
    admin.show(show_hit(&app, &admin, &fields).await)
}

async fn show_hit(app: &App, admin: &Admin, fields: &Fields) -> Result<Response, Problem> {
    let (which, reason) = read(fields)?;
    let found = impact(app, &which).await?;
    let engine = &app.engine;
    let affected: Vec<Affected> = found.claims.iter().map(|c| Affected::new(engine, c)).collect();
    let held = affected.iter().filter(|claim| claim.state == "held").count();
    let (language, w) = (admin.language(), admin.w);
    let what = match (&which.calendar, &which.office) {
        (Some(calendar), _) => format!("{} {calendar}", w.calendar),
        (None, office) => office_name(app, office.as_deref().unwrap_or_default()),
    };
    let dates = if which.from == which.to {
        date_in_words(which.from, language)
    } else {
        let [from, to] = [which.from, which.to].map(|date| date_in_words(date, language));
        format!("{from} \u{2013} {to}")
    };
    let hidden = NAMES.map(|name| (name.to_owned(), fields.get(name).to_owned())).to_vec();
    Ok(page(&Hit {
        frame: admin.frame.clone(),
        w,
        here: "closures",
        last: fields.is_set("fate"),
        changed: fields.is_set("changed"),
        what,
        dates,
        reason,
        fate: fields.get("fate").to_owned(),
        hash: found.hash,
        query: query_of(fields),
        hidden,
        days: found.days.len(),
        ahead: found.ahead,
        held,
        booked: affected.len() - held,
        affected,
    }))
}

async fn hit_csv(State(app): State<App>, admin: Admin, fields: Fields) -> Response {
    let made = async {
        let (which, _) = read(&fields)?;
        let found = impact(&app, &which).await?;
        let mut csv = Csv::default();
        csv.row(admin.w.affected_columns());
        for claim in &found.claims {
            let claim = Affected::new(&app.engine, claim);
            let starts = claim.starts.map(|starts| starts.local).unwrap_or_default();
            let (services, persons) = (claim.services.join(" "), claim.persons.to_string());
            let state = admin.w.state_of(&claim.state).to_owned();
            let channel = admin.w.channel_of(&claim.channel).to_owned();
            csv.row([claim.claim, state, starts, claim.calendar, services, persons, channel]);
        }
        Ok(csv.file("affected.csv"))
    };
    admin.show(made.await)
}

async fn carry_out(State(app): State<App>, admin: Admin, fields: Fields) -> Response {
    let made = async {
        let (which, reason) = read(&fields)?;
        let (fate, offer) = match fields.get("fate") {
            "keep" => (Fate::Keep, false),
            "offer" => (Fate::Keep, true),
            "cancel" => (Fate::Cancel, false),
            _ => return Err(Problem::invalid("fate: keep, offer or cancel")),
        };
        let by = &admin.session.name;
        let hash = fields.get("impact");
        let closed = match close(&app, by, &which, (&reason, fate), hash).await {
            Err(problem) if problem.name == "impact-changed" => {
                let query = query_of(&fields);
                let fate = escape(fields.get("fate"));
                return Ok(see(&format!("/admin/closures/list?{query}&fate={fate}&changed=1")));
            }
            closed => closed?,
        };
        let token = app.administration.results.put(Arc::new((closed, offer)));
        Ok(see(&format!("/admin/closures/result/{token}")))
    };
    admin.show(made.await)
}

async fn open_again(State(app): State<App>, admin: Admin, fields: Fields) -> Response {
    let made = async {
        let day = wire::day_from_text(&app.engine, fields.get("day"));
        let day = day.ok_or_else(|| not_found("there is no such day"))?;
        let restored = reopen(&app, &admin.session.name, day).await?;
        Ok(see(&format!("/admin/closures?restored={}", restored.len())))
    };
    admin.show(made.await)
}

async fn result(State(app): State<App>, admin: Admin, Path(token): Path<String>) -> Response {
    let made = async {
        let (closed, contacts) = contacts(&app, &admin, &token).await?;
        let (frame, w) = (admin.frame.clone(), admin.w);
        Ok(page(&Done { frame, w, here: "closures", token, closed, contacts }))
    };
    admin.show(made.await)
}

async fn result_csv(State(app): State<App>, admin: Admin, Path(token): Path<String>) -> Response {
    let made = async {
        let (_, contacts) = contacts(&app, &admin, &token).await?;
        let mut csv = Csv::default();
        csv.row(admin.w.contact_columns());
        for contact in contacts {
            let offers = contact.offers.join(" / ");
            let Contact { claim, name, telephone, email, language, code, when, .. } = contact;
            csv.row([claim, name, telephone, email, language.to_owned(), code, when, offers]);
        }
        Ok(csv.file("contacts.csv"))
    };
    admin.show(made.await)
}

/// Whom a closure hit, with what is known of them. That it was looked at is noted.
async fn contacts(
    app: &App,
    admin: &Admin,
    token: &str,
) -> Result<(Arc<(Closed, bool)>, Vec<Contact>), Problem> {
    let closed = app.administration.results.get(token);
    let closed = closed.ok_or_else(|| not_found("results are kept for a day: see the closures"))?;
    let (result, offer) = &*closed;
    let mut contacts = Vec::new();
    for affected in result.displaced.iter().chain(&result.cancelled) {
        let Ok(id) = affected.claim.parse() else {
            continue;
        };
        let claim = match app.engine.claim(id).await {
            Ok(claim) => claim,
            Err(Error::Rejected(_)) => continue,
            Err(error) => return Err(error.into()),
        };
        let offers = if *offer { offers(app, &claim) } else { Vec::new() };
        let when = affected.starts.as_ref().map(|starts| starts.local.replace('T', " "));
        let mut contact = Contact {
            claim: affected.claim.clone(),
            name: String::new(),
            telephone: String::new(),
            email: String::new(),
            language: "",
            code: String::new(),
            when: when.unwrap_or_default(),
            offers,
        };
        if let Some(kept) = app.reception.person_of(&claim)? {
            kept.person.telephone.as_str().clone_into(&mut contact.telephone);
            contact.email = kept.person.email.unwrap_or_default();
            contact.language = kept.person.language.tag();
            contact.name = kept.person.name;
            contact.code = kept.code.to_string();
        }
        contacts.push(contact);
    }
    let note = format!("{} of a closure", contacts.len());
    let to = result.days.first().map_or("", String::as_str);
    app.audit.note(app.engine.now(), &admin.session.name, "read-contacts", to, &note).await?;
    Ok((closed, contacts))
}

/// The nearest free places at the same office: from that date on if there are any.
fn offers(app: &App, claim: &Claim) -> Vec<String> {
    let engine = &app.engine;
    let mut services = claim.services.as_slice().iter();
    let (Some(first), Some(office)) =
        (services.next(), engine.office_of(claim.slot.day.calendar()))
    else {
        return Vec::new();
    };
    let query = Openings::new(*first).offices(&[office]).channel(claim.channel).limit(OFFERS);
    let mut query = query.persons(claim.persons.into());
    if claim.arrangement == crate::Arrangement::InTurn {
        query = query.in_turn();
    }
    let query = services.fold(query, |query, service| query.also(*service));
    let mut openings = engine.openings(&query.clone().from(claim.slot.day.date()));
    if openings.is_empty() {
        openings = engine.openings(&query);
    }
    let text = |opening: crate::Opening| {
        Moment::new(engine, opening.slot.day.calendar(), opening.starts_at).local.replace('T', " ")
    };
    openings.into_iter().map(text).collect()
}
