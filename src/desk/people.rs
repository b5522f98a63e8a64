//! Who is behind a party and a request? People, encrypted, by the request they came with.
//!
//! Never keeps anybody longer than the engine knows their claim, and a grace.

mod seal;
mod shelf;

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use crate::{PartyId, RequestId, Time};

use super::person::folded;
use super::secrets::half;
use super::{Code, DeskError, Person, Secrets, Store, Telephone};

pub(super) use shelf::found;
use shelf::{By, Marks, Shelved};

/// How many are found by one number or name at most.
const FOUND_MAX: usize = 100;

/// How many are looked at in one step of a walk through everybody.
const STEP: usize = 1_000;

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
    /// Since when: the latest time that they were put.
    pub since: DateTime<Utc>,
}

/// The people of one store.
///
/// What is deleted may lie in free pages of the file until they are used again: sealed, as before.
#[derive(Clone, Debug)]
pub struct People {
    store: Arc<Store>,
    secrets: Secrets,
}

impl People {
    /// On a store, with keys: those the store was opened with.
    pub const fn new(store: Arc<Store>, secrets: Secrets) -> Self {
        Self { store, secrets }
    }

    /// Keeps a person; durable when it resolves. The same key again answers with the first code,
    /// and the details of the latest call.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn put(
        &self,
        key: PersonKey,
        person: &Person,
        now: DateTime<Utc>,
    ) -> Result<Code, DeskError> {
        let Time(since_ms) = Time::from(now);
        let marks = Marks {
            telephone: half(self.secrets.telephone(&person.telephone)),
            name: self.name_mark(&person.name, person.birth),
        };
        let sealed = seal::seal(&self.secrets.key("people"), key, &person.to_bytes());
        self.store.write(move |to| shelf::put(to, key, since_ms, marks, &sealed)).await
    }

    /// The person of a claim.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub fn get(&self, key: PersonKey) -> Result<Option<Kept>, DeskError> {
        let found = self.store.read(|from| shelf::get(from, key))?;
        found.map(|shelved| self.unseal(shelved)).transpose()
    }

    /// The person with that code.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub fn by_code(&self, code: Code) -> Result<Option<Kept>, DeskError> {
        let found = self.store.read(|from| shelf::by_code(from, code))?;
        found.map(|shelved| self.unseal(shelved)).transpose()
    }

    /// Everybody with that number, newest first, at most 100.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub fn by_telephone(&self, telephone: &Telephone) -> Result<Vec<Kept>, DeskError> {
        self.by_mark(By::Telephone, half(self.secrets.telephone(telephone)))
    }

    /// Everybody with that normalised name (case, accents, punctuation and the order of the words
    /// aside) and birth date, newest first, at most 100.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub fn by_name(&self, name: &str, birth: NaiveDate) -> Result<Vec<Kept>, DeskError> {
        self.by_mark(By::Name, self.name_mark(name, birth))
    }

    /// Forgets a person, with code and indexes.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn forget(&self, key: PersonKey) -> Result<(), DeskError> {
        self.store.write(move |from| shelf::remove(from, key, |_| true)).await.map(drop)
    }

    /// A step through everybody: who was kept before `before` among the next thousand from `from`
    /// on, and where the next step begins.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub fn older(
        &self,
        before: DateTime<Utc>,
        from: PersonKey,
    ) -> Result<(Vec<PersonKey>, Option<PersonKey>), DeskError> {
        self.store.read(|store| shelf::older(store, Time::from(before).0, from, STEP))
    }

    /// Forgets those who were kept before `before`, and nobody who was put again since; tells how
    /// many.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn forget_older(
        &self,
        keys: Vec<PersonKey>,
        before: DateTime<Utc>,
    ) -> Result<usize, DeskError> {
        if keys.is_empty() {
            return Ok(0);
        }
        let Time(before_ms) = Time::from(before);
        let forget = move |from: &redb::WriteTransaction| {
            let mut forgotten = 0;
            for key in &keys {
                let old = |shelved: &Shelved| shelved.since_ms < before_ms;
                forgotten += usize::from(shelf::remove(from, *key, old)?);
            }
            Ok(forgotten)
        };
        self.store.write(forget).await
    }

    fn by_mark(&self, by: By, mark: u128) -> Result<Vec<Kept>, DeskError> {
        let found = self.store.read(|from| shelf::by_mark(from, by, mark, FOUND_MAX))?;
        found.into_iter().map(|shelved| self.unseal(shelved)).collect()
    }

    fn unseal(&self, shelved: Shelved) -> Result<Kept, DeskError> {
        let Shelved { key, code, since_ms, sealed, .. } = shelved;
        let text = seal::open(&self.secrets.key("people"), key, &sealed);
        let person = text.as_deref().and_then(Person::from_bytes);
        let person = person.ok_or_else(|| DeskError::store("a person is damaged"))?;
        Ok(Kept { key, person, code, since: Time(since_ms).utc() })
    }

    fn name_mark(&self, name: &str, birth: NaiveDate) -> u128 {
        half(self.secrets.sign("name", format!("{} {birth}", folded(name)).as_bytes()))
    }
}
