//! A lean client: connections that are kept, requests that are strings, answers that are looked at
//! only as far as they are needed.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;

use super::fair::spread;

/// Offices and days of the catalog.
pub const CALENDARS: u64 = 57;
pub const DAYS: u64 = 28;

pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    request: String,
    body: String,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (request, body) = (String::new(), String::new());
        Ok(Self { stream, buffer: Vec::with_capacity(4 << 10), request, body })
    }

    /// Sends a request and reads the whole answer: its status and where its body begins.
    async fn exchange(&mut self) -> io::Result<(u16, usize)> {
        let mut rest = self.request.as_bytes();
        while !rest.is_empty() {
            match self.stream.try_write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.stream.writable().await?;
                }
                Err(error) => return Err(error),
            }
        }
        self.buffer.clear();
        loop {
            self.stream.readable().await?;
            let mut piece = [0; 16 << 10];
            match self.stream.try_read(&mut piece) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => self.buffer.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            }
            if let Some((status, body, end)) = whole(&self.buffer)
                && self.buffer.len() >= end
            {
                return Ok((status, body));
            }
        }
    }

    async fn post(&mut self, path: &str, key: u128) -> io::Result<(u16, usize)> {
        self.request.clear();
        let length = self.body.len();
        let _ = write!(
            self.request,
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer demo-partner\r\n\
             content-type: application/json\r\nidempotency-key: {key:032x}\r\n\
             content-length: {length}\r\n\r\n{}",
            self.body
        );
        self.exchange().await
    }

    /// Hold and confirm for somebody new.
    pub async fn pair(&mut self, number: u64, tomorrow: Day, person: bool) -> io::Result<()> {
        let random = spread(number);
        let (calendar, day, slot) =
            (random % CALENDARS, (random >> 16) % DAYS, (random >> 32) % 96);
        let party = u128::from(random) << 64 | u128::from(number);
        self.body.clear();
        let date = tomorrow.0 + chrono::Days::new(day);
        let _ = write!(self.body, r#"{{"slot":"c{calendar}~{date}~{slot}","services":["s"],"#);
        let _ = if person {
            write!(
                self.body,
                r#""person":{{"name":"Ana Maria Ruiz Lopez","telephone":"+521{:010}","birth_date":"1990-01-31"}}}}"#,
                number % 10_000_000_000
            )
        } else {
            write!(self.body, r#""party":"{party:032x}"}}"#)
        };
        let (status, body) = self.post("/v1/holds", party).await?;
        let id = id(&self.buffer[body..]).filter(|_| status == 201);
        let Some(id) = id.map(str::to_owned) else { return Err(self.wrong(status, body)) };
        self.body.clear();
        let _ = write!(self.body, r#"{{"hold":"{id}"}}"#);
        let (status, body) = self.post("/v1/bookings", party + 1).await?;
        if status == 201 { Ok(()) } else { Err(self.wrong(status, body)) }
    }

    pub async fn get(&mut self, path: &str) -> io::Result<Duration> {
        self.request.clear();
        let _ = write!(
            self.request,
            "GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer demo-partner\r\n\r\n"
        );
        let start = Instant::now();
        let (status, body) = self.exchange().await?;
        if status == 200 { Ok(start.elapsed()) } else { Err(self.wrong(status, body)) }
    }

    fn wrong(&self, status: u16, body: usize) -> io::Error {
        let text = String::from_utf8_lossy(&self.buffer[body..]);
        io::Error::other(format!("answered {status}: {text}"))
    }
}

/// The first date to book.
#[derive(Clone, Copy)]
pub struct Day(pub chrono::NaiveDate);

/// Status, where the body begins and where it ends, once the head is there.
fn whole(answer: &[u8]) -> Option<(u16, usize, usize)> {
    let body = answer.windows(4).position(|part| part == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&answer[..body]).ok()?;
    let status = head.get(9..12)?.parse().ok()?;
    let length = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    Some((status, body, body + length.unwrap_or(0_usize)))
}

fn id(body: &[u8]) -> Option<&str> {
    let at = body.windows(6).position(|part| part == br#""id":""#)? + 6;
    std::str::from_utf8(body.get(at..at + 16)?).ok()
}
