//! What the HTTP API promises to programs: every call, its success and its refusals.

#![cfg(feature = "web")]
#![allow(
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
use serde_json::{Value, json};

const TUESDAY: &str = "boston~2027-01-05~36";
const WEDNESDAY: &str = "boston~2027-01-06~36";

fn party(number: u32) -> String {
    format!("{number:032x}")
}

fn ana() -> Value {
    json!({"name": "Ana Ruiz", "telephone": "617 555 0134", "birth_date": "1990-01-31"})
}

fn ask(slot: &str, party: &str) -> Value {
    json!({"slot": slot, "services": ["passport"], "party": party})
}

impl Town {
    fn hold(&self, key: &str, slot: &str, number: u32) -> Answer {
        self.post("/v1/holds", key, &[PARTNER], &ask(slot, &party(number)))
    }

    fn booked(&self, slot: &str, number: u32) -> String {
        let key = format!("book-{number}");
        let booked = self.post("/v1/bookings", &key, &[PARTNER], &ask(slot, &party(number)));
        booked.ok(201)["id"].as_str().unwrap().to_owned()
    }

    /// A hold of Ana's: its id, secret and code.
    fn held_by_ana(&self, slot: &str) -> (String, String, String) {
        let body = json!({"slot": slot, "services": ["passport"], "person": ana()});
        let held = self.post("/v1/holds", "ana", &[], &body).ok(201);
        let text = |name: &str| held[name].as_str().unwrap().to_owned();
        (text("id"), text("secret"), text("code").replace(' ', ""))
    }
}

#[test]
fn a_hold_tells_all_that_is_needed_to_confirm_it() {
    let town = Town::new();
    let held = town.hold("a", TUESDAY, 1);
    let body = held.ok(201);
    assert_eq!(held.header("etag"), "\"0\"");
    assert_eq!(body["state"], "held");
    assert_eq!(body["slot"], TUESDAY);
    assert_eq!(body["office"], "boston");
    assert_eq!(body["services"], json!(["passport"]));
    let starts = json!({"at": "2027-01-05T09:00:00-05:00", "time_zone": "America/New_York",
        "local": "2027-01-05T09:00"});
    assert_eq!(body["starts"], starts);
    assert_eq!((&body["persons"], &body["channel"]), (&json!(1), &json!("web")));
    assert_eq!(body["server_now"], "2027-01-04T12:00:00Z");
    assert_eq!(body["expires_at"], "2027-01-04T12:10:00Z");
    assert_eq!(body["secret"].as_str().unwrap().len(), 22);
    assert!(body.get("code").is_none() && body.get("person").is_none());

    let confirm = json!({"hold": body["id"]});
    let booked = town.post("/v1/bookings", "b", &[PARTNER], &confirm).ok(201);
    assert_eq!((&booked["state"], &booked["id"]), (&json!("booked"), &body["id"]));
    let again = town.post("/v1/bookings", "b", &[PARTNER], &confirm);
    assert_eq!(again.ok(200)["id"], body["id"]);
    assert_eq!(again.header("idempotent-replayed"), "true");
}

#[test]
fn the_same_key_gives_the_same_hold_and_nothing_else() {
    let town = Town::new();
    let first = town.hold("k", TUESDAY, 1).ok(201);
    let again = town.hold("k", TUESDAY, 1);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.ok(200)["id"], first["id"]);
    town.hold("k", WEDNESDAY, 1).problem(422, "request-reused");
    let body = ask(TUESDAY, &party(2));
    let json = ("content-type", "application/json");
    let without = |key: &[(&str, &str)]| {
        let headers: Vec<_> = [json, PARTNER].into_iter().chain(key.iter().copied()).collect();
        town.send(axum::http::Method::POST, "/v1/holds", &headers, body.to_string())
    };
    without(&[]).problem(400, "idempotency-key-missing");
    for bad in ["", "two words", &"x".repeat(256)] {
        without(&[("idempotency-key", bad)]).problem(400, "malformed");
    }
}

#[test]
fn a_lost_race_offers_the_three_nearest_places() {
    let town = Town::new();
    town.hold("a", TUESDAY, 1).ok(201);
    let body = town.hold("b", TUESDAY, 2).problem(409, "slot-taken");
    assert_eq!(body["code"], "slot_full");
    let slots: Vec<_> = body["alternatives"].as_array().unwrap().iter().collect();
    let names: Vec<_> = slots.iter().map(|slot| slot["slot"].as_str().unwrap()).collect();
    assert_eq!(names, ["boston~2027-01-05~37", "boston~2027-01-05~38", "boston~2027-01-05~39"]);
    assert_eq!(slots[0]["office"], "boston");
    assert_eq!(slots[0]["starts"]["at"], "2027-01-05T09:15:00-05:00");
    let closed = town.hold("c", "boston~2027-01-05~0", 3).problem(409, "slot-taken");
    assert_eq!(closed["code"], "slot_closed");
    assert_eq!(
        town.hold("d", "boston~2030-01-05~36", 3).problem(409, "slot-taken")["code"],
        "unknown_day"
    );
    let priority = json!({"slot": WEDNESDAY, "services": ["passport"], "party": party(3),
        "channel": "priority"});
    let none = town.post("/v1/holds", "e", &[PARTNER], &priority).problem(409, "slot-taken");
    assert_eq!(none["code"], "channel_limit");
}
