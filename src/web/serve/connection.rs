//! What happens on one connection? Requests are read, handed to the guards, and answered.
//!
//! Never waits for a slow other side longer than the watchman allows.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Request;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::web::guard::Gate;

use super::watch::{Line, Order};

/// Bytes of a request's head at most.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Lines of a request's head at most.
const HEAD_LINES_MAX: usize = 64;

/// Serves a connection until either side has had enough. Answers are not gathered for pipelined
/// requests: who asks without end and takes nothing would have them gathered without end.
pub(super) async fn serve(stream: TcpStream, peer: SocketAddr, gate: Gate, line: Arc<Line>) {
    let service = service_fn(|request: Request<Incoming>| {
        line.begin();
        let answered = Answered(Arc::clone(&line));
        let gate = &gate;
        async move {
            let response = gate.answer(request, Some(peer)).await;
            Ok::<_, Infallible>(response.map(|body| Answer { body, _answered: answered }))
        }
    });
    let io = TokioIo::new(Watched { stream, line: Arc::clone(&line) });
    // Otherwise every request that waits for the disk is met by a read that finds nothing, into a
    // buffer of its own. That the other side is gone is seen when it is written to.
    let connection = http1::Builder::new()
        .half_close(true)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEAD_LINES_MAX)
        .serve_connection(io, service);
    let mut connection = pin!(connection);
    // How it ends is the other side's affair: what mattered to them was answered or was not.
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        order = line.told() => {
            if order == Order::End || !line.is_busy() {
                return;
            }
        }
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        biased;
        _ = connection => {}
        () = line.ended() => {}
    }
}

/// Tells the line that a request is over, however that came.
struct Answered(Arc<Line>);

impl Drop for Answered {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The body of an answer; the request is over when it is.
struct Answer {
    body: Body,
    _answered: Answered,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that tells its line what passes.
struct Watched {
    stream: TcpStream,
    line: Arc<Line>,
}

impl Watched {
    fn wrote<T>(&self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.line.flows(written.is_ready());
        written
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.line.came();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
