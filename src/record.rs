//! What happened? The effects that the journal keeps, one or more 64-byte lines each.
//!
//! A line alone carries all that each part it touches needs: replay makes no decision, reads no
//! clock, and never looks from a day into a ledger shard or back.
//!
//! ```text
//! word 0   kind 8 | flags 8 | service 16 | day 32     flags: more 1, in turn 1, channel 2, booked 1
//! word 1   claim id 64 (day records: their own numbers)
//! word 2-5 by kind (a grant: party 128, request 128)
//! word 6   start 11 | run 8 | persons 8 | roster 20 | seconds 17
//! word 7   time, low 32 bits | sequence number, low 32 bits
//! ```

use crate::claim::{Arrangement, ClaimState, Place};
use crate::id::{ActorId, Channel, ClaimId, DayId, PartyId, RequestId, ServiceId};
use crate::time::Time;

/// One line as eight words; stored little-endian.
pub(crate) type Line = [u64; 8];

/// Something that happened, as the journal keeps it and the feed tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// A hold, or a booking in one step.
    Granted {
        /// The new claim.
        claim: ClaimId,
        /// Its places.
        place: Place,
        /// Its first service.
        service: ServiceId,
        /// Who for.
        party: PartyId,
        /// The request that asked.
        request: RequestId,
        /// Booked at once rather than held.
        booked: bool,
        /// Seconds until the hold's deadline.
        ttl_s: u32,
        /// The part of a request for several slots.
        part: Detail,
    },
    /// A hold became a booking.
    Confirmed {
        /// The claim.
        claim: ClaimId,
        /// Its places.
        place: Place,
        /// Who acted.
        actor: ActorId,
    },
    /// A hold got a later deadline.
    Extended {
        /// The claim.
        claim: ClaimId,
        /// Its places.
        place: Place,
        /// Seconds from now to the new deadline.
        ttl_s: u32,
        /// Who acted.
        actor: ActorId,
    },
    /// A hold or booking ended: released, expired, revoked or cancelled.
    Ended {
        /// The claim.
        claim: ClaimId,
        /// Its places.
        place: Place,
        /// How it ended.
        how: ClaimState,
        /// Whether it was only held.
        held: bool,
        /// When its places come back, if not at once.
        returns_at: Option<Time>,
        /// Who acted.
        actor: ActorId,
    },
    /// The places of a cancelled booking came back after their cool-off.
    Returned {
        /// The claim that had them.
        claim: ClaimId,
        /// The places.
        place: Place,
    },
    /// A claim moved; the first of two lines: the places it took.
    Taken {
        /// The claim.
        claim: ClaimId,
        /// Its new places.
        place: Place,
        /// Its new version.
        version: u16,
        /// Whether it is held rather than booked.
        held: bool,
        /// The hold whose places it took over, which ends with this.
        adopted: Option<ClaimId>,
        /// The request that asked.
        request: RequestId,
    },
    /// A claim moved; the second line: the places it gave up.
    Freed {
        /// The claim.
        claim: ClaimId,
        /// Its old places.
        place: Place,
        /// Whether it is held rather than booked.
        held: bool,
    },
    /// A booking changed its state and kept its places.
    Marked {
        /// The claim.
        claim: ClaimId,
        /// Its places.
        place: Place,
        /// Its new state.
        state: ClaimState,
        /// Who acted.
        actor: ActorId,
    },
    /// A claim passed into other hands.
    Assigned {
        /// The claim.
        claim: ClaimId,
        /// Its places.
        place: Place,
        /// Who acts for the party from now on.
        actor: ActorId,
    },
    /// A claim left memory with its past day.
    Archived {
        /// The claim.
        claim: ClaimId,
        /// Its places.
        place: Place,
    },
    /// A day came into being.
    DayCreated {
        /// The day.
        day: DayId,
        /// Its frame.
        frame: DayFrame,
    },
    /// A day got another plan or frame.
    DayPlanned {
        /// The day.
        day: DayId,
        /// Its frame.
        frame: DayFrame,
    },
    /// Grants on the day stopped; its claims follow one by one.
    DayClosed {
        /// The day.
        day: DayId,
    },
    /// Grants on the day go on; its displaced bookings follow one by one.
    DayReopened {
        /// The day.
        day: DayId,
    },
    /// A past day left memory.
    DayRetired {
        /// The day.
        day: DayId,
    },
    /// A plan that days may share; its ranges follow in the same group.
    PlanDefined {
        /// Its number.
        plan: u32,
        /// How many ranges follow.
        ranges: u32,
        /// Minutes before a slot at which a channel's protection ends.
        give_back_min: [u16; Channel::COUNT],
    },
    /// One range of the plan defined before it.
    PlanRange(PlanRange),
    /// Bytes of a large value, or of the reason for the record before it.
    Text {
        /// What it belongs to.
        of: TextOf,
        /// How many bytes of the value come before these.
        offset: u32,
        /// The length of the whole value.
        length: u32,
        /// Up to 32 bytes.
        bytes: Vec<u8>,
    },
    /// The catalog text before it is in force.
    Installed {
        /// Counts the installs.
        version: u32,
        /// Whether all its days have followed; until then the install goes on after a crash.
        done: bool,
    },
    /// The first record of a log: what must never change in it.
    Founded {
        /// How many shards the ledger has.
        shards: u32,
        /// The key of its hash.
        key: [u64; 2],
    },
}

/// What a granted claim has beyond the common case; two lines when it is not empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// Services two to four.
    pub more_services: [Option<ServiceId>; 3],
    /// Who acts for the party.
    pub actor: ActorId,
    /// Which slot of a request for several it is.
    pub part: u8,
    /// It replaces another claim in the party's limits and may only be moved into.
    pub replaces: bool,
    /// Places were taken beyond the limits, on a stated reason.
    pub overridden: bool,
}

impl Detail {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a large value in the journal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TextOf {
    /// A catalog with its numbers, as JSON.
    Catalog,
    /// The reason of an override or a closure.
    Reason,
}

/// When a day begins, how it is divided, and which plan it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayFrame {
    /// The first instant of the civil day.
    pub begins: Time,
    /// The instant from which it can be booked.
    pub released: Time,
    /// Minutes of one slot.
    pub unit_min: u16,
    /// How many slots it has.
    pub slots: u16,
    /// The number of its plan.
    pub plan: u32,
}

/// Slots `start..end` of a plan with equal limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlanRange {
    /// The first slot.
    pub start: u16,
    /// The slot after the last.
    pub end: u16,
    /// Places at each slot.
    pub capacity: u16,
    /// The most that each channel may use.
    pub max: [u16; Channel::COUNT],
    /// What is kept for each channel until its give-back time.
    pub protected: [u16; Channel::COUNT],
}

const GRANTED: u8 = 1;
const DETAIL: u8 = 2;
const CONFIRMED: u8 = 3;
const EXTENDED: u8 = 4;
const ENDED: u8 = 5;
const RETURNED: u8 = 6;
const TAKEN: u8 = 7;
const FREED: u8 = 8;
const MARKED: u8 = 9;
const ASSIGNED: u8 = 10;
const ARCHIVED: u8 = 11;
const DAY_CREATED: u8 = 16;
const DAY_PLANNED: u8 = 17;
const DAY_CLOSED: u8 = 18;
const DAY_REOPENED: u8 = 19;
const DAY_RETIRED: u8 = 20;
const PLAN_DEFINED: u8 = 21;
const PLAN_RANGE: u8 = 22;
const TEXT: u8 = 23;
const INSTALLED: u8 = 24;
const FOUNDED: u8 = 25;

const MORE: u64 = 1 << 8;
const IN_TURN: u64 = 1 << 9;
const BOOKED: u64 = 1 << 12;
/// Bytes of a large value in one line.
const TEXT_BYTES: usize = 32;

/// Whether the line is followed by another of its group.
pub(crate) const fn has_more(line: &Line) -> bool {
    line[0] & MORE != 0
}

/// Says that another line of its group follows.
pub(crate) const fn set_more(line: &mut Line) {
    line[0] |= MORE;
}

fn place_line(kind: u8, claim: ClaimId, place: &Place) -> Line {
    let in_turn = if place.arrangement == Arrangement::InTurn { IN_TURN } else { 0 };
    let head = u64::from(kind)
        | in_turn
        | ((place.channel.index() as u64) << 10)
        | (u64::from(place.day.raw()) << 32);
    let word6 = u64::from(place.start)
        | (u64::from(place.run) << 11)
        | (u64::from(place.persons) << 19)
        | (u64::from(place.roster) << 27);
    [head, claim.to_u64(), 0, 0, 0, 0, word6, 0]
}

#[expect(clippy::cast_possible_truncation, reason = "each field is masked to its width")]
fn place_of(line: &Line) -> Place {
    let [head, .., word6, _] = *line;
    Place {
        day: DayId::from_raw((head >> 32) as u32),
        start: (word6 & 0x7ff) as u16,
        run: (word6 >> 11) as u8,
        persons: (word6 >> 19) as u8,
        arrangement: if head & IN_TURN == 0 { Arrangement::Together } else { Arrangement::InTurn },
        channel: Channel::from_bits(head >> 10),
        roster: ((word6 >> 27) & 0xf_ffff) as u32,
    }
}

const fn halves(value: u128) -> (u64, u64) {
    (value as u64, (value >> 64) as u64)
}

const fn whole(low: u64, high: u64) -> u128 {
    low as u128 | ((high as u128) << 64)
}

const fn state_bits(state: ClaimState) -> u64 {
    match state {
        ClaimState::Held => 1,
        ClaimState::Booked => 2,
        ClaimState::CheckedIn => 3,
        ClaimState::Served => 4,
        ClaimState::NoShow => 5,
        ClaimState::Cancelled => 6,
        ClaimState::Displaced => 7,
        ClaimState::Released => 8,
        ClaimState::Expired => 9,
        ClaimState::Revoked => 10,
    }
}

const fn state_from(bits: u64) -> Option<ClaimState> {
    Some(match bits {
        1 => ClaimState::Held,
        2 => ClaimState::Booked,
        3 => ClaimState::CheckedIn,
        4 => ClaimState::Served,
        5 => ClaimState::NoShow,
        6 => ClaimState::Cancelled,
        7 => ClaimState::Displaced,
        8 => ClaimState::Released,
        9 => ClaimState::Expired,
        10 => ClaimState::Revoked,
        _ => return None,
    })
}

/// The line of a grant; the hot path writes it without an [`Effect`] in between.
pub(crate) fn granted(
    claim: ClaimId,
    place: &Place,
    service: ServiceId,
    party: PartyId,
    request: RequestId,
    booked: bool,
    ttl_s: u32,
) -> Line {
    let mut line = place_line(GRANTED, claim, place);
    line[0] |= u64::from(service.0) << 16 | if booked { BOOKED } else { 0 };
    (line[2], line[3]) = halves(party.0);
    (line[4], line[5]) = halves(request.0);
    line[6] |= u64::from(ttl_s) << 47;
    line
}

/// The second line of a grant with a [`Detail`].
pub(crate) fn detail(claim: ClaimId, place: &Place, detail: &Detail) -> Line {
    let mut line = place_line(DETAIL, claim, place);
    line[2] = detail.actor.0;
    for (shift, service) in [0, 16, 32].into_iter().zip(detail.more_services) {
        // Service numbers stay below 65,535, so that zero can mean "none".
        line[3] |= service.map_or(0, |service| u64::from(service.0) + 1) << shift;
    }
    line[4] = u64::from(detail.part)
        | u64::from(detail.replaces) << 8
        | u64::from(detail.overridden) << 9;
    line
}

#[expect(clippy::cast_possible_truncation, reason = "each field is cut to its width")]
fn detail_of(line: &Line) -> Detail {
    let service = |shift: u32| ((line[3] >> shift) as u16).checked_sub(1).map(ServiceId);
    Detail {
        actor: ActorId(line[2]),
        more_services: [service(0), service(16), service(32)],
        part: line[4] as u8,
        replaces: line[4] & (1 << 8) != 0,
        overridden: line[4] & (1 << 9) != 0,
    }
}

/// The lines of a large value, in order.
pub(crate) fn text(of: TextOf, value: &[u8]) -> impl Iterator<Item = Line> {
    let length = value.len() as u64;
    value.chunks(TEXT_BYTES).enumerate().map(move |(number, chunk)| {
        let mut padded = [0_u8; TEXT_BYTES];
        for (to, from) in padded.iter_mut().zip(chunk) {
            *to = *from;
        }
        let mut line = [0; 8];
        line[0] = u64::from(TEXT) | ((of as u64) << 16);
        line[1] = (number * TEXT_BYTES) as u64 | (length << 32);
        for (word, bytes) in line.iter_mut().skip(2).zip(padded.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        line
    })
}

fn day_line(kind: u8, day: DayId, frame: &DayFrame) -> Line {
    let mut line = [0; 8];
    line[0] = u64::from(kind) | (u64::from(day.raw()) << 32);
    line[1] = frame.begins.0;
    line[2] = frame.released.0;
    line[3] =
        u64::from(frame.unit_min) | (u64::from(frame.slots) << 16) | (u64::from(frame.plan) << 32);
    line
}

#[expect(clippy::cast_possible_truncation, reason = "each field is cut to its width")]
fn frame_of(line: &Line) -> DayFrame {
    DayFrame {
        begins: Time(line[1]),
        released: Time(line[2]),
        unit_min: line[3] as u16,
        slots: (line[3] >> 16) as u16,
        plan: (line[3] >> 32) as u32,
    }
}

fn lanes(values: [u16; 4]) -> u64 {
    values.iter().rev().fold(0, |word, value| (word << 16) | u64::from(*value))
}

#[expect(clippy::cast_possible_truncation, reason = "a lane is 16 bits")]
fn unlanes(word: u64) -> [u16; 4] {
    [word as u16, (word >> 16) as u16, (word >> 32) as u16, (word >> 48) as u16]
}

impl Effect {
    /// Its line, or its first: only [`Effect::Granted`] with a detail needs a second.
    pub(crate) fn to_line(&self) -> Line {
        match self {
            Self::Granted { claim, place, service, party, request, booked, ttl_s, .. } => {
                granted(*claim, place, *service, *party, *request, *booked, *ttl_s)
            }
            Self::Confirmed { claim, place, actor } => acted(CONFIRMED, *claim, place, *actor),
            Self::Extended { claim, place, ttl_s, actor } => {
                let mut line = acted(EXTENDED, *claim, place, *actor);
                line[6] |= u64::from(*ttl_s) << 47;
                line
            }
            Self::Ended { claim, place, how, held, returns_at, actor } => {
                let mut line = acted(ENDED, *claim, place, *actor);
                line[3] = state_bits(*how) | if *held { 0 } else { BOOKED };
                line[4] = returns_at.map_or(0, |time| time.0);
                line
            }
            Self::Returned { claim, place } => place_line(RETURNED, *claim, place),
            Self::Taken { claim, place, version, held, adopted, request } => {
                let mut line = place_line(TAKEN, *claim, place);
                line[2] = u64::from(*version)
                    | (u64::from(*held) << 16)
                    | (u64::from(adopted.is_some()) << 17);
                line[3] = adopted.map_or(0, ClaimId::to_u64);
                (line[4], line[5]) = halves(request.0);
                line
            }
            Self::Freed { claim, place, held } => {
                let mut line = place_line(FREED, *claim, place);
                line[2] = u64::from(*held);
                line
            }
            Self::Marked { claim, place, state, actor } => {
                let mut line = acted(MARKED, *claim, place, *actor);
                line[3] = state_bits(*state);
                line
            }
            Self::Assigned { claim, place, actor } => acted(ASSIGNED, *claim, place, *actor),
            Self::Archived { claim, place } => place_line(ARCHIVED, *claim, place),
            Self::DayCreated { day, frame } => day_line(DAY_CREATED, *day, frame),
            Self::DayPlanned { day, frame } => day_line(DAY_PLANNED, *day, frame),
            Self::DayClosed { day } => [head(DAY_CLOSED, *day), 0, 0, 0, 0, 0, 0, 0],
            Self::DayReopened { day } => [head(DAY_REOPENED, *day), 0, 0, 0, 0, 0, 0, 0],
            Self::DayRetired { day } => [head(DAY_RETIRED, *day), 0, 0, 0, 0, 0, 0, 0],
            Self::PlanDefined { plan, ranges, give_back_min } => {
                let counts = u64::from(*plan) | (u64::from(*ranges) << 32);
                [u64::from(PLAN_DEFINED), counts, lanes(*give_back_min), 0, 0, 0, 0, 0]
            }
            Self::PlanRange(range) => {
                let span = u64::from(range.start)
                    | (u64::from(range.end) << 16)
                    | (u64::from(range.capacity) << 32);
                let (max, protected) = (lanes(range.max), lanes(range.protected));
                [u64::from(PLAN_RANGE), span, max, protected, 0, 0, 0, 0]
            }
            Self::Text { of, offset, length, bytes } => {
                let mut line = text(*of, bytes).next().unwrap_or_default();
                line[1] = u64::from(*offset) | (u64::from(*length) << 32);
                line
            }
            Self::Installed { version, done } => {
                [u64::from(INSTALLED), u64::from(*version), u64::from(*done), 0, 0, 0, 0, 0]
            }
            Self::Founded { shards, key: [k0, k1] } => {
                [u64::from(FOUNDED), u64::from(*shards), *k0, *k1, 0, 0, 0, 0]
            }
        }
    }

    /// Its second line, if it has one.
    pub(crate) fn second_line(&self) -> Option<Line> {
        match self {
            Self::Granted { claim, place, part, .. } if !part.is_empty() => {
                Some(detail(*claim, place, part))
            }
            _ => None,
        }
    }

    /// Reads an effect from its line and the one after it, and says how many lines it used.
    /// `None` for a line that no version up to this one writes.
    #[expect(clippy::cast_possible_truncation, reason = "each field is cut to its width")]
    pub(crate) fn from_lines(line: &Line, next: Option<&Line>) -> Option<(Self, usize)> {
        let claim = ClaimId::from_u64(line[1]);
        let place = place_of(line);
        let actor = ActorId(line[2]);
        let day = place.day;
        let effect = match line[0] as u8 {
            GRANTED => {
                let second = next.filter(|next| has_more(line) && next[0] as u8 == DETAIL);
                let effect = Self::Granted {
                    claim,
                    place,
                    service: ServiceId((line[0] >> 16) as u16),
                    party: PartyId(whole(line[2], line[3])),
                    request: RequestId(whole(line[4], line[5])),
                    booked: line[0] & BOOKED != 0,
                    ttl_s: (line[6] >> 47) as u32,
                    part: second.map(detail_of).unwrap_or_default(),
                };
                return Some((effect, 1 + usize::from(second.is_some())));
            }
            CONFIRMED => Self::Confirmed { claim, place, actor },
            EXTENDED => Self::Extended { claim, place, ttl_s: (line[6] >> 47) as u32, actor },
            ENDED => Self::Ended {
                claim,
                place,
                how: state_from(line[3] & 0xff)?,
                held: line[3] & BOOKED == 0,
                returns_at: (line[4] != 0).then_some(Time(line[4])),
                actor,
            },
            RETURNED => Self::Returned { claim, place },
            TAKEN => Self::Taken {
                claim,
                place,
                version: line[2] as u16,
                held: line[2] & (1 << 16) != 0,
                adopted: (line[2] & (1 << 17) != 0).then_some(ClaimId::from_u64(line[3])),
                request: RequestId(whole(line[4], line[5])),
            },
            FREED => Self::Freed { claim, place, held: line[2] != 0 },
            MARKED => Self::Marked { claim, place, state: state_from(line[3])?, actor },
            ASSIGNED => Self::Assigned { claim, place, actor },
            ARCHIVED => Self::Archived { claim, place },
            DAY_CREATED => Self::DayCreated { day, frame: frame_of(line) },
            DAY_PLANNED => Self::DayPlanned { day, frame: frame_of(line) },
            DAY_CLOSED => Self::DayClosed { day },
            DAY_REOPENED => Self::DayReopened { day },
            DAY_RETIRED => Self::DayRetired { day },
            PLAN_DEFINED => Self::PlanDefined {
                plan: line[1] as u32,
                ranges: (line[1] >> 32) as u32,
                give_back_min: unlanes(line[2]),
            },
            PLAN_RANGE => Self::PlanRange(PlanRange {
                start: line[1] as u16,
                end: (line[1] >> 16) as u16,
                capacity: (line[1] >> 32) as u16,
                max: unlanes(line[2]),
                protected: unlanes(line[3]),
            }),
            TEXT => {
                let (offset, length) = (line[1] as u32, (line[1] >> 32) as u32);
                let here = length.saturating_sub(offset).min(TEXT_BYTES as u32) as usize;
                let bytes = line[2..6].iter().flat_map(|word| word.to_le_bytes());
                let of = match line[0] >> 16 & 0xffff {
                    0 => TextOf::Catalog,
                    1 => TextOf::Reason,
                    _ => return None,
                };
                Self::Text { of, offset, length, bytes: bytes.take(here).collect() }
            }
            INSTALLED => Self::Installed { version: line[1] as u32, done: line[2] != 0 },
            FOUNDED => Self::Founded { shards: line[1] as u32, key: [line[2], line[3]] },
            _ => return None,
        };
        Some((effect, 1))
    }
}

fn head(kind: u8, day: DayId) -> u64 {
    u64::from(kind) | (u64::from(day.raw()) << 32)
}

fn acted(kind: u8, claim: ClaimId, place: &Place, actor: ActorId) -> Line {
    let mut line = place_line(kind, claim, place);
    line[2] = actor.0;
    line
}
