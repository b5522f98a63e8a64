//! How is the catalog changed? One edit at a time, checked, planned, installed, noted.
//!
//! An install forgets the capacities that were set by hand, so an edit gives them again: a new
//! office does not undo yesterday's cut at another. A crash between the two forgets them. Never
//! installs a document that the caller made from an older one.

use std::collections::HashSet;
use std::ops::Range;

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::App;
use crate::web::problem::Problem;
use crate::{Catalog, Change, ClaimId, DayId, Engine, Error, InstallReport};

use super::{Affected, Expected, affected, blocking, not_found, of_engine, to_the_end, version_of};

/// Who wants an edit, and how.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// The name of the key.
    pub(crate) by: String,
    /// For the audit: `put-office` and so on.
    pub(crate) what: &'static str,
    /// For the audit: which.
    pub(crate) to: String,
    pub(crate) expected: Expected,
    /// Only tell what would happen.
    pub(crate) dry_run: bool,
    /// Go through with it although claims are left beyond a capacity.
    pub(crate) accept_deficit: bool,
    /// Days whose capacity is to be the catalog's again.
    pub(crate) afresh: Vec<DayId>,
}

/// One difference between two catalogs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Difference {
    /// What it is about, such as `calendar "boston": capacity`.
    pub(crate) path: String,
    /// Absent if it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<String>,
    /// Absent if it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<String>,
}

/// What an edit did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Edited {
    /// The version of the catalog now in force.
    pub(crate) version: String,
    /// Whether nothing was done.
    pub(crate) dry_run: bool,
    pub(crate) differences: Vec<Difference>,
    /// Days that come into being.
    pub(crate) days_created: usize,
    /// Days that get another plan.
    pub(crate) days_replanned: usize,
    /// Capacities set by hand that are given again.
    pub(crate) capacities_kept: usize,
    /// Claims beyond a cut capacity: they stay, and nothing more is granted there.
    pub(crate) affected: Vec<Affected>,
    /// Claims whose start moves, because the zone or its rules changed.
    pub(crate) moved: Vec<Affected>,
}

impl From<Change> for Difference {
    fn from(Change { path, before, after }: Change) -> Self {
        Self { path, before, after }
    }
}

type ByHand = Vec<(DayId, Range<u16>, u16)>;

/// Changes the catalog.
///
/// # Errors
/// 412 for another version, 422 for a wrong document, 409 if claims are left beyond a capacity,
/// what `change` says.
pub(crate) async fn edit(
    app: &App,
    wish: Wish,
    change: impl FnOnce(&mut Catalog) -> Result<(), Problem> + Send + 'static,
) -> Result<Edited, Problem> {
    let app = app.clone();
    to_the_end(async move {
        let _one = app.administration.one.lock().await;
        let catalog = app.engine.catalog().ok_or_else(|| not_found("there is no catalog"))?;
        wish.expected.check(&catalog)?;
        let mut next = Catalog::clone(&catalog);
        change(&mut next)?;
        let differences = catalog.diff(&next).into_iter().map(Difference::from).collect::<Vec<_>>();
        let nothing = differences.is_empty() && wish.afresh.is_empty();
        let (dry_run, version) = (wish.dry_run || nothing, version_of(&next));
        let afresh = wish.afresh.clone();
        let (planned, by_hand, next) = blocking(&app, move |app| {
            let planned = app.engine.plan_install(&next).map_err(of_engine)?;
            let by_hand = app.engine.set_capacities();
            let by_hand: ByHand =
                by_hand.into_iter().filter(|(day, ..)| !afresh.contains(day)).collect();
            Ok((planned, by_hand, next))
        })
        .await?;
        let capacities_kept = by_hand.len();
        let hit = beyond(&app.engine, &planned.affected, &by_hand).await?;
        if dry_run {
            let now = version_of(&catalog);
            let version = if nothing { version } else { now };
            let head =
                Edited { version, dry_run: wish.dry_run, capacities_kept, ..Edited::default() };
            return told(&app, head, differences, hit, planned).await;
        }
        if !hit.is_empty() && !wish.accept_deficit {
            return Err(below_booked(&affected(&app.engine, &hit).await?));
        }
        let (done, by_hand) = blocking(&app, move |app| {
            let done = app.engine.install(&next).map_err(of_engine)?;
            give_again(&app.engine, &by_hand)?;
            Ok((done, by_hand))
        })
        .await?;
        let note = note_of(&differences);
        app.audit.note(app.engine.now(), &wish.by, wish.what, &wish.to, &note).await?;
        let hit = beyond(&app.engine, &done.affected, &by_hand).await?;
        let head = Edited { version, capacities_kept, ..Edited::default() };
        told(&app, head, differences, hit, done).await
    })
    .await
}

/// The refusal of a cut.
pub(super) fn below_booked(hit: &[Affected]) -> Problem {
    let detail = format!(
        "{} claims would be left without a place; send accept_deficit=true to let them stay beyond \
         the capacity",
        hit.len()
    );
    Problem::new(StatusCode::CONFLICT, "capacity-below-booked", detail)
        .with("affected", serde_json::to_value(hit).unwrap_or_default())
}

async fn told(
    app: &App,
    head: Edited,
    differences: Vec<Difference>,
    hit: Vec<ClaimId>,
    report: InstallReport,
) -> Result<Edited, Problem> {
    Ok(Edited {
        differences,
        days_created: report.created,
        days_replanned: report.replanned,
        affected: affected(&app.engine, &hit).await?,
        moved: affected(&app.engine, &report.moved).await?,
        ..head
    })
}

/// Those claims that stay without a place even once the capacities set by hand are given again.
async fn beyond(
    engine: &Engine,
    ids: &[ClaimId],
    by_hand: &ByHand,
) -> Result<Vec<ClaimId>, Problem> {
    let mut seen = HashSet::new();
    let mut left = Vec::new();
    for id in ids.iter().filter(|id| seen.insert(**id)) {
        let claim = match engine.claim(*id).await {
            Ok(claim) => claim,
            Err(Error::Rejected(_)) => continue,
            Err(error) => return Err(error.into()),
        };
        let first = claim.slot.index;
        let end = first + u16::from(claim.run);
        let kept = by_hand.iter().any(|(day, slots, _)| {
            *day == claim.slot.day && slots.start < end && first < slots.end
        });
        if !kept {
            left.push(*id);
        }
    }
    Ok(left)
}

fn give_again(engine: &Engine, by_hand: &ByHand) -> Result<(), Problem> {
    for (day, slots, capacity) in by_hand {
        match engine.set_capacity(*day, slots.clone(), *capacity) {
            // Its day is gone: nothing to give.
            Ok(_) | Err(Error::Rejected(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A line for the audit.
fn note_of(differences: &[Difference]) -> String {
    let paths: Vec<&str> = differences.iter().map(|change| change.path.as_str()).take(8).collect();
    let more = differences.len().saturating_sub(paths.len());
    let rest = if more > 0 { format!("; {more} more") } else { String::new() };
    paths.join("; ") + &rest
}
