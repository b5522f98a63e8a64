//! The engine in process: synced, buffered, in memory; through its public calls, every rule on.
//!
//! Never waits for one commit before the next user's call is made, within a batch.

use std::fmt::Write as _;
use std::time::Duration;

use cupo::{
    Ask, Builder, Catalog, ClaimId, Commit, DayId, Durability, Engine, PartyId, Receipt, RequestId,
    ServiceId, SlotId,
};

use super::{OURS, load};
use crate::peer::{Client, Fault, Grant, Kind, Live, Load, Outcome, Peer, Promise};
use crate::stage::{CALENDARS, HOLD_SECONDS, PLACES, SLOTS_PER_DAY, Stage};

const COMMITS: &[Load] = &[
    load(2, 2_048),
    load(1, 1),
    load(1, 4_096),
    load(2, 512),
    load(2, 4_096),
    load(4, 2_048),
    load(4, 4_096),
    load(1, 8_192),
    load(1, 16_384),
];
const CALLS: &[Load] = &[load(2, 64), load(1, 64), load(4, 64)];

pub(super) const KINDS: [Kind; 3] = [
    Kind {
        name: OURS,
        promise: Promise::Synced,
        settings: "in process, every rule on; one flusher, one write and one fdatasync a frame",
        loads: COMMITS,
        fast: true,
        open: |stage, dir| open(Engine::builder().directory(dir.join("cupo")), stage, true),
    },
    Kind {
        name: OURS,
        promise: Promise::Buffered,
        settings: "in process, every rule on; written before the answer, never synced",
        loads: COMMITS,
        fast: true,
        open: |stage, dir| {
            let builder = Engine::builder().directory(dir.join("cupo"));
            open(builder.durability(Durability::Buffered), stage, true)
        },
    },
    Kind {
        name: OURS,
        promise: Promise::Memory,
        settings: "in process, every rule on; no directory, so an answer counts as it is given",
        loads: CALLS,
        fast: true,
        open: |stage, _| open(Engine::builder(), stage, false),
    },
];

struct Cupo {
    engine: Engine,
    days: Vec<DayId>,
    service: ServiceId,
    /// Whether an answer is waited for until it is in the log.
    durable: bool,
}

fn open(builder: Builder, stage: &Stage, durable: bool) -> Outcome<Box<dyn Peer>> {
    let days = stage.slots().div_ceil(SLOTS_PER_DAY).div_ceil(CALENDARS);
    let engine = builder.idempotency_window(Duration::from_secs(1)).archive(false).open()?;
    engine.install(&Catalog::from_toml(&catalog(days)?)?)?;
    let service = engine.service("s").ok_or_else(|| Fault::new("the service is there"))?;
    let today = engine.now().date_naive();
    let mut open_days = engine.days();
    open_days.retain(|day| (1..=i64::from(days)).contains(&(day.date() - today).num_days()));
    open_days.sort_unstable_by_key(|day| (day.date(), *day));
    let cupo = Cupo { engine, days: open_days, service, durable };
    for (from, to, places) in Stage::special() {
        let (first, day) = (cupo.slot(from)?, cupo.slot(from)?.day);
        let range = first.index..first.index + u16::try_from(to - from)?;
        cupo.engine.set_capacity(day, range, u16::try_from(places)?)?;
    }
    for user in 0..stage.live {
        let ask = cupo.ask(user.into(), stage.live_slot(user))?;
        if let Err(error) = cupo.engine.book(&ask).dirty() {
            return Err(Fault::new(error.to_string()));
        }
    }
    cupo.engine.claims_of(PartyId(0)).wait()?;
    Ok(Box::new(cupo))
}

/// Calendars that are open day and night, each of an office of its own.
fn catalog(days: u32) -> Outcome<String> {
    let week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let hours = week.map(|day| format!("{day} = [\"00:00-24:00\"]")).join(", ");
    let mut text =
        format!("[holds]\nttl = \"{HOLD_SECONDS}s\"\nper_party = 100\n[[services]]\nkey = \"s\"\n");
    for n in 0..CALENDARS {
        write!(
            text,
            "[[offices]]\nkey = \"o{n}\"\nzone = \"Etc/UTC\"\n[[calendars]]\nkey = \"c{n}\"\n\
             office = \"o{n}\"\nservices = [\"s\"]\ncapacity = {PLACES}\nhorizon = \"{}d\"\n\
             hours = {{ {hours} }}\n",
            days + 2
        )?;
    }
    Ok(text)
}

impl Cupo {
    fn slot(&self, number: u32) -> Outcome<SlotId> {
        let day = self.days.get(usize::try_from(number / SLOTS_PER_DAY)?);
        let day = day.ok_or_else(|| Fault::new("more slots than days have"))?;
        Ok(day.slot(u16::try_from(number % SLOTS_PER_DAY)?))
    }

    fn ask(&self, user: u64, slot: u32) -> Outcome<Ask> {
        Ok(Ask::new(PartyId(user.into()), RequestId(1), self.service, self.slot(slot)?))
    }
}

impl Peer for Cupo {
    fn client(&self) -> Outcome<Box<dyn Client + '_>> {
        Ok(Box::new(Caller { cupo: self, commits: Vec::new() }))
    }

    fn census(&self) -> Outcome<Vec<Live>> {
        let mut found = Vec::new();
        for (number, day) in (0..).zip(&self.days) {
            for claim in self.engine.roster(*day, None, usize::MAX).wait()? {
                let slot = number * SLOTS_PER_DAY + u32::from(claim.slot.index);
                found.push(Live { user: u64::try_from(claim.party.0)?, slot, place: None });
            }
        }
        Ok(found)
    }
}

struct Caller<'a> {
    cupo: &'a Cupo,
    commits: Vec<Commit<'a, Receipt>>,
}

impl<'a> Caller<'a> {
    fn each(
        &mut self,
        grants: &[Grant],
        call: impl Fn(&'a Engine, ClaimId) -> Commit<'a, Receipt>,
    ) -> Outcome<usize> {
        let id = |grant: &Grant| ClaimId::from_u64(grant.handle);
        self.commits.extend(grants.iter().map(|grant| call(&self.cupo.engine, id(grant))));
        let mut done = 0;
        for commit in self.commits.drain(..) {
            done += usize::from(self.cupo.answer(commit)?.is_some());
        }
        Ok(done)
    }
}

impl Cupo {
    /// The claim; none if it was refused, which is an answer. Anything else is a fault.
    fn answer(&self, commit: Commit<'_, Receipt>) -> Outcome<Option<ClaimId>> {
        let answer = if self.durable {
            commit.wait().map(|receipt| receipt.id())
        } else {
            match commit.dirty() {
                Ok(receipt) => return Ok(Some(receipt.id())),
                Err(error) if error.rejection().is_some() => return Ok(None),
                Err(_) => commit.wait().map(|receipt| receipt.id()),
            }
        };
        match answer {
            Ok(id) => Ok(Some(id)),
            Err(error) if error.rejection().is_some() => Ok(None),
            Err(error) => Err(Fault::new(error.to_string())),
        }
    }
}

impl Client for Caller<'_> {
    fn hold(&mut self, asks: &[crate::peer::Ask], granted: &mut Vec<Grant>) -> Outcome<()> {
        for ask in asks {
            let own = self.cupo.ask(ask.user, ask.slot)?;
            self.commits.push(self.cupo.engine.hold(&own));
        }
        for (ask, commit) in asks.iter().zip(self.commits.drain(..)) {
            if let Some(id) = self.cupo.answer(commit)? {
                granted.push(Grant { user: ask.user, slot: ask.slot, handle: id.to_u64() });
            }
        }
        Ok(())
    }

    fn confirm(&mut self, grants: &[Grant]) -> Outcome<usize> {
        self.each(grants, Engine::confirm)
    }

    fn cancel(&mut self, grants: &[Grant]) -> Outcome<usize> {
        self.each(grants, Engine::cancel)
    }
}
