//! Which logs does an engine open on? Records and snapshots with right checksums and any content.

use std::sync::Mutex;
use std::time::Duration;

use cupo::{ActorId, Ask, ClaimId, Engine, Openings, PartyId, RequestId, Seq, ServiceId};

use super::kept::{Kept, Line, engine, lines, sealed, sound};

/// The first byte chooses: a sound history with changes in it, or records of 64 bytes, after that
/// history or alone. Opening refuses what could not have happened, or everything adds
/// up and life goes on. Says whether it opened.
pub fn frames(bytes: &[u8]) -> bool {
    let Some((mode, rest)) = bytes.split_first() else { return false };
    let all: Vec<Line> = match mode & 9 {
        0 => sound().lines.iter().copied().chain(lines(rest)).collect(),
        8 => edited(&sound().lines, rest),
        _ => lines(rest),
    };
    let kept = Kept::of(sealed(&all));
    let Ok(engine) = engine(kept.clone()).open() else { return false };
    let audit = engine.audit();
    assert!(audit.is_clean(), "{audit:?}");
    if mode & 6 == 6 {
        live(&engine);
        let audit = engine.audit();
        assert!(audit.is_clean(), "after changes: {audit:?}");
        let hash = engine.state_hash();
        drop(engine);
        let again = super::kept::engine(kept).open().expect("its own log");
        assert_eq!(again.state_hash(), hash, "its own log leads elsewhere");
    }
    true
}

/// A history with one line moved, copied or dropped, and words changed.
fn edited(sound: &[Line], rest: &[u8]) -> Vec<Line> {
    let mut all = sound.to_vec();
    let Some(([from, to, how], changes)) = rest.split_first_chunk::<3>() else { return all };
    let (from, to) = (usize::from(*from) % all.len(), usize::from(*to) % all.len());
    match how & 3 {
        0 => {}
        1 => all.insert(to, sound[from]),
        2 => drop(all.remove(from)),
        _ => {
            let line = all.remove(from);
            all.insert(to.min(all.len()), line);
        }
    }
    let bytes: Vec<u8> = all.into_iter().flatten().flat_map(u64::to_le_bytes).collect();
    lines(&changed(&bytes, changes))
}

/// Every operation once: no answer is wrong, but each must come.
fn live(engine: &Engine) {
    let request = RequestId(77);
    let days = engine.days();
    let mut claims: Vec<ClaimId> = Vec::new();
    for party in (1..9).map(PartyId) {
        let found = engine.claims_of(party).wait().unwrap_or_default();
        claims.extend(found.iter().map(|claim| claim.id));
    }
    for day in days.iter().take(4) {
        let _ = engine.day(*day);
        for index in [0, 9, 10, 2_000] {
            let ask = Ask::new(PartyId(99), RequestId(index.into()), ServiceId(0), day.slot(index));
            let _ = engine.hold(&ask).wait();
        }
    }
    for (claim, day) in claims.iter().take(12).zip(days.iter().cycle()) {
        let _ = engine.claim(*claim).wait();
        let _ = engine.extend(*claim, Duration::from_mins(1)).wait();
        let _ = engine.reschedule_by_staff(*claim, day.slot(10), request).wait();
        let _ = engine.confirm(*claim).wait();
        let _ = engine.check_in(*claim).wait();
        let _ = engine.cancel_by_staff(*claim, ActorId(1)).wait();
        let _ = engine.cancel(*claim).wait();
    }
    for day in days.iter().take(4) {
        let _ = engine.close_day(*day, "");
        let _ = engine.reopen_day(*day);
        let _ = engine.set_capacity(*day, 9..12, 2);
    }
    let _ = engine.openings(&Openings::new(ServiceId(0)));
    engine.tick();
    let _ = engine.snapshot();
}

fn read(engine: &Engine, from: Seq) -> Vec<cupo::Event> {
    let mut feed = engine.feed(from);
    let mut events = Vec::new();
    while let Ok(batch) = feed.next_batch(Duration::ZERO) {
        if batch.is_empty() {
            break;
        }
        events.extend(batch);
    }
    events
}

/// Records as the feed tells them, without asking whether they could have happened. Says whether
/// any was one.
pub fn records(bytes: &[u8]) -> bool {
    static ENGINE: Mutex<Option<(Kept, Engine)>> = Mutex::new(None);
    const LINES: usize = 64;
    let mut kept = ENGINE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (store, engine) = kept.get_or_insert_with(|| {
        let mut filled = vec![[0x1_0017, 0, 0, 0, 0, 0, 0, 0]; LINES];
        filled[0] = [25, 1, 1, 2, 0, 0, 0, 0];
        let store = Kept::of(sealed(&filled));
        (store.clone(), engine(store).open().expect("a sound log"))
    });
    let mut all = lines(&bytes[..bytes.len().min(LINES * 64)]);
    for line in &mut all {
        line[7] &= !1;
    }
    let frames = sealed(&all);
    store.put_frames(if frames.is_empty() { vec![Vec::new()] } else { frames });
    let events = read(engine, Seq(1));
    assert!(events.is_sorted_by(|a, b| a.seq < b.seq), "numbers go up");
    assert!(events.len() <= all.len(), "more effects than lines");
    for event in &events {
        if let cupo::Effect::Text { bytes, .. } = &event.effect {
            assert!(bytes.len() <= 32, "more bytes than a line has");
        }
    }
    !events.is_empty()
}

/// The first byte chooses: all the words of a snapshot, or changes of single words of a sound
/// one, each a place and what to put there. Opening refuses, or every operation gets an answer.
/// Counts that do not add up are found by `audit` and `verify`. Says whether it opened.
pub fn snapshots(bytes: &[u8]) -> bool {
    let Some((mode, rest)) = bytes.split_first() else { return false };
    let sound = sound();
    let snapshot = if mode & 1 == 0 { changed(&sound.snapshot, rest) } else { rest.to_vec() };
    let kept = Kept::snapshot(sound.position, snapshot);
    let Ok(engine) = engine(kept).open() else { return false };
    let _ = engine.audit();
    let _ = engine.state_hash();
    live(&engine);
    true
}

fn changed(sound: &[u8], mut changes: &[u8]) -> Vec<u8> {
    let mut bytes = sound.to_vec();
    let words = bytes.len() / 8;
    while let Some(([low, high, how], rest)) = changes.split_first_chunk::<3>() {
        let at = usize::from(u16::from_le_bytes([*low, *high])) % words * 8;
        let word = &mut bytes[at..at + 8];
        changes = rest;
        // A byte put or flipped, or the whole word.
        match (how >> 6, rest.split_first(), rest.split_first_chunk::<8>()) {
            (0, Some((byte, rest)), _) => (word[usize::from(how & 7)], changes) = (*byte, rest),
            (1, Some((byte, rest)), _) => {
                word[usize::from(how & 7)] ^= byte;
                changes = rest;
            }
            (2, _, Some((all, rest))) => {
                word.copy_from_slice(all);
                changes = rest;
            }
            _ => word.fill(how << 2),
        }
    }
    bytes
}
