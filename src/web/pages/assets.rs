//! Style sheets, scripts and pictures: compiled in, cached by their content.
//!
//! Never fetched from anywhere else. An address with the content's hash never changes its answer;
//! one with an old hash answers with what is there now.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

use crate::web::App;
use crate::web::wire::short_hex;

/// Name, media type, content.
const FILES: [(&str, &str, &str); 8] = [
    ("style.css", CSS, include_str!("../assets/style.css")),
    ("admin.css", CSS, include_str!("../assets/admin.css")),
    ("desk.css", CSS, include_str!("../assets/desk.css")),
    ("docs.css", CSS, include_str!("../assets/docs.css")),
    ("citizen.js", JS, include_str!("../assets/citizen.js")),
    ("admin.js", JS, include_str!("../assets/admin.js")),
    ("desk.js", JS, include_str!("../assets/desk.js")),
    ("icon.svg", "image/svg+xml", include_str!("../assets/icon.svg")),
];
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "public, no-cache";

#[derive(Debug)]
struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
    /// The first 64 bits of the content's SHA-256.
    hash: String,
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let asset = |(name, kind, text): (_, _, &'static str)| {
        let hash = short_hex(&Sha256::digest(text.as_bytes()));
        Asset { name, kind, text, hash }
    };
    FILES.into_iter().map(asset).collect()
});

pub(super) fn routes() -> Router<App> {
    Router::new().route("/assets/{hash}/{name}", get(hashed)).route(
        "/favicon.ico",
        get(|headers: HeaderMap| async move { answer("icon.svg", "", &headers) }),
    )
}

/// The address of an asset, by its content.
pub(crate) fn address(name: &str) -> String {
    let hash = ASSETS.iter().find(|asset| asset.name == name).map(|asset| asset.hash.as_str());
    format!("/assets/{}/{name}", hash.unwrap_or("none"))
}

async fn hashed(Path((hash, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    answer(&name, &hash, &headers)
}

fn answer(name: &str, hash: &str, headers: &HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = format!("\"{}\"", asset.hash);
    let caching = if hash == asset.hash { FOR_EVER } else { ASK_AGAIN };
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let same = known.is_some_and(|known| known.split(',').any(|one| one.trim() == tag));
    let head = [
        (header::CACHE_CONTROL, caching.to_owned()),
        (header::ETAG, tag),
        (header::CONTENT_TYPE, asset.kind.to_owned()),
    ];
    if same {
        (StatusCode::NOT_MODIFIED, head).into_response()
    } else {
        (head, asset.text).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_is_cached_by_its_content() {
        let style = address("style.css");
        let hash = style.split('/').nth(2).unwrap();
        let fresh = answer("style.css", hash, &HeaderMap::new());
        assert_eq!(fresh.headers()[header::CACHE_CONTROL], FOR_EVER);
        assert_eq!(fresh.headers()[header::CONTENT_TYPE], CSS);
        let old = answer("style.css", "0123", &HeaderMap::new());
        assert_eq!(old.headers()[header::CACHE_CONTROL], ASK_AGAIN);
        let mut known = HeaderMap::new();
        known.insert(header::IF_NONE_MATCH, fresh.headers()[header::ETAG].clone());
        assert_eq!(answer("style.css", hash, &known).status(), StatusCode::NOT_MODIFIED);
        let none = answer("none.css", hash, &HeaderMap::new());
        assert_eq!(none.status(), StatusCode::NOT_FOUND);
    }
}
