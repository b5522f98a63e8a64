//! What place is asked for, for whom? Bodies and queries turned into the engine's words.
//!
//! Never decides whether it may be had: only what nobody could mean is refused here.

use std::time::Duration;

use chrono::NaiveDate;
use serde::{Deserialize, Deserializer, de};
use utoipa::ToSchema;

use crate::desk::{Language, Person};
use crate::web::App;
use crate::web::civil::wall;
use crate::web::guard::{Caller, Role};
use crate::web::problem::Problem;
use crate::web::refused::Wish;
use crate::web::wire;
use crate::{Ask, Channel, OfficeId, PartyId, RequestId, Services, SlotId};

use super::access::actor;

/// How several persons are seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Arrangement {
    /// All at one start, each at a desk of their own.
    #[default]
    Together,
    /// One after the other, at one desk.
    InTurn,
}

/// Whose share of the places to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChannelName {
    Web,
    Phone,
    Desk,
    Priority,
}

/// Somebody who wants a place.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Person)]
pub(crate) struct PersonSaid {
    /// As in the passport.
    #[schema(min_length = 2, max_length = 120, example = "Ana Ruiz")]
    name: String,
    /// Ten digits, or `+` and the country's code.
    #[schema(example = "+1 617 555 0134")]
    telephone: String,
    #[schema(max_length = 254, example = "ana@example.org")]
    #[serde(default)]
    email: Option<String>,
    #[schema(example = "1990-01-31")]
    birth_date: NaiveDate,
    /// How to speak to them: `es` (default) or `en`.
    #[serde(default)]
    language: Option<LanguageTag>,
}

/// A language.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Language)]
pub(crate) enum LanguageTag {
    Es,
    En,
}

/// A party key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Party(PartyId);

/// A place, and for whom.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "slot": "boston~2027-01-12~37",
    "services": ["passport"],
    "person": {
        "name": "Ana Ruiz",
        "telephone": "+1 617 555 0134",
        "birth_date": "1990-01-31",
        "language": "es"
    }
}))]
pub(crate) struct HoldAsk {
    /// From `availability`.
    #[schema(example = "boston~2027-01-12~37")]
    pub(crate) slot: String,
    /// One to four, in one visit.
    #[schema(example = json!(["passport"]), min_items = 1, max_items = 4)]
    pub(crate) services: Vec<String>,
    /// How many persons come together; 1 by default.
    #[serde(default = "one")]
    #[schema(default = 1, minimum = 1, maximum = 255)]
    pub(crate) persons: u16,
    #[serde(default)]
    #[schema(default = "together")]
    pub(crate) arrangement: Arrangement,
    /// With a key only; `web` by default.
    #[serde(default)]
    pub(crate) channel: Option<ChannelName>,
    /// With a key only, instead of `person`: who it is for, as 32 hexadecimal digits of the
    /// program's own making.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[0-9a-fA-F]{32}$")]
    pub(crate) party: Option<Party>,
    /// Who it is for.
    #[serde(default)]
    pub(crate) person: Option<PersonSaid>,
    /// How long to hold, if not as long as usual.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub(crate) ttl_seconds: Option<u32>,
    /// The id of a booking whose place this hold is to take.
    #[serde(default)]
    pub(crate) replaces: Option<String>,
    /// Staff only: take the place beyond capacity and lead time, for this reason (1 to 240 bytes).
    #[serde(default)]
    #[schema(max_length = 240)]
    pub(crate) override_reason: Option<String>,
}

/// Whom a place is for.
pub(crate) enum For {
    /// Somebody whom the calling program knows.
    Party,
    Person(Box<Person>),
}

/// A request as the engine takes it.
pub(crate) struct Asked {
    pub(crate) ask: Ask,
    pub(crate) wish: Wish,
    pub(crate) slot: SlotId,
    pub(crate) whom: For,
    pub(crate) overriding: bool,
}

impl HoldAsk {
    /// The engine's request.
    pub(crate) fn read(
        &self,
        app: &App,
        caller: &Caller,
        request: RequestId,
    ) -> Result<Asked, Problem> {
        let slot = slot(app, &self.slot)?;
        let services = services(app, self.services.iter().map(String::as_str))?;
        let channel = channel(caller, self.channel)?;
        let wish = Wish { services, persons: self.persons, in_turn: self.in_turn(), channel };
        let (party, whom) = self.whom(app, caller, slot)?;
        let mut ask = wish.ask(party, request, slot);
        if let Some(seconds) = self.ttl_seconds {
            ask = ask.ttl(Duration::from_secs(seconds.into()));
        }
        if let Some(claim) = &self.replaces {
            let claim = wire::claim_from_text(claim);
            let claim = claim.ok_or_else(|| Problem::invalid("replaces: 16 hexadecimal digits"))?;
            ask = ask.replacing(claim);
        }
        if let Some(reason) = &self.override_reason {
            if !caller.is(Role::Desk) {
                return Err(Problem::forbidden("override_reason: only staff may override"));
            }
            ask = ask.overriding(reason);
        }
        if let Some(session) = caller.session.as_ref().filter(|session| session.role >= Role::Desk)
        {
            ask = ask.actor(actor(app, session));
        }
        Ok(Asked { ask, wish, slot, whom, overriding: self.override_reason.is_some() })
    }

    const fn in_turn(&self) -> bool {
        matches!(self.arrangement, Arrangement::InTurn)
    }

    fn whom(&self, app: &App, caller: &Caller, slot: SlotId) -> Result<(PartyId, For), Problem> {
        match (&self.person, self.party) {
            (None, Some(Party(party))) if caller.is(Role::Partner) => Ok((party, For::Party)),
            (None, Some(_)) => Err(Problem::forbidden("party: only with a key; send `person`")),
            (Some(said), None) => {
                let today = wall(&app.engine, slot.day.calendar(), app.engine.now()).date_naive();
                let person = said.read(today)?;
                Ok((app.reception.party(&person), For::Person(Box::new(person))))
            }
            (Some(_), Some(_)) => Err(Problem::invalid("send `person` or `party`, not both")),
            (None, None) => Err(Problem::invalid("send `person`: who it is for")),
        }
    }
}

impl PersonSaid {
    fn read(&self, today: NaiveDate) -> Result<Person, Problem> {
        let language = match self.language {
            Some(LanguageTag::En) => Language::En,
            Some(LanguageTag::Es) | None => Language::Es,
        };
        let email = self.email.as_deref().unwrap_or_default();
        Person::new(&self.name, &self.telephone, email, self.birth_date, language, today)
            .map_err(|error| Problem::invalid(format!("person: {error}")))
    }
}

/// A slot by its id.
pub(super) fn slot(app: &App, text: &str) -> Result<SlotId, Problem> {
    wire::slot_from_text(&app.engine, text)
        .ok_or_else(|| Problem::invalid("slot: there is none of that id; ask for availability"))
}

/// One to four services by their keys.
pub(super) fn services<'a>(
    app: &App,
    keys: impl Iterator<Item = &'a str>,
) -> Result<Services, Problem> {
    let mut all: Option<Services> = None;
    for key in keys {
        let service = app.engine.service(key);
        let service = service.ok_or_else(|| {
            Problem::invalid("services: there is none of that key; see /v1/services")
        })?;
        all = Some(match all {
            None => Services::one(service),
            Some(services) => services
                .with(service)
                .ok_or_else(|| Problem::invalid("services: at most four in one visit"))?,
        });
    }
    all.ok_or_else(|| Problem::invalid("services: name at least one"))
}

/// Offices by their keys, divided by commas.
pub(super) fn offices(app: &App, keys: &str) -> Result<Vec<OfficeId>, Problem> {
    keys.split(',').map(|key| office(app, key.trim())).collect()
}

/// An office by its key.
pub(super) fn office(app: &App, key: &str) -> Result<OfficeId, Problem> {
    let office = app.engine.office(key);
    office.ok_or_else(|| Problem::invalid("office: there is none of that key; see /v1/offices"))
}

/// The channel of a caller: whoever has no key is on the web.
pub(super) fn channel(caller: &Caller, named: Option<ChannelName>) -> Result<Channel, Problem> {
    let channel = match named {
        None | Some(ChannelName::Web) => return Ok(Channel::WEB),
        Some(ChannelName::Phone) => Channel::PHONE,
        Some(ChannelName::Desk) => Channel::DESK,
        Some(ChannelName::Priority) => Channel::PRIORITY,
    };
    if caller.is(Role::Partner) {
        Ok(channel)
    } else {
        Err(Problem::forbidden("channel: without a key it is `web`"))
    }
}

pub(super) const fn one() -> u16 {
    1
}

impl<'de> Deserialize<'de> for Party {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;

        impl de::Visitor<'_> for Digits {
            type Value = Party;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("32 hexadecimal digits")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Party, E> {
                let party = wire::party_from_text(text);
                party
                    .map(Party)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Other("text"), &self))
            }
        }

        deserializer.deserialize_str(Digits)
    }
}
