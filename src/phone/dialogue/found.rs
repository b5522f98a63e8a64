//! What about the appointment they have? Found, heard, changed, cancelled; and the end of a call.
//!
//! Never looks a code up that its check digit refuses.

use crate::desk::Code;
use crate::phone::port::{Answer, Appointment, Request};
use crate::phone::words::Phrase;

use super::memo::Why;
use super::state::{Outcome, Task};
use super::{Dialogue, State, Turn};

/// Lookups that may find nothing.
const TRIES: u8 = 3;

impl Dialogue {
    pub(super) fn found(&mut self, keys: &str) -> Option<Turn> {
        let memo = &mut self.memo;
        match (memo.state, keys) {
            (State::Way, "1") => Some(self.go(State::FindCode)),
            (State::Way, "2") => {
                memo.code = None;
                Some(self.whose())
            }
            (State::FindCode, keys) => {
                memo.code = Some(keys.parse::<Code>().ok()?);
                Some(self.go(State::Birth))
            }
            (State::Pick, "1") => Some(self.picked()),
            (State::Pick, "2") => {
                memo.at = (memo.at + 1) % memo.found.len().max(1);
                memo.booking = memo.found.get(memo.at).cloned();
                Some(self.go(State::Pick))
            }
            (State::What, "1") => Some(self.change()),
            (State::What, "2") => Some(self.go(State::Sure)),
            (State::What, "3") => {
                memo.code = memo.booking.as_ref()?.code;
                memo.code?;
                Some(self.go(State::Ready))
            }
            (State::What, "4") => Some(self.bye(&[])),
            (State::Sure, "1") => {
                let claim = memo.booking.as_ref()?.claim;
                Some(self.ask(Request::Cancel(claim)))
            }
            (State::Sure, "2") => {
                memo.say_first(Phrase::Kept);
                Some(self.go(State::Next))
            }
            (State::Had, "1") => {
                memo.task = Some(Task::Change);
                let (telephone, birth) = (memo.telephone.clone()?, memo.birth?);
                Some(self.ask(Request::FindByTelephone(telephone, birth)))
            }
            (State::Had, "2") => Some(self.go(State::Menu)),
            _ => None,
        }
    }

    pub(super) fn looked_up(&mut self, answer: Answer) -> Turn {
        match answer {
            Answer::Found(found) if !found.is_empty() => {
                let memo = &mut self.memo;
                (memo.tries, memo.at) = (0, 0);
                memo.outcome = memo.outcome.max(Outcome::Heard);
                memo.booking = found.first().cloned();
                memo.found = found;
                let several = memo.found.len() > 1;
                if several { self.go(State::Pick) } else { self.picked() }
            }
            Answer::Found(_) | Answer::NotFound => {
                self.memo.tries += 1;
                self.memo.say_first(Phrase::NotFound);
                if self.memo.tries >= TRIES {
                    return self.hand_off(Why::Rules);
                }
                self.go(State::Way)
            }
            Answer::Throttled => {
                self.memo.say_first(Phrase::Throttled);
                self.hand_off(Why::Throttled)
            }
            _ => self.hand_off(Why::Down),
        }
    }

    /// One booking is meant.
    fn picked(&mut self) -> Turn {
        self.go(if self.memo.task == Some(Task::Cancel) { State::Sure } else { State::What })
    }

    /// Looks for another place for it; the old one is kept until the last key.
    fn change(&mut self) -> Turn {
        let memo = &mut self.memo;
        let Some(Appointment { office, services, persons, .. }) = memo.booking.clone() else {
            return self.go(State::Menu);
        };
        (memo.office, memo.services, memo.persons) = (Some(office), services, persons);
        self.search()
    }

    pub(super) fn cancelled(&mut self, answer: &Answer) -> Turn {
        match answer {
            Answer::Done(_) => {
                self.memo.booking = None;
                self.memo.outcome = Outcome::Cancelled;
                self.memo.say_first(Phrase::Cancelled);
                self.go(State::Next)
            }
            Answer::TooLate => self.too_late(),
            Answer::Lost => {
                self.memo.booking = None;
                self.memo.say_first(Phrase::NotFound);
                self.go(State::Menu)
            }
            _ => self.hand_off(Why::Down),
        }
    }

    /// After it is done: the code, and anything else.
    pub(super) fn told(&mut self, keys: &str) -> Option<Turn> {
        match (self.memo.state, keys) {
            (State::Ready | State::Code, "1") => Some(self.go(State::Code)),
            (State::Ready | State::Code, "2") => Some(self.go(State::Next)),
            (State::Next, "1") => {
                (self.memo.booking, self.memo.code, self.memo.task) = (None, None, None);
                Some(self.go(State::Menu))
            }
            (State::Next, "2") => Some(self.bye(&[])),
            _ => None,
        }
    }
}
