//! In which order, how often? A sweep of loads for each peer, then rounds in turns.
//!
//! Never keeps a store from one turn to the next: each begins in an empty directory.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::check;
use crate::driver::{Ledger, Scene, play};
use crate::peer::{Fault, Kind, Load, Outcome, Peer};
use crate::stage::Stage;

/// How long, how often, how large.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub quick: bool,
    pub rounds: usize,
    /// Of a scene, in a round.
    pub time: Duration,
    /// Of a load, in the sweep.
    pub sweep: Duration,
    pub trial: Duration,
}

impl Plan {
    pub fn stage(&self, kind: &Kind) -> Stage {
        match (self.quick, kind.fast) {
            (true, true) => Stage::quick(400),
            (true, false) => Stage::quick(100),
            (false, true) => Stage::whole(3_200),
            (false, false) => Stage::whole(400),
        }
    }
}

/// One scene of one peer.
#[derive(Clone, Debug)]
pub struct Figure {
    pub scene: Scene,
    /// Every load tried, with its operations a second.
    pub sweep: Vec<(Load, f64)>,
    /// The one that was best.
    pub load: Load,
    /// Operations a second, by round.
    pub rates: Vec<f64>,
}

impl Figure {
    pub fn median(&self) -> f64 {
        let mut rates = self.rates.clone();
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().unwrap_or(0.0)
    }

    /// The lowest and the highest round.
    pub fn range(&self) -> (f64, f64) {
        let fold = |pick: fn(f64, f64) -> f64| self.rates.iter().copied().reduce(pick);
        (fold(f64::min).unwrap_or(0.0), fold(f64::max).unwrap_or(0.0))
    }
}

/// How a peer fared.
#[derive(Clone, Debug)]
pub struct Entry {
    pub kind: Kind,
    pub figures: Vec<Figure>,
    /// Claims counted at the ends, all of them as the driver had been answered.
    pub counted: usize,
    /// Why it has no figures.
    pub fault: Option<String>,
}

impl Entry {
    pub fn figure(&self, scene: Scene) -> Option<&Figure> {
        let passed = self.fault.is_none();
        self.figures.iter().find(|figure| passed && figure.scene == scene)
    }
}

/// Measures everybody; `say` is told every few seconds how far it has come.
pub fn run(kinds: &[Kind], plan: &Plan, dir: &Path, say: &dyn Fn(&str)) -> Vec<Entry> {
    let mut entries: Vec<Entry> = kinds.iter().map(new_entry).collect();
    if !plan.sweep.is_zero() {
        for entry in &mut entries {
            turn(entry, plan, dir, say, "sweep", true);
        }
    }
    for round in 1..=plan.rounds {
        for entry in &mut entries {
            let name = format!("round {round} of {}", plan.rounds);
            turn(entry, plan, dir, say, &name, false);
        }
    }
    entries
}

fn new_entry(kind: &Kind) -> Entry {
    let load = kind.loads.first().copied().unwrap_or(Load { clients: 1, batch: 1 });
    let figure = |scene| Figure { scene, sweep: Vec::new(), load, rates: Vec::new() };
    Entry { kind: *kind, figures: Scene::ALL.map(figure).to_vec(), counted: 0, fault: None }
}

fn turn(entry: &mut Entry, plan: &Plan, dir: &Path, say: &dyn Fn(&str), name: &str, sweep: bool) {
    if entry.fault.is_some() {
        return;
    }
    let start = Instant::now();
    let own = dir.join("turn");
    let made = std::fs::create_dir(&own).map_err(Fault::from);
    let made = made.and_then(|()| crate::servers::open_to_all(&own));
    let done = made
        .map_err(|fault| format!("not run: {fault}"))
        .and_then(|()| one_turn(entry, plan, &own, sweep));
    let gone = std::fs::remove_dir_all(&own);
    if let Err(fault) = done {
        entry.fault = Some(fault);
    } else if let Err(error) = gone {
        entry.fault = Some(format!("not run: its directory stays: {error}"));
    }
    let (kind, seconds) = (&entry.kind, start.elapsed().as_secs_f64());
    let told = match &entry.fault {
        Some(fault) => fault.clone(),
        None => summary(entry, sweep),
    };
    say(&format!("{name}: {} ({}), {seconds:.1} s: {told}", kind.name, kind.promise.name()));
}

fn summary(entry: &Entry, sweep: bool) -> String {
    let each = entry.figures.iter().map(|figure| {
        let load = figure.load;
        let rate = if sweep {
            figure.sweep.iter().map(|(_, rate)| *rate).fold(0.0, f64::max)
        } else {
            figure.rates.last().copied().unwrap_or(0.0)
        };
        format!("{} {} ({load})", figure.scene.name(), crate::table::short(rate))
    });
    each.collect::<Vec<_>>().join(", ")
}

/// Opens, tries, plays, counts.
fn one_turn(entry: &mut Entry, plan: &Plan, dir: &Path, sweep: bool) -> Result<(), String> {
    let stage = plan.stage(&entry.kind);
    let peer = (entry.kind.open)(&stage, dir).map_err(|fault| format!("not run: {fault}"))?;
    let counted = scenes(entry, plan, &stage, peer.as_ref(), sweep);
    entry.counted += counted.map_err(|fault| format!("FAILED its check: {fault}"))?;
    Ok(())
}

fn scenes(
    entry: &mut Entry,
    plan: &Plan,
    stage: &Stage,
    peer: &dyn Peer,
    sweep: bool,
) -> Outcome<usize> {
    let ledger = Ledger::new(stage);
    check::trial(&entry.kind, peer, &ledger, plan.trial)?;
    for figure in &mut entry.figures {
        if sweep {
            swept(figure, &entry.kind, peer, stage, &ledger, plan.sweep)?;
        } else {
            let run = play(figure.scene, peer, stage, &ledger, figure.load, plan.time)?;
            figure.rates.push(run.rate());
        }
    }
    check::census(peer, &ledger)
}

/// Tries every load and keeps the best.
fn swept(
    figure: &mut Figure,
    kind: &Kind,
    peer: &dyn Peer,
    stage: &Stage,
    ledger: &Ledger,
    time: Duration,
) -> Outcome<()> {
    let share = stage.sales / u32::try_from(kind.loads.len().max(1))?;
    for (load, number) in kind.loads.iter().zip(1..) {
        let part = Stage { sales: share * number, ..*stage };
        let run = play(figure.scene, peer, &part, ledger, *load, time)?;
        figure.sweep.push((*load, run.rate()));
    }
    let best = figure.sweep.iter().max_by(|a, b| a.1.total_cmp(&b.1));
    figure.load = best.map_or(figure.load, |(load, _)| *load);
    Ok(())
}
