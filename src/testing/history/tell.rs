//! Why is it impossible? The least bad history, as a person reads it.
//!
//! Never judges: it shows the place where the search went no further.

use std::collections::HashMap;
use std::fmt;

use crate::testing::history::puzzle::Puzzle;
use crate::testing::history::search::Stuck;
use crate::testing::history::spec::{Deed, Record, Reply};
use crate::testing::history::{CounterExample, Event, History};
use crate::{ClaimId, Rejection, SlotId, Time};

/// The widest drawing of spans.
const COLUMNS_MAX: usize = 40;

/// The numbers of the events as they are shown: by call.
fn numbers(history: &History) -> HashMap<u64, usize> {
    let mut calls: Vec<u64> = history.events.iter().map(|event| event.call).collect();
    calls.sort_unstable();
    calls.into_iter().zip(1..).collect()
}

/// One sentence on where the longest order ends.
pub(super) fn why(puzzle: &Puzzle<'_>, stuck: &Stuck) -> String {
    let numbers = numbers(puzzle.history);
    let event = |number: &usize| {
        puzzle.moves.get(*number).and_then(|of| puzzle.history.events.get(of.event))
    };
    let (Some(of), Some(last)) = (puzzle.moves.get(stuck.at), event(&stuck.at)) else {
        return String::new();
    };
    let shown = |event: &Event| format!("#{}", numbers.get(&event.call).copied().unwrap_or(0));
    let order: Vec<String> = stuck.order.iter().filter_map(event).map(shown).collect();
    let after = format!("after {}", order.join(", "));
    let order = if order.is_empty() { "first of all".to_owned() } else { after };
    let possible = puzzle.possible(&stuck.state, &of.deed);
    let mut may: Vec<String> =
        possible.iter().filter_map(|(reply, _)| reply_text(*reply)).collect();
    may.dedup();
    format!(
        "No order explains {}: it says \"{}\", but {order} at {}{} the rules allow only \"{}\".",
        shown(last),
        last.answer,
        clock(stuck.state.now),
        facts(puzzle, stuck, &of.deed),
        may.join("\" or \""),
    )
}

fn clock(now: u64) -> impl fmt::Display {
    Time(now).utc().format("%T%.3f").to_string()
}

fn reply_text(reply: Reply) -> Option<String> {
    Some(match reply {
        Reply::Is { record, replayed, .. } => {
            let before = if replayed { " (done before)" } else { "" };
            format!("{}{before}", standing(&record))
        }
        Reply::No(Rejection::RequestReused { .. }) => "no: the request id was used".into(),
        Reply::No(rejection) => format!("no: {rejection}"),
        Reply::Expired { from, .. } => format!("no: the hold ended at {}", clock(from)),
        Reply::Done => "done".into(),
        Reply::Aside => return None,
    })
}

fn standing(record: &Record) -> String {
    let version = match record.version {
        0 => String::new(),
        version => format!(", version {version}"),
    };
    format!("{} at {}{version}", record.state.name(), record.slot)
}

/// What matters to the call: the claims it names and the slot it wants.
fn facts(puzzle: &Puzzle<'_>, stuck: &Stuck, deed: &Deed) -> String {
    let name = |id: Option<ClaimId>| id.map_or("a claim not seen".into(), |id| id.to_string());
    let claim = |key: usize, id: ClaimId| match stuck.state.get(key) {
        Some(record) => format!("claim {id} is {}", standing(&record)),
        None => format!("claim {id} is not there"),
    };
    let slot = |slot: SlotId| {
        let places = puzzle.capacity(slot);
        let word = if places == 1 { "place" } else { "places" };
        let by: Vec<String> = stuck.state.keepers(slot).map(|(_, r)| name(r.id)).collect();
        let by = if by.is_empty() { "nobody".to_owned() } else { by.join(" and ") };
        format!("slot {slot} has {places} {word}, kept by {by}")
    };
    let facts = match *deed {
        Deed::Grant { key, asked, .. } => match stuck.state.get(key) {
            Some(record) => format!("the request has made claim {}", name(record.id)),
            None => slot(asked.slot),
        },
        Deed::Confirm(who)
        | Deed::Extend(who, _)
        | Deed::Release(who)
        | Deed::Cancel(who)
        | Deed::Read(who) => claim(who.key, who.id),
        Deed::Shift { who, to, .. } => format!("{} and {}", claim(who.key, who.id), slot(to)),
        Deed::Adopt { who, hold, .. } => {
            format!("{} and {}", claim(who.key, who.id), claim(hold.key, hold.id))
        }
        Deed::Advance(_) => return String::new(),
    };
    format!(" {facts}, and")
}

/// When a call was under way, drawn over the ranks of all moments.
fn span(event: &Event, moments: &[u64]) -> String {
    let rank = |moment: u64| moments.partition_point(|other| *other < moment);
    let begin = rank(event.call);
    let end = event.back.map_or(moments.len(), rank);
    let column = |at: usize| match at {
        at if at == begin => '|',
        at if at == end => '|',
        at if at > begin && at < end => '-',
        _ => ' ',
    };
    (0..moments.len()).map(column).collect()
}

impl fmt::Display for CounterExample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let history = &self.history;
        let (few, all) = (history.events.len(), self.operations);
        writeln!(f, "not linearizable: {few} of {all} calls are already impossible")?;
        let mut slots: Vec<(&SlotId, &u16)> = history.slots.iter().collect();
        let text = |event: &Event| format!("{} {} ", event.operation, event.answer);
        let text: String = history.events.iter().map(text).collect();
        slots.retain(|(slot, _)| text.contains(&format!("{slot} ")));
        for (slot, places) in slots {
            writeln!(f, "slot {slot}: {places}")?;
        }
        let ends = history.events.iter().flat_map(|event| [Some(event.call), event.back]);
        let mut moments: Vec<u64> = ends.flatten().collect();
        moments.sort_unstable();
        moments.dedup();
        let numbers = numbers(history);
        let mut events: Vec<&Event> = history.events.iter().collect();
        events.sort_by_key(|event| (event.client, event.call));
        let mut client = None;
        for event in events {
            if client.replace(event.client) != Some(event.client) {
                writeln!(f, "client {}", event.client)?;
            }
            let number = numbers.get(&event.call).copied().unwrap_or(0);
            let Event { call, operation, answer, .. } = event;
            let back = event.back.map_or("never".into(), |back| back.to_string());
            write!(f, "  #{number:<2} {call:>5} to {back:<5} ")?;
            if moments.len() <= COLUMNS_MAX {
                write!(f, "{} ", span(event, &moments))?;
            }
            writeln!(f, "{operation} -> {answer}")?;
        }
        for crash in &history.crashes {
            writeln!(f, "the engine died at {crash}")?;
        }
        f.write_str(&self.why)
    }
}
