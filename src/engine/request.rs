//! What does a request come to under the rules? The checks that need no lock.
//!
//! Never looks at a counter: whether there is room is the day's to say.

use crate::catalog::{CalendarRule, Rules};
use crate::claim::{Arrangement, ClaimState, Place};
use crate::engine::{Ask, Engine, World};
use crate::id::{ClaimId, Seq, ServiceId, SlotId};
use crate::inventory::Shortage;
use crate::inventory::{DayEntry, starts_at};
use crate::ledger::{Entry, Shard, Stage};
use crate::limits::{
    HOLD_SECONDS_MAX, PERSONS_MAX, REASON_BYTES_MAX, RUN_MAX, SLOTS_PER_REQUEST_MAX,
};
use crate::planted::planted;
use crate::record::Detail;
use crate::rejection::Rejection;
use crate::time::Time;

/// One slot of a request, with what the rules make of it.
pub(super) struct Wanted<'w> {
    pub(super) place: Place,
    pub(super) day: &'w DayEntry,
    pub(super) ttl_s: u32,
    pub(super) detail: Detail,
    /// What it became.
    pub(super) claim: Option<ClaimId>,
}

/// One place for each slot of a request: one for a single grant, so that it pays for no more.
pub(super) type Many<T, const N: usize> = [Option<T>; N];

impl Engine {
    /// Whether a hold would be granted as things stand, the party's own limits aside. Takes no
    /// lock and promises nothing: the grant decides.
    ///
    /// # Errors
    /// As [`Engine::hold`].
    pub fn would_hold(&self, ask: &Ask) -> Result<(), Rejection> {
        one_request(std::slice::from_ref(ask))?;
        let world = self.hall.world.load();
        let unknown = Rejection::UnknownDay { day: ask.slot.day };
        let rules = world.rules.as_deref().ok_or(unknown)?;
        let wanted = want(ask, 0, false, rules, &world, self.hall.now());
        wanted.map(drop).map_err(|(_, rejection)| rejection)
    }
}

/// Every ask of one call is for the same party under the same request id.
pub(super) fn one_request(asks: &[Ask]) -> Result<&Ask, Rejection> {
    let out = |what| Rejection::OutOfRange { what };
    let first = asks.first().ok_or(out("slots of a request: 1 to 8"))?;
    let several = asks.len() > 1;
    if asks.len() > SLOTS_PER_REQUEST_MAX {
        return Err(out("slots of a request: 1 to 8"));
    }
    let is_other = |ask: &Ask| ask.party != first.party || ask.request != first.request;
    if several && asks.iter().any(is_other) {
        return Err(out("all slots of a request: one party and one request id"));
    }
    if asks.iter().any(|ask| ask.too_many_services) {
        return Err(out("services of a visit: 1 to 4"));
    }
    // The journal keeps one for all.
    if several && asks.iter().any(|ask| ask.reason != first.reason) {
        return Err(out("all slots of a request: one reason, or none"));
    }
    let reason = first.reason.as_deref().map(str::len);
    if reason.is_some_and(|bytes| bytes == 0 || bytes > REASON_BYTES_MAX) {
        return Err(out("the reason of an override: 1 to 240 bytes"));
    }
    Ok(first)
}

/// The places a request needs: units of all services added up, times persons if in turn.
pub(super) fn place_of(
    ask: &Ask,
    rules: &Rules,
    calendar: &CalendarRule,
) -> Result<Place, Rejection> {
    let out = |what| Rejection::OutOfRange { what };
    let mut units: u16 = 0;
    for service in ask.services.as_slice() {
        let rule = rules.service(*service).filter(|_| calendar.serves(*service));
        let rule = rule.ok_or(Rejection::ServiceNotServed { service: *service })?;
        if ask.persons == 0 || ask.persons > rule.persons_max.min(PERSONS_MAX) {
            return Err(out("persons: 1 to what the service allows"));
        }
        units = units.saturating_add(rule.units);
    }
    let run = match ask.arrangement {
        Arrangement::Together => units,
        Arrangement::InTurn => units.saturating_mul(ask.persons),
    };
    let run = u8::try_from(run.min(RUN_MAX + 1)).map_err(|_| out("slots in a row: 1 to 255"))?;
    Ok(Place {
        day: ask.slot.day,
        start: ask.slot.index,
        run,
        persons: u8::try_from(ask.persons).unwrap_or(u8::MAX),
        arrangement: ask.arrangement,
        channel: ask.channel,
        roster: 0,
    })
}

pub(super) fn in_time(
    ask: &Ask,
    rule: &CalendarRule,
    starts: Time,
    now: Time,
) -> Result<(), Rejection> {
    let lead = rule.lead_ms.get(ask.channel.index()).copied().unwrap_or(0);
    let lead = if ask.reason.is_some() { 0 } else { lead };
    if now.plus(lead) > starts {
        return Err(Rejection::TooLate { until: Time(starts.0.saturating_sub(lead)).utc() });
    }
    Ok(())
}

pub(super) fn ttl_of(ask: &Ask, rules: &Rules) -> Result<u32, Rejection> {
    let Some(ttl) = ask.ttl else {
        return Ok(rules.holds.ttl_s);
    };
    let seconds = u32::try_from(ttl.as_secs()).unwrap_or(u32::MAX);
    if seconds == 0 || seconds > rules.holds.ttl_max_s.min(HOLD_SECONDS_MAX) {
        return Err(Rejection::OutOfRange { what: "ttl: 1 second to what the catalog allows" });
    }
    Ok(seconds)
}

pub(super) fn detail_of(ask: &Ask, part: u8) -> Detail {
    let mut more = ask.services.as_slice().iter().skip(1).copied();
    Detail {
        more_services: [more.next(), more.next(), more.next()],
        actor: ask.actor,
        part,
        replaces: ask.replaces.is_some(),
        overridden: ask.reason.is_some(),
    }
}

/// How a shortage is told.
pub(super) fn shortage(slot: SlotId, short: Shortage) -> Rejection {
    match short {
        Shortage::Closed(index) => Rejection::SlotClosed { slot: slot.day.slot(index) },
        Shortage::Full(index) => Rejection::SlotFull { slot: slot.day.slot(index) },
        Shortage::Channel(index) => Rejection::ChannelLimit { slot: slot.day.slot(index) },
    }
}

/// Whether one claim more at `place` keeps each service within its limit: so many active claims
/// with appointments less than the window apart.
pub(super) fn party_limit<'s>(
    services: &[ServiceId],
    place: Place,
    others: impl Iterator<Item = (ClaimId, &'s Entry)>,
    rules: &Rules,
    shard: &Shard,
    earlier: &[Ask],
) -> Result<(), Rejection> {
    let limits = services.iter().filter_map(|service| {
        let rule = rules.service(*service)?;
        Some((*service, rule.active_max?, rule.window_days))
    });
    let mut counts: [(Option<ServiceId>, u16, Option<u16>, u16); 4] = Default::default();
    for (slot, (service, max, window)) in counts.iter_mut().zip(limits) {
        let counted = |ask: &&Ask| {
            let apart = ask.slot.day.number().abs_diff(place.day.number());
            ask.services.as_slice().contains(&service) && window.is_none_or(|days| apart < days)
        };
        let before = u16::try_from(earlier.iter().filter(counted).count()).unwrap_or(u16::MAX);
        if before >= max {
            let what = "slots of a request: no more than the limit of active claims";
            return Err(Rejection::OutOfRange { what });
        }
        *slot = (Some(service), max, window, before);
    }
    if counts.iter().all(|(service, ..)| service.is_none()) {
        return Ok(());
    }
    for (id, entry) in others {
        let active = entry.stage().state().is_some_and(ClaimState::is_active);
        if !active || entry.stage() == Stage::Cooling {
            continue;
        }
        let apart = entry.day().number().abs_diff(place.day.number());
        let theirs = shard.services(id.index());
        for (service, max, window, count) in &mut counts {
            let counted = service.is_some_and(|service| theirs.as_slice().contains(&service))
                && window.is_none_or(|window| apart < window);
            if counted {
                *count += 1;
                if *count >= *max + u16::from(planted("one_active_claim_more")) {
                    return Err(Rejection::PartyLimit { claim: id });
                }
            }
        }
    }
    Ok(())
}

/// What the rules make of one slot of a request; an error with what it rests on.
pub(super) fn want<'w>(
    ask: &Ask,
    part: u8,
    booked: bool,
    rules: &Rules,
    world: &'w World,
    now: Time,
) -> Result<Wanted<'w>, (Seq, Rejection)> {
    let nothing = |rejection| (Seq(0), rejection);
    let day = world.days.get(ask.slot.day);
    let day = day.ok_or(nothing(Rejection::UnknownDay { day: ask.slot.day }))?;
    let calendar = rules.calendar(ask.slot.day.calendar());
    let calendar = calendar.ok_or(nothing(Rejection::UnknownDay { day: ask.slot.day }))?;
    let place = place_of(ask, rules, calendar).map_err(nothing)?;
    if day.frame.released > now {
        let at = day.frame.released.utc();
        return Err(nothing(Rejection::NotYetReleased { day: ask.slot.day, at }));
    }
    let starts = starts_at(&day.frame, ask.slot.index);
    in_time(ask, calendar, starts, now).map_err(nothing)?;
    let ttl_s = if booked { 0 } else { ttl_of(ask, rules).map_err(nothing)? };
    // Sold out is refused here, by the counters alone; the grant checks again under the lock.
    if ask.reason.is_none()
        && let Err(short) = day.day.check(&day.plan, &day.frame, now, &place, &[], None)
    {
        let rejection = shortage(ask.slot, short);
        let seq = if planted("refuse_without_waiting") { Seq(0) } else { day.day.seq() };
        return Err((seq, rejection));
    }
    Ok(Wanted { place, day, ttl_s, detail: detail_of(ask, part), claim: None })
}
