//! How does a browser or a program listen? Server-sent events, as the body of one answer.
//!
//! Never a task of its own for each listener, and never a buffer: what is sent is shared by all.
//! A listener that falls behind is told so (`resync`) and sent away; it comes back with the last
//! cursor it saw and is served from the log.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep, sleep};
use tokio_stream::Stream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use tokio_stream::wrappers::{BroadcastStream, WatchStream};

use super::{Batch, Expired, Told, read};
use crate::web::App;

/// A comment goes out when nothing else has for so long, so that proxies keep the connection.
const ALIVE: Duration = Duration::from_secs(20);
/// Events read from the log at a time.
const PAGE: usize = 256;

type Read = Result<(Vec<Told>, u64), Expired>;
type Next = Poll<Option<Result<Frame<Bytes>, Infallible>>>;

/// Whether nothing was sent for a while.
struct Alive(Pin<Box<Sleep>>);

impl Alive {
    fn new() -> Self {
        Self(Box::pin(sleep(ALIVE)))
    }

    fn sent(&mut self) {
        self.0.as_mut().reset(Instant::now() + ALIVE);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        ready!(self.0.as_mut().poll(cx));
        self.sent();
        // Polled again, so that the next end of the wait wakes too.
        let _ = self.0.as_mut().poll(cx);
        Poll::Ready(Bytes::from_static(b":\n\n"))
    }
}

/// All events after a cursor.
pub(crate) struct EventStream {
    app: App,
    cursor: u64,
    /// What to send next.
    text: Bytes,
    state: State,
    alive: Alive,
}

enum State {
    Behind,
    Reading(broadcast::Receiver<Arc<Batch>>, JoinHandle<Read>),
    Live(BroadcastStream<Arc<Batch>>),
    Over,
}

impl EventStream {
    /// From a cursor on, or from now on.
    pub(crate) async fn new(app: &App, after: Option<u64>) -> Result<Self, Expired> {
        let now = app.hub.listen();
        let cursor = after.unwrap_or_else(|| app.engine.durable().0);
        let mut stream = Self {
            app: app.clone(),
            cursor,
            text: format!("retry: 2000\nid: {cursor}\n\n").into(),
            state: State::Behind,
            alive: Alive::new(),
        };
        match (after, now) {
            (_, None) => stream.state = State::Over,
            (None, Some(now)) => stream.state = State::Live(BroadcastStream::new(now)),
            (Some(_), Some(now)) => {
                // The first page is read before the answer begins, so that a cursor that is gone
                // can be refused in order.
                let (told, next) = stream.page().await.unwrap_or(Ok((Vec::new(), cursor)))?;
                stream.take(&told, next, now);
            }
        }
        Ok(stream)
    }

    fn page(&self) -> JoinHandle<Read> {
        let (app, cursor) = (self.app.clone(), self.cursor);
        tokio::task::spawn_blocking(move || read(&app.engine, &app.settings.base(), cursor, PAGE))
    }

    /// Sends a page; with an empty one the reader is up to date, and `now` has all that follows.
    fn take(&mut self, told: &[Told], next: u64, now: broadcast::Receiver<Arc<Batch>>) {
        let more = next > self.cursor;
        if !told.is_empty() {
            let text = [self.text.as_ref(), Batch::new(told).text.as_ref()].concat();
            self.text = text.into();
        }
        self.cursor = next;
        self.state = if more { State::Behind } else { State::Live(BroadcastStream::new(now)) };
    }

    /// Tells the reader to come back with its cursor, or that the cursor is gone.
    fn send_away(&mut self, first: Option<u64>) {
        let after = first.unwrap_or(self.cursor);
        let data = serde_json::json!({ "after": after, "lost": first.is_some() });
        self.text = format!("id: {after}\nevent: resync\ndata: {data}\n\n").into();
        self.state = State::Over;
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.state {
            State::Behind => match self.app.hub.listen() {
                Some(now) => self.state = State::Reading(now, self.page()),
                None => self.state = State::Over,
            },
            State::Reading(_, page) => {
                let page = ready!(Pin::new(page).poll(cx));
                match (page, std::mem::replace(&mut self.state, State::Over)) {
                    (Ok(Ok((told, next))), State::Reading(now, _)) => self.take(&told, next, now),
                    (Ok(Err(Expired::Before(first))), _) => self.send_away(Some(first)),
                    // The engine failed; the reader may come back.
                    _ => {}
                }
            }
            State::Live(live) => match ready!(Pin::new(live).poll_next(cx)) {
                Some(Ok(batch)) => (self.text, self.cursor) = batch.after(self.cursor),
                Some(Err(BroadcastStreamRecvError::Lagged(_))) => self.send_away(None),
                None => self.state = State::Over,
            },
            State::Over => {}
        }
        Poll::Ready(())
    }
}

impl Body for EventStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Next {
        loop {
            if !self.text.is_empty() {
                self.alive.sent();
                let text = std::mem::take(&mut self.text);
                return Poll::Ready(Some(Ok(Frame::data(text))));
            }
            if matches!(self.state, State::Over) {
                return Poll::Ready(None);
            }
            if self.step(cx).is_pending() {
                return self.alive.poll(cx).map(|text| Some(Ok(Frame::data(text))));
            }
        }
    }
}

/// The counts of each second.
pub(crate) struct LiveStream {
    pulse: WatchStream<Bytes>,
    alive: Alive,
}

impl LiveStream {
    /// From now on.
    pub(crate) fn new(app: &App) -> Self {
        Self { pulse: WatchStream::from_changes(app.hub.pulse()), alive: Alive::new() }
    }
}

impl Body for LiveStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Next {
        match Pin::new(&mut self.pulse).poll_next(cx) {
            Poll::Ready(text) => {
                self.alive.sent();
                Poll::Ready(text.map(|text| Ok(Frame::data(text))))
            }
            Poll::Pending => self.alive.poll(cx).map(|text| Some(Ok(Frame::data(text)))),
        }
    }
}
