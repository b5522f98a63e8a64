//! The house stays in order: who may import whom, sizes, letters, words.
//!
//! Reads the sources as text. Each check is tried on a bad sample first, so that it can fail.

use std::fs;
use std::path::{Path, PathBuf};

/// The ground: imported by all, and never importing what stands on it.
const GROUND: [&str; 10] = [
    "id",
    "time",
    "limits",
    "claim",
    "record",
    "rejection",
    "error",
    "sync",
    "log_store",
    "file_system",
];

/// What each room may import beside the ground.
const ROOMS: [(&str, &[&str]); 5] = [
    ("catalog", &[]),
    ("ledger", &[]),
    ("inventory", &[]),
    ("journal", &[]),
    ("engine", &["catalog", "ledger", "inventory", "journal"]),
];

const FILE_LINES_MAX: usize = 400;
/// Files whose length is explained where they stand, with their own limit.
const LONGER: [(&str, usize); 4] = [
    ("src/record.rs", 800),
    ("src/ledger/shard.rs", 450),
    ("src/engine/grant.rs", 640),
    ("src/log_store/directory.rs", 560),
];

fn sources(directory: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut todo = vec![PathBuf::from(directory)];
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push((path.to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap()));
        }
    }
    found.sort();
    found
}

/// The room a file belongs to: `src/engine/grant.rs` to `engine`.
fn room(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
}

/// Imports that go up or sideways.
fn bad_imports(path: &str, text: &str) -> Vec<String> {
    let own = room(path);
    if own == "lib" {
        return Vec::new();
    }
    let program = ["main", "cli", "peak"].contains(&own);
    let allowed: &[&str] = ROOMS.iter().find(|(name, _)| *name == own).map_or(&[], |(_, to)| to);
    let mut bad = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or(line);
        for part in code.split("crate::").skip(1) {
            let end = part.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(part.len());
            let to = &part[..end];
            let known = GROUND.contains(&to) || ROOMS.iter().any(|(name, _)| *name == to);
            // The error type carries the catalog's; nothing else on the ground looks up.
            let excused = own == "error" && to == "catalog";
            let fine = to == own || GROUND.contains(&to) || allowed.contains(&to) || excused;
            if known && !program && !fine {
                bad.push(format!("{path}:{}: {own} imports {to}", number + 1));
            }
        }
    }
    bad
}

fn bad_text(path: &str, text: &str) -> Vec<String> {
    let mut bad = Vec::new();
    let mut say = |line: usize, what: &str| bad.push(format!("{path}:{line}: {what}"));
    let limit = LONGER.iter().find(|(file, _)| *file == path).map_or(FILE_LINES_MAX, |(_, n)| *n);
    let limit = if path.starts_with("src/") { limit } else { limit.max(600) };
    if text.lines().count() > limit {
        say(limit, "the file is too long: is it still one room?");
    }
    if !text.starts_with("//!") {
        say(1, "the file does not say which question it answers");
    }
    for (number, line) in (1..).zip(text.lines()) {
        if line.chars().count() > 100 && !line.contains("#[error(") {
            say(number, "the line is longer than 100");
        }
        if !line.is_ascii() {
            say(number, "a letter that is not ASCII");
        }
        for marker in ["FIX", "TO"]
            .map(|start| format!("{start}{}", if start == "FIX" { "ME" } else { "DO" }))
        {
            if line.contains(&marker) {
                say(number, "unfinished by its own word");
            }
        }
        let trimmed = line.trim();
        if trimmed.starts_with("matches!(") && trimmed.ends_with(");") {
            say(number, "a bare matches! that asserts nothing");
        }
    }
    bad
}

#[test]
fn layers_import_one_way() {
    let bad: Vec<_> =
        sources("src").iter().flat_map(|(path, text)| bad_imports(path, text)).collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

#[test]
fn files_are_short_plain_and_finished() {
    let mut all = sources("src");
    all.extend(sources("tests"));
    all.extend(sources("benches"));
    let bad: Vec<_> = all.iter().flat_map(|(path, text)| bad_text(path, text)).collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

#[test]
fn there_is_no_room_for_leftovers() {
    for (path, _) in sources("src") {
        for word in ["mod.rs", "util", "common", "misc"] {
            assert!(!path.contains(word), "{path}");
        }
    }
    let listed = [
        "Cargo.toml",
        "Cargo.lock",
        "src",
        "benches",
        "tests",
        "examples",
        "fuzz",
        "docs",
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "target",
        "cupo-data",
    ];
    for entry in fs::read_dir(".").unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(name.starts_with('.') || listed.contains(&&*name), "unlisted: {name}");
    }
}

#[test]
fn the_checks_can_fail() {
    assert_eq!(bad_imports("src/ledger/shard.rs", "use crate::inventory::Day;").len(), 1);
    assert_eq!(bad_imports("src/record.rs", "use crate::engine::Engine;").len(), 1);
    assert!(bad_imports("src/engine/grant.rs", "use crate::ledger::Shard;").is_empty());
    assert_eq!(bad_text("src/x.rs", "fn main() {}").len(), 1);
    assert_eq!(bad_text("src/x.rs", "//! Why?\nmatches!(a, b);\n").len(), 1);
    assert_eq!(bad_text("src/x.rs", &format!("//! {}", "x".repeat(120))).len(), 1);
    assert!(!Path::new("src/mod.rs").exists());
}
