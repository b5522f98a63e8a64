//! What do citizens make of the answers? The next step after each one.
//!
//! Never calls the engine: it says what comes next, and when.

use cupo::{Receipt, Rejection as No};

use crate::peak::citizens::{Citizen, Kind, Mind, Step};
use crate::peak::measure::{Ack, Call, Live};
use crate::peak::worker::Worker;

impl Worker<'_> {
    pub(super) fn carried_out(&mut self, mut who: Citizen, call: Call, receipt: &Receipt) {
        match call {
            Call::Hold | Call::Book => {
                who.claim = Some(receipt.id());
                who.version = receipt.claim.version;
                if call == Call::Book {
                    self.sold(&mut who, receipt);
                } else {
                    self.tally.fairness.held(&who);
                }
                if who.mind.take(Mind::RETRIES) && !who.is_bot() {
                    self.act_now(who, Step::Again);
                } else {
                    self.after_grant(who);
                }
            }
            Call::Retry => {
                self.tally.replayed += 1;
                if !receipt.replayed || Some(receipt.id()) != who.claim {
                    let text = "a retry was not answered with its first claim";
                    self.wrong(&format!("{text}: {:?} {}", who.claim, receipt.id()));
                }
                if who.next == Step::Again {
                    self.after_grant(who);
                } else {
                    self.settle(who);
                }
            }
            Call::Confirm => {
                self.sold(&mut who, receipt);
                if who.is_bot() {
                    self.next_hold(who);
                } else if who.mind.take(Mind::RETRIES_CONFIRM) {
                    self.act_now(who, Step::ConfirmAgain);
                } else {
                    self.settle(who);
                }
            }
            Call::Cancel => {
                self.tally.acks.push(Ack::Cancelled(receipt.id()));
                self.leave(who);
            }
            Call::Move | Call::Rebook => {
                let moved = &receipt.claim;
                if Some(moved.id) != who.claim || moved.version <= who.version {
                    self.wrong(&format!("a move changed the id, or not the version: {}", moved.id));
                }
                let ack = Ack::Moved(moved.id, moved.version, moved.slot);
                self.tally.acks.push(ack);
                self.leave(who);
            }
        }
    }

    fn sold(&mut self, who: &mut Citizen, receipt: &Receipt) {
        who.sold = true;
        self.tally.fairness.booked(who, self.doors.now_us());
        self.tally.booked(who.channel(), receipt.id());
        Live::count(&self.live.sold);
    }

    pub(super) fn wrong(&mut self, what: &str) {
        if self.tally.wrong.len() < 20 {
            self.tally.wrong.push(what.to_owned());
        }
    }

    fn after_grant(&mut self, mut who: Citizen) {
        let scenario = self.doors.scenario;
        if who.is_bot() {
            if who.rng.chance(scenario.bot_books) {
                return self.pause(who, Step::Confirm, scenario.again_ms);
            }
            return self.next_hold(who);
        }
        if who.mind.has(Mind::IN_ONE_STEP) {
            return self.settle(who);
        }
        if who.mind.has(Mind::ABANDONS) {
            self.tally.abandoned += 1;
            return self.leave(who);
        }
        let pause =
            if matches!(who.kind, Kind::Phone(_)) { scenario.talk_ms } else { scenario.think_ms };
        self.pause(who, Step::Confirm, pause);
    }

    /// A bot goes on to its next hold.
    fn next_hold(&mut self, mut who: Citizen) {
        who.holds_left = who.holds_left.saturating_sub(1);
        if who.holds_left == 0 {
            return self.leave(who);
        }
        self.pause(who, Step::Look, self.doors.scenario.again_ms);
    }

    /// The booking stands; some have second thoughts.
    fn settle(&mut self, mut who: Citizen) {
        let pause = self.doors.scenario.later_ms;
        if matches!(who.kind, Kind::Phone(_)) {
            self.leave(who);
        } else if who.mind.take(Mind::CANCELS) {
            self.pause(who, Step::Cancel, pause);
        } else if who.mind.take(Mind::MOVES) {
            self.pause(who, Step::Move, pause);
        } else {
            self.leave(who);
        }
    }

    pub(super) fn turned_down(&mut self, mut who: Citizen, call: Call, rejection: No) {
        let again = self.doors.scenario.again_ms;
        match (call, rejection) {
            (_, No::NotYetReleased { .. }) => {
                who.next = Step::Look;
                self.come_back(who, self.doors.opens_ms.max(self.now_ms + 1));
            }
            (Call::Hold | Call::Book, No::HoldLimit { .. } | No::PartyLimit { .. }) => {
                who.holds_left = who.holds_left.saturating_sub(1);
                if who.holds_left == 0 || !who.is_bot() {
                    return self.leave(who);
                }
                self.pause(who, Step::Look, again);
            }
            (Call::Hold | Call::Book, _) => {
                if let Some(slot) = who.slot {
                    self.pages.forget(&who, slot);
                }
                self.try_again(who);
            }
            (Call::Confirm, No::HoldExpired { .. } | No::AlreadyEnded { .. }) => {
                who.claim = None;
                self.try_again(who);
            }
            (Call::Move, No::SlotFull { .. } | No::ChannelLimit { .. }) if who.bears_it() => {
                self.pause(who, Step::Move, again);
            }
            (Call::Rebook, No::AlreadyEnded { .. } | No::WrongState { .. }) => self.leave(who),
            (Call::Rebook, _) => {
                if let Some(slot) = who.slot {
                    self.pages.forget(&who, slot);
                }
                self.rebook_elsewhere(who);
            }
            // A retry that comes after the end of its hold, or a change of mind that comes too
            // late for the service's rules.
            _ => self.leave(who),
        }
    }

    pub(super) fn nothing_free(&mut self, mut who: Citizen) {
        if who.mind.has(Mind::INSISTS)
            && let Some(slot) = self.pages.remembered(&who)
        {
            who.fresh_request();
            return self.ask(who, slot);
        }
        self.try_again(who);
    }

    /// Waits for a place to come back; the booking stays where it is meanwhile.
    pub(super) fn nowhere_to_move(&mut self, mut who: Citizen) {
        if who.bears_it() {
            self.pause(who, Step::Move, self.doors.scenario.again_ms);
        } else {
            self.leave(who);
        }
    }

    /// The next nearest office; when all were asked, the booking stays displaced.
    pub(super) fn rebook_elsewhere(&mut self, mut who: Citizen) {
        if who.elsewhere(self.doors.stage) {
            self.pause(who, Step::Rebook, self.doors.scenario.again_ms);
        } else {
            self.tally.stranded += 1;
            self.leave(who);
        }
    }

    /// The engine takes no changes for want of disk: the same step again, a little later.
    pub(super) fn read_only(&mut self, mut who: Citizen) {
        let next = if who.next == Step::Early { Step::Look } else { who.next };
        if who.bears_it() {
            self.pause(who, next, self.doors.scenario.again_ms);
        } else {
            self.leave(who);
        }
    }

    /// Another look, at the next nearest office; or home.
    fn try_again(&mut self, mut who: Citizen) {
        if who.bears_it() {
            who.elsewhere(self.doors.stage);
            self.pause(who, Step::Look, self.doors.scenario.again_ms);
        } else {
            self.tally.left += 1;
            self.leave(who);
        }
    }

    fn pause(&mut self, mut who: Citizen, next: Step, pause: [u64; 2]) {
        who.next = next;
        let pause = who.rng.between(pause);
        self.come_back(who, self.now_ms + pause);
    }

    pub(super) fn leave(&mut self, who: Citizen) {
        if !who.sold {
            self.tally.fairness.left(&who, self.doors.now_us());
        }
        Live::count(&self.live.finished);
        if let Kind::Phone(operator) = who.kind {
            self.next_call(operator);
        }
    }

    /// Tells the witness what has become durable since the last time.
    pub(super) fn report_acks(&mut self) {
        if let Err(error) = self.doors.witness.note(&mut self.tally) {
            self.wrong(&error);
            self.doors.close();
        }
    }
}
