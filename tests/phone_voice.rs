//! A platform that calls us over HTTP books a place, and a webhook that comes twice books once.
//!
//! The whole service, a real engine; the platform is a loop that signs, follows `Gather` and
//! `Redirect`, repeats, and hangs up. What breaks such services: a webhook that is sent again after
//! a time-out, a signature over the wrong address, a name in an address.

#![cfg(feature = "web")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/town.rs"]
mod town;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cupo::ManualClock;
use cupo::desk::Store;
use cupo::phone::Phone;
use cupo::web::{App, Settings};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::BodyExt;
use sha1::Sha1;
use tower::ServiceExt;
use town::Town;

const TOKEN: &str = "12345";
const BASE: &str = "https://citas.example";

struct Platform {
    app: App,
    clock: ManualClock,
}

impl Platform {
    fn open() -> Self {
        let Town { engine, clock } = Town::in_memory();
        let phone = Phone {
            platform: Some("twilio".to_owned()),
            platform_key: Some(TOKEN.to_owned()),
            operator: Some("sip:desk@pbx.example".to_owned()),
            ..Phone::default()
        };
        let settings = Settings {
            master_key: Some("5c".repeat(32)),
            public_base: Some(BASE.to_owned()),
            phone,
            ..Settings::default()
        };
        let app = App::new(engine, Store::in_memory().unwrap(), settings).unwrap();
        Self { app, clock }
    }

    fn sign(path: &str, fields: &[(&str, &str)]) -> String {
        let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(TOKEN.as_bytes()).unwrap();
        mac.update(format!("{BASE}{path}").as_bytes());
        let mut sorted = fields.to_vec();
        sorted.sort_unstable();
        for (name, value) in sorted {
            mac.update(name.as_bytes());
            mac.update(value.as_bytes());
        }
        STANDARD.encode(mac.finalize().into_bytes())
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> (StatusCode, String) {
        self.post_signed(path, fields, &Self::sign(path, fields)).await
    }

    async fn post_signed(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        signature: &str,
    ) -> (StatusCode, String) {
        let body: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", value.replace('+', "%2B")))
            .collect();
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-twilio-signature", signature)
            .body(Body::from(body.join("&")))
            .unwrap();
        let response = cupo::web::router(&self.app).oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// Plays keys from where the document says; `.` is silence. The last document and its path.
    async fn play(&self, call: &str, keys: &[&str]) -> (String, String) {
        let (mut path, mut document) = ("/voice".to_owned(), String::new());
        for key in std::iter::once(&"").chain(keys) {
            let mut fields = vec![("CallSid", call), ("From", "+15125550199"), ("To", "+1800")];
            match *key {
                "" => {}
                "." => path = next(&document, "<Redirect method=\"POST\">", "<"),
                keys => {
                    path = next(&document, " action=\"", "\"");
                    fields.push(("Digits", keys));
                }
            }
            let (status, text) = self.post(&path, &fields).await;
            assert_eq!(status, StatusCode::OK, "{path}: {document}");
            document = text;
        }
        (document, path)
    }

    fn counts(&self) -> (u64, u64) {
        let stats = self.app.engine.stats();
        (stats.held, stats.booked)
    }
}

/// The address that follows, without the base.
fn next(document: &str, before: &str, after: &str) -> String {
    let at = document.find(before).unwrap_or_else(|| panic!("{document}")) + before.len();
    let rest = &document[at..];
    let address = rest[..rest.find(after).unwrap()].replace("&amp;", "&");
    address.strip_prefix(BASE).unwrap().to_owned()
}

/// Menu; not their number; number, right, birth, right, no ZIP code, office, document, no other,
/// one person.
const TO_OFFER: [&str; 11] =
    ["1", "2", "5125550100", "1", "31011990", "1", "0", "1", "1", "2", "1"];

fn and(more: &[&'static str]) -> Vec<&'static str> {
    TO_OFFER.iter().chain(more).copied().collect()
}

#[tokio::test]
async fn a_booking_over_webhooks() {
    let platform = Platform::open();
    let (document, path) = platform.play("CA1", &and(&["1", "1", "1"])).await;
    assert_eq!(platform.counts(), (0, 1));
    // The first reading of the code stands before the keys are gathered: it cannot be cut.
    let (kept, cut) = document.split_once("<Gather").unwrap();
    assert!(kept.contains("mero es") && cut.contains("Repito"), "{document}");
    assert!(path.starts_with("/voice?n="), "{path}");
    let (document, _) = platform.play("CA2", &and(&["1", "1", "1", "2", "2"])).await;
    assert!(document.contains("<Hangup/>"), "{document}");
}

#[tokio::test]
async fn a_webhook_that_comes_twice_acts_once() {
    let platform = Platform::open();
    let (offer, _) = platform.play("CA1", &and(&["1"])).await;
    let path = next(&offer, " action=\"", "\"");
    let fields = [("CallSid", "CA1"), ("Digits", "1")];
    let first = platform.post(&path, &fields).await;
    for _ in 0..3 {
        assert_eq!(platform.post(&path, &fields).await, first);
    }
    // The same step with another key is the same step.
    assert_eq!(platform.post(&path, &[("CallSid", "CA1"), ("Digits", "2")]).await, first);
    assert_eq!(platform.counts(), (0, 1));
    // Steps that are over, or not there yet, are none.
    for other in ["/voice?n=1", "/voice?n=99"] {
        let (status, _) = platform.post(other, &[("CallSid", "CA1"), ("Digits", "1")]).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
    // All at once.
    let path = next(&first.1, " action=\"", "\"");
    let fields = [("CallSid", "CA1"), ("Digits", "1")];
    let again = || platform.post(&path, &fields);
    let (a, b, c) = tokio::join!(again(), again(), again());
    assert!(a == b && b == c && a.0 == StatusCode::OK);
}

#[tokio::test]
async fn a_hang_up_gives_the_place_back_and_so_does_silence_of_the_platform() {
    let platform = Platform::open();
    platform.play("CA1", &TO_OFFER).await;
    assert_eq!(platform.counts(), (1, 0));
    let fields = [("CallSid", "CA1"), ("CallStatus", "completed")];
    assert_eq!(platform.post("/voice/ended", &fields).await.0, StatusCode::NO_CONTENT);
    let nothing = async {
        while platform.counts().0 > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(1), nothing).await.unwrap();
    // A platform that is never heard of again: the hold ends by itself.
    platform.play("CA2", &TO_OFFER).await;
    platform.clock.advance(std::time::Duration::from_mins(3));
    platform.app.engine.tick();
    assert_eq!(platform.counts(), (0, 0));
}

#[tokio::test]
async fn three_silences_are_dialled_to_an_operator_with_a_token_alone() {
    let platform = Platform::open();
    let (document, _) = platform.play("CA1", &[".", ".", "."]).await;
    let dial = "<Dial><Sip>sip:desk@pbx.example?X-Cupo-Context=";
    let at = document.find(dial).unwrap_or_else(|| panic!("{document}")) + dial.len();
    let token = &document[at..at + 22];
    assert_eq!(platform.app.exchange.hand_offs.get(token).unwrap().why, "strikes");
    assert!(!document.contains("555"), "{document}");
}

#[tokio::test]
async fn who_gives_up_in_the_queue_gives_the_place_back() {
    let platform = Platform::open();
    let (document, _) = platform.play("CA1", &and(&["0"])).await;
    assert!(document.contains("<Dial>"), "{document}");
    assert_eq!(platform.counts(), (1, 0));
    let fields = [("CallSid", "CA1"), ("CallStatus", "completed")];
    platform.post("/voice/ended", &fields).await;
    assert_eq!(platform.counts(), (0, 0));
}

#[tokio::test]
async fn who_does_not_sign_is_told_nothing() {
    let platform = Platform::open();
    let fields = [("CallSid", "CA1")];
    for signature in ["", "AAAA", &Platform::sign("/voice?n=1", &fields)] {
        let (status, text) = platform.post_signed("/voice", &fields, signature).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(!text.contains("sign") && !text.contains("twilio"), "{text}");
    }
    assert_eq!(platform.app.exchange.measures.read().calls, 0);
    // Names that are none.
    for name in ["", "a b", "<x>", &"a".repeat(200)] {
        let (status, _) = platform.post("/voice", &[("CallSid", name)]).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{name}");
    }
    // Without a platform in the settings there is nothing.
    let Town { engine, .. } = Town::in_memory();
    let other = Platform { app: App::in_memory(engine).unwrap(), clock: platform.clock.clone() };
    assert_eq!(other.post("/voice", &fields).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nothing_of_a_caller_stands_in_an_address() {
    let platform = Platform::open();
    let mut seen = Vec::new();
    for count in 0..=TO_OFFER.len() {
        let call = format!("CB{count}");
        let (document, path) = platform.play(&call, &TO_OFFER[..count]).await;
        seen.push(path);
        seen.extend(
            document.split('"').filter(|part| part.starts_with("https:")).map(str::to_owned),
        );
    }
    for address in &seen {
        let digits: String = address.chars().filter(char::is_ascii_digit).collect();
        assert!(digits.len() <= 4, "{address}");
    }
    println!("{} addresses looked at", seen.len());
}
