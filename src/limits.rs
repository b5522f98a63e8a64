//! How much is too much? Every fixed bound of the engine, and the relations between them.
//!
//! Never a setting: what an embedder may choose is on the builder.

/// The size itself; smaller where schedules are explored, so that a ring is soon full.
const fn sized(usual: usize, shuttle: usize, loom: usize) -> usize {
    if cfg!(loom) {
        loom
    } else if cfg!(shuttle) {
        shuttle
    } else {
        usual
    }
}

/// Bytes of one journal line: one cache line, so a record costs one write to memory.
pub const LINE_BYTES: usize = 64;
/// Lines of the largest group of records that stand or fall together.
pub const GROUP_LINES_MAX: usize = sized(1_024, 128, 2);
/// Lines of the largest frame; one frame is one write and one sync.
pub const FRAME_LINES_MAX: usize = sized(16_384, 128, 2);
/// Lines in the ring between the operations and the flusher: 4 MiB.
pub const RING_LINES: usize = sized(65_536, 256, 4);
/// Lines in the ring of a seeded engine, which is opened thousands of times a second: 128 KiB.
pub const SEEDED_RING_LINES: usize = sized(2_048, 256, 4);
/// Bytes a frame is padded to, so that no sector with acknowledged data is ever rewritten.
pub const BLOCK_BYTES: usize = 4_096;

/// Slots of a day: 25 hours of one-minute units, in 11 bits.
pub const SLOTS_PER_DAY_MAX: u16 = 1_500;
/// Slots of one claim in a row.
pub const RUN_MAX: u16 = 255;
/// Persons of one claim.
pub const PERSONS_MAX: u16 = 255;
/// Claims on one day's roster, in 20 bits.
pub const ROSTER_MAX: u32 = (1 << 20) - 1;
/// Services of one visit.
pub const SERVICES_PER_VISIT_MAX: usize = 4;
/// Slots of one request.
pub const SLOTS_PER_REQUEST_MAX: usize = 8;
/// Seconds of the longest hold, in 17 bits: a day and a half.
pub const HOLD_SECONDS_MAX: u32 = (1 << 17) - 1;
/// Ended claims kept for one party; beyond it the party is refused, nothing is forgotten early.
pub const ENDED_PER_PARTY_MAX: usize = 64;
/// Ledger shards, in 11 of the 12 bits of a claim id: a roster needs the other for free places.
pub const SHARDS_MAX: usize = 2_048;
/// Claims in one shard, in the 28 bits of a claim id.
pub const CLAIMS_PER_SHARD_MAX: u32 = (1 << 28) - 1;
/// Days that a past day may stay in memory.
pub const KEEP_DAYS_MAX: u16 = 600;
/// Bytes of the reason that comes with an override or a closure.
pub const REASON_BYTES_MAX: usize = 240;

const _: () = assert!(GROUP_LINES_MAX <= FRAME_LINES_MAX && FRAME_LINES_MAX <= RING_LINES / 2);
const _: () = assert!(GROUP_LINES_MAX <= SEEDED_RING_LINES / 2 && SEEDED_RING_LINES <= RING_LINES);
const _: () = assert!(SEEDED_RING_LINES.is_power_of_two());
const _: () = assert!(RING_LINES.is_power_of_two() && BLOCK_BYTES.is_multiple_of(LINE_BYTES));
const _: () = assert!(SLOTS_PER_DAY_MAX < 1 << 11);
const _: () = assert!(SLOTS_PER_REQUEST_MAX * 8 < GROUP_LINES_MAX || cfg!(loom));
