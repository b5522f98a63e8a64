//! What was promised? A ledger outside the engine, of what a life tried and what it was told.
//!
//! A life (`stage/life.rs`) writes a line before it asks and a line after it was answered. So for
//! every party the ledger knows what must be there: what was told last, or, where an answer is
//! still out, that or what was asked for. Anything else is a fault.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use cupo::{Claim, ClaimId, ClaimState, SlotId};

/// Parties of the ledger: each is served by one thread at a time.
pub const PARTIES: u64 = 160;
/// Places of each slot.
pub const CAPACITY: u16 = 2;
/// How long an ended claim is remembered, in milliseconds.
pub const WINDOW_MS: u64 = 2_000;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// A claim as it was seen, or as it would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Not known while the answer to the first request is out.
    pub claim: Option<ClaimId>,
    pub state: ClaimState,
    pub slot: SlotId,
    pub version: u16,
    /// The deadline of a hold: not before, and not after. For what has ended: when at the
    /// earliest. In milliseconds.
    pub at: (u64, u64),
    pub request: u128,
}

impl Seen {
    pub fn of(claim: &Claim) -> Self {
        let at = claim.deadline.map_or(0, |at| u64::try_from(at.timestamp_millis()).unwrap());
        let (id, state, slot, version) = (Some(claim.id), claim.state, claim.slot, claim.version);
        Self { claim: id, state, slot, version, at: (at, at), request: claim.request.0 }
    }

    pub fn is_live(&self) -> bool {
        matches!(self.state, ClaimState::Held | ClaimState::Booked)
    }

    /// Whether the day of its slot has passed.
    pub fn is_past(&self, now: u64) -> bool {
        let midnight = self.slot.day.date().and_hms_opt(0, 0, 0).unwrap().and_utc();
        u64::try_from(midnight.timestamp_millis()).unwrap() + DAY_MS <= now
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claim = self.claim.map_or("?".into(), |claim| claim.to_string());
        let Self { state, slot, version, at: (at, _), request, .. } = self;
        write!(f, "{claim} {} {slot} {version} {at} {request}", state.name())
    }
}

/// Reads what `Display` wrote, or "none".
fn seen(words: &[&str]) -> Option<Seen> {
    let [claim, state, slot, version, at, request] = words else { return None };
    let states = [
        ClaimState::Held,
        ClaimState::Booked,
        ClaimState::Cancelled,
        ClaimState::Released,
        ClaimState::Expired,
    ];
    let at = at.parse().unwrap();
    Some(Seen {
        claim: claim.parse().ok(),
        state: states.into_iter().find(|known| known.name() == *state).expect(state),
        slot: slot.parse().unwrap(),
        version: version.parse().unwrap(),
        at: (at, at),
        request: request.parse().unwrap(),
    })
}

/// What is asked for: the line of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Hold {
        request: u128,
        slot: SlotId,
        ttl_s: u64,
    },
    Book {
        request: u128,
        slot: SlotId,
    },
    /// The request that made the claim, once more.
    Again,
    Confirm,
    Release,
    Cancel,
    Extend {
        ttl_s: u64,
    },
    Move {
        request: u128,
        slot: SlotId,
    },
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hold { request, slot, ttl_s } => write!(f, "hold {request} {slot} {ttl_s}"),
            Self::Book { request, slot } => write!(f, "book {request} {slot}"),
            Self::Again => f.write_str("again"),
            Self::Confirm => f.write_str("confirm"),
            Self::Release => f.write_str("release"),
            Self::Cancel => f.write_str("cancel"),
            Self::Extend { ttl_s } => write!(f, "extend {ttl_s}"),
            Self::Move { request, slot } => write!(f, "move {request} {slot}"),
        }
    }
}

fn wish(words: &[&str]) -> Wish {
    let number = |at: usize| words[at].parse::<u128>().unwrap();
    let slot = |at: usize| words[at].parse::<SlotId>().unwrap();
    let ttl = |at: usize| words[at].parse::<u64>().unwrap();
    match words[0] {
        "hold" => Wish::Hold { request: number(1), slot: slot(2), ttl_s: ttl(3) },
        "book" => Wish::Book { request: number(1), slot: slot(2) },
        "again" => Wish::Again,
        "confirm" => Wish::Confirm,
        "release" => Wish::Release,
        "cancel" => Wish::Cancel,
        "extend" => Wish::Extend { ttl_s: ttl(1) },
        "move" => Wish::Move { request: number(1), slot: slot(2) },
        other => panic!("{other}"),
    }
}

/// What `before` becomes if the wish, made at `now`, is granted.
fn after(before: Option<&Seen>, wish: Wish, now: u64) -> Seen {
    let fresh = |state, slot, ttl_s: u64, request| {
        // The answer is out, so the deadline counts from any time after now.
        let until = if ttl_s == 0 { 0 } else { u64::MAX };
        let at = (if ttl_s == 0 { 0 } else { now + ttl_s * 1_000 }, until);
        Seen { claim: None, state, slot, version: 0, at, request }
    };
    let ended = |state| Seen { state, at: (now, now), ..before.unwrap().clone() };
    match wish {
        Wish::Hold { request, slot, ttl_s } => fresh(ClaimState::Held, slot, ttl_s, request),
        Wish::Book { request, slot } => fresh(ClaimState::Booked, slot, 0, request),
        Wish::Again => before.unwrap().clone(),
        Wish::Confirm => Seen { state: ClaimState::Booked, at: (0, 0), ..before.unwrap().clone() },
        Wish::Release => ended(ClaimState::Released),
        Wish::Cancel => ended(ClaimState::Cancelled),
        Wish::Extend { ttl_s } => {
            Seen { at: (now + ttl_s * 1_000, u64::MAX), ..before.unwrap().clone() }
        }
        Wish::Move { slot, .. } => {
            let before = before.unwrap();
            Seen { slot, version: before.version + 1, ..before.clone() }
        }
    }
}

/// Whether `found`, read not before `from` and not after `upto`, is what `known` must be by then.
fn fits(known: Option<&Seen>, found: Option<&Seen>, from: u64, upto: u64) -> bool {
    let (known, found) = match (known, found) {
        (None, None) => return true,
        (None, Some(_)) => return false,
        (Some(known), None) => {
            // Forgotten, not before its time.
            return match known.state {
                ClaimState::Booked => known.is_past(upto),
                _ => known.at.0 + WINDOW_MS <= upto,
            };
        }
        (Some(known), Some(found)) => (known, found),
    };
    let same = known.claim.is_none_or(|claim| found.claim == Some(claim))
        && (known.request, known.slot, known.version) == (found.request, found.slot, found.version);
    let in_time = known.at.0 <= found.at.0 && found.at.0 <= known.at.1;
    let state = match (known.state, found.state) {
        (ClaimState::Held, ClaimState::Held) => in_time && found.at.0 > from,
        (ClaimState::Held, ClaimState::Expired) => known.at.0 <= upto,
        (one, other) => one == other,
    };
    same && state
}

#[derive(Debug, Default)]
struct Party {
    /// What must be there: one of these; empty while nothing was ever asked.
    may_be: Vec<Option<Seen>>,
    /// An answer that is out, since when.
    asked: Option<(Wish, u64)>,
}

impl Party {
    fn known(&self) -> Option<&Seen> {
        self.may_be.last().and_then(Option::as_ref)
    }
}

/// How far a life came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Came {
    Nowhere,
    Opening,
    Open,
    Working,
    Closing,
    Closed,
}

/// What one life wrote.
#[derive(Clone, Debug)]
pub struct Told {
    pub came: Came,
    /// Changes acknowledged.
    pub done: u64,
    /// Answers that were out at the end.
    pub out: u64,
    /// Answers that said that nobody knows.
    pub lost: u64,
    /// Refusals because the engine had failed, and because the disk was full.
    pub dead: u64,
    pub full: u64,
    /// Why the engine could not be opened or closed.
    pub refused: Option<String>,
    /// Milliseconds and bytes, as the life looked.
    pub memory: Vec<(u64, u64)>,
}

/// The ledger.
#[derive(Debug)]
pub struct Outside {
    parties: HashMap<u64, Party>,
    /// States compared with what was known.
    pub checked: u64,
    /// Changes acknowledged.
    pub done: u64,
}

impl Outside {
    pub fn new() -> Self {
        Self { parties: HashMap::new(), checked: 0, done: 0 }
    }

    /// Reads and removes what a life wrote under `acks`.
    pub fn absorb(&mut self, acks: &Path, threads: usize) -> Told {
        let mut told = Told {
            came: Came::Nowhere,
            done: 0,
            out: 0,
            lost: 0,
            dead: 0,
            full: 0,
            refused: None,
            memory: Vec::new(),
        };
        let mut since = 0;
        // The main thread wrote what it found before the others began.
        for name in std::iter::once("main".into()).chain((0..threads).map(|n| n.to_string())) {
            let path = acks.join(name);
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            // A kill may have cut the last line.
            let whole = text.rfind('\n').map_or("", |end| &text[..end]);
            for line in whole.lines() {
                let words: Vec<&str> = line.split(' ').collect();
                self.line(&words, line, &mut since, &mut told);
            }
            let _ = std::fs::remove_file(&path);
        }
        for party in self.parties.values_mut() {
            told.out += u64::from(party.asked.is_some());
            party.settle();
        }
        self.done += told.done;
        told
    }

    fn line(&mut self, words: &[&str], line: &str, since: &mut u64, told: &mut Told) {
        let number = |at: usize| words[at].parse::<u64>().unwrap();
        let came = match words[0] {
            "open" => {
                *since = number(1);
                Came::Opening
            }
            "opened" => Came::Open,
            "work" => {
                self.outside_count(number(1));
                Came::Working
            }
            "closing" => Came::Closing,
            "closed" => Came::Closed,
            "refused" => {
                told.refused = Some(line["refused ".len()..].into());
                return;
            }
            "memory" => return told.memory.push((number(1), number(2))),
            word => return self.about(word, (number(1), number(2)), *since, &words[3..], told),
        };
        told.came = told.came.max(came);
    }

    /// A line about one party.
    fn about(&mut self, word: &str, at: (u64, u64), since: u64, rest: &[&str], told: &mut Told) {
        let (number, now) = at;
        match word {
            "found" => self.found(number, seen(rest).as_ref(), since, now),
            "try" => {
                self.parties.entry(number).or_default().asked = Some((wish(rest), now));
            }
            "done" => {
                self.done_well(number, seen(rest).unwrap(), now);
                told.done += 1;
            }
            "no" | "full" | "dead" => {
                let party = self.parties.get_mut(&number).unwrap();
                assert!(party.asked.take().is_some());
                told.full += u64::from(word == "full");
                told.dead += u64::from(word == "dead");
            }
            // The answer stays out.
            "lost" => told.lost += 1,
            _ => panic!("party {number}: {word} {rest:?}"),
        }
    }

    fn done_well(&mut self, number: u64, got: Seen, now: u64) {
        let party = self.parties.get_mut(&number).unwrap();
        let (wish, then) = party.asked.take().unwrap();
        let mut want = after(party.known(), wish, then);
        if let Wish::Hold { ttl_s, .. } | Wish::Extend { ttl_s } = wish {
            want.at.1 = now + ttl_s * 1_000;
        }
        let before = party.known();
        if let (Wish::Confirm, Some(hold)) = (wish, before)
            && hold.state == ClaimState::Held
        {
            assert!(then < hold.at.0, "party {number}: confirmed at {then}, too late: {hold}");
        }
        // A deadline that passes while the answer is on its way is no fault: it was so before.
        assert!(
            fits(Some(&want), Some(&got), 0, now),
            "party {number}: asked at {then} for {wish}, told {got} at {now}; before: {:?}",
            party.may_be
        );
        let ended = !got.is_live();
        let at = if ended { (then, then) } else { got.at };
        party.may_be = vec![Some(Seen { at, ..got })];
    }

    /// Compares one party's newest claim, read between `from` and `upto`, and takes it as known.
    pub fn found(&mut self, number: u64, found: Option<&Seen>, from: u64, upto: u64) {
        let party = self.parties.entry(number).or_default();
        party.settle();
        let fit = party.may_be.iter().find(|known| fits(known.as_ref(), found, from, upto));
        let Some(known) = fit else {
            let may_be: Vec<String> = party
                .may_be
                .iter()
                .map(|known| known.as_ref().map_or("nothing".into(), Seen::to_string))
                .collect();
            let found = found.map_or("nothing".into(), Seen::to_string);
            panic!("party {number}: [{found}] at {from}..{upto}, promised was {may_be:?}");
        };
        // What was forgotten stays known: a recovery may remember an ended claim for a moment
        // longer than the process before it did.
        party.may_be = vec![match (known, found) {
            (Some(known), None) => Some(known.clone()),
            // When it ended the ledger knows better than the claim.
            (Some(known), Some(found)) if !found.is_live() => {
                Some(Seen { at: known.at, ..found.clone() })
            }
            (_, found) => found.cloned(),
        }];
        self.checked += 1;
    }

    /// No slot has been promised more often than it has places, counted from outside alone.
    fn outside_count(&self, now: u64) {
        let mut used: HashMap<SlotId, u16> = HashMap::new();
        for party in self.parties.values() {
            let [Some(claim)] = &party.may_be[..] else { continue };
            let counts = claim.state == ClaimState::Booked
                || claim.state == ClaimState::Held && claim.at.0 > now;
            if counts {
                *used.entry(claim.slot).or_default() += 1;
            }
        }
        for (slot, used) in used {
            assert!(used <= CAPACITY, "{slot} was given out {used} times");
        }
    }
}

impl Party {
    /// An answer that is out: from now on both are possible.
    fn settle(&mut self) {
        if self.may_be.is_empty() {
            self.may_be.push(None);
        }
        if let Some((wish, now)) = self.asked.take() {
            let next = after(self.known(), wish, now);
            if !self.may_be.contains(&Some(next.clone())) {
                self.may_be.push(Some(next));
            }
        }
    }
}
