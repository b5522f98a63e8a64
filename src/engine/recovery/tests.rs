//! What a newer version wrote is refused whole, not passed over.
//!
//! The first replay stepped over records that it did not know, and opened without a catalog that
//! it could not read: an older program on a newer directory would have gone on, and lost them.

use super::*;
use crate::engine::Engine;
use crate::error::StorageError;
use crate::record::Line;

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
