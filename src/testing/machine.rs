//! Do engine and model agree? Runs a case on both, and tells the first difference.
//!
//! [`check`] is the whole test; [`run`] is one case of it, for a fuzzer or a loop of one's own.

mod compare;
mod shrink;
mod tell;

use std::fmt::Write as _;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use super::model::{Call, Model, Outcome};
use super::strategy::{Case, Command};
use crate::{Clock, Engine, ManualClock};

pub use compare::compare;

/// What is tested: an engine, or a program around one.
pub trait Subject {
    /// The engine at work.
    fn engine(&self) -> &Engine;

    /// Carries out a call; a wrapper puts its own way before the engine here. A refusal of its own
    /// is [`Outcome::Own`]: then the engine must not have been asked.
    fn call(&mut self, call: &Call) -> Outcome {
        call.on(self.engine())
    }

    /// Closes the engine and opens it again, in order or as after a crash; `false` if it cannot.
    fn reopen(&mut self, crash: bool) -> bool {
        let _ = crash;
        false
    }

    /// A rule of one's own, asked after every step.
    ///
    /// # Errors
    /// What is wrong, for people.
    fn check(&self, model: &Model) -> Result<(), String> {
        let _ = model;
        Ok(())
    }
}

impl Subject for Engine {
    fn engine(&self) -> &Engine {
        self
    }
}

/// How much was tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Cases.
    pub cases: u64,
    /// Commands.
    pub commands: u64,
    /// Calls that changed claims.
    pub changes: u64,
    /// Refusals, each the same on both sides.
    pub refusals: u64,
    /// Times the engine was closed and opened again.
    pub reopened: u64,
    /// Times the whole state was compared.
    pub compared: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.cases += other.cases;
        self.commands += other.commands;
        self.changes += other.changes;
        self.refusals += other.refusals;
        self.reopened += other.reopened;
        self.compared += other.compared;
    }
}

/// The whole state is compared after so many commands.
const COMPARE_EVERY: u64 = 8;

/// One case on an engine and on the model.
struct Run<'c, S> {
    case: &'c Case,
    clock: ManualClock,
    subject: S,
    model: Model,
    counts: Counts,
}

/// Runs a case; the subject is made with the clock that the case moves.
///
/// # Errors
/// The first difference between the engine and the model, or what [`Subject::check`] found.
pub fn run<S: Subject>(
    case: &Case,
    make: impl FnOnce(&Case, &ManualClock) -> S,
) -> Result<Counts, String> {
    told(case, make, None, COMPARE_EVERY)
}

fn told<S: Subject>(
    case: &Case,
    make: impl FnOnce(&Case, &ManualClock) -> S,
    mut story: Option<&mut String>,
    every: u64,
) -> Result<Counts, String> {
    let clock = ManualClock::at(case.start);
    let subject = make(case, &clock);
    let model = Model::new(case.settings);
    let counts = Counts { cases: 1, ..Counts::default() };
    let mut run = Run { case, clock, subject, model, counts };
    let install = Command::Install(0);
    for command in std::iter::once(&install).chain(&case.commands) {
        run.step(command, story.as_deref_mut())?;
        run.subject.check(&run.model)?;
        let whole = matches!(command, Command::Reopen { .. } | Command::Install(_));
        if whole || run.counts.commands.is_multiple_of(every) {
            run.compare()?;
        }
    }
    run.compare()?;
    Ok(run.counts)
}

impl<S: Subject> Run<'_, S> {
    fn step(&mut self, command: &Command, story: Option<&mut String>) -> Result<(), String> {
        self.counts.commands += 1;
        if let Command::Clock { seconds, .. } = command {
            let moved = self.clock.now() + chrono::TimeDelta::seconds(*seconds);
            self.clock.set(moved);
            // An engine knows of a time only when it looks.
            let _ = self.subject.engine().now();
        }
        if let Command::Reopen { crash } = command {
            if let Some(story) = story {
                let _ = writeln!(story, "{command:?}");
            }
            return self.reopen(*crash);
        }
        let now = self.clock.now();
        self.model.look_at(now);
        let call = match command {
            Command::Install(n) => {
                let catalogs = &self.case.catalogs;
                let catalog = catalogs.get(usize::from(*n) % catalogs.len().max(1)).cloned();
                Call::Install(Box::new(catalog.unwrap_or_default()))
            }
            other => self.model.call_of(other),
        };
        self.apply(&call, story)
    }

    fn apply(&mut self, call: &Call, story: Option<&mut String>) -> Result<(), String> {
        let now = self.clock.now();
        let answer = self.subject.call(call);
        if let Some(story) = story {
            // Writing to a string does not fail.
            let _ = writeln!(story, "{} {}", now.format("%F %T"), tell::call(call, &answer));
        }
        if let Outcome::Own(_) = answer {
            return Ok(());
        }
        if matches!(call, Call::Hold(_) | Call::Book(_)) {
            let granted = answer.granted();
            if let Some(id) = granted.iter().find(|id| self.model.given().contains(id)) {
                return Err(format!("the engine gave the id {id} twice"));
            }
            self.model.give_ids(&granted);
        }
        let expected = self.model.answer(now, call);
        if answer != expected {
            return Err(format!("{call:?}\n  engine: {answer:?}\n  model:  {expected:?}"));
        }
        self.counts.changes += u64::from(matches!(answer, Outcome::Receipts(_)));
        self.counts.refusals += u64::from(matches!(answer, Outcome::Refused(_)));
        Ok(())
    }

    fn reopen(&mut self, crash: bool) -> Result<(), String> {
        if !self.subject.reopen(crash) {
            return Ok(());
        }
        self.counts.reopened += 1;
        let (before, engine) = (self.model.now(), self.subject.engine().now());
        if self.model.forgot_what_counts_at(engine) {
            self.clock.set(before);
        }
        if !self.model.reopened(self.clock.now(), self.subject.engine().now()) {
            return Err(format!("the engine's time went from {before} to {engine} by a restart"));
        }
        self.apply(&Call::Tick, None)
    }

    fn compare(&mut self) -> Result<(), String> {
        self.counts.compared += 1;
        compare(self.subject.engine(), &self.model)
    }
}

/// Tries `cases` of a strategy, and panics with the shortest list of calls that it finds for a
/// difference, what the engine answered to each, and the difference.
///
/// # Panics
/// When engine and model differ.
pub fn check<S: Subject>(
    cases: u32,
    strategy: &impl Strategy<Value = Case>,
    make: impl Fn(&Case, &ManualClock) -> S,
) -> Counts {
    check_seed(cases, 1, strategy, make)
}

/// As [`check`], with other cases for every seed.
///
/// # Panics
/// When engine and model differ.
pub fn check_seed<S: Subject>(
    cases: u32,
    seed: u64,
    strategy: &impl Strategy<Value = Case>,
    make: impl Fn(&Case, &ManualClock) -> S,
) -> Counts {
    let config =
        Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(seed.to_le_bytes()) {
        *to = from;
    }
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let counts = std::cell::Cell::new(Counts::default());
    // Once a difference is found, it is made short with a look after every command.
    let every = std::cell::Cell::new(COMPARE_EVERY);
    let result = TestRunner::new_with_rng(config, rng).run(strategy, |case| {
        let ran = told(&case, &make, None, every.get());
        if ran.is_err() {
            every.set(1);
        }
        let more = ran.map_err(proptest::test_runner::TestCaseError::fail)?;
        let mut sum = counts.get();
        sum += more;
        counts.set(sum);
        Ok(())
    });
    match result {
        Ok(()) => counts.get(),
        Err(TestError::Fail(_, case)) => {
            let fails = |case: &Case| told(case, &make, None, 1).is_err();
            let case = if fails(&case) { shrink::shorter(case, &fails) } else { case };
            panic!("{}", report(&case, &make))
        }
        Err(error) => panic!("{error}"),
    }
}

/// What happened in a case, and the difference.
pub fn report<S: Subject>(case: &Case, make: impl Fn(&Case, &ManualClock) -> S) -> String {
    let mut story = String::new();
    let difference = told(case, &make, Some(&mut story), 1).err().unwrap_or_else(|| {
        story.clear();
        told(case, &make, Some(&mut story), COMPARE_EVERY).err().unwrap_or_default()
    });
    format!("engine and model differ\n\n{:?}\n{story}\n{difference}", case.settings)
}
