//! What does it look like? One page with all pictures of a run, to be read without a network.
//!
//! Never needs a script, a font or a file beside it, and shows nothing that is not in the numbers.

mod fair;
mod heat;
mod lines;
mod svg;
mod time;

use std::fmt::Write as _;

use crate::peak::measure::{grouped, real};
use crate::peak::noise::RULE;
use crate::peak::numbers::{Beat, Mark, Numbers, Part};
use crate::peak::picture::lines::{Series, axes, chart};
use crate::peak::picture::svg::{Scale, escaped, short};
use crate::peak::picture::time::Unit;

/// Moments of the queue and the disk on a time axis.
const MOMENTS: usize = 90;
const STYLE: &str = include_str!("picture/page.css");
/// Patterns that the charts share.
const PATTERNS: &str = include_str!("picture/patterns.svg");

pub(crate) fn page(of: &Numbers) -> String {
    let drawing = Drawing::of(of);
    let mut text = String::with_capacity(200_000);
    let title = escaped(&of.scenario);
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>cupo peak: {title}</title><style>{STYLE}</style></head><body>{PATTERNS}\
         <header><h1>{title}</h1><p>{}</p><p class=\"when\">cupo peak, {}, seed {}</p></header>",
        escaped(&of.about),
        escaped(&of.date),
        of.seed
    );
    tiles(&mut text, of);
    drawing.load(&mut text);
    drawing.latency(&mut text);
    drawing.distribution(&mut text);
    drawing.refusals(&mut text);
    drawing.queue_and_disk(&mut text);
    fairness(&mut text, of);
    section(
        &mut text,
        "How full each office is, day by day",
        "Percent of the places in use at the end of the run, by the recount of the journal. The \
         darker, the fuller; no figure where the office is closed that day.",
        &heat::chart("fill by office and day", &of.heat),
    );
    tables(&mut text, of);
    text.push_str("</body></html>\n");
    text
}

/// A run of which pictures over time are drawn.
struct Drawing<'a> {
    of: &'a Numbers,
    unit: Unit,
    axis: String,
    marks: Vec<Mark>,
}

impl<'a> Drawing<'a> {
    fn of(of: &'a Numbers) -> Self {
        let unit = Unit::of(of.slices.last().map_or(0.0, |last| last.at));
        let from = if of.open_loop { "the first arrivals" } else { "the opening" };
        let passes = of.compression / unit.seconds;
        let axis = if (passes - 1.0).abs() < 1e-9 {
            format!("seconds since {from}")
        } else {
            let passes = short(crate::peak::numbers::rounded(passes, 3));
            let name = unit.name;
            format!("{name} of the scenario since {from} (1 s of the run: {passes} {name})")
        };
        let mark = |mark: &Mark| Mark {
            what: mark.what.clone(),
            from: unit.count(mark.from),
            to: unit.count(mark.to),
        };
        Self { of, unit, axis, marks: of.marks.iter().map(mark).collect() }
    }

    /// A figure of each slice.
    fn series(&self, name: &str, figure: impl Fn(&Part) -> Option<f64>) -> Series {
        let at = |part: &Part| self.unit.count(part.at + self.of.slice_seconds / 2.0);
        let points = self.of.slices.iter().map(|part| (at(part), figure(part))).collect();
        Series { name: name.to_owned(), points }
    }

    fn over_time(&self, name: &str, y: (&str, Scale), series: &[Series]) -> String {
        chart(name, axes((&self.axis, Scale::Even), y, series), series, &self.marks)
    }

    fn load(&self, text: &mut String) {
        let series = [
            self.series("offered: calls due", |part| Some(part.offered)),
            self.series("served: answers", |part| Some(part.served)),
            self.series("of these, bookings", |part| Some(part.sold)),
        ];
        let name = "Offered and served load";
        let note = if self.of.open_loop {
            "Calls that were due and calls that were answered, per second of the run. Where the \
             lines part, the engine was behind; what it was behind by comes later."
        } else {
            "Everyone is at the door and let in as fast as they are served, so offered and served \
             are one: the most that this machine takes."
        };
        section(
            text,
            name,
            note,
            &self.over_time(name, ("per second of the run", Scale::Even), &series),
        );
    }

    fn latency(&self, text: &mut String) {
        let series = [
            self.series("99.9%", |part| part.p999_ms),
            self.series("99%", |part| part.p99_ms),
            self.series("50%", |part| part.p50_ms),
        ];
        let name = "Latency over time";
        let note = if self.of.open_loop {
            "Milliseconds of the run from when a call was due to its durable answer, by when it was \
             due: a call that had to wait for its turn has waited (no coordinated omission). \
             Changes that were carried out."
        } else {
            "Milliseconds of the run from the call to its durable answer, of changes that were \
             carried out. This run is closed-loop: nobody is due before they are let in."
        };
        section(
            text,
            name,
            note,
            &self.over_time(name, ("ms, powers of ten", Scale::Log), &series),
        );
    }

    fn distribution(&self, text: &mut String) {
        let series: Vec<Series> = self
            .of
            .latency
            .iter()
            .map(|curve| Series {
                name: curve.name.clone(),
                points: curve.points.iter().map(|[x, y]| (*x, Some(*y))).collect(),
            })
            .collect();
        let name = "Latency by percentile";
        let note = "How many of all calls took at most so long. Each further nine takes the same \
                    room: the right end is the worst that anyone met. A gap between due and \
                    sent is time spent waiting for a turn.";
        let x = ("share of calls", Scale::Nines);
        let axes = axes(x, ("ms, powers of ten", Scale::Log), &series);
        section(text, name, note, &chart(name, axes, &series, &[]));
    }

    fn refusals(&self, text: &mut String) {
        let names = self.of.slices.first().map(|part| &part.refused);
        let series: Vec<Series> = names
            .into_iter()
            .flatten()
            .zip(0_usize..)
            .map(|(cause, at)| {
                // None at all has no place among powers of ten.
                let rate = move |part: &Part| Some(part.refused.get(at)?.rate);
                self.series(&cause.name, move |part| rate(part).filter(|rate| *rate > 0.0))
            })
            .filter(|series| series.points.iter().any(|(_, rate)| rate.is_some()))
            .collect();
        let name = "Refusals by cause";
        let note = "Calls refused per second of the run. Every refusal names its cause and what to \
                    do next; the five most frequent causes are told apart. Where a line is broken \
                    nobody was refused for that cause.";
        let drawn = if series.is_empty() {
            "<p class=\"none\">Nobody was refused.</p>".to_owned()
        } else {
            self.over_time(name, ("per second of the run, powers of ten", Scale::Log), &series)
        };
        section(text, name, note, &drawn);
    }

    fn queue_and_disk(&self, text: &mut String) {
        let few = merged(&self.of.beats);
        let beats = |name: &str, figure: fn(&Beat) -> Option<f64>| Series {
            name: name.to_owned(),
            points: few.iter().map(|beat| (self.unit.count(beat.at), figure(beat))).collect(),
        };
        let mut queue = vec![beats("calls to the engine", |beat| Some(real(beat.queue)))];
        if self.of.beats.iter().any(|beat| beat.callers > 0) {
            queue.push(beats("callers", |beat| Some(real(beat.callers))));
        }
        let name = "Queue";
        let note = "Calls to the engine that were due and not answered yet, and people on the \
                    telephone for whom no operator was free; looked at five times a second.";
        section(text, name, note, &self.over_time(name, ("waiting", Scale::Even), &queue));
        let synced = |beat: &Beat| beat.syncs > 0;
        if !self.of.beats.iter().any(synced) {
            return;
        }
        let disk = [
            beats("longest", |beat| (beat.syncs > 0).then_some(beat.sync_max_ms)),
            beats("half of them", |beat| (beat.syncs > 0).then_some(beat.sync_p50_ms)),
        ];
        let name = "How long a sync took";
        let note = "Milliseconds of the run, with what the scenario adds. One sync carries every \
                    answer that waits for it; where a line is broken none came to its end.";
        section(text, name, note, &self.over_time(name, ("ms, powers of ten", Scale::Log), &disk));
    }
}

/// Moments in few enough groups for a picture: the longest queue and sync of each.
fn merged(beats: &[Beat]) -> Vec<Beat> {
    let group = |group: &[Beat]| {
        let mut all = group.first().cloned().unwrap_or_default();
        all.syncs = group.iter().map(|beat| beat.syncs).sum();
        let weighted = group.iter().map(|beat| beat.sync_p50_ms * real(beat.syncs));
        all.sync_p50_ms = weighted.sum::<f64>() / real(all.syncs).max(1.0);
        all.sync_max_ms = group.iter().map(|beat| beat.sync_max_ms).fold(0.0, f64::max);
        all.queue = group.iter().map(|beat| beat.queue).max().unwrap_or(0);
        all.callers = group.iter().map(|beat| beat.callers).max().unwrap_or(0);
        all
    };
    beats.chunks(beats.len().div_ceil(MOMENTS).max(1)).map(group).collect()
}

fn section(text: &mut String, name: &str, note: &str, drawn: &str) {
    let (name, note) = (escaped(name), escaped(note));
    let _ = write!(text, "<section><h2>{name}</h2><p>{note}</p><figure>{drawn}</figure></section>");
}

/// What a reader in a hurry wants to know.
fn tiles(text: &mut String, of: &Numbers) {
    let measure = |name: &str| {
        let own = of.measures.iter().find(|measure| measure.name == name);
        own.map_or_else(String::new, |own| format!("{} ms", short(own.value)))
    };
    let totals = &of.totals;
    let lost = of.checks.iter().find(|check| check.name == "lost acknowledged");
    let double = of.checks.iter().find(|check| check.name == "double bookings");
    let told = |check: Option<&crate::peak::numbers::Check>| {
        check.map_or_else(String::new, |check| check.value.clone())
    };
    let mut list = vec![
        ("booked", grouped(totals.booked)),
        ("refused", grouped(totals.refused)),
        ("left without a place", grouped(totals.gave_up)),
        ("latency, half of the calls", measure("latency p50")),
        ("latency, 99 of 100", measure("latency p99")),
        ("double bookings", told(double)),
        ("lost acknowledged", told(lost)),
    ];
    if totals.displaced > 0 {
        let moved = format!("{} of {}", grouped(totals.rebooked), grouped(totals.displaced));
        list.push(("displaced and rebooked", moved));
    }
    text.push_str("<dl class=\"tiles\">");
    for (name, value) in list {
        let _ = write!(text, "<div><dt>{name}</dt><dd>{}</dd></div>", escaped(&value));
    }
    text.push_str("</dl>");
}

fn fairness(text: &mut String, of: &Numbers) {
    let drawn = [
        ("What became of those who came", fair::outcomes("outcomes by group", &of.fates)),
        ("Who got the bookings, at which try", fair::bookings("bookings by group", &of.fates)),
        ("How long they tried", fair::tries("time until a booking", &of.fates)),
    ];
    let mut all = String::new();
    for (name, chart) in drawn {
        let _ = write!(all, "<h3>{name}</h3>{chart}");
    }
    section(
        text,
        "Fairness",
        &format!(
            "Time of the scenario, from the arrival, with the wait for an operator or for the \
             opening{}. A bot may book more than once; what it holds and lets go is in its holds.",
            weight(of.compression)
        ),
        &all,
    );
}

/// What a compressed run does to waiting times.
fn weight(compression: f64) -> String {
    if compression <= 1.0 {
        return String::new();
    }
    let second = short(crate::peak::numbers::rounded(compression / 1e3, 3));
    format!("; as the run is compressed, each ms that the engine takes weighs {second} s here")
}

fn tables(text: &mut String, of: &Numbers) {
    text.push_str("<section><h2>Audit</h2><table>");
    for check in &of.checks {
        let well = if check.good { "as promised" } else { "NOT AS PROMISED" };
        let (name, value) = (escaped(&check.name), escaped(&check.value));
        let _ = write!(text, "<tr><th>{name}</th><td>{value}</td><td>{well}</td></tr>");
    }
    text.push_str("</table></section><section><h2>Settings and machine</h2><table>");
    for setting in &of.settings {
        let (name, value) = (escaped(&setting.name), escaped(&setting.value));
        let _ = write!(text, "<tr><th>{name}</th><td>{value}</td></tr>");
    }
    text.push_str("</table></section><section><h2>Noise</h2><table><tr><th></th><td>this run</td><td>noise</td></tr>");
    for measure in &of.measures {
        let _ = write!(
            text,
            "<tr><th>{}</th><td>{} {unit}</td><td>&#177; {} {unit}</td></tr>",
            escaped(&measure.name),
            short(measure.value),
            short(measure.noise),
            unit = measure.unit
        );
    }
    let [p50, p99, p999] = of.hiccup_ms;
    let [s50, s99, s999] = of.disk_stall_ms;
    let _ = write!(
        text,
        "</table><p>{}</p><p>An idle thread woke late by {p50} ms (half of the times), {p99} ms (99 \
         of 100), {p999} ms (999 of 1000). The disk by itself took longer than its median sync by \
         {s50}, {s99} and {s999} ms (for half, 99 % and 99.9 % of the time).</p></section>",
        escaped(RULE)
    );
}
