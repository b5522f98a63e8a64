//! Which command do these bytes mean? Any bytes mean one.

use std::time::Duration;

use super::{ClaimAt, Command, DayAt, Pick, SlotAt};
use crate::Channel;

/// Bytes of one command.
pub const COMMAND_BYTES: usize = 10;

/// Every ten bytes are a command; the rest counts for nothing.
pub fn commands_from_bytes(bytes: &[u8]) -> Vec<Command> {
    let (commands, _) = bytes.as_chunks::<COMMAND_BYTES>();
    commands.iter().map(Command::from_bytes).collect()
}

const JUMPS_S: [i64; 16] = [
    60,
    1,
    300,
    600,
    900,
    600,
    1_800,
    3_600,
    600,
    8 * 3_600,
    86_400,
    25 * 3_600,
    3_600,
    -60,
    -3_600,
    -86_400,
];

const TTL_S: [u64; 16] =
    [600, 60, 1, 1_200, 1_800, 1_801, 0, 300, 600, 900, 1_200, 900, 600, 1_800, 1_500, 1_000];

impl Command {
    /// The command of ten bytes: the first says which, the others with what.
    pub fn from_bytes(bytes: &[u8; COMMAND_BYTES]) -> Self {
        let [kind, who, nth, what, place, on, start, many, by, rest] = *bytes;
        let (claim, other) = (ClaimAt(who), ClaimAt(nth));
        let to = slot([place, on, start]);
        let request = many % 16;
        match kind {
            0..40 => Self::Hold(vec![pick(bytes)]),
            40..64 => Self::Book(vec![pick(bytes)]),
            64..72 => Self::Hold(several(bytes)),
            72..78 => Self::Book(several(bytes)),
            78..88 => Self::Retry(claim),
            88..108 => Self::Confirm(claim),
            108..116 => Self::Extend(claim, ttl(nth)),
            116..124 => Self::Release(claim),
            124..136 => Self::Cancel(claim),
            136..142 => Self::CancelByStaff(claim),
            142..147 => Self::CheckIn(claim),
            147..150 => Self::Serve(claim),
            150..153 => Self::NoShow(claim),
            153..156 => Self::Assign(claim, nth % 3),
            156..168 => Self::Swap(claim, to, request),
            168..182 => Self::Reschedule(claim, to, request),
            182..188 => Self::RescheduleAt(claim, nth % 3, to, request),
            188..192 => Self::RescheduleByStaff(claim, to, request),
            192..202 => Self::RescheduleToHold(claim, other, request),
            202..207 => Self::CloseDay(day(place, on)),
            207..211 => Self::ReopenDay(day(place, on)),
            211..217 => Self::SetCapacity(to, nth % 4, u16::from(what % 4)),
            217..222 => Self::Install(nth % 3),
            222..236 => Self::Clock { seconds: jump(by), tick: true },
            236..242 => Self::Clock { seconds: jump(by), tick: false },
            242..247 => Self::Reopen { crash: false },
            247..253 => Self::Reopen { crash: rest < 128 || by < 64 },
            _ => Self::Snapshot,
        }
    }
}

fn jump(byte: u8) -> i64 {
    JUMPS_S.get(usize::from(byte % 16)).copied().unwrap_or(60)
}

fn ttl(byte: u8) -> Duration {
    Duration::from_secs(TTL_S.get(usize::from(byte % 16)).copied().unwrap_or(600))
}

/// Calendars 0 to 2, and seldom one that is not there; from yesterday to six days ahead.
fn day(calendar: u8, day: u8) -> DayAt {
    let calendar = match calendar {
        252.. => 3,
        other => [0, 0, 1, 0, 1, 2].get(usize::from(other % 6)).copied().unwrap_or(0),
    };
    let usual = [2, 2, 3, 2, 3, 4, 2, 1, 2, 3].get(usize::from(day % 10)).copied().unwrap_or(2);
    DayAt { calendar, day: if day < 240 { usual } else { day % 8 } }
}

/// Mostly open slots.
fn slot([calendar, on, slot]: [u8; 3]) -> SlotAt {
    SlotAt { on: day(calendar, on), slot: if slot < 248 { slot % 12 } else { slot } }
}

fn pick(bytes: &[u8; COMMAND_BYTES]) -> Pick {
    let [_, who, nth, what, place, on, start, many, by, rest] = *bytes;
    let services = match what {
        254.. => vec![3],
        230..254 => vec![what % 3, (what / 3) % 3],
        222..230 => vec![what % 3, 2, 2],
        _ => vec![[2, 0, 2, 0, 2, 1].get(usize::from(what % 6)).copied().unwrap_or(2)],
    };
    let persons = match many {
        0..190 => 1,
        190..230 => 2,
        230..253 => 3,
        253 => 0,
        254.. => 7,
    };
    Pick {
        party: who % 5,
        request: nth,
        services,
        at: slot([place, on, start]),
        persons,
        in_turn: many % 2 == 1,
        channel: [Channel::WEB, Channel::DESK, Channel::PHONE, Channel::PRIORITY]
            .get(usize::from(by % 4))
            .copied()
            .unwrap_or(Channel::WEB),
        ttl: (by >= 192).then(|| ttl(rest / 2)),
        actor: u8::from(by % 32 == 31),
        replaces: (rest >= 208).then_some(ClaimAt(rest % 8)),
        overriding: by < 8 && rest % 4 == 3,
    }
}

/// Two to four picks of one party under one request id, beside each other or a day apart.
fn several(bytes: &[u8; COMMAND_BYTES]) -> Vec<Pick> {
    let first = pick(bytes);
    let [.., how] = *bytes;
    let bit = |bit: u8| how >> bit & 1 == 1;
    let mut picks = vec![first.clone()];
    for n in 1..=how % 4 {
        let mut next = Pick { ..first.clone() };
        if !bit(2) {
            next.at.slot = next.at.slot.saturating_add(n);
        }
        if !bit(3) {
            next.at.on.day = next.at.on.day.saturating_add(n);
        }
        if bit(4) {
            next.at.on.calendar = (next.at.on.calendar + n) % 3;
        }
        if how >= 224 {
            next.overriding = !next.overriding;
        }
        picks.push(next);
    }
    picks
}
