//! A slow desk never leaves silence, and never leaves a place held that nobody hears of.
//!
//! The time is the test's own. What breaks such services: a caller who waits without a sound, a
//! hold that is granted after its caller was sent to an operator, a last key that is carried out
//! and then taken back.

#![cfg(feature = "phone")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cupo::desk::Language;
use cupo::phone::{
    Answer, Answering, Appointment, Call, Clip, Desk, Event, Listing, Measures, Phrase, Request,
    State, Step, Then, Zips,
};
use cupo::{Catalog, ClaimId, ManualClock};

const CATALOG: &str = r#"
offices = [{ key = "austin", zone = "America/Chicago" }]
services = [{ key = "passport" }]
[[calendars]]
key = "austin"
office = "austin"
services = ["passport"]
capacity = 1
hours = { mon = ["09:00-14:00"] }
"#;

/// Answers after a while, and remembers what was asked.
#[derive(Clone)]
struct Slow {
    takes: Duration,
    asked: Arc<Mutex<Vec<Request>>>,
}

impl Slow {
    fn new(takes: Duration) -> Self {
        Self { takes, asked: Arc::default() }
    }

    fn released(&self) -> Vec<u64> {
        let asked = self.asked.lock().unwrap();
        let released = asked.iter().filter_map(|request| match request {
            Request::Release(claim) => Some(claim.to_u64()),
            _ => None,
        });
        released.collect()
    }
}

fn place() -> Appointment {
    let local: chrono::NaiveDateTime = "2026-12-07T09:30:00".parse().unwrap();
    Appointment {
        claim: ClaimId::from_u64(9),
        at: local.and_utc(),
        local,
        office: "austin".to_owned(),
        services: vec!["passport".to_owned()],
        persons: 1,
        code: None,
    }
}

impl Desk for Slow {
    fn ask(&self, request: Request) -> Answering {
        self.asked.lock().unwrap().push(request.clone());
        // Only what is waited for is slow.
        let slow =
            !matches!(request, Request::HandOff(_) | Request::Release(_) | Request::Renew(_));
        let takes = if slow { self.takes } else { Duration::ZERO };
        Box::pin(async move {
            tokio::time::sleep(takes).await;
            match request {
                Request::Offer(_) => Answer::Held(place()),
                Request::HandOff(_) => Answer::Token("t".to_owned()),
                _ => Answer::Done(Some(place())),
            }
        })
    }
}

fn call(desk: &Slow) -> (Call, Arc<Measures>) {
    let catalog = Catalog::from_toml(CATALOG).unwrap();
    let listing = Arc::new(Listing::new(&catalog, Arc::new(Zips::built_in())));
    let measures = Arc::new(Measures::default());
    let clock = Arc::new(ManualClock::at("2026-12-01T08:00:00Z".parse().unwrap()));
    let desk = Arc::new(desk.clone());
    (Call::new(listing, Language::Es, desk, clock, Arc::clone(&measures)), measures)
}

/// All keys up to the one that asks for a place.
async fn up_to_the_wish(call: &mut Call) -> Step {
    call.start(None).await;
    let mut step = None;
    for keys in ["1", "5125550100", "1", "31011990", "1", "78701", "1", "1", "1"] {
        step = Some(call.step(Event::Keys(keys.to_owned())).await);
    }
    step.unwrap()
}

fn says(step: &Step, phrase: Phrase) -> bool {
    step.say.contains(&Clip::Phrase(phrase))
}

#[tokio::test(start_paused = true)]
async fn a_desk_that_is_a_little_slow_is_waited_for() {
    let desk = Slow::new(Duration::from_secs(2));
    let (mut call, _) = call(&desk);
    let step = up_to_the_wish(&mut call).await;
    assert!(says(&step, Phrase::Moment) && step.then == Then::Wait, "{step:?}");
    let step = call.step(Event::Waited).await;
    assert!(says(&step, Phrase::FirstPlace), "{step:?}");
}

#[tokio::test(start_paused = true)]
async fn a_desk_that_is_too_slow_is_an_operator_and_the_late_place_goes_back() {
    let desk = Slow::new(Duration::from_secs(20));
    let (mut call, measures) = call(&desk);
    let begun = tokio::time::Instant::now();
    let mut step = up_to_the_wish(&mut call).await;
    let mut moments = 0;
    while step.then == Then::Wait {
        assert!(says(&step, Phrase::Moment));
        moments += 1;
        step = call.step(Event::Waited).await;
    }
    let waited = begun.elapsed();
    assert_eq!((moments, &step.then), (2, &Then::Operator(Some("t".to_owned()))));
    assert!(waited < Duration::from_secs(8), "{waited:?}");
    assert!(says(&step, Phrase::Trouble) && desk.released().is_empty());
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(desk.released(), [9]);
    assert_eq!(measures.read().slow, 1);
    println!("an operator after {} ms of waiting", waited.as_millis());
}

#[tokio::test(start_paused = true)]
async fn a_hang_up_while_the_desk_is_at_work_gives_the_place_back() {
    for takes in [100, 400, 900, 30_000] {
        let desk = Slow::new(Duration::from_millis(takes));
        let (mut call, _) = call(&desk);
        let wish = up_to_the_wish(&mut call);
        // Cut off in the middle of thinking, as a transport does when the caller hangs up.
        let _ = tokio::time::timeout(Duration::from_millis(50), wish).await;
        call.end();
        call.end();
        drop(call);
        tokio::time::sleep(Duration::from_millis(takes + 600)).await;
        assert_eq!(desk.released(), [9], "{takes} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_last_key_before_the_hang_up_is_carried_out_first() {
    let desk = Slow::new(Duration::from_millis(100));
    let (mut call, measures) = call(&desk);
    let step = up_to_the_wish(&mut call).await;
    assert!(says(&step, Phrase::FirstPlace));
    call.step(Event::Keys("1".to_owned())).await;
    let last = call.step(Event::Keys("1".to_owned()));
    let _ = tokio::time::timeout(Duration::from_millis(10), last).await;
    call.end();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let asked = desk.asked.lock().unwrap().clone();
    let at = |wanted: &Request| asked.iter().position(|request| request == wanted).unwrap();
    let claim = ClaimId::from_u64(9);
    assert!(at(&Request::Confirm(claim)) < at(&Request::Release(claim)));
    let left: Vec<_> =
        measures.read().left_at.into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(left, [(State::Confirm.name(), 1)]);
}
