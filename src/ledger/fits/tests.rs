//! What recovery believes of a claim, as a table; and that it believes no bent chain.
//!
//! Never opens an engine: a shard is told effects, as recovery tells them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use super::*;
use crate::claim::Arrangement;
use crate::id::{ActorId, CalendarId, Channel, DayId, PartyId, RequestId, Seq, ServiceId};
use crate::ledger::hash;
use crate::record::Detail;
use crate::time::Time;

const KEY: [u64; 2] = [3, 7];

/// The only shard that a claim of these tests may be in.
const SHARD: usize = 5;

fn place(start: u16) -> Place {
    Place {
        day: DayId::of(CalendarId(1), 9_000),
        start,
        run: 2,
        persons: 1,
        arrangement: Arrangement::Together,
        channel: Channel::WEB,
        roster: u32::from(start),
    }
}

fn grant(claim: ClaimId, party: u128, booked: bool) -> Effect {
    Effect::Granted {
        claim,
        place: place(10),
        service: ServiceId(1),
        party: PartyId(party),
        request: RequestId(1),
        booked,
        ttl_s: 60,
        part: Detail::default(),
    }
}

fn end(claim: ClaimId, how: ClaimState, held: bool, returns_at: Option<Time>) -> Effect {
    Effect::Ended { claim, place: place(10), how, held, returns_at, actor: ActorId(0) }
}

fn taken(claim: ClaimId, to: Place, version: u16, held: bool, adopted: Option<ClaimId>) -> Effect {
    Effect::Taken { claim, place: to, version, held, adopted, request: RequestId(2) }
}

fn freed(claim: ClaimId) -> Effect {
    Effect::Freed { claim, place: place(10), held: false }
}

/// A shard with one claim, at `place(10)`, that stands so; the claim's entry is not the first.
fn shard(stage: Stage) -> (Shard, ClaimId) {
    let mut shard = Shard::new(SHARD, KEY);
    assert!(shard.reserve(1));
    let claim = ClaimId::new(SHARD, 3, 0);
    shard.apply(Seq(1), Time(1_000), &grant(claim, 1, false));
    shard.rebuild_free();
    shard.entry_mut(3).unwrap().set_stage(stage);
    (shard, claim)
}

const STATES: [ClaimState; 10] = [
    ClaimState::Held,
    ClaimState::Booked,
    ClaimState::CheckedIn,
    ClaimState::Served,
    ClaimState::NoShow,
    ClaimState::Cancelled,
    ClaimState::Displaced,
    ClaimState::Released,
    ClaimState::Expired,
    ClaimState::Revoked,
];

/// Every effect on the claim, but a grant, with the name that the table has for it.
fn effects(claim: ClaimId) -> Vec<(String, Effect)> {
    let (place, actor) = (place(10), ActorId(0));
    let mut all = vec![
        ("confirmed".to_owned(), Effect::Confirmed { claim, place, actor }),
        ("extended".to_owned(), Effect::Extended { claim, place, ttl_s: 60, actor }),
        ("returned".to_owned(), Effect::Returned { claim, place }),
        ("assigned".to_owned(), Effect::Assigned { claim, place, actor }),
        ("archived".to_owned(), Effect::Archived { claim, place }),
        ("moved".to_owned(), taken(claim, self::place(20), 1, false, None)),
        ("moved-held".to_owned(), taken(claim, self::place(20), 1, true, None)),
    ];
    for state in STATES {
        all.push((format!("to-{}", state.name()), Effect::Marked { claim, place, state, actor }));
        for (held, returns_at, more) in [
            (false, None, ""),
            (true, None, "-held"),
            (false, Some(Time(9)), "-later"),
            (true, Some(Time(9)), "-held-later"),
        ] {
            all.push((format!("{}{more}", state.name()), end(claim, state, held, returns_at)));
        }
    }
    all
}

#[test]
fn a_claim_goes_only_the_ways_of_its_state() {
    const TABLE: [(Stage, &str); 13] = [
        (
            Stage::Claim(ClaimState::Held),
            "confirmed extended assigned moved-held released-held expired-held revoked-held",
        ),
        (
            Stage::Claim(ClaimState::Booked),
            "assigned archived moved to-checked_in to-no_show cancelled cancelled-later \
             to-displaced",
        ),
        (Stage::Claim(ClaimState::CheckedIn), "assigned archived to-served cancelled"),
        (Stage::Claim(ClaimState::Displaced), "assigned archived moved to-booked cancelled"),
        (Stage::Claim(ClaimState::Served), "archived"),
        (Stage::Claim(ClaimState::NoShow), "archived"),
        (Stage::Cooling, "returned"),
        (Stage::Claim(ClaimState::Cancelled), ""),
        (Stage::Claim(ClaimState::Released), ""),
        (Stage::Claim(ClaimState::Expired), ""),
        (Stage::Claim(ClaimState::Revoked), ""),
        (Stage::Free, ""),
        (Stage::Spent, ""),
    ];
    for (stage, ways) in TABLE {
        let (shard, claim) = shard(stage);
        let fits = |(_, effect): &&(String, Effect)| shard.fits(effect, Some(&freed(claim)));
        let all = effects(claim);
        let found: Vec<&str> = all.iter().filter(fits).map(|(name, _)| name.as_str()).collect();
        assert_eq!(found, ways.split_whitespace().collect::<Vec<_>>(), "{stage:?}");
        // Nobody else's claim does, nor does this one elsewhere.
        for other in
            [ClaimId::new(SHARD, 3, 1), ClaimId::new(SHARD, 2, 0), ClaimId::new(SHARD, 64, 0)]
        {
            assert_eq!(effects(other).iter().filter(fits).count(), 0, "{stage:?} {other}");
        }
    }
    let (mut shard, claim) = shard(Stage::Claim(ClaimState::Held));
    shard.entry_mut(3).unwrap().set_place(&place(11));
    for (name, effect) in effects(claim) {
        assert!(!shard.fits(&effect, Some(&freed(claim))), "{name} at another place");
    }
}

#[test]
fn a_move_is_believed_with_both_halves_and_the_next_version() {
    let (mut shard, claim) = shard(Stage::Claim(ClaimState::Booked));
    let old = freed(claim);
    let fits = |shard: &Shard, to: Place, version, adopted| {
        shard.fits(&taken(claim, to, version, false, adopted), Some(&old))
    };
    assert!(fits(&shard, place(20), 1, None) && shard.fits(&old, None));
    assert!(!shard.fits(&taken(claim, place(20), 1, false, None), None), "one half");
    let other = Effect::Freed { claim, place: place(11), held: false };
    assert!(!shard.fits(&taken(claim, place(20), 1, false, None), Some(&other)));
    for nowhere in [Place { run: 0, ..place(20) }, Place { persons: 0, ..place(20) }] {
        assert!(!fits(&shard, nowhere, 1, None));
    }
    assert!(!fits(&shard, place(20), 0, None) && !fits(&shard, place(20), 2, None));
    shard.change_cold(3, |cold| cold.version = u16::MAX);
    assert!(!fits(&shard, place(20), 0, None), "there is no next version");
    shard.change_cold(3, |cold| cold.version = 6);
    assert!(fits(&shard, place(20), 7, None));

    let hold = ClaimId::new(SHARD, 9, 0);
    shard.apply(Seq(2), Time(1_000), &grant(hold, 2, false));
    assert!(fits(&shard, place(10), 7, Some(hold)));
    assert!(!fits(&shard, place(20), 7, Some(hold)), "the hold is elsewhere");
    assert!(!fits(&shard, place(10), 7, Some(ClaimId::new(SHARD + 1, 9, 0))), "another shard's");
    shard.apply(
        Seq(3),
        Time(1_000),
        &Effect::Confirmed { claim: hold, place: place(10), actor: ActorId(0) },
    );
    assert!(!fits(&shard, place(10), 7, Some(hold)), "no hold any more");
    // A hold that takes itself over.
    shard.entry_mut(3).unwrap().set_stage(Stage::Claim(ClaimState::Held));
    assert!(shard.fits(&taken(claim, place(10), 7, true, None), Some(&old)));
    assert!(!shard.fits(&taken(claim, place(10), 7, true, Some(claim)), Some(&old)));
}

#[test]
fn a_grant_is_believed_on_a_free_entry_of_its_generation() {
    let fits = |shard: &Shard, index, generation| {
        shard.fits(&grant(ClaimId::new(SHARD, index, generation), 9, true), None)
    };
    for state in STATES {
        let (shard, _) = shard(Stage::Claim(state));
        let ended = !state.is_on_roster();
        // An ended claim may have been forgotten, and its entry used again.
        assert_eq!([0, 1, 2].map(|next| fits(&shard, 3, next)), [false, ended, false], "{state:?}");
    }
    for (stage, free) in [(Stage::Free, true), (Stage::Cooling, false), (Stage::Spent, false)] {
        let (shard, _) = shard(stage);
        assert_eq!([0, 1].map(|next| fits(&shard, 3, next)), [free, false], "{stage:?}");
    }
    let (mut shard, claim) = shard(Stage::Free);
    let capacity = shard.capacity();
    let chunk = u32::try_from(CHUNK).unwrap();
    assert!(fits(&shard, capacity - 1, 0) && fits(&shard, capacity, 0));
    assert!(fits(&shard, capacity + chunk - 1, 0), "one more chunk");
    assert!(!fits(&shard, capacity + chunk, 0), "but no two");
    for nowhere in [Place { run: 0, ..place(10) }, Place { persons: 0, ..place(10) }] {
        let mut effect = grant(claim, 9, true);
        let Effect::Granted { place, .. } = &mut effect else { unreachable!() };
        *place = nowhere;
        assert!(!shard.fits(&effect, None));
    }
    // The last generation of an entry is its last claim.
    let last = (1 << 24) - 2;
    shard.entry_mut(3).unwrap().set_generation(last);
    assert!(fits(&shard, 3, last));
    shard.entry_mut(3).unwrap().set_stage(Stage::Claim(ClaimState::Released));
    assert!(!fits(&shard, 3, last) && !fits(&shard, 3, last + 1));
}

/// Two parties with three claims each: two ended, one cooling off, one held, two booked.
fn town() -> Shard {
    let mut shard = Shard::new(SHARD, KEY);
    let claim = |index| ClaimId::new(SHARD, index, 0);
    for index in 0..6_u32 {
        assert!(shard.reserve(1));
        let effect = grant(claim(index), 1 + u128::from(index % 2), index > 2);
        shard.apply(Seq(1), Time(1_000 * u64::from(index)), &effect);
    }
    let (place, actor) = (place(10), ActorId(4));
    shard.apply(Seq(2), Time(9_000), &end(claim(1), ClaimState::Released, true, None));
    shard.apply(Seq(3), Time(9_001), &end(claim(0), ClaimState::Expired, true, None));
    let returns = Some(Time(70_000));
    shard.apply(Seq(4), Time(9_002), &end(claim(4), ClaimState::Cancelled, false, returns));
    shard.apply(Seq(5), Time(9_003), &end(claim(3), ClaimState::Cancelled, false, None));
    shard.apply(Seq(6), Time(9_004), &Effect::Assigned { claim: claim(5), place, actor });
    shard
}

fn lines(shard: &Shard) -> Vec<(Entry, Cold)> {
    let line = |index| (*shard.entry(index).unwrap(), shard.cold(index));
    (0..shard.capacity()).map(line).collect()
}

/// All that the engine can ask of a shard.
fn seen(shard: &mut Shard) -> String {
    let of = |party| {
        let claims = shard.of_party(hash(KEY, PartyId(party)), PartyId(party));
        claims.map(|(id, entry)| format!("{id} {:?}", entry.stage())).collect::<Vec<_>>()
    };
    let mut said = format!("{:?} {:?} {:?} {:?}", of(1), of(2), of(3), shard.ended_ends());
    let mut at = shard.oldest_ended(Time::MAX).map(|(id, _)| id);
    while let Some(id) = at {
        said += " ";
        said += &id.to_string();
        at = shard.ended_after(id, Time::MAX);
    }
    let free: Vec<_> = (0..10).map(|nth| shard.next_free(nth)).collect();
    let kept: Vec<_> = (0..6).map(|index| (shard.services(index), shard.actor(index))).collect();
    let due: Vec<_> = std::iter::from_fn(|| shard.pop_due(Time::MAX)).collect();
    let tally = crate::ledger::shard::Tally { granted: 0, expired: 0, ..shard.tally };
    said + &format!("{free:?} {kept:?} {due:?} {tally:?} {:?}", shard.seq)
}

#[test]
fn a_snapshot_of_a_shard_is_the_shard_and_no_bent_chain_is() {
    let mut town = town();
    let (whole, ended) = (lines(&town), town.ended_ends());
    let load = |lines: &[(Entry, Cold)], ended| {
        let mut shard = Shard::new(SHARD, KEY);
        shard.load(lines, ended, Seq(6)).then_some(shard)
    };
    let mut loaded = load(&whole, ended).unwrap();
    assert_eq!(seen(&mut loaded), seen(&mut town));
    let others: Vec<u32> = (0..9).chain([63, 64, 65, NONE - 1, NONE]).collect();
    let is_claim = |index: &usize| whole[*index].0.stage().state().is_some();
    let is_ended = |index: &usize| is_claim(index) && !keeps_places(whole[*index].0.stage());
    let mut refused = 0;
    for other in others.iter().copied() {
        for index in (0..whole.len()).filter(is_claim) {
            let mut bent = whole.clone();
            bent[index].0.next = other;
            assert_eq!(load(&bent, ended).is_some(), whole[index].0.next == other);
            refused += 1;
        }
        for index in (0..whole.len()).filter(is_ended) {
            let mut bent = whole.clone();
            bent[index].0.link = other;
            assert_eq!(load(&bent, ended).is_some(), whole[index].0.link == other);
            refused += 1;
        }
        assert_eq!(load(&whole, (other, ended.1)).is_some(), other == ended.0);
        assert_eq!(load(&whole, (ended.0, other)).is_some(), other == ended.1);
    }
    assert_eq!(refused, others.len() * (6 + 3));
}
