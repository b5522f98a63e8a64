//! Where is it played? The slots by number, their places, and who asks for what.
//!
//! Never knows a peer: each maps the numbers to what it has.

/// The one slot that everybody wants.
pub const HOT: u32 = 0;
/// Its places: as many as the largest number of users at once.
pub const HOT_PLACES: u32 = 16_384;
/// Slots of the trial, where places are scarce.
pub const TRIAL_SLOTS: u32 = 20;
pub const TRIAL_PLACES: u32 = 3;
/// Places of every other slot.
pub const PLACES: u32 = 10;
/// Slots that go on sale together, about half a day of one office.
pub const SALE_SLOTS: u32 = 50;
/// Asks for each place on sale: nine of ten are refused.
pub const ASKS_PER_PLACE: u32 = 10;
/// Asks of one whole sale.
pub const SALE_ASKS: u32 = SALE_SLOTS * PLACES * ASKS_PER_PLACE;
/// Places of one whole sale.
pub const SALE_PLACES: u32 = SALE_SLOTS * PLACES;
/// Seconds that a hold lasts.
pub const HOLD_SECONDS: u64 = 600;
/// Slots of a day and calendars, where a peer has such things.
pub const SLOTS_PER_DAY: u32 = 96;
pub const CALENDARS: u32 = 57;

const ORDINARY: u32 = 1 + TRIAL_SLOTS;
/// Prime to `SALE_ASKS`, so that it shuffles them.
const STRIDE: u32 = 1_237;

/// How large it is.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// Slots of the mix.
    pub mix: u32,
    /// Bookings that live in them throughout.
    pub live: u32,
    /// Sales that can be held, one after the other.
    pub sales: u32,
}

impl Stage {
    /// The mix of the design: 1,710 days of 96 slots, 200,000 live bookings.
    pub fn whole(sales: u32) -> Self {
        Self { mix: 1_710 * SLOTS_PER_DAY, live: 200_000, sales }
    }

    /// A tenth of it.
    pub fn quick(sales: u32) -> Self {
        Self { mix: 171 * SLOTS_PER_DAY, live: 20_000, sales }
    }

    pub fn slots(&self) -> u32 {
        ORDINARY + self.mix + self.sales * SALE_SLOTS
    }

    pub fn places(slot: u32) -> u32 {
        match slot {
            HOT => HOT_PLACES,
            slot if slot < ORDINARY => TRIAL_PLACES,
            _ => PLACES,
        }
    }

    /// Slots whose places differ from the others', as ranges.
    pub fn special() -> [(u32, u32, u32); 2] {
        [(HOT, HOT + 1, HOT_PLACES), (1, ORDINARY, TRIAL_PLACES)]
    }

    pub fn trial_slot(random: u64, slots: u32) -> u32 {
        1 + below(random, slots)
    }

    /// The slot of a booking that is there before anybody comes; its user has the same number.
    pub fn live_slot(&self, user: u32) -> u32 {
        ORDINARY + user % self.mix
    }

    pub fn mix_slot(&self, user: u64) -> u32 {
        ORDINARY + below(spread(user), self.mix)
    }

    /// What the ask at a position among all asks of all sales wants.
    pub fn sale_slot(&self, position: u64) -> u32 {
        let sale = below(position / u64::from(SALE_ASKS), self.sales.max(1));
        let shuffled = below(position * u64::from(STRIDE), SALE_ASKS);
        ORDINARY + self.mix + sale * SALE_SLOTS + shuffled / (SALE_ASKS / SALE_SLOTS)
    }
}

/// `random` modulo `bound`.
#[expect(clippy::cast_possible_truncation, reason = "the remainder is below a u32")]
fn below(random: u64, bound: u32) -> u32 {
    (random % u64::from(bound)) as u32
}

/// splitmix64 (Steele, Lea, Flood 2014).
pub fn spread(n: u64) -> u64 {
    let mut z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
