//! What came of it? The table for people and the one JSON object for programs.
//!
//! Never computes a figure twice: both show the same outcome.

use std::fmt::Write as _;

use cupo::Channel;
use serde_json::{Value, json};

use crate::peak::audit::Findings;
use crate::peak::measure::{Call, Latency, Tally, grouped, rate, real, whole};
use crate::peak::numbers::Numbers;
use crate::peak::options::Options;
use crate::peak::progress::Seen;
use crate::peak::scenario::Scenario;
use crate::peak::stage::Stage;

/// All that is known after a run, but for the audit.
#[derive(Debug)]
pub(crate) struct Outcome<'a> {
    pub(crate) options: &'a Options,
    pub(crate) scenario: &'a Scenario,
    pub(crate) citizens: u64,
    /// How many of them call.
    pub(crate) calls: u64,
    pub(crate) stage: &'a Stage,
    pub(crate) tally: &'a Tally,
    pub(crate) seen: &'a Seen,
}

/// What happened, before the audit.
pub(crate) fn table(of: &Outcome<'_>) -> String {
    let tally = of.tally;
    let mut text = String::new();
    calls(&mut text, tally);
    channels(&mut text, tally);
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "  {} answers in {:.1} s: {} per second, {} in the busiest; {}",
        grouped(tally.operations()),
        of.seen.seconds,
        grouped(whole(rate(tally.operations(), of.seen.seconds))),
        grouped(of.seen.busiest),
        if of.options.in_memory { "in memory" } else { "each one durable" },
    );
    let _ = writeln!(
        text,
        "  {} left without a place, {} let a hold expire, at most {} holds at once",
        grouped(tally.left),
        grouped(tally.abandoned),
        grouped(of.seen.held_max),
    );
    for shut in of.seen.shut.iter().filter(|shut| shut.days > 0) {
        let _ = writeln!(
            text,
            "  an office closed: {} days in {:.2} s, {} bookings displaced, {} holds revoked; {} \
             moved, {} found no place",
            shut.days,
            shut.seconds,
            grouped(shut.displaced),
            grouped(shut.revoked),
            grouped(tally.count(Call::Rebook)),
            grouped(tally.stranded),
        );
    }
    let _ = writeln!(
        text,
        "  {} retries got their first answer again, {} looks at openings",
        grouped(tally.replayed),
        grouped(tally.looks),
    );
    offices(&mut text, of);
    text
}

fn calls(text: &mut String, tally: &Tally) {
    let _ = writeln!(
        text,
        "\n  {:<18}{:>12}   latency to durable answer, ms: {:>7} {:>8} {:>8} {:>8}",
        "call", "carried out", "p50", "p99", "p99.9", "max"
    );
    for call in Call::ALL {
        if let Some(latency) = tally.done.get(call as usize).filter(|l| l.count() > 0) {
            row(text, call.name(), latency.count(), latency);
        }
    }
    let all = tally.all();
    row(text, "all", all.count(), &all);
    let _ = writeln!(text, "\n  {:<18}{:>12}", "refused", "");
    for (code, count) in &tally.refused_by {
        let _ = writeln!(text, "  {code:<18}{:>12}", grouped(*count));
    }
    row(text, "all", tally.refused.count(), &tally.refused);
}

fn row(text: &mut String, name: &str, count: u64, latency: &Latency) {
    let ms = |us: f64| us / 1_000.0;
    let _ = writeln!(
        text,
        "  {name:<18}{:>12}   {:>39.2} {:>8.2} {:>8.2} {:>8.2}",
        grouped(count),
        ms(latency.quantile_us(0.5)),
        ms(latency.quantile_us(0.99)),
        ms(latency.quantile_us(0.999)),
        ms(latency.max_us()),
    );
}

fn channels(text: &mut String, tally: &Tally) {
    let _ = writeln!(
        text,
        "\n  {:<18}{:>12} {:>12} {:>26} {:>8} {:>8} {:>8}",
        "channel", "booked", "refused", "p50", "p99", "p99.9", "max"
    );
    for (channel, by) in Channel::ALL.iter().zip(&tally.channels) {
        if by.latency.count() == 0 && by.refused == 0 {
            continue;
        }
        let ms = |us: f64| us / 1_000.0;
        let _ = writeln!(
            text,
            "  {:<18}{:>12} {:>12} {:>26.2} {:>8.2} {:>8.2} {:>8.2}",
            channel.name(),
            grouped(by.booked),
            grouped(by.refused),
            ms(by.latency.quantile_us(0.5)),
            ms(by.latency.quantile_us(0.99)),
            ms(by.latency.quantile_us(0.999)),
            ms(by.latency.max_us()),
        );
    }
    text.push('\n');
}

fn offices(text: &mut String, of: &Outcome<'_>) {
    let named = of.stage.offices.iter().zip(&of.seen.sold_out_s);
    let mut times: Vec<(f64, &str)> =
        named.filter_map(|(office, at)| Some(((*at)?, office.key.as_str()))).collect();
    times.sort_by(|one, other| one.0.total_cmp(&other.0));
    let all = of.stage.offices.len();
    let _ = match of.seen.all_sold_out_s {
        Some(at) => writeln!(text, "  sold out on the web (99 places in 100 gone) after {at:.1} s"),
        None => writeln!(text, "  the web did not sell out"),
    };
    if let (Some((first, one)), Some((last, other))) = (times.first(), times.last()) {
        let count = times.len();
        let _ = writeln!(
            text,
            "  offices sold out: {count} of {all}; {one} first ({first:.1} s), {other} last \
             ({last:.1} s)",
        );
    }
}

/// How full the offices are, by the recount.
fn fill(text: &mut String, of: &Outcome<'_>, found: &Findings) {
    let mut fills: Vec<(f64, &str)> = of
        .stage
        .offices
        .iter()
        .map(|office| {
            (100.0 * real(used(found, office)) / real(office.places.max(1)), &*office.key)
        })
        .collect();
    fills.sort_by(|one, other| one.0.total_cmp(&other.0));
    if let (Some((least, one)), Some((most, other))) = (fills.first(), fills.last()) {
        let used: u64 = of.stage.offices.iter().map(|office| used(found, office)).sum();
        let _ = writeln!(
            text,
            "  places in use: {} of {} ({:.1}%); least {one} {least:.1}%, most {other} {most:.1}%",
            grouped(used),
            grouped(of.stage.places),
            100.0 * real(used) / real(of.stage.places.max(1)),
        );
    }
}

fn used(found: &Findings, office: &crate::peak::stage::Office) -> u64 {
    office.days.iter().filter_map(|day| found.used.get(day)).sum()
}

/// What the audit says.
pub(crate) fn verdict(of: &Outcome<'_>, found: &Findings) -> String {
    let mut text = String::new();
    let source = if of.options.in_memory {
        format!("{} claims on the days' rosters", grouped(found.claims))
    } else {
        let (records, claims) = (grouped(found.records), grouped(found.claims));
        format!("{records} records of {claims} claims, from the journal alone")
    };
    let _ = writeln!(text, "  recounted: {source}");
    fill(&mut text, of, found);
    let _ = writeln!(text, "  double bookings: {}", found.double_bookings);
    let _ = writeln!(text, "  over a channel's share: {}", found.over_channel);
    let _ = writeln!(text, "  broken lives of claims: {}", found.broken_lives);
    let _ = writeln!(
        text,
        "  lost acknowledged: {} of {}",
        found.lost_acknowledged,
        grouped(found.acknowledged)
    );
    let _ = match found.recovered_equal {
        None => writeln!(text, "  recovered equal: not asked, there is no journal"),
        Some(equal) => writeln!(
            text,
            "  recovered equal: {} ({:.2} s, {} records/s)",
            if equal { "yes" } else { "NO" },
            found.recovery_seconds,
            grouped(whole(rate(found.records, found.recovery_seconds))),
        ),
    };
    for line in of.tally.wrong.iter().chain(&found.evidence) {
        let _ = writeln!(text, "  EVIDENCE {line}");
    }
    text
}

/// One object with everything; field names are stable.
pub(crate) fn json(of: &Outcome<'_>, found: &Findings, numbers: &Numbers) -> Value {
    let (tally, seen) = (of.tally, of.seen);
    let latency = |latency: &Latency| {
        json!({
            "p50": latency.quantile_us(0.5),
            "p99": latency.quantile_us(0.99),
            "p999": latency.quantile_us(0.999),
            "max": latency.max_us(),
        })
    };
    let calls: serde_json::Map<String, Value> =
        Call::ALL.iter().map(|call| (call.name().to_owned(), json!(tally.count(*call)))).collect();
    let channels: serde_json::Map<String, Value> = Channel::ALL
        .iter()
        .zip(&tally.channels)
        .map(|(channel, by)| {
            let figures = json!({ "booked": by.booked, "refused": by.refused });
            (channel.name().to_owned(), figures)
        })
        .collect();
    json!({
        "operations": tally.operations(),
        "operations_per_second": whole(rate(tally.operations(), seen.seconds)),
        "operations_in_busiest_second": seen.busiest,
        "granted": tally.granted(),
        "booked": tally.channels.iter().map(|by| by.booked).sum::<u64>(),
        "refused": tally.refused.count(),
        "refused_by": tally.refused_by,
        "calls": calls,
        "channels": channels,
        "latency_us": latency(&tally.all()),
        "refusal_latency_us": latency(&tally.refused),
        "double_bookings": found.double_bookings,
        "over_channel": found.over_channel,
        "broken_lives": found.broken_lives,
        "acknowledged": found.acknowledged,
        "lost_acknowledged": found.lost_acknowledged,
        "recovered_equal": found.recovered_equal,
        "recovery_seconds": found.recovery_seconds,
        "records": found.records,
        "durable": !of.options.in_memory,
        "durability": if of.options.in_memory { "none" } else { of.options.durability.name() },
        "seconds": (seen.seconds * 1_000.0).round() / 1_000.0,
        "citizens": of.citizens,
        "threads": of.options.threads,
        "seed": of.options.seed,
        "offices": of.stage.offices.len(),
        "days": of.stage.days,
        "places": of.stage.places,
        "expired": seen.stats.expired,
        "time_to_sell_out_s": seen.all_sold_out_s,
        "scenario": numbers.scenario,
        "machine_hiccup_ms": numbers.hiccup_ms,
        "picture": numbers,
        "evidence": tally.wrong.iter().chain(&found.evidence).collect::<Vec<_>>(),
    })
}
