//! How does a step become sounds and keys? A call over one channel, from answer to hang-up.
//!
//! A key is lost while no command runs, so nothing here waits for the desk without listening for a
//! hang-up, and every sound that may be cut takes every key.

use std::time::Duration;

use crate::phone::call::Call;
use crate::phone::clip::{Clip, Keys, Step, Then};
use crate::phone::dialogue::Event;
use crate::phone::exchange::Exchange;
use crate::phone::words::sound;

use super::channel::{Channel, Gone};
use super::prelude::Prelude;

/// All keys: one that is left out would be swallowed by the sound it falls into.
const ALL_KEYS: &str = "0123456789*#";
/// The state of a channel that is up (`AST_STATE_UP`).
const UP: i32 = 6;
/// Where the dialplan finds what to do next, and the token for the operator.
const NEXT: &str = "CUPO_NEXT";
const CONTEXT: &str = "CUPO_CONTEXT";

/// One call, from its beginning to its end.
pub(super) async fn call(
    channel: &mut Channel,
    prelude: &Prelude,
    exchange: &Exchange,
) -> Result<(), Gone> {
    let name = prelude.call().ok_or(Gone::Broken("a call without a name"))?;
    let from = prelude.from();
    let mut call = exchange.call(name, from.as_ref(), prelude.language());
    let limit = channel.limits.call;
    let speaking = async {
        quick(channel, "ANSWER").await?;
        let mut step = thought(channel, &mut call, Event::Start(from)).await?;
        loop {
            let pressed = say(channel, exchange, &step).await?;
            let event = match step.then {
                Then::Ask(keys) => collect(channel, pressed, keys).await?,
                Then::Wait => Event::Waited,
                Then::Operator(token) => return operator(channel, token.as_deref()).await,
                Then::Bye => {
                    quick(channel, &format!("SET VARIABLE {NEXT} done")).await?;
                    // Then the connection is closed: while it is open the caller hears nothing.
                    return quick(channel, "HANGUP").await;
                }
            };
            step = thought(channel, &mut call, event).await?;
        }
    };
    let spoken = tokio::time::timeout(limit, speaking).await;
    let ended = spoken.unwrap_or(Err(Gone::Broken("a call without end")));
    call.end();
    ended
}

/// The next step; a hang-up is noticed while it is thought of.
async fn thought(channel: &mut Channel, call: &mut Call, event: Event) -> Result<Step, Gone> {
    tokio::select! {
        biased;
        step = call.step(event) => Ok(step),
        gone = channel.hung_up() => Err(gone),
    }
}

/// The dialplan goes on from here.
async fn operator(channel: &mut Channel, token: Option<&str>) -> Result<(), Gone> {
    if let Some(token) = token {
        // The underscores have the channel that is dialled inherit it.
        quick(channel, &format!("SET VARIABLE __{CONTEXT} {token}")).await?;
    }
    quick(channel, &format!("SET VARIABLE {NEXT} operator")).await
}

/// A command that takes no time.
async fn quick(channel: &mut Channel, line: &str) -> Result<(), Gone> {
    channel.command(line, Duration::ZERO).await?;
    if channel.is_hung_up() { Err(Gone::HungUp) } else { Ok(()) }
}

/// Says it all; the key that cut it short.
async fn say(
    channel: &mut Channel,
    exchange: &Exchange,
    step: &Step,
) -> Result<Option<char>, Gone> {
    let folder = format!("{}/{}", exchange.settings.sounds, step.language.tag());
    for (at, clip) in step.say.iter().enumerate() {
        let keys = if at < step.keep { "" } else { ALL_KEYS };
        if let Some(key) = play(channel, &folder, clip, keys).await? {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

async fn play(
    channel: &mut Channel,
    folder: &str,
    clip: &Clip,
    keys: &str,
) -> Result<Option<char>, Gone> {
    let line = format!("STREAM FILE \"{folder}/{}\" \"{keys}\"", sound(clip));
    let reply = channel.command(&line, channel.limits.sound).await?;
    match (reply.status, reply.number()) {
        (200, Some(0)) => hung(channel).map(|()| None),
        (200, Some(-1)) => still_up(channel).await.map(|()| None),
        (200, Some(key)) => Ok(key_of(key)),
        _ => Ok(None),
    }
}

/// A missing sound answers as a hang-up does: only the channel's state tells them apart.
async fn still_up(channel: &mut Channel) -> Result<(), Gone> {
    hung(channel)?;
    let reply = channel.command("CHANNEL STATUS", Duration::ZERO).await?;
    hung(channel)?;
    if reply.number() == Some(UP) { Ok(()) } else { Err(Gone::HungUp) }
}

fn hung(channel: &Channel) -> Result<(), Gone> {
    if channel.is_hung_up() { Err(Gone::HungUp) } else { Ok(()) }
}

/// Waits for keys one by one, the first one longer. `*` begins again, `#` ends.
async fn collect(channel: &mut Channel, first: Option<char>, keys: Keys) -> Result<Event, Gone> {
    let mut typed = String::new();
    let mut next = first;
    let mut wait = keys.first;
    loop {
        let key = match next.take() {
            Some(key) => Some(key),
            None => digit(channel, wait).await?,
        };
        wait = keys.next;
        match key {
            None if typed.is_empty() => return Ok(Event::Silence),
            None | Some('#') => return Ok(Event::Keys(typed)),
            Some('*') if keys.most > 1 => typed.clear(),
            Some(key) => typed.push(key),
        }
        if key == Some('*') && typed.is_empty() {
            // All was taken back; the question is asked again.
            return Ok(Event::Keys("*".to_owned()));
        }
        if typed.len() >= keys.most {
            return Ok(Event::Keys(typed));
        }
    }
}

async fn digit(channel: &mut Channel, wait: Duration) -> Result<Option<char>, Gone> {
    let line = format!("WAIT FOR DIGIT {}", wait.as_millis());
    let reply = channel.command(&line, wait).await?;
    hung(channel)?;
    match reply.number() {
        Some(-1) => Err(Gone::HungUp),
        Some(key) => Ok(key_of(key)),
        None => Ok(None),
    }
}

/// The key of a result: its letter's number.
fn key_of(number: i32) -> Option<char> {
    let key = u8::try_from(number).ok().map(char::from)?;
    ALL_KEYS.contains(key).then_some(key)
}

/// The end of a call that was handed over, told by the dialplan: if no operator took it, what was
/// held goes back at once.
pub(super) async fn ended(channel: &mut Channel, exchange: &Exchange) {
    let line = format!("GET VARIABLE {CONTEXT}");
    let Ok(reply) = channel.command(&line, Duration::ZERO).await else { return };
    let token = reply.note.trim_matches(['(', ')']);
    if let Some(hand_off) = exchange.hand_offs.get(token) {
        exchange.give_back(&hand_off).await;
    }
}

/// What the PBX tells of its queue: `queued?wait=SECONDS&answered=1`.
pub(super) fn queued(prelude: &Prelude, exchange: &Exchange) {
    let wait = prelude.query("wait").and_then(|wait| wait.parse().ok());
    if let Some(wait) = wait.filter(|wait| *wait <= 86_400) {
        let answered = prelude.query("answered") == Some("1");
        exchange.measures.queued(Duration::from_secs(wait), answered);
    }
}
