//! What does an administrator see? Pages over `web::admin`.
//!
//! Never changes anything on a GET, and never needs a script.

mod capacity;
mod catalog;
mod chart;
mod closing;
mod csv;
mod dashboard;
mod keys;
mod log;
mod office;
mod reports;
mod telephone;
mod webhooks;
mod words;

use askama::Template;
use axum::Router;
use axum::extract::{Form, FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{NaiveDate, NaiveTime};

use crate::desk::Language;
use crate::web::App;
use crate::web::civil;
use crate::web::guard::{AdminCaller, Session};
use crate::web::problem::Problem;
use crate::web::wire::escape;

use super::frame::{Frame, page_as};
use words::Words;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .merge(dashboard::routes())
        .merge(office::routes())
        .merge(capacity::routes())
        .merge(closing::routes())
        .merge(catalog::routes())
        .merge(reports::routes())
        .merge(keys::routes())
        .merge(webhooks::routes())
        .merge(log::routes())
}

/// An administrator who looks at a page, and what surrounds it.
#[derive(Clone, Debug)]
struct Admin {
    frame: Frame,
    session: Session,
    w: &'static Words,
}

/// A refusal, as a page.
#[derive(Template)]
#[template(path = "admin/refused.html")]
struct Refused {
    frame: Frame,
    w: &'static Words,
    here: &'static str,
    sentence: String,
    next: String,
    detail: String,
}

impl Admin {
    fn language(&self) -> Language {
        self.frame.language
    }

    /// The page, or why not.
    fn show(&self, made: Result<Response, Problem>) -> Response {
        made.unwrap_or_else(|problem| refused(&self.frame, &problem))
    }
}

impl FromRequestParts<App> for Admin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let Ok(frame) = Frame::from_request_parts(parts, app).await;
        match AdminCaller::from_request_parts(parts, app).await {
            Ok(caller) => {
                let w = Words::of(frame.language);
                Ok(Self { frame, session: caller.session, w })
            }
            Err(problem) if problem.status == StatusCode::FORBIDDEN => {
                Err(refused(&frame, &problem))
            }
            Err(problem) => Err(problem.into_response()),
        }
    }
}

fn refused(frame: &Frame, problem: &Problem) -> Response {
    let words = crate::web::words::problem(problem.name, frame.language);
    let (sentence, next) = (words.title.clone(), words.next.clone());
    let (frame, detail) = (frame.clone(), problem.detail.clone());
    let w = Words::of(frame.language);
    page_as(problem.status, &Refused { frame, w, here: "", sentence, next, detail })
}

/// The fields of a form, from the query of a GET or the body of a POST.
struct Fields(Vec<(String, String)>);

impl FromRequest<App> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let form = Form::from_request(request, app).await;
        form.map(|Form(fields)| Self(fields)).map_err(|error| Problem::invalid(error.body_text()))
    }
}

impl Fields {
    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
    }

    /// Every value of a field.
    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.trim())
    }

    fn is_set(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }

    fn date(&self, name: &str) -> Result<NaiveDate, Problem> {
        self.get(name)
            .parse()
            .map_err(|_| Problem::invalid(format!("{name}: a date like 2027-01-12")))
    }

    fn time(&self, name: &str) -> Result<Option<NaiveTime>, Problem> {
        match self.get(name) {
            "" => Ok(None),
            text => NaiveTime::parse_from_str(text, "%H:%M")
                .map(Some)
                .map_err(|_| Problem::invalid(format!("{name}: a time like 09:30"))),
        }
    }

    fn number(&self, name: &str) -> Result<u16, Problem> {
        self.get(name)
            .parse()
            .map_err(|_| Problem::invalid(format!("{name}: a number up to 65535")))
    }
}

/// Goes on to another page after a POST.
fn see(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// `mar 12 ene`, `Tue 12 Jan`.
fn short_date(date: NaiveDate, language: Language) -> String {
    use chrono::Datelike;
    let three = |text: &str| text.chars().take(3).collect::<String>();
    let weekday = three(civil::weekday(date.weekday(), language));
    format!("{weekday} {} {}", date.day(), three(civil::month(date, language)))
}

/// A key and the name that people know of an office, a service or a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    key: String,
    name: String,
}

/// The offices of the catalog by name.
fn offices(app: &App) -> Vec<Named> {
    let catalog = app.engine.catalog();
    let offices = catalog.iter().flat_map(|catalog| &catalog.offices);
    let named = |office: &crate::Office| Named {
        key: office.key.clone(),
        name: office.name.clone().unwrap_or_else(|| office.key.clone()),
    };
    offices.map(named).collect()
}

fn office_name(app: &App, key: &str) -> String {
    let found = offices(app).into_iter().find(|office| office.key == key);
    found.map_or_else(|| key.to_owned(), |office| office.name)
}

fn service_name(app: &App, key: &str, language: Language) -> String {
    let catalog = app.engine.catalog();
    let services = catalog.as_ref().map(|catalog| &catalog.services);
    let found = services.and_then(|list| list.iter().find(|service| service.key == key));
    let name = found.map(|service| match language {
        Language::Es => &service.name.es,
        Language::En => &service.name.en,
    });
    name.filter(|name| !name.is_empty()).cloned().unwrap_or_else(|| key.to_owned())
}
