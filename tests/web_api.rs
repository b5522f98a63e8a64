//! What the HTTP API promises to programs: every call, its success and its refusals.

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

#[test]
fn a_person_has_so_many_places_and_only_those_who_know_them_hear_which() {
    let town = Town::new();
    let first = town.booked(TUESDAY, 1);
    let refused = town.hold("x", WEDNESDAY, 1).problem(409, "person-limit");
    assert_eq!((&refused["claim"], &refused["code"]), (&json!(first), &json!("party_limit")));
    let visa = |key: &str, slot: &str| {
        let body = json!({"slot": slot, "services": ["visa"], "party": party(2)});
        town.post("/v1/holds", key, &[PARTNER], &body)
    };
    visa("a", "boston~2027-01-07~36").ok(201);
    visa("b", "boston~2027-01-07~38").ok(201);
    assert_eq!(visa("c", WEDNESDAY).problem(409, "person-limit")["code"], "hold_limit");

    let held = json!({"slot": WEDNESDAY, "services": ["passport"], "person": ana()});
    town.post("/v1/holds", "d", &[], &held).ok(201);
    let mut more = held.clone();
    more["slot"] = json!("dallas~2027-01-08~36");
    let stranger = town.post("/v1/holds", "e", &[], &more).problem(409, "person-limit");
    assert!(stranger.get("claim").is_none() && !stranger.to_string().contains(&first));
    assert!(
        town.post("/v1/holds", "f", &[DESK], &more).problem(409, "person-limit")["claim"]
            .is_string()
    );
    let mut same = held.clone();
    same["slot"] = json!("boston~2027-01-06~36");
    town.post("/v1/holds", "g", &[DESK], &same).problem(409, "slot-taken");
}

#[test]
fn an_appointment_at_that_very_time_is_told_apart() {
    let town = Town::new();
    let first = "dallas~2027-01-05~36";
    town.booked(first, 1);
    town.hold("x", first, 1).problem(409, "overlapping-booking");
}

#[test]
fn a_hold_ends_at_its_deadline_and_can_be_held_again() {
    let town = Town::new();
    let held = town.hold("a", TUESDAY, 1).ok(201);
    town.pass(600);
    let confirm = json!({"hold": held["id"]});
    let gone = town.post("/v1/bookings", "b", &[PARTNER], &confirm).problem(410, "hold-expired");
    assert_eq!(gone["ended_at"], "2027-01-04T12:10:00Z");
    assert_eq!(gone["alternatives"][0]["slot"], TUESDAY);
    town.hold("c", TUESDAY, 1).ok(201);
}

#[test]
fn a_hold_is_extended_up_to_the_limit() {
    let town = Town::new();
    let (id, secret, _) = town.held_by_ana(TUESDAY);
    let path = format!("/v1/holds/{id}/extend");
    let own = [("booking-secret", secret.as_str()), ("content-type", "application/json")];
    town.pass(60);
    let longer = town.send(axum::http::Method::POST, &path, &own, "").ok(200);
    assert_eq!(longer["expires_at"], "2027-01-04T12:11:00Z");
    let post = |body: &str| town.send(axum::http::Method::POST, &path, &own, body.to_owned());
    assert_eq!(post(r#"{"ttl_seconds": 300}"#).ok(200)["expires_at"], "2027-01-04T12:06:00Z");
    post(r#"{"ttl_seconds": 0}"#).problem(422, "invalid");
    post(r#"{"ttl": 1}"#).problem(422, "invalid");
    post("{").problem(400, "malformed");
    for _ in 0..3 {
        town.pass(240);
        post("");
    }
    let limit = post("").problem(409, "extension-limit");
    assert!(limit["until"].is_string(), "{limit}");
    town.pass(600);
    post("").problem(410, "hold-expired");
}

#[test]
fn a_hold_is_given_back_once_and_for_all() {
    let town = Town::new();
    let (id, secret, _) = town.held_by_ana(TUESDAY);
    let own = [("booking-secret", secret.as_str())];
    let path = format!("/v1/holds/{id}");
    town.delete(&path, &[]).problem(401, "unauthorized");
    town.delete(&path, &[("booking-secret", "0000000000000000000000")]).problem(404, "not-found");
    town.delete(&path, &own).ok(204);
    town.delete(&path, &own).ok(204);
    assert_eq!(town.get(&path, &own).ok(200)["state"], "released");
    town.hold("b", TUESDAY, 2).ok(201);
    let late = town.hold("c", WEDNESDAY, 3).ok(201);
    let late = format!("/v1/holds/{}", late["id"].as_str().unwrap());
    town.pass(700);
    town.delete(&late, &[PARTNER]).ok(204);
    let booked = format!("/v1/holds/{}", town.booked(WEDNESDAY, 4));
    town.delete(&booked, &[PARTNER]).problem(409, "already-confirmed");
}

#[test]
fn people_come_back_with_secret_or_code_and_birth_date_and_nobody_else_does() {
    let town = Town::new();
    let (id, secret, code) = town.held_by_ana(TUESDAY);
    let own = [("booking-secret", secret.as_str())];
    let confirm = json!({"hold": id});
    town.post("/v1/bookings", "a", &[], &confirm).problem(401, "unauthorized");
    let booked = town.post("/v1/bookings", "a", &own, &confirm).ok(201);
    assert_eq!(
        (&booked["state"], &booked["person"]["name"]),
        (&json!("booked"), &json!("Ana Ruiz"))
    );
    let by_id = town.get(&format!("/v1/bookings/{id}"), &own).ok(200);
    assert_eq!(by_id["person"]["telephone"], "+16175550134");
    assert_eq!(by_id["code"].as_str().unwrap().replace(' ', ""), code);
    assert!(by_id.get("secret").is_none());

    let birth = [("birth-date", "1990-01-31")];
    let by_code = town.get(&format!("/v1/bookings/{code}"), &birth).ok(200);
    assert_eq!((&by_code["id"], &by_code["secret"]), (&json!(id), &json!(secret)));
    town.get(&format!("/v1/bookings/{code}"), &[]).problem(401, "unauthorized");
    let staff = town.get(&format!("/v1/bookings/{code}"), &[DESK]).ok(200);
    assert!(staff["person"].is_object() && staff.get("secret").is_none());
    let partner = town.get(&format!("/v1/bookings/{id}"), &[PARTNER]).ok(200);
    assert!(partner.get("person").is_none() && partner.get("code").is_none());

    // Whatever is wrong, the answer is the same.
    let wrong = [
        (format!("/v1/bookings/{code}"), ("birth-date", "1990-02-01")),
        (format!("/v1/bookings/{code}"), ("birth-date", "yesterday")),
        ("/v1/bookings/123456789".to_owned(), ("birth-date", "1990-01-31")),
        ("/v1/bookings/000000000".to_owned(), ("birth-date", "1990-01-31")),
        (format!("/v1/bookings/{id}"), ("booking-secret", "wrong")),
        ("/v1/bookings/00000000000000ff".to_owned(), ("booking-secret", secret.as_str())),
    ];
    let strip = |mut body: Value| {
        body["trace_id"] = Value::Null;
        body
    };
    let answers: Vec<_> = wrong
        .iter()
        .map(|(path, header)| strip(town.get(path, &[*header]).problem(404, "not-found")))
        .collect();
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
}

#[test]
fn whoever_guesses_is_slowed_down() {
    let town = Town::new();
    let (id, _, _) = town.held_by_ana(TUESDAY);
    let path = format!("/v1/bookings/{id}");
    let guess = || town.get(&path, &[("booking-secret", "wrong")]);
    let until = (0..20).find(|_| guess().status == 429).unwrap();
    assert_eq!(until, 10);
    let answer = guess();
    answer.problem(429, "throttled");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
}

#[test]
fn a_booking_moves_from_the_version_that_was_read() {
    let town = Town::new();
    let id = town.booked(WEDNESDAY, 1);
    let path = format!("/v1/bookings/{id}/reschedule");
    let to = json!({"slot": "dallas~2027-01-07~36"});
    let with =
        |key: &str, tag: &str, to: &Value| town.post(&path, key, &[PARTNER, ("if-match", tag)], to);
    town.post(&path, "a", &[PARTNER], &to).problem(428, "version");
    assert_eq!(with("a", "\"7\"", &to).problem(412, "version")["present"], 0);
    with("a", "not a tag", &to).problem(412, "version");
    let moved = with("a", "\"0\"", &to);
    assert_eq!(moved.header("etag"), "\"1\"");
    let body = moved.ok(200);
    assert_eq!((&body["id"], &body["slot"]), (&json!(id), &to["slot"]));
    assert_eq!((&body["office"], &body["version"]), (&json!("dallas"), &json!(1)));
    let again = with("a", "\"0\"", &to);
    again.ok(200);
    assert_eq!(again.header("idempotent-replayed"), "true");
    with("a", "\"1\"", &json!({"slot": TUESDAY})).problem(422, "request-reused");
    with("b", "\"0\", \"5\"", &json!({"slot": WEDNESDAY})).problem(412, "version");
    with("b", "\"0\", \"1\"", &json!({"slot": WEDNESDAY})).ok(200);
    with("c", "*", &json!({"slot": "boston~2027-01-07~37"})).ok(200);

    town.hold("x", TUESDAY, 9).ok(201);
    let taken = with("d", "\"3\"", &json!({"slot": TUESDAY})).problem(409, "slot-taken");
    assert_eq!(taken["alternatives"][0]["slot"], "boston~2027-01-05~37");
    let still = town.get(&format!("/v1/bookings/{id}"), &[PARTNER]).ok(200);
    assert_eq!(still["slot"], "boston~2027-01-07~37");
    with("e", "*", &json!({"slot": "nowhere"})).problem(422, "invalid");
    with("f", "*", &json!({})).problem(422, "invalid");
    let missing = "/v1/bookings/00000000000000ff/reschedule";
    town.post(missing, "g", &[PARTNER, ("if-match", "*")], &to).problem(404, "not-found");
    // A day before it starts the party may no longer move it; staff may.
    town.pass(3 * 86_400);
    let late = with("h", "*", &json!({"slot": "dallas~2027-01-12~36"}));
    assert!(late.problem(409, "outside-window")["until"].is_string());
    let staff = json!({"slot": "dallas~2027-01-12~36"});
    town.post(&path, "i", &[DESK, ("if-match", "\"3\"")], &staff).ok(200);
}

#[test]
fn a_booking_is_cancelled_once_and_in_time() {
    let town = Town::new();
    let (soon, later) = (town.booked(TUESDAY, 1), town.booked(WEDNESDAY, 2));
    let cancel = |id: &str, key: &str, who| {
        town.post(&format!("/v1/bookings/{id}/cancel"), key, &[who], &Value::Null)
    };
    assert_eq!(cancel(&later, "a", PARTNER).ok(200)["state"], "cancelled");
    let again = cancel(&later, "b", PARTNER);
    assert_eq!(again.ok(200)["state"], "cancelled");
    assert_eq!(again.header("idempotent-replayed"), "true");
    town.pass(3_600 * 3);
    cancel(&soon, "c", PARTNER).problem(409, "outside-window");
    assert_eq!(cancel(&soon, "d", DESK).ok(200)["state"], "cancelled");
    let held = town.hold("e", TUESDAY, 3).ok(201);
    let id = held["id"].as_str().unwrap();
    assert_eq!(cancel(id, "f", PARTNER).problem(409, "wrong-state")["state"], "held");
    cancel("00000000000000ff", "g", PARTNER).problem(404, "not-found");
    town.get(&format!("/v1/bookings/{soon}/cancel"), &[PARTNER]).problem(405, "method-not-allowed");
}

#[test]
fn staff_notes_who_came() {
    let town = Town::new();
    let (one, other) = (town.booked(TUESDAY, 1), town.booked(WEDNESDAY, 2));
    let mark = |id: &str, state: &str, who| {
        let path = format!("/v1/bookings/{id}/attendance");
        town.post(&path, "unused", &[who], &json!({ "state": state }))
    };
    mark(&one, "arrived", PARTNER).problem(403, "forbidden");
    mark(&one, "arrived", ("x-none", "")).problem(401, "unauthorized");
    let early = mark(&other, "arrived", DESK);
    assert_eq!(early.problem(409, "outside-window")["retry_at"], "2027-01-05T14:00:00Z");
    assert!(!early.header("retry-after").is_empty());
    mark(&one, "served", DESK).problem(409, "wrong-state");
    town.pass(86_400 + 3_600 * 3);
    assert_eq!(mark(&one, "arrived", DESK).ok(200)["state"], "checked_in");
    assert_eq!(mark(&one, "served", DESK).ok(200)["state"], "served");
    mark(&one, "no_show", DESK).problem(409, "already-ended");
    mark(&one, "vanished", DESK).problem(422, "invalid");
    town.pass(86_400);
    assert_eq!(mark(&other, "no_show", DESK).ok(200)["state"], "no_show");
    let deeds = town.app.audit.list(None, 10).unwrap();
    let deeds: Vec<_> = deeds.iter().map(|deed| (deed.what.as_str(), deed.to.as_str())).collect();
    assert_eq!(deeds, [("no-show", &*other), ("served", &*one), ("arrived", &*one)]);
}
