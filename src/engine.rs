//! May they have it? The hall: every operation decides, applies, publishes and acknowledges.
//!
//! The only room that sees ledger, inventory and journal. The lock order, the only one there is:
//! one ledger shard, then days in ascending order. Between a decision and its record nothing can
//! fail, panic or allocate. Never reads a wall clock on an operation's path.

mod archive;
mod ask;
mod audit;
mod builder;
mod days;
mod expiry;
mod grant;
mod half_done;
mod install;
mod life;
mod moves;
mod openings;
mod reads;
mod recovery;
mod request;
mod retry;
mod shape;
mod snapshot;
mod verify;
mod wish;
mod world;

use std::fmt;

use arc_swap::ArcSwap;
use crossbeam_utils::CachePadded;

use crate::claim::{Claim, ClaimState, Receipt};
use crate::error::Error;
use crate::id::{ClaimId, Seq};
use crate::inventory::{Day, DayEntry, DayState, Plans, starts_at};
use crate::journal::{Commit, Feed, Journal};
use crate::ledger::{Ledger, Shard};
use crate::log_store::LogStore;
use crate::planted::{panic_point, planted};
use crate::record::Effect;
use crate::rejection::Rejection;
use crate::sync::thread::JoinHandle;
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering};
use crate::time::{Clock, Time};

use half_done::HalfDone;
use world::World;

pub use ask::{Ask, OpenDay, Opening, Openings};
pub use audit::Audit;
pub use builder::Builder;
pub use days::Closure;
pub use install::InstallReport;
pub use reads::{DayView, SlotView, Stats};
pub use recovery::{LogSummary, read_log};
pub use verify::{Verified, verify};

/// An engine: the places of every day, who has them, and the log that remembers.
///
/// Share it by reference or in an `Arc`; every call may come from any thread. Dropping it closes
/// it in order.
#[doc(alias = "allocator")]
pub struct Engine {
    hall: Arc<Hall>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What all threads share.
pub(crate) struct Hall {
    ledger: Ledger,
    world: ArcSwap<World>,
    journal: Arc<Journal>,
    store: Arc<dyn LogStore>,
    clock: Box<dyn Clock>,
    /// Engine time in milliseconds: never decreases, across restarts too.
    now: CachePadded<AtomicU64>,
    clock_runs: bool,
    /// Ring lines a shard takes at a time; all shards together at most a quarter of the ring.
    stash: u32,
    settings: builder::Settings,
    admin: Mutex<Admin>,
    /// A thread panicked between a decision and its record.
    half_done: AtomicBool,
    closing: AtomicBool,
    /// Bytes in use, as of the last look.
    memory: AtomicU64,
}

/// What only edits of the catalog and of days use, one at a time.
#[derive(Debug, Default)]
pub(crate) struct Admin {
    plans: Plans,
    version: u32,
    unfinished: bool,
    snapshot_at_bytes: u64,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("last", &self.hall.journal.last()).finish_non_exhaustive()
    }
}

/// What a decision about one claim comes to.
enum Verdict {
    Refuse(Rejection),
    /// It was done before: answer with the present state.
    Replay,
    Do(Effect),
}

/// What a decision about one claim may look at.
struct Scene<'a> {
    id: ClaimId,
    state: ClaimState,
    place: crate::claim::Place,
    starts_at: Time,
    now: Time,
    entry: &'a crate::ledger::Entry,
    shard: &'a Shard,
    world: &'a World,
}

impl Hall {
    fn status(&self) -> Result<(), Error> {
        // Relaxed: a latch; whoever sets it has told its own caller already.
        if self.half_done.load(Ordering::Relaxed) {
            return half_done::poisoned();
        }
        self.journal.status()
    }

    /// Engine time. Called after the locks are taken, so that along one shard or day the times in
    /// the journal never decrease.
    fn now(&self) -> Time {
        if self.clock_runs {
            // Relaxed: time orders nothing; the locks do.
            Time(self.now.load(Ordering::Relaxed))
        } else {
            self.refresh_now()
        }
    }

    fn refresh_now(&self) -> Time {
        let clock = Time::from(self.clock.now()).0;
        if planted("expire_by_the_wall_clock") {
            return Time(clock);
        }
        // Relaxed: as in `now`.
        Time(self.now.fetch_max(clock, Ordering::Relaxed).max(clock))
    }

    /// Ring lines from the shard's stash, refilled from the journal; never waits.
    fn permit(&self, shard: &mut Shard, lines: u32) -> bool {
        if shard.stash >= lines {
            shard.stash -= lines;
            return true;
        }
        if self.journal.try_take(self.stash + lines) {
            shard.stash += self.stash;
            return true;
        }
        self.journal.try_take(lines)
    }

    fn give_back(&self, shard: &mut Shard, lines: u32) {
        shard.stash += lines;
        if shard.stash > self.stash * 2 {
            self.journal.give_back(shard.stash - self.stash);
            shard.stash = self.stash;
        }
    }

    /// Waits for `lines` of the ring without any lock and leaves them in the shard's stash; or
    /// refuses as busy where the builder chose that.
    fn wait_for_permit(&self, shard: usize, lines: u32) -> Result<(), Error> {
        if self.settings.refuse_when_busy {
            return Err(Error::Busy);
        }
        self.journal.wait_for_room(lines)?;
        match self.ledger.lock(shard) {
            Some(mut shard) => shard.stash += lines,
            None => self.journal.give_back(lines),
        }
        Ok(())
    }

    /// A refusal or error that rests on nothing that could be undone.
    fn refuse<T>(&self, error: impl Into<Error>) -> Commit<'_, T> {
        Commit::new(&self.journal, Seq(0), Err(error.into()))
    }

    /// Publishes one effect and applies it to its shard and day, all under their locks.
    fn carry_out(
        &self,
        shard: &mut Shard,
        (day, state): (&Day, &mut DayState),
        now: Time,
        effect: &Effect,
    ) -> Seq {
        let guard = HalfDone(&self.half_done);
        panic_point("panic_before_the_record");
        let seq = self.journal.publish(now, &mut [effect.to_line()]);
        panic_point("panic_after_the_record");
        day.apply(state, seq, effect);
        panic_point("panic_between_day_and_shard");
        shard.apply(seq, now, effect);
        drop(guard);
        seq
    }

    /// The frame of every change to one claim: finds it, ends it if its deadline has passed, lets
    /// `decide` decide, and carries the effect out.
    fn change(&self, id: ClaimId, decide: impl Fn(&Scene<'_>) -> Verdict) -> Commit<'_, Receipt> {
        // One line for the change and one for an expiry met on the way.
        const LINES: u32 = 2;
        loop {
            if let Err(error) = self.status() {
                return self.refuse(error);
            }
            let world = self.world.load();
            let Some(mut shard) = self.ledger.lock_of(id) else {
                return self.refuse(Rejection::UnknownClaim { claim: id });
            };
            let unknown = || Error::from(Rejection::UnknownClaim { claim: id });
            let Some(place) = shard.get(id).map(crate::ledger::Entry::place) else {
                return Commit::new(&self.journal, shard.seq, Err(unknown()));
            };
            let Some(entry) = world.days.get(place.day) else {
                return self.settled(&shard, &world, id, &decide);
            };
            let day = &*entry.day;
            if !self.permit(&mut shard, LINES) {
                drop(shard);
                match self.wait_for_permit(id.shard(), LINES) {
                    Ok(()) => continue,
                    Err(error) => return self.refuse(error),
                }
            }
            let mut state = day.state().lock();
            let now = self.now();
            let mut used = self.expire_if_due(&mut shard, (day, &mut state), id, now);
            let starts = starts_at(&state.frame, place.start);
            let verdict = match scene(&shard, &world, id, starts, now) {
                Some(scene) => decide(&scene),
                None => Verdict::Refuse(Rejection::UnknownClaim { claim: id }),
            };
            let (seq, answer) = match verdict {
                Verdict::Refuse(rejection) => (shard.seq, Err(rejection.into())),
                Verdict::Replay => (shard.seq, Ok(true)),
                Verdict::Do(effect) => {
                    used += 1;
                    // Of what stays where it is, only an actor goes into the colder half line.
                    if let Effect::Assigned { .. } = effect {
                        shard.reserve_cold(id.index());
                    }
                    let seq = self.carry_out(&mut shard, (day, &mut state), now, &effect);
                    (seq, Ok(false))
                }
            };
            drop(state);
            self.give_back(&mut shard, LINES - used);
            self.ledger.note_due(&shard);
            let answer = answer.and_then(|replayed| {
                let claim = view_on(&shard, Some(entry), id).ok_or_else(unknown)?;
                Ok(Receipt { claim, replayed })
            });
            return Commit::new(&self.journal, seq, answer);
        }
    }

    /// The answer about a claim whose day has left memory: only ended claims are like that.
    fn settled(
        &self,
        shard: &Shard,
        world: &World,
        id: ClaimId,
        decide: &impl Fn(&Scene<'_>) -> Verdict,
    ) -> Commit<'_, Receipt> {
        let verdict = scene(shard, world, id, Time::MAX, self.now()).map(|scene| decide(&scene));
        let answer = match (verdict, view(shard, world, id)) {
            (Some(Verdict::Refuse(rejection)), _) => Err(rejection.into()),
            (Some(Verdict::Replay), Some(claim)) => Ok(Receipt { claim, replayed: true }),
            _ => Err(Rejection::UnknownClaim { claim: id }.into()),
        };
        Commit::new(&self.journal, shard.seq, answer)
    }
}

/// The claim as callers see it.
fn view(shard: &Shard, world: &World, id: ClaimId) -> Option<Claim> {
    view_on(shard, world.days.get(shard.get(id)?.day()), id)
}

/// The same, by who knows the claim's day.
fn view_on(shard: &Shard, day: Option<&DayEntry>, id: ClaimId) -> Option<Claim> {
    let entry = shard.get(id)?;
    let state = entry.stage().state()?;
    let place = entry.place();
    let cold = shard.cold(id.index());
    Some(Claim {
        id,
        state,
        party: entry.party,
        request: entry.request,
        slot: place.slot(),
        starts_at: day.map(|day| starts_at(&day.frame, place.start).utc()),
        run: place.run,
        persons: place.persons,
        arrangement: place.arrangement,
        services: cold.services(entry.service()),
        channel: place.channel,
        actor: cold.actor,
        version: cold.version,
        deadline: (state == ClaimState::Held).then(|| entry.time().utc()),
    })
}

fn scene<'a>(
    shard: &'a Shard,
    world: &'a World,
    id: ClaimId,
    starts_at: Time,
    now: Time,
) -> Option<Scene<'a>> {
    let entry = shard.get(id)?;
    let state = entry.stage().state()?;
    Some(Scene { id, state, place: entry.place(), starts_at, now, entry, shard, world })
}

/// The ring lines that a shard may take at a time: all of them together a quarter of the ring.
fn stash_lines(ring: usize, shards: usize) -> u32 {
    u32::try_from((ring / 4 / shards.max(1)).min(32)).unwrap_or(1)
}

impl Engine {
    /// Everything that happened from a sequence number on: each effect once, in order, only what
    /// is durable.
    pub fn feed(&self, from: Seq) -> Feed<'_> {
        self.hall.journal.feed(from)
    }

    /// The sequence number of the last record.
    pub fn last(&self) -> Seq {
        self.hall.journal.last()
    }

    /// The sequence number up to which everything is on disk.
    pub fn durable(&self) -> Seq {
        self.hall.journal.durable()
    }

    /// Writes what is pending, takes a snapshot, and closes the log in order. Dropping does the
    /// same but cannot tell of a failure.
    ///
    /// # Errors
    /// What the storage says.
    pub fn close(self) -> Result<(), Error> {
        self.shut()
    }

    fn shut(&self) -> Result<(), Error> {
        // Relaxed: the threads look at every turn.
        if self.hall.closing.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in &threads {
            thread.thread().unpark();
        }
        for thread in threads {
            // One that panicked has latched the engine already.
            let _ = thread.join();
        }
        let healthy = self.hall.status().is_ok();
        let snapshot = if healthy && self.hall.settings.snapshot_on_close {
            self.hall.snapshot()
        } else {
            Ok(())
        };
        self.hall.journal.close().and(snapshot)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Nobody is left to tell; `close` tells.
        let _ = self.shut();
    }
}
