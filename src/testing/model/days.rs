//! Which days are there, which are closed, and what is due? Installs, closures, the passing of
//! time.

use std::collections::BTreeSet;
use std::ops::Range;

use chrono::NaiveDate;

use super::hours::{day_of, limits_of, wall};
use super::{Answer, Day, Model, Outcome};
use crate::{
    CalendarId, Catalog, Channel, ClaimId, ClaimState, Closure, DayId, InstallReport, OfficeId,
    Rejection, ServiceId, Time,
};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

impl Model {
    pub(super) fn install(&mut self, catalog: &Catalog) -> Outcome {
        if catalog.check().is_err() {
            return Outcome::BadCatalog;
        }
        let before = self.clone();
        for office in &catalog.offices {
            let next = OfficeId(number(self.offices.len()));
            self.offices.entry(office.key.clone()).or_insert(next);
        }
        for service in &catalog.services {
            let next = ServiceId(number(self.services.len()));
            self.services.entry(service.key.clone()).or_insert(next);
        }
        for calendar in &catalog.calendars {
            let next = CalendarId(number(self.calendars.len()));
            self.calendars.entry(calendar.key.clone()).or_insert(next);
        }
        self.catalog = Some(catalog.clone());
        self.logged = self.now;
        let mut report = InstallReport::default();
        let wanted = self.wanted_days();
        let shaped = wanted.iter().filter_map(|id| Some((*id, self.day_of(*id)?)));
        let shapes: Vec<(DayId, Day)> = shaped.collect();
        for (id, day) in &shapes {
            let Some(present) = self.days.get(id) else {
                report.created += 1;
                continue;
            };
            if present.unit_min != day.unit_min && self.is_used(*id) {
                // A calendar's unit is fixed while it has claims.
                *self = before;
                return Outcome::BadCatalog;
            }
            let begins = day.begins;
            let fitted = self.fitted(*id, present, day.clone());
            report.replanned += usize::from(differs(present, &fitted));
            if present.begins != begins {
                let here = self.roster_ids(*id);
                report.moved.extend(here);
            }
        }
        for (id, day) in shapes {
            report.affected.extend(self.shape(id, day));
        }
        let others: Vec<DayId> = self.days.keys().copied().collect();
        for id in others.into_iter().filter(|id| !wanted.contains(id)) {
            report.affected.extend(self.drop_day(id));
        }
        report.moved.sort_unstable();
        Outcome::Installed(report)
    }

    /// What a calendar has on a date by the catalog in force.
    fn day_of(&self, id: DayId) -> Option<Day> {
        let calendar = self.calendar(id.calendar())?;
        day_of(calendar, self.zone(calendar)?, id.date())
    }

    fn today(&self, calendar: CalendarId) -> Option<NaiveDate> {
        let zone = self.zone(self.calendar(calendar)?)?;
        Some(wall(zone, self.now)?.0)
    }

    /// From today at the office to a day beyond the horizon.
    fn wanted_days(&self) -> BTreeSet<DayId> {
        let mut wanted = BTreeSet::new();
        for id in self.calendars.values() {
            let (Some(calendar), Some(today)) = (self.calendar(*id), self.today(*id)) else {
                continue;
            };
            let ahead = usize::try_from(calendar.horizon.seconds() / 86_400).unwrap_or(0) + 2;
            wanted.extend(today.iter_days().take(ahead).filter_map(|date| DayId::new(*id, date)));
        }
        wanted
    }

    /// The new shape of a day, as far as it fits the places that are taken there: those keep their
    /// slots, and a slot that the day had not before stays closed.
    fn fitted(&self, id: DayId, present: &Day, new: Day) -> Day {
        let mut fitted = Day { closed: present.closed, ..new };
        if self.is_used(id) {
            fitted.slots = present.slots;
            fitted.limits.retain(|index, _| *index < present.slots);
        }
        fitted
    }

    /// Creates a day or brings it to a shape; answers with the claims beyond its capacity.
    fn shape(&mut self, id: DayId, new: Day) -> Vec<ClaimId> {
        let Some(present) = self.days.get(&id) else {
            self.days.insert(id, new);
            return Vec::new();
        };
        let fitted = self.fitted(id, present, new);
        if *present == fitted {
            return Vec::new();
        }
        self.days.insert(id, fitted);
        self.beyond_capacity(id)
    }

    /// A day ahead that the catalog does not have any more gives out nothing.
    fn drop_day(&mut self, id: DayId) -> Vec<ClaimId> {
        let Some(day) = self.days.get(&id).cloned() else { return Vec::new() };
        let past = self.today(id.calendar()).is_some_and(|today| id.date() < today);
        if past || day.starts_at(day.slots) < self.now {
            return Vec::new();
        }
        let give_back_min = [0; Channel::COUNT];
        self.shape(id, Day { limits: std::collections::BTreeMap::new(), give_back_min, ..day })
    }

    pub(super) fn set_capacity(&mut self, id: DayId, slots: &Range<u16>, capacity: u16) -> Answer {
        let day = self.days.get(&id).ok_or(Rejection::UnknownDay { day: id })?;
        if slots.start >= slots.end {
            return Err(Rejection::OutOfRange { what: "slots: at least one" });
        }
        let limits = match self.calendar(id.calendar()) {
            // The shares of the channels are counted anew.
            Some(calendar) => limits_of(calendar, capacity),
            None => super::Limits { capacity, max: [capacity; 4], protected: [0; 4] },
        };
        let mut day = day.clone();
        for (index, present) in &mut day.limits {
            if slots.contains(index) {
                *present = limits;
            }
        }
        self.logged = self.now;
        self.days.insert(id, day);
        Ok(Outcome::Claims(self.beyond_capacity(id)))
    }

    /// The newest claims of a day that its capacity does not cover.
    fn beyond_capacity(&self, id: DayId) -> Vec<ClaimId> {
        let Some(day) = self.days.get(&id) else { return Vec::new() };
        let mut missing: Vec<u32> = Vec::new();
        for index in 0..day.slots {
            let capacity = day.open(index).map_or(0, |limits| u32::from(limits.capacity));
            let used: u32 = self.used(id.slot(index), None).iter().sum();
            missing.push(used.saturating_sub(capacity));
        }
        let mut here: Vec<_> = self.on_roster(id).collect();
        here.sort_by_key(|life| std::cmp::Reverse((life.time, life.claim.id)));
        let mut beyond = Vec::new();
        for life in here {
            let place = life.place();
            let own = missing.get_mut(place.slots()).unwrap_or(&mut []);
            if own.iter().any(|missing| *missing > 0) {
                beyond.push(life.claim.id);
                for left in own {
                    *left = left.saturating_sub(place.width().into());
                }
            }
        }
        beyond
    }

    pub(super) fn close_day(&mut self, id: DayId) -> Answer {
        let unknown = Rejection::UnknownDay { day: id };
        self.days.get_mut(&id).ok_or(unknown)?.closed = true;
        self.logged = self.now;
        let mut closure = Closure::default();
        for claim in self.roster_ids(id) {
            match self.meet(claim)?.claim.state {
                ClaimState::Held => {
                    self.end(claim, ClaimState::Revoked)?;
                    closure.revoked.push(claim);
                }
                ClaimState::Booked => {
                    self.change(claim, |life| life.claim.state = ClaimState::Displaced)?;
                    closure.displaced.push(claim);
                }
                _ => {}
            }
        }
        Ok(closure.into())
    }

    pub(super) fn reopen_day(&mut self, id: DayId) -> Answer {
        let unknown = Rejection::UnknownDay { day: id };
        self.days.get_mut(&id).ok_or(unknown)?.closed = false;
        self.logged = self.now;
        let mut restored = Vec::new();
        for claim in self.roster_ids(id) {
            if self.meet(claim)?.claim.state == ClaimState::Displaced {
                self.change(claim, |life| life.claim.state = ClaimState::Booked)?;
                restored.push(claim);
            }
        }
        restored.sort_unstable();
        Ok(Outcome::Claims(restored))
    }

    /// What is due is done: holds end, places come back, the horizon rolls, old things go.
    pub(super) fn tick(&mut self) {
        self.expire_due();
        self.roll();
        self.retire();
        let before = Time(self.now.0.saturating_sub(self.settings.window_ms));
        while self.forget_oldest(before) {}
    }

    pub(super) fn expire_due(&mut self) {
        let waits = |life: &&super::Life| life.is_held() || life.cooling;
        let due = self.claims.iter().filter(waits).filter(|life| life.time <= self.now);
        let mut due: Vec<_> = due.map(|life| (life.time, life.claim.id, life.cooling)).collect();
        due.sort_unstable();
        for (_, id, cooling) in due {
            // Of a claim that is there: nothing to refuse.
            let _ = self.end(id, if cooling { ClaimState::Cancelled } else { ClaimState::Expired });
        }
    }

    /// Creates the days that the horizon has reached.
    pub(super) fn roll(&mut self) {
        for id in self.wanted_days() {
            if !self.days.contains_key(&id)
                && let Some(day) = self.day_of(id)
            {
                self.logged = self.now;
                self.days.insert(id, day);
            }
        }
    }

    /// Past days leave memory, and with them the claims on their rosters; a hold ends first.
    fn retire(&mut self) {
        let keep_ms = u64::from(self.settings.keep_days) * DAY_MS;
        let ends = |day: &Day| day.starts_at(day.slots).plus(keep_ms);
        let waits = |id: &DayId| {
            let here = |life: &super::Life| life.claim.slot.day == *id;
            self.claims.iter().any(|life| here(life) && (life.is_held() || life.cooling))
        };
        let past = self.days.iter().filter(|(id, day)| ends(day) < self.now && !waits(id));
        let past: Vec<DayId> = past.map(|(id, _)| *id).collect();
        for id in past {
            self.logged = self.now;
            self.days.remove(&id);
            self.claims
                .retain(|life| life.claim.slot.day != id || !life.claim.state.is_on_roster());
        }
    }

    /// Without an archive, a grant forgets up to two ended claims whose window has passed.
    pub(super) fn forget_two(&mut self) {
        let before = Time(self.now.0.saturating_sub(self.settings.window_ms));
        if !self.settings.archive && self.forget_oldest(before) {
            self.forget_oldest(before);
        }
    }

    fn forget_oldest(&mut self, before: Time) -> bool {
        let Some(id) = self.ended.first().copied() else { return false };
        let Some(ended) = self.life(id).ok().map(|life| life.time).filter(|at| *at < before) else {
            return false;
        };
        self.forgotten = self.forgotten.max(ended);
        self.ended.remove(0);
        self.claims.retain(|life| life.claim.id != id);
        true
    }

    /// Whether places of a day are taken.
    fn is_used(&self, id: DayId) -> bool {
        self.claims.iter().any(|life| life.claim.slot.day == id && life.keeps_places())
    }

    pub(super) fn on_roster(&self, id: DayId) -> impl Iterator<Item = &super::Life> {
        let here = move |life: &&super::Life| life.claim.slot.day == id;
        self.claims.iter().filter(here).filter(|life| life.claim.state.is_on_roster())
    }

    /// In the order in which a day's claims are gone through.
    fn roster_ids(&self, id: DayId) -> Vec<ClaimId> {
        let mut ids: Vec<ClaimId> = self.on_roster(id).map(|life| life.claim.id).collect();
        ids.sort_unstable();
        ids
    }
}

fn differs(present: &Day, new: &Day) -> bool {
    present.limits != new.limits
        || present.give_back_min != new.give_back_min
        || (present.begins, present.released, present.unit_min)
            != (new.begins, new.released, new.unit_min)
}

fn number(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}
