//! How do calls fare, for a scraper? The measures of the telephone.
//!
//! Never keeps a number.

use std::fmt::Error;

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;

use crate::phone::Measured;

use super::scrape::{counter, gauge};

/// All of them.
pub(super) fn encode(measured: &Measured, encoder: &mut DescriptorEncoder) -> Result<(), Error> {
    counter(encoder, "calls", "Calls since the start", measured.calls)?;
    gauge(encoder, "calls_live", "Calls at present", measured.live)?;
    if let Some(contained) = measured.contained_per_mille() {
        let help = "Calls that ended without an operator and with what they were for, per mille";
        gauge(encoder, "calls_contained_per_mille", help, contained)?;
    }
    counter(encoder, "calls_slow", "Requests of calls not answered in time", measured.slow)?;
    let help = "Calls that ended, by what came of them";
    family(encoder, "calls_ended", help, "outcome", &measured.outcomes)?;
    let help = "Calls that ended with nothing, by the question that was open";
    family(encoder, "calls_left", help, "at", &measured.left_at)?;
    let names = ["within_20_s", "later", "given_up", "given_up_within_5_s"];
    let queued: Vec<_> = names.into_iter().zip(measured.queued).collect();
    let help = "Calls in the operators' queue, as the PBX reports them";
    family(encoder, "calls_queued", help, "answered", &queued)?;
    let help = "Seconds that calls waited in the queue, in all";
    counter(encoder, "calls_queued_seconds", help, measured.waited_ms / 1_000)?;
    if let Some(service) = measured.service_per_mille() {
        let help = "Calls in the queue answered within 20 s, per mille; who gave up at once is out";
        gauge(encoder, "calls_service_per_mille", help, service)?;
    }
    let help = "Calls that operators ended, by how";
    family(encoder, "calls_wrapped_up", help, "code", &measured.wrapped_up)?;
    decided(measured, encoder)
}

fn family(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    label: &str,
    counts: &[(&'static str, u64)],
) -> Result<(), Error> {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (value, count) in counts.iter().filter(|(_, count)| *count > 0) {
        ConstCounter::new(*count).encode(family.encode_family(&[(label, *value)])?)?;
    }
    Ok(())
}

/// The time from the first hold to the booking.
fn decided(measured: &Measured, encoder: &mut DescriptorEncoder) -> Result<(), Error> {
    let help = "Seconds from the first hold of a call to its booking";
    let mut metric =
        encoder.encode_descriptor("calls_decided_seconds", help, None, MetricType::Histogram)?;
    let bucket = |(bound, count): &(u64, u64)| {
        let bound = u32::try_from(*bound).map_or(f64::MAX, f64::from);
        (bound, *count)
    };
    let buckets: Vec<_> = measured.decided.iter().map(bucket).collect();
    let total = buckets.iter().map(|(_, count)| count).sum();
    let sum = std::time::Duration::from_millis(measured.decided_ms).as_secs_f64();
    metric.encode_histogram::<[(&str, &str); 0]>(sum, total, &buckets, None)
}
