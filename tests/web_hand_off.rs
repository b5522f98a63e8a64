//! A call that the machine cannot finish goes on at a desk: with its language, what was tried and
//! the place that is kept, and to one operator only. Who left a number is seen there.

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
use stage::{Citizen, Town};

fn operator(town: &Town) -> Citizen<'_> {
    let mut operator = town.citizen();
    operator.jar.push(("lang".to_owned(), "en".to_owned()));
    assert_eq!(operator.answer("/staff/sign-in", &[("key", "demo-desk")]), "/desk");
    operator
}

/// A place that a call keeps, as the telephone leaves it.
fn kept(town: &Town) -> ClaimId {
    let engine = &town.app.engine;
    let service = engine.service("passport").unwrap();
    let place = engine.openings(&cupo::Openings::new(service).channel(Channel::PHONE))[0];
    let ask = Ask::new(PartyId(7), RequestId(7), service, place.slot).channel(Channel::PHONE);
    let hold = engine.hold(&ask).wait().unwrap().id();
    engine.assign(hold, HandOff::QUEUE).wait().unwrap();
    hold
}

fn handed(held: Option<ClaimId>) -> HandOff {
    HandOff {
        language: Language::Es,
        task: Some("book"),
        stage: "offer",
        why: "strikes",
        strikes: 3,
        level: IdentityLevel::Said,
        telephone: Telephone::parse("2025550143").ok(),
        birth: "1990-01-31".parse().ok(),
        held,
        booking: None,
    }
}

#[test]
fn a_call_is_taken_once_with_its_place_and_the_party_stays() {
    let town = Town::new();
    let hold = kept(&town);
    let path = format!("/desk/call/{}", town.app.exchange.hand_offs.put(handed(Some(hold))));
    let mut first = operator(&town);
    // Looking takes nothing, however often.
    for _ in 0..2 {
        let page = first.see(&path);
        page.has("Wants a new appointment");
        page.has("A place is kept for them");
        for what in ["Spanish", "three times", "choosing a place", "not compared", "9:00 am"] {
            page.has(what);
        }
    }
    let screen = first.answer(&path, &[]);
    assert!(screen.starts_with("/desk?"), "{screen}");
    let page = first.see(&screen);
    for what in ["Was not understood three times", "id=\"confirm\"", "2025550143", "1990"] {
        page.has(what);
    }
    let claim = town.app.engine.claim(hold).wait().unwrap();
    assert_eq!((claim.party, claim.state), (PartyId(7), ClaimState::Held));
    assert_ne!(claim.actor, HandOff::QUEUE);
    assert!(first.addresses.iter().all(|address| !address.contains("0143")));
    let deeds = town.app.audit.list(None, 10).unwrap();
    assert!(deeds.iter().any(|deed| deed.what == "take-call"), "{deeds:?}");

    let mut second = operator(&town);
    second.see(&path).has("no longer waiting");
    assert_eq!(second.answer(&path, &[]), path);
    assert_eq!(town.app.engine.claim(hold).wait().unwrap().actor, claim.actor);
}

#[test]
fn a_booking_that_was_to_be_changed_moves_to_the_place_that_is_kept() {
    let town = Town::new();
    let engine = &town.app.engine;
    let service = engine.service("passport").unwrap();
    let places = engine.openings(&cupo::Openings::new(service).channel(Channel::PHONE));
    let ask = |request, at: usize| {
        let slot = places[at].slot;
        Ask::new(PartyId(7), RequestId(request), service, slot).channel(Channel::PHONE)
    };
    let booking = engine.book(&ask(1, 0)).wait().unwrap().id();
    let hold = engine.hold(&ask(2, 1).replacing(booking)).wait().unwrap().id();
    let context = HandOff { task: Some("change"), booking: Some(booking), ..handed(Some(hold)) };
    let path = format!("/desk/call/{}", town.app.exchange.hand_offs.put(context));
    let mut operator = operator(&town);
    let screen = operator.answer(&path, &[]);
    operator.see(&screen).has("id=\"moving\"");
    operator.answer("/desk/confirm", &[]);
    let moved = engine.claim(booking).wait().unwrap();
    assert_eq!((moved.slot, moved.state), (places[1].slot, ClaimState::Booked));
}

#[test]
fn a_call_whose_place_is_over_goes_on_without_it() {
    let town = Town::new();
    let hold = kept(&town);
    town.app.engine.release(hold).wait().unwrap();
    let path = format!("/desk/call/{}", town.app.exchange.hand_offs.put(handed(Some(hold))));
    let mut operator = operator(&town);
    let screen = operator.answer(&path, &[]);
    let page = operator.see(&screen);
    page.has("No place is on hold");
    page.has("2025550143");
}

#[test]
fn who_left_a_number_is_listed_until_they_were_called() {
    let town = Town::new();
    let telephone = Telephone::parse("2025550143").unwrap();
    let now = town.app.engine.now();
    let waiting = &town.app.exchange.call_backs;
    let dallas = Some("dallas".to_owned());
    pollster::block_on(waiting.note(&telephone, Language::Es, dallas, now)).unwrap();
    let mut operator = operator(&town);
    let page = operator.see("/desk/callbacks");
    page.has(telephone.as_str());
    // Noon in Greenwich, on the clock of the office that they had chosen.
    page.has("Monday 4 January 2027, 6:00 am (America/Chicago)");
    page.has("Office of Dallas");
    let back = operator.answer("/desk/callbacks", &[("telephone", telephone.as_str())]);
    operator.see(&back).has("Nobody waits to be called back");
    assert_eq!(operator.answer("/desk/callbacks", &[("telephone", "x")]), "/desk/callbacks");
    let deeds = format!("{:?}", town.app.audit.list(None, 10).unwrap());
    assert!(deeds.contains("call-back") && !deeds.contains("0143"), "{deeds}");
}
