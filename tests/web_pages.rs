//! Pages that nothing breaks: lost drafts, foreign addresses, nonsense in forms, a busy or failing
//! service; a look never changes anything, and 57 offices still make a small page.

#![cfg(feature = "web")]
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/citizen.rs"]
mod stage;

use axum::http::{Method, header};
use cupo::{DirectoryOptions, DirectoryStore, Engine, Fault, SimFileSystem};
use stage::{ANA, LUIS, TOWN, Town};

const PAGES: [&str; 18] = [
    "/",
    "/offices",
    "/book/service",
    "/book/office",
    "/book/details",
    "/book/when",
    "/book/taken",
    "/book/limit",
    "/book/resume",
    "/book/check",
    "/book/extend",
    "/book/expired",
    "/book/lost",
    "/booked",
    "/manage",
    "/manage/appointment",
    "/manage/move",
    "/manage/cancel",
];

#[test]
fn a_look_changes_nothing() {
    let town = Town::new();
    let (mut ana, mut luis) = (town.citizen(), town.citizen());
    ana.goes_to_check(ANA, Some("boston"));
    luis.book(LUIS, Some("boston"));
    let before = town.app.engine.stats().last;
    for citizen in [&mut ana, &mut luis] {
        let jar = citizen.jar.clone();
        for page in PAGES.into_iter().chain(["/leave", "/booked/appointment.ics"]) {
            for method in [Method::GET, Method::HEAD] {
                let seen = citizen.send(method, page, "");
                assert!(!seen.status.is_server_error(), "{page}");
                assert!(!seen.headers.contains_key(header::SET_COOKIE), "{page}");
            }
        }
        assert_eq!(citizen.jar, jar);
    }
    assert_eq!(town.app.engine.stats().last, before);
}

#[test]
fn a_lost_draft_leads_to_a_friendly_page() {
    let town = Town::new();
    let mut ana = town.citizen();
    ana.goes_to_check(ANA, Some("boston"));
    ana.jar.retain(|(name, _)| name != "draft");
    ana.jar.push(("draft".into(), "somethingelse".into()));
    for page in ["/book/office", "/book/details", "/book/when", "/book/check", "/book/expired"] {
        assert_eq!(ana.led(page), "/book/lost");
    }
    for form in ["/book/office", "/book/details", "/book/when", "/book/check", "/book/extend"] {
        assert_eq!(
            ana.answer(form, &[("any", "1"), ("slot", "boston~2027-01-04~18")]),
            "/book/lost"
        );
    }
    for page in ["/booked", "/manage/appointment", "/manage/cancel"] {
        assert_eq!(ana.led(page), "/manage");
    }
    let page = ana.see("/book/lost");
    page.has("href=\"/book/service\"");
    page.has("href=\"/manage\"");
    // From there the way begins again.
    ana.book(LUIS, Some("dallas"));
}

#[test]
fn who_finishes_leaves_nothing_behind() {
    let town = Town::new();
    let mut ana = town.citizen();
    ana.goes_to_check(ANA, Some("boston"));
    let kept = ana.jar.clone();
    assert_eq!(ana.answer("/leave", &[]), "/");
    assert_eq!(town.held_and_booked(), (0, 0));
    assert!(ana.jar.is_empty(), "{:?}", ana.jar);
    ana.jar = kept;
    assert_eq!(ana.led("/book/check"), "/book/lost");
}

#[test]
fn whoever_proves_a_booking_gets_a_new_cookie() {
    let town = Town::new();
    let mut ana = town.citizen();
    let code = ana.book(ANA, Some("boston"));
    let mut other = town.citizen();
    other.prove("1", LUIS);
    let planted = other.jar.clone();
    other.prove(&code, ANA);
    assert_ne!(other.jar, planted);
    let mut thief = town.citizen();
    thief.jar = planted;
    assert_eq!(thief.led("/manage/appointment"), "/manage");
}

#[test]
fn nonsense_in_forms_is_never_a_failure() {
    let long = "x".repeat(20_000);
    for body in ["", "&&&===", "%", "%zz=%e9", "service=%00", "slot=~~", "persons=-1", &long] {
        let town = Town::new();
        let mut ana = town.citizen();
        ana.goes_to_check(ANA, Some("boston"));
        for page in PAGES {
            let seen = ana.send(Method::POST, page, body);
            assert!(!seen.status.is_server_error(), "{page} {body}: {seen:?}");
        }
        for page in PAGES {
            let query = format!("{page}?{}", body.replace("%zz", "%25zz"));
            let seen = ana.send(Method::GET, &query, "");
            assert!(!seen.status.is_server_error(), "{query}: {seen:?}");
        }
        assert!(town.app.engine.audit().is_clean());
    }
    let town = Town::new();
    let mut ana = town.citizen();
    ana.goes_to_times(ANA, Some("boston"));
    for slot in ["", "boston~2027-01-04~0", "boston~2099-01-04~18", "nowhere~2027-01-04~18", "x"] {
        let to = ana.answer("/book/when", &[("slot", slot)]);
        assert!(["/book/taken", "/book/when"].contains(&to.as_str()), "{slot}: {to}");
        if to == "/book/taken" {
            ana.see("/book/taken").has("Ver todas las horas");
        }
    }
}

#[test]
fn a_busy_service_asks_for_a_little_patience() {
    let town = Town::on(Engine::builder().memory_max(1), TOWN);
    town.app.engine.tick();
    let mut ana = town.citizen();
    let slot = ana.goes_to_times(ANA, Some("boston")).slots()[0].clone();
    let page = ana.post("/book/when", &[("slot", &slot)]);
    assert_eq!(
        (page.status.as_u16(), page.headers[header::RETRY_AFTER].as_bytes()),
        (503, &b"2"[..])
    );
    page.has("Hay mucha gente en este momento");
    page.has("href=\"/book/when\"");
}

#[test]
fn a_service_whose_disk_fails_says_that_it_is_under_maintenance() {
    let disk = SimFileSystem::new();
    let options = DirectoryOptions { background: false, ..DirectoryOptions::default() };
    let store = DirectoryStore::open(disk.clone(), "log", options).unwrap();
    let town = Town::on(Engine::builder().store(store), TOWN);
    let mut ana = town.citizen();
    ana.goes_to_check(ANA, Some("boston"));
    disk.fail_call(disk.calls() + 1, Fault::Eio);
    for _ in 0..2 {
        let page = ana.post("/book/check", &[]);
        assert_eq!(page.status, 503);
        page.has("El servicio est");
        page.has("en mantenimiento");
        page.has("href=\"/book/check\"");
    }
    assert_eq!(ana.send(Method::GET, "/book/check", "").status, 503);
}

#[test]
fn an_address_that_leads_nowhere_shows_a_way_on() {
    let town = Town::new();
    let mut ana = town.citizen();
    for path in ["/nowhere", "/book", "/book/when/more", "/assets/x/none.css"] {
        let page = ana.send(Method::GET, path, "");
        assert_eq!(page.status, 404, "{path}");
        if !path.starts_with("/assets") {
            page.has("href=\"/manage\"");
        }
    }
    let page = ana.send(Method::GET, "/v1/nowhere", "");
    assert_eq!(page.status, 404);
    assert_eq!(page.headers[header::CONTENT_TYPE], "application/problem+json");
}

#[test]
fn pages_are_small_with_57_offices() {
    let town = Town::of(include_str!("../examples/miconsulado.toml"));
    let mut ana = town.citizen();
    let mut most = 0;
    for page in ["/", "/offices", "/book/service"] {
        most = most.max(ana.see(page).text.len());
    }
    ana.answer("/book/service", &[("service", "passport"), ("persons", "2")]);
    most = most.max(ana.see("/book/office").text.len());
    ana.see("/book/office?q=dallas").has("value=\"dallas\"");
    ana.answer("/book/office", &[("any", "1")]);
    ana.details(ANA);
    for page in ["/book/when", "/book/when?office=boston", "/book/when?month=2027-02"] {
        most = most.max(ana.see(page).text.len());
    }
    println!("the largest page has {most} bytes");
    assert!(most < 30_000);
}

#[test]
fn only_some_days_of_the_week() {
    let town = Town::new();
    let mut ana = town.citizen();
    ana.goes_to_times(ANA, Some("boston"));
    let page = ana.see("/book/when?wd=2");
    page.has("Elegir 9:00, Mi");
    page.lacks("day=2027-01-07");
    page.has("day=2027-01-13&#38;wd=2");
    // Nobody works on Saturdays.
    ana.see("/book/when?wd=5").has("No hay lugares libres en esos");
}

#[test]
fn styles_and_scripts_are_cached_by_their_content() {
    let town = Town::new();
    let mut ana = town.citizen();
    let page = ana.see("/");
    let style = page.between("rel=\"stylesheet\" href=\"", "\"");
    let script = page.between("<script src=\"", "\"");
    for (path, kind) in
        [(&style, "text/css; charset=utf-8"), (&script, "text/javascript; charset=utf-8")]
    {
        let asset = ana.see(path);
        assert_eq!(asset.headers[header::CONTENT_TYPE], kind);
        assert_eq!(asset.headers[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
    }
    // Nothing that the page's own rules forbid.
    for path in PAGES {
        let page = ana.send(Method::GET, path, "");
        for inline in [" style=", "<style", "<script>", " onclick=", "http-equiv"] {
            page.lacks(inline);
        }
    }
}
