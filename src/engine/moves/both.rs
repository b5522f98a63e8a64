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

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::catalog::Catalog;
    use crate::engine::Engine;

    const CATALOG: &str = r#"
        offices = [{ key = "o", zone = "Etc/UTC" }]
        services = [{ key = "s" }]
        calendars = [{ key = "c", office = "o", services = ["s"], capacity = 1, hours = {
            mon = ["09:00-10:00"], tue = ["09:00-10:00"], wed = ["09:00-10:00"],
            thu = ["09:00-10:00"], fri = ["09:00-10:00"] } }]
    "#;

    /// Whichever way a claim moves, the lower day is locked first: while the higher one is taken,
    /// a move waits for it with the lower one in its hands.
    #[test]
    fn days_are_locked_in_ascending_order_whichever_way_a_claim_moves() {
        let engine = Engine::builder().seeded(1).open().unwrap();
        engine.install(&Catalog::from_toml(CATALOG).unwrap()).unwrap();
        let world = engine.hall.world.load();
        let mut days = world.days.iter();
        let (low, high) = (days.next().unwrap(), days.next().unwrap());
        for (old, new) in [(low, high), (high, low)] {
            let taken = high.day.state().lock();
            std::thread::scope(|scope| {
                scope.spawn(|| drop(Both::lock(old, new)));
                let waits = (0..1_000).any(|_| {
                    std::thread::sleep(Duration::from_millis(5));
                    low.day.state().try_lock().is_none()
                });
                drop(taken);
                assert!(waits, "the lower day was not locked first");
            });
        }
    }
}
