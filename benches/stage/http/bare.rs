//! What cannot be avoided: axum, the same JSON in and out, and nothing behind it.

use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use axum::serve::ListenerExt;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Hold {
    slot: String,
    services: Vec<String>,
    party: Option<String>,
    person: Option<Person>,
}

#[derive(Deserialize)]
struct Person {
    name: String,
    telephone: String,
    birth_date: String,
}

#[derive(Deserialize)]
struct Confirm {
    hold: String,
}

#[derive(Serialize)]
struct Claim {
    id: String,
    state: &'static str,
    slot: String,
    office: String,
    services: Vec<String>,
    starts: Moment,
    persons: u8,
    arrangement: &'static str,
    channel: &'static str,
    version: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_now: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

#[derive(Serialize)]
struct Moment {
    at: String,
    time_zone: String,
    local: String,
}

type Told = (StatusCode, [(header::HeaderName, &'static str); 1], Json<Claim>);

fn told(id: &str, slot: &str, services: Vec<String>, held: bool) -> Told {
    let office = slot.split('~').next().unwrap_or_default().to_owned();
    let now = || held.then(|| "2027-01-12T09:20:00.123456789Z".to_owned());
    let claim = Claim {
        id: id.to_owned(),
        state: if held { "held" } else { "booked" },
        slot: slot.to_owned(),
        office,
        services,
        starts: Moment {
            at: "2027-01-12T09:20:00+00:00".to_owned(),
            time_zone: "Etc/UTC".to_owned(),
            local: "2027-01-12T09:20".to_owned(),
        },
        persons: 1,
        arrangement: "together",
        channel: "web",
        version: 1,
        expires_at: now(),
        server_now: now(),
        secret: held.then(|| "abcdefghijklmnopqrstuv".to_owned()),
    };
    (StatusCode::CREATED, [(header::ETAG, "\"1\"")], Json(claim))
}

async fn hold(headers: HeaderMap, Json(hold): Json<Hold>) -> Told {
    // Looked at, as any handler would.
    let key = headers.get("idempotency-key").map_or(0, |key| key.as_bytes().len());
    let whom = hold
        .person
        .as_ref()
        .map_or(0, |person| person.name.len() + person.telephone.len() + person.birth_date.len());
    let party = hold.party.as_ref().map_or(whom, String::len);
    std::hint::black_box((key, party));
    told("0040000010000001", &hold.slot, hold.services, true)
}

async fn confirm(Json(confirm): Json<Confirm>) -> Told {
    told(&confirm.hold, "c0~2027-01-12~37", vec!["s".to_owned()], false)
}

/// Serves until it is killed.
pub async fn serve() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    super::say(&listener.local_addr()?.to_string());
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let routes = Router::new().route("/v1/holds", post(hold)).route("/v1/bookings", post(confirm));
    axum::serve(listener, routes).await
}
