//! Can a line be lost, or a waiter forgotten? Every schedule of small journals, under loom.
//!
//! Time wakes nobody here: a wake-up that is lost is a deadlock, which loom reports.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::task::{Wake, Waker};

use crate::journal::*;
use crate::log_store::MemoryStore;
use crate::sync::model::explore;

fn journal(lines: usize) -> Arc<Journal> {
    Arc::new(Journal::new(Arc::new(MemoryStore::new()), Tail::default(), lines))
}

/// A journal with its thread; its end is that of the test.
fn started() -> Arc<Journal> {
    let journal = journal(RING_LINES);
    let inner = journal.clone();
    *journal.flusher.lock() =
        Some(thread::Builder::new().spawn(move || flusher::run(&inner, 1)).unwrap());
    journal
}

fn spawn(body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    thread::Builder::new().spawn(body).unwrap()
}

/// A group of one line, all of whose words tell `word`.
fn publish(journal: &Journal, word: u64) -> Seq {
    journal.wait_for_room(1).unwrap();
    journal.publish(Time(word), &mut [[word << 32; 8]])
}

/// The next line, if it is there, checked and its room given back.
fn read(journal: &Journal, seq: &mut u64) {
    if let Some(line) = journal.ring.read(*seq) {
        let word = line[0] >> 32;
        assert!(line[..7].iter().all(|other| *other == word << 32), "a torn line: {line:?}");
        assert_eq!(ring::time_of(line[7]), Time(word), "another line's time");
        *seq += 1;
        journal.add_room(1);
    }
}

/// Numbers were once given out without order: a producer with an old permit could get the slot that
/// was read under another's, and its line come before the one a round earlier.
#[test]
fn a_ring_of_two_lines_carries_more() {
    explore("T3 ring: two producers, a reader, permits used again", (Some(3), Some(4)), || {
        let journal = journal(2);
        let producers = [10, 20].map(|own| {
            let journal = journal.clone();
            spawn(move || {
                for word in [own, own + 1] {
                    if journal.try_take(1) {
                        journal.publish(Time(word), &mut [[word << 32; 8]]);
                    }
                }
            })
        });
        let mut seq = 1;
        (0..2).for_each(|_| read(&journal, &mut seq));
        producers.into_iter().for_each(|producer| producer.join().unwrap());
        (0..4).for_each(|_| read(&journal, &mut seq));
        assert_eq!(seq - 1, journal.last().0, "every line once");
        assert_eq!(journal.room.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn room_comes_to_who_waits() {
    explore("T3 ring: a producer waits for room that a reader makes", (None, None), || {
        let journal = journal(2);
        let mut seq = 1;
        publish(&journal, 10);
        publish(&journal, 11);
        let inner = journal.clone();
        let producer = spawn(move || {
            publish(&inner, 12);
        });
        (0..2).for_each(|_| read(&journal, &mut seq));
        producer.join().unwrap();
        read(&journal, &mut seq);
        assert_eq!((seq, journal.room.load(Ordering::Relaxed)), (4, 2));
    });
}

#[test]
fn nobody_waits_for_ever() {
    explore("T3 group commit: two waiters and the sleeping flusher", (Some(2), Some(2)), || {
        let journal = started();
        let other = journal.clone();
        let waiter = spawn(move || {
            let seq = publish(&other, 1);
            other.wait(seq).unwrap();
        });
        let seq = publish(&journal, 2);
        journal.wait(seq).unwrap();
        assert!(journal.durable() >= seq);
        waiter.join().unwrap();
        journal.close().unwrap();
        assert_eq!(journal.durable(), Seq(2));
    });
}

/// Once the flusher slept although a number had been given out, as long as its line was not there;
/// who waited for the next number was then left to a timer.
#[test]
fn who_waits_for_nothing_holds_nobody_up() {
    explore("T3 group commit: a waiter behind a dropped commit", (Some(2), Some(2)), || {
        let journal = started();
        let other = journal.clone();
        let dropped = spawn(move || {
            publish(&other, 1);
        });
        let seq = publish(&journal, 2);
        journal.wait(seq).unwrap();
        dropped.join().unwrap();
        journal.close().unwrap();
        assert_eq!(journal.durable(), Seq(2));
    });
}

#[test]
fn a_group_is_waited_for_whole() {
    explore(
        "T3 group commit: a group of two lines beside another's line",
        (Some(2), Some(2)),
        || {
            let journal = started();
            let other = journal.clone();
            let waiter = spawn(move || {
                let seq = publish(&other, 1);
                other.wait(seq).unwrap();
            });
            journal.wait_for_room(2).unwrap();
            let seq = journal.publish(Time(2), &mut [[0; 8], [0; 8]]);
            journal.wait(seq).unwrap();
            waiter.join().unwrap();
            journal.close().unwrap();
            assert_eq!(journal.durable(), Seq(3));
        },
    );
}

#[test]
fn a_waiter_sees_the_record_or_is_seen() {
    explore("T3 group commit: registering against the durable store", (None, None), || {
        let journal = journal(RING_LINES);
        let seq = publish(&journal, 1);
        let inner = journal.clone();
        let flusher = spawn(move || {
            assert_eq!(Flusher::new(1).turn(&inner), Turn::Worked);
        });
        journal.wait(seq).unwrap();
        flusher.join().unwrap();
    });
}

#[test]
fn a_failure_reaches_every_waiter() {
    explore("T3 failure against two waiters", (Some(3), None), || {
        let journal = journal(RING_LINES);
        let waiters = [1, 2].map(|_| {
            let journal = journal.clone();
            spawn(move || {
                let outcome = journal.wait(Seq(1));
                assert!(matches!(outcome, Err(Error::Indeterminate(_))), "{outcome:?}");
            })
        });
        journal.fail(BROKEN, None);
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
}

struct Count(std::sync::atomic::AtomicU64);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_future_is_woken() {
    explore("T3 group commit: a future polled once against the flusher", (None, None), || {
        let journal = journal(RING_LINES);
        let seq = publish(&journal, 1);
        let inner = journal.clone();
        let flusher = spawn(move || {
            assert_eq!(Flusher::new(1).turn(&inner), Turn::Worked);
        });
        let woken = Arc::new(Count(std::sync::atomic::AtomicU64::new(0)));
        let waker = Waker::from(woken.clone());
        let pending = journal.poll(seq, &mut Context::from_waker(&waker)).is_pending();
        flusher.join().unwrap();
        assert!(!pending || woken.0.load(Ordering::Relaxed) == 1, "pending, and nobody calls");
    });
}
