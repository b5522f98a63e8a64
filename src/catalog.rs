//! What are the rules of the house? Offices, services, calendars: one declarative document.
//!
//! The only room that knows time zones. Never holds a claim or a count.

mod check;
mod diff;
mod document;
mod expand;
mod read;
mod rules;
mod span;
#[cfg(test)]
mod tests;

pub use diff::Change;
pub use document::{
    Calendar, Catalog, ChannelLimits, Exception, Holds, Lead, Names, Office, Requirements, Service,
    Share, Week,
};
pub(crate) use expand::DayShape;
pub(crate) use rules::{CalendarRule, Numbers, Rules};
pub use span::Span;

/// Why a catalog cannot be used: where, what was found, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("catalog: {path}: {found}; expected {expected}")]
pub struct CatalogError {
    /// The path of the value (`calendars[3].hours.mon[1]`), or the line and column.
    pub path: String,
    /// What is there.
    pub found: String,
    /// What should be.
    pub expected: String,
}

impl CatalogError {
    pub(crate) fn new(
        path: impl Into<String>,
        found: impl std::fmt::Display,
        expected: impl Into<String>,
    ) -> Self {
        Self { path: path.into(), found: found.to_string(), expected: expected.into() }
    }

    /// A calendar cannot get another unit while it has claims.
    pub(crate) fn unit_in_use(calendar: &str, unit_min: u16) -> Self {
        let path = format!("calendar \"{calendar}\".unit");
        Self::new(path, "another unit", format!("{unit_min}m, as long as it has claims"))
    }
}
