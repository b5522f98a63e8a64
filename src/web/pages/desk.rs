//! What does an operator see? The person on the telephone, places, a hold with its clock, and the
//! list of a day; and who comes from the telephone.
//!
//! Never anything personal in an address: what was said and found is kept at the server. Never
//! changes anything on a GET, and never needs a script.

mod call;
mod change;
mod choice;
mod ending;
mod find;
mod places;
mod screen;
mod script;
mod taking;
mod telephone;
mod today;
mod words;

use axum::Router;
use axum::extract::OriginalUri;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};

use crate::web::App;

pub(crate) use call::Call;
pub(super) use words::Words;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/desk", get(screen::show))
        .route("/desk/find", post(find::find).get(home))
        .route("/desk/person", post(find::person).get(home))
        .route("/desk/resume", post(find::resume).get(home))
        .route("/desk/close", post(find::close).get(home))
        .route("/desk/settings", post(find::settings).get(home))
        .route("/desk/speak", post(taking::speak).get(home))
        .route("/desk/take", post(taking::take).get(home))
        .route("/desk/confirm", post(taking::confirm).get(home))
        .route("/desk/extend", post(taking::extend).get(home))
        .route("/desk/release", post(taking::release).get(home))
        .route("/desk/move", post(change::start).get(home))
        .route("/desk/stay", post(change::stay).get(home))
        .route("/desk/cancel/{claim}", get(change::ask).post(change::cancel))
        .route("/desk/call/{token}", get(telephone::show).post(telephone::take))
        .route("/desk/callbacks", get(telephone::call_backs).post(telephone::called))
        .merge(today::routes())
}

/// From an address that only takes forms, as after signing in anew, back to the screen.
async fn home(OriginalUri(uri): OriginalUri) -> Response {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Redirect::to(&format!("/desk{query}")).into_response()
}
