//! What does a command mean here and now? Small numbers become ids of what there is.

use chrono::Days;

use super::{Call, Model, Wish};
use crate::testing::strategy::{ClaimAt, Command, DayAt, Pick, SlotAt};
use crate::{ActorId, CalendarId, ClaimId, DayId, PartyId, RequestId, ServiceId, SlotId};

impl Model {
    /// The call that a command stands for in this state. Installs need the catalogs, which the
    /// command does not carry: [`Command::Install`] is `Nothing` here.
    pub fn call_of(&self, command: &Command) -> Call {
        match command {
            Command::Hold(picks) => Call::Hold(self.wishes(picks)),
            Command::Book(picks) => Call::Book(self.wishes(picks)),
            Command::Retry(claim) => self.retry(*claim),
            Command::Confirm(claim) => Call::Confirm(self.claim_at(*claim)),
            Command::Extend(claim, ttl) => Call::Extend(self.claim_at(*claim), *ttl),
            Command::Release(claim) => Call::Release(self.claim_at(*claim)),
            Command::Cancel(claim) => Call::Cancel(self.claim_at(*claim)),
            Command::CancelByStaff(claim) => Call::CancelByStaff(self.claim_at(*claim), ActorId(9)),
            Command::CheckIn(claim) => Call::CheckIn(self.claim_at(*claim)),
            Command::Serve(claim) => Call::Serve(self.claim_at(*claim)),
            Command::NoShow(claim) => Call::NoShow(self.claim_at(*claim)),
            Command::Assign(claim, actor) => {
                Call::Assign(self.claim_at(*claim), ActorId(u64::from(*actor)))
            }
            Command::Swap(claim, to, request) => {
                Call::Swap(self.claim_at(*claim), self.slot_at(*to), id(*request))
            }
            Command::Reschedule(claim, to, request) => {
                Call::Reschedule(self.claim_at(*claim), self.slot_at(*to), id(*request))
            }
            Command::RescheduleAt(claim, version, to, request) => {
                let (claim, to) = (self.claim_at(*claim), self.slot_at(*to));
                Call::RescheduleAt(claim, (*version).into(), to, id(*request))
            }
            Command::RescheduleByStaff(claim, to, request) => {
                Call::RescheduleByStaff(self.claim_at(*claim), self.slot_at(*to), id(*request))
            }
            Command::RescheduleToHold(claim, hold, request) => {
                Call::RescheduleToHold(self.claim_at(*claim), self.claim_at(*hold), id(*request))
            }
            Command::CloseDay(day) => Call::CloseDay(self.day_at(*day)),
            Command::ReopenDay(day) => Call::ReopenDay(self.day_at(*day)),
            Command::SetCapacity(at, slots, capacity) => {
                let SlotId { day, index } = self.slot_at(*at);
                Call::SetCapacity(day, index..index.saturating_add((*slots).into()), *capacity)
            }
            Command::Clock { tick: true, .. } | Command::Reopen { .. } => Call::Tick,
            Command::Snapshot => Call::Snapshot,
            Command::Clock { .. } | Command::Install(_) => Call::Nothing,
        }
    }

    fn wishes(&self, picks: &[Pick]) -> Vec<Wish> {
        picks.iter().map(|pick| self.wish(pick)).collect()
    }

    fn wish(&self, pick: &Pick) -> Wish {
        Wish {
            party: PartyId(pick.party.into()),
            request: id(pick.request),
            services: pick.services.iter().map(|service| ServiceId((*service).into())).collect(),
            slot: self.slot_at(pick.at),
            persons: pick.persons.into(),
            in_turn: pick.in_turn,
            channel: pick.channel,
            ttl: pick.ttl,
            actor: ActorId(pick.actor.into()),
            replaces: pick.replaces.map(|claim| self.claim_at(claim)),
            reason: pick.overriding.then(|| "a reason".to_owned()),
        }
    }

    /// The request that made a claim, once more.
    fn retry(&self, at: ClaimAt) -> Call {
        let id = self.claim_at(at);
        let Some((wishes, booked)) = self.requests.get(&id) else { return Call::Nothing };
        if *booked { Call::Book(wishes.clone()) } else { Call::Hold(wishes.clone()) }
    }

    fn day_at(&self, at: DayAt) -> DayId {
        let today = self.now.utc().date_naive();
        let yesterday = today.checked_sub_days(Days::new(1)).unwrap_or(today);
        let date = yesterday.checked_add_days(Days::new(at.day.into())).unwrap_or(today);
        let calendar = CalendarId(at.calendar.into());
        // The clock stays within the years that a day can name.
        DayId::new(calendar, date).unwrap_or(DayId::of(calendar, 0))
    }

    /// The open slot of that number; numbers from 128 are indexes, open or not.
    fn slot_at(&self, at: SlotAt) -> SlotId {
        let day = self.day_at(at.on);
        let open: Vec<u16> = self
            .day(day)
            .map_or_else(Vec::new, |view| view.slots.iter().map(|slot| slot.slot.index).collect());
        let number = usize::from(at.slot);
        let nth = (at.slot < 128 && !open.is_empty()).then(|| number % open.len().max(1));
        let index = nth.and_then(|nth| open.get(nth)).copied();
        day.slot(index.unwrap_or_else(|| u16::from(at.slot & 127)))
    }

    /// The claim of that number, newest first; of the newest sixteen below 128, of all from there.
    fn claim_at(&self, at: ClaimAt) -> ClaimId {
        const NOBODY: ClaimId = ClaimId::from_u64(0x000f_ffff_ffff_ffff);
        let count = if at.0 < 128 { self.given.len().min(16) } else { self.given.len() };
        let back = usize::from(at.0) % count.max(1);
        self.given.iter().rev().nth(back).copied().unwrap_or(NOBODY)
    }
}

fn id(request: u8) -> RequestId {
    RequestId(request.into())
}
