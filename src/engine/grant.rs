//! May they have these places? Holds and bookings, all or nothing.
//!
//! The ledger is asked first (a retry of the grant that took the last place must get its place);
//! a full slot is then refused without the day's lock.

use crate::catalog::{CalendarRule, Rules};
use crate::claim::{Arrangement, ClaimState, Place, Receipt};
use crate::engine::{Ask, Engine, HalfDone, Hall, World};
use crate::error::Error;
use crate::id::{ClaimId, Seq, SlotId};
use crate::inventory::{DayEntry, DayState, Shortage, starts_at};
use crate::journal::Commit;
use crate::ledger::{Entry, Shard, Stage, fingerprint};
use crate::limits::{
    ENDED_PER_PARTY_MAX, HOLD_SECONDS_MAX, PERSONS_MAX, REASON_BYTES_MAX, RUN_MAX,
    SLOTS_PER_REQUEST_MAX,
};
use crate::record::{self, Detail, Effect, Line, TextOf};
use crate::rejection::Rejection;
use crate::sync::MutexGuard;
use crate::time::Time;

/// The most lines of one request: two a slot, and the reason of an override.
const LINES_MAX: usize = SLOTS_PER_REQUEST_MAX * 2 + REASON_BYTES_MAX.div_ceil(32);

/// One slot of a request, with what the rules make of it.
struct Wanted<'w> {
    place: Place,
    day: &'w DayEntry,
    ttl_s: u32,
    detail: Detail,
}

/// One place for each slot of a request: one for a single grant, so that it pays for no more.
type Many<T, const N: usize> = [Option<T>; N];

/// How one try ended.
enum Tried {
    Done(Seq),
    No(Seq, Error),
    /// The ring is full: give up the locks and wait for so many lines.
    Wait(u32),
}

impl Engine {
    /// Keeps places for a party until a deadline.
    ///
    /// A retry with the same request id and content answers with the claim's present state.
    /// Cost: two locks and one hash probe, whatever the number of claims.
    ///
    /// # Errors
    /// [`Error::Rejected`] with the cause and the next step; else what the storage says.
    #[doc(alias = "lease")]
    #[doc(alias = "reserve")]
    pub fn hold(&self, ask: &Ask) -> Commit<'_, Receipt> {
        self.hall.grant_one(ask, false)
    }

    /// Holds and confirms in one step.
    ///
    /// # Errors
    /// As [`Engine::hold`].
    pub fn book(&self, ask: &Ask) -> Commit<'_, Receipt> {
        self.hall.grant_one(ask, true)
    }

    /// Holds up to eight slots for one party under one request id: all of them or none. Each
    /// becomes a claim of its own, in the order asked for.
    ///
    /// # Errors
    /// As [`Engine::hold`].
    pub fn hold_all(&self, asks: &[Ask]) -> Commit<'_, Vec<Receipt>> {
        self.hall.grant_all(asks, false)
    }

    /// Books up to eight slots for one party under one request id: all of them or none.
    ///
    /// # Errors
    /// As [`Engine::hold`].
    pub fn book_all(&self, asks: &[Ask]) -> Commit<'_, Vec<Receipt>> {
        self.hall.grant_all(asks, true)
    }
}

impl Hall {
    fn grant_one(&self, ask: &Ask, booked: bool) -> Commit<'_, Receipt> {
        let mut receipt = None;
        let (seq, result) =
            self.grant::<1>(std::slice::from_ref(ask), booked, &mut |r| receipt = Some(r));
        // A grant without an error has told its receipt.
        let answer = result.and_then(|()| receipt.ok_or(Error::Closed));
        Commit::new(&self.journal, seq, answer)
    }

    fn grant_all(&self, asks: &[Ask], booked: bool) -> Commit<'_, Vec<Receipt>> {
        let mut receipts = Vec::with_capacity(asks.len());
        let (seq, result) = self
            .grant::<SLOTS_PER_REQUEST_MAX>(asks, booked, &mut |receipt| receipts.push(receipt));
        Commit::new(&self.journal, seq, result.map(|()| receipts))
    }

    fn grant<const N: usize>(
        &self,
        asks: &[Ask],
        booked: bool,
        tell: &mut dyn FnMut(Receipt),
    ) -> (Seq, Result<(), Error>) {
        let first = match one_request(asks) {
            Ok(first) => first,
            Err(rejection) => return (Seq(0), Err(rejection.into())),
        };
        let (hash, number) = self.ledger.locate(first.party);
        loop {
            if let Err(error) = self.status() {
                return (Seq(0), Err(error));
            }
            let world = self.world.load();
            let Some(mut shard) = self.ledger.lock(number) else {
                return (Seq(0), Err(Error::Closed));
            };
            match self.try_grant::<N>(asks, booked, hash, &world, &mut shard, tell) {
                Tried::Done(seq) => {
                    self.ledger.note_due(&shard);
                    return (seq, Ok(()));
                }
                Tried::No(seq, error) => {
                    shard.tally.refused += 1;
                    return (seq, Err(error));
                }
                Tried::Wait(lines) => {
                    drop(shard);
                    if let Err(error) = self.wait_for_permit(number, lines) {
                        return (Seq(0), Err(error));
                    }
                }
            }
        }
    }

    fn try_grant<const N: usize>(
        &self,
        asks: &[Ask],
        booked: bool,
        hash: u64,
        world: &World,
        shard: &mut Shard,
        tell: &mut dyn FnMut(Receipt),
    ) -> Tried {
        let no = |seq, rejection: Rejection| Tried::No(seq, rejection.into());
        let Some(rules) = world.rules.as_deref() else {
            let Some(Ask { slot, .. }) = asks.first() else {
                return Tried::Done(Seq(0));
            };
            return no(Seq(0), Rejection::UnknownDay { day: slot.day });
        };
        match self.replay::<N>(asks, booked, hash, world, shard, tell) {
            Ok(false) => {}
            Ok(true) => return Tried::Done(shard.seq),
            Err(rejection) => return no(shard.seq, rejection),
        }
        let now = self.now();
        self.forget_two(shard, now);
        let mut wanted: Many<Wanted<'_>, N> = [const { None }; N];
        for ((part, ask), slot) in (0..).zip(asks).zip(&mut wanted) {
            match self.want(ask, part, booked, rules, world, now) {
                Ok(found) => *slot = Some(found),
                Err((seq, rejection)) => return no(seq, rejection),
            }
        }
        if let Err(rejection) = self.within_limits(asks, &wanted, hash, rules, shard) {
            return no(shard.seq, rejection);
        }
        let lines = lines_for(asks, &wanted);
        if !self.permit(shard, lines) {
            return Tried::Wait(lines);
        }
        match self.take_all(asks, booked, &mut wanted, shard) {
            Ok(seq) => {
                for receipt in claims_of(&wanted, shard, self, world, hash, asks) {
                    tell(receipt);
                }
                Tried::Done(seq)
            }
            Err((seq, error)) => {
                self.give_back(shard, lines);
                Tried::No(seq, error)
            }
        }
    }

    /// Answers a request that was carried out before: true if so.
    fn replay<const N: usize>(
        &self,
        asks: &[Ask],
        booked: bool,
        hash: u64,
        world: &World,
        shard: &Shard,
        tell: &mut dyn FnMut(Receipt),
    ) -> Result<bool, Rejection> {
        let Some(Ask { party, request, .. }) = asks.first() else {
            return Ok(true);
        };
        let mut found: Many<ClaimId, N> = [const { None }; N];
        let mut count = 0;
        for (id, entry) in shard.of_party(hash, *party).filter(|(_, e)| e.request == *request) {
            let reused = Rejection::RequestReused { claim: id };
            let part = asks.iter().zip(0..).position(|(ask, part)| {
                let print = fingerprint_of(ask, part, booked, world);
                print == Some(entry.fingerprint)
            });
            let slot = part.and_then(|part| found.get_mut(part)).ok_or(reused)?;
            *slot = Some(id);
            count += 1;
        }
        if count == 0 {
            return Ok(false);
        }
        if let Some(Some(claim)) = found.iter().find(|id| id.is_some())
            && count != asks.len()
        {
            return Err(Rejection::RequestReused { claim: *claim });
        }
        for id in found.iter().flatten() {
            if let Some(claim) = self.view(shard, world, *id) {
                tell(Receipt { claim, replayed: true });
            }
        }
        Ok(true)
    }

    /// What the rules make of one slot of a request; an error with what it rests on.
    fn want<'w>(
        &self,
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
            return Err((day.day.seq(), rejection));
        }
        Ok(Wanted { place, day, ttl_s, detail: detail_of(ask, part) })
    }

    /// The limits of the party: what it holds, has booked, and has ended.
    fn within_limits<const N: usize>(
        &self,
        asks: &[Ask],
        wanted: &Many<Wanted<'_>, N>,
        hash: u64,
        rules: &Rules,
        shard: &Shard,
    ) -> Result<(), Rejection> {
        let Some(first) = asks.first() else {
            return Ok(());
        };
        let mut ended = 0;
        let mut oldest = Time::MAX;
        let mut holds = asks.len();
        for (id, entry) in shard.of_party(hash, first.party) {
            match entry.stage() {
                Stage::Claim(ClaimState::Held) => {
                    holds += 1;
                    if holds > usize::from(rules.holds.per_party) && first.reason.is_none() {
                        return Err(Rejection::HoldLimit { claim: id });
                    }
                }
                Stage::Claim(state) if state.is_on_roster() => {}
                _ => {
                    ended += 1;
                    oldest = oldest.min(entry.time());
                }
            }
        }
        if ended >= ENDED_PER_PARTY_MAX {
            let at = oldest.plus(self.settings.window_ms).utc();
            return Err(Rejection::TooManyEnded { at });
        }
        for (ask, wanted) in asks.iter().zip(wanted.iter().flatten()) {
            let others = shard.of_party(hash, first.party);
            let others = others.filter(|(id, _)| Some(*id) != ask.replaces);
            let in_request = asks.iter().filter(|other| {
                other.slot != ask.slot
                    && ask.services.as_slice().iter().any(|s| other.services.as_slice().contains(s))
            });
            let before = u16::try_from(in_request.count()).unwrap_or(u16::MAX);
            if ask.reason.is_none() {
                party_limit(ask.services.as_slice(), wanted.place, others, rules, shard, before)?;
            }
        }
        Ok(())
    }

    /// Locks the days in ascending order, checks all places under the locks, and takes them.
    fn take_all<const N: usize>(
        &self,
        asks: &[Ask],
        booked: bool,
        wanted: &mut Many<Wanted<'_>, N>,
        shard: &mut Shard,
    ) -> Result<Seq, (Seq, Error)> {
        let count = asks.len();
        if self.memory_is_full() || !shard.reserve(u32::try_from(count).unwrap_or(u32::MAX)) {
            return Err((Seq(0), Error::Busy));
        }
        let mut order: [usize; N] = std::array::from_fn(|n| n);
        let day_of = |n: usize| wanted.get(n).and_then(Option::as_ref).map(|w| w.place.day);
        order.sort_by_key(|n| (day_of(*n).is_none(), day_of(*n)));
        let mut locks: Many<(crate::id::DayId, MutexGuard<'_, DayState>), N> = [const { None }; N];
        let mut last = None;
        for (n, lock) in order.into_iter().zip(&mut locks) {
            let Some(Some(wanted)) = wanted.get(n) else {
                break;
            };
            if last != Some(wanted.place.day) {
                last = Some(wanted.place.day);
                *lock = Some((wanted.place.day, wanted.day.day.state().lock()));
            }
        }
        let now = self.now();
        let mut pending = [const { None::<Place> }; N];
        for ((ask, wanted), slot) in asks.iter().zip(wanted.iter_mut().flatten()).zip(0..) {
            let (earlier, rest) = pending.split_at_mut(slot);
            let place = place_under_lock(ask, wanted, &mut locks, earlier, now, booked)?;
            wanted.place = place;
            if let Some(own) = rest.first_mut() {
                *own = Some(place);
            }
        }
        Ok(self.record_all(asks, booked, wanted, shard, &mut locks, now))
    }

    fn record_all<const N: usize>(
        &self,
        asks: &[Ask],
        booked: bool,
        wanted: &Many<Wanted<'_>, N>,
        shard: &mut Shard,
        locks: &mut Many<(crate::id::DayId, MutexGuard<'_, DayState>), N>,
        now: Time,
    ) -> Seq {
        let mut lines = [[0; 8]; LINES_MAX];
        let mut effects: Many<Effect, N> = [const { None }; N];
        let mut used = 0;
        let mut push = |line: Line| {
            if let Some(slot) = lines.get_mut(used) {
                *slot = line;
                used += 1;
            }
        };
        for (((nth, ask), wanted), slot) in
            (0..).zip(asks).zip(wanted.iter().flatten()).zip(&mut effects)
        {
            let Some(claim) = shard.next_free(nth) else {
                continue;
            };
            if !wanted.detail.is_empty() {
                shard.reserve_cold(claim.index());
            }
            let effect = Effect::Granted {
                claim,
                place: wanted.place,
                service: ask.services.first(),
                party: ask.party,
                request: ask.request,
                booked,
                ttl_s: wanted.ttl_s,
                part: wanted.detail,
            };
            push(effect.to_line());
            if let Some(line) = effect.second_line() {
                push(line);
            }
            *slot = Some(effect);
        }
        let reason = asks.first().and_then(|ask| ask.reason.as_deref()).unwrap_or("");
        record::text(TextOf::Reason, reason.as_bytes()).for_each(push);
        let guard = HalfDone(&self.half_done);
        let seq = self.journal.publish(now, lines.get_mut(..used).unwrap_or(&mut []));
        for (effect, wanted) in effects.iter().flatten().zip(wanted.iter().flatten()) {
            let lock = locks.iter_mut().flatten().find(|(day, _)| *day == wanted.place.day);
            if let Some((_, state)) = lock {
                wanted.day.day.apply(state, seq, effect);
            }
            shard.apply(seq, now, effect);
        }
        drop(guard);
        seq
    }
}

/// Checks one place under its day's lock and gives it a roster entry.
fn place_under_lock<const N: usize>(
    ask: &Ask,
    wanted: &Wanted<'_>,
    locks: &mut Many<(crate::id::DayId, MutexGuard<'_, DayState>), N>,
    earlier: &[Option<Place>],
    now: Time,
    booked: bool,
) -> Result<Place, (Seq, Error)> {
    let day = &wanted.day.day;
    let unknown = Rejection::UnknownDay { day: wanted.place.day };
    let lock = locks.iter_mut().flatten().find(|(id, _)| *id == wanted.place.day);
    let (_, state) = lock.filter(|(_, state)| !state.retired).ok_or((day.seq(), unknown.into()))?;
    let mut same_day = [wanted.place; N];
    let mut count: u32 = 0;
    for place in earlier.iter().flatten().filter(|place| place.day == wanted.place.day) {
        if let Some(slot) = same_day.get_mut(count as usize) {
            *slot = *place;
            count += 1;
        }
    }
    let pending = same_day.get(..count as usize).unwrap_or(&[]);
    if ask.reason.is_none() {
        day.check(&state.plan, &state.frame, now, &wanted.place, pending, None)
            .map_err(|short| (day.seq(), shortage(ask.slot, short).into()))?;
    } else if day.is_closed() || !day.fits_lanes(&wanted.place) {
        let closed = Rejection::SlotClosed { slot: ask.slot };
        return Err((day.seq(), closed.into()));
    }
    day.reserve(state, pending.len() + 1, !booked);
    let roster = state.next_roster(count).ok_or((day.seq(), Error::Busy))?;
    Ok(Place { roster, ..wanted.place })
}

/// Every ask of one call is for the same party under the same request id.
fn one_request(asks: &[Ask]) -> Result<&Ask, Rejection> {
    let out = |what| Rejection::OutOfRange { what };
    let first = asks.first().ok_or(out("slots of a request: 1 to 8"))?;
    if asks.len() > SLOTS_PER_REQUEST_MAX {
        return Err(out("slots of a request: 1 to 8"));
    }
    if asks.iter().any(|ask| ask.party != first.party || ask.request != first.request) {
        return Err(out("all slots of a request: one party and one request id"));
    }
    if asks.iter().any(|ask| ask.too_many_services) {
        return Err(out("services of a visit: 1 to 4"));
    }
    let reason = first.reason.as_deref().map(str::len);
    if reason.is_some_and(|bytes| bytes == 0 || bytes > REASON_BYTES_MAX) {
        return Err(out("the reason of an override: 1 to 240 bytes"));
    }
    Ok(first)
}

/// The places a request needs: units of all services added up, times persons if in turn.
fn place_of(ask: &Ask, rules: &Rules, calendar: &CalendarRule) -> Result<Place, Rejection> {
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

fn in_time(ask: &Ask, rule: &CalendarRule, starts: Time, now: Time) -> Result<(), Rejection> {
    let lead = rule.lead_ms.get(ask.channel.index()).copied().unwrap_or(0);
    let lead = if ask.reason.is_some() { 0 } else { lead };
    if now.plus(lead) > starts {
        return Err(Rejection::TooLate { until: Time(starts.0.saturating_sub(lead)).utc() });
    }
    Ok(())
}

fn ttl_of(ask: &Ask, rules: &Rules) -> Result<u32, Rejection> {
    let Some(ttl) = ask.ttl else {
        return Ok(rules.holds.ttl_s);
    };
    let seconds = u32::try_from(ttl.as_secs()).unwrap_or(u32::MAX);
    if seconds == 0 || seconds > rules.holds.ttl_max_s.min(HOLD_SECONDS_MAX) {
        return Err(Rejection::OutOfRange { what: "ttl: 1 second to what the catalog allows" });
    }
    Ok(seconds)
}

fn detail_of(ask: &Ask, part: u8) -> Detail {
    let mut more = ask.services.as_slice().iter().skip(1).copied();
    Detail {
        more_services: [more.next(), more.next(), more.next()],
        actor: ask.actor,
        part,
        replaces: ask.replaces.is_some(),
        overridden: ask.reason.is_some(),
    }
}

/// What the entry of such an ask would carry, to compare with what is there.
fn fingerprint_of(ask: &Ask, part: u8, booked: bool, world: &World) -> Option<u32> {
    let rules = world.rules.as_deref()?;
    let place = place_of(ask, rules, rules.calendar(ask.slot.day.calendar())?).ok()?;
    Some(fingerprint(&place, ask.services.first(), &detail_of(ask, part), booked))
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
    services: &[crate::id::ServiceId],
    place: Place,
    others: impl Iterator<Item = (ClaimId, &'s Entry)>,
    rules: &Rules,
    shard: &Shard,
    before: u16,
) -> Result<(), Rejection> {
    let limits = services.iter().filter_map(|service| {
        let rule = rules.service(*service)?;
        Some((*service, rule.active_max?, rule.window_days))
    });
    let mut counts: [(Option<crate::id::ServiceId>, u16, Option<u16>, u16); 4] = Default::default();
    for (slot, (service, max, window)) in counts.iter_mut().zip(limits) {
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
                if *count >= *max {
                    return Err(Rejection::PartyLimit { claim: id });
                }
            }
        }
    }
    Ok(())
}

fn lines_for<const N: usize>(asks: &[Ask], wanted: &Many<Wanted<'_>, N>) -> u32 {
    let details = wanted.iter().flatten().filter(|wanted| !wanted.detail.is_empty()).count();
    let reason = asks.first().and_then(|ask| ask.reason.as_deref()).map_or(0, str::len);
    u32::try_from(asks.len() + details + reason.div_ceil(32)).unwrap_or(u32::MAX)
}

/// The receipts of a request just carried out, in the order of its slots.
fn claims_of<'a, const N: usize>(
    wanted: &'a Many<Wanted<'_>, N>,
    shard: &'a Shard,
    hall: &'a Hall,
    world: &'a World,
    hash: u64,
    asks: &'a [Ask],
) -> impl Iterator<Item = Receipt> + 'a {
    let party = asks.first().map(|ask| ask.party);
    wanted.iter().flatten().filter_map(move |wanted| {
        let own = shard.of_party(hash, party?).find(|(_, entry)| {
            entry.day() == wanted.place.day
                && entry.place().roster == wanted.place.roster
                && entry.stage().state().is_some_and(ClaimState::is_on_roster)
        });
        let claim = hall.view(shard, world, own?.0)?;
        Some(Receipt { claim, replayed: false })
    })
}
