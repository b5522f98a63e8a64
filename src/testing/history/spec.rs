//! What may one call do, and what may it answer? The engine's rules for one call at a time.
//!
//! The whole truth that answers are compared with: small enough to be read and believed. A hold
//! past its deadline is still there until somebody had to notice that it is gone.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::{ClaimId, ClaimState, Rejection, RequestId, SlotId};

/// A claim: the one of its party's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Record {
    /// Not known while no answer has shown it.
    pub(super) id: Option<ClaimId>,
    pub(super) asked: Asked,
    pub(super) slot: SlotId,
    pub(super) state: ClaimState,
    pub(super) deadline: u64,
    pub(super) version: u16,
    pub(super) moved_by: Option<RequestId>,
}

/// What a retry must equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    pub(super) slot: SlotId,
    pub(super) booked: bool,
    pub(super) places: u16,
    pub(super) content: u64,
}

/// What a call does, with parties' requests and slots as numbers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deed {
    Grant { key: usize, asked: Asked, ttl: u64 },
    Confirm(Who),
    Extend(Who, u64),
    Release(Who),
    Cancel(Who),
    Shift { who: Who, to: SlotId, request: RequestId, of: ClaimState },
    Adopt { who: Who, hold: Who, request: RequestId, same_party: bool },
    Read(Who),
    Advance(u64),
}

/// A claim asked for by id, and the request that answers showed it to come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who {
    pub(super) id: ClaimId,
    pub(super) key: usize,
}

/// What may be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Is {
        key: usize,
        record: Record,
        replayed: bool,
    },
    No(Rejection),
    /// `HoldExpired`, with the time it was noticed: from the deadline until now.
    Expired {
        from: u64,
        upto: u64,
    },
    /// A refusal by rules that are not checked here.
    Aside,
    Done,
}

/// What changes with that answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Change {
    pub(super) now: Option<u64>,
    pub(super) writes: Vec<(usize, Option<Record>)>,
}

/// The engine between two calls.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) now: u64,
    pub(super) records: Vec<Option<Record>>,
    /// Stands for all of the above; equal states have equal prints.
    pub(super) print: u128,
}

type Possible = Vec<(Reply, Change)>;

/// 128 bits of anything: two states that differ have the same print once in 2^64 histories.
pub(super) fn print(of: impl Hash) -> u128 {
    let half = |salt: u64| {
        let mut hasher = DefaultHasher::new();
        (salt, &of).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(1) << 64 | half(2)
}

impl Record {
    fn is_due(&self, now: u64) -> bool {
        self.state == ClaimState::Held && self.deadline <= now
    }

    pub(super) fn keeps_place(&self) -> bool {
        self.state.is_on_roster()
    }

    fn ended(self, how: ClaimState) -> Self {
        Self { state: how, ..self }
    }
}

impl Change {
    fn of(key: usize, record: Record) -> Self {
        Self { now: None, writes: vec![(key, Some(record))] }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.now.is_none() && self.writes.is_empty()
    }
}

impl State {
    pub(super) fn new(now: u64, keys: usize) -> Self {
        Self { now, records: vec![None; keys], print: print(now) }
    }

    pub(super) fn get(&self, key: usize) -> Option<Record> {
        self.records.get(key).copied().flatten()
    }

    /// Makes the change, and answers with the one that undoes it.
    pub(super) fn apply(&mut self, change: &Change) -> Change {
        let mut undo = Change::default();
        if let Some(now) = change.now {
            self.print ^= print(self.now) ^ print(now);
            undo.now = Some(std::mem::replace(&mut self.now, now));
        }
        for (key, record) in &change.writes {
            let Some(slot) = self.records.get_mut(*key) else { continue };
            let old = std::mem::replace(slot, *record);
            self.print ^= print((key, old)) ^ print((key, record));
            undo.writes.push((*key, old));
        }
        undo.writes.reverse();
        undo
    }

    /// Who keeps places of a slot.
    pub(super) fn keepers(&self, slot: SlotId) -> impl Iterator<Item = (usize, Record)> + '_ {
        let all = self.records.iter().enumerate();
        let some = all.filter_map(|(key, record)| Some((key, (*record)?)));
        some.filter(move |(_, record)| record.keeps_place() && record.slot == slot)
    }

    /// Every answer that the rules allow now, with what it changes.
    pub(super) fn possible(&self, deed: &Deed, capacity: impl Fn(SlotId) -> u16) -> Possible {
        match *deed {
            Deed::Grant { key, asked, ttl } => self.grant(key, asked, ttl, capacity(asked.slot)),
            Deed::Read(who) => match self.known(who) {
                Some(record) => self.shown(who.key, record, false),
                None => unknown(who.id),
            },
            Deed::Confirm(who) => {
                self.one(who, ClaimState::Held, ClaimState::Booked, |r| r.ended(ClaimState::Booked))
            }
            Deed::Release(who) => {
                let how = ClaimState::Released;
                self.one(who, ClaimState::Held, how, |record| record.ended(how))
            }
            Deed::Cancel(who) => {
                let how = ClaimState::Cancelled;
                self.one(who, ClaimState::Booked, how, |record| record.ended(how))
            }
            Deed::Extend(who, ttl) => {
                let deadline = self.now + ttl;
                // No state counts as extended already.
                let never = ClaimState::Served;
                self.one(who, ClaimState::Held, never, |record| Record { deadline, ..record })
            }
            Deed::Shift { who, to, request, of } => self.shift(who, to, request, of, capacity(to)),
            Deed::Adopt { who, hold, request, same_party } => {
                self.adopt(who, hold, request, same_party)
            }
            Deed::Advance(to) => {
                let now = (to > self.now).then_some(to);
                vec![(Reply::Done, Change { now, writes: Vec::new() })]
            }
        }
    }

    fn known(&self, who: Who) -> Option<Record> {
        self.get(who.key).filter(|record| record.id.is_none_or(|id| id == who.id))
    }

    /// The claim as it stands; one past its deadline may be seen either way.
    fn shown(&self, key: usize, record: Record, replayed: bool) -> Possible {
        let mut possible = vec![(Reply::Is { key, record, replayed }, Change::default())];
        if record.is_due(self.now) {
            let record = record.ended(ClaimState::Expired);
            possible.push((Reply::Is { key, record, replayed }, Change::of(key, record)));
        }
        possible
    }

    fn grant(&self, key: usize, asked: Asked, ttl: u64, capacity: u16) -> Possible {
        if let Some(record) = self.get(key) {
            if record.asked == asked {
                return self.shown(key, record, true);
            }
            // An id that nobody has seen cannot be compared; any stands for it.
            let claim = record.id.unwrap_or(ClaimId::from_u64(u64::MAX));
            return no(Rejection::RequestReused { claim }, Change::default());
        }
        let booked = (ClaimState::Booked, 0);
        let held = (ClaimState::Held, self.now + ttl);
        let (state, deadline) = if asked.booked { booked } else { held };
        let (id, version, moved_by, slot) = (None, 0, None, asked.slot);
        let record = Record { id, asked, slot, state, deadline, version, moved_by };
        self.take(key, record, asked.slot, (capacity, asked.places), &Change::default())
    }

    /// Puts a claim where it wants to be, if there is room or holds past their deadline make some.
    fn take(
        &self,
        key: usize,
        record: Record,
        slot: SlotId,
        (capacity, places): (u16, u16),
        before: &Change,
    ) -> Possible {
        let others = || self.keepers(slot).filter(move |(other, _)| *other != key);
        let used: u32 = others().map(|(_, other)| u32::from(other.asked.places)).sum();
        let over = (used + u32::from(places)).saturating_sub(u32::from(capacity));
        let due: Vec<_> = others().filter(|(_, other)| other.is_due(self.now)).collect();
        let mut possible = vec![(Reply::Aside, before.clone())];
        if over > 0 {
            possible.push((Reply::No(Rejection::SlotFull { slot }), before.clone()));
        }
        for gone in enough(&due, over) {
            let mut change = before.clone();
            let expired = |(key, r): &(usize, Record)| (*key, Some(r.ended(ClaimState::Expired)));
            change.writes.extend(gone.iter().map(expired));
            change.writes.push((key, Some(record)));
            possible.push((Reply::Is { key, record, replayed: false }, change));
        }
        possible
    }

    /// The claim as a change finds it: one past its deadline ends with that.
    fn met(&self, who: Who) -> Option<(Record, Change)> {
        let record = self.known(who)?;
        if !record.is_due(self.now) {
            return Some((record, Change::default()));
        }
        let record = record.ended(ClaimState::Expired);
        Some((record, Change::of(who.key, record)))
    }

    /// A change of a claim that stays where it is.
    fn one(
        &self,
        who: Who,
        from: ClaimState,
        done: ClaimState,
        change: impl Fn(Record) -> Record,
    ) -> Possible {
        let Some((record, before)) = self.met(who) else { return unknown(who.id) };
        let key = who.key;
        if record.state == done {
            return vec![(Reply::Is { key, record, replayed: true }, before)];
        }
        if record.state != from {
            return self.over(who, record, before);
        }
        let record = change(record);
        let changed = (Reply::Is { key, record, replayed: false }, Change::of(key, record));
        vec![changed, (Reply::Aside, before)]
    }

    fn shift(
        &self,
        who: Who,
        to: SlotId,
        request: RequestId,
        of: ClaimState,
        capacity: u16,
    ) -> Possible {
        let Some((record, before)) = self.met(who) else { return unknown(who.id) };
        if let Some(known) = moved_before(who, record, (to, request), &before) {
            return known;
        }
        if record.state != of {
            return self.not_of(who, record, of, before);
        }
        let moved = moved(record, to, request);
        self.take(who.key, moved, to, (capacity, record.asked.places), &before)
    }

    fn adopt(&self, who: Who, hold: Who, request: RequestId, same_party: bool) -> Possible {
        if self.known(who).is_none() {
            return unknown(who.id);
        }
        let Some(held) = self.known(hold) else { return unknown(hold.id) };
        if !same_party {
            return no(Rejection::OtherParty { claim: hold.id }, Change::default());
        }
        let Some((record, before)) = self.met(who) else { return unknown(who.id) };
        if let Some(known) = moved_before(who, record, (held.slot, request), &before) {
            return known;
        }
        if record.state != ClaimState::Booked {
            return self.not_of(who, record, ClaimState::Booked, before);
        }
        if held.state != ClaimState::Held {
            return self.over(hold, held, before);
        }
        if held.is_due(self.now) {
            let how = ClaimState::Expired;
            let from = held.deadline;
            let noticed = Change::of(hold.key, held.ended(how));
            return vec![
                (Reply::Expired { from, upto: from }, before),
                (Reply::Expired { from, upto: self.now }, noticed),
            ];
        }
        let record = moved(record, held.slot, request);
        let released = held.ended(ClaimState::Released);
        let writes = vec![(hold.key, Some(released)), (who.key, Some(record))];
        let change = Change { now: None, writes };
        let reply = Reply::Is { key: who.key, record, replayed: false };
        vec![(reply, change), (Reply::Aside, before)]
    }

    fn not_of(&self, who: Who, record: Record, of: ClaimState, before: Change) -> Possible {
        if (of, record.state) == (ClaimState::Booked, ClaimState::Held) {
            return no(Rejection::WrongState { state: record.state }, before);
        }
        self.over(who, record, before)
    }

    /// Why a claim in that state can no longer be changed so.
    fn over(&self, who: Who, record: Record, before: Change) -> Possible {
        let reply = match record.state {
            ClaimState::Expired => Reply::Expired { from: record.deadline, upto: self.now },
            ClaimState::Booked => Reply::No(Rejection::AlreadyConfirmed { claim: who.id }),
            state @ ClaimState::Held => Reply::No(Rejection::WrongState { state }),
            how => Reply::No(Rejection::AlreadyEnded { how }),
        };
        vec![(reply, before)]
    }
}

fn no(rejection: Rejection, change: Change) -> Possible {
    vec![(Reply::No(rejection), change)]
}

fn unknown(claim: ClaimId) -> Possible {
    no(Rejection::UnknownClaim { claim }, Change::default())
}

fn moved(record: Record, to: SlotId, request: RequestId) -> Record {
    Record { slot: to, version: record.version + 1, moved_by: Some(request), ..record }
}

/// A retry of the claim's last move.
fn moved_before(
    who: Who,
    record: Record,
    (to, request): (SlotId, RequestId),
    before: &Change,
) -> Option<Possible> {
    let again = Reply::Is { key: who.key, record, replayed: true };
    let reused = Reply::No(Rejection::RequestReused { claim: who.id });
    let reply = if record.slot == to { again } else { reused };
    (record.moved_by == Some(request)).then(|| vec![(reply, before.clone())])
}

/// Every smallest choice of `due` holds that gives back `over` places.
fn enough(due: &[(usize, Record)], over: u32) -> Vec<Vec<(usize, Record)>> {
    if over == 0 {
        return vec![Vec::new()];
    }
    let mut choices = Vec::new();
    let mut rest = due;
    while let [first, others @ ..] = rest {
        for mut choice in enough(others, over.saturating_sub(u32::from(first.1.asked.places))) {
            choice.push(*first);
            choices.push(choice);
        }
        rest = others;
    }
    choices
}
