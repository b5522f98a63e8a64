//! Are days expanded right, whatever the zone, the unit and the hours? Tests of `expand` alone.
//!
//! Never through the engine: `tests/daylight_saving.rs` does that.

use chrono::{Days, NaiveDate};
use proptest::prelude::*;

use crate::catalog::{Catalog, DayShape, Numbers, Rules};
use crate::id::CalendarId;
use crate::sync::Arc;
use crate::time::Time;

const ZONES: [&str; 12] = [
    "America/Denver",
    "America/New_York",
    "America/Phoenix",
    "America/Vancouver",
    "America/Edmonton",
    "Australia/Lord_Howe",
    "America/Havana",
    "America/St_Johns",
    "America/Nuuk",
    "Africa/Cairo",
    "Pacific/Apia",
    "Etc/UTC",
];

fn rules(zone: &str, calendar: &str) -> Rules {
    let text = format!(
        "offices = [{{ key = 'o', zone = '{zone}' }}]\nservices = [{{ key = 's' }}]\n\
         [[calendars]]\nkey = 'c'\noffice = 'o'\nservices = ['s']\n{calendar}"
    );
    let catalog = Catalog::from_toml(&text).unwrap();
    let mut numbers = Numbers::default();
    numbers.assign(&catalog).unwrap();
    Rules::new(Arc::new(catalog), &numbers)
}

fn week(hours: &str) -> String {
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let days: Vec<String> = days.iter().map(|day| format!("{day} = {hours}")).collect();
    format!("hours = {{ {} }}", days.join(", "))
}

fn shape(rules: &Rules, date: &str) -> Option<DayShape> {
    rules.expand(CalendarId(0), date.parse().unwrap())
}

fn open(shape: &DayShape) -> Vec<u16> {
    shape.ranges.iter().flat_map(|range| range.start..range.end).collect()
}

#[test]
fn a_date_that_a_zone_skips_is_no_day() {
    let rules = rules("Pacific/Apia", &format!("capacity = 1\n{}", week("['09:00-12:00']")));
    assert!(shape(&rules, "2011-12-30").is_none());
    let before = shape(&rules, "2011-12-29").unwrap();
    let after = shape(&rules, "2011-12-31").unwrap();
    assert_eq!(before.begins.plus(86_400_000), after.begins);
}

#[test]
fn a_midnight_that_comes_twice_belongs_to_one_day_only() {
    // Until 2011 St. John's went back at 00:01, to 23:01 of the day before.
    let all_day = format!("capacity = 1\nunit = \"1m\"\n{}", week("['00:00-24:00']"));
    let rules = rules("America/St_Johns", &all_day);
    let before = shape(&rules, "2010-11-06").unwrap();
    let after = shape(&rules, "2010-11-07").unwrap();
    assert_eq!((before.slots, after.slots), (1_440, 1_500));
    let shown = |index: u16| {
        let at = after.begins.plus(u64::from(index) * 60_000);
        rules.local(CalendarId(0), at).unwrap().0
    };
    let expected: NaiveDate = "2010-11-07".parse().unwrap();
    assert!(open(&after).into_iter().all(|index| shown(index) == expected));
    assert_eq!(open(&after).len(), 1_441, "its own 1,440 minutes and the first one again");
}

#[test]
fn a_slot_that_a_change_stretches_past_closing_time_is_closed() {
    // Three-hour slots: the first of the spring day shows 00:00 to 04:00.
    let text = format!("capacity = 1\nunit = \"3h\"\n{}", week("['00:00-03:00']"));
    let rules = rules("America/New_York", &text);
    assert_eq!(open(&shape(&rules, "2027-03-13").unwrap()), [0]);
    assert!(open(&shape(&rules, "2027-03-14").unwrap()).is_empty());
}

#[test]
fn the_zone_rules_are_the_bundled_ones_of_2026() {
    // From 2026 on British Columbia and Alberta stay on their summer time.
    for (zone, hours) in [("America/Vancouver", 7), ("America/Edmonton", 6)] {
        let rules = rules(zone, &format!("capacity = 1\n{}", week("['09:00-12:00']")));
        let begins = shape(&rules, "2027-01-12").unwrap().begins.utc();
        assert_eq!(begins.to_rfc3339(), format!("2027-01-12T0{hours}:00:00+00:00"), "{zone}");
    }
}

#[test]
fn shares_round_down_but_a_maximum_never_to_nothing() {
    let channels = "channels.web = { max = '40%', protected = '40%' }\n\
                    channels.desk = { max = '0%' }\nchannels.phone = { max = 1 }";
    let exception = "exceptions = [{ date = '2027-01-13', capacity = 1 }]";
    let text = format!("capacity = 9\n{channels}\n{exception}\n{}", week("['09:00-12:00']"));
    let rules = rules("Etc/UTC", &text);
    let usual = shape(&rules, "2027-01-12").unwrap().ranges[0];
    assert_eq!((usual.max, usual.protected), ([3, 1, 0, 9], [3, 0, 0, 0]));
    let small = shape(&rules, "2027-01-13").unwrap().ranges[0];
    assert_eq!((small.max, small.protected), ([1, 1, 0, 1], [0; 4]));
}

#[test]
fn numbers_are_never_used_again() {
    let catalog = |key: &str| {
        let text = format!(
            "offices = [{{ key = '{key}', zone = 'Etc/UTC' }}]\nservices = [{{ key = 's' }}]\n\
             [[calendars]]\nkey = '{key}'\noffice = '{key}'\nservices = ['s']\ncapacity = 1\n\
             hours = {{}}"
        );
        Catalog::from_toml(&text).unwrap()
    };
    let mut numbers = Numbers::default();
    for (key, number) in [("a", 0), ("b", 1), ("c", 2), ("a", 0)] {
        numbers.assign(&catalog(key)).unwrap();
        assert_eq!(numbers.calendar(key), Some(CalendarId(number)), "{key}");
    }
}

/// A log in which a calendar had number 6, and was the only one, was believed. The days that the
/// engine then made for it were not: a log that the engine itself had written did not open.
#[test]
fn numbers_have_no_gaps_and_are_given_once() {
    let read = |calendars: &str| {
        let text = format!(r#"{{"offices":{{}},"services":{{}},"calendars":{calendars}}}"#);
        serde_json::from_str::<Numbers>(&text)
    };
    assert_eq!(read(r#"{"b":0,"a":1}"#).unwrap().calendar_key(CalendarId(1)), Some("a"));
    for wrong in [r#"{"a":6}"#, r#"{"a":1,"b":2}"#, r#"{"a":0,"b":0}"#] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96,
        failure_persistence: None,
        ..Default::default()
    })]

    /// Ranges lie within the day, ascend and do not touch; days follow one another without a gap
    /// or an overlap; slots start at growing instants and show opening hours from end to end.
    #[test]
    fn a_day_is_whole_and_its_slots_are_in_order(
        zone in 0..ZONES.len(),
        unit in prop::sample::select(vec![5_u64, 15, 30, 60, 90, 180]),
        from in 0..16_u64,
        length in 1..16_u64,
        day in 0..1_500_u64,
    ) {
        let per_day = 1_440 / unit;
        let (first, end) = (from * per_day / 16, ((from + length) * per_day / 16).min(per_day));
        prop_assume!(first < end);
        let clock = |minute: u64| format!("{:02}:{:02}", minute / 60, minute % 60);
        let hours = format!("['{}-{}']", clock(first * unit), clock(end * unit));
        let text = format!("capacity = 2\nunit = '{unit}m'\n{}", week(&hours));
        let rules = rules(ZONES[zone], &text);
        let start: NaiveDate = "2025-06-01".parse().unwrap();
        let date = start.checked_add_days(Days::new(day)).unwrap();
        let today = rules.expand(CalendarId(0), date).unwrap();
        let next = rules.expand(CalendarId(0), date.succ_opt().unwrap()).unwrap();
        let minutes = (next.begins.0 - today.begins.0) / 60_000;
        prop_assert_eq!(u64::from(today.slots), minutes / unit);
        prop_assert!((22 * 60..=26 * 60).contains(&minutes));

        let mut before = None;
        for range in &today.ranges {
            prop_assert!(range.start < range.end && range.end <= today.slots);
            prop_assert!(before.is_none_or(|end| end < range.start));
            before = Some(range.end);
        }
        let mut last = Time(0);
        for index in open(&today) {
            let at = today.begins.plus(u64::from(index) * unit * 60_000);
            prop_assert!(at > last);
            last = at;
            for at in [at, at.plus(unit * 60_000 - 1)] {
                let (on, time) = rules.local(CalendarId(0), at).unwrap();
                let shown = time.to_string();
                prop_assert_eq!(on, date);
                prop_assert!(shown >= clock(first * unit) && shown < clock(end * unit));
            }
        }
        // Nothing is lost either: on a usual day each unit of the hours is a slot.
        if minutes == 1_440 {
            prop_assert_eq!(open(&today).len() as u64, end - first);
        }
    }
}
