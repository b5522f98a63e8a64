//! Who is due when? Arrivals drawn before the run, so that a slow engine cannot put them off.
//!
//! Never waits for an answer: that is what makes the load open-loop.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::peak::measure::{real, whole};
use crate::peak::rng::Rng;
use crate::peak::scenario::{Arrivals, Scenario};
use crate::peak::stage::{Stage, sums};

/// One arrival: when, in microseconds of the run from its beginning, and from which zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Arrival {
    pub(crate) due_us: u64,
    zone: u16,
}

/// Arrivals in order, taken one by one by any thread.
#[derive(Debug, Default)]
pub(crate) struct Line {
    list: Vec<Arrival>,
    next: AtomicUsize,
}

impl Line {
    /// The next one and its number, if its time has come. Relaxed: the list never changes.
    pub(crate) fn take(&self, now_us: u64) -> Option<(u64, Arrival)> {
        let mut at = self.next.load(Ordering::Relaxed);
        loop {
            let arrival = *self.list.get(at)?;
            if arrival.due_us > now_us {
                return None;
            }
            let (fine, own) = (Ordering::Relaxed, at + 1);
            match self.next.compare_exchange_weak(at, own, fine, fine) {
                Ok(_) => return Some((at as u64, arrival)),
                Err(other) => at = other,
            }
        }
    }

    /// When the next one is due.
    pub(crate) fn next_us(&self) -> Option<u64> {
        self.list.get(self.next.load(Ordering::Relaxed)).map(|arrival| arrival.due_us)
    }

    /// How many are due and not taken.
    pub(crate) fn waiting(&self, now_us: u64) -> u64 {
        let due = self.list.partition_point(|arrival| arrival.due_us <= now_us);
        due.saturating_sub(self.next.load(Ordering::Relaxed)) as u64
    }
}

/// All arrivals of a run.
#[derive(Debug)]
pub(crate) struct Schedule {
    pub(crate) web: Line,
    pub(crate) calls: Line,
    /// Running sums of the demand for each office, by zone: arrivals at an hour come from where
    /// it is that hour.
    zones: Vec<Vec<u64>>,
    /// Seconds of the scenario until the last can come.
    pub(crate) seconds: f64,
}

impl Schedule {
    pub(crate) fn draw(
        arrivals: &Arrivals,
        scenario: &Scenario,
        stage: &Stage,
        (web, calls): (u64, u64),
        seed: u64,
    ) -> Self {
        let zones = zones(arrivals, stage);
        let first = zones.keys().last().copied().unwrap_or(0);
        let demand = |sums: &[u64]| real(sums.last().copied().unwrap_or(0));
        let total: f64 = zones.values().map(|sums| demand(sums)).sum();
        let mut lines = [web, calls].map(|count| (count, Vec::new()));
        let mut shift_max = 0.0_f64;
        let mut so_far = 0.0;
        for ((offset, sums), zone) in zones.iter().zip(0_u16..) {
            let shift = f64::from(first - offset);
            shift_max = shift_max.max(shift);
            let before = so_far / total;
            so_far += demand(sums);
            for ((count, list), salt) in lines.iter_mut().zip(1_u64..) {
                let upto = whole(real(*count) * so_far / total);
                let from = whole(real(*count) * before);
                let rng = Rng::of(seed, u64::MAX - u64::from(zone) * 2 - salt);
                let seconds = poisson(upto - from, rng, arrivals.inverse());
                list.extend(seconds.map(|second| Arrival {
                    due_us: whole(1e6 * scenario.run_seconds(second + shift)),
                    zone,
                }));
            }
        }
        let [web, calls] = lines.map(|(_, mut list)| {
            list.sort_unstable();
            Line { list, next: AtomicUsize::new(0) }
        });
        let seconds = real(arrivals.seconds()) + shift_max;
        Self { web, calls, zones: zones.into_values().collect(), seconds }
    }

    pub(crate) fn offices(&self, arrival: Arrival) -> &[u64] {
        self.zones.get(usize::from(arrival.zone)).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.web.next_us().is_none() && self.calls.next_us().is_none()
    }

    /// When somebody is due next who can be let in: a call needs an operator who is free.
    pub(crate) fn next_us(&self, operator: bool) -> u64 {
        let next = |line: &Line| line.next_us().unwrap_or(u64::MAX);
        next(&self.web).min(if operator { next(&self.calls) } else { u64::MAX })
    }
}

/// Demand by office for each offset from UTC, in seconds; one zone if all share a clock.
fn zones(arrivals: &Arrivals, stage: &Stage) -> BTreeMap<i32, Vec<u64>> {
    let offset = |at: usize| {
        let office = stage.offices.get(at).filter(|_| arrivals.local_time);
        office.map_or(0, |office| office.offset_s)
    };
    let all: std::collections::BTreeSet<i32> = (0..stage.offices.len()).map(offset).collect();
    let demand = |zone: i32| {
        let offices = stage.offices.iter().enumerate();
        sums(offices.map(|(at, office)| if offset(at) == zone { office.demand } else { 0 }))
    };
    all.into_iter().map(|zone| (zone, demand(zone))).collect()
}

/// That many arrivals, independent of each other, in order: gaps are exponential, the curve bends
/// them.
fn poisson(count: u64, mut rng: Rng, inverse: impl Fn(f64) -> f64) -> impl Iterator<Item = f64> {
    let gap = |rng: &mut Rng| -(real(rng.draw() >> 12) + 1.0).ln() + 52.0 * 2.0_f64.ln();
    let mut ahead = rng;
    let total: f64 = (0..=count).map(|_| gap(&mut ahead)).sum();
    let mut sum = 0.0;
    (0..count).map(move |_| {
        sum += gap(&mut rng);
        inverse(sum / total)
    })
}

#[cfg(test)]
mod tests {
    use super::{Arrival, Line, Schedule, poisson};
    use crate::peak::rng::Rng;

    #[test]
    fn arrivals_are_spread_evenly_when_the_curve_is_flat() {
        let times: Vec<f64> = poisson(10_000, Rng::new(3), |share| share).collect();
        assert!(times.is_sorted() && times.iter().all(|time| (0.0..=1.0).contains(time)));
        let half = times.iter().filter(|time| **time < 0.5).count();
        assert!((4_800..5_200).contains(&half), "{half}");
        // Independent arrivals: the gaps have a spread as large as their mean.
        let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / 9_999.0;
        let spread = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / 9_999.0;
        assert!((0.9..1.1).contains(&(spread.sqrt() / mean)));
    }

    /// A thread that was woken for callers whom it had no operator for took all of a core.
    #[test]
    fn a_caller_without_an_operator_wakes_nobody() {
        let line = |due_us| Line { list: vec![Arrival { due_us, zone: 0 }], ..Line::default() };
        let (web, calls) = (line(9), line(5));
        let schedule = Schedule { web, calls, zones: Vec::new(), seconds: 1.0 };
        assert_eq!((schedule.next_us(true), schedule.next_us(false)), (5, 9));
    }

    #[test]
    fn nobody_comes_before_their_time() {
        let arrival = |due_us| Arrival { due_us, zone: 0 };
        let line = Line { list: vec![arrival(5), arrival(9)], ..Line::default() };
        assert_eq!(line.take(4), None);
        assert_eq!(line.take(7), Some((0, arrival(5))));
        assert_eq!((line.next_us(), line.waiting(8), line.waiting(9)), (Some(9), 0, 1));
        assert_eq!(line.take(9), Some((1, arrival(9))));
        assert_eq!(line.take(u64::MAX), None);
    }
}
