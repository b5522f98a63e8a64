//! Which bookings are theirs? Lookups by code or number with the birth date, throttled by both.
//!
//! Never tells a wrong code from a wrong birth date.

use chrono::NaiveDate;

use crate::desk::{Code, Found, Gate, Telephone};
use crate::phone::port::{Answer, Appointment};
use crate::{Claim, ClaimState};

use super::Clerk;
use super::answers::answer_of_desk;

impl Clerk {
    /// Whether the caller may look again so soon, and anybody for this code or number.
    fn may_guess(&self, what: &str) -> bool {
        let throttle = &self.exchange.throttle;
        let passed = throttle.pass(Gate::Lookup, &self.who);
        passed.and_then(|()| throttle.pass(Gate::Guess, what)).is_ok()
    }

    pub(super) async fn find(&self, code: Code, birth: NaiveDate) -> Answer {
        if !self.may_guess(&code.digits()) {
            return Answer::Throttled;
        }
        match self.exchange.reception.find(code, birth).await {
            Ok(found) => self.found(&[found]),
            Err(error) => answer_of_desk(&error),
        }
    }

    pub(super) async fn find_by_telephone(
        &self,
        telephone: &Telephone,
        birth: NaiveDate,
    ) -> Answer {
        if !self.may_guess(telephone.as_str()) {
            return Answer::Throttled;
        }
        match self.exchange.reception.find_by_telephone(telephone, birth).await {
            Ok(found) => self.found(&found),
            Err(error) => answer_of_desk(&error),
        }
    }

    /// Only what can be spoken of: bookings to come.
    fn found(&self, found: &[Found]) -> Answer {
        let booked =
            |claim: &Claim| matches!(claim.state, ClaimState::Booked | ClaimState::Displaced);
        let appointments: Vec<_> = found
            .iter()
            .filter(|found| booked(&found.claim))
            .filter_map(|found| {
                let appointment = self.spoken_of(&found.claim)?;
                Some(Appointment { code: Some(found.kept.code), ..appointment })
            })
            .collect();
        if appointments.is_empty() { Answer::NotFound } else { Answer::Found(appointments) }
    }
}
