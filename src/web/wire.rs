//! How are ids written in URLs and JSON? Forms of the adapter's own, from letters that need no
//! escaping.
//!
//! Never invents an id: what does not name a thing of the catalog is `None`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{CalendarId, ClaimId, DayId, Engine, PartyId, SlotId};

/// All but what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Text as a part of an address.
pub(crate) fn escape(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// The first eight bytes as 16 hexadecimal digits; of a hash, enough to tell versions apart.
pub(crate) fn short_hex(bytes: &[u8]) -> String {
    format!("{:016x}", u64::from_be_bytes(bytes.first_chunk().copied().unwrap_or_default()))
}

/// `boston~2027-01-12`: a calendar's key and a date at its office.
pub(crate) fn day_to_text(engine: &Engine, day: DayId) -> String {
    format!("{}~{}", calendar_key(engine, day.calendar()), day.date())
}

/// The day of [`day_to_text`].
pub(crate) fn day_from_text(engine: &Engine, text: &str) -> Option<DayId> {
    let (calendar, date) = text.rsplit_once('~')?;
    DayId::new(engine.calendar(calendar)?, date.parse().ok()?)
}

/// `boston~2027-01-12~37`: a day, and the slot's index on it.
pub(crate) fn slot_to_text(engine: &Engine, slot: SlotId) -> String {
    format!("{}~{}", day_to_text(engine, slot.day), slot.index)
}

/// The slot of [`slot_to_text`].
pub(crate) fn slot_from_text(engine: &Engine, text: &str) -> Option<SlotId> {
    let (day, index) = text.rsplit_once('~')?;
    Some(day_from_text(engine, day)?.slot(index.parse().ok()?))
}

/// The key of a calendar; its number where the catalog has dropped it.
pub(crate) fn calendar_key(engine: &Engine, calendar: CalendarId) -> String {
    engine.calendar_key(calendar).unwrap_or_else(|| calendar.to_string())
}

/// A claim: exactly 16 hexadecimal digits.
pub(crate) fn claim_from_text(text: &str) -> Option<ClaimId> {
    hexadecimal(text, 16)?.parse().ok()
}

/// A party: exactly 32 hexadecimal digits.
pub(crate) fn party_from_text(text: &str) -> Option<PartyId> {
    hexadecimal(text, 32)?.parse().ok()
}

fn hexadecimal(text: &str, digits: usize) -> Option<&str> {
    let right = text.len() == digits && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    right.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalog;

    #[test]
    fn what_is_written_is_read_back() {
        let engine = Engine::in_memory().unwrap();
        let text = include_str!("../../examples/miconsulado.toml");
        engine.install(&Catalog::from_toml(text).unwrap()).unwrap();
        for day in engine.days() {
            let slot = day.slot(37);
            assert_eq!(slot_from_text(&engine, &slot_to_text(&engine, slot)), Some(slot));
        }
        for wrong in ["", "~", "boston", "boston~x~1", "nowhere~2027-01-12~1", "boston~2027-01-12~"]
        {
            assert_eq!(slot_from_text(&engine, wrong), None);
        }
    }
}
