//! The operator's desk: from a call to a code with nothing but forms, and a way on from every
//! refusal. A look changes nothing, nothing personal is in an address or the audit, and nobody but
//! staff sees any of it.

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
use stage::{ANA, Citizen, LUIS, Page, Person, TOWN, Town};

const BOSTON: &str = "/desk?service=passport&office=boston";
const FORMS: [&str; 11] = [
    "/desk/find",
    "/desk/person",
    "/desk/resume",
    "/desk/close",
    "/desk/settings",
    "/desk/speak",
    "/desk/take",
    "/desk/confirm",
    "/desk/extend",
    "/desk/release",
    "/desk/move",
];
const PAGES: [&str; 9] = [
    "/desk",
    "/desk?service=visa&office=boston&office=dallas&persons=2&turn=1&from=2027-01-05&add=lar",
    "/desk?service=none&office=none&persons=900&from=x&add=none",
    "/desk/today",
    "/desk/today/boston/2027-01-04",
    "/desk/today/boston/2027-01-04?page=99&refused=wrong-state",
    "/desk/cancel/0000000000000000",
    "/desk/call/none",
    "/desk/callbacks",
];

fn operator<'a>(town: &'a Town, key: &str) -> Citizen<'a> {
    let mut operator = town.citizen();
    operator.jar.push(("lang".to_owned(), "en".to_owned()));
    let to = operator.answer("/staff/sign-in", &[("key", key)]);
    assert_eq!(to, if key == "demo-admin" { "/admin" } else { "/desk" });
    operator
}

/// The address of a form with Boston chosen.
fn at(path: &str) -> String {
    format!("{path}?service=passport&office=boston")
}

fn details(person: Person) -> Vec<(&'static str, &'static str)> {
    let Person { name, telephone, year } = person;
    vec![
        ("name", name),
        ("telephone", telephone),
        ("email", ""),
        ("day", "31"),
        ("month", "1"),
        ("year", year),
    ]
}

/// Sends a form and looks at the screen it leads to.
#[track_caller]
fn does(operator: &mut Citizen<'_>, path: &str, fields: &[(&str, &str)]) -> Page {
    let to = operator.answer(path, fields);
    assert!(to.starts_with("/desk"), "{to}");
    operator.see(&to)
}

#[track_caller]
fn takes(operator: &mut Citizen<'_>, slot: &str) -> Page {
    does(operator, &at("/desk/take"), &[("slot", slot)])
}

/// Takes the first place of Boston and confirms it.
#[track_caller]
fn books(operator: &mut Citizen<'_>, person: Person) -> (String, Page) {
    let slot = operator.see(BOSTON).slots()[0].clone();
    takes(operator, &slot).has("id=\"confirm\"");
    let page = does(operator, &at("/desk/confirm"), &details(person));
    (slot, page)
}

/// What the audit says was done, oldest first.
fn deeds(town: &Town) -> Vec<String> {
    let mut deeds = town.app.audit.list(None, 100).unwrap();
    deeds.reverse();
    for deed in &deeds {
        let text = format!("{deed:?}");
        for personal in ["Ana", "Ruiz", "0101", "1990", "Luis"] {
            assert!(!text.contains(personal), "{text}");
        }
    }
    deeds.into_iter().map(|deed| deed.what).collect()
}

#[track_caller]
fn nothing_personal(operator: &Citizen<'_>) {
    for address in &operator.addresses {
        for personal in ["Ana", "Ruiz", "0101", "555", "1990"] {
            assert!(!address.contains(personal), "{address}");
        }
    }
}

#[test]
fn from_a_call_to_a_code() {
    let town = Town::new();
    let mut desk = operator(&town, "demo-desk");
    let page = desk.see(BOSTON);
    page.has("Office of Boston".rsplit(' ').next().unwrap());
    let page = does(&mut desk, &at("/desk/find"), &[("q", "202 555 0101")]);
    page.has("Nobody was found");
    page.has("name=\"telephone\" value=\"202 555 0101\"");
    let slot = page.slots()[0].clone();
    let page = takes(&mut desk, &slot);
    page.has("This place is yours for 10 more minutes.");
    page.has(
        "I have a place for you on Monday 4 January 2027 at 9:00 am. Office: Office of Boston.",
    );
    page.has("name=\"name\" value=\"\" autocomplete=\"off\" spellcheck=\"false\" maxlength=\"120\" autofocus");
    assert_eq!(town.held_and_booked(), (1, 0));
    let page = does(&mut desk, &at("/desk/confirm"), &details(ANA));
    assert_eq!(town.held_and_booked(), (0, 1));
    let code = page.between("id=\"code\">", "<");
    let digits: Vec<String> = code.replace(' ', "").chars().map(String::from).collect();
    for group in digits.chunks(3) {
        page.has(&format!("<span>{}</span>", group.join(" ")));
    }
    page.has("Birth certificate");
    // The same person by any of the three, and as a citizen.
    for text in [&code, "202 555 0101", "ana ruiz 1990-01-31"] {
        let page = does(&mut desk, "/desk/find", &[("q", text)]);
        page.has("Ana Ruiz");
        page.has(&code);
    }
    assert_eq!(town.citizen().prove(&code, ANA).to(), Some("/manage/appointment"));
    let done = ["sign-in", "search", "hold", "hold", "confirm", "wrap-up", "search"];
    assert_eq!(deeds(&town), [&done[..], &["search"; 2]].concat());
    nothing_personal(&desk);
}

#[test]
fn confirming_or_taking_twice_is_once() {
    let town = Town::new();
    let mut desk = operator(&town, "demo-desk");
    let slot = desk.see(BOSTON).slots()[0].clone();
    takes(&mut desk, &slot);
    takes(&mut desk, &slot);
    assert_eq!(town.held_and_booked(), (1, 0));
    does(&mut desk, &at("/desk/confirm"), &details(ANA));
    does(&mut desk, &at("/desk/confirm"), &details(ANA));
    assert_eq!(town.held_and_booked(), (0, 1));
}

#[test]
fn a_lost_race_keeps_the_details_and_offers_the_next_best() {
    let town = Town::new();
    let mut desk = operator(&town, "demo-desk");
    let page = desk.see(BOSTON);
    let slots = page.slots();
    does(&mut desk, "/desk/find", &[("q", "202 555 0101")]);
    let (gone, _) = town.citizen().goes_to_check(LUIS, Some("boston"));
    assert_eq!(gone, slots[0]);
    let fields = [details(ANA), vec![("slot", gone.as_str())]].concat();
    let page = does(&mut desk, &at("/desk/take"), &fields);
    page.has("That place has just been taken.");
    page.has("value=\"Ana Ruiz\"");
    // The nearest comes first, under the first digit, with the focus.
    assert_eq!(page.slots()[0], slots[1]);
    page.has("data-digit=\"1\" autofocus");
    assert_eq!(page.text.matches("data-digit=\"1\"").count(), 1);
    takes(&mut desk, &slots[1]).has("value=\"Ana Ruiz\"");
    does(&mut desk, &at("/desk/confirm"), &details(ANA)).has("id=\"code\"");
}

#[test]
fn another_place_is_taken_before_the_first_is_given_back() {
    let town = Town::new();
    let mut desk = operator(&town, "demo-desk");
    let slots = desk.see(BOSTON).slots();
    takes(&mut desk, &slots[0]);
    takes(&mut desk, &slots[1]).has("9:30 am");
    assert_eq!(town.held_and_booked(), (1, 0));
    // Another wish is another hold.
    let visa = "/desk/take?service=visa&office=boston&persons=1";
    let slot = desk.see("/desk?service=visa&office=boston").slots()[0].clone();
    does(&mut desk, visa, &[("slot", &slot)]).has("Visa");
    assert_eq!(town.held_and_booked(), (1, 0));
    // One that cannot be had leaves what there is.
    let two = "/desk/take?service=visa&office=boston&persons=2";
    does(&mut desk, two, &[("slot", &slot)]).has("id=\"confirm\"");
    assert_eq!(town.held_and_booked(), (1, 0));
}

#[test]
fn details_that_will_not_do_are_named_one_by_one() {
    let town = Town::new();
    let mut desk = operator(&town, "demo-desk");
    let slot = desk.see(BOSTON).slots()[0].clone();
    takes(&mut desk, &slot);
    let typed = [("name", "7"), ("telephone", "12"), ("email", "x"), ("day", "40")];
    let page = does(&mut desk, &at("/desk/confirm"), &typed);
    for field in ["name", "telephone", "day", "email"] {
        page.has(&format!("<a href=\"#{field}\">"));
    }
    page.has("value=\"12\"");
    assert_eq!(town.held_and_booked(), (1, 0));
    does(&mut desk, &at("/desk/confirm"), &details(ANA)).has("id=\"code\"");
}

#[test]
fn time_runs_out_and_the_same_place_is_offered_again() {
    let town = Town::new();
    let mut desk = operator(&town, "demo-desk");
    let slot = desk.see(BOSTON).slots()[0].clone();
    takes(&mut desk, &slot);
    let page =
        does(&mut desk, &at("/desk/speak"), &[details(ANA), vec![("language", "es")]].concat());
    page.has("Tengo un lugar para usted el lunes 4 de enero de 2027 a las 9:00.");
    town.pass(601);
    for page in [desk.see(BOSTON), does(&mut desk, &at("/desk/confirm"), &details(ANA))] {
        page.has("The time to confirm has run out.");
        assert_eq!(page.slots()[0], slot);
    }
    takes(&mut desk, &slot).has("value=\"Ana Ruiz\"");
    does(&mut desk, &at("/desk/confirm"), &details(ANA)).has("id=\"code\"");
}

#[test]
fn more_time_up_to_the_limit_and_giving_back() {
    let town = Town::new();
    let mut desk = operator(&town, "demo-desk");
    let slot = desk.see(BOSTON).slots()[0].clone();
    takes(&mut desk, &slot);
    town.pass(60);
    let page = does(&mut desk, &at("/desk/extend"), &details(ANA));
    page.has("There is more time now.");
    page.has("value=\"Ana Ruiz\"");
    let mut times = 0;
    while !does(&mut desk, &at("/desk/extend"), &[]).text.contains("cannot be held any longer") {
        times += 1;
        assert!(times < 10, "no end to it");
        town.pass(300);
    }
    let page = does(&mut desk, &at("/desk/release"), &[]);
    page.has("The place was given back.");
    page.has("value=\"Ana Ruiz\"");
    assert_eq!(town.held_and_booked(), (0, 0));
    takes(&mut desk, &slot);
    does(&mut desk, &at("/desk/close"), &[]).lacks("Ana Ruiz");
    assert_eq!(town.held_and_booked(), (0, 0));
    let mut done = deeds(&town);
    done.dedup();
    assert_eq!(done, ["sign-in", "hold", "extend", "release", "hold", "wrap-up", "release"]);
}

#[test]
fn whoever_has_one_is_shown_it_with_what_can_be_done() {
    let town = Town::new();
    let mut desk = operator(&town, "demo-desk");
    books(&mut desk, ANA);
    does(&mut desk, &at("/desk/close"), &[]).lacks("Ana Ruiz");
    let (_, page) = books(&mut desk, ANA);
    page.has("This person already has an appointment or a place on hold.");
    page.has("Move: Ana Ruiz");
    assert_eq!(town.held_and_booked().1, 1);
}

#[test]
fn a_move_keeps_the_old_place_until_the_last_step() {
    let town = Town::new();
    let mut desk = operator(&town, "demo-desk");
    let slot = desk.see("/desk?service=passport&office=dallas&from=2027-01-08").slots()[0].clone();
    let dallas = "?service=passport&office=dallas";
    does(&mut desk, &format!("/desk/take{dallas}"), &[("slot", &slot)]);
    let page = does(&mut desk, &format!("/desk/confirm{dallas}"), &details(ANA));
    let (code, claim) =
        (page.between("id=\"code\">", "<"), page.between("name=\"claim\" value=\"", "\""));
    let page = does(&mut desk, &at("/desk/move"), &[("claim", &claim)]);
    page.has("Kept until you confirm the new place:");
    let to = page.slots()[0].clone();
    let page = takes(&mut desk, &to);
    page.has("Move to this place");
    assert_eq!(town.held_and_booked(), (1, 1));
    let page = does(&mut desk, &at("/desk/confirm"), &[]);
    assert_eq!(page.between("id=\"code\">", "<"), code);
    assert_eq!(town.held_and_booked(), (0, 1));
    let id = claim.parse().unwrap();
    let moved = pollster(town.app.engine.claim(id));
    assert_eq!((moved.id, moved.version), (id, 1));
    // Within a day of it staff may still move it; and leave it where it is.
    let page = does(&mut desk, &at("/desk/move"), &[("claim", &claim)]);
    let last = page.slots()[3].clone();
    does(&mut desk, &at("/desk/stay"), &[]).lacks("Kept until");
    does(&mut desk, &at("/desk/move"), &[("claim", &claim)]).has("Past the deadline");
    takes(&mut desk, &last);
    does(&mut desk, &at("/desk/confirm"), &[]).has(&code);
    assert_eq!(pollster(town.app.engine.claim(id)).version, 2);
    assert_eq!(town.held_and_booked(), (0, 1));
    assert_eq!(deeds(&town).iter().filter(|deed| *deed == "reschedule").count(), 2);
    nothing_personal(&desk);
}

fn pollster(commit: cupo::Commit<'_, cupo::Claim>) -> cupo::Claim {
    commit.wait().unwrap()
}

#[test]
fn cancelling_asks_first_and_only_for_what_was_found() {
    let town = Town::new();
    let mut desk = operator(&town, "demo-desk");
    let (_, page) = books(&mut desk, ANA);
    let claim = page.between("name=\"claim\" value=\"", "\"");
    let path = at(&format!("/desk/cancel/{claim}"));
    let page = desk.see(&path);
    page.has("Cancel this appointment?");
    page.has("Ana Ruiz");
    assert_eq!(town.held_and_booked(), (0, 1));
    // Another operator has not found it.
    let mut other = operator(&town, "demo-desk");
    assert_eq!(other.led(&path), BOSTON);
    does(&mut other, &path, &[]);
    does(&mut other, &at("/desk/move"), &[("claim", &claim)]).lacks("Kept until");
    assert_eq!(town.held_and_booked(), (0, 1));
    does(&mut desk, &path, &[]).has("The appointment was cancelled.");
    assert_eq!(town.held_and_booked(), (0, 0));
    does(&mut desk, &path, &[]);
    assert_eq!(deeds(&town).iter().filter(|deed| *deed == "cancel").count(), 1);
}

#[test]
fn a_hold_of_the_person_can_be_gone_on_with() {
    let town = Town::new();
    town.citizen().goes_to_check(ANA, Some("boston"));
    let mut desk = operator(&town, "demo-desk");
    let page = does(&mut desk, &at("/desk/find"), &[("q", ANA.telephone)]);
    page.has("Go on with this place");
    let claim = page.between("name=\"claim\" value=\"", "\"");
    does(&mut desk, &at("/desk/resume"), &[("claim", &claim)]).has("value=\"Ana Ruiz\"");
    does(&mut desk, &at("/desk/confirm"), &details(ANA)).has("id=\"code\"");
    assert_eq!(town.held_and_booked(), (0, 1));
}

#[test]
fn the_list_of_a_day_marks_who_came() {
    let town = Town::new();
    let mut desk = operator(&town, "demo-desk");
    let list = "/desk/today/boston/2027-01-04";
    let (_, page) = books(&mut desk, ANA);
    let ana = page.between("name=\"claim\" value=\"", "\"");
    does(&mut desk, &at("/desk/close"), &[]);
    let (_, page) = books(&mut desk, LUIS);
    let luis = page.between("name=\"claim\" value=\"", "\"");
    assert_eq!(desk.led("/desk/today/boston"), list);
    let page = desk.see(list);
    page.has("Ana Ruiz");
    page.has("Luis Paz");
    let mut mark = |list: &str, claim: &str, state: &str| {
        desk.answer(list, &[("claim", claim), ("state", state)])
    };
    // Not before its time, not twice the wrong way, not in another office.
    assert_eq!(mark(list, &luis, "no_show"), format!("{list}?refused=outside-window"));
    assert_eq!(mark(list, &ana, "served"), format!("{list}?refused=wrong-state"));
    let dallas = "/desk/today/dallas/2027-01-04";
    assert_eq!(mark(dallas, &ana, "arrived"), format!("{dallas}?refused=not-found"));
    assert_eq!(mark(list, "zzz", "arrived"), format!("{list}?refused=not-found"));
    assert_eq!(mark(list, &ana, "gone"), format!("{list}?refused=invalid"));
    assert_eq!(mark(list, &ana, "arrived"), format!("{list}?#c-{ana}"));
    assert_eq!(mark(list, &ana, "served"), format!("{list}?#c-{ana}"));
    town.pass(4 * 3_600);
    assert_eq!(mark(list, &luis, "no_show"), format!("{list}?#c-{luis}"));
    let page = desk.see(list);
    page.has("<b>1</b>served");
    page.has("<b>1</b>did not come");
    let done = deeds(&town);
    assert_eq!(done[done.len() - 3..], ["arrived", "served", "no-show"]);
    for none in ["/desk/today/nowhere", "/desk/today/boston/then"] {
        assert_eq!(desk.send(Method::GET, none, "").status, 404, "{none}");
    }
}

#[test]
fn only_staff_come_in() {
    let town = Town::new();
    let mut partner = town.citizen();
    assert_eq!(partner.post("/staff/sign-in", &[("key", "demo-partner")]).status, 403);
    let all = PAGES.into_iter().chain(FORMS).chain(["/desk/stay"]);
    for path in all.clone() {
        for method in [Method::GET, Method::POST] {
            let page = town.citizen().send(method, path, "");
            let to = page.to().unwrap_or_default();
            // The screen's own address is where a look at a form's leads.
            let away = to.starts_with("/staff/sign-in?next=/desk") || to == "/desk";
            assert!(away || page.status == 405, "{path}: {to}");
        }
    }
    for key in ["demo-desk", "demo-admin"] {
        let mut staff = operator(&town, key);
        for path in PAGES.into_iter().take(6) {
            let page = staff.see(path);
            assert_eq!(page.text.contains("href=\"/admin\""), key == "demo-admin", "{path}");
            assert_eq!(page.headers[header::CACHE_CONTROL], "no-store");
            for inline in [" style=", "<style", "<script>", " onclick="] {
                page.lacks(inline);
            }
        }
    }
}

#[test]
fn a_look_changes_nothing() {
    let town = Town::new();
    let mut desk = operator(&town, "demo-desk");
    let slot = desk.see(BOSTON).slots()[0].clone();
    takes(&mut desk, &slot);
    let (jar, before) = (desk.jar.clone(), town.app.engine.stats().last);
    let noted = deeds(&town).len();
    for path in PAGES.into_iter().chain(FORMS).chain(["/desk/stay"]) {
        for method in [Method::GET, Method::HEAD] {
            let page = desk.send(method, path, "");
            assert!(!page.headers.contains_key(header::SET_COOKIE), "{path}");
            assert!(page.status.is_success() || page.status.is_redirection(), "{path}");
        }
    }
    assert_eq!((&desk.jar, town.app.engine.stats().last), (&jar, before));
    assert_eq!(deeds(&town).len(), noted);
    // Nonsense in forms is told, not failed on.
    for path in FORMS {
        for fields in [&[][..], &[("slot", "x"), ("claim", "y"), ("q", "\u{0}"), ("name", "z")]] {
            assert_eq!(desk.post(path, fields).status, 303, "{path}");
        }
    }
}

#[test]
fn fifty_seven_offices_make_a_small_page() {
    let town = Town::of(include_str!("../examples/miconsulado.toml"));
    let mut desk = operator(&town, "demo-desk");
    let bytes = ["/desk", "/desk/today"].map(|path| desk.see(path).text.len());
    println!("bytes: {bytes:?}");
}

#[test]
fn what_is_set_is_remembered_and_what_was_said_is_the_operators_own() {
    let town = Town::new();
    let mut desk = operator(&town, "demo-desk");
    desk.see("/desk").has("data-keys=\"on\"");
    does(&mut desk, "/desk/settings", &[("keys", "off")]).has("data-keys=\"off\"");
    let page = does(&mut desk, "/desk/settings", &[("channel", "desk")]);
    page.has("value=\"desk\" aria-pressed=\"true\"");
    page.has("data-keys=\"off\"");
    let (_, page) = books(&mut desk, ANA);
    let id = page.between("name=\"claim\" value=\"", "\"").parse().unwrap();
    assert_eq!(pollster(town.app.engine.claim(id)).channel, cupo::Channel::DESK);
    // Somebody else signs in, in the same browser.
    desk.jar.retain(|(name, _)| name != "staff");
    desk.answer("/staff/sign-in", &[("key", "demo-admin")]);
    let page = desk.see("/desk");
    page.lacks("Ana Ruiz");
    page.has("data-keys=\"off\"");
}

#[test]
fn a_busy_engine_is_told_and_the_details_are_kept() {
    let town = Town::on(Engine::builder().memory_max(1), TOWN);
    town.app.engine.tick();
    let mut desk = operator(&town, "demo-desk");
    let slot = desk.see(BOSTON).slots()[0].clone();
    let fields = [details(ANA), vec![("slot", slot.as_str())]].concat();
    let page = does(&mut desk, &at("/desk/take"), &fields);
    page.has("role=\"alert\"");
    page.has("value=\"Ana Ruiz\"");
    // The place is there to be taken again.
    assert_eq!(page.slots()[0], slot);
}

#[test]
fn an_engine_whose_disk_fails_is_told_plainly() {
    let disk = SimFileSystem::new();
    let options = DirectoryOptions { background: false, ..DirectoryOptions::default() };
    let store = DirectoryStore::open(disk.clone(), "log", options).unwrap();
    let town = Town::on(Engine::builder().store(store), TOWN);
    let mut desk = operator(&town, "demo-desk");
    let slot = desk.see(BOSTON).slots()[0].clone();
    disk.fail_call(disk.calls() + 1, Fault::Eio);
    for _ in 0..2 {
        let page = takes(&mut desk, &slot);
        page.has("role=\"alert\"");
        page.has("autofocus data-focus");
    }
}
