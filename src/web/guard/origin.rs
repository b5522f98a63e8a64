//! Did another site send this? A browser says so, and a form of another site changes nothing here.
//!
//! Never asks for a token: the browser's own words and `SameSite` cookies do.

use axum::http::{HeaderMap, Method, header};

/// Whether a request that may change something was sent by a page of another site.
pub(super) fn is_foreign(method: &Method, headers: &HeaderMap, base: &str) -> bool {
    if method.is_safe() {
        return false;
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = text(header::HOST.as_str());
            origin != base && (host.is_none() || authority(origin) != host)
        }
        // Not a browser of these years: programs send neither.
        (None, None) => false,
    }
}

fn authority(origin: &str) -> Option<&str> {
    origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"))
}
