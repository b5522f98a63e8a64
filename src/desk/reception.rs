//! How do a person and a place come together? In one order, whatever crashes.
//!
//! The person is durable first, under party and request; then the engine holds or books. So a
//! claim always has its person, and a person without a claim is swept. Never decides about places.

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;

use crate::{Ask, Claim, ClaimId, Engine, PartyId, Receipt};

use super::{Code, DeskError, Kept, People, Person, Secrets, Store, Telephone};

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
#[derive(Debug)]
pub struct Reception {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The people.
    pub people: People,
    /// The keys.
    pub secrets: Secrets,
}

impl Reception {
    /// On an engine and a store.
    pub fn new(engine: Arc<Engine>, store: Arc<Store>, secrets: Secrets) -> Self {
        let people = People::new(store, secrets.clone());
        Self { engine, people, secrets }
    }

    /// The party of a person.
    pub fn party(&self, person: &Person) -> PartyId {
        self.secrets.party(&person.identity())
    }

    /// Keeps the person, then asks the engine for a hold.
    ///
    /// # Errors
    /// What the engine says (the person is swept later), or the store.
    pub async fn hold(&self, _ask: &Ask, _person: &Person) -> Result<Held, DeskError> {
        unimplemented!()
    }

    /// Keeps the person, then books at once (staff).
    ///
    /// # Errors
    /// As [`Reception::hold`].
    pub async fn book(&self, _ask: &Ask, _person: &Person) -> Result<Held, DeskError> {
        unimplemented!()
    }

    /// The person of a claim, if one is kept (callers with a party key of their own have none).
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub fn person_of(&self, _claim: &Claim) -> Result<Option<Kept>, DeskError> {
        unimplemented!()
    }

    /// By code and birth date. Whoever calls throttles by code and by caller first.
    ///
    /// # Errors
    /// [`DeskError::NotFound`], the same whichever of the two is wrong.
    pub async fn find(&self, _code: Code, _birth: NaiveDate) -> Result<Found, DeskError> {
        unimplemented!()
    }

    /// By telephone and birth date: claims that are still to come, soonest first.
    ///
    /// # Errors
    /// [`DeskError::NotFound`].
    pub async fn find_by_telephone(
        &self,
        _telephone: &Telephone,
        _birth: NaiveDate,
    ) -> Result<Vec<Found>, DeskError> {
        unimplemented!()
    }

    /// For staff: a code, a telephone number, or a name and a birth date (`Ana Ruiz 1990-01-31`).
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn search(&self, _text: &str) -> Result<Vec<Found>, DeskError> {
        unimplemented!()
    }

    /// The secret of a claim, which whoever holds it shows later; 22 letters and digits.
    pub fn secret(&self, _claim: ClaimId) -> String {
        unimplemented!()
    }

    /// Whether that is the claim's secret, in constant time.
    pub fn knows(&self, _claim: ClaimId, _secret: &str) -> bool {
        unimplemented!()
    }

    /// Forgets people without a claim, `grace` after they came. Run it now and then.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn sweep(&self, _grace: Duration) -> Result<usize, DeskError> {
        unimplemented!()
    }
}
