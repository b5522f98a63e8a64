//! Where lives follow each other on one directory: start one, end it, compare, look inside.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cupo::{Clock, Engine, ManualClock};

use crate::life::{Dice, Life, Shifted, newest};
use crate::outside::{Came, Outside, PARTIES, Told};

/// One directory, its ledger, and the lives on it.
pub struct Stand {
    pub room: tempfile::TempDir,
    pub directory: PathBuf,
    pub outside: Outside,
    pub dice: Dice,
    pub lives: u64,
    /// Ends by `Came`.
    pub ends: [u64; 6],
    pub looks: u64,
    pub shift_ms: i64,
}

impl Stand {
    pub fn new(seed: u64) -> Self {
        let room = tempfile::tempdir().unwrap();
        let directory = room.path().join("engine");
        let (outside, dice) = (Outside::new(), Dice(seed));
        Self { room, directory, outside, dice, lives: 0, ends: [0; 6], looks: 0, shift_ms: 0 }
    }

    /// The engine's directory elsewhere, the ledger where it is.
    pub fn on(directory: &Path, seed: u64) -> Self {
        Self { directory: directory.to_path_buf(), ..Self::new(seed) }
    }

    pub fn life(&mut self) -> Life {
        self.lives += 1;
        let seed = self.dice.below(u64::MAX);
        self.life_of(seed)
    }

    fn life_of(&self, seed: u64) -> Life {
        let acks = self.room.path().to_path_buf();
        Life { shift_ms: self.shift_ms, ..Life::new(&self.directory, acks, seed) }
    }

    /// Reads what the life wrote that has just ended.
    pub fn ended(&mut self, life: &Life) -> Told {
        let told = self.outside.absorb(&life.acks, life.threads);
        self.ends[told.came as usize] += 1;
        told
    }

    /// A life that is killed after so many milliseconds.
    pub fn killed(&mut self, life: &Life, after_ms: u64) -> Told {
        let mut child = start(life);
        std::thread::sleep(Duration::from_millis(after_ms));
        child.kill().unwrap();
        child.wait().unwrap();
        let told = self.ended(life);
        assert!(told.refused.is_none(), "{told:?}");
        told
    }

    /// Checks the directory from outside and from inside: every frame and snapshot, every party,
    /// the recount; then that a second opening finds the same state.
    pub fn look(&mut self) {
        self.looks += 1;
        let life = self.life_of(0);
        if self.directory.join("manifest").exists() {
            let verified = cupo::verify(&self.directory).unwrap();
            assert!(verified.is_sound(), "{verified:?}");
        }
        let clock = Shifted::new(self.shift_ms);
        let since = clock.now().timestamp_millis();
        let engine = life.builder().clock(clock.clone()).open().unwrap();
        for party in 0..PARTIES {
            let found = newest(&engine, party);
            let now = engine.now().timestamp_millis();
            let at = |millis: i64| u64::try_from(millis).unwrap();
            self.outside.found(party, found.as_ref(), at(since), at(now));
        }
        sound(&engine);
        engine.close().unwrap();
        // The clock stands still, so that equal states have equal hashes.
        let still = ManualClock::at(clock.now());
        let hash = || {
            let engine = life.builder().clock(still.clone()).open().unwrap();
            let hash = engine.state_hash();
            sound(&engine);
            hash
        };
        assert_eq!(hash(), hash());
        archive(&self.directory);
    }

    pub fn came(&self) -> String {
        let part = |came: Came| self.ends[came as usize];
        let starting = part(Came::Nowhere);
        let recovering = part(Came::Opening) + part(Came::Open);
        let (working, closing) = (part(Came::Working), part(Came::Closing) + part(Came::Closed));
        format!(
            "{starting} before it opened, {recovering} in recovery, {working} at work, {closing} \
             closing"
        )
    }
}

pub fn start(life: &Life) -> Child {
    quiet(&mut life.command())
}

/// Starts it without a word to the terminal.
pub fn quiet(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
}

/// The recount is clean and no slot has more used than it has places.
pub fn sound(engine: &Engine) {
    let audit = engine.audit();
    assert!(audit.is_clean() && audit.deficit == 0, "{audit:?}");
}

/// Every line of the archive is whole, but for one that a crash cut short.
fn archive(directory: &Path) {
    let Ok(text) = std::fs::read_to_string(directory.join("archive/ended.jsonl")) else { return };
    for line in text.lines() {
        let whole = serde_json::from_str::<serde_json::Value>(line).is_ok();
        // What is cut has a beginning and no end; glued to the next it would have both.
        assert!(whole || !line.contains('}'), "{line}");
    }
}

/// Sends a signal by the shell's own `kill`.
pub fn signal(child: &Child, name: &str) {
    let kill = format!("kill -{name} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

/// A directory as it is.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
