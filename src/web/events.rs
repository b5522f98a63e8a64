//! Who is told what happened? One reader of the engine's feed for all who listen.
//!
//! Never keeps more than a window: whoever falls behind starts again from a cursor.

/// Passes durable events on to streams and webhooks.
#[derive(Debug)]
pub(crate) struct Hub {}

impl Hub {
    pub(crate) const fn new() -> Self {
        Self {}
    }
}
