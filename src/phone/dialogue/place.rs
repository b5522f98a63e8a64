//! Which place do they take? Offers that are held before they are spoken, and the last key.
//!
//! A hold is given up only for the next one; a booking only for the hold that takes its place.

use chrono::{DateTime, Utc};

use crate::phone::port::{Answer, Request, Wish};
use crate::phone::words::Phrase;

use super::memo::{Since, Why};
use super::state::{Outcome, Task};
use super::visit::coming;
use super::{Dialogue, State, Turn};

/// So many places may be lost before they are confirmed; then somebody has to look at it.
const LOST_MAX: u8 = 2;

impl Dialogue {
    /// The first place for what they want.
    pub(super) fn search(&mut self) -> Turn {
        self.memo.offers = 0;
        self.memo.lost = 0;
        self.offer_from(|_| {})
    }

    fn offer_from(&mut self, refine: impl FnOnce(&mut Wish)) -> Turn {
        let memo = &mut self.memo;
        memo.number += 1;
        let mut wish = Wish {
            telephone: memo.telephone.clone(),
            birth: memo.birth,
            language: memo.language,
            services: memo.services.clone(),
            persons: memo.persons,
            office: memo.office.clone().unwrap_or_default(),
            from: None,
            after: None,
            held: memo.held.as_ref().map(|held| held.claim),
            replaces: memo.booking.as_ref().map(|booking| booking.claim),
            number: memo.number,
        };
        refine(&mut wish);
        self.ask(Request::Offer(Box::new(wish)))
    }

    pub(super) fn place(&mut self, keys: &str, now: DateTime<Utc>) -> Option<Turn> {
        match (self.memo.state, keys) {
            (State::Offer, "1") => Some(self.go(State::Confirm)),
            (State::Offer, "2") => {
                let after = self.memo.held.as_ref().map(|held| held.at);
                Some(self.offer_from(|wish| wish.after = after))
            }
            (State::Offer, "3") => Some(self.go(State::Day)),
            (State::Day, keys) => {
                let date = coming(keys, self.memo.language, now.date_naive())?;
                Some(self.offer_from(|wish| wish.from = Some(date)))
            }
            (State::Confirm, "1") => {
                let hold = self.memo.held.as_ref()?.claim;
                let Some(booking) = &self.memo.booking else {
                    return Some(self.ask(Request::Confirm(hold)));
                };
                let booking = booking.claim;
                self.memo.number += 1;
                let number = self.memo.number;
                Some(self.ask(Request::Move { booking, hold, number }))
            }
            (State::Confirm, "2") => Some(self.go(State::Offer)),
            (State::Full, "1") => Some(self.next_office()),
            (State::Full, "2") => Some(self.go(State::Menu)),
            _ => None,
        }
    }

    fn next_office(&mut self) -> Turn {
        // A booking that is moved keeps its services; a new one is asked for them again.
        self.memo.booking = None;
        if self.memo.task != Some(Task::Book) {
            return self.go(State::Menu);
        }
        self.memo.rank = self.memo.near.len().min(self.memo.rank + 1);
        if self.memo.rank < self.memo.near.len() {
            return self.go(State::Nearest);
        }
        self.all_offices()
    }

    pub(super) fn offered(&mut self, answer: Answer, now: DateTime<Utc>) -> Turn {
        match answer {
            Answer::Held(held) => {
                let memo = &mut self.memo;
                memo.offers += 1;
                memo.held_since.get_or_insert(Since::at(now));
                memo.held = Some(held);
                self.go(State::Offer)
            }
            Answer::NoPlace | Answer::Had if self.memo.held.is_some() => {
                self.memo.say_first(Phrase::NoPlace);
                self.memo.offers = self.memo.offers.max(2);
                self.go(State::Offer)
            }
            Answer::NoPlace => self.nowhere(),
            // The hold that was to be given up is gone: begin again without it.
            Answer::Lost => self.lost(),
            Answer::Had => self.go(State::Had),
            Answer::TooLate => self.too_late(),
            Answer::Throttled => {
                self.memo.say_first(Phrase::Throttled);
                self.hand_off(Why::Throttled)
            }
            _ => self.hand_off(Why::Down),
        }
    }

    /// The place was not kept long enough.
    fn lost(&mut self) -> Turn {
        let memo = &mut self.memo;
        (memo.held, memo.held_since) = (None, None);
        memo.lost += 1;
        if memo.lost > LOST_MAX {
            return self.hand_off(Why::Rules);
        }
        memo.say_first(Phrase::Lost);
        self.offer_from(|_| {})
    }

    pub(super) fn too_late(&mut self) -> Turn {
        self.memo.say_first(Phrase::TooLate);
        self.hand_off(Why::Rules)
    }

    pub(super) fn confirmed(&mut self, answer: Answer) -> Turn {
        match answer {
            Answer::Done(appointment) => {
                let memo = &mut self.memo;
                let moved = memo.booking.take().is_some();
                (memo.held, memo.held_since) = (None, None);
                memo.code = appointment.and_then(|appointment| appointment.code);
                memo.outcome = if moved { Outcome::Changed } else { Outcome::Booked };
                memo.say_first(if moved { Phrase::Moved } else { Phrase::Booked });
                let next = if memo.code.is_some() { State::Ready } else { State::Next };
                self.go(next)
            }
            Answer::Lost => self.lost(),
            // There is a booking already, and this hold is no part of it.
            Answer::Had => self.hand_off(Why::Rules),
            Answer::TooLate => self.too_late(),
            _ => self.hand_off(Why::Down),
        }
    }
}
