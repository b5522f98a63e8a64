//! What goes out next? Lanes of parcels by hook and claim.
//!
//! Within a lane a parcel never overtakes one before it; lanes do not wait for each other. A hook
//! that fails is tried one parcel at a time, and rests in between.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// Deliveries to one hook at a time.
const AT_ONCE: usize = 4;
/// The shortest and the longest wait of a parcel.
const WAIT_MIN_MS: u64 = 5_000;
const WAIT_MAX_MS: u64 = 4 * 60 * 60 * 1_000;
/// The longest rest of a hook whose deliveries fail.
const REST_MAX_MS: u64 = 60_000;

/// How long to wait after so many failures: three times as long each time, half of it random.
pub(super) fn wait_ms(failures: u32, random: u64) -> u64 {
    let steps = failures.saturating_sub(1).min(16);
    let wait = WAIT_MIN_MS.saturating_mul(3_u64.saturating_pow(steps)).min(WAIT_MAX_MS);
    wait / 2 + random % (wait / 2 + 1)
}

/// A parcel by name: its hook, its lane, its cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) hook: u64,
    pub(super) lane: u64,
    pub(super) cursor: u64,
}

#[derive(Debug, Default)]
struct Own {
    /// Cursors by lane; the first of a lane is due, or under way.
    lanes: HashMap<u64, VecDeque<u64>>,
    /// The first of each lane that is not under way: due, cursor, lane.
    due: BTreeSet<(u64, u64, u64)>,
    count: usize,
    under_way: usize,
    failures: u32,
    rests_until_ms: u64,
    paused: bool,
}

/// All lanes of all hooks.
#[derive(Debug, Default)]
pub(super) struct Queue {
    hooks: BTreeMap<u64, Own>,
    /// The hook served last: the next one is served next.
    last: u64,
}

impl Queue {
    /// Adds a parcel behind those of its lane; what is there already stays as it is.
    pub(super) fn push(&mut self, ticket: Ticket, due_ms: u64) {
        let own = self.hooks.entry(ticket.hook).or_default();
        let lane = own.lanes.entry(ticket.lane).or_default();
        if lane.back().is_some_and(|last| *last >= ticket.cursor) {
            return;
        }
        if lane.is_empty() {
            own.due.insert((due_ms, ticket.cursor, ticket.lane));
        }
        lane.push_back(ticket.cursor);
        own.count += 1;
    }

    /// The next parcel that is due; it is under way until it is `done`.
    pub(super) fn take(&mut self, now_ms: u64) -> Option<Ticket> {
        let mut order: Vec<u64> = self.hooks.range(self.last + 1..).map(|(id, _)| *id).collect();
        order.extend(self.hooks.range(..=self.last).map(|(id, _)| *id));
        for hook in order {
            let Some(own) = self.hooks.get_mut(&hook) else { continue };
            let at_once = if own.failures == 0 { AT_ONCE } else { 1 };
            if own.paused || own.under_way >= at_once || own.rests_until_ms > now_ms {
                continue;
            }
            let Some(first) = own.due.first().copied().filter(|(due, ..)| *due <= now_ms) else {
                continue;
            };
            own.due.remove(&first);
            own.under_way += 1;
            self.last = hook;
            let (_, cursor, lane) = first;
            return Some(Ticket { hook, lane, cursor });
        }
        None
    }

    /// A parcel has been tried: it is delivered or given up (`again_ms` is none), or due again.
    pub(super) fn done(&mut self, ticket: Ticket, again_ms: Option<u64>) {
        let Some(own) = self.hooks.get_mut(&ticket.hook) else { return };
        own.under_way = own.under_way.saturating_sub(1);
        if let Some(due) = again_ms {
            own.due.insert((due, ticket.cursor, ticket.lane));
            return;
        }
        let Some(lane) = own.lanes.get_mut(&ticket.lane) else { return };
        lane.pop_front();
        own.count = own.count.saturating_sub(1);
        match lane.front() {
            Some(next) => drop(own.due.insert((0, *next, ticket.lane))),
            None => drop(own.lanes.remove(&ticket.lane)),
        }
    }

    /// Notes whether a hook answers.
    pub(super) fn answered(&mut self, hook: u64, well: bool, now_ms: u64) {
        let own = self.hooks.entry(hook).or_default();
        own.failures = if well { 0 } else { own.failures.saturating_add(1) };
        let rest = 100_u64.saturating_mul(1 << own.failures.min(20)).min(REST_MAX_MS);
        own.rests_until_ms = if well { 0 } else { now_ms.saturating_add(rest) };
    }

    /// Stops or goes on with a hook.
    pub(super) fn pause(&mut self, hook: u64, paused: bool) {
        let own = self.hooks.entry(hook).or_default();
        own.paused = paused;
        if !paused {
            (own.failures, own.rests_until_ms) = (0, 0);
        }
    }

    /// Makes all that waits for a hook due now.
    pub(super) fn hurry(&mut self, hook: u64) {
        let Some(own) = self.hooks.get_mut(&hook) else { return };
        own.due = own.due.iter().map(|(_, cursor, lane)| (0, *cursor, *lane)).collect();
    }

    /// Forgets a hook.
    pub(super) fn remove(&mut self, hook: u64) {
        self.hooks.remove(&hook);
    }

    /// How many parcels a hook has.
    pub(super) fn count(&self, hook: u64) -> usize {
        self.hooks.get(&hook).map_or(0, |own| own.count)
    }

    /// Whether anything waits anywhere.
    pub(super) fn is_empty(&self) -> bool {
        self.hooks.values().all(|own| own.paused || own.count == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ticket(hook: u64, lane: u64, cursor: u64) -> Ticket {
        Ticket { hook, lane, cursor }
    }

    #[test]
    fn a_lane_keeps_its_order_and_holds_up_no_other() {
        let mut queue = Queue::default();
        for (lane, cursor) in [(7, 1), (8, 2), (7, 3)] {
            queue.push(ticket(1, lane, cursor), 0);
        }
        queue.push(ticket(1, 7, 3), 0);
        assert_eq!(queue.count(1), 3);
        let first = queue.take(0).unwrap();
        assert_eq!(first, ticket(1, 7, 1));
        assert_eq!(queue.take(0), Some(ticket(1, 8, 2)));
        // The third waits for the first.
        assert_eq!(queue.take(0), None);
        queue.done(first, Some(10));
        assert_eq!(queue.take(9), None);
        assert_eq!(queue.take(10), Some(first));
        queue.done(first, None);
        assert_eq!(queue.take(10), Some(ticket(1, 7, 3)));
        queue.done(ticket(1, 7, 3), None);
        queue.done(ticket(1, 8, 2), None);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_hook_that_fails_is_tried_alone_and_rests() {
        let mut queue = Queue::default();
        for cursor in 1..10 {
            queue.push(ticket(1, cursor, cursor), 0);
            queue.push(ticket(2, cursor, cursor), 0);
        }
        let first = queue.take(0).unwrap();
        assert_eq!(queue.take(0).unwrap().hook, 2, "hooks take turns");
        queue.answered(1, false, 0);
        queue.done(first, Some(5_000));
        let others = std::iter::from_fn(|| queue.take(0)).filter(|other| other.hook == 1);
        assert_eq!(others.count(), 0);
        let alone = std::iter::from_fn(|| queue.take(200)).filter(|other| other.hook == 1);
        assert_eq!(alone.count(), 1);
        queue.pause(1, true);
        assert_eq!(queue.take(1_000_000), None);
        queue.remove(1);
        assert_eq!(queue.count(1), 0);
    }

    #[test]
    fn waits_grow_and_differ() {
        let longest: Vec<u64> = (1..=9).map(|failures| wait_ms(failures, u64::MAX)).collect();
        assert!(longest.is_sorted(), "{longest:?}");
        assert!((2_500..=5_000).contains(&wait_ms(1, 7)));
        assert!(wait_ms(1, 1) != wait_ms(1, 2));
        assert!((2 * 3_600_000..=4 * 3_600_000).contains(&wait_ms(40, 3)));
    }
}
