//! Which catalog does the caller know? Its hash, as `ETag` and in `If-Match`.
//!
//! Never lets an edit go through that was made from an older one.

use axum::http::{HeaderMap, StatusCode, header};
use sha2::{Digest, Sha256};

use crate::Catalog;
use crate::web::problem::Problem;
use crate::web::wire::short_hex;

/// The version that a change is meant for.
#[derive(Clone, Debug)]
pub(crate) enum Expected {
    /// `If-Match: *`
    Any,
    /// One of these.
    OneOf(Vec<String>),
}

/// 16 hexadecimal digits of a document's hash.
pub(crate) fn version_of(catalog: &Catalog) -> String {
    short_hash(catalog.to_json().as_bytes())
}

/// 16 hexadecimal digits of SHA-256.
pub(super) fn short_hash(bytes: &[u8]) -> String {
    short_hex(&Sha256::digest(bytes))
}

impl Expected {
    /// What `If-Match` says.
    ///
    /// # Errors
    /// 428 if there is none.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let values = headers.get_all(header::IF_MATCH);
        let tags: Vec<&str> = values
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|v| v.split(','))
            .collect();
        if tags.is_empty() {
            let detail = "send the catalog's version, its ETag, as If-Match";
            return Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, "version", detail));
        }
        let tags = tags.into_iter().map(str::trim);
        if tags.clone().any(|tag| tag == "*") {
            return Ok(Self::Any);
        }
        let strong = tags.filter_map(|tag| tag.strip_prefix('"')?.strip_suffix('"'));
        Ok(Self::OneOf(strong.map(str::to_owned).collect()))
    }

    /// A version from a form.
    pub(crate) fn one(version: &str) -> Self {
        Self::OneOf(vec![version.to_owned()])
    }

    /// # Errors
    /// 412 if the catalog is another one by now.
    pub(super) fn check(&self, catalog: &Catalog) -> Result<(), Problem> {
        let present = version_of(catalog);
        match self {
            Self::Any => Ok(()),
            Self::OneOf(versions) if versions.contains(&present) => Ok(()),
            Self::OneOf(_) => {
                let detail = "the catalog was changed since; read it again and decide anew";
                Err(Problem::new(StatusCode::PRECONDITION_FAILED, "version", detail)
                    .with("present", present))
            }
        }
    }
}
