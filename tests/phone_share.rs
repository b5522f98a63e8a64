//! What a calendar keeps for the telephone is not for the web, until its time has come.
//!
//! One desk, kept for callers until two hours before: a whole call and requests over HTTP. What
//! breaks such shares: a web page that takes them at the stroke of eight, places that stay empty
//! because nobody called.

#![cfg(feature = "web")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/pbx.rs"]
mod pbx;
#[path = "stage/town.rs"]
mod town;

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use cupo::phone::fastagi;
use cupo::web::App;
use cupo::{ClaimState, DayId, Engine, PartyId};
use pbx::Pbx;
use tokio::net::TcpListener;
use tower::ServiceExt;
use town::{Town, date};

/// One slot of an hour a day, at nine; its one place is kept for the telephone.
const CATALOG: &str = r#"
offices = [{ key = "north", zone = "Etc/UTC" }]
services = [{ key = "paper" }]
[[calendars]]
key = "north"
office = "north"
services = ["paper"]
unit = "60m"
capacity = 1
horizon = "14d"
hours = { tue = ["09:00-10:00"], wed = ["09:00-10:00"], thu = ["09:00-10:00"] }
channels.phone = { protected = 1, give_back = "2h" }
"#;

/// No number shown; number, right, birth, right, no ZIP code, the office, the document; take it,
/// confirm it, go on, done.
const BOOKING: &str = "1512555010013101199010#11111122";

/// Asks for a place over HTTP: the first of a day.
async fn asks(app: &App, on: &str, party: u8) -> StatusCode {
    let slot = format!("north~{on}~9");
    let body = format!(r#"{{"slot":"{slot}","services":["paper"],"party":"{party:032x}"}}"#);
    let request = Request::post("/v1/bookings")
        .header(header::AUTHORIZATION, "Bearer demo-partner")
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", format!("{on}-{party}"))
        .body(Body::from(body))
        .unwrap();
    cupo::web::router(app).oneshot(request).await.unwrap().status()
}

/// The state of whoever has the place of a day.
async fn roster(engine: &Engine, on: &str) -> Vec<(ClaimState, PartyId)> {
    let day = DayId::new(engine.calendar("north").unwrap(), date(on)).unwrap();
    let claims = engine.roster(day, None, 10).await.unwrap();
    claims.into_iter().map(|claim| (claim.state, claim.party)).collect()
}

#[tokio::test]
async fn the_telephones_share_is_the_callers_until_it_is_given_back_to_the_web() {
    // Tuesday, eight in the morning: one hour before today's place, a day before tomorrow's.
    let Town { engine, clock } = Town::with(CATALOG, Engine::builder());
    let app = App::in_memory(engine).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(fastagi::serve(listener, app.exchange.clone(), app.stop.clone()));

    // Less than two hours before, the web has it.
    assert_eq!(asks(&app, "2026-12-01", 1).await, StatusCode::CREATED);
    // A day before it has not, and a caller has.
    assert_eq!(asks(&app, "2026-12-02", 2).await, StatusCode::CONFLICT);
    let told = Pbx::new("1.1", BOOKING).call(address).await;
    assert_eq!(told.variable("CUPO_NEXT"), Some("done"), "{told:?}");
    let [(ClaimState::Booked, caller)] = roster(&app.engine, "2026-12-02").await[..] else {
        panic!("{told:?}")
    };
    assert_ne!(caller, PartyId(2));

    // Thursday's place: nobody calls. Two hours and a minute before it is still kept.
    clock.set("2026-12-03T06:59:00Z".parse().unwrap());
    assert_eq!(asks(&app, "2026-12-03", 3).await, StatusCode::CONFLICT);
    clock.advance(Duration::from_mins(1));
    assert_eq!(asks(&app, "2026-12-03", 3).await, StatusCode::CREATED);
    let [(ClaimState::Booked, PartyId(3))] = roster(&app.engine, "2026-12-03").await[..] else {
        panic!("not booked")
    };
    assert!(app.engine.audit().is_clean());
}
