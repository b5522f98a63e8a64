//! Redis: one Lua script a step, so that nobody comes in between; an append-only file, synced
//! before the answer or once a second; pipelines.
//!
//! Never a second round trip for a step.

use std::path::Path;

use redis::{Connection, Pipeline};

use super::load;
use crate::peer::{Ask, Client, Fault, Grant, Kind, Live, Load, Outcome, Peer, Promise, now};
use crate::servers::{self, Server};
use crate::stage::{HOLD_SECONDS, Stage};

const PIPELINES: &[Load] =
    &[load(2, 256), load(16, 1), load(64, 1), load(2, 64), load(4, 256), load(2, 1_024)];

pub(super) const KINDS: [Kind; 2] = [
    Kind {
        name: "Redis, AOF always",
        promise: Promise::Synced,
        settings: "a Lua script a step by EVALSHA, pipelined; appendonly yes, appendfsync always, \
                   no rewrite, no save",
        loads: PIPELINES,
        fast: false,
        open: |stage, dir| open(stage, dir, "always"),
    },
    Kind {
        name: "Redis, AOF everysec",
        promise: Promise::Buffered,
        settings: "the same with appendfsync everysec",
        loads: PIPELINES,
        fast: false,
        open: |stage, dir| open(stage, dir, "everysec"),
    },
];

/// Keys: the slot's count, the claim. A claim is its state, its deadline in ten digits, its slot.
const HOLD: &str = "
    if tonumber(redis.call('GET', KEYS[1]) or '0') >= tonumber(ARGV[1]) then return 0 end
    redis.call('INCR', KEYS[1])
    redis.call('SET', KEYS[2], ARGV[2])
    return 1";
const CONFIRM: &str = "
    local claim = redis.call('GETRANGE', KEYS[1], 0, 10)
    if string.sub(claim, 1, 1) ~= 'h' or string.sub(claim, 2) <= ARGV[1] then return 0 end
    redis.call('SETRANGE', KEYS[1], 0, 'b')
    return 1";
const CANCEL: &str = "
    if redis.call('DEL', KEYS[2]) == 0 then return 0 end
    redis.call('DECR', KEYS[1])
    return 1";
/// Commands in one pipeline of the load.
const CHUNK: u32 = 10_000;

struct Store {
    client: redis::Client,
    _server: Server,
}

fn open(stage: &Stage, dir: &Path, sync: &str) -> Outcome<Box<dyn Peer>> {
    let server = servers::redis(dir, sync)?;
    let client = redis::Client::open(format!("unix://{}", server.socket().display()))?;
    let mut connection = client.get_connection()?;
    let mut user = 0;
    while user < stage.live {
        let mut chunk = Pipeline::new();
        for user in user..stage.live.min(user + CHUNK) {
            let slot = stage.live_slot(user);
            chunk.cmd("SET").arg(claim_key(user.into())).arg(claim('b', 0, slot)).ignore();
            chunk.cmd("INCR").arg(slot_key(slot)).ignore();
        }
        chunk.exec(&mut connection)?;
        user += CHUNK;
    }
    Ok(Box::new(Store { client, _server: server }))
}

fn slot_key(slot: u32) -> String {
    format!("s{slot}")
}

fn claim_key(user: u64) -> String {
    format!("c{user}")
}

fn claim(state: char, deadline: u64, slot: u32) -> String {
    format!("{state}{deadline:010}{slot}")
}

impl Peer for Store {
    fn client(&self) -> Outcome<Box<dyn Client + '_>> {
        let mut connection = self.client.get_connection()?;
        let mut script = |text: &str| -> Outcome<String> {
            Ok(redis::cmd("SCRIPT").arg("LOAD").arg(text).query(&mut connection)?)
        };
        let (hold, confirm, cancel) = (script(HOLD)?, script(CONFIRM)?, script(CANCEL)?);
        Ok(Box::new(Caller { connection, hold, confirm, cancel }))
    }

    fn census(&self) -> Outcome<Vec<Live>> {
        let mut connection = self.client.get_connection()?;
        let keys: Vec<String> = redis::cmd("KEYS").arg("c*").query(&mut connection)?;
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunks(10_000) {
            let claims: Vec<String> = redis::cmd("MGET").arg(keys).query(&mut connection)?;
            for (key, claim) in keys.iter().zip(claims) {
                let strange = || Fault::new(format!("a claim that nobody made: {key} {claim}"));
                let user = key.strip_prefix('c').and_then(|user| user.parse().ok());
                let slot = claim.get(11..).and_then(|slot| slot.parse().ok());
                let (user, slot) = user.zip(slot).ok_or_else(strange)?;
                found.push(Live { user, slot, place: None });
            }
        }
        Ok(found)
    }
}

struct Caller {
    connection: Connection,
    hold: String,
    confirm: String,
    cancel: String,
}

impl Client for Caller {
    fn hold(&mut self, asks: &[Ask], granted: &mut Vec<Grant>) -> Outcome<()> {
        let deadline = now() + HOLD_SECONDS;
        let mut pipeline = Pipeline::with_capacity(asks.len());
        for ask in asks {
            pipeline.cmd("EVALSHA").arg(&self.hold).arg(2);
            pipeline.arg(slot_key(ask.slot)).arg(claim_key(ask.user));
            pipeline.arg(Stage::places(ask.slot)).arg(claim('h', deadline, ask.slot));
        }
        let answers: Vec<i64> = pipeline.query(&mut self.connection)?;
        if answers.len() != asks.len() {
            return Err(Fault::new("not an answer for each ask"));
        }
        let given = asks.iter().zip(answers).filter(|(_, given)| *given == 1);
        granted.extend(given.map(|(ask, _)| Grant { user: ask.user, slot: ask.slot, handle: 0 }));
        Ok(())
    }

    fn confirm(&mut self, grants: &[Grant]) -> Outcome<usize> {
        let now = format!("{:010}", now());
        let mut pipeline = Pipeline::with_capacity(grants.len());
        for grant in grants {
            pipeline.cmd("EVALSHA").arg(&self.confirm).arg(1).arg(claim_key(grant.user)).arg(&now);
        }
        count(&pipeline, &mut self.connection)
    }

    fn cancel(&mut self, grants: &[Grant]) -> Outcome<usize> {
        let mut pipeline = Pipeline::with_capacity(grants.len());
        for grant in grants {
            pipeline.cmd("EVALSHA").arg(&self.cancel).arg(2);
            pipeline.arg(slot_key(grant.slot)).arg(claim_key(grant.user));
        }
        count(&pipeline, &mut self.connection)
    }
}

fn count(pipeline: &Pipeline, connection: &mut Connection) -> Outcome<usize> {
    if pipeline.is_empty() {
        return Ok(0);
    }
    let answers: Vec<i64> = pipeline.query(connection)?;
    Ok(answers.into_iter().filter(|done| *done == 1).count())
}
