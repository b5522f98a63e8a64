//! The feed shows each effect once, in order, from any number on, wherever it has to look.

use super::scripted::Scripted;
use super::*;
use crate::claim::{Arrangement, Place};
use crate::id::{ActorId, CalendarId, Channel, ClaimId, DayId, PartyId, RequestId, ServiceId};
use crate::record::{Detail, Effect};

/// An effect of one line, or of two.
fn effect(number: u64, two: bool) -> Effect {
    if !two {
        return Effect::DayClosed {
            day: DayId::of(CalendarId(u16::try_from(number).unwrap()), 9_000),
        };
    }
    let place = Place {
        day: DayId::of(CalendarId(1), 9_000),
        start: 1,
        run: 1,
        persons: 1,
        arrangement: Arrangement::Together,
        channel: Channel::WEB,
        roster: 0,
    };
    Effect::Granted {
        claim: ClaimId::from_u64(number),
        place,
        service: ServiceId(1),
        party: PartyId(1),
        request: RequestId(1),
        booked: false,
        ttl_s: 60,
        part: Detail { actor: ActorId(number), ..Detail::default() },
    }
}

fn lines(effect: &Effect) -> Vec<Line> {
    [effect.to_line()].into_iter().chain(effect.second_line()).collect()
}

/// A log of `count` effects, every third of two lines, in frames of a few: store, journal, events.
fn log(count: u64) -> (Arc<Scripted>, Arc<Journal>, Vec<Event>) {
    let (journal, store) = super::scripted(&[]);
    let mut events = Vec::new();
    for number in 1..=count {
        let seq = Seq(journal.last().0 + 1);
        let effect = effect(number, number % 3 == 0);
        journal.publish(Time(1_000 + number), &mut lines(&effect));
        events.push(Event { seq, at: Time(1_000 + number), effect });
        if number % 7 == 0 {
            journal.pump();
        }
    }
    journal.pump();
    (store, journal, events)
}

fn read_all(journal: &Journal, from: u64) -> Vec<Event> {
    let mut feed = journal.feed(Seq(from));
    let mut all = Vec::new();
    loop {
        let batch = feed.next_batch(Duration::ZERO).unwrap();
        if batch.is_empty() {
            assert_eq!(feed.position(), Seq(journal.durable().0 + 1).max(Seq(from)));
            return all;
        }
        all.extend(batch);
        let last = all.last().unwrap();
        assert_eq!(feed.position().0, last.seq.0 + lines(&last.effect).len() as u64);
    }
}

#[test]
fn every_number_is_a_place_to_begin() {
    let (store, journal, events) = log(60);
    let tail = journal.durable_tail();
    let again = Journal::start(store.clone(), 7, tail, true).unwrap();
    for from in 0..=tail.seq.0 + 3 {
        let expected: Vec<_> = events.iter().filter(|event| event.seq.0 >= from).cloned().collect();
        assert_eq!(read_all(&journal, from), expected, "from memory, {from}");
        assert_eq!(read_all(&again, from), expected, "from the store, {from}");
    }
    // Some from the store, the rest from memory.
    let more = effect(99, false);
    again.publish(Time(5_000), &mut lines(&more));
    again.pump();
    let read = read_all(&again, 1);
    assert_eq!((read.len(), &read[60].effect), (61, &more));
    assert_eq!(read[..60], events);
}

/// Where the number is found by halving, and who reads on looks no further.
#[test]
fn the_store_is_read_where_the_number_is() {
    let (store, journal, events) = log(2_000);
    let tail = journal.durable_tail();
    let again = Journal::start(store.clone(), 7, tail, true).unwrap();
    let read = || store.read.swap(0, std::sync::atomic::Ordering::Relaxed);
    read();
    let from = events[1_500].seq;
    let mut feed = again.feed(from);
    let first = feed.next_batch(Duration::ZERO).unwrap();
    assert_eq!(first[0].seq, from);
    let frames = tail.position;
    assert!(frames > 200, "{frames} frames");
    let halving = u64::from(frames.ilog2()) + 1;
    assert!(read() <= halving + 16, "halved, and a few frames read");
    let second = feed.next_batch(Duration::ZERO).unwrap();
    assert_eq!(second[0], events[1_500 + first.len()]);
    assert_eq!(read(), 16, "no search again");
    assert_eq!(read_all(&again, 1), events);
    assert!(read() <= frames + halving, "no frame is read twice");
}

#[test]
fn a_feed_that_was_cut_says_where_it_goes_on() {
    let (store, journal, events) = log(60);
    let tail = journal.durable_tail();
    let again = Journal::start(store.clone(), 7, tail, true).unwrap();
    let mut behind = again.feed(Seq(1));
    behind.next_batch(Duration::ZERO).unwrap();
    store.truncate(tail.position - 2, 2).unwrap();
    let frames = store.frames.lock().unwrap();
    let first = frame::open(&frames[frames.len() - 2]).unwrap().0.first;
    drop(frames);
    let told = |error| match error {
        Error::FeedTooOld { first, snapshot } => (first, snapshot),
        other => panic!("{other}"),
    };
    for from in [1, first.0 - 1] {
        let error = again.feed(Seq(from)).next_batch(Duration::ZERO).unwrap_err();
        assert_eq!(told(error), (first, tail.position - 2 + 7), "from {from}");
    }
    let kept: Vec<_> = events.iter().filter(|event| event.seq >= first).cloned().collect();
    assert_eq!(read_all(&again, first.0), kept);
    if behind.position() < first {
        assert_eq!(told(behind.next_batch(Duration::ZERO).unwrap_err()).0, first);
    }
    // Cut beyond the beginning of what is in memory.
    let last = again.last().0;
    for number in 0..5 {
        again.publish(Time(9_000), &mut lines(&effect(number, false)));
        again.pump();
    }
    store.truncate(tail.position + 3, 2).unwrap();
    let error = again.feed(Seq(1)).next_batch(Duration::ZERO).unwrap_err();
    assert!(told(error).0 > Seq(last + 1));
    assert_eq!(read_all(&again, last + 1).len(), 5, "memory has them");
    // What memory still has is shown, cut or not.
    assert_eq!(read_all(&journal, 1), events);
}

#[test]
fn memory_keeps_eight_mebibytes_of_frames() {
    let window = super::super::feed::Window::new(Tail::default());
    let bytes = vec![0; 1 << 20];
    for frame in 1..=20 {
        window.push(Seq(frame * 10), frame, &bytes);
        let kept = window.held();
        assert_eq!(kept, (usize::try_from(frame).unwrap().min(8), frame.saturating_sub(7).max(1)));
    }
}

#[test]
fn who_waits_for_what_comes_gets_it_or_nothing() {
    let (journal, _) = super::scripted(&[]);
    assert!(journal.feed(Seq(0)).next_batch(Duration::ZERO).unwrap().is_empty());
    let expected = effect(1, false);
    journal.publish(Time(1), &mut lines(&expected));
    let batch = journal.feed(Seq(0)).next_batch(Duration::from_mins(1)).unwrap();
    assert_eq!(batch.len(), 1, "and the waiting has it stored");
    journal.close().unwrap();
    let mut feed = journal.feed(Seq(1));
    assert_eq!(feed.next_batch(Duration::from_mins(1)).unwrap().len(), 1, "closed, but there");
    assert!(feed.next_batch(Duration::from_mins(1)).unwrap().is_empty(), "nothing will come");
    let (journal, _) = super::scripted(&[Appended::Fenced]);
    journal.publish(Time(1), &mut lines(&expected));
    let told = journal.feed(Seq(1)).next_batch(Duration::from_mins(1));
    assert!(matches!(told, Err(Error::Fenced)), "{told:?}");
}
