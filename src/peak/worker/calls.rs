//! What does a citizen ask the engine? One call a step, and the count of its answer.
//!
//! Never decides what comes next: `answers` does.

use std::time::Duration;

use cupo::{Ask, Error, Receipt, SlotId};

use crate::peak::citizens::{Citizen, Mind, Step};
use crate::peak::measure::{Call, Latency, Live};
use crate::peak::slices::End;
use crate::peak::worker::{Flight, Worker};

impl<'a> Worker<'a> {
    pub(super) fn act(&mut self, mut who: Citizen) {
        match who.next {
            Step::Early => match self.doors.stage.place_known_before(&mut who) {
                Some(slot) => self.ask(who, slot),
                None => self.leave(who),
            },
            // Nobody waits longer than the wheel reaches; whoever came round goes round again.
            Step::Look if self.now_ms < self.doors.opens_ms => {
                self.come_back(who, self.doors.opens_ms);
            }
            Step::Look => match self.pages.choose(&mut who, self.now_ms) {
                Some(slot) => {
                    who.fresh_request();
                    self.ask(who, slot);
                }
                None => self.nothing_free(who),
            },
            Step::Again => match who.slot {
                Some(slot) => self.ask(who, slot),
                None => self.leave(who),
            },
            Step::Confirm | Step::ConfirmAgain | Step::Cancel | Step::Move | Step::Rebook => {
                self.change(who);
            }
        }
    }

    /// A step right after the answer: it is due now.
    pub(super) fn act_now(&mut self, mut who: Citizen, next: Step) {
        who.next = next;
        who.due_us = self.doors.now_us();
        self.act(who);
    }

    pub(super) fn ask(&mut self, mut who: Citizen, slot: SlotId) {
        let stage = self.doors.stage;
        let Some(service) = stage.services.get(usize::from(who.service)) else {
            return self.leave(who);
        };
        who.slot = Some(slot);
        let mut ask = Ask::new(who.party(), who.request, service.id, slot)
            .channel(who.channel())
            .persons(u16::from(who.persons))
            .actor(who.actor());
        if who.arrangement() == cupo::Arrangement::InTurn {
            ask = ask.in_turn();
        }
        let at_once = who.mind.has(Mind::IN_ONE_STEP) && !who.is_bot();
        let call = match (who.next, at_once) {
            (Step::Again, _) => Call::Retry,
            (_, true) => Call::Book,
            (_, false) => Call::Hold,
        };
        if call != Call::Retry {
            who.tries = who.tries.saturating_add(1);
        }
        let began_us = self.doors.now_us();
        let commit = if at_once {
            self.doors.engine.book(&ask)
        } else {
            let ttl = Duration::from_secs(self.doors.scenario.hold_seconds);
            self.doors.engine.hold(&ask.ttl(ttl))
        };
        self.take_off(Flight { commit, who, call, began_us });
    }

    /// The calls that name a claim.
    fn change(&mut self, mut who: Citizen) {
        let Some(claim) = who.claim else {
            return self.leave(who);
        };
        let engine = self.doors.engine;
        let target = match who.next {
            Step::Move | Step::Rebook => self.pages.choose(&mut who, self.now_ms),
            _ => None,
        };
        who.slot = target.or(who.slot);
        let began_us = self.doors.now_us();
        let (commit, call) = match (who.next, target) {
            (Step::Cancel, _) => (engine.cancel(claim), Call::Cancel),
            (Step::Move, Some(slot)) => {
                (engine.reschedule(claim, slot, who.fresh_request()), Call::Move)
            }
            (Step::Rebook, Some(slot)) => {
                (engine.reschedule_by_staff(claim, slot, who.fresh_request()), Call::Rebook)
            }
            (Step::Move, None) => return self.nowhere_to_move(who),
            (Step::Rebook, None) => return self.rebook_elsewhere(who),
            (Step::ConfirmAgain, _) => (engine.confirm(claim), Call::Retry),
            _ => (engine.confirm(claim), Call::Confirm),
        };
        self.take_off(Flight { commit, who, call, began_us });
    }

    fn take_off(&mut self, flight: Flight<'a>) {
        if flight.commit.is_durable() {
            self.land(flight);
        } else {
            self.flights.push_back(flight);
        }
    }

    pub(super) fn answered(
        &mut self,
        who: Citizen,
        call: Call,
        began_us: u64,
        answer: Result<Receipt, Error>,
    ) {
        let now_us = self.doors.now_us();
        // Without a schedule nothing is due but what is called.
        let due_us = if self.doors.schedule.is_some() { who.due_us } else { began_us };
        let took = Duration::from_micros(now_us.saturating_sub(due_us));
        Live::count(&self.live.answered);
        match answer {
            Ok(receipt) => {
                let sold = matches!(call, Call::Book | Call::Confirm);
                self.count(due_us, now_us, End::Done { sold });
                self.tally.carried_out(call, who.channel(), took);
                let from_call = now_us.saturating_sub(began_us);
                self.tally.from_call.record(Duration::from_micros(from_call));
                self.carried_out(who, call, &receipt);
            }
            Err(Error::Rejected(rejection)) => {
                self.refused(&who, rejection.code(), due_us, now_us);
                self.turned_down(who, call, rejection);
            }
            Err(Error::StorageFull) => {
                self.refused(&who, "storage_full", due_us, now_us);
                self.read_only(who);
            }
            Err(Error::Busy) => {
                self.tally.busy += 1;
                // The call stays due: whoever is told to wait has waited.
                self.wheel.put(who, self.now_ms + 5);
            }
            Err(error) => self.doors.fail(error),
        }
    }

    fn refused(&mut self, who: &Citizen, code: &'static str, due_us: u64, now_us: u64) {
        Live::count(&self.live.refused);
        self.count(due_us, now_us, End::Refused(code));
        let took = Duration::from_micros(now_us.saturating_sub(due_us));
        self.tally.turned_down(code, who.channel(), took);
    }

    fn count(&mut self, due_us: u64, now_us: u64, end: End) {
        let (due, now) = (self.doors.since_us(due_us), self.doors.since_us(now_us));
        self.tally.slices.count(due, now, end);
        let mut fresh = self.live.fresh.lock();
        match end {
            End::Done { .. } => {
                let took = Duration::from_micros(now.saturating_sub(due));
                fresh.latency.get_or_insert_with(Latency::new).record(took);
            }
            End::Refused(code) => *fresh.causes.entry(code).or_default() += 1,
        }
    }
}
