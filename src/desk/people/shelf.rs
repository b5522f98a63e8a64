//! Where does each person lie? The tables, and how they are changed together.
//!
//! Never sees who it is: only sealed texts, codes and keyed hashes. Every change keeps the indexes
//! in step within one transaction.

use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use super::super::{Code, random};
use super::PersonKey;
use crate::{PartyId, RequestId};

/// Party and request.
type Place = (u128, u128);
/// Since when, code, marks of telephone and name, the sealed text.
type Row = (u64, u32, u128, u128, &'static [u8]);
/// A mark, how long before the end of time (newest first), party and request.
type Entry = (u128, u64, u128, u128);
type Index = TableDefinition<'static, Entry, ()>;

const PEOPLE: TableDefinition<'_, Place, Row> = TableDefinition::new("people");
const CODES: TableDefinition<'_, u32, Place> = TableDefinition::new("codes");
const BY_TELEPHONE: Index = TableDefinition::new("people by telephone");
const BY_NAME: Index = TableDefinition::new("people by name");

/// Tries to find a free code. At half of all codes taken, all of them fail once in 2^200.
const DRAWS_MAX: u32 = 200;

/// A person as it lies there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shelved {
    pub(super) key: PersonKey,
    pub(super) since_ms: u64,
    pub(super) code: Code,
    pub(super) marks: Marks,
    pub(super) sealed: Vec<u8>,
}

/// Keyed hashes by which somebody is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) telephone: u128,
    pub(super) name: u128,
}

/// Which index.
#[derive(Clone, Copy, Debug)]
pub(super) enum By {
    Telephone,
    Name,
}

/// Makes the tables.
pub(in super::super) fn found(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(PEOPLE)?;
    transaction.open_table(CODES)?;
    transaction.open_table(BY_TELEPHONE)?;
    transaction.open_table(BY_NAME)?;
    Ok(())
}

/// Lays somebody there, or anew with the code they had.
pub(super) fn put(
    transaction: &WriteTransaction,
    key: PersonKey,
    since_ms: u64,
    marks: Marks,
    sealed: &[u8],
) -> Result<Code, redb::Error> {
    let mut people = transaction.open_table(PEOPLE)?;
    let before = shelved(&people, key)?;
    let code = match &before {
        Some(before) => before.code,
        None => draw(transaction, key)?,
    };
    // Never older than before, should the clock have gone back.
    let since_ms = since_ms.max(before.as_ref().map_or(0, |before| before.since_ms));
    if let Some(before) = before {
        unlist(transaction, key, before.since_ms, before.marks)?;
    }
    let [telephone, name] = entries(key, since_ms, marks);
    transaction.open_table(BY_TELEPHONE)?.insert(telephone, ())?;
    transaction.open_table(BY_NAME)?.insert(name, ())?;
    people.insert(place(key), (since_ms, code.number(), marks.telephone, marks.name, sealed))?;
    Ok(code)
}

/// Takes somebody away from everywhere, if `really`; tells whether.
pub(super) fn remove(
    transaction: &WriteTransaction,
    key: PersonKey,
    really: impl FnOnce(&Shelved) -> bool,
) -> Result<bool, redb::Error> {
    let mut people = transaction.open_table(PEOPLE)?;
    let Some(gone) = shelved(&people, key)?.filter(really) else {
        return Ok(false);
    };
    people.remove(place(key))?;
    transaction.open_table(CODES)?.remove(gone.code.number())?;
    unlist(transaction, key, gone.since_ms, gone.marks)?;
    Ok(true)
}

/// Whoever lies under that key.
pub(super) fn get(
    transaction: &ReadTransaction,
    key: PersonKey,
) -> Result<Option<Shelved>, redb::Error> {
    shelved(&transaction.open_table(PEOPLE)?, key)
}

/// Whoever has that code.
pub(super) fn by_code(
    transaction: &ReadTransaction,
    code: Code,
) -> Result<Option<Shelved>, redb::Error> {
    let codes = transaction.open_table(CODES)?;
    let Some(place) = codes.get(code.number())? else {
        return Ok(None);
    };
    Ok(get(transaction, key(place.value()))?.filter(|shelved| shelved.code == code))
}

/// The newest with that mark.
pub(super) fn by_mark(
    transaction: &ReadTransaction,
    by: By,
    mark: u128,
    limit: usize,
) -> Result<Vec<Shelved>, redb::Error> {
    let index = transaction.open_table(match by {
        By::Telephone => BY_TELEPHONE,
        By::Name => BY_NAME,
    })?;
    let people = transaction.open_table(PEOPLE)?;
    let all = (mark, 0, 0, 0)..=(mark, u64::MAX, u128::MAX, u128::MAX);
    let mut found = Vec::new();
    for entry in index.range(all)?.take(limit) {
        let (_, _, party, request) = entry?.0.value();
        found.extend(shelved(&people, key((party, request)))?);
    }
    Ok(found)
}

/// A step through everybody: the keys of those older than `before` among the next `limit`, and
/// where to go on.
pub(super) fn older(
    transaction: &ReadTransaction,
    before_ms: u64,
    from: PersonKey,
    limit: usize,
) -> Result<(Vec<PersonKey>, Option<PersonKey>), redb::Error> {
    let people = transaction.open_table(PEOPLE)?;
    let mut old = Vec::new();
    let mut rows = people.range(place(from)..)?;
    for row in rows.by_ref().take(limit) {
        let (place, row) = row?;
        if row.value().0 < before_ms {
            old.push(key(place.value()));
        }
    }
    let next = rows.next().transpose()?.map(|(place, _)| key(place.value()));
    Ok((old, next))
}

/// A code that nobody has, given to `key`.
fn draw(transaction: &WriteTransaction, key: PersonKey) -> Result<Code, redb::Error> {
    let mut codes = transaction.open_table(CODES)?;
    for _ in 0..DRAWS_MAX {
        // 2^128 is so much more than all codes that none is likelier by more than 2^-101.
        let number = u128::from_be_bytes(random::bytes()) % u128::from(Code::COUNT);
        let Some(code) = u32::try_from(number).ok().and_then(Code::from_number) else {
            continue;
        };
        if codes.get(code.number())?.is_none() {
            codes.insert(code.number(), place(key))?;
            return Ok(code);
        }
    }
    Err(redb::Error::Corrupted("no code is free".into()))
}

fn unlist(
    transaction: &WriteTransaction,
    key: PersonKey,
    since_ms: u64,
    marks: Marks,
) -> Result<(), redb::Error> {
    let [telephone, name] = entries(key, since_ms, marks);
    transaction.open_table(BY_TELEPHONE)?.remove(telephone)?;
    transaction.open_table(BY_NAME)?.remove(name)?;
    Ok(())
}

fn entries(key: PersonKey, since_ms: u64, marks: Marks) -> [Entry; 2] {
    let (party, request) = place(key);
    [marks.telephone, marks.name].map(|mark| (mark, u64::MAX - since_ms, party, request))
}

fn shelved(
    people: &impl ReadableTable<Place, Row>,
    key: PersonKey,
) -> Result<Option<Shelved>, redb::Error> {
    let Some(row) = people.get(place(key))? else {
        return Ok(None);
    };
    let (since_ms, code, telephone, name, sealed) = row.value();
    let code = Code::from_number(code);
    let code = code.ok_or_else(|| redb::Error::Corrupted("a code out of range".into()))?;
    let marks = Marks { telephone, name };
    Ok(Some(Shelved { key, since_ms, code, marks, sealed: sealed.to_vec() }))
}

const fn place(key: PersonKey) -> Place {
    (key.party.0, key.request.0)
}

const fn key((party, request): Place) -> PersonKey {
    PersonKey { party: PartyId(party), request: RequestId(request) }
}

/// How many rows the tables have.
#[cfg(test)]
pub(super) fn rows(transaction: &ReadTransaction) -> Result<[u64; 4], redb::Error> {
    use redb::ReadableTableMetadata;
    Ok([
        transaction.open_table(PEOPLE)?.len()?,
        transaction.open_table(CODES)?.len()?,
        transaction.open_table(BY_TELEPHONE)?.len()?,
        transaction.open_table(BY_NAME)?.len()?,
    ])
}

/// Puts the sealed texts of two in each other's place, as a stranger might in the file.
#[cfg(test)]
pub(super) fn swap(
    transaction: &WriteTransaction,
    one: PersonKey,
    other: PersonKey,
) -> Result<(), redb::Error> {
    let mut people = transaction.open_table(PEOPLE)?;
    let missing = || redb::Error::Corrupted("nobody there".into());
    let [a, b] = [one, other].map(|key| shelved(&people, key));
    let (a, b) = (a?.ok_or_else(missing)?, b?.ok_or_else(missing)?);
    for (at, from) in [(&a, &b), (&b, &a)] {
        let Marks { telephone, name } = at.marks;
        let row = (at.since_ms, at.code.number(), telephone, name, from.sealed.as_slice());
        people.insert(place(at.key), row)?;
    }
    Ok(())
}
