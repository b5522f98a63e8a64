//! Nobody gets more of the service than is theirs: slow, large, many, foreign or curious.
//!
//! Where a limit is about connections, a real process is asked over real sockets: servers were
//! seen to keep half-sent heads for a minute, whatever their settings said.

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

#[path = "stage/service.rs"]
mod service;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode, header};
use cupo::Engine;
use cupo::desk::Store;
use cupo::web::{App, KeySetting, Settings, router};
use http_body_util::BodyExt;
use serde_json::Value;
use service::{Client, Service};
use tower::ServiceExt;

const SECONDS: fn(u64) -> Duration = Duration::from_secs;

fn router_with(settings: Settings) -> Router {
    let settings = Settings { master_key: Some("5c".repeat(32)), ..settings };
    let store = Store::in_memory().unwrap();
    let app = App::new(Engine::in_memory().unwrap(), store, settings).unwrap();
    router(&app)
}

fn from(peer: &str) -> axum::http::request::Builder {
    let peer: SocketAddr = format!("{peer}:1234").parse().unwrap();
    Request::builder().extension(ConnectInfo(peer))
}

async fn send(router: &Router, request: Request<Body>) -> Response<Body> {
    router.clone().oneshot(request).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn value<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn service(arguments: &[&str]) -> (tempfile::TempDir, Service) {
    let room = tempfile::tempdir().unwrap();
    let service = Service::start(&room.path().join("data"), arguments);
    (room, service)
}

#[test]
fn a_half_sent_head_is_closed_in_time() {
    let (_room, service) = service(&["--header-seconds-max", "1"]);
    let mut silent = service.connect();
    let mut half = service.connect();
    half.write("GET / HTTP/1.1\r\nhost: local").unwrap();
    let mut drip = service.connect();
    drip.write("GET / HTTP/1.1\r\n").unwrap();
    let mut good = service.connect();
    assert_eq!(good.get("/").status, 200);
    // A letter every now and then does not buy more time.
    let dripping = std::thread::spawn(move || {
        for number in 0..40 {
            std::thread::sleep(Duration::from_millis(200));
            if drip.write(&format!("x-{number}: y\r\n")).is_err() {
                return number;
            }
        }
        panic!("a dripping head was kept for 8 seconds");
    });
    for client in [&mut silent, &mut half] {
        let closed = client.closed_after(SECONDS(4)).expect("it was kept open");
        assert!(closed < SECONDS(3), "{closed:?}");
    }
    assert!(dripping.join().unwrap() < 20);
    assert_eq!(good.get("/").status, 200);
}

#[test]
fn a_slow_body_is_told_and_closed() {
    let (_room, service) = service(&["--header-seconds-max", "1"]);
    let mut client = service.connect();
    let head = "POST /staff/sign-in HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n";
    client.write(&format!("{head}content-type: text/plain\r\n\r\nkey")).unwrap();
    let answer = client.answer().unwrap();
    assert_eq!((answer.status, answer.header("connection")), (408, Some("close")));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert!(client.closed_after(SECONDS(2)).is_some());
}

#[test]
fn a_silent_connection_is_closed_and_one_that_takes_nothing_too() {
    let (_room, service) =
        service(&["--idle-seconds-max", "1", "--requests-per-second", "1000000"]);
    let mut idle = service.connect();
    assert_eq!(idle.get("/").status, 200);
    let closed = idle.closed_after(SECONDS(4)).expect("it was kept open");
    assert!(closed > Duration::from_millis(700) && closed < SECONDS(3), "{closed:?}");
    // Asks again and again and reads nothing: its answers fill all buffers.
    let mut greedy = service.connect();
    greedy.stream.set_write_timeout(Some(SECONDS(4))).unwrap();
    let asks = "GET /v1/openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(100);
    let ended = (0..10_000).find_map(|_| greedy.write(&asks).err());
    let kind = ended.expect("it was served without end").kind();
    assert_ne!(kind, std::io::ErrorKind::WouldBlock, "it was kept for ever");
}

#[test]
fn heads_without_end_are_refused() {
    let (_room, service) = service(&[]);
    let long = format!("GET /{} HTTP/1.1", "a".repeat(20_000));
    let many = format!("GET / HTTP/1.1{}", "\r\nx-a: b".repeat(200));
    for head in [long, many] {
        let answer = service.connect().ask(&head, "");
        assert!(answer.is_none_or(|answer| (400..500).contains(&answer.status)));
    }
    assert_eq!(service.connect().get("/").status, 200);
}

#[test]
fn connections_beyond_the_limit_wait_and_are_served_when_there_is_room() {
    let (_room, service) = service(&["--connections-max", "4"]);
    let mut first: Vec<Client> = (0..4).map(|_| service.connect()).collect();
    for client in &mut first {
        assert_eq!(client.get("/").status, 200);
    }
    let mut fifth = service.connect();
    fifth.write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    fifth.stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    assert!(fifth.answer().is_none(), "it was served beyond the limit");
    first.pop();
    fifth.stream.set_read_timeout(Some(SECONDS(5))).unwrap();
    assert_eq!(fifth.answer().unwrap().status, 200);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let router = router_with(Settings { body_bytes_max: 1_000, ..Settings::default() });
    for (length, declared) in [(1_001, true), (5_000, false), (1_000, true)] {
        let body = vec![b'a'; length];
        let body = if declared {
            Body::from(body)
        } else {
            Body::from_stream(tokio_stream::iter(
                body.chunks(100)
                    .map(|part| Ok::<_, std::io::Error>(part.to_vec()))
                    .collect::<Vec<_>>(),
            ))
        };
        let response = send(&router, Request::post("/staff/sign-in").body(body).unwrap()).await;
        let large = length > 1_000;
        assert_eq!(response.status() == StatusCode::PAYLOAD_TOO_LARGE, large, "{length}");
        if large {
            assert_eq!(value(&response, "connection"), "close");
            let problem: Value = serde_json::from_str(&text(response).await).unwrap();
            assert_eq!(problem["bytes_max"], 1_000);
        }
    }
}

#[tokio::test]
async fn forms_of_other_sites_change_nothing() {
    let base = Some("https://citas.example".to_owned());
    let router = router_with(Settings { public_base: base, ..Settings::default() });
    let cases = [
        (&[][..], false),
        (&[("sec-fetch-site", "same-origin")], false),
        (&[("sec-fetch-site", "none")], false),
        (&[("sec-fetch-site", "cross-site")], true),
        (&[("sec-fetch-site", "same-site")], true),
        (&[("sec-fetch-site", "?")], true),
        (&[("origin", "https://citas.example")], false),
        (&[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080")], false),
        (&[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:9090")], true),
        (&[("host", "citas.example"), ("origin", "https://evil.example")], true),
        (&[("host", "citas.example"), ("origin", "null")], true),
        (&[("origin", "https://evil.example")], true),
    ];
    for (headers, foreign) in cases {
        for (method, is_safe) in [("POST", false), ("DELETE", false), ("GET", true)] {
            let mut request = Request::builder().method(method).uri("/staff/sign-in");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let response = send(&router, request.body(Body::empty()).unwrap()).await;
            let refused = response.status() == StatusCode::FORBIDDEN
                && text(response).await.contains("cross-site");
            assert_eq!(refused, foreign && !is_safe, "{method} {headers:?}");
        }
    }
}

#[tokio::test]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    let secure = Some("https://citas.example".to_owned());
    for (base, is_secure) in [(None, false), (secure, true)] {
        let router = router_with(Settings { public_base: base, ..Settings::default() });
        for path in ["/", "/nowhere", "/v1/openapi.json", "/staff/sign-in", "/healthz"] {
            let response = send(&router, Request::get(path).body(Body::empty()).unwrap()).await;
            let policy = value(&response, "content-security-policy");
            assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
            assert_eq!(value(&response, "x-content-type-options"), "nosniff", "{path}");
            assert_eq!(value(&response, "referrer-policy"), "same-origin", "{path}");
            assert!(!value(&response, "permissions-policy").is_empty(), "{path}");
            assert!(!value(&response, "cache-control").is_empty(), "{path}");
            let transport = value(&response, "strict-transport-security");
            assert_eq!(transport.starts_with("max-age="), is_secure, "{path}");
        }
    }
}

fn per_second(requests_per_second: u32) -> Settings {
    Settings { requests_per_second, ..Settings::default() }
}

/// How many of `count` requests of one caller are answered.
async fn served(router: &Router, peers: &[String], key: &str, count: usize) -> usize {
    let mut served = 0;
    for peer in peers.iter().cycle().take(count) {
        let mut request = from(peer).uri("/healthz");
        if !key.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        let response = send(router, request.body(Body::empty()).unwrap()).await;
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            let after: u64 = value(&response, "retry-after").parse().unwrap();
            assert!(after >= 1);
            assert_eq!(value(&response, "content-type"), "application/problem+json");
        } else {
            served += 1;
        }
    }
    served
}

#[tokio::test]
async fn a_caller_and_a_network_have_a_budget_and_a_key_has_more() {
    let router = router_with(per_second(1));
    let one = ["192.0.2.1".to_owned()];
    // Ten at once, and perhaps one more for the second that passes meanwhile.
    assert!((10..=12).contains(&served(&router, &one, "", 40).await));
    let network: Vec<String> = (1..200).map(|host| format!("198.51.100.{host}")).collect();
    assert!((50..=56).contains(&served(&router, &network, "", 199).await));
    assert_eq!(served(&router, &one, "demo-desk", 100).await, 100);
    assert!(served(&router, &one, "no-such-key", 10).await < 3, "an unknown key buys nothing");
    let six: Vec<String> = (1..100).map(|host| format!("[2001:db8::{host:x}]")).collect();
    assert!((50..=56).contains(&served(&router, &six, "", 99).await));
}

#[tokio::test]
async fn the_address_behind_a_trusted_proxy_counts_and_no_other() {
    let trusted_proxies = vec!["10.0.0.0/8".to_owned()];
    let router = router_with(Settings { trusted_proxies, ..per_second(1) });
    let ask = |peer: &'static str, forwarded: String| {
        let request = from(peer).uri("/healthz").header("x-forwarded-for", forwarded);
        let router = router.clone();
        async move {
            let response = send(&router, request.body(Body::empty()).unwrap()).await;
            response.status() == StatusCode::OK
        }
    };
    let (mut behind, mut liar) = (0, 0);
    for host in 0..40 {
        behind += usize::from(ask("10.0.0.1", format!("203.{host}.113.1")).await);
        liar += usize::from(ask("192.0.2.9", format!("203.{host}.113.2")).await);
    }
    assert_eq!(behind, 40, "each caller behind the proxy has a budget");
    assert!(liar <= 12, "a header that anybody can write bought {liar} requests");
}

fn staff() -> Settings {
    let key = |name: &str, role: &str, key: &str| KeySetting {
        name: name.to_owned(),
        role: role.to_owned(),
        key: key.to_owned(),
    };
    let keys = vec![key("ana", "desk", "the-key-of-ana"), key("hub", "partner", "the-key-of-hub")];
    let public_base = Some("https://citas.example".to_owned());
    Settings { keys, public_base, production: true, ..Settings::default() }
}

fn sign_in(peer: &str, form: &'static str) -> Request<Body> {
    let kind = "application/x-www-form-urlencoded";
    let request = from(peer).method("POST").uri("/staff/sign-in");
    request.header(header::CONTENT_TYPE, kind).body(Body::from(form)).unwrap()
}

#[tokio::test]
async fn staff_sign_in_with_a_key_and_out_again() {
    let router = router_with(staff());
    let page = send(&router, Request::get("/staff/sign-in?lang=en").body(Body::empty()).unwrap());
    assert!(text(page.await).await.contains("Staff sign-in"));
    for wrong in ["key=the-key-of-an", "key=demo-admin", "key=the-key-of-hub", "key=", ""] {
        let response = send(&router, sign_in("192.0.2.1", wrong)).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{wrong}");
        assert_eq!(value(&response, "set-cookie"), "");
    }
    let response = send(&router, sign_in("192.0.2.1", "key=the-key-of-ana&next=%2Fadmin%3Fa%3Db"));
    let response = response.await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(value(&response, "location"), "/admin?a=b");
    let cookie = value(&response, "set-cookie").to_owned();
    for needed in ["HttpOnly", "SameSite=Strict", "Secure", "Path=/"] {
        assert!(cookie.contains(needed), "{cookie}");
    }
    assert!(!cookie.contains("the-key-of-ana"));
    let elsewhere = "key=the-key-of-ana&next=%2F%2Fevil.example";
    let elsewhere = send(&router, sign_in("192.0.2.1", elsewhere)).await;
    assert_eq!(value(&elsewhere, "location"), "/desk");
    let token = cookie.split(';').next().unwrap().to_owned();
    let out = Request::post("/staff/sign-out").header(header::COOKIE, &token);
    let out = send(&router, out.body(Body::empty()).unwrap()).await;
    assert_eq!(value(&out, "location"), "/staff/sign-in?out=");
    assert!(value(&out, "set-cookie").contains("Max-Age=0"));
}

#[tokio::test]
async fn keys_cannot_be_guessed_one_after_the_other() {
    let router = router_with(staff());
    let mut refused = 0;
    for _ in 0..20 {
        let response = send(&router, sign_in("192.0.2.1", "key=a-guess")).await;
        refused += usize::from(response.status() == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(refused >= 9, "{refused}");
    let right = send(&router, sign_in("192.0.2.1", "key=the-key-of-ana")).await;
    assert_eq!(right.status(), StatusCode::TOO_MANY_REQUESTS);
    let other = send(&router, sign_in("203.0.113.1", "key=the-key-of-ana")).await;
    assert_eq!(other.status(), StatusCode::SEE_OTHER);
}
