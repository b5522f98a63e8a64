//! Did the engine keep its word? The checks after the run, and the evidence where it did not.
//!
//! Never trusts a counter of the engine: it reads the journal, or without one the claims.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::path::Path;

use cupo::{ClaimId, ClaimState, DayId, Engine, ManualClock, Seq, SystemClock};

use crate::cli::Problem;
use crate::peak::measure::{Ack, Tally};
use crate::peak::options::Options;
use crate::peak::recount::{Life, Recount};

/// Evidence lines kept for each check.
const EVIDENCE_MAX: usize = 20;

/// What the audit found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) records: u64,
    pub(crate) claims: u64,
    pub(crate) held: u64,
    pub(crate) booked: u64,
    pub(crate) double_bookings: u64,
    pub(crate) over_channel: u64,
    pub(crate) broken_lives: u64,
    pub(crate) acknowledged: u64,
    pub(crate) lost_acknowledged: u64,
    /// None in memory: there is nothing to recover from.
    pub(crate) recovered_equal: Option<bool>,
    pub(crate) recovery_seconds: f64,
    /// Places in use at the end.
    pub(crate) used: BTreeMap<DayId, u64>,
    pub(crate) evidence: Vec<String>,
    /// Offices closed in the run: a booking there may be displaced still.
    closures: bool,
}

impl Findings {
    pub(crate) fn is_clean(&self) -> bool {
        self.double_bookings == 0
            && self.over_channel == 0
            && self.broken_lives == 0
            && self.lost_acknowledged == 0
            && self.recovered_equal != Some(false)
            && self.evidence.is_empty()
    }
}

/// Closes the engine, recounts from its journal, opens it again and compares.
pub(crate) fn of_journal(
    engine: Engine,
    dir: &Path,
    options: &Options,
    tally: &Tally,
) -> Result<Findings, Problem> {
    let (hash, now) = (engine.state_hash(), engine.now());
    engine.close()?;
    let mut recount = Recount::default();
    cupo::read_log(dir, Seq(0), &mut |event| {
        recount.take(&event);
        ControlFlow::Continue(())
    })?;
    let mut findings = Findings {
        records: recount.events,
        claims: recount.grants,
        held: recount.count(ClaimState::Held),
        booked: recount.count(ClaimState::Booked),
        double_bookings: recount.double_bookings,
        over_channel: recount.over_channel,
        broken_lives: recount.broken_lives,
        used: recount.used().collect(),
        evidence: std::mem::take(&mut recount.evidence),
        ..Findings::default()
    };
    findings.closures = tally.closures;
    findings.check_acks(tally, |claim| recount.lives.get(&claim).map(Told::of));
    drop(recount);
    let clock = SystemClock::new();
    // Time stands still for the second engine, so that nothing falls due between the two hashes.
    let engine = Engine::builder()
        .directory(dir)
        .clock(ManualClock::at(now))
        .durability(options.durability.level())
        .snapshot_every(u64::MAX)
        .snapshot_on_close(false)
        .open()?;
    findings.recovery_seconds = clock.elapsed().as_secs_f64();
    let again = engine.state_hash();
    findings.recovered_equal = Some(hash == again);
    if hash != again {
        findings
            .evidence
            .push(format!("state hash {hash:016x} before, {again:016x} after reopening"));
    }
    findings.evidence.extend(engine.audit().problems.into_iter().take(EVIDENCE_MAX));
    engine.close()?;
    Ok(findings)
}

/// Without a journal: every day's claims, added up against the capacity of its slots.
pub(crate) fn of_claims(engine: &Engine, tally: &Tally) -> Result<Findings, Problem> {
    let mut findings = Findings { closures: tally.closures, ..Findings::default() };
    let mut seen: HashMap<ClaimId, Told> = HashMap::new();
    for day in engine.days() {
        let mut used: BTreeMap<usize, u32> = BTreeMap::new();
        let claims = engine.roster(day, None, usize::MAX).wait()?;
        for claim in &claims {
            let place = cupo::Place {
                day,
                start: claim.slot.index,
                run: claim.run,
                persons: claim.persons,
                arrangement: claim.arrangement,
                channel: claim.channel,
                roster: 0,
            };
            for at in place.slots() {
                *used.entry(at).or_default() += u32::from(place.width());
            }
            findings.claims += 1;
            findings.held += u64::from(claim.state == ClaimState::Held);
            findings.booked += u64::from(claim.state == ClaimState::Booked);
            let told = Told { booked: true, state: claim.state, version: claim.version };
            if seen.insert(claim.id, told).is_some() {
                findings.broken_lives += 1;
                findings.evidence.push(format!("claim {} stands on two days", claim.id));
            }
        }
        findings.used.insert(day, used.values().map(|used| u64::from(*used)).sum());
        let slots = engine.day(day).map(|view| view.slots).unwrap_or_default();
        let capacity: HashMap<usize, u16> =
            slots.iter().map(|slot| (usize::from(slot.slot.index), slot.capacity)).collect();
        for (at, used) in used {
            let capacity = capacity.get(&at).copied().unwrap_or(0);
            if used > u32::from(capacity) {
                findings.double_bookings += 1;
                findings.evidence.push(format!("{day}#{at}: {used} places used of {capacity}"));
            }
        }
    }
    findings.evidence.extend(engine.audit().problems.into_iter().take(EVIDENCE_MAX));
    // Ended claims are on no roster; those are asked for one by one.
    findings.check_acks(tally, |id| {
        seen.get(&id).copied().or_else(|| {
            let claim = engine.claim(id).wait().ok()?;
            Some(Told { booked: true, state: claim.state, version: claim.version })
        })
    });
    Ok(findings)
}

/// What is said of a claim now, to compare with what was acknowledged.
#[derive(Clone, Copy, Debug)]
struct Told {
    booked: bool,
    state: ClaimState,
    version: u16,
}

impl Told {
    const fn of(life: &Life) -> Self {
        Self { booked: life.was_booked, state: life.state, version: life.version }
    }
}

impl Findings {
    fn check_acks(&mut self, tally: &Tally, told: impl Fn(ClaimId) -> Option<Told>) {
        let mut cancelled: Vec<ClaimId> = Vec::new();
        for ack in &tally.acks {
            if let Ack::Cancelled(claim) = ack {
                cancelled.push(*claim);
            }
        }
        cancelled.sort_unstable();
        for ack in &tally.acks {
            self.acknowledged += 1;
            let (claim, kept) = match *ack {
                Ack::Booked(claim) => {
                    let gone = cancelled.binary_search(&claim).is_ok();
                    let end = if gone { ClaimState::Cancelled } else { ClaimState::Booked };
                    let stranded = |state| self.closures && state == ClaimState::Displaced;
                    let kept = |told: Told| told.state == end || stranded(told.state);
                    (claim, told(claim).is_some_and(|told| told.booked && kept(told)))
                }
                Ack::Cancelled(claim) => {
                    (claim, told(claim).is_some_and(|told| told.state == ClaimState::Cancelled))
                }
                Ack::Moved(claim, version, _) => {
                    (claim, told(claim).is_some_and(|told| told.version >= version))
                }
            };
            if !kept {
                self.lost_acknowledged += 1;
                if self.evidence.len() < EVIDENCE_MAX * 2 {
                    let now = told(claim);
                    self.evidence.push(format!("acknowledged but not so now: {ack:?}, {now:?}"));
                }
            }
        }
    }
}
