//! Which days are there, and by which catalog? What every reader sees, swapped whole.
//!
//! Never loses what was done when the rest of a change fails: it is in the journal, so it is in
//! force.

use std::ops::{Deref, DerefMut};

use crate::catalog::{Catalog, Numbers, Rules};
use crate::engine::Hall;
use crate::inventory::DayMap;
use crate::sync::Arc;

/// What readers see of the catalog and the days.
#[derive(Clone, Default)]
pub(crate) struct World {
    pub(super) catalog: Option<Arc<Catalog>>,
    pub(super) rules: Option<Arc<Rules>>,
    pub(super) numbers: Numbers,
    pub(super) days: DayMap,
}

/// A world in the making, put in force when it is dropped; for whoever holds the lock of the admin.
pub(super) struct Draft<'h> {
    hall: &'h Hall,
    world: World,
}

impl Hall {
    pub(super) fn draft(&self) -> Draft<'_> {
        Draft { hall: self, world: World::clone(&self.world.load()) }
    }
}

impl Deref for Draft<'_> {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl DerefMut for Draft<'_> {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        self.hall.world.store(Arc::new(std::mem::take(&mut self.world)));
    }
}
