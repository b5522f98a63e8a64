//! What is on the one screen of an operator? The caller, places, the hold, what to say.
//!
//! Never changes anything, and never decides: places were free when looked at.

use askama::Template;
use axum::response::Response;

use crate::web::civil::{date_in_words, start_of, time_in_words, wall};
use crate::web::pages::citizen;
use crate::web::pages::citizen::details::{read, told};
use crate::web::pages::citizen::fields::Wrong;
use crate::web::pages::citizen::show::{Spot, cutoffs, service_names, spot, spot_of, state};
use crate::web::pages::citizen::taking::runs;
use crate::web::pages::citizen::visit::Typed;
use crate::web::pages::frame::{Frame, fill, page};
use crate::web::refused::Wish;
use crate::web::words;
use crate::{Channel, Claim, ClaimState};

use super::Words;
use super::call::{Call, Operator, Said, Set};
use super::ending::Ending;
use super::places::{Numbered, Places, nearest, numbered, places};
use super::script::Script;

#[derive(Template)]
#[template(path = "desk/screen.html")]
struct Screen {
    frame: Frame,
    w: &'static Words,
    c: &'static citizen::Words,
    here: &'static str,
    admin: bool,
    set: Set,
    desk: bool,
    query: String,
    /// Whether the choice of places was made just now.
    chosen: bool,
    caller: Caller,
    places: Places,
    hold: Option<HoldShown>,
    done: Option<Done>,
    typed: Typed,
    wrong: Wrong,
    missing: &'static str,
    moving: Option<Spot>,
    script: Script,
    tried: Vec<String>,
    /// How a call may end, and which call it is.
    endings: Vec<Ending>,
    attempt: u32,
    note: Option<Note>,
    focus: Focus,
}

/// Where the next action is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Focus {
    Search,
    Found,
    Place,
    Note,
    Wrong,
    Field,
    Confirm,
    Code,
}

/// Who was looked up.
#[derive(Debug)]
struct Caller {
    text: String,
    looked: bool,
    found: Vec<FoundShown>,
}

#[derive(Debug)]
struct FoundShown {
    id: String,
    name: String,
    tail: String,
    code: String,
    state: String,
    spot: Option<Spot>,
    services: String,
    persons: u8,
    open: bool,
    can_resume: bool,
    late: bool,
}

#[derive(Debug)]
struct HoldShown {
    spot: Option<Spot>,
    services: Vec<String>,
    persons: u8,
    deadline: i64,
    now: i64,
    left: String,
}

/// What was booked or moved last.
#[derive(Debug)]
struct Done {
    moved: bool,
    code: String,
    spot: Option<Spot>,
    name: String,
}

/// What came of the last step, with the places that help.
#[derive(Debug)]
struct Note {
    bad: bool,
    title: String,
    text: String,
    wanted: Option<Spot>,
    places: Vec<Numbered>,
}

pub(super) async fn show(operator: Operator) -> Response {
    let wish = operator.wish().await;
    let held = operator.held().await;
    let note = note(&operator, wish.as_ref(), held.is_some()).await;
    let first = note.as_ref().map_or(0, |note| note.places.len());
    let places = places(&operator, wish.as_ref(), first);
    let caller = caller(&operator).await;
    let done = done(&operator).await;
    let spoken = operator.spoken();
    let code = done.as_ref().map(|(_, done)| done.code.clone());
    let subject = done.as_ref().map(|(claim, _)| claim).or(held.as_ref());
    let script = match subject {
        Some(claim) => Script::of(&operator.app, claim, code.as_deref(), spoken),
        None => Script::greeting(&operator.app, spoken),
    };
    let moving = match operator.call.moving {
        Some(booking) => operator.app.engine.claim(booking).await.ok(),
        None => None,
    };
    let (language, today) = (operator.frame.language, operator.app.engine.now().date_naive());
    let faults = read(&operator.call.typed, spoken, today).err().unwrap_or_default();
    let missing = if moving.is_some() { "" } else { field(faults.first()) };
    let wrong = if operator.call.wrong { told(operator.c, &faults) } else { Wrong::default() };
    let endings = operator.endings();
    let mut screen = Screen {
        here: "desk",
        admin: operator.is_admin(),
        set: operator.set,
        desk: operator.set.channel == Channel::DESK,
        query: operator.choice.query(),
        chosen: operator.choice.fresh,
        hold: held.as_ref().map(|claim| hold(&operator, claim)),
        moving: moving.as_ref().and_then(|claim| spot_of(&operator.app, claim, language)),
        done: done.map(|(_, done)| done),
        focus: Focus::Search,
        w: operator.w,
        c: operator.c,
        caller,
        places,
        wrong,
        missing,
        script,
        note,
        endings,
        attempt: operator.call.attempt,
        tried: operator.call.tried,
        typed: operator.call.typed,
        frame: operator.frame,
    };
    screen.focus = screen.next();
    page(&screen)
}

impl Screen {
    /// Where the next action is.
    fn next(&self) -> Focus {
        let note = self.note.as_ref().filter(|note| note.bad);
        if !self.wrong.is_empty() {
            Focus::Wrong
        } else if let Some(note) = note {
            if note.places.is_empty() { Focus::Note } else { Focus::Place }
        } else if self.hold.is_some() {
            if self.missing.is_empty() { Focus::Confirm } else { Focus::Field }
        } else if self.done.is_some() {
            Focus::Code
        } else if self.moving.is_some() || self.chosen {
            Focus::Place
        } else if !self.caller.looked {
            Focus::Search
        } else if self.caller.found.is_empty() {
            Focus::Place
        } else {
            Focus::Found
        }
    }

    fn is(&self, focus: &str) -> bool {
        focus == format!("{:?}", self.focus)
    }

    /// The number of the place that has the focus: the first one there is.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]
    fn is_first(&self, number: &usize) -> bool {
        *number == 1 && self.focus == Focus::Place
    }

    /// Whether a field of the form has the focus.
    fn is_field(&self, field: &str) -> bool {
        self.focus == Focus::Field && self.missing == field
    }
}

/// The field that a fault is in.
fn field(fault: Option<&crate::desk::PersonError>) -> &'static str {
    use crate::desk::PersonError;
    match fault {
        None => "",
        Some(PersonError::Name) => "name",
        Some(PersonError::Telephone) => "telephone",
        Some(PersonError::Birth) => "day",
        Some(PersonError::Email) => "email",
    }
}

async fn caller(operator: &Operator) -> Caller {
    let mut found = Vec::new();
    for id in &operator.call.found {
        if let Ok(claim) = operator.app.engine.claim(*id).await {
            found.push(found_shown(operator, &claim));
        }
    }
    let Call { typed, looked, .. } = &operator.call;
    Caller { text: typed.code.clone(), looked: *looked, found }
}

fn found_shown(operator: &Operator, claim: &Claim) -> FoundShown {
    let (app, language) = (&operator.app, operator.frame.language);
    let kept = app.reception.person_of(claim).ok().flatten();
    let (name, tail, code) = kept.map_or_else(Default::default, |kept| {
        let tail = kept.person.telephone.tail().to_owned();
        (kept.person.name, tail, kept.code.to_string())
    });
    let held = claim.state == ClaimState::Held;
    let resumable = held && runs(app, claim);
    let open = matches!(claim.state, ClaimState::Booked | ClaimState::Displaced);
    let left = claim.starts_at.map_or(0, |at| (at - app.engine.now()).num_seconds());
    let (_, change) = cutoffs(app, claim.services.as_slice());
    FoundShown {
        id: claim.id.to_string(),
        name,
        tail,
        code,
        state: if held && !resumable {
            &operator.c.state_ended
        } else {
            state(operator.c, claim.state)
        }
        .to_owned(),
        spot: spot_of(app, claim, language),
        services: service_names(app, claim.services.as_slice(), language).join(", "),
        persons: claim.persons,
        open: open && left > 0,
        can_resume: resumable && operator.call.hold != Some(claim.id),
        late: open && left > 0 && left.unsigned_abs() < change,
    }
}

fn hold(operator: &Operator, claim: &Claim) -> HoldShown {
    let (app, language) = (&operator.app, operator.frame.language);
    let now = app.engine.now();
    let deadline = claim.deadline.unwrap_or(now);
    let seconds = (deadline - now).num_seconds().max(0);
    let left = match (seconds + 30) / 60 {
        ..=1 => operator.c.clock_one.clone(),
        minutes => fill(&operator.c.clock_left, "n", minutes),
    };
    HoldShown {
        spot: spot_of(app, claim, language),
        services: service_names(app, claim.services.as_slice(), language),
        persons: claim.persons,
        deadline: deadline.timestamp_millis(),
        now: now.timestamp_millis(),
        left,
    }
}

async fn done(operator: &Operator) -> Option<(Claim, Done)> {
    let claim = operator.app.engine.claim(operator.call.booked?).await.ok()?;
    let kept = operator.app.reception.person_of(&claim).ok().flatten();
    let (code, name) =
        kept.map_or_else(Default::default, |kept| (kept.code.to_string(), kept.person.name));
    let spot = spot_of(&operator.app, &claim, operator.frame.language);
    let moved = operator.call.moved;
    Some((claim, Done { moved, code, spot, name }))
}

/// What came of the last step; and a hold whose time ran out meanwhile.
async fn note(operator: &Operator, wish: Option<&Wish>, held: bool) -> Option<Note> {
    let (w, language) = (operator.w, operator.frame.language);
    let good = |title: String| {
        Some(Note { bad: false, title, text: String::new(), wanted: None, places: Vec::new() })
    };
    let (name, slot, at) = match &operator.call.said {
        Some(Said::Extended) if held => return good(w.extended.clone()),
        Some(Said::Released) => return good(w.released.clone()),
        Some(Said::Cancelled) => return good(w.cancelled.clone()),
        Some(Said::Refused(refusal)) => (refusal.name, refusal.slot, refusal.at),
        _ if held => return None,
        _ => {
            let claim = operator.app.engine.claim(operator.call.hold?).await.ok()?;
            let gone = claim.state == ClaimState::Revoked;
            (if gone { "slot-taken" } else { "hold-expired" }, Some(claim.slot), None)
        }
    };
    let explained = words::problem(name, language);
    let title = match name {
        "person-limit" => w.limit.clone(),
        "slot-taken" => w.taken.clone(),
        _ => explained.title.clone(),
    };
    let mut text = match name {
        "person-limit" => w.limit_next.clone(),
        "slot-taken" | "hold-expired" => w.taken_next.clone(),
        _ => explained.next.clone(),
    };
    if let Some((at, slot)) = at.zip(slot) {
        let wall = wall(&operator.app.engine, slot.day.calendar(), at);
        let date = date_in_words(wall.date_naive(), language);
        text = format!("{text} {date}, {}.", time_in_words(&wall, language));
    }
    let helps = ["slot-taken", "hold-expired", "outside-window", "not-yet-released"];
    let near = slot.zip(wish).filter(|_| helps.contains(&name));
    let again = name == "hold-expired";
    let places = near.map_or_else(Vec::new, |(slot, wish)| nearest(operator, wish, slot, again));
    let wanted = slot.and_then(|slot| {
        Some(spot(&operator.app, slot, start_of(&operator.app.engine, slot)?, language))
    });
    Some(Note { bad: true, title, text, wanted, places: numbered(operator, &places, 0) })
}
