//! Is there an order? A search for one moment per call, between question and answer.
//!
//! Depth first over the calls that may come next, never twice from the same set of calls and
//! state: Wing and Gong 1993, with the memory and the linked list of Lowe 2017. A call that
//! changes nothing and can be explained is taken at once, as no later order needs it later.

use std::collections::HashSet;

use crate::testing::history::puzzle::{Move, Puzzle};
use crate::testing::history::spec::{Change, State, print};

/// Where every order ends.
#[derive(Clone, Debug)]
pub(super) struct Stuck {
    /// Calls of the group, by their numbers in the puzzle.
    pub(super) group: Vec<usize>,
    /// The longest order found.
    pub(super) order: Vec<usize>,
    /// The call whose answer then has no explanation.
    pub(super) at: usize,
    pub(super) state: State,
}

/// A call in its place, and what else could have been there.
struct Frame {
    call: usize,
    rest: Vec<Change>,
    undo: Change,
    never: bool,
}

/// Calls and returns in order of time, as a linked list; entry `2n` is the call of move `n` of the
/// group, `2n + 1` its return.
struct Line {
    next: Vec<usize>,
    before: Vec<usize>,
}

struct Search<'p, 'h> {
    puzzle: &'p Puzzle<'h>,
    group: &'p [usize],
    line: Line,
    state: State,
    /// Stands for the calls in place.
    placed: u128,
    seen: HashSet<u128>,
    frames: Vec<Frame>,
    best: Option<Stuck>,
}

/// Looks for an order of a group's calls.
pub(super) fn order(puzzle: &Puzzle<'_>, group: &[usize]) -> Result<(), Stuck> {
    let mut search = Search {
        puzzle,
        group,
        line: Line::new(puzzle, group),
        state: puzzle.start(),
        placed: 0,
        seen: HashSet::new(),
        frames: Vec::new(),
        best: None,
    };
    let mut at = search.line.first();
    while at != search.line.end() {
        let call = at / 2;
        let may_be_never = search.get(call).is_none_or(|of| of.optional);
        at = if at.is_multiple_of(2) {
            if search.place(call) { search.line.first() } else { search.line.after(at) }
        } else if may_be_never {
            search.push(Frame { call, rest: Vec::new(), undo: Change::default(), never: true });
            search.line.first()
        } else {
            search.remember(call);
            match search.back() {
                Some(entry) => search.line.after(entry),
                None => return search.best.map_or(Ok(()), Err),
            }
        };
    }
    Ok(())
}

impl Search<'_, '_> {
    fn get(&self, call: usize) -> Option<&Move<'_>> {
        self.puzzle.moves.get(*self.group.get(call)?)
    }

    /// Puts a call next, if the rules explain its answer there and that is new.
    fn place(&mut self, call: usize) -> bool {
        let Some(of) = self.get(call) else { return false };
        let mut changes = self.puzzle.explain(&self.state, of);
        if changes.iter().any(Change::is_empty) {
            changes = vec![Change::default()];
        }
        self.take_one(call, changes)
    }

    fn take_one(&mut self, call: usize, mut changes: Vec<Change>) -> bool {
        while let Some(change) = changes.pop() {
            let undo = self.state.apply(&change);
            if self.seen.insert(self.placed ^ print(call) ^ self.state.print) {
                self.push(Frame { call, rest: changes, undo, never: false });
                return true;
            }
            self.state.apply(&undo);
        }
        false
    }

    fn push(&mut self, frame: Frame) {
        self.placed ^= print(frame.call);
        self.line.lift(frame.call);
        self.frames.push(frame);
    }

    /// Takes calls back until one can be something else; answers with the entry to go on after.
    fn back(&mut self) -> Option<usize> {
        loop {
            let Frame { call, rest, undo, never } = self.frames.pop()?;
            self.line.put_back(call);
            self.placed ^= print(call);
            let quiet = undo.is_empty();
            self.state.apply(&undo);
            if never || (quiet && self.get(call).is_some_and(|of| !of.optional)) {
                continue;
            }
            if self.take_one(call, rest) {
                // In place again, though otherwise: on from the beginning.
                return Some(self.line.end());
            }
            return Some(call * 2);
        }
    }

    fn remember(&mut self, at: usize) {
        let deeper = self.best.as_ref().is_none_or(|best| best.order.len() < self.frames.len());
        if !deeper {
            return;
        }
        let number = |call: usize| self.group.get(call).copied().unwrap_or(0);
        let placed = self.frames.iter().filter(|frame| !frame.never);
        self.best = Some(Stuck {
            group: self.group.to_vec(),
            order: placed.map(|frame| number(frame.call)).collect(),
            at: number(at),
            state: self.state.clone(),
        });
    }
}

impl Line {
    fn new(puzzle: &Puzzle<'_>, group: &[usize]) -> Self {
        let end = group.len() * 2;
        let mut entries: Vec<(u64, usize)> = Vec::with_capacity(end);
        for (call, number) in group.iter().enumerate() {
            let Some(of) = puzzle.moves.get(*number) else { continue };
            entries.extend([(of.call, call * 2), (of.by, call * 2 + 1)]);
        }
        // At one moment calls come before returns: they overlap.
        entries.sort_by_key(|(moment, entry)| (*moment, entry % 2, *entry));
        let mut line = Self { next: vec![end; end + 1], before: vec![end; end + 1] };
        let mut last = end;
        for (_, entry) in entries {
            line.join(last, entry);
            last = entry;
        }
        line.join(last, end);
        line
    }

    fn end(&self) -> usize {
        self.next.len() - 1
    }

    fn first(&self) -> usize {
        self.after(self.end())
    }

    fn after(&self, entry: usize) -> usize {
        self.next.get(entry).copied().unwrap_or(entry)
    }

    fn join(&mut self, one: usize, other: usize) {
        if let Some(next) = self.next.get_mut(one) {
            *next = other;
        }
        if let Some(before) = self.before.get_mut(other) {
            *before = one;
        }
    }

    fn lift(&mut self, call: usize) {
        for entry in [call * 2, call * 2 + 1] {
            if let (Some(before), Some(next)) = (self.before.get(entry), self.next.get(entry)) {
                self.join(*before, *next);
            }
        }
    }

    fn put_back(&mut self, call: usize) {
        for entry in [call * 2 + 1, call * 2] {
            if let (Some(before), Some(next)) = (self.before.get(entry), self.next.get(entry)) {
                let (before, next) = (*before, *next);
                self.join(before, entry);
                self.join(entry, next);
            }
        }
    }
}
