//! How does one thread serve thousands of citizens at once? Many commits in flight, oldest first.
//!
//! Never waits for one commit while there is room for another call: that is how one sync carries
//! a thousand answers.

mod answers;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cupo::{Ask, Commit, Engine, Error, Receipt, SlotId, SystemClock};
use parking_lot::Mutex;

use crate::peak::acks::Witness;
use crate::peak::citizens::{Citizen, Mind, Step};
use crate::peak::measure::{Call, Live, Tally};
use crate::peak::pages::Pages;
use crate::peak::scenario::Scenario;
use crate::peak::stage::Stage;
use crate::peak::wheel::Wheel;

/// Commits in flight per thread.
const WINDOW: usize = 1_024;
/// Calls between two looks at what has become durable.
const BATCH: usize = 64;
/// Citizens who wait at the door of one thread.
const QUEUE: usize = 20_000;

/// What all threads share.
#[derive(Debug)]
pub(crate) struct Doors<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) stage: &'a Stage,
    pub(crate) scenario: &'a Scenario,
    pub(crate) seed: u64,
    /// Numbers below are web visitors; from there to `citizens` they call.
    pub(crate) web: u64,
    pub(crate) citizens: u64,
    pub(crate) next_web: AtomicU64,
    pub(crate) next_call: AtomicU64,
    pub(crate) clock: SystemClock,
    pub(crate) opens_ms: u64,
    pub(crate) closed: AtomicBool,
    pub(crate) failed: Mutex<Option<Error>>,
    pub(crate) witness: Witness,
}

impl Doors<'_> {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    // Relaxed: a flag that is looked at again and again; nothing is read on the strength of it.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    fn are_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    fn fail(&self, error: Error) {
        self.failed.lock().get_or_insert(error);
        self.close();
    }

    // Relaxed: numbers are only handed out once each.
    fn take(counter: &AtomicU64, end: u64) -> Option<u64> {
        Some(counter.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < end)
    }
}

/// A call whose answer is not durable yet.
struct Flight<'a> {
    commit: Commit<'a, Receipt>,
    who: Citizen,
    call: Call,
    began: Duration,
}

pub(crate) struct Worker<'a> {
    doors: &'a Doors<'a>,
    live: &'a Live,
    pages: Pages<'a>,
    wheel: Wheel,
    flights: VecDeque<Flight<'a>>,
    tally: Tally,
    now_ms: u64,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(doors: &'a Doors<'a>, live: &'a Live, thread: u16) -> Self {
        let Scenario { page_ms, page_openings, .. } = *doors.scenario;
        let seed = doors.seed ^ (u64::from(thread) << 48);
        Self {
            doors,
            live,
            pages: Pages::new(doors.engine, doors.stage, page_ms, page_openings, seed),
            wheel: Wheel::new(doors.now_ms()),
            flights: VecDeque::with_capacity(WINDOW),
            tally: Tally::new(),
            now_ms: doors.now_ms(),
        }
    }

    /// Serves citizens until there are none, or the doors are closed; the operators with these
    /// numbers sit at this thread.
    pub(crate) fn run(mut self, operators: impl Iterator<Item = u16>) -> Tally {
        operators.for_each(|operator| self.next_call(operator));
        loop {
            self.now_ms = self.doors.now_ms();
            while self.flights.front().is_some_and(|flight| flight.commit.is_durable()) {
                self.land_oldest();
            }
            self.report_acks();
            let open = !self.doors.are_closed();
            let started = if open { self.start_some() } else { 0 };
            let full = self.flights.len() >= WINDOW;
            if full || started == 0 && !self.flights.is_empty() {
                self.land_oldest();
            } else if started == 0 {
                if !open || self.wheel.is_empty() && self.no_more_arrivals() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        self.report_acks();
        self.tally.looks = self.pages.looks;
        self.tally.ended = self.doors.clock.elapsed();
        self.tally
    }

    fn no_more_arrivals(&self) -> bool {
        // Relaxed: at worst one more turn.
        self.doors.next_web.load(Ordering::Relaxed) >= self.doors.web
    }

    fn start_some(&mut self) -> usize {
        for started in 0..BATCH {
            if self.flights.len() >= WINDOW {
                return started;
            }
            let Some(who) = self.wheel.due(self.now_ms).or_else(|| self.arrival()) else {
                return started;
            };
            self.act(who);
        }
        BATCH
    }

    /// Before the opening only those who are early come.
    fn arrival(&mut self) -> Option<Citizen> {
        let doors = self.doors;
        if self.now_ms < doors.opens_ms && self.wheel.len() >= QUEUE {
            return None;
        }
        loop {
            let number = Doors::take(&doors.next_web, doors.web)?;
            let mut who = Citizen::new(doors.seed, number, None, doors.stage, doors.scenario);
            if self.now_ms >= doors.opens_ms {
                if who.next == Step::Early {
                    who.next = Step::Look;
                }
                return Some(who);
            }
            if who.next == Step::Early {
                return Some(who);
            }
            // The queue outside: everyone else who is here already comes in at the opening.
            self.wheel.put(who, doors.opens_ms);
            if self.wheel.len() >= QUEUE {
                return None;
            }
        }
    }

    fn next_call(&mut self, operator: u16) {
        let doors = self.doors;
        if let Some(number) = Doors::take(&doors.next_call, doors.citizens) {
            let mut who =
                Citizen::new(doors.seed, number, Some(operator), doors.stage, doors.scenario);
            let pause = who.rng.between(doors.scenario.talk_ms);
            self.wheel.put(who, self.now_ms.max(doors.opens_ms) + pause);
        }
    }

    fn act(&mut self, mut who: Citizen) {
        match who.next {
            Step::Early => match self.doors.stage.place_known_before(&mut who) {
                Some(slot) => self.ask(who, slot),
                None => self.leave(who),
            },
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
            Step::Confirm | Step::ConfirmAgain | Step::Cancel | Step::Move => self.change(who),
        }
    }

    fn ask(&mut self, mut who: Citizen, slot: SlotId) {
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
        let began = self.doors.clock.elapsed();
        let commit = if at_once {
            self.doors.engine.book(&ask)
        } else {
            let ttl = Duration::from_secs(self.doors.scenario.hold_seconds);
            self.doors.engine.hold(&ask.ttl(ttl))
        };
        self.take_off(Flight { commit, who, call, began });
    }

    /// The calls that name a claim.
    fn change(&mut self, mut who: Citizen) {
        let Some(claim) = who.claim else {
            return self.leave(who);
        };
        let engine = self.doors.engine;
        let target = match who.next {
            Step::Move => self.pages.choose(&mut who, self.now_ms),
            _ => None,
        };
        let began = self.doors.clock.elapsed();
        let (commit, call) = match (who.next, target) {
            (Step::Cancel, _) => (engine.cancel(claim), Call::Cancel),
            (Step::Move, Some(slot)) => {
                who.slot = Some(slot);
                (engine.reschedule(claim, slot, who.fresh_request()), Call::Move)
            }
            (Step::Move, None) => return self.nowhere_to_move(who),
            (Step::ConfirmAgain, _) => (engine.confirm(claim), Call::Retry),
            _ => (engine.confirm(claim), Call::Confirm),
        };
        self.take_off(Flight { commit, who, call, began });
    }

    fn take_off(&mut self, flight: Flight<'a>) {
        if flight.commit.is_durable() {
            self.land(flight);
        } else {
            self.flights.push_back(flight);
        }
    }

    fn land_oldest(&mut self) {
        if let Some(flight) = self.flights.pop_front() {
            self.land(flight);
        }
    }

    fn land(&mut self, flight: Flight<'a>) {
        let Flight { commit, who, call, began } = flight;
        let answer = commit.wait();
        let took = self.doors.clock.elapsed().saturating_sub(began);
        Live::count(&self.live.answered);
        match answer {
            Ok(receipt) => {
                self.tally.carried_out(call, who.channel(), took);
                self.carried_out(who, call, &receipt);
            }
            Err(Error::Rejected(rejection)) => {
                Live::count(&self.live.refused);
                self.tally.turned_down(rejection.code(), who.channel(), took);
                self.turned_down(who, call, rejection);
            }
            Err(Error::Busy) => {
                self.tally.busy += 1;
                self.wheel.put(who, self.now_ms + 5);
            }
            Err(error) => self.doors.fail(error),
        }
    }
}
