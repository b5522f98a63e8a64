//! How a call with an operator ended is counted once, by day, and says nobody; the figures of the
//! telephone stand on the dashboard and in the metrics.
//!
//! What breaks such figures: a form that is sent twice, a call that ends without a word, a person
//! at the counter who counts as a call.

#![cfg(feature = "web")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/citizen.rs"]
mod stage;

use cupo::desk::{HandOff, IdentityLevel, Language, Telephone};
use cupo::{Ask, Channel, ClaimId, ClaimState, PartyId, RequestId};
use stage::{ANA, Citizen, Page, Town};

fn staff<'a>(town: &'a Town, key: &str) -> Citizen<'a> {
    let mut staff = town.citizen();
    staff.jar.push(("lang".to_owned(), "en".to_owned()));
    staff.answer("/staff/sign-in", &[("key", key)]);
    staff
}

fn counted(town: &Town) -> Vec<(&'static str, u64)> {
    let all = town.app.exchange.measures.read().wrapped_up;
    all.into_iter().filter(|(_, count)| *count > 0).collect()
}

/// What the operator is asked when the call is over: which call, and what is chosen already.
fn asked(page: &Page) -> (String, String) {
    let call = page.between("name=\"call\" value=\"", "\"");
    let options = page.between("<select id=\"wrap\" name=\"wrap\">", "</select>");
    let chosen = options.split("<option").find(|option| option.contains(" selected"));
    let value = |option: &str| option.split('"').nth(1).unwrap().to_owned();
    (call, chosen.map(value).unwrap_or_default())
}

/// A call that is handed over with a place.
fn handed_over(town: &Town) -> (String, ClaimId) {
    let engine = &town.app.engine;
    let service = engine.service("passport").unwrap();
    let place = engine.openings(&cupo::Openings::new(service).channel(Channel::PHONE))[0];
    let ask = Ask::new(PartyId(7), RequestId(7), service, place.slot).channel(Channel::PHONE);
    let hold = engine.hold(&ask).wait().unwrap().id();
    engine.assign(hold, HandOff::QUEUE).wait().unwrap();
    let token = town.app.exchange.hand_offs.put(HandOff {
        language: Language::Es,
        task: Some("book"),
        stage: "offer",
        why: "asked",
        strikes: 0,
        level: IdentityLevel::Said,
        telephone: Telephone::parse("2025550143").ok(),
        birth: "1990-01-31".parse().ok(),
        held: Some(hold),
        booking: None,
    });
    (format!("/desk/call/{token}"), hold)
}

#[test]
fn a_call_ends_as_what_was_done_in_it_unless_the_operator_says_otherwise() {
    let town = Town::new();
    let mut desk = staff(&town, "demo-desk");
    assert_eq!(asked(&desk.see("/desk")).1, "", "nothing has happened yet");
    let slot = desk.see("/desk?service=passport").slots()[0].clone();
    let here = "?service=passport";
    desk.answer(&format!("/desk/take{here}"), &[("slot", &slot)]);
    assert_eq!(asked(&desk.see("/desk")).1, "information");
    let fields = [("name", ANA.name), ("telephone", ANA.telephone), ("email", "")];
    let birth = [("day", "31"), ("month", "1"), ("year", "1990")];
    desk.answer(&format!("/desk/confirm{here}"), &[&fields[..], &birth].concat());
    let (call, code) = asked(&desk.see("/desk"));
    assert_eq!(code, "booked");
    let form = [("call", call.as_str()), ("wrap", code.as_str())];
    // Sent twice, it counts once.
    for _ in 0..2 {
        desk.answer("/desk/close", &form);
    }
    assert_eq!(counted(&town), [("booked", 1)]);
    // A call of which nothing is to be noted, and one that was nothing but a wrong number.
    desk.answer("/desk/close", &[("wrap", "")]);
    let (call, _) = asked(&desk.see("/desk"));
    desk.answer("/desk/close", &[("call", &call), ("wrap", "wrong_number")]);
    desk.answer("/desk/close", &[("wrap", "no such code")]);
    assert_eq!(counted(&town), [("booked", 1), ("wrong_number", 1)]);
    let deeds = town.app.audit.list(None, 10).unwrap();
    let noted: Vec<_> = deeds.iter().filter(|deed| deed.what == "wrap-up").collect();
    assert_eq!((noted.len(), noted[0].note.as_str()), (2, "wrong_number"));
    assert!(noted.iter().all(|deed| deed.to.is_empty()));
}

#[test]
fn a_call_that_is_handed_over_ends_with_a_code_too() {
    let town = Town::new();
    let mut desk = staff(&town, "demo-desk");
    // Also of an operator who was at the counter before.
    desk.answer("/desk/settings", &[("channel", "desk")]);
    desk.see("/desk").lacks("id=\"wrap\"");
    desk.answer("/desk/find", &[("q", "2025550143")]);
    desk.answer("/desk/close", &[("wrap", "booked")]);
    assert_eq!(counted(&town), [], "nobody called");
    let (path, _) = handed_over(&town);
    let screen = desk.answer(&path, &[]);
    assert_eq!(asked(&desk.see(&screen)).1, "information");
    desk.answer("/desk/close", &[("wrap", "call_back")]);
    assert_eq!(counted(&town), [("call_back", 1)]);
    assert_eq!(town.held_and_booked(), (0, 0));
}

#[test]
fn a_call_whose_caller_is_gone_gives_its_place_back() {
    let town = Town::new();
    let (path, hold) = handed_over(&town);
    let mut desk = staff(&town, "demo-desk");
    assert_eq!(desk.answer(&path, &[("gone", "1")]), "/desk");
    assert_eq!(town.app.engine.claim(hold).wait().unwrap().state, ClaimState::Released);
    assert_eq!(counted(&town), [("abandoned", 1)]);
    desk.see(&path).has("no longer waiting");
}

#[test]
fn the_figures_of_calls_stand_on_the_dashboard_and_in_the_metrics() {
    let town = Town::new();
    let mut admin = staff(&town, "demo-admin");
    admin.see("/admin").lacks("id=\"telephone\"");
    let (path, _) = handed_over(&town);
    admin.answer(&path, &[("gone", "1")]);
    let measures = &town.app.exchange.measures;
    for (wait, answered) in [(3, true), (30, true), (40, false), (2, false)] {
        measures.queued(std::time::Duration::from_secs(wait), answered);
    }
    let page = admin.see("/admin");
    let section = page.between("id=\"telephone\"", "</section>");
    for what in [
        "<b>33\u{a0}%</b> of calls in the queue answered within 20 s",
        "<b>18.7\u{a0}s</b> wait in the queue, on average",
        "<dt>Hung up</dt><dd>1</dd>",
        "<dt>Given up within 5 s</dt><dd>1</dd>",
    ] {
        assert!(section.contains(what), "no {what} in {section}");
    }
    let metrics = admin.see("/metrics");
    for what in [
        "cupo_calls_wrapped_up_total{code=\"abandoned\"} 1",
        "cupo_calls_queued_total{answered=\"given_up\"} 1",
        "cupo_calls_service_per_mille 333",
    ] {
        metrics.has(what);
    }
}
