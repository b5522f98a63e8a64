//! How does a telephone platform ask us what to say? Webhooks, and the check of who sends them.
//!
//! Never looks into a call: `phone` does. Without a platform in the settings these addresses do
//! not exist. A signature that does not fit is told nothing.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use percent_encoding::percent_decode;

use crate::Time;
use crate::desk::Telephone;
use crate::phone::Heard;
use crate::phone::signature::{Verifier, Webhook};

use super::App;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/voice", post(step)).route("/voice/ended", post(ended))
}

/// The next document of a call.
async fn step(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path_and_query().map_or("/voice", |path| path.as_str());
    let fields = match signed(&app, path, &headers, &body) {
        Ok(fields) => fields,
        Err(refused) => return refused.into_response(),
    };
    let query = pairs(uri.query().unwrap_or_default().as_bytes());
    let number = match value(&query, "n") {
        None => 0,
        Some(text) => match text.parse() {
            Ok(number) => number,
            Err(_) => return StatusCode::BAD_REQUEST.into_response(),
        },
    };
    let heard = Heard {
        call: value(&fields, "CallSid").unwrap_or_default().to_owned(),
        number,
        from: value(&fields, "From").and_then(|from| Telephone::parse(from).ok()),
        keys: value(&fields, "Digits").map(str::to_owned),
        waited: value(&query, "wait").is_some(),
    };
    match app.voices.answer(heard).await {
        Some(document) => {
            ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], document).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A platform's notice about the state of a call.
async fn ended(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let path = uri.path_and_query().map_or("/voice/ended", |path| path.as_str());
    let fields = match signed(&app, path, &headers, &body) {
        Ok(fields) => fields,
        Err(refused) => return refused,
    };
    let over = ["completed", "busy", "failed", "no-answer", "canceled"];
    if value(&fields, "CallStatus").is_some_and(|status| over.contains(&status)) {
        app.voices.ended(value(&fields, "CallSid").unwrap_or_default()).await;
    }
    StatusCode::NO_CONTENT
}

/// The fields of a webhook that the platform signed.
fn signed(
    app: &App,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Vec<(String, String)>, StatusCode> {
    let phone = &app.settings.phone;
    let verifier = phone.platform.as_deref().zip(phone.platform_key.as_deref());
    let verifier = verifier.and_then(|(platform, key)| Verifier::new(platform, key));
    let verifier = verifier.ok_or(StatusCode::NOT_FOUND)?;
    let (signature, timestamp) = verifier.headers();
    let text = |name: &'static str| {
        let value = headers.get(HeaderName::from_static(name));
        value.and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let fields = pairs(body);
    let Time(now_ms) = Time::from(app.engine.now());
    let webhook = Webhook {
        url: &format!("{}{path}", app.settings.base()),
        body,
        fields: &fields,
        signature: text(signature),
        timestamp: timestamp.map_or("", text),
        now: now_ms / 1_000,
    };
    if verifier.admits(&webhook) { Ok(fields) } else { Err(StatusCode::FORBIDDEN) }
}

/// Names and values of a form.
fn pairs(text: &[u8]) -> Vec<(String, String)> {
    let decode = |part: &[u8]| {
        let spaced: Vec<u8> =
            part.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        percent_decode(&spaced).decode_utf8_lossy().into_owned()
    };
    let parts = text.split(|byte| *byte == b'&').filter(|part| !part.is_empty());
    let pair = |part: &[u8]| {
        let at = part.iter().position(|byte| *byte == b'=').unwrap_or(part.len());
        let (name, value) = part.split_at(at);
        (decode(name), decode(value.get(1..).unwrap_or_default()))
    };
    parts.map(pair).collect()
}

fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}
