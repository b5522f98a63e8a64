//! Is there room, and may this party have it? Holds and bookings, all or nothing.

use super::{Answer, Asked, Life, Model, Outcome, Wish, arrangement};
use crate::limits::{
    ENDED_PER_PARTY_MAX, HOLD_SECONDS_MAX, REASON_BYTES_MAX, SERVICES_PER_VISIT_MAX,
    SLOTS_PER_REQUEST_MAX,
};
use crate::{
    Channel, Claim, ClaimId, ClaimState, Lead, Place, Receipt, Rejection, Services, SlotId, Time,
};

const LIMIT_WITHIN: &str = "slots of a request: no more than the limit of active claims";
const HOLDS_WITHIN: &str = "slots of a request: no more than the holds a party may have";

fn out(what: &'static str) -> Rejection {
    Rejection::OutOfRange { what }
}

impl Model {
    pub(super) fn grant(&mut self, wishes: &[Wish], booked: bool) -> Answer {
        let first = one_request(wishes)?;
        if self.catalog.is_none() {
            return Err(Rejection::UnknownDay { day: first.slot.day });
        }
        if let Some(replay) = self.replay(wishes, booked)? {
            return Ok(replay);
        }
        self.forget_two();
        let mut places = Vec::new();
        for wish in wishes {
            places.push(self.wanted(wish, booked)?);
        }
        self.within_limits(wishes)?;
        for (n, (wish, place)) in wishes.iter().zip(&places).enumerate() {
            let earlier = places.get(..n).unwrap_or(&[]);
            if wish.reason.is_none() {
                self.room(place, None, earlier)?;
            } else {
                self.overridable(place)?;
            }
        }
        let mut receipts = Vec::new();
        for (part, (wish, place)) in wishes.iter().zip(&places).enumerate() {
            let life = self.make(wish, place, booked, part);
            receipts.push(Receipt { claim: self.view(&life), replayed: false });
            self.requests.insert(life.claim.id, (wishes.to_vec(), booked));
            self.claims.push(life);
        }
        self.logged = self.now;
        Ok(Outcome::Receipts(receipts))
    }

    /// The same party with the same request id: what the first try made, as it stands now.
    fn replay(&self, wishes: &[Wish], booked: bool) -> Result<Option<Outcome>, Rejection> {
        let Some(first) = wishes.first() else { return Ok(None) };
        let mut found: Vec<Option<&Life>> = vec![None; wishes.len()];
        let before = self.of_party(first.party).filter(|life| life.claim.request == first.request);
        for life in before {
            let same = |(part, wish): (usize, &Wish)| asked(wish, booked, part) == life.asked;
            let part = wishes.iter().enumerate().position(same);
            let slot = part.and_then(|part| found.get_mut(part));
            *slot.ok_or(Rejection::RequestReused { claim: life.claim.id })? = Some(life);
        }
        let Some(any) = found.iter().flatten().next() else { return Ok(None) };
        if found.iter().any(Option::is_none) {
            return Err(Rejection::RequestReused { claim: any.claim.id });
        }
        let lives = found.iter().flatten();
        let receipt = |life: &&Life| Receipt { claim: self.view(life), replayed: true };
        Ok(Some(Outcome::Receipts(lives.map(receipt).collect())))
    }

    /// The places that a request needs, unless the rules forbid them without a look at others.
    fn wanted(&self, wish: &Wish, booked: bool) -> Result<Place, Rejection> {
        let unknown = Rejection::UnknownDay { day: wish.slot.day };
        let day = self.days.get(&wish.slot.day).ok_or(unknown)?;
        let calendar = self.calendar(wish.slot.day.calendar()).ok_or(unknown)?;
        let mut units = 0;
        for id in &wish.services {
            let service = self.service(*id).filter(|_| self.serves(calendar, *id));
            let service = service.ok_or(Rejection::ServiceNotServed { service: *id })?;
            if wish.persons == 0 || wish.persons > service.persons_max {
                return Err(out("persons: 1 to what the service allows"));
            }
            units += u32::from(service.units);
        }
        let run = if wish.in_turn { units * u32::from(wish.persons) } else { units };
        let place = Place {
            day: wish.slot.day,
            start: wish.slot.index,
            run: u8::try_from(run).map_err(|_| out("slots in a row: 1 to 255"))?,
            persons: u8::try_from(wish.persons).unwrap_or(u8::MAX),
            arrangement: arrangement(wish.in_turn),
            channel: wish.channel,
            roster: 0,
        };
        if self.now < day.released {
            let at = day.released.utc();
            return Err(Rejection::NotYetReleased { day: wish.slot.day, at });
        }
        let lead = if wish.reason.is_some() { 0 } else { lead_ms(calendar, wish.channel) };
        in_time(self.now, day.starts_at(wish.slot.index), lead)?;
        if !booked {
            self.ttl_s(wish)?;
        }
        if wish.reason.is_none() {
            self.room(&place, None, &[])?;
        }
        Ok(place)
    }

    fn ttl_s(&self, wish: &Wish) -> Result<u64, Rejection> {
        let holds = self.catalog.as_ref().map(|catalog| &catalog.holds);
        let (usual, max) = holds.map_or((0, 0), |h| (h.ttl.seconds(), h.ttl_max.seconds()));
        let Some(ttl) = wish.ttl else { return Ok(usual) };
        if ttl.as_secs() == 0 || ttl.as_secs() > max.min(HOLD_SECONDS_MAX.into()) {
            return Err(out("ttl: 1 second to what the catalog allows"));
        }
        Ok(ttl.as_secs())
    }

    fn within_limits(&self, wishes: &[Wish]) -> Result<(), Rejection> {
        let Some(first) = wishes.first() else { return Ok(()) };
        let per_party = self.catalog.as_ref().map_or(0, |c| usize::from(c.holds.per_party));
        if first.reason.is_none() {
            let mut holds = wishes.len();
            if holds > per_party {
                return Err(out(HOLDS_WITHIN));
            }
            for life in self.of_party(first.party).filter(|life| life.is_held()) {
                holds += 1;
                if holds > per_party {
                    return Err(Rejection::HoldLimit { claim: life.claim.id });
                }
            }
        }
        let over = self.of_party(first.party).filter(|life| !life.claim.state.is_on_roster());
        let ends: Vec<Time> = over.map(|life| life.time).collect();
        if let Some(oldest) = ends.iter().min()
            && ends.len() >= ENDED_PER_PARTY_MAX
        {
            let at = oldest.plus(self.settings.window_ms).utc();
            return Err(Rejection::TooManyEnded { at });
        }
        for (n, wish) in wishes.iter().enumerate() {
            if wish.reason.is_none() {
                let earlier = wishes.get(..n).unwrap_or(&[]);
                let except: Vec<ClaimId> = wish.replaces.into_iter().collect();
                self.party_limit(wish.party, &wish.services, wish.slot, &except, earlier)?;
            }
        }
        Ok(())
    }

    /// Whether one claim more at `slot` keeps each service within its limit. Of a limit that is
    /// reached the refusal names the claim that reaches it, counted from the newest.
    pub(super) fn party_limit(
        &self,
        party: crate::PartyId,
        services: &[crate::ServiceId],
        slot: SlotId,
        except: &[ClaimId],
        earlier: &[Wish],
    ) -> Result<(), Rejection> {
        let limited = |id: &crate::ServiceId| self.limit_of(*id).map(|limit| (*id, limit));
        let limits: Vec<_> = services.iter().filter_map(limited).collect();
        let mut counts: Vec<usize> = Vec::new();
        for (id, (_, window)) in &limits {
            let counts_too =
                |other: &&Wish| other.services.contains(id) && near(other.slot, slot, *window);
            counts.push(earlier.iter().filter(counts_too).count());
        }
        if counts.iter().zip(&limits).any(|(count, (_, (max, _)))| count >= max) {
            return Err(out(LIMIT_WITHIN));
        }
        for life in self.of_party(party) {
            let claim = &life.claim;
            if !claim.state.is_active() || except.contains(&claim.id) {
                continue;
            }
            for ((id, (max, window)), count) in limits.iter().zip(&mut counts) {
                if claim.services.as_slice().contains(id) && near(claim.slot, slot, *window) {
                    *count += 1;
                    if *count >= *max {
                        return Err(Rejection::PartyLimit { claim: claim.id });
                    }
                }
            }
        }
        Ok(())
    }

    /// The most active claims of a service, and the window in days.
    fn limit_of(&self, id: crate::ServiceId) -> Option<(usize, Option<u16>)> {
        let service = self.service(id)?;
        Some((usize::from(service.active_max?), service.window_days))
    }

    /// Whether there is room for a place: `without` a claim that will leave, beside the `pending`
    /// places of the same request.
    pub(super) fn room(
        &self,
        place: &Place,
        without: Option<ClaimId>,
        pending: &[Place],
    ) -> Result<(), Rejection> {
        let Some(day) = self.days.get(&place.day) else {
            return Err(Rejection::UnknownDay { day: place.day });
        };
        if day.closed {
            return Err(Rejection::SlotClosed { slot: place.slot() });
        }
        for index in (place.start..=u16::MAX).take(usize::from(place.run)) {
            let slot = place.day.slot(index);
            let limits = day.open(index).ok_or(Rejection::SlotClosed { slot })?;
            let mut used = self.used(slot, without);
            for other in pending.iter().filter(|other| covers(other, slot)) {
                add(&mut used, other);
            }
            let width = u32::from(place.width());
            let total: u32 = used.iter().sum();
            if total + width > u32::from(limits.capacity) {
                return Err(Rejection::SlotFull { slot });
            }
            let share = Rejection::ChannelLimit { slot };
            let (own, max) = own_and_max(&used, limits, place.channel);
            if own + width > max {
                return Err(share);
            }
            if total + width + self.kept(day, index, &used, place.channel)
                > u32::from(limits.capacity)
            {
                return Err(share);
            }
        }
        Ok(())
    }

    /// An override goes beyond every limit, but not onto a closed day or beyond its end.
    fn overridable(&self, place: &Place) -> Result<(), Rejection> {
        let day = self.days.get(&place.day);
        let day = day.ok_or(Rejection::UnknownDay { day: place.day })?;
        if day.closed || place.slots().end > usize::from(day.slots) {
            return Err(Rejection::SlotClosed { slot: place.slot() });
        }
        Ok(())
    }

    /// Places taken of a slot, by channel: counted from the claims.
    pub(super) fn used(&self, slot: SlotId, without: Option<ClaimId>) -> [u32; Channel::COUNT] {
        let mut used = [0; Channel::COUNT];
        for life in &self.claims {
            let place = life.place();
            if life.keeps_places() && covers(&place, slot) && Some(life.claim.id) != without {
                add(&mut used, &place);
            }
        }
        used
    }

    /// What is kept of a slot for the other channels, until it is given back to all.
    pub(super) fn kept(
        &self,
        day: &super::Day,
        index: u16,
        used: &[u32; Channel::COUNT],
        own: Channel,
    ) -> u32 {
        let Some(limits) = day.open(index) else { return 0 };
        let left_ms = day.starts_at(index).0.saturating_sub(self.now.0);
        let channels = Channel::ALL.into_iter().zip(limits.protected).zip(day.give_back_min);
        let kept = channels
            .zip(used)
            .filter(|(((channel, _), give_back), _)| {
                *channel != own && left_ms > u64::from(*give_back) * 60_000
            })
            .map(|(((_, protected), _), used)| u32::from(protected).saturating_sub(*used));
        kept.sum()
    }

    fn make(&mut self, wish: &Wish, place: &Place, booked: bool, part: usize) -> Life {
        let made_up = ClaimId::from_u64(u64::MAX - self.given.len() as u64);
        let id = self.next_ids.pop_front().unwrap_or(made_up);
        self.given.push(id);
        let ttl_s = self.ttl_s(wish).unwrap_or(0);
        let (state, time) = if booked {
            (ClaimState::Booked, self.now)
        } else {
            (ClaimState::Held, self.now.plus(ttl_s * 1_000))
        };
        let claim = Claim {
            id,
            state,
            party: wish.party,
            request: wish.request,
            slot: wish.slot,
            starts_at: None,
            run: place.run,
            persons: place.persons,
            arrangement: place.arrangement,
            services: services_of(wish),
            channel: wish.channel,
            actor: wish.actor,
            version: 0,
            deadline: None,
        };
        Life {
            claim,
            asked: asked(wish, booked, part),
            time,
            cooling: false,
            extended_min: 0,
            replaces: wish.replaces.is_some(),
            moved_by: None,
        }
    }
}

/// All wishes of one call: of one party, under one request id.
fn one_request(wishes: &[Wish]) -> Result<&Wish, Rejection> {
    let count = "slots of a request: 1 to 8";
    let first = wishes.first().ok_or(out(count))?;
    if wishes.len() > SLOTS_PER_REQUEST_MAX {
        return Err(out(count));
    }
    if wishes.iter().any(|wish| wish.party != first.party || wish.request != first.request) {
        return Err(out("all slots of a request: one party and one request id"));
    }
    if wishes.iter().any(|wish| wish.services.len() > SERVICES_PER_VISIT_MAX) {
        return Err(out("services of a visit: 1 to 4"));
    }
    if wishes.iter().any(|wish| wish.reason != first.reason) {
        return Err(out("all slots of a request: one reason, or none"));
    }
    let bytes = first.reason.as_ref().map(String::len);
    if bytes.is_some_and(|bytes| bytes == 0 || bytes > REASON_BYTES_MAX) {
        return Err(out("the reason of an override: 1 to 240 bytes"));
    }
    Ok(first)
}

fn asked(wish: &Wish, booked: bool, part: usize) -> Asked {
    let Wish { slot, services, persons, in_turn, channel, .. } = wish.clone();
    Asked { slot, services, persons, in_turn, channel, booked, part }
}

fn services_of(wish: &Wish) -> Services {
    let mut services = wish.services.iter().copied();
    let first = Services::one(services.next().unwrap_or(crate::ServiceId(u16::MAX)));
    services.fold(first, |all, service| all.with(service).unwrap_or(all))
}

/// Whether two appointments are so near that they count together.
fn near(one: SlotId, other: SlotId, window_days: Option<u16>) -> bool {
    let apart = (one.day.date() - other.day.date()).num_days().abs();
    window_days.is_none_or(|window| apart < i64::from(window))
}

fn covers(place: &Place, slot: SlotId) -> bool {
    place.day == slot.day && place.slots().contains(&usize::from(slot.index))
}

fn add(used: &mut [u32; Channel::COUNT], place: &Place) {
    if let Some(count) = used.get_mut(place.channel.index()) {
        *count += u32::from(place.width());
    }
}

pub(super) fn own_and_max(
    used: &[u32; Channel::COUNT],
    limits: &super::Limits,
    channel: Channel,
) -> (u32, u32) {
    let own = used.get(channel.index()).copied().unwrap_or(0);
    (own, limits.max.get(channel.index()).copied().unwrap_or(0).into())
}

pub(super) fn lead_ms(calendar: &crate::Calendar, channel: Channel) -> u64 {
    match &calendar.lead_time {
        Lead::All(span) => span.millis(),
        Lead::Each(leads) => leads.get(channel.name()).map_or(0, |span| span.millis()),
    }
}

pub(super) fn in_time(now: Time, starts: Time, lead_ms: u64) -> Result<(), Rejection> {
    if now.plus(lead_ms) > starts {
        return Err(Rejection::TooLate { until: Time(starts.0.saturating_sub(lead_ms)).utc() });
    }
    Ok(())
}
