//! What does one record change? Every part it touches, unless a snapshot had it already.
//!
//! Never believes what could not have happened: checksums tell damage, not nonsense.

use crate::claim::Place;
use crate::engine::recovery::{Rebuilt, UNFIT};
use crate::id::{ClaimId, DayId, Seq};
use crate::inventory::{DayEntry, Shape};
use crate::ledger::Ledger;
use crate::planted::planted;
use crate::record::{DayFrame, Effect, TextOf};
use crate::time::Time;

impl Rebuilt {
    /// Everything but the claims.
    pub(super) fn apply(
        &mut self,
        seq: Seq,
        effect: Effect,
        freed: Option<&Effect>,
    ) -> Result<(), &'static str> {
        if let Some((_, place)) = parts(&effect) {
            return match self.day_before(place.day, seq)? {
                Some(entry) => apply_to_day(entry, seq, &effect, freed),
                None => Ok(()),
            };
        }
        match effect {
            Effect::DayCreated { day, frame } => self.create_day(seq, day, frame)?,
            Effect::DayPlanned { day, frame } => self.plan_day(seq, day, frame)?,
            Effect::DayClosed { day } | Effect::DayReopened { day } => {
                if let Some(entry) = self.day_before(day, seq)? {
                    entry.day.apply(&mut entry.day.state().lock(), seq, &effect);
                }
            }
            Effect::DayRetired { day } => {
                // A day that a snapshot saw later was made anew.
                if let Some(entry) = self.day_before(day, seq)? {
                    if !entry.day.may_retire(&entry.day.state().lock()) {
                        return Err(UNFIT);
                    }
                    self.days.remove(day);
                }
            }
            Effect::PlanDefined { plan, ranges, give_back_min } => {
                let shape = Shape { ranges: Vec::new(), give_back_min };
                self.plan = Some((plan, ranges, shape));
                self.define_plan()?;
            }
            Effect::PlanRange(range) => {
                if let Some((_, _, shape)) = &mut self.plan {
                    shape.ranges.push(range);
                }
                self.define_plan()?;
            }
            Effect::Text { of: TextOf::Catalog, offset, bytes, .. } => {
                if offset == 0 {
                    self.text.clear();
                }
                self.text.extend(bytes);
            }
            Effect::Installed { version, done } => self.installed(version, done)?,
            Effect::Founded { .. } if seq != Seq(1) => return Err(UNFIT),
            _ => {}
        }
        Ok(())
    }

    /// The day, if it has not seen this record yet. Only days that a snapshot saw retired may be
    /// missing.
    fn day_before(&self, day: DayId, seq: Seq) -> Result<Option<&DayEntry>, &'static str> {
        match self.days.get(day) {
            None if seq > self.seen => Err(UNFIT),
            found => Ok(found.filter(|entry| entry.day.seq() < seq)),
        }
    }

    fn create_day(&mut self, seq: Seq, day: DayId, frame: DayFrame) -> Result<(), &'static str> {
        if let Some(entry) = self.days.get(day) {
            if entry.day.seq() >= seq {
                return Ok(());
            }
            // Made again: the first try had failed after it was journalled.
            if !entry.day.is_unused(&entry.day.state().lock()) {
                return Err(UNFIT);
            }
        }
        let entry = self.make_day(day, frame).ok_or(UNFIT)?;
        let effect = Effect::DayCreated { day, frame };
        entry.day.apply(&mut entry.day.state().lock(), seq, &effect);
        Ok(())
    }

    fn plan_day(&mut self, seq: Seq, day: DayId, frame: DayFrame) -> Result<(), &'static str> {
        let plan = self.admin.plans.get(frame.plan).ok_or(UNFIT)?;
        let Some(entry) = self.day_before(day, seq)?.cloned() else {
            return Ok(());
        };
        if usize::from(frame.slots) != entry.day.slots() || !frame.is_real(day) {
            return Err(UNFIT);
        }
        entry.day.replan(&mut entry.day.state().lock(), seq, frame, plan.clone());
        let bits = self.days.bits(day.calendar());
        self.days.put(DayEntry { frame, plan, ..entry }, &bits);
        Ok(())
    }

    fn define_plan(&mut self) -> Result<(), &'static str> {
        let Some((number, count, shape)) = &self.plan else {
            return Ok(());
        };
        if (shape.ranges.len() as u64) < u64::from(*count) {
            return Ok(());
        }
        if *number > self.admin.plans.count() || !shape.is_real() {
            return Err(UNFIT);
        }
        if let Some((number, _, shape)) = self.plan.take() {
            self.admin.plans.define(number, shape);
        }
        Ok(())
    }

    fn installed(&mut self, version: u32, done: bool) -> Result<(), &'static str> {
        if version < self.admin.version {
            return Ok(());
        }
        if version - self.admin.version > 1 {
            return Err(UNFIT);
        }
        self.admin.version = version;
        self.admin.unfinished = !done;
        if !done {
            let unreadable =
                "a catalog that this version cannot read; a newer one may have written it";
            self.document = Some(serde_json::from_slice(&self.text).map_err(|_| unreadable)?);
        }
        Ok(())
    }
}

/// What an effect on a claim changes in the ledger.
pub(super) fn to_claim(
    ledger: &Ledger,
    seq: Seq,
    at: Time,
    effect: &Effect,
    freed: Option<&Effect>,
) -> Result<(), &'static str> {
    let Some((claim, _)) = parts(effect) else {
        return Ok(());
    };
    let mut shard = ledger.lock_of(claim).ok_or(UNFIT)?;
    if shard.seq >= seq && !planted("apply_twice") {
        return Ok(());
    }
    let elsewhere = match effect {
        Effect::Granted { party, .. } => ledger.locate(*party).1 != claim.shard(),
        _ => false,
    };
    if elsewhere || !shard.fits(effect, freed) {
        return Err(UNFIT);
    }
    shard.apply(seq, at, effect);
    Ok(())
}

/// The claim and the place of an effect on a claim.
fn parts(effect: &Effect) -> Option<(ClaimId, &Place)> {
    Some(match effect {
        Effect::Granted { claim, place, .. }
        | Effect::Confirmed { claim, place, .. }
        | Effect::Extended { claim, place, .. }
        | Effect::Ended { claim, place, .. }
        | Effect::Returned { claim, place }
        | Effect::Taken { claim, place, .. }
        | Effect::Freed { claim, place, .. }
        | Effect::Marked { claim, place, .. }
        | Effect::Assigned { claim, place, .. }
        | Effect::Archived { claim, place } => (*claim, place),
        _ => return None,
    })
}

/// A move within one day is one net difference, here as in life.
fn apply_to_day(
    entry: &DayEntry,
    seq: Seq,
    effect: &Effect,
    freed: Option<&Effect>,
) -> Result<(), &'static str> {
    let mut state = entry.day.state().lock();
    if !entry.day.fits(&state, effect) {
        return Err(UNFIT);
    }
    if let Effect::Taken { claim, place, held, adopted: None, .. } = effect
        && let Some(other @ Effect::Freed { place: old, .. }) = freed
        && old.day == place.day
    {
        if !entry.day.fits(&state, other) {
            return Err(UNFIT);
        }
        let both = Seq(seq.0 + 1);
        entry.day.shift(&mut state, both, *claim, (old, place), *held);
    } else {
        entry.day.apply(&mut state, seq, effect);
    }
    Ok(())
}
