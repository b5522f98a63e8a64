//! How does a delivery go out? A signed POST (Standard Webhooks), and what came of it.
//!
//! Never follows a redirect, never reads the answer's body, never waits for long.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use ureq::Agent;
use ureq::config::Config;
use ureq::unversioned::transport::DefaultConnector;

use crate::SystemClock;

use super::address::Guarded;

/// Within which a delivery must be answered.
const ANSWER: Duration = Duration::from_secs(10);
/// Within which a connection must stand.
const CONNECT: Duration = Duration::from_secs(4);

/// What came of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The status of the answer.
    pub(crate) status: Option<u16>,
    /// Why there was no answer.
    pub(crate) error: Option<String>,
    /// How long it took.
    pub(crate) took_ms: u64,
    /// When the receiver wants to be asked again, in seconds.
    pub(crate) retry_after_s: Option<u64>,
}

impl Outcome {
    /// Whether the receiver has taken it.
    pub(crate) fn is_taken(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// Whether the receiver wants no more, ever.
    pub(crate) fn is_gone(&self) -> bool {
        self.status == Some(410)
    }
}

/// The key of a hook as its owner keeps it.
pub(super) fn secret_text(key: &[u8; 32]) -> String {
    format!("whsec_{}", STANDARD.encode(key))
}

/// The signature of a delivery.
fn sign(key: &[u8; 32], id: &str, at: i64, body: &str) -> String {
    let mut mac =
        <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{at}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// What posts.
#[derive(Clone, Debug)]
pub(super) struct Post {
    agent: Agent,
    clock: SystemClock,
}

impl Post {
    /// `private` allows addresses that are not public.
    pub(super) fn new(private: bool) -> Self {
        let config = Config::builder()
            .max_redirects(0)
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(ANSWER))
            .timeout_connect(Some(CONNECT))
            .max_response_header_size(16 << 10)
            .user_agent("cupo-webhooks/1")
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::default(), Guarded { private });
        Self { agent, clock: SystemClock::new() }
    }

    /// Delivers a body once.
    pub(super) fn send(
        &self,
        url: &str,
        key: &[u8; 32],
        id: &str,
        at: DateTime<Utc>,
        body: &str,
    ) -> Outcome {
        let at = at.timestamp();
        let began = self.clock.elapsed();
        let answer = self
            .agent
            .post(url)
            .header("content-type", "application/cloudevents+json; charset=utf-8")
            .header("webhook-id", id)
            .header("webhook-timestamp", at.to_string())
            .header("webhook-signature", sign(key, id, at, body))
            .send(body);
        let took = self.clock.elapsed().saturating_sub(began);
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        match answer {
            Ok(answer) => {
                let after = answer.headers().get("retry-after");
                let retry_after_s =
                    after.and_then(|after| after.to_str().ok()).and_then(|text| text.parse().ok());
                let status = Some(answer.status().as_u16());
                Outcome { status, error: None, took_ms, retry_after_s }
            }
            Err(error) => {
                let error = Some(error.to_string());
                Outcome { status: None, error, took_ms, retry_after_s: None }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_standard() {
        let key = std::array::from_fn(|n| u8::try_from(n * 7).unwrap());
        let body = r#"{"type":"cupo.claim.booked"}"#;
        let theirs = standardwebhooks::Webhook::new(&secret_text(&key)).unwrap();
        let expected = theirs.sign("evt_17", 1_700_000_000, body.as_bytes()).unwrap();
        assert_eq!(sign(&key, "evt_17", 1_700_000_000, body), expected);
    }
}
