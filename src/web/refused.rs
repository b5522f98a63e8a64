//! What can whoever was refused do next? Nearest places, and the claim in the way.
//!
//! Never tells anybody of a claim that is not theirs to know.

use serde::Serialize;
use utoipa::ToSchema;

use crate::desk::DeskError;
use crate::web::App;
use crate::web::civil::Moment;
use crate::web::problem::Problem;
use crate::web::wire;
use crate::{
    Ask, CalendarId, Channel, ClaimId, Engine, Error, Opening, Openings, PartyId, Rejection,
    RequestId, Services, SlotId,
};

/// How many other places a refusal offers.
const ALTERNATIVES: usize = 3;

/// What somebody needs a place for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub(crate) services: Services,
    pub(crate) persons: u16,
    pub(crate) in_turn: bool,
    pub(crate) channel: Channel,
}

/// A place that was free when looked at.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Opening)]
pub(crate) struct OpeningTold {
    #[schema(example = "boston~2027-01-12~37")]
    pub(crate) slot: String,
    #[schema(example = "boston")]
    pub(crate) office: String,
    pub(crate) starts: Moment,
    /// How many such requests would fit.
    pub(crate) free: u16,
}

impl Wish {
    /// What a claim was made for.
    pub(crate) fn of(claim: &crate::Claim) -> Self {
        Self {
            services: claim.services,
            persons: claim.persons.into(),
            in_turn: claim.arrangement == crate::Arrangement::InTurn,
            channel: claim.channel,
        }
    }

    /// The engine's request for it at a slot.
    pub(crate) fn ask(&self, party: PartyId, request: RequestId, slot: SlotId) -> Ask {
        let ask = Ask::new(party, request, self.services.first(), slot)
            .persons(self.persons)
            .channel(self.channel);
        let ask = if self.in_turn { ask.in_turn() } else { ask };
        let more = self.services.as_slice().iter().skip(1);
        more.fold(ask, |ask, service| ask.also(*service))
    }

    /// The query for such places anywhere.
    pub(crate) fn openings(&self) -> Openings {
        let query =
            Openings::new(self.services.first()).persons(self.persons).channel(self.channel);
        let query = if self.in_turn { query.in_turn() } else { query };
        let more = self.services.as_slice().iter().skip(1);
        more.fold(query, |query, service| query.also(*service))
    }

    /// The nearest such places to a slot: at its office from its day on, at its office, anywhere.
    pub(crate) fn nearest(&self, engine: &Engine, slot: SlotId, limit: usize) -> Vec<Opening> {
        let query = self.openings().limit(limit);
        let mut found: Vec<Opening> = Vec::with_capacity(limit);
        let mut add = |more: Vec<Opening>| {
            for opening in more {
                if found.len() < limit && found.iter().all(|known| known.slot != opening.slot) {
                    found.push(opening);
                }
            }
            found.len() >= limit
        };
        if let Some(office) = engine.office_of(slot.day.calendar()) {
            let here = query.clone().offices(&[office]);
            if add(engine.openings(&here.clone().from(slot.day.date())))
                || add(engine.openings(&here))
            {
                return found;
            }
        }
        add(engine.openings(&query));
        found
    }
}

impl OpeningTold {
    pub(crate) fn new(engine: &Engine, opening: &Opening) -> Self {
        let calendar = opening.slot.day.calendar();
        Self {
            slot: wire::slot_to_text(engine, opening.slot),
            office: office_key(engine, calendar),
            starts: Moment::new(engine, calendar, opening.starts_at),
            free: opening.free,
        }
    }
}

/// The key of a calendar's office.
pub(crate) fn office_key(engine: &Engine, calendar: CalendarId) -> String {
    let office = engine.office_of(calendar);
    office.and_then(|office| engine.office_key(office)).unwrap_or_default()
}

/// The problem of a refusal, with its next step. `knows`: whether the caller may know of claims of
/// whoever asks.
pub(crate) async fn explain(
    app: &App,
    error: impl Into<DeskError>,
    wish: Option<(&Wish, SlotId)>,
    knows: bool,
) -> Problem {
    let error = error.into();
    let rejection = match &error {
        DeskError::Engine(Error::Rejected(rejection)) => *rejection,
        _ => return error.into(),
    };
    let mut problem = Problem::from(rejection);
    let now = app.engine.now();
    match rejection {
        Rejection::SlotFull { .. }
        | Rejection::ChannelLimit { .. }
        | Rejection::SlotClosed { .. }
        | Rejection::UnknownDay { .. }
        | Rejection::TooLate { .. }
        | Rejection::HoldExpired { .. } => problem = with_alternatives(app, problem, wish),
        Rejection::NotYetReleased { at, .. } => {
            problem = with_alternatives(app, problem.retry_at(at, now), wish);
        }
        Rejection::TooEarly { from } => problem = problem.retry_at(from, now),
        Rejection::TooManyEnded { at } => problem = problem.retry_at(at, now),
        Rejection::PartyLimit { claim } => {
            if wish.is_some_and(|(_, slot)| overlaps(app, claim, slot)) {
                problem.name = "overlapping-booking";
                "this person has an appointment at that time".clone_into(&mut problem.detail);
            }
            problem = in_the_way(problem, claim, knows);
        }
        Rejection::HoldLimit { claim } => problem = in_the_way(problem, claim, knows),
        _ => {}
    }
    problem
}

fn with_alternatives(app: &App, problem: Problem, wish: Option<(&Wish, SlotId)>) -> Problem {
    let Some((wish, slot)) = wish else {
        return problem;
    };
    let nearest = wish.nearest(&app.engine, slot, ALTERNATIVES);
    let told = nearest.iter().map(|opening| OpeningTold::new(&app.engine, opening));
    let told = serde_json::to_value(told.collect::<Vec<_>>()).unwrap_or_default();
    problem.with("alternatives", told)
}

fn in_the_way(problem: Problem, claim: ClaimId, knows: bool) -> Problem {
    if knows { problem.with("claim", claim.to_string()) } else { problem }
}

/// Whether a claim is seen at the time of a slot.
fn overlaps(app: &App, claim: ClaimId, slot: SlotId) -> bool {
    let commit = app.engine.claim(claim);
    let Ok(claim) = commit.dirty() else {
        return false;
    };
    let first = claim.slot.index;
    claim.slot.day == slot.day
        && (first..first.saturating_add(claim.run.into())).contains(&slot.index)
}
