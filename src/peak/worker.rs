//! How does one thread serve thousands of citizens at once? Many commits in flight, oldest first.
//!
//! Never waits for one commit while there is another call to make: that is how one sync carries a
//! thousand answers, and why a slow answer does not put off the calls that are due after it.

mod answers;
mod calls;
mod doors;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use cupo::{Commit, Error, Receipt};

use crate::peak::citizens::{Citizen, Step};
use crate::peak::measure::{Call, Live, Tally};
use crate::peak::pages::Pages;
use crate::peak::scenario::Scenario;
use crate::peak::wheel::Wheel;
pub(crate) use crate::peak::worker::doors::Doors;

/// Commits in flight per thread.
pub(crate) const WINDOW: usize = 1_024;
/// Calls between two looks at what has become durable.
const BATCH: usize = 64;
/// Citizens who wait at the door of one thread, when all come at once.
const QUEUE: usize = 20_000;

/// A call whose answer is not durable yet.
struct Flight<'a> {
    commit: Commit<'a, Receipt>,
    who: Citizen,
    call: Call,
    began_us: u64,
}

pub(crate) struct Worker<'a> {
    doors: &'a Doors<'a>,
    live: &'a Live,
    pages: Pages<'a>,
    wheel: Wheel,
    flights: VecDeque<Flight<'a>>,
    /// Operators without a call.
    free: Vec<u16>,
    tally: Tally,
    now_us: u64,
    now_ms: u64,
}

/// Ends the sleep of a thread that waits for an answer.
struct Alarm(Thread);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl<'a> Worker<'a> {
    pub(crate) fn new(doors: &'a Doors<'a>, live: &'a Live, thread: u16) -> Self {
        let Scenario { page_ms, page_openings, .. } = *doors.scenario;
        let seed = doors.seed ^ (u64::from(thread) << 48);
        let now_us = doors.now_us();
        Self {
            doors,
            live,
            pages: Pages::new(doors.engine, doors.stage, page_ms, page_openings, seed),
            wheel: Wheel::new(now_us / 1_000),
            flights: VecDeque::with_capacity(WINDOW),
            free: Vec::new(),
            tally: Tally::new(doors.slice_us),
            now_us,
            now_ms: now_us / 1_000,
        }
    }

    /// Serves citizens until there are none, or the doors are closed; the operators with these
    /// numbers sit at this thread.
    pub(crate) fn run(mut self, operators: impl Iterator<Item = u16>) -> Tally {
        operators.for_each(|operator| self.next_call(operator));
        let alarm = Waker::from(Arc::new(Alarm(std::thread::current())));
        loop {
            self.look_at_the_clock();
            while self.flights.front().is_some_and(|flight| flight.commit.is_durable()) {
                self.land_oldest();
            }
            self.report_acks();
            let open = !self.doors.are_closed();
            let started = if open { self.start_some() } else { 0 };
            let queue = self.flights.len() + self.wheel.overdue();
            self.live.queue.store(queue as u64, Ordering::Relaxed);
            if started > 0 {
                continue;
            }
            if self.flights.is_empty() && (!open || self.wheel.is_empty() && self.no_more()) {
                break;
            }
            self.rest(&alarm);
        }
        self.report_acks();
        self.tally.looks = self.pages.looks;
        self.tally.ended = Duration::from_micros(self.doors.now_us());
        self.tally
    }

    fn look_at_the_clock(&mut self) {
        self.now_us = self.doors.now_us();
        self.now_ms = self.now_us / 1_000;
    }

    /// Nothing to do: until the oldest answer is durable, or somebody is due.
    fn rest(&mut self, alarm: &Waker) {
        if let Some(flight) = self.flights.front_mut() {
            let mut context = Context::from_waker(alarm);
            if let std::task::Poll::Ready(answer) = Pin::new(&mut flight.commit).poll(&mut context)
            {
                if let Some(flight) = self.flights.pop_front() {
                    self.answered(flight.who, flight.call, flight.began_us, answer);
                }
                return;
            }
        }
        let full = self.flights.len() >= WINDOW;
        let next_ms = (self.now_ms + 1) * 1_000;
        let due =
            if full { next_ms } else { next_ms.min(self.doors.next_us(!self.free.is_empty())) };
        let left = due.saturating_sub(self.doors.now_us());
        if left > 0 {
            std::thread::park_timeout(Duration::from_micros(left));
        }
    }

    fn no_more(&self) -> bool {
        self.doors.is_over()
    }

    fn start_some(&mut self) -> usize {
        self.take_in_displaced();
        self.take_calls();
        for started in 0..BATCH {
            if self.flights.len() >= WINDOW {
                return started;
            }
            // Whoever is due first; a place at the door is no better than one inside.
            let later = self.doors.next_us(false) > self.wheel.at_ms() * 1_000;
            let inside = if later { self.wheel.due(self.now_ms) } else { None };
            let next = inside.or_else(|| self.arrival());
            let Some(who) = next.or_else(|| self.wheel.due(self.now_ms)) else {
                return started;
            };
            self.act(who);
        }
        BATCH
    }

    /// Someone new on the web.
    fn arrival(&mut self) -> Option<Citizen> {
        let doors = self.doors;
        let Some(schedule) = &doors.schedule else {
            return self.arrival_at_once();
        };
        loop {
            let since = self.now_us.checked_sub(doors.begins_us)?;
            let (number, arrival) = schedule.web.take(since)?;
            let who = doors.citizen(number, None, schedule.offices(arrival));
            let who = self.came(who, doors.begins_us + arrival.due_us);
            if let Some(who) = self.admit(who) {
                return Some(who);
            }
        }
    }

    /// Everyone is at the door: as many as there is room for.
    fn arrival_at_once(&mut self) -> Option<Citizen> {
        let doors = self.doors;
        if self.now_ms < doors.opens_ms && self.wheel.len() >= QUEUE {
            return None;
        }
        loop {
            let number = Doors::take(&doors.next_web, doors.web)?;
            let who = doors.citizen(number, None, &doors.stage.office_sums);
            let who = self.came(who, self.now_us);
            if let Some(who) = self.admit(who) {
                return Some(who);
            }
            if self.wheel.len() >= QUEUE {
                return None;
            }
        }
    }

    /// Before the opening only those who are early try; the others wait for it.
    fn admit(&mut self, mut who: Citizen) -> Option<Citizen> {
        let doors = self.doors;
        let open = self.now_ms >= doors.opens_ms;
        if open && who.next == Step::Early {
            who.next = Step::Look;
        }
        if open || who.next == Step::Early {
            return Some(who);
        }
        // Nobody clicks in the very same millisecond.
        let late =
            if doors.schedule.is_some() { who.rng.between(doors.scenario.again_ms) } else { 0 };
        self.come_back(who, doors.opens_ms + late);
        None
    }

    fn came(&mut self, mut who: Citizen, at_us: u64) -> Citizen {
        (who.came_us, who.due_us) = (at_us, at_us);
        self.tally.fairness.came(&who);
        who
    }

    /// The operator is free: the next call, or the next one that comes.
    fn next_call(&mut self, operator: u16) {
        let doors = self.doors;
        if doors.schedule.is_some() {
            self.free.push(operator);
        } else if let Some(number) = Doors::take(&doors.next_call, doors.citizens) {
            let who = doors.citizen(number, Some(operator), &doors.stage.office_sums);
            self.pick_up(who, self.now_us);
        }
    }

    /// Calls that are due go to operators who are free.
    fn take_calls(&mut self) {
        let doors = self.doors;
        let Some(schedule) = &doors.schedule else {
            return;
        };
        let Some(since) = self.now_us.checked_sub(doors.begins_us) else {
            return;
        };
        while let Some(operator) = self.free.last().copied() {
            let Some((number, arrival)) = schedule.calls.take(since) else {
                return;
            };
            self.free.pop();
            let number = doors.web + number;
            let who = doors.citizen(number, Some(operator), schedule.offices(arrival));
            self.pick_up(who, doors.begins_us + arrival.due_us);
        }
    }

    /// The operator listens before the first click.
    fn pick_up(&mut self, who: Citizen, came_us: u64) {
        let mut who = self.came(who, came_us);
        let pause = who.rng.between(self.doors.scenario.talk_ms);
        self.come_back(who, self.now_ms.max(self.doors.opens_ms) + pause);
    }

    /// The citizen's next step is due at that millisecond.
    fn come_back(&mut self, mut who: Citizen, at_ms: u64) {
        who.due_us = at_ms * 1_000;
        self.wheel.put(who, at_ms);
    }

    fn take_in_displaced(&mut self) {
        if !self.doors.has_displaced() {
            return;
        }
        let some = self.doors.take_displaced(BATCH * 4);
        for who in some {
            self.wheel.put(who, who.due_us / 1_000);
        }
    }

    fn land_oldest(&mut self) {
        if let Some(flight) = self.flights.pop_front() {
            self.land(flight);
        }
    }

    fn land(&mut self, flight: Flight<'a>) {
        let Flight { commit, who, call, began_us } = flight;
        let answer: Result<Receipt, Error> = commit.wait();
        self.answered(who, call, began_us, answer);
    }
}
