//! What a newer version wrote is refused whole, not passed over.
//!
//! The first replay stepped over records that it did not know, and opened without a catalog that
//! it could not read: an older program on a newer directory would have gone on, and lost them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use crate::claim::{Arrangement, Place};
use crate::engine::Engine;
use crate::error::StorageError;
use crate::id::{CalendarId, Channel, ClaimId, DayId};
use crate::record::TextOf;
use chrono::NaiveDate;

fn publish(directory: &Path, lines: &mut [Line]) {
    let engine = Engine::builder().directory(directory).snapshot_on_close(false).open().unwrap();
    let now = engine.hall.now();
    engine.hall.journal.wait_for_room(2).unwrap();
    engine.hall.journal.publish(now, lines);
    engine.close().unwrap();
}

fn refusal(directory: &Path) -> String {
    let refused = Engine::open(directory).map(drop);
    assert!(
        matches!(refused, Err(Error::Storage(StorageError::Damaged { .. }))),
        "opened, or refused otherwise: {refused:?}"
    );
    refused.unwrap_err().to_string()
}

#[test]
fn a_record_of_an_unknown_kind_stops_the_start() {
    let directory = tempfile::tempdir().unwrap();
    publish(directory.path(), &mut [[250, 0, 0, 0, 0, 0, 0, 0]]);
    assert!(refusal(directory.path()).contains("unknown kind"));
    let read = read_log(directory.path(), Seq(0), &mut |_| ControlFlow::Continue(()));
    assert!(read.unwrap_err().to_string().contains("unknown kind"));
}

#[test]
fn a_catalog_that_cannot_be_read_stops_the_start() {
    let directory = tempfile::tempdir().unwrap();
    publish(directory.path(), &mut [Effect::Installed { version: 1, done: false }.to_line()]);
    assert!(refusal(directory.path()).contains("cannot read"));
}

/// A long log is applied by two threads, of which one is ahead of the other.
#[test]
fn what_could_not_have_happened_is_told_with_its_place_in_a_long_log_too() {
    const AFTER: u64 = 100;
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::builder().directory(directory.path()).snapshot_on_close(false);
    let engine = engine.open().unwrap();
    let day = DayId::new(CalendarId(0), NaiveDate::from_ymd_opt(2026, 12, 1).unwrap()).unwrap();
    let place = Place {
        day,
        start: 1,
        run: 1,
        persons: 1,
        arrangement: Arrangement::Together,
        channel: Channel::WEB,
        roster: 0,
    };
    let nonsense = Effect::Archived { claim: ClaimId::from_u64(1), place };
    let of = TextOf::Reason;
    let harmless = Effect::Text { of, offset: 0, length: 1, bytes: vec![1] };
    for n in 0..aside::FRAMES_MIN + AFTER {
        let effect = if n == aside::FRAMES_MIN { &nonsense } else { &harmless };
        engine.hall.journal.wait_for_room(1).unwrap();
        let seq = engine.hall.journal.publish(engine.hall.now(), &mut [effect.to_line()]);
        engine.hall.journal.wait(seq).unwrap();
    }
    engine.close().unwrap();
    let last = DirectoryReader::open(directory.path()).unwrap().last();
    let refused = Engine::open(directory.path()).map(drop).unwrap_err();
    let Error::Storage(StorageError::Damaged { position, what, .. }) = refused else {
        panic!("refused otherwise: {refused}");
    };
    assert_eq!((position, what), (last + 1 - AFTER, UNFIT));
}
