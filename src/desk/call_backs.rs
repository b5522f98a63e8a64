//! Who is to be called back? Numbers that callers left when no operator was there.
//!
//! Sealed like people, one entry a number, forgotten when it is done or after a week. Never in a
//! log; one that cannot be read hides no other.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use redb::{ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

use crate::{PartyId, RequestId, Time};

use super::people::seal;
use super::secrets::half;
use super::{DeskError, Language, PersonKey, Secrets, Store, Telephone};

/// Since when, and the sealed rest, by the place of the number.
const CALL_BACKS: TableDefinition<'_, u128, (u64, &[u8])> = TableDefinition::new("call_backs");
/// So many may wait; more are refused.
const MOST: u64 = 20_000;
/// How long one waits at most.
const KEPT_MS: u64 = 7 * 24 * 3_600_000;

/// Somebody who wants to be called.
#[derive(Clone, PartialEq, Eq)]
pub struct CallBack {
    /// Since when.
    pub since: DateTime<Utc>,
    /// The number.
    pub telephone: Telephone,
    /// How to speak to them.
    pub language: Language,
    /// The key of the office they had chosen, if any.
    pub office: Option<String>,
}

/// The list of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Longest first.
    pub calls: Vec<CallBack>,
    /// So many more are damaged.
    pub unreadable: usize,
}

impl fmt::Debug for CallBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallBack").field("since", &self.since).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Written {
    telephone: String,
    language: String,
    #[serde(default)]
    office: Option<String>,
}

/// The numbers that wait.
#[derive(Clone, Debug)]
pub struct CallBacks {
    store: Arc<Store>,
    secrets: Secrets,
}

impl CallBacks {
    /// On a store, with keys.
    pub const fn new(store: Arc<Store>, secrets: Secrets) -> Self {
        Self { store, secrets }
    }

    /// Notes a number; durable when it resolves. Again keeps its place.
    ///
    /// # Errors
    /// [`DeskError::Store`]; [`DeskError::Throttled`] if too many wait.
    pub async fn note(
        &self,
        telephone: &Telephone,
        language: Language,
        office: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<(), DeskError> {
        let place = self.place(telephone);
        let (telephone, language) = (telephone.as_str().into(), language.tag().into());
        let written = Written { telephone, language, office };
        let text = serde_json::to_vec(&written).map_err(DeskError::store)?;
        let sealed = seal::seal(&self.secrets.key("call_backs"), key(place), &text);
        let Time(now_ms) = Time::from(now);
        let noted = self.store.write(move |to| {
            let mut waiting = to.open_table(CALL_BACKS)?;
            let old = waiting.get(place)?.map(|kept| kept.value().0);
            if old.is_none() && waiting.len()? >= MOST {
                return Ok(false);
            }
            let since = old.filter(|since| since + KEPT_MS > now_ms).unwrap_or(now_ms);
            waiting.insert(place, (since, sealed.as_slice()))?;
            Ok(true)
        });
        let after = std::time::Duration::from_hours(1);
        if noted.await? { Ok(()) } else { Err(DeskError::Throttled { after }) }
    }

    /// Who waits, longest first.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub fn waiting(&self, now: DateTime<Utc>) -> Result<Waiting, DeskError> {
        let Time(now_ms) = Time::from(now);
        let all = self.store.read(|from| {
            let mut all = Vec::new();
            for entry in from.open_table(CALL_BACKS)?.iter()? {
                let (place, kept) = entry?;
                let (since, sealed) = kept.value();
                if since + KEPT_MS > now_ms {
                    all.push((since, place.value(), sealed.to_vec()));
                }
            }
            all.sort_unstable();
            Ok(all)
        })?;
        let secret = self.secrets.key("call_backs");
        let open = |(since, place, sealed): (u64, u128, Vec<u8>)| {
            let text = seal::open(&secret, key(place), &sealed)?;
            let written: Written = serde_json::from_slice(&text).ok()?;
            let telephone = Telephone::parse(&written.telephone).ok()?;
            let language = Language::from_tag(&written.language)?;
            let office = written.office;
            Some(CallBack { since: Time(since).utc(), telephone, language, office })
        };
        let most = all.len();
        let calls: Vec<_> = all.into_iter().filter_map(open).collect();
        Ok(Waiting { unreadable: most - calls.len(), calls })
    }

    /// Forgets who has waited for a week; tells how many. Run it now and then.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn sweep(&self, now: DateTime<Utc>) -> Result<u64, DeskError> {
        let Time(now_ms) = Time::from(now);
        let forget = move |from: &WriteTransaction| {
            let mut waiting = from.open_table(CALL_BACKS)?;
            let before = waiting.len()?;
            waiting.retain(|_, (since, _)| since + KEPT_MS > now_ms)?;
            Ok(before - waiting.len()?)
        };
        self.store.write(forget).await
    }

    /// They were called.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn done(&self, telephone: &Telephone) -> Result<(), DeskError> {
        let place = self.place(telephone);
        let remove = move |from: &WriteTransaction| {
            from.open_table(CALL_BACKS)?.remove(place)?;
            Ok(())
        };
        self.store.write(remove).await
    }

    fn place(&self, telephone: &Telephone) -> u128 {
        half(self.secrets.sign("call_back", telephone.as_str().as_bytes()))
    }
}

/// Makes the table.
pub(super) fn found(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(CALL_BACKS)?;
    Ok(())
}

const fn key(place: u128) -> PersonKey {
    PersonKey { party: PartyId(place), request: RequestId(0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::MasterKey;
    use pollster::block_on;

    #[test]
    fn a_number_waits_once_and_until_it_is_called_or_a_week_is_over() {
        let store = Arc::new(Store::in_memory().unwrap());
        let waiting = CallBacks::new(store, Secrets::new(&MasterKey::new([1; 32])));
        let [ana, bea] = ["2025550143", "2025550144"].map(|text| Telephone::parse(text).unwrap());
        let at = |second: u64| Time(second * 1_000).utc();
        let austin = Some("austin".to_owned());
        block_on(waiting.note(&ana, Language::Es, None, at(10))).unwrap();
        block_on(waiting.note(&bea, Language::En, None, at(20))).unwrap();
        block_on(waiting.note(&ana, Language::En, austin.clone(), at(30))).unwrap();
        let listed = waiting.waiting(at(40)).unwrap();
        let call = |since, telephone: &Telephone, office| CallBack {
            since: at(since),
            telephone: telephone.clone(),
            language: Language::En,
            office,
        };
        assert_eq!(listed.calls, [call(10, &ana, austin), call(20, &bea, None)]);
        assert!(!format!("{listed:?}").contains("555"));
        block_on(waiting.done(&ana)).unwrap();
        assert_eq!(waiting.waiting(at(40)).unwrap().calls.len(), 1);
        let week_later = at(21 + 7 * 24 * 3_600);
        assert_eq!(waiting.waiting(week_later).unwrap(), Waiting::default());
        assert_eq!(block_on(waiting.sweep(at(50))).unwrap(), 0);
        assert_eq!(block_on(waiting.sweep(week_later)).unwrap(), 1);
    }

    #[test]
    fn one_that_is_damaged_hides_no_other() {
        let store = Arc::new(Store::in_memory().unwrap());
        let waiting = CallBacks::new(Arc::clone(&store), Secrets::new(&MasterKey::new([1; 32])));
        let ana = Telephone::parse("2025550143").unwrap();
        let at = |second: u64| Time(second * 1_000).utc();
        block_on(waiting.note(&ana, Language::Es, None, at(10))).unwrap();
        let damage = |to: &WriteTransaction| {
            to.open_table(CALL_BACKS)?.insert(7, (5, b"not sealed".as_slice()))?;
            Ok(())
        };
        block_on(store.write(damage)).unwrap();
        let listed = waiting.waiting(at(40)).unwrap();
        assert_eq!((listed.calls.len(), listed.unreadable), (1, 1));
        assert_eq!(listed.calls[0].telephone, ana);
    }
}
