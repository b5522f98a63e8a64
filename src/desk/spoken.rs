//! In which language does a number want to be spoken to? What its callers chose last.
//!
//! Never holds a number, only a keyed hash of it; forgotten after a year.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use redb::{ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};

use crate::Time;

use super::secrets::half;
use super::{DeskError, Language, Secrets, Store, Telephone};

/// Since when, and the place of the language among all, by the place of the number.
const SPOKEN: TableDefinition<'_, u128, (u64, u8)> = TableDefinition::new("spoken");
/// So many are remembered; further ones choose anew in every call.
const MOST: u64 = 1_000_000;
const KEPT_MS: u64 = 365 * 24 * 3_600_000;

/// Languages by number.
#[derive(Clone, Debug)]
pub struct Spoken {
    store: Arc<Store>,
    secrets: Secrets,
}

impl Spoken {
    /// On a store, with keys.
    pub const fn new(store: Arc<Store>, secrets: Secrets) -> Self {
        Self { store, secrets }
    }

    /// Remembers a choice; durable when it resolves.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn note(
        &self,
        telephone: &Telephone,
        language: Language,
        now: DateTime<Utc>,
    ) -> Result<(), DeskError> {
        let (place, Time(now_ms)) = (self.place(telephone), Time::from(now));
        let number = Language::ALL.iter().position(|other| *other == language);
        let number = number.and_then(|at| u8::try_from(at).ok()).unwrap_or(0);
        let put = move |to: &WriteTransaction| {
            let mut spoken = to.open_table(SPOKEN)?;
            if spoken.len()? < MOST || spoken.get(place)?.is_some() {
                spoken.insert(place, (now_ms, number))?;
            }
            Ok(())
        };
        self.store.write(put).await
    }

    /// What was chosen last.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub fn of(
        &self,
        telephone: &Telephone,
        now: DateTime<Utc>,
    ) -> Result<Option<Language>, DeskError> {
        let (place, Time(now_ms)) = (self.place(telephone), Time::from(now));
        self.store.read(|from| {
            let kept = from.open_table(SPOKEN)?.get(place)?.map(|kept| kept.value());
            let kept = kept.filter(|(since, _)| since + KEPT_MS > now_ms);
            Ok(kept.and_then(|(_, number)| Language::ALL.get(usize::from(number)).copied()))
        })
    }

    /// Forgets what is a year old; tells how many. Run it now and then.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn sweep(&self, now: DateTime<Utc>) -> Result<u64, DeskError> {
        let Time(now_ms) = Time::from(now);
        let forget = move |from: &WriteTransaction| {
            let mut spoken = from.open_table(SPOKEN)?;
            let before = spoken.len()?;
            spoken.retain(|_, (since, _)| since + KEPT_MS > now_ms)?;
            Ok(before - spoken.len()?)
        };
        self.store.write(forget).await
    }

    fn place(&self, telephone: &Telephone) -> u128 {
        half(self.secrets.sign("spoken", telephone.as_str().as_bytes()))
    }
}

/// Makes the table.
pub(super) fn found(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(SPOKEN)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::MasterKey;
    use pollster::block_on;

    #[test]
    fn a_number_is_spoken_to_as_it_chose_last_for_a_year() {
        let store = Arc::new(Store::in_memory().unwrap());
        let spoken = Spoken::new(store, Secrets::new(&MasterKey::new([1; 32])));
        let [ana, bea] = ["2025550143", "2025550144"].map(|text| Telephone::parse(text).unwrap());
        let at = |day: u64| Time(day * 24 * 3_600_000).utc();
        block_on(spoken.note(&ana, Language::En, at(1))).unwrap();
        assert_eq!(spoken.of(&ana, at(2)).unwrap(), Some(Language::En));
        assert_eq!(spoken.of(&bea, at(2)).unwrap(), None);
        block_on(spoken.note(&ana, Language::Es, at(3))).unwrap();
        assert_eq!(spoken.of(&ana, at(4)).unwrap(), Some(Language::Es));
        assert_eq!(block_on(spoken.sweep(at(367))).unwrap(), 0);
        assert_eq!(spoken.of(&ana, at(368)).unwrap(), None);
        assert_eq!(block_on(spoken.sweep(at(368))).unwrap(), 1);
    }
}
