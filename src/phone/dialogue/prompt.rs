//! How does a question sound? The clips of each state, and the keys that are waited for.
//!
//! Never changes anything.

use crate::desk::Telephone;
use crate::phone::clip::{self, Clip, Keys};
use crate::phone::port::Appointment;
use crate::phone::words::Phrase;

use super::visit::PAGE;
use super::{Dialogue, State};

impl Dialogue {
    /// The question of the state: what is said, how much of it no key cuts, which keys.
    pub(super) fn prompt(&self) -> (Vec<Clip>, usize, Keys) {
        let keys = match self.memo.state {
            State::Phone | State::CallBack => Keys::number(10),
            State::Birth => Keys::number(8),
            State::Zip => Keys::number(5),
            State::Day => Keys::number(4),
            State::FindCode => Keys::number(9),
            _ => Keys::ONE,
        };
        let (say, keep) =
            if self.memo.state == State::Code { self.code_prompt() } else { (self.question(), 0) };
        (say, keep, keys)
    }

    fn question(&self) -> Vec<Clip> {
        let one = |phrase| vec![Clip::Phrase(phrase)];
        match self.memo.state {
            State::Menu => self.menu(),
            State::Hint => {
                let mut say = one(Phrase::Hint);
                say.extend(self.memo.from.iter().flat_map(|from| clip::digits(from.tail())));
                say.push(Clip::Phrase(Phrase::RightOrNot));
                say
            }
            State::Phone => one(Phrase::Phone),
            State::PhoneRight => number_right(self.memo.telephone.as_ref()),
            State::Birth => one(Phrase::Birth),
            State::BirthRight => self.birth_right(),
            State::Zip => one(Phrase::Zip),
            State::Nearest => self.nearest(),
            State::Offices => self.offices_page(),
            State::Document => self.documents_page(),
            State::Another => one(Phrase::AnotherDocument),
            State::People => {
                vec![Clip::Phrase(Phrase::People), Clip::Key(self.persons_most())]
            }
            State::Offer => self.offer(),
            State::Day => one(Phrase::OtherDay),
            State::Confirm => self.confirm_prompt(),
            State::Full => one(Phrase::FullChoice),
            State::Ready => one(Phrase::Ready),
            State::Next => one(Phrase::NextChoice),
            State::Way => one(Phrase::Way),
            State::FindCode => one(Phrase::FindCode),
            State::Pick => self.with_booking(Phrase::OneOfThem, Phrase::PickChoice),
            State::What => self.with_booking(Phrase::YourAppointment, Phrase::WhatChoice),
            State::Sure => self.with_booking(Phrase::YourAppointment, Phrase::SureChoice),
            State::Had => one(Phrase::HadChoice),
            State::Closed if self.memo.back.is_some() => one(Phrase::ClosedChoice),
            State::Closed => one(Phrase::CallBackChoice),
            State::CallBack => one(Phrase::CallBack),
            State::CallBackRight => number_right(self.memo.call_back.as_ref()),
            State::Code | State::Over => Vec::new(),
        }
    }

    fn menu(&self) -> Vec<Clip> {
        let mut say = Vec::new();
        if !self.memo.heard_hello {
            say.extend([Phrase::Hello, Phrase::OtherLanguage].map(Clip::Phrase));
        }
        say.push(Clip::Phrase(Phrase::Menu));
        say
    }

    fn birth_right(&self) -> Vec<Clip> {
        let mut say = vec![Clip::Phrase(Phrase::BirthIs)];
        let language = self.memo.language;
        say.extend(self.memo.birth.iter().flat_map(|birth| clip::birth(*birth, language)));
        say.push(Clip::Phrase(Phrase::RightOrNot));
        say
    }

    fn nearest(&self) -> Vec<Clip> {
        let mut say = vec![Clip::Phrase(Phrase::Nearest)];
        say.extend(self.memo.near.get(self.memo.rank).cloned().map(Clip::Office));
        say.push(Clip::Phrase(Phrase::NearestChoice));
        say
    }

    /// A page of a list: "for this, press one".
    fn page(&self, lead: Phrase, names: Vec<Clip>) -> Vec<Clip> {
        let mut say = vec![Clip::Phrase(lead)];
        let more = names.len() > PAGE;
        for (key, name) in (1..).zip(names.into_iter().skip(self.memo.page * PAGE).take(PAGE)) {
            let press = [Clip::Phrase(Phrase::Press), Clip::Key(key)];
            say.extend([Clip::Phrase(Phrase::For), name]);
            say.extend(press);
        }
        if more {
            say.push(Clip::Phrase(Phrase::More));
        }
        say
    }

    fn offices_page(&self) -> Vec<Clip> {
        let names = self.offices().into_iter().map(Clip::Office).collect();
        self.page(Phrase::Offices, names)
    }

    fn documents_page(&self) -> Vec<Clip> {
        let names = self.documents().into_iter().map(Clip::Service).collect();
        self.page(Phrase::Document, names)
    }

    /// When and where.
    fn spoken(&self, appointment: &Appointment) -> Vec<Clip> {
        let mut say = vec![Clip::Phrase(Phrase::On)];
        say.extend(clip::when(appointment.local, self.memo.language));
        say.extend([Clip::Phrase(Phrase::At), Clip::Office(appointment.office.clone())]);
        say
    }

    fn offer(&self) -> Vec<Clip> {
        let first = self.memo.offers <= 1;
        let mut say =
            vec![Clip::Phrase(if first { Phrase::FirstPlace } else { Phrase::NextPlace })];
        say.extend(self.memo.held.iter().flat_map(|held| self.spoken(held)));
        say.push(Clip::Phrase(Phrase::OfferChoice));
        say
    }

    fn confirm_prompt(&self) -> Vec<Clip> {
        let Some(held) = &self.memo.held else { return Vec::new() };
        let mut say = vec![Clip::Phrase(Phrase::YourAppointment)];
        say.extend(held.services.iter().cloned().map(Clip::Service));
        let persons = if held.persons == 1 { Phrase::Person } else { Phrase::Persons };
        say.extend([Clip::Key(held.persons), Clip::Phrase(persons)]);
        say.extend(self.spoken(held));
        let moves = self.memo.booking.is_some();
        say.push(Clip::Phrase(if moves { Phrase::MoveChoice } else { Phrase::ConfirmChoice }));
        say
    }

    fn with_booking(&self, lead: Phrase, choice: Phrase) -> Vec<Clip> {
        let mut say = vec![Clip::Phrase(lead)];
        say.extend(self.memo.booking.iter().flat_map(|booking| self.spoken(booking)));
        say.push(Clip::Phrase(choice));
        say
    }

    /// The code twice; the first reading is heard to its end.
    fn code_prompt(&self) -> (Vec<Clip>, usize) {
        let mut say = vec![Clip::Phrase(Phrase::CodeIs), Clip::Pause];
        let code: Vec<Clip> = self.memo.code.map(clip::code).unwrap_or_default();
        say.extend(code.iter().cloned());
        let keep = say.len();
        say.extend([Clip::Pause, Clip::Phrase(Phrase::Again), Clip::Pause]);
        say.extend(code);
        say.extend([Clip::Pause, Clip::Phrase(Phrase::CodeChoice)]);
        (say, keep)
    }
}

/// A number read back.
fn number_right(number: Option<&Telephone>) -> Vec<Clip> {
    let mut say = vec![Clip::Phrase(Phrase::PhoneIs)];
    say.extend(number.iter().flat_map(|number| clip::telephone(number.as_str())));
    say.push(Clip::Phrase(Phrase::RightOrNot));
    say
}
