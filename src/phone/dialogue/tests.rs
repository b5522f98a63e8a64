//! Is every state left again, and is no hold ever forgotten? All that can happen, breadth first.
//!
//! Each shape of the conversation is tried with every kind of event, and each request with every
//! answer. Beside it stands the truth: what the desk holds for the call.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic and print"
)]

use std::collections::{HashMap, HashSet, VecDeque};

use super::*;
use crate::desk::{Code, Language};
use crate::phone::listing::Zips;
use crate::phone::words::{Words, tenths};
use crate::{Catalog, ClaimId};
use chrono::NaiveDateTime;

const CATALOG: &str = r#"
offices = [
    { key = "austin", zone = "America/Chicago", country = "US" },
    { key = "toronto", zone = "America/Toronto", country = "CA" },
]
services = [{ key = "passport", persons_max = 2 }, { key = "visa" }]
[[calendars]]
key = "austin"
office = "austin"
services = ["passport", "visa"]
capacity = 1
hours = { mon = ["09:00-14:00"] }
[[calendars]]
key = "toronto"
office = "toronto"
services = ["passport"]
capacity = 1
hours = { mon = ["09:00-14:00"] }
"#;

fn now() -> DateTime<Utc> {
    "2026-11-26T15:00:00Z".parse().unwrap()
}

fn listing() -> Arc<Listing> {
    Arc::new(Listing::new(&Catalog::from_toml(CATALOG).unwrap(), Arc::new(Zips::built_in())))
}

fn appointment(claim: u64, services: &[&str]) -> Appointment {
    let local: NaiveDateTime = "2026-12-07T09:30:00".parse().unwrap();
    Appointment {
        claim: ClaimId::from_u64(claim),
        at: local.and_utc(),
        local,
        office: "austin".to_owned(),
        services: services.iter().map(|key| (*key).to_owned()).collect(),
        persons: 1,
        code: Code::from_number(12_345_678),
    }
}

/// The conversation, and what the desk holds for it.
#[derive(Clone)]
struct World {
    dialogue: Dialogue,
    held: Option<ClaimId>,
}

impl World {
    /// What tells two of them apart: all that the next questions and answers can depend on, but
    /// not which number, date or place it is.
    fn shape(&self) -> Shape {
        let memo = &self.dialogue.memo;
        let at =
            |states: &[State], value: usize| if states.contains(&memo.state) { value } else { 0 };
        let is = [
            memo.from.is_some(),
            memo.telephone.is_some(),
            memo.birth.is_some(),
            memo.code.is_some(),
            memo.booking.is_some(),
            memo.office.is_some(),
            memo.back.is_some(),
            memo.held.is_some(),
            self.held.is_some(),
        ];
        let asked = memo.asked.as_ref().map(std::mem::discriminant);
        let why = memo.asked.as_ref().and(memo.why);
        let why = why.map(|why| (why == Why::Asked, why == Why::Strikes));
        let lists = [State::Offices, State::Document, State::Another];
        let counts = [
            usize::from(memo.strikes),
            usize::from(memo.tries),
            usize::from(memo.lost),
            at(&[State::Nearest, State::Full], memo.rank),
            at(&lists, memo.page),
            at(&lists, memo.services.len()),
            at(&[State::Pick], memo.found.len() + memo.at),
        ];
        (memo.state, asked, memo.task, why, is, counts)
    }

    /// What can happen here.
    fn events(&self) -> Vec<Event> {
        let memo = &self.dialogue.memo;
        if let Some(asked) = &memo.asked {
            return answers(asked).into_iter().map(Event::Answer).chain([Event::Late]).collect();
        }
        let keys: Vec<&str> = match memo.state {
            State::Phone | State::CallBack => vec!["5125550100", "512"],
            State::Birth => vec!["31011990", "01311990", "31021990", "01012090", "3101"],
            State::Zip => vec!["78701", "0", "00000", "787"],
            State::Day => vec!["0712", "1207", "3002", "07"],
            State::FindCode => {
                vec![
                    Box::leak(Code::from_number(7).unwrap().digits().into_boxed_str()),
                    "123456789",
                ]
            }
            _ => vec!["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
        };
        let typed = keys.into_iter().chain(["", "*"]).map(|keys| Event::Keys(keys.to_owned()));
        typed.chain([Event::Silence, Event::Waited, Event::Late]).collect()
    }

    /// The world after an event; also checks what is said.
    fn after(&self, event: &Event) -> (Self, Turn) {
        let mut next = self.clone();
        let asked = self.dialogue.memo.asked.clone();
        if let (Some(asked), Event::Answer(answer)) = (&asked, event) {
            next.truth(asked, answer);
        }
        let turn = next.dialogue.step(event.clone(), now());
        (next, turn)
    }

    /// What the desk has done when it answers so.
    fn truth(&mut self, asked: &Request, answer: &Answer) {
        match (asked, answer) {
            (Request::Offer(_), Answer::Held(held)) => self.held = Some(held.claim),
            (Request::Offer(_) | Request::Confirm(_) | Request::Move { .. }, Answer::Lost)
            | (Request::Confirm(_) | Request::Move { .. }, Answer::Done(_))
            | (Request::HandOff(_), Answer::Token(_)) => self.held = None,
            _ => {}
        }
    }
}

type Shape = (
    State,
    Option<std::mem::Discriminant<Request>>,
    Option<Task>,
    Option<(bool, bool)>,
    [bool; 9],
    [usize; 7],
);

/// What the desk may answer.
fn answers(asked: &Request) -> Vec<Answer> {
    let both = [appointment(7, &["passport"]), appointment(8, &["visa"])];
    match asked {
        Request::Find(..) | Request::FindByTelephone(..) => vec![
            Answer::Found(both[..1].to_vec()),
            Answer::Found(both.to_vec()),
            Answer::NotFound,
            Answer::Throttled,
            Answer::Down,
        ],
        Request::Offer(_) => vec![
            Answer::Held(appointment(9, &["passport"])),
            Answer::NoPlace,
            Answer::Had,
            Answer::Lost,
            Answer::TooLate,
            Answer::Throttled,
            Answer::Down,
        ],
        Request::Confirm(_) | Request::Move { .. } | Request::Cancel(_) => vec![
            Answer::Done(Some(appointment(9, &["passport"]))),
            Answer::Done(None),
            Answer::Lost,
            Answer::Had,
            Answer::TooLate,
            Answer::Down,
        ],
        Request::HandOff(_) => {
            vec![Answer::Token("t".into()), Answer::Closed, Answer::Down]
        }
        Request::CallBack { .. } | Request::Release(_) | Request::Renew(_) | Request::Speak(_) => {
            vec![Answer::Done(None), Answer::Throttled, Answer::Down]
        }
    }
}

fn beginnings() -> Vec<World> {
    let numbers = [None, Telephone::parse("5125550100").ok()];
    let begin = |from: Option<Telephone>| {
        let mut dialogue = Dialogue::new(listing(), Language::Es);
        dialogue.step(Event::Start(from), now());
        World { dialogue, held: None }
    };
    numbers.into_iter().map(begin).collect()
}

/// What must be true whatever was said; how long it is said, in tenths of a second.
fn check(world: &World, turn: &Turn) -> usize {
    let memo = &world.dialogue.memo;
    let own = memo.held.as_ref().map(|held| held.claim);
    let Turn::Say(step) = turn else { return 0 };
    let at = memo.state;
    if matches!(step.then, Then::Ask(_)) {
        assert_eq!(own, world.held, "{at:?} forgets a hold");
        let may = [State::Offer, State::Day, State::Confirm, State::Closed];
        let may = may.iter().chain(&[State::CallBack, State::CallBackRight]);
        assert!(own.is_none() || may.into_iter().any(|state| *state == at), "{at:?} holds");
        assert!(step.say.len() > step.keep, "{at:?}: nothing that a key may cut");
    }
    if step.keep > 0 {
        assert_eq!(at, State::Code);
    }
    let again = |pair: &[Clip]| pair[0] == pair[1] && matches!(pair[0], Clip::Phrase(_));
    assert!(!step.say.windows(2).any(again), "{at:?}: {:?}", step.say);
    let words = Words::of(step.language);
    let length = |clips: &[Clip]| clips.iter().map(|clip| tenths(words.text(clip)).max(4)).sum();
    let (kept, all): (usize, usize) = (length(&step.say[..step.keep]), length(&step.say));
    assert!(kept <= 80, "{at:?} takes no key for {kept} tenths of a second");
    assert!(all <= 300 || at == State::Code, "{at:?} is said for {all} tenths of a second");
    all
}

#[test]
fn every_state_with_every_event() {
    let mut seen = HashMap::new();
    let mut ways: Vec<Vec<usize>> = Vec::new();
    let mut over = Vec::new();
    let mut states = HashSet::new();
    let mut queue = VecDeque::new();
    for world in beginnings() {
        seen.insert(world.shape(), ways.len());
        ways.push(Vec::new());
        over.push(false);
        queue.push_back(world);
    }
    let (mut events, mut longest) = (0_usize, (0, ""));
    while let Some(world) = queue.pop_front() {
        let from = seen[&world.shape()];
        for event in world.events() {
            events += 1;
            let (next, turn) = world.after(&event);
            longest = longest.max((check(&next, &turn), next.dialogue.state().name()));
            states.insert(next.dialogue.state());
            if next.dialogue.state() == State::Over {
                over[from] = true;
                continue;
            }
            let to = *seen.entry(next.shape()).or_insert_with(|| {
                ways.push(Vec::new());
                over.push(false);
                queue.push_back(next);
                ways.len() - 1
            });
            ways[to].push(from);
        }
    }
    println!("{} shapes of a conversation, {events} events", seen.len());
    println!("said longest, if no key is pressed: {} tenths of a second, {}", longest.0, longest.1);
    for state in State::ALL {
        assert!(states.contains(&state), "{state:?} was never reached");
    }
    // Back from the end: whoever is not met has no way out.
    let mut out: Vec<usize> = (0..over.len()).filter(|at| over[*at]).collect();
    let mut free = over;
    while let Some(at) = out.pop() {
        for from in &ways[at] {
            if !std::mem::replace(&mut free[*from], true) {
                out.push(*from);
            }
        }
    }
    assert!(free.iter().all(|free| *free), "a state without a way out");
}

#[test]
fn whoever_stops_answering_is_not_kept_for_ever() {
    // From anywhere: silence only, and an operator who is not there.
    let mut seen = HashSet::new();
    let mut queue: VecDeque<World> = beginnings().into();
    let mut longest = 0;
    while let Some(world) = queue.pop_front() {
        if !seen.insert(world.shape()) {
            continue;
        }
        for closed in [false, true] {
            let (mut silent, mut steps) = (world.clone(), 0);
            while silent.dialogue.state() != State::Over {
                let event = match &silent.dialogue.memo.asked {
                    Some(Request::HandOff(_)) if closed => Event::Answer(Answer::Closed),
                    Some(_) => Event::Late,
                    None => Event::Silence,
                };
                silent = silent.after(&event).0;
                steps += 1;
                assert!(steps < 20, "silence goes on in {:?}", silent.dialogue);
            }
            longest = longest.max(steps);
        }
        let nexts = world.events().into_iter().map(|event| world.after(&event).0);
        queue.extend(nexts.filter(|next| next.dialogue.state() != State::Over));
    }
    println!("{} shapes, over after {longest} silences at most", seen.len());
}

/// Plays keys; the desk answers the first of the answers it has.
fn play(keys: &[&str]) -> (Dialogue, Vec<Request>, Step) {
    let mut world = beginnings().remove(0);
    let mut requests = Vec::new();
    let mut last = None;
    for key in keys {
        let (mut next, mut turn) = world.after(&Event::Keys((*key).to_owned()));
        while let Turn::Ask(request) = turn {
            let answer = answers(&request).remove(0);
            requests.push(request);
            (next, turn) = next.after(&Event::Answer(answer));
        }
        let Turn::Say(step) = turn else { unreachable!() };
        last = Some(step);
        world = next;
    }
    (world.dialogue, requests, last.unwrap())
}

#[test]
fn a_booking_from_the_first_key_to_the_code() {
    let (dialogue, requests, step) = play(&[
        "1",
        "5125550100",
        "1",
        "31011990",
        "1",
        "78701",
        "1",
        "1",
        "2",
        "2",
        "1",
        "1",
        "1",
    ]);
    assert_eq!((dialogue.state(), dialogue.outcome()), (State::Code, Outcome::Booked));
    let [Request::Offer(wish), Request::Confirm(claim)] = &requests[..] else {
        panic!("{requests:?}")
    };
    assert_eq!((wish.office.as_str(), wish.persons, claim.to_u64()), ("austin", 2, 9));
    assert_eq!(wish.services, ["passport"]);
    // The first reading is heard to its end: lead, nine digits and their pauses.
    assert_eq!(step.keep, 2 + 9 + 2);
    let spoken: Vec<_> = step.say.iter().filter(|clip| matches!(clip, Clip::Digit(_))).collect();
    assert_eq!(spoken.len(), 18);
}

#[test]
fn a_change_keeps_the_old_place_until_the_last_key() {
    let code = Code::from_number(7).unwrap().digits();
    let (_, requests, _) = play(&["2", "1", &code, "31011990", "1", "1", "2", "1"]);
    let [Request::Find(..), Request::Offer(first), Request::Offer(second)] = &requests[..] else {
        panic!("{requests:?}")
    };
    assert_eq!(first.replaces.map(ClaimId::to_u64), Some(7));
    assert_eq!((first.held, second.held.map(ClaimId::to_u64)), (None, Some(9)));
    let (dialogue, requests, _) = play(&["2", "1", &code, "31011990", "1", "1", "1", "1"]);
    assert_eq!(dialogue.outcome(), Outcome::Changed);
    let moved =
        Request::Move { booking: ClaimId::from_u64(7), hold: ClaimId::from_u64(9), number: 2 };
    assert_eq!(requests.last(), Some(&moved));
}

#[test]
fn a_wrong_code_is_never_looked_up() {
    let (dialogue, requests, _) = play(&["3", "1", "123456789"]);
    assert_eq!((dialogue.state(), requests.len()), (State::FindCode, 0));
}

#[test]
fn the_language_changes_how_a_date_is_typed_and_spoken() {
    let (dialogue, _, step) = play(&["9", "1", "5125550100", "1", "01311990"]);
    assert_eq!((dialogue.state(), step.language), (State::BirthRight, Language::En));
    let [Clip::Pause, _, Clip::Month(1), Clip::Day(31), ..] = &step.say[..] else {
        panic!("{:?}", step.say)
    };
    let (dialogue, _, _) = play(&["1", "5125550100", "1", "01311990"]);
    assert_eq!(dialogue.state(), State::Birth);
}
