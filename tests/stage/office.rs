//! The town with its web adapter: a key in hand, one call a line.
#![allow(dead_code, reason = "each test file uses its part")]

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use cupo::web::App;
use cupo::{Ask, Channel, ClaimId, ManualClock, PartyId, RequestId, SlotId};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::town::{Town, date};

pub const ADMIN: &str = "demo-admin";

pub struct Office {
    pub app: App,
    pub clock: ManualClock,
}

/// An answer, read.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub tag: Option<String>,
    pub text: String,
    pub location: Option<String>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// The status and the last part of the problem's type.
    pub fn problem(&self) -> (u16, String) {
        let kind = self.json()["type"].as_str().unwrap_or_default().to_owned();
        (self.status.as_u16(), kind.rsplit('/').next().unwrap_or_default().to_owned())
    }
}

impl Office {
    pub fn open() -> Self {
        let Town { engine, clock } = Town::in_memory();
        Self { app: App::in_memory(engine).unwrap(), clock }
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response: Response = cupo::web::router(&self.app).oneshot(request).await.unwrap();
        let status = response.status();
        let text = |name| {
            response
                .headers()
                .get(name)
                .map(|value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned())
        };
        let (tag, location) = (text(header::ETAG), text(header::LOCATION));
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status, tag, text, location }
    }

    /// A call with a key and the version that the caller knows.
    pub async fn call(
        &self,
        key: &str,
        (method, path): (&str, &str),
        version: Option<&str>,
        body: &str,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !key.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        if let Some(version) = version {
            request = request.header(header::IF_MATCH, version);
        }
        let toml = path.starts_with("/v1/admin/catalog") && !body.starts_with('{');
        let kind = if toml { "application/toml" } else { "application/json" };
        let request = request.header(header::CONTENT_TYPE, kind);
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(ADMIN, ("GET", path), None, "").await
    }

    /// An edit of whatever version.
    pub async fn put(&self, path: &str, body: &str) -> Answer {
        self.call(ADMIN, ("PUT", path), Some("*"), body).await
    }

    pub async fn post(&self, path: &str, body: &str) -> Answer {
        self.call(ADMIN, ("POST", path), None, body).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(ADMIN, ("DELETE", path), Some("*"), "").await
    }

    pub async fn version(&self) -> String {
        self.get("/v1/admin/catalog").await.tag.unwrap()
    }

    /// The slot that starts at `hour`:`minute`.
    pub fn slot(&self, calendar: &str, on: &str, hour: u16, minute: u16) -> SlotId {
        let calendar = self.app.engine.calendar(calendar).unwrap();
        let day = cupo::DayId::new(calendar, date(on)).unwrap();
        day.slot(hour * 4 + minute / 15)
    }

    pub fn ask(&self, party: u128, slot: SlotId) -> Ask {
        let service = self.app.engine.service("paper").unwrap();
        Ask::new(PartyId(party), RequestId(party), service, slot).channel(Channel::DESK)
    }

    pub async fn book(&self, party: u128, slot: SlotId) -> ClaimId {
        self.app.engine.book(&self.ask(party, slot)).await.unwrap().id()
    }

    pub async fn hold(&self, party: u128, slot: SlotId) -> ClaimId {
        self.app.engine.hold(&self.ask(party, slot)).await.unwrap().id()
    }
}
