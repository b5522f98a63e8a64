//! Administration over HTTP: edits keep what is booked, lose nothing of each other, and say before
//! they are made whom they hit.
#![cfg(feature = "web")]
#![allow(
    clippy::print_stdout,
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/office.rs"]
mod office;
#[path = "stage/town.rs"]
mod town;

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::StatusCode;
use cupo::ClaimState;
use office::{ADMIN, Office};
use serde_json::{Value, json};

const WED: &str = "2026-12-02";
const THU: &str = "2026-12-03";
const DAY: &str = "/v1/admin/days/north~2026-12-02/capacity";

fn ids(list: &Value) -> BTreeSet<String> {
    let list = list.as_array().unwrap();
    list.iter().map(|claim| claim["claim"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn only_administrators_come_in() {
    let office = Office::open();
    let routes = [
        ("GET", "/v1/admin/catalog"),
        ("PUT", "/v1/admin/catalog"),
        ("GET", "/v1/admin/offices/north"),
        ("PUT", "/v1/admin/services/paper"),
        ("DELETE", "/v1/admin/calendars/north"),
        ("PUT", "/v1/admin/calendars/north/exceptions/2026-12-24"),
        ("GET", DAY),
        ("PUT", DAY),
        ("DELETE", DAY),
        ("GET", "/v1/admin/closures"),
        ("POST", "/v1/admin/closures"),
        ("DELETE", "/v1/admin/closures/north~2026-12-02"),
        ("GET", "/v1/admin/keys"),
        ("POST", "/v1/admin/keys"),
        ("DELETE", "/v1/admin/keys/x"),
        ("GET", "/v1/admin/audit"),
    ];
    for route in routes {
        let expected = [("", 401), ("wrong", 401), ("demo-partner", 403), ("demo-desk", 403)];
        for (key, status) in expected {
            let answer = office.call(key, route, Some("*"), "{}").await;
            assert_eq!(answer.status.as_u16(), status, "{route:?} with {key:?}");
        }
    }
    assert_eq!(office.app.audit.list(None, 10).unwrap(), []);
}

#[tokio::test]
async fn a_catalog_is_read_and_put_in_force_in_either_form() {
    let office = Office::open();
    let read = office.get("/v1/admin/catalog").await;
    let toml = office.app.engine.catalog().unwrap().to_toml();
    let changed = toml.replace("capacity = 1", "capacity = 3");
    let (put, tag) = (("PUT", "/v1/admin/catalog"), read.tag.as_deref());
    let dry = ("PUT", "/v1/admin/catalog?dry_run=true");
    let planned = office.call(ADMIN, dry, tag, &changed).await;
    assert_eq!(planned.json()["differences"][0]["path"], "calendar \"south\": capacity");
    assert_eq!(planned.tag, read.tag, "a dry run changes nothing");
    let done = office.call(ADMIN, put, tag, &changed).await;
    assert_eq!(done.json()["days_replanned"], planned.json()["days_replanned"]);
    assert_ne!(done.tag, read.tag);
    assert_eq!(done.tag, office.get("/v1/admin/catalog").await.tag);
    let back = office.call(ADMIN, put, done.tag.as_deref(), &read.text).await;
    assert_eq!((back.status, back.tag), (StatusCode::OK, read.tag), "JSON as it was read");
    for wrong in ["", "{}", "offices = 1", "{\"offices\": []}", "\u{0}"] {
        assert_eq!(office.put("/v1/admin/catalog", wrong).await.problem(), refused(422, "invalid"));
    }
    assert_eq!(office.app.audit.list(None, 10).unwrap().len(), 2);
}

fn refused(status: u16, name: &str) -> (u16, String) {
    (status, name.to_owned())
}

#[tokio::test]
async fn an_edit_from_an_older_version_loses_nothing() {
    let office = Office::open();
    let old = office.version().await;
    let path = "/v1/admin/offices/north";
    let body = r#"{"zone": "Etc/UTC", "name": "North"}"#;
    let first = office.call(ADMIN, ("PUT", path), Some(&old), body).await;
    assert_eq!(first.status, StatusCode::OK);
    let other = r#"{"zone": "Etc/UTC", "address": "Street 1"}"#;
    for (version, status) in [(Some(old.as_str()), 412), (Some("x"), 412), (None, 428)] {
        let answer = office.call(ADMIN, ("PUT", path), version, other).await;
        assert_eq!(answer.problem(), refused(status, "version"));
        let answer = office.call(ADMIN, ("DELETE", path), version, "").await;
        assert_eq!(answer.problem(), refused(status, "version"));
    }
    assert_eq!(office.get(path).await.json()["name"], "North");
}

#[tokio::test]
async fn of_edits_at_the_same_time_none_is_lost() {
    let office = Office::open();
    let names = ["a", "b", "c", "d", "e", "f"];
    let put = |name: &str| {
        let path = format!("/v1/admin/services/{name}");
        let office = &office;
        async move { office.put(&path, "{}").await.status }
    };
    let made = tokio::join!(put("a"), put("b"), put("c"), put("d"), put("e"), put("f"));
    assert_eq!(made.0, StatusCode::CREATED);
    let catalog = office.app.engine.catalog().unwrap();
    for name in names {
        assert!(catalog.services.iter().any(|service| service.key == name), "{name}");
    }
    // Of two who started from the same version one is told.
    let version = office.version().await;
    let put = |name: &'static str| {
        let (office, version) = (&office, version.as_str());
        let path = format!("/v1/admin/services/{name}");
        async move { office.call(ADMIN, ("PUT", &path), Some(version), "{}").await.status.as_u16() }
    };
    let both = tokio::join!(put("y"), put("z"));
    assert_eq!(both.0 + both.1, 201 + 412);
}

#[tokio::test]
async fn parts_of_the_catalog_are_made_replaced_and_taken_out() {
    let office = Office::open();
    let path = "/v1/admin/services/visit";
    let none = office.get(path).await;
    assert_eq!(none.problem(), refused(404, "not-found"));
    let dry = office.put("/v1/admin/services/visit?dry_run=true", r#"{"units": 2}"#).await;
    assert_eq!(dry.status, StatusCode::OK);
    let made = office.put(path, r#"{"units": 2}"#).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let again = office.put(path, r#"{"units": 3}"#).await;
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(office.get(path).await.json()["units"], 3);
    assert_eq!(office.delete(path).await.status, StatusCode::OK);
    assert_eq!(office.delete(path).await.problem(), refused(404, "not-found"));
    let wrong = [
        ("/v1/admin/services/visit", r#"{"key": "other"}"#),
        ("/v1/admin/services/visit", r#"{"units": 0}"#),
        ("/v1/admin/services/visit", r#"{"colour": 0}"#),
        ("/v1/admin/services/visit", "[]"),
        ("/v1/admin/services/Vi~sit", "{}"),
        ("/v1/admin/offices/east", r#"{"zone": "Mars/Base"}"#),
        ("/v1/admin/calendars/east", r#"{"office": "nowhere"}"#),
    ];
    for (path, body) in wrong {
        assert_eq!(
            office.put(path, body).await.problem(),
            refused(422, "invalid"),
            "{path} {body}"
        );
    }
    for (path, body) in
        [("/v1/admin/services/visit?dry_run=perhaps", "{}"), ("/v1/admin/services/visit", "{")]
    {
        assert_eq!(office.put(path, body).await.problem(), refused(400, "malformed"));
    }
    // What something else needs stays.
    let needed = office.delete("/v1/admin/offices/north").await;
    assert_eq!(needed.problem(), refused(422, "invalid"));
}

#[tokio::test]
async fn an_exception_closes_a_holiday_and_gives_it_back() {
    let office = Office::open();
    let path = "/v1/admin/calendars/north/exceptions/2026-12-03";
    assert_eq!(office.get(path).await.problem(), refused(404, "not-found"));
    let made = office.put(path, r#"{"closed": true, "reason": "Holiday"}"#).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let slot = office.slot("north", THU, 9, 0);
    assert!(office.app.engine.day(slot.day).unwrap().slots.is_empty());
    assert_eq!(office.get(path).await.json()["reason"], "Holiday");
    let special = office.put(path, r#"{"hours": ["10:00-12:00"], "capacity": 5}"#).await;
    assert_eq!(special.status, StatusCode::OK);
    let slots = office.app.engine.day(slot.day).unwrap().slots;
    assert_eq!((slots.len(), slots[0].capacity), (8, 5));
    assert_eq!(office.delete(path).await.status, StatusCode::OK);
    assert_eq!(office.app.engine.day(slot.day).unwrap().slots.len(), 16);
    for (path, body, status, name) in [
        (path, r#"{"closed": true, "capacity": 2}"#, 422, "invalid"),
        (path, r#"{"date": "2026-12-04", "closed": true}"#, 422, "invalid"),
        ("/v1/admin/calendars/north/exceptions/soon", "{}", 422, "invalid"),
        ("/v1/admin/calendars/none/exceptions/2026-12-03", r#"{"closed": true}"#, 404, "not-found"),
    ] {
        assert_eq!(office.put(path, body).await.problem(), refused(status, name));
    }
}

#[tokio::test]
async fn a_cut_names_whom_it_hits_and_then_keeps_them() {
    let office = Office::open();
    let slot = office.slot("north", WED, 9, 0);
    let first = office.book(1, slot).await;
    office.clock.advance(Duration::from_secs(1));
    let second = office.book(2, slot).await;
    let mut calendar = office.get("/v1/admin/calendars/north").await.json();
    calendar["capacity"] = json!(1);
    let path = "/v1/admin/calendars/north";
    let answer = office.put(path, &calendar.to_string()).await;
    assert_eq!(answer.problem(), refused(409, "capacity-below-booked"));
    assert_eq!(ids(&answer.json()["affected"]), BTreeSet::from([second.to_string()]));
    assert_eq!(office.get(path).await.json()["capacity"], 2, "nothing was changed");
    let dry = office.put(&format!("{path}?dry_run=true"), &calendar.to_string()).await.json();
    let accepted = office.put(&format!("{path}?accept_deficit=true"), &calendar.to_string()).await;
    assert_eq!(accepted.json()["affected"], dry["affected"]);
    for claim in [first, second] {
        let claim = office.app.engine.claim(claim).await.unwrap();
        assert_eq!((claim.state, claim.slot), (ClaimState::Booked, slot));
    }
    // A calendar with bookings does not go by mistake.
    let answer = office.delete(path).await;
    assert_eq!(answer.problem(), refused(409, "capacity-below-booked"));
    assert!(office.app.engine.audit().is_clean());
}

#[tokio::test]
async fn the_capacity_of_a_day_is_set_and_taken_back() {
    let office = Office::open();
    let slot = office.slot("north", WED, 9, 0);
    office.book(1, slot).await;
    office.clock.advance(Duration::from_secs(1));
    let second = office.book(2, slot).await;
    let body = json!({"capacity": 1, "first": slot.index, "end": slot.index + 4}).to_string();
    let answer = office.put(DAY, &body).await;
    assert_eq!(answer.problem(), refused(409, "capacity-below-booked"));
    assert_eq!(ids(&answer.json()["affected"]), BTreeSet::from([second.to_string()]));
    assert_eq!(office.get(DAY).await.json()["by_hand"], false, "nothing was changed");
    let accepted = office.put(&format!("{DAY}?accept_deficit=true"), &body).await.json();
    assert_eq!(ids(&accepted["affected"]), BTreeSet::from([second.to_string()]));
    let slots = accepted["day"]["slots"].as_array().unwrap();
    let capacities: Vec<u64> =
        slots.iter().map(|slot| slot["capacity"].as_u64().unwrap()).collect();
    assert_eq!(capacities[..5], [1, 1, 1, 1, 2]);
    assert_eq!((&slots[0]["deficit"], &accepted["day"]["by_hand"]), (&json!(1), &json!(true)));
    let back = office.delete(DAY).await;
    assert_eq!(back.status, StatusCode::OK);
    assert_eq!(office.get(DAY).await.json()["by_hand"], false);
    // The whole day, and what is refused.
    assert_eq!(office.put(DAY, r#"{"capacity": 9}"#).await.status, StatusCode::OK);
    let nowhere = office.put("/v1/admin/days/north~2030-01-01/capacity", &body).await;
    assert_eq!(nowhere.problem(), refused(404, "not-found"));
    for wrong in [r#"{"capacity": 1, "first": 9, "end": 9}"#, "{}", r#"{"capacity": 70000}"#] {
        assert_eq!(office.put(DAY, wrong).await.problem(), refused(422, "invalid"));
    }
}

/// An install forgets what was set by hand; an edit of something else must not.
#[tokio::test]
async fn an_edit_elsewhere_keeps_what_was_set_by_hand() {
    let office = Office::open();
    office.put(DAY, r#"{"capacity": 0, "first": 36, "end": 38}"#).await;
    let edited = office.put("/v1/admin/offices/south", r#"{"zone": "Etc/UTC", "name": "S"}"#).await;
    assert_eq!(edited.json()["capacities_kept"], 1);
    let day = office.get(DAY).await.json();
    assert_eq!((&day["slots"][0]["index"], &day["by_hand"]), (&json!(38), &json!(true)));
    // An exception for that very date says anew what the day has.
    let path = "/v1/admin/calendars/north/exceptions/2026-12-02";
    assert_eq!(office.put(path, r#"{"capacity": 4}"#).await.status, StatusCode::CREATED);
    let day = office.get(DAY).await.json();
    assert_eq!((&day["slots"][0]["capacity"], &day["by_hand"]), (&json!(4), &json!(false)));
}

#[tokio::test]
async fn keys_are_made_shown_once_and_revoked() {
    let office = Office::open();
    let path = "/v1/admin/keys";
    let made = office.post(path, r#"{"name": "Call centre", "role": "partner"}"#).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let (key, id) = (made.json()["key"].clone(), made.json()["id"].clone());
    let (key, id) = (key.as_str().unwrap(), id.as_str().unwrap());
    let used = office.call(key, ("GET", path), None, "").await;
    assert_eq!(used.status, StatusCode::FORBIDDEN, "known, but not an administrator's");
    let list = office.get(path).await;
    assert!(list.text.contains("Call centre") && !list.text.contains(key));
    assert_eq!(office.delete(&format!("{path}/{id}")).await.status, StatusCode::NO_CONTENT);
    let used = office.call(key, ("GET", path), None, "").await;
    assert_eq!(used.status, StatusCode::UNAUTHORIZED);
    let again = office.delete(&format!("{path}/{id}")).await;
    assert_eq!(again.problem(), (404, "not-found".to_owned()));
    for wrong in [r#"{"name": "", "role": "desk"}"#, r#"{"name": "x", "role": "king"}"#, "{}"] {
        assert_eq!(office.post(path, wrong).await.problem(), (422, "invalid".to_owned()));
    }
    // An administrator's own key ends that of the demonstration, and does not revoke itself.
    let admin = office.post(path, r#"{"name": "Head", "role": "admin"}"#).await.json();
    assert_eq!(office.get(path).await.status, StatusCode::UNAUTHORIZED);
    let (key, id) = (admin["key"].as_str().unwrap(), admin["id"].as_str().unwrap());
    let own = office.call(key, ("DELETE", &format!("{path}/{id}")), None, "").await;
    assert_eq!(own.problem(), (409, "own-key".to_owned()));
}

#[tokio::test]
async fn the_audit_is_read_page_by_page() {
    let office = Office::open();
    for n in 0..5 {
        let body = format!(r#"{{"zone": "Etc/UTC", "name": "North {n}"}}"#);
        office.put("/v1/admin/offices/north", &body).await;
    }
    let first = office.get("/v1/admin/audit?limit=2").await.json();
    assert_eq!((&first["deeds"][0]["number"], &first["next"]), (&json!(5), &json!(4)));
    let deed = &first["deeds"][0];
    assert_eq!((&deed["by"], &deed["what"]), (&json!(ADMIN), &json!("put-office")));
    assert_eq!((&deed["to"], &deed["note"]), (&json!("north"), &json!("office \"north\": name")));
    let second = office.get("/v1/admin/audit?limit=2&cursor=4").await.json();
    let last = office.get("/v1/admin/audit?limit=2&cursor=2").await.json();
    assert_eq!(
        (&second["deeds"][0]["number"], &last["deeds"][0]["number"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(last["next"], Value::Null);
    for (wrong, status, name) in [
        ("limit=0", 422, "invalid"),
        ("limit=1001", 422, "invalid"),
        ("cursor=x", 400, "malformed"),
    ] {
        let answer = office.get(&format!("/v1/admin/audit?{wrong}")).await;
        assert_eq!(answer.problem(), refused(status, name));
    }
}
