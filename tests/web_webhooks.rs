//! Whoever subscribes gets every event at least once, signed, with the events of one claim in their
//! order, whatever fails in between: the receiver, the network, or this process.

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

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use cupo::desk::{Secrets, Store};
use cupo::web::{App, Settings, router};
use cupo::{
    Ask, Catalog, ClaimId, Engine, ManualClock, Openings, PartyId, RequestId, SlotId, SystemClock,
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

const CATALOG: &str = r#"
    offices = [{ key = "boston", zone = "America/New_York" }]
    services = [{ key = "passport" }]

    [[calendars]]
    key = "boston"
    office = "boston"
    services = ["passport"]
    capacity = 500
    horizon = "9d"
    hours = { mon = ["09:00-12:00"], tue = ["09:00-12:00"], wed = ["09:00-12:00"] }
"#;

/// A request as the receiver saw it.
#[derive(Clone, Debug)]
struct Seen {
    headers: BTreeMap<String, String>,
    body: String,
    answered: u16,
}

impl Seen {
    fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn subject(&self) -> String {
        self.event()["subject"].as_str().unwrap_or_default().to_owned()
    }

    fn kind(&self) -> String {
        self.event()["type"].as_str().unwrap().to_owned()
    }
}

/// Somebody who takes webhooks: answers with a status, and remembers.
#[derive(Clone)]
struct Receiver {
    address: SocketAddr,
    status: Arc<AtomicU16>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let receiver =
            Self { address, status: Arc::new(AtomicU16::new(200)), seen: Arc::default() };
        let own = receiver.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let own = own.clone();
                std::thread::spawn(move || while own.answer(stream.as_ref().unwrap()).is_some() {});
            }
        });
        receiver
    }

    fn answer(&self, mut stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        let mut headers = BTreeMap::new();
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        loop {
            line.clear();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim().split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let mut body = vec![0; headers["content-length"].parse().unwrap()];
        reader.read_exact(&mut body).ok()?;
        let (body, answered) =
            (String::from_utf8(body).unwrap(), self.status.load(Ordering::SeqCst));
        self.seen.lock().unwrap().push(Seen { headers, body, answered });
        let head = format!("HTTP/1.1 {answered} So\r\ncontent-length: 0\r\n");
        let more = if answered == 302 { "location: http://127.0.0.1:1/\r\n" } else { "" };
        stream.write_all(format!("{head}{more}\r\n").as_bytes()).ok()
    }

    fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    fn answers(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until so many requests have come.
    fn wait(&self, count: usize) -> Vec<Seen> {
        until(|| (self.seen().len() >= count).then(|| self.seen()))
    }
}

fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let clock = SystemClock::new();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(clock.elapsed() < Duration::from_mins(1), "nothing comes");
        std::thread::sleep(Duration::from_millis(10));
    }
}

struct World {
    app: App,
    router: Router,
    clock: ManualClock,
    slots: Vec<SlotId>,
}

fn settings() -> Settings {
    Settings { webhooks_private: true, ..Settings::default() }
}

fn world() -> World {
    let clock = ManualClock::at("2026-11-22T15:00:00Z".parse().unwrap());
    let engine = Engine::builder().clock(clock.clone()).open().unwrap();
    engine.install(&Catalog::from_toml(CATALOG).unwrap()).unwrap();
    let app = App::new(engine, Store::in_memory().unwrap(), settings()).unwrap();
    let (router, slots) = (router(&app), slots(&app));
    World { app, router, clock, slots }
}

fn slots(app: &App) -> Vec<SlotId> {
    let passport = app.engine.service("passport").unwrap();
    let found = app.engine.openings(&Openings::new(passport).limit(40));
    found.into_iter().map(|opening| opening.slot).collect()
}

fn book(app: &App, party: u128, slot: SlotId) -> ClaimId {
    let passport = app.engine.service("passport").unwrap();
    app.engine.book(&Ask::new(PartyId(party), RequestId(1), passport, slot)).wait().unwrap().id()
}

impl World {
    async fn send(&self, what: &str, body: Value, tag: Option<&str>) -> (StatusCode, Value) {
        self.send_as("demo-admin", what, body, tag).await
    }

    async fn send_as(
        &self,
        key: &str,
        what: &str,
        body: Value,
        tag: Option<&str>,
    ) -> (StatusCode, Value) {
        send(&self.router, key, what, body, tag).await
    }

    async fn hook(&self, url: &str, kinds: &[&str]) -> (u64, String) {
        let body = json!({ "url": url, "kinds": kinds });
        let (status, hook) = self.send("POST /v1/admin/webhooks", body, None).await;
        assert_eq!(status, StatusCode::CREATED, "{hook}");
        (hook["id"].as_u64().unwrap(), hook["secret"].as_str().unwrap().to_owned())
    }

    async fn get(&self, path: &str) -> Value {
        self.send(&format!("GET /v1/admin/webhooks{path}"), Value::Null, None).await.1
    }

    /// Lets time pass until something is so.
    fn pass<T>(&self, step: Duration, mut look: impl FnMut() -> Option<T>) -> T {
        until(|| {
            self.clock.advance(step);
            std::thread::sleep(Duration::from_millis(120));
            look()
        })
    }
}

async fn send(
    router: &Router,
    key: &str,
    what: &str,
    body: Value,
    tag: Option<&str>,
) -> (StatusCode, Value) {
    let (method, path) = what.split_once(' ').unwrap();
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {key}"))
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(tag) = tag {
        request = request.header(header::IF_MATCH, tag);
    }
    let request = request.body(Body::from(body.to_string())).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_delivered_signed_and_names_nobody() {
    let (world, receiver) = (world(), Receiver::start());
    let (id, secret) = world.hook(&receiver.url(), &["claim.booked"]).await;
    let claim = book(&world.app, 7, world.slots[0]);
    world.app.engine.cancel(claim).wait().unwrap();
    book(&world.app, 8, world.slots[0]);

    let seen = receiver.wait(2);
    // Those of different claims may overtake each other.
    assert!(seen.iter().any(|seen| seen.subject() == claim.to_string()));
    assert_eq!(seen.iter().map(Seen::kind).collect::<Vec<_>>(), ["cupo.claim.booked"; 2]);
    assert!(!seen[0].body.contains(&PartyId(7).to_string()));
    let headers = &seen[0].headers;
    assert!(headers["content-type"].starts_with("application/cloudevents+json"));
    let theirs = standardwebhooks::Webhook::new(&secret).unwrap();
    let at = headers["webhook-timestamp"].parse().unwrap();
    let signature = theirs.sign(&headers["webhook-id"], at, seen[0].body.as_bytes()).unwrap();
    assert_eq!(headers["webhook-signature"], signature);

    let log = until(|| {
        let attempts = futures(world.get(&format!("/{id}/deliveries")));
        (attempts["deliveries"].as_array()?.len() == 2).then_some(attempts)
    });
    assert_eq!(log["deliveries"][1]["status"], 200);
    assert!(log.to_string().contains(&headers["webhook-id"]));
    assert_eq!(world.get(&format!("/{id}")).await["pending"], 0);
    assert_eq!(world.get(&format!("/{id}")).await["secret"], Value::Null);
}

/// Runs a future to its end inside a blocking loop.
fn futures<T>(future: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(future))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_taken_comes_again_and_claims_keep_their_order() {
    let (world, receiver) = (world(), Receiver::start());
    receiver.answers(503);
    let (id, _) = world.hook(&receiver.url(), &[]).await;
    let claims: Vec<ClaimId> =
        (1..=5).map(|party| book(&world.app, party, world.slots[1])).collect();
    for claim in &claims {
        world.app.engine.reschedule(*claim, world.slots[2], RequestId(9)).wait().unwrap();
        world.app.engine.cancel(*claim).wait().unwrap();
    }
    receiver.wait(1);
    let refused = world.pass(Duration::from_secs(1), || {
        let refused = receiver.seen();
        (refused.len() >= 6).then_some(refused)
    });
    // None but the first events of the claims was tried.
    assert!(refused.iter().all(|seen| seen.kind() == "cupo.claim.booked"), "{refused:?}");
    let hook = world.get(&format!("/{id}")).await;
    assert_eq!((&hook["pending"], hook["failing_since"].is_string()), (&15.into(), true));
    receiver.answers(204);
    let seen = world.pass(Duration::from_secs(20), || {
        let seen = receiver.seen();
        let taken: Vec<Seen> = seen.into_iter().filter(|seen| seen.answered == 204).collect();
        (taken.len() >= 15).then_some(taken)
    });
    for claim in &claims {
        let own = seen.iter().filter(|seen| seen.subject() == claim.to_string());
        let kinds: Vec<String> = own.map(Seen::kind).collect();
        assert_eq!(kinds, ["cupo.claim.booked", "cupo.claim.moved", "cupo.claim.cancelled"]);
    }
    // The same event has the same id on every try.
    let first = refused[0].clone();
    let again = seen.iter().find(|seen| seen.body == first.body).unwrap();
    assert_eq!(again.headers["webhook-id"], first.headers["webhook-id"]);
    until(|| (futures(world.get(&format!("/{id}")))["failing_since"] == Value::Null).then_some(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_takes_nothing_for_three_days_is_left_alone() {
    let (world, receiver) = (world(), Receiver::start());
    receiver.answers(302);
    let (id, _) = world.hook(&receiver.url(), &["claim.booked"]).await;
    let claim = book(&world.app, 1, world.slots[0]);
    // A redirect is not followed: it counts as a failure.
    receiver.wait(1);
    let hook = world.pass(Duration::from_hours(4), || {
        let hook = futures(world.get(&format!("/{id}")));
        (hook["enabled"] == false).then_some(hook)
    });
    assert_eq!(hook["stopped"], "no delivery was taken for three days");
    let tries = receiver.seen().len();
    assert!(tries < 60, "{tries} tries in three days");
    book(&world.app, 2, slots(&world.app)[0]);
    world.clock.advance(Duration::from_hours(24));
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(receiver.seen().len(), tries);

    // Enabled again, it gets what it had pending, and what happens from then on.
    receiver.answers(200);
    let tag = format!("\"{}\"", hook["version"]);
    let wish = json!({ "url": receiver.url(), "kinds": ["claim.booked"] });
    let what = format!("PUT /v1/admin/webhooks/{id}");
    let (status, hook) = world.send(&what, wish, Some(&tag)).await;
    assert_eq!((status, &hook["enabled"]), (StatusCode::OK, &true.into()), "{hook}");
    let third = book(&world.app, 3, slots(&world.app)[0]);
    let seen = receiver.wait(tries + 2);
    let mut subjects: Vec<String> = seen[tries..].iter().map(Seen::subject).collect();
    subjects.sort();
    let mut expected = [claim.to_string(), third.to_string()];
    expected.sort();
    assert_eq!(subjects, expected);

    // Whoever says that it is gone is not asked again.
    receiver.answers(410);
    book(&world.app, 4, slots(&world.app)[0]);
    let hook = until(|| {
        let hook = futures(world.get(&format!("/{id}")));
        (hook["enabled"] == false).then_some(hook)
    });
    assert_eq!(hook["stopped"], "the receiver answered 410");
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_are_made_tried_changed_and_removed_by_administrators_only() {
    let (world, receiver) = (world(), Receiver::start());
    let wish = json!({ "url": receiver.url(), "note": "Reminders" });
    let post = "POST /v1/admin/webhooks";
    for key in ["demo-desk", "demo-partner"] {
        let (status, _) = world.send_as(key, post, wish.clone(), None).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
    for wrong in [
        json!({ "url": "http://example.org/" }),
        json!({ "url": "ftp://example.org/" }),
        json!({ "url": receiver.url(), "kinds": ["claim.eaten"] }),
        json!({ "url": receiver.url(), "colour": "red" }),
        json!({}),
    ] {
        let (status, _) = world.send(post, wrong.clone(), None).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    let (id, secret) = world.hook(&receiver.url(), &["cupo.claim.booked"]).await;
    assert!(secret.starts_with("whsec_"));
    assert_eq!(world.get("").await["webhooks"][0]["kinds"][0], "claim.booked");

    let one = format!("/v1/admin/webhooks/{id}");
    let (status, tried) = world.send(&format!("POST {one}/test"), Value::Null, None).await;
    assert_eq!((status, &tried["taken"]), (StatusCode::OK, &true.into()));
    assert_eq!(receiver.wait(1)[0].kind(), "cupo.test");
    receiver.answers(500);
    let (_, tried) = world.send(&format!("POST {one}/test"), Value::Null, None).await;
    assert_eq!((&tried["taken"], &tried["status"]), (&false.into(), &500.into()));
    let log = world.get(&format!("/{id}/deliveries")).await;
    let kinds = log["deliveries"].as_array().unwrap().iter().map(|tried| &tried["kind"]);
    assert_eq!(kinds.collect::<Vec<_>>(), ["cupo.test", "cupo.test"]);

    let put = format!("PUT {one}");
    let (status, _) = world.send(&put, wish.clone(), None).await;
    assert_eq!(status, StatusCode::PRECONDITION_REQUIRED);
    let (status, hook) = world.send(&put, wish.clone(), Some("\"1\"")).await;
    assert_eq!((status, &hook["note"]), (StatusCode::OK, &"Reminders".into()));
    let (status, _) = world.send(&put, wish.clone(), Some("\"1\"")).await;
    assert_eq!(status, StatusCode::PRECONDITION_FAILED);

    let (status, _) = world.send(&format!("DELETE {one}"), Value::Null, None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    for what in [format!("GET {one}"), format!("DELETE {one}"), format!("POST {one}/test")] {
        let (status, _) = world.send(&what, Value::Null, None).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{what}");
    }
    let deeds = world.app.audit.list(None, 10).unwrap();
    let deeds: Vec<&str> = deeds.iter().rev().map(|deed| deed.what.as_str()).collect();
    let expected =
        ["add-webhook", "test-webhook", "test-webhook", "change-webhook", "remove-webhook"];
    assert_eq!(deeds, expected);
}

#[tokio::test]
async fn nothing_goes_to_a_private_address_unless_the_settings_say_so() {
    let app = App::in_memory(Engine::in_memory().unwrap()).unwrap();
    let router = router(&app);
    for url in
        ["http://127.0.0.1:9/", "https://10.0.0.1/", "https://[fd00::1]/", "https://localhost/"]
    {
        let wish = json!({ "url": url });
        let (status, _) = send(&router, "demo-admin", "POST /v1/admin/webhooks", wish, None).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{url}");
    }
}

/// The child of the test below: books, and says what was acknowledged.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a process of its own, started by the test below"]
async fn child() {
    let dir = std::path::PathBuf::from(std::env::var("CUPO_TEST_DIR").unwrap());
    let settings = Settings { dir, ..settings() };
    let engine = Engine::open(settings.log_dir()).unwrap();
    if engine.catalog().is_none() {
        engine.install(&Catalog::from_toml(CATALOG).unwrap()).unwrap();
    }
    let secrets = Secrets::new(&settings.master_key().unwrap());
    let store = Store::open(&settings.desk_file(), &secrets).unwrap();
    let app = App::new(engine, store, settings).unwrap();
    let mut out = std::io::stdout();
    if let Ok(url) = std::env::var("CUPO_TEST_URL") {
        let wish = json!({ "url": url, "kinds": ["claim.booked"] });
        let what = "POST /v1/admin/webhooks";
        let (status, _) = send(&router(&app), "demo-admin", what, wish, None).await;
        assert_eq!(status, StatusCode::CREATED);
    }
    let parties: u128 = std::env::var("CUPO_TEST_PARTIES").unwrap().parse().unwrap();
    let slots = slots(&app);
    for (party, slot) in (parties..).zip(slots.iter().cycle()) {
        let claim = book(&app, party, *slot);
        if writeln!(out, "\nbooked {claim}").is_err() {
            // Enough: only deliveries go on, until the kill.
            std::thread::sleep(Duration::from_mins(10));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn nothing_is_lost_when_the_process_is_killed() {
    let (directory, receiver) = (tempfile::tempdir().unwrap(), Receiver::start());
    std::fs::create_dir_all(directory.path()).unwrap();
    let mut booked: Vec<String> = Vec::new();
    for life in 0..4 {
        // The receiver is away in the first and third life.
        receiver.answers(if life % 2 == 0 { 500 } else { 200 });
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child", "--ignored", "--nocapture"]);
        command.env("CUPO_TEST_DIR", directory.path());
        command.env("CUPO_TEST_PARTIES", (1 + life * 1_000_000).to_string());
        if life == 0 {
            command.env("CUPO_TEST_URL", receiver.url());
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut own = 0;
        for line in lines.map_while(Result::ok) {
            if let Some(claim) = line.strip_prefix("booked ") {
                booked.push(claim.to_owned());
                own += 1;
            }
            if own == 150 {
                break;
            }
        }
        assert_eq!(own, 150);
        // In the last life all that is pending is taken before the end.
        if life == 3 {
            let all = || {
                let seen = receiver.seen().into_iter().filter(|seen| seen.answered == 200);
                let taken: Vec<String> = seen.map(|seen| seen.subject()).collect();
                booked.iter().all(|claim| taken.contains(claim)).then_some(taken.len())
            };
            let taken = until(all);
            println!("{} bookings, {taken} deliveries taken", booked.len());
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
