//! How many operations a second, and how many times the work that cannot be avoided?

use cupo::Engine;

use super::Stage;
use super::disk::settled;
use super::figure::{Aim, Figure};
use crate::fair::{Fair, IN_FLIGHT, LIVE};
use crate::irreducible::Floor;
use crate::speed::{Runs, grouped, rate};

const MILLION: f64 = 1e-6;

pub fn measure(stage: &mut Stage<'_>) {
    stage.progress.say("mix: hold, confirm, cancel, in memory and synced");
    let effort = stage.effort;
    let (warm, span) = (effort.warm(), effort.span());
    let memory = Fair::open(Engine::builder(), LIVE);
    let disk = settled(stage, &stage.dir.join("mix"));
    let few = Floor::new(LIVE as usize);
    // At its own pace the engine remembers so many claims; the first run tells.
    rate(2, (warm, span), |thread, counter| memory.mix(thread, counter));
    let stats = memory.engine.stats();
    let lines = stats.booked + stats.held + stats.ended;
    let many = Floor::new(lines as usize);
    let mut runs: [Runs; 6] = Default::default();
    for _ in 0..effort.rounds() {
        let in_memory = |threads| rate(threads, (warm, span), |t, c| memory.mix(t, c));
        let floor = |floor: &Floor| rate(2, (warm / 4, span / 2), |t, c| floor.mix(t, c));
        let synced = |threads| rate(threads, (warm, span), |t, c| disk.synced_mix(t, IN_FLIGHT, c));
        let all = [in_memory(1), in_memory(2), floor(&few), floor(&many), synced(1), synced(2)];
        runs.iter_mut().zip(all).for_each(|(runs, figure)| runs.add(figure));
    }
    let [one, two, few, many, synced_one, synced_two] = runs;
    stage.peak = Some(synced_two.median());
    let engine = "hold, confirm, cancel; 200,000 live bookings on 1,710 days, parties never seen before, ended claims \
                  remembered for a second; in turns with the others";
    let synced = "the same; an operation counts once it is durable; 1,024 commits in flight a \
                  thread; after the second snapshot";
    let lines = grouped(lines as f64);
    let all_lines = format!("irreducible work over {lines} lines, 2 threads");
    let floor = |lines: &str| {
        format!(
            "two locks, one hash probe, one cold line, one record, over {lines} lines; its rate \
             over the engine's, round by round"
        )
    };
    let rated = |what: &str, aim, runs: &Runs, how: &str| {
        Figure::new(what, aim, "M/s", runs.map(|rate| rate * MILLION), how)
    };
    let none = Aim::Nothing;
    stage.figures.extend([
        rated("mix in memory, 2 threads", Aim::AtLeast(8.0), &two, engine),
        rated("mix in memory, 1 thread", none, &one, ""),
        rated("irreducible work over 200,000 lines, 2 threads", none, &few, ""),
        rated(&all_lines, none, &many, ""),
        Figure::new(
            "mix in memory: times the irreducible work over the live claims",
            Aim::AtMost(1.5),
            "x",
            few.over(&two),
            &floor("200,000"),
        ),
        Figure::new(
            "mix in memory: times that over as many lines as the engine has",
            Aim::AtMost(1.5),
            "x",
            many.over(&two),
            &(floor(&lines) + "; live claims and those that ended within a second"),
        ),
        rated("mix synced, 2 threads", Aim::AtLeast(4.0), &synced_two, synced),
        rated("mix synced, 1 thread", none, &synced_one, ""),
    ]);
}
