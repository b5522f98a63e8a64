//! Every input that fuzzing has kept is read again, on the stable compiler.

#![allow(clippy::unwrap_used, unreachable_pub, missing_docs, reason = "a test may panic")]

#[path = "../fuzz/bodies.rs"]
mod bodies;

#[test]
fn the_corpus_of_catalogs_is_read_without_a_panic() {
    let mut inputs = 0;
    for entry in std::fs::read_dir("fuzz/corpus/catalog").unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        bodies::catalog(&bytes);
        // Cut anywhere, it is still no reason to panic.
        for cut in (0..bytes.len()).step_by(7) {
            bodies::catalog(bytes.get(..cut).unwrap_or(&[]));
        }
        inputs += 1;
    }
    assert!(inputs >= 4);
}
