//! What is the least that is already impossible? A bad history without what has no part in it.
//!
//! Leaves out only what can be left out of any good history, so that the rest is bad for the
//! reason that the whole was: what came later, answers that only tell, and claims whose places
//! nobody was refused for.

use std::collections::{HashMap, HashSet};

use crate::testing::history::puzzle::Puzzle;
use crate::testing::history::search::{Stuck, order};
use crate::testing::history::spec::Deed;
use crate::testing::history::{Answer, Event, History, Operation, Seen};
use crate::{ClaimId, ClaimState, PartyId, Rejection, RequestId, SlotId};

/// Where a history has no order; `None` if it has one.
pub(super) fn stuck(puzzle: &Puzzle<'_>) -> Option<Stuck> {
    puzzle.groups().iter().find_map(|group| order(puzzle, group).err())
}

fn is_bad(history: &History) -> bool {
    stuck(&Puzzle::new(history)).is_some()
}

/// The least bad part of a bad history.
pub(super) fn shrink(history: &History) -> History {
    let puzzle = Puzzle::new(history);
    let Some(found) = stuck(&puzzle) else { return history.clone() };
    let moves = found.group.iter().filter_map(|number| puzzle.moves.get(*number));
    let group: HashSet<usize> = moves.map(|of| of.event).collect();
    let mut least = only(history, |number, _| group.contains(&number));
    least.claims.extend(named(history));
    least = shortest(&least);
    loop {
        let before = least.events.len();
        least = without_claims(least);
        least = without_tellings(least);
        least = without_clock(least);
        if least.events.len() == before {
            return least;
        }
    }
}

fn only(history: &History, keep: impl Fn(usize, &Event) -> bool) -> History {
    let events = history.events.iter().enumerate().filter(|(number, event)| keep(*number, event));
    let events = events.map(|(_, event)| event.clone()).collect();
    let (slots, claims) = (history.slots.clone(), history.claims.clone());
    History { events, slots, claims, crashes: history.crashes.clone(), ..*history }
}

/// Which request made each claim, so that it is known when the answers that show it are left out;
/// but for claims that answers contradict each other about.
fn named(history: &History) -> HashMap<ClaimId, (PartyId, RequestId)> {
    let shown = || {
        history.events.iter().filter_map(|event| match event.answer {
            Answer::Is(Seen { id, party, request, .. }, _) => Some((id, (party, request))),
            _ => None,
        })
    };
    let mut named: HashMap<_, _> = shown().collect();
    for (id, by) in shown() {
        if named.get(&id).is_some_and(|other| *other != by) {
            named.remove(&id);
        }
    }
    named
}

/// What was seen up to a moment: later answers are not known yet.
fn until(history: &History, moment: u64) -> History {
    let mut part = only(history, |_, event| event.call <= moment);
    for event in &mut part.events {
        if event.back.is_some_and(|back| back > moment) {
            (event.back, event.answer) = (None, Answer::Unknown);
        }
    }
    part.crashes.retain(|crash| *crash <= moment);
    part
}

/// The shortest beginning that is bad: if one is, so is every longer one.
fn shortest(history: &History) -> History {
    let mut moments: Vec<u64> = history.events.iter().filter_map(|event| event.back).collect();
    moments.sort_unstable();
    let bad = moments.partition_point(|moment| !is_bad(&until(history, *moment)));
    moments.get(bad).map_or_else(|| history.clone(), |moment| until(history, *moment))
}

/// Leaves out as many of the sets of events as can go, the most at a time first.
fn thin(
    mut history: History,
    mut sets: Vec<HashSet<u64>>,
    may_go: impl Fn(&History, &HashSet<u64>) -> bool,
) -> History {
    let mut size = sets.len();
    while size > 0 {
        let mut rest = Vec::new();
        for chunk in sets.chunks(size) {
            let gone: HashSet<u64> = chunk.iter().flatten().copied().collect();
            let fewer = only(&history, |_, event| !gone.contains(&event.call));
            if may_go(&fewer, &gone) && is_bad(&fewer) {
                history = fewer;
            } else {
                rest.extend(chunk.iter().cloned());
            }
        }
        sets = rest;
        size = if size == 1 { 0 } else { size.div_ceil(2).min(sets.len().max(1)) };
    }
    history
}

/// Answers that change nothing only bind an order.
fn without_tellings(history: History) -> History {
    let tells = |event: &&Event| {
        matches!(event.answer, Answer::Refused(_) | Answer::Is(_, true) | Answer::Nothing)
            || matches!(event.operation, Operation::Read(_) | Operation::Look(_))
    };
    let sets = history.events.iter().filter(tells).map(|event| HashSet::from([event.call]));
    let sets = sets.collect();
    thin(history, sets, |_, _| true)
}

/// All calls about one claim.
#[derive(Debug)]
struct Life {
    calls: HashSet<u64>,
    slots: HashSet<SlotId>,
    begins: u64,
    /// When all knew that it had ended.
    ended: u64,
    /// It took over another claim's place, or lent its own.
    linked: bool,
}

/// Without a claim there is only more room, which matters to none but those refused for want of
/// it while the claim may have been there.
fn without_claims(history: History) -> History {
    let lives = lives(&history);
    let lent = lives.iter().filter(|life| !life.linked).map(|life| life.calls.clone()).collect();
    thin(history, lent, |rest, gone| {
        let gone: Vec<&Life> = lives.iter().filter(|life| !life.calls.is_disjoint(gone)).collect();
        !rest.events.iter().any(|event| {
            matches!(event.answer, Answer::Refused(Rejection::SlotFull { slot })
            if gone.iter().any(|life| {
                let before = event.back.is_some_and(|back| back < life.begins);
                life.slots.contains(&slot) && !before && event.call <= life.ended
            }))
        })
    })
}

fn lives(history: &History) -> Vec<Life> {
    let puzzle = Puzzle::new(history);
    let mut lives: HashMap<usize, Life> = HashMap::new();
    for of in &puzzle.moves {
        let Some(event) = history.events.get(of.event) else { continue };
        let (key, slot, other) = match of.deed {
            Deed::Grant { key, asked, .. } => (key, Some(asked.slot), None),
            Deed::Shift { who, to, .. } => (who.key, Some(to), None),
            Deed::Adopt { who, hold, .. } => (who.key, None, Some(hold.key)),
            Deed::Confirm(who)
            | Deed::Extend(who, _)
            | Deed::Release(who)
            | Deed::Cancel(who)
            | Deed::Read(who) => (who.key, None, None),
            Deed::Advance(_) => continue,
        };
        let none = || Life {
            calls: HashSet::new(),
            slots: HashSet::new(),
            begins: u64::MAX,
            ended: u64::MAX,
            linked: false,
        };
        if let Some(other) = other {
            lives.entry(other).or_insert_with(none).linked = true;
        }
        let life = lives.entry(key).or_insert_with(none);
        life.linked |= other.is_some();
        life.calls.insert(event.call);
        life.slots.extend(slot);
        life.begins = life.begins.min(event.call);
        if is_end(&event.answer) {
            life.ended = life.ended.min(event.back.unwrap_or(u64::MAX));
        }
    }
    let mut lives: Vec<_> = lives.into_values().collect();
    lives.sort_by_key(|life| life.begins);
    lives
}

fn is_end(answer: &Answer) -> bool {
    match answer {
        Answer::Is(seen, _) => {
            matches!(seen.state, ClaimState::Released | ClaimState::Cancelled | ClaimState::Expired)
        }
        Answer::Refused(Rejection::HoldExpired { .. } | Rejection::AlreadyEnded { .. }) => true,
        _ => false,
    }
}

/// Of two moves of the clock with no call between, the first goes unnoticed.
fn without_clock(mut history: History) -> History {
    let is_clock = |event: &Event| matches!(event.operation, Operation::Advance(_));
    let clock = history.events.iter().filter(|event| is_clock(event));
    let mut clock: Vec<(u64, u64)> =
        clock.map(|event| (event.call, event.back.unwrap_or(u64::MAX))).collect();
    clock.sort_unstable();
    for pair in clock.windows(2) {
        let [(first, _), (_, end)] = pair else { continue };
        let between = history.events.iter().filter(|event| !is_clock(event)).any(|event| {
            let open = event.answer == Answer::Unknown;
            let by = if open { u64::MAX } else { event.back.unwrap_or(u64::MAX) };
            event.call <= *end && by >= *first
        });
        if !between {
            history.events.retain(|event| !(is_clock(event) && event.call == *first));
        }
    }
    history
}
