//! How did the call end? The code that it gets when the operator goes on to the next one.
//!
//! Never counts a person at the counter, nor a call in which nothing happened and of which nothing
//! was said.

use crate::Channel;
use crate::desk::{DeskError, WrapUp};
use crate::web::pages::citizen::fields::Fields;

use super::Words;
use super::call::{Call, Operator};

/// The names of the form's fields: the code, and which call it is about.
const CODE: &str = "wrap";
const CALL: &str = "call";

/// A code that can be chosen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    pub(super) name: &'static str,
    pub(super) words: &'static str,
    /// What it is unless the operator says otherwise.
    pub(super) usual: bool,
}

impl Operator {
    /// Whether this is a call, not somebody at the counter.
    pub(super) fn is_call(&self) -> bool {
        self.set.channel == Channel::PHONE || !self.call.tried.is_empty()
    }

    /// The codes to choose from; none at the counter.
    pub(super) fn endings(&self) -> Vec<Ending> {
        if !self.is_call() {
            return Vec::new();
        }
        let usual = usual(&self.call);
        let ending = |code: WrapUp| Ending {
            name: code.name(),
            words: self.w.ending(code),
            usual: usual == Some(code),
        };
        WrapUp::ALL.into_iter().map(ending).collect()
    }

    /// Counts how the call ended: as the form says, or else what was done in it.
    pub(super) async fn wrap_up(&self, fields: &Fields) -> Result<(), DeskError> {
        let about = fields.one(CALL);
        let repeated = !about.is_empty() && about != self.call.attempt.to_string();
        let said = WrapUp::from_name(fields.one(CODE));
        let Some(code) = said.or_else(|| usual(&self.call)).filter(|_| self.is_call()) else {
            return Ok(());
        };
        if repeated {
            return Ok(());
        }
        self.count(code).await
    }

    pub(super) async fn count(&self, code: WrapUp) -> Result<(), DeskError> {
        let app = &self.app;
        app.exchange.wrap_up(code).await?;
        let (now, name) = (app.engine.now(), &self.session.name);
        app.audit.note(now, name, "wrap-up", "", code.name()).await
    }
}

/// What a call came to by itself; `None` if nothing has happened in it.
fn usual(call: &Call) -> Option<WrapUp> {
    let begun = call.looked || call.hold.is_some() || !call.tried.is_empty();
    call.came_to.or_else(|| begun.then_some(WrapUp::Information))
}

impl Words {
    /// A code in words.
    pub(in crate::web::pages) fn ending(&self, code: WrapUp) -> &str {
        match code {
            WrapUp::Booked => &self.wrap_booked,
            WrapUp::Moved => &self.wrap_moved,
            WrapUp::Cancelled => &self.wrap_cancelled,
            WrapUp::Information => &self.wrap_information,
            WrapUp::CallBack => &self.wrap_call_back,
            WrapUp::NotPossible => &self.wrap_not_possible,
            WrapUp::WrongNumber => &self.wrap_wrong_number,
            WrapUp::Abandoned => &self.wrap_abandoned,
        }
    }
}
