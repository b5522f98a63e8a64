//! Which documents does the engine take? Any text, as TOML and as JSON.

use cupo::{Catalog, Engine, ManualClock};

/// A catalog is refused with a reason, or it reads back equal in both forms; a small one can be
/// installed. Says whether it was accepted.
pub fn catalog(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut good = false;
    for read in [Catalog::from_toml(text), Catalog::from_json(text)] {
        match read {
            Ok(catalog) => {
                accepted(&catalog);
                good = true;
            }
            Err(error) => assert!(!error.to_string().is_empty(), "a refusal without a reason"),
        }
    }
    good
}

fn accepted(catalog: &Catalog) {
    let toml = Catalog::from_toml(&catalog.to_toml()).expect("its own TOML");
    assert_eq!(&toml, catalog);
    let json = Catalog::from_json(&catalog.to_json()).expect("its own JSON");
    assert_eq!(&json, catalog);
    if catalog.calendars.len() > 2 {
        return;
    }
    let clock =
        ManualClock::at(chrono::DateTime::from_timestamp_millis(1_796_000_000_000).unwrap());
    let engine = Engine::builder().clock(clock).shards(1).open().expect("in memory");
    // A catalog may still be beyond a bound of the engine; it says so.
    if engine.install(catalog).is_ok() {
        assert!(engine.audit().is_clean());
    }
}
