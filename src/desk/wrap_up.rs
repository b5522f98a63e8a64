//! How did a call with an operator end? One of a few codes, counted by day.
//!
//! Never says whose call it was or who took it: counts only.

use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use redb::{ReadableTable, TableDefinition, WriteTransaction};

use super::{DeskError, Store};

/// How many, by day (of the common era, UTC) and code.
const WRAP_UPS: TableDefinition<'_, (i32, u8), u64> = TableDefinition::new("wrap_ups");
/// How long they are kept.
const KEPT_DAYS: i32 = 400;

/// What a call came to. The numbers are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WrapUp {
    /// An appointment was made.
    Booked = 0,
    /// One was moved.
    Moved = 1,
    /// One was cancelled.
    Cancelled = 2,
    /// Something was told, nothing was done.
    Information = 3,
    /// They are to be called back.
    CallBack = 4,
    /// They could not be helped.
    NotPossible = 5,
    /// They wanted somebody else.
    WrongNumber = 6,
    /// They were gone, or said nothing.
    Abandoned = 7,
}

impl WrapUp {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 8] = [
        Self::Booked,
        Self::Moved,
        Self::Cancelled,
        Self::Information,
        Self::CallBack,
        Self::NotPossible,
        Self::WrongNumber,
        Self::Abandoned,
    ];

    /// Its name in forms, the audit and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Booked => "booked",
            Self::Moved => "moved",
            Self::Cancelled => "cancelled",
            Self::Information => "information",
            Self::CallBack => "call_back",
            Self::NotPossible => "not_possible",
            Self::WrongNumber => "wrong_number",
            Self::Abandoned => "abandoned",
        }
    }

    /// The code of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.name() == name)
    }
}

/// Counts of codes.
#[derive(Clone, Debug)]
pub struct WrapUps {
    store: Arc<Store>,
}

impl WrapUps {
    /// On a store.
    pub const fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    /// Counts a call; durable when it resolves.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn count(&self, code: WrapUp, now: DateTime<Utc>) -> Result<(), DeskError> {
        let place = (now.num_days_from_ce(), code as u8);
        let add = move |to: &WriteTransaction| {
            let mut counts = to.open_table(WRAP_UPS)?;
            let count = counts.get(place)?.map_or(0, |count| count.value());
            counts.insert(place, count + 1)?;
            Ok(())
        };
        self.store.write(add).await
    }

    /// The codes of the calls since a date, in the order of [`WrapUp::ALL`].
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub fn since(&self, date: NaiveDate) -> Result<[u64; WrapUp::ALL.len()], DeskError> {
        let first = (date.num_days_from_ce(), 0_u8);
        self.store.read(|from| {
            let mut sums = [0; WrapUp::ALL.len()];
            for entry in from.open_table(WRAP_UPS)?.range(first..)? {
                let (place, count) = entry?;
                if let Some(sum) = sums.get_mut(usize::from(place.value().1)) {
                    *sum += count.value();
                }
            }
            Ok(sums)
        })
    }

    /// Forgets days that are long over; tells how many counts. Run it now and then.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn sweep(&self, now: DateTime<Utc>) -> Result<u64, DeskError> {
        let first = now.num_days_from_ce() - KEPT_DAYS;
        let forget = move |from: &WriteTransaction| {
            let mut gone = 0;
            from.open_table(WRAP_UPS)?.retain(|(day, _), _| {
                gone += u64::from(day < first);
                day >= first
            })?;
            Ok(gone)
        };
        self.store.write(forget).await
    }
}

/// Makes the table.
pub(super) fn found(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(WRAP_UPS)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollster::block_on;

    #[test]
    fn calls_are_counted_by_day_and_code_until_they_are_long_over() {
        let codes = WrapUps::new(Arc::new(Store::in_memory().unwrap()));
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let (old, new) = (at("2026-11-01T23:59:00Z"), at("2026-11-26T08:00:00Z"));
        for (code, now) in [(WrapUp::Booked, old), (WrapUp::Booked, new), (WrapUp::Abandoned, new)]
        {
            block_on(codes.count(code, now)).unwrap();
        }
        let since = |date: &str| codes.since(date.parse().unwrap()).unwrap();
        assert_eq!(since("2026-11-01"), [2, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(since("2026-11-02"), [1, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(since("2026-11-27"), [0; 8]);
        assert_eq!(block_on(codes.sweep(new)).unwrap(), 0);
        assert_eq!(block_on(codes.sweep(at("2027-12-07T00:00:00Z"))).unwrap(), 1);
        assert_eq!(since("2026-01-01"), [1, 0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn a_code_is_found_by_its_name_and_its_number_is_its_place() {
        for (at, code) in WrapUp::ALL.into_iter().enumerate() {
            assert_eq!(WrapUp::from_name(code.name()), Some(code));
            assert_eq!(usize::from(code as u8), at);
        }
        assert_eq!(WrapUp::from_name("said nothing"), None);
    }
}
