//! A FHIR client finds free slots and today's appointments, page by page, in statuses it knows, and
//! never a person.

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

use cupo::{Ask, Channel, ClaimId, PartyId, RequestId, SlotId};
use http::{Answer, DESK, PARTNER, Town};
use serde_json::Value;

#[track_caller]
fn resource(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/fhir+json; charset=utf-8");
    serde_json::from_str(&answer.text).unwrap()
}

/// The resources of all pages.
fn all(town: &Town, search: &str, headers: &[(&str, &str)]) -> Vec<Value> {
    let mut found = Vec::new();
    let mut path = format!("/fhir/{search}");
    loop {
        let bundle = resource(&town.get(&path, headers), 200);
        assert_eq!(
            (&bundle["resourceType"], &bundle["type"]),
            (&"Bundle".into(), &"searchset".into())
        );
        for entry in bundle["entry"].as_array().unwrap_or(&Vec::new()) {
            let (kind, id) = (&entry["resource"]["resourceType"], &entry["resource"]["id"]);
            let (kind, id) = (kind.as_str().unwrap(), id.as_str().unwrap());
            assert!(entry["fullUrl"].as_str().unwrap().ends_with(&format!("/fhir/{kind}/{id}")));
            // What is found can be read.
            let read = resource(&town.get(&format!("/fhir/{kind}/{id}"), headers), 200);
            assert_eq!(read, entry["resource"]);
            found.push(entry["resource"].clone());
        }
        let links = bundle["link"].as_array().unwrap();
        let Some(next) = links.iter().find(|link| link["relation"] == "next") else { break };
        let next = next["url"].as_str().unwrap();
        path = next[next.find("/fhir/").unwrap()..].into();
    }
    found
}

fn ids(found: &[Value]) -> Vec<&str> {
    found.iter().map(|resource| resource["id"].as_str().unwrap()).collect()
}

fn slot(town: &Town, calendar: &str, date: &str, index: u16) -> SlotId {
    let calendar = town.app.engine.calendar(calendar).unwrap();
    cupo::DayId::new(calendar, date.parse().unwrap()).unwrap().slot(index)
}

fn ask(town: &Town, party: u128, slot: SlotId) -> Ask {
    let passport = town.app.engine.service("passport").unwrap();
    Ask::new(PartyId(party), RequestId(1), passport, slot).channel(Channel::WEB)
}

fn book(town: &Town, party: u128, slot: SlotId) -> ClaimId {
    town.app.engine.book(&ask(town, party, slot)).wait().unwrap().id()
}

#[test]
fn slots_are_found_by_schedule_start_and_status() {
    let town = Town::new();
    let all_of_tuesday = "Slot?schedule=Schedule/boston&start=2027-01-05";
    let slots = all(&town, all_of_tuesday, &[]);
    let expected = ["36", "37", "38", "39"].map(|index| format!("boston.2027-01-05.{index}"));
    assert_eq!(ids(&slots), expected);
    assert_eq!(ids(&all(&town, &format!("{all_of_tuesday}&_count=1"), &[])), expected);
    let first = &slots[0];
    assert_eq!(first["start"], "2027-01-05T09:00:00-05:00");
    assert_eq!(first["end"], "2027-01-05T09:15:00-05:00");
    assert_eq!(first["schedule"]["reference"], "Schedule/boston");
    assert_eq!(first["status"], "free");

    let hold = ask(&town, 1, slot(&town, "boston", "2027-01-05", 36));
    town.app.engine.hold(&hold).wait().unwrap();
    book(&town, 2, slot(&town, "boston", "2027-01-05", 37));
    let statuses: Vec<Value> =
        all(&town, all_of_tuesday, &[]).iter().map(|slot| slot["status"].clone()).collect();
    assert_eq!(statuses, ["busy-tentative", "busy", "free", "free"]);
    let free = all(&town, &format!("{all_of_tuesday}&status=free"), &[]);
    assert_eq!(ids(&free), expected[2..]);
    let window = "start=ge2027-01-05T09:15:00-05:00&start=lt2027-01-05T14:45:00Z";
    let found = all(&town, &format!("Slot?schedule=boston&{window}"), &[]);
    assert_eq!(ids(&found), expected[1..3]);

    let tuesday = slot(&town, "boston", "2027-01-05", 0).day;
    town.app.engine.close_day(tuesday, "").unwrap();
    let closed = all(&town, &format!("{all_of_tuesday}&status=busy-unavailable"), &[]);
    assert_eq!(closed.len(), 4);
    let schedule = resource(&town.get("/fhir/Schedule/boston", &[]), 200);
    assert_eq!(schedule["actor"][0]["identifier"]["value"], "boston");
}

#[test]
fn appointments_are_found_by_date_and_office_through_their_life() {
    let town = Town::new();
    let place = |calendar: &str, index| slot(&town, calendar, "2027-01-05", index);
    let booked = book(&town, 1, place("boston", 36));
    let held = town.app.engine.hold(&ask(&town, 2, place("boston", 37))).wait().unwrap().id();
    let gone = book(&town, 3, place("dallas", 36));
    book(&town, 4, place("dallas", 36));
    book(&town, 5, slot(&town, "boston", "2027-01-06", 36));

    let of_the_day = "Appointment?date=2027-01-05";
    for page in ["", "&_count=1", "&_count=2"] {
        let found = all(&town, &format!("{of_the_day}{page}"), &[DESK]);
        assert_eq!(found.len(), 4, "{page}");
        assert_eq!(ids(&found)[..2], [booked.to_string(), held.to_string()]);
    }
    let at = |search: &str| all(&town, search, &[PARTNER]).len();
    assert_eq!(at(&format!("{of_the_day}&location=Location/boston")), 2);
    assert_eq!(at(&format!("{of_the_day}&location=dallas&status=booked")), 2);
    assert_eq!(at(&format!("{of_the_day}&status=pending")), 1);
    assert_eq!(at("Appointment"), 5);
    assert_eq!(at("Appointment?location=nowhere"), 0);

    let read = |id: ClaimId| resource(&town.get(&format!("/fhir/Appointment/{id}"), &[DESK]), 200);
    let first = read(booked);
    assert_eq!(first["status"], "booked");
    assert_eq!(first["start"], "2027-01-05T09:00:00-05:00");
    assert_eq!(first["minutesDuration"], 15);
    assert_eq!(first["slot"][0]["reference"], "Slot/boston.2027-01-05.36");
    assert_eq!(first["serviceType"][0]["coding"][0]["code"], "passport");
    assert!(!first.to_string().contains(&PartyId(1).to_string()));
    town.app.engine.cancel_by_staff(gone, cupo::ActorId(1)).wait().unwrap();
    assert_eq!(read(gone)["status"], "cancelled");
    // A day and two hours later.
    town.pass(26 * 3_600);
    town.app.engine.tick();
    town.app.engine.check_in(booked).wait().unwrap();
    assert_eq!(read(booked)["status"], "arrived");
    town.app.engine.serve(booked).wait().unwrap();
    assert_eq!(read(booked)["status"], "fulfilled");
    assert_eq!(read(held)["status"], "cancelled");
}

#[test]
fn a_displaced_appointment_is_pending_and_says_why() {
    let town = Town::new();
    let place = slot(&town, "boston", "2027-01-05", 36);
    let claim = book(&town, 1, place);
    town.app.engine.close_day(place.day, "").unwrap();
    let found = resource(&town.get(&format!("/fhir/Appointment/{claim}"), &[DESK]), 200);
    assert_eq!(found["status"], "pending");
    assert!(found["comment"].as_str().unwrap().contains("closed"));
}

#[test]
fn refusals_are_operation_outcomes() {
    let town = Town::new();
    for (path, key, status, code) in [
        ("Slot/boston.2027-01-05.0", None, 404, "not-found"),
        ("Slot/boston", None, 404, "not-found"),
        ("Slot/nowhere.2027-01-05.36", None, 404, "not-found"),
        ("Schedule/nowhere", None, 404, "not-found"),
        ("Slot", None, 400, "required"),
        ("Slot?schedule=boston&start=soon", None, 400, "invalid"),
        ("Slot?schedule=boston&_count=0", None, 400, "invalid"),
        ("Slot?schedule=nowhere&_count=-1", None, 400, "invalid"),
        ("Slot?schedule=boston&_after=x", None, 400, "invalid"),
        ("Appointment", None, 401, "login"),
        ("Appointment/0000000000000000", None, 401, "login"),
        ("Appointment/0000000000000000", Some(DESK), 404, "not-found"),
        ("Appointment/x", Some(DESK), 404, "not-found"),
        ("Appointment?date=x", Some(DESK), 400, "invalid"),
        ("Appointment?location=nowhere&_count=0", Some(DESK), 400, "invalid"),
    ] {
        let answer = town.get(&format!("/fhir/{path}"), key.as_slice());
        let outcome = resource(&answer, status);
        assert_eq!(outcome["resourceType"], "OperationOutcome", "{path}");
        assert_eq!(outcome["issue"][0]["code"], code, "{path}");
        assert_eq!(outcome["issue"][0]["severity"], "error");
    }
    assert!(all(&town, "Slot?schedule=nowhere", &[]).is_empty());
}

#[test]
fn the_server_says_what_it_can_do() {
    let town = Town::new();
    let statement = resource(&town.get("/fhir/metadata", &[]), 200);
    assert_eq!(statement["resourceType"], "CapabilityStatement");
    assert_eq!(statement["fhirVersion"], "4.0.1");
    let resources = statement["rest"][0]["resource"].as_array().unwrap();
    let kinds: Vec<&Value> = resources.iter().map(|resource| &resource["type"]).collect();
    assert_eq!(kinds, ["Schedule", "Slot", "Appointment"]);
    let document = town.get("/v1/openapi.json", &[]).ok(200);
    for path in
        ["metadata", "Schedule/{id}", "Slot", "Slot/{id}", "Appointment", "Appointment/{id}"]
    {
        assert!(document["paths"][format!("/fhir/{path}")]["get"].is_object(), "{path}");
    }
}
