//! How much may each slot give out? Immutable tables that many days share.
//!
//! Never changes: an edit makes another plan.

use std::collections::HashMap;

use crate::id::Channel;
use crate::record::{Effect, PlanRange};
use crate::sync::Arc;

/// The limits of one slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SlotLimits {
    pub(crate) capacity: u16,
    pub(crate) max: [u16; Channel::COUNT],
    pub(crate) protected: [u16; Channel::COUNT],
}

/// The four counts, one a channel, of a slot.
pub(crate) fn lanes(word: u64) -> [u32; Channel::COUNT] {
    let lane = |shift: u32| u32::from(((word >> shift) & 0xffff) as u16);
    [lane(0), lane(16), lane(32), lane(48)]
}

/// The sum of the four counts.
pub(crate) fn used_in(word: u64) -> u64 {
    const EVEN: u64 = 0x0000_ffff_0000_ffff;
    let pairs = (word & EVEN) + ((word >> 16) & EVEN);
    (pairs & u64::from(u32::MAX)) + (pairs >> 32)
}

/// The limits of every slot of a day.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) number: u32,
    ranges: Vec<PlanRange>,
    pub(crate) give_back_min: [u16; Channel::COUNT],
    slots: Box<[SlotLimits]>,
    first_open: usize,
    protects: bool,
    open_to: [bool; Channel::COUNT],
}

impl Plan {
    pub(crate) fn new(number: u32, shape: Shape) -> Self {
        let end = shape.ranges.iter().map(|range| range.end).max().unwrap_or(0);
        let mut slots = vec![SlotLimits::default(); usize::from(end)].into_boxed_slice();
        for range in &shape.ranges {
            let span = usize::from(range.start)..usize::from(range.end);
            for slot in slots.get_mut(span).into_iter().flatten() {
                *slot = SlotLimits {
                    capacity: range.capacity,
                    max: range.max,
                    protected: range.protected,
                };
            }
        }
        let first_open = slots.iter().position(|slot| slot.capacity > 0).unwrap_or(slots.len());
        let protects = slots.iter().any(|slot| slot.protected != [0; Channel::COUNT]);
        let open_to = Channel::ALL.map(|channel| {
            let mut max = slots.iter().map(|slot| (slot.max.get(channel.index()), slot.capacity));
            !protects && max.all(|(max, capacity)| max.is_some_and(|max| *max >= capacity))
        });
        let Shape { ranges, give_back_min } = shape;
        Self { number, ranges, give_back_min, slots, first_open, protects, open_to }
    }

    /// The limits of a slot; `None` where the plan has nothing open.
    pub(crate) fn slot(&self, index: usize) -> Option<&SlotLimits> {
        self.slots.get(index).filter(|slot| slot.capacity > 0)
    }

    pub(crate) fn first_open(&self) -> usize {
        self.first_open
    }

    pub(crate) fn end(&self) -> usize {
        self.slots.len()
    }

    /// Whether any channel has a protected share.
    pub(crate) fn protects(&self) -> bool {
        self.protects
    }

    /// Whether a channel may take every place of every slot.
    pub(crate) fn is_open_to(&self, channel: Channel) -> bool {
        self.open_to.get(channel.index()).copied().unwrap_or(false)
    }

    /// Whether a slot with these counts has a free place.
    pub(crate) fn has_room(&self, index: usize, used: u64) -> bool {
        self.slot(index).is_some_and(|slot| used_in(used) < u64::from(slot.capacity))
    }

    pub(crate) fn shape(&self) -> Shape {
        Shape { ranges: self.ranges.clone(), give_back_min: self.give_back_min }
    }

    /// The records that define it: one group.
    pub(crate) fn effects(&self) -> Vec<Effect> {
        let defined = Effect::PlanDefined {
            plan: self.number,
            ranges: u32::try_from(self.ranges.len()).unwrap_or(u32::MAX),
            give_back_min: self.give_back_min,
        };
        let ranges = self.ranges.iter().map(|range| Effect::PlanRange(*range));
        std::iter::once(defined).chain(ranges).collect()
    }
}

/// What makes two plans equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    pub(crate) ranges: Vec<PlanRange>,
    pub(crate) give_back_min: [u16; Channel::COUNT],
}

impl Shape {
    /// The same with other limits in some of its slots.
    pub(crate) fn with_limits(&self, slots: &std::ops::Range<u16>, limits: PlanRange) -> Self {
        let mut ranges = Vec::new();
        for range in &self.ranges {
            let (from, to) = (range.start.max(slots.start), range.end.min(slots.end));
            if from >= to {
                ranges.push(*range);
                continue;
            }
            ranges.push(PlanRange { end: from, ..*range });
            ranges.push(PlanRange { start: from, end: to, ..limits });
            ranges.push(PlanRange { start: to, ..*range });
        }
        Self { ranges: joined(ranges), give_back_min: self.give_back_min }
    }

    /// The same for a day of so many slots.
    pub(crate) fn within(&self, slots: u16) -> Self {
        let cut = self.ranges.iter().map(|range| PlanRange { end: range.end.min(slots), ..*range });
        Self { ranges: joined(cut.collect()), give_back_min: self.give_back_min }
    }
}

/// Without empty ranges, and those with equal limits together.
fn joined(ranges: Vec<PlanRange>) -> Vec<PlanRange> {
    let mut joined: Vec<PlanRange> = Vec::new();
    for range in ranges.into_iter().filter(|range| range.start < range.end) {
        match joined.last_mut() {
            Some(last) if *last == (PlanRange { start: last.start, end: range.start, ..range }) => {
                last.end = range.end;
            }
            _ => joined.push(range),
        }
    }
    joined
}

/// All plans by number, each shape once.
#[derive(Debug, Default)]
pub(crate) struct Plans {
    list: Vec<Arc<Plan>>,
    by_shape: HashMap<Shape, u32>,
}

impl Plans {
    /// The plan of this shape; or the one to be, with the next number.
    pub(crate) fn find(&self, shape: &Shape) -> Result<Arc<Plan>, Plan> {
        let known = self.by_shape.get(shape).and_then(|number| self.get(*number));
        known.ok_or_else(|| Plan::new(self.count(), shape.clone()))
    }

    /// How many there are, which is the next number.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.list.len()).unwrap_or(u32::MAX)
    }

    /// A plan as its record says it.
    pub(crate) fn define(&mut self, number: u32, shape: Shape) -> Arc<Plan> {
        let plan = Arc::new(Plan::new(number, shape.clone()));
        if number as usize == self.list.len() {
            self.list.push(plan.clone());
            self.by_shape.insert(shape, number);
        }
        plan
    }

    pub(crate) fn get(&self, number: u32) -> Option<Arc<Plan>> {
        self.list.get(number as usize).cloned()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Plan>> {
        self.list.iter()
    }
}

/// What is kept of a slot for the channels but one, unless it has been given back to all.
pub(super) fn kept_for_others(
    plan: &Plan,
    protected: [u16; Channel::COUNT],
    lanes: [u32; Channel::COUNT],
    own: usize,
    until_start_ms: impl Fn() -> u64,
) -> u32 {
    let shares = protected.into_iter().zip(lanes).zip(plan.give_back_min).enumerate();
    shares
        .filter(|(channel, _)| *channel != own)
        .filter(|(_, (_, give_back))| until_start_ms() > u64::from(*give_back) * 60_000)
        .map(|(_, ((share, lane), _))| u32::from(share).saturating_sub(lane))
        .sum()
}

#[cfg(test)]
mod tests;
