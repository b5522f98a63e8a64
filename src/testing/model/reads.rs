//! How do things stand? Claims, rosters, days and openings, as the engine should tell them.

use chrono::{NaiveDate, NaiveTime, Weekday};

use super::grant::{lead_ms, own_and_max};
use super::hours::wall;
use super::{Day, Life, Model, arrangement};
use crate::{
    Channel, Claim, ClaimId, DayId, DayView, Opening, Openings, PartyId, Place, Rejection, Seq,
    ServiceId, SlotView, Stats,
};

/// A query for openings, with every field open.
#[derive(Clone, Debug)]
pub struct Query {
    /// What for, one to four.
    pub services: Vec<ServiceId>,
    /// For how many.
    pub persons: u16,
    /// One after the other rather than together.
    pub in_turn: bool,
    /// Whose share.
    pub channel: Channel,
    /// Not before this date.
    pub from: Option<NaiveDate>,
    /// From one time of the day until before another.
    pub between: Option<(NaiveTime, NaiveTime)>,
    /// Only on these; empty for all.
    pub weekdays: Vec<Weekday>,
    /// How many answers.
    pub limit: usize,
}

impl Query {
    /// One person on the web, the earliest `limit` places.
    pub fn new(service: ServiceId, limit: usize) -> Self {
        Self {
            services: vec![service],
            persons: 1,
            in_turn: false,
            channel: Channel::WEB,
            from: None,
            between: None,
            weekdays: Vec::new(),
            limit,
        }
    }

    /// The same for the engine.
    pub fn to_openings(&self) -> Openings {
        let mut services = self.services.iter().copied();
        let first = services.next().unwrap_or(ServiceId(u16::MAX));
        let mut query =
            Openings::new(first).persons(self.persons).channel(self.channel).limit(self.limit);
        for service in services {
            query = query.also(service);
        }
        if self.in_turn {
            query = query.in_turn();
        }
        if let Some(from) = self.from {
            query = query.from(from);
        }
        if let Some((first, end)) = self.between {
            query = query.between(first, end);
        }
        if !self.weekdays.is_empty() {
            query = query.weekdays(&self.weekdays);
        }
        query
    }
}

impl Model {
    pub(super) fn view(&self, life: &Life) -> Claim {
        let slot = life.claim.slot;
        let starts_at = self.days.get(&slot.day).map(|day| day.starts_at(slot.index).utc());
        let deadline = life.is_held().then(|| life.time.utc());
        Claim { starts_at, deadline, ..life.claim.clone() }
    }

    /// A claim as it stands.
    ///
    /// # Errors
    /// [`Rejection::UnknownClaim`].
    pub fn claim(&self, id: ClaimId) -> Result<Claim, Rejection> {
        Ok(self.view(self.life(id)?))
    }

    /// A party's claims, newest first.
    pub fn claims_of(&self, party: PartyId) -> Vec<Claim> {
        self.of_party(party).map(|life| self.view(life)).collect()
    }

    /// Every claim in memory, in order of the grants.
    pub fn claims(&self) -> Vec<Claim> {
        self.claims.iter().map(|life| self.view(life)).collect()
    }

    /// A day's claims in order of start and id.
    pub fn roster(&self, day: DayId) -> Vec<Claim> {
        let mut claims: Vec<Claim> = self.on_roster(day).map(|life| self.view(life)).collect();
        claims.sort_unstable_by_key(|claim| (claim.slot.index, claim.id));
        claims
    }

    /// Every day in memory.
    pub fn days(&self) -> Vec<DayId> {
        self.days.keys().copied().collect()
    }

    /// A day's open slots. Its `seq` is always 0: the model writes no journal.
    pub fn day(&self, id: DayId) -> Option<DayView> {
        let day = self.days.get(&id)?;
        let open = day.limits.keys().filter(|index| day.open(**index).is_some());
        let (begins, released) = (day.begins.utc(), day.released.utc());
        let slots = open.filter_map(|index| self.slot(id, day, *index)).collect();
        Some(DayView { day: id, begins, released, closed: day.closed, seq: Seq(0), slots })
    }

    fn slot(&self, id: DayId, day: &Day, index: u16) -> Option<SlotView> {
        let slot = id.slot(index);
        let capacity = day.open(index)?.capacity;
        let used = self.used(slot, None);
        let total: u32 = used.iter().sum();
        let covers = |life: &&Life| life.place().slots().contains(&usize::from(index));
        let here = self.claims.iter().filter(|life| life.claim.slot.day == id).filter(covers);
        let kept = here.filter(|life| life.is_held() || life.cooling);
        let held: u32 = kept.map(|life| u32::from(life.place().width())).sum();
        Some(SlotView {
            slot,
            starts_at: day.starts_at(index).utc(),
            capacity,
            free: narrow(u32::from(capacity).saturating_sub(total)),
            held: narrow(held),
            booked: narrow(total - held),
            deficit: narrow(total.saturating_sub(u32::from(capacity))),
            used_by_channel: used.map(narrow),
            free_by_channel: Channel::ALL
                .map(|channel| self.free_for(day, slot.index, used, channel)),
        })
    }

    fn free_for(&self, day: &Day, index: u16, used: [u32; 4], channel: Channel) -> u16 {
        let Some(limits) = day.open(index) else { return 0 };
        let (own, max) = own_and_max(&used, limits, channel);
        let total: u32 = used.iter().sum::<u32>() + self.kept(day, index, &used, channel);
        narrow(u32::from(limits.capacity).saturating_sub(total).min(max.saturating_sub(own)))
    }

    /// The earliest free places that fit, in order of time.
    pub fn openings(&self, query: &Query) -> Vec<Opening> {
        let mut found = Vec::new();
        for id in self.days.keys() {
            found.extend(self.openings_on(*id, query).unwrap_or_default());
        }
        found.sort_unstable_by_key(|opening| (opening.starts_at, opening.slot));
        found.truncate(query.limit);
        found
    }

    fn openings_on(&self, id: DayId, query: &Query) -> Option<Vec<Opening>> {
        use chrono::Datelike;
        let day = self.days.get(&id)?;
        let calendar = self.calendar(id.calendar())?;
        let zone = self.zone(calendar)?;
        let mut units = 0;
        for id in &query.services {
            let service = self.service(*id).filter(|_| self.serves(calendar, *id))?;
            if query.persons == 0 || query.persons > service.persons_max {
                return None;
            }
            units += u32::from(service.units);
        }
        let run = if query.in_turn { units * u32::from(query.persons) } else { units };
        if self.now < day.released || query.from.is_some_and(|from| id.date() < from) {
            return None;
        }
        let mut found = Vec::new();
        for index in day.limits.keys().copied() {
            let place = Place {
                day: id,
                start: index,
                run: u8::try_from(run).ok()?,
                persons: u8::try_from(query.persons).ok()?,
                arrangement: arrangement(query.in_turn),
                channel: query.channel,
                roster: 0,
            };
            let starts = day.starts_at(index);
            let soon = self.now.plus(lead_ms(calendar, query.channel)) > starts;
            if soon || self.room(&place, None, &[]).is_err() {
                continue;
            }
            let (date, time) = wall(zone, starts)?;
            let wanted = (query.weekdays.is_empty() || query.weekdays.contains(&date.weekday()))
                && query.between.is_none_or(|(first, end)| first <= time && time < end);
            if !wanted {
                continue;
            }
            let slots = place.slots().filter_map(|index| u16::try_from(index).ok());
            let free = slots.map(|index| {
                let used = self.used(id.slot(index), None);
                self.free_for(day, index, used, query.channel)
            });
            let free = free.min().unwrap_or(0) / place.width();
            found.push(Opening { slot: place.slot(), starts_at: starts.utc(), free });
        }
        Some(found)
    }

    /// Counts. What only an engine has (its log, its memory, its history) is 0.
    pub fn stats(&self) -> Stats {
        let count = |wanted: &dyn Fn(&Life) -> bool| {
            self.claims.iter().filter(|life| wanted(life)).count() as u64
        };
        Stats {
            held: count(&Life::is_held),
            booked: count(&|life| life.claim.state.is_on_roster() && !life.is_held()),
            cooling: count(&|life| life.cooling),
            ended: self.ended.len() as u64,
            days: self.days.len() as u64,
            ..Stats::default()
        }
    }
}

fn narrow(count: u32) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}
