//! A citizen gets from "I need a passport" to a booked place, changes it and gives it back, with
//! a browser that knows no scripts; and whatever comes in between, there is a way on.
//!
//! What a browser with scripts sees and what it looks like: `tests/browser`.

#![cfg(feature = "web")]
#![allow(
    clippy::print_stdout,
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/citizen.rs"]
mod stage;

use axum::http::header;
use cupo::desk::Code;
use stage::{ANA, LUIS, Page, Person, Town};

#[test]
fn from_the_first_page_to_a_booked_place() {
    let town = Town::new();
    let mut ana = town.citizen();
    ana.see("/").has("href=\"/book/service\"");
    ana.see("/offices").has("<dt>Boston</dt>");
    ana.see("/book/service").has("Pasaporte");
    let to = ana.answer("/book/service", &[("service", "passport"), ("persons", "1")]);
    assert_eq!(to, "/book/office");
    ana.see("/book/office").has("4 de enero, 9:00");
    assert_eq!(ana.answer("/book/office", &[("any", "1")]), "/book/details");
    ana.see("/book/details").has("autocomplete=\"tel\"");
    assert_eq!(ana.details(ANA), "/book/when");
    let times = ana.see("/book/when");
    times.has("aria-label=\"Elegir 9:00, Lunes 4 de enero, Boston\"");
    let slot = times.slots()[0].clone();
    assert_eq!(ana.answer("/book/when", &[("slot", &slot)]), "/book/check");
    let check = ana.see("/book/check");
    for told in ["Ana Ruiz", "+12025550101", "31 de enero de 1990", "Pasaporte", "10 minutos"] {
        check.has(told);
    }
    assert_eq!(town.held_and_booked(), (1, 0));
    assert_eq!(ana.answer("/book/check", &[]), "/booked");
    let booked = ana.see("/booked");
    for told in
        ["Lunes 4 de enero de 2027, 9:00", "America/New_York", "Acta", "<svg", "55 Franklin"]
    {
        booked.has(told);
    }
    let entry = ana.see("/booked/appointment.ics");
    assert_eq!(entry.headers[header::CONTENT_TYPE], "text/calendar; charset=utf-8");
    entry.has("BEGIN:VCALENDAR");
    entry.lacks("Ana");
    assert_eq!(town.held_and_booked(), (0, 1));
    assert!(town.app.engine.audit().is_clean());
}

#[test]
fn nothing_personal_is_in_an_address() {
    let town = Town::new();
    let mut ana = town.citizen();
    let code = ana.book(ANA, None);
    ana.answer("/leave", &[]);
    ana.prove("12", ANA);
    ana.prove(&code, LUIS);
    ana.prove(&code, ANA);
    ana.see("/manage/appointment");
    let digits = code.replace(' ', "");
    for address in &ana.addresses {
        for secret in ["Ana", "Ruiz", "555", "0101", "1990", &digits] {
            assert!(!address.contains(secret), "{secret} in {address}");
        }
    }
}

#[test]
fn the_language_is_kept_and_keeps_the_step() {
    let town = Town::new();
    let mut ana = town.citizen();
    ana.goes_to_times(ANA, Some("dallas"));
    let page = ana.see("/book/when?day=2027-01-05");
    page.has("href=\"/book/when?day=2027-01-05&#38;lang=en\"");
    let page = ana.see("/book/when?day=2027-01-05&lang=en");
    page.has("<html lang=\"en\">");
    page.has("Tuesday 5 January 2027");
    ana.see("/book/details").has("Full name");
    assert_eq!(ana.answer("/book/when", &[("slot", &page.slots()[0])]), "/book/check");
    ana.see("/book/check").has("Check and confirm");
}

#[test]
fn a_form_that_is_sent_twice_acts_once() {
    let town = Town::new();
    let mut ana = town.citizen();
    let (slot, _) = ana.goes_to_check(ANA, None);
    assert_eq!(ana.answer("/book/when", &[("slot", &slot)]), "/book/check");
    assert_eq!(town.held_and_booked(), (1, 0));
    assert_eq!(ana.answer("/book/check", &[]), "/booked");
    assert_eq!(ana.answer("/book/check", &[]), "/booked");
    assert_eq!(town.held_and_booked(), (0, 1));
    // Going back leads on to what there is.
    assert_eq!(ana.led("/book/check"), "/booked");
}

#[test]
fn choosing_another_time_moves_the_hold() {
    let town = Town::new();
    let mut ana = town.citizen();
    ana.goes_to_check(ANA, Some("boston"));
    let times = ana.see("/book/when?day=2027-01-05");
    let other = times.slots().last().unwrap().clone();
    assert_eq!(ana.answer("/book/when", &[("slot", &other)]), "/book/check");
    ana.see("/book/check").has("Martes 5 de enero");
    assert_eq!(town.held_and_booked(), (1, 0));
}

#[test]
fn what_is_wrong_is_said_beside_the_field_and_what_was_typed_is_kept() {
    let town = Town::new();
    let mut ana = town.citizen();
    assert_eq!(ana.answer("/book/service", &[]), "/book/service?wrong=missing");
    ana.see("/book/service?wrong=missing").has("Elija por lo menos un");
    let five = [("service", "visa"); 5];
    assert_eq!(ana.answer("/book/service", &five), "/book/service?wrong=many");
    let three = [("service", "visa"), ("persons", "3")];
    assert_eq!(ana.answer("/book/service", &three), "/book/service?wrong=persons&most=2");
    ana.see("/book/service?wrong=persons&most=2").has("2 personas");
    assert_eq!(ana.answer("/book/service", &[("service", "x")]), "/book/service?wrong=unknown");
    ana.answer("/book/service", &[("service", "passport")]);
    assert_eq!(ana.answer("/book/office", &[]), "/book/office?wrong=missing");
    ana.see("/book/office?wrong=missing").has("id=\"offices-error\"");
    ana.answer("/book/office", &[("office", "boston")]);
    let typed =
        [("name", "<7>"), ("telephone", "12"), ("email", "x"), ("day", "31"), ("month", "2")];
    assert_eq!(ana.answer("/book/details", &typed), "/book/details?wrong=1");
    let page = ana.see("/book/details?wrong=1");
    for field in ["name", "telephone", "day", "email"] {
        page.has(&format!("<a href=\"#{field}\">"));
    }
    page.has("aria-describedby=\"telephone-hint telephone-error\" aria-invalid=\"true\"");
    page.has("value=\"&#60;7&#62;\"");
    page.has("tabindex=\"-1\" autofocus");
    // Nobody gets further without the details.
    assert_eq!(ana.led("/book/when"), "/book/details");
}

#[test]
fn a_place_that_was_just_taken_leads_to_the_three_nearest() {
    let town = Town::new();
    let (mut ana, mut luis) = (town.citizen(), town.citizen());
    let times = luis.goes_to_times(LUIS, Some("boston"));
    let (slot, _) = ana.goes_to_check(ANA, Some("boston"));
    assert_eq!(luis.answer("/book/when", &[("slot", &slot)]), "/book/taken");
    let page = luis.see("/book/taken");
    page.has("Alguien acaba de tomar ese lugar");
    page.has("autofocus");
    assert_eq!(page.slots(), [19, 20, 21].map(|index| format!("boston~2027-01-04~{index}")));
    assert_eq!(times.slots()[0], slot);
    assert_eq!(luis.answer("/book/when", &[("slot", &page.slots()[0])]), "/book/check");
    luis.see("/book/check").has("Luis Paz");
}

#[test]
fn a_day_that_is_closed_meanwhile_is_told_so() {
    let town = Town::new();
    let (mut ana, mut luis) = (town.citizen(), town.citizen());
    let slot = luis.goes_to_times(LUIS, Some("boston")).slots()[0].clone();
    ana.goes_to_check(ANA, Some("boston"));
    let engine = &town.app.engine;
    engine.close_day(engine.days()[0], "a storm").unwrap();
    assert_eq!(luis.answer("/book/when", &[("slot", &slot)]), "/book/taken");
    luis.see("/book/taken").has("Ese lugar ya no se ofrece");
    assert_eq!(ana.answer("/book/check", &[]), "/book/taken");
    let page = ana.see("/book/taken");
    assert_eq!(ana.answer("/book/when", &[("slot", &page.slots()[0])]), "/book/check");
}

#[test]
fn where_nothing_is_free_other_ways_are_shown() {
    let town = Town::new();
    let mut ana = town.citizen();
    let page = ana.goes_to_times(ANA, Some("laredo"));
    page.has("Por ahora no hay lugares libres");
    page.has("Lunes 7 de enero de 2030".to_lowercase().as_str());
    page.has("name=\"office\" value=\"boston\"");
    assert_eq!(ana.answer("/book/office", &[("office", "boston")]), "/book/when");
    assert!(!ana.see("/book/when").slots().is_empty());
}

#[test]
fn when_time_is_over_the_same_place_can_be_asked_for_again() {
    let town = Town::new();
    let mut ana = town.citizen();
    ana.goes_to_check(ANA, None);
    town.pass(601);
    assert_eq!(ana.answer("/book/check", &[]), "/book/expired");
    let page = ana.see("/book/expired");
    let slot = page.between("name=\"slot\" value=\"", "\"");
    assert_eq!(ana.answer("/book/when", &[("slot", &slot)]), "/book/check");
    // Looking, instead of confirming, is told the same.
    town.pass(601);
    assert_eq!(ana.led("/book/check"), "/book/expired");
    ana.see("/book/expired").has("Pedir la misma hora");
    assert_eq!(ana.answer("/book/when", &[("slot", &slot)]), "/book/check");
    assert_eq!(ana.answer("/book/check", &[]), "/booked");
}

#[test]
fn time_can_be_extended_within_limits() {
    let town = Town::new();
    let mut ana = town.citizen();
    ana.goes_to_check(ANA, None);
    town.pass(540);
    ana.see("/book/check").has("un minuto");
    assert_eq!(ana.answer("/book/extend", &[]), "/book/check");
    ana.see("/book/check").has("10 minutos");
    town.pass(540);
    assert_eq!(ana.answer("/book/extend", &[]), "/book/check?last=1");
    let page = ana.see("/book/check?last=1");
    page.lacks("action=\"/book/extend\"");
    assert_eq!(ana.answer("/book/check", &[]), "/booked");
}

#[test]
fn who_has_an_appointment_is_told_how_to_change_it_and_nothing_of_it() {
    let town = Town::new();
    let (mut ana, mut again) = (town.citizen(), town.citizen());
    ana.book(ANA, Some("boston"));
    let slot = again.goes_to_times(ANA, Some("dallas")).slots()[0].clone();
    assert_eq!(again.answer("/book/when", &[("slot", &slot)]), "/book/limit");
    let page = again.see("/book/limit");
    page.has("href=\"/manage\"");
    page.lacks("Boston");
    // A slip in the details is corrected there.
    assert_eq!(again.details(LUIS), "/book/when");
    assert_eq!(again.answer("/book/when", &[("slot", &slot)]), "/book/check");
}

#[test]
fn a_hold_whose_draft_was_lost_is_found_again() {
    let town = Town::new();
    let (mut ana, mut again) = (town.citizen(), town.citizen());
    ana.goes_to_check(ANA, Some("boston"));
    let slot = again.goes_to_times(ANA, Some("dallas")).slots()[0].clone();
    assert_eq!(again.answer("/book/when", &[("slot", &slot)]), "/book/limit");
    let page = again.see("/book/limit");
    page.has("action=\"/book/resume\"");
    page.lacks("Boston");
    assert_eq!(again.answer("/book/resume", &[]), "/book/check");
    again.see("/book/check").has("Office of Boston");
    assert_eq!(again.answer("/book/check", &[]), "/booked");
    assert_eq!(town.held_and_booked(), (0, 1));
    // Whoever has other details finds nothing of it.
    let mut luis = town.citizen();
    luis.goes_to_times(LUIS, None);
    assert_eq!(luis.answer("/book/resume", &[]), "/book/when");
}

#[test]
fn a_name_is_corrected_while_the_place_is_on_hold() {
    let town = Town::new();
    let mut ana = town.citizen();
    ana.goes_to_check(ANA, Some("boston"));
    let corrected = Person { name: "Ana Ruiz Vega", ..ANA };
    assert_eq!(ana.details(corrected), "/book/check");
    assert_eq!(town.held_and_booked(), (1, 0));
    // Another number is another party: the place changes hands.
    assert_eq!(ana.details(Person { telephone: "202 555 0199", ..corrected }), "/book/check");
    assert_eq!(town.held_and_booked(), (1, 0));
    assert_eq!(ana.answer("/book/check", &[]), "/booked");
    let page = ana.see("/booked");
    page.has("Ana Ruiz Vega");
    page.has("9:00");
}

#[test]
fn another_service_gives_the_place_back() {
    let town = Town::new();
    let mut ana = town.citizen();
    ana.goes_to_check(ANA, Some("boston"));
    let to = ana.answer("/book/service", &[("service", "visa"), ("persons", "1")]);
    assert_eq!((to.as_str(), town.held_and_booked()), ("/book/when", (0, 0)));
    let slot = ana.see("/book/when").slots()[0].clone();
    assert_eq!(ana.answer("/book/when", &[("slot", &slot)]), "/book/check");
}

#[test]
fn a_wrong_code_and_a_wrong_birth_date_get_the_same_answer_and_are_counted() {
    let town = Town::new();
    let mut ana = town.citizen();
    let code = ana.book(ANA, None);
    let mut thief = town.citizen();
    let other = Code::from_number(1).unwrap().to_string();
    // What cannot be a code or a date is no try.
    for who in [Person { year: "90", ..ANA }; 20] {
        assert_eq!(thief.prove(&code, who).to(), Some("/manage?wrong=1"));
    }
    thief.see("/manage?wrong=1").has("href=\"#day\"");
    let mut seen = Vec::new();
    for (code, who) in [(other.as_str(), ANA), (code.as_str(), LUIS)] {
        assert_eq!(thief.prove(code, who).to(), Some("/manage?wrong=1"));
        let page = thief.see("/manage?wrong=1").text;
        let values = [format!("value=\"{code}\""), format!("value=\"{}\"", who.year)];
        seen.push(values.iter().fold(page, |page, value| page.replace(value, "")));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(thief.led("/manage/appointment"), "/manage");
    let refused: Vec<Page> = (0..9).map(|_| thief.prove(&code, LUIS)).collect();
    let last = refused.last().unwrap();
    assert_eq!(last.status, 429);
    assert!(last.headers[header::RETRY_AFTER].to_str().unwrap().parse::<u64>().unwrap() > 0);
    last.has("Demasiados intentos");
    // Not even the right answer helps then.
    assert_eq!(thief.prove(&code, ANA).status, 429);
}

#[test]
fn a_booking_moves_and_keeps_its_place_until_it_has() {
    let town = Town::new();
    let mut ana = town.citizen();
    ana.goes_to_times(ANA, Some("boston"));
    let slot = ana.see("/book/when?day=2027-01-12").slots().last().unwrap().clone();
    ana.answer("/book/when", &[("slot", &slot)]);
    ana.answer("/book/check", &[]);
    let code = ana.see("/booked").between("id=\"code\">", "<");
    let mut later = town.citizen();
    assert_eq!(later.prove(&code, ANA).to(), Some("/manage/appointment"));
    later.see("/manage/appointment").has("Martes 12 de enero");
    assert_eq!(later.answer("/manage/move", &[]), "/book/when");
    let times = later.see("/book/when?day=2027-01-13");
    times.has("12 de enero");
    let other = times.slots().last().unwrap().clone();
    assert_eq!(later.answer("/book/when", &[("slot", &other)]), "/book/check");
    assert_eq!(town.held_and_booked(), (1, 1));
    later.see("/book/check").has("Confirmar el cambio");
    assert_eq!(later.answer("/book/check", &[]), "/booked");
    assert_eq!(later.answer("/book/check", &[]), "/booked");
    let page = later.see("/booked");
    page.has(&code);
    page.has("13 de enero");
    assert_eq!(town.held_and_booked(), (0, 1));
}

#[test]
fn a_booking_is_given_back_after_a_question() {
    let town = Town::new();
    let mut ana = town.citizen();
    ana.goes_to_times(ANA, Some("boston"));
    let slot = ana.see("/book/when?day=2027-01-12").slots().last().unwrap().clone();
    ana.answer("/book/when", &[("slot", &slot)]);
    ana.answer("/book/check", &[]);
    ana.see("/manage/cancel").has("cancelarla</button>");
    assert_eq!(town.held_and_booked(), (0, 1));
    for _ in 0..2 {
        assert_eq!(ana.answer("/manage/cancel", &[]), "/manage/appointment");
        ana.see("/manage/appointment").has("Cancelada");
        assert_eq!(town.held_and_booked(), (0, 0));
    }
    assert_eq!(ana.answer("/manage/move", &[]), "/manage/appointment?changed=1");
}

#[test]
fn after_the_cut_off_a_booking_is_changed_at_the_office_only() {
    let town = Town::new();
    let mut ana = town.citizen();
    ana.book(ANA, Some("boston"));
    let page = ana.see("/manage/appointment");
    page.lacks("/manage/cancel");
    assert_eq!(ana.answer("/manage/cancel", &[]), "/manage/appointment?late=1");
    ana.see("/manage/appointment?late=1").has("Ya es tarde");
    ana.answer("/manage/move", &[]);
    let slot = ana.see("/book/when").slots().last().unwrap().clone();
    ana.answer("/book/when", &[("slot", &slot)]);
    assert_eq!(ana.answer("/book/check", &[]), "/manage/appointment?late=1");
    assert_eq!(town.held_and_booked(), (0, 1));
}

#[test]
fn whom_a_closed_day_displaces_chooses_anew() {
    let town = Town::new();
    let mut ana = town.citizen();
    ana.book(ANA, Some("boston"));
    let engine = &town.app.engine;
    engine.close_day(engine.days()[0], "a storm").unwrap();
    ana.see("/manage/appointment").has("La oficina cerrar");
    assert_eq!(ana.answer("/manage/move", &[]), "/book/when");
    let slot = ana.see("/book/when").slots()[0].clone();
    ana.answer("/book/when", &[("slot", &slot)]);
    assert_eq!(ana.answer("/book/check", &[]), "/booked");
    ana.see("/booked").has("5 de enero");
}
