//! What do ten thousand listeners cost who hear nothing?
//!
//! Measured: the resident memory of a service (a process of its own) before and after so many
//! connections each follow `/v1/events/stream`, and the time until one booking has reached all of
//! them. Not measured: the kernel's memory for sockets, TLS, the clients. A machine that allows too
//! few open files (`ulimit -n`) is told what it would need.
//!
//! usage: cargo bench --features web --bench streams -- [--listeners N] [--most MiB]

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    unreachable_pub,
    missing_docs,
    reason = "a benchmark measures, and has no readers but its own"
)]

#[path = "stage/process.rs"]
mod process;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cupo::web::{Settings, serve, stop_on_signals};
use process::{allow, number};

/// Files a process needs beside its connections.
const OTHER_FILES: u64 = 300;

struct Service {
    child: Child,
    address: SocketAddr,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    fn start(dir: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("--as-service").arg(dir).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { address: line.trim().parse().unwrap(), child }
    }

    /// Resident memory in MiB.
    fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1_024
    }

    fn send(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// A listener that has been answered.
    fn listen(&self) -> TcpStream {
        let request = "GET /v1/events/stream HTTP/1.1\r\nhost: service\r\n\
                       authorization: Bearer demo-partner\r\n\r\n";
        let mut stream = self.send(request);
        read_until(&mut stream, "\nid: ");
        stream
    }

    /// Books the first place there is.
    fn book(&self) {
        let get = "GET /v1/availability/first?service=passport HTTP/1.1\r\nhost: service\r\n\
                   connection: close\r\n\r\n";
        let mut found = String::new();
        self.send(get).read_to_string(&mut found).unwrap();
        let at = found.find("\"slot\":\"").expect(&found) + "\"slot\":\"".len();
        let slot = found[at..].split('"').next().unwrap();
        let body = format!(
            r#"{{"slot":"{slot}","services":["passport"],"party":"{:032x}"}}"#,
            std::process::id()
        );
        let post = format!(
            "POST /v1/bookings HTTP/1.1\r\nhost: service\r\nauthorization: Bearer demo-partner\r\n\
             idempotency-key: one\r\ncontent-type: application/json\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut answer = String::new();
        self.send(&post).read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }
}

/// Reads until a text has come.
fn read_until(stream: &mut TcpStream, text: &str) {
    let (mut seen, mut buffer) = (String::new(), [0; 2_048]);
    while !seen.contains(text) {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "the service hung up: {seen}");
        seen += &String::from_utf8_lossy(&buffer[..read]);
    }
    assert!(seen.starts_with("HTTP/1.1 200") || !seen.starts_with("HTTP"), "{seen}");
}

/// The service itself.
fn service(dir: &Path) {
    let settings = Settings {
        dir: dir.to_path_buf(),
        listen: "127.0.0.1:0".parse().unwrap(),
        connections_max: 50_000,
        requests_per_second: 1_000_000,
        ..Settings::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime
        .block_on(serve(settings, |served| {
            stop_on_signals(served.app.stop.clone()).unwrap();
            println!("{}", served.address);
        }))
        .unwrap();
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, dir, ..] = &arguments[..]
        && first == "--as-service"
    {
        return service(Path::new(dir));
    }
    // As a test, a few are enough.
    let few = arguments.iter().any(|argument| argument == "--test");
    let listeners = number("--listeners", if few { 100 } else { 10_000 });
    let most = number("--most", 200);
    allow(listeners + OTHER_FILES);
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path());
    // What the first listener and the first booking cost is not theirs.
    let first = service.listen();
    let before = service.resident();
    let mut streams = vec![first];
    while (streams.len() as u64) < listeners {
        streams.push(service.listen());
    }
    let after = service.resident();
    println!("{listeners} listeners: {before} MiB before, {after} MiB after");
    let cost = after.saturating_sub(before);
    println!("{cost} MiB more, {} bytes each", cost * 1_024 * 1_024 / listeners);

    let began = Instant::now();
    service.book();
    for stream in &mut streams {
        read_until(stream, "cupo.claim.booked");
    }
    println!("one booking has reached all of them after {} ms", began.elapsed().as_millis());
    println!("{} MiB then", service.resident());
    assert!(cost < most, "{cost} MiB for {listeners} listeners; {most} allowed");
}
