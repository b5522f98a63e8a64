//! May they try again so soon? Counts of tries by caller, network and code.
//!
//! Never remembers who tried, only keyed hashes and when; never grows for ever.

use super::DeskError;

/// What is being tried, each with its own pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gate {
    /// Looking for a booking, by whoever tries: 10, then one a minute.
    Lookup,
    /// Looking for a booking, by its code or number: 5, then one in ten minutes.
    Guess,
    /// Signing in as staff: 10, then one a minute.
    SignIn,
}

/// Counts of tries.
#[derive(Debug, Default)]
pub struct Throttle {}

impl Throttle {
    /// Counts a try of `who` at a gate.
    ///
    /// # Errors
    /// [`DeskError::Throttled`] with when to come back.
    pub fn pass(&self, _gate: Gate, _who: &str) -> Result<(), DeskError> {
        unimplemented!()
    }
}
