//! By which number does somebody come back? Nine digits that can be spoken and checked.
//!
//! Eight random digits and a Damm check digit (H. M. Damm, Total anti-symmetrische Quasigruppen,
//! 2004): every wrong digit and every swap of neighbours is noticed before anything is looked up.
//! Never a secret by itself: it is asked for together with a second factor, and throttled.

use std::fmt;
use std::str::FromStr;

/// The quasigroup of order 10 of Damm's thesis.
const DAMM: [[u8; 10]; 10] = [
    [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
    [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
    [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
    [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
    [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
    [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
    [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
    [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
    [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
    [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
];

/// A booking code: `123 456 789`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(u32);

/// Not nine digits, or a digit is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a code has nine digits and this one has a mistake; read it again")]
pub struct CodeError;

impl Code {
    /// How many codes there are.
    pub const COUNT: u32 = 100_000_000;

    /// The code with these eight digits and their check digit; `None` beyond [`Code::COUNT`].
    pub fn from_number(number: u32) -> Option<Self> {
        (number < Self::COUNT).then_some(Self(number))
    }

    /// The eight digits without the check digit.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The nine digits without spaces.
    pub fn digits(self) -> String {
        format!("{:08}{}", self.0, check(self.0))
    }
}

/// The digit that brings the eight digits of `number` to zero.
fn check(number: u32) -> u8 {
    format!("{number:08}").bytes().fold(0, |interim, digit| {
        let row = DAMM.get(usize::from(interim));
        row.and_then(|row| row.get(usize::from(digit - b'0'))).copied().unwrap_or(0)
    })
}

impl fmt::Display for Code {
    /// In groups of three, as it is read aloud.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits();
        let mut groups = digits.as_bytes().chunks(3).map(String::from_utf8_lossy);
        let mut next = || groups.next().unwrap_or_default();
        write!(f, "{} {} {}", next(), next(), next())
    }
}

impl FromStr for Code {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        let digits: String =
            text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '.')).collect();
        if digits.len() != 9 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(CodeError);
        }
        let number = digits.get(..8).and_then(|eight| eight.parse().ok()).ok_or(CodeError)?;
        let code = Self(number);
        if code.digits() == digits { Ok(code) } else { Err(CodeError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_example() {
        // Damm's own: 572 has the check digit 4.
        assert_eq!("572".bytes().fold(0, |i, d| DAMM[usize::from(i)][usize::from(d - b'0')]), 4);
    }

    #[test]
    fn every_wrong_digit_and_every_swap_of_neighbours_is_noticed() {
        for number in (0..Code::COUNT).step_by(99_991) {
            let code = Code(number);
            let digits = code.digits().into_bytes();
            assert_eq!(code.to_string().parse(), Ok(code));
            for at in 0..9 {
                for other in b'0'..=b'9' {
                    let mut wrong = digits.clone();
                    wrong[at] = other;
                    let right = other == digits[at];
                    assert_eq!(String::from_utf8(wrong).unwrap().parse::<Code>().is_ok(), right);
                }
            }
            for at in 0..8 {
                let mut wrong = digits.clone();
                wrong.swap(at, at + 1);
                let right = digits[at] == digits[at + 1];
                assert_eq!(String::from_utf8(wrong).unwrap().parse::<Code>().is_ok(), right);
            }
        }
    }
}
