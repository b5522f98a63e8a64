//! May they have these places? Holds and bookings, all or nothing.
//!
//! The ledger is asked first (a retry of the grant that took the last place must get its place);
//! a full slot is then refused without the day's lock.

use crate::catalog::Rules;
use crate::claim::{ClaimState, Place, Receipt};
use crate::engine::request::{Many, Wanted, one_request, party_limit, shortage, want};
use crate::engine::retry::replay;
use crate::engine::{Ask, Engine, HalfDone, Hall, World, view_on};
use crate::error::Error;
use crate::id::{DayId, Seq};
use crate::inventory::DayState;
use crate::journal::Commit;
use crate::ledger::{Shard, Stage};
use crate::limits::{ENDED_PER_PARTY_MAX, REASON_BYTES_MAX, SLOTS_PER_REQUEST_MAX};
use crate::planted::{panic_point, planted};
use crate::record::{self, Effect, Line, TextOf};
use crate::rejection::Rejection;
use crate::sync::MutexGuard;
use crate::time::Time;

/// The most lines of one request: two a slot, and the reason of an override.
const LINES_MAX: usize = SLOTS_PER_REQUEST_MAX * 2 + REASON_BYTES_MAX.div_ceil(32);

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
        let known = asks.first().is_some_and(|ask| shard.knows(hash, ask.party));
        if known {
            match replay::<N>(asks, booked, hash, world, shard, tell) {
                Ok(false) => {}
                Ok(true) => return Tried::Done(shard.seq),
                Err(rejection) => return no(shard.seq, rejection),
            }
        }
        let now = self.now();
        self.forget_two(shard, now);
        let mut wanted: Many<Wanted<'_>, N> = [const { None }; N];
        for ((part, ask), slot) in (0..).zip(asks).zip(&mut wanted) {
            match want(ask, part, booked, rules, world, now) {
                Ok(found) => *slot = Some(found),
                Err((seq, rejection)) => return no(seq, rejection),
            }
        }
        let hash = known.then_some(hash);
        if let Err(rejection) = self.within_limits(asks, &wanted, hash, rules, shard) {
            return no(shard.seq, rejection);
        }
        let lines = lines_for(asks, &wanted);
        if !self.permit(shard, lines) {
            return Tried::Wait(lines);
        }
        match self.take_all(asks, booked, &mut wanted, shard) {
            Ok(seq) => {
                for Wanted { day, claim, .. } in wanted.iter().flatten() {
                    if let Some(claim) = claim.and_then(|id| view_on(shard, Some(day), id)) {
                        tell(Receipt { claim, replayed: false });
                    }
                }
                Tried::Done(seq)
            }
            Err((seq, error)) => {
                self.give_back(shard, lines);
                Tried::No(seq, error)
            }
        }
    }

    /// The limits of the party: what it holds, has booked, and has ended. Without a hash it has
    /// nothing.
    fn within_limits<const N: usize>(
        &self,
        asks: &[Ask],
        wanted: &Many<Wanted<'_>, N>,
        hash: Option<u64>,
        rules: &Rules,
        shard: &Shard,
    ) -> Result<(), Rejection> {
        let Some(first) = asks.first() else {
            return Ok(());
        };
        let mut ended = 0;
        let mut oldest = Time::MAX;
        let mut holds = asks.len();
        if holds > usize::from(rules.holds.per_party) && first.reason.is_none() {
            let what = "slots of a request: no more than the holds a party may have";
            return Err(Rejection::OutOfRange { what });
        }
        let claims = || hash.into_iter().flat_map(|hash| shard.of_party(hash, first.party));
        for (id, entry) in claims() {
            match entry.stage() {
                Stage::Claim(ClaimState::Held) => {
                    holds += 1;
                    if holds
                        > usize::from(rules.holds.per_party) + usize::from(planted("one_hold_more"))
                        && first.reason.is_none()
                    {
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
        for ((ask, wanted), part) in asks.iter().zip(wanted.iter().flatten()).zip(0..) {
            let services = ask.services.as_slice();
            if ask.reason.is_none() && rules.limits_any(services) {
                let others = claims().filter(|(id, _)| Some(*id) != ask.replaces);
                let earlier = asks.get(..part).unwrap_or(&[]);
                party_limit(services, wanted.place, others, rules, shard, earlier)?;
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
        if count > 1 {
            order.sort_by_key(|n| (day_of(*n).is_none(), day_of(*n)));
        }
        let mut locks: Many<(DayId, MutexGuard<'_, DayState>), N> = [const { None }; N];
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
            // A refusal says too that the party is within its limits, which rests on the shard.
            let place = place_under_lock(ask, wanted, &mut locks, earlier, now, booked)
                .map_err(|(seq, error)| (seq.max(shard.seq), error))?;
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
        wanted: &mut Many<Wanted<'_>, N>,
        shard: &mut Shard,
        locks: &mut Many<(DayId, MutexGuard<'_, DayState>), N>,
        now: Time,
    ) -> Seq {
        let reason = asks.first().and_then(|ask| ask.reason.as_deref()).unwrap_or("");
        let (mut few, mut all);
        let lines = if reason.is_empty() {
            few = [[[0; 8]; 2]; N];
            few.as_flattened_mut()
        } else {
            all = [[0; 8]; LINES_MAX];
            all.as_mut_slice()
        };
        let mut effects: Many<Effect, N> = [const { None }; N];
        let mut used = 0;
        let mut push = |line: Line| {
            if let Some(slot) = lines.get_mut(used) {
                *slot = line;
                used += 1;
            }
        };
        for (((nth, ask), wanted), slot) in
            (0..).zip(asks).zip(wanted.iter_mut().flatten()).zip(&mut effects)
        {
            let Some(claim) = shard.next_free(nth) else {
                continue;
            };
            wanted.claim = Some(claim);
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
        record::text(TextOf::Reason, reason.as_bytes()).for_each(push);
        let guard = HalfDone(&self.half_done);
        panic_point("panic_before_the_grant");
        let seq = self.journal.publish(now, lines.get_mut(..used).unwrap_or(&mut []));
        panic_point("panic_after_the_grant");
        for (effect, wanted) in effects.iter().flatten().zip(wanted.iter().flatten()) {
            let lock = locks.iter_mut().flatten().find(|(day, _)| *day == wanted.place.day);
            if let Some((_, state)) = lock {
                wanted.day.day.apply(state, seq, effect);
            }
            panic_point("panic_within_the_grant");
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
    locks: &mut Many<(DayId, MutexGuard<'_, DayState>), N>,
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
    if ask.reason.is_none() && !planted("check_before_the_lock_only") {
        day.check(&state.plan, &state.frame, now, &wanted.place, pending, None)
            .map_err(|short| (day.seq(), shortage(ask.slot, short).into()))?;
    } else if day.is_closed() || !day.fits_lanes(&wanted.place) {
        let closed = Rejection::SlotClosed { slot: ask.slot };
        return Err((day.seq(), closed.into()));
    }
    day.reserve(state, pending.len() + 1, !booked);
    let roster = state.roster.next(count).ok_or((day.seq(), Error::Busy))?;
    Ok(Place { roster, ..wanted.place })
}

fn lines_for<const N: usize>(asks: &[Ask], wanted: &Many<Wanted<'_>, N>) -> u32 {
    let details = wanted.iter().flatten().filter(|wanted| !wanted.detail.is_empty()).count();
    let reason = asks.first().and_then(|ask| ask.reason.as_deref()).map_or(0, str::len);
    u32::try_from(asks.len() + details + reason.div_ceil(32)).unwrap_or(u32::MAX)
}
