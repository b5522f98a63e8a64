//! How do a person and a place come together? In one order, whatever crashes.
//!
//! The person is durable first, under party and request; then the engine holds or books. So a
//! claim always has its person, and a person without a claim is swept. Never decides about places.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Datelike, NaiveDate};
use parking_lot::Mutex;
use subtle::ConstantTimeEq;

use crate::{Ask, Claim, ClaimId, Engine, PartyId, Receipt, RequestId};

use super::secrets::{Signer, half};
use super::{
    Code, DeskError, Identity, Kept, People, Person, PersonKey, Secrets, Store, Telephone, random,
};

/// A hold or booking together with the person's code.
#[derive(Clone, Debug)]
pub struct Held {
    /// The engine's answer.
    pub receipt: Receipt,
    /// The booking code.
    pub code: Code,
}

/// A claim and its person.
#[derive(Clone, Debug)]
pub struct Found {
    /// The claim as it stands.
    pub claim: Claim,
    /// Who has it.
    pub kept: Kept,
}

/// Where people and places come together.
///
/// Why nobody is swept whose place is being asked for: who is between the two steps is counted as
/// coming; who was put again after the sweep had looked is younger than what it forgets, which is
/// checked once more in the transaction that forgets.
#[derive(Debug)]
pub struct Reception {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The people.
    pub people: People,
    /// The keys.
    pub secrets: Secrets,
    claims: Signer,
    requests: Signer,
    /// How often each is between being kept and the engine's answer.
    coming: Mutex<HashMap<PersonKey, usize>>,
}

impl Reception {
    /// On an engine and a store.
    pub fn new(engine: Arc<Engine>, store: Arc<Store>, secrets: Secrets) -> Self {
        let people = People::new(store, secrets.clone());
        let (claims, requests) = (secrets.signer("claim"), secrets.signer("request"));
        Self { engine, people, secrets, claims, requests, coming: Mutex::default() }
    }

    /// The party of a person.
    pub fn party(&self, person: &Person) -> PartyId {
        self.secrets.party(&person.identity())
    }

    /// Keeps the person, then asks the engine for a hold. The ask's party is the person's
    /// ([`Reception::party`]).
    ///
    /// # Errors
    /// What the engine says (the person is swept later), or the store.
    pub async fn hold(&self, ask: &Ask, person: &Person) -> Result<Held, DeskError> {
        let coming = self.come(ask);
        let code = self.people.put(coming.key, person, self.engine.now()).await?;
        let receipt = self.engine.hold(ask).await?;
        Ok(Held { receipt, code })
    }

    /// Keeps the person, then books at once (staff).
    ///
    /// # Errors
    /// As [`Reception::hold`].
    pub async fn book(&self, ask: &Ask, person: &Person) -> Result<Held, DeskError> {
        let coming = self.come(ask);
        let code = self.people.put(coming.key, person, self.engine.now()).await?;
        let receipt = self.engine.book(ask).await?;
        Ok(Held { receipt, code })
    }

    /// The person of a claim, if one is kept (callers with a party key of their own have none).
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub fn person_of(&self, claim: &Claim) -> Result<Option<Kept>, DeskError> {
        self.people.get(key_of(claim))
    }

    /// By code and birth date. Whoever calls throttles by code and by caller first.
    ///
    /// # Errors
    /// [`DeskError::NotFound`], the same whichever of the two is wrong.
    pub async fn find(&self, code: Code, birth: NaiveDate) -> Result<Found, DeskError> {
        let kept = self.people.by_code(code)?.filter(|kept| same(kept.person.birth, birth));
        let kept = kept.ok_or(DeskError::NotFound)?;
        let claim = self.claim_of(kept.key).await?.ok_or(DeskError::NotFound)?;
        Ok(Found { claim, kept })
    }

    /// By telephone and birth date: claims that are still to come, soonest first.
    ///
    /// # Errors
    /// [`DeskError::NotFound`].
    pub async fn find_by_telephone(
        &self,
        telephone: &Telephone,
        birth: NaiveDate,
    ) -> Result<Vec<Found>, DeskError> {
        let party = self.secrets.party(&Identity { telephone: telephone.clone(), birth });
        let mut found = Vec::new();
        for claim in self.engine.claims_of(party).await? {
            if claim.state.is_active()
                && let Some(kept) = self.person_of(&claim)?
            {
                found.push(Found { claim, kept });
            }
        }
        found.sort_by_key(|found| found.claim.starts_at);
        if found.is_empty() { Err(DeskError::NotFound) } else { Ok(found) }
    }

    /// For staff: a code, a telephone number, or a name and a birth date (`Ana Ruiz 1990-01-31`).
    /// Newest first; people without a claim are left out.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn search(&self, text: &str) -> Result<Vec<Found>, DeskError> {
        let text = text.trim();
        let mut people = Vec::new();
        if let Ok(code) = text.parse::<Code>() {
            people.extend(self.people.by_code(code)?);
        }
        // Some numbers could be either.
        if people.is_empty()
            && let Ok(telephone) = Telephone::parse(text)
        {
            people = self.people.by_telephone(&telephone)?;
        } else if let Some((name, birth)) = text.rsplit_once(char::is_whitespace)
            && let Ok(birth) = birth.parse()
        {
            people = self.people.by_name(name, birth)?;
        }
        let mut found = Vec::new();
        for kept in people {
            if let Some(claim) = self.claim_of(kept.key).await? {
                found.push(Found { claim, kept });
            }
        }
        Ok(found)
    }

    /// The request id that a caller's own key of a request stands for.
    pub fn request(&self, key: &[u8]) -> RequestId {
        RequestId(half(self.requests.sign(key)))
    }

    /// The secret of a claim, which whoever holds it shows later; 22 letters and digits.
    pub fn secret(&self, claim: ClaimId) -> String {
        random::letters(half(self.claims.sign(&claim.to_u64().to_be_bytes())))
    }

    /// Whether that is the claim's secret, in constant time.
    pub fn knows(&self, claim: ClaimId, secret: &str) -> bool {
        self.secret(claim).as_bytes().ct_eq(secret.as_bytes()).into()
    }

    /// Forgets people without a claim, `grace` after they came; tells how many. Run it now and
    /// then, not all the time: it walks through everybody. The grace is for callers that put
    /// people and ask the engine by themselves.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn sweep(&self, grace: Duration) -> Result<usize, DeskError> {
        let before = self
            .engine
            .now()
            .checked_sub_signed(chrono::Duration::from_std(grace).unwrap_or(chrono::Duration::MAX));
        let before = before.unwrap_or(DateTime::UNIX_EPOCH);
        let mut next = Some(PersonKey { party: PartyId(0), request: RequestId(0) });
        let mut forgotten = 0;
        while let Some(from) = next {
            let (old, then) = self.people.older(before, from)?;
            let mut gone = Vec::new();
            for key in old {
                // In this order: who leaves the coming has a claim by then, or never will.
                let coming = self.coming.lock().contains_key(&key);
                if !coming && self.claim_of(key).await?.is_none() {
                    gone.push(key);
                }
            }
            forgotten += self.people.forget_older(gone, before).await?;
            next = then;
            tokio::task::yield_now().await;
        }
        Ok(forgotten)
    }

    /// The claim that a person came for: an active one rather than an ended one, the newest.
    async fn claim_of(&self, key: PersonKey) -> Result<Option<Claim>, DeskError> {
        let claims = self.engine.claims_of(key.party).await?;
        let own = claims.into_iter().filter(|claim| claim.request == key.request);
        Ok(own.min_by_key(|claim| !claim.state.is_active()))
    }

    fn come(&self, ask: &Ask) -> Coming<'_> {
        let key = PersonKey { party: ask.party(), request: ask.request() };
        *self.coming.lock().entry(key).or_default() += 1;
        Coming { reception: self, key }
    }
}

/// Somebody between being kept and the engine's answer, also if the caller gives up waiting.
struct Coming<'a> {
    reception: &'a Reception,
    key: PersonKey,
}

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        let mut coming = self.reception.coming.lock();
        if let Some(count) = coming.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                coming.remove(&self.key);
            }
        }
    }
}

const fn key_of(claim: &Claim) -> PersonKey {
    PersonKey { party: claim.party, request: claim.request }
}

/// Whether two dates are one, in constant time.
fn same(one: NaiveDate, other: NaiveDate) -> bool {
    one.num_days_from_ce().ct_eq(&other.num_days_from_ce()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::MasterKey;

    fn reception() -> Reception {
        let store = Arc::new(Store::in_memory().unwrap());
        let engine = Arc::new(Engine::in_memory().unwrap());
        Reception::new(engine, store, Secrets::new(&MasterKey::new([1; 32])))
    }

    #[test]
    fn a_secret_is_22_letters_and_opens_its_own_claim_only() {
        let reception = reception();
        let [one, other] = [7, 8].map(ClaimId::from_u64);
        let secret = reception.secret(one);
        assert_eq!(secret.len(), 22);
        assert!(secret.bytes().all(|letter| letter.is_ascii_alphanumeric()));
        assert!(reception.knows(one, &secret));
        assert!(!reception.knows(other, &secret));
        for wrong in ["", &secret[1..], &format!("{secret}0"), &secret.to_lowercase()] {
            assert!(!reception.knows(one, wrong), "{wrong}");
        }
    }

    #[test]
    fn nothing_here_ties_a_caller_to_a_thread() {
        fn sendable<T: Send>(_: T) {}
        let reception = reception();
        let telephone = Telephone::parse("2025550143").unwrap();
        sendable(reception.find(Code::from_number(1).unwrap(), NaiveDate::MIN));
        sendable(reception.find_by_telephone(&telephone, NaiveDate::MIN));
        sendable(reception.search(""));
        sendable(reception.sweep(Duration::MAX));
    }
}
