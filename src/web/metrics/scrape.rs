//! What does a scraper see? Counters of engine and service in the `OpenMetrics` text format.
//!
//! Never keeps a number: everything is read at the scrape.

use std::fmt::Error;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::count::{BUCKETS, Counted, upper};
use crate::web::App;

/// The metrics of a service.
#[derive(Debug)]
struct Scrape(App);

/// All metrics.
pub(super) fn text(app: &App) -> Result<String, Error> {
    let mut registry = Registry::with_prefix("cupo");
    registry.register_collector(Box::new(Scrape(app.clone())));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)?;
    Ok(text)
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), Error> {
        engine(&self.0, &mut encoder)?;
        service(&self.0, &mut encoder)?;
        super::phone::encode(&self.0.exchange.measures.read(), &mut encoder)?;
        requests(&self.0.metrics.counts.counted(), &mut encoder)
    }
}

pub(super) fn gauge(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    value: u64,
) -> Result<(), Error> {
    let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
    gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

pub(super) fn counter(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    n: u64,
) -> Result<(), Error> {
    ConstCounter::new(n).encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)
}

fn engine(app: &App, encoder: &mut DescriptorEncoder) -> Result<(), Error> {
    let stats = app.engine.stats();
    let claims = [
        ("held", stats.held),
        ("booked", stats.booked),
        ("cooling", stats.cooling),
        ("ended", stats.ended),
    ];
    let help = "Claims in memory by state";
    let mut family = encoder.encode_descriptor("claims", help, None, MetricType::Gauge)?;
    for (state, count) in claims {
        let labels = [("state", state)];
        ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX))
            .encode(family.encode_family(&labels)?)?;
    }
    gauge(encoder, "days", "Days in memory", stats.days)?;
    counter(encoder, "grants", "Places granted, those of the recovery included", stats.granted)?;
    counter(encoder, "refused_grants", "Places refused by the engine", stats.refused)?;
    counter(encoder, "expired_holds", "Holds that expired", stats.expired)?;
    gauge(encoder, "log_last", "Number of the last record", stats.last.0)?;
    gauge(encoder, "log_durable", "Number of the last durable record", stats.durable.0)?;
    let queue = stats.last.0.saturating_sub(stats.durable.0);
    gauge(encoder, "log_queue", "Records not yet durable", queue)?;
    gauge(encoder, "memory_bytes", "Bytes of claims and days", stats.memory_bytes)?;
    let takes = u64::from(app.engine.status().is_ok());
    gauge(encoder, "takes_changes", "1 if the disk takes changes", takes)
}

fn service(app: &App, encoder: &mut DescriptorEncoder) -> Result<(), Error> {
    let (holds, confirms) = app.metrics.load.granted();
    counter(encoder, "holds", "Places held since the start", holds)?;
    counter(encoder, "bookings", "Places booked since the start", confirms)?;
    let checked = app.metrics.check.last();
    counter(encoder, "checks", "Recounts of all places", checked.runs)?;
    let help = "What did not add up in the last recount: double bookings";
    gauge(encoder, "check_problems", help, checked.problems)?;
    gauge(encoder, "check_micros", "Microseconds of the last recount", checked.took_us)?;
    gauge(encoder, "listeners", "Open streams of events", app.hub.listeners() as u64)?;
    let (taken, failed) = app.webhooks.deliveries();
    counter(encoder, "webhook_deliveries", "Webhook deliveries that were taken", taken)?;
    counter(encoder, "webhook_failures", "Webhook deliveries that were not", failed)?;
    let hooks = app.webhooks.list();
    let pending: usize = hooks.iter().map(|hook| app.webhooks.pending(hook.id)).sum();
    gauge(encoder, "webhook_pending", "Events that webhooks have not taken yet", pending as u64)?;
    let help = "Requests refused by cause";
    let mut family = encoder.encode_descriptor("refusals", help, None, MetricType::Counter)?;
    for (cause, count) in app.metrics.refusals() {
        let labels = [("cause", cause)];
        ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

fn requests(counted: &[Counted], encoder: &mut DescriptorEncoder) -> Result<(), Error> {
    let help = "Requests answered";
    let mut family = encoder.encode_descriptor("requests", help, None, MetricType::Counter)?;
    for route in counted {
        for (hundreds, count) in (1..).zip(route.statuses).filter(|(_, count)| *count > 0) {
            let status = format!("{hundreds}xx");
            let labels = [
                ("method", route.method.as_str()),
                ("route", route.path.as_str()),
                ("status", status.as_str()),
            ];
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
    }
    let help = "Seconds until the head of the answer";
    let mut family =
        encoder.encode_descriptor("request_seconds", help, None, MetricType::Histogram)?;
    for route in counted {
        let labels = [("method", route.method.as_str()), ("route", route.path.as_str())];
        histogram(route, family.encode_family(&labels)?)?;
    }
    Ok(())
}

/// One bucket to each doubling, from 127 microseconds on.
fn histogram(route: &Counted, mut encoder: MetricEncoder<'_>) -> Result<(), Error> {
    let mut buckets = Vec::new();
    let mut count = 0;
    for (bucket, times) in route.times.iter().enumerate() {
        count += times;
        let last = bucket + 1 == BUCKETS;
        if last || (bucket % 4 == 3 && bucket >= 27) {
            let le = if last { f64::MAX } else { seconds(upper(bucket)) };
            buckets.push((le, count));
            count = 0;
        }
    }
    let total = buckets.iter().map(|(_, count)| count).sum();
    encoder.encode_histogram::<[(&str, &str); 0]>(seconds(route.sum_us), total, &buckets, None)
}

fn seconds(micros: u64) -> f64 {
    std::time::Duration::from_micros(micros).as_secs_f64()
}
