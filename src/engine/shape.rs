//! How does a day get its slots? Made new, brought to another shape, or made anew.
//!
//! Never lets a slot be given out that nothing counts, and never moves a place that is taken.

use crate::catalog::DayShape;
use crate::engine::{Admin, HalfDone, Hall};
use crate::error::Error;
use crate::id::{ClaimId, DayId};
use crate::inventory::{Day, DayEntry, DayMap, DayState, Plan, Shape};
use crate::record::{DayFrame, Effect, Line};
use crate::sync::{Arc, MutexGuard};

impl Hall {
    /// Creates a day, or brings an existing one to its present shape.
    pub(super) fn shape_day(
        &self,
        admin: &mut Admin,
        id: DayId,
        shape: &DayShape,
        days: &mut DayMap,
    ) -> Result<Vec<ClaimId>, Error> {
        let Some(entry) = days.get(id).cloned() else {
            let (frame, plan) = self.frame_of(admin, shape)?;
            let bits = days.bits(id.calendar());
            let day = Arc::new(Day::new(id, frame, plan.clone(), bits.clone()));
            let effect = Effect::DayCreated { day: id, frame };
            let apply = |_: &Self, state: Option<MutexGuard<'_, DayState>>, seq| {
                if let Some(mut state) = state {
                    day.apply(&mut state, seq, &effect);
                }
            };
            self.publish_group(&mut [effect.to_line()], apply, Some(&day))?;
            days.put(DayEntry { day, frame, plan }, &bits);
            return Ok(Vec::new());
        };
        let unused = entry.day.is_unused(&entry.day.state().lock());
        let shape = fitted(&entry, shape, unused);
        let (frame, plan) = self.frame_of(admin, &shape)?;
        if entry.frame == frame {
            return Ok(Vec::new());
        }
        let grid = |frame: &DayFrame| (frame.unit_min, frame.slots);
        if grid(&entry.frame) == grid(&frame) {
            return self.replan(&entry, frame, &plan, days);
        }
        if !self.remake_day(&entry, frame, &plan, days)? && entry.frame.unit_min == frame.unit_min {
            // A grant came in between.
            let shape = fitted(&entry, &shape, false);
            let (frame, plan) = self.frame_of(admin, &shape)?;
            return self.replan(&entry, frame, &plan, days);
        }
        Ok(Vec::new())
    }

    fn frame_of(
        &self,
        admin: &mut Admin,
        shape: &DayShape,
    ) -> Result<(DayFrame, Arc<Plan>), Error> {
        let plan = self.plan(admin, &shape.limits())?;
        let DayShape { begins, released, unit_min, slots, .. } = *shape;
        Ok((DayFrame { begins, released, unit_min, slots, plan: plan.number }, plan))
    }

    /// Makes an unused day anew, with counters for its new slots; `false` if places are taken.
    fn remake_day(
        &self,
        entry: &DayEntry,
        frame: DayFrame,
        plan: &Arc<Plan>,
        days: &mut DayMap,
    ) -> Result<bool, Error> {
        let id = entry.day.id;
        let mut effects =
            vec![Effect::DayRetired { day: id }, Effect::DayCreated { day: id, frame }];
        if entry.day.is_closed() {
            effects.push(Effect::DayClosed { day: id });
        }
        let mut lines: Vec<Line> = effects.iter().map(Effect::to_line).collect();
        let count = u32::try_from(lines.len()).unwrap_or(u32::MAX);
        let bits = days.bits(id.calendar());
        self.status()?;
        self.journal.wait_for_room(count)?;
        let mut state = entry.day.state().lock();
        if !entry.day.is_unused(&state) {
            drop(state);
            self.journal.give_back(count);
            return Ok(false);
        }
        let day = Arc::new(Day::new(id, frame, plan.clone(), bits.clone()));
        let guard = HalfDone(&self.half_done);
        let seq = self.journal.publish(self.now(), &mut lines);
        for effect in &effects {
            match effect {
                Effect::DayRetired { .. } => entry.day.apply(&mut state, seq, effect),
                _ => day.apply(&mut day.state().lock(), seq, effect),
            }
        }
        day.replan(&mut day.state().lock(), seq, frame, plan.clone());
        drop(guard);
        drop(state);
        days.put(DayEntry { day, frame, plan: plan.clone() }, &bits);
        Ok(true)
    }
}

/// A shape as far as it fits a day: where places are taken, those keep their slots, and a slot
/// that the day had not before stays closed, as nothing counts it.
pub(super) fn fitted(entry: &DayEntry, shape: &DayShape, unused: bool) -> DayShape {
    if unused {
        return shape.clone();
    }
    let slots = entry.frame.slots;
    DayShape { slots, ranges: shape.limits().within(slots).ranges, ..shape.clone() }
}

impl DayShape {
    pub(super) fn limits(&self) -> Shape {
        Shape { ranges: self.ranges.clone(), give_back_min: self.give_back_min }
    }
}
