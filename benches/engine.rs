//! How fast is the engine, beside the work that cannot be avoided?
//!
//! Measured: operations through the public calls, with every rule on, by 1 and 2 threads; in
//! memory and durable (many commits in flight, each waited for). The irreducible work of one
//! operation - two uncontended locks, one hash probe, one cold claim line, one record in a ring -
//! runs in the same process. Not measured: the network, the catalog, and one commit at a time
//! (that is the disk's sync). Figures are operations a second; compare within one run.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    clippy::needless_pass_by_value,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/fair.rs"]
mod fair;
#[path = "stage/irreducible.rs"]
mod irreducible;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use cupo::{Ask, Engine, Openings, PartyId, RequestId};
use fair::{Fair, LIVE, spread};

/// Every turn of a benchmark uses parties that no earlier turn used.
static NEXT: AtomicU64 = AtomicU64::new(1);

#[expect(clippy::disallowed_methods, reason = "a benchmark measures")]
fn timed(threads: u64, turns: u64, work: impl Fn(u64, u64) + Sync) -> Duration {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let thread = NEXT.fetch_add(1, Ordering::Relaxed);
            let work = &work;
            scope.spawn(move || work(thread, turns.div_ceil(threads)));
        }
    });
    start.elapsed()
}

fn mix(c: &mut Criterion) {
    let mut group = c.benchmark_group("mix");
    group.throughput(Throughput::Elements(3)).sample_size(10);
    group.measurement_time(Duration::from_secs(6));
    let floor = irreducible::Floor::new(LIVE as usize);
    let memory = Fair::open(Engine::builder(), LIVE);
    let dir = tempfile::tempdir().unwrap();
    let disk = Fair::open(Engine::builder().directory(dir.path()), LIVE);
    for threads in [1, 2] {
        group.bench_function(format!("irreducible/{threads}"), |b| {
            b.iter_custom(|turns| timed(threads, turns, |t, n| floor.cycle(t, 0..n)));
        });
        group.bench_function(format!("in_memory/{threads}"), |b| {
            b.iter_custom(|turns| timed(threads, turns, |t, n| memory.cycle(t, n, false)));
        });
        group.bench_function(format!("synced/{threads}"), |b| {
            b.iter_custom(|turns| timed(threads, turns, |t, n| disk.cycle(t, n, true)));
        });
    }
    group.finish();
}

fn one_slot(c: &mut Criterion) {
    let mut group = c.benchmark_group("one_slot");
    group.sample_size(10);
    let fair = Fair::open(Engine::builder(), 0);
    let (hot, sold_out) = (fair.days[0].slot(40), fair.days[1].slot(40));
    let ask = |party: u64, slot| {
        Ask::new(PartyId(spread(party).into()), RequestId(1), fair.service, slot)
    };
    for n in 0..400 {
        fair.engine.book(&ask(n, sold_out)).wait().unwrap();
    }
    for threads in [1, 2] {
        group.throughput(Throughput::Elements(2));
        group.bench_function(format!("hold_and_release/{threads}"), |b| {
            b.iter_custom(|turns| {
                timed(threads, turns, |thread, turns| {
                    for turn in 0..turns {
                        let held = fair.engine.hold(&ask(thread << 40 | turn, hot));
                        let id = held.dirty().unwrap().id();
                        assert!(fair.engine.release(id).dirty().is_ok());
                    }
                })
            });
        });
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("refused_sold_out/{threads}"), |b| {
            b.iter_custom(|turns| {
                timed(threads, turns, |thread, turns| {
                    for turn in 0..turns {
                        let refused = fair.engine.hold(&ask(thread << 40 | turn, sold_out));
                        assert!(refused.dirty().is_err());
                    }
                })
            });
        });
    }
    group.finish();
}

fn reads(c: &mut Criterion) {
    let mut group = c.benchmark_group("reads");
    let fair = Fair::open(Engine::builder(), LIVE);
    let query = Openings::new(fair.service).limit(1);
    group.bench_function("earliest_of_57_offices", |b| b.iter(|| fair.engine.openings(&query)));
    let office = fair.engine.office("o7").unwrap();
    let month = Openings::new(fair.service).offices(&[office]);
    group.bench_function("month_of_one_office", |b| b.iter(|| fair.engine.open_days(&month)));
    group.bench_function("one_day", |b| b.iter(|| fair.engine.day(fair.days[7])));
    group.finish();
}

fn recovery(c: &mut Criterion) {
    const BOOKINGS: u64 = 1_000_000;
    let mut group = c.benchmark_group("recovery");
    group.sample_size(10).throughput(Throughput::Elements(BOOKINGS));
    let dir = tempfile::tempdir().unwrap();
    let open = || Engine::builder().directory(dir.path()).snapshot_on_close(false);
    Fair::open(open(), BOOKINGS).engine.close().unwrap();
    group.bench_function("open_1M_records_from_page_cache", |b| {
        b.iter_batched(|| (), |()| drop(open().open().unwrap()), BatchSize::PerIteration);
    });
    group.finish();
}

/// Not a time: the bytes of a live booking and of a free slot, printed.
fn memory(c: &mut Criterion) {
    const BOOKINGS: u64 = 1_000_000;
    let empty = Fair::open(Engine::builder(), 0);
    let slots = empty.days.len() as u64 * 96;
    let before = empty.engine.stats().memory_bytes;
    println!("memory/free_slot        {:.1} bytes", before as f64 / slots as f64);
    drop(empty);
    let after = Fair::open(Engine::builder(), BOOKINGS).engine.stats().memory_bytes;
    println!("memory/live_booking     {:.1} bytes", (after - before) as f64 / BOOKINGS as f64);
    c.bench_function("memory/stats", |b| b.iter(|| after));
}

criterion_group!(benches, mix, one_slot, reads, recovery, memory);
criterion_main!(benches);
