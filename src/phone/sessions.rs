//! Which call is a webhook about, and was it answered before? The calls of a platform by name.
//!
//! A repeated webhook gets the same document and does nothing. A call that nobody hears of any
//! more is ended, and what it held goes back.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio::sync::Mutex;

use crate::Time;
use crate::desk::{Language, Telephone};

use super::call::Call;
use super::clip::{Step, Then};
use super::dialogue::Event;
use super::exchange::Exchange;
use super::twiml;

/// A call of which nothing was heard for so long is over.
const QUIET: Duration = Duration::from_mins(3);

/// The calls of a platform.
#[derive(Debug)]
pub struct Sessions {
    exchange: Exchange,
    /// The address of the next step, up to its number.
    base: String,
    calls: DashMap<String, Session>,
}

#[derive(Clone, Debug)]
struct Session {
    state: Arc<Mutex<State>>,
    heard: Time,
}

#[derive(Debug)]
struct State {
    call: Option<Call>,
    /// The number of the next webhook.
    next: u32,
    /// The last document.
    last: String,
    /// Under which the call was handed over.
    token: Option<String>,
}

/// A webhook that was found to be the platform's.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// The platform's name of the call.
    pub call: String,
    /// The number in the address; none in the first.
    pub number: u32,
    /// The number the call comes from.
    pub from: Option<Telephone>,
    /// The keys, if the platform sent any, even none.
    pub keys: Option<String>,
    /// Whether only a moment has passed.
    pub waited: bool,
}

impl Sessions {
    /// Of an exchange; `base` is the public address of the webhook.
    pub fn new(exchange: Exchange, base: &str) -> Self {
        Self { exchange, base: base.to_owned(), calls: DashMap::new() }
    }

    /// The document for a webhook; `None` if it cannot be about a call of ours.
    pub async fn answer(&self, heard: Heard) -> Option<String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        let named = (1..=128).contains(&heard.call.len()) && heard.call.chars().all(plain);
        if !named {
            return None;
        }
        let session = self.session(&heard)?;
        let mut state = session.lock().await;
        if heard.number < state.next {
            // Repeated: it was carried out.
            let again = heard.number + 1 == state.next;
            return again.then(|| state.last.clone());
        }
        if heard.number > state.next {
            return None;
        }
        let call = state.call.as_mut()?;
        let step = if heard.number == 0 {
            call.start(heard.from).await
        } else {
            call.step(event(heard.keys, heard.waited)).await
        };
        state.next += 1;
        let over = matches!(step.then, Then::Bye | Then::Operator(_));
        if let Then::Operator(token) = &step.then {
            state.token.clone_from(token);
        }
        state.last = self.document(&step, state.next);
        if over {
            // Its name stays for a while, so that a repeat finds the document.
            state.call = None;
        }
        Some(state.last.clone())
    }

    fn document(&self, step: &Step, next: u32) -> String {
        let next = format!("{}?n={next}", self.base);
        twiml::document(step, &self.exchange.listing(), &self.exchange.settings, &next)
    }

    fn session(&self, heard: &Heard) -> Option<Arc<Mutex<State>>> {
        let now = self.now();
        let room = self.calls.len() < self.exchange.settings.calls_max;
        match self.calls.entry(heard.call.clone()) {
            Entry::Occupied(mut session) => {
                session.get_mut().heard = now;
                Some(Arc::clone(&session.get().state))
            }
            Entry::Vacant(entry) if heard.number == 0 && room => {
                let from = heard.from.as_ref();
                let call = self.exchange.call(&heard.call, from, Language::default());
                let call = Some(call);
                let state = State { call, next: 0, last: String::new(), token: None };
                let state = Arc::new(Mutex::new(state));
                entry.insert(Session { state: Arc::clone(&state), heard: now });
                Some(state)
            }
            Entry::Vacant(_) => None,
        }
    }

    /// The platform says that a call is over.
    pub async fn ended(&self, call: &str) {
        let session = self.calls.remove(call);
        if let Some((_, session)) = session {
            // Waits for what is under way; then the call goes, and what it held.
            let mut state = session.state.lock().await;
            state.call = None;
            let handed = state.token.take().and_then(|token| self.exchange.hand_offs.get(&token));
            if let Some(handed) = handed {
                self.exchange.give_back(&handed).await;
            }
        }
    }

    /// Ends calls of which nothing was heard. Run it now and then.
    pub fn tidy(&self) {
        let now = self.now();
        let quiet_ms = u64::try_from(QUIET.as_millis()).unwrap_or(u64::MAX);
        self.calls.retain(|_, session| now < session.heard.plus(quiet_ms));
    }

    /// How many calls are known.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Ends all calls.
    pub fn clear(&self) {
        self.calls.clear();
    }

    fn now(&self) -> Time {
        Time::from(self.exchange.engine().now())
    }
}

/// What the keys of a webhook come to.
fn event(keys: Option<String>, waited: bool) -> Event {
    match keys {
        _ if waited => Event::Waited,
        None => Event::Silence,
        Some(keys) => {
            let typed = keys.trim_end_matches('#');
            let kept = typed.rsplit('*').next().unwrap_or_default();
            // Taken back in part: the question is asked again.
            if typed.contains('*') { Event::Keys("*".to_owned()) } else { Event::Keys(kept.into()) }
        }
    }
}
