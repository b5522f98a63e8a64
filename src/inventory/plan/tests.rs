//! A plan gives each slot the limits of its range, however it was edited.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::*;

const SLOTS: u16 = 40;

fn limits(kind: u16) -> PlanRange {
    let protected = if kind % 3 == 2 { [0, kind, 0, 1] } else { [0; 4] };
    PlanRange { start: 0, end: 0, capacity: kind, max: [kind, 1, 2, kind], protected }
}

/// The limits of each slot; `None` where no range is.
type Slots = Vec<Option<PlanRange>>;

fn slots(shape: &Shape) -> Slots {
    let of = |at: u16| {
        let mut found = shape.ranges.iter().filter(|range| (range.start..range.end).contains(&at));
        let range = found.next().map(|range| PlanRange { start: 0, end: 0, ..*range });
        assert!(found.next().is_none(), "two ranges at {at}");
        range
    };
    (0..SLOTS + 5).map(of).collect()
}

prop_compose! {
    fn shape()(parts in prop::collection::vec((0_u16..6, 1_u16..8, 0_u16..4), 0..6)) -> Shape {
        let mut ranges = Vec::new();
        let mut at = 0;
        for (gap, length, kind) in parts {
            let start = (at + gap).min(SLOTS);
            let end = (start + length).min(SLOTS);
            if start < end {
                ranges.push(PlanRange { start, end, ..limits(kind) });
            }
            at = end;
        }
        Shape { ranges, give_back_min: [0, 60, 0, 0] }
    }
}

/// Ascending, none empty, and no two that could be one.
fn is_short(shape: &Shape) -> bool {
    let one = |a: &PlanRange, b: &PlanRange| {
        a.end == b.start
            && PlanRange { start: a.start, end: b.end, ..*b } == PlanRange { end: b.end, ..*a }
    };
    shape.is_real() && shape.ranges.windows(2).all(|pair| !one(&pair[0], &pair[1]))
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn an_edit_changes_the_slots_it_names(
        shape in shape(), from in 0..SLOTS, length in 0_u16..20, kind in 0_u16..4
    ) {
        let span = from..from + length;
        let edited = shape.with_limits(&span, limits(kind));
        let mut expected = slots(&shape);
        for (at, slot) in (0..).zip(&mut expected) {
            if span.contains(&at) && slot.is_some() {
                *slot = Some(limits(kind));
            }
        }
        prop_assert_eq!(slots(&edited), expected);
        prop_assert!(is_short(&edited), "{:?}", edited);
        prop_assert_eq!(edited.give_back_min, shape.give_back_min);

        let cut = shape.within(from);
        let mut expected = slots(&shape);
        expected[usize::from(from)..].fill(None);
        prop_assert_eq!(slots(&cut), expected);
        prop_assert!(is_short(&cut), "{:?}", cut);
    }

    #[test]
    fn a_plan_tells_what_its_shape_says(shape in shape(), used in any::<[u8; 4]>()) {
        let plan = Plan::new(7, shape.clone());
        let expected = slots(&shape);
        let capacity = |at: usize| expected[at].map_or(0, |range| range.capacity);
        let word = used.iter().rev().fold(0, |word, lane| word << 16 | u64::from(*lane % 3));
        let sum: u32 = used.iter().map(|lane| u32::from(*lane % 3)).sum();
        prop_assert_eq!(lanes(word), used.map(|lane| u32::from(lane % 3)));
        for (at, range) in expected.iter().enumerate() {
            let open = range.filter(|range| range.capacity > 0);
            let limits = open.map(|PlanRange { capacity, max, protected, .. }| {
                SlotLimits { capacity, max, protected }
            });
            prop_assert_eq!(plan.slot(at), limits.as_ref());
            prop_assert_eq!(plan.has_room(at, word), sum < u32::from(capacity(at)));
        }
        prop_assert_eq!(used_in(word), u64::from(sum));
        for channel in Channel::ALL {
            let takes_all = expected.iter().flatten().all(|range| {
                range.max[channel.index()] >= range.capacity && range.protected == [0; 4]
            });
            prop_assert_eq!(plan.is_open_to(channel), takes_all);
        }
        let open = |at: &usize| capacity(*at) > 0;
        let end = shape.ranges.last().map_or(0, |range| usize::from(range.end));
        prop_assert_eq!(plan.end(), end);
        prop_assert_eq!(plan.first_open(), (0..end).find(open).unwrap_or(end));
        let protects = shape.ranges.iter().any(|range| range.protected != [0; 4]);
        prop_assert_eq!(plan.protects(), protects);
        prop_assert_eq!(&plan.shape(), &shape);
        let effects = plan.effects();
        let head = Effect::PlanDefined {
            plan: 7,
            ranges: u32::try_from(shape.ranges.len()).unwrap(),
            give_back_min: shape.give_back_min,
        };
        prop_assert_eq!(&effects[0], &head);
        let ranges = effects[1..].iter().cloned();
        prop_assert!(ranges.eq(shape.ranges.iter().map(|range| Effect::PlanRange(*range))));
    }
}

#[test]
fn equal_shapes_are_one_plan() {
    let mut plans = Plans::default();
    let shape = |kind| Shape {
        ranges: vec![PlanRange { start: 1, end: 3, ..limits(kind) }],
        give_back_min: [0; 4],
    };
    for kind in 1..=3_u16 {
        let next = plans.find(&shape(kind)).unwrap_err();
        assert_eq!((next.number, plans.count()), (u32::from(kind - 1), u32::from(kind - 1)));
        let defined = plans.define(next.number, next.shape());
        assert!(Arc::ptr_eq(&plans.find(&shape(kind)).unwrap(), &defined));
        // The record of a plan that is known already changes nothing.
        plans.define(0, shape(9));
        assert_eq!((plans.count(), plans.get(0).unwrap().shape()), (u32::from(kind), shape(1)));
    }
    assert!(plans.iter().map(|plan| plan.number).eq(0..3));
    assert!(plans.get(3).is_none() && plans.find(&shape(9)).is_err());
}

#[test]
fn what_others_have_not_used_of_their_share_is_kept_until_it_is_given_back() {
    let shape = Shape { ranges: vec![], give_back_min: [60, 10, 0, 0] };
    let plan = Plan::new(0, shape);
    let kept = |lanes, own, minutes: u64, more_ms: u64| {
        kept_for_others(&plan, [5, 4, 0, 2], lanes, own, || minutes * 60_000 + more_ms)
    };
    assert_eq!(kept([0; 4], 2, 61, 0), 5 + 4 + 2);
    assert_eq!(kept([0; 4], 0, 61, 0), 4 + 2, "the own share is not kept from oneself");
    assert_eq!(kept([1, 9, 7, 1], 2, 61, 0), 4 + 1, "only what they have not used");
    assert_eq!(
        [kept([0; 4], 2, 60, 1), kept([0; 4], 2, 60, 0)],
        [11, 6],
        "given back an hour before"
    );
    assert_eq!([kept([0; 4], 2, 10, 1), kept([0; 4], 2, 10, 0)], [6, 2]);
    assert_eq!([kept([0; 4], 2, 0, 1), kept([0; 4], 2, 0, 0)], [2, 0]);
}
