//! What does fuzzing try? Plain functions from bytes to a panic, or none; each says whether it
//! accepted the bytes.
//!
//! Shared by the fuzz targets and by `tests/fuzz_corpus.rs`, which replays the corpus.

#[path = "bodies/catalogs.rs"]
mod catalogs;
#[path = "bodies/directories.rs"]
mod directories;
#[path = "bodies/ids.rs"]
mod ids;
#[path = "bodies/journals.rs"]
mod journals;
#[path = "bodies/kept.rs"]
mod kept;
#[path = "bodies/models.rs"]
mod models;
#[path = "bodies/programs.rs"]
mod programs;

pub use catalogs::catalog;
pub use directories::{log_dir, segments};
pub use ids::ids;
pub use journals::{frames, records, snapshots};
pub use models::model;
pub use programs::commands;

/// A target.
pub type Body = fn(&[u8]) -> bool;

/// Every target by its name, which is also its corpus.
pub const ALL: [(&str, Body); 9] = [
    ("catalog", catalog),
    ("commands", commands),
    ("frames", frames),
    ("ids", ids),
    ("log_dir", log_dir),
    ("model", model),
    ("records", records),
    ("segments", segments),
    ("snapshots", snapshots),
];
