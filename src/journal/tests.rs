//! A journal without a thread, step by step, over a store that says what it is told to.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod feed;
mod scripted;

use std::task::Waker;

use super::*;
use crate::limits::FRAME_LINES_MAX;
use crate::log_store::{Appended, MemoryStore};
pub(super) use scripted::Scripted;
use scripted::broken;

fn journal() -> Arc<Journal> {
    Journal::start(Arc::new(MemoryStore::new()), 1, Tail::default(), true).unwrap()
}

/// A journal of epoch 6, and its store.
fn scripted(answers: &[Appended]) -> (Arc<Journal>, Arc<Scripted>) {
    let store = Arc::new(Scripted::default());
    store.answers.lock().unwrap().extend(answers.iter().cloned());
    let journal = Journal::start(store.clone(), 6, Tail::default(), true).unwrap();
    (journal, store)
}

/// One record; its first word has its number.
fn publish(journal: &Journal, time: u64) -> Seq {
    let number = journal.last().0 + 1;
    journal.publish(Time(time), &mut [[number << 16; 8]])
}

fn poll(journal: &Journal, seq: u64) -> Poll<Result<(), Error>> {
    journal.poll(Seq(seq), &mut Context::from_waker(Waker::noop()))
}

#[test]
fn room_comes_back_once_its_lines_are_stored() {
    let journal = journal();
    for round in 1..=3 {
        let lines = u32::try_from(SEEDED_RING_LINES).unwrap();
        assert!(journal.try_take(lines), "round {round}");
        assert!(!journal.try_take(1), "no more than there is");
        journal.give_back(3);
        assert!(journal.try_take(3) && !journal.try_take(1), "what was given back");
        for _ in 0..lines {
            journal.publish(Time(round), &mut [[0; 8]]);
        }
        journal.wait_for_room(lines).unwrap();
        journal.give_back(lines);
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

#[test]
fn a_group_has_numbers_in_a_row_and_says_where_it_ends() {
    let (journal, _) = scripted(&[]);
    publish(&journal, 3);
    let last = journal.publish(Time(9), &mut [[1 << 16; 8], [2 << 16; 8], [3 << 16; 8]]);
    assert_eq!((last, journal.last()), (Seq(4), Seq(4)));
    for (seq, more) in [(1, false), (2, true), (3, true), (4, false)] {
        let line = journal.ring.read(seq).unwrap();
        assert_eq!((crate::record::has_more(&line), ring::number(line[7])), (more, seq));
        assert_eq!(ring::time_of(line[7]), Time(if seq == 1 { 3 } else { 9 }));
        assert!(line[1..7].iter().all(|word| *word == seq.max(2).saturating_sub(1) << 16));
    }
    assert_eq!(journal.ring.read(5), None);
}

/// Without a thread the flusher would never come in the middle of things.
#[test]
fn now_and_then_a_record_is_overtaken_by_the_flusher() {
    let (journal, store) = scripted(&[]);
    for (count, durable) in [(1, 0), (2, 0), (3, 0), (4, 0), (5, 5), (6, 5), (7, 5)] {
        publish(&journal, 1);
        assert_eq!((journal.last(), journal.durable()), (Seq(count), Seq(durable)));
    }
    let bytes = (frame::HEADER_BYTES + 5 * 64) as u64;
    assert_eq!((journal.appended_bytes(), store.frames.lock().unwrap().len()), (bytes, 1));
    assert_eq!(journal.pump(), Turn::Idle);
    assert_eq!(journal.appended_bytes(), 2 * bytes - 3 * 64, "all that was appended");
    assert!(store.settled.lock().unwrap().is_empty());
}

/// Frames are chained, carry the time of their latest whole group, and replay to the same lines.
#[test]
fn what_was_published_is_what_replay_reads() {
    let (journal, store) = scripted(&[]);
    let times = [50, 70, 60, 40, 40, 90, 80, 10, 95, 95, 20];
    for time in times {
        publish(&journal, time);
        if time == 40 {
            assert_eq!(journal.pump(), Turn::Idle);
        }
    }
    // A group that is not whole yet, of a later time.
    let mut open = [0; 8];
    crate::record::set_more(&mut open);
    journal.ring.write(12, Time(500), &open);
    assert_eq!(journal.pump(), Turn::Idle);
    let tail = journal.durable_tail();
    assert_eq!((tail.seq, tail.time), (Seq(11), Time(95)));
    let mut found = Vec::new();
    let read = replay(&*store, 0, tail.position, Tail::default(), &mut |seq, time, line, next| {
        assert!(next.is_none() && line[0] == seq.0 << 16);
        found.push(time.0);
        Ok(())
    });
    assert_eq!((read.unwrap(), found), (tail, times.to_vec()));
    let epochs = store.offered.lock().unwrap().iter().all(|(epoch, ..)| *epoch == 6);
    assert!(epochs && tail.position >= 4);
}

#[test]
fn a_frame_has_so_many_lines_and_no_group_is_divided() {
    let store = Arc::new(Scripted::default());
    let mut journal = Journal::new(store.clone(), Tail::default(), RING_LINES);
    journal.inline = Some(Mutex::new(Flusher::new(1)));
    let max = FRAME_LINES_MAX as u64;
    // Written past `publish`, which would wake the flusher in between.
    for seq in 1..=max + 10 {
        let mut line = [0; 8];
        if seq == max {
            crate::record::set_more(&mut line);
        }
        journal.ring.write(seq, Time(1), &line);
    }
    assert_eq!(journal.pump(), Turn::Idle);
    let lines = |bytes: &Vec<u8>| frame::open(bytes).unwrap().2.len() as u64;
    let sizes: Vec<_> = store.frames.lock().unwrap().iter().map(lines).collect();
    assert_eq!(sizes, [max - 1, 11], "the group of two begins the second frame");
    for seq in max + 11..=3 * max + 10 {
        journal.ring.write(seq, Time(1), &[0; 8]);
    }
    assert_eq!(journal.pump(), Turn::Idle);
    let sizes: Vec<_> = store.frames.lock().unwrap().iter().skip(2).map(lines).collect();
    assert_eq!(sizes, [max, max]);
    journal.next.store(3 * max + 11, Ordering::Relaxed);
}

#[test]
fn a_frame_that_was_not_stored_is_offered_again_as_it_was() {
    let (journal, store) = scripted(&[Appended::Unknown, Appended::Full]);
    let seq = publish(&journal, 1);
    assert_eq!(journal.pump(), Turn::Blocked);
    let open = journal.status();
    assert!(open.is_ok(), "nothing is known to be wrong: {open:?}");
    publish(&journal, 2);
    assert!(matches!(poll(&journal, seq.0), Poll::Ready(Err(Error::Indeterminate(_)))));
    assert!(matches!(journal.status(), Err(Error::StorageFull)));
    assert_eq!(journal.durable(), Seq(0));
    assert!(matches!(poll(&journal, seq.0), Poll::Ready(Ok(()))));
    assert!(journal.status().is_ok());
    assert_eq!(journal.durable(), Seq(2));
    let offered = store.offered.lock().unwrap();
    let positions: Vec<_> = offered.iter().map(|(_, position, _)| *position).collect();
    assert_eq!(positions, [1, 1, 1, 2]);
    assert!(offered[0] == offered[1] && offered[1] == offered[2], "the identical frame");
}

#[test]
fn a_store_without_room_makes_it_read_only_until_there_is() {
    let (journal, store) = scripted(&[]);
    store.has_no_room.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(journal.pump(), Turn::Idle);
    assert!(matches!(journal.status(), Err(Error::StorageFull)));
    publish(&journal, 1);
    assert!(matches!(poll(&journal, 1), Poll::Ready(Ok(()))), "what was decided is still stored");
    store.has_no_room.store(false, std::sync::atomic::Ordering::Relaxed);
    assert!(matches!(poll(&journal, 2), Poll::Pending), "nobody has published it");
    assert!(journal.status().is_ok());
    // Who needs room that only the store could make is told so at once.
    while journal.try_take(1) {}
    publish(&journal, 1);
    store.answers.lock().unwrap().push_back(Appended::Unknown);
    assert!(matches!(journal.wait_for_room(1), Err(Error::StorageFull)));
    journal.wait_for_room(1).unwrap();
}

/// The first failure stays: nothing is offered after it, and everyone is told.
#[test]
fn a_store_that_failed_is_not_asked_again() {
    type Told = fn(&Error) -> bool;
    let fenced: Told = |error| matches!(error, Error::Fenced);
    let bent: Told = |error| error.to_string().contains("the platter is bent");
    for (answer, told) in [(Appended::Fenced, fenced), (Appended::Broken(broken()), bent)] {
        let (journal, store) = scripted(&[answer]);
        publish(&journal, 1);
        assert_eq!(journal.pump(), Turn::Over);
        assert_eq!(journal.pump(), Turn::Over);
        assert!(told(&journal.status().unwrap_err()));
        assert!(told(&journal.wait(Seq(1)).unwrap_err()), "{:?}", journal.wait(Seq(1)));
        let waited = journal.wait_for_room(1).unwrap_err();
        assert!(told(&waited) && told(&journal.close().unwrap_err()));
        drop(journal);
        assert_eq!(store.offered.lock().unwrap().len(), 1);
        assert!(store.settled.lock().unwrap().is_empty(), "it is not closed in order");
    }
}

#[test]
fn a_failure_is_of_those_whose_record_it_kept_from_the_disk() {
    let (journal, _) = scripted(&[Appended::Stored, Appended::Broken(broken())]);
    publish(&journal, 1);
    journal.wait(Seq(1)).unwrap();
    publish(&journal, 1);
    let told = journal.wait(Seq(2)).unwrap_err();
    assert!(matches!(told, Error::Indeterminate(_)), "{told}");
    journal.wait(Seq(1)).unwrap();
    assert!(matches!(journal.status(), Err(Error::Storage(_))));
}

#[test]
fn a_close_stores_what_is_there_and_says_so() {
    let (journal, store) = scripted(&[]);
    publish(&journal, 1);
    journal.close().unwrap();
    journal.close().unwrap();
    assert_eq!((journal.durable(), &*store.settled.lock().unwrap()), (Seq(1), &vec![true]));
    journal.wait(Seq(1)).unwrap();
    assert!(matches!(journal.wait(Seq(2)), Err(Error::Closed)));
    assert!(matches!(journal.status(), Err(Error::Closed)));

    let (journal, store) = scripted(&[]);
    publish(&journal, 1);
    drop(journal);
    assert_eq!(*store.settled.lock().unwrap(), [true], "the last to let go closes it");
    assert_eq!(store.frames.lock().unwrap().len(), 1);

    let (journal, _) = scripted(&[Appended::Full]);
    publish(&journal, 1);
    let told = journal.close().unwrap_err();
    assert!(matches!(told, Error::Storage(_)), "it will never be stored: {told}");
    assert!(matches!(journal.wait(Seq(1)), Err(Error::Indeterminate(_))));

    let (journal, store) = scripted(&[]);
    store.settle_fails.store(true, std::sync::atomic::Ordering::Relaxed);
    let told = journal.close().unwrap_err();
    assert!(told.to_string().contains("the platter is bent"), "{told}");
}

#[test]
fn an_idle_log_is_settled() {
    let (journal, store) = scripted(&[Appended::Unknown]);
    journal.idle();
    assert_eq!(*store.settled.lock().unwrap(), [false]);
    publish(&journal, 1);
    journal.idle();
    assert_eq!(store.settled.lock().unwrap().len(), 1, "blocked is not idle");
    journal.idle();
    assert_eq!((store.settled.lock().unwrap().len(), journal.durable()), (2, Seq(1)));
    store.settle_fails.store(true, std::sync::atomic::Ordering::Relaxed);
    journal.idle();
    assert!(matches!(journal.status(), Err(Error::Storage(_))));
}

/// The flusher's own thread settles once after a while without work, and again after more work.
#[test]
fn a_thread_settles_an_idle_log_once() {
    let store = Arc::new(Scripted::default());
    let journal = Journal::start(store.clone(), 1, Tail::default(), false).unwrap();
    let settled = || store.settled.lock().unwrap().len();
    let wait_for = |count| {
        let mut naps = 0;
        while settled() < count {
            std::thread::sleep(Duration::from_millis(5));
            naps += 1;
            assert!(naps < 2_000, "{} of {count}", settled());
        }
    };
    journal.idle();
    assert_eq!(settled(), 0, "only its thread does");
    wait_for(1);
    std::thread::sleep(Duration::from_millis(120));
    assert_eq!(settled(), 1, "once");
    journal.wait_for_room(1).unwrap();
    let seq = publish(&journal, 1);
    journal.wait(seq).unwrap();
    wait_for(2);
    store.settle_fails.store(true, std::sync::atomic::Ordering::Relaxed);
    let seq = publish(&journal, 1);
    journal.wait(seq).unwrap();
    wait_for(3);
    while journal.status().is_ok() {
        std::thread::yield_now();
    }
    assert!(journal.close().is_err());
    assert_eq!(settled(), 3);
}

#[test]
fn who_waits_wakes_a_flusher_that_sleeps() {
    let journal = Journal::new(Arc::new(MemoryStore::new()), Tail::default(), 4);
    let sleeper = thread::Builder::new().spawn(|| thread::park_timeout(Duration::from_mins(2)));
    *journal.flusher.lock() = Some(sleeper.unwrap());
    journal.sleeping.store(true, Ordering::Relaxed);
    let clock = crate::time::SystemClock::new();
    journal.wake_flusher();
    let sleeper = journal.flusher.lock().take();
    sleeper.unwrap().join().unwrap();
    assert!(clock.elapsed() < Duration::from_mins(1));
}

/// A number was given out: its line is about to be written.
#[test]
fn a_log_that_waits_for_a_line_is_not_idle() {
    let store = Arc::new(Scripted::default());
    let journal = Journal::start(store.clone(), 1, Tail::default(), false).unwrap();
    journal.next.fetch_add(1, Ordering::Relaxed);
    std::thread::sleep(Duration::from_millis(100));
    assert!(store.settled.lock().unwrap().is_empty());
    journal.ring.write(1, Time(1), &[0; 8]);
    journal.wait(Seq(1)).unwrap();
    journal.close().unwrap();
}

#[test]
fn everyone_who_waits_is_woken_once_and_in_time() {
    use std::sync::atomic::AtomicUsize;
    #[derive(Default)]
    struct Count(AtomicUsize);
    impl std::task::Wake for Count {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let waiters = Waiters::default();
    let counts: Vec<std::sync::Arc<Count>> = (0..4).map(|_| std::sync::Arc::default()).collect();
    let wakers: Vec<Waker> = counts.iter().cloned().map(Waker::from).collect();
    let woken = || counts.iter().map(|count| count.0.load(Ordering::Relaxed)).collect::<Vec<_>>();
    for (seq, waker) in [(3, 0), (3, 1), (3, 1), (4, 2), (9, 3)] {
        waiters.register(Seq(seq), &wakers[waker]);
    }
    waiters.wake(Seq(2));
    assert_eq!(woken(), [0, 0, 0, 0]);
    waiters.wake(Seq(3));
    assert_eq!(woken(), [1, 1, 0, 0]);
    waiters.wake(Seq(8));
    assert_eq!(woken(), [1, 1, 1, 0]);
    waiters.wake_all();
    waiters.wake_all();
    assert_eq!(woken(), [1, 1, 1, 1]);
}

#[test]
fn an_answer_is_locked_away_until_its_record_is_stored() {
    let (journal, _) = scripted(&[Appended::Unknown]);
    let seq = publish(&journal, 1);
    let commit = Commit::new(&journal, seq, Ok(7));
    assert_eq!((commit.seq(), commit.is_durable(), *commit.dirty().unwrap()), (seq, false, 7));
    assert_eq!(journal.pump(), Turn::Blocked);
    assert!(!commit.is_durable());
    assert_eq!(journal.pump(), Turn::Idle);
    assert!(commit.is_durable());
    assert_eq!(commit.wait().unwrap(), 7);
    let mut commit = Commit::new(&journal, Seq(0), Ok(8));
    assert!(commit.is_durable(), "it rests on nothing");
    let mut context = Context::from_waker(Waker::noop());
    let first = std::pin::Pin::new(&mut commit).poll(&mut context);
    assert!(matches!(first, Poll::Ready(Ok(8))), "{first:?}");
    let second = std::pin::Pin::new(&mut commit).poll(&mut context);
    assert!(matches!(second, Poll::Ready(Err(Error::Closed))), "given out once: {second:?}");
    assert!(matches!(commit.dirty(), Err(Error::Closed)));
    let mut commit = Commit::new(&journal, Seq(99), Ok(9));
    assert!(std::pin::Pin::new(&mut commit).poll(&mut context).is_pending());
}
