//! A small town behind HTTP: two offices, two services, a clock that is set by hand.
//!
//! Two Mondays after New Year 2027 it is seven in the morning in Boston. Boston has one desk,
//! Dallas two; both open from nine to ten on weekdays, in slots of a quarter of an hour.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use cupo::desk::Store;
use cupo::web::{App, Settings, router};
use cupo::{Catalog, Engine, ManualClock};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

pub const TOWN: &str = r#"
[[offices]]
key = "boston"
zone = "America/New_York"
name = "Boston"
country = "US"
[[offices]]
key = "dallas"
zone = "America/Chicago"

[[services]]
key = "passport"
name = { es = "Pasaporte", en = "Passport" }
requirements = { es = ["Acta"], en = ["Birth certificate"] }
active_max = 1
cancel_cutoff = "1d"
reschedule_cutoff = "1d"
[[services]]
key = "visa"
units = 2

[[calendars]]
key = "boston"
office = "boston"
services = ["passport", "visa"]
capacity = 1
channels = { priority = { max = 0 } }
hours = { mon = ["09:00-10:00"], tue = ["09:00-10:00"], wed = ["09:00-10:00"], thu = ["09:00-10:00"], fri = ["09:00-10:00"] }
[[calendars]]
key = "dallas"
office = "dallas"
services = ["passport"]
capacity = 2
hours = { mon = ["09:00-10:00"], tue = ["09:00-10:00"], wed = ["09:00-10:00"], thu = ["09:00-10:00"], fri = ["09:00-10:00"] }

[holds]
ttl = "10m"
ttl_max = "10m"
extended_max = "12m"
per_party = 2
"#;

pub const PARTNER: (&str, &str) = ("authorization", "Bearer demo-partner");
pub const DESK: (&str, &str) = ("authorization", "Bearer demo-desk");

/// The service, and the hands of its clock.
pub struct Town {
    pub app: App,
    pub clock: ManualClock,
    router: axum::Router,
    runtime: tokio::runtime::Runtime,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Town {
    pub fn new() -> Self {
        Self::of(TOWN)
    }

    pub fn of(catalog: &str) -> Self {
        let clock = ManualClock::at("2027-01-04T12:00:00Z".parse().unwrap());
        let engine = Engine::builder().clock(clock.clone()).open().unwrap();
        let catalog = Catalog::from_toml(catalog).map_err(Arc::new).unwrap();
        engine.install(&catalog).unwrap();
        // Nobody here is to be told to slow down.
        let settings = Settings { requests_per_second: 1_000_000, ..Settings::default() };
        let app = App::new(engine, Store::in_memory().unwrap(), settings).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { router: router(&app), app, clock, runtime }
    }

    pub fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.request(request.body(body.into()).unwrap())
    }

    pub fn request(&self, request: Request<Body>) -> Answer {
        let router = self.router.clone();
        let answer = async move {
            let response = router.oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let kind =
                parts.headers.get(header::CONTENT_TYPE).map(axum::http::HeaderValue::as_bytes);
            let endless = kind.is_some_and(|kind| kind.starts_with(b"text/event-stream"));
            let body = if endless { Body::empty() } else { body };
            let bytes = body.collect().await.unwrap().to_bytes();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            Answer { status: parts.status, headers: parts.headers, text }
        };
        self.runtime.block_on(answer)
    }

    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(Method::GET, path, headers, Body::empty())
    }

    /// A POST of JSON with its key.
    pub fn post(&self, path: &str, key: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let mut all = vec![("content-type", "application/json"), ("idempotency-key", key)];
        all.extend_from_slice(headers);
        self.send(Method::POST, path, &all, body.to_string())
    }

    pub fn delete(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(Method::DELETE, path, headers, Body::empty())
    }
}

impl Answer {
    /// The body, after a look at the status.
    #[track_caller]
    pub fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The body, which is the problem of that name, whole in form.
    #[track_caller]
    pub fn problem(&self, status: u16, name: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header(header::CONTENT_TYPE.as_str()), "application/problem+json");
        let body: Value = serde_json::from_str(&self.text).unwrap();
        assert!(body["type"].as_str().unwrap().ends_with(&format!("/problems/{name}")), "{body}");
        assert_eq!(body["status"], status);
        assert_eq!(body["trace_id"], self.header("trace-id"));
        for member in ["title", "detail"] {
            assert!(!body[member].as_str().unwrap().is_empty(), "{member}: {body}");
        }
        body
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
