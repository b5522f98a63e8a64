//! Who is behind a party and a request? People, encrypted, by the request they came with.
//!
//! Never keeps anybody longer than the engine knows their claim, and a grace.

pub(super) mod seal;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::{Language, MasterKey};

    fn people() -> People {
        let store = Arc::new(Store::in_memory().unwrap());
        People::new(store, Secrets::new(&MasterKey::new([1; 32])))
    }

    fn key(number: u128) -> PersonKey {
        PersonKey { party: PartyId(number), request: RequestId(number) }
    }

    fn person(name: &str, telephone: &str) -> Person {
        let birth = NaiveDate::from_ymd_opt(1990, 1, 31).unwrap();
        Person::new(name, telephone, "ana@example.org", birth, Language::Es, birth).unwrap()
    }

    fn at(second: u64) -> DateTime<Utc> {
        Time(second * 1_000).utc()
    }

    fn put(people: &People, number: u128, person: &Person, second: u64) -> Code {
        pollster::block_on(people.put(key(number), person, at(second))).unwrap()
    }

    #[test]
    fn a_person_is_found_by_key_code_number_and_name() {
        let people = people();
        let ana = person("Ana Ru\u{ed}z", "2025550143");
        let code = put(&people, 1, &ana, 10);
        put(&people, 2, &person("Bea Paz", "2025550144"), 11);
        let kept = Kept { key: key(1), person: ana.clone(), code, since: at(10) };
        assert_eq!(people.get(key(1)).unwrap(), Some(kept.clone()));
        assert_eq!(people.by_code(code).unwrap(), Some(kept.clone()));
        assert_eq!(people.by_telephone(&ana.telephone).unwrap(), std::slice::from_ref(&kept));
        assert_eq!(people.by_name("RUIZ, ana", ana.birth).unwrap(), [kept]);
        let other = ana.birth.succ_opt().unwrap();
        assert!(people.by_name("Ana Ruiz", other).unwrap().is_empty());
        assert_eq!(people.get(key(3)).unwrap(), None);
    }

    #[test]
    fn the_same_key_again_keeps_the_code_and_takes_the_new_details() {
        let people = people();
        let old = person("Ana Ruiz", "2025550143");
        let new = person("Ana Ruiz Paz", "2025550144");
        let code = put(&people, 1, &old, 10);
        assert_eq!(put(&people, 1, &new, 20), code);
        assert!(people.by_telephone(&old.telephone).unwrap().is_empty());
        assert!(people.by_name(&old.name, old.birth).unwrap().is_empty());
        let kept = people.by_telephone(&new.telephone).unwrap();
        assert_eq!(kept, people.by_name(&new.name, new.birth).unwrap());
        assert_eq!((kept[0].since, &kept[0].person), (at(20), &new));
        // A clock that went back makes nobody older.
        put(&people, 1, &new, 5);
        assert_eq!(people.get(key(1)).unwrap().unwrap().since, at(20));
        assert_eq!(rows(&people), [1, 1, 1, 1]);
    }

    #[test]
    fn the_newest_hundred_are_found() {
        let people = people();
        let ana = person("Ana Ruiz", "2025550143");
        for number in 0..150 {
            put(&people, u128::from(number), &ana, (number * 7) % 150);
        }
        for found in [
            people.by_telephone(&ana.telephone).unwrap(),
            people.by_name(&ana.name, ana.birth).unwrap(),
        ] {
            let since: Vec<_> = found.iter().map(|kept| kept.since).collect();
            assert_eq!(since, (50..150).rev().map(at).collect::<Vec<_>>());
        }
    }

    #[test]
    fn whoever_is_forgotten_is_gone_from_every_table() {
        let people = people();
        let code = put(&people, 1, &person("Ana Ruiz", "2025550143"), 10);
        put(&people, 2, &person("Bea Paz", "2025550144"), 20);
        assert_eq!(rows(&people), [2, 2, 2, 2]);
        pollster::block_on(people.forget(key(1))).unwrap();
        pollster::block_on(people.forget(key(1))).unwrap();
        assert_eq!(people.by_code(code).unwrap(), None);
        assert_eq!(rows(&people), [1, 1, 1, 1]);
        let (old, next) = people.older(at(30), key(0)).unwrap();
        assert_eq!((&old[..], next), ([key(2)].as_slice(), None));
        assert_eq!(pollster::block_on(people.forget_older(old, at(30))).unwrap(), 1);
        assert_eq!(rows(&people), [0, 0, 0, 0]);
    }

    #[test]
    fn whoever_came_again_after_the_look_is_not_forgotten() {
        let people = people();
        let ana = person("Ana Ruiz", "2025550143");
        let code = put(&people, 1, &ana, 10);
        let (old, _) = people.older(at(20), key(0)).unwrap();
        put(&people, 1, &ana, 20);
        assert_eq!(pollster::block_on(people.forget_older(old, at(20))).unwrap(), 0);
        assert_eq!(people.by_code(code).unwrap().map(|kept| kept.key), Some(key(1)));
    }

    #[test]
    fn a_walk_sees_everybody_once() {
        let people = people();
        let ana = person("Ana Ruiz", "2025550143");
        let count = 2 * u64::try_from(STEP).unwrap() + 1;
        for number in 0..count {
            put(&people, number.into(), &ana, number);
        }
        let (mut seen, mut next) = (Vec::new(), Some(key(0)));
        while let Some(from) = next {
            let (old, then) = people.older(at(count - 1), from).unwrap();
            seen.extend(old);
            next = then;
        }
        // The last is not older than the moment they were put.
        assert_eq!(seen, (0..u128::from(count) - 1).map(key).collect::<Vec<_>>());
    }

    #[test]
    fn a_text_under_another_key_is_refused() {
        let people = people();
        put(&people, 1, &person("Ana Ruiz", "2025550143"), 10);
        put(&people, 2, &person("Bea Paz", "2025550144"), 10);
        let swap = |to: &redb::WriteTransaction| shelf::swap(to, key(1), key(2));
        pollster::block_on(people.store.write(swap)).unwrap();
        let refused = people.get(key(1)).unwrap_err().to_string();
        assert_eq!(refused, "the store of people failed: a person is damaged");
        assert!(people.by_telephone(&Telephone::parse("2025550144").unwrap()).is_err());
        // They can be forgotten all the same.
        pollster::block_on(people.forget(key(1))).unwrap();
        assert_eq!(rows(&people), [1, 1, 1, 1]);
    }

    #[test]
    fn other_keys_read_nothing() {
        let people = people();
        let ana = person("Ana Ruiz", "2025550143");
        let code = put(&people, 1, &ana, 10);
        let secrets = Secrets::new(&MasterKey::new([2; 32]));
        let strangers = People::new(Arc::clone(&people.store), secrets);
        assert!(strangers.by_code(code).is_err());
        assert!(strangers.by_telephone(&ana.telephone).unwrap().is_empty());
        assert!(strangers.by_name(&ana.name, ana.birth).unwrap().is_empty());
    }

    fn rows(people: &People) -> [u64; 4] {
        people.store.read(shelf::rows).unwrap()
    }
}
