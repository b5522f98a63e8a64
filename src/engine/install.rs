//! What are the rules now? Installing a catalog, with bookings in place.
//!
//! Never lets a rule of today change the past: what is journalled is the expansion.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, CatalogError, DayShape, Numbers, Rules};
use crate::engine::shape::fitted;
use crate::engine::{Admin, Engine, Hall};
use crate::error::Error;
use crate::id::{ClaimId, DayId};
use crate::inventory::{DayEntry, Plan, starts_at};
use crate::limits::GROUP_LINES_MAX;
use crate::record::{self, DayFrame, Effect, Line, TextOf};
use crate::sync::Arc;

/// What an install does, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstallReport {
    /// Days that come into being.
    pub created: usize,
    /// Days that get another plan.
    pub replanned: usize,
    /// Claims beyond a cut capacity, newest first: they stay, as deficit.
    pub affected: Vec<ClaimId>,
    /// Claims whose start moves, because the zone's rules changed.
    pub moved: Vec<ClaimId>,
}

/// The catalog with its numbers, as it stands in the journal.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Document {
    pub(super) numbers: Numbers,
    pub(super) catalog: Catalog,
}

impl Engine {
    /// Puts a catalog in force: creates the days of its horizon, replans those there are. Slots
    /// keep their identity and claims their places; a cut below what is used becomes deficit.
    /// Durable when it returns; goes on by itself after a crash in the middle.
    ///
    /// # Errors
    /// [`Error::Catalog`] with the line or path and what was expected; nothing was changed then.
    pub fn install(&self, catalog: &Catalog) -> Result<InstallReport, Error> {
        let hall = &self.hall;
        let mut admin = hall.admin.lock();
        let (document, rules) = hall.prepare(catalog)?;
        let mut report = hall.compare(&document, &rules)?;
        let version = admin.version + 1;
        hall.write_document(&document)?;
        hall.publish_installed(version, false)?;
        (admin.version, admin.unfinished) = (version, true);
        report.affected = hall.finish_install(&mut admin, document, Arc::new(rules))?;
        hall.settle()?;
        Ok(report)
    }

    /// What [`Engine::install`] would do as things stand now, without doing it.
    ///
    /// # Errors
    /// As [`Engine::install`].
    pub fn plan_install(&self, catalog: &Catalog) -> Result<InstallReport, Error> {
        let hall = &self.hall;
        let _admin = hall.admin.lock();
        let (document, rules) = hall.prepare(catalog)?;
        let mut report = hall.compare(&document, &rules)?;
        report.affected = hall.would_affect(&rules);
        Ok(report)
    }
}

impl Hall {
    fn prepare(&self, catalog: &Catalog) -> Result<(Document, Rules), Error> {
        let catalog_error = |error: CatalogError| Error::Catalog(Arc::new(error));
        catalog.check().map_err(catalog_error)?;
        let mut numbers = self.world.load().numbers.clone();
        numbers.assign(catalog).map_err(catalog_error)?;
        let rules = Rules::new(Arc::new(catalog.clone()), &numbers);
        Ok((Document { numbers, catalog: catalog.clone() }, rules))
    }

    /// What differs from the days there are; refuses another unit where there are claims.
    fn compare(&self, document: &Document, rules: &Rules) -> Result<InstallReport, Error> {
        let mut report = InstallReport::default();
        let world = self.world.load();
        for (calendar, rule) in rules.calendars() {
            for id in self.wanted_days(rules, calendar) {
                let Some(shape) = rules.expand(calendar, id.date()) else {
                    continue;
                };
                let Some(entry) = world.days.get(id) else {
                    report.created += 1;
                    continue;
                };
                let state = entry.day.state().lock();
                let unused = entry.day.is_unused(&state);
                if state.frame.unit_min != rule.unit_min && !unused {
                    let keys = document.numbers.calendar_key(calendar);
                    return Err(Error::Catalog(Arc::new(CatalogError::unit_in_use(
                        keys.unwrap_or_default(),
                        state.frame.unit_min,
                    ))));
                }
                if differs(entry, &fitted(entry, &shape, unused)) {
                    report.replanned += 1;
                }
                if state.frame.begins != shape.begins {
                    report.moved.extend(state.roster.iter().map(|(_, id)| id));
                }
            }
        }
        Ok(report)
    }

    /// The claims beyond a capacity that the rules cut.
    fn would_affect(&self, rules: &Rules) -> Vec<ClaimId> {
        let world = self.world.load_full();
        let mut affected = Vec::new();
        let mut wanted = BTreeSet::new();
        for (calendar, _) in rules.calendars() {
            for id in self.wanted_days(rules, calendar) {
                wanted.insert(id);
                let shape = rules.expand(calendar, id.date());
                let (Some(entry), Some(shape)) = (world.days.get(id), shape) else {
                    continue;
                };
                let unused = entry.day.is_unused(&entry.day.state().lock());
                let shape = fitted(entry, &shape, unused);
                if !unused && differs(entry, &shape) {
                    let plan = Plan::new(0, shape.limits());
                    affected.extend(self.beyond_capacity(&entry.day, &plan));
                }
            }
        }
        for entry in world.days.iter().filter(|entry| !wanted.contains(&entry.day.id)) {
            if !self.is_over(entry, rules) {
                let plan = Plan::new(0, nothing(entry).limits());
                affected.extend(self.beyond_capacity(&entry.day, &plan));
            }
        }
        affected
    }

    /// Whether a day has passed at its office.
    fn is_over(&self, entry: &DayEntry, rules: &Rules) -> bool {
        let (id, frame) = (entry.day.id, entry.frame);
        rules.today(id.calendar(), self.now()).is_some_and(|today| id.date() < today)
            || starts_at(&frame, frame.slots) < self.now()
    }

    fn write_document(&self, document: &Document) -> Result<(), Error> {
        let text = serde_json::to_vec(document).unwrap_or_default();
        let lines: Vec<Line> = record::text(TextOf::Catalog, &text).collect();
        for group in lines.chunks(GROUP_LINES_MAX) {
            self.publish_group(&mut group.to_vec(), |_, _, _| {}, None)?;
        }
        Ok(())
    }

    fn publish_installed(&self, version: u32, done: bool) -> Result<(), Error> {
        let line = Effect::Installed { version, done }.to_line();
        self.publish_group(&mut [line], |_, _, _| {}, None)?;
        Ok(())
    }

    /// Brings every day to the shape of the rules and puts them in force.
    pub(super) fn finish_install(
        &self,
        admin: &mut Admin,
        document: Document,
        rules: Arc<Rules>,
    ) -> Result<Vec<ClaimId>, Error> {
        let mut draft = self.draft();
        let mut affected = Vec::new();
        let mut wanted = BTreeSet::new();
        for (calendar, _) in rules.calendars() {
            for id in self.wanted_days(&rules, calendar) {
                wanted.insert(id);
                if let Some(shape) = rules.expand(calendar, id.date()) {
                    affected.extend(self.shape_day(admin, id, &shape, &mut draft.days)?);
                }
            }
        }
        let others: Vec<DayId> = draft.days.iter().map(|entry| entry.day.id).collect();
        for id in others.into_iter().filter(|id| !wanted.contains(id)) {
            affected.extend(self.drop_day(admin, id, &rules, &mut draft.days)?);
        }
        self.publish_installed(admin.version, true)?;
        admin.unfinished = false;
        let Document { numbers, catalog } = document;
        (draft.catalog, draft.rules) = (Some(Arc::new(catalog)), Some(rules));
        draft.numbers = numbers;
        Ok(affected)
    }

    /// A day ahead that the new catalog does not have any more gives out nothing.
    fn drop_day(
        &self,
        admin: &mut Admin,
        id: DayId,
        rules: &Rules,
        days: &mut crate::inventory::DayMap,
    ) -> Result<Vec<ClaimId>, Error> {
        let Some(entry) = days.get(id).cloned() else {
            return Ok(Vec::new());
        };
        if self.is_over(&entry, rules) {
            return Ok(Vec::new());
        }
        self.shape_day(admin, id, &nothing(&entry), days)
    }
}

/// A day with no open slot.
fn nothing(entry: &DayEntry) -> DayShape {
    let DayFrame { begins, released, unit_min, slots, .. } = entry.frame;
    let give_back_min = [0; crate::id::Channel::COUNT];
    DayShape { begins, released, unit_min, slots, ranges: Vec::new(), give_back_min }
}

fn differs(entry: &DayEntry, shape: &DayShape) -> bool {
    let now = entry.plan.shape();
    let DayEntry { frame, .. } = entry;
    now.ranges != shape.ranges
        || now.give_back_min != shape.give_back_min
        || (frame.begins, frame.released, frame.unit_min)
            != (shape.begins, shape.released, shape.unit_min)
}
