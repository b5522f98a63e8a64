//! Is there a shorter case that fails too? What single steps of shrinking do not find.
//!
//! A command names its claim by counting back from the newest, so that a command more or less may
//! change what a later one means. Here both change at once.

use crate::testing::strategy::{Case, ClaimAt, Command};

/// The most tries.
const TRIES_MAX: usize = 5_000;

/// Leaves out commands as long as what is left still fails.
pub(super) fn shorter(case: Case, fails: &dyn Fn(&Case) -> bool) -> Case {
    let mut best = case;
    let mut tries = 0;
    'again: loop {
        let count = best.commands.len();
        for first in (0..count).rev() {
            for candidate in without(&best, first) {
                tries += 1;
                if tries > TRIES_MAX {
                    return best;
                }
                if fails(&candidate) {
                    best = candidate;
                    continue 'again;
                }
            }
        }
        return best;
    }
}

/// Without one command; also without a second, or with another claim in a later one.
fn without(case: &Case, first: usize) -> Vec<Case> {
    let mut one = case.clone();
    one.commands.remove(first);
    let mut all = vec![one.clone()];
    for other in first..one.commands.len() {
        let mut two = one.clone();
        two.commands.remove(other);
        all.push(two);
        for back in 0..3 {
            let mut changed = one.clone();
            let claim = changed.commands.get_mut(other).and_then(claim_of);
            if let Some(claim) = claim.filter(|claim| claim.0 != back) {
                *claim = ClaimAt(back);
                all.push(changed);
            }
        }
    }
    all
}

fn claim_of(command: &mut Command) -> Option<&mut ClaimAt> {
    match command {
        Command::Retry(claim)
        | Command::Confirm(claim)
        | Command::Extend(claim, _)
        | Command::Release(claim)
        | Command::Cancel(claim)
        | Command::CancelByStaff(claim)
        | Command::CheckIn(claim)
        | Command::Serve(claim)
        | Command::NoShow(claim)
        | Command::Assign(claim, _)
        | Command::Swap(claim, ..)
        | Command::Reschedule(claim, ..)
        | Command::RescheduleAt(claim, ..)
        | Command::RescheduleByStaff(claim, ..)
        | Command::RescheduleToHold(claim, ..) => Some(claim),
        _ => None,
    }
}
