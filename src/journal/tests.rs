//! A journal without a thread, step by step.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use crate::log_store::MemoryStore;

fn journal() -> Arc<Journal> {
    Journal::start(Arc::new(MemoryStore::new()), 1, Tail::default(), true).unwrap()
}

#[test]
fn room_comes_back_once_its_lines_are_stored() {
    let journal = journal();
    for round in 1..=3 {
        let lines = u32::try_from(SEEDED_RING_LINES).unwrap();
        assert!(journal.try_take(lines), "round {round}");
        assert!(!journal.try_take(1), "no more than there is");
        for _ in 0..lines {
            journal.publish(Time(round), &mut [[0; 8]]);
        }
        assert_eq!(journal.pump(), Turn::Idle);
    }
}

#[test]
fn a_group_is_written_whole_or_not_yet() {
    let journal = journal();
    let mut first = [1; 8];
    crate::record::set_more(&mut first);
    journal.ring.write(1, Time(1), &first);
    assert_eq!(journal.pump(), Turn::Idle, "the first line of two is there");
    assert_eq!(journal.durable(), Seq(0));
    journal.ring.write(2, Time(1), &[0; 8]);
    assert_eq!(journal.pump(), Turn::Idle);
    assert_eq!(journal.durable(), Seq(2));
}
