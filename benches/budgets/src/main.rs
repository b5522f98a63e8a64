//! Has an operation become more expensive? Instructions of each, counted by callgrind, against a
//! budget.
//!
//! Counted: one operation, averaged over a batch, of an engine without threads and without chance
//! (`Builder::seeded`), so that two runs differ by nothing, and machines by little: the system's
//! `memcpy` and allocator. The journal is in memory; its share (encoding, ring, frame, checksum) is
//! in every change. Not counted: the disk, caches, waiting. A rise of more than 5 % above the
//! budget fails. Budgets are those of one compiler: with another nothing is compared, and they are
//! renewed together with it.
//!
//! Callgrind is asked directly, by a wildcard for the one function to count in. A harness such as
//! gungraun (0.20) does the same by way of a runner that has to be installed first: some 170 crates
//! and, measured, 216 seconds of a processor to build, where all of this takes 30 and counts for 8.
//!
//! usage: cargo budgets [--renew] [--only NAME] [--list] [--help]
//!
//!   --renew       writes what was counted as the new budgets
//!   --only NAME   counts this operation alone
//!   --list        names all of them
//!
//! Exit status: 0 if all keep their budgets, 1 if one does not, 77 (and why) if nothing can be
//! counted or compared here.

mod scenes;

#[path = "../../stage/fair.rs"]
#[allow(clippy::pedantic, reason = "checked with the crate's own benchmarks")]
mod fair;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::{env, fs, thread};

use scenes::{SCENES, Scene};

/// Percent above the budget that fail.
const RISE: u64 = 5;
/// The function to count in, however its name is mangled.
const COUNTED: &str = "--toggle-collect=*budgets*counted_from_here*";
const CANNOT: u8 = 77;

/// Callgrind counts while this runs.
#[inline(never)]
fn counted_from_here(work: &mut dyn FnMut()) {
    work();
    // A call in the last place would leave this function before it begins.
    black_box(());
}

/// The counts of a compiler.
#[derive(Default)]
struct Budgets {
    compiler: String,
    counts: BTreeMap<String, u64>,
}

impl Budgets {
    fn file() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("budgets.toml")
    }

    fn read() -> Option<Self> {
        let table: toml::Table = fs::read_to_string(Self::file()).ok()?.parse().ok()?;
        let counts = table.get("instructions")?.as_table()?;
        let count = |(name, count): (&String, &toml::Value)| {
            Some((name.clone(), u64::try_from(count.as_integer()?).ok()?))
        };
        let compiler = table.get("rust")?.as_str()?.to_owned();
        Some(Self { compiler, counts: counts.iter().filter_map(count).collect() })
    }

    fn write(&self) {
        let mut text = format!(
            "# Instructions of one operation. Written by `cargo budgets --renew`; a rise of more \
             than {RISE} %\n# fails. Renew them with the compiler, or for a reason that the commit \
             names.\nrust = \"{}\"\n\n[instructions]\n",
            self.compiler
        );
        let counted = |scene: Scene| Some((scene.name, self.counts.get(scene.name)?));
        for (name, count) in SCENES.into_iter().filter_map(counted) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name} = {count}");
        }
        fs::write(Self::file(), text).expect("the file of the budgets can be written");
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--count", name] => {
            let scene = SCENES.iter().find(|scene| scene.name == name).expect("a scene");
            counted_from_here(&mut *(scene.make)(scene.count));
            ExitCode::SUCCESS
        }
        ["--list"] => {
            for scene in SCENES {
                println!("{:<18} {}", scene.name, scene.what);
            }
            ExitCode::SUCCESS
        }
        [] => compare(None),
        ["--only", name] => compare(Some(name)),
        ["--renew"] => renew(),
        _ => {
            print!("{}", help());
            ExitCode::from(if arguments == ["--help"] { 0 } else { 2 })
        }
    }
}

fn help() -> String {
    let text = include_str!("main.rs").lines().skip_while(|line| !line.contains("usage:"));
    let text = text.map_while(|line| line.strip_prefix("//!"));
    text.map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned() + "\n").collect()
}

/// The version of the compiler, such as `1.95.0`.
fn compiler() -> String {
    let told = Command::new("rustc").arg("--version").output();
    let told = told.map(|told| String::from_utf8_lossy(&told.stdout).into_owned());
    told.unwrap_or_default().split(' ').nth(1).unwrap_or("unknown").to_owned()
}

/// Why nothing can be counted here.
fn obstacle() -> Option<String> {
    if env::consts::ARCH != "x86_64" {
        return Some(format!("budgets are those of x86_64, this is {}", env::consts::ARCH));
    }
    let told = Command::new("valgrind").arg("--version").output();
    (!told.is_ok_and(|told| told.status.success()))
        .then(|| "valgrind is missing (as root: apt-get install valgrind)".to_owned())
}

fn cannot(why: &str) -> ExitCode {
    println!("not counted: {why}");
    ExitCode::from(CANNOT)
}

/// Instructions of one operation.
fn count(scene: &Scene) -> Result<u64, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", COUNTED]);
    let told = valgrind.arg(program).args(["--count", scene.name]).output();
    let told = told.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&told.stderr);
    let collected = text.lines().find_map(|line| line.split_once("Collected :"));
    let collected = collected.and_then(|(_, count)| count.trim().parse::<u64>().ok());
    match collected.filter(|count| told.status.success() && *count > 0) {
        Some(count) => Ok(count / scene.count),
        None => Err(format!("{}: nothing was counted:\n{text}", scene.name)),
    }
}

/// All of them, as many at a time as there are cores.
fn count_all(only: Option<&str>) -> Result<BTreeMap<String, u64>, String> {
    let wanted = SCENES.iter().filter(|scene| only.is_none_or(|only| only == scene.name));
    let (next, counts) = (Mutex::new(wanted), Mutex::new(BTreeMap::new()));
    let work = || {
        loop {
            let scene = next.lock().expect("no thread panics").next();
            let Some(scene) = scene else { return Ok::<(), String>(()) };
            let counted = count(scene)?;
            counts.lock().expect("no thread panics").insert(scene.name.to_owned(), counted);
        }
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no thread panics"))
    })?;
    Ok(counts.into_inner().expect("no thread panics"))
}

fn renew() -> ExitCode {
    if let Some(why) = obstacle() {
        return cannot(&why);
    }
    match count_all(None) {
        Ok(counts) => {
            Budgets { compiler: compiler(), counts }.write();
            ExitCode::SUCCESS
        }
        Err(fault) => {
            println!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn compare(only: Option<&str>) -> ExitCode {
    if let Some(why) = obstacle() {
        return cannot(&why);
    }
    let budgets = Budgets::read().unwrap_or_default();
    let compiler = compiler();
    if budgets.compiler != compiler {
        let of = &budgets.compiler;
        return cannot(&format!(
            "budgets are those of Rust {of}, this is {compiler} (cargo budgets --renew)"
        ));
    }
    let counts = match count_all(only) {
        Ok(counts) => counts,
        Err(fault) => {
            println!("{fault}");
            return ExitCode::FAILURE;
        }
    };
    let mut over = 0;
    println!("{:<18} {:>8} {:>8}", "operation", "budget", "counted");
    for scene in SCENES {
        let Some(counted) = counts.get(scene.name) else { continue };
        let (budget, verdict) = match budgets.counts.get(scene.name) {
            Some(budget) => (*budget, verdict(*budget, *counted)),
            None => (0, Verdict::Over),
        };
        over += u32::from(verdict == Verdict::Over);
        println!("{:<18} {budget:>8} {counted:>8}  {}", scene.name, verdict.told());
    }
    if over > 0 {
        println!("{over} above the budget by more than {RISE} %: mend it, or renew with a reason");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Within,
    Over,
    Under,
}

impl Verdict {
    fn told(self) -> &'static str {
        match self {
            Self::Within => "",
            Self::Over => "OVER",
            Self::Under => "cheaper by more: renew, so that it stays so",
        }
    }
}

fn verdict(budget: u64, counted: u64) -> Verdict {
    if counted * 100 > budget * (100 + RISE) {
        Verdict::Over
    } else if counted * 100 < budget * (100 - RISE) {
        Verdict::Under
    } else {
        Verdict::Within
    }
}

#[cfg(test)]
mod tests {
    use super::{Verdict, verdict};

    #[test]
    fn a_rise_of_more_than_five_percent_is_seen() {
        assert!(verdict(1_000, 1_050) == Verdict::Within);
        assert!(verdict(1_000, 1_051) == Verdict::Over);
        assert!(verdict(1_000, 949) == Verdict::Under);
    }
}
