//! How is a conversation kept going? Dialogue, desk and clock of one call, whatever carries it.
//!
//! A slow desk never leaves silence: after a moment something is said, and in the end an operator
//! takes over. Whatever ends the call, what was held for it is given back.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::desk::{Language, Telephone};
use crate::{ClaimId, Clock};

use super::clip::{Clip, Step, Then};
use super::dialogue::{Dialogue, Event, Outcome, State, Turn};
use super::listing::Listing;
use super::measure::Measures;
use super::port::{Answer, Desk, Request};
use super::words::Phrase;

/// How long the desk may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Before something is said.
    pub silent: Duration,
    /// After each "one moment".
    pub moment: Duration,
    /// How often "one moment" is said before an operator takes over.
    pub moments: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { silent: Duration::from_secs(1), moment: Duration::from_millis(2_500), moments: 2 }
    }
}

/// A hold is made longer at most so often.
const RENEW_EVERY: Duration = Duration::from_secs(20);
/// From the first hold on, a place is kept by one call for so long.
const HELD_MAX: Duration = Duration::from_mins(8);
/// How long the end of a call waits for what the desk is at, before it gives back the hold.
const LAST_ANSWER: Duration = Duration::from_millis(500);

/// One call.
pub struct Call {
    dialogue: Dialogue,
    desk: Arc<dyn Desk>,
    clock: Arc<dyn Clock>,
    measures: Arc<Measures>,
    patience: Patience,
    pending: Option<Pending>,
    renewed: Option<chrono::DateTime<chrono::Utc>>,
    left: State,
    ended: bool,
}

/// A request that the desk is at.
struct Pending {
    answer: oneshot::Receiver<Answer>,
    moments: u32,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("dialogue", &self.dialogue).finish_non_exhaustive()
    }
}

impl Call {
    /// A call that begins.
    pub fn new(
        listing: Arc<Listing>,
        language: Language,
        desk: Arc<dyn Desk>,
        clock: Arc<dyn Clock>,
        measures: Arc<Measures>,
    ) -> Self {
        measures.began();
        Self {
            dialogue: Dialogue::new(listing, language),
            desk,
            clock,
            measures,
            patience: Patience::default(),
            pending: None,
            renewed: None,
            left: State::Menu,
            ended: false,
        }
    }

    /// With other limits for the desk.
    #[must_use]
    pub fn patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// The first step.
    pub async fn start(&mut self, from: Option<Telephone>) -> Step {
        self.step(Event::Start(from)).await
    }

    /// The next step after keys, silence, or a moment. Can be dropped at any point: then
    /// [`Call::end`] is next.
    pub async fn step(&mut self, event: Event) -> Step {
        let mut event = event;
        loop {
            if self.pending.is_some() {
                match self.wait().await {
                    Some(answer) => event = answer,
                    None => return self.moment(),
                }
            }
            let before = (self.dialogue.outcome(), self.dialogue.held_since());
            let language = self.dialogue.language();
            let turn = self.dialogue.step(event, self.clock.now());
            self.note(before);
            if self.dialogue.language() != language {
                tokio::spawn(self.desk.ask(Request::Speak(self.dialogue.language())));
            }
            match turn {
                Turn::Say(step) => {
                    self.renew();
                    if matches!(step.then, Then::Bye | Then::Operator(_)) {
                        self.end();
                    } else {
                        self.left = self.dialogue.state();
                    }
                    return step;
                }
                Turn::Ask(request) => {
                    self.begin(request);
                    event = Event::Waited;
                }
            }
        }
    }

    /// Has the desk begin.
    fn begin(&mut self, request: Request) {
        let (desk, fresh) = (Arc::clone(&self.desk), is_fresh(&request));
        let (tell, answer) = oneshot::channel();
        self.pending = Some(Pending { answer, moments: 0 });
        tokio::spawn(async move {
            // Nobody waits for it any more: a place that came too late goes back at once.
            if let Err(Answer::Held(late)) = tell.send(desk.ask(request).await)
                && fresh
            {
                desk.ask(Request::Release(late.claim)).await;
            }
        });
    }

    /// The desk's answer, or that it is late; `None` if a moment is to be asked for first.
    async fn wait(&mut self) -> Option<Event> {
        let pending = self.pending.as_mut()?;
        let time = if pending.moments == 0 { self.patience.silent } else { self.patience.moment };
        let answer = tokio::time::timeout(time, &mut pending.answer).await;
        let event = match answer {
            Ok(answer) => Event::Answer(answer.unwrap_or(Answer::Down)),
            Err(_) if pending.moments < self.patience.moments => {
                pending.moments += 1;
                return None;
            }
            Err(_) => {
                pending.answer.close();
                self.measures.slow();
                pending.answer.try_recv().map_or(Event::Late, Event::Answer)
            }
        };
        self.pending = None;
        Some(event)
    }

    fn moment(&self) -> Step {
        Step {
            language: self.dialogue.language(),
            say: vec![Clip::Phrase(Phrase::Moment)],
            keep: 1,
            then: Then::Wait,
        }
    }

    /// Keeps the place a little longer, while somebody decides.
    fn renew(&mut self) {
        let (Some(held), Some(since)) = (self.dialogue.held(), self.dialogue.held_since()) else {
            self.renewed = None;
            return;
        };
        let now = self.clock.now();
        let passed = |from: chrono::DateTime<chrono::Utc>| {
            now.signed_duration_since(from).to_std().unwrap_or_default()
        };
        let recent = passed(self.renewed.unwrap_or(since)) < RENEW_EVERY;
        if recent || passed(since) > HELD_MAX {
            return;
        }
        self.renewed = Some(now);
        let renewing = self.desk.ask(Request::Renew(held.claim));
        tokio::spawn(renewing);
    }

    /// Counts what was decided just now.
    fn note(&self, before: (Outcome, Option<chrono::DateTime<chrono::Utc>>)) {
        let (outcome, since) = before;
        let now = self.dialogue.outcome();
        if matches!(now, Outcome::Booked | Outcome::Changed)
            && let Some(since) = since
            && (outcome != now || self.dialogue.held_since().is_none())
            && self.dialogue.held().is_none()
        {
            let after = self.clock.now().signed_duration_since(since);
            self.measures.decided(after.to_std().unwrap_or_default());
        }
    }

    /// The caller is gone, or was told goodbye: what is held goes back. Again does nothing.
    pub fn end(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.measures.ended(self.dialogue.outcome(), self.left);
        let held: Option<ClaimId> = self.dialogue.held().map(|held| held.claim);
        let pending = self.pending.take();
        if held.is_none() && pending.is_none() {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let desk = Arc::clone(&self.desk);
        runtime.spawn(async move {
            // A last key that was pressed counts, if it is carried out in time.
            if let Some(pending) = pending
                && let Ok(Ok(Answer::Held(place))) =
                    tokio::time::timeout(LAST_ANSWER, pending.answer).await
                && held != Some(place.claim)
            {
                desk.ask(Request::Release(place.claim)).await;
            }
            if let Some(held) = held {
                desk.ask(Request::Release(held)).await;
            }
        });
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether the request makes a hold that nobody knew before.
fn is_fresh(request: &Request) -> bool {
    matches!(request, Request::Offer(wish) if wish.held.is_none())
}
