//! What is said next? The whole conversation of a call, as a machine of states.
//!
//! An event goes in, and out comes what to say or what to ask the desk. Never does any I/O, never
//! asks for the time, never waits.

mod found;
mod memo;
mod place;
mod prompt;
mod state;
#[cfg(test)]
mod tests;
mod visit;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::desk::{HandOff, IdentityLevel, Language, Telephone};

use super::clip::{Clip, Step, Then};
use super::listing::Listing;
use super::port::{Answer, Appointment, Handing, Request};
use super::words::Phrase;

use memo::{Memo, Why};
use state::Task;
pub use state::{Outcome, Part, State};

/// Answers in a row that are not understood before an operator takes over.
const STRIKES: u8 = 3;

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It begins; the number it comes from is a hint, never a proof.
    Start(Option<Telephone>),
    /// Keys, as many as were asked for, or fewer and then `#` or a long wait. All digits since the
    /// last `*`; a `*` at the end means that all was taken back.
    Keys(String),
    /// Nothing was pressed.
    Silence,
    /// What the desk says to the request.
    Answer(Answer),
    /// The desk took too long.
    Late,
    /// A moment has passed (see [`Then::Wait`]).
    Waited,
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Say this.
    Say(Step),
    /// Ask the desk; its answer, or that it is late, is the next event.
    Ask(Request),
}

/// A conversation.
#[derive(Clone)]
pub struct Dialogue {
    listing: Arc<Listing>,
    memo: Memo,
}

impl std::fmt::Debug for Dialogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialogue").field("state", &self.memo.state).finish_non_exhaustive()
    }
}

impl Dialogue {
    /// A new one.
    pub fn new(listing: Arc<Listing>, language: Language) -> Self {
        Self { listing, memo: Memo::new(language) }
    }

    /// The place that is held for the caller at present.
    pub fn held(&self) -> Option<&Appointment> {
        self.memo.held.as_ref()
    }

    /// When the place was first held, for how long it may be kept.
    pub fn held_since(&self) -> Option<DateTime<Utc>> {
        self.memo.held_since.map(memo::Since::utc)
    }

    /// The question that is open.
    pub fn state(&self) -> State {
        self.memo.state
    }

    /// What came of it so far.
    pub fn outcome(&self) -> Outcome {
        self.memo.outcome
    }

    /// The language.
    pub fn language(&self) -> Language {
        self.memo.language
    }

    /// The next turn.
    pub fn step(&mut self, event: Event, now: DateTime<Utc>) -> Turn {
        if self.memo.state == State::Over {
            return self.bye(&[]);
        }
        match (event, self.memo.asked.take()) {
            (Event::Answer(answer), Some(asked)) => self.answered(&asked, answer, now),
            (Event::Late, Some(Request::HandOff(_))) => self.connect(None),
            (Event::Late, Some(_)) => self.hand_off(Why::Slow),
            // Nobody is listened to while the desk is at work.
            (_, Some(asked)) => {
                self.memo.asked = Some(asked);
                self.say(Vec::new(), 0, Then::Wait)
            }
            (Event::Start(from), None) => {
                self.memo.from = from;
                self.go(State::Menu)
            }
            (Event::Keys(keys), None) => self.pressed(&keys, now),
            (Event::Silence, None) => self.unheard(Phrase::Silence),
            (Event::Answer(_) | Event::Late | Event::Waited, None) => self.go(self.memo.state),
        }
    }

    fn pressed(&mut self, keys: &str, now: DateTime<Utc>) -> Turn {
        if self.memo.state.is_menu() {
            match keys {
                "0" => return self.hand_off(Why::Asked),
                "8" => return self.go(self.memo.state),
                "9" => {
                    self.memo.language = self.memo.language.other();
                    return self.go(self.memo.state);
                }
                _ => {}
            }
        } else if keys.ends_with('*') {
            self.memo.say_first(Phrase::StartAgain);
            return self.go(self.memo.state);
        }
        let before = self.memo.strikes;
        self.memo.strikes = 0;
        self.understood(keys, now).unwrap_or_else(|| {
            self.memo.strikes = before;
            let lead = self.memo.state.complaint();
            self.unheard(lead)
        })
    }

    /// What the keys mean in this state; `None` if nothing.
    fn understood(&mut self, keys: &str, now: DateTime<Utc>) -> Option<Turn> {
        match self.memo.state {
            State::Menu | State::Hint | State::Phone | State::PhoneRight => self.who(keys),
            State::Birth | State::BirthRight => self.born(keys, now),
            State::Zip | State::Nearest | State::Offices => self.where_to(keys),
            State::Document | State::Another | State::People => self.what_for(keys),
            State::Offer | State::Day | State::Confirm | State::Full => self.place(keys, now),
            State::Ready | State::Code | State::Next => self.told(keys),
            State::Way | State::FindCode | State::Pick | State::What | State::Sure | State::Had => {
                self.found(keys)
            }
            State::Closed | State::CallBack | State::CallBackRight => self.call_back(keys),
            State::Over => None,
        }
    }

    /// Silence, or keys that mean nothing here.
    fn unheard(&mut self, lead: Phrase) -> Turn {
        let memo = &mut self.memo;
        memo.strikes += 1;
        if memo.strikes >= STRIKES || (memo.strikes > 1 && memo.state.is_done()) {
            return match memo.state {
                State::Closed | State::CallBack | State::CallBackRight => self.bye(&[]),
                state if state.is_done() => self.bye(&[]),
                _ => self.hand_off(Why::Strikes),
            };
        }
        // Who is silent before the code is read is looking for a pen.
        if memo.state == State::Ready && lead == Phrase::Silence {
            return self.go(State::Code);
        }
        memo.say_first(lead);
        if memo.strikes > 1 {
            memo.say_first(Phrase::TakeTime);
        }
        let state = memo.state;
        self.go(state)
    }

    /// Asks the question of a state.
    fn go(&mut self, state: State) -> Turn {
        if self.memo.state != state {
            self.memo.state = state;
            self.memo.strikes = 0;
        }
        let (prompt, kept, keys) = self.prompt();
        // Time to take the telephone back to the ear; before a code they are ready.
        let mut say = if kept == 0 { vec![Clip::Pause] } else { Vec::new() };
        // What was heard to its end once may be cut when it is said again.
        let keep = if self.memo.lead.is_empty() { kept } else { 0 };
        say.append(&mut self.memo.lead);
        say.extend(prompt);
        let keys = if self.memo.strikes > 1 { keys.patient() } else { keys };
        self.memo.heard_hello = true;
        self.say(say, keep, Then::Ask(keys))
    }

    fn say(&self, say: Vec<Clip>, keep: usize, then: Then) -> Turn {
        Turn::Say(Step { language: self.memo.language, say, keep, then })
    }

    fn ask(&mut self, request: Request) -> Turn {
        self.memo.asked = Some(request.clone());
        Turn::Ask(request)
    }

    fn bye(&mut self, more: &[Phrase]) -> Turn {
        let mut say = std::mem::take(&mut self.memo.lead);
        say.extend(more.iter().copied().map(Clip::Phrase));
        if self.memo.state != State::Over {
            say.push(Clip::Phrase(Phrase::Goodbye));
        }
        self.memo.state = State::Over;
        self.say(say, 0, Then::Bye)
    }

    /// Asks the desk for an operator.
    fn hand_off(&mut self, why: Why) -> Turn {
        let memo = &mut self.memo;
        memo.why = Some(why);
        if matches!(why, Why::Slow | Why::Down) {
            memo.lead = vec![Clip::Phrase(Phrase::Trouble)];
        }
        let level = match (&memo.booking, &memo.telephone, memo.birth) {
            (Some(_), _, _) => IdentityLevel::Found,
            (None, Some(_), Some(_)) => IdentityLevel::Said,
            _ => IdentityLevel::Unknown,
        };
        let context = HandOff {
            language: memo.language,
            task: memo.task.map(Task::name),
            stage: memo.state.name(),
            why: why.name(),
            strikes: memo.strikes,
            level,
            telephone: memo.telephone.clone().or_else(|| memo.from.clone()),
            birth: memo.birth,
            held: memo.held.as_ref().map(|held| held.claim),
            booking: memo.booking.as_ref().map(|booking| booking.claim),
        };
        let handing = Handing { context, office: memo.office.clone() };
        self.ask(Request::HandOff(Box::new(handing)))
    }

    fn connect(&mut self, token: Option<String>) -> Turn {
        let mut say = std::mem::take(&mut self.memo.lead);
        say.push(Clip::Phrase(Phrase::Operator));
        self.memo.outcome = Outcome::Operator;
        self.memo.left = self.memo.state;
        self.memo.state = State::Over;
        if token.is_some() {
            // It is the operator's now.
            self.memo.held = None;
        }
        self.say(say, 0, Then::Operator(token))
    }

    fn answered(&mut self, asked: &Request, answer: Answer, now: DateTime<Utc>) -> Turn {
        match (asked, answer) {
            (Request::HandOff(_), Answer::Token(token)) => self.connect(Some(token)),
            (Request::HandOff(_), Answer::Closed) => self.closed(),
            (Request::HandOff(_), _) => self.connect(None),
            (Request::Find(..) | Request::FindByTelephone(..), answer) => self.looked_up(answer),
            (Request::Offer(_), answer) => self.offered(answer, now),
            (Request::Confirm(_) | Request::Move { .. }, answer) => self.confirmed(answer),
            (Request::Cancel(_), answer) => self.cancelled(&answer),
            (Request::CallBack { .. }, Answer::Done(_)) => self.call_noted(),
            (
                Request::CallBack { .. }
                | Request::Release(_)
                | Request::Renew(_)
                | Request::Speak(_),
                _,
            ) => self.hand_off(Why::Down),
        }
    }

    /// Nobody is there to take the call.
    fn closed(&mut self) -> Turn {
        let memo = &mut self.memo;
        memo.lead.extend([Phrase::Closed, Phrase::Hours].map(Clip::Phrase));
        if memo.why == Some(Why::Strikes) {
            // Whoever does not answer will not answer the next question either.
            return self.bye(&[]);
        }
        let already = [State::Closed, State::CallBack, State::CallBackRight];
        if !already.contains(&memo.state) {
            memo.back = (memo.why == Some(Why::Asked)).then_some(memo.state);
        }
        self.go(State::Closed)
    }

    fn call_back(&mut self, keys: &str) -> Option<Turn> {
        let memo = &mut self.memo;
        match (memo.state, keys) {
            (State::Closed, "1") => {
                memo.call_back = memo.telephone.clone().or_else(|| memo.from.clone());
                let known = memo.call_back.is_some();
                Some(self.go(if known { State::CallBackRight } else { State::CallBack }))
            }
            (State::Closed, "2") => Some(self.after_closed()),
            (State::CallBack, keys) if keys.len() == 10 => {
                memo.call_back = Some(Telephone::parse(keys).ok()?);
                Some(self.go(State::CallBackRight))
            }
            (State::CallBackRight, "1") => {
                let (telephone, language) = (memo.call_back.clone()?, memo.language);
                let office = memo.office.clone();
                Some(self.ask(Request::CallBack { telephone, language, office }))
            }
            (State::CallBackRight, "2") => Some(self.go(State::CallBack)),
            _ => None,
        }
    }

    fn call_noted(&mut self) -> Turn {
        self.memo.outcome = Outcome::CallBack;
        self.memo.say_first(Phrase::CallBackNoted);
        self.after_closed()
    }

    /// Back to where an operator was asked for, or the end if the desk had failed.
    fn after_closed(&mut self) -> Turn {
        match self.memo.back.take() {
            Some(state) => self.go(state),
            None => self.bye(&[]),
        }
    }
}
