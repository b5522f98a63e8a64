//! Is it a difference? How much a figure may differ between two runs of the same thing.
//!
//! Never a proof: a rule that is stated, the same for both runs, and generous.

use crate::peak::measure::real;

/// The rule, as the report tells it.
pub(crate) const RULE: &str = "\
    The run is cut into slices of time. s is the mean relative change of a figure from one \
    slice to the next, divided by the square root of two: what two neighbouring slices \
    differ by is taken for noise, also where it is the scenario's own slope. The noise of a \
    latency is twice s times the latency (not divided by the number of slices: a busy \
    neighbour slows all of them), the same percentile of how late an idle thread woke in \
    this run, and that of how much longer than its median sync the disk took by itself, by \
    time. The noise of a count is twice s times the count, divided by the square root of the \
    number of slices, and four times the square root of the count; what was refused because \
    a hold had expired follows the latency and is left out. Two runs differ beyond noise \
    where their figures are further apart than both noises together.";

/// Slices with less than this part of the mean are at the edge of the run.
const EDGE: f64 = 0.05;

/// The relative change from one slice to the next, and the number of slices.
fn spread(series: &[Option<f64>]) -> (f64, f64) {
    let present: Vec<f64> = series.iter().flatten().copied().collect();
    let count = real(present.len() as u64).max(1.0);
    let least = EDGE * present.iter().sum::<f64>() / count;
    let pairs = series.iter().zip(series.iter().skip(1));
    let whole = |one: &Option<f64>| one.filter(|figure| *figure > least);
    let steps: Vec<f64> =
        pairs.filter_map(|(one, next)| Some((whole(next)? / whole(one)?).ln().abs())).collect();
    let mean = steps.iter().sum::<f64>() / real(steps.len() as u64).max(1.0);
    (mean / std::f64::consts::SQRT_2, count)
}

pub(crate) fn of_latency(value: f64, series: &[Option<f64>], hiccup: f64) -> f64 {
    crate::peak::numbers::rounded(2.0 * spread(series).0 * value + hiccup, 4)
}

pub(crate) fn of_count(value: f64, series: &[Option<f64>]) -> f64 {
    let (spread, count) = spread(series);
    let noise = 2.0 * spread * value / count.sqrt() + 4.0 * value.sqrt();
    crate::peak::numbers::rounded(noise, 1)
}

#[cfg(test)]
mod tests {
    use super::{of_count, of_latency};

    #[test]
    fn a_steady_run_has_little_noise_and_an_unsteady_one_much() {
        let steady = [Some(2.0); 20];
        assert!((of_latency(2.0, &steady, 0.25) - 0.25).abs() < 1e-9);
        assert!((of_count(10_000.0, &steady) - 400.0).abs() < 1e-9);
        let unsteady: Vec<_> =
            (0..20).map(|at| Some(if at % 2 == 0 { 1.0 } else { 3.0 })).collect();
        assert!(of_latency(2.0, &unsteady, 0.0) > 2.0);
        assert!(of_count(10_000.0, &unsteady) > 2_000.0);
    }

    #[test]
    fn slices_without_a_figure_and_the_edges_of_the_run_are_no_noise() {
        let series = [Some(0.01), Some(5.0), None, Some(5.0), Some(5.0), None];
        assert!(of_latency(5.0, &series, 0.0) < 1e-9);
        assert!(of_latency(5.0, &[], 0.0) < 1e-9);
    }
}
