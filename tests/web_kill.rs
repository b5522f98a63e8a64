//! A service that is killed at any moment forgets no answer that it gave, and no person.
//!
//! A real process is asked for holds and bookings by several clients, for parties of a program and
//! for people with names, and killed with SIGKILL at random moments, while it starts too. What it
//! answered with 201 must be there in the next life, in the same state or a later one; what was
//! not answered is asked again with the same key and must not become two. Between lives engine and
//! desk are opened directly: every booking of a person must have that person. What could break
//! this: two stores that are synced one after the other, and an answer sent before either.

#![cfg(feature = "web")]
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/evidence.rs"]
mod evidence;
#[path = "stage/service.rs"]
mod service;

use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cupo::desk::{MasterKey, Reception, Secrets, Store};
use cupo::{ClaimState, Engine, PartyId};
use evidence::{Evidence, first_seed, share};
use service::{Answer, Client, Service};

const CLIENTS: u64 = 4;
const OFFICES: u64 = 3;
/// The upper half of the parties that the program brings; people's are keyed hashes.
const PARTIES: u128 = 0xfeed_feed_feed_feed << 64;
const KEY: [u8; 32] = [0x9f; 32];

/// What the service has said about one request.
#[derive(Clone, Debug, Default)]
struct Said {
    /// The claim's id.
    id: Option<String>,
    booked: bool,
    /// A confirmation was sent and not answered.
    asked: bool,
}

/// All that was asked and answered, by the number of the request; kept outside the service.
type Ledger = HashMap<u64, Said>;

#[derive(Default)]
struct Counts {
    kills: u64,
    early: u64,
    held: u64,
    booked: u64,
    again: u64,
    checked: u64,
    people: u64,
    looks: u64,
}

/// splitmix64 (Steele, Lea, Flood 2014).
fn spread(n: u64) -> u64 {
    let mut z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn catalog() -> String {
    let mut text =
        String::from("services = [{ key = \"s\" }]\n[holds]\nttl = \"60m\"\nttl_max = \"60m\"\n");
    for n in 0..OFFICES {
        let days: Vec<_> = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
            .iter()
            .map(|day| format!("{day} = [\"00:00-24:00\"]"))
            .collect();
        let _ = write!(
            text,
            "[[offices]]\nkey = \"o{n}\"\nzone = \"Etc/UTC\"\n[[calendars]]\nkey = \"c{n}\"\n\
             office = \"o{n}\"\nservices = [\"s\"]\ncapacity = 2000\nhorizon = \"8d\"\n\
             hours = {{ {} }}\n",
            days.join(", ")
        );
    }
    text
}

fn is_person(number: u64) -> bool {
    number.is_multiple_of(2)
}

fn telephone(number: u64) -> String {
    format!("+52155{number:08}")
}

fn post(client: &mut Client, path: &str, key: &str, body: &str) -> Option<Answer> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nauthorization: Bearer demo-partner\r\ncontent-type: \
         application/json\r\nidempotency-key: {key}"
    );
    client.ask(&head, body)
}

/// Asks for a place for somebody; what comes of it goes into `said`. False once nobody answers.
fn hold(client: &mut Client, number: u64, said: &mut Said) -> bool {
    let random = spread(number);
    let date = chrono::Utc::now().date_naive() + chrono::Days::new(2 + (random >> 8) % 5);
    let slot = format!("c{}~{date}~{}", random % OFFICES, (random >> 16) % 96);
    let whom = if is_person(number) {
        let telephone = telephone(number);
        format!(
            r#""person":{{"name":"Ana Ruiz","telephone":"{telephone}","birth_date":"1990-01-31"}}"#
        )
    } else {
        format!(r#""party":"{:032x}""#, PARTIES | u128::from(number))
    };
    let body = format!(r#"{{"slot":"{slot}","services":["s"],{whom}}}"#);
    let Some(answer) = post(client, "/v1/holds", &format!("hold-{number}"), &body) else {
        return false;
    };
    assert!(matches!(answer.status, 200 | 201), "{answer:?}");
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    // The first answer never came: this one may be to a repeat, but it is the same claim.
    assert!(said.id.as_ref().is_none_or(|known| *known == id), "{said:?} {id}");
    said.id = Some(id);
    true
}

fn confirm(client: &mut Client, number: u64, said: &mut Said) -> bool {
    let body = format!(r#"{{"hold":"{}"}}"#, said.id.as_ref().unwrap());
    said.asked = true;
    let Some(answer) = post(client, "/v1/bookings", &format!("book-{number}"), &body) else {
        return false;
    };
    assert!(matches!(answer.status, 200 | 201), "{answer:?}");
    said.booked = true;
    true
}

/// A client's work until the service is gone. Some holds are left as they are.
fn work(service: &Service, next: &AtomicU64) -> Ledger {
    let mut client = service.connect();
    let mut ledger = Ledger::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let said = ledger.entry(number).or_default();
        let goes_on = hold(&mut client, number, said)
            && (number % 5 == 4 || confirm(&mut client, number, said));
        if !goes_on {
            return ledger;
        }
    }
}

struct Room {
    _keep: tempfile::TempDir,
    dir: PathBuf,
    catalog: PathBuf,
    next: Arc<AtomicU64>,
    ledger: Ledger,
    counts: Counts,
}

impl Room {
    fn new(seed: u64) -> Self {
        let room = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let catalog_file = room.path().join("catalog.toml");
        std::fs::write(&catalog_file, catalog()).unwrap();
        Self {
            dir: room.path().join("data"),
            catalog: catalog_file,
            _keep: room,
            next: Arc::new(AtomicU64::new(seed % 1_000 * 10_000)),
            ledger: Ledger::new(),
            counts: Counts::default(),
        }
    }

    fn command(&self) -> std::process::Command {
        let (dir, catalog) = (self.dir.to_str().unwrap(), self.catalog.to_str().unwrap());
        let mut command = service::command(&["--dir", dir, "--catalog", catalog, "--log", "error"]);
        command.env("CUPO_MASTER_KEY", "9f".repeat(32));
        command
    }

    /// A life that ends with a kill after so many milliseconds of work.
    fn life(&mut self, work_ms: u64) {
        let mut service = Service::from(&mut self.command());
        self.repeat(&service);
        std::thread::scope(|scope| {
            let clients: Vec<_> =
                (0..CLIENTS).map(|_| scope.spawn(|| work(&service, &self.next))).collect();
            std::thread::sleep(Duration::from_millis(work_ms));
            let id = service.child.id().to_string();
            let killed = std::process::Command::new("kill").args(["-9", &id]).status().unwrap();
            assert!(killed.success());
            let told: Vec<Ledger> =
                clients.into_iter().map(|client| client.join().unwrap()).collect();
            for said in told.iter().flat_map(HashMap::values) {
                self.counts.held += u64::from(said.id.is_some());
                self.counts.booked += u64::from(said.booked);
            }
            self.ledger.extend(told.into_iter().flatten());
        });
        service.child.wait().unwrap();
        self.counts.kills += 1;
    }

    /// A life that is killed while it starts.
    fn early(&mut self, after_ms: u64) {
        let mut command = self.command();
        command.args(["--json", "--listen", "127.0.0.1:0"]).stdout(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(after_ms));
        child.kill().unwrap();
        child.wait().unwrap();
        self.counts.early += 1;
    }

    /// What was not answered is asked again, with the same key; what was answered is looked at.
    fn repeat(&mut self, service: &Service) {
        let mut client = service.connect();
        let open = |said: &Said| said.id.is_none() || (said.asked && !said.booked);
        let numbers: Vec<u64> =
            self.ledger.iter().filter(|(_, said)| open(said)).map(|(number, _)| *number).collect();
        for number in numbers {
            let said = self.ledger.get_mut(&number).unwrap();
            assert!(hold(&mut client, number, said));
            if said.asked {
                assert!(confirm(&mut client, number, said));
            }
            self.counts.again += 1;
        }
    }

    /// Engine and desk between two lives: everything answered is there, and its person.
    fn look(&mut self) {
        let secrets = Secrets::new(&MasterKey::new(KEY));
        let engine = Arc::new(Engine::open(self.dir.join("log")).unwrap());
        let store = Arc::new(Store::open(&self.dir.join("desk.redb"), &secrets).unwrap());
        let reception = Reception::new(engine.clone(), store, secrets);
        for (number, said) in &self.ledger {
            let Some(id) = &said.id else { continue };
            let claim = engine.claim(id.parse().unwrap()).wait();
            let claim = claim.unwrap_or_else(|error| panic!("{number} {said:?}: {error}"));
            let sound = match claim.state {
                ClaimState::Booked => said.asked,
                ClaimState::Held => !said.booked,
                _ => false,
            };
            assert!(sound, "{number} {said:?} is {:?}", claim.state);
            self.counts.checked += 1;
        }
        // Whoever has a place, whether they were told or not.
        for day in engine.days() {
            let mut after = None;
            loop {
                let claims = engine.roster(day, after, 500).wait().unwrap();
                for claim in &claims {
                    self.counts.people += u64::from(whose(&reception, claim));
                }
                let Some(last) = claims.last() else { break };
                after = Some((last.slot.index, last.id));
            }
        }
        assert!(engine.audit().is_clean());
        self.counts.looks += 1;
    }
}

/// Whether it is the claim of a person, who must be kept then.
fn whose(reception: &Reception, claim: &cupo::Claim) -> bool {
    let PartyId(party) = claim.party;
    if party >> 64 == PARTIES >> 64 {
        return false;
    }
    let kept = reception.person_of(claim).unwrap();
    let kept = kept.unwrap_or_else(|| panic!("{} has no person", claim.id));
    assert_eq!(kept.person.name, "Ana Ruiz");
    assert!(kept.person.telephone.as_str().starts_with("+52155"));
    true
}

fn lives(seed: u64, kills: u64) -> Counts {
    let mut room = Room::new(seed);
    for n in 0..kills {
        let random = spread(seed << 32 | n);
        if n % 5 == 4 {
            room.early(random % 400);
        } else {
            room.life(random % 500);
        }
        if n % 8 == 7 {
            room.look();
        }
    }
    room.look();
    room.counts
}

#[test]
fn a_kill_forgets_no_answer_and_no_person() {
    let evidence = Evidence::of("T16 kill -9 of the service at random moments");
    let (kills, seed) = (share(20, 2_000), first_seed());
    let Counts { kills, early, held, booked, again, checked, people, looks } = lives(seed, kills);
    assert!(booked > kills && again > 0 && people > 0, "{booked} {again} {people}");
    evidence.passed(&format!(
        "{kills} kills at work and {early} at the start, {held} holds and {booked} bookings \
         answered, {again} asked again, {checked} claims and {people} persons found in {looks} \
         looks, seed {seed}"
    ));
}

/// The check itself is tried: without its people a directory must not pass.
#[test]
fn a_lost_person_is_noticed() {
    let mut room = Room::new(first_seed());
    room.life(1_500);
    room.look();
    let file: &Path = &room.dir.join("desk.redb");
    std::fs::remove_file(file).unwrap();
    let lost = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| room.look()));
    let lost = *lost.unwrap_err().downcast::<String>().unwrap();
    assert!(lost.contains("has no person"), "{lost}");
}
