//! Is there room for it? A place against the limits and counters of its slots.
//!
//! Never takes it.

use crate::claim::Place;
use crate::id::Channel;
use crate::inventory::day::{Day, starts_at};
use crate::inventory::plan::{Plan, kept_for_others, lanes};
use crate::planted::planted;
use crate::record::DayFrame;
use crate::time::Time;

/// Why a place cannot be given out; with the slot index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shortage {
    Closed(u16),
    Full(u16),
    Channel(u16),
}

impl Day {
    /// Whether the plan lets `place` be taken now. Under the day's lock this is the decision;
    /// without it, a refusal that rests on [`Day::seq`] read afterwards. `pending` are places of
    /// the same request on this day that are not applied yet, `freed` one that will be given up.
    pub(crate) fn check(
        &self,
        plan: &Plan,
        frame: &DayFrame,
        now: Time,
        place: &Place,
        pending: &[Place],
        freed: Option<&Place>,
    ) -> Result<(), Shortage> {
        if self.is_closed() && !planted("grant_on_a_closed_day") {
            return Err(Shortage::Closed(place.start));
        }
        let (width, channel) = (u32::from(place.width()), place.channel.index());
        for index in place.slots() {
            #[expect(clippy::cast_possible_truncation, reason = "a slot index has 11 bits")]
            let slot = index as u16;
            // A slot that the day had no counter for when it was made is never given out.
            let limits = plan.slot(index).filter(|_| index < self.used.len());
            let limits = limits.ok_or(Shortage::Closed(slot))?;
            let mut lanes = lanes(self.used(index));
            for other in pending.iter().filter(|other| other.slots().contains(&index)) {
                if let Some(lane) = lanes.get_mut(other.channel.index()) {
                    *lane += u32::from(other.width());
                }
            }
            if let Some(old) = freed.filter(|old| old.slots().contains(&index))
                && let Some(lane) = lanes.get_mut(old.channel.index())
            {
                *lane = lane.saturating_sub(u32::from(old.width()));
            }
            let used: u32 = lanes.iter().sum();
            let capacity = u32::from(limits.capacity) + u32::from(planted("one_place_too_many"));
            if used + width > capacity {
                return Err(Shortage::Full(slot));
            }
            let max = limits.max.get(channel).copied().unwrap_or(0);
            let own = lanes.get(channel).copied().unwrap_or(0);
            if own + width > u32::from(max) && !planted("no_channel_limit") {
                return Err(Shortage::Channel(slot));
            }
            if plan.protects() {
                let kept = kept_for_others(plan, limits.protected, lanes, channel, || {
                    starts_at(frame, slot).0.saturating_sub(now.0)
                });
                if used + width + kept > u32::from(limits.capacity) {
                    return Err(Shortage::Channel(slot));
                }
            }
        }
        Ok(())
    }

    /// Whether an override of every limit still fits the counters.
    pub(crate) fn fits_lanes(&self, place: &Place) -> bool {
        place.slots().all(|index| {
            index < self.used.len() && {
                let own = lanes(self.used(index)).get(place.channel.index()).copied().unwrap_or(0);
                u16::try_from(own + u32::from(place.width())).is_ok()
            }
        })
    }

    /// What a slot still has for `channel`: never negative.
    pub(crate) fn free_for(
        &self,
        plan: &Plan,
        frame: &DayFrame,
        now: Time,
        index: usize,
        channel: Channel,
    ) -> u16 {
        let Some(limits) = plan.slot(index) else {
            return 0;
        };
        let lanes = lanes(self.used(index));
        let used: u32 = lanes.iter().sum();
        let own = lanes.get(channel.index()).copied().unwrap_or(0);
        let max = u32::from(limits.max.get(channel.index()).copied().unwrap_or(0));
        let mut kept = 0;
        if plan.protects() {
            let slot = u16::try_from(index).unwrap_or(u16::MAX);
            kept = kept_for_others(plan, limits.protected, lanes, channel.index(), || {
                starts_at(frame, slot).0.saturating_sub(now.0)
            });
        }
        let free = u32::from(limits.capacity).saturating_sub(used + kept);
        u16::try_from(free.min(max.saturating_sub(own))).unwrap_or(u16::MAX)
    }
}
