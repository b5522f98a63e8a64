//! What does a snapshot cost those who write meanwhile?

use std::thread;
use std::time::Duration;

use cupo::Engine;

use super::Stage;
use super::figure::{Aim, Figure};
use crate::fair::{Fair, IN_FLIGHT};
use crate::speed::{Runs, beside, grouped, now, short};

/// Bytes of log after which an engine takes one by itself, unless told otherwise.
const EVERY: f64 = (1_u64 << 30) as f64;
const LINE: f64 = 64.0;

pub fn measure(stage: &mut Stage<'_>) {
    let effort = stage.effort;
    let claims = effort.pick(1_000_000, 1_000_000, 2_000);
    stage.progress.say(&format!("a snapshot of {} claims beside writers", grouped(claims as f64)));
    let never = Engine::builder().directory(stage.dir.join("snapshot")).snapshot_every(u64::MAX);
    let fair = Fair::open(never, claims);
    let (mut lost, mut lost_between, mut took) =
        (Runs::default(), Runs::default(), Runs::default());
    beside(
        2,
        |thread, counter| fair.synced_mix(thread, IN_FLIGHT, counter),
        |meter| {
            let quiet = || meter.rate(|| thread::sleep(effort.span() / 4));
            thread::sleep(effort.warm() + Duration::from_millis(1));
            for _ in 0..effort.rounds() * 2 {
                let (before, start) = (quiet(), now());
                let during = meter.rate(|| {
                    fair.engine.snapshot().unwrap();
                });
                let seconds = start.elapsed().as_secs_f64();
                let without = f64::midpoint(before, quiet());
                let share = 1.0 - during / without;
                lost.add(share * 100.0);
                took.add(seconds * 1e3);
                // The next one comes when so many bytes of log have been written.
                let between = EVERY / LINE / without;
                lost_between.add(share * 100.0 * seconds / (seconds + between));
            }
        },
    );
    let rates = format!(
        "2 threads, synced, 1,024 in flight each, {} M live claims; rate while a snapshot is \
         taken against the rates just before and after",
        short(claims as f64 * 1e-6)
    );
    let between = "the same, spread over the GiB of log after which there is one";
    let aim = Aim::AtMost(5.0);
    stage.figures.extend([
        Figure::new("throughput that writers lose during a snapshot", aim, "%", lost, &rates),
        Figure::new(
            "throughput that writers lose to snapshots, all in all",
            aim,
            "%",
            lost_between,
            between,
        ),
        Figure::new("time of a snapshot beside writers", Aim::Nothing, "ms", took, ""),
    ]);
}
