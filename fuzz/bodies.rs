//! What is fuzzed, as plain functions that an ordinary test replays too.

/// No text makes the catalog panic; what is accepted reads back equal.
pub fn catalog(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for catalog in
        [cupo::Catalog::from_toml(text), cupo::Catalog::from_json(text)].into_iter().flatten()
    {
        assert_eq!(cupo::Catalog::from_json(&catalog.to_json()), Ok(catalog.clone()));
        assert_eq!(cupo::Catalog::from_toml(&catalog.to_toml()), Ok(catalog));
    }
}
