//! Was any place given twice? A recount of every place from the journal alone.
//!
//! Shares no code and no counter with the engine: it reads effects in their order and keeps its
//! own books. Never repairs anything.

use std::collections::{BTreeMap, HashMap};

use cupo::{Channel, ClaimId, ClaimState, DayId, Effect, Event, Place, PlanRange};

/// Evidence lines kept; the counts go on.
const EVIDENCE_MAX: usize = 20;

/// What the journal says of one claim.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    pub(crate) state: ClaimState,
    pub(crate) version: u16,
    pub(crate) place: Place,
    /// It was a booking at some time.
    pub(crate) was_booked: bool,
    /// Its places are still kept: on the roster, or cooling off.
    keeps: bool,
    overridden: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Limits {
    capacity: u16,
    max: [u16; Channel::COUNT],
}

#[derive(Debug, Default)]
struct Day {
    limits: Vec<Limits>,
    used: Vec<[u32; Channel::COUNT]>,
}

/// The books.
#[derive(Debug, Default)]
pub(crate) struct Recount {
    plans: HashMap<u32, Vec<PlanRange>>,
    defining: u32,
    days: BTreeMap<DayId, Day>,
    pub(crate) lives: HashMap<ClaimId, Life>,
    /// A move whose old places come with the next record.
    moving: Option<ClaimId>,
    pub(crate) events: u64,
    pub(crate) grants: u64,
    pub(crate) double_bookings: u64,
    pub(crate) over_channel: u64,
    pub(crate) broken_lives: u64,
    pub(crate) evidence: Vec<String>,
}

impl Recount {
    pub(crate) fn take(&mut self, event: &Event) {
        self.events += 1;
        match &event.effect {
            Effect::PlanDefined { plan, .. } => {
                self.defining = *plan;
                self.plans.insert(*plan, Vec::new());
            }
            Effect::PlanRange(range) => {
                self.plans.entry(self.defining).or_default().push(*range);
            }
            Effect::DayCreated { day, frame } | Effect::DayPlanned { day, frame } => {
                let ranges = self.plans.get(&frame.plan).map_or(&[][..], Vec::as_slice);
                let own = self.days.entry(*day).or_default();
                own.used.resize(own.used.len().max(usize::from(frame.slots)), [0; 4]);
                own.limits = limits_of(ranges, own.used.len());
            }
            Effect::DayRetired { day } => {
                self.days.remove(day);
            }
            _ => self.take_claim(event),
        }
    }

    fn take_claim(&mut self, event: &Event) {
        match &event.effect {
            Effect::Granted { claim, place, booked, part, .. } => {
                self.granted(event, *claim, *place, *booked, part.overridden);
            }
            Effect::Confirmed { claim, place, .. } => {
                self.step(event, *claim, place, &[ClaimState::Held], ClaimState::Booked);
            }
            Effect::Extended { claim, place, .. } => {
                self.step(event, *claim, place, &[ClaimState::Held], ClaimState::Held);
            }
            Effect::Ended { claim, place, how, returns_at, .. } => {
                let from: &[ClaimState] = match how {
                    ClaimState::Cancelled => {
                        &[ClaimState::Booked, ClaimState::CheckedIn, ClaimState::Displaced]
                    }
                    _ => &[ClaimState::Held],
                };
                self.step(event, *claim, place, from, *how);
                if returns_at.is_none() {
                    self.give_up(event, *claim);
                }
            }
            Effect::Returned { claim, place } => {
                self.step(event, *claim, place, &[ClaimState::Cancelled], ClaimState::Cancelled);
                self.give_up(event, *claim);
            }
            _ => self.take_move(event),
        }
    }

    fn take_move(&mut self, event: &Event) {
        match &event.effect {
            Effect::Taken { claim, place, version, adopted, .. } => {
                self.moved(event, *claim, *place, *version, *adopted);
            }
            Effect::Freed { claim, place, .. } => self.freed(event, *claim, place),
            Effect::Marked { claim, place, state, .. } => {
                let from = [
                    ClaimState::Booked,
                    ClaimState::CheckedIn,
                    ClaimState::Displaced,
                    ClaimState::NoShow,
                ];
                self.step(event, *claim, place, &from, *state);
            }
            // Other hands, the archive, closures and texts change nobody's places.
            _ => {}
        }
    }

    fn granted(&mut self, event: &Event, claim: ClaimId, place: Place, booked: bool, over: bool) {
        self.grants += 1;
        let state = if booked { ClaimState::Booked } else { ClaimState::Held };
        let life =
            Life { state, version: 0, place, was_booked: booked, keeps: true, overridden: over };
        if self.lives.insert(claim, life).is_some() {
            self.broken(event, claim, "the id was given before");
        }
        self.add(event, &place, 1);
        self.check(event, claim);
    }

    /// A claim goes from one of `from` to `to`.
    fn step(
        &mut self,
        event: &Event,
        claim: ClaimId,
        place: &Place,
        from: &[ClaimState],
        to: ClaimState,
    ) {
        let Some(life) = self.lives.get_mut(&claim) else {
            return self.broken(event, claim, "it was never granted");
        };
        let before = life.state;
        life.state = to;
        life.was_booked |= to == ClaimState::Booked;
        let same_place = life.place.slot() == place.slot() && life.place.slots() == place.slots();
        if !from.contains(&before) {
            let what = format!("{} after {}", to.name(), before.name());
            self.broken(event, claim, &what);
        } else if !same_place {
            self.broken(event, claim, "the record names other places than it has");
        }
    }

    /// Its places come back, once.
    fn give_up(&mut self, event: &Event, claim: ClaimId) {
        let Some(life) = self.lives.get_mut(&claim) else {
            return;
        };
        let (place, kept) = (life.place, std::mem::replace(&mut life.keeps, false));
        if kept {
            self.add(event, &place, -1);
        } else {
            self.broken(event, claim, "its places came back twice");
        }
    }

    fn moved(
        &mut self,
        event: &Event,
        claim: ClaimId,
        place: Place,
        version: u16,
        adopted: Option<ClaimId>,
    ) {
        if let Some(hold) = adopted {
            if self.lives.get(&hold).is_none_or(|life| life.state != ClaimState::Held) {
                self.broken(event, hold, "a move took over what is no hold");
            }
            self.give_up(event, hold);
            if let Some(life) = self.lives.get_mut(&hold) {
                life.state = ClaimState::Released;
            }
        }
        let Some(life) = self.lives.get_mut(&claim) else {
            return self.broken(event, claim, "it was never granted");
        };
        let (before, alive) = (life.version, life.keeps && life.state.is_active());
        life.version = version;
        life.place = place;
        if life.state == ClaimState::Displaced {
            life.state = ClaimState::Booked;
        }
        if !alive || version <= before {
            self.broken(event, claim, "a move after the end, or without a new version");
        }
        self.add(event, &place, 1);
        self.moving = Some(claim);
    }

    fn freed(&mut self, event: &Event, claim: ClaimId, place: &Place) {
        self.add(event, place, -1);
        match self.moving.take() {
            Some(moving) if moving == claim => self.check(event, claim),
            _ => self.broken(event, claim, "places were freed without a move"),
        }
    }

    fn add(&mut self, event: &Event, place: &Place, by: i32) {
        let channel = place.channel.index();
        let by = by * i32::from(place.width());
        let mut sound = true;
        let day = self.days.entry(place.day).or_default();
        for at in place.slots() {
            let used = day.used.get_mut(at).and_then(|used| used.get_mut(channel));
            let sum = used.as_ref().and_then(|used| used.checked_add_signed(by));
            match (used, sum) {
                (Some(used), Some(sum)) => *used = sum,
                _ => sound = false,
            }
        }
        if !sound {
            self.note(
                event,
                &format!("{}: more given back than taken, or no such slot", place.slot()),
            );
            self.broken_lives += 1;
        }
    }

    /// The slots that a claim has just taken are within capacity and its channel's share.
    fn check(&mut self, event: &Event, claim: ClaimId) {
        let Some(Life { place, overridden: false, .. }) = self.lives.get(&claim).copied() else {
            return;
        };
        let channel = place.channel.index();
        let (mut over, mut over_channel) = (None, None);
        if let Some(day) = self.days.get(&place.day) {
            for at in place.slots() {
                let used = day.used.get(at).copied().unwrap_or_default();
                let limits = day.limits.get(at).copied().unwrap_or_default();
                let sum: u32 = used.iter().sum();
                if sum > u32::from(limits.capacity) {
                    over = Some((at, sum, limits.capacity));
                }
                let own = used.get(channel).copied().unwrap_or(0);
                let max = limits.max.get(channel).copied().unwrap_or(0);
                if own > u32::from(max) {
                    over_channel = Some((at, own, max));
                }
            }
        }
        if let Some((at, used, capacity)) = over {
            self.double_bookings += 1;
            self.note(event, &format!("{}#{at}: {used} places used of {capacity}", place.day));
        }
        if let Some((at, used, max)) = over_channel {
            self.over_channel += 1;
            let name = place.channel.name();
            self.note(event, &format!("{}#{at}: {name} has {used} of at most {max}", place.day));
        }
    }

    fn broken(&mut self, event: &Event, claim: ClaimId, what: &str) {
        self.broken_lives += 1;
        self.note(event, &format!("claim {claim}: {what}"));
    }

    fn note(&mut self, event: &Event, what: &str) {
        if self.evidence.len() < EVIDENCE_MAX {
            self.evidence.push(format!("record {}: {what}", event.seq));
        }
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.double_bookings == 0 && self.over_channel == 0 && self.broken_lives == 0
    }

    /// Claims in that state now.
    pub(crate) fn count(&self, state: ClaimState) -> u64 {
        self.lives.values().filter(|life| life.state == state).count() as u64
    }

    /// Places in use now, by day.
    pub(crate) fn used(&self) -> impl Iterator<Item = (DayId, u64)> {
        let sum = |day: &Day| day.used.iter().flatten().map(|used| u64::from(*used)).sum();
        self.days.iter().map(move |(id, day)| (*id, sum(day)))
    }
}

fn limits_of(ranges: &[PlanRange], slots: usize) -> Vec<Limits> {
    let mut limits = vec![Limits::default(); slots];
    for range in ranges {
        let span = usize::from(range.start)..usize::from(range.end).min(slots);
        for limit in limits.get_mut(span).unwrap_or_default() {
            *limit = Limits { capacity: range.capacity, max: range.max };
        }
    }
    limits
}

#[cfg(test)]
mod tests;
