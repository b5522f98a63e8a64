//! What does an opaque token stand for? Values kept for a short while under a random name.
//!
//! Never on disk; never more than a bounded number.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::{Clock, SystemClock, Time};

use super::random;

/// Values of one kind by token.
pub struct Tokens<T> {
    most: usize,
    ttl_ms: u64,
    clock: Arc<dyn Clock>,
    shelf: Mutex<Shelf<T>>,
}

/// The values, and their order by last touch.
struct Shelf<T> {
    values: HashMap<String, Value<T>>,
    order: BTreeMap<u64, String>,
    touches: u64,
}

struct Value<T> {
    of: T,
    /// The number of its last touch.
    touch: u64,
    until: Time,
}

impl<T: Clone + Send> Tokens<T> {
    /// At most `most` values, each for `ttl` since it was last touched; the oldest goes first.
    pub fn new(most: usize, ttl: Duration) -> Self {
        Self::on(SystemClock::new(), most, ttl)
    }

    /// The same on another clock, for tests.
    pub fn on(clock: impl Clock, most: usize, ttl: Duration) -> Self {
        let shelf = Shelf { values: HashMap::new(), order: BTreeMap::new(), touches: 0 };
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        Self { most: most.max(1), ttl_ms, clock: Arc::new(clock), shelf: Mutex::new(shelf) }
    }

    /// Keeps a value; the token has 128 random bits, 22 letters and digits.
    pub fn put(&self, value: T) -> String {
        let token = random::name();
        let now = self.now();
        let mut shelf = self.shelf.lock();
        shelf.tidy(now);
        while shelf.values.len() >= self.most && shelf.drop_oldest() {}
        shelf.put(token.clone(), value, now.plus(self.ttl_ms));
        token
    }

    /// The value, if it is still there.
    pub fn get(&self, token: &str) -> Option<T> {
        let now = self.now();
        let mut shelf = self.shelf.lock();
        let value = shelf.take(token, now)?;
        shelf.put(token.to_owned(), value.clone(), now.plus(self.ttl_ms));
        Some(value)
    }

    /// Puts another value in its place; false if it is gone.
    pub fn set(&self, token: &str, value: T) -> bool {
        let now = self.now();
        let mut shelf = self.shelf.lock();
        let there = shelf.take(token, now).is_some();
        if there {
            shelf.put(token.to_owned(), value, now.plus(self.ttl_ms));
        }
        there
    }

    /// Takes the value out.
    pub fn take(&self, token: &str) -> Option<T> {
        self.shelf.lock().take(token, self.now())
    }

    fn now(&self) -> Time {
        Time::from(self.clock.now())
    }
}

impl<T> Shelf<T> {
    fn put(&mut self, token: String, value: T, until: Time) {
        self.touches += 1;
        self.order.insert(self.touches, token.clone());
        self.values.insert(token, Value { of: value, touch: self.touches, until });
    }

    fn take(&mut self, token: &str, now: Time) -> Option<T> {
        let found = self.values.remove(token)?;
        self.order.remove(&found.touch);
        (now < found.until).then_some(found.of)
    }

    /// Drops what is over; all have the same time, so the oldest are over first.
    fn tidy(&mut self, now: Time) {
        let over = |shelf: &Self| {
            let (_, token) = shelf.order.first_key_value()?;
            Some(shelf.values.get(token)?.until <= now)
        };
        while over(self) == Some(true) && self.drop_oldest() {}
    }

    fn drop_oldest(&mut self) -> bool {
        let oldest = self.order.pop_first();
        oldest.is_some_and(|(_, token)| self.values.remove(&token).is_some())
    }
}

impl<T> fmt::Debug for Tokens<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("most", &self.most).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ManualClock;

    const TTL: Duration = Duration::from_mins(1);

    #[test]
    fn a_value_is_there_until_it_was_not_touched_for_its_time() {
        let clock = ManualClock::default();
        let tokens = Tokens::on(clock.clone(), 10, TTL);
        let token = tokens.put("a");
        assert_eq!(token.len(), 22);
        for _ in 0..3 {
            clock.advance(Duration::from_millis(59_999));
            assert_eq!(tokens.get(&token), Some("a"));
        }
        assert!(tokens.set(&token, "b"));
        clock.advance(TTL);
        assert_eq!(tokens.get(&token), None);
        assert!(!tokens.set(&token, "c"));
    }

    #[test]
    fn a_value_is_taken_once() {
        let tokens = Tokens::new(10, TTL);
        let token = tokens.put(7);
        assert_eq!((tokens.take(&token), tokens.take(&token)), (Some(7), None));
        assert_eq!(tokens.get("no such token"), None);
    }

    #[test]
    fn there_are_never_more_than_the_bound_and_the_oldest_goes_first() {
        let tokens = Tokens::new(3, TTL);
        let all: Vec<String> = (0..3).map(|n| tokens.put(n)).collect();
        assert_eq!(tokens.get(&all[0]), Some(0)); // Touched, so 1 is the oldest.
        let last = tokens.put(3);
        let left: Vec<_> = all.iter().chain([&last]).map(|token| tokens.get(token)).collect();
        assert_eq!(left, [Some(0), None, Some(2), Some(3)]);
    }

    #[test]
    fn what_is_over_takes_no_room() {
        let clock = ManualClock::default();
        let tokens = Tokens::on(clock.clone(), 1_000, TTL);
        (0..1_000).for_each(|n| drop(tokens.put(n)));
        clock.advance(TTL);
        tokens.put(0);
        let shelf = tokens.shelf.lock();
        assert_eq!((shelf.values.len(), shelf.order.len()), (1, 1));
    }
}
