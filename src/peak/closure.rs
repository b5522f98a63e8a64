//! What if an office closes? Its days are closed, and its people sent to look elsewhere.
//!
//! Never moves a booking itself: each one asks like anyone else, with the right of the displaced.

use std::sync::atomic::Ordering;
use std::time::Duration;

use cupo::Error;

use crate::peak::citizens::Citizen;
use crate::peak::rng::Rng;
use crate::peak::scenario::Shutting;
use crate::peak::worker::Doors;

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shut {
    pub(crate) days: u64,
    pub(crate) revoked: u64,
    pub(crate) displaced: u64,
    /// How long closing all of its days took.
    pub(crate) seconds: f64,
}

/// Waits for the moment, closes the days, sends the people.
pub(crate) fn shut(doors: &Doors<'_>, plan: &Shutting) -> Shut {
    let at_us = doors.begins_us + 1_000 * doors.scenario.run_ms(plan.at);
    while doors.now_us() < at_us && !doors.are_closed() {
        let left = at_us.saturating_sub(doors.now_us()).min(20_000);
        std::thread::sleep(Duration::from_micros(left));
    }
    let mut shut = Shut::default();
    if !doors.are_closed() {
        close(doors, plan, &mut shut).unwrap_or_else(|error| doors.fail(error));
    }
    doors.closures_left.fetch_sub(1, Ordering::Relaxed);
    shut
}

fn close(doors: &Doors<'_>, plan: &Shutting, shut: &mut Shut) -> Result<(), Error> {
    let offices = &doors.stage.offices;
    let Some(home) = offices.iter().position(|office| office.key == plan.office) else {
        return Ok(());
    };
    let began = doors.now_us();
    let mut rng = Rng::of(doors.seed, u64::from(u32::MAX));
    let within = doors.scenario.run_ms(plan.within);
    let days = offices.get(home).map_or(&[][..], |office| &office.days);
    for day in days.iter().take(plan.days) {
        let closure = doors.engine.close_day(*day, "the office is closed")?;
        shut.days += 1;
        shut.revoked += closure.revoked.len() as u64;
        shut.displaced += closure.displaced.len() as u64;
        let mut people = Vec::with_capacity(closure.displaced.len());
        for id in closure.displaced {
            let claim = doors.engine.claim(id).wait()?;
            let served = |service: &crate::peak::stage::Service| {
                claim.services.as_slice().first() == Some(&service.id)
            };
            let service = doors.stage.services.iter().position(served).unwrap_or(0);
            let narrow = |at: usize| u16::try_from(at).unwrap_or(0);
            let mut who = Citizen::displaced(doors.seed, &claim, narrow(home), narrow(service));
            who.due_us = doors.now_us() + 1_000 * rng.below(within + 1);
            who.came_us = who.due_us;
            people.push(who);
        }
        doors.send_displaced(people);
    }
    shut.seconds = Duration::from_micros(doors.now_us() - began).as_secs_f64();
    Ok(())
}
