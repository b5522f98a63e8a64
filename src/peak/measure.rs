//! How many, and how long? What each thread counts for itself, added up at the end.
//!
//! Never decides anything and never asks the engine.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cupo::{Channel, ClaimId, SlotId};
use hdrhistogram::Histogram;
use parking_lot::Mutex;

use crate::peak::fairness::Fairness;
use crate::peak::slices::Slices;

/// The calls that citizens make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Hold,
    Book,
    Retry,
    Confirm,
    Cancel,
    Move,
    /// Of a booking whose office has closed.
    Rebook,
}

impl Call {
    pub(crate) const ALL: [Self; 7] = [
        Self::Hold,
        Self::Book,
        Self::Retry,
        Self::Confirm,
        Self::Cancel,
        Self::Move,
        Self::Rebook,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Book => "book",
            Self::Retry => "retry",
            Self::Confirm => "confirm",
            Self::Cancel => "cancel",
            Self::Move => "move",
            Self::Rebook => "rebook",
        }
    }
}

/// Latencies in nanoseconds, up to a minute, to three digits.
#[derive(Clone, Debug)]
pub(crate) struct Latency(Option<Histogram<u64>>);

impl Latency {
    pub(crate) fn new() -> Self {
        Self(Histogram::new_with_max(60_000_000_000, 3).ok())
    }

    pub(crate) fn record(&mut self, took: Duration) {
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        if let (Some(own), Some(other)) = (&mut self.0, &other.0) {
            // Both have the same bounds, so nothing can be out of range.
            let _ = own.add(other);
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, Histogram::len)
    }

    /// Microseconds, to a tenth.
    pub(crate) fn quantile_us(&self, quantile: f64) -> f64 {
        let nanos = self.0.as_ref().map_or(0, |histogram| histogram.value_at_quantile(quantile));
        (real(nanos) / 100.0).round() / 10.0
    }

    /// How much longer than the median it takes whoever comes at any moment: for a share of the
    /// time that passed, not of the counts. Zero if all took the same.
    pub(crate) fn unsteadiness_us(&self, share: f64) -> f64 {
        let Some(histogram) = &self.0 else { return 0.0 };
        let time = |value: u64, count: u64| real(value) * real(count);
        let steps = || histogram.iter_recorded();
        let all: f64 =
            steps().map(|step| time(step.value_iterated_to(), step.count_at_value())).sum();
        let mut sum = 0.0;
        for step in steps() {
            sum += time(step.value_iterated_to(), step.count_at_value());
            if sum >= share * all {
                let more = real(step.value_iterated_to()) / 1e3 - self.quantile_us(0.5);
                return more.max(0.0);
            }
        }
        0.0
    }

    /// For each share of all, in microseconds: how long at most they took.
    pub(crate) fn curve_us(&self, shares: &[f64]) -> Vec<[f64; 2]> {
        let enough = |share: &&f64| real(self.count()) * (1.0 - **share) >= 1.0;
        shares.iter().filter(enough).map(|share| [*share, self.quantile_us(*share)]).collect()
    }

    pub(crate) fn max_us(&self) -> f64 {
        (real(self.0.as_ref().map_or(0, Histogram::max)) / 100.0).round() / 10.0
    }
}

/// What the engine has told a citizen for good.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ack {
    Booked(ClaimId),
    Cancelled(ClaimId),
    Moved(ClaimId, u16, SlotId),
}

/// One channel's share.
#[derive(Clone, Debug)]
pub(crate) struct ByChannel {
    pub(crate) booked: u64,
    pub(crate) refused: u64,
    pub(crate) latency: Latency,
}

/// What one thread counts.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    /// Changes carried out, by call.
    pub(crate) done: [Latency; Call::ALL.len()],
    pub(crate) refused: Latency,
    /// Carried out, from when the call was made: what a closed-loop test would show.
    pub(crate) from_call: Latency,
    pub(crate) fairness: Fairness,
    pub(crate) slices: Slices,
    pub(crate) refused_by: BTreeMap<&'static str, u64>,
    pub(crate) channels: [ByChannel; Channel::COUNT],
    pub(crate) replayed: u64,
    pub(crate) busy: u64,
    pub(crate) looks: u64,
    /// When the thread was through, on the clock of the run.
    pub(crate) ended: Duration,
    /// Citizens who left without a place, and those who held one and let it go.
    pub(crate) left: u64,
    pub(crate) abandoned: u64,
    /// Displaced bookings for which no other place was found.
    pub(crate) stranded: u64,
    /// Offices closed in the run.
    pub(crate) closures: bool,
    /// Acknowledgements, in order.
    pub(crate) acks: Vec<Ack>,
    /// How many of them the witness has.
    pub(crate) noted: usize,
    /// Answers that no engine may give.
    pub(crate) wrong: Vec<String>,
}

impl Tally {
    pub(crate) fn new(slice_us: u64) -> Self {
        let channel = ByChannel { booked: 0, refused: 0, latency: Latency::new() };
        Self {
            done: Call::ALL.map(|_| Latency::new()),
            refused: Latency::new(),
            from_call: Latency::new(),
            fairness: Fairness::new(),
            slices: Slices::new(slice_us),
            refused_by: BTreeMap::new(),
            channels: Channel::ALL.map(|_| channel.clone()),
            replayed: 0,
            busy: 0,
            looks: 0,
            ended: Duration::ZERO,
            left: 0,
            abandoned: 0,
            stranded: 0,
            closures: false,
            acks: Vec::new(),
            noted: 0,
            wrong: Vec::new(),
        }
    }

    pub(crate) fn carried_out(&mut self, call: Call, channel: Channel, took: Duration) {
        if let Some(latency) = self.done.get_mut(call as usize) {
            latency.record(took);
        }
        if let Some(by) = self.channels.get_mut(channel.index()) {
            by.latency.record(took);
        }
    }

    pub(crate) fn turned_down(&mut self, code: &'static str, channel: Channel, took: Duration) {
        self.refused.record(took);
        *self.refused_by.entry(code).or_default() += 1;
        if let Some(by) = self.channels.get_mut(channel.index()) {
            by.refused += 1;
        }
    }

    pub(crate) fn booked(&mut self, channel: Channel, claim: ClaimId) {
        self.acks.push(Ack::Booked(claim));
        if let Some(by) = self.channels.get_mut(channel.index()) {
            by.booked += 1;
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        for (own, other) in self.done.iter_mut().zip(&other.done) {
            own.add(other);
        }
        self.refused.add(&other.refused);
        self.from_call.add(&other.from_call);
        self.fairness.add(&other.fairness);
        self.slices.add(other.slices);
        for (code, count) in other.refused_by {
            *self.refused_by.entry(code).or_default() += count;
        }
        for (own, other) in self.channels.iter_mut().zip(&other.channels) {
            own.booked += other.booked;
            own.refused += other.refused;
            own.latency.add(&other.latency);
        }
        self.replayed += other.replayed;
        self.busy += other.busy;
        self.looks += other.looks;
        self.ended = self.ended.max(other.ended);
        self.left += other.left;
        self.abandoned += other.abandoned;
        self.stranded += other.stranded;
        self.acks.extend(other.acks);
        self.wrong.extend(other.wrong);
    }

    /// All changes carried out, whichever call made them.
    pub(crate) fn all(&self) -> Latency {
        let mut all = Latency::new();
        self.done.iter().for_each(|latency| all.add(latency));
        all
    }

    pub(crate) fn count(&self, call: Call) -> u64 {
        self.done.get(call as usize).map_or(0, Latency::count)
    }

    /// Places given out by a hold or a booking in one step.
    pub(crate) fn granted(&self) -> u64 {
        self.count(Call::Hold) + self.count(Call::Book)
    }

    /// Calls answered.
    pub(crate) fn operations(&self) -> u64 {
        self.done.iter().map(Latency::count).sum::<u64>() + self.refused.count()
    }
}

/// What was answered since the screen was last drawn.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    pub(crate) latency: Option<Latency>,
    pub(crate) causes: BTreeMap<&'static str, u64>,
}

/// What the screen reads while the threads run.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pub(crate) fresh: Mutex<Fresh>,
    /// Called and not answered, or due and not called.
    pub(crate) queue: AtomicU64,
    pub(crate) sold: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) answered: AtomicU64,
    pub(crate) finished: AtomicU64,
}

impl Live {
    /// Adds one. Relaxed, here and where they are read: counts for the eye order nothing.
    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn sum(
        of: &[crossbeam_utils::CachePadded<Self>],
        which: fn(&Self) -> &AtomicU64,
    ) -> u64 {
        of.iter().map(|live| which(live).load(Ordering::Relaxed)).sum()
    }
}

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "figures for the eye")]
pub(crate) const fn real(count: u64) -> f64 {
    count as f64
}

/// With thousands separators.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many in that time, per second.
pub(crate) fn rate(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { real(count) / seconds } else { 0.0 }
}

/// A whole number of something that was measured.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and a figure for the eye may"
)]
pub(crate) fn whole(figure: f64) -> u64 {
    figure.round() as u64
}

#[cfg(test)]
mod tests {
    use super::{Latency, grouped};
    use std::time::Duration;

    #[test]
    fn thousands_are_told_apart() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(123_456), "123,456");
        assert_eq!(grouped(1_000_000), "1,000,000");
    }

    #[test]
    fn a_rare_long_stall_is_most_of_the_time() {
        let mut latency = Latency::new();
        (0..1_000).for_each(|_| latency.record(Duration::from_micros(200)));
        assert!(latency.unsteadiness_us(0.99) < 1.0);
        latency.record(Duration::from_secs(1));
        assert!(latency.unsteadiness_us(0.5) > 990_000.0);
    }

    #[test]
    fn quantiles_are_microseconds() {
        let mut latency = Latency::new();
        (1..=1_000).for_each(|us| latency.record(Duration::from_micros(us)));
        assert!((499.0..502.0).contains(&latency.quantile_us(0.5)));
        assert!((999.0..1_002.0).contains(&latency.max_us()));
    }
}
