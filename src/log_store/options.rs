//! How is a directory kept? What the embedder may choose.
//!
//! Never more than what someone has a reason to change.

/// What an acknowledgement promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Written and synced: survives the loss of power.
    #[default]
    Synced,
    /// As `Synced`, and a second sync proves it: even damage to the very last frame is told from a
    /// torn one. Twice the syncs.
    SyncedTwice,
    /// Written, not synced: survives the process, not the power.
    Buffered,
}

/// Settings of a directory store.
#[derive(Clone, Copy, Debug)]
pub struct DirectoryOptions {
    /// What an acknowledgement promises.
    pub durability: Durability,
    /// Bytes of one log file; at least 64 KiB.
    pub segment_bytes: u64,
    /// Prepare the next file in a thread of its own (else when it is needed).
    pub background: bool,
    /// Draw what else comes from the system's randomness from this seed, so that a simulation can
    /// be repeated to the byte. Never set it for files that are to last.
    pub seed: Option<u64>,
}

impl Default for DirectoryOptions {
    fn default() -> Self {
        Self {
            durability: Durability::Synced,
            segment_bytes: 64 << 20,
            background: true,
            seed: None,
        }
    }
}
