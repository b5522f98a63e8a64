//! The pages of the administration: whoever may see them sees what is so, nothing changes on a GET,
//! and every form leads somewhere.
#![cfg(feature = "web")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/office.rs"]
mod office;
#[path = "stage/town.rs"]
mod town;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use cupo::desk::{Language, Person};
use cupo::{Ask, Channel, ClaimId, ClaimState, RequestId};
use office::{ADMIN, Answer, Office};

const WED: &str = "2026-12-02";
const PAGES: [&str; 13] = [
    "/admin",
    "/admin?view=table&days=31",
    "/admin/offices/north",
    "/admin/calendars/north?date=2026-12-02",
    "/admin/closures",
    "/admin/closures/new?calendar=north",
    "/admin/closures/list?calendar=north&from=2026-12-02&reason=x",
    "/admin/catalog",
    "/admin/catalog.toml",
    "/admin/reports",
    "/admin/keys",
    "/admin/webhooks",
    "/admin/audit",
];

async fn see(office: &Office, key: &str, path: &str) -> Answer {
    let request = Request::get(path).header(header::ACCEPT, "text/html");
    let request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    office.send(request.body(Body::empty()).unwrap()).await
}

async fn send(office: &Office, path: &str, kind: &str, body: &str) -> Answer {
    let request = Request::post(path)
        .header(header::ACCEPT, "text/html")
        .header(header::CONTENT_TYPE, kind)
        .header(header::AUTHORIZATION, format!("Bearer {ADMIN}"));
    office.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn form(office: &Office, path: &str, body: &str) -> Answer {
    send(office, path, "application/x-www-form-urlencoded", body).await
}

/// Where a form leads.
fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    answer.location.as_deref().unwrap()
}

/// The value of a hidden field.
fn hidden<'a>(page: &'a str, name: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
    rest.split_once('"').unwrap().0
}

async fn person_books(office: &Office, number: u16, slot: cupo::SlotId) -> ClaimId {
    let today = town::date("2026-12-01");
    let telephone = format!("202 555 {number}");
    let birth = town::date("1990-01-31");
    let person = Person::new("Ana <Ruiz>", &telephone, "", birth, Language::Es, today).unwrap();
    let service = office.app.engine.service("paper").unwrap();
    let party = office.app.reception.party(&person);
    let ask = Ask::new(party, RequestId(number.into()), service, slot).channel(Channel::DESK);
    office.app.reception.book(&ask, &person).await.unwrap().receipt.id()
}

#[tokio::test]
async fn only_administrators_see_the_pages() {
    let office = Office::open();
    for path in PAGES {
        let page = see(&office, ADMIN, path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text);
        let stranger = see(&office, "wrong", path).await;
        assert!(location(&stranger).starts_with("/staff/sign-in?next=/admin"), "{path}");
        let operator = see(&office, "demo-desk", path).await;
        assert_eq!(operator.status, StatusCode::FORBIDDEN, "{path}");
        assert!(operator.text.contains("<h1>"), "{path}: a page, not only a status");
    }
    assert_eq!(office.app.audit.list(None, 10).unwrap(), [], "looking changes nothing");
}

#[tokio::test]
async fn both_languages_say_the_same_in_other_words() {
    let office = Office::open();
    for path in PAGES.into_iter().filter(|path| !path.contains(".toml")) {
        let sign = if path.contains('?') { '&' } else { '?' };
        let [es, en] = ["es", "en"].map(|lang| format!("{path}{sign}lang={lang}"));
        let (es, en) = (see(&office, ADMIN, &es).await.text, see(&office, ADMIN, &en).await.text);
        assert!(es.contains("<html lang=\"es\">") && en.contains("<html lang=\"en\">"), "{path}");
        assert!(es.contains("Cierres") && en.contains("Closures"), "{path}");
        assert_eq!(es.matches("<h2").count(), en.matches("<h2").count(), "{path}");
        for page in [&es, &en] {
            assert!(!page.contains("style=") && !page.contains("onclick="), "{path}: inline");
        }
    }
}

#[tokio::test]
async fn the_dashboard_counts_what_is_booked() {
    let office = Office::open();
    for party in 0..12 {
        let minute = u16::try_from(party).unwrap() * 15;
        office.book(party, office.slot("south", WED, 9 + minute / 60, minute % 60)).await;
    }
    let page = see(&office, ADMIN, "/admin?lang=en").await.text;
    assert!(page.contains("<td class=\"f3\"><span>75\u{a0}%</span></td>"), "{page}");
    assert!(page.contains("<b>0</b> double bookings"));
    let table = see(&office, ADMIN, "/admin?lang=en&view=table").await.text;
    assert!(table.contains("<td>12/16</td>"));
    let week = see(&office, ADMIN, "/admin/offices/south?lang=en").await.text;
    assert!(week.contains("<td>1/1</td>") && week.contains("Paper"));
    let none = see(&office, ADMIN, "/admin/offices/nowhere").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_wizard_closes_what_it_showed_and_lists_whom_to_call() {
    let office = Office::open();
    let booked = person_books(&office, 1001, office.slot("north", WED, 9, 0)).await;
    let query = "calendar=north&from=2026-12-02&reason=No+water";
    let list = see(&office, ADMIN, &format!("/admin/closures/list?{query}")).await.text;
    assert!(list.contains(&booked.to_string()) && !list.contains("Ruiz"), "ids only, so far");
    let csv = see(&office, ADMIN, &format!("/admin/closures/list.csv?{query}")).await.text;
    assert_eq!(csv.matches("\r\n").count(), 2);
    let check = format!("/admin/closures/list?{query}&fate=offer");
    let check = see(&office, ADMIN, &check).await.text;
    let body = format!("{query}&fate=offer&impact={}", hidden(&check, "impact"));
    let done = form(&office, "/admin/closures", &body).await;
    let result = location(&done).to_owned();
    let page = see(&office, ADMIN, &result).await.text;
    assert!(page.contains("+12025551001") && !page.contains("<Ruiz>"), "escaped: {page}");
    assert!(page.contains("2026-12-03 09:00"), "another place is offered");
    let csv = see(&office, ADMIN, &format!("{result}/contacts.csv")).await.text;
    assert!(csv.contains("Ana <Ruiz>,+12025551001"), "{csv}");
    let deeds = office.app.audit.list(None, 10).unwrap();
    let whats: Vec<&str> = deeds.iter().map(|deed| deed.what.as_str()).collect();
    assert_eq!(whats, ["read-contacts", "read-contacts", "close-day"]);
    let noted = format!("{deeds:?}");
    assert!(!noted.contains("Ruiz") && !noted.contains("555"), "nothing personal is noted");
    let stranger = see(&office, "demo-desk", &result).await;
    assert_eq!(stranger.status, StatusCode::FORBIDDEN);
    let opened = form(&office, "/admin/closures/reopen", "day=north~2026-12-02").await;
    assert_eq!(location(&opened), "/admin/closures?restored=1");
    let state = office.app.engine.claim(booked).await.unwrap().state;
    assert_eq!(state, ClaimState::Booked);
}

#[tokio::test]
async fn a_list_that_changed_is_shown_again_with_the_choice_kept() {
    let office = Office::open();
    let query = "calendar=north&from=2026-12-02&reason=x";
    let check = format!("/admin/closures/list?{query}&fate=cancel");
    let check = see(&office, ADMIN, &check).await.text;
    let body = format!("{query}&fate=cancel&impact={}", hidden(&check, "impact"));
    office.book(1, office.slot("north", WED, 9, 0)).await;
    let again = form(&office, "/admin/closures", &body).await;
    let again = location(&again).to_owned();
    assert!(again.contains("fate=cancel&changed=1"), "{again}");
    let page = see(&office, ADMIN, &again).await.text;
    assert!(page.contains("role=\"alert\""));
    let body = format!("{query}&fate=cancel&impact={}", hidden(&page, "impact"));
    let done = form(&office, "/admin/closures", &body).await;
    assert!(location(&done).starts_with("/admin/closures/result/"));
    for (body, status) in [("", 422), ("calendar=none&from=2026-12-02&reason=x&fate=keep", 404)] {
        let refused = form(&office, "/admin/closures", body).await;
        assert_eq!(refused.status.as_u16(), status);
        assert!(refused.text.contains("role=\"alert\""));
    }
}

#[tokio::test]
async fn capacities_are_shown_first_and_saved_then() {
    let office = Office::open();
    let claim = office.book(1, office.slot("north", WED, 9, 0)).await;
    let query = "date=2026-12-02&from=09:00&to=10:00&desks=0";
    let check = format!("/admin/calendars/north/day/check?{query}");
    let check = see(&office, ADMIN, &check).await.text;
    assert!(check.contains(&claim.to_string()));
    let path = "/admin/calendars/north/day";
    assert_eq!(form(&office, path, query).await.status, StatusCode::CONFLICT, "not by mistake");
    let done = form(&office, path, &format!("{query}&accept=1")).await;
    assert!(location(&done).ends_with("done=1"));
    let day = office.app.engine.day(office.slot("north", WED, 9, 0).day).unwrap();
    assert_eq!(day.slots[0].slot.index, 40, "from 10:00 on");
    let back = form(&office, "/admin/calendars/north/day/reset", "date=2026-12-02").await;
    assert!(location(&back).ends_with("done=1"));
    let week = "desks=3&mon=&tue=&wed=09:00-13:00&thu=&fri=&sat=&sun=&web=50+%25&phone=1";
    let version = office.version().await.trim_matches('"').to_owned();
    let check = format!("/admin/calendars/north/week/check?{week}&version={version}");
    let check = see(&office, ADMIN, &check).await;
    assert!(check.text.contains("channels.web.max") && check.text.contains("<b>12</b>"));
    let path = "/admin/calendars/north/week";
    let done = form(&office, path, &format!("{week}&version={version}")).await;
    assert!(location(&done).ends_with("done=1"));
    let old = form(&office, path, &format!("{week}&version={version}")).await;
    assert_eq!(old.status, StatusCode::PRECONDITION_FAILED, "the version is an old one by now");
    for wrong in ["desks=x", "desks=3&wed=9-17", "desks=3&web=many"] {
        let version = office.version().await.trim_matches('"').to_owned();
        let refused = form(&office, path, &format!("{wrong}&version={version}")).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
}

#[tokio::test]
async fn a_catalog_is_compared_before_it_is_installed() {
    let office = Office::open();
    let page = see(&office, ADMIN, "/admin/catalog").await.text;
    let version = hidden(&page, "version").to_owned();
    let text = office.app.engine.catalog().unwrap().to_toml();
    let text = text.replace("capacity = 1", "capacity = 5").replace('\n', "\r\n");
    let body = format!("version={version}\r\ncatalog={text}\r\n");
    let check = send(&office, "/admin/catalog/check", "text/plain", &body).await;
    assert!(check.text.contains("<del>1</del>") && check.text.contains("<ins>5</ins>"));
    assert_eq!(office.version().await.trim_matches('"'), version, "only compared");
    let done = send(&office, "/admin/catalog/install", "text/plain", &body).await;
    assert_eq!(location(&done), "/admin/catalog?done=1");
    assert_eq!(office.app.engine.catalog().unwrap().calendars[1].capacity, 5);
    let old = send(&office, "/admin/catalog/install", "text/plain", &body).await;
    assert_eq!(old.status, StatusCode::PRECONDITION_FAILED);
    for wrong in ["", "catalog=", "catalog=offices = 1", "version=1\r\ncatalog={}"] {
        let refused = send(&office, "/admin/catalog/check", "text/plain", wrong).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong:?}");
    }
}

#[tokio::test]
async fn a_key_is_shown_once() {
    let office = Office::open();
    let made = form(&office, "/admin/keys", "name=Shift+2&role=desk").await;
    let shown = location(&made).to_owned();
    let page = see(&office, ADMIN, &shown).await.text;
    let (_, key) = page.split_once("class=\"secret\">").unwrap();
    let (key, _) = key.split_once('<').unwrap();
    assert_eq!(see(&office, key, "/admin").await.status, StatusCode::FORBIDDEN, "an operator's");
    let again = see(&office, ADMIN, &shown).await.text;
    assert!(again.contains("Shift 2") && !again.contains(key));
    let id = hidden(&again, "id").to_owned();
    let gone = form(&office, "/admin/keys/revoke", &format!("id={id}")).await;
    assert_eq!(location(&gone), "/admin/keys?revoked=1");
    let none = form(&office, "/admin/keys/revoke", &format!("id={id}")).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_report_sums_up_a_range_of_dates() {
    let office = Office::open();
    let slot = office.slot("north", "2026-12-01", 12, 0);
    let came = office.book(1, slot).await;
    let missed = office.book(2, slot).await;
    office.book(3, office.slot("north", "2026-12-10", 9, 0)).await;
    office.clock.advance(std::time::Duration::from_hours(5));
    let engine = &office.app.engine;
    engine.check_in(came).await.unwrap();
    engine.serve(came).await.unwrap();
    engine.no_show(missed).await.unwrap();
    let query = "office=north&from=2026-12-01&to=2026-12-11";
    let page = see(&office, ADMIN, &format!("/admin/reports?{query}&lang=en")).await.text;
    assert!(page.contains("<b>50\u{a0}%</b> did not come"), "{page}");
    let csv = see(&office, ADMIN, &format!("/admin/reports.csv?{query}")).await.text;
    assert!(csv.contains("desk,3,0,1,1,0,0,2,0,0,1,0,0"), "{csv}");
    assert!(csv.contains("2026-12-01,32,2,0,30,0,0,0,0,2,0"), "{csv}");
    let none = see(&office, ADMIN, "/admin/reports?from=2026-12-09&to=2026-12-01").await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_form_from_another_site_changes_nothing() {
    let office = Office::open();
    let request = Request::post("/admin/keys")
        .header(header::ORIGIN, "https://elsewhere.example")
        .header("sec-fetch-site", "cross-site")
        .header(header::HOST, "here.example")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::AUTHORIZATION, format!("Bearer {ADMIN}"));
    let refused = office.send(request.body(Body::from("name=x&role=admin")).unwrap()).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(office.app.audit.list(None, 10).unwrap(), []);
}
