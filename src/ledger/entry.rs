//! What is kept of one claim? One cache line, and a second, colder half line where needed.
//!
//! Never decides anything: it only packs and unpacks.

use crate::claim::{Arrangement, ClaimState, Place, Services};
use crate::id::{ActorId, Channel, DayId, PartyId, RequestId, ServiceId};
use crate::ledger::{HashKey, hash};
use crate::limits::ROSTER_MAX;
use crate::record::Detail;
use crate::time::Time;

/// "No entry" in a chain.
pub(crate) const NONE: u32 = u32::MAX;
const GENERATION_MAX: u32 = (1 << 24) - 1;
const TIME_BITS: u32 = 48;

const IN_TURN: u16 = 1 << 11;
const CHANNEL: u32 = 12;
const COLD: u16 = 1 << 14;
const REPLACES: u16 = 1 << 15;

/// Where an entry stands: the public states, and what only the engine sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Free,
    Claim(ClaimState),
    /// Cancelled, but its places come back only at the entry's time.
    Cooling,
    /// Its generation is used up: never used again.
    Spent,
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

impl Stage {
    const fn bits(self) -> u32 {
        match self {
            Self::Free => 0,
            Self::Claim(state) => state as u32 + 1,
            Self::Cooling => 32,
            Self::Spent => 33,
        }
    }

    fn from_bits(bits: u32) -> Self {
        match bits {
            0 => Self::Free,
            32 => Self::Cooling,
            1..=10 => {
                STATES.get(bits as usize - 1).map_or(Self::Spent, |state| Self::Claim(*state))
            }
            _ => Self::Spent,
        }
    }

    /// Whether it leaves memory with its day: on the roster, and no hold, which ends first.
    pub(crate) fn leaves_with_its_day(self) -> bool {
        matches!(self, Self::Claim(state) if state.is_on_roster() && state != ClaimState::Held)
    }

    /// The state callers see, if there is a claim.
    pub(crate) const fn state(self) -> Option<ClaimState> {
        match self {
            Self::Claim(state) => Some(state),
            Self::Cooling => Some(ClaimState::Cancelled),
            Self::Free | Self::Spent => None,
        }
    }
}

/// The hot line of a claim.
///
/// ```text
/// shape  start 11 | in turn 1 | channel 2 | has a cold line 1 | replaces 1
/// stamp  generation 24 | stage 8
/// link   roster entry 20 | minutes by which the hold was extended 12; ended: the next that ended
/// when   deadline, return or end 48 | service 16
/// ```
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Entry {
    pub(crate) party: PartyId,
    pub(crate) request: RequestId,
    pub(crate) fingerprint: u32,
    pub(crate) next: u32,
    pub(crate) link: u32,
    pub(super) stamp: u32,
    pub(super) day: u32,
    pub(super) shape: u16,
    pub(super) run: u8,
    pub(super) persons: u8,
    pub(super) when: u64,
}

const _: () = assert!(size_of::<Entry>() == 64);

impl Entry {
    pub(crate) const EMPTY: Self = Self {
        party: PartyId(0),
        request: RequestId(0),
        fingerprint: 0,
        next: NONE,
        link: 0,
        stamp: 0,
        day: 0,
        shape: 0,
        run: 0,
        persons: 0,
        when: 0,
    };

    pub(crate) const fn generation(&self) -> u32 {
        self.stamp & GENERATION_MAX
    }

    pub(crate) fn set_generation(&mut self, generation: u32) {
        self.stamp = (self.stamp & !GENERATION_MAX) | (generation & GENERATION_MAX);
    }

    pub(crate) fn stage(&self) -> Stage {
        Stage::from_bits(self.stamp >> 24)
    }

    pub(crate) fn set_stage(&mut self, stage: Stage) {
        self.stamp = self.generation() | (stage.bits() << 24);
    }

    /// The next generation of a freed entry; spent when there is none.
    pub(crate) fn retire_generation(&mut self) {
        if self.generation() >= GENERATION_MAX - 1 {
            self.set_stage(Stage::Spent);
        } else {
            self.set_generation(self.generation() + 1);
            self.set_stage(Stage::Free);
        }
    }

    pub(crate) const fn time(&self) -> Time {
        Time(self.when & ((1 << TIME_BITS) - 1))
    }

    pub(crate) fn set_time(&mut self, time: Time) {
        self.when = (self.when >> TIME_BITS << TIME_BITS) | time.0.min(Time::MAX.0);
    }

    pub(crate) const fn service(&self) -> ServiceId {
        ServiceId((self.when >> TIME_BITS) as u16)
    }

    pub(crate) fn set_service(&mut self, service: ServiceId) {
        self.when = self.time().0 | (u64::from(service.0) << TIME_BITS);
    }

    pub(crate) const fn has_cold(&self) -> bool {
        self.shape & COLD != 0
    }

    pub(crate) fn set_cold(&mut self) {
        self.shape |= COLD;
    }

    pub(crate) const fn replaces(&self) -> bool {
        self.shape & REPLACES != 0
    }

    pub(crate) fn set_replaces(&mut self) {
        self.shape |= REPLACES;
    }

    pub(crate) fn place(&self) -> Place {
        Place {
            day: DayId::from_raw(self.day),
            start: self.shape & 0x7ff,
            run: self.run,
            persons: self.persons,
            arrangement: if self.shape & IN_TURN == 0 {
                Arrangement::Together
            } else {
                Arrangement::InTurn
            },
            channel: Channel::from_bits(u64::from(self.shape >> CHANNEL)),
            roster: self.link & ROSTER_MAX,
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a channel has two bits")]
    pub(crate) fn set_place(&mut self, place: &Place) {
        let in_turn = if place.arrangement == Arrangement::InTurn { IN_TURN } else { 0 };
        self.day = place.day.raw();
        self.shape = (self.shape & (COLD | REPLACES))
            | (place.start & 0x7ff)
            | in_turn
            | ((place.channel.index() as u16) << CHANNEL);
        self.run = place.run;
        self.persons = place.persons;
        self.link = (self.link & !ROSTER_MAX) | place.roster;
    }

    /// Minutes by which the hold was extended in all.
    pub(crate) const fn extended_min(&self) -> u32 {
        self.link >> ROSTER_MAX.count_ones()
    }

    /// Gives the hold another deadline and adds what is more to [`Entry::extended_min`].
    pub(crate) fn extend(&mut self, deadline: Time) {
        let more = deadline.0.saturating_sub(self.time().0).div_ceil(60_000);
        let minutes = (u64::from(self.extended_min()) + more).min(0xfff);
        let high = u32::try_from(minutes).unwrap_or(0xfff) << ROSTER_MAX.count_ones();
        self.link = (self.link & ROSTER_MAX) | high;
        self.set_time(deadline);
    }

    pub(crate) const fn day(&self) -> DayId {
        DayId::from_raw(self.day)
    }

    /// As eight words, for snapshots.
    #[expect(clippy::cast_possible_truncation, reason = "the halves")]
    pub(crate) fn to_words(self) -> [u64; 8] {
        let pair = |low: u32, high: u32| u64::from(low) | (u64::from(high) << 32);
        let shape =
            u32::from(self.shape) | (u32::from(self.run) << 16) | (u32::from(self.persons) << 24);
        [
            self.party.0 as u64,
            (self.party.0 >> 64) as u64,
            self.request.0 as u64,
            (self.request.0 >> 64) as u64,
            pair(self.fingerprint, self.next),
            pair(self.link, self.stamp),
            pair(self.day, shape),
            self.when,
        ]
    }

    /// The inverse of [`Entry::to_words`].
    #[expect(clippy::cast_possible_truncation, reason = "the halves")]
    pub(crate) fn from_words(words: &[u64; 8]) -> Self {
        let [p0, p1, r0, r1, a, b, c, when] = *words;
        let whole = |low: u64, high: u64| u128::from(low) | (u128::from(high) << 64);
        Self {
            party: PartyId(whole(p0, p1)),
            request: RequestId(whole(r0, r1)),
            fingerprint: a as u32,
            next: (a >> 32) as u32,
            link: b as u32,
            stamp: (b >> 32) as u32,
            day: c as u32,
            shape: (c >> 32) as u16,
            run: (c >> 48) as u8,
            persons: (c >> 56) as u8,
            when,
        }
    }
}

/// The cold half line: what most claims do not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cold {
    /// The request of the last move.
    pub(crate) last_request: u128,
    pub(crate) actor: ActorId,
    /// Services two to four, plus one; zero for none.
    pub(crate) more: [u16; 3],
    pub(crate) version: u16,
}

const _: () = assert!(size_of::<Cold>() == 32);

impl Cold {
    /// As four words, for snapshots.
    #[expect(clippy::cast_possible_truncation, reason = "the halves")]
    pub(crate) fn to_words(self) -> [u64; 4] {
        let [a, b, c] = self.more;
        let small = [a, b, c, self.version];
        let packed = small.iter().rev().fold(0, |word, part| (word << 16) | u64::from(*part));
        [self.last_request as u64, (self.last_request >> 64) as u64, self.actor.0, packed]
    }

    /// The inverse of [`Cold::to_words`].
    #[expect(clippy::cast_possible_truncation, reason = "each part has 16 bits")]
    pub(crate) fn from_words(words: &[u64; 4]) -> Self {
        let [low, high, actor, packed] = *words;
        Self {
            last_request: u128::from(low) | (u128::from(high) << 64),
            actor: ActorId(actor),
            more: [packed as u16, (packed >> 16) as u16, (packed >> 32) as u16],
            version: (packed >> 48) as u16,
        }
    }

    /// All services of the claim whose first one is this.
    pub(crate) fn services(&self, first: ServiceId) -> Services {
        let mut services = Services::one(first);
        if self.more != [0; 3] {
            for number in self.more.into_iter().filter_map(|number| number.checked_sub(1)) {
                services = services.with(ServiceId(number)).unwrap_or(services);
            }
        }
        services
    }

    pub(crate) fn of(detail: &Detail) -> Self {
        let more = detail.more_services.map(|service| service.map_or(0, |service| service.0 + 1));
        Self { actor: detail.actor, more, ..Self::default() }
    }
}

/// 32 bits of what a request asked for, to tell a retry from another request under the same id.
/// Pure, so that replay finds it from the record; without the run, which the rules make.
pub(crate) fn fingerprint(place: &Place, service: ServiceId, detail: &Detail, booked: bool) -> u32 {
    const KEY: HashKey = [0x9e37_79b9_7f4a_7c15, 0xd1b5_4a32_d192_ed03];
    let mix =
        |state: u64, word: u64| hash(KEY, PartyId(u128::from(state) << 64 | u128::from(word)));
    let in_turn = u64::from(place.arrangement == Arrangement::InTurn);
    let shape = u64::from(place.start)
        | (u64::from(place.persons) << 24)
        | ((place.channel.index() as u64) << 32)
        | (in_turn << 34)
        | (u64::from(booked) << 35)
        | (u64::from(detail.part) << 40);
    let mut state = mix(u64::from(place.day.raw()) | (u64::from(service.0) << 32), shape);
    for service in detail.more_services.iter().flatten() {
        state = mix(state, u64::from(service.0) + 1);
    }
    (mix(state, 1) >> 32) as u32
}

#[cfg(test)]
mod tests;
