//! What can nobody guess? Random bytes of the system, and how 128 bits are written down.
//!
//! Never seeded: whoever needs repeatable randomness is a test of the engine.

const LETTERS: [u8; 62] = *b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// How many letters 128 bits take: 62^22 is more than 2^128, 62^21 is less.
const LENGTH: usize = 22;

/// Fresh random bytes.
///
/// # Panics
/// Where the system has no randomness; nothing may go on there.
pub(super) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

/// A fresh random name: 22 letters and digits.
pub(super) fn name() -> String {
    letters(u128::from_be_bytes(bytes()))
}

/// 128 bits as 22 letters and digits.
pub(super) fn letters(mut bits: u128) -> String {
    let mut text = vec![b'0'; LENGTH];
    for place in text.iter_mut().rev() {
        let letter = usize::try_from(bits % 62).ok().and_then(|at| LETTERS.get(at));
        *place = letter.copied().unwrap_or(b'0');
        bits /= 62;
    }
    text.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_22_and_tell_every_number_apart() {
        assert_eq!(letters(0), "0".repeat(22));
        assert_eq!(letters(61), format!("{}z", "0".repeat(21)));
        assert_eq!(letters(62), format!("{}10", "0".repeat(20)));
        assert_eq!(letters(u128::MAX).len(), 22);
        assert_eq!(letters(u128::MAX), "7n42DGM5Tflk9n8mt7Fhc7");
        assert_ne!(name(), name());
    }
}
