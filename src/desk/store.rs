//! Where do people, keys and the audit stay? One file of a small embedded database.
//!
//! Writes of many callers share one sync (group commit). Never sees anything personal in the
//! clear: rooms above encrypt first.

use std::path::Path;

use super::DeskError;

/// The database file of the desk.
#[derive(Debug)]
pub struct Store {}

impl Store {
    /// Opens or makes the file.
    ///
    /// # Errors
    /// What the disk or the database says.
    pub fn open(_path: &Path) -> Result<Self, DeskError> {
        unimplemented!()
    }

    /// A store that forgets everything, for tests and demonstrations.
    ///
    /// # Errors
    /// What the database says.
    pub fn in_memory() -> Result<Self, DeskError> {
        unimplemented!()
    }

    /// Runs `change` in a write transaction that it may share with others; resolves once it is on
    /// disk.
    ///
    /// # Errors
    /// What the database says; nothing of `change` remains then.
    pub async fn write<T, F>(&self, _change: F) -> Result<T, DeskError>
    where
        T: Send + 'static,
        F: FnOnce(&redb::WriteTransaction) -> Result<T, redb::Error> + Send + 'static,
    {
        unimplemented!()
    }

    /// Runs `look` on a consistent state.
    ///
    /// # Errors
    /// What the database says.
    pub fn read<T>(
        &self,
        _look: impl FnOnce(&redb::ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, DeskError> {
        unimplemented!()
    }
}
