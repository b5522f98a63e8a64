//! What do five thousand calls at a time cost?
//!
//! Measured: the processor time of a whole service (a process of its own, everything durable) while
//! so many callers at a time book a place over `FastAGI` at the pace of people: sounds take as long
//! as at 150 words a minute, every question is heard to its end, keys take their time, whoever is
//! done is followed by somebody new. Every code is compared with its second reading and with all
//! others, and at the end the engine counts its places. Not measured: the PBX, the sound itself,
//! the callers, who are the other process.
//!
//! usage: cargo bench --features web --bench calls -- [--calls N] [--seconds N] [--most PERCENT]

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    clippy::disallowed_methods,
    unreachable_pub,
    missing_docs,
    reason = "a benchmark measures, and has no readers but its own"
)]

#[path = "stage/process.rs"]
mod process;

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cupo::desk::Language;
use cupo::phone::{Phone, Words, sound, tenths};
use cupo::web::{Settings, serve};
use process::{allow, number};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Files a process needs beside its connections.
const OTHER_FILES: u64 = 300;
/// A whole call at the pace of people takes about so long.
const CALL: Duration = Duration::from_secs(155);
/// Before a key of a menu, and between the digits of a number.
const THOUGHT: Duration = Duration::from_millis(1_200);
const BETWEEN: Duration = Duration::from_millis(400);
/// Where callers live: near ten different offices.
const ZIPS: [&str; 10] =
    ["78701", "02110", "60606", "90012", "77002", "33131", "85003", "98101", "80203", "30303"];

/// The service, and what it says.
struct Service {
    child: Child,
    asks: ChildStdin,
    says: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Service {
    fn start(dir: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("--as-service").arg(dir).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut says = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        says.read_line(&mut line).unwrap();
        let asks = child.stdin.take().unwrap();
        Self { address: line.trim().parse().unwrap(), asks, says, child }
    }

    /// Processor time so far, in seconds.
    fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let after = stat.rsplit(')').next().unwrap();
        let field = |n: usize| after.split_whitespace().nth(n).unwrap().parse::<f64>().unwrap();
        // User and system time, in hundredths of a second on every Linux there is.
        (field(11) + field(12)) / 100.0
    }

    /// Resident memory in MiB.
    fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1_024
    }

    /// Bookings, and what does not add up.
    fn count(&mut self) -> (u64, usize) {
        writeln!(self.asks, "count").unwrap();
        let mut line = String::new();
        self.says.read_line(&mut line).unwrap();
        let (booked, problems) = line.trim().split_once(' ').unwrap();
        (booked.parse().unwrap(), problems.parse().unwrap())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The service itself; counts whenever a line comes in.
fn service(dir: &Path) {
    let listen = Some("127.0.0.1:0".parse().unwrap());
    let settings = Settings {
        dir: dir.to_path_buf(),
        listen: "127.0.0.1:0".parse().unwrap(),
        log: "error".to_owned(),
        phone: Phone { listen, calls_max: 100_000, ..Phone::default() },
        ..Settings::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let ready = |served: &cupo::web::Served| {
        println!("{}", served.phone.unwrap());
        let (engine, stop) = (Arc::clone(&served.app.engine), served.app.stop.clone());
        std::thread::spawn(move || {
            for _ in std::io::stdin().lines() {
                println!("{} {}", engine.stats().booked, engine.audit().problems.len());
            }
            // Whoever measured is gone.
            stop.cancel();
        });
    };
    runtime.block_on(serve(settings, ready)).unwrap();
}

/// What all callers share.
struct Callers {
    address: SocketAddr,
    /// So many times faster than people.
    speed: u32,
    lengths: HashMap<String, Duration>,
    next: AtomicU64,
    /// Commands that were carried out, and calls that ended well.
    commands: AtomicU64,
    calls: AtomicU64,
    /// The sum of their times, in milliseconds at the pace of people.
    took_ms: AtomicU64,
    codes: Mutex<HashSet<String>>,
}

impl Callers {
    fn new(address: SocketAddr, speed: u32) -> Self {
        let words = Words::of(Language::Es);
        let length = |tenths: usize| Duration::from_millis(100 * tenths.max(4) as u64);
        let lengths = Words::sounds();
        let lengths = lengths.iter().map(|clip| (sound(clip), length(tenths(words.text(clip)))));
        Self {
            address,
            speed,
            lengths: lengths.collect(),
            next: AtomicU64::new(0),
            commands: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            took_ms: AtomicU64::new(0),
            codes: Mutex::default(),
        }
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time / self.speed).await;
    }

    /// One call after the other, for ever.
    async fn keep_calling(&self, wait: Duration) {
        self.pass(wait).await;
        loop {
            let began = tokio::time::Instant::now();
            self.call().await;
            let took = began.elapsed() * self.speed;
            self.took_ms.fetch_add(u64::try_from(took.as_millis()).unwrap(), Ordering::Relaxed);
            self.calls.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Books a place, and hears the code.
    async fn call(&self) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let zip = ZIPS[usize::try_from(number).unwrap() % ZIPS.len()];
        // Menu; number, right; birth, right; office; document; no other; one person; take it;
        // confirm it; ready; go on; done.
        let keys = format!("1{}131011990", 2_220_000_000 + number % 7_000_000_000);
        let mut keys: Vec<u8> = format!("{keys}1{zip}112111122").into_bytes();
        keys.reverse();
        let (read, mut write) = TcpStream::connect(self.address).await.unwrap().into_split();
        let prelude = format!(
            "agi_network: yes\nagi_network_script: cita?lang=es\nagi_uniqueid: {number}.1\n\
             agi_callerid: unknown\n\n"
        );
        write.write_all(prelude.as_bytes()).await.unwrap();
        let (mut lines, mut heard) = (tokio::io::BufReader::new(read).lines(), String::new());
        let mut typing = false;
        while let Ok(Some(line)) = lines.next_line().await {
            self.commands.fetch_add(1, Ordering::Relaxed);
            let answer = if line.starts_with("STREAM FILE") {
                let file = line.split('"').nth(1).unwrap().rsplit('/').next().unwrap();
                heard.extend(file.strip_prefix("digit-"));
                typing = false;
                let length = self.lengths.get(file).copied();
                self.pass(length.unwrap_or(Duration::from_secs(1))).await;
                "200 result=0 endpos=8000\n".to_owned()
            } else if line.starts_with("WAIT FOR DIGIT") {
                self.pass(if typing { BETWEEN } else { THOUGHT }).await;
                typing = true;
                format!("200 result={}\n", keys.pop().expect("asked for more keys than planned"))
            } else {
                "200 result=0\n".to_owned()
            };
            if write.write_all(answer.as_bytes()).await.is_err() {
                break;
            }
        }
        assert!(keys.is_empty(), "a call ended with {} keys left", keys.len());
        let code = heard.split_off(heard.len() - 9);
        assert!(heard.ends_with(&code), "the code was read as {heard} and {code}");
        assert!(self.codes.lock().unwrap().insert(code), "a code was given twice");
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, dir, ..] = &arguments[..]
        && first == "--as-service"
    {
        return service(Path::new(dir));
    }
    // As a test, a few in a hurry are enough.
    let few = arguments.iter().any(|argument| argument == "--test");
    let (at_a_time, seconds) = (
        number("--calls", if few { 40 } else { 5_000 }),
        number("--seconds", if few { 3 } else { 60 }),
    );
    allow(at_a_time + OTHER_FILES);
    // A caller who is let down is the end of it.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        usual(panic);
        std::process::exit(1);
    }));
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut service = Service::start(dir.path());
    let callers = Arc::new(Callers::new(service.address, if few { 40 } else { 1 }));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for caller in 0..at_a_time {
        // Spread, so that every part of a call is met at any time.
        let wait = CALL * u32::try_from(caller).unwrap() / u32::try_from(at_a_time).unwrap();
        let callers = Arc::clone(&callers);
        runtime.spawn(async move { callers.keep_calling(wait).await });
    }
    std::thread::sleep(CALL / callers.speed + Duration::from_secs(2));
    let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let (cpu, commands, calls) = (service.cpu(), read(&callers.commands), read(&callers.calls));
    std::thread::sleep(Duration::from_secs(seconds));
    let cpu = (service.cpu() - cpu) / seconds as f64;
    let commands = (read(&callers.commands) - commands) / seconds;
    let (ended, all) = (read(&callers.calls) - calls, read(&callers.calls));
    let (booked, problems) = service.count();
    let thousands = at_a_time as f64 / 1e3;
    let call = read(&callers.took_ms) as f64 / 1e3 / (all as f64).max(1.0);
    println!("{at_a_time} calls at a time for {seconds} s, {call:.0} s each on average");
    println!("{commands} commands a second, {ended} calls ended, {all} in all, every code its own");
    println!("{booked} bookings, {problems} places that do not add up");
    println!("{} MiB resident", service.resident());
    let share = 100.0 * cpu / thousands;
    println!("{:.1} % of one core, {share:.2} % for each 1,000 calls", 100.0 * cpu);
    assert!(all > 0 && problems == 0 && booked >= all);
    let most = number("--most", if few { 0 } else { 5 });
    assert!(most == 0 || share < most as f64, "{share:.2} %; {most} allowed");
}
