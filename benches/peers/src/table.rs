//! How do they compare? Ratios with the engine of the same promise, as text and as JSON.
//!
//! Never leaves a peer out: whoever has no figure is listed with the reason.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::driver::Scene;
use crate::machine::Machine;
use crate::peer::Promise;
use crate::peers::OURS;
use crate::rounds::{Entry, Figure};

/// Everything that a report says.
#[derive(Clone, Debug)]
pub struct Report {
    pub entries: Vec<Entry>,
    pub machine: Machine,
    pub versions: Vec<String>,
    pub date: String,
    pub command: String,
    pub rounds: usize,
    pub seconds: f64,
    pub quick: bool,
    pub load_after: String,
    pub nice: String,
    /// Minutes that all of it took.
    pub minutes: f64,
}

/// A number of operations a second in three digits.
pub fn short(rate: f64) -> String {
    match rate {
        r if r >= 99_950_000.0 => format!("{:.0} M", r / 1e6),
        r if r >= 9_995_000.0 => format!("{:.1} M", r / 1e6),
        r if r >= 999_500.0 => format!("{:.2} M", r / 1e6),
        r if r >= 99_950.0 => format!("{:.0} k", r / 1e3),
        r if r >= 9_995.0 => format!("{:.1} k", r / 1e3),
        r if r >= 999.5 => format!("{:.2} k", r / 1e3),
        r => format!("{r:.0}"),
    }
}

/// How many times as fast the engine is.
pub fn times(ratio: f64) -> String {
    match ratio {
        r if r >= 99.5 => format!("{r:.0}x"),
        r if r >= 9.95 => format!("{r:.1}x"),
        r => format!("{r:.2}x"),
    }
}

impl Report {
    /// The engine's own figure with the same promise.
    pub fn ours(&self, promise: Promise, scene: Scene) -> Option<&Figure> {
        let ours = |entry: &&Entry| entry.kind.name == OURS && entry.kind.promise == promise;
        self.entries.iter().find(ours)?.figure(scene)
    }

    /// The engine's figure by the peer's: above 1 the engine is ahead.
    pub fn ratio(&self, entry: &Entry, scene: Scene) -> Option<f64> {
        let ours = self.ours(entry.kind.promise, scene)?.median();
        let theirs = entry.figure(scene)?.median();
        (theirs > 0.0).then_some(ours / theirs)
    }

    pub fn of(&self, promise: Promise) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.kind.promise == promise)
    }

    /// Where a peer is ahead.
    pub fn losses(&self) -> Vec<String> {
        let mut lost = Vec::new();
        for entry in &self.entries {
            for scene in Scene::ALL {
                let ratio = self.ratio(entry, scene).filter(|ratio| *ratio < 1.0);
                lost.extend(ratio.map(|ratio| {
                    format!("{}, {}: {}", entry.kind.name, scene.name(), times(ratio))
                }));
            }
        }
        lost
    }

    /// One cell: operations a second, the ratio, clients and users in flight in each.
    pub fn cell(&self, entry: &Entry, scene: Scene) -> String {
        let Some(figure) = entry.figure(scene) else { return "-".to_owned() };
        let rate = short(figure.median());
        let ratio = self.ratio(entry, scene).filter(|_| entry.kind.name != OURS);
        let ratio = ratio.map_or(String::new(), |ratio| format!(", {}", times(ratio)));
        format!("{rate}{ratio} ({})", figure.load)
    }

    pub fn text(&self) -> String {
        let mut text = format!(
            "operations/s; cupo is so many times as fast as the peer; (clients x users in flight in \
             each)\n\n{:<26}{:<30}{:<30}{}\n",
            "", "mix", "one hot slot", "sell-out"
        );
        for promise in Promise::ALL {
            let _ = writeln!(text, "{}", promise.name());
            for entry in self.of(promise) {
                let [mix, one, sale] = Scene::ALL.map(|scene| self.cell(entry, scene));
                let name = entry.kind.name;
                let _ = match &entry.fault {
                    Some(fault) => writeln!(text, "  {name:<24}{fault}"),
                    None => writeln!(text, "  {name:<24}{mix:<30}{one:<30}{sale}"),
                };
            }
        }
        let lost = self.losses();
        let lost = if lost.is_empty() { "nowhere".to_owned() } else { lost.join("; ") };
        let _ = writeln!(text, "\nthe peer is ahead: {lost}");
        text
    }

    pub fn json(&self) -> Value {
        let figure = |entry: &Entry, figure: &Figure| {
            let sweep: Vec<_> = figure.sweep.iter().map(|(load, rate)| {
                json!({"clients": load.clients, "in_flight_each": load.batch, "rate": rate.round()})
            }).collect();
            json!({
                "scene": figure.scene.name(),
                "clients": figure.load.clients,
                "in_flight_each": figure.load.batch,
                "rates": figure.rates.iter().map(|rate| rate.round()).collect::<Vec<_>>(),
                "median": figure.median().round(),
                "cupo_times": self.ratio(entry, figure.scene),
                "sweep": sweep,
            })
        };
        let entries: Vec<_> = self
            .entries
            .iter()
            .map(|entry| {
                let figures = entry.figures.iter().filter(|_| entry.fault.is_none());
                json!({
                    "name": entry.kind.name,
                    "promise": entry.kind.promise.name(),
                    "settings": entry.kind.settings,
                    "fault": entry.fault,
                    "claims_counted": entry.counted,
                    "figures": figures.map(|own| figure(entry, own)).collect::<Vec<_>>(),
                })
            })
            .collect();
        json!({
            "date": self.date,
            "command": self.command,
            "quick": self.quick,
            "rounds": self.rounds,
            "seconds_a_scene": self.seconds,
            "machine": self.machine.lines(),
            "load_before": self.machine.load,
            "load_after": self.load_after,
            "nice": self.nice,
            "versions": self.versions,
            "peers": entries,
        })
    }
}
