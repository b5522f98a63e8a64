//! How does somebody with nothing but a telephone book a place?
//!
//! A dialogue without any I/O, and two ways to speak it: `FastAGI`, for a PBX on the same machine
//! or a private network, and `TwiML`, for a platform that calls us over HTTP. Never decides about
//! a place: that is the engine's; never knows a page or a route: the web adapter mounts it.

mod call;
mod clerk;
mod clip;
mod dialogue;
mod exchange;
pub mod fastagi;
mod listing;
mod measure;
mod port;
mod sessions;
mod settings;
pub mod signature;
pub mod twiml;
mod words;

pub use call::{Call, Patience};
pub use clerk::Clerk;
pub use clip::{Clip, Keys, Step, Then};
pub use dialogue::{Dialogue, Event, Outcome, Part, State, Turn};
pub use exchange::Exchange;
pub use listing::{Listing, Named, Zips};
pub use measure::{Measured, Measures};
pub use port::{Answer, Answering, Appointment, Desk, Handing, Request, Wish};
pub use sessions::{Heard, Sessions};
pub use settings::{Hours, Phone, PhoneError};
pub use words::{Phrase, WORDS_PER_MINUTE, Words, sound, tenths};
