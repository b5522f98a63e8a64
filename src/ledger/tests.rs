//! Where a claim is found, and what each effect makes of it.
//!
//! A claim id and a snapshot keep what the hashes said when they were made: these never change.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod growth;

use super::*;
use crate::claim::{Arrangement, ClaimState, Place};
use crate::id::{ActorId, CalendarId, Channel, DayId, RequestId, Seq, ServiceId};
use crate::ledger::shard::Tally;
use crate::record::{Detail, Effect};
use crate::time::Time;

const KEY: HashKey = [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210];

fn place(start: u16, roster: u32) -> Place {
    Place {
        day: DayId::of(CalendarId(1), 9_000),
        start,
        run: 2,
        persons: 3,
        arrangement: Arrangement::InTurn,
        channel: Channel::DESK,
        roster,
    }
}

fn claim(index: u32) -> ClaimId {
    ClaimId::new(0, index, 0)
}

fn grant(index: u32, party: u128, booked: bool, part: Detail) -> Effect {
    Effect::Granted {
        claim: claim(index),
        place: place(10, index),
        service: ServiceId(4),
        party: PartyId(party),
        request: RequestId(500 + u128::from(index)),
        booked,
        ttl_s: 60,
        part,
    }
}

fn end(index: u32, how: ClaimState, held: bool, returns_at: Option<Time>) -> Effect {
    let (claim, place) = (claim(index), place(10, index));
    Effect::Ended { claim, place, how, held, returns_at, actor: ActorId(0) }
}

/// A shard with room, and the number of its next record.
struct Stage(Shard, u64);

impl Stage {
    fn new() -> Self {
        let mut shard = Shard::new(0, KEY);
        assert!(shard.reserve(8));
        Self(shard, 0)
    }

    fn apply(&mut self, at: u64, effect: &Effect) {
        self.1 += 1;
        self.0.apply(Seq(self.1), Time(at), effect);
        assert_eq!(self.0.seq, Seq(self.1));
    }

    fn stage(&self, index: u32) -> Option<ClaimState> {
        self.0.get(claim(index)).and_then(|entry| entry.stage().state())
    }

    fn party(&self, party: u128) -> Vec<u32> {
        let party = PartyId(party);
        self.0.of_party(hash(KEY, party), party).map(|(id, _)| id.index()).collect()
    }
}

#[test]
fn hashes_are_the_same_in_every_version() {
    let of = |key, party| hash(key, PartyId(party));
    let all = [
        of(KEY, 0),
        of(KEY, 1),
        of(KEY, 1 << 64),
        of(KEY, u128::MAX),
        of([3, 7], 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff),
    ];
    let expected = [
        0xd4a0_2dad_dbc6_e934,
        0x5b96_a36a_c709_d6b7,
        0x9b18_0154_bc68_1e47,
        0x1137_312d_dbd6_d137,
        0xc886_367f_73e1_e71d,
    ];
    assert_eq!(all, expected);
    let ledger = Ledger::new(16, KEY);
    let homes = [0, 1, 2, 3, 1 << 64].map(|party| ledger.locate(PartyId(party)).1);
    assert_eq!(homes, [13, 10, 14, 6, 4]);
    let detail = Detail { more_services: [Some(ServiceId(2)), None, None], ..Detail::default() };
    let print = fingerprint(&place(10, 0), ServiceId(4), &detail, true);
    assert_eq!(print, 0xf831_d91d);
}

#[test]
fn a_ledger_has_a_shard_for_everyone() {
    for shards in [1, 2, 16] {
        let ledger = Ledger::new(shards, KEY);
        assert_eq!((ledger.shards(), ledger.key()), (shards, KEY));
        let mut used = vec![0; shards];
        for party in 0..1_000 {
            let (found, shard) = ledger.locate(PartyId(party));
            assert_eq!(found, hash(KEY, PartyId(party)));
            used[shard] += 1;
        }
        assert!(used.iter().all(|count| *count > 1_000 / shards / 2), "{used:?}");
        for shard in 0..shards {
            assert_eq!(ledger.lock(shard).unwrap().number(), shard);
            assert_eq!(ledger.lock_of(ClaimId::new(shard, 5, 0)).unwrap().number(), shard);
        }
        assert!(ledger.lock(shards).is_none() && ledger.lock_of(ClaimId::new(99, 0, 0)).is_none());
    }
}

#[test]
fn a_shard_says_when_it_is_to_be_looked_at() {
    let ledger = Ledger::new(2, KEY);
    let mut shard = ledger.lock(1).unwrap();
    assert_eq!([0, 1, 2].map(|shard| ledger.next_due(shard)), [u64::MAX; 3]);
    for (at, index, earliest) in [(5_000, 0, 65_000), (9_000, 1, 65_000), (2_000, 2, 62_000)] {
        assert!(shard.reserve(1));
        shard.apply(Seq(1), Time(at), &grant(index, 1, false, Detail::default()));
        ledger.note_due(&shard);
        assert_eq!([0, 1].map(|shard| ledger.next_due(shard)), [u64::MAX, earliest]);
    }
}

#[test]
fn a_grant_is_kept_with_all_it_says() {
    let mut stage = Stage::new();
    let more_services = [Some(ServiceId(8)), Some(ServiceId(9)), None];
    let part = Detail { more_services, actor: ActorId(6), replaces: true, ..Detail::default() };
    stage.apply(1_000, &grant(0, 7, false, part));
    stage.apply(2_000, &grant(1, 7, true, Detail::default()));
    let (held, booked) = (*stage.0.entry(0).unwrap(), *stage.0.entry(1).unwrap());
    assert_eq!(
        (held.party, held.request, held.service()),
        (PartyId(7), RequestId(500), ServiceId(4))
    );
    assert_eq!((held.place(), held.time(), held.generation()), (place(10, 0), Time(61_000), 0));
    assert_eq!(held.fingerprint, fingerprint(&place(10, 0), ServiceId(4), &part, false));
    assert_eq!((held.has_cold(), held.replaces(), stage.0.actor(0)), (true, true, ActorId(6)));
    assert_eq!(stage.0.services(0).as_slice(), [4, 8, 9].map(ServiceId));
    assert_eq!((booked.time(), booked.request), (Time(2_000), RequestId(501)));
    assert_eq!(
        (booked.has_cold(), booked.replaces(), stage.0.actor(1)),
        (false, false, ActorId(0))
    );
    assert_eq!(stage.0.services(1).as_slice(), [ServiceId(4)]);
    assert_eq!(
        (stage.stage(0), stage.stage(1)),
        (Some(ClaimState::Held), Some(ClaimState::Booked))
    );
    assert_eq!(stage.party(7), [1, 0], "newest first");
    assert_eq!(stage.0.tally, Tally { held: 1, booked: 1, granted: 2, ..Tally::default() });
    assert_eq!(stage.0.next_due(), 61_000, "a booking has no deadline");
    assert_eq!(stage.0.next_free(0), Some(claim(2)));
}

#[test]
fn a_hold_gets_more_time_and_ends_at_its_last_deadline() {
    let mut stage = Stage::new();
    stage.apply(1_000, &grant(0, 7, false, Detail::default()));
    let (claim, place, actor) = (claim(0), place(10, 0), ActorId(0));
    stage.apply(31_000, &Effect::Extended { claim, place, ttl_s: 120, actor });
    let entry = stage.0.entry(0).unwrap();
    assert_eq!((entry.time(), entry.extended_min()), (Time(151_000), 2));
    assert_eq!(stage.0.pop_due(Time(150_999)), None, "not by the first deadline");
    assert_eq!(stage.0.next_due(), 151_000);
    assert_eq!(stage.0.pop_due(Time(151_000)), Some(claim));
    assert_eq!(stage.0.pop_due(Time::MAX), None);
    stage.0.put_back_due(claim);
    stage.0.put_back_due(ClaimId::new(0, 0, 1));
    assert_eq!(stage.0.pop_due(Time(151_000)), Some(claim));
    assert_eq!(stage.0.pop_due(Time::MAX), None);
    stage.0.put_back_due(claim);
    stage.apply(140_000, &Effect::Confirmed { claim, place, actor });
    assert_eq!(stage.0.pop_due(Time::MAX), None, "a booking has none");
    assert_eq!(stage.0.tally, Tally { booked: 1, granted: 1, ..Tally::default() });
}

#[test]
fn every_end_is_counted_and_remembered_in_order() {
    use ClaimState::{Cancelled, Expired, Released};
    let mut stage = Stage::new();
    for index in 0..5 {
        stage.apply(1_000, &grant(index, 7, index > 2, Detail::default()));
    }
    stage.apply(2_000, &end(1, Released, true, None));
    stage.apply(3_000, &end(0, Expired, true, None));
    stage.apply(4_000, &end(3, Cancelled, false, Some(Time(90_000))));
    stage.apply(5_000, &end(4, Cancelled, false, None));
    let tally = Tally { held: 1, cooling: 1, ended: 3, granted: 5, expired: 1, ..Tally::default() };
    assert_eq!(stage.0.tally, tally);
    assert_eq!(stage.0.entry(3).unwrap().stage(), crate::ledger::Stage::Cooling);
    assert_eq!(stage.stage(3), Some(Cancelled), "for callers it is cancelled");
    assert_eq!(stage.0.pop_due(Time(61_000)), Some(claim(2)));
    assert_eq!(stage.0.pop_due(Time(89_999)), None);
    assert_eq!(stage.0.pop_due(Time(90_000)), Some(claim(3)));
    stage.apply(90_500, &Effect::Returned { claim: claim(3), place: place(10, 3) });
    assert_eq!(stage.0.tally, Tally { cooling: 0, ended: 4, ..tally });
    let mut order = Vec::new();
    let mut at = stage.0.oldest_ended(Time::MAX).map(|(id, _)| id);
    while let Some(id) = at.filter(|_| order.len() < 9) {
        order.push((id.index(), stage.0.get(id).unwrap().time().0));
        at = stage.0.ended_after(id, Time::MAX);
    }
    assert_eq!(order, [(1, 2_000), (0, 3_000), (4, 5_000), (3, 90_500)]);
    assert!(stage.0.oldest_ended(Time(2_000)).is_none(), "it ended no earlier");
    assert_eq!(stage.0.oldest_ended(Time(2_001)).unwrap().0, claim(1));
    let after = |before| stage.0.ended_after(claim(1), Time(before));
    assert_eq!([after(3_000), after(3_001)], [None, Some(claim(0))]);
    for (left, oldest) in [(3, Some(0)), (2, Some(4)), (1, Some(3)), (0, None), (0, None)] {
        stage.0.evict_oldest();
        assert_eq!(stage.0.tally.ended, left);
        let tail = if left == 0 { entry::NONE } else { 3 };
        assert_eq!(stage.0.ended_ends().1, tail);
        assert_eq!(stage.0.oldest_ended(Time::MAX).map(|(id, _)| id.index()), oldest);
    }
    assert_eq!(stage.0.ended_ends(), (entry::NONE, entry::NONE));
    assert_eq!(stage.party(7), [2]);
    let ids = (0..5).map(|nth| stage.0.next_free(nth).unwrap());
    let expected = [(3, 1), (4, 1), (0, 1), (1, 1), (5, 0)];
    assert!(ids.eq(expected.map(|(index, generation)| ClaimId::new(0, index, generation))));
    stage.apply(91_000, &end(2, Released, true, None));
    assert_eq!(stage.0.oldest_ended(Time::MAX).unwrap().0, claim(2), "the order begins anew");
}

#[test]
fn a_move_changes_place_version_and_request() {
    let mut stage = Stage::new();
    let more = Detail { actor: ActorId(3), ..Detail::default() };
    stage.apply(1_000, &grant(0, 7, true, more));
    stage.apply(1_000, &grant(1, 8, false, Detail::default()));
    let taken = |to, version, adopted| Effect::Taken {
        claim: claim(0),
        place: to,
        version,
        held: false,
        adopted,
        request: RequestId(77),
    };
    stage.apply(2_000, &taken(place(30, 9), 1, None));
    let cold = stage.0.cold(0);
    assert_eq!((cold.version, cold.last_request, cold.actor), (1, 77, ActorId(3)));
    assert_eq!(stage.0.entry(0).unwrap().place(), place(30, 9));
    assert_eq!(stage.stage(0), Some(ClaimState::Booked));
    let (moved, actor) = (place(30, 9), ActorId(4));
    let state = ClaimState::Displaced;
    stage.apply(3_000, &Effect::Marked { claim: claim(0), place: moved, state, actor });
    assert_eq!(stage.stage(0), Some(ClaimState::Displaced));
    stage.apply(4_000, &taken(place(10, 1), 2, Some(claim(1))));
    assert_eq!(stage.stage(0), Some(ClaimState::Booked), "it has a place again");
    assert_eq!(stage.stage(1), Some(ClaimState::Released), "the hold gave its own");
    assert_eq!(stage.0.tally, Tally { booked: 1, ended: 1, granted: 2, ..Tally::default() });
    stage.apply(5_000, &Effect::Assigned { claim: claim(0), place: place(10, 1), actor });
    assert_eq!((stage.0.actor(0), stage.0.cold(0).version), (actor, 2));
    let state = ClaimState::CheckedIn;
    stage.apply(6_000, &Effect::Marked { claim: claim(0), place: place(10, 1), state, actor });
    stage.apply(7_000, &taken(place(40, 1), 3, None));
    assert_eq!(stage.stage(0), Some(state), "only who was displaced is booked again");
    stage.apply(8_000, &Effect::Archived { claim: claim(0), place: place(40, 1) });
    assert_eq!((stage.stage(0), stage.0.tally.booked), (None, 0));
    assert_eq!((stage.party(7), stage.0.next_free(0)), (vec![], Some(ClaimId::new(0, 0, 1))));
}

/// Replay names entries itself, and what was forgotten in between is not journalled.
#[test]
fn replay_finds_room_and_forgets_what_had_been_forgotten() {
    let mut stage = Stage::new();
    let far = u32::try_from(shard::CHUNK).unwrap() * 2 + 5;
    stage.apply(1_000, &grant(far, 7, true, Detail::default()));
    assert_eq!((stage.0.capacity() / 64, stage.party(7)), (3, vec![far]));
    for index in 0..3 {
        stage.apply(1_000, &grant(index, 7, false, Detail::default()));
        stage.apply(2_000, &end(index, ClaimState::Released, true, None));
    }
    // The entry of the second to end is used again: the first had been forgotten before it.
    let again = Effect::Granted {
        claim: ClaimId::new(0, 1, 1),
        place: place(50, 1),
        service: ServiceId(4),
        party: PartyId(8),
        request: RequestId(1),
        booked: true,
        ttl_s: 0,
        part: Detail::default(),
    };
    stage.apply(3_000, &again);
    assert_eq!((stage.party(7), stage.party(8)), (vec![2, far], vec![1]));
    assert_eq!((stage.stage(0), stage.stage(1), stage.0.tally.ended), (None, None, 1));
    stage.0.rebuild_free();
    assert_eq!(stage.0.next_free(0), Some(ClaimId::new(0, 0, 1)));
    assert_eq!(stage.0.next_free(1), Some(claim(3)));
}

/// Each party's claims form a chain; any of them may go.
#[test]
fn a_claim_leaves_its_party_from_anywhere() {
    for gone in 0..4 {
        let mut stage = Stage::new();
        for index in 0..4 {
            stage.apply(1_000, &grant(index, 7, true, Detail::default()));
            stage.apply(1_000, &grant(index + 4, 8, true, Detail::default()));
        }
        stage.apply(2_000, &Effect::Archived { claim: claim(gone), place: place(10, gone) });
        let left: Vec<u32> = (0..4).rev().filter(|index| *index != gone).collect();
        assert_eq!((stage.party(7), stage.party(8)), (left.clone(), vec![7, 6, 5, 4]));
        for index in left {
            stage.apply(3_000, &Effect::Archived { claim: claim(index), place: place(10, index) });
        }
        assert_eq!((stage.party(7), stage.party(8)), (vec![], vec![7, 6, 5, 4]));
        // The party comes back to the entry that was its only one.
        let index = stage.0.next_free(0).unwrap().index();
        let mut again = grant(index, 7, true, Detail::default());
        let Effect::Granted { claim, .. } = &mut again else { unreachable!() };
        *claim = ClaimId::new(0, index, 1);
        stage.apply(4_000, &again);
        let found: Vec<_> = stage.0.of_party(hash(KEY, PartyId(7)), PartyId(7)).take(3).collect();
        assert_eq!(found.len(), 1);
    }
}
