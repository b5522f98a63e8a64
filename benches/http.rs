//! How fast is the service over HTTP, beside the same JSON with nothing behind it?
//!
//! Measured: hold and confirm, one after the other on each of many kept connections, by a program
//! with a key, every answer durable on the disk of the directory; the same with the person stored;
//! availability while half of that load goes on. Service and bare handler are processes of their
//! own, driven by the same client on the same machine, in turns of one run. Not measured: TLS, a
//! network, connections that come and go.
//!
//! usage: cargo bench --features web --bench http -- [--json] [--seconds N] [--rounds N]
//!        [--connections N] [--dir DIR]

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    clippy::disallowed_methods,
    unreachable_pub,
    missing_docs,
    reason = "a benchmark measures, and has no readers but its own"
)]

#[path = "stage/http/bare.rs"]
mod bare;
#[path = "stage/fair.rs"]
mod fair;
#[path = "stage/http/load.rs"]
mod load;

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cupo::web::{Settings, serve, stop_on_signals};
use load::Load;
use tokio::runtime::Runtime;

/// Everybody who books is somebody new.
static NEXT: AtomicU64 = AtomicU64::new(1);

struct Options {
    json: bool,
    seconds: u64,
    rounds: usize,
    connections: usize,
    dir: Option<PathBuf>,
}

/// A process that is measured.
struct Server {
    child: Child,
    address: SocketAddr,
}

fn say(address: &str) {
    println!("{address}");
    std::io::stdout().flush().unwrap();
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("--as-bare") => threads().block_on(bare::serve()).unwrap(),
        Some("--as-service") => service(Path::new(&arguments[1])),
        _ => measure(&options(&arguments)),
    }
}

fn threads() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}

fn options(arguments: &[String]) -> Options {
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let number = |name: &str, usual: usize| value(name).map_or(usual, |text| text.parse().unwrap());
    // `cargo bench -- --test` only wants to know whether it runs.
    let trial = arguments.iter().any(|argument| argument == "--test");
    Options {
        json: arguments.iter().any(|argument| argument == "--json"),
        seconds: number("--seconds", if trial { 1 } else { 4 }) as u64,
        rounds: number("--rounds", if trial { 1 } else { 3 }),
        connections: number("--connections", 256),
        dir: value("--dir").map(PathBuf::from),
    }
}

fn service(dir: &Path) {
    let settings = Settings {
        dir: dir.join("data"),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        catalog: Some(dir.join("catalog.toml")),
        key_requests_per_second: 1_000_000,
        ..Settings::default()
    };
    let ready = |served: &cupo::web::Served| {
        stop_on_signals(served.app.stop.clone()).unwrap();
        say(&served.address.to_string());
    };
    threads().block_on(serve(settings, ready)).unwrap();
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, address: line.trim().parse().unwrap() }
    }
}

/// Processor time of a process so far, in seconds.
fn cpu(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let after = stat.rsplit(')').next().unwrap();
    let field = |n: usize| after.split_whitespace().nth(n).unwrap().parse::<f64>().unwrap();
    // User and system time, in hundredths of a second on every Linux there is.
    (field(11) + field(12)) / 100.0
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a round came to.
#[derive(Clone, Copy, Debug, Default)]
struct Round {
    pairs_a_second: f64,
    /// Processor time of the server for a pair, in microseconds.
    cpu_us: f64,
    /// And of the client.
    client_us: f64,
}

/// A load on a server, and what it cost both sides.
fn pairs(server: &Server, mut load: Load) -> Round {
    load.address = server.address;
    load.first = NEXT.fetch_add(1 << 32, Ordering::Relaxed);
    let (own, other) = (cpu(std::process::id()), cpu(server.child.id()));
    let (made, elapsed) = load::run(load);
    let each = |before: f64, id: u32| (cpu(id) - before) * 1e6 / (made as f64).max(1.0);
    Round {
        pairs_a_second: made as f64 / elapsed,
        cpu_us: each(other, server.child.id()),
        client_us: each(own, std::process::id()),
    }
}

fn at(sorted: &[Duration], part: f64) -> f64 {
    let place = ((sorted.len() as f64 * part) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(place).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

fn median(mut rounds: Vec<Round>) -> Round {
    rounds.sort_by(|a, b| a.pairs_a_second.total_cmp(&b.pairs_a_second));
    rounds[rounds.len() / 2]
}

const QUESTIONS: [(&str, &str); 2] = [
    ("first", "/v1/availability/first?service=s&limit=5"),
    ("five offices, 31 days", "/v1/availability?service=s&offices=o1,o2,o3,o4,o5"),
];

fn measure(options: &Options) {
    let room = match &options.dir {
        Some(dir) => tempfile::tempdir_in(dir).unwrap(),
        None => tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap(),
    };
    std::fs::write(room.path().join("catalog.toml"), fair::catalog_text(57, 400, 30)).unwrap();
    let real = Server::start(&["--as-service", room.path().to_str().unwrap()]);
    let bare = Server::start(&["--as-bare"]);
    let seconds = options.seconds as f64;
    let run = |server: &Server, person, paced, seconds| {
        let (address, connections) = (server.address, options.connections);
        pairs(server, Load { address, connections, seconds, person, paced, first: 0 })
    };
    run(&bare, false, None, 0.3);
    run(&real, false, None, seconds.min(2.0));
    let (mut of_bare, mut of_real) = (Vec::new(), Vec::new());
    let (mut of_bare_person, mut of_person) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        of_bare.push(run(&bare, false, None, seconds));
        of_real.push(run(&real, false, None, seconds));
        of_bare_person.push(run(&bare, true, None, seconds));
        of_person.push(run(&real, true, None, seconds));
    }
    let (plain_bare, plain) = (median(of_bare), median(of_real));
    let (person_bare, person) = (median(of_bare_person), median(of_person));
    let half = plain.pairs_a_second / 2.0;
    let mut asked = Vec::new();
    for (name, path) in QUESTIONS {
        let address = real.address;
        let asking = std::thread::spawn(move || load::times(address, path, seconds));
        let under = run(&real, false, Some(half), seconds);
        asked.push((name, asking.join().unwrap(), under.pairs_a_second));
    }
    let rows = [("party", plain_bare, plain), ("person stored", person_bare, person)];
    tell(options, &rows, &asked);
}

type Asked = (&'static str, Vec<Duration>, f64);

fn tell(options: &Options, rows: &[(&str, Round, Round)], asked: &[Asked]) {
    if options.json {
        let pairs = rows.iter().map(|(name, bare, real)| {
            serde_json::json!({
                "what": name,
                "bare_pairs_a_second": bare.pairs_a_second,
                "pairs_a_second": real.pairs_a_second,
                "ratio": real.pairs_a_second / bare.pairs_a_second,
                "bare_cpu_us": bare.cpu_us,
                "cpu_us": real.cpu_us,
                "bare_client_us": bare.client_us,
                "client_us": real.client_us,
            })
        });
        let asked = asked.iter().map(|(name, times, under)| {
            serde_json::json!({
                "what": name, "pairs_a_second_meanwhile": under, "asked": times.len(),
                "p50_ms": at(times, 0.5), "p99_ms": at(times, 0.99), "max_ms": at(times, 1.0),
            })
        });
        let told = serde_json::json!({
            "connections": options.connections,
            "pairs": pairs.collect::<Vec<_>>(),
            "availability": asked.collect::<Vec<_>>(),
        });
        println!("{told}");
        return;
    }
    println!("hold and confirm, {} connections, durable", options.connections);
    println!(
        "{:<24}{:>14}{:>14}{:>8}{:>18}{:>18}",
        "", "bare pairs/s", "pairs/s", "ratio", "server us/pair", "client us/pair"
    );
    for (name, bare, real) in rows {
        println!(
            "{name:<24}{:>14.0}{:>14.0}{:>8.2}{:>10.1},{:>7.1}{:>10.1},{:>7.1}",
            bare.pairs_a_second,
            real.pairs_a_second,
            real.pairs_a_second / bare.pairs_a_second,
            bare.cpu_us,
            real.cpu_us,
            bare.client_us,
            real.client_us
        );
    }
    println!("\navailability at half load");
    println!(
        "{:<24}{:>14}{:>14}{:>10}{:>10}{:>10}",
        "", "asked", "pairs/s", "p50 ms", "p99 ms", "max ms"
    );
    for (name, times, under) in asked {
        println!(
            "{name:<24}{:>14}{under:>14.0}{:>10.2}{:>10.2}{:>10.2}",
            times.len(),
            at(times, 0.5),
            at(times, 0.99),
            at(times, 1.0)
        );
    }
}
