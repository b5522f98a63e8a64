//! The house stays in order: who may import whom, sizes, letters, words, what lies at the top.
//!
//! Reads the sources as text, without their comments and strings where those do not count. Every
//! check is a function from a text to complaints, tried on a bad sample below, so that it can fail.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

use std::fs;
use std::path::PathBuf;

/// The ground: imported by all, and never importing what stands on it.
const GROUND: [&str; 11] = [
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
    "planted",
];
/// Rooms that know the ground and themselves, never each other.
const ROOMS: [&str; 4] = ["ledger", "inventory", "journal", "catalog"];
/// Sees all rooms.
const HALL: &str = "engine";
/// Outside the engine, though in the crate: they know its public names, and those named here.
const OUTSIDE: [(&str, &[&str]); 4] =
    [("testing", &[]), ("desk", &[]), ("phone", &["desk"]), ("web", &["desk", "phone"])];
/// The program: knows the library from outside only.
const PROGRAM: [&str; 3] = ["main", "cli", "peak"];

const WIDTH_MAX: usize = 100;
const FUNCTION_LINES_MAX: usize = 70;
/// The line of an attribute that lets one function be longer.
const EXCUSED: &str = "clippy::too_many_lines,";
const SOURCE_LINES_MAX: usize = 400;
const TEST_LINES_MAX: usize = 600;
/// One file that is one thing and would only be torn apart, with a limit of its own.
const LONGER: [(&str, usize); 1] = [("src/ledger/shard.rs", 420)];

/// What may lie at the top beside hidden files and what `.gitignore` names.
const TOP: [&str; 14] = [
    "Cargo.toml",
    "askama.toml",
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
];

/// The text with comments and the insides of strings and characters blanked, line by line.
fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let starts = |at: usize, what: &str| {
        what.chars().enumerate().all(|(n, c)| chars.get(at + n) == Some(&c))
    };
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = if starts(at, "//") {
            find(&chars, at, |n| chars[n] == '\n')
        } else if starts(at, "/*") {
            find(&chars, at + 2, |n| starts(n, "*/")) + 2
        } else if let Some(hashes) = raw_string(&chars, at) {
            let close = format!("\"{}", "#".repeat(hashes));
            find(&chars, at + hashes + 2, |n| starts(n, &close)) + 1 + hashes
        } else if chars[at] == '"' {
            quoted(&chars, at, '"')
        } else if chars[at] == '\'' && (starts(at + 1, "\\") || starts(at + 2, "'")) {
            quoted(&chars, at, '\'')
        } else {
            code.push(chars[at]);
            at += 1;
            continue;
        };
        let end = end.min(chars.len());
        code.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    code
}

fn find(chars: &[char], from: usize, is_it: impl Fn(usize) -> bool) -> usize {
    (from..chars.len()).find(|at| is_it(*at)).unwrap_or(chars.len())
}

/// The number of hashes, if a raw string begins here.
fn raw_string(chars: &[char], at: usize) -> Option<usize> {
    let in_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    if chars[at] != 'r' || (in_word && chars[at - 1] != 'b') {
        return None;
    }
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    (chars.get(at + 1 + hashes) == Some(&'"')).then_some(hashes)
}

/// Where a quoted piece that begins at `at` ends.
fn quoted(chars: &[char], at: usize, quote: char) -> usize {
    let mut end = at + 1;
    while end < chars.len() && chars[end] != quote {
        end += if chars[end] == '\\' { 2 } else { 1 };
    }
    end + 1
}

/// The module of the crate root that a file belongs to.
fn module(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
}

/// Names of root modules that the code of one file reaches for, with their lines.
fn imports(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for root in ["crate::", "super::"] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let line = code[..at].matches('\n').count() + 1;
            let rest = &code[at + root.len()..];
            let names = match rest.strip_prefix('{') {
                Some(group) => first_names(group),
                None => vec![first_name(rest)],
            };
            // A `super` may be any module; only the names of the root's own modules count.
            let counts = |name: &str| root == "crate::" || is_root_module(name);
            found.extend(names.into_iter().filter(|n| counts(n)).map(|name| (line, name)));
        }
    }
    found
}

fn is_root_module(name: &str) -> bool {
    let listed = GROUND.iter().chain(&ROOMS).chain(&PROGRAM).any(|module| *module == name);
    listed || name == HALL || OUTSIDE.iter().any(|(module, _)| *module == name)
}

fn first_name(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The first name of each part of a group in braces.
fn first_names(group: &str) -> Vec<String> {
    let (mut depth, mut names, mut fresh) = (1, Vec::new(), true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => fresh = true,
            c if fresh && !c.is_whitespace() => {
                names.push(first_name(&group[at..]));
                fresh = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

fn may_import(from: &str, to: &str, path: &str) -> bool {
    if from == to || from == "lib" {
        return true;
    }
    if PROGRAM.contains(&from) {
        return PROGRAM.contains(&to);
    }
    if let Some((_, others)) = OUTSIDE.iter().find(|(module, _)| *module == from) {
        let public = !is_root_module(to) || ["limits", "log_store"].contains(&to);
        return public || others.contains(&to);
    }
    // The error type carries the catalog's; nothing else on the ground looks up.
    let excused = path == "src/error.rs" && to == "catalog";
    excused || GROUND.contains(&to) || (from == HALL && ROOMS.contains(&to))
}

/// Imports that go up or sideways, and modules that no layer lists.
fn bad_imports(path: &str, text: &str) -> Vec<String> {
    let own = module(path);
    if own != "lib" && !is_root_module(own) {
        return vec![format!("{path}:1: {own} is in no layer; list it in tests/tidy.rs")];
    }
    let reached = imports(&code_only(text));
    let bad = reached.into_iter().filter(|(_, to)| !may_import(own, to, path));
    bad.map(|(line, to)| format!("{path}:{line}: {own} must not import {to}")).collect()
}

/// Functions by line, name and length, as far as braces tell.
fn functions(text: &str) -> Vec<(usize, String, usize)> {
    let code = code_only(text);
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let before = code[..at].chars().next_back();
        let name = first_name(&code[at + 3..]);
        let open = code[at..].find('{');
        // A declaration without a body ends before any brace; `[u8; 4]` does not end it.
        let ends = code[at..].find(";\n").or_else(|| code[at..].find("; ")).unwrap_or(code.len());
        let (Some(open), false) = (open, name.is_empty()) else { continue };
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_')
            || (ends < open && !code[at..at + ends].ends_with(|c: char| c.is_alphanumeric()))
        {
            continue;
        }
        let mut depth = 0;
        let body = code[at + open..].char_indices().find(|(_, c)| {
            depth += i32::from(*c == '{') - i32::from(*c == '}');
            depth == 0
        });
        let end = body.map_or(code.len(), |(length, _)| at + open + length);
        let line = code[..at].matches('\n').count() + 1;
        found.push((line, name, code[at..end].matches('\n').count() + 1));
    }
    found
}

/// Files and functions that have grown beyond what one reads at a sitting.
fn bad_lengths(path: &str, text: &str) -> Vec<String> {
    let mut bad = Vec::new();
    let usual = if path.starts_with("src/") { SOURCE_LINES_MAX } else { TEST_LINES_MAX };
    let limit = LONGER.iter().find(|(file, _)| *file == path).map_or(usual, |(_, limit)| *limit);
    let lines = text.lines().count();
    if lines > limit {
        bad.push(format!("{path}:{limit}: {lines} lines, {limit} at most: is it still one thing?"));
    }
    for (line, name, length) in functions(text) {
        // An `#[expect]` with its reason, as the lints ask for it.
        let before = text.lines().take(line).skip(line.saturating_sub(8));
        let excused = before.into_iter().any(|line| line.trim() == EXCUSED);
        if length > FUNCTION_LINES_MAX && !excused {
            bad.push(format!(
                "{path}:{line}: {name} has {length} lines, {FUNCTION_LINES_MAX} at most"
            ));
        }
    }
    bad
}

/// Letters, widths, leftovers.
fn bad_text(path: &str, text: &str) -> Vec<String> {
    let mut bad = Vec::new();
    let mut say = |line: usize, what: &str| bad.push(format!("{path}:{line}: {what}"));
    let rust = path.rsplit_once('.').is_some_and(|(_, ending)| ending == "rs");
    if rust && !text.starts_with("//!") {
        say(1, "does not begin by saying which question it answers (`//!`)");
    }
    // Put together here, so that this file does not complain about itself.
    let markers = [["FIX", "ME"], ["TO", "DO"], ["XX", "X"]].map(|parts| parts.concat());
    let places = ["work", "home", "root", "tmp"].map(|name| format!("/{name}/"));
    for (number, line) in (1..).zip(text.lines()) {
        // A string cannot be broken by the formatter; a table of a document neither.
        if rust && line.chars().count() > WIDTH_MAX && !line.contains('"') {
            say(number, "wider than 100");
        }
        if !line.is_ascii() {
            say(number, "a letter that is not ASCII");
        }
        if markers.iter().any(|marker| line.contains(marker)) {
            say(number, "unfinished by its own word");
        }
        if line.contains('\t') || line.ends_with(' ') {
            say(number, "a tab, or a space at the end");
        }
        let documented = path.starts_with("src/") || !rust;
        if documented && places.iter().any(|place| line.contains(place)) {
            say(number, "an absolute path of some machine");
        }
    }
    bad
}

/// `matches!` as a statement of its own, which asserts nothing.
fn bare_matches(path: &str, text: &str) -> Vec<String> {
    let code = code_only(text);
    let mut bad = Vec::new();
    for (at, found) in code.match_indices("matches!(") {
        let before = code[..at].trim_end().chars().next_back();
        let mut depth = 0;
        let end = code[at + found.len() - 1..].char_indices().find(|(_, c)| {
            depth += i32::from(*c == '(') - i32::from(*c == ')');
            depth == 0
        });
        let after = end.and_then(|(n, _)| code[at + found.len() + n..].trim_start().chars().next());
        if matches!(before, None | Some(';' | '{' | '}')) && after == Some(';') {
            let line = code[..at].matches('\n').count() + 1;
            bad.push(format!("{path}:{line}: a bare matches! asserts nothing"));
        }
    }
    bad
}

/// Names that say nothing about what is inside.
fn bad_name(path: &str) -> Vec<String> {
    let part = |part: &str| {
        let stem = part.trim_end_matches(".rs");
        part == "mod.rs" || ["util", "utils", "common", "misc", "helpers"].contains(&stem)
    };
    let bad = path.split('/').any(part);
    bad.then(|| format!("{path}:1: a module named after nothing in particular"))
        .into_iter()
        .collect()
}

/// Tests that a document names as `file::name` and that are not there.
fn missing_tests(path: &str, text: &str, has: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut bad = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        // Every second piece stands between backticks.
        for piece in line.split('`').skip(1).step_by(2) {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            let Some((file, name)) = piece.split_once("::") else { continue };
            if file.chars().all(plain) && name.chars().all(plain) && !has(file, name) {
                bad.push(format!("{path}:{number}: there is no test {piece}"));
            }
        }
    }
    bad
}

fn unlisted<'a>(names: &'a [String], ignored: &str) -> Vec<&'a String> {
    let known = |name: &str| {
        let by_git = ignored.lines().any(|line| line.trim_end_matches('/') == name);
        name.starts_with('.') || TOP.contains(&name) || by_git
    };
    names.iter().filter(|name| !known(name)).collect()
}

/// Every file below the roots that there are (or that is one) with the ending.
fn texts(roots: &[&str], ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut left: Vec<PathBuf> = roots.iter().map(PathBuf::from).filter(|p| p.exists()).collect();
    while let Some(path) = left.pop() {
        if path.is_dir() && !path.ends_with("target") {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|found| found == ending) {
            let name = path.to_string_lossy().replace('\\', "/");
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    found.sort();
    found
}

fn rust() -> Vec<(String, String)> {
    texts(&["src", "tests", "benches", "examples", "fuzz"], "rs")
}

fn none(bad: &[String]) {
    assert!(bad.is_empty(), "\n{}\n", bad.join("\n"));
}

#[test]
fn layers_import_one_way() {
    let files = texts(&["src"], "rs");
    assert!(files.len() > 10, "the sources were not found");
    let bad: Vec<_> = files.iter().flat_map(|(path, text)| bad_imports(path, text)).collect();
    none(&bad);
}

#[test]
fn files_and_functions_are_short() {
    let bad: Vec<_> = rust().iter().flat_map(|(path, text)| bad_lengths(path, text)).collect();
    none(&bad);
}

#[test]
fn texts_are_plain_and_finished() {
    let mut files = rust();
    files.extend(texts(&["docs", "README.md", "ARCHITECTURE.md", "CHANGELOG.md"], "md"));
    let mut bad: Vec<_> = files.iter().flat_map(|(path, text)| bad_text(path, text)).collect();
    bad.extend(rust().iter().flat_map(|(path, text)| bare_matches(path, text)));
    bad.extend(rust().iter().flat_map(|(path, _)| bad_name(path)));
    none(&bad);
}

#[test]
fn every_test_that_the_documents_name_is_there() {
    let has = |file: &str, name: &str| {
        let text = fs::read_to_string(format!("tests/{file}.rs")).unwrap_or_default();
        text.contains(&format!("fn {name}("))
    };
    let files = texts(&["README.md", "ARCHITECTURE.md"], "md");
    let bad: Vec<_> =
        files.iter().flat_map(|(path, text)| missing_tests(path, text, has)).collect();
    none(&bad);
}

#[test]
fn nothing_is_left_lying_at_the_top() {
    let entries = fs::read_dir(".").unwrap();
    let names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    let ignored = fs::read_to_string(".gitignore").unwrap_or_default();
    let bad = unlisted(&names, &ignored);
    assert!(bad.is_empty(), "not in the list of tests/tidy.rs: {bad:?}");
}

#[test]
fn the_check_of_layers_can_fail() {
    let count = |path, text| bad_imports(path, text).len();
    assert_eq!(count("src/ledger/shard.rs", "use crate::inventory::Day;"), 1);
    assert_eq!(count("src/ledger.rs", "use crate::{id::Seq, journal::{Commit, Feed}};"), 1);
    assert_eq!(count("src/record.rs", "fn f() { crate::engine::open() }"), 1);
    assert_eq!(count("src/inventory.rs", "use super::ledger::Shard;"), 1);
    assert_eq!(count("src/limits.rs", "use crate::catalog::Catalog;"), 1);
    assert_eq!(count("src/engine/grant.rs", "use crate::peak::run;"), 1);
    assert_eq!(count("src/peak/audit.rs", "use crate::engine::Engine;"), 1);
    assert_eq!(count("src/journal.rs", "use crate::Engine;"), 1);
    assert_eq!(count("src/novelty.rs", ""), 1);
    let told = bad_imports("src/ledger.rs", "//! Who?\n\nuse crate::engine::Engine;\n");
    assert_eq!(told, ["src/ledger.rs:3: ledger must not import engine"]);

    assert_eq!(count("src/engine.rs", "use crate::{ledger::Shard, journal::Journal};"), 0);
    assert_eq!(count("src/error.rs", "use crate::catalog::CatalogError;"), 0);
    assert_eq!(count("src/ledger.rs", "// as crate::engine does\nuse super::entry::Entry;"), 0);
    assert_eq!(count("src/peak.rs", "use crate::cli::Problem; use cupo::Engine;"), 0);
}

#[test]
fn the_check_of_lengths_can_fail() {
    let body = "    let x = '{'; // {\n".repeat(FUNCTION_LINES_MAX);
    let long = format!("fn short() {{}}\nfn g(a: [u8; 2]) -> u8 {{\n{body}}}\n");
    let told = bad_lengths("src/x.rs", &long);
    assert_eq!(told, ["src/x.rs:2: g has 72 lines, 70 at most"]);
    let excused = long.replace("fn g", &format!("#[expect(\n    {EXCUSED}\n)]\nfn g"));
    assert!(bad_lengths("src/x.rs", &excused).is_empty());
    assert_eq!(bad_lengths("src/x.rs", &"\n".repeat(401)).len(), 1);
    assert_eq!(bad_lengths("tests/x.rs", &"\n".repeat(600)).len(), 0);
    let declared = format!("trait T {{\n    fn f(&self);\n{}}}\n", "    // more\n".repeat(90));
    assert!(bad_lengths("src/x.rs", &declared).is_empty());
    assert_eq!(code_only("a\"{\\\"\"b'{'c r#\"\"{\"#d<'e>/*{*/"), "a     b   c        d<'e>     ");
}

#[test]
fn the_check_of_texts_can_fail() {
    let count = |path, text: &str| bad_text(path, text).len();
    assert_eq!(count("src/x.rs", "fn main() {}"), 1);
    assert_eq!(count("src/x.rs", &format!("//! {}", "x".repeat(120))), 1);
    assert_eq!(count("README.md", "caf\u{e9}"), 1);
    assert_eq!(count("tests/x.rs", &format!("//! Why?\n// {}: later", ["TO", "DO"].concat())), 1);
    assert_eq!(count("docs/x.md", &format!("see /{}/someone/file", "home")), 1);
    assert_eq!(count("src/x.rs", "//! Why?\n\tlet x;"), 1);
    assert_eq!(count("src/x.rs", "//! Why?\n"), 0);

    let count = |text: &str| bare_matches("tests/x.rs", text).len();
    assert_eq!(count("fn f() {\n    matches!(\n        a,\n        Some(_)\n    );\n}"), 1);
    assert_eq!(count("f();\nmatches!(a, (b));"), 1);
    assert_eq!(
        count("assert!(matches!(a, b)); let c = matches!(a, b); if x { matches!(a, b) }"),
        0
    );

    let told = missing_tests("README.md", "see\n`a::b` and `A::b`, `a::c`", |_, name| name == "c");
    assert_eq!(told, ["README.md:2: there is no test a::b"]);
    assert_eq!(bad_name("src/engine/mod.rs").len() + bad_name("src/util.rs").len(), 2);
    assert_eq!(bad_name("src/engine/utility.rs").len(), 0);
    let names = ["notes.txt", "target", "src", ".ci"].map(String::from);
    assert_eq!(unlisted(&names, "target/\n"), ["notes.txt"]);
}
