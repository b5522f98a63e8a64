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

/// What to change in the good catalog, into what; then the place told, and what was expected.
const REFUSED: &[(&str, &str, &str, &str)] = &[
    ("capacity = 4", "capacity = 4\ncolour = 1", "line 14, column 1", "one of `key`, `office`"),
    ("capacity = 4", "capacity = \"many\"", "line 13, column 12", "from 0 to 65535"),
    ("capacity = 4", "capacity =", "line 13", ""),
    ("capacity = 4", "capacity = 70000", "line 13", "from 0 to 65535"),
    ("capacity = 4", "capacity = 0", "calendars[0].capacity", "1 to 65535"),
    ("America/Chicago", "Mars/Olympus", "offices[0].zone", "an IANA time zone"),
    (
        "[[offices]]\nkey = \"a\"",
        "[[offices]]\nkey = \"a\"\nzone = \"Etc/UTC\"\n[[offices]]\nkey = \"a\"",
        "offices[1]",
        "each key once",
    ),
    ("[[offices]]\nkey = \"a\"", "[[offices]]\nkey = \"\"", "offices[0]", "a key"),
    ("office = \"a\"", "office = \"b\"", "calendars[0].office", "the key of an office"),
    ("services = [\"s\"]", "services = [\"x\"]", "calendars[0].services[0]", "of a service"),
    ("services = [\"s\"]", "services = []", "calendars[0].services", "at least one"),
    (
        "services = [\"s\"]",
        "services = [\"s\", \"s\"]",
        "calendars[0].services[1]",
        "each key once",
    ),
    ("key = \"s\"", "key = \"s\"\nunits = 0", "services[0].units", "1 to 255"),
    ("key = \"s\"", "key = \"s\"\nunits = 256", "services[0].units", "1 to 255"),
    ("key = \"s\"", "key = \"s\"\nunits = 97", "calendars[0].services[0]", "no longer than a day"),
    ("key = \"s\"", "key = \"s\"\npersons_max = 0", "services[0].persons_max", "1 to 255"),
    ("key = \"s\"", "key = \"s\"\nactive_max = 0", "services[0].active_max", "at least 1"),
    ("key = \"s\"", "key = \"s\"\nwindow_days = 30", "services[0].active_max", "window_days"),
    (
        "key = \"s\"",
        "key = \"s\"\nactive_max = 1\nwindow_days = 0",
        "services[0].window_days",
        "at least 1",
    ),
    ("key = \"s\"", "key = \"s\"\n[[services]]\nkey = \"s\"", "services[1]", "each key once"),
    ("14:00-16:00", "12:00-16:00", "calendars[0].hours.mon[1]", "do not overlap"),
    ("14:00-16:00", "14:05-16:00", "calendars[0].hours.mon[1]", "multiples of the unit"),
    ("14:00-16:00", "16:00-14:00", "calendars[0].hours.mon[1]", "an end after the start"),
    ("14:00-16:00", "14:00-24:15", "calendars[0].hours.mon[1]", "09:00-13:00"),
    ("14:00-16:00", "2 pm", "calendars[0].hours.mon[1]", "09:00-13:00"),
    ("capacity = 4", "capacity = 4\nunit = \"7m\"", "calendars[0].unit", "divide a day"),
    ("capacity = 4", "capacity = 4\nunit = \"0m\"", "calendars[0].unit", "1m to 12h"),
    ("capacity = 4", "capacity = 4\nunit = \"24h\"", "calendars[0].unit", "1m to 12h"),
    ("capacity = 4", "capacity = 4\nunit = \"30s\"", "calendars[0].unit", "whole minutes"),
    ("capacity = 4", "capacity = 4\nhorizon = \"900d\"", "calendars[0].horizon", "400d"),
    ("capacity = 4", "capacity = 4\nhorizon = \"36h\"", "calendars[0].horizon", "whole days"),
    ("capacity = 4", "capacity = 4\nhorizon = \"soon\"", "line 14, column 11", "a duration like"),
    (
        "capacity = 4",
        "capacity = 4\nlead_time = 2",
        "line 14, column 13",
        "a duration like 2h, or a table",
    ),
    (
        "capacity = 4",
        "capacity = 4\nlead_time = { fax = \"2h\" }",
        "calendars[0].lead_time.fax",
        "web, phone",
    ),
    (
        "capacity = 4",
        "capacity = 4\nrelease_time = \"noon\"",
        "line 14, column 16",
        "a time like 08:00",
    ),
    (
        "capacity = 4",
        "capacity = 4\nrelease_time = \"08:00:30\"",
        "calendars[0].release_time",
        "hours and minutes",
    ),
    (
        "capacity = 4",
        "capacity = 4\nopens_at = \"tomorrow\"",
        "line 14, column 12",
        "an instant like",
    ),
    ("capacity = 4", "capacity = 4\nchannels.fax.max = 1", "channels.fax", "web, phone"),
    (
        "capacity = 4",
        "capacity = 4\nchannels.web.max = 9",
        "channels.web.max",
        "0 to the capacity (4)",
    ),
    (
        "capacity = 4",
        "capacity = 4\nchannels.web.max = \"140%\"",
        "channels.web.max",
        "0 to the capacity (4)",
    ),
    ("capacity = 4", "capacity = 4\nchannels.web.max = true", "line 14", "a share like"),
    ("capacity = 4", "capacity = 4\nchannels.web.limit = 1", "line 14", "`max`"),
    (
        "capacity = 4",
        "capacity = 4\nchannels.web.protected = 3\nchannels.desk.protected = 2",
        "calendars[0].channels",
        "at most 4",
    ),
    (
        "capacity = 4",
        "capacity = 4\nchannels.web.give_back = \"60d\"",
        "channels.web.give_back",
        "45 days",
    ),
    (
        "capacity = 4",
        "capacity = 4\nchannels.web.give_back = \"90s\"",
        "channels.web.give_back",
        "whole minutes",
    ),
    (
        "capacity = 4",
        "capacity = 4\nexceptions = [{ date = \"2026-12-25\" }]",
        "calendars[0].exceptions[0]",
        "either closed",
    ),
    (
        "capacity = 4",
        "capacity = 4\nexceptions = [{ date = \"Christmas\", closed = true }]",
        "line 14",
        "a date like 2026-12-25",
    ),
    (
        "capacity = 4",
        "capacity = 4\nexceptions = [{ date = \"2026-12-25\", closed = true, capacity = 1 }]",
        "calendars[0].exceptions[0]",
        "either closed",
    ),
    (
        "capacity = 4",
        "capacity = 4\nexceptions = [{ date = \"2026-12-25\", to = \"2026-12-24\", closed = true }]",
        "exceptions[0].to",
        "not before",
    ),
    (
        "capacity = 4",
        "capacity = 4\nexceptions = [{ date = \"2026-12-25\", capacity = 0 }]",
        "exceptions[0].capacity",
        "or closed",
    ),
    (
        "capacity = 4",
        "capacity = 4\nexceptions = [{ date = \"2026-12-25\", hours = [\"09:10-10:00\"] }]",
        "exceptions[0].hours[0]",
        "multiples",
    ),
    (
        "capacity = 4",
        "capacity = 4\nexceptions = [{ date = \"2026-12-25\", capacity = 1 }]\nchannels.web.protected = 2",
        "exceptions[0].capacity",
        "at most 1",
    ),
    (
        "capacity = 4",
        "capacity = 4\nexceptions = [{ date = \"2026-12-20\", to = \"2026-12-25\", closed = true }, { date = \"2026-12-25\", closed = true }]",
        "exceptions[1]",
        "no other exception",
    ),
    ("[[offices]]", "holds = { ttl = \"2h\" }\n[[offices]]", "holds.ttl", "1s to holds.ttl_max"),
    ("[[offices]]", "holds = { ttl_max = \"2d\" }\n[[offices]]", "holds.ttl_max", "1s to 36h"),
    (
        "[[offices]]",
        "holds = { extended_max = \"9d\" }\n[[offices]]",
        "holds.extended_max",
        "up to 60h",
    ),
    ("[[offices]]", "holds = { per_party = 0 }\n[[offices]]", "holds.per_party", "at least 1"),
];

#[test]
fn every_refusal_names_the_place_and_what_was_expected() {
    Catalog::from_toml(GOOD).unwrap();
    for (from, to, place, expected) in REFUSED {
        let error = refused(from, to);
        assert!(error.path.contains(place), "{to}: {error}");
        assert!(error.expected.contains(expected), "{to}: {error}");
        let message = error.to_string();
        let told = [&error.path, &error.found, &error.expected];
        assert!(told.into_iter().all(|part| !part.is_empty() && message.contains(part)), "{error}");
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
    assert!(changes.first().unwrap().to_string().starts_with("calendar \"c\": hours.mon ["));
    assert!(catalog.diff(&catalog).is_empty());
}

#[test]
fn an_empty_catalog_is_refused_part_by_part() {
    for (text, path) in [
        ("offices = []\nservices = []\ncalendars = []", "offices"),
        (
            "offices = [{ key = \"a\", zone = \"Etc/UTC\" }]\nservices = []\ncalendars = []",
            "services",
        ),
    ] {
        let error = Catalog::from_toml(text).expect_err(path);
        assert_eq!((error.path.as_str(), error.found.as_str()), (path, "none"));
    }
    let mut catalog = Catalog::from_toml(GOOD).unwrap();
    catalog.calendars.clear();
    assert_eq!(catalog.check().expect_err("no calendar").path, "calendars");
    let missing = Catalog::from_toml("services = []\ncalendars = []").expect_err("no offices");
    assert!(missing.found.contains("missing field `offices`"), "{missing}");
}

#[test]
fn json_is_refused_with_its_line_told_once() {
    let json =
        Catalog::from_toml(GOOD).unwrap().to_json().replace("\"capacity\"", "\"capacities\"");
    let error = Catalog::from_json(&json).expect_err("an unknown key");
    assert!(error.path.starts_with("line "), "{error}");
    assert_eq!(error.found, "unknown field `capacities`");
    assert!(!error.expected.contains(" at line "), "{error}");
}

#[test]
fn dates_times_and_instants_can_be_written_with_and_without_quotes() {
    let with = |lines: &str| {
        let text = GOOD.replace("capacity = 4", &format!("capacity = 4\n{lines}"));
        Catalog::from_toml(&text).unwrap()
    };
    let quoted = with(
        "release_time = \"08:00\"\nopens_at = \"2026-12-01T08:00:00-06:00\"\n\
         exceptions = [{ date = \"2026-12-25\", to = \"2026-12-26\", closed = true }]",
    );
    let bare = with(
        "release_time = 08:00:00\nopens_at = 2026-12-01T08:00:00-06:00\n\
         exceptions = [{ date = 2026-12-25, to = 2026-12-26, closed = true }]",
    );
    assert_eq!(quoted, bare);
    assert_eq!(Catalog::from_toml(&bare.to_toml()).unwrap(), bare);
    assert_eq!(Catalog::from_json(&bare.to_json()).unwrap(), bare);
}

#[test]
fn a_difference_is_one_line_a_person_can_read() {
    let before = Catalog::from_toml(GOOD).unwrap();
    let lines = |to: &str| -> Vec<String> {
        let after = Catalog::from_toml(to).unwrap();
        before.diff(&after).iter().map(ToString::to_string).collect()
    };
    let more = GOOD.replace(
        "capacity = 4",
        "capacity = 6\nlead_time = \"2h\"\nexceptions = [{ date = \"2026-12-25\", closed = true }]",
    );
    assert_eq!(
        lines(&more),
        [
            "calendar \"c\": capacity 4 -> 6",
            "calendar \"c\": exceptions 2026-12-25 new: {\"closed\":true,\"date\":\"2026-12-25\"}",
            "calendar \"c\": lead_time \"0s\" -> \"2h\"",
        ]
    );
    let other = GOOD.replace("key = \"c\"", "key = \"d\"");
    let changes = lines(&other);
    assert_eq!(changes.len(), 2);
    assert!(changes.first().unwrap().starts_with("calendar \"c\": gone: {"));
    assert!(changes.last().unwrap().starts_with("calendar \"d\": new: {"));
    let held = lines(&GOOD.replacen("[[offices]]", "holds = { ttl = \"5m\" }\n[[offices]]", 1));
    assert_eq!(held, ["holds: ttl \"10m\" -> \"5m\""]);
}
