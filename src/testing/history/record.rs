//! Who asked what, and when? A recorder that many threads write to at once.
//!
//! Never slows a call by more than two counts and a line in its thread's own list.

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::testing::history::{Answer, Event, History, Operation};
use crate::{
    Ask, Claim, ClaimId, Clock, DayView, Engine, Error, ManualClock, Receipt, RequestId, SlotId,
};

/// Records what its clients ask and are told.
pub struct Recorder {
    moments: AtomicU64,
    clients: AtomicU32,
    history: Mutex<History>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("clients", &self.clients).finish_non_exhaustive()
    }
}

impl Recorder {
    /// Begins with what `history` has: its clock, its slots, and calls that came before, if any.
    pub fn new(history: History) -> Self {
        let moment = |event: &Event| event.call.max(event.back.unwrap_or(0)) + 1;
        let after = history.events.iter().map(moment).max().unwrap_or(0);
        let clients = history.events.iter().map(|event| event.client + 1).max().unwrap_or(0);
        Self {
            moments: AtomicU64::new(after),
            clients: AtomicU32::new(clients),
            history: Mutex::new(history),
        }
    }

    /// Takes the clock's time as the beginning.
    pub fn at(clock: &ManualClock) -> Self {
        Self::new(History::new(clock.now()))
    }

    /// Names a slot and its places.
    pub fn slot(&self, slot: SlotId, places: u16) {
        self.with(|history| history.slots.insert(slot, places));
    }

    /// Names all slots of a day.
    pub fn day(&self, day: &DayView) {
        let slots = day.slots.iter().map(|slot| (slot.slot, slot.capacity));
        self.with(|history| history.slots.extend(slots));
    }

    /// One more client: for one thread, which makes one call at a time.
    pub fn client(&self) -> Client<'_> {
        // Relaxed: only a name.
        let name = self.clients.fetch_add(1, Ordering::Relaxed);
        Client { recorder: self, name, events: Vec::new() }
    }

    /// The engine died, or is about to be dropped without an answer to what is under way: from
    /// here on, calls without an answer have happened or never will.
    pub fn crash(&self) {
        let moment = self.moment();
        self.with(|history| history.crashes.push(moment));
    }

    /// What was recorded. No client is left when this can be called.
    pub fn history(self) -> History {
        self.history.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn moment(&self) -> u64 {
        // SeqCst: what came back before this moment has happened before what is called after it.
        self.moments.fetch_add(1, Ordering::SeqCst)
    }

    fn with<T>(&self, change: impl FnOnce(&mut History) -> T) -> T {
        change(&mut self.history.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One thread's part of a recording; it joins the rest when it is dropped.
pub struct Client<'r> {
    recorder: &'r Recorder,
    name: u32,
    events: Vec<Event>,
}

impl fmt::Debug for Client<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Client<'_> {
    /// Makes a call of any kind and records it, for wrappers around the engine. The call must wait
    /// for its commit, as only that is an answer. A call that panics stays without an answer.
    pub fn record<R>(&mut self, operation: Operation, call: impl FnOnce() -> R) -> R
    where
        for<'a> Answer: From<&'a R>,
    {
        self.record_as(operation, call, |result| Answer::from(result))
    }

    /// As [`Client::record`], for results of the caller's own.
    pub fn record_as<R>(
        &mut self,
        operation: Operation,
        call: impl FnOnce() -> R,
        answer: impl FnOnce(&R) -> Answer,
    ) -> R {
        let (client, moment) = (self.name, self.recorder.moment());
        let (back, unknown) = (None, Answer::Unknown);
        self.events.push(Event { client, call: moment, back, operation, answer: unknown });
        let result = call();
        let back = self.recorder.moment();
        if let Some(event) = self.events.last_mut() {
            (event.back, event.answer) = (Some(back), answer(&result));
        }
        result
    }

    /// [`Engine::hold`].
    ///
    /// # Errors
    /// As the engine, here and below.
    pub fn hold(&mut self, engine: &Engine, ask: &Ask) -> Result<Receipt, Error> {
        self.record(Operation::Hold(ask.into()), || engine.hold(ask).wait())
    }

    /// [`Engine::book`].
    #[expect(clippy::missing_errors_doc, reason = "as the first of them")]
    pub fn book(&mut self, engine: &Engine, ask: &Ask) -> Result<Receipt, Error> {
        self.record(Operation::Book(ask.into()), || engine.book(ask).wait())
    }

    /// [`Engine::confirm`].
    #[expect(clippy::missing_errors_doc, reason = "as the first of them")]
    pub fn confirm(&mut self, engine: &Engine, claim: ClaimId) -> Result<Receipt, Error> {
        self.record(Operation::Confirm(claim), || engine.confirm(claim).wait())
    }

    /// [`Engine::extend`].
    #[expect(clippy::missing_errors_doc, reason = "as the first of them")]
    pub fn extend(
        &mut self,
        engine: &Engine,
        claim: ClaimId,
        ttl: Duration,
    ) -> Result<Receipt, Error> {
        self.record(Operation::Extend(claim, ttl), || engine.extend(claim, ttl).wait())
    }

    /// [`Engine::release`].
    #[expect(clippy::missing_errors_doc, reason = "as the first of them")]
    pub fn release(&mut self, engine: &Engine, claim: ClaimId) -> Result<Receipt, Error> {
        self.record(Operation::Release(claim), || engine.release(claim).wait())
    }

    /// [`Engine::cancel`].
    #[expect(clippy::missing_errors_doc, reason = "as the first of them")]
    pub fn cancel(&mut self, engine: &Engine, claim: ClaimId) -> Result<Receipt, Error> {
        self.record(Operation::Cancel(claim), || engine.cancel(claim).wait())
    }

    /// [`Engine::swap`].
    #[expect(clippy::missing_errors_doc, reason = "as the first of them")]
    pub fn swap(
        &mut self,
        engine: &Engine,
        (hold, to, request): (ClaimId, SlotId, RequestId),
    ) -> Result<Receipt, Error> {
        let operation = Operation::Swap(hold, to, request);
        self.record(operation, || engine.swap(hold, to, request).wait())
    }

    /// [`Engine::reschedule`].
    #[expect(clippy::missing_errors_doc, reason = "as the first of them")]
    pub fn reschedule(
        &mut self,
        engine: &Engine,
        (booking, to, request): (ClaimId, SlotId, RequestId),
    ) -> Result<Receipt, Error> {
        let operation = Operation::Reschedule(booking, to, request);
        self.record(operation, || engine.reschedule(booking, to, request).wait())
    }

    /// [`Engine::reschedule_to_hold`].
    #[expect(clippy::missing_errors_doc, reason = "as the first of them")]
    pub fn reschedule_to_hold(
        &mut self,
        engine: &Engine,
        (booking, hold, request): (ClaimId, ClaimId, RequestId),
    ) -> Result<Receipt, Error> {
        let operation = Operation::RescheduleToHold(booking, hold, request);
        self.record(operation, || engine.reschedule_to_hold(booking, hold, request).wait())
    }

    /// [`Engine::claim`].
    #[expect(clippy::missing_errors_doc, reason = "as the first of them")]
    pub fn claim(&mut self, engine: &Engine, claim: ClaimId) -> Result<Claim, Error> {
        self.record(Operation::Read(claim), || engine.claim(claim).wait())
    }

    /// The places used at a slot, by [`Engine::day`].
    pub fn look(&mut self, engine: &Engine, slot: SlotId) -> Option<u16> {
        let used = || {
            let view = engine.day(slot.day)?.slots.into_iter().find(|view| view.slot == slot)?;
            Some(view.used_by_channel.iter().sum())
        };
        let answer = |used: &Option<u16>| used.map_or(Answer::Unknown, Answer::Used);
        self.record_as(Operation::Look(slot), used, answer)
    }

    /// Moves the clock. Only one client of a history may, and to whole milliseconds.
    pub fn advance(&mut self, clock: &ManualClock, by: Duration) {
        let to = clock.now() + by;
        self.record_as(Operation::Advance(to), || clock.set(to), |()| Answer::Done);
    }
}

impl Drop for Client<'_> {
    fn drop(&mut self) {
        let events = std::mem::take(&mut self.events);
        self.recorder.with(|history| history.events.extend(events));
    }
}
