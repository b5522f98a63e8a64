//! Where in the conversation is a call? The questions, and what can come of it.
//!
//! Never holds what was answered: `memo` does.

use crate::phone::words::Phrase;

/// The question that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// What can be done for them?
    Menu,
    /// Is this, from which they call, their number?
    Hint,
    /// Which is their number?
    Phone,
    /// Was it typed right?
    PhoneRight,
    /// When were they born?
    Birth,
    /// Was it typed right?
    BirthRight,
    /// Where do they live?
    Zip,
    /// This office?
    Nearest,
    /// Which office of all?
    Offices,
    /// Which document?
    Document,
    /// Another document in the same visit?
    Another,
    /// How many people?
    People,
    /// This place, which is held?
    Offer,
    /// On which other day?
    Day,
    /// For good?
    Confirm,
    /// Nothing is free: another office?
    Full,
    /// Ready to write?
    Ready,
    /// The code once more?
    Code,
    /// Anything else?
    Next,
    /// By code or by telephone?
    Way,
    /// Which code?
    FindCode,
    /// Which of several bookings?
    Pick,
    /// What about it?
    What,
    /// Cancel for good?
    Sure,
    /// They have one already: see it?
    Had,
    /// There is no operator now: call back?
    Closed,
    /// Which number is to be called?
    CallBack,
    /// Was it typed right?
    CallBackRight,
    /// None: the call is over.
    Over,
}

impl State {
    /// All of them, in the order of a call.
    pub const ALL: [Self; 29] = [
        Self::Menu,
        Self::Hint,
        Self::Phone,
        Self::PhoneRight,
        Self::Birth,
        Self::BirthRight,
        Self::Zip,
        Self::Nearest,
        Self::Offices,
        Self::Document,
        Self::Another,
        Self::People,
        Self::Offer,
        Self::Day,
        Self::Confirm,
        Self::Full,
        Self::Ready,
        Self::Code,
        Self::Next,
        Self::Way,
        Self::FindCode,
        Self::Pick,
        Self::What,
        Self::Sure,
        Self::Had,
        Self::Closed,
        Self::CallBack,
        Self::CallBackRight,
        Self::Over,
    ];

    /// Its name in measures and hand-offs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Menu => "menu",
            Self::Hint => "hint",
            Self::Phone => "phone",
            Self::PhoneRight => "phone_right",
            Self::Birth => "birth",
            Self::BirthRight => "birth_right",
            Self::Zip => "zip",
            Self::Nearest => "nearest",
            Self::Offices => "offices",
            Self::Document => "document",
            Self::Another => "another",
            Self::People => "people",
            Self::Offer => "offer",
            Self::Day => "day",
            Self::Confirm => "confirm",
            Self::Full => "full",
            Self::Ready => "ready",
            Self::Code => "code",
            Self::Next => "next",
            Self::Way => "way",
            Self::FindCode => "find_code",
            Self::Pick => "pick",
            Self::What => "what",
            Self::Sure => "sure",
            Self::Had => "had",
            Self::Closed => "closed",
            Self::CallBack => "call_back",
            Self::CallBackRight => "call_back_right",
            Self::Over => "over",
        }
    }

    /// The state of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// The part of the conversation that it belongs to.
    pub const fn part(self) -> Part {
        match self {
            Self::Menu | Self::Way | Self::Over => Part::Menu,
            Self::Hint | Self::Phone | Self::PhoneRight | Self::Birth | Self::BirthRight => {
                Part::Who
            }
            Self::Zip | Self::Nearest | Self::Offices => Part::Where,
            Self::Document | Self::Another | Self::People => Part::What,
            Self::Offer | Self::Day | Self::Confirm | Self::Full => Part::Place,
            Self::Ready | Self::Code | Self::Next => Part::Code,
            Self::FindCode | Self::Pick | Self::What | Self::Sure | Self::Had => Part::Own,
            Self::Closed | Self::CallBack | Self::CallBackRight => Part::CallBack,
        }
    }

    /// Whether one key answers it, so that 0, 8 and 9 mean what they mean everywhere.
    pub const fn is_menu(self) -> bool {
        !self.is_number()
    }

    /// Whether digits are data here.
    const fn is_number(self) -> bool {
        matches!(
            self,
            Self::Phone | Self::Birth | Self::Zip | Self::Day | Self::FindCode | Self::CallBack
        )
    }

    /// Whether the caller has what they called for.
    pub(super) const fn is_done(self) -> bool {
        matches!(self, Self::Ready | Self::Code | Self::Next)
    }

    /// What is said to an answer that means nothing.
    pub(super) const fn complaint(self) -> Phrase {
        match self {
            Self::FindCode => Phrase::CodeWrong,
            Self::Zip => Phrase::ZipUnknown,
            _ => Phrase::Invalid,
        }
    }
}

/// A part of the conversation, for people who look at many calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// What can be done for them.
    Menu,
    /// Who they are.
    Who,
    /// Which office.
    Where,
    /// Which document, for how many.
    What,
    /// Which place.
    Place,
    /// The code, after it is done.
    Code,
    /// The appointment they have.
    Own,
    /// Nobody is there: call back?
    CallBack,
}

impl Part {
    /// All of them, in the order of a call.
    pub const ALL: [Self; 8] = [
        Self::Menu,
        Self::Who,
        Self::Where,
        Self::What,
        Self::Place,
        Self::Code,
        Self::Own,
        Self::CallBack,
    ];
}

/// What somebody calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Task {
    Book,
    Change,
    Cancel,
}

impl Task {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Book => "book",
            Self::Change => "change",
            Self::Cancel => "cancel",
        }
    }
}

/// What came of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Nothing yet.
    #[default]
    Nothing,
    /// An appointment was made.
    Booked,
    /// It was moved.
    Changed,
    /// It was cancelled.
    Cancelled,
    /// It was heard.
    Heard,
    /// They are to be called back.
    CallBack,
    /// An operator has it.
    Operator,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Nothing,
        Self::Booked,
        Self::Changed,
        Self::Cancelled,
        Self::Heard,
        Self::CallBack,
        Self::Operator,
    ];

    /// Its name in measures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Booked => "booked",
            Self::Changed => "changed",
            Self::Cancelled => "cancelled",
            Self::Heard => "heard",
            Self::CallBack => "call_back",
            Self::Operator => "operator",
        }
    }

    /// Whether the machine was enough.
    pub const fn is_contained(self) -> bool {
        matches!(self, Self::Booked | Self::Changed | Self::Cancelled | Self::Heard)
    }
}
