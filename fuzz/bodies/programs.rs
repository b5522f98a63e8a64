//! What can callers and a failing disk do together? Commands, a fault at some call, a crash, and
//! what is there afterwards.

use std::sync::LazyLock;
use std::time::Duration;

use cupo::{
    Ask, Builder, Catalog, Channel, ClaimId, Crash, DayId, DirectoryOptions, DirectoryStore,
    Engine, Error, Fault, ManualClock, PartyId, Receipt, RequestId, ServiceId, SimFileSystem,
};

const CATALOG: &str = r#"
[[offices]]
key = "o"
zone = "Etc/UTC"
[[services]]
key = "s"
[[calendars]]
key = "c"
office = "o"
services = ["s"]
unit = "120m"
capacity = 2
horizon = "1d"
hours = { mon = ["08:00-12:00"], tue = ["08:00-12:00"], wed = ["08:00-12:00"], thu = ["08:00-12:00"], fri = ["08:00-12:00"] }
[holds]
ttl = "10m"
"#;
static SOUND: LazyLock<Catalog> =
    LazyLock::new(|| Catalog::from_toml(CATALOG).expect("a sound catalog"));
const COMMANDS_MAX: usize = 64;

/// What the world knows of an engine that may have failed.
struct Outside {
    engine: Engine,
    clock: ManualClock,
    claims: Vec<ClaimId>,
    days: Vec<DayId>,
    /// The state after the last answer.
    known: u64,
}

enum Answer {
    Known,
    /// The disk failed while one change was under way, or several.
    Failed {
        single: bool,
    },
}

fn on(fs: &SimFileSystem, clock: &ManualClock) -> Option<Builder> {
    let options = DirectoryOptions {
        segment_bytes: 64 << 10,
        background: false,
        seed: Some(1),
        ..DirectoryOptions::default()
    };
    let store = DirectoryStore::open(fs.clone(), "data", options).ok()?;
    let builder = Engine::builder().store(store).clock(clock.clone()).seeded(1).shards(2);
    // Nobody looks at what a close would write.
    Some(builder.snapshot_on_close(false))
}

/// The first three bytes say which storage call fails, how, and what the crash keeps; each three
/// bytes after that are a command. After the crash everything that was answered is there, at most
/// the one change under way besides, and everything adds up. Says whether all were answered.
pub fn commands(bytes: &[u8]) -> bool {
    let Some(([call, fault, crash], commands)) = bytes.split_first_chunk::<3>() else {
        return false;
    };
    let start = chrono::DateTime::from_timestamp_millis(1_796_115_600_000).expect("a time");
    let clock = ManualClock::at(start);
    let fs = SimFileSystem::new();
    let engine = on(&fs, &clock).and_then(|builder| builder.open().ok()).expect("a sound disk");
    engine.install(&SOUND).expect("a sound disk");
    let (days, known) = (engine.days(), engine.state_hash());
    let mut outside = Outside { engine, clock, claims: Vec::new(), days, known };
    let fault = [Fault::Eio, Fault::Enospc, Fault::Erofs, Fault::Eintr, Fault::ShortWrite]
        [usize::from(*fault) % 5];
    fs.fail_call(fs.calls() + 1 + u64::from(*call), fault);
    let mut answer = Answer::Known;
    for command in commands.as_chunks::<3>().0.iter().take(COMMANDS_MAX) {
        answer = outside.run(*command);
        if let Answer::Failed { .. } = answer {
            break;
        }
        outside.known = outside.engine.state_hash();
    }
    check(
        &outside,
        &answer,
        &fs.crash(match crash % 4 {
            0 => Crash::KeepAll,
            1 => Crash::Random(u64::from(*crash)),
            _ => Crash::LoseUnsynced,
        }),
    );
    matches!(answer, Answer::Known)
}

fn check(outside: &Outside, answer: &Answer, disk: &SimFileSystem) {
    let maybe = outside.engine.state_hash();
    let builder = on(disk, &outside.clock).expect("a disk without faults");
    let engine = builder.open().expect("what was acknowledged is whole");
    engine.tick();
    let audit = engine.audit();
    assert!(audit.is_clean(), "{audit:?}");
    let found = engine.state_hash();
    match answer {
        Answer::Known => assert_eq!(found, outside.known, "another state than was answered"),
        Answer::Failed { single: true } => {
            assert!(found == outside.known || found == maybe, "neither before nor after");
        }
        Answer::Failed { single: false } => {}
    }
}

impl Outside {
    fn run(&mut self, [what, a, b]: [u8; 3]) -> Answer {
        let claim = self.claims.get(usize::from(a) % self.claims.len().max(1)).copied();
        let claim = claim.unwrap_or(ClaimId::from_u64(u64::from(a)));
        let slot = self.days[usize::from(b) / 16 % self.days.len()].slot(u16::from(b % 16));
        let request = RequestId(u128::from(b));
        let engine = &self.engine;
        let ask = |party: u8| {
            let party = PartyId(u128::from(party % 8));
            Ask::new(party, RequestId(u128::from(a)), ServiceId(0), slot)
                .channel(Channel::DESK)
                .persons(1 + u16::from(what >> 6))
        };
        let done = match what % 16 {
            0..=2 => engine.hold(&ask(a)).wait(),
            3 | 4 => engine.book(&ask(a)).wait(),
            5 | 6 => engine.confirm(claim).wait(),
            7 => engine.release(claim).wait(),
            8 => engine.cancel(claim).wait(),
            9 => engine.swap(claim, slot, request).wait(),
            10 => engine.reschedule(claim, slot, request).wait(),
            11 => {
                let hold = self.claims.get(usize::from(b) % self.claims.len().max(1));
                let hold = hold.copied().unwrap_or(claim);
                engine.reschedule_to_hold(claim, hold, request).wait()
            }
            12 => engine.extend(claim, Duration::from_secs(u64::from(b) * 8)).wait(),
            13 => {
                self.clock.advance(Duration::from_secs(u64::from(a) << (b % 12)));
                engine.tick();
                // A tick tells nobody that there was no room, or what failed; the next call does,
                // and the next tick does what is left to do.
                let probe = several(&engine.confirm(ClaimId::from_u64(u64::MAX)).wait());
                engine.tick();
                return probe;
            }
            14 => return several(&engine.close_day(slot.day, "")),
            _ => {
                return match b % 3 {
                    0 => several(&engine.reopen_day(slot.day)),
                    1 => several(&engine.set_capacity(slot.day, 0..12, u16::from(a % 4))),
                    _ => several(&engine.snapshot()),
                };
            }
        };
        self.told(done)
    }

    fn told(&mut self, done: Result<Receipt, Error>) -> Answer {
        match done {
            Ok(receipt) => {
                if !self.claims.contains(&receipt.id()) {
                    self.claims.push(receipt.id());
                }
                Answer::Known
            }
            Err(Error::Rejected(_)) => Answer::Known,
            Err(_) => Answer::Failed { single: true },
        }
    }
}

fn several<T>(done: &Result<T, Error>) -> Answer {
    match done {
        Ok(_) | Err(Error::Rejected(_)) => Answer::Known,
        Err(_) => Answer::Failed { single: false },
    }
}
