//! What was typed or ticked? Names and values of a form or a query, and what is wrong with them.
//!
//! Never fails: what cannot be read is as if it had not been sent.

use std::collections::HashMap;

use axum::extract::{Form, FromRequest, Query, Request};
use axum::http::Uri;

/// Names and values, in order.
#[derive(Clone, Default)]
pub(in crate::web::pages) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Of a query.
    pub(in crate::web::pages) fn of_query(uri: &Uri) -> Self {
        let read = Query::<Vec<(String, String)>>::try_from_uri(uri);
        Self(read.map(|Query(pairs)| pairs).unwrap_or_default())
    }

    /// The first value with that name, trimmed; empty if there is none.
    pub(in crate::web::pages) fn one(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// All values with that name.
    pub(in crate::web::pages) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.trim())
    }

    pub(in crate::web::pages) fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let read = Form::<Vec<(String, String)>>::from_request(request, state).await;
        Ok(Self(read.map(|Form(pairs)| pairs).unwrap_or_default()))
    }
}

/// What is wrong with which field, in the order of the page.
#[derive(Debug, Default)]
pub(in crate::web::pages) struct Wrong {
    order: Vec<&'static str>,
    texts: HashMap<&'static str, String>,
}

impl Wrong {
    pub(in crate::web::pages) fn add(&mut self, field: &'static str, text: &str) {
        self.order.push(field);
        self.texts.insert(field, text.to_owned());
    }

    pub(in crate::web::pages) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(in crate::web::pages) fn has(&self, field: &str) -> bool {
        self.texts.contains_key(field)
    }

    pub(in crate::web::pages) fn of(&self, field: &str) -> Option<&str> {
        self.texts.get(field).map(String::as_str)
    }

    pub(in crate::web::pages) fn list(&self) -> Vec<(&'static str, &str)> {
        self.order.iter().filter_map(|field| Some((*field, self.of(field)?))).collect()
    }
}
