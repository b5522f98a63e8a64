//! Which texts are ids? Parsing and display, one the inverse of the other.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use cupo::{Channel, ClaimId, DayId, PartyId, RequestId, SlotId, Span};

/// What is parsed reads back from its own text; every number has a text. Says whether the text
/// was an id of some kind.
pub fn ids(bytes: &[u8]) -> bool {
    if let Some(number) = bytes.first_chunk::<16>() {
        let number = u128::from_le_bytes(*number);
        let low = u64::try_from(number & u128::from(u64::MAX)).expect("64 bits");
        assert!(again(&PartyId(number)) && again(&RequestId(number)));
        assert!(again(&ClaimId::from_u64(low)) && again(&Span::from_seconds(low)));
        assert_eq!(ClaimId::from_u64(low).to_u64(), low);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let known = [
        parsed::<ClaimId>(text),
        parsed::<PartyId>(text),
        parsed::<RequestId>(text),
        parsed::<DayId>(text),
        parsed::<SlotId>(text),
        parsed::<Span>(text),
        Channel::from_name(text).is_some_and(|channel| channel.name() == text),
    ];
    if let Ok(day) = text.parse::<DayId>() {
        assert_eq!(DayId::new(day.calendar(), day.date()), Some(day));
    }
    known.contains(&true)
}

fn parsed<T: FromStr + Display + Debug + PartialEq>(text: &str) -> bool
where
    T::Err: Display,
{
    match text.parse::<T>() {
        Ok(id) => again(&id),
        Err(error) => {
            assert!(!error.to_string().is_empty(), "a refusal without a reason");
            false
        }
    }
}

fn again<T: FromStr + Display + Debug + PartialEq>(id: &T) -> bool {
    assert_eq!(id.to_string().parse::<T>().ok().as_ref(), Some(id), "{id} reads back as another");
    true
}
