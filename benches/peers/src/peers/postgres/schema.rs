//! Which tables and statements? Four ways to keep places in PostgreSQL.
//!
//! Never a lock that the promise does not need: each is correct at READ COMMITTED, the default.

use crate::stage::{CALENDARS, PLACES, Stage};

/// The statements of one way. Each takes the user, then the slot or the place, as numbers.
pub(super) struct Schema {
    pub(super) create: fn(&Stage) -> String,
    /// Returns the place's number, or 0 where places have none.
    pub(super) hold: &'static str,
    pub(super) confirm: &'static str,
    pub(super) cancel: &'static str,
    /// Whether `hold` wants to know, third, at which place to begin to look.
    pub(super) begins: bool,
    /// The desks taken, where one has to be named.
    pub(super) taken: Option<&'static str>,
    /// User, slot, and the place if it has a number.
    pub(super) census: &'static str,
    pub(super) batches: bool,
}

/// Places of each slot, as an expression.
fn places() -> String {
    let special = Stage::special();
    let cases = special
        .map(|(from, to, places)| format!("WHEN n >= {from} AND n < {to} THEN {places}"))
        .join(" ");
    format!("CASE {cases} ELSE {PLACES} END")
}

fn counted(stage: &Stage) -> String {
    let (slots, live) = (stage.slots(), stage.live);
    let (first, mix) = (stage.live_slot(0), stage.mix);
    format!(
        "CREATE TABLE slots (id int PRIMARY KEY, used int NOT NULL, places int NOT NULL) \
             WITH (fillfactor = 50);
         CREATE TABLE claims (id bigint PRIMARY KEY, slot int NOT NULL, state \"char\" NOT NULL, \
             deadline timestamptz) WITH (fillfactor = 70);
         INSERT INTO claims SELECT n, {first} + n % {mix}, 'b', NULL \
             FROM generate_series(0, {live} - 1) n;
         INSERT INTO slots SELECT n, coalesce(c.used, 0), {} \
             FROM generate_series(0, {slots} - 1) n \
             LEFT JOIN (SELECT slot, count(*) used FROM claims GROUP BY slot) c ON c.slot = n;",
        places()
    )
}

const COUNTED_CENSUS: &str = "SELECT id, slot, NULL::int FROM claims";

pub(super) const ROW_LOCKS: Schema = Schema {
    create: counted,
    hold: "WITH place AS (UPDATE slots SET used = used + 1 WHERE id = $2::int AND used < places \
           RETURNING id) INSERT INTO claims SELECT $1::bigint, id, 'h', now() + interval '10 min' \
           FROM place RETURNING 0",
    confirm: "UPDATE claims SET state = 'b', deadline = NULL WHERE id = $1::bigint \
              AND slot = $2::int AND state = 'h' AND deadline > now() AND $3::int = 0",
    cancel: "WITH gone AS (DELETE FROM claims WHERE id = $1::bigint AND slot = $2::int \
             AND $3::int = 0 RETURNING slot) \
             UPDATE slots SET used = used - 1 FROM gone WHERE slots.id = gone.slot",
    begins: false,
    taken: None,
    census: COUNTED_CENSUS,
    batches: false,
};

pub(super) const BATCHES: Schema = Schema {
    create: counted,
    hold: "WITH asked AS (SELECT u, s, row_number() OVER (PARTITION BY s ORDER BY u) AS turn \
               FROM unnest($1::bigint[], $2::int[]) AS t(u, s)), \
           locked AS MATERIALIZED (SELECT id, places - used AS free FROM slots \
               WHERE id IN (SELECT s FROM asked) ORDER BY id FOR UPDATE), \
           granted AS MATERIALIZED (SELECT u, s FROM asked JOIN locked ON s = id \
               WHERE turn <= free), \
           counted AS (UPDATE slots SET used = used + c FROM \
               (SELECT s, count(*)::int AS c FROM granted GROUP BY s) g WHERE id = g.s) \
           INSERT INTO claims SELECT u, s, 'h', now() + interval '10 min' FROM granted \
           RETURNING id, slot",
    confirm: "WITH done AS (UPDATE claims SET state = 'b', deadline = NULL \
              WHERE id = ANY($1::bigint[]) AND state = 'h' AND deadline > now() RETURNING 1) \
              SELECT count(*) FROM done",
    cancel: "WITH gone AS (DELETE FROM claims WHERE id = ANY($1::bigint[]) RETURNING slot), \
             freed AS MATERIALIZED (SELECT slot, count(*)::int AS c FROM gone GROUP BY slot), \
             locked AS MATERIALIZED (SELECT id FROM slots WHERE id IN (SELECT slot FROM freed) \
                 ORDER BY id FOR UPDATE), \
             counted AS (UPDATE slots SET used = used - c FROM freed JOIN locked \
                 ON locked.id = freed.slot WHERE slots.id = freed.slot) \
             SELECT coalesce(sum(c), 0)::bigint FROM freed",
    begins: false,
    taken: None,
    census: COUNTED_CENSUS,
    batches: true,
};

fn rows(stage: &Stage) -> String {
    let (slots, live) = (stage.slots(), stage.live);
    let (first, mix) = (stage.live_slot(0), stage.mix);
    format!(
        "CREATE TABLE places (slot int, place int, claim bigint, state \"char\", \
             deadline timestamptz) WITH (fillfactor = 60);
         INSERT INTO places (slot, place) SELECT n, p FROM generate_series(0, {slots} - 1) n, \
             LATERAL generate_series(0, {} - 1) p;
         ALTER TABLE places ADD PRIMARY KEY (slot, place);
         UPDATE places SET claim = u, state = 'b' FROM generate_series(0, {live} - 1) u \
             WHERE slot = {first} + u % {mix} AND place = u / {mix};",
        places()
    )
}

pub(super) const PLACES_AS_ROWS: Schema = Schema {
    create: rows,
    hold: "UPDATE places SET claim = $1::bigint, state = 'h', deadline = now() + interval '10 min' \
           FROM (SELECT slot AS s, place AS p FROM places WHERE slot = $2::int \
               AND place >= $3::int AND claim IS NULL \
               ORDER BY place LIMIT 1 FOR UPDATE SKIP LOCKED) free \
           WHERE slot = s AND place = p RETURNING place",
    confirm: "UPDATE places SET state = 'b', deadline = NULL WHERE slot = $2::int \
              AND place = $3::int AND claim = $1::bigint AND state = 'h' AND deadline > now()",
    cancel: "UPDATE places SET claim = NULL, state = NULL, deadline = NULL WHERE slot = $2::int \
             AND place = $3::int AND claim = $1::bigint",
    begins: true,
    taken: None,
    census: "SELECT claim, slot, place FROM places WHERE claim IS NOT NULL",
    batches: false,
};

fn ranges(stage: &Stage) -> String {
    let live = stage.live;
    let (first, mix) = (stage.live_slot(0), stage.mix);
    format!(
        "CREATE EXTENSION btree_gist;
         CREATE TABLE claims (id bigint PRIMARY KEY, slot int NOT NULL, calendar int NOT NULL, \
             desk int NOT NULL, during int8range NOT NULL, state \"char\" NOT NULL, \
             deadline timestamptz) WITH (fillfactor = 70);
         INSERT INTO claims SELECT n, s, s % {CALENDARS}, n / {mix}, \
             int8range(s / {CALENDARS}, s / {CALENDARS} + 1), 'b', NULL \
             FROM generate_series(0, {live} - 1) n, LATERAL (SELECT {first} + n % {mix} AS s) s;
         ALTER TABLE claims ADD EXCLUDE USING gist \
             (during WITH &&, calendar WITH =, desk WITH =);"
    )
}

pub(super) const EXCLUSION: Schema = Schema {
    create: ranges,
    hold: "INSERT INTO claims SELECT $1::bigint, $2::int, $3::int, $4::int, \
           int8range($5::bigint, $5::bigint + 1), 'h', now() + interval '10 min' \
           ON CONFLICT DO NOTHING",
    confirm: "UPDATE claims SET state = 'b', deadline = NULL WHERE id = $1::bigint \
              AND slot = $2::int AND desk = $3::int AND state = 'h' AND deadline > now()",
    cancel: "DELETE FROM claims WHERE id = $1::bigint AND slot = $2::int AND desk = $3::int",
    begins: false,
    taken: Some(
        "SELECT desk FROM claims WHERE calendar = $1::int \
         AND during && int8range($2::bigint, $2::bigint + 1)",
    ),
    census: "SELECT id, slot, desk FROM claims",
    batches: false,
};
