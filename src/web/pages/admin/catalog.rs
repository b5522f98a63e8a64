//! What are the rules? The catalog as a document: read, compared, put in force.
//!
//! Never installs before the differences were seen.

use askama::Template;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::Catalog;
use crate::web::App;
use crate::web::admin::{Affected, Edited, Expected, Wish, edit, not_found, version_of, wrong};
use crate::web::pages::frame::{Frame, page};
use crate::web::problem::Problem;

use super::words::Words;
use super::{Admin, Fields, see};

#[derive(Template)]
#[template(path = "admin/catalog.html")]
struct Shown {
    frame: Frame,
    w: &'static Words,
    here: &'static str,
    version: String,
    text: String,
    offices: usize,
    services: usize,
    calendars: usize,
    zone_rules: &'static str,
    done: bool,
}

#[derive(Template)]
#[template(path = "admin/catalog_check.html")]
struct Check {
    frame: Frame,
    w: &'static Words,
    here: &'static str,
    version: String,
    text: String,
    edited: Edited,
    differences: Vec<crate::web::admin::Difference>,
    affected: Vec<Affected>,
}

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/catalog", get(show))
        .route("/admin/catalog.toml", get(download))
        .route("/admin/catalog/check", post(check))
        .route("/admin/catalog/install", post(install))
}

async fn show(State(app): State<App>, admin: Admin, fields: Fields) -> Response {
    let made = app.engine.catalog().ok_or_else(|| not_found("there is no catalog"));
    admin.show(made.map(|catalog| {
        page(&Shown {
            frame: admin.frame.clone(),
            w: admin.w,
            here: "catalog",
            version: version_of(&catalog),
            text: catalog.to_toml(),
            offices: catalog.offices.len(),
            services: catalog.services.len(),
            calendars: catalog.calendars.len(),
            zone_rules: crate::Engine::zone_rules(),
            done: fields.is_set("done"),
        })
    }))
}

async fn download(State(app): State<App>, admin: Admin) -> Response {
    let made = app.engine.catalog().ok_or_else(|| not_found("there is no catalog"));
    admin.show(made.map(|catalog| {
        let head = [
            (header::CONTENT_TYPE, "application/toml"),
            (header::CONTENT_DISPOSITION, "attachment; filename=\"catalog.toml\""),
            (header::CACHE_CONTROL, "no-store"),
        ];
        (head, catalog.to_toml()).into_response()
    }))
}

/// Fields of a form sent as plain text: a catalog would grow by half if it were escaped.
struct Plain {
    version: String,
    accept: bool,
    text: String,
}

impl Plain {
    /// `version=..`, `accept=..` and last `catalog=..`, one a line.
    fn read(body: &Bytes) -> Result<Self, Problem> {
        let body =
            std::str::from_utf8(body).map_err(|_| Problem::invalid("the body is not UTF-8"))?;
        let (head, text) =
            body.split_once("catalog=").ok_or_else(|| Problem::invalid("catalog: a text"))?;
        let field = |name: &str| {
            let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            line.unwrap_or_default().trim().to_owned()
        };
        let (version, accept) = (field("version"), !field("accept").is_empty());
        Ok(Self { version, accept, text: text.trim().replace("\r\n", "\n") })
    }

    fn catalog(&self) -> Result<Catalog, Problem> {
        let json = self.text.starts_with('{');
        let read = if json { Catalog::from_json } else { Catalog::from_toml };
        read(&self.text).map_err(|error| wrong(&error))
    }
}

fn wish(admin: &Admin, plain: &Plain, dry_run: bool) -> Wish {
    Wish {
        by: admin.session.name.clone(),
        what: "put-catalog",
        to: "catalog".to_owned(),
        expected: Expected::one(&plain.version),
        dry_run,
        accept_deficit: dry_run || plain.accept,
        afresh: Vec::new(),
    }
}

async fn check(State(app): State<App>, admin: Admin, body: Bytes) -> Response {
    let made = async {
        let plain = Plain::read(&body)?;
        let next = plain.catalog()?;
        let planned = edit(&app, wish(&admin, &plain, true), move |catalog| {
            *catalog = next;
            Ok(())
        });
        let planned = planned.await?;
        Ok(page(&Check {
            frame: admin.frame.clone(),
            w: admin.w,
            here: "catalog",
            version: plain.version,
            text: plain.text,
            differences: planned.differences.clone(),
            affected: planned.affected.clone(),
            edited: planned,
        }))
    };
    admin.show(made.await)
}

async fn install(State(app): State<App>, admin: Admin, body: Bytes) -> Response {
    let made = async {
        let plain = Plain::read(&body)?;
        let next = plain.catalog()?;
        edit(&app, wish(&admin, &plain, false), move |catalog| {
            *catalog = next;
            Ok(())
        })
        .await?;
        Ok(see("/admin/catalog?done=1"))
    };
    admin.show(made.await)
}
