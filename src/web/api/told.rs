//! How is a claim told? The JSON of holds and bookings.
//!
//! Never shows a person to anybody but staff and whoever has the place.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::desk::{Kept, Person};
use crate::web::App;
use crate::web::civil::Moment;
use crate::web::problem::Problem;
use crate::web::refused::office_key;
use crate::web::wire;
use crate::{Arrangement, Claim, ClaimId, ClaimState};

use super::access::{Reached, Standing};

/// A hold or a booking.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Claim)]
pub(crate) struct ClaimTold {
    /// The same from the first hold to the end, also when the booking moves.
    #[serde(serialize_with = "digits")]
    #[schema(value_type = String, example = "0040000010000001")]
    id: ClaimId,
    /// `held`, `booked`, `checked_in`, `served`, `no_show`, `cancelled`, `displaced`, `released`,
    /// `expired` or `revoked`.
    state: &'static str,
    #[schema(example = "boston~2027-01-12~37")]
    slot: String,
    #[schema(example = "boston")]
    office: String,
    services: Vec<String>,
    /// When it starts; missing once the day has left memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    starts: Option<Moment>,
    persons: u8,
    /// `together` or `in_turn`.
    arrangement: &'static str,
    channel: &'static str,
    /// Rises with every move; also the `ETag`, to be sent as `If-Match`.
    version: u16,
    /// Holds only: when it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
    /// Holds only: what the service's clock shows, to count down from.
    #[serde(skip_serializing_if = "Option::is_none")]
    server_now: Option<DateTime<Utc>>,
    /// Whoever shows it as `Booking-Secret` may change the claim. Told when the claim is made, and
    /// to whoever comes with code and birth date.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// The booking code, for people; missing for parties of programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "123 456 782")]
    code: Option<String>,
    /// To staff and to whoever has the place.
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<PersonTold>,
}

/// Somebody who has a place.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PersonTold)]
pub(crate) struct PersonTold {
    name: String,
    telephone: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    birth_date: NaiveDate,
    language: &'static str,
}

impl ClaimTold {
    /// What anybody may see who may see the claim at all.
    pub(crate) fn new(app: &App, claim: &Claim) -> Self {
        let engine = &*app.engine;
        let calendar = claim.slot.day.calendar();
        let key = |service: &crate::ServiceId| engine.service_key(*service).unwrap_or_default();
        let held = claim.state == ClaimState::Held;
        Self {
            id: claim.id,
            state: claim.state.name(),
            slot: wire::slot_to_text(engine, claim.slot),
            office: office_key(engine, calendar),
            services: claim.services.as_slice().iter().map(key).collect(),
            starts: claim.starts_at.map(|at| Moment::new(engine, calendar, at)),
            persons: claim.persons,
            arrangement: match claim.arrangement {
                Arrangement::Together => "together",
                Arrangement::InTurn => "in_turn",
            },
            channel: claim.channel.name(),
            version: claim.version,
            expires_at: claim.deadline,
            server_now: held.then(|| engine.now()),
            secret: None,
            code: None,
            person: None,
        }
    }

    /// With the secret of the claim.
    #[must_use]
    pub(crate) fn with_secret(mut self, app: &App) -> Self {
        self.secret = Some(app.reception.secret(self.id));
        self
    }

    /// With the booking code.
    #[must_use]
    pub(crate) fn with_code(mut self, code: crate::desk::Code) -> Self {
        self.code = Some(code.to_string());
        self
    }

    /// With the person.
    #[must_use]
    pub(crate) fn with_person(self, kept: &Kept) -> Self {
        Self { person: Some(PersonTold::new(&kept.person)), ..self.with_code(kept.code) }
    }

    /// What `reached` may see of a claim.
    pub(crate) fn seen(app: &App, claim: &Claim, reached: &Reached) -> Result<Self, Problem> {
        let told = Self::new(app, claim);
        Ok(match (&reached.standing, &reached.found) {
            (Standing::Partner, _) => told,
            (Standing::Holder, Some(found)) => told.with_person(&found.kept).with_secret(app),
            (Standing::Staff(_), Some(found)) => told.with_person(&found.kept),
            (_, None) => match app.reception.person_of(claim)? {
                Some(kept) => told.with_person(&kept),
                None => told,
            },
        })
    }

    /// Its version as an `ETag`.
    pub(crate) fn tag(&self) -> String {
        format!("\"{}\"", self.version)
    }
}

impl PersonTold {
    fn new(person: &Person) -> Self {
        Self {
            name: person.name.clone(),
            telephone: person.telephone.as_str().to_owned(),
            email: person.email.clone(),
            birth_date: person.birth,
            language: person.language.tag(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn digits<S: Serializer>(id: &ClaimId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}
