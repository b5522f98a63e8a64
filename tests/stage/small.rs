//! Good histories, made by a small engine of its own that knows nothing of the checker.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use cupo::testing::history::{Answer, Event, History, Operation, Seen, Wanted};
use cupo::{ClaimId, ClaimState, PartyId, Rejection, RequestId, SlotId};

use super::crowd::Dice;

pub const TTL_S: u64 = 600;

pub fn begins() -> DateTime<Utc> {
    "2026-12-01T08:00:00Z".parse().unwrap()
}

pub fn slot(day: u8, index: u16) -> SlotId {
    format!("1@2026-12-0{day}#{index}").parse().unwrap()
}

/// An engine of a page: claims in a map, the rules in the order of the manual.
pub struct Small {
    pub slots: BTreeMap<SlotId, u16>,
    pub claims: BTreeMap<u64, Seen>,
    pub now: DateTime<Utc>,
}

impl Small {
    fn used(&self, slot: SlotId) -> u16 {
        let keeps = |c: &&Seen| c.slot == slot && c.state.is_on_roster();
        self.claims.values().filter(keeps).count() as u16
    }

    fn is_full(&self, slot: SlotId) -> bool {
        self.used(slot) >= self.slots[&slot]
    }

    fn expire(&mut self) {
        for claim in self.claims.values_mut() {
            if claim.deadline.is_some_and(|deadline| deadline <= self.now) {
                (claim.state, claim.deadline) = (ClaimState::Expired, None);
            }
        }
    }

    fn grant(&mut self, want: &Wanted, booked: bool) -> Answer {
        let same = |c: &&Seen| (c.party, c.request) == (want.party, want.request);
        if let Some(claim) = self.claims.values().find(same) {
            return Answer::Is(*claim, true);
        }
        if self.is_full(want.slot) {
            return Answer::Refused(Rejection::SlotFull { slot: want.slot });
        }
        let number = self.claims.len() as u64 + 1;
        let held = (ClaimState::Held, Some(self.now + Duration::from_secs(TTL_S)));
        let (state, deadline) = if booked { (ClaimState::Booked, None) } else { held };
        let claim = Seen {
            id: ClaimId::from_u64(number),
            party: want.party,
            request: want.request,
            slot: want.slot,
            state,
            version: 0,
            deadline,
        };
        self.claims.insert(number, claim);
        Answer::Is(claim, false)
    }

    fn change(&mut self, id: ClaimId, from: ClaimState, to: ClaimState) -> Answer {
        let now = self.now;
        let Some(claim) = self.claims.get_mut(&id.to_u64()) else {
            return Answer::Refused(Rejection::UnknownClaim { claim: id });
        };
        if claim.state == to {
            return Answer::Is(*claim, true);
        }
        if claim.state != from {
            return Answer::Refused(over(claim, now));
        }
        (claim.state, claim.deadline) = (to, None);
        Answer::Is(*claim, false)
    }

    fn shift(&mut self, id: ClaimId, to: SlotId, of: ClaimState) -> Answer {
        let full = self.is_full(to);
        let now = self.now;
        let Some(claim) = self.claims.get_mut(&id.to_u64()) else {
            return Answer::Refused(Rejection::UnknownClaim { claim: id });
        };
        if claim.state != of {
            let held = (of, claim.state) == (ClaimState::Booked, ClaimState::Held);
            let state = claim.state;
            let wrong = Rejection::WrongState { state };
            return Answer::Refused(if held { wrong } else { over(claim, now) });
        }
        if full && claim.slot != to {
            return Answer::Refused(Rejection::SlotFull { slot: to });
        }
        (claim.slot, claim.version) = (to, claim.version + 1);
        Answer::Is(*claim, false)
    }

    pub fn answer(&mut self, operation: &Operation) -> Answer {
        match operation {
            Operation::Hold(want) => self.grant(want, false),
            Operation::Book(want) => self.grant(want, true),
            Operation::Confirm(id) => self.change(*id, ClaimState::Held, ClaimState::Booked),
            Operation::Release(id) => self.change(*id, ClaimState::Held, ClaimState::Released),
            Operation::Cancel(id) => self.change(*id, ClaimState::Booked, ClaimState::Cancelled),
            Operation::Swap(id, to, _) => self.shift(*id, *to, ClaimState::Held),
            Operation::Reschedule(id, to, _) => self.shift(*id, *to, ClaimState::Booked),
            Operation::Read(id) => match self.claims.get(&id.to_u64()) {
                Some(claim) => Answer::Is(*claim, false),
                None => Answer::Refused(Rejection::UnknownClaim { claim: *id }),
            },
            Operation::Look(slot) => Answer::Used(self.used(*slot)),
            Operation::Advance(to) => {
                self.now = *to;
                self.expire();
                Answer::Done
            }
            other => panic!("{other} is not played"),
        }
    }
}

fn over(claim: &Seen, now: DateTime<Utc>) -> Rejection {
    match claim.state {
        ClaimState::Expired => Rejection::HoldExpired { at: now },
        ClaimState::Booked => Rejection::AlreadyConfirmed { claim: claim.id },
        state @ ClaimState::Held => Rejection::WrongState { state },
        how => Rejection::AlreadyEnded { how },
    }
}

/// A good history: the small engine answers one call after the other, at moments 1,000 apart, and
/// each client's calls reach over their moments by up to `reach`. Some calls never hear back,
/// whether or not they were carried out; clients that wait so are seen no more.
pub fn good(dice: &mut Dice, clients: u32, calls: u64, reach: u64) -> History {
    let slots = BTreeMap::from([(slot(2, 36), 2), (slot(2, 37), 1), (slot(3, 36), 1)]);
    let names: Vec<SlotId> = slots.keys().copied().collect();
    let mut small = Small { slots: slots.clone(), claims: BTreeMap::new(), now: begins() };
    let mut history = History { slots, ..History::new(begins()) };
    let mut free: Vec<(u32, u64)> = (0..clients).map(|client| (client, 0)).collect();
    let mut asked: Vec<Operation> = Vec::new();
    let mut shown: Vec<ClaimId> = Vec::new();
    for turn in 1..=calls {
        let moment = turn * 1_000;
        let ready: Vec<usize> = (0..free.len()).filter(|n| free[*n].1 < moment).collect();
        let Some(at) = dice.pick(&ready) else { continue };
        let (client, since) = free[at];
        let operation = call(dice, (small.now, &names, &asked, &shown), turn);
        let lost = reach > 0 && dice.below(40) == 0;
        let clock = matches!(operation, Operation::Advance(_));
        if lost && !clock && dice.below(2) == 0 {
            let (back, answer) = (None, Answer::Unknown);
            history.events.push(Event { client, call: moment, back, operation, answer });
            free.swap_remove(at);
            continue;
        }
        let answer = small.answer(&operation);
        if matches!(operation, Operation::Hold(_) | Operation::Book(_)) {
            asked.push(operation.clone());
        }
        let call = moment - dice.roll() % (reach + 1).min(moment - since).max(1);
        let back = moment + dice.roll() % (reach + 1) + 1;
        let known = !lost || clock;
        if let (true, Answer::Is(seen, false)) = (known, &answer) {
            shown.push(seen.id);
        }
        let (back, answer) = if known { (Some(back), answer) } else { (None, Answer::Unknown) };
        match back {
            Some(back) => free[at].1 = back,
            None => drop(free.swap_remove(at)),
        }
        history.events.push(Event { client, call, back, operation, answer });
    }
    apart(&mut history);
    history
}

/// Gives every moment a number of its own; what was at one moment overlaps.
pub fn apart(history: &mut History) {
    let events = history.events.iter();
    let mut ends: Vec<(u64, bool, usize)> = Vec::new();
    for (number, event) in events.enumerate() {
        ends.push((event.call, false, number));
        ends.extend(event.back.map(|back| (back, true, number)));
    }
    ends.extend(
        history.crashes.iter().enumerate().map(|(number, at)| (*at, true, usize::MAX - number)),
    );
    ends.sort_unstable();
    for (moment, (_, back, number)) in (1..).zip(ends) {
        match history.events.get_mut(number) {
            Some(event) if back => event.back = Some(moment),
            Some(event) => event.call = moment,
            None => history.crashes[usize::MAX - number] = moment,
        }
    }
}

type Heard<'a> = (DateTime<Utc>, &'a [SlotId], &'a [Operation], &'a [ClaimId]);

/// What a client may ask that has heard so much.
fn call(dice: &mut Dice, (now, slots, asked, shown): Heard<'_>, turn: u64) -> Operation {
    let to = dice.pick(slots).unwrap();
    let request = RequestId(u128::from(turn));
    let want = Wanted::new(PartyId(1 + u128::from(dice.roll() % 4)), request, to);
    let claim = dice.pick(&shown[shown.len().saturating_sub(5)..]);
    let kind = dice.below(24);
    let Some(claim) = claim.filter(|_| kind > 7) else {
        return if kind < 5 { Operation::Hold(want) } else { Operation::Book(want) };
    };
    match kind {
        8..=9 if !asked.is_empty() => asked[dice.below(asked.len())].clone(),
        10..=12 => Operation::Confirm(claim),
        13 => Operation::Release(claim),
        14..=16 => Operation::Cancel(claim),
        17 => Operation::Swap(claim, to, request),
        18..=19 => Operation::Reschedule(claim, to, request),
        20 => Operation::Advance(now + Duration::from_secs(1 + dice.roll() % 400)),
        21 => Operation::Look(to),
        _ => Operation::Read(claim),
    }
}
