//! PostgreSQL: row locks, row locks for a whole batch, one row a place with SKIP LOCKED, and an
//! exclusion constraint.
//!
//! Never more than one round trip for a step, but for the exclusion constraint, which has to look
//! for a free place first.

mod schema;

use std::path::Path;

use postgres::types::ToSql;
use postgres::{Config, NoTls, Row, Statement};

use self::schema::{BATCHES, EXCLUSION, PLACES_AS_ROWS, ROW_LOCKS, Schema};
use super::load;
use crate::peer::{Ask, Client, Fault, Grant, Kind, Live, Load, Outcome, Peer, Promise};
use crate::servers::{self, Server};
use crate::stage::{CALENDARS, Stage, spread};

const CLIENTS: &[Load] = &[load(16, 1), load(1, 1), load(8, 1), load(32, 1), load(64, 1)];

pub(super) const KINDS: [Kind; 4] = [
    Kind {
        name: "PostgreSQL, row locks",
        promise: Promise::Synced,
        settings: "a prepared statement an operation: the slot's row is locked and counted, the \
                   claim inserted; a pool of connections, one a client",
        loads: CLIENTS,
        fast: false,
        open: |stage, dir| open(stage, dir, &ROW_LOCKS),
    },
    Kind {
        name: "PostgreSQL, batches",
        promise: Promise::Synced,
        settings: "the same for a whole batch of users in one statement and transaction, rows \
                   locked in order",
        loads: &[
            load(2, 1_024),
            load(1, 256),
            load(2, 256),
            load(4, 256),
            load(1, 4_096),
            load(1, 8_192),
        ],
        fast: false,
        open: |stage, dir| open(stage, dir, &BATCHES),
    },
    Kind {
        name: "PostgreSQL, SKIP LOCKED",
        promise: Promise::Synced,
        settings: "a row a place; the first free one that nobody has locked is taken, in a slot of \
                   many places from a random one on",
        loads: CLIENTS,
        fast: false,
        open: |stage, dir| open(stage, dir, &PLACES_AS_ROWS),
    },
    Kind {
        name: "PostgreSQL, exclusion",
        promise: Promise::Synced,
        settings: "a claim names a desk and a range of time, which may not overlap (GiST); a free \
                   desk is looked for, then inserted, again when somebody was faster",
        loads: CLIENTS,
        fast: false,
        open: |stage, dir| open(stage, dir, &EXCLUSION),
    },
];

/// Places of a slot beyond which it matters where one begins to look.
const MANY: u32 = 64;

struct Store {
    config: Config,
    schema: &'static Schema,
    // Ends the server when dropped.
    _server: Server,
}

fn open(stage: &Stage, dir: &Path, schema: &'static Schema) -> Outcome<Box<dyn Peer>> {
    let server = servers::postgres(dir)?;
    let mut config = Config::new();
    config.host_path(server.socket()).user(servers::POSTGRES_USER).dbname("postgres");
    let mut client = config.connect(NoTls)?;
    client.batch_execute(&(schema.create)(stage))?;
    client.batch_execute("VACUUM ANALYZE")?;
    client.batch_execute("CHECKPOINT")?;
    Ok(Box::new(Store { config, schema, _server: server }))
}

impl Peer for Store {
    fn client(&self) -> Outcome<Box<dyn Client + '_>> {
        let mut session = self.config.connect(NoTls)?;
        let mut prepare = |text: &str| session.prepare(text);
        let (hold, confirm, cancel) = (
            prepare(self.schema.hold)?,
            prepare(self.schema.confirm)?,
            prepare(self.schema.cancel)?,
        );
        let taken = self.schema.taken.map(&mut prepare).transpose()?;
        let how = match (taken, self.schema.batches) {
            (Some(taken), _) => How::Look(taken),
            (None, true) => How::Batch,
            (None, false) if self.schema.begins => How::From,
            (None, false) => How::Each,
        };
        Ok(Box::new(Caller { session, hold, confirm, cancel, how }))
    }

    fn census(&self) -> Outcome<Vec<Live>> {
        let mut session = self.config.connect(NoTls)?;
        let live = |row: Row| {
            Ok(Live {
                user: row.try_get::<_, i64>(0)?.cast_unsigned(),
                slot: row.try_get::<_, i32>(1)?.cast_unsigned(),
                place: row.try_get::<_, Option<i32>>(2)?.map(i32::cast_unsigned),
            })
        };
        session.query(self.schema.census, &[])?.into_iter().map(live).collect()
    }
}

/// What the statements want.
enum How {
    /// One user a statement.
    Each,
    /// The same, and where to begin to look.
    From,
    /// Arrays.
    Batch,
    /// One user a statement, after a look at what is taken.
    Look(Statement),
}

struct Caller {
    session: postgres::Client,
    hold: Statement,
    confirm: Statement,
    cancel: Statement,
    how: How,
}

fn signed(grants: &[Grant]) -> Vec<i64> {
    grants.iter().map(|grant| grant.user.cast_signed()).collect()
}

impl Caller {
    /// The place given, if any.
    fn one(&mut self, ask: &Ask) -> Outcome<Option<u64>> {
        let place = |row: Row| row.try_get::<_, i32>(0).map(i32::cast_unsigned);
        let (user, slot) = (ask.user.cast_signed(), ask.slot.cast_signed());
        let row = self.session.query_opt(&self.hold, &[&user, &slot])?;
        Ok(row.map(place).transpose()?.map(u64::from))
    }

    /// The same; where there are many places, not everybody is to meet at the first.
    fn one_anywhere(&mut self, ask: &Ask) -> Outcome<Option<u64>> {
        let places = Stage::places(ask.slot);
        let random = u32::try_from(spread(ask.user) % u64::from(places))?;
        let begin = if places > MANY { random.cast_signed() } else { 0 };
        let (user, slot) = (ask.user.cast_signed(), ask.slot.cast_signed());
        let mut row = self.session.query_opt(&self.hold, &[&user, &slot, &begin])?;
        if row.is_none() && begin > 0 {
            row = self.session.query_opt(&self.hold, &[&user, &slot, &0_i32])?;
        }
        let place = |row: Row| row.try_get::<_, i32>(0).map(i32::cast_unsigned);
        Ok(row.map(place).transpose()?.map(u64::from))
    }

    /// Looks for a free desk until there is none, or one was got.
    fn look(&mut self, taken: &Statement, ask: &Ask) -> Outcome<Option<u64>> {
        let (calendar, time) =
            ((ask.slot % CALENDARS).cast_signed(), i64::from(ask.slot / CALENDARS));
        let places = Stage::places(ask.slot);
        for turn in 0..10_000_u64 {
            let rows = self.session.query(taken, &[&calendar, &time])?;
            let mut desks = Vec::with_capacity(rows.len());
            for row in rows {
                desks.push(row.try_get::<_, i32>(0)?.cast_unsigned());
            }
            let free = places.saturating_sub(u32::try_from(desks.len())?);
            if free == 0 {
                return Ok(None);
            }
            desks.sort_unstable();
            // A random one of those free, so that few meet at one desk.
            let mut desk = u32::try_from(spread(ask.user ^ (turn << 48)) % u64::from(free))?;
            for other in desks {
                desk += u32::from(other <= desk);
            }
            let values: [&(dyn ToSql + Sync); 5] = [
                &ask.user.cast_signed(),
                &ask.slot.cast_signed(),
                &calendar,
                &desk.cast_signed(),
                &time,
            ];
            if self.session.execute(&self.hold, &values)? == 1 {
                return Ok(Some(desk.into()));
            }
        }
        Err(Fault::new("no end of looking for a free desk"))
    }

    fn each(&mut self, grants: &[Grant], statement: &Statement) -> Outcome<usize> {
        let mut done = 0;
        for grant in grants {
            let place = i32::try_from(grant.handle)?;
            let (user, slot) = (grant.user.cast_signed(), grant.slot.cast_signed());
            done += self.session.execute(statement, &[&user, &slot, &place])?;
        }
        Ok(usize::try_from(done)?)
    }

    fn whole(&mut self, grants: &[Grant], statement: &Statement) -> Outcome<usize> {
        let row = self.session.query_one(statement, &[&signed(grants)])?;
        Ok(usize::try_from(row.try_get::<_, i64>(0)?)?)
    }

    fn change(&mut self, grants: &[Grant], statement: &Statement) -> Outcome<usize> {
        match self.how {
            How::Batch => self.whole(grants, statement),
            How::Each | How::From | How::Look(_) => self.each(grants, statement),
        }
    }
}

impl Client for Caller {
    fn hold(&mut self, asks: &[Ask], granted: &mut Vec<Grant>) -> Outcome<()> {
        let looks = match &self.how {
            How::Batch => {
                let users: Vec<i64> = asks.iter().map(|ask| ask.user.cast_signed()).collect();
                let slots: Vec<i32> = asks.iter().map(|ask| ask.slot.cast_signed()).collect();
                for row in self.session.query(&self.hold, &[&users, &slots])? {
                    let user = row.try_get::<_, i64>(0)?.cast_unsigned();
                    let slot = row.try_get::<_, i32>(1)?.cast_unsigned();
                    granted.push(Grant { user, slot, handle: 0 });
                }
                return Ok(());
            }
            How::Each | How::From => None,
            How::Look(taken) => Some(taken.clone()),
        };
        let anywhere = matches!(self.how, How::From);
        for ask in asks {
            let place = match &looks {
                None if anywhere => self.one_anywhere(ask)?,
                None => self.one(ask)?,
                Some(taken) => self.look(taken, ask)?,
            };
            granted.extend(place.map(|handle| Grant { user: ask.user, slot: ask.slot, handle }));
        }
        Ok(())
    }

    fn confirm(&mut self, grants: &[Grant]) -> Outcome<usize> {
        let statement = self.confirm.clone();
        self.change(grants, &statement)
    }

    fn cancel(&mut self, grants: &[Grant]) -> Outcome<usize> {
        let statement = self.cancel.clone();
        self.change(grants, &statement)
    }
}
