//! A closure over HTTP: the list shown first is what is then done, whoever comes in between is
//! named, and reopening gives back what was not moved.
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
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::StatusCode;
use cupo::{ClaimId, ClaimState};
use office::{Answer, Office};
use serde_json::{Value, json};

const WED: &str = "2026-12-02";
const CLOSURES: &str = "/v1/admin/closures";
const DRY: &str = "/v1/admin/closures?dry_run=true";

fn ids(list: &Value) -> BTreeSet<String> {
    let list = list.as_array().unwrap();
    list.iter().map(|claim| claim["claim"].as_str().unwrap().to_owned()).collect()
}

fn names<const N: usize>(claims: [ClaimId; N]) -> BTreeSet<String> {
    claims.iter().map(ToString::to_string).collect()
}

fn closing() -> Value {
    json!({"calendar": "north", "from": WED, "to": "2026-12-04", "reason": "Water damage"})
}

async fn close(office: &Office, mut closing: Value) -> Answer {
    let dry = office.post(DRY, &closing.to_string()).await.json();
    closing["impact"] = dry["impact"].clone();
    office.post(CLOSURES, &closing.to_string()).await
}

#[tokio::test]
async fn what_the_list_shows_is_what_is_done() {
    let office = Office::open();
    let slot = office.slot("north", WED, 9, 0);
    let booked = office.book(1, slot).await;
    let held = office.hold(2, slot).await;
    let elsewhere = office.book(3, office.slot("south", WED, 9, 0)).await;
    let dry = office.post(DRY, &closing().to_string()).await.json();
    assert_eq!((&dry["held"], &dry["booked"]), (&json!(1), &json!(1)));
    assert_eq!(ids(&dry["affected"]), names([booked, held]));
    assert_eq!(dry["affected"][0]["starts"]["local"], "2026-12-02T09:00");
    assert_eq!(office.get(CLOSURES).await.json()["closures"], json!([]), "only looked");
    let done = close(&office, closing()).await.json();
    assert_eq!(done["days"], dry["days"]);
    assert_eq!(ids(&done["revoked"]), names([held]));
    assert_eq!(ids(&done["displaced"]), names([booked]));
    assert_eq!(done["unannounced"], json!([]));
    let closures = office.get(CLOSURES).await.json();
    let first = &closures["closures"][0];
    assert_eq!((&first["day"], &first["displaced"]), (&json!("north~2026-12-02"), &json!(1)));
    assert_eq!(first["reason"], "Water damage");
    assert_eq!(closures["closures"].as_array().unwrap().len(), 3);
    let state = office.app.engine.claim(elsewhere).await.unwrap().state;
    assert_eq!(state, ClaimState::Booked);
    // Reopened, the booking has its place again; the hold is gone for good.
    let path = "/v1/admin/closures/north~2026-12-02";
    let reopened = office.delete(path).await.json();
    assert_eq!(ids(&reopened["restored"]), names([booked]));
    assert_eq!(office.delete(path).await.problem(), (404, "not-found".to_owned()));
    assert!(office.app.engine.audit().is_clean());
    let deeds = office.app.audit.list(None, 10).unwrap();
    let deeds: Vec<&str> = deeds.iter().map(|deed| deed.what.as_str()).collect();
    assert_eq!(deeds, ["reopen-day", "close-day", "close-day", "close-day"]);
}

#[tokio::test]
async fn a_list_that_is_no_longer_true_closes_nothing() {
    let office = Office::open();
    let slot = office.slot("north", WED, 9, 0);
    let booked = office.book(1, slot).await;
    let mut wish = closing();
    wish["impact"] = office.post(DRY, &wish.to_string()).await.json()["impact"].clone();
    let late = office.book(2, slot).await;
    let answer = office.post(CLOSURES, &wish.to_string()).await;
    assert_eq!(answer.problem(), (409, "impact-changed".to_owned()));
    assert_eq!(ids(&answer.json()["affected"]), names([booked, late]));
    assert!(!office.app.engine.day(slot.day).unwrap().closed);
    wish["impact"] = answer.json()["impact"].clone();
    let done = office.post(CLOSURES, &wish.to_string()).await;
    assert_eq!(ids(&done.json()["displaced"]), names([booked, late]));
}

#[tokio::test]
async fn bookings_are_cancelled_where_that_was_chosen() {
    let office = Office::open();
    let booked = office.book(1, office.slot("north", WED, 9, 0)).await;
    let mut wish = closing();
    wish["bookings"] = json!("cancel");
    let done = close(&office, wish).await.json();
    assert_eq!((ids(&done["cancelled"]), ids(&done["displaced"])), (names([booked]), names([])));
    let state = office.app.engine.claim(booked).await.unwrap().state;
    assert_eq!(state, ClaimState::Cancelled);
}

#[tokio::test]
async fn an_office_closes_with_all_its_calendars_and_dates_ahead_are_named() {
    let office = Office::open();
    let wish = json!({"office": "south", "from": "2026-12-15", "to": "2026-12-20", "reason": "x"});
    let dry = office.post(DRY, &wish.to_string()).await.json();
    let count = |list: &Value| list.as_array().unwrap().len();
    assert_eq!(count(&dry["days"]) + count(&dry["ahead"]), 6);
    assert_eq!(dry["ahead"].as_array().unwrap().last().unwrap(), "south~2026-12-20");
}

#[tokio::test]
async fn what_cannot_be_closed_is_refused() {
    let office = Office::open();
    let good = closing();
    let with = |field: &str, value: Value| {
        let mut wish = good.clone();
        wish[field] = value;
        wish.to_string()
    };
    for (body, status, name) in [
        (with("calendar", json!("none")), 404, "not-found"),
        (with("calendar", Value::Null), 422, "invalid"),
        (with("office", json!("north")), 422, "invalid"),
        (with("from", json!("2026-11-30")), 422, "invalid"),
        (with("from", json!("soon")), 422, "invalid"),
        (with("to", json!("2026-12-01")), 422, "invalid"),
        (with("to", json!("2036-12-01")), 422, "invalid"),
        (with("reason", json!(" ")), 422, "invalid"),
        (with("reason", json!("x".repeat(241))), 422, "invalid"),
        (with("colour", json!("red")), 422, "invalid"),
        ("{".to_owned(), 400, "malformed"),
    ] {
        assert_eq!(office.post(DRY, &body).await.problem(), (status, name.to_owned()), "{body}");
    }
    let unseen = office.post(CLOSURES, &good.to_string()).await;
    assert_eq!(unseen.problem(), (422, "invalid".to_owned()));
    for day in ["nowhere~2026-12-02", "north~2026-12-02", "x"] {
        let path = format!("{CLOSURES}/{day}");
        assert_eq!(office.delete(&path).await.problem(), (404, "not-found".to_owned()));
    }
}

/// Citizens book without pause while the day is closed. Whoever got a place is in the result.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closure_amid_bookings_names_everybody() {
    let office = Arc::new(Office::open());
    let stop = Arc::new(AtomicBool::new(false));
    let booker = std::thread::spawn({
        let (office, stop) = (office.clone(), stop.clone());
        move || {
            let (mut got, mut party) = (Vec::new(), 100);
            while !stop.load(Ordering::Relaxed) {
                for minute in (0..240).step_by(15) {
                    party += 1;
                    let slot = office.slot("north", WED, 9 + minute / 60, minute % 60);
                    let asked = office.app.engine.hold(&office.ask(party, slot)).wait();
                    if let Ok(receipt) = asked {
                        got.push(receipt.id());
                        if party % 2 == 0 {
                            // It may have been revoked just now.
                            let _ = office.app.engine.confirm(receipt.id()).wait();
                        }
                    }
                }
            }
            got
        }
    });
    let mut wish = closing();
    let done = loop {
        let dry = office.post(DRY, &wish.to_string()).await.json();
        wish["impact"] = dry["impact"].clone();
        let answer = office.post(CLOSURES, &wish.to_string()).await;
        if answer.status == StatusCode::OK {
            break answer.json();
        }
        assert_eq!(answer.problem().1, "impact-changed");
    };
    stop.store(true, Ordering::Relaxed);
    let got: BTreeSet<String> = booker.join().unwrap().iter().map(ToString::to_string).collect();
    let named: BTreeSet<String> =
        ids(&done["revoked"]).union(&ids(&done["displaced"])).cloned().collect();
    assert_eq!(named, got, "whoever had a place is named, and nobody else");
    let day = office.slot("north", WED, 9, 0).day;
    for claim in office.app.engine.roster(day, None, usize::MAX).await.unwrap() {
        assert_eq!(claim.state, ClaimState::Displaced);
    }
    assert!(office.app.engine.audit().is_clean());
}
