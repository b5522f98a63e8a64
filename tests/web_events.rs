//! Whoever listens hears everything that is durable, once and in order, and can go on where they
//! stopped. Whoever is too slow, or comes too late, is told so and told where to begin. Counts are
//! those of the engine.

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

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use cupo::web::{App, router};
use cupo::{
    Ask, Catalog, Channel, ClaimId, Engine, ManualClock, Openings, PartyId, RequestId, SlotId,
};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

const CATALOG: &str = r#"
    offices = [{ key = "boston", zone = "America/New_York" }]
    services = [{ key = "passport" }]

    [[calendars]]
    key = "boston"
    office = "boston"
    services = ["passport"]
    capacity = 2
    horizon = "5d"
    hours = { mon = ["09:00-12:00"], tue = ["09:00-12:00"], wed = ["09:00-12:00"] }
"#;

fn open(builder: cupo::Builder) -> App {
    let clock = ManualClock::at("2026-11-22T15:00:00Z".parse().unwrap());
    let engine = builder.clock(clock).open().unwrap();
    engine.install(&Catalog::from_toml(CATALOG).unwrap()).unwrap();
    App::in_memory(engine).unwrap()
}

fn app() -> App {
    open(Engine::builder())
}

fn ask(app: &App, party: u128, slot: SlotId) -> Ask {
    Ask::new(PartyId(party), RequestId(1), app.engine.service("passport").unwrap(), slot)
}

fn slots(app: &App) -> Vec<SlotId> {
    let passport = app.engine.service("passport").unwrap();
    let found = app.engine.openings(&Openings::new(passport).limit(100));
    found.into_iter().map(|opening| opening.slot).collect()
}

/// Books a place for each of some parties, one after the other.
fn book(app: &App, parties: std::ops::Range<u128>) -> Vec<ClaimId> {
    let slots = slots(app);
    let each = parties.zip(slots.iter().cycle());
    let ids = each.map(|(party, slot)| {
        let receipt = app.engine.book(&ask(app, party, *slot)).wait().unwrap();
        receipt.id()
    });
    ids.collect()
}

async fn send(router: &Router, path: &str, key: &str, last: Option<&str>) -> Response {
    let mut request = Request::get(path);
    if !key.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    }
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn json(router: &Router, path: &str) -> (StatusCode, Value) {
    let response = send(router, path, "demo-desk", None).await;
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

fn kinds(page: &Value) -> Vec<&str> {
    let events = page["events"].as_array().unwrap();
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// A stream of server-sent events, read as a browser reads it.
struct Reader {
    body: Body,
    text: String,
}

impl Reader {
    fn new(response: Response) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        Self { body: response.into_body(), text: String::new() }
    }

    /// The next block: id, event, data. `None` at the end of the stream.
    async fn next(&mut self) -> Option<(String, String, String)> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let line = block.lines().find_map(|line| line.strip_prefix(name));
                    line.unwrap_or_default().trim().to_owned()
                };
                let found = (field("id:"), field("event:"), field("data:"));
                self.text = rest.into();
                return Some(found);
            }
            let frame = tokio::time::timeout(Duration::from_secs(10), self.body.frame());
            let frame = frame.await.expect("the stream says nothing")?.unwrap();
            self.text += std::str::from_utf8(frame.data_ref().unwrap()).unwrap();
        }
    }
}

#[tokio::test]
async fn a_life_is_told_in_order_and_without_a_person() {
    let app = app();
    let router = router(&app);
    let slots = slots(&app);
    let start = app.engine.durable().0;
    let id = app.engine.hold(&ask(&app, 7, slots[0])).wait().unwrap().id();
    app.engine.confirm(id).wait().unwrap();
    app.engine.reschedule(id, slots[3], RequestId(2)).wait().unwrap();
    app.engine.cancel(id).wait().unwrap();

    let (status, page) = json(&router, &format!("/v1/events?after={start}")).await;
    assert_eq!(status, StatusCode::OK);
    let told = ["cupo.claim.held", "cupo.claim.booked", "cupo.claim.moved", "cupo.claim.cancelled"];
    assert_eq!(kinds(&page), told);
    let moved = &page["events"][2];
    assert_eq!(moved["specversion"], "1.0");
    assert_eq!(moved["subject"], id.to_string());
    assert_eq!(moved["data"]["from"], "boston~2026-11-23~36");
    assert_eq!(moved["data"]["slot"], "boston~2026-11-23~39");
    assert_eq!(moved["data"]["office"], "boston");
    assert_eq!(moved["data"]["starts_at"]["at"], "2026-11-23T09:45:00-05:00");
    assert_eq!(moved["data"]["version"], 1);
    assert!(!page.to_string().contains(&PartyId(7).to_string()), "a party is told");

    // One at a time it is the same, and the end is empty.
    let mut cursor = start;
    for kind in told {
        let (_, page) = json(&router, &format!("/v1/events?after={cursor}&limit=1")).await;
        assert_eq!(kinds(&page), [kind]);
        cursor = page["next"].as_u64().unwrap();
    }
    let (_, page) = json(&router, &format!("/v1/events?after={cursor}")).await;
    assert!(kinds(&page).is_empty());
    assert_eq!(page["next"], cursor);
}

#[tokio::test]
async fn strangers_hear_nothing() {
    let app = app();
    let router = router(&app);
    for path in ["/v1/events", "/v1/events/stream", "/v1/events/live", "/v1/stats/fill"] {
        assert_eq!(
            send(&router, path, "", None).await.status(),
            StatusCode::UNAUTHORIZED,
            "{path}"
        );
    }
    for path in ["/v1/events/live", "/v1/stats/fill", "/v1/stats/load", "/metrics"] {
        let status = send(&router, path, "demo-partner", None).await.status();
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(send(&router, "/v1/events", "demo-partner", None).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_cursor_that_is_gone_is_answered_with_where_to_begin() {
    let directory = tempfile::tempdir().unwrap();
    let builder = || Engine::builder().directory(directory.path()).segment_bytes(64 << 10);
    let app = open(builder());
    let claims = book(&app, 1..40);
    // Two snapshots, with more than a file of log before each.
    for round in 0..2 {
        for actor in 1..100 {
            app.engine.assign(claims[0], cupo::ActorId(round * 1_000 + actor)).wait().unwrap();
        }
        app.engine.snapshot().unwrap();
    }
    // What is still in memory is told, whatever the files have.
    drop(app);
    let app = open(builder());
    let router = router(&app);
    book(&app, 40..42);
    for path in ["/v1/events?after=0", "/v1/events/stream?after=0"] {
        let (status, problem) = json(&router, path).await;
        assert_eq!(status, StatusCode::GONE, "{path}");
        assert!(problem["type"].as_str().unwrap().ends_with("/cursor-expired"));
        let first = problem["first"].as_u64().unwrap();
        assert!(first > 0);
        let (status, page) = json(&router, &format!("/v1/events?after={first}&limit=1")).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(page["events"][0]["id"], (first + 1).to_string());
    }
    // A cursor that was never given out belongs to another log.
    let (status, _) = json(&router, "/v1/events?after=999999999").await;
    assert_eq!(status, StatusCode::GONE);
    let (status, _) = json(&router, "/v1/events?limit=0").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let (status, _) = json(&router, "/v1/events?after=x").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_where_it_stopped() {
    let app = app();
    let router = router(&app);
    let mut reader = Reader::new(send(&router, "/v1/events/stream", "demo-partner", None).await);
    let (start, ..) = reader.next().await.unwrap();
    assert_eq!(start, app.engine.durable().0.to_string());
    let claims = book(&app, 1..6);
    let mut last = start;
    for claim in &claims[..2] {
        let (id, kind, data) = reader.next().await.unwrap();
        let event: Value = serde_json::from_str(&data).unwrap();
        assert_eq!((kind.as_str(), event["id"].as_str().unwrap()), ("cupo.claim.booked", &*id));
        assert_eq!(event["subject"], claim.to_string());
        last = id;
    }
    drop(reader);

    let response = send(&router, "/v1/events/stream", "demo-partner", Some(&last)).await;
    let mut reader = Reader::new(response);
    assert_eq!(reader.next().await.unwrap().0, last);
    let more = book(&app, 6..9);
    for claim in claims[2..].iter().chain(&more) {
        let (_, _, data) = reader.next().await.unwrap();
        let event: Value = serde_json::from_str(&data).unwrap();
        assert_eq!(event["subject"], claim.to_string());
    }

    // When the service stops, the stream ends.
    app.stop.cancel();
    assert_eq!(reader.next().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_too_slow_comes_back_and_has_missed_nothing() {
    let app = app();
    let router = router(&app);
    let claim = book(&app, 1..2)[0];
    let response = send(&router, "/v1/events/stream", "demo-partner", None).await;
    let mut reader = Reader::new(response);
    let start: u64 = reader.next().await.unwrap().0.parse().unwrap();
    let count = 1_000;
    for actor in 1..=count {
        app.engine.assign(claim, cupo::ActorId(actor)).wait().unwrap();
    }
    // The hub needs a moment to fall that far ahead.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut seen = 0;
    let away = loop {
        let (id, kind, data) = reader.next().await.unwrap();
        if kind == "resync" {
            let resync: Value = serde_json::from_str(&data).unwrap();
            assert_eq!(resync["lost"], false);
            assert_eq!(resync["after"].to_string(), id);
            break id;
        }
        seen += 1;
    };
    assert_eq!(reader.next().await, None);
    let response = send(&router, "/v1/events/stream", "demo-partner", Some(&away)).await;
    let mut reader = Reader::new(response);
    reader.next().await.unwrap();
    while seen < count {
        seen += 1;
        let (id, ..) = reader.next().await.unwrap();
        assert_eq!(id, (start + seen).to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_those_of_the_engine() {
    let app = app();
    let router = router(&app);
    let mut live = Reader::new(send(&router, "/v1/events/live", "demo-desk", None).await);
    let slots = slots(&app);
    app.engine.book(&ask(&app, 1, slots[0])).wait().unwrap();
    app.engine.hold(&ask(&app, 2, slots[0]).channel(Channel::PHONE)).wait().unwrap();

    let (_, list) = json(&router, "/v1/stats/fill?offices=boston&to=2026-11-23").await;
    let day = &list["fill"][0];
    assert_eq!(list["fill"].as_array().unwrap().len(), 1);
    assert_eq!((&day["office"], &day["date"]), (&"boston".into(), &"2026-11-23".into()));
    let counts = ["capacity", "booked", "held", "free"].map(|name| day[name].as_u64().unwrap());
    assert_eq!(counts, [24, 1, 1, 22]);
    assert_eq!(day["free_by_channel"]["web"], 22);
    let (status, _) = json(&router, "/v1/stats/fill?offices=nowhere").await;
    assert_eq!(status, StatusCode::NOT_FOUND);

    // The second in which that happened is over soon.
    let (mut holds, mut confirms, mut refused) = (0, 0, 0);
    while (holds, confirms, refused) != (1, 1, 1) {
        let (_, kind, data) = live.next().await.unwrap();
        let second: Value = serde_json::from_str(&data).unwrap();
        assert_eq!(kind, "load");
        holds += second["holds"].as_u64().unwrap();
        confirms += second["confirms"].as_u64().unwrap();
        refused += second["refused"].as_u64().unwrap();
    }
    let (_, load) = json(&router, "/v1/stats/load").await;
    let sum = |name: &str| -> u64 {
        let seconds = load["seconds"].as_array().unwrap();
        seconds.iter().map(|second| second[name].as_u64().unwrap()).sum()
    };
    assert_eq!((sum("holds"), sum("confirms")), (1, 1));
    assert_eq!(load["refusals"]["not-found"], 1);
    assert_eq!((&load["held"], &load["booked"], &load["queue"]), (&1.into(), &1.into(), &0.into()));
    assert!(load["minute"]["p99_us"].as_u64() >= load["minute"]["p50_us"].as_u64());
}

#[tokio::test]
async fn a_scraper_reads_every_count_and_health_is_told() {
    let app = app();
    let router = router(&app);
    book(&app, 1..4);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(send(&router, path, "", None).await.status(), StatusCode::OK, "{path}");
    }
    json(&router, "/v1/stats/fill?offices=nowhere").await;
    assert_eq!(send(&router, "/metrics", "", None).await.status(), StatusCode::FORBIDDEN);
    let response = send(&router, "/metrics", "demo-admin", None).await;
    assert_eq!(response.status(), StatusCode::OK);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let text = std::str::from_utf8(&body).unwrap();
    for line in [
        "cupo_claims{state=\"booked\"} 3",
        "cupo_log_queue 0",
        "cupo_takes_changes 1",
        "cupo_check_problems 0",
        "cupo_refusals_total{cause=\"not-found\"} 1",
        "cupo_requests_total{method=\"GET\",route=\"/v1/stats/fill\",status=\"4xx\"} 1",
        "cupo_request_seconds_count{method=\"GET\",route=\"/readyz\"} 1",
        "# EOF",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    app.stop.cancel();
    let response = send(&router, "/readyz", "", None).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn all_of_it_stands_in_the_document() {
    let router = router(&app());
    let (_, document) = json(&router, "/v1/openapi.json").await;
    for path in ["events", "events/stream", "events/live", "stats/fill", "stats/load"] {
        assert!(document["paths"][format!("/v1/{path}")]["get"].is_object(), "{path}");
    }
}
