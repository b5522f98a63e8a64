//! A booking gets into any calendar program, changes there when it moves, and goes away when it is
//! cancelled; only whoever may read the booking gets it.

#![cfg(feature = "web")]
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    dead_code,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/http.rs"]
mod http;

use http::{Answer, DESK, PARTNER, Town};
use icalendar::parser::{Component, read_calendar, unfold};
use serde_json::{Value, json};

const WEDNESDAY: &str = "boston~2027-01-06~36";
const THURSDAY: &str = "boston~2027-01-07~37";

struct Booking {
    id: String,
    secret: String,
    code: String,
}

fn booked(town: &Town) -> Booking {
    let person =
        json!({"name": "Ana Ruiz", "telephone": "617 555 0134", "birth_date": "1990-01-31"});
    let body = json!({"slot": WEDNESDAY, "services": ["passport"], "person": person});
    let held = town.post("/v1/holds", "a", &[], &body).ok(201);
    let text = |name: &str| held[name].as_str().unwrap().to_owned();
    let (id, secret) = (text("id"), text("secret"));
    let shown = [("booking-secret", secret.as_str())];
    town.post("/v1/bookings", "b", &shown, &json!({ "hold": id })).ok(201);
    Booking { code: text("code").replace(' ', ""), id, secret }
}

fn file(town: &Town, of: &str, headers: &[(&str, &str)]) -> Answer {
    town.get(&format!("/v1/bookings/{of}/calendar.ics"), headers)
}

/// What the only event of a calendar says, as an independent parser reads it.
fn read(answer: &Answer) -> (String, Vec<(String, String)>) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), "text/calendar; charset=utf-8");
    assert!(answer.text.lines().all(|line| line.len() <= 75), "{}", answer.text);
    assert!(answer.text.ends_with("\r\n") && !answer.text.replace("\r\n", "").contains('\n'));
    let unfolded = unfold(&answer.text);
    let calendar = read_calendar(&unfolded).unwrap();
    let method = calendar.properties.iter().find(|property| property.name == "METHOD").unwrap();
    let [event] = &calendar.components[..] else { panic!("one event") };
    assert_eq!(event.name, "VEVENT");
    let all = |event: &Component<'_>| {
        let pairs = event.properties.iter();
        pairs.map(|pair| (pair.name.to_string(), pair.val.to_string())).collect()
    };
    (method.val.to_string(), all(event))
}

fn value<'a>(event: &'a [(String, String)], name: &str) -> &'a str {
    &event.iter().find(|(found, _)| found == name).unwrap_or_else(|| panic!("{name}: {event:?}")).1
}

#[test]
fn one_entry_follows_the_booking_through_its_life() {
    let town = Town::new();
    let booking = booked(&town);
    let secret = [("booking-secret", booking.secret.as_str()), ("accept-language", "en")];
    let (method, event) = read(&file(&town, &booking.id, &secret));
    assert_eq!(method, "PUBLISH");
    assert_eq!(value(&event, "UID"), format!("{}@127.0.0.1", booking.id));
    assert_eq!(value(&event, "SEQUENCE"), "0");
    assert_eq!(value(&event, "DTSTAMP"), "20270104T120000Z");
    assert_eq!(value(&event, "DTSTART"), "20270106T140000Z");
    assert_eq!(value(&event, "DTEND"), "20270106T141500Z");
    assert_eq!(value(&event, "STATUS"), "CONFIRMED");
    assert_eq!(value(&event, "SUMMARY"), "Appointment: Passport");
    assert_eq!(value(&event, "LOCATION"), "Boston");
    assert!(value(&event, "DESCRIPTION").contains("Birth certificate"));

    let path = format!("/v1/bookings/{}/reschedule", booking.id);
    let shown = [("booking-secret", booking.secret.as_str()), ("if-match", "\"0\"")];
    town.post(&path, "c", &shown, &json!({ "slot": THURSDAY })).ok(200);
    let (method, moved) = read(&file(&town, &booking.id, &secret));
    assert_eq!((method.as_str(), value(&moved, "SEQUENCE")), ("PUBLISH", "1"));
    assert_eq!(value(&moved, "UID"), value(&event, "UID"));
    assert_eq!(value(&moved, "DTSTART"), "20270107T141500Z");

    let path = format!("/v1/bookings/{}/cancel", booking.id);
    town.post(&path, "d", &shown[..1], &Value::Null).ok(200);
    let (method, gone) = read(&file(&town, &booking.id, &secret));
    assert_eq!((method.as_str(), value(&gone, "STATUS")), ("CANCEL", "CANCELLED"));
    assert_eq!(value(&gone, "SEQUENCE"), "2");
    assert_eq!(value(&gone, "UID"), value(&event, "UID"));
}

#[test]
fn it_speaks_spanish_and_names_nobody() {
    let town = Town::new();
    let booking = booked(&town);
    let by_code = [("birth-date", "1990-01-31")];
    let answer = file(&town, &booking.code, &by_code);
    let (_, event) = read(&answer);
    assert_eq!(value(&event, "SUMMARY"), "Cita: Pasaporte");
    assert!(answer.text.contains("SUMMARY;LANGUAGE=es:"));
    for private in ["Ana", "Ruiz", "555", &booking.code, &booking.secret] {
        assert!(!answer.text.contains(private), "{private}");
    }
}

#[test]
fn only_whoever_may_read_the_booking_gets_it() {
    let town = Town::new();
    let booking = booked(&town);
    for key in [PARTNER, DESK] {
        assert_eq!(file(&town, &booking.id, &[key]).status, 200);
    }
    file(&town, &booking.id, &[("booking-secret", "wrong")]).problem(404, "not-found");
    file(&town, &booking.code, &[("birth-date", "1990-02-01")]).problem(404, "not-found");
    file(&town, &booking.id, &[]).problem(401, "unauthorized");
}
