//! A caller with nothing but keys gets a place, and never leaves one held.
//!
//! A real engine, a real socket, and a PBX that behaves as Asterisk was seen to: `-1` for a missing
//! sound as for a hang-up, `HANGUP` before or after an answer, `511` from a dead channel, answers
//! of many lines, keys in the middle of a sound. What breaks such services: a key that falls
//! between two commands, a hang-up that is taken for silence, a hold that outlives its call.

#![cfg(feature = "phone")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/pbx.rs"]
mod pbx;
#[path = "stage/town.rs"]
mod town;

use std::time::Duration;

use cupo::desk::{HandOff, IdentityLevel, Language, Telephone};
use cupo::phone::Phone;
use cupo::{Channel, ClaimState};
use pbx::{Desk, HangUp, Pbx};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Menu, telephone, right, birth, right, no ZIP code, the first office, the first document, no
/// other, one person: the offer.
const TO_OFFER: &str = "1512555010013101199010#1121";
/// Take it, confirm it.
const TAKE: &str = "11";
/// Ready, go on, done.
const END: &str = "122";

fn booking() -> String {
    format!("{TO_OFFER}{TAKE}{END}")
}

#[tokio::test]
async fn a_booking_over_a_socket() {
    let desk = Desk::open().await;
    let told = Pbx::new("1.1", &booking()).call(desk.address).await;
    assert_eq!((desk.booked(), desk.held(), told.left), (1, 0, 0), "{told:?}");
    assert!(told.has("ANSWER") && told.has("HANGUP"));
    let telephone = Telephone::parse("5125550100").unwrap();
    let found = desk
        .exchange
        .reception
        .find_by_telephone(&telephone, "1990-01-31".parse().unwrap())
        .await
        .unwrap();
    let [found] = &found[..] else { panic!("{found:?}") };
    assert_eq!((found.claim.state, found.claim.channel), (ClaimState::Booked, Channel::PHONE));
    // The code is read twice, after the number and the year of birth.
    let code = found.kept.code.digits();
    assert!(told.digits().ends_with(&format!("{code}{code}")), "{}", told.digits());
    assert_eq!(told.variable("CUPO_NEXT"), Some("done"));
    let measured = desk.exchange.measures.read();
    assert_eq!((measured.calls, measured.contained_per_mille()), (1, Some(1_000)));
}

#[tokio::test]
async fn the_first_reading_of_the_code_takes_no_key() {
    let desk = Desk::open().await;
    let told = Pbx::new("1.1", &booking()).call(desk.address).await;
    let line = |sound: &str, keys: &str| format!("STREAM FILE \"cupo/es/{sound}\" \"{keys}\"");
    assert!(told.has(&line("code-is", "")));
    assert!(told.has(&line("again", "0123456789*#")));
    assert!(told.lines.iter().all(|line| !line.starts_with("GET DATA")));
}

#[tokio::test]
async fn keys_in_the_middle_of_sounds_count() {
    let desk = Desk::open().await;
    let pbx = Pbx { impatient: true, ..Pbx::new("1.1", &booking()) };
    let told = pbx.call(desk.address).await;
    assert_eq!((desk.booked(), told.left), (1, 0), "{told:?}");
}

#[tokio::test]
async fn missing_sounds_are_no_hang_up() {
    let desk = Desk::open().await;
    let told = Pbx { mute: true, ..Pbx::new("1.1", &booking()) }.call(desk.address).await;
    assert_eq!((desk.booked(), told.heard.len()), (1, 0));
    assert!(told.has("CHANNEL STATUS"));
}

#[tokio::test]
async fn a_hang_up_anywhere_leaves_nothing_held() {
    let mut most = Duration::ZERO;
    let all = booking();
    for hang_up in [HangUp::Told, HangUp::Early, HangUp::Cut] {
        let desk = Desk::open().await;
        for at in 0..all.len() {
            let keys = format!("{}!", &all[..at]);
            let pbx = Pbx { hang_up, ..Pbx::new(&format!("{at}.1"), &keys) };
            pbx.call(desk.address).await;
            most = most.max(desk.until_nothing_is_held().await);
            let decided = at >= TO_OFFER.len() + TAKE.len();
            assert_eq!(desk.booked(), u64::from(decided), "{hang_up:?} after {at} keys");
            if decided {
                break;
            }
        }
    }
    println!("nothing held {} ms after a hang-up at most", most.as_millis());
    assert!(most < Duration::from_secs(1));
}

#[tokio::test]
async fn an_operator_gets_the_held_place_and_all_that_was_said() {
    let desk = Desk::open().await;
    let told = Pbx::new("1.1", &format!("{TO_OFFER}0")).call(desk.address).await;
    assert_eq!(told.variable("CUPO_NEXT"), Some("operator"));
    assert!(!told.has("HANGUP"), "the dialplan goes on");
    let token = told.variable("__CUPO_CONTEXT").unwrap();
    assert!(token.len() == 22 && token.chars().all(|c| c.is_ascii_alphanumeric()));
    let hand_off = desk.exchange.hand_offs.get(token).unwrap();
    assert_eq!((hand_off.language, hand_off.task), (Language::Es, Some("book")));
    assert_eq!((hand_off.stage, hand_off.why), ("offer", "asked"));
    assert_eq!(hand_off.level, IdentityLevel::Said);
    let claim = desk.engine().claim(hand_off.held.unwrap()).await.unwrap();
    assert_eq!((claim.state, claim.actor), (ClaimState::Held, HandOff::QUEUE));
    let party = claim.party;
    // The caller gives up in the queue.
    let variables = vec![("CUPO_CONTEXT".to_owned(), token.to_owned())];
    Pbx { script: "ended".to_owned(), variables, ..Pbx::new("1.1", "") }.call(desk.address).await;
    desk.until_nothing_is_held().await;
    assert_eq!(desk.engine().claim(claim.id).await.unwrap().party, party);
}

#[tokio::test]
async fn a_place_that_an_operator_has_taken_over_is_not_given_back() {
    let desk = Desk::open().await;
    let told = Pbx::new("1.1", &format!("{TO_OFFER}0")).call(desk.address).await;
    let token = told.variable("__CUPO_CONTEXT").unwrap().to_owned();
    let held = desk.exchange.hand_offs.get(&token).unwrap().held.unwrap();
    desk.engine().assign(held, cupo::ActorId(7)).await.unwrap();
    let variables = vec![("CUPO_CONTEXT".to_owned(), token)];
    Pbx { script: "ended".to_owned(), variables, ..Pbx::new("1.1", "") }.call(desk.address).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(desk.held(), 1);
}

#[tokio::test]
async fn three_silences_are_an_operator_and_at_night_a_goodbye() {
    let desk = Desk::open().await;
    let told = Pbx::new("1.1", "...").call(desk.address).await;
    assert_eq!(told.variable("CUPO_NEXT"), Some("operator"));
    assert!(told.heard.contains(&"take-time".to_owned()));
    // The second time they have longer.
    let waits: Vec<_> = told.lines.iter().filter(|line| line.starts_with("WAIT")).collect();
    let times = ["WAIT FOR DIGIT 5000", "WAIT FOR DIGIT 5000", "WAIT FOR DIGIT 10000"];
    assert_eq!(waits, times);
    desk.clock.set("2026-12-01T22:00:00Z".parse().unwrap());
    let told = Pbx::new("1.2", "...").call(desk.address).await;
    assert_eq!(told.variable("CUPO_NEXT"), Some("done"));
    assert!(told.heard.contains(&"closed".to_owned()) && told.has("HANGUP"));
}

#[tokio::test]
async fn at_night_a_number_is_noted_and_the_call_goes_on() {
    let desk = Desk::open().await;
    desk.clock.set("2026-12-01T22:00:00Z".parse().unwrap());
    let pbx = Pbx { from: "5125550100".to_owned(), ..Pbx::new("1.1", "0110...") };
    let told = pbx.call(desk.address).await;
    let waiting = desk.exchange.call_backs.waiting(desk.engine().now()).unwrap();
    assert_eq!(waiting.calls.len(), 1);
    assert_eq!(waiting.calls[0].telephone.tail(), "0100");
    assert!(told.heard.contains(&"call-back-noted".to_owned()));
    // Back at the menu, where an operator had been asked for.
    let menus = told.heard.iter().filter(|sound| *sound == "menu").count();
    assert_eq!(menus, 2, "{told:?}");
}

#[tokio::test]
async fn a_booking_is_found_changed_and_cancelled() {
    let desk = Desk::open().await;
    Pbx::new("1.1", &booking()).call(desk.address).await;
    let telephone = Telephone::parse("5125550100").unwrap();
    let birth = "1990-01-31".parse().unwrap();
    let found = || async {
        let mut found = desk.exchange.reception.find_by_telephone(&telephone, birth).await.unwrap();
        found.remove(0)
    };
    let before = found().await;
    let code = before.kept.code.digits();
    // By code: another place than the first offered, then hung up before the last key.
    let keys = format!("21{code}31011990112!");
    Pbx::new("1.2", &keys).call(desk.address).await;
    desk.until_nothing_is_held().await;
    assert_eq!(found().await.claim.slot, before.claim.slot);
    // By telephone, to the last key.
    let told = Pbx::new("1.3", "22512555010013101199011211!").call(desk.address).await;
    let after = found().await;
    assert_eq!((after.claim.id, after.claim.version), (before.claim.id, 1), "{told:?}");
    assert!(after.claim.slot > before.claim.slot);
    assert!(told.heard.contains(&"moved".to_owned()));
    assert_eq!(desk.held(), 0);
    // Cancelled only when said for good.
    Pbx::new("1.4", &format!("31{code}3101199012!")).call(desk.address).await;
    assert_eq!(found().await.claim.state, ClaimState::Booked);
    let told = Pbx::new("1.5", &format!("31{code}3101199011!")).call(desk.address).await;
    assert!(told.heard.contains(&"cancelled".to_owned()), "{told:?}");
    assert_eq!(desk.booked(), 0);
}

#[tokio::test]
async fn guesses_at_codes_are_throttled_by_code_and_by_number() {
    let desk = Desk::open().await;
    Pbx::new("1.1", &booking()).call(desk.address).await;
    let telephone = Telephone::parse("5125550100").unwrap();
    let found =
        desk.exchange.reception.find_by_telephone(&telephone, "1990-01-31".parse().unwrap());
    let code = found.await.unwrap()[0].kept.code.digits();
    let mut throttled = 0;
    for call in 0..4 {
        // Three wrong birth dates, each from another number.
        let wrong = format!("1{code}010119801");
        let pbx = Pbx {
            from: format!("512555020{call}"),
            ..Pbx::new(&format!("2.{call}"), &format!("2{wrong}{wrong}{wrong}"))
        };
        let told = pbx.call(desk.address).await;
        throttled += usize::from(told.heard.contains(&"throttled".to_owned()));
        assert_eq!(told.variable("CUPO_NEXT"), Some("operator"));
    }
    assert!(throttled >= 2, "{throttled} of 4 calls were stopped");
}

#[tokio::test]
async fn tries_for_a_place_are_throttled_by_the_number_that_calls_and_by_the_one_given() {
    let desk = Desk::open().await;
    // Looks for a place and hangs up, again and again, every time for another number.
    let mut refused = Vec::new();
    for call in 0..14 {
        let given = format!("12512555{call:04}13101199010#1121!");
        let from = "5125550299".to_owned();
        let pbx = Pbx { from, ..Pbx::new(&format!("1.{call}"), &given) };
        let told = pbx.call(desk.address).await;
        desk.until_nothing_is_held().await;
        refused.push(told.heard.contains(&"throttled".to_owned()));
    }
    assert_eq!(refused.iter().position(|refused| *refused), Some(10), "{refused:?}");
    assert!(refused[10..].iter().all(|refused| *refused), "{refused:?}");
    // The same number given by callers without one of their own.
    let mut heard = 0;
    for call in 0..14 {
        let told = Pbx::new(&format!("2.{call}"), &format!("{TO_OFFER}!")).call(desk.address).await;
        desk.until_nothing_is_held().await;
        heard += usize::from(told.heard.contains(&"throttled".to_owned()));
    }
    assert_eq!(heard, 4);
    // A minute later there is one more.
    desk.clock.advance(Duration::from_mins(1));
    let told = Pbx::new("3.1", &format!("{TO_OFFER}!")).call(desk.address).await;
    assert!(told.heard.contains(&"first-place".to_owned()), "{told:?}");
}

#[tokio::test]
async fn the_language_that_a_number_chose_is_spoken_in_its_next_call() {
    let desk = Desk::open().await;
    let call = async |name: &str, from: &str, keys: &str| {
        let pbx = Pbx { from: from.to_owned(), ..Pbx::new(name, keys) };
        let told = pbx.call(desk.address).await;
        // What is remembered is written beside the call.
        tokio::time::sleep(Duration::from_millis(50)).await;
        told.lines.iter().filter(|line| line.contains("/en/")).count()
    };
    assert_eq!(call("1.1", "5125550100", "!").await, 0);
    assert!(call("1.2", "5125550100", "9!").await > 0);
    let all = call("1.3", "5125550100", "!").await;
    assert!(all > 0);
    assert_eq!(call("1.4", "5125550101", "!").await, 0, "another number");
    assert_eq!(call("1.5", "5125550100", "9!").await, all, "and back");
    assert_eq!(call("1.6", "5125550100", "!").await, 0);
}

#[tokio::test]
async fn what_a_pbx_tells_of_its_queue_is_counted() {
    let desk = Desk::open().await;
    for (wait, answered) in
        [("12", "1"), ("20", "1"), ("21", "1"), ("40", "0"), ("3", "0"), ("-1", "1"), ("x", "1")]
    {
        let script = format!("queued?wait={wait}&answered={answered}");
        Pbx { script, ..Pbx::new("1.1", "") }.call(desk.address).await;
    }
    let measured = desk.exchange.measures.read();
    assert_eq!(measured.queued, [2, 1, 1, 1]);
    assert_eq!((measured.service_per_mille(), measured.wait_mean_ms()), (Some(500), Some(19_200)));
}

#[tokio::test]
async fn the_same_person_is_told_that_they_have_one_already() {
    let desk = Desk::open().await;
    let mut heard = Vec::new();
    for call in 0..3 {
        let pbx = Pbx::new(&format!("1.{call}"), &format!("{}.", booking()));
        heard = pbx.call(desk.address).await.heard;
    }
    // The town allows two.
    assert_eq!(desk.booked(), 2);
    assert!(heard.contains(&"had-choice".to_owned()), "{heard:?}");
}

#[tokio::test]
async fn a_family_and_several_documents_are_one_hold() {
    let desk = Desk::open().await;
    // Passport and paper for two people.
    let keys = "1512555010013101199010#11122211!";
    let told = Pbx::new("1.1", keys).call(desk.address).await;
    let telephone = Telephone::parse("5125550100").unwrap();
    let found =
        desk.exchange.reception.find_by_telephone(&telephone, "1990-01-31".parse().unwrap());
    let found = found.await.unwrap_or_else(|error| panic!("{error}: {told:?}"));
    let claim = &found[0].claim;
    assert_eq!((claim.persons, claim.services.as_slice().len(), claim.run), (2, 2, 2));
}

/// Sends bytes as a PBX would not, and returns what came back until the end.
async fn send(desk: &Desk, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(desk.address).await.unwrap();
    let mut got = Vec::new();
    let _ = stream.write_all(bytes).await;
    let read = stream.read_to_end(&mut got);
    tokio::time::timeout(Duration::from_secs(8), read).await.expect("it is ended").ok();
    got
}

#[tokio::test]
async fn a_peer_that_does_not_speak_as_it_should_is_cut_off() {
    let desk = Desk::open().await;
    let long_line = vec![b'a'; 100_000];
    let many_lines = b"agi_x: y\n".repeat(1_000);
    let no_name = b"agi_network_script: cita\n\n".to_vec();
    let odd_name = b"agi_uniqueid: a b\"\nagi_network_script: cita\n\n".to_vec();
    let odd_answer = [Pbx::new("1.1", "").prelude().as_bytes(), &b"hello\n"[..]].concat();
    let half = [Pbx::new("1.2", "").prelude().as_bytes(), &b"200 result"[..]].concat();
    for bytes in [long_line, many_lines, no_name, odd_name, odd_answer, half] {
        let got = send(&desk, &bytes).await;
        assert!(got.len() < 64, "{}", String::from_utf8_lossy(&got));
    }
    assert_eq!((desk.held(), desk.exchange.measures.read().live), (0, 0));
    // And it still answers calls.
    assert!(Pbx::new("1.3", "...").call(desk.address).await.has("ANSWER"));
}

#[tokio::test]
async fn answers_of_many_lines_and_unknown_commands_end_nothing() {
    let desk = Desk::open().await;
    let mut stream = TcpStream::connect(desk.address).await.unwrap();
    stream.write_all(Pbx::new("1.1", "").prelude().as_bytes()).await.unwrap();
    let mut got = vec![0; 512];
    let mut heard = String::new();
    for answer in [
        "520-Invalid command syntax.  Proper usage follows:\nUsage: ANSWER\n520 End of proper usage.\n",
        "510 Invalid or unknown command\n",
        "200 result= (timeout)\n",
        "200 result=1\n",
    ] {
        let count = stream.read(&mut got).await.unwrap();
        heard.push_str(&String::from_utf8_lossy(&got[..count]));
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
    assert!(heard.matches("STREAM FILE").count() == 3, "{heard}");
}

#[tokio::test]
async fn calls_beyond_the_limit_are_turned_away_at_once() {
    let desk = Desk::with(Phone { calls_max: 1, ..Phone::default() }).await;
    let mut first = TcpStream::connect(desk.address).await.unwrap();
    first.write_all(Pbx::new("1.1", "").prelude().as_bytes()).await.unwrap();
    first.read_u8().await.unwrap();
    let told = Pbx::new("1.2", "...").call(desk.address).await;
    assert_eq!(told.lines.len(), 0);
    desk.stop.cancel();
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(2), first.read_to_end(&mut rest)).await;
}

#[tokio::test]
async fn many_callers_for_few_places_get_different_ones() {
    let desk = Desk::open().await;
    let mut calls = Vec::new();
    for n in 0..40 {
        let keys = format!("151255502{n:02}131011990{}", "10#1121112!");
        let address = desk.address;
        calls.push(tokio::spawn(
            async move { Pbx::new(&format!("9.{n}"), &keys).call(address).await },
        ));
    }
    for call in calls {
        call.await.unwrap();
    }
    desk.until_nothing_is_held().await;
    assert_eq!(desk.booked(), 40);
    assert!(desk.engine().audit().is_clean());
}
