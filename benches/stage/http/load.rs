//! A lean client: one thread, one `epoll`, connections that are kept, requests that are strings,
//! answers that are looked at only as far as they are needed.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::epoll;

use super::fair::spread;

/// Offices and days of the catalog.
pub const CALENDARS: u64 = 57;
pub const DAYS: u64 = 28;

/// What is asked of a server.
#[derive(Clone, Copy)]
pub struct Load {
    pub address: SocketAddr,
    pub connections: usize,
    pub seconds: f64,
    /// People with names, not parties of the program's own.
    pub person: bool,
    /// Pairs a second; as many as are answered if there is no such number.
    pub paced: Option<f64>,
    /// The number of the first to book; everybody is somebody new.
    pub first: u64,
}

/// A connection on its way through hold and confirm.
struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
    confirming: bool,
    idle: bool,
}

struct Client {
    load: Load,
    tomorrow: chrono::NaiveDate,
    next: u64,
    made: u64,
    request: String,
    body: String,
    piece: Vec<u8>,
}

/// Books until the time is over; how many pairs were answered, and in how many seconds.
pub fn run(load: Load) -> (u64, f64) {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let mut connections: Vec<Connection> =
        (0..load.connections).map(|_| Connection::open(load.address)).collect();
    for (place, connection) in (0..).zip(&connections) {
        let token = epoll::EventData::new_u64(place);
        epoll::add(&poll, &connection.stream, token, epoll::EventFlags::IN).unwrap();
    }
    let mut client = Client {
        load,
        tomorrow: chrono::Utc::now().date_naive() + chrono::Days::new(1),
        next: load.first,
        made: 0,
        request: String::new(),
        body: String::new(),
        piece: vec![0; 16 << 10],
    };
    let start = Instant::now();
    let mut begun = 0;
    let mut events = Vec::with_capacity(1_024);
    let nap = rustix::event::Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
    while start.elapsed().as_secs_f64() < load.seconds {
        // Whoever is idle begins, if it is time.
        let due = load.paced.map_or(u64::MAX, |rate| (start.elapsed().as_secs_f64() * rate) as u64);
        if load.paced.is_some() || begun == 0 {
            for connection in connections.iter_mut().filter(|connection| connection.idle) {
                if begun >= due {
                    break;
                }
                begun += 1;
                client.hold(connection);
            }
        }
        events.clear();
        epoll::wait(&poll, spare_capacity(&mut events), Some(&nap)).unwrap();
        for event in &events {
            client.came(&mut connections[event.data.u64() as usize]);
        }
    }
    (client.made, start.elapsed().as_secs_f64())
}

impl Connection {
    fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_nonblocking(true).unwrap();
        Self { stream, answer: Vec::with_capacity(4 << 10), confirming: false, idle: true }
    }
}

impl Client {
    fn post(&mut self, connection: &mut Connection, path: &str, key: u128) {
        self.request.clear();
        let length = self.body.len();
        let _ = write!(
            self.request,
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer demo-partner\r\n\
             content-type: application/json\r\nidempotency-key: {key:032x}\r\n\
             content-length: {length}\r\n\r\n{}",
            self.body
        );
        // Less than a kilobyte, and nothing else is on its way: it fits the socket's buffer.
        let sent = connection.stream.write(self.request.as_bytes()).unwrap();
        assert_eq!(sent, self.request.len());
        connection.idle = false;
    }

    /// Asks for a place for somebody new.
    fn hold(&mut self, connection: &mut Connection) {
        let number = self.next;
        self.next += 1;
        let random = spread(number);
        let (calendar, day) = (random % CALENDARS, (random >> 16) % DAYS);
        let (date, slot) = (self.tomorrow + chrono::Days::new(day), (random >> 32) % 96);
        let party = u128::from(random) << 64 | u128::from(number);
        self.body.clear();
        let _ = write!(self.body, r#"{{"slot":"c{calendar}~{date}~{slot}","services":["s"],"#);
        let _ = if self.load.person {
            let telephone = number % 10_000_000_000;
            write!(
                self.body,
                r#""person":{{"name":"Ana Maria Ruiz Lopez","birth_date":"1990-01-31","#
            )
            .and_then(|()| write!(self.body, r#""telephone":"+52{telephone:010}"}}}}"#))
        } else {
            write!(self.body, r#""party":"{party:032x}"}}"#)
        };
        connection.confirming = false;
        self.post(connection, "/v1/holds", party);
    }

    /// Reads what has come; goes on once the answer is whole.
    fn came(&mut self, connection: &mut Connection) {
        match connection.stream.read(&mut self.piece) {
            Ok(0) => panic!("the server closed a connection"),
            Ok(length) => connection.answer.extend_from_slice(&self.piece[..length]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(error) => panic!("{error}"),
        }
        let Some((status, body)) = whole(&connection.answer) else { return };
        let body = &connection.answer[body..];
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(body));
        if connection.confirming {
            self.made += 1;
            connection.answer.clear();
            connection.idle = true;
            if self.load.paced.is_none() {
                self.hold(connection);
            }
            return;
        }
        let id = id(body).unwrap();
        self.body.clear();
        let _ = write!(self.body, r#"{{"hold":"{id}"}}"#);
        let key = u128::from_str_radix(id, 16).unwrap();
        connection.answer.clear();
        connection.confirming = true;
        self.post(connection, "/v1/bookings", key);
    }
}

/// Times of one question asked every few milliseconds on a connection of its own, ascending.
pub fn times(address: SocketAddr, path: &str, seconds: f64) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer demo-partner\r\n\r\n"
    );
    let (start, mut took) = (Instant::now(), Vec::new());
    let (mut answer, mut piece) = (Vec::new(), [0; 16 << 10]);
    while start.elapsed().as_secs_f64() < seconds {
        let asked = Instant::now();
        stream.write_all(request.as_bytes()).unwrap();
        answer.clear();
        let status = loop {
            let length = stream.read(&mut piece).unwrap();
            assert_ne!(length, 0, "the server closed a connection");
            answer.extend_from_slice(&piece[..length]);
            if let Some((status, _)) = whole(&answer) {
                break status;
            }
        };
        took.push(asked.elapsed());
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        std::thread::sleep(Duration::from_millis(4));
    }
    took.sort_unstable();
    took
}

/// Status and where the body begins, once all of the answer is there.
fn whole(answer: &[u8]) -> Option<(u16, usize)> {
    let body = answer.windows(4).position(|part| part == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&answer[..body]).ok()?;
    let status = head.get(9..12)?.parse().ok()?;
    let at = head.find("content-length: ").map(|at| at + 16);
    let length = at.and_then(|at| head[at..].split('\r').next()?.parse().ok()).unwrap_or(0);
    (answer.len() >= body + length).then_some((status, body))
}

fn id(body: &[u8]) -> Option<&str> {
    let at = body.windows(6).position(|part| part == br#""id":""#)? + 6;
    std::str::from_utf8(body.get(at..at + 16)?).ok()
}
