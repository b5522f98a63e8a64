//! A PBX that is not one: speaks `FastAGI` as Asterisk does, with a caller who has a list of keys.
#![allow(dead_code, reason = "each test file uses its part")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cupo::desk::{MasterKey, Reception, Secrets, Store, Throttle};
use cupo::phone::{Exchange, Phone, fastagi};
use cupo::{Engine, ManualClock};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::town::Town;

/// How the PBX tells that the caller is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HangUp {
    /// `-1` to the command that runs, then `HANGUP`, then `511` to what still comes.
    Told,
    /// `HANGUP` alone, before any answer.
    Early,
    /// The connection ends.
    Cut,
}

/// What a PBX is like.
#[derive(Clone, Debug)]
pub struct Pbx {
    /// The number that the call comes from.
    pub from: String,
    /// The name of the call.
    pub call: String,
    /// What is asked for.
    pub script: String,
    /// Keys that fall into waiting: `.` is none in time, `!` hangs up.
    pub keys: String,
    pub hang_up: HangUp,
    /// Keys are pressed while a sound plays, where it lets them.
    pub impatient: bool,
    /// No sound is there.
    pub mute: bool,
    /// Variables that are set already.
    pub variables: Vec<(String, String)>,
}

impl Pbx {
    pub fn new(call: &str, keys: &str) -> Self {
        Self {
            from: "unknown".to_owned(),
            call: call.to_owned(),
            script: "cita".to_owned(),
            keys: keys.to_owned(),
            hang_up: HangUp::Told,
            impatient: false,
            mute: false,
            variables: Vec::new(),
        }
    }

    pub fn prelude(&self) -> String {
        format!(
            "agi_network: yes\nagi_network_script: {}\nagi_request: agi://127.0.0.1/{}\n\
             agi_channel: PJSIP/x-1\nagi_language: es\nagi_uniqueid: {}\nagi_callerid: {}\n\
             agi_dnid: 100\nagi_enhanced: 0.0\n\n",
            self.script, self.script, self.call, self.from
        )
    }

    /// Makes the call; what was asked of the PBX, line by line.
    pub async fn call(&self, address: SocketAddr) -> Told {
        let stream = TcpStream::connect(address).await.unwrap();
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(self.prelude().as_bytes()).await.unwrap();
        let mut told = Told::default();
        let mut keys = self.keys.chars().collect::<Vec<_>>();
        keys.reverse();
        let mut dead = false;
        while let Ok(Some(line)) = lines.next_line().await {
            told.lines.push(line.clone());
            if dead {
                let answer = "511 Command Not Permitted on a dead channel or intercept routine\n";
                let _ = write.write_all(answer.as_bytes()).await;
                continue;
            }
            let waits = line.starts_with("WAIT FOR DIGIT");
            if waits && keys.last() == Some(&'!') {
                dead = true;
                let answer = match self.hang_up {
                    HangUp::Told => "200 result=-1\nHANGUP\n",
                    HangUp::Early => "HANGUP\n200 result=0\n",
                    HangUp::Cut => break,
                };
                let _ = write.write_all(answer.as_bytes()).await;
                continue;
            }
            let answer = self.answer(&line, &mut keys, &mut told);
            if write.write_all(answer.as_bytes()).await.is_err() {
                break;
            }
        }
        told.left = keys.len();
        told
    }

    fn answer(&self, line: &str, keys: &mut Vec<char>, told: &mut Told) -> String {
        let key = |key: char| format!("200 result={}\n", u32::from(key));
        if line.starts_with("STREAM FILE") {
            if self.mute {
                return "200 result=-1 endpos=0\n".to_owned();
            }
            let sound = line.split('"').nth(1).unwrap_or_default();
            told.heard.push(sound.rsplit('/').next().unwrap_or_default().to_owned());
            let lets = line.ends_with("\"0123456789*#\"");
            return match keys.last() {
                Some(next) if self.impatient && lets && !".!".contains(*next) => {
                    key(keys.pop().unwrap_or('0'))
                }
                _ => "200 result=0 endpos=8000\n".to_owned(),
            };
        }
        if line.starts_with("WAIT FOR DIGIT") {
            return match keys.pop() {
                None | Some('.') => "200 result=0\n".to_owned(),
                Some(next) => key(next),
            };
        }
        if let Some(name) = line.strip_prefix("GET VARIABLE ") {
            let found = self.variables.iter().find(|(own, _)| own == name);
            return found.map_or("200 result=0\n".to_owned(), |(_, value)| {
                format!("200 result=1 ({value})\n")
            });
        }
        if line == "CHANNEL STATUS" {
            return "200 result=6\n".to_owned();
        }
        "200 result=0\n".to_owned()
    }
}

/// What a call was like.
#[derive(Debug, Default)]
pub struct Told {
    /// Every command.
    pub lines: Vec<String>,
    /// The sounds that were heard.
    pub heard: Vec<String>,
    /// Keys that nobody asked for.
    pub left: usize,
}

impl Told {
    /// The digits that were read out.
    pub fn digits(&self) -> String {
        self.heard.iter().filter_map(|sound| sound.strip_prefix("digit-")).collect()
    }

    pub fn variable(&self, name: &str) -> Option<&str> {
        let start = format!("SET VARIABLE {name} ");
        self.lines.iter().find_map(|line| line.strip_prefix(start.as_str()))
    }

    pub fn has(&self, line: &str) -> bool {
        self.lines.iter().any(|other| other == line)
    }
}

/// The town with a telephone.
pub struct Desk {
    pub exchange: Exchange,
    pub clock: ManualClock,
    pub address: SocketAddr,
    pub stop: CancellationToken,
}

impl Desk {
    pub async fn open() -> Self {
        Self::with(Phone::default()).await
    }

    pub async fn with(settings: Phone) -> Self {
        let Town { engine, clock } = Town::in_memory();
        Self::on(engine, clock, settings).await
    }

    pub async fn on(engine: Engine, clock: ManualClock, settings: Phone) -> Self {
        let exchange = exchange(engine, clock.clone(), settings);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        tokio::spawn(fastagi::serve(listener, exchange.clone(), stop.clone()));
        Self { exchange, clock, address, stop }
    }

    pub fn engine(&self) -> &Engine {
        &self.exchange.reception.engine
    }

    pub fn held(&self) -> u64 {
        self.engine().stats().held
    }

    pub fn booked(&self) -> u64 {
        self.engine().stats().booked
    }

    /// Waits until nothing is held; how long that took.
    pub async fn until_nothing_is_held(&self) -> Duration {
        let begun = cupo::SystemClock::new();
        while self.held() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(5), "a hold was not given back");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        begun.elapsed()
    }
}

pub fn exchange(engine: Engine, clock: ManualClock, settings: Phone) -> Exchange {
    let store = Arc::new(Store::in_memory().unwrap());
    let secrets = Secrets::new(&MasterKey::new([7; 32]));
    let reception = Arc::new(Reception::new(Arc::new(engine), Arc::clone(&store), secrets.clone()));
    let throttle = Arc::new(Throttle::on(clock));
    Exchange::new(reception, store, secrets, throttle, settings).unwrap()
}
