//! What does a command mean here and now? Small numbers become ids of what there is.

use chrono::Days;

use super::{Call, Model, Wish};
use crate::testing::strategy::{ClaimAt, Command, DayAt, Pick, SlotAt};
use crate::{
    ActorId, CalendarId, ClaimId, ClaimState, DayId, PartyId, RequestId, ServiceId, SlotId,
};

const HELD: &[ClaimState] = &[ClaimState::Held];
const BOOKED: &[ClaimState] = &[ClaimState::Booked, ClaimState::Displaced];
const SEEN: &[ClaimState] = &[ClaimState::CheckedIn];
const LIVE: &[ClaimState] = &[ClaimState::Held, ClaimState::Booked, ClaimState::Displaced];

impl Model {
    /// The call that a command stands for in this state. Installs need the catalogs, which the
    /// command does not carry: [`Command::Install`] is `Nothing` here.
    pub fn call_of(&self, command: &Command) -> Call {
        match command {
            Command::Hold(picks) => Call::Hold(self.wishes(picks)),
            Command::Book(picks) => Call::Book(self.wishes(picks)),
            Command::Retry(claim) => self.retry(*claim),
            Command::Confirm(claim) => Call::Confirm(self.claim_at(*claim, HELD)),
            Command::Extend(claim, ttl) => Call::Extend(self.claim_at(*claim, HELD), *ttl),
            Command::Release(claim) => Call::Release(self.claim_at(*claim, HELD)),
            Command::Cancel(claim) => Call::Cancel(self.claim_at(*claim, BOOKED)),
            Command::CancelByStaff(claim) => {
                Call::CancelByStaff(self.claim_at(*claim, BOOKED), ActorId(9))
            }
            Command::CheckIn(claim) => Call::CheckIn(self.claim_at(*claim, BOOKED)),
            Command::Serve(claim) => Call::Serve(self.claim_at(*claim, SEEN)),
            Command::NoShow(claim) => Call::NoShow(self.claim_at(*claim, BOOKED)),
            Command::Assign(claim, actor) => {
                Call::Assign(self.claim_at(*claim, LIVE), ActorId(u64::from(*actor)))
            }
            Command::Swap(claim, to, request) => {
                Call::Swap(self.claim_at(*claim, HELD), self.slot_at(*to), id(*request))
            }
            Command::Reschedule(claim, to, request) => {
                Call::Reschedule(self.claim_at(*claim, BOOKED), self.slot_at(*to), id(*request))
            }
            Command::RescheduleAt(claim, version, to, request) => {
                let (claim, to) = (self.claim_at(*claim, BOOKED), self.slot_at(*to));
                Call::RescheduleAt(claim, (*version).into(), to, id(*request))
            }
            Command::RescheduleByStaff(claim, to, request) => Call::RescheduleByStaff(
                self.claim_at(*claim, BOOKED),
                self.slot_at(*to),
                id(*request),
            ),
            Command::RescheduleToHold(claim, hold, request) => {
                self.move_to_hold(*claim, *hold, id(*request))
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
            replaces: pick.replaces.map(|claim| self.claim_at(claim, BOOKED)),
            reason: pick.overriding.then(|| "a reason".to_owned()),
        }
    }

    /// The request that made a claim, once more.
    fn retry(&self, at: ClaimAt) -> Call {
        let id = self.claim_at(at, LIVE);
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
        let open: Vec<u16> = self.days.get(&day).map_or_else(Vec::new, |day| {
            day.limits.keys().copied().filter(|index| day.open(*index).is_some()).collect()
        });
        let number = usize::from(at.slot);
        let nth = (at.slot < 128 && !open.is_empty()).then(|| number % open.len().max(1));
        let index = nth.and_then(|nth| open.get(nth)).copied();
        day.slot(index.unwrap_or_else(|| u16::from(at.slot & 127)))
    }

    /// The claim of that number, newest first: below 208 of those in a state that suits, if there
    /// are any; else of the newest sixteen; from 240 of all.
    fn claim_at(&self, at: ClaimAt, suits: &[ClaimState]) -> ClaimId {
        const NOBODY: ClaimId = ClaimId::from_u64(0x000f_ffff_ffff_ffff);
        let live = self.claims.iter().rev().filter(|life| suits.contains(&life.claim.state));
        let mut ids: Vec<ClaimId> = live.map(|life| life.claim.id).collect();
        if at.0 >= 208 || ids.is_empty() {
            let count = if at.0 < 240 { 16 } else { usize::MAX };
            ids = self.given.iter().rev().take(count).copied().collect();
        }
        ids.get(usize::from(at.0) % ids.len().max(1)).copied().unwrap_or(NOBODY)
    }

    /// A booking and, mostly, a hold of the same party.
    fn move_to_hold(&self, claim: ClaimAt, hold: ClaimAt, request: RequestId) -> Call {
        let booking = self.claim_at(claim, BOOKED);
        let party = self.life(booking).ok().map(|life| life.claim.party);
        let own = self.claims.iter().rev().filter(|life| Some(life.claim.party) == party);
        let held: Vec<ClaimId> = own.filter(|life| life.is_held()).map(|l| l.claim.id).collect();
        let nth = held.get(usize::from(hold.0) % held.len().max(1)).copied();
        let hold = nth.filter(|_| hold.0 < 224).unwrap_or_else(|| self.claim_at(hold, HELD));
        Call::RescheduleToHold(booking, hold, request)
    }
}

fn id(request: u8) -> RequestId {
    RequestId(request.into())
}
