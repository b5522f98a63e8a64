//! How many places has a day? Its capacities, set by hand until told otherwise.
//!
//! Never takes a place away from anybody: what is beyond a cut stays, and is listed.

use std::ops::Range;

use serde::Serialize;
use utoipa::ToSchema;

use crate::web::App;
use crate::web::civil::Moment;
use crate::web::problem::Problem;
use crate::web::wire;
use crate::{ClaimId, DayId, DayView, Engine};

use super::edit::below_booked;
use super::{Affected, Edited, Expected, Wish, affected, blocking, edit, not_found, to_the_end};

/// More slots than any day has.
const SLOTS_MAX: u16 = 1_501;

/// A slot with its counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SlotCapacity {
    pub(crate) slot: String,
    /// Its number on the day.
    pub(crate) index: u16,
    pub(crate) starts: Moment,
    pub(crate) capacity: u16,
    pub(crate) free: u16,
    pub(crate) held: u16,
    pub(crate) booked: u16,
    /// Places given out beyond the capacity.
    pub(crate) deficit: u16,
    /// Places used by web, phone, desk and priority.
    pub(crate) used_by_channel: Vec<u16>,
}

impl SlotCapacity {
    /// `09:15`, on the office's wall.
    pub(crate) fn clock(&self) -> &str {
        self.starts.local.split_once('T').map_or("", |(_, time)| time)
    }
}

/// A day with its capacities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct DayCapacity {
    pub(crate) day: String,
    pub(crate) closed: bool,
    /// Whether some capacity is not the catalog's.
    pub(crate) by_hand: bool,
    /// Slots with a capacity.
    pub(crate) slots: Vec<SlotCapacity>,
}

/// A day as it stands.
pub(crate) async fn day_capacity(app: &App, day: DayId) -> Result<DayCapacity, Problem> {
    blocking(app, move |app| {
        let engine = &app.engine;
        let view = view_of(engine, day)?;
        let by_hand = engine.set_capacities().iter().any(|(id, ..)| *id == day);
        let slots = view.slots.iter().map(|slot| SlotCapacity {
            slot: wire::slot_to_text(engine, slot.slot),
            index: slot.slot.index,
            starts: Moment::new(engine, day.calendar(), slot.starts_at),
            capacity: slot.capacity,
            free: slot.free,
            held: slot.held,
            booked: slot.booked,
            deficit: slot.deficit,
            used_by_channel: slot.used_by_channel.to_vec(),
        });
        let slots = slots.collect();
        Ok(DayCapacity { day: wire::day_to_text(engine, day), closed: view.closed, by_hand, slots })
    })
    .await
}

/// Gives slots of a day, or all of them, another capacity; answers with whom that leaves beyond it.
///
/// # Errors
/// 409 with them, unless `accept_deficit`; 404 for no such day.
pub(crate) async fn set_capacity(
    app: &App,
    by: &str,
    (day, slots): (DayId, Option<Range<u16>>),
    capacity: u16,
    accept_deficit: bool,
) -> Result<Vec<Affected>, Problem> {
    let (app, by) = (app.clone(), by.to_owned());
    to_the_end(async move {
        let _one = app.administration.one.lock().await;
        let slots = slots.unwrap_or(0..SLOTS_MAX);
        let slots = slots.start..slots.end.min(SLOTS_MAX);
        if slots.is_empty() {
            return Err(Problem::invalid("slots: at least one, first before end"));
        }
        let span = slots.clone();
        let planned = blocking(&app, move |app| {
            view_of(&app.engine, day)?;
            Ok(app.engine.plan_capacity(day, span, capacity)?)
        })
        .await?;
        let planned = within(&app.engine, planned, &slots).await?;
        if !planned.is_empty() && !accept_deficit {
            return Err(below_booked(&affected(&app.engine, &planned).await?));
        }
        let span = slots.clone();
        let (before, hit) = blocking(&app, move |app| {
            let before = view_of(&app.engine, day)?;
            Ok((before, app.engine.set_capacity(day, span, capacity)?))
        })
        .await?;
        let hit = within(&app.engine, hit, &slots).await?;
        let list = affected(&app.engine, &hit).await?;
        if !hit.is_empty() && !accept_deficit {
            // Somebody was quicker: as it was.
            blocking(&app, move |app| restore(&app.engine, &before, &slots)).await?;
            return Err(below_booked(&list));
        }
        let to = wire::day_to_text(&app.engine, day);
        let note = format!("slots {}-{}: {capacity}", slots.start, slots.end);
        app.audit.note(app.engine.now(), &by, "set-capacity", &to, &note).await?;
        Ok(list)
    })
    .await
}

/// Gives a day the capacities of the catalog again.
///
/// # Errors
/// As [`set_capacity`].
pub(crate) async fn as_catalog_says(
    app: &App,
    by: &str,
    day: DayId,
    accept_deficit: bool,
) -> Result<Edited, Problem> {
    view_of(&app.engine, day)?;
    let wish = Wish {
        by: by.to_owned(),
        what: "reset-capacity",
        to: wire::day_to_text(&app.engine, day),
        expected: Expected::Any,
        dry_run: false,
        accept_deficit,
        afresh: vec![day],
    };
    edit(app, wish, |_| Ok(())).await
}

fn view_of(engine: &Engine, day: DayId) -> Result<DayView, Problem> {
    engine.day(day).ok_or_else(|| not_found("there is no such day: see its calendar's horizon"))
}

/// Those that touch the slots: others of the day may have been beyond a capacity before.
async fn within(
    engine: &Engine,
    ids: Vec<ClaimId>,
    slots: &Range<u16>,
) -> Result<Vec<ClaimId>, Problem> {
    let mut inside = Vec::new();
    for id in ids {
        if let Ok(claim) = engine.claim(id).await {
            let first = claim.slot.index;
            if first < slots.end && slots.start < first + u16::from(claim.run) {
                inside.push(id);
            }
        }
    }
    Ok(inside)
}

fn restore(engine: &Engine, before: &DayView, slots: &Range<u16>) -> Result<(), Problem> {
    let mut runs: Vec<(Range<u16>, u16)> = Vec::new();
    let mut views = before.slots.iter().peekable();
    for index in slots.clone() {
        while views.next_if(|view| view.slot.index < index).is_some() {}
        let here = views.peek().filter(|view| view.slot.index == index);
        let capacity = here.map_or(0, |view| view.capacity);
        match runs.last_mut() {
            Some((run, same)) if *same == capacity => run.end = index + 1,
            _ => runs.push((index..index + 1, capacity)),
        }
    }
    for (run, capacity) in runs {
        engine.set_capacity(before.day, run, capacity)?;
    }
    Ok(())
}
