//! How many people a second does the desk keep, and how fast does it find one?
//!
//! Measured: `People::put` on a file, each durable before it counts, by 1 and by 1,000 callers that
//! wait at once, beside a plain write of 4 KiB with a sync on the same disk; `by_code` among
//! 100,000. Not measured: the engine, which holds the place after that, and a cold page cache.
//! Figures are people a second; compare within one run.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    missing_docs,
    reason = "a benchmark may panic, and has no readers but its own"
)]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, NaiveDate};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use cupo::desk::{Code, Language, MasterKey, People, Person, PersonKey, Secrets, Store};
use cupo::{PartyId, RequestId};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// Every turn keeps people that no earlier turn kept.
static NEXT: AtomicU64 = AtomicU64::new(1);

fn ana() -> Arc<Person> {
    let birth = NaiveDate::from_ymd_opt(1990, 1, 31).unwrap();
    let email = "ana.ruiz@example.org";
    Arc::new(Person::new("Ana Ruiz", "2025550143", email, birth, Language::Es, birth).unwrap())
}

fn secrets() -> Secrets {
    Secrets::new(&MasterKey::new([1; 32]))
}

async fn put(people: &People, person: &Person) -> Code {
    let number = u128::from(NEXT.fetch_add(1, Ordering::Relaxed));
    let key =
        PersonKey { party: PartyId(number.wrapping_mul(u128::MAX / 7)), request: RequestId(1) };
    people.put(key, person, DateTime::UNIX_EPOCH).await.unwrap()
}

/// So many at once; every one of them waits until it is durable.
fn put_all(runtime: &Runtime, people: &People, person: &Arc<Person>, callers: u64) -> Vec<Code> {
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            let (people, person) = (people.clone(), Arc::clone(person));
            tasks.spawn(async move { put(&people, &person).await });
        }
        tasks.join_all().await
    })
}

fn keeping(c: &mut Criterion) {
    let mut group = c.benchmark_group("keep");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    let room = tempfile::tempdir().unwrap();
    let file = File::create(room.path().join("plain")).unwrap();
    let mut at = 0;
    group.throughput(Throughput::Elements(1)).bench_function("plain_4_KiB_and_sync", |b| {
        b.iter(|| {
            file.write_all_at(&[1; 4_096], at).unwrap();
            file.sync_data().unwrap();
            at += 4_096;
        });
    });
    let runtime = Runtime::new().unwrap();
    let person = ana();
    for (name, store) in [
        ("file", Store::open(&room.path().join("desk.redb"), &secrets()).unwrap()),
        ("memory", Store::in_memory().unwrap()),
    ] {
        let people = People::new(Arc::new(store), secrets());
        for callers in [1, 1_000] {
            group.throughput(Throughput::Elements(callers));
            group.bench_function(format!("{name}/{callers}"), |b| {
                b.iter(|| put_all(&runtime, &people, &person, callers));
            });
        }
    }
    group.finish();
}

fn finding(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let people = People::new(Arc::new(Store::in_memory().unwrap()), secrets());
    let person = ana();
    let codes: Vec<Code> =
        (0..100).flat_map(|_| put_all(&runtime, &people, &person, 1_000)).collect();
    let mut turn = codes.iter().cycle();
    c.bench_function("by_code_of_100,000", |b| {
        b.iter(|| people.by_code(*turn.next().unwrap()).unwrap().unwrap());
    });
}

criterion_group!(benches, keeping, finding);
criterion_main!(benches);
