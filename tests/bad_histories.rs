//! The checker of histories tells lies from truth: 10,000 of each.
//!
//! Good histories come from a small engine of this test's own, with calls that overlap and answers
//! that never came, and from real threads on the real engine; the checker accepts every one. Then
//! a lie is planted in each, of one of thirty kinds, each impossible by what it says alone: by
//! construction, not by the checker's word. The checker rejects every one, and what it shows is
//! small and is rejected again.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]
#![cfg(feature = "testing")]

#[path = "stage/crowd.rs"]
mod crowd;
#[path = "stage/evidence.rs"]
mod evidence;
#[path = "stage/small.rs"]
mod small;
#[path = "stage/town.rs"]
mod town;

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use cupo::testing::history::{Answer, Event, History, Operation, Seen, Wanted};
use cupo::{ClaimId, ClaimState, PartyId, Rejection, RequestId, SlotId};

use crowd::{Crowd, Dice};
use evidence::{Evidence, first_seed, share};
use small::{apart, good, slot};
use town::Town;

use Answer::Refused;
use ClaimState::{Booked, Cancelled, Expired, Held, Released};
use Operation::{
    Advance, Book, Cancel, Confirm, Hold, Look, Read, Release, Reschedule, RescheduleToHold, Swap,
};

/// The most calls that a counter-example may need.
const FEW: usize = 12;

/// One line of a lie.
enum Line {
    /// A call and its answer.
    Said(Operation, Answer),
    Crash,
}

/// Where a lie stands in its history: anywhere among the other calls, or after them.
#[derive(PartialEq)]
enum At {
    Any,
    End,
}

/// The names that a lie uses: slots of its own (with one place, with one, with two), one of the
/// history's, its clock at the end, and parties, requests and claims of their own.
struct Names {
    a: SlotId,
    b: SlotId,
    pair: SlotId,
    theirs: (SlotId, u16),
    end: DateTime<Utc>,
}

fn id(n: u64) -> ClaimId {
    ClaimId::from_u64(1 << 40 | n)
}

/// The request of the `n`-th party of the lie.
fn want(n: u64, slot: SlotId) -> Wanted {
    Wanted::new(PartyId(5_000 + u128::from(n)), RequestId(5_000), slot)
}

/// The `n`-th claim, made by the `n`-th party.
fn claim(n: u64, slot: SlotId, state: ClaimState) -> Seen {
    let Wanted { party, request, .. } = want(n, slot);
    Seen { id: id(n), party, request, slot, state, version: 0, deadline: None }
}

fn is(seen: Seen) -> Answer {
    Answer::Is(seen, false)
}

fn booked(n: u64, slot: SlotId) -> Line {
    Line::Said(Book(want(n, slot)), is(claim(n, slot, Booked)))
}

fn full(n: u64, slot: SlotId) -> Line {
    Line::Said(Book(want(n, slot)), Refused(Rejection::SlotFull { slot }))
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

const KINDS: usize = 30;

/// The `kind`-th lie: what it is called, where it may stand, and what it says. Nobody else knows
/// its parties, claims and slots, so that nothing else in the history can make it true.
#[expect(
    clippy::too_many_lines,
    reason = "a list of lies is one thing, and each is read with its neighbours"
)]
fn lie(kind: usize, names: &Names) -> (&'static str, At, Vec<Line>) {
    use Line::{Crash, Said};
    let Names { a, b, pair, theirs, end } = *names;
    let until = end + seconds(600);
    let held = |n, slot| Seen { deadline: Some(until), ..claim(n, slot, Held) };
    let hold = |n, slot| Said(Hold(want(n, slot)), is(held(n, slot)));
    let later = |by| Said(Advance(end + seconds(by)), Answer::Done);
    let moved = |n, slot, version| Seen { version, ..claim(n, slot, Booked) };
    let to = |n, slot| Reschedule(id(n), slot, RequestId(6_000));
    let gone = |n| Said(Read(id(n)), Refused(Rejection::UnknownClaim { claim: id(n) }));
    let (any, last) = (At::Any, At::End);
    match kind {
        0 => {
            let all = 0..=u64::from(theirs.1);
            ("more bookings than places", any, all.map(|n| booked(n, theirs.0)).collect())
        }
        1 => ("a booking is lost", any, vec![booked(1, a), gone(1)]),
        2 => {
            let late = Said(Confirm(id(1)), is(claim(1, a, Booked)));
            ("confirmed at the deadline", last, vec![hold(1, a), later(600), late])
        }
        3 => ("refused a slot that nobody asked for", any, vec![full(1, a)]),
        4 => ("refused the second of two places", any, vec![booked(1, pair), full(2, pair)]),
        5 => {
            let second =
                Said(Book(want(1, pair)), is(Seen { id: id(2), ..claim(1, pair, Booked) }));
            ("a retry makes a second claim", any, vec![booked(1, pair), second])
        }
        6 => {
            let other = Seen { id: id(2), ..claim(1, pair, Booked) };
            let second = Said(Book(want(1, pair)), Answer::Is(other, true));
            ("a retry finds another claim", any, vec![booked(1, pair), second])
        }
        7 => {
            let failed = Said(to(1, b), Refused(Rejection::SlotFull { slot: b }));
            let lines = vec![booked(1, a), booked(2, b), failed, booked(3, a)];
            ("a move that failed gave up its place", any, lines)
        }
        8 => {
            let done = Said(to(1, b), is(moved(1, b, 1)));
            ("a move keeps both places", any, vec![booked(1, a), done, full(2, a)])
        }
        9 => {
            let cancel = Said(Cancel(id(1)), is(claim(1, a, Cancelled)));
            (
                "a place is free before it is given back",
                any,
                vec![booked(1, a), booked(2, a), cancel],
            )
        }
        10 => {
            let confirm = Said(Confirm(id(1)), is(claim(1, a, Booked)));
            let back = Said(Read(id(1)), is(held(1, a)));
            ("a read goes back", last, vec![hold(1, a), confirm, back])
        }
        11 => {
            let seen = Said(Read(id(1)), is(claim(1, a, Expired)));
            let late = Said(Confirm(id(1)), is(claim(1, a, Booked)));
            ("expired, then confirmed", last, vec![hold(1, a), later(900), seen, late])
        }
        12 => {
            let open = Said(Book(want(1, a)), Answer::Unknown);
            let seen = Said(Read(id(1)), is(claim(1, a, Booked)));
            ("an open outcome is seen, then gone", any, vec![open, seen, gone(1)])
        }
        13 => ("acknowledged, gone after a crash", last, vec![booked(1, a), Crash, gone(1)]),
        14 => ("a place given twice across a crash", last, vec![booked(1, a), Crash, booked(2, a)]),
        15 => {
            let open = Said(Book(want(1, a)), Answer::Unknown);
            let seen = Said(Read(id(1)), is(claim(1, a, Booked)));
            ("an open outcome beside another", last, vec![open, Crash, booked(2, a), seen])
        }
        16 => {
            let open = Said(Book(want(1, a)), Answer::Unknown);
            let cancel = Said(Cancel(id(2)), is(claim(2, a, Cancelled)));
            let found = Said(Book(want(1, a)), Answer::Is(claim(1, a, Booked), true));
            let lines = vec![open, Crash, booked(2, a), cancel, found];
            ("an open outcome comes after the crash", last, lines)
        }
        17 => {
            let release = Said(Release(id(1)), is(claim(1, a, Released)));
            let confirm = Said(Confirm(id(1)), is(claim(1, a, Booked)));
            ("released, then confirmed", last, vec![hold(1, a), release, confirm])
        }
        18 => {
            let cancel = || Said(Cancel(id(1)), is(claim(1, a, Cancelled)));
            ("cancelled twice", any, vec![booked(1, a), cancel(), cancel()])
        }
        19 => {
            let wrong = Seen { deadline: Some(until + seconds(60)), ..held(1, a) };
            ("a deadline too late", last, vec![Said(Hold(want(1, a)), is(wrong))])
        }
        20 => {
            let cancel = Said(Cancel(id(1)), is(claim(1, a, Cancelled)));
            let ended = Refused(Rejection::AlreadyEnded { how: Released });
            ("ended otherwise", any, vec![booked(1, a), cancel, Said(Confirm(id(1)), ended)])
        }
        21 => {
            let done = Said(to(1, b), is(moved(1, b, 2)));
            ("a move counts twice", any, vec![booked(1, a), done])
        }
        22 => {
            let seen = Said(Read(id(1)), is(claim(1, b, Booked)));
            ("moved without a move", any, vec![booked(1, a), seen])
        }
        23 => {
            let early = Refused(Rejection::HoldExpired { at: until });
            let lines = vec![hold(1, a), later(599), Said(Confirm(id(1)), early)];
            ("expired before the deadline", last, lines)
        }
        24 => {
            let same = Said(Book(want(2, b)), is(Seen { id: id(1), ..claim(2, b, Booked) }));
            ("one id for two claims", any, vec![booked(1, a), same])
        }
        25 => {
            let other = Seen { id: id(2), ..claim(1, b, Booked) };
            let lines = vec![booked(1, a), Said(Book(want(1, b)), is(other))];
            ("one request for two slots", any, lines)
        }
        26 => ("two at a slot of one place", any, vec![Said(Look(a), Answer::Used(2))]),
        27 => {
            let into = RescheduleToHold(id(1), id(2), RequestId(6_000));
            let lent = Wanted { request: RequestId(5_001), ..want(1, b) };
            let lent_claim = Seen { id: id(2), request: lent.request, ..held(1, b) };
            let still =
                Said(Confirm(id(2)), is(Seen { deadline: None, state: Booked, ..lent_claim }));
            let lines = vec![
                booked(1, a),
                Said(Hold(lent), is(lent_claim)),
                Said(into, is(moved(1, b, 1))),
                still,
            ];
            ("a hold outlives the move into it", last, lines)
        }
        28 => {
            let swap = Swap(id(1), b, RequestId(6_000));
            let longer = Seen { deadline: Some(until + seconds(300)), version: 1, ..held(1, b) };
            let lines = vec![hold(1, a), later(300), Said(swap, is(longer))];
            ("a swap prolongs the hold", last, lines)
        }
        _ => {
            let place = Said(Hold(want(2, a)), is(held(2, a)));
            ("a hold ends before its deadline", last, vec![hold(1, a), place])
        }
    }
}

/// The clock at the end of a history.
fn ends(history: &History) -> DateTime<Utc> {
    let moved = history.events.iter().filter_map(|event| match event.operation {
        Advance(to) => Some(to),
        _ => None,
    });
    moved.fold(history.begins, DateTime::max)
}

/// Plants a lie: its calls one after the other, each by a client of its own.
fn plant(history: &History, kind: usize, dice: &mut Dice) -> (&'static str, History) {
    let mut history = history.clone();
    let theirs = history.slots.iter().map(|(slot, places)| (*slot, *places)).collect::<Vec<_>>();
    let theirs = dice.pick(&theirs).unwrap();
    let names =
        Names { a: slot(4, 36), b: slot(5, 36), pair: slot(4, 37), theirs, end: ends(&history) };
    history.slots.extend([(names.a, 1), (names.b, 1), (names.pair, 2)]);
    let (name, at, lines) = lie(kind, &names);
    for event in &mut history.events {
        event.call *= 16;
        event.back = event.back.map(|back| back * 16);
    }
    let ends = history.events.iter().flat_map(|event| [event.call, event.back.unwrap_or(0)]);
    let end = ends.max().unwrap_or(0) / 16;
    let mut moments: Vec<u64> = lines
        .iter()
        .map(|_| if at == At::Any { dice.roll() % (end + 2) } else { end + 1 })
        .collect();
    moments.sort_unstable();
    for ((line, moment), n) in lines.into_iter().zip(moments).zip(1..) {
        // Sixteen steps between two moments of the history: room for all lines of a lie.
        let call = moment * 16 + n * 2;
        match line {
            Line::Said(operation, answer) => {
                let back = (answer != Answer::Unknown).then_some(call + 1);
                let client = 100 + n as u32;
                history.events.push(Event { client, call, back, operation, answer });
            }
            Line::Crash => history.crashes.push(call),
        }
    }
    apart(&mut history);
    (name, history)
}

/// Twists one answer of a history without overlaps, which has one order only.
fn twist(history: &History, dice: &mut Dice) -> Option<(&'static str, History)> {
    let mut twisted = history.clone();
    let at = dice.below(twisted.events.len());
    let event = &mut twisted.events[at];
    let grants = matches!(event.operation, Hold(_) | Book(_));
    let (name, answer) = match event.answer.clone() {
        Answer::Is(seen, replayed) => match dice.below(3) {
            0 => (
                "twisted: a version more",
                Answer::Is(Seen { version: seen.version + 1, ..seen }, replayed),
            ),
            1 => ("twisted: not the slot", Answer::Is(Seen { slot: slot(5, 1), ..seen }, replayed)),
            _ => ("twisted: done before or not", Answer::Is(seen, !replayed)),
        },
        Refused(Rejection::SlotFull { slot }) if grants => {
            let (Hold(want) | Book(want)) = event.operation else { return None };
            event.operation = Book(want);
            let (party, request, state) = (want.party, want.request, Booked);
            let seen = Seen { id: id(1), party, request, slot, state, version: 0, deadline: None };
            ("twisted: a full slot granted", is(seen))
        }
        Refused(_) => (
            "twisted: another refusal",
            Refused(Rejection::AlreadyEnded { how: ClaimState::NoShow }),
        ),
        _ => return None,
    };
    event.answer = answer;
    Some((name, twisted))
}

/// A history by real threads on the real engine.
fn real(town: &Town, n: u64) -> History {
    let crowd = Crowd::at(town, (n % 16) as u16);
    let recorder = crowd.recorder(town);
    crowd.meet(town, &recorder, 4, 8, n);
    recorder.history()
}

#[test]
fn every_lie_is_told_from_the_truth() {
    let evidence = Evidence::of("T5 planted bad histories");
    let first = first_seed();
    let count = share(10_000, 1_000_000);
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut most, mut sum) = (0, 0);
    let mut town = Town::in_memory();
    for n in 0..count {
        let seed = first + n;
        let mut dice = Dice(seed);
        let host = if n % 10 == 9 {
            if n % 160 == 9 {
                town = Town::in_memory();
            }
            real(&town, n / 10)
        } else {
            let (clients, calls) = (2 + dice.roll() % 5, 10 + dice.roll() % 30);
            let reach = [0, 500, 1_500, 4_000][dice.below(4)];
            good(&mut dice, clients as u32, calls, reach)
        };
        if let Err(bad) = host.check() {
            panic!("seed {seed}: a good history is rejected: {bad}");
        }
        let lone = n % 8 == 1 && n % 10 != 9;
        let (name, bad) = lone
            .then(|| good(&mut dice, 3, 24, 0))
            .and_then(|history| twist(&history, &mut dice))
            .unwrap_or_else(|| plant(&host, n as usize % KINDS, &mut dice));
        let Err(shown) = bad.check() else { panic!("seed {seed}: {name}: accepted: {bad:#?}") };
        assert!(shown.history.check().is_err(), "seed {seed}: {name}: no example: {shown}");
        let few = shown.history.events.len();
        assert!(few <= FEW || lone, "seed {seed}: {name}: {few} calls: {shown}");
        assert!(shown.to_string().contains("No order explains"), "{shown}");
        *kinds.entry(name).or_default() += 1;
        most = most.max(few);
        sum += few as u64;
    }
    for (kind, count) in &kinds {
        println!("{count:>8} {kind}");
    }
    assert!(kinds.len() >= KINDS);
    let (kinds, mean) = (kinds.len(), sum as f64 / count as f64);
    evidence.passed(&format!(
        "{count} good accepted, {count} bad of {kinds} kinds rejected, each shown with {mean:.1} \
         calls, {most} at most, seeds {first}..{}",
        first + count
    ));
}
