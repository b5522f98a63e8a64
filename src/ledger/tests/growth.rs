//! There is always room before a decision, and everyone is found however many they are.

use super::*;

/// Deadlines that were overtaken by a confirmation are dropped when there are too many of them.
#[test]
fn deadlines_of_what_is_booked_do_not_pile_up() {
    let mut stage = Stage::new();
    assert!(stage.0.reserve(24));
    for index in 0..24 {
        stage.apply(1_000, &grant(index, 7, index < 12, Detail::default()));
    }
    for index in 0..12 {
        let returns_at = Some(Time(90_000));
        stage.apply(2_000, &end(index, ClaimState::Cancelled, false, returns_at));
    }
    let (claim, place, actor) = (claim(20), place(10, 20), ActorId(0));
    // As many as there are claims with a deadline, twice, and a few.
    let most = 2 * 24 + 64;
    for round in 0..1_000 {
        for more in 0..=(round % 150) {
            let at = 3_000 + round * 150 + more;
            stage.apply(at, &Effect::Extended { claim, place, ttl_s: 60, actor });
        }
        assert!(stage.0.reserve(1));
        assert!(stage.0.deadlines.len() <= most, "{} deadlines", stage.0.deadlines.len());
    }
    let due = std::iter::from_fn(|| stage.0.pop_due(Time::MAX));
    assert_eq!(due.count(), 24, "each that counts is still there, once");
}

#[test]
fn a_shard_grows_until_an_id_can_say_no_more() {
    let mut shard = Shard::new(0, KEY);
    assert_eq!((shard.capacity(), shard.next_free(0)), (0, None));
    assert!(shard.reserve(0) && shard.capacity() == 0);
    assert!(shard.reserve(64) && shard.capacity() == 64 && shard.reserve(64));
    assert_eq!((shard.capacity(), shard.free_count), (64, 64), "there is room already");
    assert!(shard.reserve(65) && shard.capacity() == 128);
    assert!(
        (0..128)
            .all(|nth| shard.next_free(nth) == Some(claim(u32::try_from(nth + 64).unwrap() % 128)))
    );
    assert_eq!(shard.next_free(128), None);
    let chunks = (1 << 28) / shard::CHUNK;
    assert!([0, 1, chunks - 2].iter().all(|chunks| shard::may_grow(*chunks)));
    assert!(!shard::may_grow(chunks - 1), "the last entry would have no id");
    // What was taken is not free.
    let mut stage = Stage::new();
    for index in 0..64 {
        stage.apply(1_000, &grant(index, u128::from(index), true, Detail::default()));
    }
    assert!(stage.0.reserve(1) && stage.0.capacity() == 128);
    assert_eq!(stage.0.next_free(0), Some(claim(64)));
}

/// The index of parties grows with them, in life as in a load.
#[test]
fn everyone_of_many_is_found() {
    let mut stage = Stage::new();
    for index in 0..2_000 {
        assert!(stage.0.reserve(1));
        stage.apply(1_000, &grant(index, u128::from(index) << 50, true, Detail::default()));
    }
    let line = |index| (*stage.0.entry(index).unwrap(), Cold::default());
    let lines: Vec<_> = (0..stage.0.capacity()).map(line).collect();
    let mut loaded = Stage(Shard::new(0, KEY), 0);
    assert!(loaded.0.load(&lines, stage.0.ended_ends(), Seq(2_000)));
    // In replay nothing is reserved.
    let mut replayed = Stage(Shard::new(0, KEY), 0);
    for index in 0..2_000 {
        replayed.apply(1_000, &grant(index, u128::from(index) << 50, true, Detail::default()));
    }
    for index in 0..2_000 {
        for shard in [&stage, &loaded, &replayed] {
            assert_eq!(shard.party(u128::from(index) << 50), [index]);
        }
    }
}

#[test]
fn there_is_room_for_a_deadline_before_the_decision() {
    let mut shard = Shard::new(0, KEY);
    for claims in [0, 1, 4, 40] {
        assert!(shard.reserve(claims));
        let room = shard.deadlines.capacity() - shard.deadlines.len();
        assert!(room > claims as usize, "one more: a hold may be extended");
    }
    // More cooling off than held.
    let mut stage = Stage::new();
    stage.apply(1_000, &grant(0, 7, true, Detail::default()));
    stage.apply(2_000, &end(0, ClaimState::Cancelled, false, Some(Time(9_000))));
    assert!(stage.0.reserve(1));
}
