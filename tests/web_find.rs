//! What the HTTP API tells about offices, services, free places and rosters.

#![cfg(feature = "web")]
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    dead_code,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/http.rs"]
mod http;

use http::{DESK, PARTNER, Town};
use serde_json::{Value, json};

fn book(town: &Town, slot: &str, number: u32) -> String {
    let body = json!({"slot": slot, "services": ["passport"], "party": format!("{number:032x}")});
    let booked = town.post("/v1/bookings", &format!("k{number}"), &[PARTNER], &body).ok(201);
    booked["id"].as_str().unwrap().to_owned()
}

#[test]
fn the_catalogue_is_in_both_languages_and_cached() {
    let town = Town::new();
    let offices = town.get("/v1/offices", &[]);
    let boston = json!({"key": "boston", "name": "Boston", "country": "US",
        "time_zone": "America/New_York", "services": ["passport", "visa"], "calendars": ["boston"]});
    assert_eq!(offices.ok(200)["offices"][0], boston);
    let services = town.get("/v1/services", &[]);
    let passport = json!({"key": "passport", "name": {"es": "Pasaporte", "en": "Passport"},
        "requirements": {"es": ["Acta"], "en": ["Birth certificate"]}, "units": 1,
        "persons_max": 4, "active_max": 1, "cancel_cutoff_seconds": 86_400,
        "reschedule_cutoff_seconds": 86_400});
    assert_eq!(services.ok(200)["services"][0], passport);
    for (path, answer) in [("/v1/offices", offices), ("/v1/services", services)] {
        let tag = answer.header("etag").to_owned();
        let known = town.get(path, &[("if-none-match", &format!("W/{tag}, \"x\""))]);
        known.ok(304);
        assert_eq!((known.header("etag"), known.text.as_str()), (tag.as_str(), ""));
        let unknown = town.get(&format!("{path}?lang=en&x=1"), &[]).problem(400, "malformed");
        assert!(unknown["detail"].as_str().unwrap().contains("unknown field"), "{unknown}");
    }
}

#[test]
fn days_are_counted_for_many_offices_at_once() {
    let town = Town::new();
    let path = "/v1/availability?service=passport&from=2027-01-05&to=2027-01-06";
    let body = town.get(path, &[]).ok(200);
    let days = body["days"].as_array().unwrap();
    let told: Vec<_> = days
        .iter()
        .map(|day| {
            (day["office"].as_str().unwrap(), day["date"].as_str().unwrap(), &day["openings"])
        })
        .collect();
    let four = json!(4);
    assert_eq!(
        told,
        [
            ("boston", "2027-01-05", &four),
            ("boston", "2027-01-06", &four),
            ("dallas", "2027-01-05", &four),
            ("dallas", "2027-01-06", &four)
        ]
    );
    assert_eq!(days[2]["first"]["starts"]["at"], "2027-01-05T09:00:00-06:00");
    assert_eq!(days[2]["first"]["free"], 2);
    assert!(days[0].get("slots").is_none());
    let visa =
        town.get("/v1/availability?service=passport,visa&offices=boston,dallas", &[]).ok(200);
    let days = visa["days"].as_array().unwrap();
    // Three slots in a row: two starts a day, in Boston only.
    assert!(days.iter().all(|day| day["office"] == "boston"));
    assert!(days.iter().skip(1).all(|day| day["openings"] == 2), "{visa}");
    let pair = town.get("/v1/availability?service=passport&persons=2", &[]).ok(200);
    assert!(pair["days"].as_array().unwrap().iter().all(|day| day["office"] == "dallas"));
    let turn = "/v1/availability?service=passport&persons=2&arrangement=in_turn&offices=boston";
    assert_eq!(town.get(turn, &[]).ok(200)["days"][1]["openings"], 3);
}

#[test]
fn slots_are_listed_and_go_when_they_are_taken() {
    let town = Town::new();
    let path = "/v1/availability?service=passport&offices=boston&group=slot\
        &from=2027-01-05&to=2027-01-05";
    let first = town.get(path, &[]);
    let slots = first.ok(200)["days"][0]["slots"].clone();
    assert_eq!(slots.as_array().unwrap().len(), 4);
    assert_eq!(slots[3]["slot"], "boston~2027-01-05~39");
    assert_eq!(first.header("cache-control"), "public, max-age=1");
    let tag = first.header("etag").to_owned();
    let known = [("if-none-match", tag.as_str())];
    town.get(path, &known).ok(304);
    book(&town, "dallas~2027-01-05~36", 1);
    town.get(path, &known).ok(304);
    book(&town, "boston~2027-01-05~36", 2);
    let changed = town.get(path, &known);
    assert_eq!(changed.ok(200)["days"][0]["slots"].as_array().unwrap().len(), 3);
    assert_ne!(changed.header("etag"), tag);
    // Another question has another tag; and time alone changes what is free.
    town.get(&format!("{path}&persons=1"), &[("if-none-match", changed.header("etag"))]).ok(200);
    town.pass(60);
    town.get(path, &[("if-none-match", changed.header("etag"))]).ok(200);
}

#[test]
fn a_question_about_availability_is_refused_with_the_reason() {
    let town = Town::new();
    let ask = |query: &str| town.get(&format!("/v1/availability?{query}"), &[]);
    ask("").problem(400, "malformed");
    ask("service=passport&offices=boston&from=tomorrow").problem(400, "malformed");
    ask("service=passport&group=week").problem(400, "malformed");
    ask("service=passport&place=boston").problem(400, "malformed");
    ask("service=passport&service=visa").problem(400, "malformed");
    ask("service=dancing").problem(422, "invalid");
    ask("service=passport&offices=atlantis").problem(422, "invalid");
    ask("service=passport,passport,passport,passport,passport").problem(422, "invalid");
    ask("service=passport&channel=phone").problem(403, "forbidden");
    let wide = ask("service=passport&from=2027-01-01&to=2028-12-31");
    assert_eq!(wide.problem(400, "range-too-wide")["days_max"], 400);
    ask("service=passport&group=slot&from=2027-01-01&to=2027-12-31").problem(400, "range-too-wide");
    assert_eq!(ask("service=passport&from=2027-02-01&to=2027-01-01").ok(200)["days"], json!([]));
    let phone = "/v1/availability?service=passport&channel=phone";
    town.get(phone, &[PARTNER]).ok(200);
}

#[test]
fn a_whole_year_of_a_busy_calendar_is_told_without_a_gap() {
    let all = "\"00:00-24:00\"";
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let hours: Vec<_> = days.iter().map(|day| format!("{day} = [{all}]")).collect();
    let catalog = format!(
        "offices = [{{ key = \"a\", zone = \"UTC\" }}]\nservices = [{{ key = \"s\" }}]\n\
         [[calendars]]\nkey = \"a\"\noffice = \"a\"\nservices = [\"s\"]\ncapacity = 1\n\
         unit = \"5m\"\nhorizon = \"20d\"\nhours = {{ {} }}\n",
        hours.join(", ")
    );
    let town = Town::of(&catalog);
    let path = "/v1/availability?service=s&from=2027-01-05&to=2027-01-20";
    let body = town.get(path, &[]).ok(200);
    let days = body["days"].as_array().unwrap();
    assert_eq!(days.len(), 16);
    assert!(days.iter().all(|day| day["openings"] == 288), "{body}");
}

#[test]
fn the_earliest_places_come_first_and_near_ones_before() {
    let town = Town::new();
    let names = |query: &str| -> Vec<String> {
        let body = town.get(&format!("/v1/availability/first?{query}"), &[]).ok(200);
        let openings = body["openings"].as_array().unwrap().clone();
        openings.iter().map(|opening| opening["slot"].as_str().unwrap().to_owned()).collect()
    };
    // Boston is an hour ahead.
    let first = names("service=passport");
    assert_eq!(first, ["boston~2027-01-04~36", "boston~2027-01-04~37", "boston~2027-01-04~38"]);
    let near = names("service=passport&near=dallas&limit=5");
    assert!(near.iter().all(|slot| slot.starts_with("dallas")), "{near:?}");
    assert_eq!(names("service=passport&from=2027-01-06&limit=1"), ["boston~2027-01-06~36"]);
    let visa = names("service=visa&near=dallas");
    assert!(visa.iter().all(|slot| slot.starts_with("boston")) && visa.len() == 3);
    let refused = |query: &str| town.get(&format!("/v1/availability/first?{query}"), &[]);
    refused("service=passport&limit=0").problem(422, "invalid");
    refused("service=passport&limit=101").problem(422, "invalid");
    refused("service=passport&near=atlantis").problem(422, "invalid");
    refused("near=dallas").problem(400, "malformed");
}

#[test]
fn a_last_look_says_what_the_hold_would_say() {
    let town = Town::new();
    book(&town, "boston~2027-01-05~36", 1);
    let check = |body: &Value| town.post("/v1/availability/check", "unused", &[], body);
    let slots = [
        "boston~2027-01-05~36",
        "boston~2027-01-05~37",
        "boston~2027-01-05~0",
        "dallas~2031-01-05~36",
        "boston~2027-01-04~20",
    ];
    let body = check(&json!({"slots": slots, "services": ["passport"]})).ok(200);
    let told: Vec<_> = body["slots"].as_array().unwrap().iter().map(|slot| &slot["code"]).collect();
    assert_eq!(
        told,
        [
            &json!("slot_full"),
            &Value::Null,
            &json!("slot_closed"),
            &json!("unknown_day"),
            &json!("too_late")
        ]
    );
    assert_eq!(body["slots"][1], json!({"slot": slots[1], "office": "boston", "available": true}));
    let dallas = json!({"slots": ["dallas~2027-01-05~36"], "services": ["visa"]});
    assert_eq!(check(&dallas).ok(200)["slots"][0]["code"], "service_not_served");
    check(&json!({"slots": [], "services": ["passport"]})).problem(422, "invalid");
    check(&json!({"slots": ["boston"], "services": ["passport"]})).problem(422, "invalid");
    check(&json!({"slots": slots, "services": []})).problem(422, "invalid");
    check(&json!({"slots": slots, "services": ["passport"], "x": 1})).problem(422, "invalid");
}

#[test]
fn staff_reads_a_day_page_by_page() {
    let town = Town::new();
    let ids: Vec<_> =
        (0..4).map(|n| book(&town, &format!("boston~2027-01-05~{}", 36 + n), n)).collect();
    let held = json!({"slot": "dallas~2027-01-05~36", "services": ["passport"],
        "party": "000000000000000000000000000000ff"});
    town.post("/v1/holds", "h", &[PARTNER], &held).ok(201);
    let mut next = "/v1/bookings?office=boston&day=2027-01-05&limit=3".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = town.get(&next, &[DESK]);
        let bookings = page.ok(200)["bookings"].as_array().unwrap().clone();
        seen.extend(bookings.iter().map(|b| b["id"].as_str().unwrap().to_owned()));
        let Some(link) = page.header("link").strip_suffix(">; rel=\"next\"") else { break };
        link.strip_prefix('<').unwrap().clone_into(&mut next);
    }
    assert_eq!(seen, ids);
    let roster = town.get("/v1/days/dallas~2027-01-05/roster", &[DESK]).ok(200);
    assert_eq!(roster["bookings"][0]["state"], "held");
    let list = town.get("/v1/bookings?office=dallas&day=2027-01-05", &[DESK]).ok(200);
    assert_eq!(list["bookings"], json!([]));
    let further = town.get("/v1/days/boston~2027-01-05/roster?limit=3", &[DESK]);
    assert!(further.header("link").starts_with("</v1/days/boston~2027-01-05/roster?cursor="));

    town.get("/v1/bookings?office=boston&day=2027-01-05", &[PARTNER]).problem(403, "forbidden");
    town.get("/v1/bookings?office=boston&day=2027-01-05", &[]).problem(401, "unauthorized");
    town.get("/v1/bookings", &[DESK]).problem(422, "invalid");
    town.get("/v1/bookings?office=nowhere&day=2027-01-05", &[DESK]).problem(422, "invalid");
    town.get("/v1/bookings?office=boston&day=2027-01-05&cursor=x", &[DESK])
        .problem(400, "malformed");
    town.get("/v1/bookings?office=boston&day=2027-01-05&limit=0", &[DESK])
        .problem(400, "malformed");
    town.get("/v1/days/boston~2040-01-05/roster", &[DESK]).problem(404, "not-found");
    town.get("/v1/days/boston/roster", &[DESK]).problem(404, "not-found");
    town.get("/v1/days/boston~2027-01-05/roster", &[PARTNER]).problem(403, "forbidden");
}

#[test]
fn staff_finds_people_by_what_they_say() {
    let town = Town::new();
    let person =
        json!({"name": "Ana Ruiz", "telephone": "617 555 0134", "birth_date": "1990-01-31"});
    let body = json!({"slot": "boston~2027-01-05~36", "services": ["passport"], "person": person,
        "channel": "phone"});
    let booked = town.post("/v1/bookings", "a", &[DESK], &body).ok(201);
    let code = booked["code"].as_str().unwrap().replace(' ', "+");
    for said in ["Ana+Ruiz+1990-01-31", "(617)+555-0134", code.as_str()] {
        let found = town.get(&format!("/v1/bookings?q={said}"), &[DESK]).ok(200);
        assert_eq!(found["bookings"][0]["id"], booked["id"], "{said}");
        assert_eq!(found["bookings"][0]["person"]["name"], "Ana Ruiz");
        assert_eq!(found["bookings"][0]["channel"], "phone");
    }
    assert_eq!(town.get("/v1/bookings?q=nobody", &[DESK]).ok(200)["bookings"], json!([]));
}
