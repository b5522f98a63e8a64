//! What happened when? The run in slices of time, each with its counts and latencies.
//!
//! Never grows without end: when there are too many slices, each two become one.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

/// Slices kept at most.
const SLICES_MAX: usize = 256;

#[derive(Clone, Debug, Default)]
pub(crate) struct Slice {
    /// Calls that were due in this slice, whenever they were made.
    pub(crate) offered: u64,
    /// Calls answered in this slice.
    pub(crate) served: u64,
    pub(crate) sold: u64,
    pub(crate) causes: BTreeMap<&'static str, u64>,
    /// Of changes carried out, by when they were due.
    latency: Option<Histogram<u32>>,
}

impl Slice {
    fn record(&mut self, us: u64) {
        let empty = || Histogram::new_with_bounds(1, 120_000_000, 2).ok();
        if self.latency.is_none() {
            self.latency = empty();
        }
        if let Some(latency) = &mut self.latency {
            latency.saturating_record(us);
        }
    }

    /// Microseconds; none if nothing was carried out.
    pub(crate) fn quantile_us(&self, quantile: f64) -> Option<u64> {
        let latency = self.latency.as_ref().filter(|latency| !latency.is_empty())?;
        Some(latency.value_at_quantile(quantile))
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.offered += other.offered;
        self.served += other.served;
        self.sold += other.sold;
        for (cause, count) in other.causes {
            *self.causes.entry(cause).or_default() += count;
        }
        match (&mut self.latency, other.latency) {
            // Both have the same bounds, so nothing can be out of range.
            (Some(own), Some(other)) => drop(own.add(other)),
            (own @ None, other) => *own = other,
            (Some(_), None) => {}
        }
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Done { sold: bool },
    Refused(&'static str),
}

#[derive(Clone, Debug)]
pub(crate) struct Slices {
    pub(crate) width_us: u64,
    pub(crate) list: Vec<Slice>,
}

impl Slices {
    pub(crate) const fn new(width_us: u64) -> Self {
        Self { width_us, list: Vec::new() }
    }

    /// A call that was due at `due_us` and answered at `now_us`, from the beginning of the run.
    pub(crate) fn count(&mut self, due_us: u64, now_us: u64, end: End) {
        let took = now_us.saturating_sub(due_us);
        if let Some(slice) = self.at(now_us) {
            slice.served += 1;
            match end {
                End::Done { sold } => slice.sold += u64::from(sold),
                End::Refused(cause) => *slice.causes.entry(cause).or_default() += 1,
            }
        }
        if let Some(slice) = self.at(due_us) {
            slice.offered += 1;
            if let End::Done { .. } = end {
                slice.record(took);
            }
        }
    }

    fn at(&mut self, us: u64) -> Option<&mut Slice> {
        while us / self.width_us >= SLICES_MAX as u64 {
            self.fold();
        }
        let at = usize::try_from(us / self.width_us).ok()?;
        if self.list.len() <= at {
            self.list.resize_with(at + 1, Slice::default);
        }
        self.list.get_mut(at)
    }

    /// Each two slices become one, twice as wide.
    fn fold(&mut self) {
        self.width_us *= 2;
        let mut old = std::mem::take(&mut self.list).into_iter();
        while let Some(mut slice) = old.next() {
            old.next().into_iter().for_each(|second| slice.add(second));
            self.list.push(slice);
        }
    }

    pub(crate) fn add(&mut self, mut other: Self) {
        while self.width_us < other.width_us {
            self.fold();
        }
        while other.width_us < self.width_us {
            other.fold();
        }
        let len = self.list.len().max(other.list.len());
        self.list.resize_with(len, Slice::default);
        self.list.iter_mut().zip(other.list).for_each(|(own, other)| own.add(other));
    }

    /// The same in few enough slices for a picture.
    pub(crate) fn at_most(mut self, count: usize) -> Self {
        while self.list.len() > count {
            self.fold();
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::{End, SLICES_MAX, Slices};

    #[test]
    fn calls_count_where_they_were_due_and_where_they_were_answered() {
        let mut slices = Slices::new(10);
        slices.count(5, 25, End::Done { sold: true });
        slices.count(12, 25, End::Refused("slot_full"));
        let told = |slice: &super::Slice| (slice.offered, slice.served, slice.sold);
        assert_eq!(
            slices.list.iter().map(told).collect::<Vec<_>>(),
            [(1, 0, 0), (1, 0, 0), (0, 2, 1)]
        );
        assert_eq!(slices.list[0].quantile_us(0.5), Some(20));
        assert_eq!(slices.list[1].quantile_us(0.5), None);
    }

    #[test]
    fn a_long_run_has_wider_slices_and_no_fewer_calls() {
        let mut slices = Slices::new(1);
        (0..10_000).for_each(|us| slices.count(us, us, End::Done { sold: false }));
        assert!(slices.list.len() <= SLICES_MAX && slices.width_us == 64);
        let mut narrow = Slices::new(2);
        narrow.count(9_999, 9_999, End::Refused("busy"));
        narrow.add(slices);
        assert_eq!(narrow.list.iter().map(|slice| slice.served).sum::<u64>(), 10_001);
        assert_eq!(narrow.at_most(60).list.len(), 40);
    }
}
