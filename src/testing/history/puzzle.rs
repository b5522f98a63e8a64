//! Which calls must be ordered together? A history taken apart into calls that share something.
//!
//! Calls on slots that no claim ever links are ordered apart, as linearizability is local
//! (Herlihy and Wing 1990); a move links two slots, and the clock is part of every group.

use std::collections::BTreeMap;
use std::collections::HashMap;

use crate::testing::history::spec::{Asked, Change, Deed, Reply, State, Who};
use crate::testing::history::{Answer, Event, History, Operation, Seen, Wanted};
use crate::{ClaimId, ClaimState, PartyId, Rejection, RequestId, SlotId, Time};

/// A call to be given its moment.
#[derive(Debug)]
pub(super) struct Move<'h> {
    /// Its number in the history.
    pub(super) event: usize,
    pub(super) call: u64,
    /// What the clock showed then.
    since: u64,
    /// The last moment at which it can have happened.
    pub(super) by: u64,
    /// It may never have happened.
    pub(super) optional: bool,
    pub(super) deed: Deed,
    answer: &'h Answer,
}

/// A history with numbers for names.
#[derive(Debug)]
pub(super) struct Puzzle<'h> {
    pub(super) history: &'h History,
    pub(super) moves: Vec<Move<'h>>,
    begins: u64,
    /// Moves of the clock: when they were done, and the time since then.
    clock: Vec<(u64, u64)>,
    keys: HashMap<(PartyId, RequestId), usize>,
    pub(super) key_of: HashMap<ClaimId, usize>,
    count: usize,
}

impl<'h> Puzzle<'h> {
    pub(super) fn new(history: &'h History) -> Self {
        let mut puzzle = Self {
            history,
            moves: Vec::with_capacity(history.events.len()),
            begins: Time::from(history.begins).0,
            clock: Vec::new(),
            keys: HashMap::new(),
            key_of: HashMap::new(),
            count: 0,
        };
        for (id, (party, request)) in &history.claims {
            let key = puzzle.key(*party, *request);
            puzzle.key_of.insert(*id, key);
        }
        for event in &history.events {
            if let Answer::Is(Seen { id, party, request, .. }, _) = event.answer {
                let key = puzzle.key(party, request);
                puzzle.key_of.entry(id).or_insert(key);
            }
        }
        for event in &history.events {
            if let Operation::Advance(to) = event.operation {
                puzzle.clock.push((event.back.unwrap_or(u64::MAX), Time::from(to).0));
            }
        }
        for (number, event) in history.events.iter().enumerate() {
            puzzle.add(number, event);
        }
        puzzle
    }

    fn key(&mut self, party: PartyId, request: RequestId) -> usize {
        let next = self.keys.len();
        let key = *self.keys.entry((party, request)).or_insert(next);
        self.count = self.count.max(key + 1);
        key
    }

    /// A claim that no answer shows is known to nobody: a key without a request stands for it.
    fn who(&self, id: ClaimId) -> Who {
        Who { id, key: self.key_of.get(&id).copied().unwrap_or(usize::MAX) }
    }

    fn add(&mut self, event: usize, said: &'h Event) {
        let optional = said.answer == Answer::Unknown;
        let unseen = matches!(said.operation, Operation::Read(_) | Operation::Look(_));
        if said.answer == Answer::Nothing || (optional && unseen) {
            return;
        }
        let Some(deed) = self.deed(&said.operation) else { return };
        let crash = self.history.crashes.iter().filter(|crash| **crash > said.call).min();
        let by = match said.back {
            Some(back) if !optional => back,
            _ => crash.copied().unwrap_or(u64::MAX),
        };
        let (call, answer) = (said.call, &said.answer);
        let before = self.clock.iter().filter(|(back, _)| *back < call).map(|(_, to)| *to);
        let since = before.fold(self.begins, u64::max);
        self.moves.push(Move { event, call, since, by, optional, deed, answer });
    }

    fn deed(&mut self, operation: &Operation) -> Option<Deed> {
        Some(match operation {
            Operation::Hold(wanted) => self.grant(wanted, false),
            Operation::Book(wanted) => self.grant(wanted, true),
            Operation::Confirm(id) => Deed::Confirm(self.who(*id)),
            Operation::Extend(id, ttl) => Deed::Extend(self.who(*id), millis(*ttl)),
            Operation::Release(id) => Deed::Release(self.who(*id)),
            Operation::Cancel(id) => Deed::Cancel(self.who(*id)),
            Operation::Swap(id, to, request) => {
                let (who, to, request) = (self.who(*id), *to, *request);
                Deed::Shift { who, to, request, of: ClaimState::Held }
            }
            Operation::Reschedule(id, to, request) => {
                let (who, to, request) = (self.who(*id), *to, *request);
                Deed::Shift { who, to, request, of: ClaimState::Booked }
            }
            Operation::RescheduleToHold(id, hold, request) => {
                let party = |key| self.keys.iter().find(|(_, k)| **k == key).map(|(k, _)| k.0);
                let (who, hold, request) = (self.who(*id), self.who(*hold), *request);
                let same_party = party(who.key) == party(hold.key);
                Deed::Adopt { who, hold, request, same_party }
            }
            Operation::Read(id) => Deed::Read(self.who(*id)),
            Operation::Advance(to) => Deed::Advance(Time::from(*to).0),
            Operation::Look(_) => return None,
        })
    }

    fn grant(&mut self, wanted: &Wanted, booked: bool) -> Deed {
        let Wanted { party, request, slot, places, content, .. } = *wanted;
        let ttl = millis(wanted.ttl.unwrap_or(self.history.hold_ttl));
        let asked = Asked { slot, booked, places, content };
        Deed::Grant { key: self.key(party, request), asked, ttl }
    }

    pub(super) fn start(&self) -> State {
        State::new(self.begins, self.count)
    }

    pub(super) fn capacity(&self, slot: SlotId) -> u16 {
        self.history.slots.get(&slot).copied().unwrap_or(0)
    }

    pub(super) fn possible(&self, state: &State, deed: &Deed) -> Vec<(Reply, Change)> {
        state.possible(deed, |slot| self.capacity(slot))
    }

    /// The changes under which the rules give the answer that was given, or, where there was
    /// none, any that change something.
    pub(super) fn explain(&self, state: &State, call: &Move<'_>) -> Vec<Change> {
        // A call looks at the clock once and changes something later: it may decide by any time
        // that the clock showed since it was called.
        let between = self.clock.iter().map(|(_, to)| *to);
        let shown = between.filter(|to| (call.since + 1..state.now).contains(to));
        let earlier = shown.chain((call.since < state.now).then_some(call.since));
        let then = |now| self.explain_now(&State { now, ..state.clone() }, call);
        let mut changes: Vec<Change> = earlier.flat_map(then).collect();
        changes.extend(self.explain_now(state, call));
        changes
    }

    fn explain_now(&self, state: &State, call: &Move<'_>) -> Vec<Change> {
        let possible = self.possible(state, &call.deed);
        if call.optional {
            let changes = possible.into_iter().map(|(_, change)| change);
            return changes.filter(|change| !change.is_empty()).collect();
        }
        let agreed = possible.into_iter().filter_map(|(reply, change)| {
            self.agrees(reply, call.answer).then(|| bind(reply, call.answer, change))
        });
        agreed.collect()
    }

    fn agrees(&self, reply: Reply, answer: &Answer) -> bool {
        match (reply, answer) {
            (Reply::Is { key, record, replayed }, Answer::Is(seen, told)) => {
                let deadline = (record.state == ClaimState::Held).then_some(record.deadline);
                let own = self.keys.get(&(seen.party, seen.request)) == Some(&key)
                    && self.key_of.get(&seen.id) == Some(&key);
                own && replayed == *told
                    && record.id.is_none_or(|id| id == seen.id)
                    && (record.slot, record.state) == (seen.slot, seen.state)
                    && record.version == seen.version
                    && deadline == seen.deadline.map(|at| Time::from(at).0)
            }
            (Reply::No(reason), Answer::Refused(told)) => match (reason, told) {
                (Rejection::RequestReused { claim }, Rejection::RequestReused { .. })
                    if claim == ClaimId::from_u64(u64::MAX) =>
                {
                    true
                }
                _ => reason == *told,
            },
            (Reply::Expired { from, upto }, Answer::Refused(Rejection::HoldExpired { at })) => {
                (from..=upto).contains(&Time::from(*at).0)
            }
            (Reply::Aside, Answer::Refused(told)) => is_aside(*told),
            (Reply::Done, Answer::Done) => true,
            _ => false,
        }
    }

    /// The calls that share claims or slots, group by group, each with all moves of the clock.
    pub(super) fn groups(&self) -> Vec<Vec<usize>> {
        let mut links = Links::default();
        for call in &self.moves {
            let (key, other, slot) = touched(&call.deed);
            let shown = match call.answer {
                Answer::Is(seen, _) => Some(seen),
                _ => None,
            };
            let same = shown.and_then(|seen| self.key_of.get(&seen.id).copied());
            let claims = [other.map(Node::Claim), same.map(Node::Claim)];
            let slots = [slot.map(Node::Slot), shown.map(|seen| Node::Slot(seen.slot))];
            for node in claims.into_iter().chain(slots) {
                if let (Some(key), Some(node)) = (key, node) {
                    links.join(Node::Claim(key), node);
                }
            }
        }
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut clock = Vec::new();
        for (number, call) in self.moves.iter().enumerate() {
            match touched(&call.deed).0 {
                Some(key) => groups.entry(links.root(Node::Claim(key))).or_default().push(number),
                None => clock.push(number),
            }
        }
        let with_clock = |mut group: Vec<usize>| {
            group.extend(&clock);
            group
        };
        groups.into_values().map(with_clock).collect()
    }
}

/// An answer that shows a claim tells its id.
fn bind(reply: Reply, answer: &Answer, mut change: Change) -> Change {
    if let (Reply::Is { key, mut record, .. }, Answer::Is(seen, _)) = (reply, answer)
        && record.id.is_none()
    {
        record.id = Some(seen.id);
        change.writes.retain(|(written, _)| *written != key);
        change.writes.push((key, Some(record)));
    }
    change
}

/// The claims and the slot that a call is about.
fn touched(deed: &Deed) -> (Option<usize>, Option<usize>, Option<SlotId>) {
    match *deed {
        Deed::Grant { key, asked, .. } => (Some(key), None, Some(asked.slot)),
        Deed::Confirm(who)
        | Deed::Extend(who, _)
        | Deed::Release(who)
        | Deed::Cancel(who)
        | Deed::Read(who) => (Some(who.key), None, None),
        Deed::Shift { who, to, .. } => (Some(who.key), None, Some(to)),
        Deed::Adopt { who, hold, .. } => (Some(who.key), Some(hold.key), None),
        Deed::Advance(_) => (None, None, None),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Node {
    Claim(usize),
    Slot(SlotId),
}

/// Which nodes hang together (union-find).
#[derive(Debug, Default)]
struct Links {
    numbers: HashMap<Node, usize>,
    parents: Vec<usize>,
}

impl Links {
    fn root(&mut self, node: Node) -> usize {
        let fresh = self.parents.len();
        let mut at = *self.numbers.entry(node).or_insert(fresh);
        if at == fresh {
            self.parents.push(fresh);
        }
        while let Some(parent) = self.parents.get(at).copied().filter(|parent| *parent != at) {
            at = parent;
        }
        at
    }

    fn join(&mut self, one: Node, other: Node) {
        let (one, other) = (self.root(one), self.root(other));
        if let Some(parent) = self.parents.get_mut(one) {
            *parent = other;
        }
    }
}

fn millis(span: std::time::Duration) -> u64 {
    span.as_secs() * 1_000
}

/// Refusals by rules that no history knows of: limits of parties and channels, the calendar.
fn is_aside(rejection: Rejection) -> bool {
    matches!(
        rejection,
        Rejection::ChannelLimit { .. }
            | Rejection::SlotClosed { .. }
            | Rejection::UnknownDay { .. }
            | Rejection::NotYetReleased { .. }
            | Rejection::TooLate { .. }
            | Rejection::TooEarly { .. }
            | Rejection::PartyLimit { .. }
            | Rejection::HoldLimit { .. }
            | Rejection::TooManyEnded { .. }
            | Rejection::ServiceNotServed { .. }
            | Rejection::OutOfRange { .. }
    )
}
