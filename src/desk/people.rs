//! Who is behind a party and a request? People, encrypted, by the request they came with.
//!
//! Never keeps anybody longer than the engine knows their claim, and a grace.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use crate::{PartyId, RequestId};

use super::{Code, DeskError, Person, Secrets, Store, Telephone};

/// Under what a person is kept: the claim in the engine carries the same two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonKey {
    /// The party.
    pub party: PartyId,
    /// The request that asked for the place.
    pub request: RequestId,
}

/// A person as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Under what.
    pub key: PersonKey,
    /// Who.
    pub person: Person,
    /// Their booking code.
    pub code: Code,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// The people of one store.
#[derive(Clone, Debug)]
pub struct People {
    _store: Arc<Store>,
    _secrets: Secrets,
}

impl People {
    /// On a store, with keys.
    pub const fn new(store: Arc<Store>, secrets: Secrets) -> Self {
        Self { _store: store, _secrets: secrets }
    }

    /// Keeps a person; durable when it resolves. The same key again answers with the first code,
    /// and the details of the latest call.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn put(
        &self,
        _key: PersonKey,
        _person: &Person,
        _now: DateTime<Utc>,
    ) -> Result<Code, DeskError> {
        unimplemented!()
    }

    /// The person of a claim.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub fn get(&self, _key: PersonKey) -> Result<Option<Kept>, DeskError> {
        unimplemented!()
    }

    /// The person with that code.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub fn by_code(&self, _code: Code) -> Result<Option<Kept>, DeskError> {
        unimplemented!()
    }

    /// Everybody with that number, newest first, at most 100.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub fn by_telephone(&self, _telephone: &Telephone) -> Result<Vec<Kept>, DeskError> {
        unimplemented!()
    }

    /// Everybody with that normalised name (case and accents aside) and birth date, newest first,
    /// at most 100.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub fn by_name(&self, _name: &str, _birth: NaiveDate) -> Result<Vec<Kept>, DeskError> {
        unimplemented!()
    }

    /// Forgets a person, with code and indexes.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn forget(&self, _key: PersonKey) -> Result<(), DeskError> {
        unimplemented!()
    }

    /// Forgets everybody kept before `before` for whom `keep` says no; tells how many.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn sweep(
        &self,
        _before: DateTime<Utc>,
        _keep: impl Fn(PersonKey) -> bool + Send,
    ) -> Result<usize, DeskError> {
        unimplemented!()
    }
}
