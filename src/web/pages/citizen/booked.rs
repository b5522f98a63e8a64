//! What do they have now? Code, date in words, what to bring, how to change it; for the printer
//! and the calendar too.
//!
//! Never shows a booking to anybody but the party that made it or proved it.

use askama::Template;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use qrcode::QrCode;
use qrcode::render::svg;

use crate::Claim;
use crate::desk::Kept;
use crate::web::ics;

use super::super::frame::{Frame, page};
use super::Words;
use super::show::{Spot, bring, service_names, spot_of};
use super::visit::{Visit, go};

#[derive(Template)]
#[template(path = "citizen/booked.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    moved: bool,
    code: String,
    spot: Option<Spot>,
    services: Vec<String>,
    persons: u8,
    name: String,
    bring: Vec<String>,
    /// The address of the page for changes.
    manage: String,
    qr: String,
}

pub(super) async fn show(visit: Visit) -> Response {
    let Some((claim, kept)) = own(&visit).await else {
        return go("/manage");
    };
    if !claim.state.is_active() {
        return go("/manage/appointment");
    }
    let language = visit.frame.language;
    let manage = format!("{}/manage", visit.app.settings.base());
    page(&Page {
        moved: visit.draft.moved,
        code: kept.code.to_string(),
        spot: spot_of(&visit.app, &claim, language),
        services: service_names(&visit.app, claim.services.as_slice(), language),
        persons: claim.persons,
        name: kept.person.name,
        bring: bring(&visit.app, claim.services.as_slice(), language),
        // What follows the hash stays in the browser.
        qr: picture(&format!("{manage}#{}", kept.code.digits())),
        manage,
        w: visit.w,
        frame: visit.frame,
    })
}

/// For a calendar program.
pub(super) async fn calendar(visit: Visit) -> Response {
    let Some((claim, _)) = own(&visit).await else {
        return go("/manage");
    };
    let head = [
        (header::CONTENT_TYPE, "text/calendar; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"appointment.ics\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (head, ics::of_claim(&visit.app, &claim, visit.frame.language)).into_response()
}

/// The booking that this browser has made or proved, and its person.
pub(super) async fn own(visit: &Visit) -> Option<(Claim, Kept)> {
    let claim = visit.app.engine.claim(visit.draft.managing?).await.ok()?;
    let kept = visit.app.reception.person_of(&claim).ok()??;
    Some((claim, kept))
}

/// A QR code as SVG, its one path without fixed size.
fn picture(text: &str) -> String {
    let Ok(code) = QrCode::new(text) else { return String::new() };
    let drawn = code.render::<svg::Color<'_>>().quiet_zone(false).min_dimensions(1, 1).build();
    let from = drawn.find("<svg").unwrap_or(0);
    drawn.get(from..).unwrap_or_default().replacen("<svg", "<svg aria-hidden=\"true\"", 1)
}
