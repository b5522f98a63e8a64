//! What does the catalog say of one office, service or calendar?
//!
//! Never renames: a key keeps its number for ever, a new name for people is in `name`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::web::App;
use crate::web::admin::{Edited, edit, not_found, version_of};
use crate::web::api::extract::{Json, Named};
use crate::web::guard::AdminCaller;
use crate::web::problem::Problem;
use crate::{Calendar, Catalog, Office, Service};

use super::{EditQuery, Editor, Refusals, catalog_of, tagged, told};

/// A part of the catalog that has a key.
trait Part: Serialize + DeserializeOwned + Send + 'static {
    const PUT: &'static str;
    const DELETE: &'static str;
    fn key(&self) -> &str;
    fn list(catalog: &mut Catalog) -> &mut Vec<Self>;
    fn find<'a>(catalog: &'a Catalog, key: &str) -> Option<&'a Self>;
}

macro_rules! part {
    ($part:ident, $list:ident, $path:tt, $get:ident, $put:ident, $delete:ident,
     $put_name:literal, $delete_name:literal) => {
        impl Part for $part {
            const PUT: &'static str = $put_name;
            const DELETE: &'static str = $delete_name;

            fn key(&self) -> &str {
                &self.key
            }

            fn list(catalog: &mut Catalog) -> &mut Vec<Self> {
                &mut catalog.$list
            }

            fn find<'a>(catalog: &'a Catalog, key: &str) -> Option<&'a Self> {
                catalog.$list.iter().find(|part| part.key == key)
            }
        }

        /// One of the catalog, with the catalog's version as `ETag`.
        #[utoipa::path(get, path = $path, tag = "admin",
            params(("key" = String, Path, description = "Its key")),
            responses((status = 200, description = "As in the catalog", body = Object,
                headers(("ETag" = String))), Refusals))]
        async fn $get(
            State(app): State<App>,
            _: AdminCaller,
            Named(key): Named,
        ) -> Result<Response, Problem> {
            get::<$part>(&app, &key)
        }

        /// Makes or replaces one of the catalog.
        #[utoipa::path(put, path = $path, tag = "admin",
            params(("key" = String, Path, description = "Its key"), EditQuery,
                ("If-Match" = String, Header, description = "The catalog's version")),
            request_body(content = Object, description = "As in the catalog; `key` may be left out"),
            responses(
                (status = 200, description = "Replaced, or what would happen", body = Edited),
                (status = 201, description = "Made", body = Edited), Refusals))]
        async fn $put(
            State(app): State<App>,
            Named(key): Named,
            editor: Editor,
            Json(body): Json<Value>,
        ) -> Result<Response, Problem> {
            put::<$part>(&app, key, &editor, body).await
        }

        /// Takes one out of the catalog; claims there stay, beyond the capacity.
        #[utoipa::path(delete, path = $path, tag = "admin",
            params(("key" = String, Path, description = "Its key"), EditQuery,
                ("If-Match" = String, Header, description = "The catalog's version")),
            responses((status = 200, description = "Gone, or what would happen", body = Edited),
                Refusals))]
        async fn $delete(
            State(app): State<App>,
            Named(key): Named,
            editor: Editor,
        ) -> Result<Response, Problem> {
            delete::<$part>(&app, key, &editor).await
        }
    };
}

part!(
    Office,
    offices,
    "/v1/admin/offices/{key}",
    get_office,
    put_office,
    delete_office,
    "put-office",
    "delete-office"
);
part!(
    Service,
    services,
    "/v1/admin/services/{key}",
    get_service,
    put_service,
    delete_service,
    "put-service",
    "delete-service"
);
part!(
    Calendar,
    calendars,
    "/v1/admin/calendars/{key}",
    get_calendar,
    put_calendar,
    delete_calendar,
    "put-calendar",
    "delete-calendar"
);

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_office, put_office, delete_office))
        .routes(routes!(get_service, put_service, delete_service))
        .routes(routes!(get_calendar, put_calendar, delete_calendar))
}

fn none() -> Problem {
    not_found("the catalog has nothing of that key")
}

fn get<P: Part>(app: &App, key: &str) -> Result<Response, Problem> {
    let catalog = catalog_of(app)?;
    let part = P::find(&catalog, key).ok_or_else(none)?;
    Ok(tagged(&version_of(&catalog), Json(part)))
}

async fn put<P: Part>(
    app: &App,
    key: String,
    editor: &Editor,
    mut body: Value,
) -> Result<Response, Problem> {
    let wish = editor.wish(P::PUT, &key)?;
    let fields = body.as_object_mut().ok_or_else(|| Problem::invalid("an object"))?;
    fields.entry("key").or_insert_with(|| Value::from(key.as_str()));
    let part: P =
        serde_json::from_value(body).map_err(|error| Problem::invalid(error.to_string()))?;
    if part.key() != key {
        return Err(Problem::invalid("key: the same as in the address, or left out"));
    }
    let catalog = catalog_of(app)?;
    let is_new = P::find(&catalog, &key).is_none();
    if is_new && !is_plain(&key) {
        return Err(Problem::invalid("key: 1 to 64 lower-case letters, digits, hyphens and dots"));
    }
    let edited = edit(app, wish, move |catalog| {
        let list = P::list(catalog);
        match list.iter_mut().find(|other| other.key() == key) {
            Some(other) => *other = part,
            None => list.push(part),
        }
        Ok(())
    });
    let edited = edited.await?;
    let made = is_new && !edited.dry_run;
    Ok(told(if made { StatusCode::CREATED } else { StatusCode::OK }, edited))
}

async fn delete<P: Part>(app: &App, key: String, editor: &Editor) -> Result<Response, Problem> {
    let wish = editor.wish(P::DELETE, &key)?;
    let edited = edit(app, wish, move |catalog| {
        let list = P::list(catalog);
        let before = list.len();
        list.retain(|part| part.key() != key);
        if list.len() == before { Err(none()) } else { Ok(()) }
    });
    Ok(told(StatusCode::OK, edited.await?))
}

/// Whether a new key can be written into addresses and ids as it is.
fn is_plain(key: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    (1..=64).contains(&key.len()) && key.chars().all(plain)
}
