//! In which order are the days of a move locked? The only one there is: ascending.
//!
//! Never gives one of the two locks up before the other.

use crate::inventory::{DayEntry, DayState};
use crate::planted::planted;
use crate::sync::MutexGuard;

/// Both days of a move, locked in ascending order; the second only if it is another.
pub(super) struct Both<'a> {
    pub(super) old: &'a DayEntry,
    pub(super) new: &'a DayEntry,
    pub(super) first: MutexGuard<'a, DayState>,
    second: Option<MutexGuard<'a, DayState>>,
    new_is_first: bool,
}

impl<'a> Both<'a> {
    pub(super) fn lock(old: &'a DayEntry, new: &'a DayEntry) -> Self {
        let new_is_first = new.day.id <= old.day.id || planted("day_locks_in_call_order");
        let (low, high) = if new_is_first { (new, old) } else { (old, new) };
        let first = low.day.state().lock();
        let second = (low.day.id != high.day.id).then(|| high.day.state().lock());
        Self { old, new, first, second, new_is_first }
    }

    pub(super) fn same(&self) -> bool {
        self.second.is_none()
    }

    pub(super) fn new_state(&mut self) -> &mut DayState {
        match &mut self.second {
            Some(second) if !self.new_is_first => second,
            _ => &mut self.first,
        }
    }

    pub(super) fn old_state(&mut self) -> &mut DayState {
        match &mut self.second {
            Some(second) if self.new_is_first => second,
            _ => &mut self.first,
        }
    }
}
