//! Which keys are there? Made, shown once, revoked.
//!
//! Never shows a key a second time.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};

use crate::web::App;
use crate::web::admin::{make_key, revoke_key};
use crate::web::guard::KeyEntry;
use crate::web::pages::frame::{Frame, page};

use super::words::Words;
use super::{Admin, Fields, see};

#[derive(Template)]
#[template(path = "admin/keys.html")]
struct List {
    frame: Frame,
    w: &'static Words,
    here: &'static str,
    keys: Vec<KeyEntry>,
    own: String,
    made: Option<String>,
    revoked: bool,
}

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/keys", get(list).post(make))
        .route("/admin/keys/revoke", post(revoke))
}

async fn list(State(app): State<App>, admin: Admin, fields: Fields) -> Response {
    page(&List {
        frame: admin.frame.clone(),
        w: admin.w,
        here: "keys",
        keys: app.keys.list(),
        own: admin.session.key.to_string(),
        made: app.administration.made.take(fields.get("made")),
        revoked: fields.is_set("revoked"),
    })
}

async fn make(State(app): State<App>, admin: Admin, fields: Fields) -> Response {
    let made = async {
        let (name, role) = (fields.get("name"), fields.get("role"));
        let (_, key) = make_key(&app, &admin.session.name, name, role).await?;
        let token = app.administration.made.put(key);
        Ok(see(&format!("/admin/keys?made={token}")))
    };
    admin.show(made.await)
}

async fn revoke(State(app): State<App>, admin: Admin, fields: Fields) -> Response {
    let made = async {
        revoke_key(&app, &admin.session, fields.get("id")).await?;
        Ok(see("/admin/keys?revoked=1"))
    };
    admin.show(made.await)
}
