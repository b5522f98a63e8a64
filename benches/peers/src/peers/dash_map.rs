//! The next obvious Rust: concurrent maps with a lock per entry, plain, and with a log that is
//! synced once per operation.
//!
//! Never reads that log: recovery would cost more code, not less time.

use std::fs::File;
use std::io::Write as _;

use dashmap::DashMap;

use super::load;
use crate::peer::{Ask, Client, Grant, Kind, Live, Load, Outcome, Peer, Promise, now};
use crate::stage::{HOLD_SECONDS, Stage};

const CALLS: &[Load] = &[load(2, 64), load(1, 64), load(4, 64)];
const SYNCS: &[Load] = &[load(16, 1), load(1, 1), load(4, 1), load(64, 1)];

pub(super) const KINDS: [Kind; 2] = [
    Kind {
        name: "DashMap",
        promise: Promise::Memory,
        settings: "dashmap 6; counts by slot and claims by user, changed under the entry's lock",
        loads: CALLS,
        fast: true,
        open: |stage, _| open(stage, None),
    },
    Kind {
        name: "DashMap + log",
        promise: Promise::Synced,
        settings: "the same; each change appended and fdatasync'ed by its own thread, outside locks",
        loads: SYNCS,
        fast: false,
        open: |stage, dir| {
            let log = File::options().create(true).append(true).open(dir.join("naive.log"))?;
            open(stage, Some(log))
        },
    },
];

#[derive(Clone, Copy)]
struct Claim {
    slot: u32,
    deadline: Option<u64>,
}

struct Maps {
    used: DashMap<u32, u32>,
    claims: DashMap<u64, Claim>,
    log: Option<File>,
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of every peer")]
fn open(stage: &Stage, log: Option<File>) -> Outcome<Box<dyn Peer>> {
    let maps = Maps { used: DashMap::new(), claims: DashMap::new(), log };
    for user in 0..stage.live {
        let slot = stage.live_slot(user);
        *maps.used.entry(slot).or_default() += 1;
        maps.claims.insert(user.into(), Claim { slot, deadline: None });
    }
    Ok(Box::new(maps))
}

impl Maps {
    fn note(&self, what: u8, user: u64, slot: u32) -> Outcome<()> {
        let Some(mut log) = self.log.as_ref() else { return Ok(()) };
        let mut line = [what; 13];
        for (to, byte) in line.iter_mut().skip(1).zip(user.to_le_bytes()) {
            *to = byte;
        }
        for (to, byte) in line.iter_mut().skip(9).zip(slot.to_le_bytes()) {
            *to = byte;
        }
        log.write_all(&line)?;
        log.sync_data()?;
        Ok(())
    }

    fn hold(&self, ask: &Ask, deadline: u64) -> Outcome<bool> {
        {
            let mut used = self.used.entry(ask.slot).or_default();
            if *used >= Stage::places(ask.slot) {
                return Ok(false);
            }
            *used += 1;
        }
        self.claims.insert(ask.user, Claim { slot: ask.slot, deadline: Some(deadline) });
        self.note(b'h', ask.user, ask.slot)?;
        Ok(true)
    }

    fn confirm(&self, user: u64, now: u64) -> Outcome<bool> {
        let slot = {
            let Some(mut claim) = self.claims.get_mut(&user) else { return Ok(false) };
            if claim.deadline.is_none_or(|deadline| now >= deadline) {
                return Ok(false);
            }
            claim.deadline = None;
            claim.slot
        };
        self.note(b'b', user, slot)?;
        Ok(true)
    }

    fn cancel(&self, user: u64) -> Outcome<bool> {
        let Some((_, claim)) = self.claims.remove(&user) else { return Ok(false) };
        if let Some(mut used) = self.used.get_mut(&claim.slot) {
            *used -= 1;
        }
        self.note(b'c', user, claim.slot)?;
        Ok(true)
    }
}

impl Peer for Maps {
    fn client(&self) -> Outcome<Box<dyn Client + '_>> {
        Ok(Box::new(self))
    }

    fn census(&self) -> Outcome<Vec<Live>> {
        let claims = self.claims.iter();
        Ok(claims.map(|at| Live { user: *at.key(), slot: at.slot, place: None }).collect())
    }
}

impl Client for &Maps {
    fn hold(&mut self, asks: &[Ask], granted: &mut Vec<Grant>) -> Outcome<()> {
        let deadline = now() + HOLD_SECONDS;
        for ask in asks {
            if Maps::hold(self, ask, deadline)? {
                granted.push(Grant { user: ask.user, slot: ask.slot, handle: ask.user });
            }
        }
        Ok(())
    }

    fn confirm(&mut self, grants: &[Grant]) -> Outcome<usize> {
        let (now, mut done) = (now(), 0);
        for grant in grants {
            done += usize::from(Maps::confirm(self, grant.user, now)?);
        }
        Ok(done)
    }

    fn cancel(&mut self, grants: &[Grant]) -> Outcome<usize> {
        let mut done = 0;
        for grant in grants {
            done += usize::from(Maps::cancel(self, grant.user)?);
        }
        Ok(done)
    }
}
