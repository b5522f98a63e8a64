//! Who may come in with a key? Keys made and revoked, and noted.
//!
//! Never revokes the key that the caller came with.

use axum::http::StatusCode;

use crate::web::App;
use crate::web::guard::{KeyEntry, Role, Session};
use crate::web::problem::Problem;

use super::{not_found, to_the_end};

/// Makes a key; the second of the answer is the key itself, which is nowhere else.
///
/// # Errors
/// 422 for a wrong name or role.
pub(crate) async fn make_key(
    app: &App,
    by: &str,
    name: &str,
    role: &str,
) -> Result<(KeyEntry, String), Problem> {
    let name = name.trim().to_owned();
    if !(1..=80).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return Err(Problem::invalid("name: 1 to 80 characters"));
    }
    let role: Role = role.parse().map_err(|()| Problem::invalid("role: partner, desk or admin"))?;
    let (app, by) = (app.clone(), by.to_owned());
    to_the_end(async move {
        let now = app.engine.now();
        let (entry, key) = app.keys.create(&name, role, now).await?;
        let note = format!("{name} ({})", role.name());
        app.audit.note(now, &by, "make-key", &entry.id, &note).await?;
        Ok((entry, key))
    })
    .await
}

/// Revokes a key of the store.
///
/// # Errors
/// 404 if there is none, 409 `own-key` for the caller's.
pub(crate) async fn revoke_key(app: &App, session: &Session, id: &str) -> Result<(), Problem> {
    if *session.key == *id {
        let detail = "this is the key you came with; sign in with another one first";
        return Err(Problem::new(StatusCode::CONFLICT, "own-key", detail));
    }
    let (app, by, id) = (app.clone(), session.name.clone(), id.to_owned());
    to_the_end(async move {
        if !app.keys.revoke(&id).await? {
            return Err(not_found("no key of that id was made here"));
        }
        Ok(app.audit.note(app.engine.now(), &by, "revoke-key", &id, "").await?)
    })
    .await
}
