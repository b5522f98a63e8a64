//! A booking has its person, and nobody else ever sees who it is.
//!
//! The engine knows parties by 128 opaque bits; who they are lies in a file beside it. Between the
//! two stand promises of their own: no booking without a person, whatever is killed when; nothing
//! personal on disk in the clear; whoever has a place is never forgotten, whoever has none is; a
//! wrong code and a wrong birth date get one answer. What breaks such services: a booking written
//! before its name, a sweep that meets a slow booking, a list of names beside the sealed ones.

#![cfg(feature = "desk")]
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/evidence.rs"]
mod evidence;

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::{Context, Waker};
use std::time::Duration;

use chrono::{NaiveDate, TimeDelta};
use cupo::desk::{
    Code, DeskError, Language, MasterKey, People, Person, PersonKey, Reception, Secrets, Store,
    Telephone,
};
use cupo::{
    Ask, Catalog, ClaimId, ClaimState, Engine, ManualClock, Openings, PartyId, Rejection,
    RequestId, SlotId,
};
use evidence::{Evidence, first_seed, share};

const CATALOG: &str = r#"
[[offices]]
key = "madrid"
zone = "Europe/Madrid"
[[services]]
key = "passport"
[[calendars]]
key = "madrid"
office = "madrid"
services = ["passport"]
capacity = 20
hours = { mon = ["09:00-14:00"], wed = ["09:00-14:00"], fri = ["09:00-14:00"] }
"#;
const HOUR: Duration = Duration::from_hours(1);
const NOBODY: PersonKey = PersonKey { party: PartyId(0), request: RequestId(0) };

fn secrets() -> Secrets {
    Secrets::new(&MasterKey::new([7; 32]))
}

fn birth() -> NaiveDate {
    NaiveDate::from_ymd_opt(1990, 1, 31).unwrap()
}

/// The n-th person, with a number of their own.
fn person(n: u32) -> Person {
    let today = NaiveDate::from_ymd_opt(2026, 11, 20).unwrap();
    let telephone = format!("{}", 2_020_000_000 + u64::from(n));
    let email = format!("zacarias.{n}@example.org");
    Person::new("Zacarias Ximenez", &telephone, &email, birth(), Language::Es, today).unwrap()
}

struct Office {
    clock: ManualClock,
    store: Arc<Store>,
    reception: Reception,
}

impl Office {
    fn new() -> Self {
        let clock = ManualClock::at("2026-11-20T08:00:00Z".parse().unwrap());
        let engine = Engine::builder().clock(clock.clone()).open().unwrap();
        engine.install(&Catalog::from_toml(CATALOG).unwrap()).unwrap();
        let store = Arc::new(Store::in_memory().unwrap());
        let reception = Reception::new(Arc::new(engine), Arc::clone(&store), secrets());
        Self { clock, store, reception }
    }

    fn slots(&self, count: usize) -> Vec<SlotId> {
        let passport = self.reception.engine.service("passport").unwrap();
        let openings = self.reception.engine.openings(&Openings::new(passport).limit(count));
        openings.iter().map(|opening| opening.slot).collect()
    }

    fn ask(&self, n: u32, slot: SlotId) -> Ask {
        ask(&self.reception, n, slot)
    }

    fn book(&self, n: u32, slot: SlotId) -> (ClaimId, Code) {
        let ask = self.ask(n, slot);
        let held = block_on(self.reception.book(&ask, &person(n))).unwrap();
        (held.receipt.id(), held.code)
    }

    fn sweep(&self, grace: Duration) -> usize {
        block_on(self.reception.sweep(grace)).unwrap()
    }

    /// Begins a hold, and stands still when the person is kept and the engine not yet asked.
    fn begin(&self, n: u32, hold: Pin<&mut impl Future>) {
        let mut context = Context::from_waker(Waker::noop());
        let (go, wait) = channel::<()>();
        let mut busy = Box::pin(self.store.write(move |_| {
            let _ = wait.recv();
            Ok(())
        }));
        assert!(busy.as_mut().poll(&mut context).is_pending());
        assert!(hold.poll(&mut context).is_pending());
        drop(go);
        while !self.knows(n) {
            std::thread::yield_now();
        }
    }

    fn knows(&self, n: u32) -> bool {
        let party = self.reception.party(&person(n));
        let key = PersonKey { party, request: RequestId(u128::from(n)) };
        self.reception.people.get(key).unwrap().is_some()
    }
}

fn ask(reception: &Reception, n: u32, slot: SlotId) -> Ask {
    let passport = reception.engine.service("passport").unwrap();
    Ask::new(reception.party(&person(n)), RequestId(u128::from(n)), passport, slot)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(future)
}

#[test]
fn a_booking_is_found_by_its_code_and_birth_date_wherever_it_moves() {
    let office = Office::new();
    let slots = office.slots(2);
    let (claim, code) = office.book(1, slots[0]);
    let find = || block_on(office.reception.find(code, birth())).unwrap();
    assert_eq!((find().claim.id, find().kept.person), (claim, person(1)));
    office.reception.engine.reschedule(claim, slots[1], RequestId(99)).wait().unwrap();
    assert_eq!((find().claim.id, find().claim.slot), (claim, slots[1]));
    assert_eq!(office.reception.person_of(&find().claim).unwrap().unwrap().code, code);
}

#[test]
fn a_wrong_code_and_a_wrong_birth_date_get_the_same_answer() {
    let office = Office::new();
    let (_, code) = office.book(1, office.slots(1)[0]);
    let free = Code::from_number((code.number() + 1) % Code::COUNT).unwrap();
    let other = birth().succ_opt().unwrap();
    let answers = [(free, birth()), (code, other), (free, other)].map(|(code, birth)| {
        let answer = block_on(office.reception.find(code, birth)).unwrap_err();
        assert!(matches!(answer, DeskError::NotFound));
        answer.to_string()
    });
    assert_eq!(HashSet::from(answers).len(), 1);
    let telephone = person(1).telephone;
    let answer = block_on(office.reception.find_by_telephone(&telephone, other)).unwrap_err();
    assert!(matches!(answer, DeskError::NotFound));
}

#[test]
fn by_telephone_come_the_claims_that_are_still_to_come_soonest_first() {
    let office = Office::new();
    let slots = office.slots(3);
    let mut ids = Vec::new();
    for (request, slot) in [(1, slots[2]), (2, slots[0]), (3, slots[1])] {
        let passport = office.reception.engine.service("passport").unwrap();
        let party = office.reception.party(&person(1));
        let ask = Ask::new(party, RequestId(request), passport, slot);
        ids.push(block_on(office.reception.book(&ask, &person(1))).unwrap().receipt.id());
    }
    office.reception.engine.cancel(ids[2]).wait().unwrap();
    let telephone = Telephone::parse("+1 (202) 000-0001").unwrap();
    let found = block_on(office.reception.find_by_telephone(&telephone, birth())).unwrap();
    assert_eq!(found.iter().map(|found| found.claim.id).collect::<Vec<_>>(), [ids[1], ids[0]]);
}

#[test]
fn staff_search_by_code_number_or_name_and_birth_date() {
    let office = Office::new();
    let slot = office.slots(1)[0];
    let (claim, code) = office.book(1, slot);
    office.book(2, slot);
    let found = |text: &str| -> Vec<ClaimId> {
        let found = block_on(office.reception.search(text)).unwrap();
        found.iter().map(|found| found.claim.id).collect()
    };
    assert_eq!(found(&code.to_string()), [claim]);
    assert_eq!(found(" 202-000-0001 "), [claim]);
    assert_eq!(found("xim\u{e9}nez  ZACARIAS 1990-01-31").len(), 2);
    for nothing in ["", "202-000-0009", "Ximenez", "Ximenez 1990-01-31", "1990-01-31", "\u{0}"] {
        assert!(found(nothing).is_empty(), "{nothing:?}");
    }
}

#[test]
fn a_repeated_request_answers_with_the_first_claim_and_code() {
    let office = Office::new();
    let ask = office.ask(1, office.slots(1)[0]);
    let first = block_on(office.reception.hold(&ask, &person(1))).unwrap();
    let again = block_on(office.reception.hold(&ask, &person(1))).unwrap();
    assert_eq!((first.receipt.id(), first.code), (again.receipt.id(), again.code));
    assert!(again.receipt.replayed && !first.receipt.replayed);
}

#[test]
fn whoever_has_a_place_is_never_swept_and_whoever_has_none_is() {
    let office = Office::new();
    let engine = &office.reception.engine;
    let slots = office.slots(60);
    let (near, far) = (slots[30], slots[59]);
    assert_ne!(near.day, far.day);
    let hold = |n| {
        let ask = office.ask(n, near).ttl(Duration::from_mins(30));
        block_on(office.reception.hold(&ask, &person(n))).unwrap().receipt.id()
    };
    let (_held, released) = (hold(1), hold(2));
    engine.release(released).wait().unwrap();
    let ids = [3, 4, 5].map(|n| office.book(n, [near, near, far][n as usize - 3]).0);
    engine.close_day(far.day, "strike").unwrap();
    // Came, was refused, and tried nothing else.
    let refused = office.ask(6, far);
    assert!(block_on(office.reception.hold(&refused, &person(6))).is_err());

    office.clock.advance(Duration::from_mins(10));
    assert_eq!((office.sweep(Duration::from_secs(601)), office.knows(6)), (0, true));
    assert_eq!((office.sweep(Duration::from_secs(599)), office.knows(6)), (1, false));
    // Ended claims are remembered for a while, and their people as long.
    assert!((1..=5).all(|n| office.knows(n)));
    for hours in [1, 50] {
        office.clock.advance(hours * HOUR);
        engine.tick();
    }
    engine.check_in(ids[1]).wait().unwrap();
    let states = ids.map(|id| engine.claim(id).wait().unwrap().state);
    assert_eq!(states, [ClaimState::Booked, ClaimState::CheckedIn, ClaimState::Displaced]);
    assert_eq!(office.sweep(HOUR), 2);
    assert!([3, 4, 5].iter().all(|n| office.knows(*n)) && !office.knows(1) && !office.knows(2));
}

#[test]
fn a_sweep_never_takes_whoever_is_just_asking() {
    let office = Office::new();
    let ask = office.ask(1, office.slots(60)[59]);
    let person = person(1);
    let mut hold = Box::pin(office.reception.hold(&ask, &person));
    office.begin(1, hold.as_mut());
    // However long that lasts.
    office.clock.advance(24 * HOUR);
    assert_eq!(office.sweep(Duration::ZERO), 0);
    let held = block_on(hold).unwrap();
    assert_eq!(held.receipt.claim.state, ClaimState::Held);
    assert!(block_on(office.reception.find(held.code, birth())).is_ok());
}

#[test]
fn whoever_gave_up_asking_is_swept() {
    let office = Office::new();
    let (ask, person) = (office.ask(1, office.slots(1)[0]), person(1));
    let mut hold = Box::pin(office.reception.hold(&ask, &person));
    office.begin(1, hold.as_mut());
    drop(hold);
    office.clock.advance(HOUR);
    assert_eq!((office.sweep(HOUR / 2), office.knows(1)), (1, false));
}

#[test]
fn an_old_request_tried_again_after_the_sweep_has_its_person() {
    let office = Office::new();
    let slots = &office.slots(60)[58..];
    for n in 100..120 {
        office.book(n, slots[0]);
    }
    let full = block_on(office.reception.hold(&office.ask(1, slots[0]), &person(1)));
    let Err(DeskError::Engine(full)) = full else { panic!("{full:?}") };
    assert_eq!(full.rejection(), Some(Rejection::SlotFull { slot: slots[0] }));
    office.clock.advance(HOUR);
    assert_eq!(office.sweep(HOUR / 2), 1);
    let held = block_on(office.reception.hold(&office.ask(1, slots[1]), &person(1))).unwrap();
    assert_eq!(office.sweep(Duration::ZERO), 0);
    let found = block_on(office.reception.find(held.code, birth())).unwrap();
    assert_eq!(found.claim.id, held.receipt.id());
}

#[test]
fn a_sweep_among_callers_takes_nobody_with_a_place() {
    let office = Office::new();
    let slots = office.slots(60);
    let threads = share(4, 16);
    std::thread::scope(|scope| {
        let reception = &office.reception;
        for thread in 0..u32::try_from(threads).unwrap() {
            let slots = &slots;
            scope.spawn(move || {
                for n in (0..100).map(|n| thread * 1_000 + n) {
                    let ask = ask(reception, n, slots[n as usize % slots.len()]);
                    if let Ok(held) = block_on(reception.hold(&ask, &person(n))) {
                        reception.engine.confirm(held.receipt.id()).wait().unwrap();
                        assert!(block_on(reception.find(held.code, birth())).is_ok());
                    }
                }
            });
        }
        scope.spawn(move || {
            for _ in 0..200 {
                block_on(reception.sweep(Duration::ZERO)).unwrap();
            }
        });
    });
    has_its_person(&office.reception);
}

#[test]
fn codes_are_unique_over_a_hundred_thousand() {
    let store = Arc::new(Store::in_memory().unwrap());
    let people = People::new(store, secrets());
    let person = Arc::new(person(1));
    let count: u64 = 100_000;
    let mut codes = HashSet::new();
    block_on(async {
        for first in (0..count).step_by(1_000) {
            let mut tasks = tokio::task::JoinSet::new();
            for n in first..first + 1_000 {
                let (people, person) = (people.clone(), Arc::clone(&person));
                let key = PersonKey { party: PartyId(n.into()), request: RequestId(1) };
                tasks.spawn(
                    async move { people.put(key, &person, chrono::DateTime::UNIX_EPOCH).await },
                );
            }
            codes.extend(tasks.join_all().await.into_iter().map(Result::unwrap));
        }
    });
    assert_eq!(codes.len() as u64, count);
    let mean = codes.iter().map(|code| u64::from(code.number())).sum::<u64>() / count;
    assert!((48_000_000..52_000_000).contains(&mean), "{mean}");
}

/// Every claim of the engine that is on a roster has its person; tells how many there are.
fn has_its_person(reception: &Reception) -> usize {
    let mut seen = 0;
    for day in reception.engine.days() {
        for claim in reception.engine.roster(day, None, usize::MAX).wait().unwrap() {
            let kept = reception.person_of(&claim).unwrap();
            assert_eq!(kept.map(|kept| kept.person.birth), Some(birth()), "{claim:?}");
            seen += 1;
        }
    }
    seen
}

fn files(room: &Path) -> Vec<PathBuf> {
    let mut left = vec![room.to_path_buf()];
    let mut found = Vec::new();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            found.push(path);
        }
    }
    found
}

fn on_disk(room: &Path) -> Reception {
    let builder = Engine::builder().directory(room.join("engine"));
    let engine = builder.segment_bytes(1 << 20).snapshot_every(1 << 20).open().unwrap();
    if engine.catalog().is_none() {
        engine.install(&Catalog::from_toml(CATALOG).unwrap()).unwrap();
    }
    let store = Store::open(&room.join("desk.redb"), &secrets()).unwrap();
    Reception::new(Arc::new(engine), Arc::new(store), secrets())
}

#[test]
fn nothing_personal_is_on_disk_in_the_clear() {
    let room = tempfile::tempdir().unwrap();
    let reception = on_disk(room.path());
    let passport = reception.engine.service("passport").unwrap();
    let openings = reception.engine.openings(&Openings::new(passport).limit(100));
    for n in 0..200 {
        let ask = ask(&reception, n, openings[n as usize % 100].slot);
        let held = block_on(reception.hold(&ask, &person(n))).unwrap();
        reception.engine.confirm(held.receipt.id()).wait().unwrap();
    }
    drop(reception);
    // The numbers are 2020000000 and the next 199.
    let texts = ["zacarias", "ximenez", "example.org", "1990-01-31", "19900131", "0200000"];
    let mut bytes_seen = 0;
    for file in files(room.path()) {
        let bytes = std::fs::read(&file).unwrap().to_ascii_lowercase();
        bytes_seen += bytes.len();
        for text in &texts {
            let there = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!there, "{text} lies in {}", file.display());
        }
    }
    assert!(bytes_seen > 100_000, "{bytes_seen}");
    assert_eq!(has_its_person(&on_disk(room.path())), 200);
}

/// The life of a child process: four callers and a sweep, until it is killed.
#[test]
fn a_life() {
    let Some(room) = std::env::var_os("CUPO_PEOPLE_ROOM") else { return };
    let first: u32 = std::env::var("CUPO_PEOPLE_FIRST").unwrap().parse().unwrap();
    let reception = on_disk(Path::new(&room));
    let slots = {
        let passport = reception.engine.service("passport").unwrap();
        reception.engine.openings(&Openings::new(passport).limit(500))
    };
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (reception, slots) = (&reception, &slots);
            scope.spawn(move || {
                for n in (first + thread * 10_000..).take(10_000) {
                    let ask = ask(reception, n, slots[n as usize % slots.len()].slot);
                    let held = if n % 2 == 0 {
                        block_on(reception.book(&ask, &person(n)))
                    } else {
                        block_on(reception.hold(&ask, &person(n)))
                    };
                    let Ok(held) = held else { continue };
                    if n % 2 == 1 {
                        reception.engine.confirm(held.receipt.id()).wait().unwrap();
                    }
                    let line = format!("ack {} {}\n", held.code.digits(), held.receipt.id());
                    std::io::stdout().write_all(line.as_bytes()).unwrap();
                }
            });
        }
        let reception = &reception;
        scope.spawn(move || {
            loop {
                block_on(reception.sweep(Duration::ZERO)).unwrap();
                std::thread::sleep(Duration::from_millis(1));
            }
        });
    });
}

#[test]
fn a_kill_at_any_moment_leaves_no_booking_without_a_person() {
    let evidence = Evidence::of("T21 kill -9 between people and places");
    let room = tempfile::tempdir().unwrap();
    let (kills, seed) = (share(12, 1_000), first_seed());
    let (mut acknowledged, mut booked, mut swept) = (Vec::new(), 0, 0);
    for kill in 0..kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["a_life", "--exact", "--nocapture"])
            .env("CUPO_PEOPLE_ROOM", room.path())
            .env("CUPO_PEOPLE_FIRST", (kill * 40_000 % 1_000_000_000).to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        // Some are killed while they start.
        let after = kill.wrapping_mul(7_919).wrapping_add(seed * 104_729) % 700;
        std::thread::sleep(Duration::from_millis(after));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in BufReader::new(stdout).lines() {
            let line = line.unwrap();
            if let ["ack", code, claim] = line.split(' ').collect::<Vec<_>>()[..]
                && let (Ok(code), Ok(claim)) = (code.parse::<Code>(), claim.parse::<ClaimId>())
            {
                acknowledged.push((code, claim));
            }
        }
        let reception = on_disk(room.path());
        booked = has_its_person(&reception);
        assert!(booked >= acknowledged.len());
        for (code, claim) in &acknowledged {
            let found = block_on(reception.find(*code, birth())).unwrap();
            assert_eq!((found.claim.id, found.claim.state), (*claim, ClaimState::Booked));
        }
        swept += block_on(reception.sweep(Duration::ZERO)).unwrap();
        assert_eq!(has_its_person(&reception), booked);
        let soon = reception.engine.now() + TimeDelta::hours(1);
        for key in reception.people.older(soon, NOBODY).unwrap().0 {
            let claims = reception.engine.claims_of(key.party).wait().unwrap();
            assert!(claims.iter().any(|claim| claim.request == key.request), "{key:?}");
        }
    }
    assert!(acknowledged.len() as u64 > kills, "{}", acknowledged.len());
    evidence.passed(&format!(
        "{kills} kills, {} bookings acknowledged and found, {booked} with their people, {swept} \
         people without a booking swept, seed {seed}",
        acknowledged.len()
    ));
}
