//! Is it on disk yet? An answer locked away until it is.
//!
//! Never gives out an answer that a crash could undo, except by the name `dirty`.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::error::Error;
use crate::id::Seq;
use crate::journal::Journal;

/// The answer to a call, locked away until what it rests on is durable.
///
/// [`Commit::wait`] blocks; awaiting works under any executor. The change has happened either
/// way: a dropped commit still becomes durable. Keep many in flight to make good use of group
/// commit: each sync covers all that came before it.
///
/// It borrows the engine, as a reference count would be one more contended cache line per
/// operation.
#[derive(Debug)]
pub struct Commit<'a, T> {
    journal: &'a Journal,
    seq: Seq,
    answer: Option<Result<T, Error>>,
}

// The answer is never pinned.
impl<T> Unpin for Commit<'_, T> {}

impl<'a, T> Commit<'a, T> {
    pub(crate) fn new(journal: &'a Journal, seq: Seq, answer: Result<T, Error>) -> Self {
        Self { journal, seq, answer: Some(answer) }
    }

    /// Blocks until the answer is durable.
    ///
    /// # Errors
    /// The refusal or error of the call itself; [`Error::Indeterminate`] if a write or sync failed
    /// before the answer was durable.
    pub fn wait(mut self) -> Result<T, Error> {
        self.journal.wait(self.seq)?;
        self.answer.take().unwrap_or(Err(Error::Closed))
    }

    /// The answer before it is durable: a crash may still undo it.
    ///
    /// # Errors
    /// The refusal or error of the call itself.
    pub fn dirty(&self) -> Result<&T, &Error> {
        match &self.answer {
            Some(answer) => answer.as_ref(),
            None => Err(&Error::Closed),
        }
    }

    /// The record that the answer rests on; 0 if on none.
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// Whether [`Commit::wait`] would return at once.
    pub fn is_durable(&self) -> bool {
        self.journal.durable() >= self.seq
    }
}

impl<T> Future for Commit<'_, T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.journal.poll(self.seq, cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => Poll::Ready(self.answer.take().unwrap_or(Err(Error::Closed))),
        }
    }
}
