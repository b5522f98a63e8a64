#[path = "../benches/stage/fair.rs"]
mod fair;
use cupo::*;
use fair::*;
fn engine(hours: &str) -> Fair {
    let text = catalog_text(57, 4, 60).replace("00:00-24:00", hours);
    let fair = Fair::of(Engine::builder(), &Catalog::from_toml(&text).unwrap());
    let mut n = 0u64;
    for day in fair.engine.days() {
        for slot in fair.engine.day(day).map_or_else(Vec::new, |v| v.slots) {
            for _ in 0..4 {
                n += 1;
                if spread(n) & 1 == 0 {
                    let _ = fair
                        .engine
                        .book(&Ask::new(
                            PartyId(u128::from(n) << 64),
                            RequestId(1),
                            fair.service,
                            slot.slot,
                        ))
                        .dirty();
                }
            }
        }
    }
    fair
}
#[inline(never)]
fn earliest(f: &Fair, q: &Openings) -> usize {
    f.engine.openings(q).len()
}
fn main() {
    let n: u64 = std::env::args().nth(1).map_or(20_000, |s| s.parse().unwrap());
    for hours in ["00:00-24:00", "09:00-14:00"] {
        let f = engine(hours);
        let q = Openings::new(f.service).limit(1);
        for _ in 0..3 {
            let s = std::time::Instant::now();
            for _ in 0..n {
                std::hint::black_box(earliest(&f, &q));
            }
            println!("{hours} {:.3} us", s.elapsed().as_secs_f64() * 1e6 / n as f64);
        }
    }
}
