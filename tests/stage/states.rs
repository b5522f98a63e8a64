//! The protocol of the engine in the fewest words: claims, places, a log with an unsynced end.
//!
//! A state is what the disk has, what is published but not synced, and what each client was told.
//! `Mistake` plants what the engine must not do, to show that the properties can fail.
#![allow(dead_code, reason = "each test file uses its part")]

use stateright::{Model, Property};

/// What each client may have: one claim at a time, in one of a few places with room for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Claim {
    Never,
    Held { slot: u8, due: u8 },
    Booked { slot: u8 },
    Over(How),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    Released,
    Expired,
    Cancelled,
}

impl Claim {
    pub const fn slot(self) -> Option<u8> {
        match self {
            Self::Held { slot, .. } | Self::Booked { slot } => Some(slot),
            Self::Never | Self::Over(_) => None,
        }
    }
}

/// A record: the client, its claim after it, the place taken and the place freed, the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    client: u8,
    then: Claim,
    taken: Option<u8>,
    freed: Option<u8>,
    at: u8,
    /// Another record of the same group follows.
    more: bool,
}

/// What replaying the log gives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    pub claims: Vec<Claim>,
    pub used: Vec<u8>,
    /// The latest time of a record.
    logged: u8,
    /// A claim that was over changed once more.
    twice: bool,
}

impl World {
    fn apply(&mut self, record: &Record) {
        let client = usize::from(record.client);
        let before = std::mem::replace(&mut self.claims[client], record.then);
        self.twice |=
            matches!(before, Claim::Over(_)) && !matches!(record.then, Claim::Held { .. });
        if let Some(slot) = record.taken {
            self.used[usize::from(slot)] += 1;
        }
        if let Some(slot) = record.freed {
            self.used[usize::from(slot)] = self.used[usize::from(slot)].saturating_sub(1);
        }
        self.logged = self.logged.max(record.at);
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// On disk.
    pub durable: World,
    /// In memory: the durable world and the pending records.
    pub memory: World,
    pending: Vec<Record>,
    pub now: u8,
    /// What each client was told of its claim, and whether any was told what a crash undid.
    told: Vec<Claim>,
    forgotten: bool,
    /// Somebody was told of a full place that, by the disk, was free.
    lied: bool,
    crashes: u8,
    /// How often each client may still begin anew.
    lives: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Hold(u8, u8),
    Confirm(u8),
    Release(u8),
    Cancel(u8),
    Move(u8, u8),
    Expire(u8),
    Tick,
    Sync,
    /// The disk keeps so many pending records; the wall clock then says so much.
    Crash(usize, u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    None,
    AcknowledgeAtOnce,
    RefuseAtOnce,
    MoveInTwoGroups,
    ConfirmLate,
    CheckBeforeTheLock,
    ForgetTheTimeAtACrash,
}

#[derive(Clone, Debug)]
pub struct Small {
    pub clients: u8,
    pub slots: u8,
    pub lives: u8,
    pub end: u8,
    pub pending_max: usize,
    pub crashes: u8,
    pub mistake: Mistake,
}

impl Small {
    fn publish(&self, state: &mut State, records: &[Record]) {
        let count = records.len();
        for (n, record) in records.iter().enumerate() {
            let more = n + 1 < count && self.mistake != Mistake::MoveInTwoGroups;
            let record = Record { more, ..*record };
            state.memory.apply(&record);
            state.pending.push(record);
        }
        if self.mistake == Mistake::AcknowledgeAtOnce {
            state.told.clone_from(&state.memory.claims);
        }
    }

    /// The answer "full": given once all that is published is on disk.
    fn refuse(&self, state: &mut State, slot: u8) {
        if self.mistake != Mistake::RefuseAtOnce {
            Self::sync(state);
        }
        state.lied |= state.durable.used[usize::from(slot)] == 0;
    }

    fn sync(state: &mut State) {
        state.durable = state.memory.clone();
        state.pending.clear();
        state.told.clone_from(&state.durable.claims);
    }

    fn crash(&self, state: &mut State, kept: usize, clock: u8) {
        let kept = (0..=kept).rev().find(|n| *n == 0 || !state.pending[*n - 1].more).unwrap_or(0);
        for record in state.pending.drain(..).take(kept) {
            state.durable.apply(&record);
        }
        state.memory = state.durable.clone();
        state.now = match self.mistake {
            Mistake::ForgetTheTimeAtACrash => clock,
            _ => clock.max(state.durable.logged),
        };
        for (told, found) in state.told.iter_mut().zip(&state.durable.claims) {
            // More than was told may have happened; what was told must have.
            let gone = match (*told, *found) {
                (Claim::Never, _) | (Claim::Held { .. }, Claim::Booked { .. } | Claim::Over(_)) => {
                    false
                }
                (Claim::Booked { .. }, Claim::Booked { .. } | Claim::Over(How::Cancelled)) => false,
                (Claim::Held { due, .. }, Claim::Held { due: found, .. }) => due != found,
                // Whoever is over may have begun anew.
                (Claim::Over(how), Claim::Over(found)) => how != found,
                (Claim::Over(_), found) => found == Claim::Never,
                (Claim::Held { .. } | Claim::Booked { .. }, _) => true,
            };
            state.forgotten |= gone;
            *told = *found;
        }
        state.crashes -= 1;
    }

    fn act(&self, state: &mut State, client: u8, action: Action) -> Option<()> {
        let own = state.memory.claims[usize::from(client)];
        let (at, taken, freed) = (state.now, None, None);
        let record = |then| Record { client, then, taken, freed, at, more: false };
        // Whoever meets a passed deadline ends the hold first.
        let due = matches!(own, Claim::Held { due, .. } if due <= state.now);
        let late = due && self.mistake != Mistake::ConfirmLate;
        if late && !matches!(action, Action::Hold(..)) {
            let over = Record { freed: own.slot(), ..record(Claim::Over(How::Expired)) };
            self.publish(state, &[over]);
            return Some(());
        }
        let full = |state: &State, slot: u8| {
            let world = match self.mistake {
                Mistake::CheckBeforeTheLock => &state.durable,
                _ => &state.memory,
            };
            world.used[usize::from(slot)] > 0
        };
        match (action, own) {
            (Action::Hold(_, slot), Claim::Never | Claim::Over(_)) => {
                let lives = &mut state.lives[usize::from(client)];
                *lives = lives.checked_sub(1)?;
                if full(state, slot) {
                    self.refuse(state, slot);
                    return Some(());
                }
                let then = Claim::Held { slot, due: state.now + 1 };
                self.publish(state, &[Record { taken: Some(slot), ..record(then) }]);
            }
            (Action::Confirm(_), Claim::Held { slot, .. }) => {
                self.publish(state, &[record(Claim::Booked { slot })]);
            }
            (Action::Release(_), Claim::Held { slot, .. }) => {
                let over = record(Claim::Over(How::Released));
                self.publish(state, &[Record { freed: Some(slot), ..over }]);
            }
            (Action::Cancel(_), Claim::Booked { slot }) => {
                let over = record(Claim::Over(How::Cancelled));
                self.publish(state, &[Record { freed: Some(slot), ..over }]);
            }
            (Action::Move(_, to), Claim::Held { slot, .. } | Claim::Booked { slot })
                if to != slot =>
            {
                if full(state, to) {
                    self.refuse(state, to);
                    return Some(());
                }
                let then = match own {
                    Claim::Held { due, .. } => Claim::Held { slot: to, due },
                    _ => Claim::Booked { slot: to },
                };
                let taken = Record { taken: Some(to), ..record(then) };
                let freed = Record { freed: Some(slot), ..record(then) };
                self.publish(state, &[taken, freed]);
            }
            _ => return None,
        }
        Some(())
    }

    /// Claims and counters say the same, and no place has two.
    fn adds_up(world: &World) -> bool {
        (0_u8..).zip(&world.used).all(|(slot, used)| {
            let claims = world.claims.iter().filter(|claim| claim.slot() == Some(slot)).count();
            *used <= 1 && usize::from(*used) == claims
        })
    }
}

impl Model for Small {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let world = World {
            claims: vec![Claim::Never; usize::from(self.clients)],
            used: vec![0; usize::from(self.slots)],
            logged: 0,
            twice: false,
        };
        vec![State {
            durable: world.clone(),
            memory: world.clone(),
            pending: Vec::new(),
            now: 0,
            told: world.claims,
            forgotten: false,
            lied: false,
            crashes: self.crashes,
            lives: vec![self.lives; usize::from(self.clients)],
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.pending.len() < self.pending_max {
            for client in 0..self.clients {
                let own = state.memory.claims[usize::from(client)];
                let slots = 0..self.slots;
                match own {
                    Claim::Never | Claim::Over(_) => {
                        actions.extend(slots.map(|slot| Action::Hold(client, slot)));
                    }
                    Claim::Held { due, .. } => {
                        actions.extend([Action::Confirm(client), Action::Release(client)]);
                        actions.extend(slots.map(|slot| Action::Move(client, slot)));
                        actions.extend((due <= state.now).then_some(Action::Expire(client)));
                    }
                    Claim::Booked { .. } => {
                        actions.push(Action::Cancel(client));
                        actions.extend(slots.map(|slot| Action::Move(client, slot)));
                    }
                }
            }
        }
        if state.now < self.end {
            actions.push(Action::Tick);
        }
        if !state.pending.is_empty() {
            actions.push(Action::Sync);
        }
        if state.crashes > 0 {
            for kept in 0..=state.pending.len() {
                actions.extend((0..=state.now).map(|clock| Action::Crash(kept, clock)));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Tick => state.now += 1,
            Action::Sync => Self::sync(&mut state),
            Action::Crash(kept, clock) => self.crash(&mut state, kept, clock),
            Action::Hold(client, _)
            | Action::Confirm(client)
            | Action::Release(client)
            | Action::Cancel(client)
            | Action::Move(client, _)
            | Action::Expire(client) => self.act(&mut state, client, action)?,
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("used never exceeds the limit, and adds up", |_, state: &State| {
                Self::adds_up(&state.memory) && Self::adds_up(&state.durable)
            }),
            Property::always("what was acknowledged stays", |_, state: &State| !state.forgotten),
            Property::always("a refusal tells the truth", |_, state: &State| !state.lied),
            Property::always("a claim ends once", |_, state: &State| !state.memory.twice),
            Property::always(
                "no hold is confirmed at its deadline",
                |model: &Self, state: &State| {
                    // From a hold whose time is up no step leads to a booking.
                    (0..model.clients).all(|client| {
                        let own = state.memory.claims[usize::from(client)];
                        let due = matches!(own, Claim::Held { due, .. } if due <= state.now);
                        let next = model.next_state(state, Action::Confirm(client));
                        let after = next.map(|next| next.memory.claims[usize::from(client)]);
                        !due || !matches!(after, Some(Claim::Booked { .. }))
                    })
                },
            ),
            Property::always("time never goes back behind the log", |_, state: &State| {
                state.durable.logged <= state.now && state.memory.logged <= state.now
            }),
            Property::always("there is a way out", |model: &Self, state: &State| {
                let synced = model.next_state(state, Action::Sync).unwrap_or_else(|| state.clone());
                (0..model.clients).all(|client| {
                    let own = synced.memory.claims[usize::from(client)];
                    let end = match own {
                        Claim::Held { .. } => Action::Release(client),
                        Claim::Booked { .. } => Action::Cancel(client),
                        Claim::Never | Claim::Over(_) => return true,
                    };
                    let over = model.next_state(&synced, end);
                    over.is_some_and(|state| {
                        state.memory.claims[usize::from(client)].slot().is_none()
                    })
                })
            }),
            Property::sometimes("every place is taken", |_, state: &State| {
                state.durable.used.iter().all(|used| *used == 1)
            }),
        ]
    }
}
