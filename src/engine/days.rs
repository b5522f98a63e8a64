//! Which days are there, and which are closed? The life of days.
//!
//! Work that touches many claims is journalled as an intent on the day and then done claim by
//! claim, so that it holds no lock for long and goes on after a crash.

use std::ops::Range;

use crate::catalog::{DayShape, Rules};
use crate::claim::ClaimState;
use crate::engine::{Admin, Engine, Hall, World};
use crate::error::Error;
use crate::id::{ActorId, CalendarId, ClaimId, DayId, Seq};
use crate::inventory::{Day, DayEntry, DayMap, DayState, Plan, Shape, lanes};
use crate::limits::REASON_BYTES_MAX;
use crate::planted::planted;
use crate::record::{self, DayFrame, Effect, Line, PlanRange, TextOf};
use crate::rejection::Rejection;
use crate::sync::{Arc, MutexGuard};

/// Whom a closed day hits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closure {
    /// Holds taken back.
    pub revoked: Vec<ClaimId>,
    /// Bookings that keep their places until moved, restored or cancelled.
    pub displaced: Vec<ClaimId>,
}

impl Engine {
    /// Closes a day: grants stop at once, holds are revoked, bookings displaced. Closing a closed
    /// day does what is left to do.
    ///
    /// # Errors
    /// [`Rejection::UnknownDay`], [`Rejection::OutOfRange`] for a reason over 240 bytes, or what
    /// the storage says.
    pub fn close_day(&self, day: DayId, reason: &str) -> Result<Closure, Error> {
        let hall = &self.hall;
        let _admin = hall.admin.lock();
        hall.turn_day(day, reason, &Effect::DayClosed { day })?;
        let mut closure = Closure::default();
        for id in hall.roster_of(day)? {
            match hall.displace(id, day)? {
                Some(ClaimState::Revoked) => closure.revoked.push(id),
                Some(ClaimState::Displaced) => closure.displaced.push(id),
                _ => {}
            }
        }
        hall.settle()?;
        Ok(closure)
    }

    /// Opens a closed day again and restores the displaced bookings that were not moved.
    ///
    /// # Errors
    /// [`Rejection::UnknownDay`], or what the storage says.
    pub fn reopen_day(&self, day: DayId) -> Result<Vec<ClaimId>, Error> {
        let hall = &self.hall;
        let _admin = hall.admin.lock();
        hall.turn_day(day, "", &Effect::DayReopened { day })?;
        let mut restored = Vec::new();
        for id in hall.roster_of(day)? {
            if hall.restore(id, day)? {
                restored.push(id);
            }
        }
        hall.settle()?;
        Ok(restored)
    }

    /// Gives some open slots of a day another capacity (0 closes them) until the next install, and
    /// lists the newest claims, by deadline or time of booking, that a cut below what is used
    /// leaves without a place: they stay, nothing more is granted there. The shares of the
    /// channels are counted anew from the catalog.
    ///
    /// # Errors
    /// [`Rejection::UnknownDay`], [`Rejection::OutOfRange`], or what the storage says.
    pub fn set_capacity(
        &self,
        day: DayId,
        slots: Range<u16>,
        capacity: u16,
    ) -> Result<Vec<ClaimId>, Error> {
        let hall = &self.hall;
        let mut admin = hall.admin.lock();
        let world = hall.world.load_full();
        let (entry, shape) = with_capacity(&world, day, &slots, capacity)?;
        let plan = hall.plan(&mut admin, &shape)?;
        let frame = DayFrame { plan: plan.number, ..entry.frame };
        let affected = hall.replan(entry, frame, &plan, &mut hall.draft().days)?;
        hall.settle()?;
        Ok(affected)
    }

    /// Whom [`Engine::set_capacity`] would list as the day stands now, without doing it.
    ///
    /// # Errors
    /// As [`Engine::set_capacity`].
    pub fn plan_capacity(
        &self,
        day: DayId,
        slots: Range<u16>,
        capacity: u16,
    ) -> Result<Vec<ClaimId>, Error> {
        let world = self.hall.world.load();
        let (entry, shape) = with_capacity(&world, day, &slots, capacity)?;
        Ok(self.hall.beyond_capacity(&entry.day, &Plan::new(0, shape)))
    }

    /// The capacities that [`Engine::set_capacity`] gave and the catalog in force does not have,
    /// from today on. An install forgets them: who wants to keep some gives them again.
    pub fn set_capacities(&self) -> Vec<(DayId, Range<u16>, u16)> {
        let world = self.hall.world.load_full();
        let Some(rules) = world.rules.as_deref() else {
            return Vec::new();
        };
        let ids =
            rules.calendars().flat_map(|(calendar, _)| self.hall.wanted_days(rules, calendar));
        let mut set = Vec::new();
        for id in ids {
            let shape = rules.expand(id.calendar(), id.date());
            let (Some(entry), Some(shape)) = (world.days.get(id), shape) else {
                continue;
            };
            let usual = Shape { ranges: shape.ranges, give_back_min: shape.give_back_min };
            set.extend(differing(entry, &usual).into_iter().map(|(slots, n)| (id, slots, n)));
        }
        set
    }
}

/// A day, and its shape if some of its slots had another capacity.
fn with_capacity<'a>(
    world: &'a World,
    day: DayId,
    slots: &Range<u16>,
    capacity: u16,
) -> Result<(&'a DayEntry, Shape), Error> {
    let entry = world.days.get(day).ok_or(Rejection::UnknownDay { day })?;
    if slots.start >= slots.end {
        return Err(Rejection::OutOfRange { what: "slots: at least one" }.into());
    }
    let all = [capacity; crate::id::Channel::COUNT];
    let unknown = PlanRange { start: 0, end: 0, capacity, max: all, protected: [0; 4] };
    let rules = world.rules.as_deref();
    let limits = rules.and_then(|rules| rules.limits(day.calendar(), capacity));
    Ok((entry, entry.plan.shape().with_limits(slots, limits.unwrap_or(unknown))))
}

/// Slots of a day that are open by a shape too, but with another capacity there.
fn differing(entry: &DayEntry, usual: &Shape) -> Vec<(Range<u16>, u16)> {
    let plan = Plan::new(0, usual.clone());
    let mut found: Vec<(Range<u16>, u16)> = Vec::new();
    for range in entry.plan.shape().ranges {
        for index in range.start..range.end {
            let slot = plan.slot(usize::from(index));
            if slot.is_none_or(|slot| slot.capacity == range.capacity) {
                continue;
            }
            match found.last_mut() {
                Some((slots, capacity)) if *capacity == range.capacity && slots.end == index => {
                    slots.end = index + 1;
                }
                _ => found.push((index..index + 1, range.capacity)),
            }
        }
    }
    found
}

impl Hall {
    /// Waits until everything published so far is durable.
    pub(super) fn settle(&self) -> Result<(), Error> {
        self.journal.wait(self.journal.last())
    }

    /// Publishes lines that change one day, or none, outside any claim's life.
    pub(super) fn publish_group(
        &self,
        lines: &mut [Line],
        apply: impl FnOnce(&Self, Option<MutexGuard<'_, DayState>>, Seq),
        day: Option<&Day>,
    ) -> Result<Seq, Error> {
        self.status()?;
        self.journal.wait_for_room(u32::try_from(lines.len()).unwrap_or(u32::MAX))?;
        let state = day.map(|day| day.state().lock());
        let seq = self.journal.publish(self.now(), lines);
        apply(self, state, seq);
        Ok(seq)
    }

    fn turn_day(&self, id: DayId, reason: &str, effect: &Effect) -> Result<(), Error> {
        if reason.len() > REASON_BYTES_MAX {
            return Err(Rejection::OutOfRange { what: "the reason: up to 240 bytes" }.into());
        }
        let world = self.world.load();
        let entry = world.days.get(id).ok_or(Rejection::UnknownDay { day: id })?;
        let mut lines = vec![effect.to_line()];
        lines.extend(record::text(TextOf::Reason, reason.as_bytes()));
        let day = &entry.day;
        let apply = |_: &Self, state: Option<MutexGuard<'_, DayState>>, seq| {
            if let Some(mut state) = state {
                day.apply(&mut state, seq, effect);
            }
        };
        self.publish_group(&mut lines, apply, Some(day))?;
        Ok(())
    }

    pub(super) fn roster_of(&self, day: DayId) -> Result<Vec<ClaimId>, Error> {
        let world = self.world.load();
        let entry = world.days.get(day).ok_or(Rejection::UnknownDay { day })?;
        let mut ids: Vec<ClaimId> =
            entry.day.state().lock().roster.iter().map(|(_, id)| id).collect();
        // In an order of their own, not that of places used again: what ends first is forgotten
        // first.
        ids.sort_unstable();
        Ok(ids)
    }

    /// Changes one claim as `choose` says, without waiting for its durability.
    pub(super) fn adjust(
        &self,
        id: ClaimId,
        choose: impl Fn(&super::Scene<'_>) -> Option<Effect>,
    ) -> Result<Option<()>, Error> {
        let verdict = |scene: &super::Scene<'_>| match choose(scene) {
            Some(effect) => super::Verdict::Do(effect),
            None => super::Verdict::Replay,
        };
        match self.change(id, verdict).dirty() {
            Ok(receipt) => Ok((!receipt.replayed).then_some(())),
            Err(Error::Rejected(_)) => Ok(None),
            Err(error) => Err(error.clone()),
        }
    }

    /// One claim of a closed day; answers with its new state if it was changed.
    pub(super) fn displace(&self, id: ClaimId, day: DayId) -> Result<Option<ClaimState>, Error> {
        let next = |state| match state {
            ClaimState::Held => Some(ClaimState::Revoked),
            ClaimState::Booked => Some(ClaimState::Displaced),
            _ => None,
        };
        let before = std::cell::Cell::new(None);
        let done = self.adjust(id, |scene| {
            let to = next(scene.state).filter(|_| scene.place.day == day)?;
            if planted("a_closed_day_keeps_its_holds") {
                return None;
            }
            before.set(Some(to));
            let (claim, place, actor) = (scene.id, scene.place, ActorId(0));
            Some(match to {
                ClaimState::Revoked => {
                    let (how, held, returns_at) = (to, true, None);
                    Effect::Ended { claim, place, how, held, returns_at, actor }
                }
                state => Effect::Marked { claim, place, state, actor },
            })
        })?;
        Ok(done.and_then(|()| before.get()))
    }

    fn restore(&self, id: ClaimId, day: DayId) -> Result<bool, Error> {
        let done = self.adjust(id, |scene| {
            let here = scene.state == ClaimState::Displaced && scene.place.day == day;
            let (claim, place, actor) = (scene.id, scene.place, ActorId(0));
            here.then_some(Effect::Marked { claim, place, state: ClaimState::Booked, actor })
        })?;
        Ok(done.is_some())
    }

    /// The plan of this shape; journalled when it is new.
    pub(super) fn plan(&self, admin: &mut Admin, shape: &Shape) -> Result<Arc<Plan>, Error> {
        self.status()?;
        match admin.plans.find(shape) {
            Ok(plan) => Ok(plan),
            Err(plan) => {
                // Known only once it is journalled: a day must not refer to a plan that is not.
                let mut lines: Vec<Line> = plan.effects().iter().map(Effect::to_line).collect();
                self.publish_group(&mut lines, |_, _, _| {}, None)?;
                Ok(admin.plans.define(plan.number, shape.clone()))
            }
        }
    }

    /// Puts another frame and plan to a day; lists the newest claims beyond a capacity.
    pub(super) fn replan(
        &self,
        entry: &DayEntry,
        frame: DayFrame,
        plan: &Arc<Plan>,
        days: &mut DayMap,
    ) -> Result<Vec<ClaimId>, Error> {
        let day = &entry.day;
        let effect = Effect::DayPlanned { day: day.id, frame };
        let apply = |_: &Self, state: Option<MutexGuard<'_, DayState>>, seq| {
            if let Some(mut state) = state {
                day.replan(&mut state, seq, frame, plan.clone());
            }
        };
        self.publish_group(&mut [effect.to_line()], apply, Some(day))?;
        let bits = days.bits(day.id.calendar());
        days.put(DayEntry { day: day.clone(), frame, plan: plan.clone() }, &bits);
        Ok(self.beyond_capacity(day, plan))
    }

    /// The newest claims of a day that its capacity no longer covers.
    pub(super) fn beyond_capacity(&self, day: &Day, plan: &Plan) -> Vec<ClaimId> {
        let mut deficit: Vec<u32> = (0..day.slots())
            .map(|index| {
                let capacity = plan.slot(index).map_or(0, |slot| u32::from(slot.capacity));
                lanes(day.used(index)).iter().sum::<u32>().saturating_sub(capacity)
            })
            .collect();
        if deficit.iter().all(|missing| *missing == 0) {
            return Vec::new();
        }
        let ids: Vec<ClaimId> = day.state().lock().roster.iter().map(|(_, id)| id).collect();
        let mut claims = Vec::new();
        for id in ids {
            let Some(shard) = self.ledger.lock_of(id) else {
                continue;
            };
            if let Some(entry) = shard.get(id) {
                claims.push((entry.time(), id, entry.place()));
            }
        }
        claims.sort_unstable_by_key(|(time, id, _)| std::cmp::Reverse((*time, *id)));
        let mut affected = Vec::new();
        for (_, id, place) in claims {
            let missing = deficit.get_mut(place.slots());
            let Some(missing) = missing.filter(|slots| slots.iter().any(|slot| *slot > 0)) else {
                continue;
            };
            for slot in missing {
                *slot = slot.saturating_sub(u32::from(place.width()));
            }
            affected.push(id);
        }
        affected
    }

    /// The days that a calendar should have now: from today to a day beyond its horizon.
    pub(super) fn wanted_days(&self, rules: &Rules, calendar: CalendarId) -> Vec<DayId> {
        let now = self.now();
        let Some(rule) = rules.calendar(calendar) else {
            return Vec::new();
        };
        let Some(today) = rules.today(calendar, now) else {
            return Vec::new();
        };
        let ahead = usize::from(rule.horizon_days) + 2;
        today.iter_days().take(ahead).filter_map(|date| DayId::new(calendar, date)).collect()
    }

    /// Creates the days that the horizon has reached.
    pub(super) fn roll(&self, admin: &mut Admin) -> Result<(), Error> {
        let world = self.world.load_full();
        let Some(rules) = world.rules.clone() else {
            return Ok(());
        };
        let wanted = rules.calendars().flat_map(|(calendar, _)| self.wanted_days(&rules, calendar));
        let missing = wanted.filter(|id| world.days.get(*id).is_none());
        let new: Vec<(DayId, DayShape)> =
            missing.filter_map(|id| Some((id, rules.expand(id.calendar(), id.date())?))).collect();
        if new.is_empty() {
            return Ok(());
        }
        let mut draft = self.draft();
        for (id, shape) in new {
            self.shape_day(admin, id, &shape, &mut draft.days)?;
        }
        Ok(())
    }
}
