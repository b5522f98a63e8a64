//! The program stages a small opening day: its figures are whole, its audit is clean, and a kill
//! in the middle loses nothing that was acknowledged.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    clippy::needless_pass_by_value,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]
#![cfg(feature = "cli")]

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use cupo::{ClaimId, ClaimState, Engine};
use serde_json::Value;

fn cupo(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cupo")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn told(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}\n{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

fn figures(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", told(output));
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(out.trim_end().lines().count(), 1, "one object and nothing else: {out}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn a_small_day_is_whole_and_its_directory_can_be_looked_into() {
    let room = tempfile::tempdir().unwrap();
    let dir = text(&room.path().join("day"));
    let run = ["peak", "--citizens", "4000", "--seed", "3", "--json", "--dir", &dir];
    let found = figures(&cupo(&run));
    for field in ["operations", "operations_per_second", "granted", "refused", "seconds"] {
        assert!(found[field].as_f64().unwrap() > 0.0, "{field}: {found}");
    }
    for field in ["p50", "p99", "p999", "max"] {
        assert!(found["latency_us"][field].as_f64().unwrap() > 0.0, "{field}: {found}");
    }
    assert_eq!(found["double_bookings"], 0);
    assert_eq!(found["lost_acknowledged"], 0);
    assert_eq!(found["recovered_equal"], true);
    assert_eq!(found["durable"], true);
    assert_eq!((&found["citizens"], &found["seed"]), (&4000.into(), &3.into()));
    assert!(found["refused_by"].is_object() && found.get("time_to_sell_out_s").is_some());

    let verified = cupo(&["verify", &dir]);
    assert_eq!(verified.status.code(), Some(0), "{}", told(&verified));
    let log = cupo(&["log", &dir]);
    let kinds: HashSet<String> = String::from_utf8_lossy(&log.stdout)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].as_str().unwrap().into())
        .collect();
    for kind in ["granted", "confirmed", "ended", "day_created", "plan_range", "installed"] {
        assert!(kinds.contains(kind), "{kind} in {kinds:?}");
    }
    let copy = text(&room.path().join("copy"));
    let backup = cupo(&["backup", &dir, &copy]);
    assert_eq!(backup.status.code(), Some(0), "{}", told(&backup));
    assert_eq!(cupo(&["verify", &copy]).status.code(), Some(0));
    let rescued = text(&room.path().join("rescued"));
    let salvage = cupo(&["salvage", &dir, &rescued]);
    assert_eq!(salvage.status.code(), Some(0), "{}", told(&salvage));
}

#[test]
fn in_memory_there_is_nothing_to_recover() {
    let found = figures(&cupo(&["peak", "--citizens", "3000", "--json", "--in-memory"]));
    assert_eq!(found["recovered_equal"], Value::Null);
    assert_eq!(found["double_bookings"], 0);
    assert_eq!(found["lost_acknowledged"], 0);
    assert_eq!(found["durable"], false);
}

#[test]
fn a_directory_of_someone_else_is_left_alone() {
    let room = tempfile::tempdir().unwrap();
    let precious = room.path().join("precious");
    std::fs::write(&precious, "do not touch").unwrap();
    let run = ["peak", "--citizens", "10", "--dir", &text(room.path())];
    let refused = cupo(&run);
    assert_eq!(refused.status.code(), Some(2), "{}", told(&refused));
    assert!(told(&refused).contains("--dir"));
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "do not touch");
}

#[test]
fn a_wrong_scenario_names_the_line() {
    let room = tempfile::tempdir().unwrap();
    let scenario = room.path().join("odd.toml");
    std::fs::write(&scenario, "retry = 0.1\nbotz = 0.5\n").unwrap();
    let refused = cupo(&["peak", "--in-memory", "--scenario", &text(&scenario)]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(told(&refused).contains("botz"), "{}", told(&refused));
}

/// What the witness file says, without a last line that was cut.
fn witnessed(path: &Path) -> HashMap<ClaimId, ClaimState> {
    let lines = std::fs::read_to_string(path).unwrap_or_default();
    let whole = lines.rfind('\n').map_or("", |end| &lines[..end]);
    let mut claims = HashMap::new();
    for line in whole.lines() {
        let mut words = line.split(' ');
        let (kind, claim) = (words.next().unwrap(), words.next().unwrap().parse().unwrap());
        match kind {
            "booked" => {
                claims.entry(claim).or_insert(ClaimState::Booked);
            }
            "cancelled" => {
                claims.insert(claim, ClaimState::Cancelled);
            }
            _ => assert_eq!(kind, "moved"),
        }
    }
    claims
}

#[test]
fn a_kill_in_the_middle_loses_nothing_acknowledged() {
    let room = tempfile::tempdir().unwrap();
    let (dir, acks) = (room.path().join("day"), room.path().join("acks"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_cupo"))
        .args(["peak", "--citizens", "3000000", "--json", "--dir", &text(&dir)])
        .args(["--acks", &text(&acks)])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Some moment after the first thousand answers; which one, the process id decides.
    let enough = || std::fs::metadata(&acks).is_ok_and(|file| file.len() > 24_000);
    for _ in 0..6_000 {
        if enough() {
            break;
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(enough(), "nothing was acknowledged within a minute");
    std::thread::sleep(Duration::from_millis(u64::from(std::process::id()) % 700));
    child.kill().unwrap();
    child.wait().unwrap();

    let promised = witnessed(&acks);
    assert!(promised.len() > 500);
    let engine = Engine::open(&dir).unwrap();
    for (claim, state) in &promised {
        let now = engine.claim(*claim).wait().map(|claim| claim.state);
        // A cancellation may have become durable without its answer being written down.
        let kept = match &now {
            Ok(ClaimState::Booked) => *state == ClaimState::Booked,
            Ok(ClaimState::Cancelled) => true,
            _ => false,
        };
        assert!(kept, "{claim} was acknowledged as {} and is {now:?}", state.name());
    }
    assert!(engine.audit().is_clean(), "{:?}", engine.audit().problems);
    engine.close().unwrap();
    let verified = cupo(&["verify", &text(&dir)]);
    assert_eq!(verified.status.code(), Some(0), "{}", told(&verified));
}
