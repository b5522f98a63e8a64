//! Whom does a change hit? Claims as staff read them in a list.
//!
//! Never tells who they are: that is asked for by itself, and noted.

use serde::Serialize;
use utoipa::ToSchema;

use crate::web::civil::Moment;
use crate::web::problem::Problem;
use crate::web::wire;
use crate::{Claim, ClaimId, Engine, Error};

/// A claim that a change hits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Affected {
    /// 16 hexadecimal digits.
    pub(crate) claim: String,
    /// `held`, `booked` and so on.
    pub(crate) state: String,
    pub(crate) slot: String,
    pub(crate) calendar: String,
    /// When it starts; absent once its day has left memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) starts: Option<Moment>,
    pub(crate) services: Vec<String>,
    pub(crate) persons: u8,
    pub(crate) channel: String,
}

impl Affected {
    pub(crate) fn new(engine: &Engine, claim: &Claim) -> Self {
        let calendar = claim.slot.day.calendar();
        let services = claim.services.as_slice().iter();
        Self {
            claim: claim.id.to_string(),
            state: claim.state.name().to_owned(),
            slot: wire::slot_to_text(engine, claim.slot),
            calendar: wire::calendar_key(engine, calendar),
            starts: claim.starts_at.map(|at| Moment::new(engine, calendar, at)),
            services: services.map(|id| engine.service_key(*id).unwrap_or_default()).collect(),
            persons: claim.persons,
            channel: claim.channel.name().to_owned(),
        }
    }
}

/// The claims of a list that are still there.
pub(crate) async fn affected(engine: &Engine, ids: &[ClaimId]) -> Result<Vec<Affected>, Problem> {
    let mut list = Vec::with_capacity(ids.len());
    for id in ids {
        match engine.claim(*id).await {
            Ok(claim) => list.push(Affected::new(engine, &claim)),
            Err(Error::Rejected(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(list)
}
