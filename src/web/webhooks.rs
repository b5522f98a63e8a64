//! How do other programs learn what happened? Signed webhooks, retried until they are taken.
//!
//! Never changes anything.
