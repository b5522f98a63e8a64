//! Do my rules hold? Tools to property-test a booking server that embeds the engine.
//!
//! Uses only what the crate offers to everybody; never looks inside the engine.

pub mod history;
pub mod machine;
pub mod model;
pub mod strategy;

pub use crate::{Audit, Crash, Fault, FileSystem, ManualClock, SimFileSystem};
pub use machine::{Counts, Subject, check};
pub use model::Model;
