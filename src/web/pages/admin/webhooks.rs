//! Which programs are told what happens? Webhooks made, tried, stopped, and what became of each
//! delivery.
//!
//! Never shows a signing key but once.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use axum::routing::{get, post};

use crate::web::App;
use crate::web::admin::{blocking, not_found, to_the_end};
use crate::web::events::KINDS;
use crate::web::pages::frame::{Frame, page};
use crate::web::problem::Problem;
use crate::web::webhooks::{Attempt, Hook, Wish};

use super::words::Words;
use super::{Admin, Fields, see};

#[derive(Template)]
#[template(path = "admin/webhooks.html")]
struct List {
    frame: Frame,
    w: &'static Words,
    here: &'static str,
    hooks: Vec<(Hook, usize)>,
    kinds: &'static [&'static str],
    secret: Option<String>,
    done: bool,
}

#[derive(Template)]
#[template(path = "admin/webhook.html")]
struct One {
    frame: Frame,
    w: &'static Words,
    here: &'static str,
    hook: Hook,
    pending: usize,
    attempts: Vec<Attempt>,
    tried: String,
}

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/webhooks", get(list).post(add))
        .route("/admin/webhooks/{id}", get(one))
        .route("/admin/webhooks/{id}/switch", post(switch))
        .route("/admin/webhooks/{id}/test", post(test))
        .route("/admin/webhooks/{id}/remove", post(remove))
}

fn unknown() -> Problem {
    not_found("there is no such webhook")
}

/// The host of its address: the rest may hold a password.
fn host_of(url: &str) -> String {
    let url = url.parse::<Uri>().ok();
    url.as_ref().and_then(Uri::host).unwrap_or_default().to_owned()
}

async fn note(app: &App, by: &str, what: &str, id: u64, note: &str) -> Result<(), Problem> {
    let to = format!("webhook {id}");
    Ok(app.audit.note(app.engine.now(), by, what, &to, note).await?)
}

async fn list(State(app): State<App>, admin: Admin, fields: Fields) -> Response {
    let hooks = app.webhooks.list().into_iter();
    page(&List {
        frame: admin.frame.clone(),
        w: admin.w,
        here: "webhooks",
        hooks: hooks.map(|hook| (hook.clone(), app.webhooks.pending(hook.id))).collect(),
        kinds: &KINDS,
        secret: app.administration.made.take(fields.get("made")),
        done: fields.is_set("done"),
    })
}

async fn add(State(app): State<App>, admin: Admin, fields: Fields) -> Response {
    let kinds = fields.all("kind").map(str::to_owned).collect();
    let (url, text) = (fields.get("url").to_owned(), fields.get("note").to_owned());
    let wish = Wish { url, kinds, note: text, enabled: true };
    let (office, by) = (app.clone(), admin.session.name.clone());
    let made = to_the_end(async move {
        if let Some(fault) = office.webhooks.fault(&wish) {
            return Err(Problem::invalid(fault));
        }
        let hook = office.webhooks.add(wish, &office.engine, random()?).await?;
        note(&office, &by, "add-webhook", hook.id, &host_of(&hook.url)).await?;
        let token = office.administration.made.put(office.webhooks.secret(&hook));
        Ok(see(&format!("/admin/webhooks?made={token}")))
    });
    admin.show(made.await)
}

fn random() -> Result<u64, Problem> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error.to_string())
    })?;
    Ok(u64::from_le_bytes(bytes))
}

async fn one(
    State(app): State<App>,
    admin: Admin,
    Path(id): Path<u64>,
    fields: Fields,
) -> Response {
    let made = async {
        let hook = app.webhooks.get(id).ok_or_else(unknown)?;
        let attempts = blocking(&app, move |app| Ok(app.webhooks.attempts(id)?)).await?;
        Ok(page(&One {
            frame: admin.frame.clone(),
            w: admin.w,
            here: "webhooks",
            pending: app.webhooks.pending(id),
            hook,
            attempts,
            tried: fields.get("tried").to_owned(),
        }))
    };
    admin.show(made.await)
}

/// Stops a hook, or lets it go on.
async fn switch(
    State(app): State<App>,
    admin: Admin,
    Path(id): Path<u64>,
    fields: Fields,
) -> Response {
    let made = async {
        let hook = app.webhooks.get(id).ok_or_else(unknown)?;
        let version =
            fields.get("version").parse().map_err(|_| Problem::invalid("version: a number"))?;
        let Hook { url, kinds, note: text, enabled, .. } = hook;
        let host = host_of(&url);
        let wish = Wish { url, kinds, note: text, enabled: !enabled };
        let now = (app.engine.now(), app.engine.durable().0);
        let changed = app.webhooks.change(id, version, wish, now).await?;
        let detail = "it was changed meanwhile; read it again";
        changed.ok_or_else(|| Problem::new(StatusCode::PRECONDITION_FAILED, "version", detail))?;
        note(&app, &admin.session.name, "change-webhook", id, &host).await?;
        Ok(see(&format!("/admin/webhooks/{id}")))
    };
    admin.show(made.await)
}

async fn test(State(app): State<App>, admin: Admin, Path(id): Path<u64>) -> Response {
    let made = async {
        let mark = random()?;
        let outcome = blocking(&app, move |app| app.webhooks.try_out(id, mark).ok_or_else(unknown));
        let outcome = outcome.await?;
        note(&app, &admin.session.name, "test-webhook", id, "").await?;
        let tried = outcome.status.map_or_else(|| "0".to_owned(), |status| status.to_string());
        Ok(see(&format!("/admin/webhooks/{id}?tried={tried}")))
    };
    admin.show(made.await)
}

async fn remove(State(app): State<App>, admin: Admin, Path(id): Path<u64>) -> Response {
    let made = async {
        if !app.webhooks.remove(id).await? {
            return Err(unknown());
        }
        note(&app, &admin.session.name, "remove-webhook", id, "").await?;
        Ok(see("/admin/webhooks?done=1"))
    };
    admin.show(made.await)
}
