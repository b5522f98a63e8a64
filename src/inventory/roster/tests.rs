//! A place on a roster is one claim's, from the moment it is given out until it is left.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::*;

fn claim(index: u32) -> ClaimId {
    ClaimId::new(0, index, 1)
}

#[test]
fn a_place_that_was_left_is_used_again() {
    let mut roster = Roster::default();
    for index in 0..3 {
        let place = roster.next(0).unwrap();
        roster.enter(place, claim(index));
    }
    roster.leave(1);
    roster.leave(0);
    assert_eq!([roster.next(0), roster.next(1), roster.next(2)], [Some(0), Some(1), Some(3)]);
    assert_eq!((roster.count(), roster.iter().collect::<Vec<_>>()), (1, vec![(2, claim(2))]));
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    /// Against a map, and a stack of the places that were left.
    #[test]
    fn a_roster_is_a_map_whose_places_are_used_again(
        steps in prop::collection::vec((any::<bool>(), 0_u32..20), 1..80)
    ) {
        let mut roster = Roster::default();
        let mut taken = BTreeMap::new();
        let mut left: Vec<u32> = Vec::new();
        let mut fresh = 0_u32;
        for (index, (enters, at)) in (0..).zip(steps) {
            if enters {
                let at = roster.next(0).unwrap();
                roster.enter(at, claim(index));
                if left.pop().is_none() {
                    fresh += 1;
                }
                prop_assert_eq!(taken.insert(at, claim(index)), None);
            } else {
                roster.leave(at);
                if taken.remove(&at).is_some() {
                    left.push(at);
                }
            }
            let expected = left.iter().rev().copied().chain(fresh..);
            let next = (0..8).map(|nth| roster.next(nth).unwrap());
            prop_assert!(next.eq(expected.take(8)));
            prop_assert_eq!(roster.count() as usize, taken.len());
            prop_assert_eq!(roster.iter().collect::<BTreeMap<_, _>>(), taken.clone());
            prop_assert!((0..30).all(|at| roster.at(at) == taken.get(&at).copied()));
            let (entries, free) = roster.raw();
            prop_assert!(Roster::is_sound(entries, free));
            let again = Roster::load(entries.to_vec(), free);
            prop_assert_eq!(format!("{again:?}"), format!("{roster:?}"));
        }
    }
}

/// Replay may meet the claims of a day out of their order, as a snapshot has the later ones.
#[test]
fn a_place_beyond_the_end_leaves_a_gap_until_its_own_record() {
    let mut roster = Roster::default();
    roster.enter(2, claim(2));
    assert_eq!((roster.count(), roster.at(0), roster.at(1)), (1, None, None));
    roster.enter(0, claim(0));
    roster.enter(1, claim(1));
    assert_eq!((roster.count(), roster.next(0)), (3, Some(3)));
    roster.enter(1, claim(4));
    assert_eq!(roster.count(), 3, "the same place once more");
}

#[test]
fn a_roster_is_full_after_its_last_place() {
    let entries = |count| vec![claim(1).to_u64(); count];
    let last = ROSTER_MAX as usize;
    let mut roster = Roster::load(entries(last - 1), NO_FREE);
    assert_eq!(
        [0, 1, 2].map(|nth| roster.next(nth)),
        [Some(ROSTER_MAX - 1), Some(ROSTER_MAX), None]
    );
    roster.enter(ROSTER_MAX - 1, claim(1));
    roster.enter(ROSTER_MAX, claim(1));
    assert_eq!(roster.next(0), None);
    assert!(Roster::is_sound(&entries(last + 1), NO_FREE));
    assert!(!Roster::is_sound(&entries(last + 2), NO_FREE));
}

#[test]
fn a_list_of_free_places_that_is_bent_is_no_roster() {
    let mut roster = Roster::default();
    for at in 0..8 {
        roster.enter(at, claim(at));
    }
    for at in [3, 0, 6] {
        roster.leave(at);
    }
    let (entries, free) = (roster.raw().0.to_vec(), roster.raw().1);
    let others = || (0..10).chain([NO_FREE]);
    for other in others() {
        assert_eq!(Roster::is_sound(&entries, other), other == free, "begins at {other}");
        for at in [3, 0, 6] {
            let mut bent = entries.clone();
            bent[at] = FREE | u64::from(other);
            assert_eq!(Roster::is_sound(&bent, free), bent == entries, "{at} to {other}");
        }
    }
}

#[test]
fn there_is_room_before_the_decision() {
    let mut roster = Roster::default();
    let room = |roster: &Roster| roster.entries.capacity() - roster.entries.len();
    for at in 0..1_000 {
        let claims = at as usize % 3 + 1;
        let before = (room(&roster), roster.entries.len());
        roster.reserve(claims);
        assert!(room(&roster) >= claims);
        // A long roster grows by a quarter, a short one by sixteen places, and only when it must.
        let most = if before.0 < claims { (before.1 / 4).max(16) + claims } else { before.0 };
        assert!(before.0 >= claims || room(&roster) >= (before.1 / 4).max(16));
        assert!(room(&roster) <= most, "{} at {at}", room(&roster));
        roster.enter(at, claim(at));
    }
    let mut roster = Roster::default();
    roster.reserve(500);
    assert!(room(&roster) >= 500);
}
