//! stub
/// stub
#[derive(Debug, thiserror::Error)]
#[error("{path}: expected {expected}")]
pub struct CatalogError {
    /// stub
    pub path: String,
    /// stub
    pub expected: String,
}
