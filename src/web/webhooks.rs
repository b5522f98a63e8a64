//! How do other programs learn what happened? Signed webhooks, retried until they are taken.
//!
//! Every event is delivered at least once to each hook that wants it, with the same `webhook-id` on
//! every try; events of one claim never overtake each other, those of different claims may. Events
//! are `CloudEvents` and name nobody. A hook that takes nothing for three days is disabled; what it
//! had pending stays and goes out when it is enabled again, but nothing is added meanwhile.

mod address;
mod courier;
mod post;
mod queue;
mod shelf;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::{Condvar, Mutex};
use tokio_util::sync::CancellationToken;

use crate::Engine;
use crate::desk::{DeskError, Secrets, Store};

use super::events::KINDS;
use super::serve::ServeError;
use super::settings::Settings;
use post::Post;
use queue::{Queue, Ticket};
use shelf::Shelf;

pub(crate) use post::Outcome;
pub(crate) use shelf::{Attempt, Hook};

/// Threads that deliver.
const COURIERS: usize = 4;
/// A hook that fails for so long is disabled, and an event that is tried for so long given up.
const PATIENCE: Duration = Duration::from_hours(72);
/// Events that a hook may have pending.
const PENDING_MAX: usize = 100_000;

/// What somebody wants of a hook.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) url: String,
    pub(crate) kinds: Vec<String>,
    pub(crate) note: String,
    pub(crate) enabled: bool,
}

/// The hooks of a service, and the threads that serve them.
#[derive(Debug)]
pub(crate) struct Webhooks {
    office: Arc<Office>,
    reader: Option<JoinHandle<()>>,
}

/// What the threads share.
#[derive(Debug)]
struct Office {
    engine: Weak<Engine>,
    shelf: Shelf,
    secrets: Secrets,
    /// The address of the service.
    source: String,
    post: Post,
    private: bool,
    hooks: Mutex<BTreeMap<u64, Hook>>,
    queue: Mutex<Queue>,
    work: Condvar,
    end: CancellationToken,
    taken: AtomicU64,
    failed: AtomicU64,
}

impl Wish {
    /// What is wrong with it, if anything.
    fn fault(&self, private: bool) -> Option<String> {
        if let Some(fault) = address::fault(&self.url, private) {
            return Some(fault.to_owned());
        }
        let unknown = self.kinds.iter().find(|kind| !KINDS.contains(&kind.as_str()));
        if let Some(kind) = unknown {
            return Some(format!("kinds: there is no event {kind:?}"));
        }
        (self.note.chars().count() > 200).then(|| "note: up to 200 characters".to_owned())
    }
}

impl Webhooks {
    /// Takes up what is pending, and starts the threads. They end with `stop`, or when this is
    /// dropped.
    pub(crate) fn start(
        engine: &Arc<Engine>,
        store: &Arc<Store>,
        secrets: Secrets,
        settings: &Settings,
        stop: &CancellationToken,
    ) -> Result<Self, ServeError> {
        let shelf = Shelf::new(store.clone());
        let hooks: BTreeMap<u64, Hook> =
            shelf.hooks()?.into_iter().map(|hook| (hook.id, hook)).collect();
        let mut queue = Queue::default();
        for (hook, cursor, lane, due_ms) in shelf.pending()? {
            queue.push(Ticket { hook, lane, cursor }, due_ms);
        }
        for hook in hooks.values() {
            queue.pause(hook.id, !hook.enabled);
        }
        let office = Arc::new(Office {
            engine: Arc::downgrade(engine),
            shelf,
            secrets,
            source: settings.base(),
            post: Post::new(settings.webhooks_private),
            private: settings.webhooks_private,
            hooks: Mutex::new(hooks),
            queue: Mutex::new(queue),
            work: Condvar::new(),
            end: stop.child_token(),
            taken: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        });
        for _ in 0..COURIERS {
            let office = office.clone();
            let thread = std::thread::Builder::new().name("cupo-courier".to_owned());
            thread.spawn(move || office.carry())?;
        }
        let thread = std::thread::Builder::new().name("cupo-webhooks".to_owned());
        let reader = thread.spawn({
            let office = office.clone();
            move || office.collect()
        })?;
        Ok(Self { office, reader: Some(reader) })
    }

    /// All hooks.
    pub(crate) fn list(&self) -> Vec<Hook> {
        self.office.hooks.lock().values().cloned().collect()
    }

    /// A hook.
    pub(crate) fn get(&self, id: u64) -> Option<Hook> {
        self.office.hooks.lock().get(&id).cloned()
    }

    /// Events that a hook has not taken yet.
    pub(crate) fn pending(&self, id: u64) -> usize {
        self.office.queue.lock().count(id)
    }

    /// Deliveries taken, and tries that failed, since the start.
    pub(crate) fn deliveries(&self) -> (u64, u64) {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (load(&self.office.taken), load(&self.office.failed))
    }

    /// The key of a hook, as its owner keeps it.
    pub(crate) fn secret(&self, hook: &Hook) -> String {
        post::secret_text(&self.office.key(hook))
    }

    /// The last tries of a hook, newest first.
    pub(crate) fn attempts(&self, id: u64) -> Result<Vec<Attempt>, DeskError> {
        self.office.shelf.attempts(id)
    }

    /// What is wrong with a wish, if anything.
    pub(crate) fn fault(&self, wish: &Wish) -> Option<String> {
        wish.fault(self.office.private)
    }

    /// Makes a hook that hears what happens from now on.
    pub(crate) async fn add(
        &self,
        wish: Wish,
        engine: &Engine,
        salt: u64,
    ) -> Result<Hook, DeskError> {
        let Wish { url, kinds, note, enabled } = wish;
        let (made, since) = (engine.now(), engine.durable().0);
        let hook = Hook {
            id: 0,
            url,
            kinds,
            note,
            enabled,
            version: 1,
            made,
            enabled_at: made,
            since,
            salt,
            failing_since: None,
            stopped: None,
        };
        let hook = self.office.shelf.add(hook).await?;
        self.office.take_note(hook.id)?;
        Ok(hook)
    }

    /// Changes a hook that has this version; `None` if it has another or is not there.
    pub(crate) async fn change(
        &self,
        id: u64,
        version: u32,
        wish: Wish,
        (now, durable): (DateTime<Utc>, u64),
    ) -> Result<Option<Hook>, DeskError> {
        let change = move |hook: &mut Hook| {
            if hook.version != version {
                return false;
            }
            if wish.enabled && !hook.enabled {
                (hook.since, hook.enabled_at) = (durable, now);
                (hook.failing_since, hook.stopped) = (None, None);
            }
            hook.url.clone_from(&wish.url);
            hook.kinds.clone_from(&wish.kinds);
            hook.note.clone_from(&wish.note);
            hook.enabled = wish.enabled;
            hook.version += 1;
            true
        };
        let changed = self.office.shelf.change(id, change).await?;
        if let Some(hook) = &changed {
            self.office.take_note(hook.id)?;
        }
        Ok(changed)
    }

    /// Removes a hook, with what it had pending; tells whether it was there.
    pub(crate) async fn remove(&self, id: u64) -> Result<bool, DeskError> {
        let removed = self.office.shelf.remove(id).await?;
        self.office.hooks.lock().remove(&id);
        self.office.queue.lock().remove(id);
        Ok(removed)
    }

    /// Sends an event `cupo.test` to a hook at once; blocks until it is answered.
    pub(crate) fn try_out(&self, id: u64, mark: u64) -> Option<Outcome> {
        self.office.try_out(&self.get(id)?, mark)
    }
}

impl Drop for Webhooks {
    fn drop(&mut self) {
        self.office.end.cancel();
        // Under the lock, so that nobody falls asleep in between.
        let queue = self.office.queue.lock();
        self.office.work.notify_all();
        drop(queue);
        if let Some(reader) = self.reader.take() {
            // It has nothing to say; couriers may be waiting for a receiver, and end by themselves.
            let _ = reader.join();
        }
    }
}
