//! Do lines and wake-ups survive real threads? Small enough for Miri, which sees every access.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::thread;

use crate::journal::*;
use crate::log_store::MemoryStore;

const LINES: u64 = if cfg!(miri) { 24 } else { 20_000 };

#[test]
fn a_ring_of_four_lines_carries_many() {
    let journal = Journal::new(Arc::new(MemoryStore::new()), Tail::default(), 4);
    thread::scope(|scope| {
        for own in [1, 2] {
            let journal = &journal;
            scope.spawn(move || {
                for n in 0..LINES {
                    let word = own << 16 | n;
                    while !journal.try_take(1) {
                        thread::yield_now();
                    }
                    journal.publish(Time(word), &mut [[word << 16; 8]]);
                }
            });
        }
        let mut next = [0; 2];
        for seq in 1..=LINES * 2 {
            let line = loop {
                match journal.ring.read(seq) {
                    Some(line) => break line,
                    None => thread::yield_now(),
                }
            };
            let Time(word) = ring::time_of(line[7]);
            assert!(line[..7].iter().all(|other| *other == word << 16), "a torn line: {line:?}");
            let own = usize::try_from((word >> 16) - 1).unwrap();
            assert_eq!(word & 0xffff, next[own], "each producer's lines in order");
            next[own] += 1;
            journal.add_room(1);
        }
    });
}

#[test]
fn every_waiter_is_woken() {
    let store = Arc::new(MemoryStore::new());
    let journal = Arc::new(Journal::new(store, Tail::default(), 4));
    let inner = journal.clone();
    let flusher = thread::spawn(move || flusher::run(&inner, 1));
    *journal.flusher.lock() = Some(flusher);
    thread::scope(|scope| {
        for word in [1_u64, 2] {
            let journal = &journal;
            scope.spawn(move || {
                for _ in 0..LINES / 8 {
                    journal.wait_for_room(1).unwrap();
                    let seq = journal.publish(Time(1), &mut [[word << 16; 8]]);
                    journal.wait(seq).unwrap();
                }
            });
        }
    });
    journal.close().unwrap();
    assert_eq!(journal.durable(), journal.last());
}
