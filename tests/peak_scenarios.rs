//! Operators plan with `cupo peak`: every scenario that is shipped runs and keeps its promises, the
//! report can be read without a network and has every picture, two runs of the same thing agree
//! within the noise that they state, and a wrong scenario is refused with its line and reason.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]
#![cfg(feature = "cli")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::RwLock;
use std::thread;

use serde_json::Value;

/// Runs that are measured are alone; those that are only counted mostly wait, so they may meet.
static ALONE: RwLock<()> = RwLock::new(());

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

fn scenarios() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("examples/scenarios").unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The JSON of a run, with the promises that every run keeps.
fn figures(path: &Path) -> Value {
    let found: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(found["double_bookings"], 0);
    assert_eq!(found["lost_acknowledged"], 0);
    assert_eq!(found["evidence"], Value::Array(Vec::new()));
    found
}

/// A run of a scenario, so many times faster, and its numbers.
fn run(room: &Path, name: &str, scenario: &str, more: &[&str]) -> Value {
    let (dir, json) = (text(&room.join(name)), room.join(format!("{name}.json")));
    let json_text = text(&json);
    let mut arguments = vec!["peak", "--scenario", scenario, "--dir", &dir, "--json", &json_text];
    arguments.extend(more);
    let output = cupo(&arguments);
    assert_eq!(output.status.code(), Some(0), "{scenario}: {}", told(&output));
    let found = figures(&json);
    assert_eq!(found["recovered_equal"], true, "{scenario}");
    found
}

#[test]
fn every_scenario_that_is_shipped_runs_and_keeps_its_promises() {
    let _others = ALONE.read();
    let room = tempfile::tempdir().unwrap();
    let files = scenarios();
    assert_eq!(files.len(), 8);
    for some in files.chunks(4) {
        thread::scope(|scope| {
            for file in some {
                scope.spawn(|| runs_and_keeps_its_promises(room.path(), file));
            }
        });
    }
    // The program knows them wherever it is.
    let elsewhere = Command::new(env!("CARGO_BIN_EXE_cupo"))
        .args(["peak", "--scenario", "quiet-day", "--citizens", "50", "--faster", "60"])
        .arg("--in-memory")
        .current_dir(room.path())
        .output()
        .unwrap();
    assert_eq!(elsewhere.status.code(), Some(0), "{}", told(&elsewhere));
}

fn runs_and_keeps_its_promises(room: &Path, file: &Path) {
    let name = file.file_stem().unwrap().to_str().unwrap();
    let found = run(room, name, &text(file), &["--citizens", "1500", "--faster", "40"]);
    assert_eq!(found["citizens"], 1_500);
    assert!(found["booked"].as_u64().unwrap() > 100, "{name}: {}", found["booked"]);
    let picture = &found["picture"];
    assert_eq!(picture["open_loop"], name != "opening-day", "{name}");
    let answers: f64 = found["operations"].as_f64().unwrap();
    let width =
        picture["slice_seconds"].as_f64().unwrap() / picture["compression"].as_f64().unwrap();
    let slices = picture["slices"].as_array().unwrap();
    let served: f64 = slices.iter().map(|slice| slice["served"].as_f64().unwrap()).sum();
    assert!((served * width - answers).abs() < answers * 0.05 + 20.0, "{name}: {served}");
    println!("{name}: {answers} answers, {} booked", found["booked"]);
}

const FOUR_SECONDS: &str = "citizens = 2000\nbots = 0.0\nhold_seconds = 5\nthink_ms = [20, 50]\n\
    segment_kib = 256\n[arrivals]\ncurve = [[\"0:00:00\", 1.0], [\"0:00:04\", 1.0]]\n";

#[test]
fn a_slow_disk_slows_answers_by_what_it_takes() {
    let _alone = ALONE.write();
    let room = tempfile::tempdir().unwrap();
    let slow = room.path().join("slow.toml");
    let sick = "[[disk]]\nfrom = \"0:00:02\"\nto = \"0:00:04\"\nsync_ms = [80, 80]\n";
    std::fs::write(&slow, format!("{FOUR_SECONDS}{sick}")).unwrap();
    let found = run(room.path(), "slow", &text(&slow), &[]);
    let median = |from: f64, to: f64| {
        let slices = found["picture"]["slices"].as_array().unwrap();
        let own = slices.iter().filter(|slice| (from..to).contains(&slice["at"].as_f64().unwrap()));
        let mut list: Vec<f64> = own.filter_map(|slice| slice["p50_ms"].as_f64()).collect();
        list.sort_by(f64::total_cmp);
        list[list.len() / 2]
    };
    let (well, ill) = (median(0.5, 1.8), median(2.2, 3.8));
    // Half a sync at least passes until the next one begins that carries the answer.
    assert!(ill > 80.0 && ill > 2.0 * well, "{well} ms, then {ill} ms");
}

#[test]
fn a_full_disk_is_told_and_heals() {
    let _others = ALONE.read();
    let room = tempfile::tempdir().unwrap();
    let full = room.path().join("full.toml");
    let sick = "[[disk]]\nfrom = \"0:00:01\"\nto = \"0:00:03\"\nfull = true\n";
    std::fs::write(&full, format!("{FOUR_SECONDS}{sick}")).unwrap();
    let found = run(room.path(), "full", &text(&full), &[]);
    assert!(found["refused_by"]["storage_full"].as_u64().unwrap() > 0, "{found}");
    let slices = found["picture"]["slices"].as_array().unwrap();
    let sold = |slice: &Value| slice["sold"].as_f64().unwrap();
    let after = slices.iter().filter(|slice| slice["at"].as_f64().unwrap() > 3.3);
    assert!(after.map(sold).sum::<f64>() > 0.0, "it did not heal");
}

#[test]
fn whoever_loses_a_place_to_a_closure_gets_another() {
    let _others = ALONE.read();
    let room = tempfile::tempdir().unwrap();
    let more = ["--citizens", "8000", "--faster", "10"];
    let found = run(room.path(), "closure", "closure", &more);
    let totals = &found["picture"]["totals"];
    let count = |name: &str| totals[name].as_u64().unwrap();
    assert!(count("displaced") > 50, "{totals}");
    // Some were cancelled by their citizens meanwhile.
    assert!(count("rebooked") + count("stranded") <= count("displaced"), "{totals}");
    assert!(count("rebooked") * 10 > count("displaced") * 9, "{totals}");
}

#[test]
fn the_report_has_every_picture_and_needs_nothing_else() {
    let _others = ALONE.read();
    let room = tempfile::tempdir().unwrap();
    let page = room.path().join("report.html");
    let page_text = text(&page);
    let more = ["--citizens", "3000", "--faster", "15", "--seed", "9", "--report", &page_text];
    let found = run(room.path(), "bots", "bots", &more);
    let page = std::fs::read_to_string(&page).unwrap();
    for outside in ["http:", "https:", "src=", "href=", "<script", "@import", "url(http"] {
        assert!(!page.contains(outside), "{outside}");
    }
    for picture in [
        "Offered and served load",
        "Latency over time",
        "Latency by percentile",
        "Refusals by cause",
        "fill by office and day",
        "outcomes by group",
        "bookings by group",
        "time until a booking",
        "Queue",
        "How long a sync took",
    ] {
        assert!(page.contains(&format!("aria-label=\"{picture}\"")), "{picture}");
    }
    for words in ["seed", "machine", "durability", "slices of time", "double bookings", "UTC"] {
        assert!(page.contains(words), "{words}");
    }
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    let offices = found["picture"]["heat"]["offices"].as_array().unwrap();
    assert_eq!(offices.len(), 57);
    assert!(offices.iter().all(|row| page.contains(row["office"].as_str().unwrap())));
    assert!(!page.contains("NaN") && !page.contains("inf"), "a figure that is none");
    let groups = found["picture"]["fates"].as_array().unwrap();
    let came: u64 = groups.iter().map(|group| group["came"].as_u64().unwrap()).sum();
    assert_eq!(came, 3_000);
}

#[test]
fn two_runs_of_the_same_thing_agree_within_the_noise_that_they_state() {
    let _alone = ALONE.write();
    let room = tempfile::tempdir().unwrap();
    let more = ["--citizens", "6000", "--faster", "10", "--seed", "4"];
    for name in ["before", "after"] {
        run(room.path(), name, "quiet-day", &more);
    }
    let [before, after] =
        ["before", "after"].map(|name| text(&room.path().join(format!("{name}.json"))));
    let compared = cupo(&["peak", "--compare", &before, &after]);
    assert_eq!(compared.status.code(), Some(0));
    let told_so = told(&compared);
    assert!(told_so.contains("No difference beyond noise."), "{told_so}");
    assert!(told_so.contains("slices of time"), "the rule is stated: {told_so}");

    // And it can tell a difference: a disk that takes 150 ms a sync.
    let slow = room.path().join("slow.toml");
    let quiet = std::fs::read_to_string("examples/scenarios/quiet-day.toml").unwrap();
    std::fs::write(&slow, format!("{quiet}\n[[disk]]\nsync_ms = [150, 150]\n")).unwrap();
    run(room.path(), "slow", &text(&slow), &more);
    let slow = text(&room.path().join("slow.json"));
    let told_so = told(&cupo(&["peak", "--compare", &before, &slow]));
    assert!(told_so.contains("Beyond noise: latency p50"), "{told_so}");

    let wrong = cupo(&["peak", "--compare", &before, "Cargo.toml"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(told(&wrong).contains("cupo peak --json"), "{}", told(&wrong));
}

#[test]
fn a_wrong_scenario_is_refused_with_line_and_reason() {
    let room = tempfile::tempdir().unwrap();
    let file = room.path().join("odd.toml");
    for (wrong, line, reason) in [
        ("retry = 0.1\nbotz = 0.5\n", "line 2", "botz"),
        ("retry = 0.1\n\nbots = 1.5\n", "line 3", "a share from 0 to 1"),
        ("[arrivals]\ncurve = [[\"8 o'clock\", 1.0]]\n", "line 2", "h:mm:ss"),
        ("[arrivals]\ncurve = [[\"0:00:00\", 1.0]]\n", "line 2", "two points"),
        ("[[disk]]\nfull = true\n", "line 2", "`to`"),
        ("[[disk]]\nspeed = 3\n", "line 2", "speed"),
    ] {
        std::fs::write(&file, wrong).unwrap();
        let refused = cupo(&["peak", "--in-memory", "--scenario", &text(&file)]);
        assert_eq!(refused.status.code(), Some(2), "{wrong}");
        let told_so = told(&refused);
        assert!(told_so.contains(line) && told_so.contains(reason), "{wrong}: {told_so}");
    }
    let missing = cupo(&["peak", "--in-memory", "--scenario", "quiet-dya"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(told(&missing).contains("quiet-day"), "{}", told(&missing));
}
