//! Any case for the reference model.

#![no_main]

#[path = "../bodies.rs"]
#[allow(dead_code, unused_imports, reason = "each target runs one body")]
mod bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = bodies::model(bytes);
});
