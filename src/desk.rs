//! Who is it, by which code do they come back, and may they ask again so soon?
//!
//! What the adapters share: people (encrypted, deletable), booking codes, throttles, tokens, the
//! audit of what staff did, calls on their way to an operator, and the one order in which a person
//! and a booking come into being.
//! Never decides about a place: that is the engine's; never knows HTTP or telephony.

mod audit;
mod call_backs;
mod code;
mod error;
mod hand_off;
mod language;
mod people;
mod person;
mod random;
mod reception;
mod secrets;
mod spoken;
mod store;
mod throttle;
mod tokens;
mod wrap_up;

pub use audit::{Audit, Deed};
pub use call_backs::{CallBack, CallBacks, Waiting};
pub use code::Code;
pub use error::DeskError;
pub use hand_off::{HandOff, HandOffs, IdentityLevel};
pub use language::Language;
pub use people::{Kept, People, PersonKey};
pub use person::{Identity, Person, PersonError, Telephone};
pub use reception::{Found, Held, Reception};
pub use secrets::{MasterKey, Secrets};
pub use spoken::Spoken;
pub use store::Store;
pub use throttle::{Gate, Throttle};
pub use tokens::Tokens;
pub use wrap_up::{WrapUp, WrapUps};
