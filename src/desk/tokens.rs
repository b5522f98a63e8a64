//! What does an opaque token stand for? Values kept for a short while under a random name.
//!
//! Never on disk; never more than a bounded number.

use std::marker::PhantomData;
use std::time::Duration;

/// Values of one kind by token.
#[derive(Debug)]
pub struct Tokens<T> {
    _of: PhantomData<T>,
}

impl<T: Clone + Send> Tokens<T> {
    /// At most `most` values, each for `ttl` since it was last touched; the oldest goes first.
    pub fn new(_most: usize, _ttl: Duration) -> Self {
        unimplemented!()
    }

    /// Keeps a value; the token has 128 random bits, 22 letters and digits.
    pub fn put(&self, _value: T) -> String {
        unimplemented!()
    }

    /// The value, if it is still there.
    pub fn get(&self, _token: &str) -> Option<T> {
        unimplemented!()
    }

    /// Puts another value in its place; false if it is gone.
    pub fn set(&self, _token: &str, _value: T) -> bool {
        unimplemented!()
    }

    /// Takes the value out.
    pub fn take(&self, _token: &str) -> Option<T> {
        unimplemented!()
    }
}
