//! Which keys open what? Keys of programs and staff.
//!
//! Never keeps a key, only its hash; compares in constant time.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use redb::{ReadableTable, TableDefinition, TableError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::desk::{DeskError, Store};
use crate::web::serve::ServeError;
use crate::web::wire::short_hex;
use crate::web::{KeySetting, Settings, SettingsError};

/// Keys made in the administration, by id, as JSON.
const KEYS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("keys");

/// Keys for demonstrations: public, and refused in production.
pub(crate) const DEMO: [(&str, Role); 3] =
    [("demo-partner", Role::Partner), ("demo-desk", Role::Desk), ("demo-admin", Role::Admin)];

/// What a key may do; each role may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// A program that books for parties it knows itself.
    Partner,
    /// An operator.
    Desk,
    /// An administrator.
    Admin,
}

impl Role {
    pub(crate) const ALL: [Self; 3] = [Self::Partner, Self::Desk, Self::Admin];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Partner => "partner",
            Self::Desk => "desk",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Role {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or(())
    }
}

/// Whoever shows a key, or has signed in with one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// The name of the key.
    pub(crate) name: String,
    pub(crate) role: Role,
    /// The key's id.
    pub(crate) key: Arc<str>,
}

/// A key as the administration shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyEntry {
    /// What to revoke it by.
    pub(crate) id: Arc<str>,
    pub(crate) name: String,
    pub(crate) role: Role,
    /// When it was made; `None` for keys of the settings, which only their file can revoke.
    pub(crate) since: Option<DateTime<Utc>>,
}

/// All keys.
pub(crate) struct Keys {
    store: Arc<Store>,
    known: ArcSwap<Vec<Known>>,
}

#[derive(Clone)]
struct Known {
    entry: KeyEntry,
    hash: [u8; 32],
}

/// A key in the store.
#[derive(Serialize, Deserialize)]
struct Kept {
    name: String,
    role: Role,
    hash: [u8; 32],
    since: DateTime<Utc>,
}

impl Keys {
    /// The keys of the settings and of the store; the demonstration keys as well until there is a
    /// key of an administrator, but never in production.
    pub(crate) fn new(settings: &Settings, store: &Arc<Store>) -> Result<Self, ServeError> {
        let mut known = settings
            .keys
            .iter()
            .enumerate()
            .map(|(at, key)| Known::of_setting(at, key))
            .collect::<Result<Vec<_>, _>>()?;
        known.extend(kept(store)?);
        if !settings.production && known.iter().all(|known| known.entry.role < Role::Admin) {
            known.extend(DEMO.map(|(key, role)| Known::new(key, key, role, key, None)));
        }
        Ok(Self { store: Arc::clone(store), known: ArcSwap::from_pointee(known) })
    }

    /// Whose key this is.
    pub(crate) fn find(&self, key: &str) -> Option<Session> {
        let hash = hash(key);
        let known = self.known.load();
        // All are looked at, and the place of the right one is chosen without a branch.
        let mut found = u64::MAX;
        for (at, candidate) in (0_u64..).zip(known.iter()) {
            let same: Choice = candidate.hash.ct_eq(&hash);
            found.conditional_assign(&at, same);
        }
        let entry = &known.get(usize::try_from(found).ok()?)?.entry;
        Some(Session { name: entry.name.clone(), role: entry.role, key: Arc::clone(&entry.id) })
    }

    /// Whether the key of a session is still there.
    pub(crate) fn knows(&self, session: &Session) -> bool {
        self.known.load().iter().any(|known| known.entry.id == session.key)
    }

    /// Whether the demonstration keys are in use.
    pub(crate) fn are_public(&self) -> bool {
        self.known.load().iter().any(|known| DEMO.iter().any(|(key, _)| *known.entry.id == **key))
    }

    /// All keys, those of the settings first.
    pub(crate) fn list(&self) -> Vec<KeyEntry> {
        self.known.load().iter().map(|known| known.entry.clone()).collect()
    }

    /// Makes a key; durable when it resolves. The key itself is in the answer and nowhere else.
    pub(crate) async fn create(
        &self,
        name: &str,
        role: Role,
        now: DateTime<Utc>,
    ) -> Result<(KeyEntry, String), DeskError> {
        let mut random = [0; 40];
        getrandom::fill(&mut random).map_err(|error| DeskError::Store(error.to_string().into()))?;
        let (id, secret) = random.split_at(8);
        let id = short_hex(id);
        let key = format!("cupo_{}", URL_SAFE_NO_PAD.encode(secret));
        let known = Known::new(&id, name, role, &key, Some(now));
        let kept = Kept { name: name.to_owned(), role, hash: known.hash, since: now };
        let text = serde_json::to_vec(&kept).map_err(|e| DeskError::Store(e.to_string().into()))?;
        let put = move |transaction: &redb::WriteTransaction| {
            transaction.open_table(KEYS)?.insert(id.as_str(), text.as_slice())?;
            Ok(())
        };
        self.store.write(put).await?;
        let entry = known.entry.clone();
        self.known.rcu(|all| {
            let stays = all.iter().filter(|known| role < Role::Admin || !known.is_demo());
            stays.cloned().chain([known.clone()]).collect::<Vec<_>>()
        });
        Ok((entry, key))
    }

    /// Ends a key, and the sessions that began with it; `false` if there is none of that id in the
    /// store.
    pub(crate) async fn revoke(&self, id: &str) -> Result<bool, DeskError> {
        let name = id.to_owned();
        let remove = move |transaction: &redb::WriteTransaction| {
            let there = transaction.open_table(KEYS)?.remove(name.as_str())?.is_some();
            Ok(there)
        };
        let there = self.store.write(remove).await?;
        if there {
            self.known.rcu(|all| {
                all.iter().filter(|known| *known.entry.id != *id).cloned().collect::<Vec<_>>()
            });
        }
        Ok(there)
    }
}

impl Known {
    fn new(id: &str, name: &str, role: Role, key: &str, since: Option<DateTime<Utc>>) -> Self {
        let entry = KeyEntry { id: id.into(), name: name.to_owned(), role, since };
        Self { entry, hash: hash(key) }
    }

    fn of_setting(at: usize, setting: &KeySetting) -> Result<Self, SettingsError> {
        let role = setting.role.parse().map_err(|()| SettingsError {
            what: format!("key {}: there is no role `{}`", setting.name, setting.role),
            next: "write `partner`, `desk` or `admin`".to_owned(),
        })?;
        Ok(Self::new(&format!("settings-{at}"), &setting.name, role, &setting.key, None))
    }

    fn is_demo(&self) -> bool {
        DEMO.iter().any(|(key, _)| *self.entry.id == **key)
    }
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

fn kept(store: &Store) -> Result<Vec<Known>, DeskError> {
    store.read(|transaction| {
        let table = match transaction.open_table(KEYS) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            table => table?,
        };
        let mut found = Vec::new();
        for row in table.iter()? {
            let (id, text) = row?;
            let kept: Kept = serde_json::from_slice(text.value())
                .map_err(|error| redb::Error::Corrupted(format!("key {}: {error}", id.value())))?;
            let entry = KeyEntry {
                id: id.value().into(),
                name: kept.name,
                role: kept.role,
                since: Some(kept.since),
            };
            found.push(Known { entry, hash: kept.hash });
        }
        Ok(found)
    })
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("known", &self.list()).finish_non_exhaustive()
    }
}
