//! What fuzzing found, or began with, goes on to be tried, by an ordinary test.
//!
//! The same plain functions run under the fuzzer (`fuzz/fuzz_targets`) and here. A finding is
//! mended, its input goes into `fuzz/corpus`, and this file needs no change.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_lossless,
    clippy::match_wild_err_arm,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "../fuzz/bodies.rs"]
mod bodies;
#[path = "stage/evidence.rs"]
mod evidence;

use std::fs;
use std::panic::catch_unwind;

use bodies::{ALL, Body};
use evidence::{Evidence, first_seed, share};

/// The inputs of a target, by name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(format!("fuzz/corpus/{target}")).unwrap();
    let mut inputs: Vec<_> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())
        })
        .collect();
    inputs.sort();
    inputs
}

#[test]
fn every_input_of_the_corpus_is_taken_or_refused() {
    let evidence = Evidence::of("T13 fuzz corpus, every input");
    let mut failed = Vec::new();
    let mut counted = Vec::new();
    for (target, body) in ALL {
        let (mut good, mut bad) = (0, 0);
        for (name, bytes) in corpus(target) {
            match catch_unwind(|| body(&bytes)) {
                Ok(true) => good += 1,
                Ok(false) => bad += 1,
                Err(_) => failed.push(format!("{target}/{name}")),
            }
        }
        // Both answers must come, or the corpus tries only half of what it is for.
        assert!(good >= 1 && bad >= 3, "{target}: {good} accepted, {bad} refused");
        counted.push(format!("{target} {good} accepted {bad} refused"));
    }
    assert!(failed.is_empty(), "these inputs panic: {failed:?}");
    evidence.passed(&counted.join(", "));
}

/// How many inputs a second a target is good for, by a tenth.
fn runs_of(target: &str) -> u64 {
    match target {
        "ids" | "records" => 60_000,
        "catalog" => 8_000,
        "segments" | "log_dir" => 4_000,
        "model" => 1_000,
        _ => 3_000,
    }
}

/// xorshift64 (Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % bound.max(1)
    }

    /// One input changed in a few places, or two put together.
    fn change(&mut self, inputs: &[(String, Vec<u8>)]) -> Vec<u8> {
        const EDGES: [u8; 8] = [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff, b'"'];
        let mut bytes = inputs[self.below(inputs.len())].1.clone();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(6) {
                0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
                1 if !bytes.is_empty() => bytes[at] = EDGES[self.below(EDGES.len())],
                2 => bytes.insert(at.min(bytes.len()), self.below(256) as u8),
                3 => bytes.truncate(at),
                4 if !bytes.is_empty() => {
                    let end = at + self.below((bytes.len() - at).min(64));
                    drop(bytes.drain(at..end));
                }
                _ => {
                    let other = &inputs[self.below(inputs.len())].1;
                    let from = self.below(other.len());
                    let more = &other[from..(from + 64).min(other.len())];
                    bytes.splice(at..at, more.iter().copied());
                }
            }
        }
        bytes
    }
}

fn vary(target: &'static str, body: Body, runs: u64) -> (u64, u64) {
    let inputs = corpus(target);
    let (mut good, mut bad) = (0, 0);
    for run in 0..runs {
        let seed = first_seed() + run;
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let bytes = random.change(&inputs);
        match catch_unwind(|| body(&bytes)) {
            Ok(true) => good += 1,
            Ok(false) => bad += 1,
            Err(_) => panic!("{target}, CUPO_SEED={seed}: this input panics: {bytes:02x?}"),
        }
    }
    assert!(good > 0 && bad > 0, "{target}: {good} accepted, {bad} refused");
    (good, bad)
}

#[test]
fn every_variation_of_the_corpus_is_taken_or_refused() {
    let evidence = Evidence::of("T13 variations of the fuzz corpus");
    let work = std::sync::Mutex::new(ALL.to_vec());
    let counted = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((target, body)) = { work.lock().unwrap().pop() } {
                    let runs = share(runs_of(target), 100 * runs_of(target));
                    let (good, bad) = vary(target, body, runs);
                    let line = format!("{target} {good} accepted {bad} refused");
                    counted.lock().unwrap().push(line);
                }
            });
        }
    });
    let mut counted = counted.into_inner().unwrap();
    counted.sort();
    let from = first_seed();
    evidence.passed(&format!("seeds from {from}: {}", counted.join(", ")));
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
