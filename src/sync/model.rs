//! Was every schedule explored? Runs a model under loom and counts.
//!
//! Never stops early: a model that is too large is made smaller, or bounded by preemptions.

#[path = "../../tests/stage/evidence.rs"]
#[allow(unreachable_pub, reason = "as the tests see it")]
mod evidence;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Explores every schedule of a model with at most so many preemptions: the first number in CI,
/// the second in the long run; `None` is without any bound.
pub(crate) fn explore(what: &'static str, (ci, long): (Option<usize>, Option<usize>), model: fn()) {
    let evidence = evidence::Evidence::of(what);
    let bound = if std::env::var_os("CUPO_LONG").is_some() { long } else { ci };
    let explored = Arc::new(AtomicU64::new(0));
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = bound;
    builder.max_branches = 20_000;
    let count = explored.clone();
    builder.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        model();
    });
    let explored = explored.load(Ordering::Relaxed);
    let within = bound.map_or_else(String::new, |bound| format!(" with up to {bound} preemptions"));
    evidence.passed(&format!("all {explored} schedules{within}"));
}
