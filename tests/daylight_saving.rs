//! Slots are instants: a spring gap makes none, an autumn repeat makes distinct ones. Each zone is
//! tried through the engine, on the days on which its clocks change and on those beside them.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

use chrono::{DateTime, Duration, NaiveDate, Utc};
use cupo::{Ask, Catalog, DayView, Engine, ManualClock, PartyId, RequestId};

const EVERY_DAY: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn engine(zone: &str, unit: &str, hours: &str, from: NaiveDate) -> Engine {
    let week: Vec<String> = EVERY_DAY.iter().map(|day| format!("{day} = [\"{hours}\"]")).collect();
    let text = format!(
        "offices = [{{ key = \"o\", zone = \"{zone}\" }}]\nservices = [{{ key = \"s\" }}]\n\
         [[calendars]]\nkey = \"c\"\noffice = \"o\"\nservices = [\"s\"]\ncapacity = 1\n\
         unit = \"{unit}\"\nhorizon = \"7d\"\nhours = {{ {} }}",
        week.join(", ")
    );
    let noon = from.and_hms_opt(12, 0, 0).unwrap().and_utc();
    let engine = Engine::builder().clock(ManualClock::at(noon)).open().unwrap();
    engine.install(&Catalog::from_toml(&text).unwrap()).unwrap();
    engine
}

fn day(engine: &Engine, date: NaiveDate) -> DayView {
    let day = engine.days().into_iter().find(|day| day.date() == date).unwrap();
    engine.day(day).unwrap()
}

/// The day before a date, the date, and the day after: how many slots each has, and the starts of
/// the middle one.
fn around(zone: &str, unit: &str, hours: &str, date: &str) -> ([usize; 3], Vec<DateTime<Utc>>) {
    let date: NaiveDate = date.parse().unwrap();
    let before = date.pred_opt().unwrap();
    // A day earlier still, so that all three are ahead wherever the office is.
    let engine = engine(zone, unit, hours, before.pred_opt().unwrap());
    let views = [before, date, date.succ_opt().unwrap()].map(|date| day(&engine, date));
    let counts = [0, 1, 2].map(|n: usize| views.get(n).unwrap().slots.len());
    let starts = views.get(1).unwrap().slots.iter().map(|slot| slot.starts_at).collect();
    (counts, starts)
}

fn instants(texts: &[&str]) -> Vec<DateTime<Utc>> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn a_spring_gap_makes_no_slots() {
    // Open 01:00 to 04:00 in half hours: six slots, less those that the clock jumps over.
    for (zone, date, left) in [
        ("America/Denver", "2027-03-14", 4),
        ("America/New_York", "2027-03-14", 4),
        ("America/Phoenix", "2027-03-14", 6),
        ("America/Vancouver", "2027-03-14", 6),
        ("America/Edmonton", "2027-03-14", 6),
        // Before those two stayed on summer time.
        ("America/Vancouver", "2025-03-09", 4),
        ("America/Edmonton", "2025-03-09", 4),
        ("Australia/Lord_Howe", "2027-10-03", 5),
    ] {
        let (counts, starts) = around(zone, "30m", "01:00-04:00", date);
        assert_eq!(counts, [6, left, 6], "{zone} {date}");
        let together = starts.windows(2).all(|pair| pair[1] - pair[0] == Duration::minutes(30));
        assert!(together, "{zone}: nothing is between the slots beside a gap");
    }
    let (_, starts) = around("America/New_York", "30m", "01:00-04:00", "2027-03-14");
    // 01:00 and 01:30 by winter time, 03:00 and 03:30 by summer time.
    let expected = [
        "2027-03-14T06:00:00Z",
        "2027-03-14T06:30:00Z",
        "2027-03-14T07:00:00Z",
        "2027-03-14T07:30:00Z",
    ];
    assert_eq!(starts, instants(&expected));
}

#[test]
fn an_autumn_repeat_makes_distinct_slots() {
    for (zone, date, made) in [
        ("America/Denver", "2027-11-07", 8),
        ("America/New_York", "2027-11-07", 8),
        ("America/Phoenix", "2027-11-07", 6),
        ("America/Vancouver", "2027-11-07", 6),
        ("America/Edmonton", "2027-11-07", 6),
        ("America/Vancouver", "2025-11-02", 8),
        ("America/Edmonton", "2025-11-02", 8),
        ("Australia/Lord_Howe", "2027-04-04", 7),
    ] {
        let (counts, starts) = around(zone, "30m", "01:00-04:00", date);
        assert_eq!(counts, [6, made, 6], "{zone} {date}");
        assert!(starts.is_sorted_by(|a, b| a < b), "{zone}: {starts:?}");
    }
}

#[test]
fn both_turns_of_a_repeated_hour_can_be_booked() {
    let date: NaiveDate = "2027-11-07".parse().unwrap();
    let engine = engine("America/New_York", "60m", "01:00-02:00", "2027-11-05".parse().unwrap());
    let view = day(&engine, date);
    let starts: Vec<_> = view.slots.iter().map(|slot| slot.starts_at).collect();
    assert_eq!(starts, instants(&["2027-11-07T05:00:00Z", "2027-11-07T06:00:00Z"]));
    let service = engine.service("s").unwrap();
    for (party, slot) in (1..).zip(&view.slots) {
        let ask = Ask::new(PartyId(party), RequestId(1), service, slot.slot);
        engine.book(&ask).wait().unwrap();
    }
    assert!(day(&engine, date).slots.iter().all(|slot| slot.booked == 1));
    assert!(engine.audit().is_clean());
}

#[test]
fn opening_hours_keep_their_civil_time_through_a_change() {
    // A day's work away from the change: as many slots as ever, an hour earlier or later in UTC.
    for (zone, date, first) in [
        ("America/Denver", "2027-03-14", "2027-03-14T14:00:00Z"),
        ("America/Denver", "2027-11-07", "2027-11-07T15:00:00Z"),
        ("America/Phoenix", "2027-03-14", "2027-03-14T15:00:00Z"),
        ("America/Vancouver", "2027-11-07", "2027-11-07T15:00:00Z"),
        ("America/Edmonton", "2027-11-07", "2027-11-07T14:00:00Z"),
        // Half an hour each way, on a grid of quarters.
        ("Australia/Lord_Howe", "2027-10-03", "2027-10-02T21:00:00Z"),
        ("Australia/Lord_Howe", "2027-04-04", "2027-04-03T21:30:00Z"),
    ] {
        let (counts, starts) = around(zone, "15m", "08:00-15:00", date);
        assert_eq!(counts, [28; 3], "{zone} {date}");
        assert_eq!(starts.first(), instants(&[first]).first(), "{zone} {date}");
    }
}

#[test]
fn a_change_at_midnight_moves_the_first_instant_only() {
    // Cairo has no 00:00 to 01:00 on that Friday; Havana has it twice on that Sunday.
    let (counts, starts) = around("Africa/Cairo", "30m", "00:00-02:00", "2027-04-30");
    assert_eq!(counts, [4, 2, 4]);
    assert_eq!(starts.first(), instants(&["2027-04-29T22:00:00Z"]).first());
    let (counts, starts) = around("America/Havana", "30m", "00:00-02:00", "2027-11-07");
    assert_eq!(counts, [4, 6, 4]);
    assert_eq!(starts.first(), instants(&["2027-11-07T04:00:00Z"]).first());
}

#[test]
fn a_day_is_released_at_the_local_time_of_its_office() {
    for (zone, hour) in [("America/New_York", 5), ("America/Phoenix", 7)] {
        let from: NaiveDate = "2027-03-07".parse().unwrap();
        let engine = engine(zone, "30m", "09:00-10:00", from);
        let released = day(&engine, "2027-03-14".parse().unwrap()).released;
        // Seven civil days before, although the day itself is an hour shorter in New York.
        assert_eq!(released, from.and_hms_opt(hour, 0, 0).unwrap().and_utc(), "{zone}");
    }
}
