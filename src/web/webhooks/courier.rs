//! Who reads, who carries? One thread puts what happened on the shelf, a few take it to its
//! receivers.
//!
//! Never keeps a body in memory while it waits, and never delivers what is not on the shelf.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::MutexGuard;
use serde_json::{Value, json};

use crate::desk::DeskError;
use crate::web::events::{Teller, Told};
use crate::{Engine, Error, Event, Seq, Time};

use super::post::Outcome;
use super::queue::{Ticket, wait_ms};
use super::shelf::{Attempt, Hook, Parcel};
use super::{Office, PATIENCE, PENDING_MAX};

/// How long a thread sleeps at most before it looks again.
const TURN: Duration = Duration::from_millis(100);
/// How often the cursor is written down when nothing is wanted.
const CURSOR_EVERY: u64 = 2_000;
/// The longest a receiver may put off the next try.
const RETRY_AFTER_MAX_S: u64 = 60 * 60;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for an answer on a thread of its own.
fn wait<T>(answer: impl Future<Output = T>) -> T {
    let mut answer = pin!(answer);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        match answer.as_mut().poll(&mut cx) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => std::thread::park(),
        }
    }
}

fn random() -> u64 {
    let mut bytes = [0; 8];
    // Without randomness every hook waits the same time.
    let _ = getrandom::fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

impl Office {
    fn now(&self) -> Option<DateTime<Utc>> {
        self.engine.upgrade().map(|engine| engine.now())
    }

    /// The key of a hook: derived, so that no secret is kept.
    pub(super) fn key(&self, hook: &Hook) -> [u8; 32] {
        self.secrets.sign("webhook", format!("{} {}", hook.id, hook.salt).as_bytes())
    }

    /// A hook is new or has changed.
    pub(super) fn take_note(&self, id: u64) -> Result<(), DeskError> {
        let enabled = self.refresh()?.get(&id).is_some_and(|hook| hook.enabled);
        let mut queue = self.queue.lock();
        queue.pause(id, !enabled);
        queue.hurry(id);
        self.work.notify_all();
        Ok(())
    }

    /// Reads the hooks from the shelf. Under the lock, so that the last to read has seen all.
    fn refresh(&self) -> Result<MutexGuard<'_, BTreeMap<u64, Hook>>, DeskError> {
        let mut hooks = self.hooks.lock();
        *hooks = self.shelf.hooks()?.into_iter().map(|hook| (hook.id, hook)).collect();
        Ok(hooks)
    }

    /// Reads the feed for as long as the service lives, while there is a hook.
    pub(super) fn collect(&self) {
        let mut cursor = None;
        let mut written = 0;
        while !self.end.is_cancelled()
            && let Some(engine) = self.engine.upgrade()
        {
            let oldest = self.hooks.lock().values().filter(|h| h.enabled).map(|h| h.since).min();
            let from = match (cursor, oldest) {
                (_, None) => None,
                (Some(cursor), _) => Some(cursor),
                (None, Some(since)) => self.shelf.cursor().ok().map(|mark| mark.max(since)),
            };
            cursor = match from {
                Some(from) => self.read(&engine, from, &mut written),
                None => None,
            };
            drop(engine);
            if cursor.is_none() {
                std::thread::sleep(TURN);
            }
        }
    }

    /// Puts what happened after a cursor on the shelf; answers with the cursor after it, or none
    /// to begin again from the shelf's.
    fn read(&self, engine: &Engine, from: u64, written: &mut u64) -> Option<u64> {
        let mut feed = engine.feed(Seq(from + 1));
        let (parcels, cursor) = match feed.next_batch(TURN) {
            Ok(events) if events.is_empty() => return Some(from),
            Ok(events) => {
                let last = events.last().map_or(from, |event| event.seq.0);
                let upto = feed.position().0.saturating_sub(1).max(last);
                (self.wanted(engine, &events), upto)
            }
            Err(Error::FeedTooOld { first, .. }) => {
                let after = first.0.saturating_sub(1);
                (self.gap(engine, after), after)
            }
            Err(_) => {
                std::thread::sleep(TURN);
                return Some(from);
            }
        };
        if parcels.is_empty() && cursor < *written + CURSOR_EVERY {
            return Some(cursor);
        }
        let tickets: Vec<Ticket> = parcels
            .iter()
            .map(|(hook, cursor, parcel)| Ticket {
                hook: *hook,
                lane: parcel.lane,
                cursor: *cursor,
            })
            .collect();
        if let Err(error) = wait(self.shelf.put(parcels, cursor)) {
            tracing::error!(%error, "events for webhooks cannot be kept; trying again");
            std::thread::sleep(TURN);
            return None;
        }
        *written = cursor;
        let mut queue = self.queue.lock();
        for ticket in tickets {
            queue.push(ticket, 0);
        }
        self.work.notify_all();
        Some(cursor)
    }

    fn wanted(&self, engine: &Engine, events: &[Event]) -> Vec<(u64, u64, Parcel)> {
        let mut teller = Teller::new(engine, &self.source);
        let told: Vec<Told> = events.iter().filter_map(|event| teller.tell(event)).collect();
        let hooks: Vec<Hook> = self.hooks.lock().values().cloned().collect();
        let mut parcels = Vec::new();
        for hook in hooks {
            let wanted = told.iter().filter(|told| hook.wants(told.cursor, told.kind));
            let wanted = wanted.map(|told| {
                let lane = told.claim.map_or(0, crate::ClaimId::to_u64);
                (hook.id, told.cursor, parcel(lane, told.kind, &told.body))
            });
            let before = parcels.len();
            parcels.extend(wanted);
            let pending = self.queue.lock().count(hook.id) + (parcels.len() - before);
            if pending > PENDING_MAX {
                parcels.truncate(before);
                self.stop(&hook, "too many events pending");
            }
        }
        parcels
    }

    /// Tells every hook that the log was cut before it was read.
    fn gap(&self, engine: &Engine, after: u64) -> Vec<(u64, u64, Parcel)> {
        let data = json!({ "after": after, "lost": true });
        let body = self.envelope(&format!("gap-{after}"), "resync", engine.now(), &data);
        let hooks = self.hooks.lock();
        let enabled = hooks.values().filter(|hook| hook.enabled);
        enabled.map(|hook| (hook.id, after, parcel(0, "resync", &body))).collect()
    }

    fn envelope(&self, id: &str, kind: &str, at: DateTime<Utc>, data: &Value) -> Value {
        json!({
            "specversion": "1.0",
            "id": id,
            "source": self.source,
            "type": format!("cupo.{kind}"),
            "time": at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            "datacontenttype": "application/json",
            "data": data,
        })
    }

    /// Delivers for as long as the service lives.
    pub(super) fn carry(&self) {
        while let Some(ticket) = self.next() {
            if let Err(error) = self.deliver(ticket) {
                tracing::error!(%error, "a webhook's delivery cannot be noted; it is repeated");
                let now = self.now().map_or(0, |now| Time::from(now).0);
                self.queue.lock().done(ticket, Some(now + wait_ms(1, random())));
            }
        }
    }

    fn next(&self) -> Option<Ticket> {
        let mut queue = self.queue.lock();
        loop {
            if self.end.is_cancelled() {
                return None;
            }
            if queue.is_empty() {
                self.work.wait(&mut queue);
                continue;
            }
            if let Some(ticket) = queue.take(Time::from(self.now()?).0) {
                return Some(ticket);
            }
            self.work.wait_for(&mut queue, TURN);
        }
    }

    fn deliver(&self, ticket: Ticket) -> Result<(), DeskError> {
        let hook = self.hooks.lock().get(&ticket.hook).cloned();
        let parcel = match hook {
            Some(_) => self.shelf.parcel(ticket.hook, ticket.cursor)?,
            None => None,
        };
        let (Some(hook), Some(parcel), Some(now)) = (hook, parcel, self.now()) else {
            self.queue.lock().done(ticket, None);
            return Ok(());
        };
        let id = format!("evt_{}", ticket.cursor);
        let outcome = self.post.send(&hook.url, &self.key(&hook), &id, now, &parcel.body);
        if outcome.is_taken() {
            self.taken(&hook, ticket, &parcel, outcome, now)
        } else {
            self.refused(&hook, ticket, parcel, outcome, now)
        }
    }

    fn taken(
        &self,
        hook: &Hook,
        ticket: Ticket,
        parcel: &Parcel,
        outcome: Outcome,
        now: DateTime<Utc>,
    ) -> Result<(), DeskError> {
        let attempt = attempt(ticket.cursor, parcel, outcome, now, None);
        wait(self.shelf.settle(hook.id, Some(ticket.cursor), None, attempt))?;
        self.taken.fetch_add(1, Ordering::Relaxed);
        let recovered = hook.failing_since.is_some();
        if recovered {
            self.change(hook.id, |hook| hook.failing_since = None);
        }
        let mut queue = self.queue.lock();
        queue.done(ticket, None);
        queue.answered(hook.id, true, 0);
        if recovered {
            queue.hurry(hook.id);
        }
        self.work.notify_all();
        Ok(())
    }

    fn refused(
        &self,
        hook: &Hook,
        ticket: Ticket,
        mut parcel: Parcel,
        mut outcome: Outcome,
        now: DateTime<Utc>,
    ) -> Result<(), DeskError> {
        let now_ms = Time::from(now).0;
        let patience = u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX);
        let failing = hook.failing_since.unwrap_or(now);
        let since = *parcel.since_ms.get_or_insert(now_ms);
        let since = since.max(Time::from(hook.enabled_at).0);
        // A hook that took others meanwhile does not want this one. While it takes nothing, the
        // fault is not the event's: it stays, and the hook is disabled.
        let given_up = now_ms.saturating_sub(since) >= patience && Time::from(failing).0 > since;
        let asked = outcome.retry_after_s.unwrap_or(0).min(RETRY_AFTER_MAX_S) * 1_000;
        parcel.due_ms = now_ms + wait_ms(parcel.attempts + 1, random()).max(asked);
        let again = (!given_up).then_some(parcel.due_ms);
        if given_up {
            outcome.error = Some("given up after three days".to_owned());
        }
        let gone = outcome.is_gone();
        let attempt = attempt(ticket.cursor, &parcel, outcome, now, again);
        parcel.attempts += 1;
        let kept = (!given_up).then_some(parcel);
        wait(self.shelf.settle(hook.id, Some(ticket.cursor), kept, attempt))?;
        self.failed.fetch_add(1, Ordering::Relaxed);
        if hook.failing_since.is_none() {
            self.change(hook.id, move |hook| hook.failing_since = Some(failing));
        }
        let mut queue = self.queue.lock();
        queue.done(ticket, again);
        queue.answered(hook.id, false, now_ms);
        drop(queue);
        if gone {
            self.stop(hook, "the receiver answered 410");
        } else if now_ms.saturating_sub(Time::from(failing).0) >= patience {
            self.stop(hook, "no delivery was taken for three days");
        }
        Ok(())
    }

    /// Changes a hook on the shelf and in memory; a failure shows at the next try.
    fn change(&self, id: u64, change: impl Fn(&mut Hook) + Send + Sync + 'static) {
        let changed = wait(self.shelf.change(id, move |hook| {
            change(hook);
            true
        }));
        if let Err(error) = changed.and_then(|_| self.refresh().map(drop)) {
            tracing::error!(%error, "a webhook cannot be changed");
        }
    }

    /// Disables a hook.
    fn stop(&self, hook: &Hook, why: &'static str) {
        tracing::warn!(hook = hook.id, why, "a webhook is disabled");
        self.queue.lock().pause(hook.id, true);
        self.change(hook.id, move |hook| {
            hook.enabled = false;
            hook.version += 1;
            hook.stopped = Some(why.to_owned());
        });
    }

    /// Sends a test at once.
    pub(super) fn try_out(&self, hook: &Hook, mark: u64) -> Option<Outcome> {
        let now = self.now()?;
        let id = format!("test_{mark:016x}");
        let body = self.envelope(&id, "test", now, &json!({ "webhook": hook.id })).to_string();
        let outcome = self.post.send(&hook.url, &self.key(hook), &id, now, &body);
        let attempt = Attempt {
            at: now,
            event: id,
            kind: "cupo.test".to_owned(),
            attempt: 1,
            status: outcome.status,
            error: outcome.error.clone(),
            took_ms: outcome.took_ms,
            next_at: None,
        };
        if let Err(error) = wait(self.shelf.settle(hook.id, None, None, attempt)) {
            tracing::error!(%error, "a webhook's test cannot be noted");
        }
        Some(outcome)
    }
}

fn parcel(lane: u64, kind: &str, body: &Value) -> Parcel {
    let (kind, body) = (format!("cupo.{kind}"), body.to_string());
    Parcel { lane, kind, body, attempts: 0, due_ms: 0, since_ms: None }
}

fn attempt(
    cursor: u64,
    parcel: &Parcel,
    outcome: Outcome,
    at: DateTime<Utc>,
    again_ms: Option<u64>,
) -> Attempt {
    Attempt {
        at,
        event: format!("evt_{cursor}"),
        kind: parcel.kind.clone(),
        attempt: parcel.attempts + 1,
        status: outcome.status,
        error: outcome.error,
        took_ms: outcome.took_ms,
        next_at: again_ms.map(|due| Time(due).utc()),
    }
}
