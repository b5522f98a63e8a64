//! What fuzzing found, or began with, goes on to be tried, by an ordinary test.
//!
//! The same plain functions run under the fuzzer (`fuzz/fuzz_targets`) and here. A finding is
//! mended, its input goes into `fuzz/corpus`, and this file needs no change.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "../fuzz/bodies.rs"]
mod bodies;

use std::fs;
use std::panic::catch_unwind;

/// Runs every input of a corpus, and names the file of each that panics. Both answers must come,
/// or the corpus tries only half of what it is for.
fn replay(target: &str, body: fn(&[u8]) -> bool) {
    let (mut failed, mut good, mut bad) = (Vec::new(), 0, 0);
    for entry in fs::read_dir(format!("fuzz/corpus/{target}")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        match catch_unwind(|| body(&bytes)) {
            Ok(true) => good += 1,
            Ok(false) => bad += 1,
            Err(_) => failed.push(path),
        }
    }
    assert!(failed.is_empty(), "these inputs panic: {failed:?}");
    assert!(good >= 1 && bad >= 3, "{good} accepted, {bad} refused");
}

#[test]
fn every_catalog_of_the_corpus_is_read_or_refused() {
    replay("catalog", bodies::catalog);
}

#[test]
fn every_damaged_directory_of_the_corpus_is_refused_or_right() {
    replay("log_dir", bodies::log_dir);
}

#[test]
fn every_cut_of_a_good_catalog_is_read_or_refused() {
    let whole = fs::read("fuzz/corpus/catalog/whole.toml").unwrap();
    assert!(bodies::catalog(&whole));
    for length in 0..whole.len() {
        bodies::catalog(&whole[..length]);
    }
}

#[test]
fn every_single_flip_of_a_directory_is_refused_or_right() {
    let (mut opened, mut refused) = (0, 0);
    // A prime step, so that all columns of headers and frames come.
    for file in 0..6 {
        for offset in (0..65_536_u32).step_by(127) {
            let [a, b, c, _] = offset.to_le_bytes();
            if bodies::log_dir(&[file, a, b, c, 1 << (offset % 8)]) {
                opened += 1;
            } else {
                refused += 1;
            }
        }
    }
    assert!(opened > 100 && refused > 100, "{opened} opened, {refused} refused");
}
