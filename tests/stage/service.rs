//! A real service in a process of its own, and a plain client that can be as rude as it likes.

#![allow(
    clippy::print_stdout,
    dead_code,
    reason = "a test may panic, and has no readers but its own"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use cupo::SystemClock;
use serde_json::Value;

/// A service that is up; killed when dropped.
pub struct Service {
    pub child: Child,
    pub address: SocketAddr,
    /// What it said when it was ready.
    pub told: Value,
}

/// `cupo serve` with these arguments and nothing from the environment.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cupo"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CUPO_")) {
        command.env_remove(name);
    }
    command.arg("serve").args(arguments).stdin(Stdio::null());
    command
}

impl Service {
    /// Starts one on a directory and a free port.
    pub fn start(dir: &Path, arguments: &[&str]) -> Self {
        Self::from(&mut command(&[&["--dir", dir.to_str().unwrap()], arguments].concat()))
    }

    /// Starts what `command` says, on a free port.
    pub fn from(command: &mut Command) -> Self {
        command.args(["--json", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("it did not start: {line}"));
        let address = told["address"].as_str().unwrap().strip_prefix("http://").unwrap();
        Self { address: address.parse().unwrap(), child, told }
    }

    pub fn connect(&self) -> Client {
        Client::to(self.address)
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Waits until it has ended by itself; how, or nothing after `seconds`.
    pub fn ended(&mut self, seconds: u64) -> Option<ExitStatus> {
        let clock = SystemClock::new();
        while clock.elapsed() < Duration::from_secs(seconds) {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One connection.
pub struct Client {
    pub stream: TcpStream,
    rest: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in small letters.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Client {
    pub fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self { stream, rest: Vec::new() }
    }

    pub fn write(&mut self, text: &str) -> std::io::Result<()> {
        self.stream.write_all(text.as_bytes())
    }

    /// Sends a request and reads its answer; nothing if the connection ended first.
    pub fn ask(&mut self, head: &str, body: &str) -> Option<Answer> {
        let length = body.len();
        let text = format!("{head}\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}");
        self.write(&text).ok()?;
        self.answer()
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1"), "").unwrap()
    }

    /// Reads one answer, with a body of a known length or in chunks; not one without end.
    pub fn answer(&mut self) -> Option<Answer> {
        let head = self.until(b"\r\n\r\n")?;
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers: Vec<_> = headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut answer = Answer { status, headers, body: Vec::new() };
        if let Some(length) = answer.header("content-length") {
            let length = length.parse().unwrap();
            answer.body = self.exactly(length)?;
        } else if answer.header("transfer-encoding") == Some("chunked") {
            while let Some(length) = self.chunk() {
                answer.body.extend(self.exactly(length)?);
                self.exactly(2)?;
                if length == 0 {
                    break;
                }
            }
        }
        Some(answer)
    }

    fn chunk(&mut self) -> Option<usize> {
        let line = String::from_utf8(self.until(b"\r\n")?).unwrap();
        usize::from_str_radix(line.trim(), 16).ok()
    }

    fn until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.rest.windows(end.len()).position(|part| part == end) {
                let after = self.rest.split_off(at + end.len());
                return Some(std::mem::replace(&mut self.rest, after));
            }
            self.more()?;
        }
    }

    fn exactly(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.rest.len() < length {
            self.more()?;
        }
        let after = self.rest.split_off(length);
        Some(std::mem::replace(&mut self.rest, after))
    }

    fn more(&mut self) -> Option<()> {
        let mut buffer = [0; 16 << 10];
        match self.stream.read(&mut buffer) {
            Ok(0) | Err(_) => None,
            Ok(length) => {
                self.rest.extend_from_slice(&buffer[..length]);
                Some(())
            }
        }
    }

    /// How long it takes until the other side closes; what came before that is thrown away.
    pub fn closed_after(&mut self, at_most: Duration) -> Option<Duration> {
        let clock = SystemClock::new();
        let mut buffer = [0; 4 << 10];
        while clock.elapsed() < at_most {
            let left = at_most.saturating_sub(clock.elapsed()).max(Duration::from_millis(1));
            self.stream.set_read_timeout(Some(left)).unwrap();
            match self.stream.read(&mut buffer) {
                Ok(0) => return Some(clock.elapsed()),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return None,
                Err(_) => return Some(clock.elapsed()),
            }
        }
        None
    }
}
