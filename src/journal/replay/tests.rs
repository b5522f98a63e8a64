//! Every line once, in order; whatever does not fit is refused with its place.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use crate::journal::frame::{Frame, Header};
use crate::journal::ring::stamp;
use crate::journal::tests::Scripted;

/// A frame with a line at each of these times.
fn frame_with(header: &Header, times: &[u64]) -> Vec<u8> {
    let mut frame = Frame::default();
    frame.clear();
    for (seq, time) in (header.first.0..).zip(times) {
        frame.push(&[0, 0, 0, 0, 0, 0, 0, stamp(seq, Time(*time))]);
    }
    frame.seal(&Header { lines: u32::try_from(times.len()).unwrap(), ..*header });
    frame.bytes().to_vec()
}

/// A frame with one line, after a frame with the checksum `previous`.
fn frame_of(position: Position, previous: u32) -> Vec<u8> {
    let first = Seq(position);
    frame_with(&Header { epoch: 1, position, first, previous, ..Header::default() }, &[0])
}

fn read(position: Position, bytes: &[u8], tail: Tail, known: bool) -> Result<Tail, &'static str> {
    let mut tail = tail;
    one_frame(position, bytes, &mut tail, known, &mut |_, _, _, _| Ok(()))?;
    Ok(tail)
}

#[test]
fn a_frame_of_another_history_is_refused() {
    let tail = read(1, &frame_of(1, 0), Tail::default(), false).unwrap();
    assert!(read(2, &frame_of(2, tail.crc ^ 1), tail, true).is_err());
    read(2, &frame_of(2, tail.crc), tail, true).unwrap();
    assert!(
        read(2, &frame_of(2, tail.crc ^ 1), tail, false).is_ok(),
        "what came before is unknown"
    );
}

#[test]
fn a_frame_at_another_place_is_refused() {
    let tail = Tail { position: 1, seq: Seq(1), ..Tail::default() };
    for (position, says) in [(2, 3), (3, 2), (3, 3), (1, 1)] {
        assert!(
            read(position, &frame_of(says, 0), tail, false).is_err(),
            "{position}, says {says}"
        );
    }
}

#[test]
fn numbers_go_on_by_one() {
    let tail = Tail { position: 1, seq: Seq(5), ..Tail::default() };
    let with = |first, known| {
        let header = Header { position: 2, first: Seq(first), ..Header::default() };
        read(2, &frame_with(&header, &[0, 0]), tail, known)
    };
    assert_eq!(with(6, true).unwrap().seq, Seq(7));
    assert!([4, 5, 7].iter().all(|first| with(*first, true).is_err()));
    assert_eq!(with(900, false).unwrap().seq, Seq(901));
    assert!(with(1, false).is_ok() && with(SEQ_MAX, false).is_ok());
    assert!(with(0, false).is_err() && with(SEQ_MAX + 1, false).is_err());
    let mut frame = Frame::default();
    frame.clear();
    frame.push(&[0, 0, 0, 0, 0, 0, 0, stamp(7, Time(0))]);
    frame.seal(&Header { position: 2, first: Seq(6), lines: 1, ..Header::default() });
    assert!(read(2, frame.bytes(), tail, true).is_err(), "a line from elsewhere");
}

#[test]
fn a_frame_has_the_latest_time_up_to_its_end() {
    let tail = Tail { position: 1, seq: Seq(1), time: Time(50), ..Tail::default() };
    let with = |time, times: &[u64], known| {
        let header = Header { position: 2, first: Seq(2), time: Time(time), ..Header::default() };
        read(2, &frame_with(&header, times), tail, known).map(|tail| tail.time)
    };
    assert_eq!(with(90, &[80, 90, 70], true), Ok(Time(90)));
    assert_eq!(with(50, &[10, 20], true), Ok(Time(50)), "no earlier than the frame before");
    assert!(with(70, &[80, 90, 70], true).is_err() && with(91, &[80, 90, 70], true).is_err());
    assert!(with(91, &[80, 90, 70], false).is_ok(), "what came before is unknown");
}

#[test]
fn lines_are_told_with_the_next_of_their_group() {
    let mut frame = Frame::default();
    frame.clear();
    for seq in 1..=4 {
        let mut line = [seq << 16, 0, 0, 0, 0, 0, 0, stamp(seq, Time(seq))];
        if seq == 2 || seq == 3 {
            crate::record::set_more(&mut line);
        }
        frame.push(&line);
    }
    frame.seal(&Header {
        position: 1,
        first: Seq(1),
        lines: 4,
        time: Time(4),
        ..Header::default()
    });
    let mut told = Vec::new();
    let number = |line: &Line| line.first().unwrap() >> 16;
    one_frame(1, frame.bytes(), &mut Tail::default(), true, &mut |seq, time, line, next| {
        told.push((seq.0, time.0, number(line), next.map(number)));
        Ok(())
    })
    .unwrap();
    assert_eq!(told, [(1, 1, 1, None), (2, 2, 2, Some(3)), (3, 3, 3, Some(4)), (4, 4, 4, None)]);
}

#[test]
fn damage_is_told_with_its_place() {
    let store = Scripted::default();
    let mut previous = 0;
    for position in 1..=5 {
        let frame = frame_of(position, previous);
        previous = frame::open(&frame).unwrap().1;
        store.frames.lock().unwrap().push(frame);
    }
    let all = |after, upto, tail| replay(&store, after, upto, tail, &mut |_, _, _, _| Ok(()));
    let tail = all(0, 5, Tail::default()).unwrap();
    assert_eq!((tail.position, tail.seq, tail.crc), (5, Seq(5), previous));
    let half = all(0, 3, Tail::default()).unwrap();
    assert_eq!(all(3, 5, half).unwrap(), tail, "in two parts");
    assert_eq!(all(3, 5, Tail::default()).unwrap(), tail, "with nothing known of the first");
    let wrong = Tail { crc: half.crc ^ 1, ..half };
    assert!(all(3, 5, wrong).is_err(), "after another history");
    assert_eq!(all(5, 5, tail).unwrap(), tail);
    assert_eq!(all(5, 4, tail).unwrap(), tail, "nothing to read");
    let place = |error| match error {
        StorageError::Damaged { position, .. } => position,
        other => panic!("{other}"),
    };
    store.frames.lock().unwrap().remove(3);
    assert_eq!(place(all(0, 5, Tail::default()).unwrap_err()), 4);
    *store.ends_at.lock().unwrap() = Some(2);
    assert_eq!(place(all(0, 3, Tail::default()).unwrap_err()), 3, "a frame is missing");
    // The first log begins after nothing.
    let stray = frame_with(&Header { position: 1, first: Seq(9), ..Header::default() }, &[0]);
    store.frames.lock().unwrap().insert(0, stray);
    assert_eq!(place(all(0, 1, Tail::default()).unwrap_err()), 1);
    let refused = replay(&store, 0, 1, Tail::default(), &mut |_, _, _, _| Err("no"));
    assert_eq!(place(refused.unwrap_err()), 1);
}
