//! A catalog that cannot be used is refused with the line or the path, what is there, and what was
//! expected; nothing is mended in silence.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

use cupo::{Catalog, CatalogError};

const GOOD: &str = r#"
[[offices]]
key = "a"
zone = "America/Chicago"

[[services]]
key = "s"

[[calendars]]
key = "c"
office = "a"
services = ["s"]
capacity = 4
hours = { mon = ["09:00-13:00", "14:00-16:00"] }
"#;

fn refused(from: &str, to: &str) -> CatalogError {
    let text = GOOD.replacen(from, to, 1);
    assert_ne!(text, GOOD, "nothing was changed: {from}");
    Catalog::from_toml(&text).expect_err(to)
}

#[test]
fn every_refusal_names_the_place_and_what_was_expected() {
    Catalog::from_toml(GOOD).unwrap();
    for (from, to, place, expected) in [
        ("capacity = 4", "capacity = 4\ncolour = 1", "line 14", "a catalog"),
        ("capacity = 4", "capacity = \"many\"", "line 13", "a catalog"),
        ("America/Chicago", "Mars/Olympus", "offices[0].zone", "an IANA time zone"),
        ("office = \"a\"", "office = \"b\"", "calendars[0].office", "the key of an office"),
        ("services = [\"s\"]", "services = [\"x\"]", "calendars[0].services[0]", "of a service"),
        ("capacity = 4", "capacity = 0", "calendars[0].capacity", "1 to 65535"),
        ("capacity = 4", "capacity = 70000", "line 13", "a catalog"),
        ("key = \"s\"", "key = \"s\"\nunits = 0", "services[0].units", "1 to 255"),
        ("key = \"s\"", "key = \"s\"\n[[services]]\nkey = \"s\"", "services[1]", "each key once"),
        ("14:00-16:00", "12:00-16:00", "calendars[0].hours.mon[1]", "do not overlap"),
        ("14:00-16:00", "14:05-16:00", "calendars[0].hours.mon[1]", "multiples of the unit"),
        ("14:00-16:00", "16:00-14:00", "calendars[0].hours.mon[1]", "an end after the start"),
        ("14:00-16:00", "2 pm", "calendars[0].hours.mon[1]", "09:00-13:00"),
        ("capacity = 4", "capacity = 4\nunit = \"7m\"", "calendars[0].unit", "divide a day"),
        ("capacity = 4", "capacity = 4\nhorizon = \"900d\"", "calendars[0].horizon", "400d"),
        ("capacity = 4", "capacity = 4\nhorizon = \"soon\"", "line 14", "a catalog"),
        ("capacity = 4", "capacity = 4\nchannels.fax.max = 1", "channels.fax", "web, phone"),
        ("capacity = 4", "capacity = 4\nchannels.web.max = 9", "channels.web.max", "0 to the"),
        (
            "capacity = 4",
            "capacity = 4\nexceptions = [{ date = \"2026-12-25\" }]",
            "calendars[0].exceptions[0]",
            "either closed",
        ),
        (
            "[[offices]]",
            "holds = { ttl = \"2h\" }\n[[offices]]",
            "holds.ttl",
            "1s to holds.ttl_max",
        ),
    ] {
        let error = refused(from, to);
        assert!(error.path.contains(place), "{to}: {error}");
        assert!(error.expected.contains(expected), "{to}: {error}");
    }
}

#[test]
fn a_catalog_reads_back_equal_and_differs_where_it_differs() {
    let catalog = Catalog::from_toml(GOOD).unwrap();
    assert_eq!(Catalog::from_toml(&catalog.to_toml()).unwrap(), catalog);
    assert_eq!(Catalog::from_json(&catalog.to_json()).unwrap(), catalog);
    let other = Catalog::from_toml(&GOOD.replace("14:00-16:00", "14:00-17:00")).unwrap();
    let changes = catalog.diff(&other);
    assert_eq!(changes.len(), 1);
    assert!(changes.first().unwrap().to_string().starts_with("calendar \"c\": hours.mon: "));
    assert!(catalog.diff(&catalog).is_empty());
}
