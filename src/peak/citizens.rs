//! Who comes, and what do they have in mind? One citizen as a small state machine.
//!
//! Never talks to the engine: `worker` does, and tells the citizen what came of it.

use cupo::{ActorId, Arrangement, Channel, Claim, ClaimId, PartyId, RequestId, SlotId};

use crate::peak::rng::Rng;
use crate::peak::scenario::Scenario;
use crate::peak::stage::Stage;

/// Who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Web,
    /// A caller; the operator's number.
    Phone(u16),
    /// A program that holds as much as it can for one party.
    Hoarder,
    /// A program that shows another party each time.
    Swarm,
}

/// What the citizen does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Before the opening, at a place known from elsewhere.
    Early,
    Look,
    /// The same request once more.
    Again,
    Confirm,
    ConfirmAgain,
    Cancel,
    Move,
    /// The office has closed: a place elsewhere for the booking.
    Rebook,
}

/// What was decided before the first step, from the seed alone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mind {
    flags: u8,
}

impl Mind {
    pub(crate) const ABANDONS: u8 = 1;
    pub(crate) const IN_ONE_STEP: u8 = 2;
    pub(crate) const RETRIES: u8 = 4;
    pub(crate) const CANCELS: u8 = 8;
    pub(crate) const MOVES: u8 = 16;
    pub(crate) const INSISTS: u8 = 32;
    pub(crate) const RETRIES_CONFIRM: u8 = 64;
    pub(crate) const EARLY: u8 = 128;

    pub(crate) const fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// True the first time, if it has the flag.
    pub(crate) const fn take(&mut self, flag: u8) -> bool {
        let had = self.has(flag);
        self.flags &= !flag;
        had
    }

    fn of(scenario: &Scenario, rng: &mut Rng) -> Self {
        let shares = [
            scenario.abandon,
            scenario.one_step,
            scenario.retry,
            scenario.cancel,
            scenario.moves,
            scenario.insist,
            scenario.retry,
            scenario.early,
        ];
        let flags = shares
            .into_iter()
            .zip(0..)
            .fold(0, |flags, (share, bit)| flags | u8::from(rng.chance(share)) << bit);
        Self { flags }
    }
}

/// One citizen, small enough to be carried along with each call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Citizen {
    pub(crate) kind: Kind,
    pub(crate) next: Step,
    pub(crate) mind: Mind,
    pub(crate) rng: Rng,
    /// Position in the stage's list of offices; `home` is the first choice.
    pub(crate) home: u16,
    pub(crate) office: u16,
    /// How many offices were tried.
    pub(crate) tried: u16,
    pub(crate) service: u16,
    pub(crate) persons: u8,
    pub(crate) patience: u8,
    pub(crate) holds_left: u8,
    /// Requests for a place so far.
    pub(crate) tries: u8,
    pub(crate) sold: bool,
    /// When they came, and when the next step is due: microseconds on the clock of the run.
    pub(crate) came_us: u64,
    pub(crate) due_us: u64,
    pub(crate) claim: Option<ClaimId>,
    pub(crate) version: u16,
    pub(crate) slot: Option<SlotId>,
    pub(crate) request: RequestId,
    party: u128,
}

impl Citizen {
    /// The citizen with that number: the same for the same seed, whoever serves them.
    pub(crate) fn new(
        seed: u64,
        number: u64,
        operator: Option<u16>,
        offices: &[u64],
        stage: &Stage,
        scenario: &Scenario,
    ) -> Self {
        let mut rng = Rng::of(seed, number);
        let bot = rng.chance(scenario.bots);
        let many = rng.chance(0.5);
        let kind = match operator {
            Some(operator) => Kind::Phone(operator),
            None if bot && many => Kind::Swarm,
            None if bot => Kind::Hoarder,
            None => Kind::Web,
        };
        let home = index(rng.weighted(offices));
        let service = index(rng.weighted(&stage.service_sums));
        let group = rng.weighted(&stage.group_sums);
        let mind = Mind::of(scenario, &mut rng);
        let persons_max = stage.services.get(usize::from(service)).map_or(1, |s| s.persons_max);
        let is_bot = matches!(kind, Kind::Hoarder | Kind::Swarm);
        let persons = if is_bot { 1 } else { u16::try_from(group + 1).unwrap_or(1) };
        let patience = u8::try_from(rng.between(scenario.patience)).unwrap_or(u8::MAX);
        let party = rng.key();
        Self {
            kind,
            next: if mind.has(Mind::EARLY) && operator.is_none() {
                Step::Early
            } else {
                Step::Look
            },
            mind,
            home,
            office: home,
            tried: 0,
            service,
            persons: u8::try_from(persons.min(persons_max)).unwrap_or(1),
            patience,
            holds_left: if is_bot { scenario.bot_holds } else { 1 },
            tries: 0,
            sold: false,
            came_us: 0,
            due_us: 0,
            claim: None,
            version: 0,
            slot: None,
            request: RequestId(rng.key()),
            party,
            rng,
        }
    }

    /// Whoever has this booking, whose office has closed.
    pub(crate) fn displaced(seed: u64, claim: &Claim, home: u16, service: u16) -> Self {
        let mut rng = Rng::of(seed, claim.id.to_u64());
        Self {
            kind: Kind::Web,
            next: Step::Rebook,
            mind: Mind::default(),
            home,
            office: home,
            tried: 0,
            service,
            persons: claim.persons,
            patience: u8::MAX,
            holds_left: 0,
            tries: 0,
            sold: true,
            came_us: 0,
            due_us: 0,
            claim: Some(claim.id),
            version: claim.version,
            slot: None,
            request: RequestId(rng.key()),
            party: claim.party.0,
            rng,
        }
    }

    pub(crate) const fn is_bot(&self) -> bool {
        matches!(self.kind, Kind::Hoarder | Kind::Swarm)
    }

    pub(crate) const fn channel(&self) -> Channel {
        match self.kind {
            Kind::Phone(_) => Channel::PHONE,
            _ => Channel::WEB,
        }
    }

    /// Operators have numbers from 1 on; nobody acts for a citizen on the web.
    pub(crate) fn actor(&self) -> ActorId {
        match self.kind {
            Kind::Phone(operator) => ActorId(u64::from(operator) + 1),
            _ => ActorId(0),
        }
    }

    pub(crate) fn party(&self) -> PartyId {
        match self.kind {
            Kind::Swarm => PartyId(self.party ^ u128::from(self.holds_left)),
            _ => PartyId(self.party),
        }
    }

    /// Larger groups come one after the other: few offices have so many desks.
    pub(crate) const fn arrangement(&self) -> Arrangement {
        if self.persons > 2 { Arrangement::InTurn } else { Arrangement::Together }
    }

    /// A request of its own for what is asked next.
    pub(crate) fn fresh_request(&mut self) -> RequestId {
        self.request = RequestId(self.rng.key());
        self.request
    }

    /// Goes to the next nearest office. False when all were tried.
    pub(crate) fn elsewhere(&mut self, stage: &Stage) -> bool {
        let nearest = stage.offices.get(usize::from(self.home)).map(|office| &office.nearest);
        let next = nearest.and_then(|nearest| nearest.get(usize::from(self.tried)));
        self.tried += 1;
        if let Some(office) = next {
            self.office = *office;
        }
        next.is_some()
    }

    /// Whether there is patience left for another try.
    pub(crate) const fn bears_it(&mut self) -> bool {
        self.patience = self.patience.saturating_sub(1);
        self.patience > 0
    }
}

fn index(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(0)
}
