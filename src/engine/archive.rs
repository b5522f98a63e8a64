//! What may be forgotten? Past days and ended claims leave memory, into the archive.
//!
//! Never forgets early: the idempotency window and the days to keep are the builder's.

use serde_json::json;

use crate::claim::Claim;
use crate::engine::{Admin, Hall, World, view};
use crate::error::Error;
use crate::id::DayId;
use crate::inventory::DayState;
use crate::ledger::{Entry, Shard};
use crate::planted::planted;
use crate::record::Effect;
use crate::sync::MutexGuard;
use crate::time::Time;

/// Ended claims forgotten under one hold of a shard's lock.
const BATCH: usize = 256;

impl Hall {
    /// Rolls the horizon, lets old things go, and takes a snapshot when the log has grown.
    pub(super) fn housekeeping(&self) {
        let Some(mut admin) = self.admin.try_lock() else {
            return;
        };
        let now = self.now();
        if self.status().is_err() {
            return;
        }
        // A failure here is the storage's: it shows in `status` for every caller, and what was
        // not done is done at a later tick.
        let _ = self.roll(&mut admin).and_then(|()| self.retire(&admin, now));
        for shard in 0..self.ledger.shards() {
            while self.forget_ended(shard, now).is_ok_and(|more| more) {}
        }
        self.measure_memory();
        let due = self.journal.appended_bytes() >= admin.snapshot_at_bytes;
        if due && self.snapshot_under(&mut admin).is_err() {
            admin.snapshot_at_bytes = self.journal.appended_bytes() + self.settings.snapshot_every;
        }
    }

    /// Notes the memory in use, where there is a ceiling for it.
    fn measure_memory(&self) {
        if self.settings.memory_max != u64::MAX {
            // Relaxed: see `memory_is_full`.
            self.memory.store(self.memory_in_use(), crate::sync::Ordering::Relaxed);
        }
    }

    /// Bytes of claims, indexes, days and rosters.
    pub(super) fn memory_in_use(&self) -> u64 {
        let shards = (0..self.ledger.shards()).filter_map(|shard| self.ledger.lock(shard));
        let claims: usize = shards.map(|shard| shard.memory()).sum();
        let world = self.world.load();
        let days = world.days.iter();
        let days: usize = days.map(|entry| entry.day.memory(&entry.day.state().lock())).sum();
        (claims + days) as u64
    }

    /// Takes days out of memory that are past for longer than they are kept.
    fn retire(&self, _admin: &Admin, now: Time) -> Result<(), Error> {
        let world = self.world.load_full();
        let keep_ms = u64::from(self.settings.keep_days) * 24 * 60 * 60 * 1_000;
        let mut old = Vec::new();
        for entry in world.days.iter() {
            let ends = crate::inventory::starts_at(&entry.frame, entry.frame.slots);
            // A hold may outlive its day: it ends first.
            if ends.plus(keep_ms) < now && !entry.day.has_unbooked() {
                old.push(entry.day.id);
            }
        }
        if old.is_empty() {
            return Ok(());
        }
        let mut draft = self.draft();
        for id in old {
            self.archive_day(id, &world)?;
            let Some(entry) = world.days.get(id) else {
                continue;
            };
            let effect = Effect::DayRetired { day: id };
            let day = &entry.day;
            let apply = |_: &Self, state: Option<MutexGuard<'_, DayState>>, seq| {
                if let Some(mut state) = state {
                    day.apply(&mut state, seq, &effect);
                }
            };
            self.publish_group(&mut [effect.to_line()], apply, Some(day))?;
            draft.days.remove(id);
        }
        Ok(())
    }

    /// Writes the claims still on a past day's roster to the archive, and lets them go.
    fn archive_day(&self, id: DayId, world: &World) -> Result<(), Error> {
        let ids = self.roster_of(id)?;
        let mut lines = Vec::new();
        for claim in &ids {
            let Some(shard) = self.ledger.lock_of(*claim) else {
                continue;
            };
            if let Some(claim) = view(&shard, world, *claim) {
                write_line(&mut lines, &claim);
            }
        }
        if self.settings.archive && !lines.is_empty() {
            self.store.archive(&id.date().to_string(), &lines)?;
        }
        for claim in ids {
            self.let_go(claim, id, world)?;
        }
        Ok(())
    }

    fn let_go(&self, id: crate::id::ClaimId, day: DayId, world: &World) -> Result<(), Error> {
        let Some(entry) = world.days.get(day) else {
            return Ok(());
        };
        self.journal.wait_for_room(1)?;
        let Some(mut shard) = self.ledger.lock_of(id) else {
            return Ok(());
        };
        // A roster from a snapshot may name a claim that is not on it.
        let here = |entry: &&Entry| entry.day() == day && entry.stage().leaves_with_its_day();
        let Some(place) = shard.get(id).filter(here).map(Entry::place) else {
            self.journal.give_back(1);
            return Ok(());
        };
        let mut state = entry.day.state().lock();
        let effect = Effect::Archived { claim: id, place };
        self.carry_out(&mut shard, (&entry.day, &mut state), self.now(), &effect);
        Ok(())
    }

    /// Forgets ended claims of a shard whose idempotency window has passed; true if there are
    /// more. Not journalled: replay forgets them by the same window, or when their entry is used
    /// again.
    fn forget_ended(&self, number: usize, now: Time) -> Result<bool, Error> {
        let window_ms = if planted("forget_early") { 0 } else { self.settings.window_ms };
        let before = Time(now.0.saturating_sub(window_ms));
        let world = self.world.load();
        let Some(mut shard) = self.ledger.lock(number) else {
            return Ok(false);
        };
        let mut lines = Vec::new();
        let mut count = 0;
        let mut at = shard.oldest_ended(before).map(|(id, _)| id);
        while let Some(id) = at.filter(|_| count < BATCH) {
            count += 1;
            if self.settings.archive
                && let Some(claim) = view(&shard, &world, id)
            {
                write_line(&mut lines, &claim);
            }
            if self.settings.archive {
                at = shard.ended_after(id, before);
            } else {
                shard.evict_oldest();
                at = shard.oldest_ended(before).map(|(id, _)| id);
            }
        }
        if self.settings.archive && count > 0 {
            // Only this work forgets ended claims while there is an archive, so the oldest stay
            // the same while the lines are written without the lock.
            drop(shard);
            self.store.archive("ended", &lines)?;
            let Some(mut shard) = self.ledger.lock(number) else {
                return Ok(false);
            };
            for _ in 0..count {
                shard.evict_oldest();
            }
        }
        Ok(count == BATCH)
    }

    /// Forgets up to two ended claims whose window has passed, where there is no archive: the
    /// next grant then writes into a line that is in the cache already.
    pub(super) fn forget_two(&self, shard: &mut Shard, now: Time) {
        if self.settings.archive {
            return;
        }
        let before = Time(now.0.saturating_sub(self.settings.window_ms));
        for _ in 0..2 {
            if shard.oldest_ended(before).is_none() {
                break;
            }
            shard.evict_oldest();
        }
    }

    /// Whether the memory that the builder granted is used up, as of the last look.
    pub(super) fn memory_is_full(&self) -> bool {
        // Relaxed: a ceiling, looked at anew every second.
        self.settings.memory_max != u64::MAX
            && self.memory.load(crate::sync::Ordering::Relaxed) >= self.settings.memory_max
    }
}

fn write_line(lines: &mut Vec<u8>, claim: &Claim) {
    let services: Vec<u16> = claim.services.as_slice().iter().map(|service| service.0).collect();
    let line = json!({
        "claim": claim.id.to_string(),
        "state": claim.state.name(),
        "party": claim.party.to_string(),
        "request": claim.request.to_string(),
        "slot": claim.slot.to_string(),
        "starts_at": claim.starts_at.map(|at| at.to_rfc3339()),
        "slots": claim.run,
        "persons": claim.persons,
        "services": services,
        "channel": claim.channel.name(),
        "actor": claim.actor.0,
        "version": claim.version,
    });
    lines.extend(line.to_string().bytes());
    lines.push(b'\n');
}
