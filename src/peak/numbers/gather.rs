//! Where do the numbers come from? The tally, what was watched, and the audit, put in order.
//!
//! Never asks the engine.

use std::collections::BTreeSet;

use crate::peak::audit::Findings;
use crate::peak::fairness::{Fate, GROUPS};
use crate::peak::measure::{Call, Latency, grouped, rate, real};
use crate::peak::noise;
use crate::peak::numbers::{
    Cause, Check, Curve, Group, Heat, HeatRow, Mark, Measure, Numbers, Part, Totals, rounded,
};
use crate::peak::report::Outcome;
use crate::peak::slices::Slice;

/// Points on the time axis of a picture.
const PARTS: usize = 72;
/// Causes of refusals that are told apart.
const CAUSES: usize = 5;
const EXPIRED: &str = "hold_expired";

pub(crate) fn gather(of: &Outcome<'_>, found: &Findings) -> Numbers {
    let scenario = of.scenario;
    let slices = of.tally.slices.clone().at_most(PARTS);
    let width_s = real(slices.width_us) / 1e6;
    let causes = causes(of);
    let slice_seconds = width_s * scenario.compression;
    let parts: Vec<Part> = slices
        .list
        .iter()
        .zip(0_u64..)
        .map(|(slice, at)| part(slice, real(at) * slice_seconds, width_s, &causes))
        .collect();
    let mut numbers = Numbers {
        scenario: scenario.name.clone(),
        about: scenario.about.clone(),
        date: of.seen.began.clone(),
        seed: of.options.seed,
        citizens: of.citizens,
        open_loop: scenario.arrivals.is_some(),
        compression: scenario.compression,
        run_seconds: rounded(of.seen.seconds, 3),
        settings: crate::peak::settings::told(of),
        checks: checks(of, found),
        totals: totals(of, found),
        slice_seconds,
        slices: parts,
        latency: curves(of),
        heat: heat(of, found),
        fates: fates(of),
        beats: of.seen.beats.clone(),
        marks: marks(of),
        measures: Vec::new(),
        disk_stall_ms: [0.5, 0.99, 0.999]
            .map(|q| rounded(of.seen.own_syncs.unsteadiness_us(q) / 1e3, 3)),
        hiccup_ms: [0.5, 0.99, 0.999].map(|q| rounded(of.seen.hiccups.quantile_us(q) / 1e3, 3)),
    };
    numbers.measures = measures(of, &numbers);
    numbers
}

/// The most frequent causes first.
fn causes(of: &Outcome<'_>) -> Vec<&'static str> {
    let mut causes: Vec<(u64, &'static str)> =
        of.tally.refused_by.iter().map(|(cause, count)| (*count, *cause)).collect();
    causes.sort_unstable_by(|one, other| other.cmp(one));
    causes.truncate(CAUSES);
    causes.into_iter().map(|(_, cause)| cause).collect()
}

fn part(slice: &Slice, at: f64, width_s: f64, causes: &[&'static str]) -> Part {
    let per_second = |count: u64| rounded(rate(count, width_s), 1);
    let ms = |quantile| slice.quantile_us(quantile).map(|us| real(us) / 1e3);
    let mut refused: Vec<Cause> = causes
        .iter()
        .map(|cause| {
            let count = slice.causes.get(cause).copied().unwrap_or(0);
            Cause { name: (*cause).to_owned(), rate: per_second(count) }
        })
        .collect();
    let others = slice.causes.iter().filter(|(cause, _)| !causes.contains(cause));
    let others: u64 = others.map(|(_, count)| count).sum();
    refused.push(Cause { name: "others".to_owned(), rate: per_second(others) });
    Part {
        at,
        offered: per_second(slice.offered),
        served: per_second(slice.served),
        sold: per_second(slice.sold),
        refused,
        p50_ms: ms(0.5),
        p99_ms: ms(0.99),
        p999_ms: ms(0.999),
    }
}

fn checks(of: &Outcome<'_>, found: &Findings) -> Vec<Check> {
    let check = |name: &str, value: String, good: bool| Check { name: name.into(), value, good };
    let lost = format!("{} of {}", found.lost_acknowledged, grouped(found.acknowledged));
    let recovered = match found.recovered_equal {
        None => "not asked: in memory",
        Some(true) => "yes",
        Some(false) => "NO",
    };
    let evidence = of.tally.wrong.len() + found.evidence.len();
    vec![
        check("double bookings", found.double_bookings.to_string(), found.double_bookings == 0),
        check("lost acknowledged", lost, found.lost_acknowledged == 0),
        check("recovered equal", recovered.into(), found.recovered_equal != Some(false)),
        check("over a channel's share", found.over_channel.to_string(), found.over_channel == 0),
        check("broken lives of claims", found.broken_lives.to_string(), found.broken_lives == 0),
        check("lines of evidence", evidence.to_string(), evidence == 0),
    ]
}

fn totals(of: &Outcome<'_>, found: &Findings) -> Totals {
    let tally = of.tally;
    let opens = real(of.scenario.opens_after_ms()) / 1e3;
    let scenario_seconds = |run: f64| rounded((run + opens) * of.scenario.compression, 1);
    Totals {
        answers: tally.operations(),
        booked: tally.channels.iter().map(|by| by.booked).sum(),
        refused: tally.refused.count(),
        gave_up: tally.left,
        places: of.stage.places,
        places_used: found.used.values().sum(),
        sold_out_seconds: of.seen.all_sold_out_s.map(scenario_seconds),
        displaced: of.seen.shut.iter().map(|shut| shut.displaced).sum(),
        rebooked: tally.count(Call::Rebook),
        stranded: tally.stranded,
        closing_seconds: rounded(of.seen.shut.iter().map(|shut| shut.seconds).sum(), 3),
    }
}

fn curves(of: &Outcome<'_>) -> Vec<Curve> {
    // Nine points for each nine more: 0, 10 %, ... 90 %, 91 %, ... 99 %, 99.1 %, ...
    let shares: Vec<f64> = (0..6)
        .flat_map(|nines| {
            (0..9).map(move |step| 1.0 - 0.1_f64.powi(nines) * (1.0 - 0.1 * f64::from(step)))
        })
        .collect();
    let curve = |name: &str, latency: &Latency| Curve {
        name: name.to_owned(),
        count: latency.count(),
        max_ms: rounded(latency.max_us() / 1e3, 3),
        points: latency
            .curve_us(&shares)
            .into_iter()
            .map(|[share, us]| [rounded(share, 8), rounded(us / 1e3, 4)])
            .collect(),
    };
    let tally = of.tally;
    let mut curves = vec![
        curve("carried out, since due", &tally.all()),
        curve("refused, since due", &tally.refused),
    ];
    if of.scenario.arrivals.is_some() {
        curves.push(curve("carried out, since sent", &tally.from_call));
    }
    if !of.options.in_memory {
        curves.push(curve("one sync of the disk", &of.seen.syncs));
    }
    curves.retain(|curve| curve.count > 0);
    curves
}

fn heat(of: &Outcome<'_>, found: &Findings) -> Heat {
    let offices = &of.stage.offices;
    let dates: BTreeSet<_> =
        offices.iter().flat_map(|office| &office.days).map(|day| day.date()).collect();
    let rows = offices.iter().map(|office| {
        let percent = dates.iter().map(|date| {
            let days = office.days.iter().zip(&office.day_places);
            let own: Vec<_> = days.filter(|(day, _)| day.date() == *date).collect();
            let places: u64 = own.iter().map(|(_, places)| **places).sum();
            let used: u64 = own.iter().filter_map(|(day, _)| found.used.get(day)).sum();
            (places > 0).then(|| u8::try_from((used * 100 / places).min(255)).unwrap_or(u8::MAX))
        });
        HeatRow { office: office.key.clone(), percent: percent.collect() }
    });
    Heat {
        offices: rows.collect(),
        days: dates.iter().map(|date| date.format("%d %b").to_string()).collect(),
    }
}

fn fates(of: &Outcome<'_>) -> Vec<Group> {
    let seconds = |latency: &Latency| {
        let second = |q: f64| latency.quantile_us(q) / 1e6 * of.scenario.compression;
        (latency.count() > 0).then(|| [0.1, 0.5, 0.9, 0.99].map(|q| rounded(second(q), 3)))
    };
    let group = |(fate, name): (&Fate, &&str)| Group {
        name: (*name).to_owned(),
        came: fate.came,
        holds: fate.holds,
        booked: fate.booked,
        persons: fate.persons,
        let_go: fate.let_go,
        gave_up: fate.gave_up,
        tries: fate.tries,
        until_booked: seconds(&fate.until_booked),
        until_gave_up: seconds(&fate.until_gave_up),
    };
    let groups = of.tally.fairness.0.iter().zip(&GROUPS).map(group);
    groups.filter(|group| group.came > 0).collect()
}

fn marks(of: &Outcome<'_>) -> Vec<Mark> {
    let scenario = of.scenario;
    let mut marks = Vec::new();
    let opens = scenario.arrivals.as_ref().map_or(0, |arrivals| arrivals.opens_after().0);
    if opens > 0 {
        marks.push(Mark { what: "places open".into(), from: real(opens), to: real(opens) });
    }
    for trouble in scenario.disk.iter().filter(|_| !of.options.in_memory) {
        let what = if trouble.full { "disk full" } else { "disk slow" };
        let from = real(trouble.from.unwrap_or_default().0);
        let end = of.seen.seconds * scenario.compression;
        let to = trouble.to.map_or(end, |to| real(to.0));
        marks.push(Mark { what: what.into(), from, to });
    }
    for shutting in &scenario.closures {
        let at = real(shutting.at.0);
        marks.push(Mark { what: format!("{} closes", shutting.office), from: at, to: at });
    }
    marks
}

fn measures(of: &Outcome<'_>, numbers: &Numbers) -> Vec<Measure> {
    let totals = &numbers.totals;
    let slices = &numbers.slices;
    let series = |of: fn(&Part) -> Option<f64>| slices.iter().map(of).collect::<Vec<_>>();
    let count = |name: &str, value: u64, of: fn(&Part) -> Option<f64>| Measure {
        name: name.into(),
        unit: String::new(),
        value: real(value),
        noise: noise::of_count(real(value), &series(of)),
    };
    let (hiccup, stall) = (numbers.hiccup_ms, numbers.disk_stall_ms);
    let ([h50, h99, h999], [s50, s99, s999]) = (hiccup, stall);
    let (p50, p99, p999) = (h50 + s50, h99 + s99, h999 + s999);
    // A hold that expired is a matter of latency, which has its own noise.
    let timely = |part: &Part| {
        let own = part.refused.iter().filter(|cause| cause.name != EXPIRED);
        Some(own.map(|cause| cause.rate).sum())
    };
    let expired = of.tally.refused_by.get(EXPIRED).copied().unwrap_or(0);
    let all = of.tally.all();
    let latency = |name: &str, value: f64, hiccup: f64, of: fn(&Part) -> Option<f64>| Measure {
        name: name.into(),
        unit: "ms".into(),
        value: rounded(value, 3),
        noise: noise::of_latency(value, &series(of), hiccup),
    };
    vec![
        count("answers", totals.answers, |part| Some(part.served)),
        count("booked", totals.booked, |part| Some(part.sold)),
        count("refused in time", totals.refused - expired, timely),
        count("left without a place", totals.gave_up, timely),
        latency("latency p50", all.quantile_us(0.5) / 1e3, p50, |part| part.p50_ms),
        latency("latency p99", all.quantile_us(0.99) / 1e3, p99, |part| part.p99_ms),
        latency("latency p99.9", all.quantile_us(0.999) / 1e3, p999, |part| part.p999_ms),
    ]
}
