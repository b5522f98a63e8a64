//! What if it cannot go on as wished? A message with a way on, never a dead end.
//!
//! Never shows what is internal.

use askama::Template;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::Error;
use crate::desk::DeskError;
use crate::web::App;
use crate::web::problem::Problem;

use super::super::frame::{Frame, fill, page_as};
use super::Words;
use super::show::Spot;

/// A link or button that leads on.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) to: &'static str,
    pub(super) words: String,
    pub(super) post: bool,
    pub(super) field: Option<(&'static str, String)>,
}

impl Way {
    pub(super) fn link(to: &'static str, words: &str) -> Self {
        Self { to, words: words.to_owned(), post: false, field: None }
    }

    pub(super) fn button(to: &'static str, words: &str) -> Self {
        Self { to, words: words.to_owned(), post: true, field: None }
    }

    pub(super) fn with(mut self, name: &'static str, value: String) -> Self {
        self.field = Some((name, value));
        self
    }
}

#[derive(Template)]
#[template(path = "citizen/message.html")]
struct Message {
    frame: Frame,
    title: String,
    text: String,
    spot: Option<Spot>,
    ways: Vec<Way>,
}

/// A message page.
pub(super) fn message(
    status: StatusCode,
    frame: Frame,
    (title, text): (&str, &str),
    spot: Option<Spot>,
    ways: Vec<Way>,
) -> Response {
    let (title, text) = (title.to_owned(), text.to_owned());
    page_as(status, &Message { frame, title, text, spot, ways })
}

/// The page for addresses that lead nowhere; programs get a problem.
pub(super) async fn missing(
    State(_): State<App>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    frame: Frame,
) -> Response {
    if uri.path().starts_with("/v1/") {
        let detail = format!("there is no {method} {}", uri.path());
        return Problem::new(StatusCode::NOT_FOUND, "not-found", detail).into_response();
    }
    let w = Words::of(frame.language);
    let ways = vec![
        Way::link("/", &frame.words().start.clone()),
        Way::link("/manage", &frame.words().manage.clone()),
    ];
    message(StatusCode::NOT_FOUND, frame, (&w.missing_title, &w.missing_text), None, ways)
}

/// What the desk or engine cannot do, as a page. What the citizen can mend has pages of its own.
pub(super) fn failed(frame: Frame, back: &'static str, error: &DeskError) -> Response {
    let w = Words::of(frame.language);
    let again = |words: &str| vec![Way::link(back, words)];
    let (status, words, seconds) = match error {
        DeskError::Throttled { after } => {
            let text = fill(&w.throttled_text, "n", after.as_secs().div_ceil(60).max(1));
            let words = (w.throttled_title.as_str(), text.as_str());
            let ways = vec![Way::link("/", &frame.words().start)];
            let page = message(StatusCode::TOO_MANY_REQUESTS, frame, words, None, ways);
            return retry_after(page, after.as_secs().max(1));
        }
        DeskError::Engine(Error::Busy) => {
            (StatusCode::SERVICE_UNAVAILABLE, (w.busy_title.as_str(), w.busy_text.as_str()), 2)
        }
        DeskError::Engine(Error::Rejected(_)) | DeskError::NotFound | DeskError::Person(_) => {
            (StatusCode::CONFLICT, (w.problem_title.as_str(), w.problem_text.as_str()), 0)
        }
        DeskError::Engine(_) | DeskError::Store(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, (w.down_title.as_str(), w.down_text.as_str()), 120)
        }
    };
    let page = message(status, frame, words, None, again(&w.try_again));
    if seconds == 0 { page } else { retry_after(page, seconds) }
}

fn retry_after(mut page: Response, seconds: u64) -> Response {
    page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    page
}
