//! The example catalog is the real case: 57 offices, 10 services, about 25,000 documents a day.

use cupo::{Catalog, Engine, ManualClock};

#[test]
fn an_ordinary_day_has_places_for_25_000_documents() {
    let text = include_str!("../examples/miconsulado.toml");
    let catalog = Catalog::from_toml(text).unwrap();
    assert_eq!((catalog.offices.len(), catalog.services.len()), (57, 10));
    assert_eq!(Catalog::from_json(&catalog.to_json()).unwrap(), catalog);
    assert_eq!(Catalog::from_toml(&catalog.to_toml()).unwrap(), catalog);
    let clock = ManualClock::at("2026-12-01T12:00:00Z".parse().unwrap());
    let engine = Engine::builder().clock(clock).open().unwrap();
    engine.install(&catalog).unwrap();
    let places = |date: chrono::NaiveDate| -> u64 {
        let days = engine.days().into_iter().filter(|day| day.date() == date);
        let views = days.filter_map(|day| engine.day(day));
        views.flat_map(|view| view.slots).map(|slot| u64::from(slot.capacity)).sum()
    };
    let tuesday = places("2026-12-08".parse().unwrap());
    assert!((24_000..=26_500).contains(&tuesday), "{tuesday}");
    assert_eq!(places("2026-12-25".parse().unwrap()), 0, "closed everywhere");
    assert_eq!(places("2026-12-12".parse().unwrap()), 0, "a Saturday");
}
