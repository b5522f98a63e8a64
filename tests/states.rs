//! Every state of a small world: clients who hold, confirm, release, cancel and move, time that
//! passes, a disk that syncs late, a crash at every moment that keeps any part of what was unsynced.
//!
//! The model is the protocol in a page (`stage/states.rs`), explored without a gap; each mistake
//! planted in it must break a property, or the properties say nothing.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::match_same_arms,
    clippy::too_many_lines,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/evidence.rs"]
mod evidence;
#[path = "stage/states.rs"]
mod states;

use evidence::{Evidence, share};
use stateright::{Checker, Model};
use states::{Mistake, Small};

/// Three places on two days (a day is but a name here), three clients.
const SMALL: Small = Small {
    clients: 3,
    slots: 3,
    lives: 1,
    end: 1,
    pending_max: 2,
    crashes: 1,
    mistake: Mistake::None,
};

#[test]
fn every_state_is_sound() {
    let evidence = Evidence::of("T2 all states: 3 clients, 3 places, crash and recovery");
    let large = share(0, 1) > 0;
    let model = if large { Small { lives: 2, end: 2, pending_max: 3, ..SMALL } } else { SMALL };
    let (lives, end, crashes) = (model.lives, model.end, model.crashes);
    let checker = model.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    evidence.passed(&format!(
        "all {} states ({} visits, {} steps deep): {lives} claims a client, {end} ticks, {crashes} crash",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
    ));
}

#[test]
fn every_mistake_is_found() {
    let evidence = Evidence::of("T2 planted mistakes");
    let mistakes = [
        (Mistake::AcknowledgeAtOnce, "what was acknowledged stays"),
        (Mistake::RefuseAtOnce, "a refusal tells the truth"),
        (Mistake::MoveInTwoGroups, "used never exceeds the limit, and adds up"),
        (Mistake::ConfirmLate, "no hold is confirmed at its deadline"),
        (Mistake::CheckBeforeTheLock, "used never exceeds the limit, and adds up"),
        (Mistake::ForgetTheTimeAtACrash, "time never goes back behind the log"),
    ];
    for (mistake, property) in mistakes {
        let model = Small { clients: 2, mistake, ..SMALL };
        let checker = model.checker().spawn_bfs().join();
        let found = checker.discovery(property);
        assert!(found.is_some(), "{mistake:?} breaks nothing");
        println!("{mistake:?}: {} steps to '{property}'", found.unwrap().into_actions().len());
    }
    evidence.passed(&format!("{} of {} found", mistakes.len(), mistakes.len()));
}
